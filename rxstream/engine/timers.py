"""What operators have asked the pump to do: in its next turn, or at a time on the event loop's clock."""

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from math import inf

from rxstream.engine.backend import loop_clock
from rxstream.engine.scope import Work

__all__ = ("Timers",)


class Timers:
    """The timers of one pump. True while one is pending.

    An operator such as ``ops.debounce`` calls a timer off for every item and starts another. Taking one out
    of the middle of a heap is dear, so it stays until half of them are dead, and then the heap is made anew.
    """

    __slots__ = ("_dead", "_number", "_zero", "clock", "heap", "ready")

    def __init__(self) -> None:
        #: The pump looks by itself whether anything is in these two, which are always the same objects.
        self.heap: list[tuple[float, int, Work]] = []
        self.ready: deque[Work] = deque()
        self._dead = 0
        #: The event loop's time; an operator may ask for a timer in any thread that pushes into a Subject.
        self.clock = loop_clock()
        self._number = count()  # those of one moment keep their order
        self._zero: tuple[datetime, float] | None = None

    def __bool__(self) -> bool:
        return len(self.heap) > self._dead

    def now(self) -> datetime:
        """Wall-clock time that moves with the event loop's clock."""
        if self._zero is None:
            self._zero = datetime.now(UTC), self.clock()
        wall, loop = self._zero
        return wall + timedelta(seconds=self.clock() - loop)

    def add(self, seconds: float, work: Work) -> None:
        """Have an action run in ``seconds`` seconds; with 0, in the next turn."""
        if not seconds:
            self.ready.append(work)
            return
        heapq.heappush(self.heap, (self.clock() + seconds, next(self._number), work))

    def forget(self) -> None:
        """Learn that a timer was called off."""
        self._dead += 1
        if self._dead * 2 > len(self.heap):
            self.heap[:] = [timer for timer in self.heap if not timer[2].disposed]
            heapq.heapify(self.heap)
            self._dead = 0

    def next_deadline(self) -> float:
        """Return the time of the next timer, on the event loop's clock; infinity if there is none."""
        return self.heap[0][0] if self.heap else inf

    def due(self) -> Iterator[Work]:
        """Give what is ready, and the timers whose time has come, as of now.

        What is scheduled meanwhile, at once or for however short a time, waits for the next turn.
        """
        for _ in range(len(self.ready)):
            work = self.ready.popleft()
            if not work.disposed:
                yield work
        if self:
            now = self.clock()
            while (timer := self.pop_due(now)) is not None:
                yield timer

    def run_due(self, run: Callable[[Callable[[], object]], object]) -> bool:
        """Run what is ready, and the timers whose time has come; tell whether there was any."""
        ran = False
        for work in self.due():
            ran = True
            run(work.run)
        return ran

    def pop_due(self, now: float) -> Work | None:
        """Take the next timer whose time has come at ``now``."""
        while self.heap and self.heap[0][0] <= now:
            work = heapq.heappop(self.heap)[2]
            if not work.disposed:
                return work
            self._dead -= 1
        return None
