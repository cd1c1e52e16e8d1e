"""A log in this process's memory."""

import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final

from rxstream.engine.arguments import check_count
from rxstream.engine.backend import loop_clock
from rxstream.errors import (
    ConcurrentRead,
    LeaseLost,
    LogError,
    StreamExists,
    StreamOrphaned,
    UnknownStream,
    UsageError,
)
from rxstream.transports.dialects.contract import Frame
from rxstream.transports.log import (
    LogBatch,
    LogGap,
    LogWriter,
    StreamInfo,
    StreamLog,
    check_after,
    check_stream,
    meta_text,
    size_of,
)
from rxstream.transports.memory_stream import Held

__all__ = ("MemoryLog", "MemoryReader", "MemoryWriter")


class MemoryLog(StreamLog):
    """A log in this process's memory: see ``StreamLog.memory``.

    Nothing runs in the background. What is over its age goes when something is asked of the log.
    """

    def __init__(
        self,
        *,
        max_events: int = 10_000,
        max_bytes: int = 8 * 1024 * 1024,
        max_age: float = 3600.0,
        max_streams: int = 10_000,
    ) -> None:
        super().__init__(max_events=max_events, max_bytes=max_bytes, max_age=max_age)
        check_count("a StreamLog", "max_streams", max_streams)
        self.max_streams = max_streams
        self.closed = False
        self._clock: Callable[[], float] | None = None
        self._streams: dict[str, Held] = {}
        # Those without a producer, in the order in which they lost it: so they are forgotten.
        self._ended: Final[OrderedDict[str, Held]] = OrderedDict()
        self._orphans: Final[OrderedDict[str, Held]] = OrderedDict()

    async def create(
        self, stream: str, *, owner: str | None = None, meta: Mapping[str, Any] | None = None
    ) -> LogWriter:
        """Begin a stream, and hold it. Raises ``StreamExists``, and ``LogError`` if the log is full."""
        if self.find(stream) is not None:
            raise StreamExists(f"The log has a stream {stream!r} already. Choose another name, or delete it.")
        text = meta_text(meta)
        if len(self._streams) >= self.max_streams:
            self._make_room()
        held = self._streams[stream] = Held(stream, owner, text, self.now())
        held.writer = MemoryWriter(self, held)
        return held.writer

    async def adopt(self, stream: str) -> LogWriter | None:
        """Hold a stream whose producer is gone; None if it has ended, has a producer, or is not there."""
        held = self.find(stream)
        if held is None or held.ended or held.writer is not None:
            return None
        del self._orphans[stream]
        held.writer = MemoryWriter(self, held)
        held.stopping.wake()
        # Whoever adopts it does so for a reader who is on the way.
        held.idle = self.now()
        return held.writer

    async def info(self, stream: str) -> StreamInfo | None:
        """Return what is known of a stream; None if nothing is."""
        held = self.find(stream)
        if held is None:
            return None
        alive = held.writer is not None
        return StreamInfo(
            stream, held.owner, json.loads(held.meta), held.oldest, held.newest, held.ended, alive
        )

    def read(self, stream: str, after: int = 0) -> AsyncIterator[LogBatch]:
        """Read what stands behind ``after``, then what is written from now on, to the stream's end."""
        check_stream(stream)
        check_after(after)
        return MemoryReader(self, stream, after)

    async def stop(self, stream: str) -> bool:
        """Ask the producer to end the stream; False if there is none to ask."""
        held = self.find(stream)
        if held is None or held.writer is None:
            return False
        held.stop = True
        held.stopping.wake()
        return True

    async def delete(self, stream: str) -> None:
        """Forget a stream."""
        held = self.find(stream)
        if held is not None:
            self._forget(held)
            held.deleted = True
            held.clear()

    async def aclose(self) -> None:
        """Forget everything: whoever still reads or writes gets a LogError."""
        self.closed = True
        streams, self._streams = self._streams, {}
        self._ended.clear()
        self._orphans.clear()
        for held in streams.values():
            held.clear()

    def find(self, stream: str) -> Held | None:
        """Find a stream, with those that are over their age forgotten."""
        check_stream(stream)
        self.check_open()
        if self._ended or self._orphans:
            limit = self.now() - self.max_age
            for queue in (self._ended, self._orphans):
                while queue and next(iter(queue.values())).quiet <= limit:
                    self._streams.pop(queue.popitem(last=False)[0])
        return self._streams.get(stream)

    def now(self) -> float:
        """Return the event loop's time, also when the loop is over: a reader may be collected then."""
        if self._clock is None:
            self._clock = loop_clock()
        return self._clock()

    def check_open(self) -> None:
        """Raise LogError if the log is closed."""
        if self.closed:
            raise LogError("The log is closed. Close it when nobody writes or reads any more.")

    def quiet(self, held: Held) -> None:
        """Take note that a stream has lost its producer."""
        held.writer = None
        held.quiet = self.now()
        (self._ended if held.ended else self._orphans)[held.stream] = held
        held.sleepers.wake()

    def _forget(self, held: Held) -> None:
        del self._streams[held.stream]
        self._ended.pop(held.stream, None)
        self._orphans.pop(held.stream, None)

    def _make_room(self) -> None:
        for queue in (self._ended, self._orphans):
            if queue:
                self._streams.pop(queue.popitem(last=False)[0])
                return
        msg = (
            f"The log holds {self.max_streams} streams, and all of them are still being written. Write fewer "
            "at once, or make it with a greater max_streams=."
        )
        raise LogError(msg)


class MemoryWriter(LogWriter):
    """The producer of a stream in memory. Nothing here suspends."""

    def __init__(self, log: MemoryLog, held: Held) -> None:
        self.stream = held.stream
        self._log = log
        self._held = held

    @property
    def newest(self) -> int:
        """The ``seq`` of the newest entry."""
        return self._held.newest

    async def append(self, frames: Sequence[Frame], *, last: bool = False) -> None:
        """Write entries; with ``last`` the stream ends with the last of them."""
        self.put(frames)
        if last:
            if not frames:
                raise UsageError("append(..., last=True) needs an entry with which the stream is to end.")
            self._held.ended = True
            self._log.quiet(self._held)

    def put(self, frames: Sequence[Frame]) -> bool:
        """Write entries, and say that there is room for more: what ``append`` does, without a coroutine."""
        if len(frames) == 1:
            [(event, data)] = frames
            self.keep(event, data, size_of(data))
        else:
            if self._held.writer is not self:
                raise self._refusal()
            # Each is looked at before the first is written, so that a wrong one leaves nothing behind.
            sizes = [size_of(data) for _, data in frames]
            for (event, data), size in zip(frames, sizes, strict=True):
                self.keep(event, data, size)
        self._held.sleepers.wake()
        return True

    def keep(self, event: str | None, data: str, size: int) -> None:
        """Write one entry, and wake nobody: for whom passes it on by itself."""
        held, log = self._held, self._log
        if held.writer is not self:
            raise self._refusal()
        held.names.append(event)
        held.texts.append(data)
        held.newest += 1
        held.bytes += size
        if held.bytes > log.max_bytes or len(held.texts) > log.max_events:
            held.trim(log.max_events, log.max_bytes)

    def when_joined(self, callback: Callable[[], object]) -> None:
        """Have something called whenever somebody begins to read beside others."""
        self._held.joined = callback

    async def stop_asked(self) -> None:
        """Wait until somebody asks for the stream to be stopped."""
        held = self._held
        # Behind its own end the stream is still its own: nobody is told to stop what is over.
        while not (held.stop or held.deleted or self._log.closed) and held.writer in {self, None}:
            await held.stopping.sleep()

    async def idle_seconds(self) -> float:
        """Return for how long nobody has been reading; 0.0 while somebody is."""
        return 0.0 if self._held.readers else self._log.now() - self._held.idle

    async def aclose(self) -> None:
        """Give the stream up. Without its end it is an orphan from here on."""
        if self._held.writer is self:
            self._log.quiet(self._held)

    def _refusal(self) -> Exception:
        held = self._held
        if self._log.closed:
            return LogError(f"The log was closed while the stream {self.stream!r} was still being written.")
        if held.deleted:
            return UnknownStream(f"The stream {self.stream!r} was deleted while it was being written.")
        if held.writer is not None:
            return LeaseLost(f"Somebody else has adopted the stream {self.stream!r}: write no more of it.")
        what = "has ended" if held.ended else "was given up by aclose()"
        return UsageError(f"The stream {self.stream!r} {what}: nothing can be written behind that.")


class MemoryReader(AsyncIterator[LogBatch]):
    """Somebody who reads a stream in memory.

    ``after`` is where it is, and ``held`` the stream, while it reads. Whoever looks there by itself, because
    an iterator's step is too much for every event, moves ``after`` on.
    """

    __slots__ = ("_log", "_over", "_stream", "_waiting", "after", "held")

    def __init__(self, log: MemoryLog, stream: str, after: int) -> None:
        self._log = log
        self._stream = stream
        self.after = after
        self.held: Held | None = None
        self._over = False
        self._waiting = False

    async def __anext__(self) -> LogBatch:
        if self._over:
            raise StopAsyncIteration
        held = self.held or self._join()
        while held.newest <= self.after:
            if held.writer is None and (error := self._end(held)) is not None:
                self._leave()
                raise error
            if self._waiting:
                raise ConcurrentRead(f"Two tasks read the stream {self._stream!r} with one read().")
            self._waiting = True
            try:
                await held.sleepers.sleep()
            finally:
                self._waiting = False
            if self._over:
                raise StopAsyncIteration
        if held.deleted or self._log.closed:
            self._leave()
            raise self._gone()
        batch = held.behind(self.after)
        self.after = batch.last if isinstance(batch, LogGap) else held.newest
        return batch

    async def aclose(self) -> None:
        """Leave; a wait for the next batch ends."""
        self._leave()

    def __del__(self) -> None:
        # A reader who was forgotten is none: its stream would never count as idle.
        self._leave()

    def _join(self) -> Held:
        held = self._log.find(self._stream)
        if held is None:
            self._over = True
            raise UnknownStream(f"The log has no stream {self._stream!r}, or no longer.")
        held.readers += 1
        self.held = held
        if held.readers > 1 and held.joined is not None:
            held.joined()
        return held

    def _leave(self) -> None:
        self._over = True
        held, self.held = self.held, None
        if held is not None:
            held.readers -= 1
            if not held.readers:
                held.idle = self._log.now()
            if self._waiting:
                held.sleepers.wake()

    def _end(self, held: Held) -> Exception | None:
        """Tell how a stream without a producer has ended, when all that there is has been read."""
        if self._log.closed or held.deleted:
            return self._gone()
        if held.ended:
            return StopAsyncIteration()
        msg = (
            f"The producer of the stream {self._stream!r} is gone, and the stream has no end. Whoever can go "
            "on with it takes it by adopt()."
        )
        return StreamOrphaned(msg)

    def _gone(self) -> LogError:
        if self._log.closed:
            return LogError(f"The log was closed while the stream {self._stream!r} was still being read.")
        return UnknownStream(f"The stream {self._stream!r} was deleted while it was being read.")
