"""The clock by which processes of one machine tell whether another one is alive."""

import time
from collections.abc import Callable

__all__ = ("SharedClock",)


class SharedClock:
    """The wall clock, which all processes see alike, and whether it was set just now.

    Somebody sets it, or the machine was asleep: every sign of life looks too old then, or comes from the
    future. So for ``lease`` seconds behind a jump nobody counts as dead, and whoever is alive says so again.
    """

    def __init__(
        self,
        lease: float,
        *,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lease = lease
        self._wall = wall
        self._steady = steady
        self._offset = wall() - steady()
        # What stands in the file may be from before a jump that we did not see.
        self._sure_of_future = steady() + lease
        self._sure = 0.0

    def now(self) -> float:
        """Return the time of the wall clock, in seconds."""
        wall, steady = self._wall(), self._steady()
        offset = wall - steady
        # Compared with the last look only: a clock that is slowed down or sped up a little does not jump.
        if abs(offset - self._offset) > self._lease / 10:
            self._sure = self._sure_of_future = steady + self._lease
        self._offset = offset
        return wall

    def is_alive(self, beat: float, lease: float) -> bool:
        """Tell whether a process is, whose last sign of life was at ``beat``, and holds for ``lease``."""
        age = self.now() - beat
        if -lease <= age < lease:
            return True
        return self._steady() < (self._sure_of_future if age < 0 else self._sure)
