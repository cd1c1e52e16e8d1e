"""A log in a file: a client may come back to another process of the machine, or to one that came later."""

import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from os import PathLike
from typing import Any
from uuid import uuid4

import anyio

from rxstream.engine.arguments import check_number
from rxstream.transports.log import (
    LogBatch,
    LogWriter,
    StreamInfo,
    StreamLog,
    check_after,
    check_stream,
    meta_text,
)
from rxstream.transports.log_reader import LogReader
from rxstream.transports.sqlite_clock import SharedClock
from rxstream.transports.sqlite_file import SQLiteFile
from rxstream.transports.sqlite_hub import Hub
from rxstream.transports.sqlite_queue import SQLiteQueue
from rxstream.transports.sqlite_schema import Lease
from rxstream.transports.sqlite_streams import Streams
from rxstream.transports.sqlite_writer import SQLiteWriter

__all__ = ("SQLiteLog",)


class SQLiteLog(StreamLog):
    """Keep streams in a file, where every process of the machine finds them.

        async with SQLiteLog("streams.db") as log:
            print(await log.info("answer-1"))  #> None

    Runs on asyncio and on trio, with one worker thread, in which everything that is asked for while it is at
    work goes into one transaction. What was acknowledged survives the death of the process; when the machine
    itself loses power, the last moments may be gone. The file is opened at first use; one event loop may use
    it. Put it on a local disk, into a folder that is there: SQLite keeps two more files beside it.

    ``path``: where the file is, or is to be, for its owner alone to read. ``max_events``, ``max_bytes`` (of
    data, in UTF-8) and ``max_age`` (seconds) bound each stream; its newest entry is always kept. ``lease``:
    seconds after which a process that gives no sign of life counts as gone; it gives three in that.

    Raises TypeError and ValueError for arguments that cannot be; on use LogError for a file that cannot be
    opened, or is something else. ``StreamLog.redis`` is for several machines.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        max_events: int = 10_000,
        max_bytes: int = 8 << 20,
        max_age: float = 3600.0,
        lease: float = 10.0,
    ) -> None:
        super().__init__(max_events=max_events, max_bytes=max_bytes, max_age=max_age)
        check_number("a StreamLog", "lease", lease)
        self.path = _checked(path)
        self.lease = lease
        queue = SQLiteQueue(SQLiteFile(self.path, self._streams))
        self._hub = Hub(queue, lease=lease, max_events=max_events, max_bytes=max_bytes)

    def __repr__(self) -> str:
        return f"SQLiteLog({self.path!r})"

    async def create(
        self, stream: str, *, owner: str | None = None, meta: Mapping[str, Any] | None = None
    ) -> LogWriter:
        """Begin a stream, and hold it. Raises ``StreamExists``."""
        check_stream(stream)
        given = meta_text(meta)
        owned = None if owner is None else owner.encode("utf-8", "surrogatepass")
        writer = await self._taken(
            stream,
            lambda streams: streams.create(stream, owned, given),
            lambda streams: streams.delete(stream),
        )
        assert writer is not None
        return writer

    async def adopt(self, stream: str) -> LogWriter | None:
        """Hold a stream whose producer is gone; None if it has ended, has a producer, or is not there.

        Of several that try at once, one gets it.
        """
        check_stream(stream)
        return await self._taken(stream, lambda streams: streams.adopt(stream), None)

    async def info(self, stream: str) -> StreamInfo | None:
        """Return what is known of a stream; None if nothing is."""
        check_stream(stream)
        info: StreamInfo | None = await self._hub.queue.call(lambda streams: streams.info(stream))
        return info

    def read(self, stream: str, after: int = 0) -> AsyncIterator[LogBatch]:
        """Read what stands behind ``after``, then what is written from now on, to the stream's end.

        Raises ``UnknownStream``; ``StreamOrphaned`` behind what there is, if the producer dies before the
        end; ``LogError`` if the file cannot be read. Close it (``aclose``) when you leave it early.
        """
        check_stream(stream)
        check_after(after)
        return LogReader(self._hub, stream, after)

    async def stop(self, stream: str) -> bool:
        """Ask the producer, wherever it runs, to end the stream; False if there is none to ask."""
        check_stream(stream)
        asked: bool = await self._hub.queue.call(lambda streams: streams.stop(stream))
        writer = self._hub.writers.get(stream)
        if asked and writer is not None:
            writer.stopped()
        return asked

    async def delete(self, stream: str) -> None:
        """Forget a stream; its producer and its readers get ``UnknownStream``."""
        check_stream(stream)
        await self._hub.queue.call(lambda streams: streams.delete(stream), writes=True)
        self._hub.forget(stream)

    async def aclose(self) -> None:
        """Close the file; those who still read get ``LogError``."""
        await self._hub.aclose()

    async def _taken(
        self,
        stream: str,
        take: Callable[[Streams], Lease | None],
        undo: Callable[[Streams], None] | None,
    ) -> LogWriter | None:
        """Take a stream; if the wait is cancelled, nobody holds it."""
        queue = self._hub.queue
        call = queue.post(take, writes=True)
        try:
            lease: Lease | None = await queue.outcome(call)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await call.done.wait()
                # The process would hold it for as long as it lives.
                if call.reply is not None and not queue.closed:
                    held: Lease = call.reply
                    await queue.call(undo or (lambda streams: streams.release(held)), writes=True)
            raise
        return None if lease is None else SQLiteWriter(self._hub, stream, lease)

    def _streams(self, connection: sqlite3.Connection) -> Streams:
        return Streams(
            connection,
            SharedClock(self.lease),
            # Made now, and not with the log: a server may fork in between, and two processes are not one.
            process=uuid4().hex,
            lease=self.lease,
            max_events=self.max_events,
            max_bytes=self.max_bytes,
            max_age=self.max_age,
        )


def _checked(path: str | PathLike[str]) -> str:
    name = os.fspath(path) if isinstance(path, (str, PathLike)) else None
    if not isinstance(name, str):
        raise TypeError(f"SQLiteLog() expects the path of a file, but got {path!r} ({type(path).__name__}).")
    if not name or name == ":memory:" or "\0" in name:
        raise ValueError(
            f"SQLiteLog() expects the path of a file, but got {name!r}. StreamLog.memory() needs none."
        )
    return name
