"""Bytes to server-sent events: our decoder against those of httpx-sse and the SDK, and the whole way."""

import codecs
from collections.abc import AsyncIterable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from functools import partial
from typing import Any, Final

from openai._streaming import SSEDecoder as SDKDecoder

import rxstream as rxs
from benchmarks.documents import cut
from benchmarks.measure import Contender, Curve, Found, alone, compare, measure
from benchmarks.peers import load
from benchmarks.workloads import each, sse_reads, tokens
from rxstream.parsers.sse import parse_sse
from rxstream.sansio.sse import SSEDecoder

__all__ = ("ROW", "SIZES", "WORKLOADS", "body_of", "contenders", "lines", "whole_way")

ROW = "sse-decoding"
WORKLOADS = ("lf", "crlf", "huge")
#: Bytes of a chunk. The budget is for the first of them.
SIZES = (4, 64, 1024)
#: Those of the picture.
MORE_SIZES: Final = (1, 4, 16, 64, 256, 1024, 4096, 16384)
HTTPX_SSE: Final = ("httpx_sse", "httpx")  # the one imports the other, and does not say so

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
    return [
        alone("ours", partial(_ours, chunks)),
        alone("httpx-sse", partial(_httpx_sse, chunks), needs=HTTPX_SSE),
        alone("openai SDK", partial(_sdk, chunks)),
    ]


def whole_way(chunks: Sequence[bytes]) -> list[Contender]:
    """Give two with what stands around them, from the chunks of a body to ``async for``."""

    def ours() -> AbstractAsyncContextManager[AsyncIterable[Any]]:
        return rxs.open_stream(rxs.from_stream(lambda: each(chunks)).pipe(parse_sse()))

    def theirs() -> AbstractAsyncContextManager[AsyncIterable[Any]]:
        headers = {"content-type": "text/event-stream"}
        response = load("httpx").Response(200, headers=headers, content=each(chunks))
        return aclosing(load("httpx_sse").EventSource(response).aiter_sse())

    return [Contender("ours", ours), Contender("httpx-sse", theirs, HTTPX_SSE)]


def lines(*, quick: bool) -> list[Found]:
    """Measure the row."""
    length, rounds = (100_000, 2) if quick else (400_000, 6)
    found: list[Found] = []
    rate: dict[str, list[float]] = {}
    for workload in WORKLOADS:
        body = body_of(workload, length)
        for size in MORE_SIZES if workload == "lf" else SIZES:
            chunks = cut(body, size)
            cost = measure(contenders(chunks), len(chunks), rounds)
            if workload == "lf":
                for name, one in cost.items():
                    rate.setdefault(name, []).append(len(body) / len(chunks) / one.time * 1000)
            if size not in SIZES:
                continue
            budget = (1.5, 3) if (workload, size) == ("lf", 4) else (None, None)
            what = f"SSE decoding, {workload}, {size}-byte chunks"
            for peer in ("httpx-sse", "openai SDK"):
                judged = budget if peer == "httpx-sse" else (None, None)
                found.append(compare(ROW, what, peer, cost["ours"], cost[peer], "cheaper", *judged))
    chunks = cut(body_of("lf", length), 4)
    cost = measure(whole_way(chunks), len(chunks), rounds)
    what = "through parse_sse(), lf, 4-byte chunks"
    found.append(compare(ROW, what, "httpx-sse through httpx", cost["ours"], cost["httpx-sse"], "cheaper"))
    for name, rates in rate.items():
        found.append(Curve("throughput", "SSE", name, MORE_SIZES, rates, "bytes a chunk", "MB/s"))
    return found


def _ours(chunks: Sequence[bytes]) -> list[Any]:
    feed = SSEDecoder().feed
    events: list[Any] = []
    for chunk in chunks:
        for event in feed(chunk):
            events.append(event)  # noqa: PERF402 - the same loop for all
    return events


def _sdk(chunks: Sequence[bytes]) -> list[Any]:
    events: list[Any] = []
    for event in SDKDecoder().iter_bytes(iter(chunks)):
        events.append(event)  # noqa: PERF402 - the same loop for all
    return events


def _httpx_sse(chunks: Sequence[bytes]) -> list[Any]:
    # What `EventSource` does, without httpx: that decodes with the same decoder of the standard library.
    decoders = load("httpx_sse._decoders")
    to_text = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
    to_lines = decoders.SSELineDecoder().decode
    to_event = decoders.SSEDecoder().decode
    events: list[Any] = []
    for chunk in chunks:
        for line in to_lines(to_text(chunk)):
            event = to_event(line)
            if event is not None:
                events.append(event)
    return events
