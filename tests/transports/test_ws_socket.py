"""A server's WebSocket: whose pages may connect, and what a connection that is gone looks like."""

from typing import Any

import anyio
import pytest

from rxstream.transports.ws_socket import SocketGone, WebSocket, websocket_of

pytestmark = pytest.mark.anyio


class Server:
    """Plays the server of one connection."""

    def __init__(self, *messages: Any, fails: Exception | None = None) -> None:
        self.messages = list(messages)
        self.sent: list[Any] = []
        self.fails = fails

    async def receive(self) -> Any:
        message = self.messages.pop(0)
        if isinstance(message, Exception):
            raise message
        return message

    async def send(self, message: Any) -> None:
        if self.fails is not None:
            raise self.fails
        self.sent.append(message)

    def socket(self, **headers: str) -> WebSocket:
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "websocket", "headers": pairs, "subprotocols": ["x", "rxstream.v1"]}
        return WebSocket(scope, self.receive, self.send)


@pytest.mark.parametrize(
    ("headers", "origins", "may"),
    [
        ({}, None, True),
        ({"host": "a.example", "origin": "https://a.example"}, None, True),
        ({"host": "a.example:443", "origin": "https://a.example"}, None, True),
        ({"host": "a.example:8000", "origin": "http://a.example:8000"}, None, True),
        ({"host": "a.example", "origin": "https://b.example"}, None, False),
        ({"host": "a.example:8000", "origin": "http://a.example:9000"}, None, False),
        ({"host": "a.example", "origin": "null"}, None, False),
        ({"host": "a.example", "origin": "http://a.example:bad"}, None, False),
        ({"host": "a.example", "origin": "https://b.example"}, "*", True),
        ({"host": "a.example", "origin": "https://b.example"}, ["*"], True),
        ({"host": "a.example", "origin": "https://B.example"}, ["https://b.example/"], True),
        ({"host": "a.example", "origin": "https://a.example"}, ["https://b.example"], False),
    ],
)
async def test_pages_of_the_same_host_may_and_others_only_if_named(
    headers: dict[str, str], origins: Any, may: bool
) -> None:
    assert Server().socket(**headers).is_from(origins) is may


async def test_the_subprotocol_is_echoed_only_if_it_was_offered() -> None:
    server = Server()
    socket = server.socket()
    await socket.accept()
    await socket.accept()
    other = WebSocket({"type": "websocket", "headers": []}, server.receive, server.send)
    await other.accept()
    assert [message["subprotocol"] for message in server.sent] == ["rxstream.v1", None]


async def test_trap_21_a_binary_message_is_a_message() -> None:
    server = Server(
        {"type": "websocket.receive", "bytes": b"\xff", "text": None},
        {"type": "websocket.receive", "text": "a"},
        {"type": "websocket.receive", "bytes": None},
        {"type": "websocket.disconnect"},
        RuntimeError("closed"),
        OSError(),
    )
    socket = server.socket()
    assert [await socket.receive() for _ in range(3)] == [b"\xff", "a", b""]
    for _ in range(3):
        with pytest.raises(SocketGone):
            await socket.receive()


class WebSocketDisconnect(Exception):
    """What Starlette calls its own."""


@pytest.mark.parametrize(
    "error",
    [
        OSError(),
        RuntimeError(),
        anyio.ClosedResourceError(),
        anyio.BrokenResourceError(),
        WebSocketDisconnect(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_send_to_nobody_says_so(error: Exception) -> None:
    with pytest.raises(SocketGone):
        await Server(fails=error).socket().send("a")


async def test_any_other_fault_is_the_servers_own() -> None:
    with pytest.raises(ZeroDivisionError):
        await Server(fails=ZeroDivisionError()).socket().send("a")


async def test_a_reason_has_the_length_of_a_close_frame() -> None:
    server = Server()
    await server.socket().close(4400, "é" * 200)
    assert len(server.sent[0]["reason"].encode()) <= 123


async def test_what_is_no_websocket_is_refused() -> None:
    server = Server()
    scope: dict[str, Any] = {"type": "http", "headers": []}
    with pytest.raises(TypeError, match="WebSocket connection, and this is one of 'http'"):
        websocket_of((scope, server.receive, server.send))
    with pytest.raises(TypeError, match="three arguments"):
        websocket_of(3)
