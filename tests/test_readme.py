"""What the README says is so: its programs run, its names exist, its commands are there."""

import io
import json
import re
import runpy
from collections.abc import Generator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

import rxstream as rxs
from rxstream.testing import FaultServer
from tests.docs import compile_example, printed_by
from tests.reader import a_model, ask_all_routes
from tests.test_docstrings import known_names
from tests.transports.servers import serving

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")

PROGRAMS = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
ROWS = re.findall(r"^\|(.*)\|$", README, re.MULTILINE)


def test_there_are_programs() -> None:
    assert len(PROGRAMS) >= 3


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_compiles(program: str) -> None:
    compile_example(program, "README.md")


@pytest.fixture(scope="module")
def model() -> Generator[FaultServer]:
    """Play recordings to whoever makes a client of the ``openai`` package."""
    with pytest.MonkeyPatch.context() as patch, a_model(patch.setenv) as server:
        yield server


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_runs(program: str, model: FaultServer, tmp_path: Path) -> None:
    at_once = re.sub(r'from_recording\("([^"]+)"\)', r'from_recording("\1", speed=None)', program)
    script = tmp_path / "program.py"
    script.write_text(at_once, encoding="utf-8")
    asked = len(model.requests)
    printed = io.StringIO()
    with redirect_stdout(printed):
        names = runpy.run_path(str(script), run_name="__main__")
        if "app" in names:
            with serving(names["app"]) as url:
                print(*ask_all_routes(names["app"], url))
    assert printed.getvalue().strip()
    assert len(model.requests) > asked or "AsyncOpenAI(" not in program
    said = printed_by(program)
    assert said is None or printed.getvalue().rstrip() == said


def names_in(rows: list[str]) -> set[str]:
    """Find the names of rxstream in a table: what is called, and what is an error or a class."""
    code = [part for row in rows for part in re.findall(r"`([^`]+)`", row)]
    found: set[str] = set()
    for part in code:
        found |= set(re.findall(r"(?<![\w.])([a-z_]+)\(", part))
        found |= set(re.findall(r"(?<![\w.(])([A-Z][a-z]+[A-Z]\w+)", part))
        found |= set(re.findall(r"\b(\w+)$", part)) if part.isidentifier() else set()
    return found


#: Names in the tables that are other people's, or the reader's own.
NOT_OURS = {
    *("ai", "useChat", "smoothStream", "JsonOutputParser", "openai", "async", "subscribe", "__cause__"),
    *("ExceptionGroup", "TimeoutError"),
}


def test_every_name_in_the_tables_exists() -> None:
    named = names_in(ROWS)
    assert {"from_chat", "buffer_words", "StreamTruncated", "LocalModelError", "open_stream"} <= named
    assert named - NOT_OURS - known_names() == set()
    assert named >= NOT_OURS


def test_every_operator_and_error_is_in_the_tables() -> None:
    named = names_in(ROWS)
    functions = {name for name in rxs.__all__ if name.islower()} - {"sansio", "errors"}
    assert functions <= named
    raised = {name for name in rxs.errors.__all__ if name not in BASES}
    assert raised <= named


#: Bases: nobody raises them by themselves.
BASES = {"RxStreamError", "StreamError", "UsageError", "TextError"}


@pytest.mark.parametrize("name", sorted(set(rxs.errors.__all__) - BASES))
def test_an_error_in_the_table_is_an_error(name: str) -> None:
    error: Any = getattr(rxs, name)
    assert issubclass(error, rxs.RxStreamError)


def test_the_two_commands_are_there() -> None:
    installing = [command for command in COMMANDS if "pip install" in command]
    assert len(installing) == 2
    chat, tests = installing
    assert chat.startswith("python3 -m venv .venv && .venv/bin/pip install -q '.[local]' && ")
    assert ".venv/bin/rxstream chat --local --by sentence " in chat
    assert (
        tests.strip()
        == "python3 -m venv .venv && .venv/bin/pip install -q -e '.[dev]' && .venv/bin/pytest -q"
    )
    assert "\n" not in chat.strip()


def test_the_files_that_the_readme_shows_exist() -> None:
    tree = README.rpartition("## Where things are")[2].split("```")[1].strip()
    for line in tree.splitlines():
        assert (ROOT / line.split()[0]).exists()


LINKS = [link for link in re.findall(r"\]\(([^)\s]+)\)", README) if "://" not in link]


@pytest.mark.parametrize("link", LINKS)
def test_a_link_leads_somewhere(link: str) -> None:
    path, _, anchor = link.partition("#")
    if path:
        assert (ROOT / path).exists()
    if anchor:
        titles = re.findall(r"^#+ (.*)$", README, re.MULTILINE)
        assert anchor in {title.lower().replace(" ", "-") for title in titles}


def test_every_notebook_is_in_the_list() -> None:
    notebooks = {path.relative_to(ROOT).as_posix() for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert notebooks <= set(LINKS)


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:rxstream|tests|benchmarks)/[\w./]*)`", README)))
)
def test_a_file_that_is_named_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_the_questions_are_ten() -> None:
    asked = README.partition("| where is it decided ... | |")[2].partition("\n\n")[0]
    assert len(re.findall(r"^\|.*\? \| `rxstream/.*\|$", asked, re.MULTILINE)) == 10


def test_the_figures_are_the_measured_ones() -> None:
    results: Any = json.loads((ROOT / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    measured = {(line["what"], line["against"]): line for line in results["lines"]}
    table = README.partition("| what | against | measured |")[2].partition("\n\n")[0]
    row = r"^\| (.*?) \| (.*?) \| ([\d.]+)(x cheaper| of its cost)(, missed)? \| ([\d.]+) \| ([\d.]+) \|$"
    rows = re.findall(row, table, re.MULTILINE)
    assert len(rows) >= 12
    for what, against, told, unit, missed, minimum, aim in rows:
        line = measured[what, against]
        assert unit.strip("x ") == line["scale"]
        assert float(told) == pytest.approx(line["ratio"], rel=0.05)
        assert (float(minimum), float(aim)) == (line["minimum"], line["aim"])
        assert bool(missed) == (line["verdict"] == "FAILS")
    # What falls short is told, all of it.
    failed = {(line["what"], line["against"]) for line in results["lines"] if line["verdict"] == "FAILS"}
    assert failed <= {(what, against) for what, against, *_ in rows}
