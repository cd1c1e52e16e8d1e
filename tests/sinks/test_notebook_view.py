"""The notebook's side of ``display_stream``, in a real IPython shell; test_jupyter_lab.py has a browser's."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import rxstream as rxs
from rxstream.items import Restarted, StreamChunk, Tagged
from rxstream.sinks.lane import Lanes
from rxstream.sinks.notebook_view import NotebookView

WIDGET = "application/vnd.jupyter.widget-view+json"


class Notebook:
    """What a cell's output area would hold, from the messages that a kernel sends."""

    def __init__(self, publisher: Any) -> None:
        self._publisher = publisher
        self._read = 0
        #: Outputs by their ids, in the order of the first time; and how often each was sent.
        self.outputs: dict[str, dict[str, Any]] = {}
        self.sent: dict[str, int] = {}

    def read(self) -> list[dict[str, Any]]:
        """Take in what was sent, and give the outputs."""
        for message in self._publisher.outputs[self._read :]:
            display = message["transient"]["display_id"]
            assert message.get("update", False) == (display in self.outputs)
            self.outputs[display] = message["data"]
            self.sent[display] = self.sent.get(display, 0) + 1
        self._read = len(self._publisher.outputs)
        return list(self.outputs.values())

    def texts(self) -> list[str]:
        """Give the Markdown of each output that shows some."""
        return [
            data["text/plain"] for data in self.read() if "jp-RenderedMarkdown" in data.get("text/html", "")
        ]


@pytest.fixture
def shell(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    config = Config()
    config.HistoryManager.enabled = False
    shell: Any = InteractiveShell.instance(config=config)
    publisher: Any = CapturingDisplayPublisher
    shell.display_pub = publisher()
    yield shell
    InteractiveShell.clear_instance()


@pytest.fixture
def notebook(shell: Any) -> Notebook:
    return Notebook(shell.display_pub)


@pytest.fixture
def view(shell: Any) -> NotebookView:
    return NotebookView(shell)


def lanes(view: NotebookView) -> Lanes:
    return Lanes(view.is_picture, "", 0.0)


def show(view: NotebookView, what: Lanes, *items: Any) -> None:
    for item in items:
        what.add(item, 0.0)
    view.show(what.all, 1.0, as_one=what.is_one_text)


def close(view: NotebookView, what: Lanes) -> None:
    what.close(1.0, "completed", None)
    view.close(what.all, 1.0, as_one=what.is_one_text)


def test_a_finished_block_is_never_sent_again(view: NotebookView, notebook: Notebook) -> None:
    what = lanes(view)
    view.open(lambda: None)
    show(view, what, "# Ti")
    show(view, what, "tle\n\nbe")
    assert notebook.texts() == ["# Title\n\n", "be"]
    (_, first, second), before = notebook.outputs, dict(notebook.sent)
    for word in ("gin", "ning", "\n\nend", "ing"):
        show(view, what, word)
        notebook.read()
    close(view, what)
    assert notebook.texts() == ["# Title\n\n", "beginning\n\n", "ending"]
    assert notebook.sent[first] == before[first]
    assert notebook.sent[second] == before[second] + 3  # "begin", "beginning", and as finished


def test_what_has_not_changed_is_not_sent(view: NotebookView, notebook: Notebook) -> None:
    what = lanes(view)
    view.open(lambda: None)
    show(view, what, "text")
    notebook.read()
    before = dict(notebook.sent)
    show(view, what)
    show(view, what)
    notebook.read()
    assert notebook.sent == before


def test_the_line_stands_there_first_and_ends_as_text(view: NotebookView, notebook: Notebook) -> None:
    what = lanes(view)
    view.open(lambda: None)
    (line,) = notebook.read()
    assert WIDGET in line
    show(view, what, "text")
    close(view, what)
    line = notebook.read()[0]
    assert WIDGET not in line
    assert line["text/plain"] == "done · 0.00 s to first item · 1 item · 1.0 s"
    assert line["text/plain"] in line["text/html"]


def test_the_button_stops(view: Any) -> None:
    pressed: list[bool] = []
    view.open(lambda: pressed.append(True))
    view._line._button.click()
    assert pressed == [True]


def test_a_restart_clears_what_was_shown(view: NotebookView, notebook: Notebook) -> None:
    what = lanes(view)
    view.open(lambda: None)
    show(view, what, "# a\n\nb")
    show(view, what, Restarted(2), "c")
    assert notebook.texts() == ["c"]
    close(view, what)
    assert notebook.texts() == ["c"]


def test_a_tail_that_is_gone_leaves_nothing(view: NotebookView, notebook: Notebook) -> None:
    what = lanes(view)
    view.open(lambda: None)
    show(view, what, "a")
    show(view, what, Restarted(2))
    assert notebook.texts() == []


class Table:
    def __init__(self, rows: int) -> None:
        self.rows = rows

    def _repr_html_(self) -> str:
        return f"<table>{self.rows}</table>"


class Bundle:
    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": "bundle"}


class Drawing:
    def _repr_svg_(self) -> str:
        return "<svg/>"


def test_the_newest_picture_stands_in_the_place_of_the_one_before(
    view: NotebookView, notebook: Notebook
) -> None:
    what = lanes(view)
    view.open(lambda: None)
    show(view, what, Table(1))
    show(view, what, Table(2), "text")
    close(view, what)
    tables = [data["text/html"] for data in notebook.read() if "<table>" in data.get("text/html", "")]
    assert tables == ["<table>2</table>"]
    assert notebook.texts() == ["text"]


@pytest.mark.parametrize("item", [Table(1), Bundle(), Drawing()])
def test_what_ipython_can_draw_is_a_picture(view: NotebookView, item: Any) -> None:
    assert view.is_picture(item)


@pytest.mark.parametrize("item", [1, {"a": 1}, ["a"], None, object(), Table])
def test_what_it_can_only_write_is_none(view: NotebookView, item: Any) -> None:
    assert not view.is_picture(item)


def test_a_class_that_somebody_has_taught_ipython_to_draw_is_a_picture(shell: Any) -> None:
    class Figure:
        pass

    shell.display_formatter.formatters["image/png"].for_type(Figure, bytes)
    assert NotebookView(shell).is_picture(Figure())


def test_a_document_that_is_being_written_is_shown_as_json(view: NotebookView, notebook: Notebook) -> None:
    what = lanes(view)
    view.open(lambda: None)
    show(view, what, *rxs.run(rxs.from_stream(['{"a": [1, 2']).pipe(rxs.parse_partial_json())))
    assert notebook.texts() == ['\n\n```json\n{\n  "a": [\n    1\n  ]\n}\n```\n\n']


def test_a_text_cannot_run(view: NotebookView, notebook: Notebook) -> None:
    what = lanes(view)
    view.open(lambda: None)
    show(view, what, "<img src=x onerror=run()>\n\n<script>run()</script>\n\n")
    close(view, what)
    shown = notebook.read()
    # A notebook would run what is in Markdown of its own cells.
    assert all(data.keys() <= {"text/html", "text/plain"} for data in shown)
    assert not any("<script" in data["text/html"] or "<img" in data["text/html"] for data in shown)


class TestLanes:
    def test_they_are_widgets_that_end_as_html(self, view: NotebookView, notebook: Notebook) -> None:
        what = lanes(view)
        view.open(lambda: None)
        show(view, what, Tagged("fast", "# One\n\nand"), Tagged("slow", "*two*"))
        assert [WIDGET in data for data in notebook.read()] == [True, True]
        close(view, what)
        line, board = notebook.read()
        assert line["text/plain"] == "2 streams"
        assert WIDGET not in line
        assert WIDGET not in board
        assert board["text/html"].count("flex:1 1") == 2
        assert "<h1>One</h1>" in board["text/html"]
        assert "<em>two</em>" in board["text/html"]
        assert re.findall(r"\[(\w+)\] done", board["text/plain"]) == ["fast", "slow"]
        assert "# One\n\nand" in board["text/plain"]

    def test_a_finished_block_is_a_widget_that_stays(self, view: Any) -> None:
        what = lanes(view)
        view.open(lambda: None)
        show(view, what, Tagged(0, "# a\n\nb"))
        (column,) = view._board._columns
        done = list(column._done)
        assert len(done) == 1
        value = done[0].value
        show(view, what, Tagged(0, "\n\nc"), Tagged(1, "x"))
        assert column._done[:1] == done
        assert (len(column._done), done[0].value) == (2, value)
        assert len(view._board._row.children) == 2

    def test_a_restart_clears_its_lane(self, view: NotebookView, notebook: Notebook) -> None:
        what = lanes(view)
        view.open(lambda: None)
        show(view, what, Tagged(0, "# void\n\nvoid"), Tagged(1, "stays"))
        show(view, what, Tagged(0, Restarted(2)), Tagged(0, "new"))
        close(view, what)
        board = notebook.read()[1]
        assert "void" not in board["text/html"] + board["text/plain"]
        assert "new" in board["text/html"]
        assert "stays" in board["text/html"]

    def test_what_looked_like_one_text_moves_into_its_lane(
        self, view: NotebookView, notebook: Notebook
    ) -> None:
        what = lanes(view)
        view.open(lambda: None)
        show(view, what, StreamChunk("first"))
        assert notebook.texts() == ["first"]
        show(view, what, StreamChunk("second", choice=1))
        assert notebook.texts() == []
        close(view, what)
        board = notebook.read()[-1]
        assert "[choice 0]" in board["text/plain"]
        assert "[choice 1]" in board["text/plain"]

    def test_pictures_are_drawn(self, view: NotebookView, notebook: Notebook) -> None:
        what = lanes(view)
        view.open(lambda: None)
        documents = rxs.run(rxs.from_stream(['{"a": 1}']).pipe(rxs.parse_partial_json()))
        show(
            view,
            what,
            Tagged(0, Table(3)),
            Tagged(1, documents[-1]),
            Tagged(2, Bundle()),
            Tagged(3, Drawing()),
        )
        close(view, what)
        html = notebook.read()[-1]["text/html"]
        assert "<table>3</table>" in html
        assert '"a"' in re.sub("<[^>]*>", "", html)
        assert "bundle" in html
        assert "Drawing object" in html

    def test_lanes_cannot_run(self, view: NotebookView, notebook: Notebook) -> None:
        what = lanes(view)
        view.open(lambda: None)
        show(view, what, Tagged("<script>", "<script>run()</script>"))
        close(view, what)
        assert "<script>" not in notebook.read()[-1]["text/html"]
