"""Three of our own operators in a row, which run as one, against async generators that do the same."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any

import rxstream as rxs
from benchmarks.measure import Contender, Found, compare, measure
from benchmarks.workloads import each, tokens
from rxstream.sansio import Machine
from rxstream.sansio.rewrite import Replace
from rxstream.sansio.transform import Transform
from rxstream.sansio.words import Words

__all__ = ("ROW", "contenders", "lines", "replacing_contenders")

ROW = "own-operators"
SPELLING = {"colour": "color", "grey": "gray", "the ": "a ", "castle": "keep"}


def contenders(texts: Sequence[str]) -> list[Contender]:
    """Lower the text, split it into words, give each a capital."""

    def ours() -> AbstractAsyncContextManager[AsyncIterable[Any]]:
        source = rxs.from_stream(lambda: each(texts))
        return rxs.open_stream(
            source.pipe(rxs.transform(str.lower), rxs.buffer_words(), rxs.transform(str.title))
        )

    def generators() -> AbstractAsyncContextManager[AsyncIterable[Any]]:
        return _chain(texts, Transform(str.lower), Words(), Transform(str.title))

    def inlined() -> AbstractAsyncContextManager[AsyncIterable[Any]]:
        chain: Any = titled(split(lowered(each(texts))))
        return aclosing(chain)

    return [Contender("ours", ours), Contender("generators", generators), Contender("inlined", inlined)]


def replacing_contenders(texts: Sequence[str]) -> list[Contender]:
    """Lower the text, replace some of it, split it into words."""

    def ours() -> AbstractAsyncContextManager[AsyncIterable[Any]]:
        source = rxs.from_stream(lambda: each(texts))
        return rxs.open_stream(
            source.pipe(rxs.transform(str.lower), rxs.replace_text(SPELLING), rxs.buffer_words())
        )

    def generators() -> AbstractAsyncContextManager[AsyncIterable[Any]]:
        return _chain(texts, Transform(str.lower), Replace(SPELLING), Words())

    return [Contender("ours", ours), Contender("generators", generators)]


def lines(*, quick: bool) -> list[Found]:
    """Measure the row."""
    texts = tokens(10_000 if quick else 50_000)
    rounds = 5 if quick else 12
    plain = measure(contenders(texts), len(texts), rounds)
    replacing = measure(replacing_contenders(texts), len(texts), rounds)
    ours, split_up, inline = plain["ours"], "lower, words, title, per token", "the same, inlined by hand"
    machines = "three async generators"
    return [
        compare(ROW, split_up, machines, ours, plain["generators"], "of its cost", 1.2, 0.8),
        compare(
            ROW,
            "lower, replace, words, per token",
            machines,
            replacing["ours"],
            replacing["generators"],
            "of its cost",
            1.2,
            0.8,
        ),
        compare(ROW, split_up, inline, ours, plain["inlined"], "of its cost"),
    ]


async def driven(source: AsyncIterable[Any], machine: Machine[Any, Any]) -> AsyncIterator[Any]:
    """Do with an async generator what ``lift`` does."""
    async for chunk in source:
        for item in machine.feed(chunk):
            yield item
    for item in machine.close():
        yield item


async def lowered(source: AsyncIterable[str]) -> AsyncIterator[str]:
    async for text in source:
        yield text.lower()


async def split(source: AsyncIterable[str]) -> AsyncIterator[str]:
    """Split into words the way one does it by hand, when all that comes is text."""
    held = ""
    async for text in source:
        held += text
        words = held.split()
        if not words:
            held = ""
            continue
        held = "" if held[-1].isspace() else words.pop()
        for word in words:
            yield word
    if held:
        yield held


async def titled(source: AsyncIterable[str]) -> AsyncIterator[str]:
    async for text in source:
        yield text.title()


def _chain(
    texts: Sequence[str], *machines: Machine[Any, Any]
) -> AbstractAsyncContextManager[AsyncIterable[Any]]:
    chain: Any = each(texts)
    step: Callable[[AsyncIterable[Any], Machine[Any, Any]], AsyncIterator[Any]] = driven
    for machine in machines:
        chain = step(chain, machine)
    return aclosing(chain)
