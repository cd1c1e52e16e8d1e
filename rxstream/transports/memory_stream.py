"""One stream of a log in memory, as it is held."""

from collections import deque
from collections.abc import Callable
from itertools import repeat

from rxstream.transports.log import LogBatch, LogEntry, LogGap, LogWriter, size_of
from rxstream.transports.sleepers import Sleepers

__all__ = ("Held",)


class Held:
    """A stream, as the log holds it.

    ``quiet``: since when it has had no producer, if it has none. ``idle``: since when nobody has read it,
    if nobody does.
    """

    __slots__ = (
        "bytes",
        "deleted",
        "ended",
        "idle",
        "joined",
        "meta",
        "names",
        "newest",
        "owner",
        "quiet",
        "readers",
        "sleepers",
        "stop",
        "stopping",
        "stream",
        "texts",
        "writer",
    )

    def __init__(self, stream: str, owner: str | None, meta: str, now: float) -> None:
        self.stream = stream
        self.owner = owner
        self.meta = meta
        # The data and the event's name of each entry: texts only, at which no garbage collection looks. Its
        # seq follows from ``newest``, and only the newest can be the last.
        self.texts: deque[str] = deque()
        self.names: deque[str | None] = deque()
        self.bytes = 0
        self.newest = 0
        self.ended = False
        self.deleted = False
        self.stop = False
        self.stopping = Sleepers()
        #: The one producer, if it has one.
        self.writer: LogWriter | None = None
        self.quiet = now
        self.readers = 0
        #: What the producer wants called when somebody begins to read beside others.
        self.joined: Callable[[], object] | None = None
        self.sleepers = Sleepers()
        self.idle = now

    @property
    def oldest(self) -> int:
        """The ``seq`` of the oldest entry that is held; 0 before the first one."""
        return self.newest - len(self.texts) + 1 if self.newest else 0

    def clear(self) -> None:
        """Hold nothing any more, for nobody: whoever waits for it learns of that."""
        self.writer = None
        self.texts.clear()
        self.names.clear()
        self.sleepers.wake()
        self.stopping.wake()

    def trim(self, max_events: int, max_bytes: int) -> None:
        """Drop the oldest entries until no more are held than may be; the newest stays."""
        texts = self.texts
        while len(texts) > 1 and (self.bytes > max_bytes or len(texts) > max_events):
            self.names.popleft()
            self.bytes -= size_of(texts.popleft())

    def behind(self, after: int) -> LogBatch:
        """Give what stands behind an entry, of which there must be something: a gap first, if there is."""
        newest = self.newest
        wanted = newest - after
        if wanted > len(self.texts):
            return LogGap(after + 1, newest - len(self.texts))
        if wanted == 1:
            return [LogEntry(newest, self.names[-1], self.texts[-1], self.ended)]
        # From the end, so that it costs as much as there is to read, not as much as there is in all.
        seqs = range(newest, newest - wanted, -1)
        found = zip(seqs, reversed(self.names), reversed(self.texts), repeat(False), strict=False)
        batch = list(map(LogEntry._make, found))
        batch.reverse()
        if self.ended:
            batch[-1] = batch[-1]._replace(last=True)
        return batch
