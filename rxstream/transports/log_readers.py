"""Those who read one log in one process: where each of them is told of what is new."""

from collections.abc import Sequence

from rxstream.transports.log import LogEntry
from rxstream.transports.log_inbox import MOST_BYTES, MOST_ENTRIES, Inbox

__all__ = ("Readers",)


class Readers:
    """The base of what a process knows of a log that has to be asked: its readers, by their streams."""

    def __init__(self, *, max_events: int, max_bytes: int) -> None:
        self._readers: dict[str, list[Inbox]] = {}
        # What the log has dropped meanwhile is not to come out of an inbox: who is slow sees a gap.
        self._most = min(MOST_ENTRIES, max_events), min(MOST_BYTES, max_bytes)

    def is_read(self, stream: str) -> bool:
        """Tell whether anybody here reads a stream."""
        return stream in self._readers

    def enter(self, stream: str, after: int) -> Inbox:
        """Have a new reader told of what is appended."""
        inbox = Inbox(after, most_entries=self._most[0], most_bytes=self._most[1])
        self._readers.setdefault(stream, []).append(inbox)
        return inbox

    def leave(self, stream: str, inbox: Inbox) -> None:
        """Forget a reader; it waits for nothing, since whoever leaves may have been cancelled."""
        readers = self._readers[stream]
        readers.remove(inbox)
        if not readers:
            del self._readers[stream]
            self._left(stream)

    def _left(self, stream: str) -> None:
        """Learn that nobody here reads a stream any more."""

    def deliver(self, stream: str, entries: Sequence[LogEntry]) -> None:
        """Give entries that are in the log to those who read the stream here."""
        for inbox in self._readers.get(stream, ()):
            inbox.deliver(entries)

    def look(self, stream: str) -> None:
        """Have the readers of a stream look into the log."""
        for inbox in self._readers.get(stream, ()):
            inbox.look()
