"""A thousand answers at once in one process: CPU time per chunk, and memory per stream."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from pathlib import Path
from typing import Any

import openai

import rxstream as rxs
from benchmarks.bare_chain import production
from benchmarks.measure import Contender, Line, exhaust, measure
from benchmarks.sse_to_words import REQUEST, ways
from benchmarks.workloads import Play, Spread, chat_client, sse_reads

__all__ = ("LENGTH", "RESIDENT", "ROW", "all_ways", "at_once", "contenders", "lines", "memory")

ROW = "many-streams"
SDK = "openai SDK, bare async for"
#: Chunks of each answer.
LENGTH = 60
#: Where Linux tells how much memory a process takes.
RESIDENT = Path("/proc/self/statm")

Read = Callable[[Contender], Awaitable[Any]]


def all_ways(client: openai.AsyncOpenAI) -> list[Contender]:
    """Give the ways of ``sse_to_words``, and the one that an answer in production takes."""

    def in_production() -> AbstractAsyncContextManager[Any]:
        return rxs.open_stream(production(rxs.from_chat(client, **REQUEST)).pipe(rxs.buffer_words()))

    return [*ways(client), Contender("production", in_production)]


def at_once(one: Contender, streams: int, read: Read = exhaust) -> Contender:
    """Read so many of one kind at the same time. The items are what ``read`` makes of each stream."""

    async def outputs() -> AsyncIterator[Any]:
        for output in await asyncio.gather(*(read(one) for _ in range(streams))):
            yield output

    def opened() -> AbstractAsyncContextManager[Any]:
        stream: Any = outputs()  # an async generator, which has aclose()
        return aclosing(stream)

    return Contender(one.name, opened)


def contenders(streams: int, play: Play, read: Read = exhaust) -> list[Contender]:
    """Give all the ways, of so many streams each."""
    client = chat_client(sse_reads(LENGTH), play)
    return [at_once(one, streams, read) for one in all_ways(client)]


def lines(*, quick: bool) -> list[Line]:
    """Measure the row."""
    streams, rounds = 200 if quick else 1000, 2
    # More reads than one core can keep up with, whoever reads them: in each turn of the event loop some are
    # ready, as under load. And long enough that all streams are open before one ends.
    spread = Spread(pause=0.02)
    few = measure(contenders(10, Spread(pause=0.0002)), 10 * LENGTH, 5 * rounds)
    cost = measure(contenders(streams, spread), streams * LENGTH, rounds, warm_up=False)
    assert spread.most_open == streams, f"only {spread.most_open} streams were open at once"
    parts = {
        "request, waiting, bytes": cost["bytes"],
        "decoder": cost["decoded"] - cost["bytes"],
        "words": cost["words"] - cost["decoded"],
    }
    chain = {"timeout, retry, measure": cost["production"] - cost["words"]}
    what = f"{streams:,} streams at once, SSE to words, per chunk"
    whole = "the same, with timeout, retry, measure"
    found = [
        Line(ROW, what, SDK, cost["words"], cost["sdk"], "cheaper", parts=parts),
        Line(ROW, whole, SDK, cost["production"], cost["sdk"], "cheaper", parts=parts | chain),
        Line(ROW, what, "10 streams at once", cost["words"], few["words"], "of its cost"),
        Line(ROW, whole, "10 streams at once", cost["production"], few["production"], "of its cost"),
    ]
    # To trace takes long, and what it counts for a stream is the same for however many.
    for how, name, count in (
        ("traced", "Python's memory", streams // 5),
        ("resident", "resident memory", streams),
    ):
        if how == "resident" and not RESIDENT.exists():
            continue
        size = {way: memory(way, how, count) for way in ("sdk", "bytes", "words", "production")}
        for way, then in (("words", ""), ("production", ", timeout, retry, measure")):
            inside = {"request and bytes": size["bytes"], "the rest": size[way] - size["bytes"]}
            what = f"{name} of an open stream{then}"
            found.append(Line(ROW, what, SDK, size[way], size["sdk"], "cheaper", parts=inside, unit="bytes"))
    return found


def memory(way: str, how: str, streams: int) -> float:
    """Return what one of so many open streams takes in memory, in bytes; measured in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.open_streams", way, how, str(streams)]
    root = Path(__file__).parent.parent
    done = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    found: float = json.loads(done.stdout)
    return found
