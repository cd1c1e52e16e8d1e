"""The producer of one stream in a file."""

from collections.abc import Sequence
from functools import partial

import anyio

from rxstream.errors import LeaseLost, UnknownStream, UsageError
from rxstream.transports.dialects.contract import Frame
from rxstream.transports.log import LogEntry, LogWriter
from rxstream.transports.sqlite_hub import Hub
from rxstream.transports.sqlite_schema import Lease, Packed

__all__ = ("SQLiteWriter",)


class SQLiteWriter(LogWriter):
    """The lease of a stream, and what is written under it."""

    def __init__(self, hub: Hub, stream: str, lease: Lease) -> None:
        self.stream = stream
        self.lease = lease
        self._hub = hub
        self._newest = lease.newest
        self._stop = anyio.Event()
        self._closed = False
        if lease.stop:
            self._stop.set()
        hub.hold(self)

    @property
    def newest(self) -> int:
        """The ``seq`` of the newest entry."""
        return self._newest

    async def append(self, frames: Sequence[Frame], *, last: bool = False) -> None:
        """Write entries; with ``last`` the stream ends with the last of them.

        Waits while another process writes. Cancelled, it first waits for what is on its way.
        """
        if last and not frames:
            raise UsageError("append(..., last=True) needs an entry with which the stream is to end.")
        frames = list(frames)
        packed = [Packed(None if event is None else _bytes(event), _bytes(data)) for event, data in frames]
        stream, lease = self.stream, self.lease
        # Asked also with nothing to write: whoever comes too late is to learn it.
        call = self._hub.queue.post(
            lambda streams: streams.append(stream, lease, packed, last=last),
            partial(self._written, frames, last=last),
            writes=bool(packed),
        )
        try:
            await call.done.wait()
        except BaseException:
            with anyio.CancelScope(shield=True):
                await call.done.wait()
            raise
        if isinstance(call.error, (LeaseLost, UnknownStream)):
            self.stopped()
            self._hub.drop(self)
            self._hub.look(self.stream)
        if call.error is not None:
            raise call.error

    async def stop_asked(self) -> None:
        """Wait until somebody asks for the stream to be stopped, or there is nothing left to do for it."""
        await self._stop.wait()

    async def idle_seconds(self) -> float:
        """Return for how long nobody has been reading, in whatever process."""
        if self._hub.is_read(self.stream):
            return 0.0
        stream, lease = self.stream, self.lease
        idle: float = await self._hub.queue.call(lambda streams: streams.idle(stream, lease))
        return idle

    async def aclose(self) -> None:
        """Give the lease up."""
        if self._closed:
            return
        self._closed = True
        hub, lease = self._hub, self.lease
        hub.drop(self)
        if not hub.queue.closed:
            call = hub.queue.post(
                lambda streams: streams.release(lease), lambda _: hub.look(self.stream), writes=True
            )
            await call.done.wait()

    def stopped(self) -> None:
        """Learn that somebody wants no more of it."""
        self._stop.set()

    def _written(self, frames: Sequence[Frame], newest: int, *, last: bool) -> None:
        first = newest - len(frames) + 1
        entries = [
            LogEntry(seq, event, data, last and seq == newest)
            for seq, (event, data) in enumerate(frames, first)
        ]
        self._newest = newest
        if entries:
            self._hub.deliver(self.stream, entries)
        if last:
            self._hub.drop(self)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
