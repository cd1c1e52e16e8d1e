"""A stream shown while it comes, in a notebook or a terminal."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import anyio
from reactivex import Observable

from rxstream.engine.arguments import check_number, check_observable, check_type
from rxstream.engine.backend import loop_clock, loop_entrance
from rxstream.items import StreamResult
from rxstream.sansio.metrics import Ended
from rxstream.sinks.lane import UNTAGGED, Lane, LaneKey, Lanes
from rxstream.sinks.open_stream import open_stream

__all__ = ("Shown", "View", "display_stream")


@dataclass(slots=True)
class Shown(StreamResult):
    """The answer that ``display_stream`` has shown; its chunks are not kept.

        shown = await rxs.display_stream(rxs.from_streams(a=answer, b=answer))
        print(shown.stopped, shown.lanes["a"].content == shown.lanes["b"].content)

    A ``StreamResult`` of what came without a tag. ``lanes``: of items that are ``Tagged``, each source's
    answer, by its index or name, a tuple of them if they are tagged more than once. ``stopped``: whether the
    stop button has ended it. A notebook writes nothing for it: it stands there already.
    """

    lanes: dict[LaneKey, StreamResult] = field(default_factory=dict[LaneKey, StreamResult])
    stopped: bool = False

    def _ipython_display_(self) -> None:
        pass


@runtime_checkable
class View(Protocol):
    """Something that lanes are shown on."""

    def open(self, stop: Callable[[], None]) -> None:
        """Begin to show; ``stop`` may be called from any thread."""

    def is_picture(self, item: Any) -> bool:
        """Tell whether an item is something to look at, and not to read."""
        ...

    def show(self, lanes: Sequence[Lane], now: float, *, as_one: bool) -> None:
        """Show what is new; ``as_one``: they are one text, and not several streams."""

    def close(self, lanes: Sequence[Lane], now: float, *, as_one: bool) -> None:
        """Show the end."""


async def display_stream(
    observable: Observable[Any], *, separator: str = "", every: float = 0.1, view: View | None = None
) -> Shown:
    r"""Show a stream while it comes: live Markdown, in a notebook or a terminal.

        shown = await rxs.display_stream(answer)
        print(shown.content, shown.finish_reason, shown.metrics)

    What is shown of ``observable`` depends on its items:

    * text, chunks, ``MarkdownBlock``: Markdown that grows. A block that is finished is not drawn again.
      Reasoning stands in a quote before the answer, a tool call in a block of code behind it.
    * ``Tagged``, from ``from_streams`` and ``merge_streams``: a lane for each source, side by side.
      So are the choices of one answer (``n=2``).
    * ``PartialJSON``, and whatever has a picture of its own in a notebook (a data frame, a figure, an object
      with ``_repr_html_``) or in rich: the newest in the place of the one before. A table that fills is
      ``answer.pipe(parse_partial_json(), ops.map(lambda item: MyTable(item.value)))``.
    * anything else: its ``repr``, one below the other.

    A line says what happens, the time to the first token, and tokens a second. In a notebook there is a
    button that stops: the upstream is closed, and what came is returned, with ``stopped`` true. (Jupyter Lab
    from 4.4 on with ipykernel from 7 on; older ones hear of a click only when the cell is over.) To interrupt
    the cell closes the upstream, too; so does Ctrl-C in a terminal.

    ``separator`` is put behind each item that is a ``str``: sentences, say, want ``"\n\n"``.
    ``every``: seconds between two updates of what is shown; the stream itself is never waited for, nor does
    it wait. ``view``: where to show it, if neither the notebook nor the terminal is right: an object with the
    four methods of ``rxstream.sinks.display.View``.

    Returns the whole answer. Memory: the answer. A ``Restarted`` clears what was shown. asyncio, and in a
    terminal trio. Raises what the stream raises, which is named in the line, too; TypeError for what is no
    Observable, it and ValueError for other wrong arguments; ImportError where the packages to show with are
    missing (``pip install 'rxstream[notebook]'``). To have the answer and see nothing there is
    ``collect``.
    """
    check_observable("display_stream()", observable)
    check_type("display_stream()", "separator", separator, str, "a str")
    check_number("display_stream()", "every", every, finite=True)
    check_type(
        "display_stream()",
        "view",
        view,
        View,
        "an object with open, is_picture, show and close",
        optional=True,
    )
    display = _Display(_find_view() if view is None else view, separator, every)
    try:
        return await display.run(observable)
    except anyio.get_cancelled_exc_class() as error:
        # Who interrupts a cell knows why it ends, and need not read through the code of an event loop. A
        # notebook cancels without a word.
        if not error.args:
            error.args = ("interrupted: the stream is closed, and what came of it is shown",)
        raise error.with_traceback(None)  # noqa: B904


class _Display:
    """One stream on one view."""

    def __init__(self, view: View, separator: str, every: float) -> None:
        self._view = view
        self._every = every
        self._clock = loop_clock()
        self._lanes = Lanes(view.is_picture, separator, self._clock())
        self._reading = anyio.CancelScope()
        self._stopped = False
        #: The stream's, or the view's.
        self._failure: Exception | None = None

    async def run(self, observable: Observable[Any]) -> Shown:
        enter = loop_entrance()
        self._view.open(lambda: enter(self._stop))
        ended: Ended = "left"
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._refresh)
                try:
                    with self._reading:
                        async with open_stream(observable) as items:
                            async for item in items:
                                self._lanes.add(item, self._clock())
                        ended = "completed"
                except Exception as error:  # noqa: BLE001 - raised below, where no task group wraps it
                    ended, self._failure = "error", error
                tasks.cancel_scope.cancel()
        finally:
            # Also behind an interrupted cell, and Ctrl-C.
            now = self._clock()
            self._lanes.close(now, ended, self._failure)
            self._close_view(now)
        if self._failure is not None:
            raise self._failure
        return self._shown(now)

    def _close_view(self, now: float) -> None:
        try:
            self._view.close(self._lanes.all, now, as_one=self._lanes.is_one_text)
        except Exception as error:  # noqa: BLE001 - the first failure is the one to tell
            self._failure = self._failure or error

    def _stop(self) -> None:
        self._stopped = True
        self._reading.cancel()

    async def _refresh(self) -> None:
        try:
            while True:
                self._view.show(self._lanes.all, self._clock(), as_one=self._lanes.is_one_text)
                await anyio.sleep(self._every)
        except Exception as error:  # noqa: BLE001 - as above
            self._failure = error
            self._reading.cancel()

    def _shown(self, now: float) -> Shown:
        results = {lane.key: lane.result(now) for lane in self._lanes.all}
        mine = results.pop(UNTAGGED, None) or StreamResult("")
        fields = {name: getattr(mine, name) for name in StreamResult.__dataclass_fields__}
        return Shown(**fields, lanes=results, stopped=self._stopped)


def _find_view() -> View:
    """Choose by where we are: imported late, since a program that shows nothing needs neither."""
    ipython: Any = sys.modules.get("IPython")
    shell: Any = None if ipython is None else ipython.get_ipython()
    try:
        if hasattr(shell, "kernel"):
            from rxstream.sinks.notebook_view import NotebookView  # noqa: PLC0415

            return NotebookView(shell)
        from rxstream.sinks.terminal_view import TerminalView  # noqa: PLC0415

        return TerminalView()
    except ImportError as error:
        msg = (
            f"display_stream() shows Markdown with packages that are not installed here ({error}). "
            f"They come with: pip install 'rxstream[notebook]'."
        )
        raise ImportError(msg) from error
