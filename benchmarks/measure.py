"""CPU time per item and memory, of several contenders in turns, each in a process of its own."""

import asyncio
import gc
import time
import tracemalloc
from collections.abc import AsyncIterable, AsyncIterator, Callable, Generator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from math import isnan, nan
from typing import Any, Literal

from benchmarks.peers import absent
from benchmarks.workers import Job, workers

__all__ = (
    "Contender",
    "Cost",
    "Curve",
    "Found",
    "Line",
    "Scale",
    "Unit",
    "alone",
    "compare",
    "exhaust",
    "measure",
    "read",
)

Scale = Literal["cheaper", "of its cost", "as many"]
Unit = Literal["ns", "bytes", "rules"]


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to do a row's work, as a stream that is opened and read to its end."""

    name: str
    open: Callable[[], AbstractAsyncContextManager[AsyncIterable[Any]]]
    #: The modules without which it cannot be done.
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cost:
    """What a contender takes; not a number where it is not installed."""

    #: Nanoseconds of CPU time per item.
    time: float = nan
    #: Bytes that it had allocated itself at the most; not a number where that was not asked.
    memory: float = nan


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: costs in nanoseconds of CPU time per item, or in bytes; or what was right."""

    row: str
    what: str
    against: str
    ours: float
    #: Not a number: it is not installed.
    theirs: float
    #: "cheaper": theirs / ours, large is good. "of its cost": ours / theirs, small is good. "as many": that,
    #: where large is good.
    scale: Scale
    #: None on both: a peer that there is no budget for.
    minimum: float | None = None
    aim: float | None = None
    #: What our cost consists of.
    parts: dict[str, float] = field(default_factory=dict[str, float])
    unit: Unit = "ns"
    #: Bytes that each had allocated at the most, apart from its input.
    our_memory: float = nan
    their_memory: float = nan

    @property
    def ratio(self) -> float:
        """Compare, the way that the budget is written."""
        return self.theirs / self.ours if self.scale == "cheaper" else self.ours / self.theirs

    @property
    def verdict(self) -> str:
        """Judge the ratio by the budget."""
        if isnan(self.ratio):
            return "not installed"
        if self.minimum is None or self.aim is None:
            return "-"
        sign = -1 if self.scale == "of its cost" else 1
        if sign * self.ratio < sign * self.minimum:
            return "FAILS"
        return "ok" if sign * self.ratio >= sign * self.aim else "below aim"


@dataclass(frozen=True, slots=True)
class Curve:
    """What a picture shows of one contender."""

    #: The picture's name, and that of the part of it.
    picture: str
    panel: str
    name: str
    x: Sequence[float]
    y: Sequence[float]
    x_unit: str
    y_unit: str


#: What a row gives.
Found = Line | Curve


def compare(
    row: str,
    what: str,
    against: str,
    ours: Cost,
    theirs: Cost,
    scale: Scale,
    minimum: float | None = None,
    aim: float | None = None,
    *,
    parts: Mapping[str, float] | None = None,
) -> Line:
    """Make a line of two costs."""
    return Line(
        row,
        what,
        against,
        ours.time,
        theirs.time,
        scale,
        minimum,
        aim,
        parts=dict(parts or {}),
        our_memory=ours.memory,
        their_memory=theirs.memory,
    )


def measure(
    contenders: Sequence[Contender],
    items: int | Mapping[str, int],
    rounds: int,
    *,
    warm_up: bool = True,
    memory: bool = True,
) -> dict[str, Cost]:
    """Return each contender's best CPU time per item, and its memory: by name, if they work on unlike inputs.

    Each has a process of its own. They take turns (A, B, A, B, ...), so that what slows the machine down for
    a while hits all of them. One round before the first counted one (unless ``warm_up`` is False) lets
    imports, caches and specialised bytecode settle. CPU time, and not the wall's, because others use the
    machine, too; the best, and not the middle, because what disturbs a run only ever makes it longer.

    What it had allocated at the most is told by one more round, under tracemalloc, with the garbage
    collector on.
    """
    there = [one for one in contenders if not absent(*one.needs)]
    best = {one.name: float("inf") for one in there}
    most = dict.fromkeys(best, nan)
    with workers({one.name: partial(_rounds, one) for one in there}) as ask:
        for number in range(0 if warm_up else 1, rounds + 1):
            for name, so_far in best.items():
                took = ask(name, "time")
                if number:
                    best[name] = min(so_far, took)
        if memory:
            most = {name: ask(name, "memory") for name in best}
    found = {one.name: Cost() for one in contenders}
    for name, took in best.items():
        count = items if isinstance(items, int) else items[name]
        found[name] = Cost(took / count, most[name])
    return found


@contextmanager
def _rounds(contender: Contender) -> Generator[Job]:
    """Read the contender to its end, again and again, in one event loop."""
    with asyncio.Runner() as runner:

        def one_round(told: str) -> float:
            return (_peak if told == "memory" else _time)(lambda: runner.run(exhaust(contender)))

        yield one_round


def _time(work: Callable[[], object]) -> float:
    gc.collect()
    gc.disable()
    try:
        start = time.process_time_ns()
        work()
        return time.process_time_ns() - start
    finally:
        gc.enable()


def _peak(work: Callable[[], object]) -> float:
    gc.collect()
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def alone(name: str, work: Callable[[], Any], *, needs: tuple[str, ...] = ()) -> Contender:
    """Make a contender of a function without a loop around it: one item, what it returns."""

    async def output() -> AsyncIterator[Any]:
        yield work()

    def opened() -> AbstractAsyncContextManager[AsyncIterable[Any]]:
        stream: Any = output()  # an async generator, which has aclose()
        return aclosing(stream)

    return Contender(name, opened, needs)


async def exhaust(contender: Contender) -> None:
    """Read a contender to its end, and keep nothing."""
    async with contender.open() as items:
        async for _ in items:
            pass


async def read(contender: Contender) -> list[Any]:
    """Return everything that a contender gives, for the tests."""
    async with contender.open() as items:
        return [item async for item in items]
