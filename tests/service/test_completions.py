"""OpenAI's own client, pointed at the service; and what it gets that OpenAI would not give it."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletionChunk

from tests.service.apps import ASK, MODEL, TEXT, Served, events_of, served, told, until
from tests.sources.clients import NO_TLS

PATH = "/v1/chat/completions"
MESSAGES: Any = ASK["messages"]


@pytest.fixture
def anyio_backend() -> str:
    """Ask from one event loop: it is the server that is tried, and ``test_app`` tries it on all."""
    return "asyncio"


@pytest.fixture(scope="module")
def service() -> Generator[Served]:
    with served(api_keys=["alpha"], retry_attempts=2) as found:
        found.client.headers["Authorization"] = "Bearer alpha"
        yield found


@contextmanager
def client_of(service: Served, key: str = "alpha") -> Generator[openai.OpenAI]:
    # The async one leaves generators of its own open on trio, which fails a test.
    http = openai.DefaultHttpxClient(verify=NO_TLS)
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key=key, max_retries=0, http_client=http) as client:
        yield client


def chunks_of(client: openai.OpenAI, **more: Any) -> list[ChatCompletionChunk]:
    request: dict[str, Any] = {"model": MODEL, "messages": MESSAGES, "stream": True, **more}
    create: Any = client.chat.completions.create
    return list(create(**request))


def text_of(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def test_a_stream_is_what_openai_s_client_expects(service: Served) -> None:
    with client_of(service) as client:
        chunks = chunks_of(client)
    assert text_of(chunks) == TEXT
    # Nobody asked for it, and `chunk.choices[0]` is what everybody writes.
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert {chunk.model for chunk in chunks} == {MODEL}


def test_usage_comes_if_it_is_asked_for(service: Served) -> None:
    with client_of(service) as client:
        chunks = chunks_of(client, stream_options={"include_usage": True})
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 0


def test_an_answer_in_one_piece(service: Served) -> None:
    with client_of(service) as client:
        found = client.chat.completions.create(model=MODEL, messages=MESSAGES)
    assert (found.choices[0].message.content, found.choices[0].finish_reason) == (TEXT, "stop")
    assert found.usage is not None
    assert found.usage.total_tokens > found.usage.completion_tokens > 0


def test_tool_calls_streamed_and_not(service: Served) -> None:
    with client_of(service) as client:
        found = client.chat.completions.create(model="calls", messages=MESSAGES)
        chunks = chunks_of(client, model="calls")
    calls: Any = found.choices[0].message.tool_calls
    assert [(call.id, call.function.name, call.function.arguments) for call in calls] == [
        ("call_a", "get_weather", '{"city": "Rom"}')
    ]
    assert found.choices[0].message.content is None
    deltas: list[Any] = [delta for chunk in chunks for delta in chunk.choices[0].delta.tool_calls or ()]
    assert "".join(delta.function.arguments for delta in deltas) == '{"city": "Rom"}'
    assert deltas[0].id == "call_a"


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "not"])
@pytest.mark.parametrize(
    ("model", "kind", "words"),
    [
        ("refuses", openai.BadRequestError, "no such thing"),
        ("busy", openai.RateLimitError, "later"),
        ("wrong key", openai.InternalServerError, "credentials"),
    ],
    ids=str,
)
def test_an_error_before_the_first_token_has_its_status(
    service: Served, model: str, kind: type[openai.APIStatusError], words: str, stream: bool
) -> None:
    with client_of(service) as client, pytest.raises(kind, match=words) as raised:
        client.chat.completions.create(model=model, messages=MESSAGES, stream=stream)
    assert set(told(raised.value.response)) == {"message", "type", "code", "param"}
    if model == "refuses":
        assert (raised.value.code, raised.value.param) == ("nope", "tools")


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "not"])
def test_trap_05_an_error_in_the_middle_is_an_error_for_the_client(service: Served, stream: bool) -> None:
    with client_of(service) as client, pytest.raises(openai.APIError, match="fell over"):
        if stream:
            chunks_of(client, model="falls")
        else:
            client.chat.completions.create(model="falls", messages=MESSAGES)


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "not"])
def test_several_choices_are_told_apart(stream: bool) -> None:
    with served("14-n2") as service, client_of(service) as client:
        if stream:
            chunks = chunks_of(client, n=2)
            texts = ["", ""]
            for chunk in chunks:
                texts[chunk.choices[0].index] += chunk.choices[0].delta.content or ""
        else:
            found = client.chat.completions.create(model=MODEL, messages=MESSAGES, n=2)
            texts = [choice.message.content or "" for choice in found.choices]
            assert found.usage is not None
    assert len(texts) == 2
    assert all(texts)
    assert texts[0] != texts[1]


def test_what_nobody_here_knows_is_passed_on(service: Served) -> None:
    with client_of(service) as client:
        more = {"top_k": 4, "continuation": "none", "timeout": 1}
        client.chat.completions.create(model=MODEL, messages=MESSAGES, seed=3, extra_body=more)
    body = service.upstream.requests[-1].body
    assert {name: body[name] for name in (*more, "seed")} == {**more, "seed": 3}


def test_a_wrong_key_is_told_as_openai_tells_it(service: Served) -> None:
    with client_of(service, "beta") as client:
        with pytest.raises(openai.AuthenticationError):
            client.chat.completions.create(model=MODEL, messages=MESSAGES)
        with pytest.raises(openai.AuthenticationError):
            client.models.list()


def test_models_are_listed_and_shown(service: Served) -> None:
    with client_of(service) as client:
        names = [model.id for model in client.models.list()]
        assert MODEL in names
        assert (client.models.retrieve("wrong key")).id == "wrong key"
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("a/b/c")


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": ["Hi"]}, "messages[0]"),
        ({"model": 3}, "model"),
        ({"stream": "yes"}, "stream"),
        ({"n": 0}, "n"),
        ({"n": 99}, "n"),
        ({"stream_options": []}, "stream_options"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named(service: Served, more: dict[str, Any], param: str) -> None:
    response = service.client.post(PATH, json={**ASK, **more})
    assert (response.status_code, told(response)["param"]) == (400, param)


def test_an_answer_can_be_come_back_to_if_its_client_says_so(service: Served) -> None:
    ask = {**ASK, "stream": True}
    plain = service.client.post(PATH, json=ask)
    assert "x-stream-id" not in plain.headers
    kept = service.client.post(PATH, json=ask, headers={"X-Rxstream-Resumable": "true"})
    events = events_of(kept.text)
    assert events[-1].data == "[DONE]"
    again = service.client.get(
        f"/v1/stream/{kept.headers['x-stream-id']}", headers={"Last-Event-ID": str(events[1].id)}
    )
    assert events_of(again.text) == events[2:]


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "not"])
@pytest.mark.anyio
async def test_trap_18_a_client_that_leaves_stops_the_model(service: Served, stream: bool) -> None:
    ask = {**ASK, "model": "slow", "stream": stream}
    if stream:
        with service.client.stream("POST", PATH, json=ask) as response:
            next(line for line in response.iter_lines() if "word5" in line)
    else:
        headers = dict(service.client.headers)
        with (
            httpx2.Client(verify=NO_TLS, timeout=0.3, headers=headers) as impatient,
            pytest.raises(httpx2.ReadTimeout),
        ):
            impatient.post(f"{service.url}{PATH}", json=ask)
    await until(lambda: service.service.gate.inside == 0)
    await until(service.upstream.connections[-1].closed.is_set)
    assert service.upstream.requests[-1].body["model"] == "slow"
