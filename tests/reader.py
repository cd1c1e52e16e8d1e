"""The reader of an example: what they have already, and what they see when they run it.

Nothing is made up: the model plays recordings on a loopback socket, and is asked by the ``openai`` package's
own client; what an example serves is served by uvicorn.
"""

import inspect
import io
import re
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from types import CodeType
from typing import Any, Final, Literal, TypeAlias

import anyio
import httpx2
import openai
import pydantic
import pytest
import uvicorn
from fastapi import FastAPI, WebSocket
from fastapi.routing import APIWebSocketRoute
from reactivex import Observable
from reactivex import operators as ops

import rxstream as rxs
from rxstream.service.app import create_app
from rxstream.testing import Answer, FaultServer, Request, ScriptedModel
from tests.docs import compile_example, is_async, printed_by
from tests.transports.servers import serving

__all__ = (
    "IMPORTED",
    "OWN",
    "Backend",
    "Reader",
    "a_model",
    "ask_all_routes",
    "names_in",
    "served_by",
    "the_world",
)

Backend: TypeAlias = Literal["asyncio", "trio"]

#: What an example may leave out of its imports; in ``rxstream.testing`` also the names of that package.
IMPORTED: Final[dict[str, Any]] = {
    "rxs": rxs,
    "ops": ops,
    "re": re,
    "anyio": anyio,
    "openai": openai,
    "AsyncOpenAI": openai.AsyncOpenAI,
    "BaseModel": pydantic.BaseModel,
    "WebSocket": WebSocket,
    "uvicorn": uvicorn,
}

MESSAGES: Final = [{"role": "user", "content": "Why do people like the sea?"}]

#: What an example leaves to its reader to have; whatever else it needs it makes itself.
OWN: Final[dict[str, Callable[[], Any]]] = {
    "answer": lambda: rxs.from_recording("01-prose", speed=None),
    "client": openai.AsyncOpenAI,
    "messages": lambda: MESSAGES,
    "app": FastAPI,
}

#: The key that the examples of a service give to their clients.
KEY: Final = "secret"

#: Seconds that an example may take; none takes one.
PATIENCE: Final = 30.0

_SCRIPTED: Final = ScriptedModel()


@contextmanager
def a_model(setenv: Callable[[str, str], object]) -> Generator[FaultServer]:
    """Serve recordings to whoever makes a client of the ``openai`` package and does not say for where.

    No example closes its client: a connection that is not kept alive needs no closing.
    """
    with FaultServer(lambda request: replace(_play(request), keep_alive=False)) as server:
        setenv("OPENAI_BASE_URL", server.base_url)
        setenv("OPENAI_API_KEY", "none")
        yield server


def _play(request: Request) -> Answer:
    """Answer as the recorded server did; the request tells which answer it is about."""
    if request.route.endswith("/models"):
        return Answer.json({"object": "list", "data": [{"id": "recorded", "object": "model"}]})
    body: Any = request.body
    if request.method != "POST" or not body.get("stream"):
        return _SCRIPTED(request)
    if request.route.endswith("/responses"):
        return Answer.recorded("17-responses-text")
    if body.get("tools"):
        return Answer.recorded("07-tool-calls-parallel")
    if body.get("response_format"):
        return Answer.recorded("05-json-schema")
    return Answer.recorded("14-n2" if body.get("n") == 2 else "01-prose")


@contextmanager
def the_world(setenv: Callable[[str, str], object]) -> Generator[dict[str, str]]:
    """Start what the addresses in examples stand for, and give where each of it really is."""
    with a_model(setenv) as model, serving(create_app(base_url=model.base_url, model="recorded")) as service:
        yield {
            "127.0.0.1:8000": service.removeprefix("http://"),
            "127.0.0.1:8080": model.url.removeprefix("http://"),
        }


class Reader:
    """Runs an example on one of the event loops, and looks at what it does."""

    def __init__(
        self,
        addresses: Mapping[str, str],
        backend: Backend = "asyncio",
        given: Mapping[str, Any] | None = None,
    ) -> None:
        self._addresses = addresses
        self._backend: Backend = backend
        self._given: Mapping[str, Any] = given or {}
        self._known: Mapping[str, Any] = {}

    def run(self, example: str, name: str) -> None:
        """Run an example, which must print what it says that it prints, or do something else that is seen."""
        names, printed = self.names_of(example, name)
        said = printed_by(example)
        if said is not None:
            assert printed == said, f"it says that it prints\n{said}\nand prints\n{printed}"
        elif not printed:
            self._look_at(names)

    def names_of(self, example: str, name: str) -> tuple[dict[str, Any], str]:
        """Run an example; give the names that it has or made, and what it printed."""
        source = example
        for address, really in self._addresses.items():
            source = source.replace(address, really)
        code = compile_example(source, f"example of {name}")
        wanted = set(names_in(code))
        printed = io.StringIO()
        with redirect_stdout(printed), _noted_clients() as clients:
            own = {name: make() for name, make in OWN.items() if name in wanted}
            self._known = {**IMPORTED, **own, **self._given}
            everything = dict(self._known)
            if is_async(code):
                anyio.run(_run, code, everything, clients, backend=self._backend)
            else:
                # run() and iter_stream() must have no event loop around them.
                exec(code, everything)
            for test in [value for key, value in everything.items() if key.startswith("test_")]:
                test(*[self._given[argument] for argument in inspect.signature(test).parameters])
        return everything, printed.getvalue().rstrip()

    def _look_at(self, names: Mapping[str, Any]) -> None:
        """What prints nothing has made something, or is a test: a stream is read, an application asked."""
        streams: list[Any] = [
            value
            for name, value in names.items()
            if isinstance(value, Observable) and self._known.get(name) is not value
        ]
        if "app" in names:
            with serving(names["app"]) as url:
                assert ask_all_routes(names["app"], url), "the application has no routes that can be asked"
        elif streams:
            assert anyio.run(_items_of, streams[-1], backend=self._backend), "nothing comes of it"
        else:
            tests = [name for name in names if name.startswith("test_")]
            assert tests, "nothing is to be seen of it: let it print something, make a stream, or be a test"


@contextmanager
def _noted_clients() -> Generator[list[openai.AsyncOpenAI]]:
    """Note the clients that are made: an example closes none, and what it leaves open would warn later."""
    made: list[openai.AsyncOpenAI] = []
    original: Any = openai.AsyncOpenAI.__init__

    def noting(self: openai.AsyncOpenAI, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **options)
        made.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openai.AsyncOpenAI, "__init__", noting)
        yield made


async def _run(code: CodeType, names: dict[str, Any], clients: list[openai.AsyncOpenAI]) -> None:
    with anyio.fail_after(PATIENCE):
        try:
            await eval(code, names)
        finally:
            for client in clients:
                await client.close()


async def _items_of(stream: Observable[Any]) -> list[Any]:
    with anyio.fail_after(PATIENCE):
        return await rxs.to_list(stream)


def names_in(code: CodeType) -> Generator[str]:
    """Give the names that a program looks up, also in its functions."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names_in(constant)


def ask_all_routes(app: FastAPI, url: str) -> list[str]:
    """Ask an application that is served there what it can be asked without a body; give the answers."""
    answers: list[str] = []
    with httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {KEY}"}, timeout=PATIENCE) as client:
        for path, methods in app.openapi()["paths"].items():
            if "get" in methods and "{" not in path:
                response = client.get(path, params=dict(_required(methods["get"].get("parameters", ()))))
                assert response.status_code == 200, f"{path}: {response.status_code} {response.text}"
                answers.append(response.text)
    for route in app.routes:
        if isinstance(route, APIWebSocketRoute):
            address = f"ws{url.removeprefix('http')}{route.path}"
            answers += rxs.run(rxs.from_websocket(address, {"messages": MESSAGES}, token=KEY))
    assert all(answers)
    return answers


def _required(parameters: Iterable[Mapping[str, Any]]) -> Generator[tuple[str, str]]:
    for parameter in parameters:
        if parameter["in"] == "query" and parameter.get("required"):
            yield parameter["name"], "Why do people like the sea?"


@contextmanager
def served_by(server: type[uvicorn.Server], app: Any) -> Generator[tuple[str, Callable[[], None]]]:
    """Serve an application with a server of an example's; give its address, and what tells it to stop."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=5)
        running = server(config)
        thread = threading.Thread(target=running.run, args=([listener],), daemon=True)
        thread.start()
        deadline = time.monotonic() + PATIENCE
        while not running.started:
            assert time.monotonic() < deadline, "the server has not started"
            time.sleep(0.01)

        def stop() -> None:
            running.should_exit = True

        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", stop
        finally:
            stop()
            thread.join(PATIENCE)
