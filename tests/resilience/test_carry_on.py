"""Going on with an answer whose first reader is gone: what it delivered, and the rest, are one answer."""

from collections.abc import Callable
from typing import Any, Literal

import anyio
import openai
import pytest
from reactivex import Observable
from reactivex import operators as ops

import rxstream as rxs
from rxstream.errors import AnswerChanged, StreamTruncated
from rxstream.items import StreamChunk
from rxstream.resilience.carry_on import carry_on
from rxstream.sansio.delivered import Delivered
from rxstream.testing import Fault, FaultServer, ScriptedModel, VirtualClock
from tests.sources.clients import NO_TLS

Backend = Literal["asyncio", "trio"]
pytestmark = pytest.mark.parametrize("backend", ["asyncio", "trio"])

ASK: dict[str, Any] = {"model": "scripted", "messages": [{"role": "user", "content": "Why the sea?"}]}


def run(backend: Backend, body: Callable[[], Any]) -> None:
    VirtualClock().run(body, backend=backend)


def delivered_of(items: list[Any]) -> Delivered:
    delivered = Delivered()
    for item in items:
        delivered.add(item)
    return delivered


def client_of(server: FaultServer) -> openai.AsyncOpenAI:
    http = openai.DefaultAsyncHttpxClient(verify=NO_TLS)
    return openai.AsyncOpenAI(base_url=server.base_url, api_key="none", http_client=http, max_retries=0)


def at_once(_retry: int) -> float:
    return 0.0


@pytest.mark.parametrize("name", ["01-prose", "07-tool-calls-parallel", "05-json-schema"])
def test_a_recording_goes_on_behind_every_chunk(backend: Backend, name: str) -> None:
    async def body() -> None:
        source = rxs.from_recording(name, speed=None)
        chunks = await rxs.to_list(source)
        expected = await rxs.collect(rxs.from_stream(chunks))
        for count in range(0, len(chunks), max(1, len(chunks) // 40)):
            before = chunks[:count]
            rest = await rxs.to_list(carry_on(source, delivered_of(before)))
            result = await rxs.collect(rxs.from_stream([*before, *rest]))
            assert result.content == expected.content
            assert result.finish_reason == expected.finish_reason
            assert [call.arguments for call in result.tool_calls] == [
                call.arguments for call in expected.tool_calls
            ]
            assert [chunk.index for chunk in rest] == list(range(count, count + len(rest)))

    run(backend, body)


PIPELINES: dict[str, Callable[[Observable[StreamChunk], Observable[StreamChunk]], Any]] = {
    "bare": lambda answer, _: answer,
    "retried": lambda answer, _: answer.pipe(rxs.retry_stream(backoff=at_once)),
    "timed, retried and measured": lambda answer, _: answer.pipe(
        rxs.timeout_stream(first=5), rxs.retry_stream(backoff=at_once), rxs.measure_stream()
    ),
    "with a fallback": lambda answer, other: answer.pipe(
        rxs.retry_stream(backoff=at_once), rxs.fallback_to(other.pipe(rxs.retry_stream(backoff=at_once)))
    ),
    "with a bare fallback": lambda answer, other: answer.pipe(rxs.fallback_to(other)),
}


@pytest.mark.parametrize("pipeline", PIPELINES.values(), ids=list(PIPELINES))
def test_a_model_continues_its_own_words(backend: Backend, pipeline: Any) -> None:
    """It is asked for the rest only, and the usage is that of both readers together."""

    async def body() -> None:
        model = ScriptedModel()
        with FaultServer(model) as server:
            async with client_of(server) as client:
                answer = pipeline(rxs.from_chat(client, **ASK), rxs.from_chat(client, **ASK))
                before = await rxs.to_list(answer.pipe(ops.take(9)))
                delivered = delivered_of(before)
                source = carry_on(answer, delivered)
                for _ in range(2):  # it is as cold as any other
                    rest = await rxs.to_list(source)
                    result = await rxs.collect(rxs.from_stream([*before, *rest]))
                    assert result.content == model.answer
                    assert result.finish_reason == "stop"
                    assert result.usage is not None
                    assert result.usage.estimated
                    assert 1 <= result.usage.completion_tokens <= 2 * len(model.answer.split())
                    indices = [chunk.index for chunk in (*before, *rest)]
                    assert indices == list(range(len(indices)))
                    last = server.requests[-1].body["messages"][-1]
                    assert last["role"] == "assistant"
                    assert model.answer.startswith(last["content"])

    anyio.run(body, backend=backend)


def test_a_fallback_whose_first_model_is_dead_has_the_other_one_go_on(backend: Backend) -> None:
    async def body() -> None:
        model = ScriptedModel()
        with FaultServer(model) as server, FaultServer(model, faults=[Fault.status(500)] * 9) as dead:
            async with (
                client_of(server) as client,
                client_of(dead) as gone,
            ):
                answer = rxs.from_chat(gone, **ASK).pipe(rxs.fallback_to(rxs.from_chat(client, **ASK)))
                before = await rxs.to_list(answer.pipe(ops.take(9)))
                rest = await rxs.to_list(carry_on(answer, delivered_of(before)))
                text = "".join(chunk.content for chunk in (*before, *rest))
                assert text == model.answer

    anyio.run(body, backend=backend)


def test_the_rest_that_fails_is_retried_by_the_sources_own_plan(backend: Backend) -> None:
    async def body() -> None:
        told: list[str] = []
        model = ScriptedModel()
        with FaultServer(model, faults=[Fault.cut(after_events=999), Fault.cut(after_events=4)]) as server:
            async with client_of(server) as client:
                retry = rxs.retry_stream(
                    2, backoff=at_once, on_attempt=lambda attempt: told.append(attempt.rung)
                )
                answer = rxs.from_chat(client, **ASK).pipe(retry)
                before = await rxs.to_list(answer.pipe(ops.take(5)))
                rest = await rxs.to_list(carry_on(answer, delivered_of(before)))
                assert "".join(chunk.content for chunk in (*before, *rest)) == model.answer
        assert told == ["first", "continue", "continue"]

    anyio.run(body, backend=backend)


def test_nothing_delivered_is_a_plain_beginning(backend: Backend) -> None:
    async def body() -> None:
        source = rxs.from_stream(lambda: ["a", "b"])
        assert await rxs.to_list(carry_on(source, Delivered())) == ["a", "b"]

    run(backend, body)


def another(_partial: Any, _error: Any) -> Observable[str]:
    return rxs.from_stream(["no"])


@pytest.mark.parametrize("resume", ["never", another], ids=["never", "own"])
def test_a_retry_without_a_ladder_is_aligned(backend: Backend, resume: Any) -> None:
    async def body() -> None:
        source = rxs.from_stream(lambda: ["a", "b", "c"]).pipe(rxs.retry_stream(resume=resume))
        assert await rxs.to_list(carry_on(source, delivered_of(["a", "b"]))) == ["c"]

    run(backend, body)


def test_another_answer_is_an_error(backend: Backend) -> None:
    async def body() -> None:
        source = rxs.from_stream(lambda: ["x", "y"])
        with pytest.raises(AnswerChanged) as caught:
            await rxs.to_list(carry_on(source, delivered_of(["a", "b"])))
        assert isinstance(caught.value.__cause__, StreamTruncated)
        assert caught.value.partial.content == "ab"

    run(backend, body)
