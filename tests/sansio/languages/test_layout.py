"""Lines, fences and list markers."""

import pytest

from rxstream.sansio.languages.ending import Verdict
from rxstream.sansio.languages.layout import (
    WHOLE_LINE,
    item_marker,
    judge_fenced_line,
    judge_item,
    judge_line,
)

ENDS, GOES_ON, WAIT = Verdict.ENDS, Verdict.GOES_ON, Verdict.WAIT


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", WAIT),
        ("  ", WAIT),
        ("\n", ENDS),
        (" \t\n", ENDS),
        ("-", WAIT),
        ("- ", ENDS),
        ("--", GOES_ON),
        ("12", WAIT),
        ("12.", WAIT),
        ("12. ", ENDS),
        ("12.5", GOES_ON),
        ("2020", GOES_ON),
        ("``", WAIT),
        ("```", ENDS),
        ("##", WAIT),
        ("## ", ENDS),
        ("#a", GOES_ON),
        ("B)", WAIT),
        ("B) ", ENDS),
        ("Bo", GOES_ON),
        ("|", ENDS),
        (">", ENDS),
        ("—", ENDS),
        ("•", ENDS),
        ("*", WAIT),
        ("**", GOES_ON),
        (" " * 130, GOES_ON),
    ],
)
def test_the_beginning_of_a_line_tells_whether_the_line_before_is_over(line: str, expected: Verdict) -> None:
    assert judge_line("x\n" + line, 1) == (expected, 2 if expected is GOES_ON else 1)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", (WAIT, 1)),
        (" ``", (WAIT, 1)),
        ("```", (WAIT, 1)),
        ("```\n", (ENDS, 5)),
        (" ```` \n", (ENDS, 7)),
        ("``\n", (GOES_ON, 2)),
        ("```x", (GOES_ON, 2)),
        ("x", (GOES_ON, 2)),
        (" \n", (ENDS, 1)),
        (" " * 130, (GOES_ON, 2)),
    ],
)
def test_a_fence_ends_with_as_many_backticks(line: str, expected: tuple[Verdict, int]) -> None:
    assert judge_fenced_line("x\n" + line, 1, 3) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.", (True, "2")),
        ("9)", (True, "10")),
        ("(a)", (True, "b")),
        ("b.", (True, "c")),
        ("B)", (True, "C")),
        ("B.", (True, "")),
        ("z.", (True, "")),
        ("• IV.", (True, "")),
        ("2020.", (False, "")),
        ("Bo.", (False, "")),
    ],
)
def test_a_marker_tells_the_next_one(text: str, expected: tuple[bool, str]) -> None:
    assert item_marker(text, 0, len(text) - 1) == expected


@pytest.mark.parametrize(
    ("behind", "expected"),
    [
        ("", (WAIT, 2)),
        (")", (WAIT, 2)),
        (" ", (WAIT, 2)),
        (" T", (ENDS, 2)),
        (") T", (ENDS, 2)),
        (" t", None),
        ("5", None),
        ("\n", None),
    ],
)
def test_an_item_begins_with_a_capital(behind: str, expected: tuple[Verdict, int] | None) -> None:
    assert judge_item("x 2." + behind, 2, 3, frozenset()) == expected
    assert judge_item("Page 2. The", 5, 6, frozenset({"page"})) is None
    assert judge_item("Page" + " " * 20 + "2. The", 24, 25, frozenset({"page"})) == (ENDS, 24)


@pytest.mark.parametrize(("line", "expected"), [("# T", True), (" |", True), ("#T", False), ("T", False)])
def test_headings_and_rows_are_whole_lines(line: str, expected: bool) -> None:
    assert bool(WHOLE_LINE.match(line)) is expected
