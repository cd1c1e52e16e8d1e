"""Values made of text: the same as json makes, also where jiter gives up, and of half a document."""

import json
import sys
from typing import Any

import jiter
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rxstream.sansio.json_grammar import Broken
from rxstream.sansio.json_tree import Tree, decode, scalar_value, unescaped
from tests.sansio.json_documents import NOTHING, documents, equal, known, nested


def tree_of(text: str, max_depth: int = 500) -> Any:
    tree = Tree(max_depth=max_depth)
    tree.take(text)
    tree.finish()
    return tree.root


@given(documents())
@example("-0")
@example("[1e400, -1E400, 1e-400, 123456789012345678901234567890.5, 0.1e1]")
@example('{"a":1,"a":{"b":2},"a":[3]}')
def test_a_whole_value_is_what_json_makes_of_it(text: str) -> None:
    value = json.loads(text)
    assert equal(decode(text), value)
    assert equal(tree_of(text), value)


@given(
    st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", fullmatch=True).filter(
        lambda text: text.isascii()
    )
)
def test_a_number_is_what_json_makes_of_it(text: str) -> None:
    value = json.loads(text)
    assert equal(scalar_value(text), value)
    assert equal(decode(text), value)


def test_literals_are_what_they_are() -> None:
    assert [scalar_value(raw) for raw in ("true", "false", "null")] == [True, False, None]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_escapes_are_decoded(text: str) -> None:
    assert unescaped(json.dumps(text)[1:-1]) == text
    plain = text.replace("\\", "").replace('"', "")
    assert unescaped("".join(char for char in plain if char >= " ")) == "".join(c for c in plain if c >= " ")


@pytest.mark.parametrize("depth", [1, 199, 200, 201, 300, 500])
@pytest.mark.parametrize("unit", [("[", "]", "1"), ('{"a":', "}", '"x"'), ('[{"b":[0,', "]}]", "null")])
def test_deep_values_are_the_same_where_jiter_gives_up(depth: int, unit: tuple[str, str, str]) -> None:
    opening, closing, inside = unit
    depth //= opening.count("[") + opening.count("{")
    text = opening * depth + inside + closing * depth
    assert equal(decode(text), json.loads(text))
    if depth > 200:
        with pytest.raises(ValueError, match="recursion limit"):
            jiter.from_json(text.encode())


def test_fifty_thousand_arrays_are_no_matter_of_recursion() -> None:
    depth = 50_000
    value = decode("[" * depth + "]" * depth, 100_000)
    found = 0
    while value:
        assert len(value) == 1
        (value,) = value
        found += 1
    assert found == depth - 1


def test_the_longest_integers_are_exact() -> None:
    digits = "7" * sys.get_int_max_str_digits()
    assert decode(digits) == int(digits)
    assert decode(f"[-{digits}]") == [-int(digits)]
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        assert decode(digits + "7") == int(digits + "7")
    finally:
        sys.set_int_max_str_digits(before)


# ---------------------------------------------------------------- half a document


@given(documents(), st.data())
@example('{"a": {"b": 1}, "a": "x"}', None)
@example('[[1, 2], [3, {"k": "v\\n"}], true]', None)
def test_what_a_tree_shows_of_a_prefix_is_what_is_known_of_it(text: str, data: st.DataObject | None) -> None:
    ends = range(len(text) + 1) if data is None else [data.draw(st.integers(0, len(text)))]
    for end in ends:
        tree = Tree()
        tree.take(text[:end])
        value, whole = known(text[:end])
        assert equal(tree.snapshot(), None if value is NOTHING else value)
        assert (tree.open_path() is None) == (() in whole)


@given(nested(), st.lists(st.integers(0, 200), max_size=6))
def test_a_snapshot_stays_what_it_was(text: str, cuts: list[int]) -> None:
    tree = Tree()
    taken = 0
    shown: list[tuple[Any, Any]] = []
    for cut in [*sorted(cuts), len(text)]:
        if taken < cut <= len(text):
            held, tree.held = tree.held, ""
            tree.take(held + text[taken:cut])
            taken = cut
        value = known(text[:taken])[0]
        shown.append((tree.snapshot(), None if value is NOTHING else value))
    assert all(equal(snapshot, value) for snapshot, value in shown)


def test_a_snapshot_joins_the_pieces_of_a_string_once_for_all() -> None:
    """Else whoever asks with every piece of a long string pays for all its pieces each time."""
    tree = Tree()
    tree.take('["')
    for count in range(1, 5):
        tree.take("ab")
        tree.take("c")
        assert tree.snapshot() == ["abc" * count]
        assert tree._parts == ["abc" * count]  # pyright: ignore[reportPrivateUsage]
    tree.take('"]')
    assert tree.snapshot() == ["abc" * 4]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", ()),
        ("12", ()),
        ('"a', ()),
        ("[", ()),
        ("[1", ()),
        ("[1,", ()),
        ('["a', (0,)),
        ('["a"', ()),
        ('["a", "b', (1,)),
        ("[[", (0,)),
        ("[[],", ()),
        ("[[], [1, {", (1, 1)),
        ('{"a', ()),
        ('{"a"', ()),
        ('{"a":', ()),
        ('{"a": {', ("a",)),
        ('{"a": {"b": "', ("a", "b")),
        ('{"a": {"b": ""', ("a",)),
        ('{"a": [0, 1], "c": [{"d": ["', ("c", 0, "d", 0)),
        ("[]", None),
        ('"a"', None),
    ],
)
def test_the_open_place_is_the_innermost_that_is_not_whole(text: str, path: Any) -> None:
    tree = Tree()
    tree.take(text)
    assert tree.open_path() == path


def test_a_tree_can_be_begun_again() -> None:
    tree = Tree()
    tree.take('{"a": ["b')
    assert tree.snapshot() == {"a": ["b"]}
    tree.restart()
    assert tree.snapshot() is None
    tree.take("[1]")
    assert tree.snapshot() == [1]


def test_a_tree_refuses_what_its_grammar_refuses() -> None:
    with pytest.raises(Broken):
        Tree(max_depth=1).take("[[")
