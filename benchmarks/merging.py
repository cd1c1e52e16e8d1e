"""Many streams merged into one, against few of them, and against aiostream."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import rxstream as rxs
from benchmarks.measure import Contender, Found, compare, measure
from benchmarks.peers import load
from benchmarks.workloads import awaited, each

__all__ = ("ROW", "Play", "lines", "our_ways", "ours", "their_ways")

ROW = "merge"

Play = Callable[[Sequence[int]], AsyncIterator[int]]

#: What the sources are like, and how they are made of the numbers that they give.
KINDS: tuple[tuple[str, Play], ...] = (("each item awaited", awaited), ("each item ready", each))


def ours(streams: int, items: int, play: Play, *, at_once: int | None = None) -> Contender:
    """Merge so many streams, of so many items together; of each, what was ready at once or awaited."""

    def opened() -> AbstractAsyncContextManager[AsyncIterable[Any]]:
        numbers = range(items // streams)
        sources = [rxs.from_stream(lambda: play(numbers)) for _ in range(streams)]
        return rxs.open_stream(rxs.from_streams(*sources, max_concurrent=at_once))

    return Contender(f"ours {streams}" if at_once is None else f"ours {streams}, {at_once} at once", opened)


def theirs(streams: int, items: int, play: Play) -> Contender:
    """Do the same with aiostream, which does not say which stream an item is of."""

    def opened() -> AbstractAsyncContextManager[AsyncIterable[Any]]:
        numbers = range(items // streams)
        merged = load("aiostream").stream.merge(*(play(numbers) for _ in range(streams)))
        streamer: AbstractAsyncContextManager[AsyncIterable[Any]] = merged.stream()
        return streamer

    return Contender(f"aiostream {streams}", opened, ("aiostream",))


def our_ways(items: int, play: Play) -> list[Contender]:
    """Give ours, for so many items."""
    return [
        *(ours(streams, items, play) for streams in (10, 100, 1000)),
        ours(1000, items, play, at_once=10),
    ]


def their_ways(items: int, play: Play) -> list[Contender]:
    """Give theirs, for so many items."""
    return [theirs(streams, items, play) for streams in (10, 100)]


def lines(*, quick: bool) -> list[Found]:
    """Measure the row."""
    # In 1,000 streams 200 each, which is a short answer: opening and closing a stream is part of it.
    items, rounds = 200_000, 1 if quick else 3
    found: list[Found] = []
    for kind, play in KINDS:
        # Theirs is dear, and costs for an item the same however many come.
        all_of_them = [*our_ways(items, play), *their_ways(items // 8, play)]
        counts = {one.name: items // 8 if one.name.startswith("aiostream") else items for one in all_of_them}
        cost = measure(all_of_them, counts, rounds)
        few = cost["ours 10"]
        budget = (1.5, 1.1) if play is awaited else (None, None)
        found.append(
            compare(
                ROW,
                f"1,000 streams, {kind}, per item",
                "10 streams",
                cost["ours 1000"],
                few,
                "of its cost",
                *budget,
            )
        )
        found.append(
            compare(
                ROW, "the same, 10 at once", "10 streams", cost["ours 1000, 10 at once"], few, "of its cost"
            )
        )
        for streams in (10, 100):
            what = f"{streams} streams, {kind}, per item"
            both = cost[f"ours {streams}"], cost[f"aiostream {streams}"]
            found.append(compare(ROW, what, "aiostream", *both, "cheaper"))
    return found
