"""Answers that come over a WebSocket: one over a connection of its own, or several over one."""

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from itertools import count
from types import TracebackType
from typing import Any, Final, Self

import anyio
from reactivex import Observable

from rxstream.engine.arguments import check_count, check_number, check_type
from rxstream.engine.observable import PullObservable
from rxstream.engine.pipeline import named
from rxstream.errors import ConnectionLost, UsageError
from rxstream.sansio.wire import OBJECT
from rxstream.transports.dialects.native import NativeDecoder
from rxstream.transports.ws_link import Inbox, Link, connector
from rxstream.transports.ws_message import WSMessage

__all__ = ("WebSocketConnection", "from_websocket", "open_websocket")

#: Seconds that the end of an answer which was left is waited for.
_PATIENCE: Final = 2.0


@named
def from_websocket(
    url: str,
    request: Mapping[str, Any],
    *,
    headers: Mapping[str, str] | None = None,
    token: str | None = None,
    credit: int = 32,
    connect_timeout: float = 10.0,
) -> Observable[Any]:
    """Ask for an answer over a WebSocket.

        answer = rxs.from_websocket("ws://127.0.0.1:8000/v1/ws/stream", {"messages": messages})
        sentences = answer.pipe(rxs.buffer_sentences())

    Each subscription opens a connection to ``url``, when its first item is asked for, and closes it when it
    is left; the answer is cancelled before that, and its model stops. Items are chunks, texts and objects, as
    ``from_sse`` gives them. Needs the package ``websockets``; asyncio and trio.

    ``request``: the data of the ``complete`` message. ``headers``: of the handshake. ``token``: sent as the
    first message, for servers that want it so. ``credit``: how many chunks may be on their way to a reader
    who has not asked for them yet. ``connect_timeout``: seconds. Memory: those chunks, and the answer's text.

    Raises, with what had come as ``partial``: ProviderError for an ``error`` message, ConnectionLost when the
    connection ends before the answer does. What the handshake raises comes unchanged. At once: ValueError for
    what is no url of a WebSocket, it and TypeError for other wrong arguments, UsageError without
    ``websockets``. For several answers at once there is ``open_websocket``; over HTTP, which reconnects,
    ``from_sse``.
    """
    _check("from_websocket()", headers, token, credit, connect_timeout)
    check_type("from_websocket()", "request", request, Mapping, "a mapping that JSON can hold")
    connect = connector(url, headers)
    data = dict(request)

    def open_one() -> _Reading:
        return _Reading(None, None, data, credit, partial(_connected, connect, token, connect_timeout))

    return PullObservable(open_one, "from_websocket")


def open_websocket(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    token: str | None = None,
    credit: int = 32,
    connect_timeout: float = 10.0,
) -> "WebSocketConnection":
    """Open a WebSocket for several answers at once.

        async with rxs.open_websocket("ws://127.0.0.1:8000/v1/ws/stream") as connection:
            answers = [connection.request({"messages": messages}) for _ in range(2)]
            async with rxs.open_stream(rxs.from_streams(*answers)) as items:
                async for place, chunk in items:
                    print(place, chunk.content)

    Each request is a cold Observable, asked under an id of its own. One that is read slowly stalls no other:
    it gets ``credit`` chunks ahead of its reader. ``url``, ``headers``, ``token`` and ``connect_timeout`` are
    those of ``from_websocket``, and so are the errors: TypeError, ValueError and UsageError at once,
    ProviderError and ConnectionLost of each answer.

    However the block is left, the connection is closed behind it. For one answer there is ``from_websocket``.
    """
    _check("open_websocket()", headers, token, credit, connect_timeout)
    return WebSocketConnection(Link(connector(url, headers), token), credit, connect_timeout)


class WebSocketConnection:
    """What ``open_websocket`` returns: ``async with`` it.

        connection = rxs.open_websocket("ws://127.0.0.1:8000/v1/ws/stream", credit=100)
        async with connection:
            result = await rxs.collect(connection.request({"messages": messages}, credit=1))
            print(result.content)

    ``request`` makes a cold Observable of the data of a ``complete`` message, with a ``credit`` of its own if
    it is given one. A second ``async with`` of the same is a UsageError.
    """

    def __init__(self, link: Link, credit: int, connect_timeout: float) -> None:
        self._link = link
        self._credit = credit
        self._timeout = connect_timeout
        self._names = count(1)
        self._entered = False

    def request(self, data: Mapping[str, Any], *, credit: int | None = None) -> Observable[Any]:
        """Ask for an answer, when it is subscribed to."""
        check_count("request()", "credit", credit, optional=True)
        asked, amount = dict(data), credit or self._credit

        def open_one() -> _Reading:
            return _Reading(self._link, str(next(self._names)), asked, amount, None)

        return PullObservable(open_one, "open_websocket")

    async def __aenter__(self) -> Self:
        if self._entered:
            msg = (
                "This open_websocket() has been entered before. Call open_websocket(url) for each connection."
            )
            raise UsageError(msg)
        self._entered = True
        await self._link.open(self._timeout)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._link.aclose()


async def _connected(connect: Any, token: str | None, timeout: float) -> Link:  # noqa: ASYNC109
    link = Link(connect, token)
    await link.open(timeout)
    return link


class _Reading:
    """One answer: an async iterator over its items."""

    def __init__(
        self, link: Link | None, name: str | None, data: Mapping[str, Any], credit: int, connect: Any
    ) -> None:
        self._link = link
        self._name = name
        self._data = data
        self._credit = credit
        self._connect = connect
        self._decoder = NativeDecoder()
        self._inbox: Inbox | None = None
        self._taken = 0
        self._ended = False

    def __aiter__(self) -> "_Reading":
        return self

    async def __anext__(self) -> Any:
        inbox = self._inbox
        if inbox is None:
            inbox = await self._begin()
        assert self._link is not None
        while not self._ended:
            try:
                message = await inbox.take()
            except ConnectionLost as lost:
                self._ended = True
                raise self._lost(lost) from lost.__cause__
            items = [*self._read(message)]
            if items:
                self._taken += 1
                if self._taken * 2 >= self._credit:
                    await self._grant()
                self._link.made_room()
                return items[0]
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Have the answer cancelled if it has not ended, and wait for its end."""
        link = self._link
        if link is None:
            return
        try:
            if self._inbox is not None and not self._ended:
                with anyio.move_on_after(_PATIENCE, shield=True):
                    await self._cancel(link, self._inbox)
        finally:
            link.leave(self._name)
            if self._connect is not None:
                await link.aclose()

    async def _begin(self) -> Inbox:
        if self._link is None:
            self._link = await self._connect()
        self._inbox = inbox = self._link.join(self._name)
        await self._link.send(WSMessage("complete", {**self._data, "credit": self._credit}, self._name))
        return inbox

    async def _grant(self) -> None:
        taken, self._taken = self._taken, 0
        assert self._link is not None
        with suppress(ConnectionLost):  # what has come is read first
            await self._link.send(WSMessage("credit", {"n": taken}, self._name))

    async def _cancel(self, link: Link, inbox: Inbox) -> None:
        with suppress(ConnectionLost):  # that is an end, too
            await link.send(WSMessage("cancel", None, self._name))
            while (await inbox.take()).type not in {"done", "error"}:
                pass

    def _read(self, message: WSMessage) -> Any:
        if message.type in {"chunk", "restart"}:
            return self._decoder.take(message.type, message.data)
        if message.type == "done":
            self._ended = True
        elif message.type == "error" and _is_terminal(message):
            self._ended = True
            return self._decoder.take("error", {"error": message.data})
        return ()

    def _lost(self, lost: ConnectionLost) -> ConnectionLost:
        return ConnectionLost(
            f"{lost} What came of the answer is in .partial.", partial=self._decoder.partial()
        )


def _is_terminal(message: WSMessage) -> bool:
    return not (isinstance(message.data, OBJECT) and message.data.get("terminal") is False)


def _check(call: str, headers: object, token: object, credit: object, connect_timeout: object) -> None:
    check_type(call, "headers", headers, Mapping, "a mapping from names to values", optional=True)
    check_type(call, "token", token, str, "a str", optional=True)
    check_count(call, "credit", credit)
    check_number(call, "connect_timeout", connect_timeout)
