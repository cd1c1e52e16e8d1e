"""How far a stream of events has been read, so that another connection can go on there."""

from typing import Final

from rxstream.errors import AnswerChanged
from rxstream.items import SSEEvent

__all__ = ("Place", "sendable")

#: Longer ids are refused: the header of a request has no room for them on most servers.
_LONGEST_ID: Final = 4096


class Place:
    """Keep the last event's id, and tell the events of a new connection that have been read before.

    A server goes on behind the id that it is sent. One that begins again at the first event instead is
    noticed by that event's id; what was read is then dropped, and must be what it was: of all that was read
    one number is kept, a hash.
    """

    __slots__ = ("_again", "_exact", "_first", "_fresh", "_replays", "_seal", "last", "retry")

    def __init__(self, last_id: str | None = None) -> None:
        self._first: str | None = None
        #: The last id that was named. Until there is one, events without an id need not be shown to this.
        self.last = last_id
        #: Whether the last event has an id of its own, and not only that of an event before it.
        self._exact = True
        #: Whether the next event with an id is the first one of another connection.
        self._fresh = False
        self._replays = False
        self._seal = self._again = 0
        #: Seconds before another connection, if the server has named any.
        self.retry: float | None = None

    @property
    def id(self) -> str | None:
        """What tells the server where to go on; None if nothing does."""
        last = self.last
        return last if last and self._exact and sendable(last) else None

    def reconnect(self) -> None:
        """Learn that another connection begins."""
        self._fresh = True
        self._replays = False

    def forget(self) -> None:
        """Learn that nothing that could be sent would bring the rest of the stream."""
        self._exact = False

    def is_new(self, event: SSEEvent) -> bool:
        """Take the next event; tell whether it is to be read.

        Raises AnswerChanged if what comes again differs from what came before.
        """
        if event.retry is not None:
            self.retry = event.retry / 1000
        name = event.id
        if self._fresh and name is not None:
            self._fresh = False
            if name == self._first:
                self._replays = True
                self._again = 0
        if self._replays:
            self._again = hash((self._again, event.event, event.data))
            if name == self.last:
                self._end_replay()
            return False
        if self._first is None:
            self._first = name
            self._seal = 0
        self._seal = hash((self._seal, event.event, event.data))
        # An event that shares the id of the one before it cannot be told from that one.
        self._exact = name is not None and name != self.last
        if name is not None:
            self.last = name
        return True

    def _end_replay(self) -> None:
        self._replays = False
        if self._again != self._seal:
            self.forget()
            raise AnswerChanged(
                f"asked to go on behind the event {self.last!r}, the server began again, with another answer "
                f"than before. Behind retry_stream() the same is asked again, and compared."
            )


def sendable(name: str) -> bool:
    """Tell whether an id can stand in a header as it is."""
    return len(name) <= _LONGEST_ID and name == name.strip(" ") and name.isprintable()
