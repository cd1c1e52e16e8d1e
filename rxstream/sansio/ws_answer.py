"""One answer on a server's WebSocket: what waits to be sent of it, and how much of it may be made."""

from collections import deque
from collections.abc import Callable
from typing import Literal, TypeAlias

__all__ = ("MAX_CREDIT", "Answer", "Stopping")

#: Enough for every answer, and a number that stays one.
MAX_CREDIT = 2**31 - 1

#: Why an answer is stopped before its end: its client asked for it, or the connection ends.
Stopping: TypeAlias = Literal["cancel", "close"]


def _nobody() -> None:
    """Wake nobody."""


class Answer:
    """An answer from its request to its terminal message.

    ``credit``: how many chunks the client still takes; None: it does not count, and TCP alone holds the
    answer back. ``window``: how many messages may wait here.
    """

    __slots__ = ("credit", "id", "is_over", "on_room", "queue", "ringed", "spent", "stopping", "window")

    def __init__(self, name: str | None, credit: int | None, window: int) -> None:
        self.id = name
        self.credit = credit
        self.window = window
        self.queue: deque[str] = deque()
        #: Whether it stands in the ring of those that have something to send.
        self.ringed = False
        #: Whether its terminal message is in the queue: nothing comes behind that.
        self.is_over = False
        self.stopping: Stopping | None = None
        #: Whether a chunk was made since the client granted credit for the last time.
        self.spent = True
        #: Called when there may be room again.
        self.on_room: Callable[[], None] = _nobody

    @property
    def has_room(self) -> bool:
        """Whether its source may be asked for the next item."""
        return len(self.queue) < self.window and self.credit != 0

    def spend(self) -> None:
        """Learn that an item has been made."""
        self.spent = True
        if self.credit is not None:
            self.credit -= 1

    def grant(self, credit: int) -> None:
        """Take more credit. A client that has not counted so far begins to."""
        self.spent = False
        self.credit = min((self.credit or 0) + credit, MAX_CREDIT)
        self.on_room()

    def drop(self) -> None:
        """Drop what waits to be sent, except its end."""
        if not self.is_over:
            self.queue.clear()
