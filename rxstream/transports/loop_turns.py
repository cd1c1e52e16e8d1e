"""Whether a task has let others run: so that it does so when it must, and only then."""

import asyncio
from time import monotonic
from typing import Final
from weakref import WeakKeyDictionary

from anyio.lowlevel import checkpoint

from rxstream.engine.backend import running_backend

__all__ = ("Turn",)

#: Of so many things that a task does one is timed: to do that costs, too.
_EVERY: Final = 8
#: Seconds that a task which never waits may have the event loop for itself.
_LONGEST: Final = 0.005
#: Where turns cannot be counted: things that come so soon (seconds) behind each other were there already.
_AT_ONCE: Final = 0.0001 * _EVERY
#: Who takes that long so many times, one after the other, is taken to be working, not waiting.
_SLOW: Final = 2


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
    """One task's turn of the event loop. A checkpoint for every event would cost as much as the event.

    By a clock of its own, in real time: a loop's clock may stand still for as long as the turn lasts.
    """

    __slots__ = ("_began", "_count", "_last", "_slow", "_things", "_turns")

    def __init__(self) -> None:
        self._began = self._last = monotonic() - 1
        self._count = -1
        self._slow = 0
        self._things = 0
        self._turns: _Turns | None = None
        if running_backend() == "asyncio":
            loop = asyncio.get_running_loop()
            turns = _turns.get(loop)
            if turns is None:
                turns = _turns[loop] = _Turns()
            self._turns = turns

    def is_long(self) -> bool:
        """Tell, once for each thing that the task does, whether it should ``pause`` now."""
        self._things += 1
        if self._things % _EVERY:
            return False
        now = monotonic()
        since = now - self._last
        self._last = now
        if since > _LONGEST:
            # Mostly it has waited. To find that out would be a turn of the loop, at every event of a stream
            # that has the loop to itself.
            self._began = now
            self._slow += 1
            return self._slow >= _SLOW
        turns = self._turns
        if turns is None:
            if since > _AT_ONCE:
                self._began = now
        else:
            if not turns.armed:
                turns.arm()
            if turns.count != self._count:
                self._count = turns.count
                self._began = now
        return now - self._began > _LONGEST

    async def pause(self) -> None:
        """Let the others run."""
        await checkpoint()
        self._slow = 0
        self._began = self._last = monotonic()
