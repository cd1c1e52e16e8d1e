"""A real model at the other end: the answer is the SDK's own, and the server idle when it is left."""

import json
import time
import urllib.request
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import openai
import pytest
import reactivex
from anyio.to_thread import run_sync
from reactivex import operators as ops

import rxstream as rxs
from tests.sources.clients import NO_TLS, Kind
from tests.sources.test_body import (
    Leave,
    by_a_mapper_error,
    by_an_error_of_the_consumer,
    by_break,
    by_cancellation,
    by_take,
)

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("kind", ["async", "sync"])]

#: What is measured is some 30 ms; a machine may be busy.
SOON = 1.0


@asynccontextmanager
async def asking(kind: Kind, model: rxs.LocalModel) -> AsyncGenerator[Any]:
    options: dict[str, Any] = {"base_url": model.base_url, "api_key": "none"}
    if kind == "async":
        http = openai.DefaultAsyncHttpxClient(verify=NO_TLS)
        async with openai.AsyncOpenAI(**options, http_client=http) as client:
            yield client
    else:
        with openai.OpenAI(**options, http_client=openai.DefaultHttpxClient(verify=NO_TLS)) as client:
            yield client


def ask(prompt: str, max_tokens: int) -> dict[str, Any]:
    return {
        "model": rxs.LocalModel.model,
        "messages": [{"role": "user", "content": prompt}],
        "temperature": 0,
        "max_tokens": max_tokens,
    }


async def is_idle(model: rxs.LocalModel) -> bool:
    def slots() -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{model.root_url}/slots", timeout=10) as response:
            found: list[dict[str, Any]] = json.load(response)
            return found

    return not any(slot["is_processing"] for slot in await run_sync(slots))


async def seconds_until_idle(model: rxs.LocalModel) -> float:
    left = time.perf_counter()
    while not await is_idle(model):
        if time.perf_counter() - left > 30:
            break
        await anyio.sleep(0.002)
    return time.perf_counter() - left


async def test_it_collects_what_the_sdks_own_loop_finds(local_model: rxs.LocalModel, kind: Kind) -> None:
    request = ask("What is the capital of France? Answer in one sentence.", 40)
    content, reason, usage = "", None, None
    # By hand, and with the synchronous client on both backends: the oracle is to be plain.
    async with asking("sync", local_model) as client:
        options = {"include_usage": True}
        for chunk in client.chat.completions.create(**request, stream=True, stream_options=options):
            usage = chunk.usage or usage
            for choice in chunk.choices:
                content += choice.delta.content or ""
                reason = choice.finish_reason or reason
    async with asking(kind, local_model) as client:
        result = await rxs.collect(rxs.from_chat(client, **request))
    assert usage is not None
    assert result.usage is not None
    assert "Paris" in result.content
    assert (result.content, result.finish_reason) == (content, reason)
    assert (result.usage.prompt_tokens, result.usage.completion_tokens) == (
        usage.prompt_tokens,
        usage.completion_tokens,
    )
    assert result.total_tokens == usage.total_tokens


async def by_a_timeout_of_the_task(answer: Any) -> None:
    with pytest.raises(TimeoutError):
        with anyio.fail_after(0.3):
            await rxs.to_list(answer)


async def by_a_timeout_of_the_stream(answer: Any) -> None:
    """The total time of the answer, by stock operators: the items until a timer fires."""
    items = await rxs.to_list(answer.pipe(ops.take_until(reactivex.timer(0.3))))
    assert items


@pytest.mark.parametrize(
    "leave",
    [
        by_break,
        by_take,
        by_a_mapper_error,
        by_an_error_of_the_consumer,
        by_cancellation,
        by_a_timeout_of_the_task,
        by_a_timeout_of_the_stream,
    ],
)
async def test_the_server_is_idle_soon_after_the_answer_is_left(
    local_model: rxs.LocalModel, kind: Kind, leave: Leave
) -> None:
    async with asking(kind, local_model) as client:
        answer = rxs.from_chat(client, **ask("Tell me a long story about a dragon.", 1500))
        await leave(answer)
        assert await seconds_until_idle(local_model) < SOON
