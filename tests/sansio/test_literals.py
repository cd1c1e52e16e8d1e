import os
from collections.abc import Iterable
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rxstream.sansio.literals import LiteralScanner, fold

# In the tests a match comes out as a character that stands for its literal and for nothing else.
PRIVATE = 0xE000


def cut_up(scanner: LiteralScanner, literals: list[str], chunks: Iterable[str], *, close: bool = True) -> str:
    out: list[str] = []

    def take(pairs: Iterable[tuple[str, str | None]]) -> None:
        for text, literal in pairs:
            assert literal is None or fold(literal) == fold(text)
            out.append(text if literal is None else chr(PRIVATE + literals.index(literal)))

    for chunk in chunks:
        if scanner.passes(chunk):
            out.append(chunk)
        else:
            take(scanner.feed(chunk))
    if close:
        take(scanner.close())
    return "".join(out)


def at_once(literals: list[str], text: str) -> str:
    """Scan a whole text: the leftmost, the longest."""
    out, pos = "", 0
    while pos < len(text):
        here = max((one for one in literals if text.startswith(one, pos)), key=len, default="")
        out += chr(PRIVATE + literals.index(here)) if here else text[pos]
        pos += len(here) or 1
    return out


def texts(alphabet: str, most: int) -> list[str]:
    return ["".join(letters) for size in range(most + 1) for letters in product(alphabet, repeat=size)]


def common(outputs: list[str]) -> str:
    return os.path.commonprefix(outputs)  # noqa: RUF071 - characters are what is meant


sets_of_literals = st.lists(st.text("ab", min_size=1, max_size=5), min_size=1, max_size=6, unique=True)


@given(sets_of_literals, st.lists(st.text("abc", max_size=6), max_size=12))
@example(["a", "aaab"], ["aaa", "", "aaac"])
@example(["abcd", "b"], ["ab", "cab", "cd"])
@example(["ab", "ba", "bab"], ["aba", "bbabab"])
@example(["a", "ab", "abc", "bcd", "c"], ["abcd", "abcc"])
def test_the_leftmost_longest_is_found_wherever_the_text_is_cut(
    literals: list[str], chunks: list[str]
) -> None:
    wanted = at_once(literals, "".join(chunks))
    assert cut_up(LiteralScanner(literals), literals, chunks) == wanted
    assert cut_up(LiteralScanner(literals), literals, "".join(chunks)) == wanted
    assert cut_up(LiteralScanner(literals), literals, ["".join(chunks)]) == wanted


@pytest.mark.parametrize(
    "literals",
    [
        ["ab"],
        ["a"],
        ["ab", "abc"],
        ["abc", "ab", "b"],
        ["a", "aab"],
        ["abc", "b", "bc"],
        ["aba", "ba"],
        ["bcb", "c"],
    ],
)
def test_what_no_continuation_can_change_is_out(literals: list[str]) -> None:
    whole = {text: at_once(literals, text) for text in texts("abc", 7)}
    for prefix in texts("abc", 4):
        certain = common([whole[prefix + rest] for rest in texts("abc", 3)])
        assert cut_up(LiteralScanner(literals), literals, prefix, close=False) == certain


def test_a_match_is_out_with_its_last_character() -> None:
    assert list(LiteralScanner(["ab"]).feed("xab")) == [("x", None), ("ab", "ab"), ("", None)]


def test_a_match_that_may_become_longer_waits() -> None:
    scanner = LiteralScanner(["ab", "abc"])
    assert list(scanner.feed("xab")) == [("x", None)]
    assert list(scanner.feed("d"))[:2] == [("", None), ("ab", "ab")]


def test_what_waited_is_a_match_at_the_end() -> None:
    literals = ["a", "aab", "aaaac"]
    assert cut_up(LiteralScanner(literals), literals, ["aaab", "aaaa"]) == at_once(literals, "aaabaaaa")


def test_case_may_be_ignored_and_the_text_keeps_its_own() -> None:
    scanner = LiteralScanner(["Straße", "ΣΑΣ"], ignore_case=True)
    pairs = [*scanner.feed("sTRA"), *scanner.feed("ßE σας σας"), *scanner.close()]
    assert [pair for pair in pairs if pair[1]] == [("sTRAßE", "Straße")]
    pairs = [*scanner.feed("σΑσ 1")]
    assert ("σΑσ", "ΣΑΣ") in pairs


@given(st.text())
def test_folding_keeps_the_length_and_pairs_letters(text: str) -> None:
    assert len(fold(text)) == len(text)
    assert fold(fold(text)) == fold(text)


def test_letters_without_one_partner_are_letters_of_their_own() -> None:
    assert fold("AB\u00df\u1e9e\u0130\u0131\u212a\u03c2") == "ab\u00df\u1e9e\u0130\u0131\u212a\u03c2"


@given(sets_of_literals, st.text("abAB", max_size=30))
def test_ignoring_case_is_comparing_folded(literals: list[str], text: str) -> None:
    found = cut_up(LiteralScanner(literals, ignore_case=True), literals, text)
    assert found.lower() == at_once(literals, text.lower())
