import re

import pytest
from hypothesis import example, given, settings

from rxstream.sansio.lines import LINE_END, Lines, may_go_on
from rxstream.testing import assert_incremental, chunkings, run_machine, texts

TEXT = texts("\r", "\n", "\r\n", "\n\r", "\r\r\n", "word")


def split(text: str) -> list[str]:
    """Say what lines are, for a whole text."""
    lines = re.split(r"\r\n|\r|\n", text)
    return lines[:-1] if lines[-1] == "" else lines


def kept(*chunks: str) -> list[str]:
    return run_machine(lambda: Lines(keep_ends=True), chunks)[0]


@given(chunkings(TEXT))
@example(["a\r", "\n"])
@example(["a\r", "", "\n", "\r"])
def test_lines_do_not_depend_on_where_the_text_is_cut(chunks: list[str]) -> None:
    assert run_machine(Lines, chunks) == (split("".join(chunks)), None)


@given(chunkings(TEXT))
@example(["\r", ""])
def test_with_their_ends_the_lines_are_the_text(chunks: list[str]) -> None:
    text = "".join(chunks)
    lines = kept(*chunks)
    assert "".join(lines) == text
    assert [re.sub(r"[\r\n]+\Z", "", line) for line in lines] == split(text)


@given(TEXT)
@settings(max_examples=50, deadline=None)
def test_what_is_certain_is_out(text: str) -> None:
    assert_incremental(Lines, text)
    assert_incremental(lambda: Lines(keep_ends=True), text)


@pytest.mark.parametrize("text", ["a\n\nb", "a\r\n\r\nb", "a\r\rb", "a\n\rb"])
def test_an_empty_line_is_a_line(text: str) -> None:
    assert run_machine(Lines, [text])[0] == ["a", "", "b"]


def test_an_end_at_the_end_gives_no_empty_line() -> None:
    assert run_machine(Lines, ["a\n"])[0] == ["a"]
    assert kept("a\n") == ["a\n"]


@pytest.mark.parametrize("character", ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"])
def test_what_only_splitlines_takes_for_an_end_is_none(character: str) -> None:
    assert run_machine(Lines, [f"a{character}b"])[0] == [f"a{character}b"]


def test_a_carriage_return_ends_a_line_at_once() -> None:
    machine = Lines()
    assert list(machine.feed("a\r")) == ["a"]
    assert list(machine.feed("\n")) == []
    assert list(machine.feed("b\n")) == ["b"]


def test_with_its_end_a_line_waits_for_what_follows_a_carriage_return() -> None:
    machine = Lines(keep_ends=True)
    assert list(machine.feed("a\r")) == []
    assert list(machine.feed("\n")) == ["a\r\n"]
    assert list(machine.feed("b\r")) == []
    assert list(machine.feed("c")) == ["b\r"]
    assert list(machine.close()) == ["c"]


@pytest.mark.parametrize(
    ("piece", "goes_on"), [("a\r", True), ("a\rb", False), ("a\r\n", False), ("a\n", False)]
)
def test_only_a_cr_at_the_end_of_a_piece_may_be_half_a_line_end(piece: str, goes_on: bool) -> None:
    line_end = LINE_END.search(piece)
    assert line_end is not None
    assert may_go_on(line_end) is goes_on
