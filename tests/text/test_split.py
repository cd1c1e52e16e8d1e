"""The units, as one meets them in a stream; what exactly a unit is, the machines' own tests say."""

import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from reactivex import operators as ops

import rxstream as rxs
from rxstream.errors import MixedChoices, UnknownName

#: The same names, for what their types forbid.
anything: Any = rxs

ANSWER = [
    rxs.StreamChunk("", role="assistant"),
    rxs.StreamChunk("Hel"),
    rxs.StreamChunk("lo wor"),
    rxs.StreamChunk(""),
    rxs.StreamChunk("ld.\nIt is me"),
    rxs.StreamChunk(".\n\nBye"),
    rxs.StreamChunk("", "stop"),
    rxs.StreamChunk("", usage=rxs.Usage(1, 2, 3)),
]
TEXT = "Hello world.\nIt is me.\n\nBye"


def given(items: Iterable[Any], *operators: Any) -> list[Any]:
    stream: Any = rxs.from_stream(list(items))
    found: list[Any] = rxs.run(stream.pipe(*operators))
    return found


def test_words_are_what_str_split_makes_of_the_whole_stream() -> None:
    assert given(ANSWER, rxs.buffer_words()) == TEXT.split()
    assert given(["Hel", "lo wor", "ld, ", "", "you"], rxs.buffer_words()) == ["Hello", "world,", "you"]


def test_words_of_a_real_answer_are_complete() -> None:
    answer = rxs.from_recording("01-prose", speed=None)
    whole = "".join(chunk.content for chunk in rxs.run(answer))
    assert rxs.run(answer.pipe(rxs.buffer_words())) == whole.split()
    assert "".join(rxs.run(answer.pipe(rxs.buffer_words(keep_whitespace=True)))) == whole


def test_sentences_are_whole_and_dots_do_not_deceive_them() -> None:
    assert given(ANSWER, rxs.buffer_sentences()) == ["Hello world.", "It is me.", "Bye"]
    assert given(["Dr. Wu pa", "id $3.50. She l", "eft! "], rxs.buffer_sentences()) == [
        "Dr. Wu paid $3.50.",
        "She left!",
    ]


def test_sentences_have_a_language_and_a_longest_length() -> None:
    german = ["Das ist z", ". B. so. Ja."]
    assert given(german, rxs.buffer_sentences(language="de")) == ["Das ist z. B. so.", "Ja."]
    assert given(["one two three four"], rxs.buffer_sentences(max_chars=8)) == ["one two", "three", "four"]


def test_lines_are_without_their_ends_and_empty_ones_are_lines() -> None:
    assert given(ANSWER, rxs.buffer_lines()) == TEXT.split("\n")
    assert given(["a\r", "\nb"], rxs.buffer_lines()) == ["a", "b"]
    assert given(["a\r", "\nb"], rxs.buffer_lines(keep_ends=True)) == ["a\r\n", "b"]


def test_paragraphs_stand_between_blank_lines() -> None:
    assert given(ANSWER, rxs.buffer_paragraphs()) == ["Hello world.\nIt is me.", "Bye"]


def test_graphemes_are_what_a_reader_counts() -> None:
    assert given(["👩", "\u200d", "🚀e", "\u0301"], rxs.buffer_graphemes()) == ["👩\u200d🚀", "e\u0301"]


def test_pieces_are_of_one_length() -> None:
    assert given(["abc", "de", "f"], rxs.buffer_chars(4)) == ["abcd", "ef"]


def test_words_by_unicode_know_languages_without_spaces() -> None:
    assert given(["今日は", "世界, don", "'t"], rxs.buffer_words(rule="unicode"))[-1] == "don't"
    assert "世界" in given(["今日は世", "界"], rxs.buffer_words(rule="unicode"))


@pytest.mark.parametrize(
    ("kind", "same"),
    [
        ("word", rxs.buffer_words),
        ("sentence", rxs.buffer_sentences),
        ("line", rxs.buffer_lines),
        ("paragraph", rxs.buffer_paragraphs),
        ("grapheme", rxs.buffer_graphemes),
    ],
)
def test_a_unit_can_be_named(kind: str, same: Callable[[], Any]) -> None:
    assert given(ANSWER, rxs.buffer_by(kind)) == given(ANSWER, same())


def test_what_a_named_unit_takes_goes_to_it() -> None:
    assert given(["abc"], rxs.buffer_by("char", 2)) == ["ab", "c"]
    assert given([" a"], rxs.buffer_by("word", keep_whitespace=True)) == [" a"]


def test_a_machine_of_the_users_own_takes_text_and_chunks() -> None:
    class Commas:
        def __init__(self) -> None:
            self.held = ""

        def feed(self, chunk: str) -> list[str]:
            *parts, self.held = (self.held + chunk).split(",")
            return parts

        def close(self) -> list[str]:
            return [self.held]

    assert given(["a,b", "c,", "d"], rxs.buffer_with(Commas)) == ["a", "bc", "d"]
    chunks = [rxs.StreamChunk("a,b"), rxs.StreamChunk("c", "stop")]
    assert given(chunks, rxs.buffer_with(Commas))[:2] == ["a", "bc"]


def test_each_subscription_has_a_machine_of_its_own() -> None:
    stream = rxs.from_stream(lambda: ["half a wo"]).pipe(rxs.buffer_words())
    assert rxs.run(stream) == rxs.run(stream) == ["half", "a", "wo"]


def test_an_unfinished_word_is_dropped_at_an_error() -> None:
    def fail() -> Any:
        yield "one tw"
        raise OSError("gone")

    seen: list[str] = []
    with pytest.raises(OSError, match="gone"):
        rxs.run(rxs.from_stream(fail).pipe(rxs.buffer_words()), on_item=seen.append)
    assert seen == ["one"]


# ---------------------------------------------------------------- what is refused


def is_first(chunk: rxs.StreamChunk) -> bool:
    return chunk.choice == 0


def is_second(chunk: rxs.StreamChunk) -> bool:
    return chunk.choice == 1


def test_two_choices_are_refused_and_the_message_says_how_to_pick_one() -> None:
    both = [rxs.StreamChunk("a", choice=0), rxs.StreamChunk("b", choice=1), rxs.StreamChunk("c", choice=0)]
    with pytest.raises(MixedChoices, match=re.escape("ops.filter(lambda chunk: chunk.choice == 0)")):
        given(both, rxs.buffer_words())
    only: Any = ops.filter(is_first)
    assert given(both, only, rxs.buffer_words()) == ["ac"]


def test_a_recording_of_two_choices_can_be_read_choice_by_choice() -> None:
    answer = rxs.from_recording("14-n2", speed=None)
    with pytest.raises(MixedChoices):
        rxs.run(answer.pipe(rxs.buffer_words()))
    words = rxs.run(answer.pipe(ops.filter(is_second), rxs.buffer_words()))
    text = "".join(chunk.content for chunk in rxs.run(answer) if chunk.choice == 1)
    assert words == text.split()


def test_items_that_are_no_text_are_refused_by_the_operators_name() -> None:
    with pytest.raises(TypeError, match=r"buffer_words\(\) works on text: .* got int: 1"):
        given([1], rxs.buffer_words())


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: anything.buffer_words(rule="x"),
            UnknownName,
            r"expects 'whitespace' or 'unicode' and got 'x'",
        ),
        (lambda: rxs.buffer_sentences(language="xx"), UnknownName, r"xx"),
        (lambda: rxs.buffer_sentences(max_chars=0), ValueError, r"max_chars"),
        (lambda: rxs.buffer_chars(0), ValueError, r"positive int"),
        (
            lambda: rxs.buffer_by("token"),
            UnknownName,
            r"'word', .*'char' and got 'token'\. For units of your own",
        ),
        (lambda: anything.buffer_by(["word"]), UnknownName, r"expects one of"),
        (lambda: anything.buffer_with(7), TypeError, r"buffer_with\(\) expects a machine's class"),
    ],
    ids=["rule", "language", "max_chars", "chars", "kind", "kind that is no str", "machine"],
)
def test_wrong_arguments_are_refused_where_they_are_written(
    call: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call()
