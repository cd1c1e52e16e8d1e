"""Bytes to server-sent events: our decoder against those of httpx-sse, and the whole way of both."""

import codecs
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any

import httpx
from httpx_sse import EventSource
from httpx_sse._decoders import SSEDecoder as LinesToEvents
from httpx_sse._decoders import SSELineDecoder

import rxstream as rxs
from benchmarks.documents import cut
from benchmarks.measure import Contender, Line, measure
from benchmarks.workloads import each, sse_reads, tokens
from rxstream.parsers.sse import parse_sse
from rxstream.sansio.sse import SSEDecoder

__all__ = ("ROW", "SIZES", "WORKLOADS", "body_of", "contenders", "lines", "whole_way")

ROW = "sse-decoding"
WORKLOADS = ("lf", "crlf", "huge")
#: Bytes of a chunk. The budget is for the first of them.
SIZES = (4, 64, 1024)

Decode = Callable[[Sequence[bytes]], list[Any]]


def body_of(workload: str, size: int) -> bytes:
    """Return a recorded answer of about so many bytes, its line ends one or two bytes; or it in one event."""
    if workload == "huge":
        text = "".join(tokens(size // 4)).replace("\n", " ")
        return f"data: {text}\n\n".encode()
    body = b"".join(sse_reads(size // 250))
    return body.replace(b"\n", b"\r\n") if workload == "crlf" else body


def contenders(chunks: Sequence[bytes]) -> list[Contender]:
    """Give the decoders alone, without a loop around them: one item, the list of all events."""
    return [_alone("ours", _ours, chunks), _alone("httpx-sse", _httpx_sse, chunks)]


def whole_way(chunks: Sequence[bytes]) -> list[Contender]:
    """Give both with what stands around them, from the chunks of a body to ``async for``."""

    def ours() -> AbstractAsyncContextManager[AsyncIterable[Any]]:
        return rxs.open_stream(rxs.from_stream(lambda: each(chunks)).pipe(parse_sse()))

    def theirs() -> AbstractAsyncContextManager[AsyncIterable[Any]]:
        headers = {"content-type": "text/event-stream"}
        return aclosing(EventSource(httpx.Response(200, headers=headers, content=each(chunks))).aiter_sse())

    return [Contender("ours", ours), Contender("httpx-sse", theirs)]


def lines(*, quick: bool) -> list[Line]:
    """Measure the row."""
    length, rounds = (100_000, 3) if quick else (600_000, 8)
    found: list[Line] = []
    for workload in WORKLOADS:
        body = body_of(workload, length)
        for size in SIZES:
            chunks = cut(body, size)
            cost = measure(contenders(chunks), len(chunks), rounds)
            budget = (1.5, 3) if (workload, size) == ("lf", 4) else (None, None)
            what = f"SSE decoding, {workload}, {size}-byte chunks"
            found.append(Line(ROW, what, "httpx-sse", cost["ours"], cost["httpx-sse"], "cheaper", *budget))
    chunks = cut(body_of("lf", length), 4)
    cost = measure(whole_way(chunks), len(chunks), rounds)
    what = "through parse_sse(), lf, 4-byte chunks"
    found.append(Line(ROW, what, "httpx-sse through httpx", cost["ours"], cost["httpx-sse"], "cheaper"))
    return found


def _alone(name: str, decode: Decode, chunks: Sequence[bytes]) -> Contender:
    async def events() -> AsyncIterator[Any]:
        yield decode(chunks)

    def opened() -> AbstractAsyncContextManager[AsyncIterable[Any]]:
        stream: Any = events()  # an async generator, which has aclose()
        return aclosing(stream)

    return Contender(name, opened)


def _ours(chunks: Sequence[bytes]) -> list[Any]:
    feed = SSEDecoder().feed
    events: list[Any] = []
    for chunk in chunks:
        for event in feed(chunk):
            events.append(event)  # noqa: PERF402 - the same loop for both
    return events


def _httpx_sse(chunks: Sequence[bytes]) -> list[Any]:
    # What `EventSource` does, without httpx: that decodes with the same decoder of the standard library.
    to_text = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
    to_lines = SSELineDecoder().decode
    to_event = LinesToEvents().decode
    events: list[Any] = []
    for chunk in chunks:
        for line in to_lines(to_text(chunk)):
            event = to_event(line)
            if event is not None:
                events.append(event)
    return events
