"""The gaps between the pieces of an answer, as they were at one moment."""

import math
from array import array
from collections.abc import Iterator

__all__ = ("Gaps",)


class Gaps:
    """Seconds between one piece of content and the next, in the order in which they came.

    It keeps its moment though it shares the array, which only ever grows: it looks at the first ``count``
    alone. So a snapshot copies nothing, and only who asks for a percentile pays for the sorting, once.
    Without a gap every figure is None: none was measured.
    """

    __slots__ = ("_all", "_sorted", "count")

    def __init__(self, seconds: "array[float]", count: int | None = None) -> None:
        self._all = seconds
        self._sorted: list[float] | None = None
        self.count = len(seconds) if count is None else count

    @property
    def p50(self) -> float | None:
        """The median: half of the gaps were at most that long."""
        return self.percentile(50)

    @property
    def p99(self) -> float | None:
        """Of a hundred gaps, 99 were at most that long."""
        return self.percentile(99)

    @property
    def longest(self) -> float | None:
        """The longest of all."""
        return self.percentile(100)

    @property
    def mean(self) -> float | None:
        """The sum of all, over their count."""
        return math.fsum(self) / self.count if self.count else None

    def percentile(self, percent: float) -> float | None:
        """Return the shortest gap that at least ``percent`` of all gaps are no longer than.

        Exact, and one that really was: nothing is interpolated. Raises ValueError outside of 0 to 100.
        """
        if not 0 <= percent <= 100:
            msg = f"percentile() expects a number from 0 to 100 and got {percent!r}"
            raise ValueError(msg)
        if not self.count:
            return None
        if self._sorted is None:
            self._sorted = sorted(self)
        # Multiplied first: a whole percentage of a whole count has no rounding error then.
        return self._sorted[max(math.ceil(percent * self.count / 100), 1) - 1]

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[float]:
        return iter(self._all[: self.count])

    def __repr__(self) -> str:
        if not self.count:
            return "Gaps(none)"
        return (
            f"Gaps({self.count}: p50 {self.p50:.3g} s, p99 {self.p99:.3g} s, "
            f"longest {self.longest:.3g} s, mean {self.mean:.3g} s)"
        )
