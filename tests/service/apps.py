"""The application as it is served, in front of models that say what they were told to."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any

import anyio
import httpx2
import openai
from fastapi import FastAPI

from rxstream.errors import StreamTruncated
from rxstream.items import SSEEvent
from rxstream.sansio.sse import SSEDecoder
from rxstream.service.app import create_app
from rxstream.testing import Answer, Fault, FaultServer, Request, ScriptedModel
from rxstream.testing.fault_server import Respond
from tests.sources.clients import NO_TLS
from tests.transports.servers import ServerName, serving

__all__ = (
    "ASK",
    "CALLS",
    "LONG",
    "MODEL",
    "OBJECTS",
    "TEXT",
    "Served",
    "app_of",
    "events_of",
    "models",
    "served",
    "told",
    "until",
)

MODEL = "scripted"
TEXT = "One two three. Four five six!\n\nSeven eight nine?"
ASK: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}]}
LONG = " ".join(f"word{number}" for number in range(60))
OBJECTS = 'Sure: {"a": 1} and {"b": [2, {"c": "}"}]}.'
CALLS = ({"id": "call_a", "name": "get_weather", "arguments": {"city": "Rom"}},)

_MODELS: dict[str, Respond] = {
    MODEL: ScriptedModel(TEXT),
    "slow": ScriptedModel(LONG, delay=0.01),
    "objects": ScriptedModel(OBJECTS),
    "calls": ScriptedModel(tool_calls=CALLS),
    "thinks": ScriptedModel(TEXT, reasoning="Let me see."),
    "refuses": lambda _: Answer.json(
        {
            "error": {
                "message": "no such thing",
                "type": "invalid_request_error",
                "code": "nope",
                "param": "tools",
            }
        },
        status=400,
    ),
    "busy": lambda _: Answer.json({"error": {"message": "later"}}, status=429, headers={"Retry-After": "90"}),
    "wrong key": lambda _: Answer.json({"error": {"message": "sk-secret is wrong"}}, status=401),
    "broken": lambda _: Answer.json({"error": {"message": "Traceback: secret"}}, status=500),
    "falls": lambda request: Fault.error_frame(
        after_events=4, code="insufficient_quota", message="it fell over"
    ).apply(_MODELS[MODEL](request)),
}


def models(request: Request) -> Answer:
    """Be whatever model is asked for."""
    if request.route.endswith("/models"):
        return Answer.json({"object": "list", "data": [{"id": name, "object": "model"} for name in _MODELS]})
    return _MODELS[request.body["model"]](request)


def app_of(upstream: str, **options: Any) -> FastAPI:
    """Make an application in front of a base URL, with a client of its own that needs no certificates."""

    def make() -> openai.AsyncOpenAI:
        http = openai.DefaultAsyncHttpxClient(verify=NO_TLS)
        return openai.AsyncOpenAI(base_url=upstream, api_key="none", max_retries=0, http_client=http)

    chosen: dict[str, Any] = {"base_url": upstream, "model": MODEL, "page": False, **options}
    app = create_app(**chosen)
    app.state.service.upstream._make = make
    return app


class Served:
    """A running application, the server behind it, and a client."""

    def __init__(self, url: str, app: FastAPI, upstream: FaultServer) -> None:
        self.url = url
        self.app = app
        self.upstream = upstream
        self.client = httpx2.Client(base_url=url, verify=NO_TLS, timeout=10)
        self.service = app.state.service
        self.loop: asyncio.AbstractEventLoop | None = None

    def http(self, **options: Any) -> httpx2.AsyncClient:
        """Make an async client."""
        return httpx2.AsyncClient(base_url=self.url, verify=NO_TLS, timeout=10, **options)

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run something in its own event loop."""
        assert self.loop is not None
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(20)

    def drain(self, grace: float) -> None:
        """End its streams, as a server does that is told to stop."""
        self.run(self.app.state.drain(grace))

    def socket_url(self, path: str) -> str:
        """Give the address of a WebSocket."""
        return f"ws{self.url.removeprefix('http')}{path}"


@contextmanager
def served(
    *answers: Any, server: ServerName = "uvicorn-h11", faults: Any = (), **options: Any
) -> Generator[Served]:
    """Serve an application in front of models."""
    with FaultServer(*(answers or (models,)), faults=faults) as upstream:
        app = app_of(upstream.base_url, **options)
        loops: list[Any] = []

        async def noticed(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "lifespan" and server.startswith("uvicorn"):
                loops.append(asyncio.get_running_loop())
            await app(scope, receive, send)

        with serving(noticed, server) as url:
            found = Served(url, app, upstream)
            found.loop = loops[0] if loops else None
            with found.client:
                yield found


def events_of(text: str) -> list[SSEEvent]:
    """Read a whole body of events; its last one must be whole, too."""
    decoder = SSEDecoder()
    found = [*decoder.feed(text.encode()), *decoder.close()]
    if not text.endswith("\n"):
        raise StreamTruncated("the body ends inside an event")
    return found


def told(response: httpx2.Response) -> dict[str, Any]:
    """Give what an error says, in its one shape."""
    body: dict[str, Any] = response.json()
    assert set(body) == {"error"}, body
    assert set(body["error"]) == {"message", "type", "code", "param"}, body
    assert response.headers["content-type"] == "application/json"
    return dict(body["error"])


async def until(condition: Callable[[], object]) -> None:
    """Wait for what happens in the server's thread, which tells nobody here."""
    with anyio.move_on_after(3):
        while not condition():  # noqa: ASYNC110
            await anyio.sleep(0.005)
    assert condition()
