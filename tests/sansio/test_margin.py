from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rxstream.sansio.margin import Container, Margin

QUOTE = Container(">")


def items(*widths: int) -> list[Container]:
    return [Container("-", width) for width in widths]


def entered(containers: list[Container], line: str) -> Margin:
    margin = Margin()
    assert margin.enter(containers, line, ended=True) is True
    return margin


@pytest.mark.parametrize(
    ("containers", "line", "indent", "rest"),
    [
        ([], "x", 0, "x"),
        ([], " \t x", 5, "x"),
        ([QUOTE], ">x", 0, "x"),
        ([QUOTE], "   > x", 0, "x"),
        ([QUOTE], ">  x", 1, "x"),
        ([QUOTE], ">\tx", 2, "x"),
        ([QUOTE], ">", 0, ""),
        ([QUOTE, QUOTE], "> > x", 0, "x"),
        ([QUOTE, QUOTE], ">\t>\tx", 2, "x"),
        (items(2), "  x", 0, "x"),
        (items(2), "\tx", 2, "x"),
        (items(2, 3), "\t \tx", 3, "x"),
        (items(4), "\tx", 0, "x"),
        (items(2, 2), "", 0, ""),
        (items(2), "     ", 3, ""),
        ([QUOTE, *items(2)], ">\tx", 0, "x"),
        ([*items(2), QUOTE], "   >  x", 1, "x"),
    ],
)
def test_a_line_is_inside(containers: list[Container], line: str, indent: int, rest: str) -> None:
    margin = entered(containers, line)
    assert (margin.indent, line[margin.place :]) == (indent, rest)


@pytest.mark.parametrize(
    ("containers", "line", "depth"),
    [
        ([QUOTE], "x", 0),
        ([QUOTE], "", 0),
        ([QUOTE], "    > x", 0),
        ([QUOTE], "    ", 0),
        ([QUOTE, QUOTE], "> x", 1),
        ([QUOTE, QUOTE], ">", 1),
        (items(2), " x", 0),
        (items(2, 2), "   x", 1),
        ([*items(2), QUOTE], "", 1),
        ([Container("-", 2, empty=True)], "", 0),
        ([Container("-", 2, empty=True)], "   ", 0),
    ],
)
def test_a_line_is_outside(containers: list[Container], line: str, depth: int) -> None:
    margin = Margin()
    assert margin.enter(containers, line, ended=True) is False
    assert margin.depth == depth


@pytest.mark.parametrize(
    ("containers", "line", "strip", "content"),
    [
        ([], "   x", 0, "   "),
        ([], "   x", 2, " "),
        ([], " x", 3, ""),
        ([], "\t\tx", 1, "   \t"),
        ([], " \tx", 1, "\t"),
        ([QUOTE], ">\tx", 0, "  "),
        ([QUOTE], "> \tx", 0, "\t"),
        (items(2), "\t\tx", 0, "  \t"),
        (items(3), "\tx", 1, ""),
        (items(2), "  ", 0, ""),
    ],
)
def test_a_tab_is_parted_where_a_mark_ends(
    containers: list[Container], line: str, strip: int, content: str
) -> None:
    assert entered(containers, line).content(strip) == content


@pytest.mark.parametrize(
    ("containers", "line"),
    [([QUOTE], ""), ([QUOTE], "   "), ([QUOTE, QUOTE], "> "), (items(2), " "), ([QUOTE, *items(3)], ">  ")],
)
def test_more_of_the_line_may_be_needed(containers: list[Container], line: str) -> None:
    assert Margin().enter(containers, line, ended=False) is None


def test_a_line_end_is_the_end_of_a_blank_line() -> None:
    for line_end in "\r\n":
        assert Margin().enter(items(2), " " + line_end, ended=False) is True
        assert Margin().enter([QUOTE], " " + line_end, ended=False) is False


@given(
    st.lists(st.sampled_from([QUOTE, *items(2, 3, 5)]), max_size=4),
    st.text(" \t>x", max_size=12),
    st.lists(st.integers(0, 12), max_size=3),
)
@example([QUOTE], " \t ", [2])
def test_a_margin_may_come_in_pieces(containers: list[Container], line: str, cuts: list[int]) -> None:
    whole, pieces = Margin(), Margin()
    expected = whole.enter(containers, line + "\n", ended=False)
    got: bool | None = None
    rest = line + "\n"
    places = [0, *sorted(cuts), len(rest)]
    for start, end in pairwise(places):
        pieces.place = 0
        got = pieces.enter(containers, rest[start:end], ended=False)
        if got is False or (got and pieces.place < end - start):
            break
    assert (got, pieces.depth) == (expected, whole.depth)
    if got:
        assert (pieces.column, pieces.start) == (whole.column, whole.start)
        assert pieces.content() == whole.content()
