"""What the contenders work on: the same for all, and in every run."""

import random
from collections.abc import AsyncIterator, Sequence
from typing import Any, AnyStr

import httpx2
import openai
from jiter import from_json

from tests.recordings import load

__all__ = ("chat_client", "each", "numbers", "sse_reads", "tokens")

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


async def each(texts: Sequence[AnyStr]) -> AsyncIterator[AnyStr]:
    """Give texts or bytes, each ready at once."""
    for text in texts:
        yield text


def chat_client(reads: Sequence[bytes]) -> openai.AsyncOpenAI:
    """Make a client of the openai package whose every request is answered with that body."""

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=_Body(reads))

    return openai.AsyncOpenAI(
        api_key="none",
        base_url="http://recorded.invalid/v1",
        max_retries=0,
        http_client=httpx2.AsyncClient(transport=httpx2.MockTransport(answer)),
    )


class _Body(httpx2.AsyncByteStream):
    def __init__(self, reads: Sequence[bytes]) -> None:
        self._reads = reads

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for read in self._reads:
            yield read


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
