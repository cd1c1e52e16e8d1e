"""What one process reads and writes in a file: its readers are woken, and others told that it lives.

What is appended here goes to the readers here by itself. One watch looks for what other processes do, some
times in a second, and only while somebody here waits for it; and it gives the process's sign of life, by
which all of its streams are held.
"""

import time
from collections.abc import Callable
from functools import partial
from math import inf
from typing import Any, Final, Protocol

import anyio

from rxstream.engine.backend import loop_clock, spawn
from rxstream.errors import LogError
from rxstream.transports.log_inbox import Found, Inbox
from rxstream.transports.log_readers import Readers
from rxstream.transports.sleepers import Sleepers
from rxstream.transports.sqlite_queue import SQLiteQueue
from rxstream.transports.sqlite_schema import Changes, Lease
from rxstream.transports.sqlite_streams import Streams

__all__ = ("Held", "Hub")

#: Seconds between two looks at what others do: while a stream of another process is read, and while streams
#: are only produced here, which somebody may want to stop.
_READING, _WRITING = 0.025, 0.1
#: Signs of life in each lease.
_BEATS: Final = 3


class Held(Protocol):
    """A stream that this process produces."""

    stream: str
    lease: Lease

    def stopped(self) -> None:
        """Learn that there is nothing to be produced any more."""
        ...


class Hub(Readers):
    """The readers and writers of one log in one process."""

    losses = "it was deleted, or nothing was written to it for max_age= seconds"

    def __init__(self, queue: SQLiteQueue, *, lease: float, max_events: int, max_bytes: int) -> None:
        super().__init__(max_events=max_events, max_bytes=max_bytes)
        self.queue = queue
        self.writers: dict[str, Held] = {}
        #: Those of them that another process produces, as far as we know.
        self._remote: set[str] = set()
        self._lease = lease
        self._seen: tuple[int, int] | None = None
        self._bell = Sleepers()
        #: Until when the watch may sleep if nobody wakes it: the pace at which it looks.
        self._pace = 0.0
        self._scope: anyio.CancelScope | None = None
        self._watched: anyio.Event | None = None

    async def aclose(self) -> None:
        """Give up what is held here, and close the file. Those who still read learn of it."""
        queue = self.queue
        if not queue.closed:
            # If its event loop is over, the lease will be, too.
            if (self.writers or self._readers) and queue.is_here():
                queue.post(Streams.resign, writes=True)
            queue.closed = True
        for writer in self.writers.values():
            writer.stopped()
        self.writers.clear()
        for stream in self._readers:
            self.look(stream)
        if self._scope is not None:
            assert self._watched is not None
            self._scope.cancel()
            with anyio.CancelScope(shield=True):
                await self._watched.wait()
        await queue.aclose()

    def hold(self, writer: Held) -> None:
        """Look after a stream that is produced here."""
        self.writers[writer.stream] = writer
        self._remote.discard(writer.stream)
        self._watch()

    def drop(self, writer: Held) -> None:
        """Look after it no more: it has ended, or is somebody else's."""
        if self.writers.get(writer.stream) is writer:
            del self.writers[writer.stream]
            self._sort(writer.stream)

    def enter(self, stream: str, after: int) -> Inbox:
        """Have a new reader told of what is appended."""
        inbox = super().enter(stream, after)
        self._sort(stream)
        return inbox

    def _left(self, stream: str) -> None:
        self._remote.discard(stream)
        # A reader may be collected when its event loop is over.
        if not self.queue.closed and self.queue.is_here():
            since = time.time()
            self.queue.post(lambda streams: streams.leave(stream, since))

    async def find(self, stream: str, after: int) -> Found | None:
        """Look into the log; None if there is no such stream. From here on we count as a reader."""
        # The writer here asks the readers here, and nobody else asks whether anybody reads.
        present = stream not in self.writers
        found: Found | None = await self.queue.call(
            lambda streams: streams.read(stream, after, present=present)
        )
        return found

    def forget(self, stream: str) -> None:
        """Take note that a stream is there no longer: its producer and its readers here learn of it."""
        writer = self.writers.get(stream)
        if writer is not None:
            writer.stopped()
            self.drop(writer)
        self.look(stream)

    def _sort(self, stream: str) -> None:
        if stream in self._readers and stream not in self.writers:
            self._remote.add(stream)
            self._watch()

    def _watch(self) -> None:
        if self._scope is None and not self.queue.closed:
            self._scope, self._watched = anyio.CancelScope(), anyio.Event()
            spawn(partial(self._look_around, self._scope), "rxstream sqlite watch", self._watched.set)
        if self._wanted_pace() < self._pace:
            self._bell.wake()

    def _wanted_pace(self) -> float:
        if self._remote:
            return _READING
        return _WRITING if self.writers else inf

    async def _look_around(self, scope: anyio.CancelScope) -> None:
        clock = loop_clock()
        # Whoever began to write or read has given the first sign of life.
        beaten = clock()
        with scope:
            while not self.queue.closed:
                due = beaten + self._lease / _BEATS
                self._pace = self._wanted_pace()
                # Who begins to read what others write need not wait for the slower of the two paces.
                with anyio.move_on_after(
                    min(self._pace, max(0.0, due - clock()) if self._pace < inf else inf)
                ):
                    await self._bell.sleep()
                if self._wanted_pace() == inf:
                    continue
                if clock() >= due:
                    beaten = clock()
                    await self._beat()
                await self._see()

    async def _beat(self) -> None:
        remote = list(self._remote)

        def beat(streams: Streams) -> list[str]:
            return streams.beat(remote)

        orphans: list[str] | None = await self._ask(beat, writes=True)
        for stream in orphans or ():
            self.look(stream)

    async def _see(self) -> None:
        """Learn what others have done."""
        seen, known = self._seen, [*self._remote, *self.writers]

        def changes_behind(streams: Streams) -> Changes | None:
            return streams.changes(seen, known)

        changes: Changes | None = await self._ask(changes_behind)
        if changes is None:
            return
        self._seen = changes.seen
        for stream, number, turn, stop in changes.streams:
            writer = self.writers.get(stream)
            if writer is not None and (writer.lease.id, writer.lease.turn) != (number, turn):
                self.forget(stream)
            elif writer is not None and stop:
                writer.stopped()
            else:
                self.look(stream)
        for stream in changes.gone:
            self.forget(stream)

    async def _ask(self, act: Callable[[Streams], Any], *, writes: bool = False) -> Any:
        try:
            return await self.queue.call(act, writes=writes)
        except LogError:
            # Whoever reads or writes is told what is wrong, as soon as it wants something.
            return None
