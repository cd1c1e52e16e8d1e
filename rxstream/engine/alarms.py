"""Time limits on waiting: what an operator such as ``timeout_stream`` sets, and moves with every item.

A timer of Rx would do, but a pump with a timer gives its source a task, which costs several times what an
item costs otherwise; and it would count the time that the reader takes for itself. So there are limits in
*waiting time*, which passes only while the pump waits for something, and others on the clock's time. Moving a
limit further away is an assignment: the heap learns of it when the old limit comes up.
"""

import heapq
from collections.abc import AsyncIterator, Callable
from itertools import count
from math import inf
from typing import Any, Final

import anyio

from rxstream.engine.bell import Bell

__all__ = ("Alarm", "Alarms", "Expired", "Watched")

_number: Final = count()

#: Seconds by which an event loop, or a sum of floats, may be early: no limit is meant to that precision, and
#: without it a wait for the rest of one could be a wait of no time at all, for ever.
_SLACK: Final = 1e-6


class Alarm:
    """A limit, and what is done when it is reached, once."""

    __slots__ = ("action", "at", "is_set", "on_clock")

    def __init__(self, action: Callable[[], object], *, on_clock: bool = False) -> None:
        self.action = action
        #: In seconds of waiting time, or of the clock's. To be moved to later only.
        self.at = inf
        self.on_clock = on_clock
        self.is_set = False

    def dispose(self) -> None:
        """Call it off."""
        self.is_set = False


class Expired(Exception):
    """A limit was reached while a source was waited for, which was cancelled for it."""


class Alarms:
    """The alarms of one pump. True while there may be any."""

    __slots__ = ("_clock", "_of_clock", "_of_waiting", "waited")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        #: How long the pump has waited so far.
        self.waited = 0.0
        self._of_waiting: list[tuple[float, int, Alarm]] = []
        self._of_clock: list[tuple[float, int, Alarm]] = []

    def __bool__(self) -> bool:
        return bool(self._of_waiting or self._of_clock)

    def set(self, alarm: Alarm, seconds: float) -> None:
        """Have an alarm go off in so many seconds."""
        heap, now = (self._of_clock, self._clock()) if alarm.on_clock else (self._of_waiting, self.waited)
        alarm.at = now + seconds
        alarm.is_set = True
        heapq.heappush(heap, (alarm.at, next(_number), alarm))

    def run_due(self, run: Callable[[Callable[[], object]], object]) -> bool:
        """Have the actions of those run whose time has come; tell whether there were any."""
        if not self:
            return False
        ran = False
        for heap, now in ((self._of_waiting, self.waited), (self._of_clock, self._clock())):
            while _next(heap) <= now + _SLACK:
                alarm = heapq.heappop(heap)[2]
                alarm.is_set = False
                ran = True
                run(alarm.action)
        return ran

    async def wait(self, bell: Bell, deadline: float) -> None:
        """Wait for the bell, until ``deadline`` or the next alarm at the latest; count the time."""
        if not self:
            await bell.wait(deadline)
            return
        start = self._clock()
        try:
            await bell.wait(min(self._deadline(start), deadline))
        finally:
            self.waited += self._clock() - start

    async def pull(self, iterator: AsyncIterator[Any]) -> Any:
        """Ask a source for its next item; raise ``Expired`` at an alarm, with the source cancelled."""
        start = self._clock()
        deadline = self._deadline(start)
        if deadline > start:
            with anyio.CancelScope(deadline=deadline):
                try:
                    return await anext(iterator)
                finally:
                    self.waited += self._clock() - start
        raise Expired

    def _deadline(self, now: float) -> float:
        """Return when, on the clock, the next one goes off if the pump waits from ``now`` on."""
        return min(now + _next(self._of_waiting) - self.waited, _next(self._of_clock))


class Watched:
    """A source under alarms."""

    __slots__ = ("_alarms", "_iterator")

    def __init__(self, iterator: AsyncIterator[Any], alarms: Alarms) -> None:
        self._iterator = iterator
        self._alarms = alarms

    def __aiter__(self) -> "Watched":
        return self

    async def __anext__(self) -> Any:
        return await self._alarms.pull(self._iterator)


def _next(heap: list[tuple[float, int, Alarm]]) -> float:
    """Return the earliest limit, of which the heap may have an older idea."""
    while heap:
        at, number, alarm = heap[0]
        if not alarm.is_set:
            heapq.heappop(heap)
        elif alarm.at > at:
            heapq.heapreplace(heap, (alarm.at, number, alarm))
        else:
            return at
    return inf
