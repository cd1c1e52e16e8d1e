"""The producers of a process: answers that are read into a log, whoever may be listening."""

import asyncio
import logging
from collections.abc import AsyncIterable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, Literal
from weakref import WeakKeyDictionary

import anyio
from anyio.abc import TaskGroup
from reactivex import Observable

from rxstream.engine.backend import running_backend, running_loop, spawn
from rxstream.errors import LeaseLost, ProviderError, StreamExists, StreamTruncated, UnknownStream
from rxstream.items import Restarted, SSEEvent
from rxstream.resilience.carry_on import carry_on
from rxstream.sansio.delivered import Delivered
from rxstream.sinks.open_stream import open_stream
from rxstream.transports.dialects.contract import Dialect, Encoder, Frame
from rxstream.transports.log import LogGap, LogWriter, StreamLog
from rxstream.transports.log_pen import LogPen
from rxstream.transports.loop_turns import Turn
from rxstream.transports.memory_log import MemoryLog, MemoryReader, MemoryWriter
from rxstream.transports.refusals import public_error, shutdown_error
from rxstream.transports.relay import Relay
from rxstream.transports.sse_framing import Framing
from rxstream.transports.sse_wire import Wire

__all__ = ("Publication", "Publications", "publications_of", "publish")

_log: Final = logging.getLogger("rxstream")
#: Seconds that the end of a stream may take to write, and its lease to give up.
_PATIENCE: Final = 5.0


async def publish(
    log: StreamLog,
    stream: str,
    observable: Observable[Any],
    dialect: Dialect,
    *,
    owner: str | None = None,
    meta: Mapping[str, Any] | None = None,
    grace: float = 60.0,
) -> "Publication | None":
    """Begin to read an Observable into a log, in a task that belongs to nobody.

    A stream that is there and whose producer is gone is gone on with, behind what was written. None if it
    has a producer, or has ended. It is stopped by ``log.stop``, by ``grace`` seconds without a reader, or by
    ``Publications.drain``. Errors of the Observable become the dialect's error event.
    """
    adopted = False
    try:
        kept = {**(meta or {}), "dialect": dialect.name}
        writer: LogWriter | None = await log.create(stream, owner=owner, meta=kept)
    except StreamExists:
        writer = await log.adopt(stream)
        adopted = True
    if writer is None:
        return None
    publication = Publication(log, writer, observable, dialect, grace=grace, adopted=adopted)
    publications_of(log).start(publication)
    return publication


class Publications:
    """What this process produces for one log. See ``publications_of``."""

    def __init__(self) -> None:
        self._running: Final[dict[Publication, object]] = {}

    def __len__(self) -> int:
        """Return how many answers are being read, in all event loops."""
        return len(self._running)

    def start(self, publication: "Publication") -> None:
        """Have an answer read by a task of its own."""
        self._running[publication] = running_loop()

        def done() -> None:
            del self._running[publication]
            publication.over.set()

        spawn(publication.run, f"rxstream answer {publication.stream}", done)

    async def drain(self, grace: float = 0.0) -> int:
        """Let the answers of this event loop end, for ``grace`` seconds; then end those that have not.

        Where other processes can see the log, the streams are given up without an end, so that one of those
        goes on with them; where none can, they end with an error event whose code is "shutdown". Returns how
        many had to be ended. Call it before ``end_responses``, so that readers hear of it.
        """
        with anyio.move_on_after(grace):
            while running := self._here():
                await running[0].over.wait()
        running = self._here()
        for publication in running:
            publication.halt("drained")
        with anyio.move_on_after(2 * _PATIENCE):
            for publication in running:
                await publication.over.wait()
        return len(running)

    def _here(self) -> "list[Publication]":
        here = running_loop()
        return [publication for publication, loop in self._running.items() if loop is here]


_publications: Final[WeakKeyDictionary[StreamLog, Publications]] = WeakKeyDictionary()


def publications_of(log: StreamLog) -> Publications:
    """Return what this process produces for a log."""
    found = _publications.get(log)
    if found is None:
        found = _publications[log] = Publications()
    return found


class Publication:
    """An answer that this process reads into a log."""

    def __init__(
        self,
        log: StreamLog,
        writer: LogWriter,
        observable: Observable[Any],
        dialect: Dialect,
        *,
        grace: float,
        adopted: bool,
    ) -> None:
        self.stream = writer.stream
        #: Set when nothing of it is left.
        self.over = anyio.Event()
        #: Asked when it fails before its first entry: whether somebody can still tell its client by a status.
        self.unsaid: Callable[[], bool] | None = None
        #: What it failed with then, if somebody can.
        self.early: Exception | None = None
        #: Whether somebody asked for it to be stopped, or its readers were away for too long.
        self.stopped = False
        self._log = log
        self._writer = writer
        self._memory = writer if isinstance(writer, MemoryWriter) else None
        self._observable = observable
        self._dialect = dialect
        self._encoder: Encoder = dialect.encoder()
        self._grace = grace
        self._begun = False
        self._adopted = adopted
        self._halted: Literal["stopped", "idle", "drained", "lost"] | None = None
        self._work = anyio.CancelScope()
        self._tasks: TaskGroup | None = None
        # What sends to the first client of a stream in memory while that one's own task sleeps.
        self._relay: Relay | None = None
        self._task: asyncio.Task[Any] | None = None
        self._pen = LogPen(writer)
        # What is in memory is written at once; nobody has to wait for a disk or a network.
        self._put: Callable[[Sequence[Frame]], bool] = (
            self._pen.put if self._memory is None else self._memory.put
        )

    def halt(self, why: Literal["stopped", "idle", "drained", "lost"]) -> None:
        """Read no more; what was read stays, and gets the end that belongs to the reason."""
        if self._halted is None:
            self._halted = why
            # What is on its way to a client is not cut off: the client could not trust what it has.
            if not self._hurry():
                self._work.cancel()

    def _hurry(self) -> bool:
        """Let a send that is under way, if there is one, not last for long."""
        if self._relay is None or not self._relay.sending:
            return False
        assert self._tasks is not None
        self._tasks.start_soon(self._relay.cut_off_soon)
        return True

    def lend(self, wire: Wire, framing: Framing, reader: MemoryReader) -> Relay | None:
        """Have the wire of the client that this was begun for, to use while that one's own task sleeps.

        None if nothing would be won by that. ``give_back`` must be awaited.
        """
        if self._relay is None and self._memory is not None and self._task is not None:
            self._relay = Relay(wire, framing, reader, self._memory, self._task)
            self._memory.when_joined(self._hurry)
        return self._relay

    async def give_back(self) -> None:
        """Use the wire no more: what is being sent is cut off."""
        if self._relay is not None:
            await self._relay.end()
            self._relay = None

    async def run(self) -> None:
        """Read the answer to its end: the task's own function, which lets no exception out."""
        try:
            failure: Exception | None = None
            async with anyio.create_task_group() as tasks:
                self._tasks = tasks
                if running_backend() == "asyncio":
                    self._task = asyncio.current_task()
                tasks.start_soon(self._attend)
                if self._memory is None:
                    tasks.start_soon(self._pen.run, self._lose)
                try:
                    frames: Sequence[Frame] | None = None
                    with self._work:
                        frames = await self._read_all()
                    await self._finish(self._last_words() if frames is None else frames)
                except Exception as error:  # noqa: BLE001 - logged below, without the group around it
                    failure = error
                tasks.cancel_scope.cancel()
            if failure is not None:
                self._lose(failure)
        finally:
            with self._moment():
                try:
                    await self._writer.aclose()
                except Exception:  # noqa: BLE001 - logged: there is nobody to tell
                    _log.exception("the lease of the stream %s could not be given up", self.stream)

    def _lose(self, error: Exception) -> None:
        """Take note that the log takes no more: the stream is somebody else's, or the log is out of reach."""
        if not isinstance(error, LeaseLost | UnknownStream):
            _log.error("the stream %s cannot be written to its log", self.stream, exc_info=error)
        self.halt("lost")

    async def _attend(self) -> None:
        """Wait for somebody who wants it stopped, or for its readers to be away for too long."""
        writer, grace = self._writer, self._grace
        try:
            while (idle := await writer.idle_seconds()) < grace:
                with anyio.move_on_after(max(grace - idle, 0.01)):
                    await writer.stop_asked()
                    self.halt("stopped")
                    return
        except Exception as error:  # noqa: BLE001 - logged
            self._lose(error)
            return
        self.halt("idle")

    async def _finish(self, frames: Sequence[Frame] | None) -> None:
        if frames is not None and self._halted != "lost":
            if not self._begun:
                frames = (*self._encoder.start(), *frames)
            with self._moment():
                await self._pen.finish(frames)

    def _moment(self) -> AbstractContextManager[object]:
        """Give what is written last its time, whatever is cancelled; in memory it takes none."""
        return nullcontext() if self._memory is not None else anyio.move_on_after(_PATIENCE, shield=True)

    async def _read_all(self) -> Sequence[Frame]:
        encoder = self._encoder
        try:
            source = await self._behind() if self._adopted else self._observable
            async with open_stream(source) as items:
                await self._write(items)
        except Exception as error:  # noqa: BLE001 - told to whoever reads the stream
            if not self._begun and self.unsaid is not None and self.unsaid():
                # Its client is told by a status, and the stream deleted.
                self.early = error
                error = ProviderError("the answer failed before it began", type="server_error")
            return encoder.fail(public_error(error))
        return encoder.end()

    async def _write(self, items: AsyncIterable[Any]) -> None:
        encoder, feed, put = self._encoder, self._encoder.feed, self._put
        turn = Turn()
        async for item in items:
            frames = feed(item)
            if not self._begun:
                self._begun = True
                frames = (*encoder.start(), *frames)
            if frames:
                relay = self._relay
                try:
                    if relay is not None and relay.open and (sending := relay.take(frames)) is not None:
                        await sending
                        if self._halted is not None:
                            self._work.cancel()
                    elif not put(frames):
                        await self._pen.room()
                except Exception as error:  # noqa: BLE001 - not the stream's, and the end of all
                    self._lose(error)
                    break
            if turn.is_long():
                await turn.pause()

    def _last_words(self) -> Sequence[Frame] | None:
        """Return how a stream ends that is read no more; None if it is left for another producer."""
        if self._halted in {"stopped", "idle"}:
            self.stopped = True
            return self._encoder.stop()
        if self._halted == "drained" and isinstance(self._log, MemoryLog):
            return self._encoder.fail(shutdown_error())
        return None

    async def _behind(self) -> Observable[Any]:
        """Return the rest of an answer that another producer has begun.

        What that one wrote is read again, as a client would, so that the dialect knows what it has said.
        """
        newest = self._writer.newest
        if not newest:
            return self._observable
        self._begun = True
        encoder, decoder, delivered = self._encoder, self._dialect.decoder(), Delivered()
        encoder.start()
        batches: Any = self._log.read(self.stream)
        try:
            async for batch in batches:
                if isinstance(batch, LogGap):
                    msg = (
                        f"the stream's producer is gone, and events {batch.first} to {batch.last} are held "
                        f"no longer: nobody can know how it goes on"
                    )
                    raise StreamTruncated(msg, partial=delivered.partial())
                for entry in batch:
                    for item in decoder.feed(SSEEvent(entry.data, entry.event)):
                        if item.__class__ is Restarted:
                            delivered = Delivered()
                        else:
                            delivered.add(item)
                        encoder.feed(item)
                if batch[-1].seq >= newest:
                    break
        finally:
            with anyio.CancelScope(shield=True):
                await batches.aclose()
        return carry_on(self._observable, delivered)
