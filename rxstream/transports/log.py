"""What a client that comes back reads from: the events of each stream, written before they are delivered.

This file says what a log is; ``memory_log``, ``sqlite_log`` and ``redis_log`` are three.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeAlias

from rxstream.transports.dialects.contract import Frame

__all__ = ("LogBatch", "LogEntry", "LogGap", "LogWriter", "StreamInfo", "StreamLog")


class LogEntry(NamedTuple):
    """One event of a stream."""

    #: Its place in the stream, counted from 1, without holes.
    seq: int
    event: str | None
    data: str
    #: Whether the stream ends with it.
    last: bool = False


class LogGap(NamedTuple):
    """Entries that were asked for and are held no longer: the log is bounded."""

    #: The first and the last ``seq`` that are missing.
    first: int
    last: int


#: What a read gives at once: everything that there is. A gap comes first, and in a batch of its own.
LogBatch: TypeAlias = list[LogEntry] | LogGap


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What a log knows of a stream."""

    stream: str
    #: Whose it is: nobody else may read it. None: anybody who knows its name.
    owner: str | None
    #: What whoever made it wanted kept with it: JSON.
    meta: Mapping[str, Any] = field(repr=False)
    #: The ``seq`` of the oldest entry that is held, and of the newest that was written: 0 before the first.
    oldest: int
    newest: int
    #: Whether its last entry has been written.
    ended: bool
    #: Whether a producer holds it. If not, and it has not ended, it is an orphan, which ``adopt`` takes.
    alive: bool


class LogWriter(ABC):
    """The one producer of a stream, for as long as it holds the stream's lease."""

    #: The name of the stream.
    stream: str

    @property
    @abstractmethod
    def newest(self) -> int:
        """The ``seq`` of the newest entry."""

    @abstractmethod
    async def append(self, frames: Sequence[Frame], *, last: bool = False) -> None:
        """Write entries; with ``last`` the stream ends with the last of them. They are durable behind it.

        Raises ``LeaseLost`` if somebody else has adopted the stream.
        """

    @abstractmethod
    async def stop_asked(self) -> None:
        """Wait until somebody, in whatever process, asks for the stream to be stopped."""

    @abstractmethod
    async def idle_seconds(self) -> float:
        """Return for how long nobody has been reading, in whatever process; 0.0 while somebody is."""

    @abstractmethod
    async def aclose(self) -> None:
        """Give the lease up. A stream without its end is an orphan from here on."""


class StreamLog(ABC):
    """Events of streams, kept for those who come back.

    Bounded for each stream by ``max_events``, ``max_bytes`` (of data) and ``max_age`` (seconds since its last
    entry, after which the stream is forgotten): the oldest entries go first, and whoever asks for them gets
    a ``LogGap``. Use it as ``async with``, or call ``aclose``.
    """

    def __init__(self, *, max_events: int, max_bytes: int, max_age: float) -> None:
        self.max_events = max_events
        self.max_bytes = max_bytes
        self.max_age = max_age

    @abstractmethod
    async def create(
        self, stream: str, *, owner: str | None = None, meta: Mapping[str, Any] | None = None
    ) -> LogWriter:
        """Begin a stream, and hold it. Raises ``StreamExists``."""

    @abstractmethod
    async def adopt(self, stream: str) -> LogWriter | None:
        """Hold a stream whose producer is gone; None if it has ended, has a producer, or is not there.

        Of several that try at once, one gets it.
        """

    @abstractmethod
    async def info(self, stream: str) -> StreamInfo | None:
        """Return what is known of a stream; None if nothing is."""

    @abstractmethod
    def read(self, stream: str, after: int = 0) -> AsyncIterator[LogBatch]:
        """Read what stands behind ``after``, then what is written from now on, to the stream's end.

        Nothing is missing or doubled at the seam. Raises ``UnknownStream``; ``StreamOrphaned`` behind what
        there is, if the producer dies before the end. While it is read, the stream has a reader (see
        ``LogWriter.idle_seconds``). Close it (``aclose``) when you leave it early.
        """

    @abstractmethod
    async def stop(self, stream: str) -> bool:
        """Ask the producer, wherever it runs, to end the stream; False if there is none to ask."""

    @abstractmethod
    async def delete(self, stream: str) -> None:
        """Forget a stream."""

    @abstractmethod
    async def aclose(self) -> None:
        """Let go of files and connections. Streams that this process produces are to be ended before."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
