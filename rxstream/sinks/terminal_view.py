"""A stream in a terminal, by rich: finished Markdown is printed once, and only the end of it drawn again.

Lanes stand side by side, of each as much as fits, and whole at the end. What goes to a file or a pipe is
printed block by block, without anything that moves.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from rich.console import Console, ConsoleOptions, Group
from rich.live import Live
from rich.markdown import Markdown
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from rxstream.sinks.lane import Lane, fenced, is_document, json_text

__all__ = ("TerminalView",)

#: Characters that make a terminal do something, in a text that a model wrote: all but tab and newline.
_CONTROLS: Final = dict.fromkeys([*range(9), *range(11, 32), *range(127, 160)])
_DIM: Final = "dim"


class TerminalView:
    """The terminal, or what stdout goes to instead."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = Console() if console is None else console
        # It draws when it is told to: no thread of its own.
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._printed = False
        self._restarts = 0
        self._columns: list[_Column] = []

    def open(self, stop: Callable[[], None]) -> None:  # noqa: ARG002 - here one presses Ctrl-C
        """Begin to draw."""
        if self._console.is_terminal:
            self._live.start()

    def is_picture(self, item: Any) -> bool:
        """Tell whether rich can draw an item."""
        return hasattr(item.__class__, "__rich__") or hasattr(item.__class__, "__rich_console__")

    def show(self, lanes: Sequence[Lane], now: float, *, as_one: bool) -> None:
        """Print what is finished, and draw what is not."""
        height = max(self._console.height - 2, 1)
        if not as_one:
            self._draw(self._grid(lanes, now, height - 1))
            return
        (lane,) = lanes
        if lane.restarts != self._restarts:
            self._restarts = lane.restarts
            self._console.print(Text("begun anew:", _DIM))
        for block in lane.finished:
            self._print(_markdown(block))
        lane.finished.clear()
        tail = _Lines(height)
        tail.end = _unfinished(lane)
        gap = [Text()] if self._printed and tail.end else []
        self._draw(Group(*gap, tail, Text(lane.progress(now), _DIM)))

    def close(self, lanes: Sequence[Lane], now: float, *, as_one: bool) -> None:
        """Leave everything printed."""
        self.show(lanes, now, as_one=as_one)
        if self._live.is_started:
            self._live.stop()
        if not as_one:
            self._console.print(self._grid(lanes, now, None))
            return
        for picture in _picture(lanes[0].picture):
            self._print(picture)
        self._console.print(Text(lanes[0].progress(now), _DIM))

    def _draw(self, picture: Any) -> None:
        if self._live.is_started:
            self._live.update(picture, refresh=True)

    def _print(self, block: Any) -> None:
        if self._printed:
            self._console.print()
        self._printed = True
        self._console.print(block)

    def _grid(self, lanes: Sequence[Lane], now: float, height: int | None) -> Table:
        grid = Table.grid(expand=True, padding=(0, 2))
        while len(self._columns) < len(lanes):
            self._columns.append(_Column())
        for _ in lanes:
            grid.add_column(ratio=1)
        grid.add_row(*(Text(lane.label, "bold") for lane in lanes))
        grid.add_row(*(Text(lane.progress(now), _DIM) for lane in lanes))
        # A line for the names, and a few for the progress, which may wrap.
        room = None if height is None else max(height - 4, 1)
        grid.add_row(*(column.lines(lane, room) for lane, column in zip(lanes, self._columns, strict=True)))
        return grid


class _Column:
    """One lane among others."""

    def __init__(self) -> None:
        self._restarts = 0
        self._lines = _Lines(None)

    def lines(self, lane: Lane, height: int | None) -> "_Lines":
        """Return the lane's text, or the last ``height`` lines of it."""
        lines = self._lines
        if lane.restarts != self._restarts:
            self._restarts = lane.restarts
            self._lines = lines = _Lines(None)
        lines.add(map(_markdown, lane.finished))
        lane.finished.clear()
        lines.height = height
        lines.end = _unfinished(lane)
        return lines


class _Lines:
    """The last lines of what is finished, which is laid out once, and of what is not."""

    def __init__(self, height: int | None) -> None:
        self.height = height
        #: What is laid out anew each time.
        self.end: list[Any] = []
        self._done: list[Any] = []
        self._laid_out: list[list[Segment]] = []
        self._count = 0
        self._width = 0

    def add(self, blocks: Iterable[Any]) -> None:
        """Put finished blocks behind the others."""
        self._done += blocks

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterable[Segment]:
        options = options.update(height=None)
        if options.max_width != self._width:
            self._width, self._count = options.max_width, 0
            self._laid_out.clear()
        for block in self._done[self._count :]:
            self._laid_out += [*console.render_lines(block, options), [Segment("")]]
        self._count = len(self._done)
        end = [line for block in self.end for line in console.render_lines(block, options)]
        lines = [*self._laid_out, *end] if self.height is None else self._last(end, self.height)
        for line in lines:
            yield from line
            yield Segment.line()

    def _last(self, end: list[list[Segment]], height: int) -> list[list[Segment]]:
        room = height - len(end)
        return end[-height:] if room <= 0 else [*self._laid_out[-room:], *end]


def _markdown(text: str) -> Markdown:
    return Markdown(text.translate(_CONTROLS))


def _unfinished(lane: Lane) -> list[Any]:
    """Return what is drawn anew each time: the picture, and the block that is being written."""
    return [*_picture(lane.picture), *([_markdown(lane.tail)] if lane.tail else [])]


def _picture(picture: Any) -> list[Any]:
    if picture is None:
        return []
    return [_markdown(fenced(json_text(picture), "json")) if is_document(picture) else picture]
