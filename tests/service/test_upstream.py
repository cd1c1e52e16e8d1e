"""The models behind the service, on real sockets: retried, replaced, measured, asked only what is theirs."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest

import rxstream as rxs
from rxstream.sansio.metrics import Metrics
from rxstream.service.settings import Settings
from rxstream.service.upstream import Upstream
from rxstream.testing import Answer, Fault, FaultServer, ScriptedModel
from rxstream.transports.refusals import Refusal
from tests.sources.clients import NO_TLS

pytestmark = pytest.mark.anyio

MESSAGES = [{"role": "user", "content": "Hi"}]
TEXT = "One two three four five."
MODELS = Answer.json({"object": "list", "data": [{"id": "a/b", "object": "model"}]})


@asynccontextmanager
async def client_of(server: FaultServer) -> AsyncGenerator[openai.AsyncOpenAI]:
    http = openai.DefaultAsyncHttpxClient(verify=NO_TLS)
    async with openai.AsyncOpenAI(
        base_url=server.base_url, api_key="none", max_retries=0, http_client=http
    ) as client:
        yield client


async def test_an_answer_that_breaks_off_goes_on_and_is_measured_once() -> None:
    found: list[Metrics] = []
    with FaultServer(ScriptedModel(TEXT), faults=[Fault.reset(after_events=3)]) as server:
        async with client_of(server) as client:
            upstream = Upstream(Settings(model="m"), client=client, on_metrics=found.append)
            result = await rxs.collect(upstream.answer({"messages": MESSAGES}))
    assert result.content == TEXT
    assert [metrics.ended for metrics in found] == ["completed"]
    assert server.requests[0].body["model"] == "m"


async def test_the_next_model_is_asked_where_one_fails() -> None:
    with FaultServer(Answer.json({}, status=401), ScriptedModel(TEXT)) as server:
        async with client_of(server) as client:
            settings = Settings(model="m", fallback_models=("n",), timeout=(None, None, None))
            result = await rxs.collect(Upstream(settings, client=client).answer({"messages": MESSAGES}))
    assert result.content == TEXT
    assert [request.body["model"] for request in server.requests] == ["m", "n"]


async def test_each_fallback_has_its_client() -> None:
    with FaultServer(Answer.json({}, status=401)) as one, FaultServer(ScriptedModel(TEXT)) as other:
        async with client_of(one) as first, client_of(other) as second:
            settings = Settings(model="m", fallback_models=("n",), fallback_clients=(second,))
            result = await rxs.collect(Upstream(settings, client=first).answer({"messages": MESSAGES}))
    assert result.content == TEXT
    assert len(one.requests) == len(other.requests) == 1


async def test_a_wrong_request_is_nobody_else_s_business() -> None:
    with FaultServer(Answer.json({"error": {"message": "bad"}}, status=400)) as server:
        async with client_of(server) as client:
            settings = Settings(model="m", fallback_models=("n",))
            with pytest.raises(openai.BadRequestError):
                await rxs.collect(Upstream(settings, client=client).answer({"messages": MESSAGES}))
    assert len(server.requests) == 1


async def test_what_the_sdk_does_not_know_is_passed_on_and_its_own_options_are_not_taken() -> None:
    asked: dict[str, Any] = {
        "messages": MESSAGES,
        "model": "mine",
        "top_k": 3,
        "continuation": "x",
        "client": "y",
        "timeout": 0.001,
        "extra_headers": {"Authorization": "Bearer stolen"},
        "extra_query": {"admin": "1"},
        "extra_body": {"model": "other"},
        "temperature": 0.5,
    }
    with FaultServer(ScriptedModel(TEXT)) as server:
        async with client_of(server) as client:
            await rxs.collect(Upstream(Settings(model="m"), client=client).answer(asked))
    request = server.requests[0]
    assert {name: request.body[name] for name in asked} == asked
    assert request.headers["authorization"] == "Bearer none"
    assert request.query == {}


async def test_a_client_of_another_make_is_asked_what_it_takes() -> None:
    taken: list[dict[str, Any]] = []

    class Completions:
        async def create(self, **request: Any) -> Any:
            taken.append(request)
            return [{"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}]}]

    class Chat:
        completions = Completions()

    class Client:
        chat = Chat()

    upstream = Upstream(Settings(model="m"), client=Client())
    await rxs.collect(upstream.answer({"messages": MESSAGES, "top_k": 1, "timeout": 3, "continuation": "x"}))
    assert taken[0]["top_k"] == 1
    assert not {"timeout", "continuation"} & set(taken[0])
    assert await upstream.trouble() is None
    assert [model["id"] for model in await upstream.models()] == ["m"]


def test_somebody_must_name_a_model() -> None:
    upstream = Upstream(Settings(), client=openai.AsyncOpenAI(api_key="x"))
    with pytest.raises(Refusal, match="expected a model"):
        upstream.answer({"messages": MESSAGES})


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (MODELS, None),
        (Answer.json({}, status=404), None),
        (Answer.json({}, status=401), "status 401"),
        (Answer.json({}, status=500), "status 500"),
        (Answer(end="refused"), "cannot be reached"),
    ],
    ids=["there", "no such list", "wrong key", "broken", "gone"],
)
async def test_what_is_wrong_is_said(answer: Answer, words: str | None) -> None:
    with FaultServer(answer) as server:
        async with client_of(server) as client:
            trouble = await Upstream(Settings(), client=client).trouble()
    assert trouble is None if words is None else words in (trouble or "")


async def test_models_are_the_provider_s_or_our_own() -> None:
    with FaultServer(MODELS, Answer.json({}, status=404)) as server:
        async with client_of(server) as client:
            upstream = Upstream(Settings(model="m", fallback_models=("n",)), client=client)
            assert [model["id"] for model in await upstream.models()] == ["a/b"]
            assert [model["id"] for model in await upstream.models()] == ["m", "n"]


async def test_a_client_of_our_own_is_made_when_it_is_needed_and_closed() -> None:
    made: list[openai.AsyncOpenAI] = []

    def make() -> openai.AsyncOpenAI:
        made.append(
            openai.AsyncOpenAI(api_key="x", http_client=openai.DefaultAsyncHttpxClient(verify=NO_TLS))
        )
        return made[-1]

    upstream = Upstream(Settings(model="m"), make=make)
    await upstream.aclose()
    assert made == []
    assert upstream.client is upstream.client
    await upstream.aclose()
    assert made[0].is_closed()
    assert upstream.client is not made[0]
    await upstream.aclose()
