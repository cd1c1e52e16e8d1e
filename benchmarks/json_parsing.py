"""JSON that is being written, and JSON in prose, in 4-character chunks."""

import json
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any

import jiter

import rxstream as rxs
from benchmarks.documents import cut, one_string, prose, records
from benchmarks.measure import Contender, Line, measure
from benchmarks.workloads import each
from benchmarks.worst_documents import cost
from rxstream.sansio.partial_json import PartialDocument

__all__ = ("GROWTH_ROW", "PARTIAL_ROW", "VALUES_ROW", "growth", "partial", "values")

PARTIAL_ROW = "partial-json"
GROWTH_ROW = "partial-json-growth"
VALUES_ROW = "json-values"

#: An exponent of 1.1 over three decades, and one of 1.05.
AT_MOST, AIM = 10**0.3, 10**0.15


def machine_cost(chunks: Sequence[str], rounds: int) -> float:
    """Return what the machine takes for a chunk, in nanoseconds of CPU time, its items read and dropped."""
    return min(cost(PartialDocument, chunks) for _ in range(rounds)) / len(chunks)


def following(chunks: Sequence[str], *, values: bool = False) -> Contender:
    """Follow a document; with ``values`` ask for a snapshot after each chunk that brought something."""

    def ours() -> AbstractAsyncContextManager[AsyncIterable[Any]]:
        items = rxs.open_stream(rxs.from_stream(lambda: each(chunks)).pipe(rxs.parse_partial_json()))
        asking: Any = _asking(items)
        return aclosing(asking) if values else items

    return Contender("ours", ours)


async def _asking(opened: Any) -> AsyncIterator[Any]:
    async with opened as items:
        async for item in items:
            yield item.value


def jiter_per_chunk(chunks: Sequence[str], samples: int) -> float:
    """Return what jiter takes for a chunk, in nanoseconds, if it reads the text so far for each of them.

    For every chunk it would take minutes: measured at so many chunks at equal distances, the best of three.
    """
    body = "".join(chunks).encode()
    spent = 0
    for number in range(1, samples + 1):
        so_far = body[: len(body) * number // samples]
        best = float("inf")
        for _ in range(3):
            start = time.process_time_ns()
            jiter.from_json(so_far, partial_mode="trailing-strings")
            best = min(best, time.process_time_ns() - start)
        spent += int(best)
    return spent / samples


def partial(*, quick: bool) -> list[Line]:
    """Measure the budget's row, and what it costs to ask for a snapshot after each chunk."""
    size, rounds = (100_000, 2) if quick else (1_000_000, 4)
    lines: list[Line] = []
    for name, document in (("records", records(size)), ("one long string", one_string(size))):
        chunks = cut(document)
        theirs = jiter_per_chunk(chunks, 20 if quick else 40)
        ours = machine_cost(chunks, rounds)
        # The budget is for 1 MB: ten times less of it is ten times less of what is quadratic.
        budget = (30.0, 100.0) if quick else (300.0, 1000.0)
        what = f"partial JSON, {name}, {size // 1000} KB, per chunk"
        lines.append(Line(PARTIAL_ROW, what, "jiter, partial_mode", ours, theirs, "cheaper", *budget))
        whole = measure([following(chunks)], len(chunks), rounds)["ours"]
        lines.append(Line(PARTIAL_ROW, "the same, through the pump", "the same", whole, theirs, "cheaper"))
        if name == "records":
            asked = measure([following(chunks, values=True)], len(chunks), 2)["ours"]
            lines.append(Line(PARTIAL_ROW, "and .value for each item", "the same", asked, theirs, "cheaper"))
    return lines


def growth(*, quick: bool) -> list[Line]:
    """Compare a character of a large document with one of a small document, three decades apart."""
    small, large = (2_000, 200_000) if quick else (10_000, 10_000_000)
    bounds = (AT_MOST ** (2 / 3), AIM ** (2 / 3)) if quick else (AT_MOST, AIM)
    lines: list[Line] = []
    for name, make in (("records", records), ("one long string", one_string)):
        costs: list[float] = []
        for size in (small, large):
            chunks = cut(make(size))
            costs.append(machine_cost(chunks, 20 if size == small else 2))
        what = f"partial JSON, {name}, {large // 1000} KB, per chunk"
        against = f"{small // 1000} KB"
        lines.append(Line(GROWTH_ROW, what, against, costs[1], costs[0], "of its cost", *bounds))
    return lines


def finding(chunks: Sequence[str]) -> list[Contender]:
    """Find objects in a text: ours, and a loop that counts braces, as one writes it by hand."""

    def ours() -> AbstractAsyncContextManager[AsyncIterable[Any]]:
        return rxs.open_stream(rxs.from_stream(lambda: each(chunks)).pipe(rxs.parse_json()))

    def by_hand() -> AbstractAsyncContextManager[AsyncIterable[Any]]:
        counting: Any = _counting_braces(chunks)
        return aclosing(counting)

    return [Contender("ours", ours), Contender("by hand", by_hand)]


async def _counting_braces(chunks: Sequence[str]) -> AsyncIterator[Any]:
    counter = BraceCounter()
    async for chunk in each(chunks):
        for found in counter.feed(chunk):
            yield found


class BraceCounter:
    """Counts braces outside of strings, character by character, and decodes what they close."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = self._escaped = False
        self._text: list[str] = []

    def feed(self, chunk: str) -> Iterator[Any]:
        for char in chunk:
            if self._depth:
                self._text.append(char)
            if self._escaped:
                self._escaped = False
            elif self._in_string:
                self._escaped = char == "\\"
                self._in_string = char != '"'
            elif char == '"':
                self._in_string = self._depth > 0
            elif char == "{":
                if not self._depth:
                    self._text = ["{"]
                self._depth += 1
            elif char == "}" and self._depth:
                self._depth -= 1
                if not self._depth:
                    yield json.loads("".join(self._text))


def values(*, quick: bool) -> list[Line]:
    """Measure prose with objects in it, and one large object."""
    size, rounds = (10, 3) if quick else (1, 6)
    texts = (
        ("400 objects in 200 KB of prose", prose(400 // size)),
        ("one object of 1 MB", f'{{"items": {records(1_000_000 // size)}}}'),
    )
    lines: list[Line] = []
    for what, text in texts:
        chunks = cut(text)
        costs = measure(finding(chunks), len(chunks), rounds)
        ours, theirs = costs["ours"], costs["by hand"]
        lines.append(Line(VALUES_ROW, f"{what}, per chunk", "braces counted", ours, theirs, "cheaper"))
    return lines
