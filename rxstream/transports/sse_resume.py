"""The delivery of a response that its client can come back to: read from a log, not from the source."""

import re
import uuid
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs

import anyio
from anyio.lowlevel import checkpoint
from reactivex import Observable

from rxstream.engine.backend import loop_clock
from rxstream.errors import ProviderError, StreamOrphaned, StreamTruncated, UnknownName
from rxstream.items import SSEEvent
from rxstream.transports.dialects.contract import Dialect
from rxstream.transports.dialects.named import dialect_named
from rxstream.transports.log import STREAM_NAME, LogEntry, LogGap, StreamInfo, StreamLog
from rxstream.transports.memory_log import MemoryLog, MemoryReader
from rxstream.transports.publish import Publication, publish
from rxstream.transports.refusals import Refusal, public_error, shutdown_error
from rxstream.transports.sse_delivery import Delivery, Headers, Reason, Settings
from rxstream.transports.sse_framing import Framing
from rxstream.transports.sse_wire import ClientGone, Receive, Scope, Send

__all__ = ("Position", "Resumable", "Resuming", "check_name", "position_of")

_NAME: Final = re.compile(STREAM_NAME)
_EVENT_ID: Final = re.compile(f"({STREAM_NAME})-([0-9]{{1,18}})")
#: Events of one write: a client that comes back to a long answer gets it in pieces.
_AT_ONCE: Final = 64
#: Seconds between two looks whether somebody has taken an orphan over.
_LOOK: Final = 0.25
#: Seconds that a producer which says nothing counts as alive, where the log does not tell.
_LEASE: Final = 10.0


class Resuming(NamedTuple):
    """What a response with a log was asked to be."""

    log: StreamLog
    observable: Observable[Any] | None
    stream_id: str | None
    owner: str | None
    meta: Mapping[str, Any]
    grace: float


class Position(NamedTuple):
    """Where a client wants to go on: behind which event of which stream; 0 is before the first."""

    stream: str | None
    #: None: the client has said nothing.
    after: int | None


def check_name(argument: str, name: object) -> None:
    """Raise TypeError or ValueError for what is no name of a stream; None is a name to be made up."""
    if name is None:
        return
    if not isinstance(name, str):
        raise TypeError(f"expected {argument} to be a str and got {name!r}")
    if not _NAME.fullmatch(name):
        msg = f"expected {argument} to be 1 to 64 ASCII letters, digits, '-' and '_' and got {name!r:.80}"
        raise ValueError(msg)


def position_of(scope: Scope, *, plain: bool) -> Position:
    """Read where a client wants to go on from its request.

    From the header ``Last-Event-ID``, which an EventSource sends when it connects again, or else from the
    query: ``last_event_id``, or, with ``plain``, ``after``, the number alone. Raises a Refusal.
    """
    said = b"".join(value for name, value in scope["headers"] if name == b"last-event-id").decode("latin-1")
    if not said:
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"), max_num_fields=100)
        said = query.get("last_event_id", [""])[-1]
        number = query.get("after", [""])[-1]
        if not said and plain and number:
            if not re.fullmatch("[0-9]{1,18}", number):
                raise Refusal(400, "expected ?after= to be the number of an event", code="bad_event_id")
            return Position(None, int(number))
    if not said:
        return Position(None, None)
    found = _EVENT_ID.fullmatch(said)
    if found is None:
        raise Refusal(400, "expected an event id of this server, <stream>-<number>", code="bad_event_id")
    return Position(found[1], int(found[2]))


class Resumable(Delivery):
    """A response that reads a log. If nobody produces the stream, and it knows how, it has it produced."""

    def __init__(self, settings: Settings, resuming: Resuming) -> None:
        super().__init__(settings)
        self._resuming = resuming
        self._dialect = settings.dialect
        self._stream = resuming.stream_id or uuid.uuid4().hex
        self._after = 0
        self._publication: Publication | None = None
        self._refused: Exception | None = None
        self._exists = False
        #: Behind which event this response has last had the stream produced anew.
        self._taken: int | None = None

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send, status: int, headers: Headers
    ) -> None:
        """Answer a request."""
        if scope["type"] == "http" and scope["method"] != "HEAD":
            try:
                dialect = await self._find(scope)
            except Exception as error:  # noqa: BLE001 - answered below
                self._refused = error
            else:
                headers = [*headers, (b"x-stream-id", self._stream.encode())]
                said = {name for name, _ in headers}
                for name, value in dialect.headers.items():
                    if name.lower().encode() not in said:
                        headers.append((name.lower().encode(), value.encode()))
                self._dialect = dialect
                self._framing = Framing(stream=self._stream, retry=self._settings.retry)
        await super().__call__(scope, receive, send, status, headers)

    # ------------------------------------------------------------ before the stream

    async def _find(self, scope: Scope) -> Dialect:
        """Find the stream that the request is about, and the place in it; return the stream's dialect."""
        log, observable, stream_id, owner, *_ = self._resuming
        place = position_of(scope, plain=observable is None)
        if place.stream is not None:
            if stream_id is not None and place.stream != stream_id:
                raise _unknown()
            self._stream = place.stream
        info = None
        if place.stream is not None or stream_id is not None:
            info = await log.info(self._stream)
        if info is None:
            if observable is None or place.after is not None:
                raise _unknown()
            return self._settings.dialect
        if info.owner is not None and info.owner != owner:
            raise _unknown()
        after = place.after or 0
        if after > info.newest:
            raise Refusal(404, "the stream has no such event", code="unknown_event")
        if info.ended and place.after is not None and after == info.newest:
            raise Refusal(204)
        dialect = self._dialect_of(info)
        self._after = 0 if dialect.replays else after
        self._exists = True
        return dialect

    def _dialect_of(self, info: StreamInfo) -> Dialect:
        """Return the dialect that the stream was written in, whatever this request would like."""
        asked, kept = self._settings.dialect, info.meta.get("dialect")
        if kept != asked.name and isinstance(kept, str):
            try:
                return dialect_named(kept)
            except UnknownName:
                pass
        return asked

    # ------------------------------------------------------------ the stream

    async def _work(self) -> None:
        try:
            await self._begin()
            while not await self._follow():
                pass
        except ClientGone:
            raise
        except Exception as error:  # noqa: BLE001 - told to the client
            if isinstance(error, Refusal) and error.status == 204:
                await self._refuse_or_raise(error)
                self._ended = "done"
                return
            self._error = error
            if self._framing.events or await self._wire.is_started():
                encoder = self._dialect.encoder()
                await self._wire.finish(self._framing.frames(encoder.fail(public_error(error))))
            else:
                await self._refuse_or_raise(error)
            self._ended = "error"
        finally:
            if self._publication is not None:
                await self._publication.give_back()

    async def _begin(self) -> None:
        if self._refused is not None:
            raise self._refused
        if not self._exists:
            await self._publish()

    async def _publish(self) -> None:
        log, observable, _, owner, meta, grace = self._resuming
        assert observable is not None
        self._publication = await publish(
            log, self._stream, observable, self._dialect, owner=owner, meta=meta, grace=grace
        )
        if self._publication is not None:
            self._publication.unsaid = self._wire.is_silent

    async def _follow(self) -> bool:
        """Send what the log has and gets; return whether that was all."""
        wire = self._wire
        batches: Any = self._resuming.log.read(self._stream, self._after)
        try:
            async for batch in batches:
                if batch.__class__ is LogGap:
                    await self._pass_gap(batch)
                elif await self._pass_on(batch):
                    return True
                if wire.hurried or len(batch) > 1:
                    await wire.rest()
                if batches.__class__ is MemoryReader:
                    await self._follow_singles(batches)
        except StreamOrphaned as orphaned:
            return await self._take_over(orphaned)
        finally:
            # A reader in memory waits for nothing: for it a scope costs more than to leave.
            with nullcontext() if batches.__class__ is MemoryReader else anyio.CancelScope(shield=True):
                await batches.aclose()
        # Nothing stood behind the place that the client has been at.
        await wire.finish(b"")
        self._ended = "done"
        return True

    async def _follow_singles(self, reader: MemoryReader) -> None:
        """Send what comes alone, as what a model says does, for as little as an event can cost.

        While this sleeps, the producer sends by itself, if it is this response's own.
        """
        wire, put, write = self._wire, self._wire.put_now, self._framing.frame
        held, producer = reader.held, self._publication
        assert held is not None
        relay = None if producer is None else producer.lend(wire, self._framing, reader)
        while held.writer is not None:
            ahead = held.newest - reader.after
            if not ahead:
                if relay is not None:
                    relay.open = True
                await held.sleepers.lie_down()
                if relay is not None:
                    relay.open = False
            elif ahead == 1 and not held.ended:
                reader.after = seq = held.newest
                await put(write(held.names[-1], held.texts[-1], seq))
                if wire.hurried:
                    await wire.rest()
            else:
                break
        self._after = reader.after

    async def _pass_on(self, batch: list[LogEntry]) -> bool:
        """Send events; return whether the last of the stream was among them."""
        wire, framing = self._wire, self._framing
        if not wire.started:
            await self._check_early()
        for at in range(0, len(batch), _AT_ONCE):
            part = batch[at : at + _AT_ONCE] if len(batch) > _AT_ONCE else batch
            if part[-1].last:
                ended = self._judge(batch)
                await wire.finish(framing.entries(part))
                self._ended = ended
                return True
            await wire.put_now(framing.entries(part))
            self._after = part[-1].seq
            if part is not batch:
                await checkpoint()
        return False

    def _judge(self, batch: list[LogEntry]) -> Reason:
        """Find out how the stream has ended, for ``on_close``: the log only knows that it has."""
        if self._publication is not None and self._publication.stopped:
            return "stopped"
        decoder = self._dialect.decoder()
        for entry in batch[-3:]:
            try:
                tuple(decoder.feed(SSEEvent(entry.data, entry.event)))
            except ProviderError as error:
                self._error = error
                return "error"
            except Exception:  # noqa: BLE001, S112 - an event that says nothing without those before it
                continue
        return "done"

    async def _check_early(self) -> None:
        publication = self._publication
        if publication is not None and publication.early is not None and not await self._wire.is_started():
            # The answer never began: nobody can come back to it, and its name is free again.
            await self._resuming.log.delete(self._stream)
            raise publication.early

    async def _pass_gap(self, gap: LogGap) -> None:
        """Say that events are missing, in the one dialect that can."""
        missing = f"the events {gap.first} to {gap.last} are held no longer"
        if self._dialect.name != "rxstream":
            if self._framing.events or await self._wire.is_started():
                raise StreamTruncated(f"{missing}: the client was too slow")
            raise Refusal(410, missing, code="gap")
        entry = LogEntry(gap.last, "gap", f'{{"first":{gap.first},"last":{gap.last}}}')
        await self._wire.put_now(self._framing.entries([entry]))
        self._after = gap.last

    # ------------------------------------------------------------ without a producer

    async def _take_over(self, orphaned: StreamOrphaned) -> bool:
        """Find somebody who goes on with the stream; return whether there is nobody, and this is the end."""
        if self._resuming.observable is not None:
            if self._taken == self._after:
                raise orphaned  # a producer of ours has got nowhere, and so would the next one
            await self._publish()
            if self._publication is not None:
                self._taken = self._after
                return False
        if await self._is_taken():
            return False
        # No terminator: the client shall come back, and may then find another producer.
        await self._wire.finish(b"")
        self._error, self._ended = orphaned, "error"
        return True

    async def _is_taken(self) -> bool:
        """Wait for as long as a worker that is gone may count as alive, and another one be on the way."""
        log, clock = self._resuming.log, loop_clock()
        until = clock() + float(getattr(log, "lease", _LEASE))
        while clock() < until:
            info = await log.info(self._stream)
            if info is None or info.alive or info.ended:
                return True
            await anyio.sleep(_LOOK)
        return False

    async def _farewell(self) -> None:
        if not isinstance(self._resuming.log, MemoryLog):
            # Another process goes on with the stream: the client comes back to it.
            await self._wire.finish(b"")
        elif await self._wire.is_started():
            await self._wire.finish(self._framing.frames(self._dialect.encoder().fail(shutdown_error())))
        else:
            await self._refuse_or_raise(shutdown_error())


def _unknown() -> Refusal:
    return Refusal(404, "there is no such stream, or no longer", code="unknown_stream")
