"""What a client that comes back reads from: the events of each stream, written before they are delivered.

This file says what a log is; ``memory_log``, ``sqlite_log`` and ``redis_log`` are three.
"""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from types import TracebackType
from typing import Any, Final, NamedTuple, Self, TypeAlias

from rxstream.engine.arguments import check_count, check_number
from rxstream.transports.dialects.contract import Frame

__all__ = (
    "STREAM_NAME",
    "LogBatch",
    "LogEntry",
    "LogGap",
    "LogWriter",
    "StreamInfo",
    "StreamLog",
    "check_after",
    "check_stream",
    "meta_text",
    "size_of",
)

#: What a stream may be called, as a regular expression.
STREAM_NAME: Final = "[A-Za-z0-9_-]{1,64}"
_NAME: Final = re.compile(STREAM_NAME)


class LogEntry(NamedTuple):
    """One event of a stream.

    From ``read`` of a ``StreamLog``, in lists. ``seq``: its place in the stream, counted from 1, without
    holes. ``event``: its type, or None. ``data``: its text. ``last``: the stream ends with it.
    """

    seq: int
    event: str | None
    data: str
    last: bool = False


class LogGap(NamedTuple):
    """Entries that were asked for and are held no longer: the log is bounded.

    From ``read`` of a ``StreamLog``, in place of a list. ``first`` and ``last``: the first and the last
    ``seq`` that are missing.
    """

    first: int
    last: int


#: What a read gives at once: everything that there is. A gap comes first, and in a batch of its own.
LogBatch: TypeAlias = list[LogEntry] | LogGap


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What a log knows of a stream.

    From ``info`` of a ``StreamLog``. ``stream``: its name. ``owner``: whose it is, nobody else may read it;
    None: anybody who knows its name. ``meta``: what whoever made it wanted kept with it, JSON. ``oldest``,
    ``newest``: the ``seq`` of the oldest entry that is held, and of the newest that was written, 0 before the
    first. ``ended``: its last entry has been written. ``alive``: a producer holds it; if not, and it has not
    ended, it is an orphan, which ``adopt`` takes.
    """

    stream: str
    owner: str | None
    meta: Mapping[str, Any] = field(repr=False)
    oldest: int
    newest: int
    ended: bool
    alive: bool


class LogWriter(ABC):
    """The one producer of a stream, for as long as it holds the stream's lease.

        async with rxs.StreamLog.memory() as log:
            writer = await log.create("answer-1")
            await writer.append([("chunk", "Hel"), ("chunk", "lo")])
            await writer.append([("done", "")], last=True)
            print(writer.stream, writer.newest)  #> answer-1 3

    From ``create`` and ``adopt`` of a ``StreamLog``. ``append`` writes pairs of a type, or None, and a text;
    ``newest`` is the number of the newest entry; ``stop_asked`` and ``idle_seconds`` tell whether to go on;
    ``aclose`` gives the stream up. ``sse_response`` does all of that.
    """

    #: The name of the stream.
    stream: str

    @property
    @abstractmethod
    def newest(self) -> int:
        """The ``seq`` of the newest entry."""

    @abstractmethod
    async def append(self, frames: Sequence[Frame], *, last: bool = False) -> None:
        """Write entries; with ``last`` the stream ends with the last of them. They are durable behind it.

        Data may be any text: half a surrogate pair, too, comes back as it was. Raises ``LeaseLost`` if
        somebody else has adopted the stream, ``UnknownStream`` if it was deleted, ``UsageError`` behind the
        last entry or ``aclose``, and for a last one that is none. If it is cancelled, all of the entries
        were written, or none of them: ``newest`` tells.
        """

    @abstractmethod
    async def stop_asked(self) -> None:
        """Wait until somebody, in whatever process, asks for the stream to be stopped.

        It returns, too, when the stream is deleted or somebody else's: there is nothing left to do for it.
        """

    @abstractmethod
    async def idle_seconds(self) -> float:
        """Return for how long nobody has been reading, in whatever process; 0.0 while somebody is."""

    @abstractmethod
    async def aclose(self) -> None:
        """Give the lease up. A stream without its end is an orphan from here on."""


class StreamLog(ABC):
    """Events of streams, kept for those who come back.

        async with rxs.StreamLog.sqlite("streams.db") as log:
            writer = await log.create("answer-1")
            await writer.append([("chunk", "Hel"), ("chunk", "lo")])
            await writer.append([("done", "")], last=True)
            async for entries in log.read("answer-1", after=1):
                print([(entry.seq, entry.data, entry.last) for entry in entries])
        #> [(2, 'lo', False), (3, '', True)]

    Make one with ``memory``, ``sqlite`` or ``redis``, and give it to ``sse_response``, which does the rest.
    It lives in one event loop. Use it as ``async with``, or call ``aclose``.

    Bounded for each stream by ``max_events``, ``max_bytes`` (of data) and ``max_age`` (seconds since its last
    entry, after which the stream is forgotten): the oldest entries go first, and whoever asks for them gets
    a ``LogGap``; the newest is always there. A name of a stream is up to 64 ASCII letters, digits, ``-`` and
    ``_``, any other a ValueError.

    Raises TypeError and ValueError for bounds that are none; LogError when it is used and cannot be, and its
    kinds UnknownStream, StreamExists, StreamOrphaned, LeaseLost. For readers within one process, while the
    answer runs, there is ``share_stream``.
    """

    def __init__(self, *, max_events: int, max_bytes: int, max_age: float) -> None:
        check_count("a StreamLog", "max_events", max_events)
        check_count("a StreamLog", "max_bytes", max_bytes)
        check_number("a StreamLog", "max_age", max_age)
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
        ``LogWriter.idle_seconds``). Close it (``aclose``) when you leave it early. A wait for the next batch
        that was cancelled loses nothing: ask again.
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

    @staticmethod
    def memory(
        *,
        max_events: int = 10_000,
        max_bytes: int = 8 * 1024 * 1024,
        max_age: float = 3600.0,
        max_streams: int = 10_000,
    ) -> "StreamLog":
        """Make a log in this process's memory: the fastest, and gone with the process.

        See ``StreamLog`` for the bounds; of more than ``max_streams`` streams those that ended first are
        forgotten, and if none has, ``create`` raises ``LogError``. Raises TypeError and ValueError for wrong
        arguments.
        """
        from rxstream.transports.memory_log import MemoryLog  # noqa: PLC0415 - only who has a log needs it

        return MemoryLog(max_events=max_events, max_bytes=max_bytes, max_age=max_age, max_streams=max_streams)

    @staticmethod
    def sqlite(
        path: "str | PathLike[str]",
        *,
        max_events: int = 10_000,
        max_bytes: int = 8 * 1024 * 1024,
        max_age: float = 3600.0,
        lease: float = 10.0,
    ) -> "StreamLog":
        """Make a log in a file, for all processes of one machine: it outlives them.

        See ``StreamLog`` for the bounds. A producer that was killed counts as gone ``lease`` seconds later.
        The file is made when the log is first used; its folder must be there. Raises TypeError and ValueError
        for wrong arguments, and on first use LogError for a file that cannot be opened, or is something else.
        """
        from rxstream.transports.sqlite_log import SQLiteLog  # noqa: PLC0415 - brings sqlite3

        return SQLiteLog(path, max_events=max_events, max_bytes=max_bytes, max_age=max_age, lease=lease)

    @staticmethod
    def redis(
        url: str,
        *,
        max_events: int = 10_000,
        max_bytes: int = 8 * 1024 * 1024,
        max_age: float = 3600.0,
        lease: float = 10.0,
        prefix: str = "rxstream:",
    ) -> "StreamLog":
        """Make a log in a Redis server, for all machines that reach it. It needs the extra ``redis``.

        See ``StreamLog`` for the bounds. A producer that was killed counts as gone ``lease`` seconds later.
        All keys begin with ``prefix``. Raises TypeError and ValueError for wrong arguments, ImportError
        without the extra.
        """
        from rxstream.transports.redis_log import RedisLog  # noqa: PLC0415 - brings redis

        return RedisLog(
            url, max_events=max_events, max_bytes=max_bytes, max_age=max_age, lease=lease, prefix=prefix
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def check_stream(stream: str) -> None:
    """Raise ValueError or TypeError for what is no name of a stream."""
    if not isinstance(stream, str):
        raise TypeError(f"The name of a stream is a str, but got {stream!r} ({type(stream).__name__}).")
    if _NAME.fullmatch(stream) is None:
        msg = f"The name of a stream is 1 to 64 of A-Z, a-z, 0-9, - and _, but got {stream[:80]!r}."
        raise ValueError(msg)


def check_after(after: int) -> None:
    """Raise ValueError or TypeError for what is no place in a stream."""
    if not isinstance(after, int) or isinstance(after, bool):
        raise TypeError(f"after= is the seq of an entry, an int, but got {after!r} ({type(after).__name__}).")
    if after < 0:
        raise ValueError(f"after= is the seq of an entry, or 0 for the beginning, but got {after}.")


def meta_text(meta: Mapping[str, Any] | None) -> str:
    """Write what is to be kept with a stream as JSON; raises TypeError or ValueError if that cannot be."""
    if meta is None:
        return "{}"
    if not isinstance(meta, Mapping):
        raise TypeError(f"meta= is a mapping that JSON can hold, but got {meta!r} ({type(meta).__name__}).")
    try:
        return json.dumps(dict(meta), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise type(error)(f"meta= must be something that JSON can hold: {error}") from error


def size_of(data: str) -> int:
    """Count the bytes of data, as ``max_bytes`` does: those of its UTF-8."""
    return len(data) if data.isascii() else len(data.encode("utf-8", "surrogatepass"))
