"""How many messages a client may send: so many a second, and some more in a moment."""

__all__ = ("Rate",)


class Rate:
    """A bucket that fills at a rate, holds what two seconds bring (ten at least), and is full at first.

    ``refused``: how many found it empty since it was full for the last time.
    """

    __slots__ = ("_at", "_content", "_rate", "_size", "refused")

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._size = self._content = max(2 * rate, 10.0)
        self._at: float | None = None
        self.refused = 0

    def take(self, now: float) -> bool:
        """Take one out, at a time in seconds; say whether there was one. A rate of 0 is no limit."""
        if not self._rate:
            return True
        if self._at is not None:
            # A clock that was set back brings nothing, and takes nothing.
            elapsed = max(now - self._at, 0.0)
            self._content = min(self._size, self._content + elapsed * self._rate)
        self._at = now
        if self._content == self._size:
            self.refused = 0
        if self._content < 1:
            self.refused += 1
            return False
        self._content -= 1
        return True
