"""A whole request: from the bytes of the network to words."""

from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import openai

import rxstream as rxs
from benchmarks.measure import Contender, Found, compare, measure
from benchmarks.workloads import chat_client, sse_reads

__all__ = ("REQUEST", "ROW", "contenders", "lines", "ways")

ROW = "sse-to-words"
REQUEST: dict[str, Any] = {
    "model": "smollm2-135m",
    "messages": [{"role": "user", "content": "Tell me a story."}],
}


def contenders(chunks: int) -> list[Contender]:
    """Give all the ways to read an answer of so many chunks."""
    return ways(chat_client(sse_reads(chunks)))


def ways(client: openai.AsyncOpenAI) -> list[Contender]:
    """Give the SDK's loop, ours, and two that stop half-way, to see what costs what."""

    @asynccontextmanager
    async def sdk() -> AsyncGenerator[AsyncIterable[Any], None]:
        async with await _stream(client) as stream:
            yield stream

    @asynccontextmanager
    async def raw_bytes() -> AsyncGenerator[AsyncIterable[Any], None]:
        request = client.chat.completions.with_streaming_response.create(**REQUEST, stream=True)
        async with request as response:
            yield response.iter_bytes()

    def decoded() -> AbstractAsyncContextManager[AsyncIterable[Any]]:
        return rxs.open_stream(rxs.from_chat(client, **REQUEST))

    def words() -> AbstractAsyncContextManager[AsyncIterable[Any]]:
        return rxs.open_stream(rxs.from_chat(client, **REQUEST).pipe(rxs.buffer_words()))

    return [
        Contender("sdk", sdk),
        Contender("bytes", raw_bytes),
        Contender("decoded", decoded),
        Contender("words", words),
    ]


def lines(*, quick: bool) -> list[Found]:
    """Measure the row."""
    chunks = 1500 if quick else 5000
    cost = measure(contenders(chunks), chunks, 3 if quick else 8)
    parts = {
        "bytes alone": cost["bytes"].time,
        "decoder": cost["decoded"].time - cost["bytes"].time,
        "words": cost["words"].time - cost["decoded"].time,
    }
    return [
        compare(
            ROW,
            "SSE bytes to words, per chunk",
            "openai SDK, bare async for",
            cost["words"],
            cost["sdk"],
            "cheaper",
            minimum=12,
            aim=25,
            parts=parts,
        ),
    ]


async def _stream(client: openai.AsyncOpenAI) -> Any:
    return await client.chat.completions.create(**REQUEST, stream=True)
