"""Leaving an answer, seen from the server: when the connection is closed, and when it is kept."""

import gzip
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from reactivex import operators as ops

import rxstream as rxs
from rxstream.errors import ConnectionLost
from rxstream.items import StreamChunk
from rxstream.testing import Answer, FaultServer
from tests.recordings import load
from tests.sources.clients import ASK, Kind, answer_from, chunks_until_error, connected, replay
from tests.sources.test_blocking import threads_reading
from tests.sources.test_chat import DONE, END, HELLO, event

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("kind", ["async", "sync"])]

#: What is measured is below 10 ms; a machine may be busy.
SOON = 2.0

SLOW = Answer([event({"content": f"{n} "}) for n in range(1000)], pause=0.005)
STALLED = Answer(HELLO, end="stall")

Leave = Callable[[Any], Awaitable[None]]


async def by_break(answer: Any) -> None:
    async with rxs.open_stream(answer) as items:
        count = 0
        async for _ in items:
            count += 1
            if count == 3:
                break


async def by_take(answer: Any) -> None:
    assert len(await rxs.to_list(answer.pipe(ops.take(3)))) == 3


def fail_at_the_third(chunk: StreamChunk) -> float:
    return 1 / (chunk.index - 2)


async def by_a_mapper_error(answer: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        await rxs.to_list(answer.pipe(ops.map(fail_at_the_third)))


async def by_an_error_of_the_consumer(answer: Any) -> None:
    with pytest.raises(KeyError):
        async with rxs.open_stream(answer) as items:
            async for _ in items:
                raise KeyError


async def by_timeout(answer: Any) -> None:
    with pytest.raises(Exception, match=r"[Tt]imeout"):
        await rxs.to_list(answer.pipe(ops.timeout(0.1)))


async def by_cancellation(answer: Any) -> None:
    with anyio.move_on_after(0.1) as scope:
        await rxs.to_list(answer)
    assert scope.cancelled_caught


async def by_a_cancelled_task_in_a_merge(answer: Any) -> None:
    """Several sources have tasks of their own."""
    with anyio.move_on_after(0.1) as scope:
        await rxs.to_list(answer.pipe(ops.merge(rxs.from_stream(["other"]))))
    assert scope.cancelled_caught


@pytest.mark.parametrize(
    ("leave", "sent"),
    [
        (by_break, SLOW),
        (by_take, SLOW),
        (by_a_mapper_error, SLOW),
        (by_an_error_of_the_consumer, SLOW),
        (by_cancellation, SLOW),
        # While a read waits for bytes that do not come.
        (by_break, STALLED),
        (by_take, STALLED),
        (by_timeout, STALLED),
        (by_cancellation, STALLED),
        (by_a_cancelled_task_in_a_merge, STALLED),
    ],
)
async def test_whoever_leaves_closes_the_connection(leave: Leave, sent: Answer, kind: Kind) -> None:
    with FaultServer(sent) as server:
        async with connected(kind, server) as client:
            await leave(rxs.from_chat(client, **ASK))
            left = time.perf_counter()
            assert threads_reading() == 0
            assert server.closed().closed_at - left < SOON
    assert len(server.requests) == len(server.connections) == 1


async def test_who_leaves_before_the_headers_closes_the_connection(kind: Kind) -> None:
    with FaultServer(Answer((*HELLO, *END), delay=30.0 if kind == "async" else 0.3)) as server:
        async with connected(kind, server) as client:
            with anyio.move_on_after(0.1) as scope:
                await rxs.to_list(rxs.from_chat(client, **ASK))
            assert scope.cancelled_caught
            # A synchronous client cannot be woken here: its thread closes the response when it comes.
            assert kind == "async" or not server.connections[0].closed.is_set()
            server.closed()
    assert len(server.requests) == 1


@pytest.mark.parametrize("name", ["01-prose", "14-n2", "17-responses-text"])
async def test_a_whole_answer_leaves_the_connection_for_the_next(name: str, kind: Kind) -> None:
    recording = load(name)
    with FaultServer(replay(recording)) as server:
        async with connected(kind, server) as client:
            for _ in range(3):
                await rxs.collect(answer_from(client, recording))
            assert not server.connections[0].closed.is_set()
    assert (len(server.requests), len(server.connections)) == (3, 1)


async def test_a_last_event_in_many_reads_leaves_the_connection_for_the_next(kind: Kind) -> None:
    completed: Any = {"type": "response.completed", "response": {"output": [], "note": "x" * 300_000}}
    data = b"data: %s\n\n" % json.dumps(completed, separators=(",", ":")).encode()
    with FaultServer(Answer((data,)).split(40_000)) as server:
        async with connected(kind, server) as client:
            for _ in range(2):
                await rxs.collect(rxs.from_responses(client, model="any", input="hi"))
    assert (len(server.requests), len(server.connections)) == (2, 1)


async def test_nobody_waits_for_a_server_that_does_not_end_the_body(kind: Kind) -> None:
    with FaultServer(Answer((*HELLO, *END), end="stall")) as server:
        async with connected(kind, server) as client:
            result = await rxs.collect(rxs.from_chat(client, **ASK))
            assert result.content == "Hello"
            server.closed()
            assert threads_reading() == 0


async def test_what_dies_behind_the_last_event_is_nobodys_loss(kind: Kind) -> None:
    with FaultServer(Answer((*HELLO, *END), end="half chunk")) as server:
        async with connected(kind, server) as client:
            assert (await rxs.collect(rxs.from_chat(client, **ASK))).content == "Hello"


async def test_a_text_that_speaks_of_the_end_is_not_the_end(kind: Kind) -> None:
    said = 'data: [DONE]\n\ndata: [DONE] {"type":"response.completed"}'
    with FaultServer(Answer((event({"content": said}),), end="stall")) as server:
        async with connected(kind, server) as client:
            async with rxs.open_stream(rxs.from_chat(client, **ASK)) as items:
                async for chunk in items:
                    assert chunk.content == said
                    break
            server.closed()


async def test_the_transports_error_is_the_cause(kind: Kind) -> None:
    with FaultServer(Answer((*HELLO, DONE)).cut(len(b"".join(HELLO)), "fin")) as server:
        async with connected(kind, server) as client:
            chunks, error = await chunks_until_error(rxs.from_chat(client, **ASK))
    assert [chunk.content for chunk in chunks] == ["", "Hel", "lo"]
    assert isinstance(error, ConnectionLost)
    assert type(error.__cause__).__name__ == "RemoteProtocolError"
    assert error.partial.content == "Hello"


async def test_a_compressed_answer_is_read_as_any_other(kind: Kind) -> None:
    headers = (("Content-Type", "text/event-stream"), ("Content-Encoding", "gzip"))
    answer = Answer((gzip.compress(b"".join((*HELLO, *END))),), headers=headers).split(20)
    with FaultServer(answer) as server:
        async with connected(kind, server) as client:
            assert (await rxs.collect(rxs.from_chat(client, **ASK))).content == "Hello"
