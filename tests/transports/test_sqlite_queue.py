"""What is asked for is done in its order, together, and everybody gets an answer."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from rxstream.errors import LogError, UnknownStream, UsageError
from rxstream.transports.sqlite_file import SQLiteFile
from rxstream.transports.sqlite_queue import SQLiteQueue
from rxstream.transports.sqlite_streams import Streams
from tests.engine.sources import Backend
from tests.transports.test_sqlite_file import make

pytestmark = pytest.mark.anyio


class Counting(SQLiteFile):
    """A file that tells how much was done together."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), make)
        self.batches: list[int] = []

    def run(self, steps: Any) -> list[Any]:
        self.batches.append(len(steps))
        return super().run(steps)


async def test_what_comes_while_it_is_at_work_is_done_together(tmp_path: Path) -> None:
    file = Counting(tmp_path / "a.db")
    queue = SQLiteQueue(file)
    order: list[int] = []

    def act(number: int, _: Streams) -> int:
        return number

    calls = [queue.post(partial(act, number), order.append) for number in range(300)]
    assert [await queue.outcome(call) for call in calls] == list(range(300))
    assert order == list(range(300))
    assert len(file.batches) <= 4
    assert await queue.call(partial(act, 7)) == 7
    await queue.aclose()


async def test_an_error_goes_to_whoever_asked_and_to_nobody_else(tmp_path: Path) -> None:
    queue = SQLiteQueue(SQLiteFile(str(tmp_path / "a.db"), make))
    then: list[object] = []

    def fail(_: Streams) -> None:
        raise UnknownStream("no such stream")

    def beat(streams: Streams) -> list[str]:
        return streams.beat([])

    failing, working = queue.post(fail, then.append), queue.post(beat, then.append)
    with pytest.raises(UnknownStream):
        await queue.outcome(failing)
    assert await queue.outcome(working) == []
    assert then == [[]]
    await queue.aclose()
    await queue.aclose()
    with pytest.raises(LogError, match="closed"):
        queue.post(beat)


async def test_a_file_that_cannot_be_used_is_an_error_for_all(tmp_path: Path) -> None:
    queue = SQLiteQueue(SQLiteFile(str(tmp_path / "missing" / "a.db"), make))
    calls = [queue.post(lambda _: None) for _ in range(3)]
    for call in calls:
        with pytest.raises(LogError, match="no folder"):
            await queue.outcome(call)
    await queue.aclose()


def test_a_queue_that_was_never_used_is_closed_at_once(tmp_path: Path, anyio_backend: Backend) -> None:
    queue = SQLiteQueue(SQLiteFile(str(tmp_path / "a.db"), make))
    assert not queue.is_here()
    anyio.run(queue.aclose, backend=anyio_backend)
    assert list(tmp_path.iterdir()) == []


def test_it_lives_in_one_event_loop(tmp_path: Path, anyio_backend: Backend) -> None:
    queue = SQLiteQueue(SQLiteFile(str(tmp_path / "a.db"), make))

    async def use() -> None:
        await queue.call(lambda _: None)

    anyio.run(use, backend=anyio_backend)
    assert not queue.is_here()
    with pytest.raises(UsageError, match="another event loop"):
        anyio.run(use, backend=anyio_backend)
    anyio.run(queue.aclose, backend=anyio_backend)


def test_a_loop_that_ends_leaves_nobody_without_an_answer(tmp_path: Path) -> None:
    queue = SQLiteQueue(SQLiteFile(str(tmp_path / "a.db"), make))

    async def leave() -> list[Any]:
        calls = [queue.post(lambda _: None) for _ in range(200)]
        await asyncio.sleep(0)
        return calls

    calls = asyncio.run(leave())
    assert all(call.done.is_set() for call in calls)
    assert isinstance(calls[-1].error, LogError)
    asyncio.run(queue.aclose())
