"""A log in Redis Streams: a client may come back to another worker, and to another machine."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from itertools import count
from typing import Any, Final

from rxstream.errors import StreamExists, StreamOrphaned, UnknownStream
from rxstream.transports.log import LogBatch, LogGap, LogWriter, StreamInfo, StreamLog
from rxstream.transports.redis_client import RedisClient
from rxstream.transports.redis_hub import Found, Hub, Reader, text_of
from rxstream.transports.redis_scripts import ADOPT, CREATE, DELETE, INFO, STOP
from rxstream.transports.redis_writer import Bounds, RedisWriter

__all__ = ("RedisLog",)

#: A name is a part of five keys and of every message.
_LONGEST_NAME: Final = 512


class RedisLog(StreamLog):
    """Keep streams in Redis, where every worker on every machine finds them.

        log = RedisLog("redis://localhost:6379/0")

    Needs ``pip install 'rxstream[redis]'`` and Redis 6.2 or newer. Runs on asyncio and, in worker threads, on
    trio. It takes two connections, however many streams are read and written: one for all calls, which go
    out together, one that listens. Nothing is connected before the first use; one event loop may use it.

    ``url``: ``redis://user:password@host:port/db``, ``rediss://`` for TLS, ``unix://path``; its password is
    in no message. ``max_events``, ``max_bytes`` (of data, in UTF-8) and ``max_age`` (seconds) bound each
    stream; its newest entry is always kept. ``lease``: seconds after which a producer that says nothing any
    more counts as gone; it speaks up three times in that. ``prefix`` begins all keys and channels.
    ``patience``: seconds for which a call is tried again while Redis cannot be reached, before it raises
    ``LogError``; nothing that was acknowledged is lost by that, as far as Redis itself keeps it: without
    persistence, a restart forgets all streams (``UnknownStream``).

    The keys of a stream share one hash tag. Raises TypeError and ValueError for arguments that cannot be,
    ImportError without the package.
    """

    def __init__(
        self,
        url: str,
        *,
        max_events: int = 10_000,
        max_bytes: int = 8 << 20,
        max_age: float = 3600.0,
        lease: float = 10.0,
        prefix: str = "rxstream:",
        patience: float = 10.0,
    ) -> None:
        if not isinstance(url, str):
            raise TypeError(
                f"RedisLog() expects a URL such as 'redis://localhost:6379/0', and got {type(url)}"
            )
        given = {"max_events": max_events, "max_bytes": max_bytes, "max_age": max_age, "lease": lease}
        for name, value in (*given.items(), ("patience", patience)):
            if not value > 0:
                raise ValueError(f"RedisLog() expects {name} to be more than 0, and got {value!r}")
        if "{" in prefix or "}" in prefix:
            raise ValueError(
                f"RedisLog() expects a prefix without braces, which mark the stream in a key, "
                f"and got {prefix!r}"
            )
        super().__init__(max_events=max_events, max_bytes=max_bytes, max_age=max_age)
        self._bounds = Bounds(max_events, max_bytes, max(1, round(max_age * 1000)))
        self._client = RedisClient(url, patience=patience)
        self._hub = Hub(self._client, prefix=prefix, lease=lease)
        self._tokens = count(1)

    def __repr__(self) -> str:
        return f"RedisLog({self._client.place!r})"

    async def create(
        self, stream: str, *, owner: str | None = None, meta: Mapping[str, Any] | None = None
    ) -> LogWriter:
        """Begin a stream, and hold it. Raises ``StreamExists``."""
        if not 0 < len(stream) <= _LONGEST_NAME:
            raise ValueError(
                f"create() expects a name of 1 to {_LONGEST_NAME} characters, and got one of {len(stream)}"
            )
        hub, token = self._begin()
        given = json.dumps(dict(meta or {}))
        owned = ("0",) if owner is None else ("1", owner)
        arguments = (token, hub.lease_ms, self._bounds.age_ms, given, *owned)
        if not await hub.client.call(CREATE, hub.keys(stream), arguments):
            raise StreamExists(
                f"create() expects a name that is not in use, and the log at {self._client.place} has a "
                f"stream {stream!r} already: take another name, read() it, or delete() it first"
            )
        return RedisWriter(hub, stream, token, 0, self._bounds)

    async def adopt(self, stream: str) -> LogWriter | None:
        """Hold a stream whose producer is gone; None if it has ended, has a producer, or is not there.

        Of several that try at once, one gets it.
        """
        hub, token = self._begin()
        newest, *stop = await hub.client.call(ADOPT, hub.keys(stream), (token, hub.lease_ms))
        if newest < 0:
            return None
        writer = RedisWriter(hub, stream, token, newest, self._bounds)
        writer.renewed(stop[0])
        return writer

    async def info(self, stream: str) -> StreamInfo | None:
        """Return what is known of a stream; None if nothing is."""
        known = await self._client.call(INFO, self._hub.keys(stream), ())
        if not known:
            return None
        oldest, newest, ended, alive, meta, *owner = known
        return StreamInfo(
            stream=stream,
            owner=text_of(owner[0]) if owner else None,
            meta=json.loads(meta),
            oldest=oldest,
            newest=newest,
            ended=bool(ended),
            alive=bool(alive),
        )

    def read(self, stream: str, after: int = 0) -> AsyncIterator[LogBatch]:
        """Read what stands behind ``after``, then what is written from now on, to the stream's end.

        Raises ``UnknownStream``; ``StreamOrphaned`` behind what there is, if the producer dies before the
        end; ``LogError`` if Redis cannot be reached for long. Close it (``aclose``) when you leave it early.
        """
        if after < 0:
            raise ValueError(f"read() expects after= the seq of an entry, or 0 for all, and got {after!r}")
        return self._read(stream, after)

    async def stop(self, stream: str) -> bool:
        """Ask the producer, wherever it runs, to end the stream; False if there is none to ask."""
        asked = bool(await self._client.call(STOP, self._hub.keys(stream), (stream,)))
        writer = self._hub.writers.get(stream)
        if asked and writer is not None:
            writer.renewed(1)
        return asked

    async def delete(self, stream: str) -> None:
        """Forget a stream; its producer and its readers get ``UnknownStream``."""
        await self._client.call(DELETE, self._hub.keys(stream), (stream,))
        self._hub.look(stream)

    async def aclose(self) -> None:
        """Let go of both connections; those who still read get ``LogError``."""
        await self._hub.aclose()

    def _begin(self) -> tuple[Hub, str]:
        """Listen for those who will ask for a stop, and take a new token."""
        self._hub.start()
        return self._hub, f"{self._hub.channel}#{next(self._tokens)}"

    async def _read(self, stream: str, after: int) -> AsyncGenerator[LogBatch, None]:
        hub = self._hub
        reader = hub.enter(stream, after)
        try:
            while True:
                if entries := reader.take():
                    yield entries
                    if entries[-1].last:
                        return
                    continue
                if not reader.behind:
                    await reader.wait()
                    continue
                gap, found = await self._look(stream, reader)
                if gap is not None:
                    yield gap
                if found.entries:
                    yield found.entries
                if found.ended and reader.seq >= found.newest:
                    return
                if not found.alive:
                    if gap is None and not found.entries:
                        raise self._orphaned(stream, found.newest)
                    # It may have been adopted while these were read.
                    reader.behind = True
        finally:
            hub.leave(stream, reader)

    async def _look(self, stream: str, reader: Reader) -> tuple[LogGap | None, Found]:
        reader.begin_look()
        found = await self._hub.find(stream, reader.seq)
        if found is None:
            raise UnknownStream(
                f"the log at {self._client.place} has no stream {stream!r}: it never had, it was deleted, or "
                f"nothing was written to it for {self.max_age:g} seconds (max_age)"
            )
        first = reader.seq + 1
        reader.end_look(found)
        return LogGap(first, found.oldest - 1) if first < found.oldest else None, found

    def _orphaned(self, stream: str, newest: int) -> StreamOrphaned:
        return StreamOrphaned(
            f"the producer of the stream {stream!r} is gone, and the stream has no end: whoever can produce "
            f"the rest adopts it; what there is ends with entry {newest}"
        )
