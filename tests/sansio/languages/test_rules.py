"""What a full stop behind a word may be."""

import pytest

from rxstream.sansio.languages.rules import Rules, Stop, words

RULES = Rules(
    never=words("Dr e.g z.B"),
    maybe=words("Inc Sat"),
    before_number=words("no"),
    starters=words("the a it"),
    pronoun="I",
)


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        ("", Stop.PLAIN),
        ("the end", Stop.PLAIN),
        ("the end ", Stop.PLAIN),
        ("ask (“Dr", Stop.NEVER),
        ("ask dr", Stop.PLAIN),
        ("fruit, e.g", Stop.NEVER),
        ("E.G", Stop.NEVER),
        ("fruit, e. g", Stop.NEVER),
        ("das ist (z. B", Stop.NEVER),
        ("Acme Inc", Stop.MAYBE),
        ("the cat sat", Stop.PLAIN),
        ("Sat", Stop.MAYBE),
        ("No", Stop.NUMBER),
        ("Ann B", Stop.MAYBE),
        ("l'U.E", Stop.MAYBE),
        ("Plan A. B", Stop.MAYBE),
        ("so do I", Stop.PLAIN),
        ("I", Stop.PLAIN),
        ("Ann I", Stop.MAYBE),
        ("in 12", Stop.PLAIN),
        ("***", Stop.PLAIN),
    ],
)
def test_a_word_tells_what_its_full_stop_may_be(left: str, expected: Stop) -> None:
    assert RULES.stop(left) is expected


@pytest.mark.parametrize(
    ("word", "expected"), [("The", True), ("A", True), ("the", False), ("IT", False), ("Bo", False)]
)
def test_a_starter_has_a_capital_first_and_only_first(word: str, expected: bool) -> None:
    assert RULES.starts(word) is expected


def test_the_words_of_several_lists_are_one_set() -> None:
    assert words("a b", "b c") == {"a", "b", "c"}
