"""Hypothesis strategies: texts that are rich in trouble, and every way to cut one.

Hypothesis is an optional dependency, so it is imported where a strategy is made and not before:
the rest of ``rxstream.testing`` works without it.
"""

import importlib.util
from collections.abc import Iterable, Sequence
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, AnyStr, TypeVar

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

__all__ = ("chunkings", "cut_at", "interesting_edges", "some", "texts")

T = TypeVar("T")

#: Pieces of text on which machines have failed: mostly because two of them belong together, or seem to.
TROUBLE = (
    # White space, and what only looks like it.
    *(" ", "  ", "\t", "\n", "\r", "\r\n", "\n\n", "\n \n", "\r\r\n", "\x0b", "\x0c", "\x1c", "\x85"),
    *("\u00a0", "\u2009", "\u2028", "\u2029", "\u200b", "\u3000", "\ufeff", "\x00"),
    # Punctuation, single, in runs, and half of something.
    *(
        ".",
        ". ",
        "...",
        "…",
        "!",
        "?!",
        ",",
        ";",
        ":",
        "'",
        '"',
        "“",
        "”",
        "’s",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
    ),
    *("<", ">", "</", "<a>", "&", "\\", "\\n", '\\"', "\\u00e9", "/", "//", "|", "$", "%", "€", "=", "+"),
    *("-", "--", "—", "_", "**", "# ", "`", "``", "```", "~~~", "\n```\n"),
    # Numbers, and dots that end nothing.
    *("0", "42", "3.14", "1,000", "-1e5", "١٢", "½", "e.g. ", "Dr. ", "U.S. ", "www.example.org"),
    # Words, cased and uncased, joined and not.
    *("a", "Word", "don't", "naïve", "straße", "İ", "ﬁ", "x_y", "true", "null"),
    *("日本語。", "中文，", "한국어", "\u1100\u1161\u11a8", "ไทย", "क्षि", "שלום", "مرحبا", "𝔘𐍈"),
    # Marks that join the character before them, or the one behind.
    *("e\u0301", "\u0301", "n\u0303\u0323", "\u200d", "\ufe0f", "\u0600"),
    *("👍", "👍🏽", "👩‍👩‍👧‍👦", "❤️", "1️⃣", "🇩🇪", "🇩", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"),
)


def cut_at(text: AnyStr, places: Iterable[int]) -> list[AnyStr]:
    """Cut a text at the given places, in any order; a place that is named twice gives an empty chunk."""
    return [text[start:end] for start, end in pairwise([0, *sorted(places), len(text)])]


def interesting_edges(text: AnyStr) -> list[int]:
    """Give the places where a cut may hurt: all but those between two letters or between two digits."""
    pairs = ((place, text[place - 1 : place + 1]) for place in range(1, len(text)))
    return [place for place, pair in pairs if not (pair.isalpha() or pair.isdigit())]


def some(population: Sequence[T], most: int, rng: Random) -> Sequence[T]:
    """Give all of them, or a random ``most``, in order."""
    if len(population) <= most:
        return population
    return [population[index] for index in sorted(rng.sample(range(len(population)), most))]


def chunkings(text: "AnyStr | SearchStrategy[AnyStr]") -> "SearchStrategy[list[AnyStr]]":
    """Draw lists of chunks that join to ``text``, with empty chunks among them.

        from hypothesis import given

        @given(chunkings("Hello you"))
        def test_words(chunks):
            assert rxs.run(rxs.from_stream(chunks).pipe(rxs.buffer_words())) == ["Hello", "you"]

    ``text`` is a text, bytes, or a strategy of either, such as ``texts()``. Shrinks towards the whole text in
    one chunk.

    Raises ModuleNotFoundError if Hypothesis is not installed. Without it there is ``assert_split_invariant``.
    """
    _need_hypothesis("chunkings")
    if isinstance(text, str | bytes):
        return _chunkings_of(text)
    return text.flatmap(_chunkings_of)


def texts(*fragments: str, max_pieces: int = 20) -> "SearchStrategy[str]":
    """Draw texts of up to ``max_pieces`` pieces: ``fragments``, parts of them, and trouble of all kinds.

        from hypothesis import given

        @given(texts("<think>", "</think>"))
        def test_nothing_is_lost(text):
            thought = rxs.split_reasoning(keep_whitespace=True)
            chunks = rxs.run(rxs.from_stream([text]).pipe(thought))
            assert sum(len(chunk.content) + len(chunk.reasoning) for chunk in chunks) <= len(text)

    Name as fragments what your machine looks for: a beginning that does not go on, an end without a beginning
    and two of them in one another then come up often. To cut them there is ``chunkings``.

    Raises ModuleNotFoundError if Hypothesis is not installed.
    """
    _need_hypothesis("texts")
    from hypothesis import strategies as st  # noqa: PLC0415 - optional, see above

    pieces = [
        st.text("ab", min_size=1, max_size=3),
        st.sampled_from(TROUBLE),
        st.characters(exclude_categories=["Cs"]),
    ]
    if fragments:
        pieces.insert(0, st.sampled_from(fragments))
        parts = {
            part for whole in fragments for cut in range(1, len(whole)) for part in (whole[:cut], whole[cut:])
        }
        if parts:
            # Sorted: Hypothesis replays by position, so the order must be the same in every process.
            pieces.insert(1, st.sampled_from(sorted(parts)))
    return st.lists(st.one_of(pieces), max_size=max_pieces).map("".join)


def _chunkings_of(text: AnyStr) -> "SearchStrategy[list[AnyStr]]":
    from hypothesis import strategies as st  # noqa: PLC0415 - optional, see above

    end = len(text)
    edges = interesting_edges(text)
    anywhere = st.integers(0, end)
    # One list of places for each temper. The first is what Hypothesis shrinks to: no cut at all.
    places: list[SearchStrategy[list[int]]] = [
        st.just(list[int]()),
        st.lists(anywhere, min_size=1, max_size=1),
        st.lists(anywhere, max_size=min(2 * end, 12) + 1),
        st.just(list(range(1, end))),
        st.just([place for place in range(end + 1) for _ in range(2)]),
    ]
    if edges:
        places.append(st.just(edges))
        places.append(st.lists(st.sampled_from(edges), min_size=1, max_size=4))
    return st.one_of(places).map(lambda chosen: cut_at(text, chosen))


def _need_hypothesis(name: str) -> None:
    if importlib.util.find_spec("hypothesis") is None:
        raise ModuleNotFoundError(
            f"rxstream.testing.{name} makes a Hypothesis strategy, and Hypothesis is not installed: "
            "pip install hypothesis",
            name="hypothesis",
        )
