"""A stream in a notebook: a line with a stop button, and Markdown below it, or lanes side by side.

What is one text goes into outputs of its own, a Markdown block each, so that the notebook never has to draw
a finished one again. Lanes are widgets, because outputs only stand below one another; at the end they become
HTML, which is saved with the notebook.

Both are HTML of our making, not ``text/markdown``: a notebook trusts what its own cells show, and would run
the HTML in a model's Markdown. Formulas are left for the notebook to draw.
"""

from collections.abc import Callable, Sequence
from html import escape
from importlib import import_module
from typing import Any, Final

from IPython.utils.dir2 import get_real_method

from rxstream.sinks.lane import Lane, fenced, is_document, json_text
from rxstream.sinks.markdown_html import markdown_html

__all__ = ("NotebookView",)

# Neither tells a type checker what its classes take.
_widgets: Final[Any] = import_module("ipywidgets")
_display: Final[Any] = import_module("IPython.display")

_LINE: Final = "color:#8a8a8a;font:12px/1.6 var(--jp-code-font-family,monospace)"
#: As high as the button, and with its margin.
_ROW: Final = "color:#8a8a8a;font:12px/28px var(--jp-code-font-family,monospace);margin:2px 0"
_HEAD: Final = "font:14px/1.5 var(--jp-ui-font-family,sans-serif)"
_LANE: Final = "flex:1 1 16em;min-width:16em;padding:0 .8em;border-left:2px solid #9994"
#: Widgets have fonts and spaces for controls. This is text, the same in an output, a widget and at the end.
_BLOCK_CLASS: Final = "jp-RenderedHTMLCommon jp-RenderedMarkdown"
_BLOCK: Final = "padding:0;display:flow-root;overflow-x:auto;overflow-wrap:break-word"
_LAYOUT: Final = {
    "flex": "1 1 16em",
    "margin": "0",
    "min_width": "16em",
    "padding": "0 .8em",
    "border_left": "2px solid #9994",
}
_NOTHING: Final = _display.HTML("")


class NotebookView:
    """The output area of the cell that runs."""

    def __init__(self, shell: Any) -> None:
        self._formatter = display = shell.display_formatter
        #: Whatever makes more of an object than plain text.
        self._forms = [form for mime, form in display.formatters.items() if mime != "text/plain"]
        self._forms.append(display.mimebundle_formatter)
        self._line = _Line()
        self._text = _Text()
        self._board: _Board | None = None

    def open(self, stop: Callable[[], None]) -> None:
        """Show the line that says that something will come."""
        self._line.open(stop)

    def is_picture(self, item: Any) -> bool:
        """Tell whether IPython has more than text for an item."""
        return any(_has_form(formatter, item) for formatter in self._forms)

    def show(self, lanes: Sequence[Lane], now: float, *, as_one: bool) -> None:
        """Show what is new."""
        if as_one:
            self._line.show(lanes[0].progress(now))
            self._text.show(lanes[0])
            return
        if self._board is None:
            # What looked like one text is the first of several.
            self._text.clear()
            self._board = _Board(self._formatter)
        self._line.show(f"{len(lanes)} streams")
        self._board.show(lanes, now)

    def close(self, lanes: Sequence[Lane], now: float, *, as_one: bool) -> None:
        """Show the end, without anything that only a running kernel could show."""
        self.show(lanes, now, as_one=as_one)
        if self._board is not None:
            self._board.close(lanes, now)
            self._line.close(f"{len(lanes)} streams")
        else:
            self._line.close(lanes[0].progress(now))


class _Line:
    """What happens, and a button to stop it."""

    def __init__(self) -> None:
        self._label = _html_widget()
        self._button = _widgets.Button(description="Stop", icon="stop", layout=_widgets.Layout(width="6em"))
        self._row = _widgets.HBox([self._button, self._label], layout=_widgets.Layout(margin="0"))
        self._handle = _display.DisplayHandle()

    def open(self, stop: Callable[[], None]) -> None:

        def clicked(_: Any) -> None:
            stop()

        self._button.on_click(clicked)
        self._handle.display(self._row)

    def show(self, text: str) -> None:
        self._label.value = _styled(_ROW, escape(text))

    def close(self, text: str) -> None:
        self._handle.update({"text/html": _styled(_ROW, escape(text)), "text/plain": text}, raw=True)
        for widget in (self._button, self._label, self._row):
            widget.close()


class _Text:
    """One text: an output for each finished block, one for the tail, and one for a picture."""

    def __init__(self) -> None:
        self._tail = _Output()
        self._picture = _Output()
        self._finished: list[_Output] = []
        self._restarts = 0

    def show(self, lane: Lane) -> None:
        if lane.restarts != self._restarts:
            self._restarts = lane.restarts
            self.clear()
        if lane.picture is not None:
            self._picture.show(_shown_picture(lane.picture), lane.picture)
        for block in lane.finished:
            # The tail becomes the block, in its place, and the next tail stands below it.
            self._tail.show(_block_forms(block), block)
            self._finished.append(self._tail)
            self._tail = _Output()
        lane.finished.clear()
        if lane.tail.strip():
            self._tail.show(_block_forms(lane.tail), lane.tail)
        elif self._tail.is_open:
            self._tail.show(_NOTHING, None)

    def clear(self) -> None:
        for output in (*self._finished, self._tail, self._picture):
            if output.is_open:
                output.show(_NOTHING, None)


class _Output:
    """One output of the cell, which stands there from the first time that it shows something."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._what: Any = None

    @property
    def is_open(self) -> bool:
        return self._handle is not None

    def show(self, thing: Any, what: Any) -> None:
        """Show a thing, unless ``what`` says that it is the one that is shown."""
        if self._handle is None:
            self._handle = _display.DisplayHandle()
            self._handle.display(thing, raw=isinstance(thing, dict))
        elif what is None or what != self._what:
            self._handle.update(thing, raw=isinstance(thing, dict))
        self._what = what


class _Board:
    """Lanes side by side: of each the finished blocks, which are never drawn again, and the tail."""

    def __init__(self, formatter: Any) -> None:
        self._formatter = formatter
        self._columns: list[_Column] = []
        self._row = _widgets.Box(
            [], layout=_widgets.Layout(display="flex", flex_flow="row wrap", width="100%", margin="0")
        )
        # As wide as the HTML that it becomes.
        self._row.add_class("jp-RenderedHTMLCommon")
        self._handle = _display.DisplayHandle()
        self._handle.display(self._row)

    def show(self, lanes: Sequence[Lane], now: float) -> None:
        while len(self._columns) < len(lanes):
            self._columns.append(_Column(self._formatter))
            self._row.children = tuple(column.box for column in self._columns)
        for lane, column in zip(lanes, self._columns, strict=True):
            column.show(lane, now)

    def close(self, lanes: Sequence[Lane], now: float) -> None:
        columns = "".join(f'<div style="{_LANE}">{column.html()}</div>' for column in self._columns)
        texts = (
            f"[{lane.label}] {lane.progress(now)}\n{column.source()}"
            for lane, column in zip(lanes, self._columns, strict=True)
        )
        self._handle.update(
            {
                "text/html": f'<div style="display:flex;flex-wrap:wrap">{columns}</div>',
                "text/plain": "\n\n".join(texts),
            },
            raw=True,
        )
        for column in self._columns:
            column.close()
        self._row.close()


class _Column:
    """One lane."""

    def __init__(self, formatter: Any) -> None:
        self._formatter = formatter
        self._head = _html_widget()
        self._picture = _html_widget()
        self._tail = _html_widget()
        self._done: list[Any] = []
        self._sources: list[str] = []
        self._restarts = 0
        self.box = _widgets.VBox([], layout=_widgets.Layout(**_LAYOUT))
        self._arrange()

    def show(self, lane: Lane, now: float) -> None:
        if lane.restarts != self._restarts:
            self._restarts = lane.restarts
            _close(self._done)
            self._done.clear()
            self._sources.clear()
            self._picture.value = ""
            self._arrange()
        line = _styled(_LINE, escape(lane.progress(now)))
        self._head.value = _styled(_HEAD, f"<b>{escape(lane.label)}</b>{line}")
        if lane.picture is not None:
            self._picture.value = self._picture_html(lane.picture)
        for block in lane.finished:
            # The tail becomes the block, in its place, and the next tail stands below it.
            self._tail.value = _block_html(block)
            self._done.append(self._tail)
            self._tail = _html_widget()
        self._tail.value = _block_html(lane.tail) if lane.tail.strip() else ""
        if lane.finished:
            self._sources += lane.finished
            lane.finished.clear()
            self._arrange()

    def html(self) -> str:
        return "".join(widget.value for widget in self.box.children)

    def source(self) -> str:
        return "".join(self._sources)

    def close(self) -> None:
        _close([*self.box.children, self.box])

    def _picture_html(self, picture: Any) -> str:
        if is_document(picture):
            return _block_html(_picture_text(picture))
        forms, _ = self._formatter.format(picture)
        return forms.get("text/html") or _block_html(_picture_text(picture))

    def _arrange(self) -> None:
        self.box.children = (self._head, self._picture, *self._done, self._tail)


def _close(widgets: Sequence[Any]) -> None:
    for widget in widgets:
        widget.close()


def _has_form(formatter: Any, item: Any) -> bool:
    """Tell whether a formatter of IPython's has something to make of an item, without making it."""
    if get_real_method(item, formatter.print_method) is not None:
        return True
    try:
        formatter.lookup(item)
    except KeyError:
        return False
    return True


def _shown_picture(picture: Any) -> Any:
    return _block_forms(_picture_text(picture)) if is_document(picture) else picture


def _block_forms(text: str) -> dict[str, str]:
    return {"text/html": _block_html(text), "text/plain": text}


def _block_html(text: str) -> str:
    return f'<div class="{_BLOCK_CLASS}" style="{_BLOCK}">{markdown_html(text)}</div>'


def _html_widget() -> Any:
    return _widgets.HTML(layout=_widgets.Layout(margin="0"))


def _picture_text(picture: Any) -> str:
    if is_document(picture):
        return fenced(json_text(picture), "json")
    return fenced(repr(picture), "")


def _styled(style: str, html: str) -> str:
    return f'<div style="{style}">{html}</div>'
