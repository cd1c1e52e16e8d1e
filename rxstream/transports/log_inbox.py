"""What has come in for one reader, and whether there is more in the log."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from rxstream.transports.log import LogEntry, size_of
from rxstream.transports.sleepers import Sleepers

__all__ = ("MOST_BYTES", "MOST_ENTRIES", "Found", "Inbox")

#: What one look into the log brings, and what is kept for a slow reader: more is read from the log again.
MOST_ENTRIES: Final = 512
MOST_BYTES: Final = 1 << 20


class Found(NamedTuple):
    """What a look into the log has found; ``oldest`` is ``newest + 1`` if no entry is held."""

    oldest: int
    newest: int
    ended: bool
    alive: bool
    entries: list[LogEntry]


class Inbox:
    """The entries behind the last one that was taken, as far as they have come by themselves."""

    __slots__ = ("_bell", "_entries", "_most_bytes", "_most_entries", "_size", "behind", "looking", "seq")

    def __init__(self, after: int, *, most_entries: int, most_bytes: int) -> None:
        #: The newest entry that was taken.
        self.seq = after
        #: Whether there is something in the log that does not come by itself.
        self.behind = True
        self.looking = False
        self._entries: list[LogEntry] = []
        self._size = 0
        self._most_entries = most_entries
        self._most_bytes = most_bytes
        self._bell = Sleepers()

    @property
    def newest(self) -> int:
        """The newest entry that has come, taken or not."""
        return self._entries[-1].seq if self._entries else self.seq

    async def wait(self) -> None:
        """Wait for something to take, or to look for, or for ``wake``."""
        await self._bell.sleep()

    def wake(self) -> None:
        """End the wait."""
        self._bell.wake()

    def look(self) -> None:
        """Have the reader look into the log."""
        self.behind = True
        self._bell.wake()

    def deliver(self, entries: Sequence[LogEntry]) -> None:
        """Take entries in, if they are the next; what comes while the reader looks may be later ones."""
        if self.behind:
            return
        newest = self.newest
        fresh = entries[max(0, newest + 1 - entries[0].seq) :]
        if not fresh:
            return
        if fresh[0].seq != newest + 1 and (self._entries or not self.looking):
            self.behind = True
        else:
            self._entries += fresh
            for entry in fresh:
                self._size += size_of(entry.data)
            if self._size > self._most_bytes or len(self._entries) > self._most_entries:
                self._drop()
                self.behind = True
        self._bell.wake()

    def take(self) -> list[LogEntry]:
        """Give what has come in."""
        entries = self._entries
        if entries:
            self._drop()
            self.seq = entries[-1].seq
        return entries

    def begin_look(self) -> None:
        """Begin to look into the log; what comes in meanwhile is kept."""
        self.behind, self.looking = False, True

    def break_off(self) -> None:
        """Give up looking: it has to be done again."""
        self._drop()
        self.behind, self.looking = True, False

    def end_look(self, found: Found) -> None:
        """Go on behind what was found."""
        self.looking = False
        self.seq = found.entries[-1].seq if found.entries else max(self.seq, found.oldest - 1)
        self._entries = [entry for entry in self._entries if entry.seq > self.seq]
        self._size = sum(size_of(entry.data) for entry in self._entries)
        if self._entries[0].seq != self.seq + 1 if self._entries else self.seq < found.newest:
            self._drop()
            self.behind = True

    def _drop(self) -> None:
        self._entries, self._size = [], 0
