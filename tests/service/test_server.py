"""The server around the service: what its sockets hold, and how its streams end."""

import contextlib
import socket
import sys
from collections.abc import AsyncGenerator
from typing import Any

import anyio
import pytest

from rxstream.service.server import Server, bound_socket

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    """Uvicorn knows no other one."""
    return request.param


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"].removeprefix("lifespan.")
            await send({"type": f"lifespan.{kind}.complete"})
            if kind == "shutdown":
                return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


@contextlib.asynccontextmanager
async def running(server: Server) -> AsyncGenerator[int]:
    with bound_socket("127.0.0.1", 0) as listening:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: server.serve(sockets=[listening]))
            with anyio.fail_after(10):
                while not server.started:  # noqa: ASYNC110 - it has nothing that tells
                    await anyio.sleep(0.01)
            yield listening.getsockname()[1]


async def test_it_drains_once_and_stops() -> None:
    drained: list[float] = []

    async def drain(grace: float) -> None:
        drained.append(grace)
        assert await ask(port) == b"hello"  # connections are still taken

    server = Server(app, drain, grace=3)
    with anyio.fail_after(20):
        async with running(server) as port:
            assert await ask(port) == b"hello"
            server.should_exit = True
    assert drained == [3]


async def ask(port: int) -> bytes:
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
        answer = b""
        with contextlib.suppress(anyio.EndOfStream):
            while True:
                answer += await stream.receive()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"server:" not in head.lower()
    return body.split(b"\r\n")[1] if b"chunked" in head else body


async def test_a_second_signal_ends_the_wait() -> None:
    server = Server(app, lambda _grace: anyio.sleep_forever())
    with anyio.fail_after(20):
        async with running(server):
            server.should_exit = True
            await anyio.sleep(0.2)
            server.force_exit = True


async def test_an_address_that_is_taken_is_said_so() -> None:
    with bound_socket("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"cannot listen on 127\.0\.0\.1 port {port}: .*--port"):
            bound_socket("127.0.0.1", port)


@pytest.mark.skipif(sys.platform != "linux", reason="the number of the option is that of Linux")
async def test_trap_06_a_connection_buffers_little() -> None:
    with bound_socket("127.0.0.1", 0) as listening:
        listening.listen()
        with socket.create_connection(listening.getsockname()):
            accepted, _ = listening.accept()
            with accepted:
                assert accepted.getsockopt(socket.IPPROTO_TCP, 25) == 16384


async def test_an_address_of_the_sixth_version_is_one() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    with bound_socket("::1", 0) as listening:
        assert listening.family == socket.AF_INET6
