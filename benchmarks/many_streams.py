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
from benchmarks.measure import Contender, Found, Line, compare, exhaust, measure
from benchmarks.sse_to_words import REQUEST, ways
from benchmarks.workloads import Spread, chat_client, sse_reads

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


def at_once(one: Contender, streams: int, spread: Spread, read: Read = exhaust) -> Contender:
    """Read so many of one kind at the same time. The items are what ``read`` makes of each stream."""

    async def outputs() -> AsyncIterator[Any]:
        for output in await asyncio.gather(*(read(one) for _ in range(streams))):
            yield output
        assert spread.most_open == streams, f"only {spread.most_open} streams were open at once"

    def opened() -> AbstractAsyncContextManager[Any]:
        stream: Any = outputs()  # an async generator, which has aclose()
        return aclosing(stream)

    return Contender(one.name, opened)


def contenders(streams: int, spread: Spread, read: Read = exhaust) -> list[Contender]:
    """Give all the ways, of so many streams each."""
    client = chat_client(sse_reads(LENGTH), spread)
    return [at_once(one, streams, spread, read) for one in all_ways(client)]


def lines(*, quick: bool) -> list[Found]:
    """Measure the row."""
    streams, rounds = 200 if quick else 1000, 2
    # More reads than one core can keep up with, whoever reads them: in each turn of the event loop some are
    # ready, as under load.
    spread = Spread(0.02, streams)
    few_at_once = contenders(10, Spread(0.0002, 10))
    for one in few_at_once:
        asyncio.run(exhaust(one))  # what is forked then has run before, and a round of all takes long
    few = measure(few_at_once, 10 * LENGTH, 5 * rounds, memory=False)
    cost = measure(contenders(streams, spread), streams * LENGTH, rounds, warm_up=False, memory=False)
    parts = {
        "request, waiting, bytes": cost["bytes"].time,
        "decoder": cost["decoded"].time - cost["bytes"].time,
        "words": cost["words"].time - cost["decoded"].time,
    }
    chain = {"timeout, retry, measure": cost["production"].time - cost["words"].time}
    what = f"{streams:,} streams at once, SSE to words, per chunk"
    whole = "the same, with timeout, retry, measure"
    against = "10 streams at once"
    found: list[Found] = [
        compare(ROW, what, SDK, cost["words"], cost["sdk"], "cheaper", parts=parts),
        compare(ROW, whole, SDK, cost["production"], cost["sdk"], "cheaper", parts=parts | chain),
        compare(ROW, what, against, cost["words"], few["words"], "of its cost"),
        compare(ROW, whole, against, cost["production"], few["production"], "of its cost"),
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
