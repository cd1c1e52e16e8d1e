"""Paths: read, written, and what is said of those that are none."""

import re
from random import Random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rxstream.sansio.json_path import ANY, Step, parse_path, parse_place, show_path

NAMES = st.one_of(
    st.sampled_from(
        ["", "a", "items", "unit price", "it's", '"', "\\", "\\'", "0", "a-b", "*", "]", "é", "$", "\n"]
    ),
    st.text(max_size=6),
)
STEPS: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(NAMES, st.integers(0, 10**20), st.just(ANY)), max_size=5
)


def spelled(steps: list[Step], seed: int) -> str:
    """Write a path in one of the many ways."""
    rng = Random(seed)
    out = ["$"]
    for step in steps:
        if step is None:  # ANY
            out.append(rng.choice((".*", "[*]")))
        elif isinstance(step, int):
            out.append(f"[{step}]")
        elif re.fullmatch("[a-zA-Z_é][a-zA-Z_é0-9]*", step) and rng.random() < 0.5:
            out.append(f".{step}")
        else:
            quote = rng.choice("'\"")
            out.append(f"[{quote}{''.join(quoted(char, quote, rng) for char in step)}{quote}]")
    return "".join(out)


def quoted(char: str, quote: str, rng: Random) -> str:
    if char in {quote, "\\"}:
        return "\\" + char
    if rng.random() < 0.2:
        units = char.encode("utf-16-be", "surrogatepass").hex()
        return "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4))
    if char == "/" and rng.random() < 0.5:
        return "\\/"
    return char


@given(STEPS, st.integers(0, 10**6))
@example(["it's", '"'], 1)
@example(["it's", '"'], 2)
def test_a_path_is_read_however_it_is_spelled(steps: list[Step], seed: int) -> None:
    assert parse_path(spelled(steps, seed)) == tuple(steps)


@given(STEPS)
def test_what_is_written_is_read_again(steps: list[Step]) -> None:
    assert parse_path(show_path(steps)) == tuple(steps)


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("$", ()),
        ("$.items[*].name", ("items", ANY, "name")),
        ("$.*.*", (ANY, ANY)),
        ("$[0][10]", (0, 10)),
        ("$['a']", ("a",)),
        ('$["a"]', ("a",)),
        ('$["it\'s"]', ("it's",)),
        ("$['it\\'s']", ("it's",)),
        ("$['say \"no\"']", ('say "no"',)),
        ('$["say \\"no\\""]', ('say "no"',)),
        ("$['a\\\\']", ("a\\",)),
        ("$['\\u00e9\\n']", ("é\n",)),
        ("$['\\ud83d\\ude00']", ("😀",)),
        ("$['*']", ("*",)),
        ("$['0']", ("0",)),
        ("$['a]b[']", ("a]b[",)),
        ("$['']", ("",)),
        ("$.größe.名前", ("größe", "名前")),
        ("$._a1", ("_a1",)),
    ],
)
def test_names_indices_and_stars(path: str, steps: tuple[Step, ...]) -> None:
    assert parse_path(path) == steps


@pytest.mark.parametrize(
    ("steps", "path"),
    [
        ((), "$"),
        (("items", 3, "price"), "$.items[3].price"),
        (("unit price", ANY), "$['unit price'][*]"),
        (("it's", "a\\b"), "$['it\\'s']['a\\\\b']"),
        (("", "0"), "$['']['0']"),
    ],
)
def test_a_path_is_shown_as_people_write_it(steps: tuple[Step, ...], path: str) -> None:
    assert show_path(steps) == path


HINT = (
    "; other names are written ['like this'], and slices, filters, negative indices and '..' cannot be told "
    "while the document is being written"
)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("items", "expected a JSONPath, which starts with '$', such as '$.items[*]', got 'items'"),
        ("", "expected a JSONPath, which starts with '$', such as '$.items[*]', got ''"),
        *(
            (
                path,
                (
                    "expected .name, ['quoted name'], [index], .* or [*] at character "
                    f"{place} of the path, got {path[place:]!r} in {path!r}{HINT}"
                ),
            )
            for path, place in (
                ("$..a", 1),
                ("$[-1]", 1),
                ("$[1:2]", 1),
                ("$[?(@.a)]", 1),
                ("$.a-b", 3),
                ("$.a b", 3),
                ("$.0", 1),
                ("$['a", 1),
                ("$['a\\']", 1),
                ("$['a\"]", 1),
                ("$['a'b']", 1),
                ("$[a]", 1),
                ("$[01]", 1),
                ("$[1,2]", 1),
                ("$[]", 1),
                ("$.", 1),
                ("$.a.", 3),
                ("$ ", 1),
                ("$a", 1),
            )
        ),
        ("$['\\x']", "expected JSON's escapes in the quoted name '\\\\x' of \"$['\\\\x']\""),
        ("$['\\u12']", "expected JSON's escapes in the quoted name '\\\\u12' of \"$['\\\\u12']\""),
    ],
)
def test_what_is_no_path_is_refused_with_its_place(path: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_path(path)
    assert str(caught.value) == message


@pytest.mark.parametrize("path", [5, None, b"$", ("a",), ["$"]])
def test_what_is_no_text_is_refused(path: Any) -> None:
    with pytest.raises(TypeError, match=r"^expected a JSONPath such as '\$\.items\[\*\]', got "):
        parse_path(path)


@given(st.text("$.[]*'\"\\a1-u0", max_size=12).map("$".__add__))
def test_any_text_is_a_path_or_a_value_error(path: str) -> None:
    try:
        steps = parse_path(path)
    except ValueError as error:
        assert path in str(error) or repr(path) in str(error)  # noqa: PT017 - one of the two
    else:
        assert parse_path(show_path(steps)) == steps


@pytest.mark.parametrize("tail", ["\\" * 60, "\\'" * 60, "\\\\a" * 60, "''" * 60])
def test_a_name_full_of_backslashes_that_does_not_end_costs_nothing(tail: str) -> None:
    # To go back into what has matched doubled the cost with every second backslash: this took years.
    with pytest.raises(ValueError, match="expected"):
        parse_path("$['" + tail)


@pytest.mark.parametrize("path", ["$.items[0]", ("items", 0), ["items", 0]])
def test_a_place_is_a_path_or_its_steps(path: Any) -> None:
    assert parse_place(path) == ("items", 0)
    assert parse_place("$") == parse_place(()) == ()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("$.items[*]", ValueError),
        (3, TypeError),
        (None, TypeError),
        (b"items", TypeError),
        (("items", None), TypeError),
        ((1.5,), TypeError),
        ({"items": 0}, TypeError),
    ],
)
def test_a_place_is_one_place(path: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught:
        parse_place(path)
    assert str(caught.value) == (
        f"expected the path of one place, such as '$.items[0]' or ('items', 0), got {path!r}"
    )
