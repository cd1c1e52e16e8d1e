"""openai-python, its synchronous and its asynchronous client, against our chat completions."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import openai
import pytest

from tests.service.clients.conftest import Service
from tests.service.clients.upstream import CALLS, TEXT
from tests.sources.clients import NO_TLS

pytestmark = [
    pytest.mark.anyio,
    # trio says so of the SDK's own generators, and of those of its HTTP client.
    pytest.mark.filterwarnings("ignore:Async generator 'openai.:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:Async generator 'http:ResourceWarning"),
]

#: Events with ids: what a client that comes back would need, and what openai-python must not choke on.
RESUMABLE = {"X-Rxstream-Resumable": "true"}

WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city", "days"],
        },
    },
}


@asynccontextmanager
async def asking(url: str) -> AsyncGenerator[Any]:
    # The SDK's overloads know what comes by whether ``stream`` stands there, which here it does not.
    http = openai.DefaultAsyncHttpxClient(verify=NO_TLS)
    client = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, http_client=http)
    async with client:
        yield client


def asking_in_turn(url: str) -> Any:
    http = openai.DefaultHttpxClient(verify=NO_TLS)
    return openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, http_client=http)


def request(model: str, text: str, **options: Any) -> Any:
    return {"model": model, "messages": [{"role": "user", "content": text}], "stream": True, **options}


def words(chunk: Any) -> str:
    return (chunk.choices[0].delta.content or "") if chunk.choices else ""


async def test_the_embedded_model_streams(service: Service) -> None:
    usage = {"include_usage": True}
    async with asking(service.embedded) as client:
        stream = await client.chat.completions.create(
            **request(
                "smollm2-135m", "Tell me a long story.", max_tokens=30, temperature=0, stream_options=usage
            )
        )
        chunks = [chunk async for chunk in stream]
    assert len("".join(map(words, chunks)).split()) > 5
    assert [one.choices[0].finish_reason for one in chunks if one.choices][-1] == "length"
    assert chunks[-1].usage.completion_tokens == 30


def test_the_embedded_model_calls_a_tool(service: Service) -> None:
    ask = request("smollm2-135m", "What is the weather in Paris for 3 days?", max_tokens=200, temperature=0)
    # A model this small does not begin a call by itself.
    ask["messages"].append({"role": "assistant", "content": "<tool_call>\n"})
    del ask["stream"]
    with asking_in_turn(service.embedded) as client:
        options: Any = {"tools": [WEATHER], "tool_choice": "required", "seed": 7}
        with client.chat.completions.stream(**ask, **options) as stream:
            kinds = [event.type for event in stream]
            done = stream.get_final_completion()
    call = done.choices[0].message.tool_calls[0]
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments)["city"] == "Paris"
    assert kinds.count("tool_calls.function.arguments.delta") > 3
    assert done.choices[0].finish_reason == "tool_calls"


async def test_an_answer_comes_whole_and_as_it_is_written(service: Service) -> None:
    async with asking(service.scripted) as client:
        stream = await client.chat.completions.create(**request("quick", "openai-python streams"))
        chunks = [chunk async for chunk in stream]
        whole = await client.chat.completions.create(**request("quick", "in one", stream=False))
    assert "".join(map(words, chunks)) == whole.choices[0].message.content == TEXT
    assert len(chunks) > 20
    assert len({chunk.id for chunk in chunks}) == 1


def test_tool_calls_are_put_together(service: Service) -> None:
    ask = request("calls", "openai-python calls", tools=[WEATHER])
    del ask["stream"]
    with (
        asking_in_turn(service.scripted) as client,
        client.chat.completions.stream(**ask) as stream,
    ):
        done = stream.get_final_completion()
    calls: Any = done.choices[0].message.tool_calls
    assert [(one.id, one.function.name, json.loads(one.function.arguments)) for one in calls] == [
        (call["id"], call["name"], call["arguments"]) for call in CALLS
    ]


@pytest.mark.parametrize("headers", [{}, RESUMABLE], ids=["no ids", "ids"])
async def test_trap_01_heartbeats_and_ids_together_are_no_events(
    service: Service, headers: dict[str, str]
) -> None:
    async with asking(service.ticking) as client:
        stream = await client.chat.completions.create(
            **request("waits", "openai-python waits"), extra_headers=headers
        )
        text = "".join([words(chunk) async for chunk in stream])
        raw = await client.chat.completions.with_raw_response.create(
            **request("waits", "and the same bytes"), extra_headers=headers
        )
        body = b"".join([piece async for piece in raw.http_response.aiter_bytes()])
    assert text == TEXT
    # What it has read really was what it is known to choke on.
    assert body.count(b"\n:") >= 2
    assert (b"\nid:" in body or body.startswith(b"id:")) == bool(headers)


def test_trap_02_nothing_stands_in_a_block_without_data(service: Service) -> None:
    with asking_in_turn(service.scripted) as client:
        raw = client.chat.completions.with_raw_response.create(
            **request("quick", "openai-python looks"), extra_headers=RESUMABLE
        )
        body = raw.http_response.read()
        text = "".join(words(chunk) for chunk in client.chat.completions.create(**request("quick", "again")))
    blocks = [block for block in body.split(b"\n\n") if block]
    assert all(any(line.startswith(b"data:") for line in block.split(b"\n")) for block in blocks)
    assert text == TEXT


@pytest.mark.parametrize("leave", ["close", "block", "cancel"])
async def test_a_stream_that_is_cancelled_ends_the_models_work(service: Service, leave: str) -> None:
    text = f"openai-python leaves by {leave}"
    came: list[str] = []
    async with asking(service.scripted) as client:
        with anyio.CancelScope() as scope:
            stream = await client.chat.completions.create(**request("rambles", text))
            came += [words(await anext(stream)) for _ in range(5)]
            if leave == "cancel":
                scope.cancel()
                await anext(stream)
            if leave == "block":
                async with stream:
                    pass
            await stream.close()
        assert await anyio.to_thread.run_sync(service.upstream.is_left, text)
    assert service.upstream.endless.startswith("".join(came))


async def test_the_embedded_model_is_idle_when_its_reader_has_left(service: Service) -> None:
    async with asking(service.embedded) as client:
        stream = await client.chat.completions.create(
            **request("smollm2-135m", "Tell me a very long story.", max_tokens=1000)
        )
        async with stream:
            while not words(await anext(stream)):
                pass
            assert not service.is_idle()
        with anyio.fail_after(2):
            while not service.is_idle():  # noqa: ASYNC110 - another process, which tells nobody
                await anyio.sleep(0.01)


async def test_an_error_before_the_first_token_is_an_http_error(service: Service) -> None:
    async with asking(service.scripted) as client:
        with pytest.raises(openai.BadRequestError, match="no such thing here") as refused:
            await client.chat.completions.create(**request("refuses", "openai-python is refused"))
    assert refused.value.status_code == 400


@pytest.mark.parametrize("headers", [{}, RESUMABLE], ids=["no ids", "ids"])
async def test_trap_05_an_error_in_the_middle_is_an_exception(
    service: Service, headers: dict[str, str]
) -> None:
    came: list[str] = []
    async with asking(service.scripted) as client:
        stream = await client.chat.completions.create(
            **request("breaks", "openai-python sees it break"), extra_headers=headers
        )
        with pytest.raises(openai.APIError, match="the model fell over"):
            async for chunk in stream:
                came.append(words(chunk))  # noqa: PERF401 - what came before the error is asked for
    assert "".join(came)
    assert TEXT.startswith("".join(came))


def test_a_model_whose_connection_breaks_is_nothing_to_it(service: Service) -> None:
    with asking_in_turn(service.scripted) as client:
        stream = client.chat.completions.create(**request("cut once", "openai-python sees nothing"))
        text = "".join(words(chunk) for chunk in stream)
    assert text == TEXT
