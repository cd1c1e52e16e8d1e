"""Text to sentences while it is being written, against stream2sentence; and words, against a loop by hand."""

from collections.abc import AsyncIterable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from functools import partial
from math import nan
from typing import Any, Final

import rxstream as rxs
from benchmarks.documents import cut
from benchmarks.golden_rules import GROUPS, Rule
from benchmarks.measure import Contender, Cost, Curve, Found, Line, alone, compare, measure
from benchmarks.own_operators import split
from benchmarks.peers import absent, load
from benchmarks.workloads import chunks, each, tokens
from rxstream.sansio.sentences import Sentences

__all__ = (
    "BEST",
    "OPTIONS",
    "PEER",
    "ROW",
    "contenders",
    "judged",
    "lines",
    "our_sentences",
    "right",
    "their_sentences",
    "whole_way",
)

ROW: Final = "sentences"
PEER: Final = "stream2sentence"
BEST: Final = "stream2sentence, at its best"
#: How often we do what the peer does once.
TIMES: Final = 20
#: Characters of a chunk, in the picture.
SIZES: Final = (1, 4, 16, 64, 256, 1024)

#: As it comes it joins short sentences. With the second it gets most rules of the first group right, with
#: the third of the second: found by trying all its options that split, and of equals taking the fastest.
#: Its tokenizers but the one that it brings itself fetch data over the network, and are not measured.
_WHOLE: Final[dict[str, Any]] = {
    "context_size": 1,
    "minimum_sentence_length": 1,
    "minimum_first_fragment_length": 1,
    "never_split_numbers": True,
}
OPTIONS: Final[dict[str, dict[str, Any]]] = {
    PEER: {},
    BEST: _WHOLE,
    "stream2sentence, quick": _WHOLE
    | {"quick_yield_for_all_sentences": True, "sentence_fragment_delimiters": ".?!\n…。！？"},
}


def our_sentences(texts: Sequence[str], language: str = "en") -> list[str]:
    """Split by our machine alone."""
    machine = Sentences(language=language)
    found: list[str] = []
    for text in texts:
        found += machine.feed(text)
    found += machine.close()
    return found


def their_sentences(texts: Sequence[str], options: Mapping[str, Any], language: str = "en") -> list[str]:
    """Split by theirs, which is driven alike."""
    machine = load("stream2sentence.stream2sentence").SentenceSplitter(language=language, **options)
    found: list[str] = []
    for text in texts:
        machine.add(text)
        found += machine.stream()
    found += machine.flush()
    return found


def contenders(texts: Sequence[str], times: int = 1) -> list[Contender]:
    """Give the machines alone; ours does it so many times, so that it takes long enough to be measured."""

    def ours() -> list[str]:
        for _ in range(times - 1):
            our_sentences(texts)
        return our_sentences(texts)

    ways = {name: partial(their_sentences, texts, OPTIONS[name]) for name in (PEER, BEST)}
    return [alone("ours", ours), *(alone(name, way, needs=(PEER,)) for name, way in ways.items())]


def whole_way(texts: Sequence[str]) -> list[Contender]:
    """Give both from an async iterator to ``async for``; and our words, and those of a generator by hand."""

    def opened(operator: Callable[[Any], Any]) -> AbstractAsyncContextManager[AsyncIterable[Any]]:
        return rxs.open_stream(rxs.from_stream(lambda: each(texts)).pipe(operator))

    def theirs() -> AbstractAsyncContextManager[AsyncIterable[Any]]:
        return aclosing(load(PEER).generate_sentences_async(each(texts), **OPTIONS[BEST]))

    def by_hand() -> AbstractAsyncContextManager[AsyncIterable[Any]]:
        words: Any = split(each(texts))
        return aclosing(words)

    return [
        Contender("ours", lambda: opened(rxs.buffer_sentences())),
        Contender(BEST, theirs, (PEER,)),
        Contender("words", lambda: opened(rxs.buffer_words())),
        Contender("words by hand", by_hand),
    ]


def lines(*, quick: bool) -> list[Found]:
    """Measure the row."""
    count, rounds = (2_000, 2) if quick else (6_000, 4)
    workloads = {
        "recorded answers": tokens(count),
        "a plain story": [chunk.content for chunk in chunks(count) if chunk.content],
        "the golden rules": cut(" ".join(rule.text for group in GROUPS.values() for rule in group), 4),
    }
    found: list[Found] = []
    for workload, texts in workloads.items():
        size = sum(map(len, texts))
        cost = measure(contenders(texts, TIMES), {"ours": size * TIMES, PEER: size, BEST: size}, rounds)
        what = f"sentences of {workload}, per character"
        # The budget is for a mixture of all that models write: prose, lists, code, several scripts.
        budget = (50.0, 100.0) if workload == "recorded answers" else (None, None)
        found += [
            compare(ROW, what, BEST, cost["ours"], cost[BEST], "cheaper", *budget),
            compare(ROW, what, f"{PEER}, its defaults", cost["ours"], cost[PEER], "cheaper"),
        ]
    found += [judged(group, rules) for group, rules in GROUPS.items()]
    text = "".join(tokens(count // 2))
    return found + list(_throughput(text, rounds * 2))


def right(rules: Sequence[Rule], splitting: Callable[[Rule], list[str]]) -> int:
    """Count the rules that a splitter gets right; it may do with white space as it likes."""
    return sum(_plain(splitting(rule)) == _plain(rule.sentences) for rule in rules)


def judged(group: str, rules: Sequence[Rule]) -> Line:
    """Count what is right when the text comes in single characters, with the options that are best for it."""
    ours = right(rules, lambda rule: our_sentences(list(rule.text), rule.language))
    theirs = nan
    if not absent(PEER):
        theirs = max(
            right(rules, lambda rule: their_sentences(list(rule.text), options, rule.language))  # noqa: B023
            for options in OPTIONS.values()
        )
    # More is asked for, however many: one more is enough.
    more = (theirs + 1) / theirs if group == next(iter(GROUPS)) else None
    what = f"golden rules {group}, {len(rules)}"
    return Line(ROW, what, "the best of its options", ours, theirs, "as many", more, more, unit="rules")


def _throughput(text: str, rounds: int) -> Iterator[Curve]:
    rate: dict[str, list[float]] = {}
    for size in SIZES:
        cost = measure(whole_way(cut(text, size)), len(text.encode()), rounds, memory=False)
        for name, one in cost.items():
            rate.setdefault(name, []).append(_megabytes(one))
    for name, rates in rate.items():
        panel = "words" if name.startswith("words") else "sentences"
        yield Curve("throughput", panel, name, SIZES, rates, "characters a chunk", "MB/s")


def _megabytes(cost: Cost) -> float:
    return 1000 / cost.time


def _plain(sentences: Sequence[str]) -> list[str]:
    return [" ".join(sentence.split()) for sentence in sentences]
