"""Several answers over one WebSocket: each with an id, each at its pace, each stopped by itself."""

import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final, TypeAlias

import anyio
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint
from reactivex import Observable

from rxstream.engine.arguments import check_count, check_function, check_number, check_type
from rxstream.engine.backend import loop_clock
from rxstream.items import StreamChunk
from rxstream.sansio.ws_answer import Answer
from rxstream.sansio.ws_server import Authenticate, Begin, Command, Limits, Server, Stop
from rxstream.sinks.open_stream import open_stream
from rxstream.transports.dialects.error_form import error_form
from rxstream.transports.dialects.json_form import to_text
from rxstream.transports.dialects.native import NativeEncoder
from rxstream.transports.refusals import public_error, refusal_of
from rxstream.transports.responses import Responses
from rxstream.transports.sleepers import Sleepers
from rxstream.transports.ws_socket import SocketGone, WebSocket, websocket_of

__all__ = ("WEBSOCKETS", "end_websockets", "serve_websocket")

_log: Final = logging.getLogger("rxstream")

Handler: TypeAlias = Callable[[dict[str, Any]], "Observable[Any] | Awaitable[Observable[Any]]"]
Authenticator: TypeAlias = Callable[[str], "object | Awaitable[object]"]

_NAME: Final = "serve_websocket()"

FORBIDDEN: Final = 4403
AUTH_TIMEOUT: Final = 4408
RESTART: Final = 1012
#: Seconds that a client has to say goodbye.
_GOODBYE: Final = 1.0
#: Messages that are sent before the others of the event loop have their turn.
_AT_ONCE: Final = 16

#: The connections of this process.
WEBSOCKETS: Final = Responses()


async def end_websockets(within: float = 5.0) -> int:
    """End the WebSocket connections of this process, and return how many there were.

        class Server(uvicorn.Server):
            async def shutdown(self, sockets=None):
                await rxs.end_websockets()
                await super().shutdown(sockets)

    Every answer gets an ``error`` message, then the connection is closed with code 1012, behind which
    clients connect again. Call it in the server's own event loop, as ``end_responses``, before the server
    waits for its connections. Returns when all are over, at the latest ``within`` seconds later. Connections
    that were given ``connections=`` are not among them: for those there is ``Responses``. Raises TypeError
    and ValueError for what is no number of seconds.
    """
    check_number("end_websockets()", "within", within, zero=True)
    return await WEBSOCKETS.end(within)


async def serve_websocket(
    websocket: Any,
    handler: Handler,
    *,
    authenticate: Authenticator | None = None,
    origins: Sequence[str] | str | None = None,
    max_streams: int = 16,
    max_message: int = 65536,
    max_depth: int = 32,
    rate: float = 100.0,
    window: int = 16,
    send_deadline: float = 30.0,
    auth_timeout: float = 10.0,
    connections: Responses | None = None,
) -> None:
    """Answer the requests that come over a WebSocket, until it is closed.

        def ask(data):
            return rxs.from_chat(client, model="gpt-4o-mini", messages=data["messages"])

        @app.websocket("/ws")
        async def ws(websocket: WebSocket):
            await rxs.serve_websocket(websocket, ask)

    ``websocket``: Starlette's or FastAPI's, or the three arguments of an ASGI application. ``handler``
    makes an Observable of a request's data, and may be async; what it raises is that answer's error.

    The client sends JSON, ``{"type", "id", "data"}``: ``complete`` asks, under an id of its own choice;
    ``cancel`` stops that answer; ``credit`` with ``{"n"}`` says how many more chunks it takes; ``ping``. It
    gets ``start``, ``chunk`` (an item, as in the dialect "rxstream", and the chunk's ``index``), ``restart``
    (the answer begins anew), and at the end exactly one of ``done`` and ``error``. A cancelled answer's
    upstream is closed before its ``done`` is sent. Without an id there is one answer at a time. Who asks with
    ``"credit": n`` in the data gets at most so many chunks until it grants more: then a slow reader of one
    answer stalls no other.

    What is wrong with one request is an ``error`` for its id, and the connection goes on; so it does behind
    messages that are none, ten times, then it is closed with 4400. Other codes: 1009 too large, 1012 the
    server stops, 4401 not authenticated, 4408 too late for that, 4429 too fast. ``max_streams`` at once,
    ``max_message`` bytes, ``max_depth`` of JSON, ``rate`` messages a second (0: any); of each answer at most
    ``window`` messages wait to be sent. A client that keeps one send waiting for ``send_deadline`` seconds
    is given up, and all its sources closed; so they are when it leaves.

    ``origins``: of pages that may connect, "*" for all; by default pages of the same host, and programs,
    which send none; others are refused by 403. ``authenticate``: called with the ``Authorization`` header, or
    with "Bearer " and the token of the ``auth`` message that a page sends instead, within ``auth_timeout``
    seconds; it may be async, and what it raises, or that it returns something false, is a refusal.
    ``connections``: where it can be found to be ended, as ``responses`` of ``sse_response``; else by
    ``end_websockets``.

    Raises TypeError for what is no WebSocket, and TypeError and ValueError for limits that are none. The
    other end is ``from_websocket``; over HTTP, where a client may come back, there is ``sse_response``.
    """
    check_function(_NAME, "handler", handler, "a function from a request's data to an Observable")
    check_function(
        _NAME, "authenticate", authenticate, "a function of an Authorization header", optional=True
    )
    check_type(_NAME, "origins", origins, Sequence, "a list of origins, or '*',", optional=True)
    check_type(_NAME, "connections", connections, Responses, "a Responses", optional=True)
    check_number(_NAME, "send_deadline", send_deadline)
    check_number(_NAME, "auth_timeout", auth_timeout)
    limits = _checked(Limits(max_streams, max_message, max_depth, rate, window))
    socket = websocket_of(websocket)
    await socket.begin()
    if not socket.is_from(origins):
        await socket.close(FORBIDDEN, "pages of this origin may not connect")
        return
    authorization = socket.header(b"authorization")
    if authenticate is not None and authorization is not None:
        if not await _is_accepted(authenticate, authorization):
            await socket.close(4401, "the Authorization header is not accepted")
            return
        authenticate_later = None
    else:
        authenticate_later = authenticate
    connection = _Connection(
        socket,
        handler,
        limits,
        authenticate=authenticate_later,
        send_deadline=send_deadline,
        auth_timeout=auth_timeout,
    )
    running = WEBSOCKETS if connections is None else connections
    try:
        await socket.accept()
        running.add(connection.end)
        try:
            await connection.run()
        finally:
            running.remove(connection.end)
    except SocketGone:
        pass


def _checked(limits: Limits) -> Limits:
    for name in ("max_streams", "max_message", "max_depth", "window"):
        check_count(_NAME, name, getattr(limits, name))
    check_number(_NAME, "rate", limits.rate, unit="messages a second", zero=True)
    return limits


async def _is_accepted(authenticate: Authenticator, authorization: str) -> bool:
    try:
        found = authenticate(authorization)
        if inspect.isawaitable(found):
            found = await found
    except Exception as error:  # noqa: BLE001 - whatever it is, it is no yes
        if refusal_of(error) is None:
            _log.warning("authenticate of a serve_websocket() refused by an exception", exc_info=error)
        return False
    return bool(found)


class _Connection:
    """One client: a task that reads, one that writes, one that watches, and one for each answer."""

    def __init__(
        self,
        socket: WebSocket,
        handler: Handler,
        limits: Limits,
        *,
        authenticate: Authenticator | None,
        send_deadline: float,
        auth_timeout: float,
    ) -> None:
        self._socket = socket
        self._handler = handler
        self._authenticate = authenticate
        self._server = Server(limits, needs_token=authenticate is not None)
        self._send_deadline = send_deadline
        self._auth_timeout = auth_timeout
        self._clock = loop_clock()
        self._scopes: dict[Answer, anyio.CancelScope] = {}
        self._writer = Sleepers()
        self._reader = Sleepers()
        self._gone = anyio.Event()
        self._tasks: TaskGroup

    async def run(self) -> None:
        """Serve the client until it leaves, is left, or is told to."""
        async with anyio.create_task_group() as self._tasks:
            self._tasks.start_soon(self._read)
            self._tasks.start_soon(self._watch)
            if self._server.needs_token:
                self._tasks.start_soon(self._wait_for_token)
            with suppress(SocketGone):
                await self._write()
            self._tasks.cancel_scope.cancel()

    def end(self) -> None:
        """Close the connection, properly."""
        self._do(self._server.close(RESTART, "the server is shutting down"))

    # ------------------------------------------------------------ what comes

    async def _read(self) -> None:
        server = self._server
        try:
            while True:
                text = await self._socket.receive()
                commands = server.receive(text, self._clock())
                for command in commands:
                    if isinstance(command, Authenticate):
                        await self._check(command.token)
                self._do(commands)
                while server.is_full:
                    await self._reader.sleep()
        except SocketGone:
            self._gone.set()
            if server.closing is None:
                self._tasks.cancel_scope.cancel()

    def _do(self, commands: Sequence[Command]) -> None:
        for command in commands:
            if isinstance(command, Begin):
                self._scopes[command.answer] = anyio.CancelScope()
                self._tasks.start_soon(self._answer, command.answer, command.data)
            elif isinstance(command, Stop):
                self._scopes[command.answer].cancel()
        self._writer.wake()

    async def _check(self, token: str) -> None:
        assert self._authenticate is not None
        accepted = await _is_accepted(self._authenticate, f"Bearer {token}")
        self._do(self._server.authenticate(accepted=accepted))

    async def _wait_for_token(self) -> None:
        await anyio.sleep(self._auth_timeout)
        if self._server.needs_token:
            late = f"no auth message came within {self._auth_timeout:g} seconds"
            self._do(self._server.close(AUTH_TIMEOUT, late))

    async def _watch(self) -> None:
        # A limit on each send would cost as much as the send.
        while not self._socket.is_late(self._send_deadline):  # noqa: ASYNC110
            await anyio.sleep(self._send_deadline / 4)
        self._tasks.cancel_scope.cancel()

    # ------------------------------------------------------------ an answer

    async def _answer(self, answer: Answer, data: dict[str, Any]) -> None:
        kind, end = "done", "{}"
        with self._scopes[answer]:
            try:
                await self._send_all(answer, data)
            except Exception as error:  # noqa: BLE001 - it is told to the client
                kind, end = "error", _told(error)
        del self._scopes[answer]
        self._server.end(answer, kind, end)
        self._writer.wake()

    async def _send_all(self, answer: Answer, data: dict[str, Any]) -> None:
        observable = self._handler(data)
        # One of Rx can be awaited, too: that would be its last item.
        if not isinstance(observable, Observable):
            observable = await observable
        room = Sleepers()
        answer.on_room = room.wake
        push, wake, encoder = self._server.push, self._writer.wake, NativeEncoder()
        push(answer, "start", "{}")
        wake()
        async with open_stream(observable) as items:
            while True:
                while not answer.has_room:
                    await room.sleep()
                try:
                    item = await anext(items)
                except StopAsyncIteration:
                    return
                for kind, text in encoder.feed(item):
                    assert kind is not None
                    if isinstance(item, StreamChunk):
                        text = f'{text[:-1]},"index":{item.index}}}'  # noqa: PLW2901 - the same, and more
                    push(answer, kind, text)
                answer.spend()
                wake()

    # ------------------------------------------------------------ what is sent

    async def _write(self) -> None:
        server, socket = self._server, self._socket
        while True:
            for _ in range(_AT_ONCE):
                text = server.next_text()
                if text is None:
                    break
                await socket.send(text)
            else:
                self._reader.wake()
                await checkpoint()
                continue
            self._reader.wake()
            if server.closing is not None and not server.live:
                code, reason = server.closing
                await socket.close(code, reason)
                # What it still sends is read: else the kernel resets the connection, and takes our last
                # words along.
                with anyio.move_on_after(_GOODBYE):
                    await self._gone.wait()
                return
            await self._writer.sleep()


def _told(error: Exception) -> str:
    refusal = refusal_of(error)
    return to_text(error_form(public_error(error)) if refusal is None else refusal.form)
