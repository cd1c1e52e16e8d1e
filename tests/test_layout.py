"""Where things stand: a test file for each source file, files that can be read, machines that are pure."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "rxstream"
TESTS = ROOT / "tests"

#: Sources without a test file of their name, and why.
UNTESTED = {
    "transports/dialects/contract.py": "what the dialects are tested against",
    "transports/log.py": "what the logs are tested against, by log_laws.py",
    "sources/_local_server.py": "the child process that tests/sources/test_local.py starts",
    **{
        f"sansio/languages/{name}.py": "vocabulary, tested by test_languages.py"
        for name in (
            "cjk",
            "de",
            "en",
            "es",
            "fr",
            "it",
            "nl",
            "pt",
        )
    },
}
#: Test files of something else than one source file, and what that is.
OF_SOMETHING_ELSE = {
    "combine/test_real_models.py": "several real models at once",
    "laws/test_operator_laws.py": "every operator on whole streams",
    "laws/test_registry.py": "the registry of the laws",
    "laws/test_soak.py": "laws/soak.py, for a few seconds",
    "laws/test_stream_laws.py": "every operator",
    "laws/test_text_laws.py": "every machine and operator",
    "resilience/test_survival.py": "the embedded model, killed in the middle of an answer",
    "service/clients/test_ai_package.py": "useChat's core, in Node",
    "service/clients/test_chromium.py": "a browser's own EventSource, fetch and WebSocket",
    "service/clients/test_curl.py": "curl",
    "service/clients/test_event_parsers.py": "parsers of events that nobody here wrote",
    "service/clients/test_openai_node.py": "the openai package for Node",
    "service/clients/test_openai_python.py": "the openai package",
    "service/clients/test_page.py": "the chat page, in a browser",
    "service/clients/test_websockets.py": "the bare websockets package",
    "service/test_embedded_model.py": "the service in front of the embedded model",
    "service/test_malformed.py": "the service, and what nobody sends by mistake",
    "sinks/test_jupyter_lab.py": "display_stream, in a browser",
    "transports/test_redis_reader.py": "the reader of any log, on Redis",
    "transports/test_both_ends.py": "what we serve, read by what we read with",
    "sansio/languages/test_languages.py": "the vocabularies, and how they are found",
    "parsers/test_structured_answers.py": "the parsers, on what the embedded model writes",
    "sources/test_real_model.py": "the embedded model, from the request to the last chunk",
    "test_arguments.py": "the arguments of the public functions",
    "test_benchmarks.py": "benchmarks/",
    "test_diagrams.py": "the diagrams of every docstring",
    "test_docstrings.py": "the docstrings of the public names",
    "test_examples.py": "the examples of every docstring",
    "test_exports.py": "the public names",
    "test_layout.py": "this",
    "test_notebooks.py": "notebooks/",
    "test_readme.py": "README.md",
}


def files(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*.py")):
        yield path.relative_to(folder).as_posix()


def name_of_test(source: str) -> str:
    folder, slash, name = source.rpartition("/")
    return f"{folder}{slash}test_{name}"


@pytest.mark.parametrize("source", [name for name in files(SOURCES) if not name.endswith("__init__.py")])
def test_a_source_file_has_its_test_file(source: str) -> None:
    assert (TESTS / name_of_test(source)).exists() != (source in UNTESTED)


@pytest.mark.parametrize("name", [name for name in files(TESTS) if "test_" in name])
def test_a_test_file_has_its_source_file(name: str) -> None:
    tested = name.replace("test_", "", 1)
    assert (SOURCES / tested).exists() or name in OF_SOMETHING_ELSE


def test_every_reason_is_still_one() -> None:
    assert set(UNTESTED) <= set(files(SOURCES))
    assert set(OF_SOMETHING_ELSE) <= set(files(TESTS))


def test_every_folder_of_tests_is_a_package() -> None:
    """Two test files of one name need a package around each."""
    folders = {path.parent for path in TESTS.rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


@pytest.mark.parametrize("source", list(files(SOURCES)))
def test_a_source_file_is_short_enough_to_read(source: str) -> None:
    lines = (SOURCES / source).read_text(encoding="utf-8").count("\n")
    assert lines <= 400


FORBIDDEN = {"reactivex", "anyio", "openai", "httpx2", "asyncio", "threading", "time"}
PURE = [name for name in files(SOURCES) if name.startswith("sansio/") or name in {"items.py", "errors.py"}]


def imported(source: Path) -> set[str]:
    """Find the top-level packages that a file imports, wherever in it; our own by their room."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = [node.module or ""]
        for name in names:
            first, _, rest = name.partition(".")
            found.add(f"rxstream.{rest.partition('.')[0]}" if first == "rxstream" else first)
    return found


@pytest.mark.parametrize("source", PURE)
def test_a_machine_knows_no_clock_no_network_and_no_rx(source: str) -> None:
    names = imported(SOURCES / source)
    assert names & FORBIDDEN == set()
    assert {name for name in names if name.startswith("rxstream")} <= {
        "rxstream.sansio",
        "rxstream.items",
        "rxstream.errors",
    }


#: From the world back to the letters, as in pyproject.toml.
LAYERS = [
    "cli",
    "service",
    "testing",
    "transports",
    "sinks",
    "combine",
    "resilience",
    "flow",
    "parsers",
    "text",
    "sources",
    "engine",
    "sansio",
    "errors",
    "items",
]
#: Rooms that stand side by side, and do not know one another: neither is above the other.
SIDE_BY_SIDE = {"combine", "resilience", "flow"}


@pytest.mark.parametrize("source", [name for name in files(SOURCES) if name.partition("/")[0] in LAYERS])
def test_imports_point_one_way(source: str) -> None:
    room = source.partition("/")[0]
    here = LAYERS.index(room)
    rooms = {name.removeprefix("rxstream.") for name in imported(SOURCES / source) if "." in name}
    assert [other for other in rooms & set(LAYERS) if LAYERS.index(other) < here] == []
    if room in SIDE_BY_SIDE:
        assert rooms & (SIDE_BY_SIDE - {room}) == set()


def test_importing_rxstream_warns_of_nothing() -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", "import rxstream"], check=True, cwd=ROOT)


def test_importing_rxstream_brings_nothing_that_is_optional() -> None:
    optional = [
        "hypothesis",
        "trio",
        "xllamacpp",
        "icu4py",
        "opentelemetry",
        "starlette",
        "fastapi",
        "uvicorn",
        "websockets",
        "redis",
        "sqlite3",
        "rxstream.service",
        "rxstream.testing",
        "rxstream.cli",
    ]
    # What was there before is not ours: a tracer of coverage has its own.
    program = (
        "import sys; before = set(sys.modules); import rxstream; "
        f"sys.exit(' '.join(set({optional}) & (set(sys.modules) - before)) or 0)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)
