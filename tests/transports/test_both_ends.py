"""Our two ends of a wire, over a real server: what goes in comes out."""

from collections.abc import AsyncIterator, Callable, Generator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reactivex import Observable
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import rxstream as rxs
from rxstream.errors import ProviderError
from rxstream.items import StreamChunk
from rxstream.transports.dialects.named import DIALECTS, dialect_named
from rxstream.transports.from_sse import from_sse
from rxstream.transports.memory_log import MemoryLog
from rxstream.transports.sse_response import sse_response
from tests.resilience.relay import relaying
from tests.sources.clients import chunks_until_error
from tests.transports.dialects.laws import answers, read_back, result_of, written
from tests.transports.event_server import sse
from tests.transports.servers import serving

ANSWER = [
    StreamChunk(f"{word} ", "stop" if number == 29 else None, number, "m", id="a")
    for number, word in enumerate(["lorem", "ipsum", "dolor"] * 10)
]
TEXT = "".join([chunk.content for chunk in ANSWER])


@dataclass
class World:
    """A server, and what it answers with: by number, so that a request can say which."""

    url: str
    sources: list[Callable[[], Any]]
    #: Who came back, and to where.
    resumed: list[str]

    def add(self, source: Callable[[], Any]) -> int:
        self.sources.append(source)
        return len(self.sources) - 1

    def at(self, number: int, dialect: str, url: str = "", *, kept: bool = False) -> str:
        return f"{url or self.url}/{'kept' if kept else 'direct'}/{number}?dialect={dialect}"


@pytest.fixture(scope="module")
def world() -> Generator[World]:
    sources: list[Callable[[], Any]] = []
    resumed: list[str] = []
    # Made where it is used: in the server's own event loop.
    logs: list[MemoryLog] = []

    def source_of(request: Request) -> Observable[Any]:
        return rxs.from_stream(sources[int(request.path_params["number"])])

    async def direct(request: Request) -> Response:
        return sse_response(source_of(request), dialect=request.query_params["dialect"])

    async def kept(request: Request) -> Response:
        if "last-event-id" in request.headers:
            resumed.append(request.headers["last-event-id"])
        if not logs:
            logs.append(MemoryLog())
        name = f"answer-{request.path_params['number']}"
        return sse_response(
            source_of(request), dialect=request.query_params["dialect"], log=logs[0], stream_id=name, retry=1
        )

    app = Starlette(routes=[Route("/direct/{number:int}", direct), Route("/kept/{number:int}", kept)])
    with serving(app) as url:
        yield World(url, sources, resumed)


async def slowly(items: list[Any], then: Exception | None = None, gap: float = 0.002) -> AsyncIterator[Any]:
    for item in items:
        await anyio.sleep(gap)
        yield item
    if then is not None:
        raise then


@pytest.mark.parametrize("kept", [False, True], ids=["direct", "from a log"])
@pytest.mark.parametrize("name", DIALECTS)
@settings(max_examples=10)
@given(chunks=answers())
def test_an_answer_comes_back(name: str, kept: bool, world: World, chunks: list[StreamChunk]) -> None:
    number = world.add(lambda: chunks)
    dialect = dialect_named(name)
    expected = read_back(dialect, written(dialect, chunks))
    for how in (name, "auto"):
        came = rxs.run(from_sse(world.at(number, name, kept=kept), dialect=how))
        # Ids that a dialect makes up are others each time.
        assert list(map(anonymous, came)) == list(map(anonymous, expected))
        assert result_of(came).content == "".join([chunk.content for chunk in chunks])


def anonymous(chunk: StreamChunk) -> StreamChunk:
    calls = tuple([replace(call, id=None) for call in chunk.tool_calls])
    return replace(chunk, id=None, tool_calls=calls)


ITEMS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=15)
@given(items=st.lists(ITEMS, max_size=6))
def test_anything_comes_back_in_our_own_dialect(world: World, items: list[Any]) -> None:
    number = world.add(lambda: items)
    assert rxs.run(sse(world.at(number, "rxstream"), dialect="rxstream")) == items


@pytest.mark.anyio
@pytest.mark.parametrize("name", DIALECTS)
async def test_an_answer_survives_a_connection_that_dies_again_and_again(name: str, world: World) -> None:
    # What comes closer than 10 ms comes together, and a cut behind the fourth of them is one behind the last.
    number = world.add(partial(slowly, ANSWER, gap=0.015))
    cuts = 0
    async with relaying(world.url) as relay:
        found: list[Any] = []
        async with rxs.open_stream(sse(world.at(number, name, relay.url, kept=True))) as items:
            async for item in items:
                found.append(item)
                if len(found) % 4 == 0:
                    cuts += 1
                    await relay.cut()
    assert "".join([item.content for item in found]) == TEXT
    assert [item.index for item in found] == list(range(len(found)))
    resumed = [one for one in world.resumed if one.startswith(f"answer-{number}-")]
    assert cuts >= 6
    assert len(set(resumed)) >= 5  # the last cuts may find everything read


@pytest.mark.anyio
async def test_words_and_a_retry_behind_it(world: World) -> None:
    number = world.add(partial(slowly, ANSWER))
    async with relaying(world.url) as relay:
        source = sse(world.at(number, "rxstream", relay.url, kept=True), reconnects=0)
        words: list[str] = []
        retried = source.pipe(rxs.retry_stream(20, backoff=0), rxs.buffer_words())
        async with rxs.open_stream(retried) as items:
            async for word in items:
                words.append(word)
                if len(words) % 5 == 0:
                    await relay.cut()
    assert words == TEXT.split()


@pytest.mark.anyio
@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("name", DIALECTS)
async def test_an_error_comes_through(name: str, kept: bool, world: World) -> None:
    number = world.add(partial(slowly, ANSWER[:3], ProviderError("too busy", code="busy")))
    items, error = await chunks_until_error(sse(world.at(number, name, kept=kept)))
    assert isinstance(error, ProviderError)
    assert "too busy" in str(error)
    text = "".join([item.content for item in items])
    assert text == error.partial.content == "lorem ipsum dolor "


@pytest.mark.anyio
async def test_a_refusal_comes_through(world: World) -> None:
    number = world.add(partial(slowly, [], ProviderError("too busy", code="busy", status=429)))
    for dialect in ("rxstream", "openai"):
        _, error = await chunks_until_error(sse(world.at(number, dialect)))
        assert isinstance(error, ProviderError)
        assert (error.status, error.code) == (429, "busy")
        assert "too busy" in str(error)


@pytest.mark.anyio
async def test_a_stream_that_is_read_whole_has_nothing_more(world: World) -> None:
    number = world.add(lambda: ANSWER)
    url = world.at(number, "rxstream", kept=True)
    events = await rxs.to_list(from_sse(url, dialect=None))
    last = events[-1].id
    assert last is not None
    assert await rxs.to_list(from_sse(url, last_event_id=last)) == []
    before = await rxs.to_list(from_sse(url, dialect=None, last_event_id=f"answer-{number}-10"))
    assert before == [
        replace(one, retry=before[0].retry if one is events[10] else one.retry) for one in events[10:]
    ]
