import pytest

from rxstream.sansio.marks import HEADING, MARKER, SPECIAL, UNDERLINE, interrupts, is_rule


@pytest.mark.parametrize("line", ["***", "---", "___", "* * *", "-- -\t-  ", "_____"])
def test_three_of_a_kind_are_a_rule(line: str) -> None:
    assert is_rule(line, 0)
    assert interrupts(line, 0)


@pytest.mark.parametrize("line", ["**", "*-*", "--- a", "+++", "===", "a"])
def test_nothing_else_is_a_rule(line: str) -> None:
    assert not is_rule(line, 0)


@pytest.mark.parametrize(
    "line", [">", "# a", "######", "```", "~~~ x`", "<div>", "<!--", "- a", "*", "1. a", "123456789)"]
)
def test_a_block_begins(line: str) -> None:
    assert interrupts("  " + line, 2)
    assert line[0] in SPECIAL


@pytest.mark.parametrize(
    "line", ["a", "#a", "#######", "``` `", "<a>", "<", "-a", "1.a", "1", "1234567890. a", "===", "| a |"]
)
def test_no_block_begins(line: str) -> None:
    assert not interrupts("  " + line, 2)


def test_marks_have_lengths_and_numbers() -> None:
    heading, marker, underline = HEADING.match("## a"), MARKER.match("12) a"), UNDERLINE.match("== ")
    assert heading is not None
    assert heading[1] == "##"
    assert marker is not None
    assert (marker[0], marker[1]) == ("12)", "12")
    assert underline is not None
    assert UNDERLINE.match("= =") is None
