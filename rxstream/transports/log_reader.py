"""Somebody who reads a stream of a log that has to be asked, and told of what is new by itself."""

from collections.abc import AsyncIterator
from typing import Protocol

from rxstream.errors import ConcurrentRead, StreamOrphaned, UnknownStream
from rxstream.transports.log import LogBatch, LogGap
from rxstream.transports.log_inbox import Found, Inbox

__all__ = ("LogReader", "Shelf")


class Shelf(Protocol):
    """Where readers look for what they read."""

    #: How a stream can be lost in it, in the words of a message.
    losses: str

    def enter(self, stream: str, after: int) -> Inbox:
        """Have a new reader told of what is appended."""
        ...

    def leave(self, stream: str, inbox: Inbox) -> None:
        """Forget a reader, without a wait."""
        ...

    async def find(self, stream: str, after: int) -> Found | None:
        """Look into the log; None if there is no such stream."""
        ...


class LogReader(AsyncIterator[LogBatch]):
    """What is in the log behind an entry, then what comes in.

    No generator, since a wait for the next batch may be cancelled and done again. It looks into the log when
    it begins, when it was slow, and when something may have been missed, the producer's death included. In
    between entries come by themselves.
    """

    __slots__ = ("_after", "_found", "_inbox", "_over", "_reading", "_shelf", "_stream")

    def __init__(self, shelf: Shelf, stream: str, after: int) -> None:
        self._shelf = shelf
        self._stream = stream
        self._after = after
        self._inbox: Inbox | None = None
        #: What was found, and not yet given: a gap, and what stands behind it.
        self._found: list[LogBatch] = []
        self._reading = False
        self._over = False

    async def __anext__(self) -> LogBatch:
        if self._over:
            raise StopAsyncIteration
        if self._reading:
            raise ConcurrentRead(f"Two tasks read the stream {self._stream!r} with one read().")
        self._reading = True
        try:
            return await self._read()
        except Exception:
            self._leave()
            raise
        finally:
            self._reading = False

    async def aclose(self) -> None:
        """Leave; a wait for the next batch ends."""
        self._leave()

    def __del__(self) -> None:
        # A reader who was forgotten is none: its stream would never count as idle.
        self._leave()

    async def _read(self) -> LogBatch:
        inbox = self._inbox
        if inbox is None:
            inbox = self._inbox = self._shelf.enter(self._stream, self._after)
        while True:
            if self._found:
                return self._given(self._found.pop(0))
            if entries := inbox.take():
                return self._given(entries)
            if inbox.behind:
                await self._look(inbox)
            else:
                await inbox.wait()
            if self._over:
                raise StopAsyncIteration

    async def _look(self, inbox: Inbox) -> None:
        inbox.begin_look()
        try:
            found = await self._shelf.find(self._stream, inbox.seq)
        except BaseException:
            inbox.break_off()
            raise
        if found is None:
            raise UnknownStream(
                f"The log has no stream {self._stream!r}, or no longer: {self._shelf.losses}."
            )
        first = inbox.seq + 1
        inbox.end_look(found)
        if first < found.oldest:
            self._found.append(LogGap(first, found.oldest - 1))
        if found.entries:
            self._found.append(found.entries)
        if found.ended and not self._found and inbox.seq >= found.newest:
            raise StopAsyncIteration
        if not found.alive and not found.ended:
            if not self._found:
                raise StreamOrphaned(
                    f"The producer of the stream {self._stream!r} is gone, and the stream has no end. "
                    "Whoever can go on with it takes it by adopt()."
                )
            # It may have been adopted while these are read.
            inbox.behind = True

    def _given(self, batch: LogBatch) -> LogBatch:
        if isinstance(batch, list) and batch[-1].last:
            self._leave()
        return batch

    def _leave(self) -> None:
        self._over = True
        inbox, self._inbox = self._inbox, None
        if inbox is not None:
            self._shelf.leave(self._stream, inbox)
            inbox.wake()
