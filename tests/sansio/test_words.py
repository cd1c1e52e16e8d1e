import re
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from icu4py.breakers import WordBreaker

from rxstream.sansio.words import UnicodeWords, Words
from rxstream.testing import assert_incremental, assert_linear, chunkings, run_machine, texts

WHITE = [chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace()]


def kept(chunks: list[str]) -> list[str]:
    return run_machine(lambda: Words(keep_whitespace=True), chunks)[0]


# ---------------------------------------------------------------- Words


@given(chunkings(texts(*WHITE)))
@example(["a", " ", "b"])
@example(["a", " b c", "d "])
@example(["a", " b", "c", " d ", " ", "e"])
def test_words_are_those_of_str_split(chunks: list[str]) -> None:
    assert run_machine(Words, chunks) == ("".join(chunks).split(), None)


@given(chunkings(texts(*WHITE)))
@example([" ", " ", "a", "b ", " "])
def test_kept_white_space_stands_before_its_word(chunks: list[str]) -> None:
    text = "".join(chunks)
    words = kept(chunks)
    assert "".join(words) == text
    assert words == re.findall(r"\s*\S+|\s+\Z", text)


@given(texts(*WHITE, max_pieces=8))
@settings(max_examples=50, deadline=None)
def test_what_is_certain_is_out(text: str) -> None:
    assert_incremental(Words, text, WHITE, places=8)
    assert_incremental(lambda: Words(keep_whitespace=True), text, WHITE, places=8)


def test_white_space_is_what_str_isspace_says() -> None:
    text = "".join(map(chr, range(sys.maxunicode + 1)))
    assert run_machine(Words, [text])[0] == text.split()
    assert [word.strip() for word in kept([text])] == text.split()


def test_a_word_comes_with_the_white_space_behind_it() -> None:
    for machine in (Words(), Words(keep_whitespace=True)):
        assert list(machine.feed("wo")) == []
        assert list(machine.feed("rd")) == []
        assert list(machine.feed("\u3000")) == ["word"]
        assert list(machine.feed(" ")) == []


@pytest.mark.parametrize(("text", "expected"), [("", []), (" \n ", [" \n "]), ("a\n", ["a", "\n"])])
def test_white_space_at_the_end_is_an_item_if_it_is_kept(text: str, expected: list[str]) -> None:
    assert kept([text]) == expected
    assert run_machine(Words, [text])[0] == text.split()


@pytest.mark.parametrize("keep_whitespace", [False, True])
def test_white_space_costs_no_more_than_words(keep_whitespace: bool) -> None:
    assert_linear(lambda: Words(keep_whitespace=keep_whitespace), lambda size: ["a" + " " * size])
    assert_linear(lambda: Words(keep_whitespace=keep_whitespace), lambda size: [" "] * size)


# ---------------------------------------------------------------- UnicodeWords

# Several of every kind that the rules tell apart, and what ICU adds to the rules.
LETTERS = ("a", "é", "\u3131", "\u2139", "\U0001f170", "\u05d0", "\u05d1", "\u0671")
DIGITS = ("1", "\u0663", "\u0e51")
MIDDLES = (".", "'", ":", ",", ";", "\u2019", "\u00b7", "\uff0e", '"')
JOINERS = ("_", "\u202f")
MARKS = ("\u0301", "\u00ad", "\u200d", "\u0903", "\ufe0f", "\uff9e")
SPACES = (" ", "\u3000", "\t", "\u00a0", "\n", "\r", "\r\n", "\x85", "\u2029")
SYMBOLS = ("!", "(", "。", "\ud800", "\x00", "\U0001f1e9", "\U0001f1ea", "\U0001f469", "\u2764", "\U0001f3fd")
HANGUL = ("\uac00", "\ub098", "\u1100", "\u1161", "\u11a8")
# Without U+3031 to U+3035: after one of those an ICU iterator takes "ー" for a script of its own, for good.
DICTIONARY = ("中", "世界", "か", "カ", "ｶ", "ー", "々", "สวัสดี", "ก", "ครับ", "ខ្មែរ", "မြန်", "\u1a20")
RULES = LETTERS + DIGITS + MIDDLES + JOINERS + MARKS + SPACES + SYMBOLS + HANGUL
TEXT = st.lists(st.sampled_from(RULES + DICTIONARY), max_size=30).map("".join)


def segments(text: str) -> list[str]:
    """Ask ICU about the whole text."""
    rest, parts = text, list[str]()
    for part in WordBreaker(re.sub("[\ud800-\udfff]", "\ufffd", text), "en"):
        parts.append(rest[: len(part)])
        rest = rest[len(part) :]
    return parts


def all_segments(max_run: int = 256) -> UnicodeWords:
    return UnicodeWords(keep_whitespace=True, max_run=max_run)


@given(chunkings(TEXT))
@example(["can", "'", "t"])
@example(["can", "'", " t"])
@example(["3", ".", "\u0301", "14"])
@example(["\u05d0", "'", "1"])
@example(["\u05d0", '"', "\u05d0"])
@example(["中\u200d", "\u2139", "a"])
@example(["\U0001f1e9\u200d", "\U0001f469", "\U0001f1ea", "\U0001f1e9", "\U0001f1ea"])
@example(["\uac00", "a", "_", "\uac00"])
@example(["\u05d1\u200d", "\U0001f7fd"])
@example(["カ", "_", "中"])
def test_segments_are_those_of_the_whole_text(chunks: list[str]) -> None:
    assert run_machine(all_segments, chunks) == (segments("".join(chunks)), None)


@given(chunkings(texts()))
def test_segments_of_any_text_are_those_of_the_whole_text(chunks: list[str]) -> None:
    assert run_machine(all_segments, chunks) == (segments("".join(chunks)), None)


@given(st.lists(st.sampled_from(RULES), max_size=12).map("".join))
@settings(max_examples=25, deadline=None)
def test_a_word_without_a_dictionary_comes_when_it_is_certain(text: str) -> None:
    assert_incremental(
        all_segments, text, RULES + tuple(f"{mark}{end}" for mark in MARKS for end in "a1א"), places=8
    )


@given(st.data(), TEXT, st.integers(1, 12))
def test_runs_are_cut_where_the_text_is_not(data: st.DataObject, text: str, max_run: int) -> None:
    expected = run_machine(lambda: all_segments(max_run), [text])
    assert run_machine(lambda: all_segments(max_run), data.draw(chunkings(text))) == expected
    assert "".join(expected[0]) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I can't pay $3.14, she said.", ["I", "can't", "pay", "3.14", "she", "said"]),
        ("你好世界，今天天气很好。", ["你好", "世界", "今天", "天气", "很好"]),
        ("私は学生です", ["私", "は", "学生", "です"]),
        ("สวัสดีครับ", ["สวัสดี", "ครับ"]),
        ("👍 ... _ \n", []),
    ],
)
def test_words_are_what_has_a_letter_or_a_number(text: str, words: list[str]) -> None:
    assert run_machine(UnicodeWords, text)[0] == words


def test_a_word_comes_with_the_character_behind_it() -> None:
    machine = all_segments()
    assert list(machine.feed("can'")) == []
    assert list(machine.feed("t")) == []
    assert list(machine.feed("!")) == ["can't"]
    assert list(machine.feed("\n")) == ["!", "\n"]
    assert list(machine.feed("3,")) == []
    assert list(machine.feed(" ")) == ["3", ","]


def test_a_run_of_a_dictionary_script_comes_when_it_ends() -> None:
    machine = UnicodeWords()
    assert list(machine.feed("你好世界")) == []
    assert list(machine.feed("。")) == ["你好", "世界"]


def test_of_a_long_run_three_quarters_come_out_at_a_time() -> None:
    machine = all_segments(40)
    run = "สวัสดีครับ" * 20
    words: list[str] = []
    for fed, character in enumerate(run, start=1):
        words += machine.feed(character)
        assert 0 < fed - len("".join(words)) < 40
    words += machine.close()
    assert words == ["สวัสดี", "ครับ"] * 20


def test_a_word_that_is_too_long_is_cut_off() -> None:
    assert run_machine(lambda: all_segments(8), ["a" * 20])[0] == ["a" * 8, "a" * 8, "a" * 4]


def test_a_middle_that_may_not_be_one_does_not_count_for_the_length_of_a_run() -> None:
    for chunks in (["aaa'!"], ["aaa'", "!"]):
        assert run_machine(lambda: all_segments(4), chunks)[0] == ["aaa", "'", "!"]
    for chunks in (["aaa'a!"], ["aaa'", "a", "!"]):
        assert run_machine(lambda: all_segments(4), chunks)[0] == ["aaa", "'", "a", "!"]


@pytest.mark.parametrize("unit", ["a", "中", "'", "\u0301", "a'\u0301", "\U0001f1e9", " ", "\u05d0'"])
@pytest.mark.parametrize("size", [1, None])
def test_long_runs_cost_no_more_than_their_characters(unit: str, size: int | None) -> None:
    def chunks(length: int) -> list[str]:
        text = unit * (length // len(unit))
        step = size or len(text) or 1
        return [text[start : start + step] for start in range(0, len(text), step)]

    assert_linear(UnicodeWords, chunks, shape=repr(unit))


def test_without_icu4py_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "icu4py.breakers", None)
    with pytest.raises(ImportError, match=re.escape("pip install 'rxstream[unicode]'")):
        UnicodeWords()


@pytest.mark.parametrize("max_run", [0, -1])
def test_a_run_of_no_characters_is_an_error(max_run: int) -> None:
    with pytest.raises(ValueError, match="positive number of characters"):
        UnicodeWords(max_run=max_run)
