"""What the contenders work on: the same for all, and in every run."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, TypeVar

import httpx2
import openai
from jiter import from_json

from rxstream.items import StreamChunk
from rxstream.sansio.chat import ChatDecoder
from tests.recordings import load

__all__ = ("Play", "Spread", "awaited", "chat_client", "chunks", "each", "numbers", "sse_reads", "tokens")

T = TypeVar("T")
Play = Callable[[Sequence[bytes]], AsyncIterator[bytes]]

SEED = 20261122

#: A long answer, one token a read, and shorter ones of other kinds: prose, a list, code, other scripts.
LONG = "21-context-full-midstream"
ANSWERS = ("01-prose", "02-list", "03-code-python", "04-code-js", "10-multibyte", LONG)


def sse_reads(chunks: int) -> list[bytes]:
    """Return the HTTP body of an answer of so many chunks, one event a read, as the network gives it.

    The middle of the recorded answer is repeated until it is long enough; its first event (the role) and its
    last ones (the finish reason, the usage, ``[DONE]``) stay where they are.
    """
    events = _events(LONG)
    with_text = [number for number, event in enumerate(events) if _text(event)]
    first, last = with_text[0], with_text[-1]
    start, middle, end = events[:first], events[first : last + 1], events[last + 1 :]
    wanted = chunks - len(start) - (len(end) - 1)  # [DONE] is an event, but no chunk
    if wanted < 1:
        raise ValueError(f"expected at least {chunks - wanted + 1} chunks, for start and end; got {chunks}")
    return start + [middle[n % len(middle)] for n in range(wanted)] + end


def chunks(count: int) -> list[StreamChunk]:
    """Return the chunks of such an answer, decoded, as ``from_chat`` gives them."""
    decoder = ChatDecoder(expects_usage=True)
    return [chunk for read in sse_reads(count) for chunk in decoder.feed(read)]


def tokens(count: int) -> list[str]:
    """Return the texts of recorded chunks, of several answers in a random order that is always the same."""
    answers = [[text for event in _events(name) if (text := _text(event))] for name in ANSWERS]
    order = random.Random(SEED)
    texts: list[str] = []
    while len(texts) < count:
        texts += order.choice(answers)
    return texts[:count]


async def numbers(count: int) -> AsyncIterator[int]:
    """Give numbers, each ready at once."""
    for number in range(count):
        yield number


async def each(items: Sequence[T]) -> AsyncIterator[T]:
    """Give items, each ready at once."""
    for item in items:
        yield item


async def awaited(items: Sequence[T]) -> AsyncIterator[T]:
    """Give items, each after a turn of the event loop: a source that waits, but for no time at all."""
    for item in items:
        await asyncio.sleep(0)
        yield item


class Spread:
    """Plays the reads of answers with a pause before each, from when so many answers are open."""

    def __init__(self, pause: float, streams: int) -> None:
        self._pause = pause
        self._streams = streams
        self._random = random.Random(SEED)
        self._open = 0
        # Set when all are; a new one for those that are asked for together, in whatever event loop.
        self._all_open: asyncio.Event
        #: How many were.
        self.most_open = 0

    async def __call__(self, reads: Sequence[bytes]) -> AsyncIterator[bytes]:
        if not self._open:
            self._all_open = asyncio.Event()
        self._open += 1
        self.most_open = max(self.most_open, self._open)
        if self._open == self._streams:
            self._all_open.set()
        try:
            # The first may be over before the last is asked for: on a fast machine, or with imports to do.
            await self._all_open.wait()
            # Those that were asked for together do not come together.
            await asyncio.sleep(self._pause * self._random.random())
            for read in reads:
                await asyncio.sleep(self._pause)
                yield read
        finally:
            self._open -= 1


def chat_client(reads: Sequence[bytes], play: Play = each) -> openai.AsyncOpenAI:
    """Make a client of the openai package whose every request is answered with that body."""

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=_Body(reads, play))

    return openai.AsyncOpenAI(
        api_key="none",
        base_url="http://recorded.invalid/v1",
        max_retries=0,
        http_client=httpx2.AsyncClient(transport=httpx2.MockTransport(answer)),
    )


class _Body(httpx2.AsyncByteStream):
    def __init__(self, reads: Sequence[bytes], play: Play) -> None:
        self._reads: Any = play(reads)  # an async generator, which has aclose()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._reads  # type: ignore[no-any-return]

    async def aclose(self) -> None:
        # Whoever knows at [DONE] that it is over does not read to the end.
        await self._reads.aclose()


def _events(name: str) -> list[bytes]:
    body = load(name).body
    return [event + b"\n\n" for event in body.split(b"\n\n") if event]


def _text(event: bytes) -> str:
    """Return what a recorded event adds to the answer."""
    data = event.removeprefix(b"data: ").strip()
    decoded: Any = {} if data == b"[DONE]" else from_json(data)
    choices: Any = decoded.get("choices") or [{}]
    text: str | None = choices[0].get("delta", {}).get("content")
    return text or ""
