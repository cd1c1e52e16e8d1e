"""Every example in a docstring runs, and does what it says: against real servers, on both event loops."""

import sys
from collections.abc import AsyncIterator, Generator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from fastapi import FastAPI, WebSocket

import rxstream as rxs
import rxstream.testing
from rxstream.testing.fixtures import StartFaultServer, fault_server
from tests.docs import compile_example, docstrings, examples, is_async, is_program
from tests.reader import IMPORTED, OWN, Backend, Reader, names_in, served_by, the_world
from tests.transports.redis_server import redis_server

__all__ = ("fault_server", "redis_server")


@dataclass(frozen=True)
class Example:
    """An example, and where it stands."""

    name: str
    number: int
    source: str

    def __str__(self) -> str:
        return f"{self.name.removeprefix('rxstream.')}-{self.number}"

    @property
    def at_hand(self) -> dict[str, Any]:
        """What its reader has imported beside ``rxs``: the names of the package that it stands in."""
        if self.name.startswith("rxstream.testing."):
            return {name: getattr(rxstream.testing, name) for name in rxstream.testing.__all__}
        if not set(rxs.__all__).isdisjoint(self.name.split(".")):
            return {}
        module = import_module(self.name.rpartition(".")[0])
        return {name: getattr(module, name) for name in module.__all__}


EXAMPLES = [
    Example(name, number, source)
    for name, docstring in docstrings().items()
    for number, source in enumerate(examples(docstring))
    if is_program(source)
]
#: These make a server, which is not to be left running by whoever only wants to see it.
SERVERS = [example for example in EXAMPLES if "uvicorn.Server" in example.source]


def runs(example: Example) -> list[Backend]:
    """Give the event loops that an example runs on: a synchronous one needs both if it makes a stream."""
    code = compile_example(example.source, str(example))
    is_seen = "print" in names_in(code) or "def test_" in example.source
    return ["asyncio", "trio"] if is_async(code) or not is_seen else ["asyncio"]


RUNS = [
    pytest.param(example, backend, id=f"{example}-{backend}")
    for example in EXAMPLES
    if example not in SERVERS
    for backend in runs(example)
]


@pytest.fixture(scope="module")
def addresses() -> Generator[dict[str, str]]:
    with pytest.MonkeyPatch.context() as patch, the_world(patch.setenv) as addresses:
        yield addresses


@pytest.mark.parametrize(("example", "backend"), RUNS)
def test_an_example_runs(
    example: Example,
    backend: Backend,
    addresses: dict[str, str],
    fault_server: StartFaultServer,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    if "redis://" in example.source:
        redis = request.getfixturevalue("redis_server")
        addresses = {"localhost:6379": f"127.0.0.1:{redis.port}"}
    given = {**example.at_hand, "fault_server": fault_server}
    Reader(addresses, backend, given).run(example.source, str(example))


async def endless() -> AsyncIterator[str]:
    yield "It begins"
    await anyio.sleep_forever()


def an_app() -> FastAPI:
    app = FastAPI()

    @app.get("/chat")
    async def chat() -> Any:
        return rxs.sse_response(rxs.from_stream(endless))

    @app.websocket("/ws")
    async def ws(websocket: WebSocket) -> None:
        await rxs.serve_websocket(websocket, lambda _: rxs.from_stream(endless))

    return app


def told_over_http(url: str, stop: Any) -> str:
    with httpx2.stream("GET", f"{url}/chat") as response:
        parts = response.iter_text()
        first = next(parts)
        stop()
        return first + "".join(parts)


def told_over_a_websocket(url: str, stop: Any) -> str:
    answer = rxs.from_websocket(f"ws{url.removeprefix('http')}/ws", {})
    with pytest.raises(rxs.StreamError) as caught:
        rxs.run(answer, on_item=lambda _: stop())
    return f"{caught.value.partial.content}: {caught.value}"


@pytest.mark.parametrize("example", SERVERS, ids=str)
def test_a_server_of_an_example_ends_what_it_serves(example: Example, addresses: dict[str, str]) -> None:
    reader = Reader(addresses, given={"answer": rxs.from_stream(endless)})
    names, _ = reader.names_of(example.source, str(example))
    ask = told_over_a_websocket if example.name.endswith("websockets") else told_over_http
    with served_by(names["Server"], names.get("app") or an_app()) as (url, stop):
        told = ask(url, stop)
    assert "It begins" in told
    assert "the server is shutting down" in told


@pytest.mark.parametrize("name", [name for name in docstrings() if name not in sys.modules])
def test_what_stands_four_columns_in_can_be_run(name: str) -> None:
    """Tables and trees stand in the docstrings of modules alone."""
    assert [example for example in examples(docstrings()[name]) if not is_program(example)] == []


def test_the_reader_has_nothing_that_no_example_asks_for() -> None:
    asked = {name for one in EXAMPLES for name in names_in(compile_example(one.source, str(one)))}
    assert set(IMPORTED) | set(OWN) <= asked


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("print(1 + 1)  #> 3", "says that it prints"),
        ("words = rxs.buffer_words()", "nothing is to be seen"),
        ("words = rxs.from_stream([]).pipe(rxs.buffer_words())", "nothing comes of it"),
        ('@app.post("/chat")\ndef chat(): ...', "no routes"),
        ('@app.get("/chat")\ndef chat(): return rxs.nothing', "500"),
        ("def test_it():\n    assert 1 > 2, 'no'", "no"),
        ("await anyio.sleep(0)\nprint(nothing)", "not defined"),
    ],
)
def test_an_example_that_does_not_do_what_it_says_is_found_out(source: str, why: str) -> None:
    with pytest.raises((AssertionError, NameError), match=why):
        Reader({}).run(source, "wrong")
