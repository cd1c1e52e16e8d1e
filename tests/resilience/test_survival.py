"""The embedded model, its process and its connections killed in the middle of an answer."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import openai
import pytest

import rxstream as rxs
from rxstream.items import Attempt, StreamChunk, StreamResult
from rxstream.resilience.backoff import Backoff
from rxstream.resilience.retry import retry_stream
from rxstream.resilience.timeout import timeout_stream
from rxstream.sansio.seam import safe_prefix
from tests.parsers.test_structured_answers import TOOLS_TEMPLATE, WEATHER, Cities
from tests.resilience.relay import Relay, relaying
from tests.sources.clients import NO_TLS

pytestmark = pytest.mark.anyio

SCHEMA = {"name": "cities", "schema": Cities.model_json_schema()}
ASKED: dict[str, dict[str, Any]] = {
    "prose": {
        "messages": [{"role": "user", "content": "Write a short paragraph about why people like the sea."}],
        "max_tokens": 100,
    },
    "json": {
        "messages": [{"role": "user", "content": "Name three large cities and their populations, as JSON."}],
        "response_format": {"type": "json_schema", "json_schema": SCHEMA},
        "max_tokens": 200,
    },
    "tool": {
        "messages": [
            {"role": "user", "content": "What is the weather in Paris for 3 days?"},
            # Without it so small a model calls nothing.
            {"role": "assistant", "content": "<tool_call>\n"},
        ],
        "tools": [WEATHER],
        "tool_choice": "required",
        "max_tokens": 120,
    },
}
#: How many cuts of one answer; twenty hold as well, and take longer.
CUTS = 8


def ask(kind: str) -> dict[str, Any]:
    return {"model": rxs.LocalModel.model, "temperature": 0, "seed": 7, **ASKED[kind]}


def local_model(kind: str) -> rxs.LocalModel:
    return rxs.LocalModel(chat_template=TOOLS_TEMPLATE if kind == "tool" else None)


@asynccontextmanager
async def client_at(base_url: str) -> AsyncGenerator[openai.AsyncOpenAI]:
    http = openai.DefaultAsyncHttpxClient(verify=NO_TLS)
    async with openai.AsyncOpenAI(
        base_url=base_url, api_key="none", http_client=http, max_retries=0
    ) as client:
        yield client


async def survive(
    client: openai.AsyncOpenAI, kind: str, after: int, kill: Callable[[], Awaitable[None]]
) -> tuple[list[StreamChunk], list[str]]:
    """Read an answer, and have something killed when so many chunks of it have come."""
    told: list[str] = []

    def tell(attempt: Attempt) -> None:
        told.append(attempt.rung)

    answer = rxs.from_chat(client, **ask(kind)).pipe(
        timeout_stream(first=60, gap=60),
        retry_stream(9, backoff=Backoff(base=0.1, jitter=lambda: 1.0), on_attempt=tell),
    )
    chunks: list[StreamChunk] = []
    async with rxs.open_stream(answer) as items:
        async for chunk in items:
            chunks.append(chunk)
            if len(chunks) == after:
                await kill()
    return chunks, told


async def what_it_says_to(client: Any, kind: str, sent: str) -> str:
    """Ask the model itself to go on, without any of our operators."""
    request = ask(kind)
    messages = [*request.pop("messages"), {"role": "assistant", "content": sent}]
    stream: Any = await client.chat.completions.create(messages=messages, stream=True, **request)
    async with stream:
        texts: list[str] = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
    return "".join(texts)


async def check_one_answer(
    base_url: str, kind: str, chunks: list[StreamChunk], cut: int, reference: StreamResult
) -> None:
    """Check that the reader got one whole answer: nothing doubled, nothing missing.

    ``base_url`` is that of a server in the state in which the rest was asked of one.
    """
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    result = await rxs.collect(rxs.from_stream(chunks))
    assert result.finish_reason is not None
    if kind == "tool":
        assert [(call.name, call.arguments) for call in result.tool_calls] == [
            (call.name, call.arguments) for call in reference.tool_calls
        ]
        return
    delivered = "".join(chunk.content for chunk in chunks[:cut])
    assert result.content.startswith(delivered)
    if kind == "json":
        # Cut, its beginning is read in other tokens than it was written in, and so small a model may
        # think of another number for it. The document is one, and whole.
        assert len(Cities.model_validate(json.loads(result.content)).cities) == 3
        return
    if result.content != reference.content:
        # Where two words are as good as each other, reading and writing may differ in the last bit.
        sent = safe_prefix(delivered)
        async with client_at(base_url) as client:
            assert result.content == sent + await what_it_says_to(client, kind, sent)


def cuts_of(reference: list[StreamChunk], count: int) -> list[int]:
    last = max(number for number, chunk in enumerate(reference) if chunk.content or chunk.tool_calls)
    places = range(2, last)  # behind the role and the first word, before the last one
    return sorted({places[len(places) * number // count] for number in range(count)})


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("kind", ASKED)
async def test_an_answer_survives_its_connection(kind: str) -> None:
    async with local_model(kind) as model, relaying(model.root_url) as relay:
        await kill_connections(relay, kind, CUTS)


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_an_answer_survives_its_connection_on_trio(local_model: rxs.LocalModel) -> None:
    async with relaying(local_model.root_url) as relay:
        await kill_connections(relay, "prose", 4)


async def kill_connections(relay: Relay, kind: str, count: int) -> None:
    async with client_at(relay.base_url) as client:
        reference = await rxs.to_list(rxs.from_chat(client, **ask(kind)))
        whole = await rxs.collect(rxs.from_stream(reference))
        for cut in cuts_of(reference, count):
            chunks, told = await survive(client, kind, cut, relay.cut)
            # A kept-alive connection may have died with the last one: that is a plain retry.
            assert [rung for rung in told if rung != "again"] == [
                "first",
                "align" if kind == "tool" else "continue",
            ]
            await check_one_answer(relay.base_url, kind, chunks, cut, whole)


@pytest.mark.parametrize(
    ("anyio_backend", "kind"), [*(("asyncio", kind) for kind in ASKED), ("trio", "prose")]
)
async def test_an_answer_survives_its_server(kind: str) -> None:
    async with relaying("127.0.0.1:1") as relay, anyio.create_task_group() as tasks:
        servers: list[rxs.LocalModel] = []

        async def run_server(*, task_status: Any = anyio.TASK_STATUS_IGNORED) -> None:
            async with local_model(kind) as model:
                servers.append(model)
                relay.target = model.root_url
                task_status.started()
                await anyio.sleep_forever()

        async def kill() -> None:
            """Kill the server; another one is there a little later."""
            await servers[-1].kill()
            tasks.start_soon(run_server)

        await tasks.start(run_server)
        async with client_at(relay.base_url) as client:
            reference = await rxs.to_list(rxs.from_chat(client, **ask(kind)))
            whole = await rxs.collect(rxs.from_stream(reference))
            for cut in cuts_of(reference, 2):
                chunks, told = await survive(client, kind, cut, kill)
                assert told[-1] == ("align" if kind == "tool" else "continue")
                async with local_model(kind) as fresh:
                    await check_one_answer(fresh.base_url, kind, chunks, cut, whole)
        assert len(servers) == 3
        tasks.cancel_scope.cancel()
