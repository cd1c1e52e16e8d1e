"""Readers of a shared stream, several at once, and a source that takes its time."""

from collections.abc import Awaitable, Callable
from typing import Any

import anyio

import rxstream as rxs
from rxstream.combine.share import share_stream

__all__ = ("Reading", "Slow", "reading", "together")


async def together(*readings: Callable[[], Awaitable[Any]]) -> list[Any]:
    """Await several, each in a task of its own."""
    results: list[Any] = [None] * len(readings)

    async def one(number: int) -> None:
        results[number] = await readings[number]()

    async with anyio.create_task_group() as tasks:
        for number in range(len(readings)):
            tasks.start_soon(one, number)
    return results


def reading(stream: Any, *, after: float = 0.0, pause: float = 0.0, most: int | None = None) -> Any:
    """Make a reader that comes after so many seconds, and takes so long for each item."""

    async def run() -> tuple[list[Any], Exception | None]:
        await anyio.sleep(after)
        came: list[Any] = []
        try:
            async with rxs.open_stream(stream) as items:
                async for item in items:
                    came.append(item)
                    if len(came) == most:
                        break
                    await anyio.sleep(pause)
        except Exception as error:
            return came, error
        return came, None

    return run


class Slow:
    """A source that takes a second for each item, and for closing; it says what happens."""

    def __init__(
        self,
        count: int = 1000,
        *,
        fail: BaseException | None = None,
        close_fail: Exception | None = None,
        close_seconds: float = 1.0,
    ) -> None:
        self.count = count
        self.fail = fail
        self.close_fail = close_fail
        self.close_seconds = close_seconds
        self.log: list[tuple[float, str]] = []

    @property
    def shared(self) -> Any:
        return rxs.from_stream(lambda: Reading(self)).pipe(share_stream(3, replay=2))

    def note(self, what: str) -> None:
        self.log.append((anyio.current_time(), what))


class Reading:
    """One iteration."""

    def __init__(self, source: Slow) -> None:
        self._source = source
        self._produced = 0
        source.note("open")

    def __aiter__(self) -> Any:
        return self

    async def __anext__(self) -> int:
        if self._produced == self._source.count:
            if self._source.fail is not None:
                raise self._source.fail
            raise StopAsyncIteration
        await anyio.sleep(1)
        self._produced += 1
        return self._produced

    async def aclose(self) -> None:
        await anyio.sleep(self._source.close_seconds)
        self._source.note("closed")
        if self._source.close_fail is not None:
            raise self._source.close_fail
