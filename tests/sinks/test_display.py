import asyncio
import builtins
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

import rxstream as rxs
from rxstream.items import Restarted, StreamChunk, Tagged
from rxstream.sinks.display import Shown
from rxstream.sinks.lane import Lane
from tests.engine.sources import Source

pytestmark = pytest.mark.anyio


class Paper:
    """A view that writes down what it is told."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.stop: Callable[[], None] = lambda: None
        self.lines: list[str] = []

    def open(self, stop: Callable[[], None]) -> None:
        self.seen.append("open")
        self.stop = stop

    def is_picture(self, item: Any) -> bool:
        return isinstance(item, SimpleNamespace)

    def show(self, lanes: Sequence[Lane], now: float, *, as_one: bool) -> None:
        self._note("show", lanes, now, as_one=as_one)

    def close(self, lanes: Sequence[Lane], now: float, *, as_one: bool) -> None:
        self._note("close", lanes, now, as_one=as_one)

    def _note(self, what: str, lanes: Sequence[Lane], now: float, *, as_one: bool) -> None:
        text = " + ".join("".join(lane.finished) + lane.tail for lane in lanes)
        self.seen.append(f"{what} {'one' if as_one else len(lanes)}: {text}")
        self.lines = [lane.progress(now).split(" · ")[0] for lane in lanes]


async def test_a_stream_is_shown_and_returned() -> None:
    paper = Paper()
    shown = await rxs.display_stream(rxs.from_recording("01-prose", speed=None), view=paper)
    whole = await rxs.collect(rxs.from_recording("01-prose", speed=None))
    assert isinstance(shown, Shown)
    assert (shown.content, shown.finish_reason, shown.usage, shown.model) == (
        whole.content,
        whole.finish_reason,
        whole.usage,
        whole.model,
    )
    assert (shown.lanes, shown.stopped, shown.chunks) == ({}, False, [])
    assert shown.metrics.ended == "completed"
    assert paper.seen[0] == "open"
    assert paper.seen[-1] == f"close one: {whole.content}"
    assert [one for one in paper.seen if one.startswith("close")] == paper.seen[-1:]


async def test_what_comes_is_shown_while_nothing_more_comes() -> None:
    paper = Paper()

    async def speak() -> AsyncIterator[str]:
        yield "Hel"
        while "show one: Hel" not in paper.seen:  # noqa: ASYNC110 - of the view nothing else is known
            await anyio.sleep(0.001)
        yield "lo"

    with anyio.fail_after(5):
        shown = await rxs.display_stream(rxs.from_stream(speak), view=paper, every=0.001)
    assert shown.content == "Hello"


async def test_a_line_is_shown_before_anything_has_come() -> None:
    paper = Paper()

    async def wait() -> AsyncIterator[str]:
        while "show one: " not in paper.seen:  # noqa: ASYNC110
            await anyio.sleep(0.001)
        assert paper.lines == ["waiting"]
        for nothing in list[str]():
            yield nothing

    with anyio.fail_after(5):
        shown = await rxs.display_stream(rxs.from_stream(wait), view=paper)
    assert shown.content == ""
    assert paper.lines == ["done"]


async def test_several_streams_have_a_lane_each() -> None:
    paper = Paper()
    both = rxs.from_streams(a=rxs.from_stream(["1", "2"]), b=rxs.from_stream([StreamChunk("3", "stop")]))
    shown = await rxs.display_stream(both, view=paper)
    assert {name: lane.content for name, lane in shown.lanes.items()} == {"a": "12", "b": "3"}
    assert shown.lanes["b"].finish_reason == "stop"
    assert shown.content == ""
    assert paper.seen[-1] in {"close 2: 12 + 3", "close 2: 3 + 12"}


async def test_a_restart_drops_what_came() -> None:
    shown = await rxs.display_stream(rxs.from_stream(["Hel", Restarted(2), "Hi"]), view=Paper())
    assert shown.content == "Hi"


@pytest.mark.parametrize("in_a_thread", [False, True])
async def test_the_button_closes_the_upstream_and_returns_what_came(in_a_thread: bool) -> None:
    paper = Paper()
    closed: list[bool] = []

    def press() -> None:
        if in_a_thread:
            thread = threading.Thread(target=paper.stop)
            thread.start()
            thread.join()
        else:
            paper.stop()

    async def speak() -> AsyncIterator[str]:
        yield "Hel"
        press()
        try:
            await anyio.sleep_forever()
        finally:
            closed.append(True)

    with anyio.fail_after(5):
        shown = await rxs.display_stream(rxs.from_stream(speak), view=paper)
    assert closed == [True]
    assert (shown.content, shown.stopped, shown.metrics.ended) == ("Hel", True, "left")
    assert paper.seen[-1] == "close one: Hel"
    assert paper.lines == ["stopped"]


async def test_a_button_pressed_after_the_end_does_nothing() -> None:
    paper = Paper()
    shown = await rxs.display_stream(rxs.from_stream(["a"]), view=paper)
    paper.stop()
    await checkpoint()
    assert not shown.stopped


async def test_an_interrupt_closes_the_upstream_and_leaves_what_came() -> None:
    paper = Paper()
    closed = False

    async def speak() -> AsyncIterator[str]:
        nonlocal closed
        yield "Hel"
        try:
            scope.cancel()
            await anyio.sleep_forever()
        finally:
            closed = True

    with anyio.CancelScope() as scope:
        await rxs.display_stream(rxs.from_stream(speak), view=paper)
    assert scope.cancelled_caught
    assert closed
    assert paper.seen[-1] == "close one: Hel"
    assert paper.lines == ["stopped"]


async def test_an_error_comes_unchanged_behind_what_came() -> None:
    paper = Paper()
    broken = OSError("broken")

    async def speak() -> AsyncIterator[str]:
        yield "Hel"
        raise broken

    with pytest.raises(OSError, match="broken") as raised:
        await rxs.display_stream(rxs.from_stream(speak), view=paper)
    assert raised.value is broken
    assert paper.seen[-1] == "close one: Hel"
    assert paper.lines == ["failed: OSError"]


async def test_a_view_that_fails_closes_the_upstream() -> None:
    class Torn(Paper):
        def show(self, lanes: Sequence[Lane], now: float, *, as_one: bool) -> None:
            raise ValueError("torn")

    closed = False

    async def speak() -> AsyncIterator[str]:
        nonlocal closed
        try:
            yield "Hel"
            await anyio.sleep_forever()
        finally:
            closed = True

    with anyio.fail_after(5), pytest.raises(ValueError, match="torn"):
        await rxs.display_stream(rxs.from_stream(speak), view=Torn())
    assert closed


async def test_a_view_that_fails_at_the_end_says_so() -> None:
    class Torn(Paper):
        def close(self, lanes: Sequence[Lane], now: float, *, as_one: bool) -> None:
            raise ValueError("torn")

    with pytest.raises(ValueError, match="torn"):
        await rxs.display_stream(rxs.from_stream(["a"]), view=Torn())


def test_who_interrupts_a_cell_is_told_what_became_of_the_stream() -> None:
    source = Source(["a", "b"], pause=3600)

    async def cell() -> None:
        # As ipykernel does it, without a word.
        task = asyncio.ensure_future(rxs.display_stream(source.observable, view=Paper()))
        await asyncio.sleep(0.01)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError, match=r"^interrupted: the stream is closed"):
        asyncio.run(cell())
    assert source.closed == 1


async def test_what_is_no_stream_is_refused_before_anything_is_shown() -> None:
    paper = Paper()
    with pytest.raises(TypeError, match="expects an Observable and got 'text'"):
        await rxs.display_stream("text", view=paper)  # type: ignore[arg-type]
    assert paper.seen == []


@pytest.mark.parametrize("every", [0, -1, float("inf"), float("nan")])
async def test_the_time_between_two_updates_is_positive(every: float) -> None:
    with pytest.raises(ValueError, match="expects every to be more than 0 seconds, and finite,"):
        await rxs.display_stream(rxs.from_stream(["a"]), every=every, view=Paper())


async def test_without_a_notebook_it_is_shown_in_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    await rxs.display_stream(rxs.from_stream(["# Ti", "tle\n\nand *text*"]))
    printed = capsys.readouterr().out
    assert "Title" in printed
    assert "and text" in printed
    assert "done" in printed


async def test_missing_packages_are_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_rich(name: str, *arguments: Any, **options: Any) -> Any:
        if name.startswith("rich"):
            raise ModuleNotFoundError("No module named 'rich'", name="rich")
        return real(name, *arguments, **options)

    monkeypatch.delitem(sys.modules, "rxstream.sinks.terminal_view", raising=False)
    monkeypatch.setattr(builtins, "__import__", without_rich)
    with pytest.raises(ImportError, match=r"No module named 'rich'.*pip install 'rxstream\[notebook\]'"):
        await rxs.display_stream(rxs.from_stream(["a"]))


def test_a_notebook_writes_nothing_for_what_it_has_shown() -> None:
    assert Shown("text")._ipython_display_() is None  # type: ignore[func-returns-value]


async def test_tags_and_text_may_come_mixed() -> None:
    shown = await rxs.display_stream(rxs.from_stream(["a", Tagged("x", "b")]), view=Paper())
    assert (shown.content, shown.lanes["x"].content) == ("a", "b")
