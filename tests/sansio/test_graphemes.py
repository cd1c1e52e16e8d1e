from itertools import product

import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rxstream.sansio.graphemes import Graphemes
from rxstream.testing import assert_incremental, assert_linear, chunkings, run_machine

# One or two of every kind that the rules tell apart.
KINDS = (
    *("a", " ", "\r", "\n", "\x00", "\u2028", "\u200b", "\ud800"),
    *("\u0301", "\u0903", "\u200d", "\ufe0f", "\U0001f3fd", "\u0e33"),
    *("\U0001f1e9", "\U0001f1ea", "\u2764", "\U0001f469", "©"),
    *("\u1100", "\u1161", "\u11a8", "\uac00", "\uac01"),
    *("\u0915", "\u094d", "\u093c", "\u0937", "\u09cd", "\u0995", "\u0d4d"),
    *("\u0600", "\u0d4e"),
)
TEXT = st.lists(st.sampled_from(KINDS), max_size=30).map("".join)


def whole(text: str) -> list[str]:
    clusters: list[str] = regex.findall(r"\X", text)
    return clusters


@given(chunkings(TEXT))
@example(["\U0001f1e9", "\U0001f1ea", "\U0001f1e9", "\U0001f1ea"])
@example(["\U0001f469\u0301", "\u200d", "\u0301\u200d", "\U0001f469"])
@example(["\u0915\u094d", "\u093c", "\u200d\u0937", "\u094d", "\u0915"])
@example(["\u0600\U0001f1e9", "\U0001f1ea", "\U0001f1e9"])
@example(["\r", "\u0301", "a", "\r", "\n", "\u0301"])
@example(["a\u0600", "b"])
def test_the_output_is_that_of_the_whole_text(chunks: list[str]) -> None:
    assert run_machine(Graphemes, chunks) == (whole("".join(chunks)), None)


def test_three_of_any_kinds_are_as_in_the_whole_text() -> None:
    for kinds in product(KINDS, repeat=3):
        assert run_machine(Graphemes, kinds)[0] == whole("".join(kinds)), kinds


@given(TEXT)
@settings(max_examples=50, deadline=None)
def test_what_is_certain_is_out(text: str) -> None:
    assert_incremental(Graphemes, text, KINDS, places=10)


@pytest.mark.parametrize(
    "cluster",
    ["e\u0301", "\r\n", "🇩🇪", "👩🏽‍🚀", "🏳️‍🌈", "각", "\u1100\u1161\u11a8", "क्षि", "\u0600a", "각\u0301"],
)
def test_a_cluster_stays_whole(cluster: str) -> None:
    text = f"a{cluster}{cluster}b"
    assert run_machine(Graphemes, text)[0] == ["a", cluster, cluster, "b"]


def test_a_cluster_waits_for_the_next_but_not_what_nothing_extends() -> None:
    machine = Graphemes()
    assert list(machine.feed("ab")) == ["a"]
    assert list(machine.feed("\n")) == ["b", "\n"]
    assert list(machine.feed("\r")) == []
    assert list(machine.feed("\n\x00")) == ["\r\n", "\x00"]
    assert list(machine.close()) == []


MANY = {
    "marks": "a" + "\u0301" * 63,
    "marks alone": "\u0301",
    "flags": "\U0001f1e9",
    "hangul": "\u1100",
    "conjuncts": "\u0915\u094d",
    "family": "\U0001f469\u200d",
    "prepended": "\u0600",
}


@pytest.mark.parametrize("shape", MANY)
@pytest.mark.parametrize("size", [1, None])
def test_long_clusters_cost_no_more_than_their_characters(shape: str, size: int | None) -> None:
    def chunks(length: int) -> list[str]:
        text = MANY[shape] * (length // len(MANY[shape]))
        step = size or len(text) or 1
        return [text[start : start + step] for start in range(0, len(text), step)]

    assert_linear(Graphemes, chunks, shape=shape)
