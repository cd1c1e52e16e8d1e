"""Several real models at once: processes of their own, real sockets, and clocks on the wall."""

import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import anyio
import openai
import pytest

import rxstream as rxs
from rxstream.items import StreamChunk
from tests.resilience.relay import Relay, relaying
from tests.sources.clients import NO_TLS

pytestmark = pytest.mark.anyio

ASK: dict[str, Any] = {
    "model": rxs.LocalModel.model,
    "messages": [{"role": "user", "content": "Tell me a long story about a dragon."}],
    "max_tokens": 400,
    "temperature": 0,
}
#: What the issue asks for, in seconds.
SOON = 0.1


@asynccontextmanager
async def three_models() -> AsyncGenerator[list[tuple[Relay, openai.AsyncOpenAI]]]:
    """Run three servers, each behind a relay that knows its connections, and a client of each."""
    async with AsyncExitStack() as stack:
        found: list[tuple[Relay, openai.AsyncOpenAI]] = []
        for _ in range(3):
            model = await stack.enter_async_context(rxs.LocalModel())
            relay = await stack.enter_async_context(relaying(model.root_url))
            http = openai.DefaultAsyncHttpxClient(verify=NO_TLS)
            client = openai.AsyncOpenAI(
                base_url=relay.base_url, api_key="none", http_client=http, max_retries=0
            )
            found.append((relay, await stack.enter_async_context(client)))
        yield found


async def until_closed(relay: Relay) -> float:
    """Wait until nobody is connected; give the seconds that it took."""
    start = time.perf_counter()
    with anyio.fail_after(10):
        while relay.connections:  # noqa: ASYNC110 - it is seen from the other side of a socket
            await anyio.sleep(0.002)
    return time.perf_counter() - start


async def test_of_three_models_the_first_word_wins_and_the_others_are_closed() -> None:
    lost: list[rxs.Lost] = []
    async with three_models() as models:
        first, *others = (rxs.from_chat(client, **ASK) for _, client in models)
        chunks: list[StreamChunk] = []
        async with rxs.open_stream(first.pipe(rxs.race_streams(*others, on_lost=lost.append))) as items:
            async for chunk in items:
                chunks.append(chunk)
                if chunk.content and len(lost) == 2 and len(chunks) < 4:
                    (winner,) = {0, 1, 2} - {one.source for one in lost}
                    for number, (relay, _) in enumerate(models):
                        if number != winner:
                            assert await until_closed(relay) < SOON
                    assert models[winner][0].connections == 1
                if len(chunks) == 30:
                    break
        assert [one.error for one in lost] == [None, None]
        assert all(one.usage.estimated for one in lost)
        assert [chunk.index for chunk in chunks] == list(range(30))
        for relay, _ in models:
            assert await until_closed(relay) < SOON


async def test_a_slow_model_is_hedged_and_left() -> None:
    async with three_models() as models:
        relay, client = models[0]
        slow = {**ASK, "messages": [{"role": "user", "content": "word " * 1500}]}
        lost: list[rxs.Lost] = []
        calls = 0

        def request() -> Any:
            """Ask something that takes long to be read at first, and something short the next time."""
            nonlocal calls
            calls += 1
            return rxs.open_stream(
                rxs.from_chat(client if calls == 1 else models[1][1], **(slow if calls == 1 else ASK))
            )

        async def source() -> AsyncGenerator[StreamChunk]:
            async with request() as items:
                async for chunk in items:
                    yield chunk

        hedged = rxs.from_stream(source).pipe(rxs.hedge_stream(0.3, on_lost=lost.append))
        async with rxs.open_stream(hedged) as items:
            async for chunk in items:
                if chunk.content:
                    break
            assert [one.source for one in lost] == [0]
            assert await until_closed(relay) < SOON
        assert calls == 2


async def test_where_one_model_is_dead_the_next_one_answers() -> None:
    async with three_models() as models:
        dead, silent, alive = models
        dead[0].target = "http://127.0.0.1:1"
        silent_answer = rxs.from_chat(silent[1], **{**ASK, "max_tokens": 400}).pipe(
            rxs.timeout_stream(first=0.001)
        )
        answer = rxs.from_chat(dead[1], **ASK).pipe(
            rxs.fallback_to(silent_answer, rxs.from_chat(alive[1], **{**ASK, "max_tokens": 20}))
        )
        result = await rxs.collect(answer)
        assert result.finish_reason == "length"
        assert result.content
        assert await until_closed(silent[0]) < SOON


async def test_three_answers_come_together() -> None:
    async with three_models() as models:
        asked = {**ASK, "max_tokens": 20}
        answers: Any = {
            f"model {number}": rxs.from_chat(client, **asked) for number, (_, client) in enumerate(models)
        }
        texts: dict[int | str, str] = dict.fromkeys(answers, "")
        together: Any = rxs.from_streams
        async with rxs.open_stream(together(**answers)) as items:
            async for name, chunk in items:
                texts[name] += chunk.content
        assert len(set(texts.values())) == 1
        assert len(texts["model 0"]) > 40
