"""What one process reads and writes in Redis: its readers are woken, its leases and its presence renewed.

All of a log's readers and writers share one listener and one watch. The listener brings entries that other
processes append; what is appended here goes to the readers here without it. The watch looks after everything
a few times in each lease: a message that was lost is found there, and so is a producer that died.
"""

import json
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol
from uuid import uuid4

import anyio

from rxstream.engine.backend import spawn
from rxstream.transports.log import LogEntry
from rxstream.transports.log_inbox import MOST_BYTES, MOST_ENTRIES, Found, Inbox
from rxstream.transports.log_readers import Readers
from rxstream.transports.redis_client import Call, RedisClient
from rxstream.transports.redis_scripts import LEAVE, NUDGE, READ, RELEASE, RENEW

__all__ = ("Bounds", "Held", "Hub", "text_of")


class Bounds(NamedTuple):
    """How much of a stream is kept."""

    events: int
    bytes: int
    age_ms: int


def text_of(data: bytes) -> str:
    """Read what Redis has kept; half a surrogate pair is no reason to lose an answer."""
    return data.decode("utf-8", "surrogatepass")


class Held(Protocol):
    """A stream that this process produces."""

    stream: str
    token: str

    @property
    def newest(self) -> int:
        """The ``seq`` of its newest entry."""
        ...

    def renewed(self, state: int) -> None:
        """Learn what became of the lease: see ``RENEW``."""
        ...


class Hub(Readers):
    """The readers and writers of one log in one process."""

    losses = "it was deleted, nothing was written to it for max_age= seconds, or Redis forgot it"

    def __init__(self, client: RedisClient, *, bounds: Bounds, prefix: str, lease: float) -> None:
        super().__init__(max_events=bounds.events, max_bytes=bounds.bytes)
        self.client = client
        self.bounds = bounds
        self.lease_ms = max(1, round(lease * 1000))
        #: A stream that is being written is not forgotten, however long its producer thinks.
        self.age_ms = max(self.lease_ms, bounds.age_ms)
        #: Where this process is told of what others do. Never the same twice: nobody may get a dead one's.
        self.channel = f"{prefix}@{uuid4().hex}"
        self.writers: dict[str, Held] = {}
        self._prefix = prefix
        self._lease = lease
        self._watching: anyio.CancelScope | None = None
        self._watched: anyio.Event | None = None
        self._wake = anyio.Event()

    def keys(self, stream: str) -> tuple[str, str, str, str]:
        """Name the keys of a stream: info, entries, lease, readers."""
        root = f"{self._prefix}{{{stream}}}:"
        return f"{root}info", f"{root}entries", f"{root}lease", f"{root}readers"

    def start(self) -> None:
        """Listen and watch from now on."""
        self.client.listen(self.channel, self._hear, silence=self._lease * 2)
        if self._watching is None:
            self._watching, self._watched = anyio.CancelScope(), anyio.Event()
            spawn(partial(self._watch, self._watching), "rxstream redis watch", self._watched.set)

    async def aclose(self) -> None:
        """Give up what is held here, and let go of the connections. Those who still read learn of it."""
        client = self.client
        if not client.closed:
            for stream, writer in self.writers.items():
                client.post(
                    RELEASE, self.keys(stream), (writer.token, stream, self.channel, self.bounds.age_ms)
                )
            for stream in self._readers:
                client.post(LEAVE, self.keys(stream), (self.channel,))
            client.refuse()
        for writer in self.writers.values():
            writer.renewed(1)
        self.writers.clear()
        for stream in self._readers:
            self.look(stream)
        if self._watching is not None:
            assert self._watched is not None
            self._watching.cancel()
            with anyio.CancelScope(shield=True):
                await self._watched.wait()
        await self.client.aclose()

    def enter(self, stream: str, after: int) -> Inbox:
        """Have a new reader told of what is appended."""
        self.start()
        return super().enter(stream, after)

    def _left(self, stream: str) -> None:
        # A reader may be collected when its event loop is over.
        if not self.client.closed and self.client.is_here():
            self.client.post(LEAVE, self.keys(stream), (self.channel,))

    async def find(self, stream: str, after: int) -> Found | None:
        """Look into the log; None if there is no such stream. From here on we count as a reader."""
        call = self._post_look(stream, after, MOST_ENTRIES)
        reply = await self.client.outcome(call)
        if not reply[0]:
            return None
        _, oldest, newest, ended, alive, *flat = reply
        first = max(after + 1, oldest)
        entries = _entries(first, [text_of(piece) for piece in flat], newest if ended else 0)
        return Found(oldest, newest, bool(ended), bool(alive) or stream in self.writers, entries)

    def _post_look(self, stream: str, after: int, count: int) -> Call:
        # The writer here tells the readers here, and nobody else asks whether anybody reads.
        channel = "" if stream in self.writers else self.channel
        # Present until it has missed three rounds of the watch, and a bit.
        arguments = (after, count, MOST_BYTES, channel, self.lease_ms)
        return self.client.post(READ, self.keys(stream), arguments)

    def _renewal(self, writer: Held) -> tuple[Any, ...]:
        return writer.token, self.lease_ms, self.age_ms, writer.newest

    def _hear(self, message: bytes | None) -> None:
        if message is None:  # whatever was sent before is lost
            for stream in self._readers:
                self.look(stream)
            self._wake.set()
        elif message:
            stream, *rest = json.loads(message)
            if len(rest) == 1:
                writer = self.writers.get(stream)
                if writer is not None:
                    writer.renewed(1)
            elif rest and rest[2]:
                first, ends, flat = rest
                self.deliver(stream, _entries(first, flat, first + len(flat) // 2 - 1 if ends else 0))
            else:
                self.look(stream)

    async def _watch(self, scope: anyio.CancelScope) -> None:
        with scope:
            while not self.client.closed:
                with anyio.move_on_after(self._lease / 3):
                    await self._wake.wait()
                    self._wake = anyio.Event()
                if not self.client.closed:
                    await self._round()

    async def _round(self) -> None:
        """Renew what is ours, and see whether anything was missed."""
        client = self.client
        client.post(NUDGE, (), (self.channel,))
        renewals = [
            (writer, client.post(RENEW, self.keys(stream), self._renewal(writer)))
            for stream, writer in self.writers.items()
        ]
        looks = [
            (stream, self._post_look(stream, 0, 0)) for stream in self._readers if stream not in self.writers
        ]
        for writer, call in renewals:
            await call.done.wait()
            if call.error is None:
                writer.renewed(call.reply)
        for stream, call in looks:
            await call.done.wait()
            reply = call.reply
            if call.error is not None or not reply[0] or reply[3] or not reply[4]:
                self.look(stream)
                continue
            for inbox in self._readers.get(stream, ()):
                if reply[2] > inbox.newest:
                    inbox.look()


def _entries(first: int, flat: Sequence[Any], last: int) -> list[LogEntry]:
    """Make entries of events and data, one behind the other; ``last`` ends the stream."""
    return [
        LogEntry(seq, event[1:] if event else None, data, seq == last)
        for seq, (event, data) in enumerate(zip(flat[::2], flat[1::2], strict=True), first)
    ]
