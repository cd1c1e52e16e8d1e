from dataclasses import dataclass

import pytest

from rxstream.testing import (
    Diagram,
    Notification,
    assert_marbles,
    find_diagrams,
    format_difference,
    parse_marbles,
)

END = Notification("completed")
FAULT = Notification("error")


def item(value: object) -> Notification:
    return Notification("next", value)


@dataclass
class Tagged:
    source: int
    item: str


def test_one_column_is_one_second_and_an_item_comes_at_its_first_character() -> None:
    assert parse_marbles("--'Hel'--'lo wor'--'ld'----|") == [
        (2, item("Hel")),
        (9, item("lo wor")),
        (19, item("ld")),
        (27, END),
    ]


def test_what_is_in_a_group_comes_at_its_parenthesis() -> None:
    assert parse_marbles("--('a' 'b','c'|)") == [(2, item("a")), (2, item("b")), (2, item("c")), (2, END)]
    assert parse_marbles("-(-1, 2)-(#)") == [(1, item(-1)), (1, item(2)), (9, FAULT)]


def test_spaces_count_like_dashes() -> None:
    assert parse_marbles("  'a' |") == parse_marbles("--'a'-|")


@pytest.mark.parametrize("line", ["", "----", "    ", "--->", "---> "])
def test_nothing_happens(line: str) -> None:
    assert parse_marbles(line) == []


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("'it\\'s'", "it's"),
        ('"-|#("', "-|#("),
        ("b'\\xff'", b"\xff"),
        ("12", 12),
        ("1.5", 1.5),
        ("2e-3", 0.002),
        ("True", True),
        ("None", None),
        ("[1, 'a]', (2,)]", [1, "a]", (2,)]),
        ("{'a': {'b': []}}", {"a": {"b": []}}),
    ],
)
def test_items_are_python_literals(source: str, value: object) -> None:
    assert parse_marbles(f"-{source}--|") == [(1, item(value)), (len(source) + 3, END)]


def test_items_may_be_calls_of_given_names() -> None:
    assert parse_marbles("-Tagged(0, 'a)')|", names={"Tagged": Tagged}) == [
        (1, item(Tagged(0, "a)"))),
        (16, END),
    ]
    with pytest.raises(ValueError, match=r"column 1: expected an item \(name 'Tagged' is not defined\)"):
        parse_marbles("-Tagged(0, 'a')|")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--x--", "column 2: expected '-', an item, a group .*, got 'x'"),
        ("--'a", "column 2: expected '-', an item"),
        ("--[1, 2", "column 2: expected '-', an item"),
        ("--[1)2]", "column 2: expected an item"),
        ("--{x}", "column 2: expected an item"),
        ("--|-'a'", 'column 4: expected nothing after the end, got "\'"'),
        ("--|-#", "column 4: expected nothing after the end"),
        ("--('a'", r"column 2: expected a '\)' for this '\('"),
        ("--('a'('b'))", "column 6: expected"),
        ("--'a')", r"column 5: expected .*, got '\)'"),
        ("--,", "column 2: expected"),
        ("-->--", "column 2: expected"),
        ("(-)", "column 1: expected"),
        ("T(1)", "column 0: expected an item"),
    ],
)
def test_a_slip_is_shown_with_its_column(line: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        parse_marbles(line)
    drawn, caret = str(caught.value).splitlines()[-2:]
    assert drawn == line
    assert caret.endswith("^")


DOCSTRING = '''Give whole words.

    --'Hel'--'lo wor'--'ld'----|
    buffer_words()
    ---------'Hello'-----------('world'|)

    An example that is none:

    >>> parse(1 - 2)
    -1
    words = to_list(source)
    x = a | b

    Two sources, and the first starts late:

          --1--2--|
        -3--4--#
        merge_streams(other).pipe(ops.map(str))
        -'3'--('1' '4')#
    """
'''


def test_diagrams_are_found_among_other_things() -> None:
    assert find_diagrams(DOCSTRING) == [
        Diagram(
            sources=["--'Hel'--'lo wor'--'ld'----|"],
            operator="buffer_words()",
            result="---------'Hello'-----------('world'|)",
            lineno=3,
        ),
        Diagram(
            sources=["  --1--2--|", "-3--4--#"],
            operator="merge_streams(other).pipe(ops.map(str))",
            result="-'3'--('1' '4')#",
            lineno=16,
        ),
    ]


def test_times_count_from_the_least_indented_line() -> None:
    (diagram,) = find_diagrams("Late.\n\n        'a'|\n    delay(3)\n           'a'|\n")
    assert parse_marbles(diagram.sources[0])[0] == (4, item("a"))
    assert parse_marbles(diagram.result)[0] == (7, item("a"))


def test_diagrams_may_follow_one_another() -> None:
    first, second = find_diagrams("    -1|\n    ops.map(str)\n    -'1'|\n    -2|\n    take(1)\n    -2|")
    assert (first.lineno, second.lineno) == (1, 4)
    assert second.sources == ["-2|"]


def test_lines_that_go_on_may_end_with_an_arrow() -> None:
    (diagram,) = find_diagrams("    --1-->\n    take(2)\n    --1-->\n")
    assert parse_marbles(diagram.result) == [(2, item(1))]


@pytest.mark.parametrize(
    "docstring",
    [
        "",
        "Words.",
        "    ----\n    ----\n",
        "    >>> -1\n    foo()\n    -1\n",
        "    x = 1\n    foo(x)\n    --flag\n",
        "    -1\n    not an operator\n    -1\n",
        "    -1|\n\n    foo()\n    -1|\n",
        "    -1|\n    foo()\n\n    -1|\n",
        "    -1|\n    foo()\n    bar()\n    -1|\n",
        "    [1]\n    foo()\n    [1]\n",
        "    a - b\n    foo()\n    a - b\n",
        "    (1 | 2\n    foo()\n    -1|\n",
    ],
)
def test_other_things_are_no_diagrams(docstring: str) -> None:
    assert find_diagrams(docstring) == []


@pytest.mark.parametrize(
    "docstring",
    [
        "    --'a--|\n    foo()\n    --'a'--|\n",
        "    --'a'--|\n    foo()\n    --'a'--|'b'\n",
        "    --'a'--|\n\n    foo()\n    --'a'--|\n",
    ],
)
def test_a_diagram_with_a_slip_is_an_error(docstring: str) -> None:
    with pytest.raises(ValueError, match=r"line \d looks like marbles, but is not part of a diagram"):
        find_diagrams(docstring)


def test_alike_marbles_have_no_difference() -> None:
    expected = parse_marbles("--'a'---#")
    got = [(2.0000001, item("a")), (8.0, Notification("error", KeyError("x")))]
    assert format_difference(expected, got) == ""
    assert_marbles(expected, got)
    assert format_difference([], []) == ""


def test_a_difference_shows_both_as_marbles_and_as_times() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_marbles(parse_marbles("--'a'--('b'|)"), parse_marbles("--'a'---'b'|"))
    assert str(caught.value) == (
        "the marbles differ at number 2: expected 'b' at 7 s, got 'b' at 8 s\n"
        "expected: --'a'--('b' |)\n"
        "          'a' at 2 s, 'b' at 7 s, completion at 7 s\n"
        "got:      --'a'---'b'|\n"
        "          'a' at 2 s, 'b' at 8 s, completion at 11 s"
    )


def test_marbles_that_do_not_fit_the_columns_are_listed_only() -> None:
    got = [(0.5, item("a")), (1.0, Notification("error", KeyError("x")))]
    assert format_difference([], got) == (
        "the marbles differ at number 1: expected nothing, got 'a' at 0.5 s\n"
        "expected: \n"
        "          nothing\n"
        "got:      'a' at 0.5 s, KeyError('x') at 1 s"
    )
    close = [(0.0, item("abc")), (1.0, item("d")), (9.0, FAULT)]
    assert (
        format_difference(close, []).splitlines()[1] == "expected: 'abc' at 0 s, 'd' at 1 s, an error at 9 s"
    )


@pytest.mark.parametrize("got", ["-'a'--#", "-'a'--|", "-'a'", "-'a'-|", "-'a'--('b'|)"])
def test_kinds_values_times_and_length_all_count(got: str) -> None:
    expected = [(1.0, item("a")), (6.0, Notification("error", 1))]
    assert format_difference(expected, parse_marbles(got)).startswith("the marbles differ at number 2: ")
