"""Stock Rx operators through the pump, against async generators and against aiostream."""

from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any

from reactivex import operators as ops

import rxstream as rxs
from benchmarks.measure import Contender, Found, compare, measure
from benchmarks.peers import load
from benchmarks.workloads import numbers

__all__ = ("AIOSTREAM_ROW", "GENERATORS_ROW", "against_aiostream", "against_generators", "contenders")

GENERATORS_ROW = "stock-against-generators"
AIOSTREAM_ROW = "stock-against-aiostream"


def increment(number: int) -> int:
    return number + 1


def double(number: int) -> int:
    return number * 2


def is_odd(number: int) -> bool:
    return number % 2 == 1


async def mapped(source: AsyncIterable[int], function: Callable[[int], int]) -> AsyncIterator[int]:
    async for item in source:
        yield function(item)


async def filtered(source: AsyncIterable[int], predicate: Callable[[int], bool]) -> AsyncIterator[int]:
    async for item in source:
        if predicate(item):
            yield item


def contenders(count: int, *, with_filter: bool) -> list[Contender]:
    """Give the three engines: map three times, or map, filter, map."""

    def ours() -> AbstractAsyncContextManager[AsyncIterable[Any]]:
        middle = ops.filter(is_odd) if with_filter else ops.map(double)
        source = rxs.from_stream(lambda: numbers(count))
        return rxs.open_stream(source.pipe(ops.map(increment), middle, ops.map(increment)))

    def generators() -> AbstractAsyncContextManager[AsyncIterable[Any]]:
        first = mapped(numbers(count), increment)
        second = filtered(first, is_odd) if with_filter else mapped(first, double)
        chain: Any = mapped(second, increment)  # an async generator, which has aclose()
        return aclosing(chain)

    def with_aiostream() -> AbstractAsyncContextManager[AsyncIterable[Any]]:
        pipe, stream = load("aiostream").pipe, load("aiostream").stream
        middle = pipe.filter(is_odd) if with_filter else pipe.map(double)
        chain = stream.iterate(numbers(count)) | pipe.map(increment) | middle | pipe.map(increment)
        streamer: AbstractAsyncContextManager[AsyncIterable[Any]] = chain.stream()
        return streamer

    return [
        Contender("ours", ours),
        Contender("generators", generators),
        Contender("aiostream", with_aiostream, ("aiostream",)),
    ]


def against_generators(*, quick: bool) -> list[Found]:
    """Measure the row against async generators."""
    return _lines(GENERATORS_ROW, "generators", "three async generators", quick=quick)


def against_aiostream(*, quick: bool) -> list[Found]:
    """Measure the row against aiostream."""
    return _lines(AIOSTREAM_ROW, "aiostream", "aiostream", quick=quick)


def _lines(row: str, peer: str, against: str, *, quick: bool) -> list[Found]:
    found: list[Found] = []
    for with_filter, what in ((False, "map, map, map"), (True, "map, filter, map")):
        count = 10_000 if quick else 50_000
        pair = [one for one in contenders(count, with_filter=with_filter) if one.name in {"ours", peer}]
        cost = measure(pair, count, 5 if quick else 12)
        ours, theirs = cost["ours"], cost[peer]
        if peer == "generators":
            found.append(compare(row, f"{what}, per item", against, ours, theirs, "of its cost", 2, 1.3))
        elif with_filter:
            # Reported without a budget, see the package's docstring.
            found.append(compare(row, f"{what}, per item", against, ours, theirs, "cheaper"))
        else:
            found.append(compare(row, f"{what}, per item", against, ours, theirs, "cheaper", 4, 6))
    return found
