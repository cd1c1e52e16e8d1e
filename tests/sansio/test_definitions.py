import pytest

from rxstream.sansio.definitions import Definition, Progress

FAILED, OPEN, COMPLETE, TITLE, OVER, ROLLED_BACK = Progress


def read(text: str) -> list[Progress]:
    definition = Definition()
    return [definition.take(line, 0) for line in text.split("\n")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # The label
        ("[a]: b", [COMPLETE]),
        ("[a\\]]: b", [COMPLETE]),
        ("[a\nc]: b", [OPEN, COMPLETE]),
        ("[a\\\nc]: b", [OPEN, COMPLETE]),
        ("[a", [OPEN]),
        ("[a[b]: c", [FAILED]),
        ("[a] : b", [FAILED]),
        ("[a]", [FAILED]),
        ("[ ]: b", [FAILED]),
        ("[" + "a" * 999 + "]: b", [COMPLETE]),
        ("[" + "a" * 1000 + "]: b", [FAILED]),
        ("[" + "a" * 1000, [FAILED]),
        # The destination
        ("[a]:b", [COMPLETE]),
        ("[a]:", [OPEN]),
        ("[a]: \nb", [OPEN, COMPLETE]),
        ("[a]: <b c> ", [COMPLETE]),
        ("[a]: <>", [COMPLETE]),
        ("[a]: <b", [FAILED]),
        ("[a]: b(c(d))e\\(", [COMPLETE]),
        ("[a]: b(c", [FAILED]),
        ("[a]: b)", [FAILED]),
        ("[a]: )", [FAILED]),
        ("[a]: " + "(" * 33 + ")" * 33, [FAILED]),
        ("[a]: b\\ c", [FAILED]),
        ("[a]: \x01", [FAILED]),
        ("[a]: b c", [FAILED]),
        ("[a]: <b>'c'", [FAILED]),
        # The title
        ("[a]: b 'c'", [OVER]),
        ('[a]: b "c\\"" ', [OVER]),
        ("[a]: b (c)", [OVER]),
        ("[a]: b (c(", [FAILED]),
        ("[a]: b 'c' d", [FAILED]),
        ("[a]: b 'c\nd'", [OPEN, OVER]),
        ("[a]: b 'c\nd' e", [OPEN, FAILED]),
        ("[a]: b\n'c'", [COMPLETE, OVER]),
        ("[a]: b\n'c\nd\ne'", [COMPLETE, TITLE, TITLE, OVER]),
        ("[a]: b\n'c' d", [COMPLETE, ROLLED_BACK]),
        ("[a]: b\n'c\nd' e", [COMPLETE, TITLE, ROLLED_BACK]),
    ],
)
def test_a_definition_is_read_line_by_line(text: str, expected: list[Progress]) -> None:
    assert read(text) == expected


def test_behind_a_destination_only_a_title_may_come() -> None:
    definition = Definition()
    assert definition.may_go_on_with("x", 0)
    definition.take("[a]: b", 0)
    assert not definition.may_go_on_with("x", 0)
    assert definition.may_go_on_with(" (x)", 1)
    definition.take("(x", 0)
    assert definition.may_go_on_with("x", 0)
