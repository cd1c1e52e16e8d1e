"""Where a log under test keeps its streams, and how its streams are read."""

import os
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from typing import Any, ClassVar

import anyio

from rxstream.transports.dialects.contract import Frame
from rxstream.transports.log import LogEntry, LogWriter, StreamLog

#: Nothing here takes so long, also on a machine that is busy.
SOON = 20.0
_numbers = count(1)


class Storage(ABC):
    """Where the log under test keeps its streams."""

    #: How many examples of a Hypothesis law it can afford.
    examples: ClassVar[int] = 20
    #: Seconds after which a producer that died counts as gone; None: a log of one process.
    lease: ClassVar[float | None] = None

    @abstractmethod
    def open(self, **bounds: Any) -> AbstractAsyncContextManager[StreamLog]:
        """Open a log; where the streams of one outlive it, each sees what the others wrote."""

    @asynccontextmanager
    async def beside(self, log: StreamLog) -> AsyncGenerator[StreamLog]:
        """Open another log with the same streams: the same, if it is in memory."""
        if self.lease is None:
            yield log
        else:
            async with self.open() as other:
                yield other

    async def lose(self, writer: LogWriter) -> None:
        """Let a producer's lease be over without it knowing of that."""
        raise NotImplementedError

    def expression(self) -> str:
        """Write, as Python for another process, how to make a log with these streams."""
        raise NotImplementedError


def name() -> str:
    """Give a stream a name that none has had: storages may be shared between tests."""
    return f"s-{os.getpid()}_{next(_numbers)}"


def frames(*data: str) -> list[Frame]:
    return [(None, text) for text in data]


async def texts(log: StreamLog, stream: str, after: int = 0) -> list[str]:
    """Read a stream to its end, and check that nothing is missing and nothing doubled."""
    found = [entry async for batch in log.read(stream, after) for entry in entries_of(batch)]
    assert [entry.seq for entry in found] == list(range(after + 1, after + 1 + len(found)))
    assert [entry.last for entry in found] == [False] * (len(found) - 1) + [True] * bool(found)
    return [entry.data for entry in found]


def entries_of(batch: Any) -> list[LogEntry]:
    assert isinstance(batch, list), f"there is no gap, but got {batch}"
    assert batch, "a batch has something in it"
    return batch  # pyright: ignore[reportUnknownVariableType]


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    with anyio.fail_after(SOON):
        while not await condition():  # noqa: ASYNC110 - another process has no event of ours
            await anyio.sleep(0.01)


async def close(reader: Any) -> None:
    await reader.aclose()
