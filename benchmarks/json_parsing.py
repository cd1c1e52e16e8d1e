"""JSON that is being written, and JSON in prose, in 4-character chunks."""

import json
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any, Final

import jiter

import rxstream as rxs
from benchmarks.documents import cut, one_string, prose, records
from benchmarks.measure import Contender, Cost, Curve, Found, Line, alone, compare, measure
from benchmarks.workloads import each
from rxstream.sansio.partial_json import PartialDocument

__all__ = ("GROWTH_ROW", "PARTIAL_ROW", "VALUES_ROW", "growth", "partial", "values")

PARTIAL_ROW = "partial-json"
GROWTH_ROW = "partial-json-growth"
VALUES_ROW = "json-values"

KINDS: Final = (("records", records), ("one long string", one_string))
#: Characters of a document.
SIZES: Final = (1_000, 10_000, 100_000, 1_000_000)
#: At how many places a document is read again: for each of 250,000 chunks it would take minutes.
PLACES: Final = 40
#: An exponent of 1.1 over three decades, and one of 1.05.
AT_MOST, AIM = 10**0.3, 10**0.15


def machine(name: str, chunks: Sequence[str], times: int = 1) -> Contender:
    """Follow a document by our machine alone, its items read and dropped; so many times, if it is short."""

    def work() -> None:
        for _ in range(times):
            document = PartialDocument()
            for chunk in chunks:
                for _ in document.feed(chunk):
                    pass
            for _ in document.close():
                pass

    return alone(name, work)


def read_again(document: str, places: int, times: int = 1) -> Contender:
    """Have jiter read the text so far, as the SDK does for every chunk; here at so many equal distances.

    So many times, if it is short.
    """
    body = document.encode()
    texts = [body[: len(body) * number // places] for number in range(1, places + 1)]

    def work() -> None:
        for _ in range(times):
            for so_far in texts:
                jiter.from_json(so_far, partial_mode="trailing-strings")

    return alone("jiter", work)


def following(name: str, chunks: Sequence[str], *, values: bool = False) -> Contender:
    """Follow a document; with ``values`` ask for a snapshot after each chunk that brought something."""

    def ours() -> AbstractAsyncContextManager[AsyncIterable[Any]]:
        items = rxs.open_stream(rxs.from_stream(lambda: each(chunks)).pipe(rxs.parse_partial_json()))
        asking: Any = _asking(items)
        return aclosing(asking) if values else items

    return Contender(name, ours)


async def _asking(opened: Any) -> AsyncIterator[Any]:
    async with opened as items:
        async for item in items:
            yield item.value


def partial(*, quick: bool) -> list[Found]:
    """Measure the budget's row, what a snapshot after each chunk costs, and shorter documents."""
    found: list[Found] = []
    for name, make in KINDS:
        totals: dict[str, list[float]] = {}
        sizes = SIZES[:-1] if quick else SIZES
        for size in sizes:
            chunks = cut(make(size))
            last = size == sizes[-1]
            cost = _following(chunks, rounds=2 if quick else 3, whole=last, values=name == "records")
            for way in ("ours", "jiter"):
                totals.setdefault(way, []).append(cost[way].time * len(chunks))
            if last:
                # The budget is for 1 MB: ten times less of it is ten times less of what is quadratic.
                budget = (30.0, 100.0) if quick else (300.0, 1000.0)
                found += _partial_lines(f"{name}, {size // 1000} KB", cost, budget)
        for way, nanoseconds in totals.items():
            seconds = [total / 1e9 for total in nanoseconds]
            found.append(Curve("partial-json", name, way, sizes, seconds, "characters", "seconds"))
    return found


def _following(chunks: list[str], *, rounds: int, whole: bool, values: bool) -> dict[str, Cost]:
    # A short document many times over, so that it takes long enough to be measured.
    times = max(1, 50_000 // len(chunks))
    ways = [machine("ours", chunks, times), read_again("".join(chunks), PLACES, times)]
    items = {"ours": len(chunks) * times, "jiter": PLACES * times}
    if whole:
        ways.append(following("pump", chunks))
        if values:
            ways.append(following("values", chunks, values=True))
    return measure(ways, dict.fromkeys(("pump", "values"), len(chunks)) | items, rounds, memory=whole)


def _partial_lines(document: str, cost: dict[str, Cost], budget: tuple[float, float]) -> list[Line]:
    theirs = cost["jiter"]
    what, against = f"partial JSON, {document}, per chunk", "jiter, partial_mode"
    found = [
        compare(PARTIAL_ROW, what, against, cost["ours"], theirs, "cheaper", *budget),
        compare(PARTIAL_ROW, "the same, through the pump", "the same", cost["pump"], theirs, "cheaper"),
    ]
    if "values" in cost:
        what = "and .value for each item"
        found.append(compare(PARTIAL_ROW, what, "the same", cost["values"], theirs, "cheaper"))
    return found


def growth(*, quick: bool) -> list[Found]:
    """Compare a character of a large document with one of a small document, three decades apart."""
    small, large = (2_000, 200_000) if quick else (5_000, 5_000_000)
    bounds = (AT_MOST ** (2 / 3), AIM ** (2 / 3)) if quick else (AT_MOST, AIM)
    found: list[Found] = []
    for name, make in KINDS:
        # The small one as often as it takes to be as much text.
        short, long = cut(make(small)), cut(make(large))
        times = len(long) // len(short)
        both = [machine("small", short, times), machine("large", long)]
        # Long enough to settle by itself.
        items = {"small": len(short) * times, "large": len(long)}
        cost = measure(both, items, 2, warm_up=False, memory=False)
        what = f"partial JSON, {name}, {large // 1000:,} KB, per chunk"
        against = f"{small // 1000} KB"
        found.append(compare(GROWTH_ROW, what, against, cost["large"], cost["small"], "of its cost", *bounds))
    return found


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


def values(*, quick: bool) -> list[Found]:
    """Measure prose with objects in it, and one large object."""
    size, rounds = (10, 3) if quick else (1, 4)
    texts = (
        ("400 objects in 200 KB of prose", prose(400 // size)),
        ("one object of 1 MB", f'{{"items": {records(1_000_000 // size)}}}'),
    )
    found: list[Found] = []
    for what, text in texts:
        chunks = cut(text)
        costs = measure(finding(chunks), len(chunks), rounds)
        ours, theirs = costs["ours"], costs["by hand"]
        found.append(compare(VALUES_ROW, f"{what}, per chunk", "braces counted", ours, theirs, "cheaper"))
    return found
