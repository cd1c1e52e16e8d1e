"""Whether a task has let others run: so that it does so when it must, and only then."""

import asyncio
from collections.abc import Callable
from typing import Final
from weakref import WeakKeyDictionary

from anyio.lowlevel import checkpoint

from rxstream.engine.backend import loop_clock, running_backend

__all__ = ("Turn",)

#: Seconds that a task which never waits may have the event loop for itself.
_LONGEST: Final = 0.005
#: Where turns cannot be counted: what comes so soon (seconds) behind another thing was there already.
_AT_ONCE: Final = 0.0001


class _Turns:
    """Counts the turns of an asyncio loop, for all tasks that want to know, while they do.

    What a task waits for comes in a later turn, and the count goes up before it.
    """

    __slots__ = ("_call_soon", "armed", "count")

    def __init__(self) -> None:
        self._call_soon = asyncio.get_running_loop().call_soon
        self.armed = False
        self.count = 0

    def arm(self) -> None:
        self.armed = True
        self._call_soon(self._fire)

    def _fire(self) -> None:
        self.armed = False
        self.count += 1


_turns: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, _Turns]] = WeakKeyDictionary()


class Turn:
    """One task's turn of the event loop. A checkpoint for every event would cost as much as the event."""

    __slots__ = ("_began", "_clock", "_count", "_last", "_turns")

    def __init__(self) -> None:
        self._clock: Callable[[], float] = loop_clock()
        self._began = self._last = self._clock() - 1
        self._count = -1
        self._turns: _Turns | None = None
        if running_backend() == "asyncio":
            loop = asyncio.get_running_loop()
            turns = _turns.get(loop)
            if turns is None:
                turns = _turns[loop] = _Turns()
            self._turns = turns

    def goes_on(self, now: float) -> bool:
        """Tell whether the task has had no pause since this was last asked."""
        turns = self._turns
        if turns is None:
            last, self._last = self._last, now
            return now - last < _AT_ONCE
        if not turns.armed:
            turns.arm()
        if turns.count == self._count:
            return True
        self._count = turns.count
        self._began = now
        return False

    def is_long(self, now: float) -> bool:
        """Tell whether the task has had the loop for so long that it should ``pause``."""
        return now - self._began > _LONGEST

    async def pause(self) -> None:
        """Let the others run."""
        await checkpoint()
        self._began = self._clock()
