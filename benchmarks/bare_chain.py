"""What one operator for broken streams, slow readers or several readers adds to a chain without it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from reactivex import Observable
from reactivex import operators as ops

import rxstream as rxs
from benchmarks.measure import Contender, Found, compare, measure
from benchmarks.workloads import awaited, chunks, each

__all__ = ("BARE", "OPERATORS", "ROW", "TWO_READERS", "Play", "contenders", "lines", "production")

ROW = "bare-chain"
BARE = "the bare chain"

Play = Callable[[Sequence[rxs.StreamChunk]], AsyncIterator[rxs.StreamChunk]]


def production(source: Observable[rxs.StreamChunk]) -> Observable[rxs.StreamChunk]:
    """Put behind a source what an answer in production has behind it."""
    timed = source.pipe(rxs.timeout_stream(first=30, gap=10, total=600))
    return timed.pipe(rxs.retry_stream(), rxs.measure_stream())


def _unchanged(item: Any) -> Any:
    return item


#: What is measured. The first one is there for comparison: any stock operator at all.
OPERATORS: dict[str, Callable[[], Callable[[Observable[Any]], Observable[Any]]]] = {
    "ops.map": lambda: ops.map(_unchanged),
    "retry_stream": rxs.retry_stream,
    "timeout_stream": lambda: rxs.timeout_stream(first=30, gap=10, total=600),
    "measure_stream": rxs.measure_stream,
    "timeout, retry, measure": lambda: production,
    "backpressure, suspend": lambda: rxs.backpressure(100),
    "backpressure, join": lambda: rxs.backpressure(100, overflow="join"),
    "share_stream, one reader": lambda: rxs.share_stream(100),
    "pace_stream": lambda: rxs.pace_stream(max_lag=0.1, max_chars=1_000_000),
}
TWO_READERS = "share_stream, two readers"


def contenders(items: Sequence[rxs.StreamChunk], play: Play) -> list[Contender]:
    """Give the bare chain, and that with each of the operators."""

    def source() -> Observable[rxs.StreamChunk]:
        return rxs.from_stream(lambda: play(items))

    def bare() -> AbstractAsyncContextManager[AsyncIterable[Any]]:
        return rxs.open_stream(source())

    def with_operator(name: str) -> Contender:
        return Contender(name, lambda: rxs.open_stream(OPERATORS[name]()(source())))

    @asynccontextmanager
    async def two_readers() -> AsyncGenerator[AsyncIterable[Any], None]:
        shared = source().pipe(rxs.share_stream(100))
        async with asyncio.TaskGroup() as tasks, rxs.open_stream(shared) as one:
            other = tasks.create_task(_count(shared))
            yield one
        assert other.result() == len(items), "the other reader has missed something"

    return [
        Contender(BARE, bare),
        *(with_operator(name) for name in OPERATORS),
        Contender(TWO_READERS, two_readers),
    ]


def lines(*, quick: bool) -> list[Found]:
    """Measure the row."""
    count, rounds = (3000, 3) if quick else (10_000, 5)
    items = chunks(count)
    found: list[Found] = []
    for kind, play in (("ready", each), ("awaited", awaited)):
        cost = measure(contenders(items, play), count, rounds)
        for name in (*OPERATORS, TWO_READERS):
            what = f"{name}, each chunk {kind}"
            found.append(compare(ROW, what, BARE, cost[name], cost[BARE], "of its cost"))
    return found


async def _count(stream: Observable[Any]) -> int:
    count = 0
    async with rxs.open_stream(stream) as items:
        async for _ in items:
            count += 1
    return count
