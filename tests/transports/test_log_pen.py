"""What writes a stream into a slow log: all that has come meanwhile at once, and in order."""

from collections.abc import Sequence
from typing import Any, cast

import anyio
import pytest

from rxstream.errors import LeaseLost
from rxstream.transports.dialects.contract import Frame
from rxstream.transports.log import LogWriter
from rxstream.transports.log_pen import LogPen

pytestmark = pytest.mark.anyio


class Slow:
    """A writer whose every append waits until it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.gate = anyio.Event()
        self.fails: Exception | None = None
        self.ended = False

    async def append(self, frames: Sequence[Frame], *, last: bool = False) -> None:
        self.batches.append([data for _, data in frames])
        self.ended = last
        await self.gate.wait()
        if self.fails is not None:
            raise self.fails


def pen_for(writer: Slow) -> LogPen:
    return LogPen(cast("LogWriter", writer))


def frame(text: str) -> Frame:
    return (None, text)


async def test_what_comes_while_one_is_written_is_the_next_one() -> None:
    writer = Slow()
    pen = pen_for(writer)
    lost: list[Any] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pen.run, lost.append)
        for text in "abc":
            pen.put([frame(text)])
            await anyio.wait_all_tasks_blocked()
        assert writer.batches == [["a"]]
        writer.gate.set()
        await anyio.wait_all_tasks_blocked()
        assert writer.batches == [["a"], ["b", "c"]]
        pen.put([frame("d")])
        await pen.finish([frame("end")])
        tasks.cancel_scope.cancel()
    assert [text for batch in writer.batches for text in batch] == ["a", "b", "c", "d", "end"]
    assert writer.ended
    assert lost == []


async def test_the_end_waits_for_what_is_being_written() -> None:
    writer = Slow()
    pen = pen_for(writer)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pen.run, print)
        pen.put([frame("a")])
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(pen.finish, [frame("end")])
        await anyio.wait_all_tasks_blocked()
        assert writer.batches == [["a"]]
        writer.gate.set()
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert writer.batches == [["a"], ["end"]]


async def test_a_stream_that_runs_ahead_waits() -> None:
    writer = Slow()
    pen = pen_for(writer)
    written = 0

    async def write_all() -> None:
        nonlocal written
        for number in range(1000):
            if not pen.put([frame(str(number))]):
                await pen.room()
            written += 1

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pen.run, print)
        tasks.start_soon(write_all)
        await anyio.wait_all_tasks_blocked()
        assert 200 < written < 300
        writer.gate.set()
        await anyio.wait_all_tasks_blocked()
        assert written == 1000
        tasks.cancel_scope.cancel()
    assert [text for batch in writer.batches for text in batch] == [str(number) for number in range(1000)]


async def test_an_error_is_told_and_the_end_of_it() -> None:
    writer = Slow()
    writer.gate.set()
    writer.fails = LeaseLost("somebody else")
    lost: list[Exception] = []
    pen = pen_for(writer)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pen.run, lost.append)
        pen.put([frame("a")])
    assert lost == [writer.fails]
