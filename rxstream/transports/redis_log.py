"""A log in Redis Streams: a client may come back to another worker, and to another machine."""

import json
from collections.abc import AsyncIterator, Mapping
from itertools import count
from typing import Any

from rxstream.engine.arguments import check_number
from rxstream.errors import StreamExists
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
from rxstream.transports.redis_client import RedisClient
from rxstream.transports.redis_hub import Bounds, Hub, text_of
from rxstream.transports.redis_scripts import ADOPT, CREATE, DELETE, INFO, STOP
from rxstream.transports.redis_writer import RedisWriter

__all__ = ("RedisLog",)


class RedisLog(StreamLog):
    """Keep streams in Redis, where every worker on every machine finds them.

        async with RedisLog("redis://localhost:6379/0") as log:
            print(await log.info("answer-1"))  #> None

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
        super().__init__(max_events=max_events, max_bytes=max_bytes, max_age=max_age)
        check_number("a StreamLog", "lease", lease)
        check_number("a StreamLog", "patience", patience)
        if not isinstance(url, str) or not isinstance(prefix, str):
            raise TypeError(f"url= and prefix= are strings, but got {type(url).__name__}, {prefix!r}.")
        if "{" in prefix or "}" in prefix:
            raise ValueError(
                f"RedisLog() expects a prefix without braces, which mark the stream in a key, "
                f"and got {prefix!r}"
            )
        self._client = RedisClient(url, patience=patience)
        bounds = Bounds(max_events, max_bytes, max(1, round(max_age * 1000)))
        self._hub = Hub(self._client, bounds=bounds, prefix=prefix, lease=lease)
        self._tokens = count(1)

    def __repr__(self) -> str:
        return f"RedisLog({self._client.place!r})"

    async def create(
        self, stream: str, *, owner: str | None = None, meta: Mapping[str, Any] | None = None
    ) -> LogWriter:
        """Begin a stream, and hold it. Raises ``StreamExists``."""
        check_stream(stream)
        given = meta_text(meta)
        hub, token = self._begin()
        owned = ("0",) if owner is None else ("1", owner)
        arguments = (token, hub.lease_ms, hub.age_ms, given, *owned)
        if not await hub.client.call(CREATE, hub.keys(stream), arguments):
            raise StreamExists(f"The log has a stream {stream!r} already. Choose another name, or delete it.")
        return RedisWriter(hub, stream, token, 0)

    async def adopt(self, stream: str) -> LogWriter | None:
        """Hold a stream whose producer is gone; None if it has ended, has a producer, or is not there.

        Of several that try at once, one gets it.
        """
        check_stream(stream)
        hub, token = self._begin()
        newest, *stop = await hub.client.call(ADOPT, hub.keys(stream), (token, hub.lease_ms, hub.age_ms))
        if newest < 0:
            return None
        writer = RedisWriter(hub, stream, token, newest)
        writer.renewed(stop[0])
        return writer

    async def info(self, stream: str) -> StreamInfo | None:
        """Return what is known of a stream; None if nothing is."""
        check_stream(stream)
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
        check_stream(stream)
        check_after(after)
        return LogReader(self._hub, stream, after)

    async def stop(self, stream: str) -> bool:
        """Ask the producer, wherever it runs, to end the stream; False if there is none to ask."""
        check_stream(stream)
        asked = bool(await self._client.call(STOP, self._hub.keys(stream), (stream,)))
        writer = self._hub.writers.get(stream)
        if asked and writer is not None:
            writer.renewed(1)
        return asked

    async def delete(self, stream: str) -> None:
        """Forget a stream; its producer and its readers get ``UnknownStream``."""
        check_stream(stream)
        await self._client.call(DELETE, self._hub.keys(stream), (stream,))
        self._hub.look(stream)

    async def aclose(self) -> None:
        """Let go of both connections; those who still read get ``LogError``."""
        await self._hub.aclose()

    def _begin(self) -> tuple[Hub, str]:
        """Listen for those who will ask for a stop, and take a new token."""
        self._hub.start()
        return self._hub, f"{self._hub.channel}#{next(self._tokens)}"
