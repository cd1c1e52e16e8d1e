"""Connections, seen from the server: when they are made, kept and closed."""

import gzip
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Literal

import anyio
import httpx2
import pytest
from reactivex import operators as ops

import rxstream as rxs
from rxstream.errors import ConnectionLost
from rxstream.testing import Answer, Fault, FaultServer
from rxstream.transports import sse_client
from rxstream.transports.sse_client import SSEClient
from tests.laws.source import nothing_left
from tests.sources.clients import NO_TLS, chunks_until_error
from tests.sources.test_blocking import threads_reading
from tests.transports.event_server import LETTERS, TEXT, Keeping, event, letters, numbers, sse, texts

Kind = Literal["own", "async", "sync"]
KINDS: tuple[Kind, ...] = ("own", "async", "sync")

pytestmark = [pytest.mark.anyio]
for_kinds = pytest.mark.parametrize("kind", KINDS)

#: What is measured is below 10 ms; a machine may be busy.
SOON = 2.0

SLOW = Answer([event('{"text": "abc"}', id=f"s-{n}") for n in range(1000)], pause=0.005)
STALLED = Answer(letters()[:4], end="stall")

Leave = Callable[[Any], Awaitable[None]]


@asynccontextmanager
async def client_of(kind: Kind, **options: Any) -> AsyncGenerator[Any]:
    if kind == "own":
        yield None
    elif kind == "async":
        async with httpx2.AsyncClient(verify=NO_TLS, **options) as client:
            yield client
    else:
        with httpx2.Client(verify=NO_TLS, **options) as client:
            yield client


async def by_break(answer: Any) -> None:
    async with rxs.open_stream(answer) as items:
        count = 0
        async for _ in items:
            count += 1
            if count == 4:
                break


async def by_take(answer: Any) -> None:
    assert len(await rxs.to_list(answer.pipe(ops.take(4)))) == 4


async def by_an_error_of_the_consumer(answer: Any) -> None:
    with pytest.raises(KeyError):
        async with rxs.open_stream(answer) as items:
            async for _ in items:
                raise KeyError


async def by_timeout(answer: Any) -> None:
    with pytest.raises(rxs.TotalTimeout):
        await rxs.to_list(answer.pipe(rxs.timeout_stream(total=0.1)))


async def by_cancellation(answer: Any) -> None:
    with anyio.move_on_after(0.3) as scope:
        await rxs.to_list(answer)
    assert scope.cancelled_caught


async def by_a_cancelled_task_in_a_merge(answer: Any) -> None:
    with anyio.move_on_after(0.3) as scope:
        await rxs.to_list(answer.pipe(ops.merge(rxs.from_stream(["other"]))))
    assert scope.cancelled_caught


@for_kinds
@pytest.mark.parametrize(
    ("leave", "sent"),
    [
        (by_break, SLOW),
        (by_take, SLOW),
        (by_an_error_of_the_consumer, SLOW),
        (by_cancellation, SLOW),
        # While a read waits for bytes that do not come.
        (by_break, STALLED),
        (by_timeout, STALLED),
        (by_cancellation, STALLED),
        (by_a_cancelled_task_in_a_merge, STALLED),
    ],
)
async def test_whoever_leaves_closes_the_connection(leave: Leave, sent: Answer, kind: Kind) -> None:
    with FaultServer(sent) as server:
        async with client_of(kind) as client:
            with nothing_left():
                await leave(sse(server.url, client=client, dialect=LETTERS))
            left = time.perf_counter()
            assert threads_reading() == 0
            assert server.closed().closed_at - left < SOON
    assert len(server.requests) == len(server.connections) == 1


@for_kinds
async def test_who_leaves_before_the_headers_closes_the_connection(kind: Kind) -> None:
    with FaultServer(Answer(letters(), delay=0.3 if kind == "sync" else 30.0)) as server:
        async with client_of(kind) as client:
            with anyio.move_on_after(0.1) as scope:
                await rxs.to_list(sse(server.url, client=client, dialect=LETTERS))
            assert scope.cancelled_caught
            # A synchronous client cannot be woken here: its thread closes the response when it comes.
            server.closed()
    assert len(server.requests) == 1


@for_kinds
async def test_nothing_is_asked_before_it_is_read_and_each_subscription_asks_anew(kind: Kind) -> None:
    with FaultServer(Answer(letters())) as server:
        async with client_of(kind) as client:
            answer = sse(server.url, client=client, dialect=LETTERS)
            async with rxs.open_stream(answer):
                for _ in range(5):
                    await anyio.lowlevel.checkpoint()
            assert server.connections == []
            for _ in range(2):
                assert texts(await rxs.to_list(answer)) == TEXT
            assert len(server.requests) == 2
            # A client of the user's keeps its connection, one of our own is closed.
            assert len(server.connections) == (2 if kind == "own" else 1)
            if kind == "own":
                server.closed(0)
                server.closed(1)
            else:
                assert not server.connections[0].closed.is_set()


@for_kinds
async def test_who_reads_on_is_not_read_ahead_of(kind: Kind) -> None:
    went_out: list[int] = []

    def pieces(_: Any) -> Answer:
        return Answer(numbers(4), pause=0.05)

    with FaultServer(pieces) as server:
        async with client_of(kind) as client:
            source = sse(server.url, client=client, dialect=None).pipe(ops.do_action(went_out.append))
            async with rxs.open_stream(source) as items:
                async for _ in items:
                    assert len(went_out) == 1
                    await anyio.sleep(0.2)
                    assert len(went_out) == 1
                    break


@for_kinds
async def test_a_reconnect_closes_the_broken_connection_first(kind: Kind) -> None:
    keeping = Keeping(letters())
    with FaultServer(
        keeping, faults=[Fault.silent_end(after_events=3), Fault.reset(after_events=3)]
    ) as server:
        async with client_of(kind) as client:
            answer = sse(server.url, client=client, dialect=LETTERS, retry=0.05)
            assert texts(await rxs.to_list(answer)) == TEXT
        # The end of a body leaves the connection for the next request; an end of a connection does not.
        assert len(server.connections) == 2
        assert server.closed(0).closed_by == "server"


async def test_a_silent_read_is_a_lost_connection() -> None:
    # Trap 25: httpx2's own limit for a read is 5 s, which a model that thinks takes easily.
    keeping = Keeping(letters())
    with FaultServer(STALLED, keeping) as server:
        answer = sse(server.url, dialect=LETTERS, timeout=0.1, retry=0.0)
        assert texts(await rxs.to_list(answer)) == TEXT
        assert server.closed(0).closed_by in {"fin", "rst"}
        _, error = await chunks_until_error(
            sse(server.url, dialect=LETTERS, timeout=0.1, last_event_id="s-13")
        )
    assert error is None
    with FaultServer(STALLED) as server:
        _, error = await chunks_until_error(sse(server.url, dialect=LETTERS, timeout=0.1, reconnects=0))
    assert isinstance(error, ConnectionLost)
    assert isinstance(error.__cause__, httpx2.ReadTimeout)
    assert error.partial.content == TEXT[:12]


@for_kinds
async def test_nobody_waits_for_a_server_that_does_not_end_the_body(kind: Kind) -> None:
    with FaultServer(Answer(letters(), end="stall")) as server:
        async with client_of(kind) as client:
            begin = time.perf_counter()
            assert texts(await rxs.to_list(sse(server.url, client=client, dialect=LETTERS))) == TEXT
            assert time.perf_counter() - begin < SOON
            server.closed()
            assert threads_reading() == 0


@for_kinds
async def test_what_comes_behind_the_end_leaves_the_connection_for_the_next_request(kind: Kind) -> None:
    with FaultServer(Answer((*letters(), b": ping\n", 0.01, b": ping\n"))) as server:
        async with client_of(kind) as client:
            for _ in range(2):
                assert texts(await rxs.to_list(sse(server.url, client=client, dialect=LETTERS))) == TEXT
        assert len(server.connections) == (2 if kind == "own" else 1)


@for_kinds
async def test_a_compressed_stream_is_read_as_any_other(kind: Kind) -> None:
    headers = (("Content-Type", "text/event-stream"), ("Content-Encoding", "gzip"))
    answer = Answer((gzip.compress(b"".join(letters())),), headers=headers).split(20)
    with FaultServer(answer) as server:
        async with client_of(kind) as client:
            assert texts(await rxs.to_list(sse(server.url, client=client, dialect=LETTERS))) == TEXT


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_what_the_client_is_set_up_for_holds(kind: Kind) -> None:
    keeping = Keeping(letters())
    options = {
        "auth": ("me", "secret"),
        "headers": {"X-Mine": "1"},
        "cookies": {"a": "b"},
        "params": {"key": "k"},
    }
    with FaultServer(keeping, faults=[Fault.reset(after_events=3)]) as server:
        async with client_of(kind, base_url=server.base_url, **options) as client:
            answer = sse("/stream", client=client, dialect=LETTERS, retry=0.0, params={"q": "1"})
            assert texts(await rxs.to_list(answer)) == TEXT
            assert not client.is_closed
        for request in server.requests:
            assert request.route == "/v1/stream"
            assert request.query == {"key": "k", "q": "1"}
            assert request.headers["authorization"].startswith("Basic ")
            assert (request.headers["x-mine"], request.headers["cookie"]) == ("1", "a=b")


async def test_cookies_are_kept_from_one_connection_to_the_next() -> None:
    headers = (("Content-Type", "text/event-stream"), ("Set-Cookie", "worker=3"))
    keeping = Keeping(letters(), headers=headers)
    with FaultServer(keeping, faults=[Fault.reset(after_events=3)]) as server:
        await rxs.to_list(sse(server.url, dialect=LETTERS, retry=0.0))
        assert [request.headers.get("cookie") for request in server.requests] == [None, "worker=3"]


async def test_an_id_travels_in_utf_8() -> None:
    # Trap 16: a server that reads headers as latin-1 finds the bytes, and decodes them.
    last = "strëam-✓-2"
    events = [event("a", id="strëam-✓-1"), event("b", id=last)]
    with FaultServer(Answer(events, end="half chunk"), Answer((event("c", id="x-3"),))) as server:
        found = await rxs.to_list(sse(server.url, dialect=None, retry=0.0))
        sent = server.requests[1].headers["last-event-id"]
    assert [one.data for one in found] == ["a", "b", "c"]
    assert sent.encode("latin-1").decode() == last


async def test_a_response_that_was_read_by_a_hook_is_read_from_memory() -> None:
    async def read_it(response: httpx2.Response) -> None:
        await response.aread()

    with FaultServer(Answer(letters())) as server:
        async with httpx2.AsyncClient(verify=NO_TLS, event_hooks={"response": [read_it]}) as client:
            assert texts(await rxs.to_list(sse(server.url, client=client, dialect=LETTERS))) == TEXT


async def test_two_readers_of_one_stream_do_not_disturb_each_other() -> None:
    keeping = Keeping(letters())
    found: list[str] = []

    async def read(answer: Any) -> None:
        found.append(texts(await rxs.to_list(answer)))

    with FaultServer(keeping, faults=[Fault.reset(after_events=n) for n in range(1, 9)]) as server:
        answer = sse(server.url, dialect=LETTERS, retry=0.0)
        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(read, answer)
    assert found == [TEXT] * 8


@pytest.mark.parametrize(("scheme", "verifies"), [("https", True), ("http", False)])
async def test_the_certificates_are_read_once_and_only_where_there_is_tls(
    scheme: str, verifies: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    make = httpx2.create_ssl_context

    def reading() -> Any:
        read.append(1)
        return make()

    monkeypatch.setattr(httpx2, "create_ssl_context", reading)
    cached: Any = vars(sse_client)["_tls_context"]
    cached.cache_clear()
    for _ in range(3):
        await SSEClient(None, httpx2.URL(f"{scheme}://host"), {}).aclose()
    assert len(read) == verifies
    cached.cache_clear()
