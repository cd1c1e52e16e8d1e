"""The response itself: what it takes, and that it is one of Starlette's, under real servers."""

import sys
from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx2
import pytest
from fastapi import FastAPI
from starlette.background import BackgroundTask
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response

import rxstream as rxs
from rxstream.errors import UnknownName
from rxstream.transports.sse_response import _response_class, sse_response  # pyright: ignore[reportPrivateUsage]
from tests.sources.clients import NO_TLS
from tests.transports.asgi import Ask, events_of
from tests.transports.servers import SERVERS, ServerName, serving

pytestmark = pytest.mark.anyio

ANSWER = rxs.from_stream(lambda: ["a", "b"])


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({}, TypeError, "expects an Observable"),
        ({"observable": 3}, TypeError, "from_chat"),
        ({"observable": ANSWER, "log": 3}, TypeError, "StreamLog.memory"),
        ({"observable": ANSWER, "dialect": "x"}, UnknownName, "rxstream"),
        ({"observable": ANSWER, "heartbeat": 0}, ValueError, "heartbeat"),
        ({"observable": ANSWER, "send_deadline": "x"}, TypeError, "send_deadline"),
        ({"observable": ANSWER, "grace": True}, TypeError, "grace"),
        ({"observable": ANSWER, "retry": -1}, ValueError, "retry"),
        ({"observable": ANSWER, "retry": 1.5}, TypeError, "retry"),
        ({"observable": ANSWER, "headers": {"a": 3}}, TypeError, "headers of str"),
        ({"observable": ANSWER, "headers": {"a b": "c"}}, ValueError, "names of headers"),
        ({"observable": ANSWER, "headers": {"a": "b\r\nc: d"}}, ValueError, "one line"),
        ({"observable": ANSWER, "headers": {"Connection": "x"}}, ValueError, "server's business"),
    ],
)
async def test_wrong_arguments_are_refused_at_once(
    arguments: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        sse_response(**arguments)


async def test_headers_of_the_callers_stand_above_our_own() -> None:
    response = sse_response(
        ANSWER, headers={"Cache-Control": "private", "X-Mine": "1"}, status_code=201, retry=500
    )
    ask = await Ask(response).run()
    assert (ask.status, ask.headers["cache-control"], ask.headers["x-mine"]) == (201, "private", "1")
    assert ask.headers["x-accel-buffering"] == "no"
    # In the first event, not in one of its own.
    assert ask.body.startswith(b"event: chunk\nretry: 500\ndata: ")
    assert ask.body.count(b"retry") == 1


async def test_trap_26_no_header_speaks_of_the_connection() -> None:
    ask = await Ask(sse_response(ANSWER)).run()
    assert set(ask.headers) == {"content-type", "cache-control", "x-accel-buffering"}


async def test_without_starlette_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    _response_class.cache_clear()
    monkeypatch.setitem(sys.modules, "starlette.responses", None)
    with pytest.raises(ImportError, match=r"pip install 'rxstream\[server\]'"):
        sse_response(ANSWER)
    _response_class.cache_clear()


class World:
    """An application with all that people put around their responses."""

    def __init__(self) -> None:
        self.opened = self.closed = 0
        self.background = 0
        self.app = FastAPI()
        self.app.add_middleware(GZipMiddleware, minimum_size=1)
        self.app.add_middleware(BaseHTTPMiddleware, dispatch=self.dispatch)
        self.app.get("/answer")(self.answer)
        self.app.get("/endless")(self.endless)

    async def dispatch(self, request: Request, following: Any) -> Response:
        response: Response = await following(request)
        response.headers["x-passed"] = "1"
        return response

    async def answer(self) -> Response:
        response = sse_response(ANSWER)
        response.background = BackgroundTask(self.note)
        return response

    def note(self) -> None:
        self.background += 1

    async def endless(self) -> Response:
        return sse_response(rxs.from_stream(self.generate))

    async def generate(self) -> AsyncIterator[str]:
        self.opened += 1
        try:
            while True:
                await anyio.sleep(0.005)
                yield "word"
        finally:
            self.closed += 1


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_under_every_server(server: ServerName) -> None:
    world = World()
    with serving(world.app, server) as url:
        async with httpx2.AsyncClient(verify=NO_TLS, base_url=url) as client:
            response = await client.get("/answer", headers={"Accept-Encoding": "gzip"})
            assert [event.event for event in events_of(response.content)] == ["chunk", "chunk", "done"]
            assert response.headers["x-passed"] == "1"
            assert "content-encoding" not in response.headers
            # Trap 26: it would be illegal on HTTP/2.
            assert response.headers.get("connection") in {None, "close"}
            async with client.stream("GET", "/endless") as stream:
                assert stream.status_code == 200
                async for _ in stream.aiter_raw():
                    break
            with anyio.fail_after(5):
                while world.closed != 1:  # noqa: ASYNC110 - it is another thread's
                    await anyio.sleep(0.01)
    assert (world.opened, world.background) == (1, 1)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_trap_27_a_source_that_never_waits_starves_nobody() -> None:
    """Two clients of sources that are always ready: neither is served to its end before the other."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        answer = rxs.from_stream(lambda: (f"{number}" * 20 for number in range(40_000)))
        await sse_response(answer)(scope, receive, send)

    orders: list[str] = []
    with serving(app, "uvicorn-h11") as url:
        async with (
            httpx2.AsyncClient(verify=NO_TLS, timeout=20) as client,
            anyio.create_task_group() as tasks,
        ):

            async def read(name: str) -> None:
                async with client.stream("GET", url) as stream:
                    async for _ in stream.aiter_raw():
                        orders.append(name)  # noqa: PERF401 - the order counts

            tasks.start_soon(read, "a")
            tasks.start_soon(read, "b")
    last_a = len(orders) - 1 - orders[::-1].index("a")
    last_b = len(orders) - 1 - orders[::-1].index("b")
    assert orders.index("b") < last_a
    assert orders.index("a") < last_b
