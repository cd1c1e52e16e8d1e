"""A source that counts what is asked of it, and what is left running."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import anyio
from anyio.lowlevel import checkpoint
from reactivex import Observable

import rxstream as rxs

__all__ = ("Run", "Source", "nothing_left", "stall")


async def stall() -> None:
    """Wait for ever: a provider that has fallen silent."""
    await anyio.sleep_forever()


class Source:
    """Cold: each subscription makes a new run over the same items, and each run is remembered.

    ``then`` is awaited behind the last item: it may raise, wait, or return, which is the end.
    """

    def __init__(self, items: Sequence[Any], then: Callable[[], Awaitable[object]] | None = None) -> None:
        self.items = items
        self.then = then
        self.runs: list[Run] = []

    def __call__(self) -> "Run":
        run = Run(self)
        self.runs.append(run)
        return run

    @property
    def observable(self) -> Observable[Any]:
        return rxs.from_stream(self)

    @property
    def closed(self) -> list[int]:
        """How often each run was closed."""
        return [run.closed for run in self.runs]


class Run:
    """One iteration."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.produced = 0
        self.closed = 0

    def __aiter__(self) -> "Run":
        return self

    async def __anext__(self) -> Any:
        assert not self.closed, "asked for an item after it was closed"
        await checkpoint()
        if self.produced == len(self.source.items):
            if self.source.then is not None:
                await self.source.then()
            raise StopAsyncIteration
        self.produced += 1
        return self.source.items[self.produced - 1]

    async def aclose(self) -> None:
        # Closing a connection takes its time; it counts when it is done.
        for _ in range(3):
            await checkpoint()
        self.closed += 1


@contextmanager
def nothing_left() -> Generator[None]:
    """Fail if a task that was started inside is still there behind it."""
    before = _tasks()
    yield
    assert _tasks() == before


def _tasks() -> int:
    trio: Any = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        living: int = trio.lowlevel.current_statistics().tasks_living
        return living
    return len(asyncio.all_tasks())
