import re

import pytest
from hypothesis import example, given, settings

from rxstream.sansio.paragraphs import Paragraphs
from rxstream.testing import assert_incremental, chunkings, run_machine, texts

TEXT = texts("\n\n", "\n \t\n", "\r\n\r\n", "\r\r", "\n\r", "line\n", "    indented\n", "\x0c")


def split(text: str) -> list[str]:
    """Say what paragraphs are, for a whole text."""
    paragraphs: list[str] = []
    lines: list[str] = []
    for line in [*re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z", text), ""]:
        if line.strip():
            lines.append(line)
        elif lines:
            paragraphs.append(re.sub(r"(?:\r\n|\r|\n)\Z", "", "".join(lines)))
            lines = []
    return paragraphs


@given(chunkings(TEXT))
@example(["a\r", "", "\nb"])
@example(["a\r", "\n", "\r\n"])
@example(["a\r\n\r", "\nb"])
@example(["\r", "\n", "a"])
def test_paragraphs_do_not_depend_on_where_the_text_is_cut(chunks: list[str]) -> None:
    assert run_machine(Paragraphs, chunks) == (split("".join(chunks)), None)


@given(TEXT)
@settings(max_examples=50, deadline=None)
def test_what_is_certain_is_out(text: str) -> None:
    assert_incremental(Paragraphs, text)


@pytest.mark.parametrize(
    ("text", "paragraphs"),
    [
        ("", []),
        (" \n\n\t\n  ", []),
        ("one\ntwo\n\nthree", ["one\ntwo", "three"]),
        ("\n\n  one\n    two \n \t \nthree\n", ["  one\n    two ", "three"]),
        ("one\r\ntwo\r\n\r\nthree\r\n", ["one\r\ntwo", "three"]),
        ("one\rtwo\r\rthree\r", ["one\rtwo", "three"]),
        ("one\n   ", ["one"]),
        ("one\n\x0c\u2003\ntwo", ["one", "two"]),
        ("one\u2028two", ["one\u2028two"]),
    ],
)
def test_blank_lines_part_and_nothing_else_changes(text: str, paragraphs: list[str]) -> None:
    assert run_machine(Paragraphs, [text])[0] == paragraphs


def test_a_paragraph_comes_with_the_end_of_the_blank_line() -> None:
    machine = Paragraphs()
    assert list(machine.feed("one\n")) == []
    assert list(machine.feed("\n")) == ["one"]
    assert list(machine.feed("two\n  ")) == []
    assert list(machine.feed("\r")) == ["two"]
