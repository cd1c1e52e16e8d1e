"""CPU time per item, of several contenders in turns."""

import asyncio
import gc
import time
from collections.abc import AsyncIterable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ("Contender", "Line", "Scale", "Unit", "exhaust", "measure", "read")

Scale = Literal["cheaper", "of its cost"]
Unit = Literal["ns", "bytes"]


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to do a row's work, as a stream that is opened and read to its end."""

    name: str
    open: Callable[[], AbstractAsyncContextManager[AsyncIterable[Any]]]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: costs in nanoseconds of CPU time per item, or in bytes per stream."""

    row: str
    what: str
    against: str
    ours: float
    theirs: float
    #: "cheaper": theirs / ours, large is good. "of its cost": ours / theirs, small is good.
    scale: Scale
    #: None on both: a peer that there is no budget for.
    minimum: float | None = None
    aim: float | None = None
    #: What our cost consists of.
    parts: dict[str, float] = field(default_factory=dict[str, float])
    unit: Unit = "ns"

    @property
    def ratio(self) -> float:
        """Compare, the way that the budget is written."""
        return self.theirs / self.ours if self.scale == "cheaper" else self.ours / self.theirs

    @property
    def verdict(self) -> str:
        """Judge the ratio by the budget."""
        if self.minimum is None or self.aim is None:
            return "-"
        sign = 1 if self.scale == "cheaper" else -1
        if sign * self.ratio < sign * self.minimum:
            return "FAILS"
        return "ok" if sign * self.ratio >= sign * self.aim else "below aim"


def measure(
    contenders: Sequence[Contender], items: int, rounds: int, *, warm_up: bool = True
) -> dict[str, float]:
    """Return each contender's best CPU time in nanoseconds, divided by ``items``.

    They take turns (A, B, A, B, ...), so that what slows the machine down for a while hits all of them. One
    round before the first counted one (unless ``warm_up`` is False, because they have run before) lets
    imports, caches and specialised bytecode settle. CPU time, and not the wall's, because others use the
    machine, too; the best, and not the middle, because what disturbs a run only ever makes it longer.
    """
    best = {contender.name: float("inf") for contender in contenders}
    with asyncio.Runner() as runner:
        for number in range(0 if warm_up else 1, rounds + 1):
            for contender in contenders:
                gc.collect()
                gc.disable()
                try:
                    start = time.process_time_ns()
                    runner.run(exhaust(contender))
                    took = time.process_time_ns() - start
                finally:
                    gc.enable()
                if number:
                    best[contender.name] = min(best[contender.name], took / items)
    return best


async def exhaust(contender: Contender) -> None:
    """Read a contender to its end, and keep nothing."""
    async with contender.open() as items:
        async for _ in items:
            pass


async def read(contender: Contender) -> list[Any]:
    """Return everything that a contender gives, for the tests."""
    async with contender.open() as items:
        return [item async for item in items]
