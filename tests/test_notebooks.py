"""The notebooks run, on recordings and on the embedded model, and what is saved of them is whole."""

import ast
import json
import os
import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from rxstream.sansio.wire import LIST, OBJECT

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "notebooks"

NAMES = [
    "01_first_stream",
    "02_words_sentences_redaction",
    "03_structured_output",
    "04_tool_calls",
    "05_three_models_racing",
    "06_a_cut_connection",
    "07_backpressure",
    "08_serving_to_the_browser",
    "09_your_own_machine",
    "10_from_openai_to_rxstream",
]
#: Those that also ask the embedded model here. All of them can, and it takes minutes.
LOCAL = ["01_first_stream", "03_structured_output", "05_three_models_racing"]

#: Lines of one code cell.
LONGEST = 22
LARGEST = 300_000

#: What only the machine that saved a notebook has.
OF_A_MACHINE = re.compile(
    r"(?<![\w:/.])/(?:home|root|tmp|Users|usr|opt|var|private|mnt|srv)/|[A-Z]:\\Users|site-packages|\b0x[0-9a-f]{6,}|"
    + "|".join(re.escape(str(path)) for path in (ROOT, sys.prefix))
)


def saved(name: str) -> Any:
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)  # type: ignore[no-untyped-call]


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def kinds(cell: Any) -> set[str]:
    """Say what a cell has shown, but not what stood in it: times differ."""
    found = set[str]()
    for output in cell.outputs:
        found |= {output.name} if output.output_type == "stream" else set(output.data)
    return found


def run(name: str, folder: Path, **environment: str) -> Any:
    """Run a notebook in a kernel of its own, where there is nothing but the installed package."""
    here = folder / "here"
    here.mkdir()
    notebook = saved(name)
    for cell in code_cells(notebook):
        cell.outputs = []
    client = NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(here)}},
    )
    own = {"IPYTHONDIR": str(folder / "ipython"), "RXSTREAM_LOCAL": "0", **environment}
    client.execute(env={**os.environ, **own})
    for cell in code_cells(notebook):
        # Warnings, tasks that nobody has waited for, sockets that nobody has closed.
        assert "stderr" not in kinds(cell), cell.outputs
    assert list(here.iterdir()) == [], "it leaves nothing beside it"
    return notebook


def test_there_are_these_ten() -> None:
    assert [path.stem for path in sorted(FOLDER.glob("*.ipynb"))] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_on_recordings_and_shows_what_it_was_saved_with(name: str, tmp_path: Path) -> None:
    done = code_cells(run(name, tmp_path))
    assert [kinds(cell) for cell in done] == [kinds(cell) for cell in code_cells(saved(name))]


@pytest.mark.parametrize("name", LOCAL)
def test_a_notebook_runs_on_the_embedded_model(name: str, tmp_path: Path) -> None:
    run(name, tmp_path, RXSTREAM_LOCAL="1")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_saved_has_all_its_outputs_and_nothing_else(name: str) -> None:
    notebook = saved(name)
    nbformat.validate(notebook)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert all(cell.metadata == {} for cell in notebook.cells)
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert {output.output_type for output in outputs} <= {"stream", "display_data", "execute_result"}
    assert {output.name for output in outputs if output.output_type == "stream"} <= {"stdout"}
    for cell in cells:
        if shows_something(cell.source):
            assert cell.outputs, cell.source


def shows_something(source: str) -> bool:
    """Tell whether a cell prints, plots or shows a stream when it runs, and not only in a function."""
    return any(
        isinstance(node, ast.Call)
        and ast.unparse(node.func).rpartition(".")[2] in {"print", "show", "display_stream"}
        for statement in ast.parse(source).body
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        for node in ast.walk(statement)
    )


@pytest.mark.parametrize("name", NAMES)
def test_nothing_in_it_is_of_one_machine(name: str) -> None:
    path = FOLDER / f"{name}.ipynb"
    assert path.stat().st_size < LARGEST
    for text in texts(json.loads(path.read_text(encoding="utf-8"))):
        assert OF_A_MACHINE.search(text) is None, text


def texts(value: Any) -> Iterator[str]:
    """Give every text of a JSON document but pictures."""
    if isinstance(value, OBJECT):
        for name, field in value.items():
            if name != "image/png":
                yield from texts(field)
    elif isinstance(value, LIST):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str):
        yield value


def test_all_begin_with_the_same_cell() -> None:
    firsts = {code_cells(saved(name))[0].source for name in NAMES}
    assert len(firsts) == 1
    assert 'LOCAL = os.environ.get("RXSTREAM_LOCAL") == "1"' in firsts.pop()


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_checks_what_it_says_in_cells_that_can_be_read(name: str) -> None:
    sources = [cell.source for cell in code_cells(saved(name))]
    asserts = [
        node for source in sources for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assert)
    ]
    assert len(asserts) >= 3
    assert [source for source in sources if source.count("\n") >= LONGEST] == []
    kinds_of_cells = [cell.cell_type for cell in saved(name).cells]
    assert ("code", "code") not in pairwise(kinds_of_cells), "each code cell has a sentence before it"


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_has_a_title_and_leads_to_the_next(name: str) -> None:
    words = [cell.source for cell in saved(name).cells if cell.cell_type == "markdown"]
    number = NAMES.index(name) + 1
    assert words[0].startswith(f"# {number}. ")
    linked = re.findall(r"\]\(([^)]+)\)", words[-1])
    assert linked == [f"{NAMES[number % len(NAMES)]}.ipynb"]
