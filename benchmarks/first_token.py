"""How late a reader has the first token, from when its bytes are there."""

import asyncio
import re
from collections.abc import AsyncIterator, Generator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from functools import partial
from statistics import median, quantiles
from time import perf_counter_ns
from typing import Any, Final

import openai
from reactivex import operators as ops

import rxstream as rxs
from benchmarks.bare_chain import production
from benchmarks.measure import Contender, Curve, Found, Line
from benchmarks.sse_to_words import REQUEST, ways
from benchmarks.workers import Job, workers
from benchmarks.workloads import chat_client, sse_reads

__all__ = ("CHAIN", "OURS", "ROW", "SDK", "Arrival", "contenders", "lines", "take")

ROW: Final = "first-token"
SDK: Final = "openai SDK, bare async for"
OURS: Final = "ours"
CHAIN: Final = "ours, seven operators"
PERCENT: Final = tuple(range(1, 100))
#: Answers of a turn.
REPEATED: Final = 100
KEY: Final = re.compile(r"sk-\d{6}")


class Arrival:
    """Plays the reads of an answer, each after a turn of the event loop, and notes when a text's came."""

    def __init__(self) -> None:
        self.at = 0

    async def __call__(self, reads: Sequence[bytes]) -> AsyncIterator[bytes]:
        for number, read in enumerate(reads):
            await asyncio.sleep(0)
            if number == 1:  # behind the one that says whose turn it is
                self.at = perf_counter_ns()
            yield read


def contenders(client: openai.AsyncOpenAI) -> list[Contender]:
    """Give the SDK's loop, ours, and ours with all that an answer in production may have behind it."""
    by_name = {one.name: one.open for one in ways(client)}

    def chain() -> AbstractAsyncContextManager[Any]:
        answer = production(rxs.from_chat(client, **REQUEST)).pipe(
            rxs.split_reasoning(), ops.filter(_has_text), rxs.redact(KEY), rxs.transform(str.upper)
        )
        return rxs.open_stream(answer)

    return [Contender(SDK, by_name["sdk"]), Contender(OURS, by_name["decoded"]), Contender(CHAIN, chain)]


def lines(*, quick: bool) -> list[Found]:
    """Measure the row: each way some thousand times, in turns of a hundred."""
    turns = 4 if quick else 20
    arrival = Arrival()
    all_of_them = contenders(chat_client(sse_reads(20), arrival))
    took: dict[str, list[float]] = {one.name: [] for one in all_of_them}
    with workers({one.name: partial(_turns, one, arrival) for one in all_of_them}) as ask:
        for turn in range(turns + 1):
            for name, times in took.items():
                found = ask(name, "take")
                if turn:  # the first is for imports, caches and specialised bytecode
                    times.extend(found)
    middle = {name: median(times) for name, times in took.items()}
    what = "from the first token's bytes to its reader, median"
    curves = [
        Curve("first-token", "", name, PERCENT, quantiles(times, n=100), "percent of answers", "ns at most")
        for name, times in took.items()
    ]
    return [
        Line(ROW, what, SDK, middle[OURS], middle[SDK], "cheaper"),
        Line(ROW, "the same, with seven operators", SDK, middle[CHAIN], middle[SDK], "cheaper"),
        *curves,
    ]


async def take(contender: Contender, arrival: Arrival) -> tuple[str, int]:
    """Read an answer until there is text, and no further; give that, and how late it was, in nanoseconds."""
    async with contender.open() as items:
        async for item in items:
            text = text_of(item)
            if text:
                return text, perf_counter_ns() - arrival.at
    raise AssertionError("the answer has no text")


def text_of(item: Any) -> str:
    """Return the text of a chunk, the SDK's or ours."""
    return item.content if isinstance(item, rxs.StreamChunk) else item.choices[0].delta.content or ""


def _has_text(chunk: rxs.StreamChunk) -> bool:
    return bool(chunk.content)


@contextmanager
def _turns(contender: Contender, arrival: Arrival) -> Generator[Job]:
    async def some() -> list[int]:
        return [(await take(contender, arrival))[1] for _ in range(REPEATED)]

    with asyncio.Runner() as runner:
        yield lambda _: runner.run(some())
