"""Reading a stream of events over HTTP: ``from_sse`` against httpx-sse, and httpx2's own, on httpx2."""

from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx2

import rxstream as rxs
from benchmarks.event_server import serving
from benchmarks.measure import Contender, Found, compare, measure
from benchmarks.peers import load
from benchmarks.workloads import sse_reads
from rxstream.transports.from_sse import from_sse

__all__ = ("ROW", "contenders", "lines")

ROW = "sse-reading"
#: Longer than it takes to read an event: each comes in a network read of its own, as those of a model do.
PAUSE = 0.0005


def contenders(url: str) -> list[Contender]:
    """Give the readers of the events at a URL: a client each, as somebody has who reads one stream."""

    def ours() -> AbstractAsyncContextManager[AsyncIterable[Any]]:
        return rxs.open_stream(from_sse(url, dialect=None))

    def named() -> AbstractAsyncContextManager[AsyncIterable[Any]]:
        return rxs.open_stream(from_sse(url, dialect="openai"))

    @asynccontextmanager
    async def responding() -> AsyncGenerator[httpx2.Response]:
        limits = httpx2.Timeout(60.0)
        async with (
            httpx2.AsyncClient(verify=False, timeout=limits) as client,
            client.stream("GET", url, headers={"Accept": "text/event-stream"}) as response,
        ):
            yield response

    @asynccontextmanager
    async def httpx_sse() -> AsyncGenerator[AsyncIterable[Any]]:
        async with responding() as response:
            # It is written for httpx, and works with what looks like it.
            yield load("httpx_sse").EventSource(response).aiter_sse()

    @asynccontextmanager
    async def httpx2_sse() -> AsyncGenerator[AsyncIterable[Any]]:
        async with responding() as response:
            yield httpx2.EventSource(response)

    @asynccontextmanager
    async def alone() -> AsyncGenerator[AsyncIterable[Any]]:
        async with responding() as response:
            yield response.aiter_raw()

    return [
        Contender("ours", ours),
        Contender("chunks", named),
        Contender("httpx-sse", httpx_sse, ("httpx_sse", "httpx")),
        Contender("httpx2", httpx2_sse),
        Contender("bytes", alone),
    ]


def lines(*, quick: bool) -> list[Found]:
    """Measure the row."""
    count, rounds = (400, 2) if quick else (2000, 3)
    found: list[Found] = []
    for pause, how in ((PAUSE, "each in a read of its own"), (0.0, "many in a read")):
        with serving(sse_reads(count - 1), pause) as url:
            cost = measure(contenders(url), count, rounds)
        parts = {
            "bytes alone": cost["bytes"].time,
            "events": cost["ours"].time - cost["bytes"].time,
        }
        what = f"from_sse(), {how}"
        found += [
            compare(
                ROW, what, "httpx-sse on httpx2", cost["ours"], cost["httpx-sse"], "cheaper", parts=parts
            ),
            compare(ROW, what, "httpx2's own EventSource", cost["ours"], cost["httpx2"], "cheaper"),
            compare(
                ROW,
                f"{what}, as chunks",
                "httpx-sse, events only",
                cost["chunks"],
                cost["httpx-sse"],
                "cheaper",
            ),
        ]
    return found
