"""One subscription to a stream of events: connection after connection, until the stream has ended."""

import random
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple, NoReturn

import anyio
import httpx2

from rxstream.engine.fuse import FirstMachine
from rxstream.errors import StreamError, StreamTruncated
from rxstream.items import Restarted, SSEEvent
from rxstream.resilience.backoff import is_transient, retry_after
from rxstream.sansio.sse import SSEDecoder
from rxstream.sansio.wire import quote
from rxstream.sources.lost import lost_connection
from rxstream.transports.sse_client import Connection, SSEClient
from rxstream.transports.sse_client_dialect import GuessedDialect
from rxstream.transports.sse_client_refusal import head_of, refusal, speaks_of_events
from rxstream.transports.sse_client_stand import Stand, Stands

__all__ = ("Batches", "Plan", "Reading")

#: Nobody waits longer for a server, whatever it asks for.
_LONGEST_WAIT: Final = 60.0
#: Those who lost one server together do not come back together: up to so much of the wait is added to it.
_JITTER: Final = 0.25


class Plan(NamedTuple):
    """What the user asked for, and who is told how far the streams are."""

    client: Callable[[], SSEClient]
    max_event_size: int
    reconnects: int
    retry: float
    stands: Stands


class Batches(FirstMachine):
    """Take apart what ``Reading`` gives: the items of a network read at once, in a list."""

    __slots__ = ()

    def feed(self, batch: list[Any]) -> Iterable[Any]:
        """Give the items."""
        return batch

    def close(self) -> Iterable[Any]:
        """Give nothing."""
        return ()


class Reading:
    """An async iterator over lists of items, and ``Restarted`` between them."""

    def __init__(self, plan: Plan, stand: Stand) -> None:
        self._plan = plan
        self._stand = stand
        self._client: SSEClient | None = None
        self._connection: Connection | None = None
        self._parser = SSEDecoder(max_event_size=plan.max_event_size)
        self._ready: deque[list[Any] | Restarted] = deque()
        #: The end has come; and the error, if it is one, that stands behind what is ready.
        self._over = False
        self._error: Exception | None = None
        #: Whether an event has come in this subscription: before that, another request is not our business.
        self._came = False
        #: Connections that were lost since the last event, what the last of them ended in, and how long to
        #: wait before the next.
        self._lost: list[Exception] = []
        self._wait = 0.0
        plan.stands.begin(stand)

    def __aiter__(self) -> "Reading":
        return self

    async def __anext__(self) -> Any:
        ready = self._ready
        while not ready:
            if self._over:
                self._raise_end()
            connection = self._connection
            if connection is None:
                await self._connect()
                continue
            try:
                read = await anext(connection)
            except StopAsyncIteration:
                await self._body_ended()
                continue
            except Exception as error:  # noqa: BLE001 - whatever the transport raises
                await self._failed(lost_connection(error, self._stand.decoder.partial()))
                continue
            self._take(read)
            if self._over:
                # Before the last items are read: what is open costs money.
                await self._close(over=self._error is None)
        return ready.popleft()

    async def aclose(self) -> None:
        """Close the connection, and the client if it is of our own."""
        self._plan.stands.end(self._stand, well=self._over and self._error is None)
        await self._close()
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    # ------------------------------------------------------------ what comes

    def _take(self, read: bytes) -> None:
        """Decode what the network gave."""
        stand = self._stand
        decoder, place = stand.decoder, stand.place
        batch: list[Any] = []
        try:
            for event in self._parser.feed(read):
                unnamed = event.id is None and event.retry is None and place.last is None
                if not (unnamed or place.is_new(event)):
                    continue
                self._came = stand.begun = True
                if self._lost:
                    self._lost.clear()
                for item in decoder.feed(event):
                    if item.__class__ is Restarted:
                        batch = self._restart(batch, item)
                    else:
                        batch.append(item)
                if decoder.finished:
                    self._over = True
                    break
        except Exception as error:  # noqa: BLE001 - raised behind what came before it
            # The stream itself has said it, such as that there is a gap: what stands behind is not the rest.
            place.forget()
            self._end_in(error)
        self._give(batch)

    def _restart(self, batch: list[Any], item: Restarted) -> list[Any]:
        """Give what came before it, and then it alone: it is for the chain, whose machines start afresh."""
        self._give(batch)
        self._ready.append(item)
        self._stand.passed = 0
        return []

    def _give(self, batch: list[Any]) -> None:
        if batch:
            self._stand.passed += len(batch)
            self._stand.newest = batch[-1]
            self._ready.append(batch)

    async def _body_ended(self) -> None:
        """Learn that the server has ended the body, wherever in the stream that was."""
        rest = self._parser.rest
        decoder = self._stand.decoder
        try:
            if rest.removeprefix("data:").strip() == "[DONE]":
                self._give([*decoder.feed(SSEEvent("[DONE]"))])
            elif rest:
                raise StreamTruncated(  # noqa: TRY301 - as any other end that is none
                    f"the stream ended inside an event: {quote(rest)}", partial=decoder.partial()
                )
            if not decoder.finished:
                self._give([*decoder.close()])
            self._over = True
        except StreamTruncated as error:
            await self._failed(error)
        except Exception as error:  # noqa: BLE001 - raised behind what came before it
            self._end_in(error)
        await self._close()

    # ------------------------------------------------------------ connections

    async def _connect(self) -> None:
        """Send the request, again if need be; leave a connection that gives events, or the end."""
        place = self._stand.place
        again = bool(self._lost)
        if again:
            await anyio.sleep(self._wait)
        if self._client is None:
            self._client = self._plan.client()
        connection = self._connection = self._client.connection(place.id)
        try:
            response = await connection.open()
        except Exception as error:
            if not again:
                raise
            await self._failed(self._explained(error), after=retry_after(error))
            return
        if response.status_code == 204:
            await self._nothing_more()
        elif response.status_code != 200 or not speaks_of_events(response):
            head = await head_of(connection)
            refused = refusal(response, head, self._stand.decoder.partial())
            await self._failed(refused, after=retry_after(refused))
        else:
            self._parser = SSEDecoder(max_event_size=self._plan.max_event_size)
            if again:
                place.reconnect()
            if isinstance(self._stand.decoder, GuessedDialect):
                self._stand.decoder.look_at(response.headers)

    async def _nothing_more(self) -> None:
        """Take a 204: the server has nothing behind the last event, or nothing at all."""
        await self._close(over=True)
        if not self._stand.begun:
            self._over = True
            return
        try:
            self._give([*self._stand.decoder.close()])
        except StreamTruncated as error:
            error.add_note("Asked to go on behind its last event, the server has nothing more (204).")
            self._end_in(error)
        else:
            self._lost.clear()
            self._over = True

    async def _failed(self, error: Exception, *, after: float | None = None) -> None:
        """Lose a connection: wait and try again, if there is a place to go on from; else it is the end."""
        await self._close()
        plan, place = self._plan, self._stand.place
        lost = self._lost
        lost.append(error)
        if not self._came or place.id is None or not is_transient(error) or len(lost) > plan.reconnects:
            self._end_in(error)
            return
        retry = plan.retry if place.retry is None else place.retry
        # Twice as long each time; a server that names a time to wait has not meant the first one only.
        wait = min(retry * 2.0 ** (len(lost) - 1), _LONGEST_WAIT)
        wait += wait * _JITTER * random.random()  # noqa: S311 - no secret
        if after is not None and after > _LONGEST_WAIT:
            error.add_note(f"The server asks to wait for {after:g} s, and {_LONGEST_WAIT:g} s are the most.")
            self._end_in(error)
            return
        self._wait = max(min(wait, _LONGEST_WAIT), after or 0.0)

    def _explained(self, error: Exception) -> Exception:
        """Give an error of the transport with what came before it."""
        if isinstance(error, httpx2.TransportError):
            return lost_connection(error, self._stand.decoder.partial())
        return error

    def _end_in(self, error: Exception) -> None:
        self._over = True
        self._error = error
        if isinstance(error, StreamError):
            # What reads events, or compares them, knows nothing of the answer.
            error.partial = self._stand.decoder.partial()
        before = [one for one in self._lost if one is not error]
        for number, one in enumerate(before, 1):
            error.add_note(
                f"Reconnected ({number} of {self._plan.reconnects}) after {type(one).__name__}: {one}"
            )

    def _raise_end(self) -> NoReturn:
        if self._error is not None:
            raise self._error
        raise StopAsyncIteration

    async def _close(self, *, over: bool = False) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.aclose(over=over)
