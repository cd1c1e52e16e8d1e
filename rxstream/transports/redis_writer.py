"""The producer of one stream in Redis."""

from collections.abc import Sequence
from math import inf
from typing import Any, Final, NamedTuple

import anyio

from rxstream.errors import LeaseLost, LogError, UnknownStream, UsageError
from rxstream.transports.dialects.contract import Frame
from rxstream.transports.log import LogEntry, LogWriter
from rxstream.transports.redis_hub import Hub
from rxstream.transports.redis_scripts import APPEND, IDLE, INFO, RELEASE

__all__ = ("RedisWriter",)

#: So many entries, or so much data, go out in one step: while Redis takes it, it does nothing else.
_MOST_ENTRIES: Final = 256
_MOST_DATA: Final = 1 << 20
#: What is told to the readers in other processes; if it is more, they are told to look.
_MOST_TOLD: Final = 1 << 16


class _Append(NamedTuple):
    number: int
    entries: list[LogEntry]
    #: Event and data of each, as Redis takes them.
    flat: list[bytes]
    last: bool


class RedisWriter(LogWriter):
    """The lease of a stream, and what is written under it."""

    def __init__(self, hub: Hub, stream: str, token: str, newest: int) -> None:
        self.stream = stream
        self.token = token
        self._hub = hub
        self._newest = newest
        self._lock = anyio.Lock()
        self._stop = anyio.Event()
        self._numbers = 0
        #: An append of which nobody knows whether it came through: it was cancelled, or Redis did not answer.
        self._open: _Append | None = None
        self._ended = False
        self._closed = False
        self._failure: LogError | None = None
        hub.writers[stream] = self

    @property
    def newest(self) -> int:
        """The ``seq`` of the newest entry."""
        return self._newest

    async def append(self, frames: Sequence[Frame], *, last: bool = False) -> None:
        """Write entries; with ``last`` the stream ends with the last of them.

        Waits while Redis cannot be reached, for the log's ``patience``, and raises ``LogError`` then. Whether
        the entries came through is not known after that: the next ``append`` sees to it that they are in the
        log, once, before it writes its own. Cancelled, it first waits for the answer to what is on its way.
        """
        async with self._lock:
            if self._closed and not self._ended and self._failure is None:
                await self._learn_who_went_on()
            self._check()
            if last and not frames:
                raise UsageError("append(..., last=True) needs an entry with which the stream is to end.")
            if self._open is not None:
                await self._write(self._open)
                self._check()
            at = 0
            while at < len(frames):
                append, at = self._next(frames, at, last=last)
                await self._write(append)

    async def stop_asked(self) -> None:
        """Wait until somebody asks for the stream to be stopped, or there is nothing left to do for it."""
        await self._stop.wait()

    async def idle_seconds(self) -> float:
        """Return for how long nobody has been reading, in whatever process."""
        if self._hub.is_read(self.stream):
            return 0.0
        idle: int = await self._hub.client.call(IDLE, self._hub.keys(self.stream), ())
        if idle < 0:
            raise self._unknown()
        return idle / 1000

    async def aclose(self) -> None:
        """Give the lease up; if Redis cannot be reached, it runs out by itself."""
        if self._closed:
            return
        self._closed = True
        hub = self._hub
        if hub.writers.get(self.stream) is self:
            del hub.writers[self.stream]
        if hub.client.closed or self._ended or self._failure is not None:
            hub.look(self.stream)
            return
        # All of it is on its way before anything is waited for: we may have been cancelled.
        keys = hub.keys(self.stream)
        if self._open is not None:
            hub.client.post(APPEND, keys, self._arguments(self._open))
        call = hub.client.post(RELEASE, keys, (self.token, self.stream, hub.channel, hub.bounds.age_ms))
        try:
            await call.done.wait()
        finally:
            hub.look(self.stream)

    def renewed(self, state: int) -> None:
        """Learn what became of the lease, or that a stop was asked for."""
        if state == 1:
            self._stop.set()
        elif state < 0 and not self._ended:
            self._lose(state)

    def _check_failure(self) -> None:
        if self._failure is not None:
            raise self._failure.with_traceback(None)

    def _check(self) -> None:
        self._check_failure()
        if self._ended or self._closed:
            what = "has ended" if self._ended else "was given up by aclose()"
            raise UsageError(f"The stream {self.stream!r} {what}: nothing can be written behind that.")

    def _next(self, frames: Sequence[Frame], at: int, *, last: bool) -> tuple[_Append, int]:
        """Take as many frames as go out in one step."""
        flat: list[bytes] = []
        entries: list[LogEntry] = []
        size, seq = 0, self._newest
        while at < len(frames) and len(entries) < _MOST_ENTRIES and size < _MOST_DATA:
            event, data = frames[at]
            at += 1
            seq += 1
            encoded = data.encode("utf-8", "surrogatepass")
            # The sign tells an empty name from none.
            flat.append(b"" if event is None else b"=" + event.encode("utf-8", "surrogatepass"))
            flat.append(encoded)
            size += len(encoded)
            entries.append(LogEntry(seq, event, data, last and at == len(frames)))
        self._numbers += 1
        return _Append(self._numbers, entries, flat, entries[-1].last), at

    async def _write(self, append: _Append) -> None:
        hub = self._hub
        self._open = append
        call = hub.client.post(APPEND, hub.keys(self.stream), self._arguments(append))
        try:
            await call.done.wait()
        except BaseException:
            # What is on its way cannot be called back; nor is it tried again, if Redis is not there.
            call.deadline = -inf
            with anyio.CancelScope(shield=True):
                await call.done.wait()
            if call.error is None:
                self._settle(append, call.reply)
            raise
        if call.error is not None:
            raise call.error
        self._settle(append, call.reply)
        self._check_failure()

    def _settle(self, append: _Append, state: int) -> None:
        """Learn what became of an append."""
        hub = self._hub
        self._open = None
        if state < 0:
            self._lose(state)
            return
        self._newest = state
        self._ended = append.last
        if self._ended and hub.writers.get(self.stream) is self:
            del hub.writers[self.stream]
        hub.deliver(self.stream, append.entries)

    def _arguments(self, append: _Append) -> Sequence[Any]:
        hub = self._hub
        bounds = hub.bounds
        return (
            self.token,
            append.number,
            self._newest,
            hub.lease_ms,
            bounds.age_ms if append.last else hub.age_ms,
            bounds.events,
            bounds.bytes,
            "1" if append.last else "0",
            self.stream,
            _MOST_TOLD,
            hub.channel,
            *append.flat,
        )

    async def _learn_who_went_on(self) -> None:
        hub = self._hub
        known = await hub.client.call(INFO, hub.keys(self.stream), ())
        if not known:
            self._lose(-1)
        elif known[1] != self._newest or known[3]:
            self._lose(-2)

    def _lose(self, state: int) -> None:
        """Stop being the stream's producer; those who read it here look who is."""
        if self._failure is not None:
            return
        self._stop.set()
        self._failure = (
            self._unknown()
            if state == -1
            else LeaseLost(
                f"Somebody else has adopted the stream {self.stream!r}, since it was given up, or its lease "
                "was not renewed in time: write no more of it."
            )
        )
        if self._hub.writers.get(self.stream) is self:
            del self._hub.writers[self.stream]
        self._hub.look(self.stream)

    def _unknown(self) -> UnknownStream:
        return UnknownStream(
            f"The log has no stream {self.stream!r} any more: it was deleted, nothing was written to it for "
            "max_age= seconds, or Redis was restarted without persistence (appendonly yes keeps it)."
        )
