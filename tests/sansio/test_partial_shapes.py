"""Strings that grow, what validators do to them, and depth."""

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, BeforeValidator, Field

from rxstream.sansio.json_tree import Tree
from rxstream.sansio.models import Model
from tests.sansio.partials import (
    Checked,
    Color,
    Commented,
    Deep,
    Person,
    Short,
    Stripped,
    Word,
    assert_shows,
    crashes,
    done_beside,
    fails,
    upper,
)

CASES: list[tuple[Any, str, Any]] = [
    # What grows shows only where the model has a str.
    (Person, '{"born": "2026-01-1', {}),
    (Person, '{"born": "2026-01-12"', {"born": dt.date(2026, 1, 12)}),
    (Person, '{"color": "red', {}),
    (Person, '{"color": "red"', {"color": Color.RED}),
    (Person, '{"size": "s', {}),
    (Person, '{"size": "s"', {"size": "s"}),
    (list[int], '["1', []),
    (list[Word], '["a', []),
    (list[Decimal], '["1", "2', [Decimal(1)]),
    (list[str | int], '[1, "2', [1, "2"]),
    (list[str | dt.date], '["2', []),
    (list[Literal["auto"] | Short], '["au', ["au"]),
    (list[Literal[Color.RED] | str], '["re', []),
    (list[Annotated[int | str, Field(union_mode="left_to_right")]], '["1', []),
    (list[Annotated[list[int] | str, Field(union_mode="left_to_right")]], '["1', ["1"]),
    (list[Any], '["1", {"a": [2,', ["1", {"a": [2]}]),
    (Any, '{"a', {}),
    (dict[str, Any], '{"a": {"b": "c', {"a": {"b": "c"}}),
    # Constraints and validators.
    (Commented, '{"text": "A b', {"text": "A b"}),
    (Commented, '{"text": "A b"', {}),
    (Commented, '{"code": "ab', {"code": "AB"}),
    (Commented, '{"failing": "ab', {}),
    (Commented, '{"crashing": "ab', {}),
    (Commented, '{"wrapped": "ab', {"wrapped": "ab"}),
    (Commented, '{"last": 1, "number": 2, "code": "x", ', {"last": 1, "code": "X"}),
    (Stripped, '{"day": "2026-01-12", "text": " a ', {"day": dt.date(2026, 1, 12), "text": "a"}),
    (Annotated[list[int], Field(min_length=3), AfterValidator(sorted)], "[2, 1, ", [1, 2]),
    (Annotated[list[int], AfterValidator(fails)], "[2, 1, ", None),
    (Annotated[dict[str, int], AfterValidator(crashes)], '{"a": 1,', None),
    (Annotated[list[int], BeforeValidator(crashes)], "[2, 1, ", [2, 1]),
    (Annotated[str, AfterValidator(len)], '"ab', None),
    (list[Annotated[str, AfterValidator(crashes)]], '["ab", "', []),
    (list[Annotated[Any, AfterValidator(upper)]], '["ab", "c', ["AB"]),
    (Checked, '{"a": 5, "b": 1, "c": [2,', {"a": 5, "b": 6, "c": [2]}),
    (Checked, '{"b": 1, "c": [2,', {"c": [2]}),
]


@pytest.mark.parametrize(("of", "text", "value"), CASES, ids=range(len(CASES)))
def test_shows_what_has_come(of: Any, text: str, value: Any) -> None:
    assert_shows(of, text, value)


def test_open_values_of_any_depth_are_no_error() -> None:
    text = '{"friend": ' * 5000
    tree = Tree(max_depth=10_000)
    tree.take(text)
    made = Model[Person](Person, operator="op()").partial(tree.snapshot(), done_beside(tree.open_path()))
    depth = 0
    while made is not None:
        assert isinstance(made, Person)
        made, depth = made.friend, depth + 1
    assert 50 < depth < 200


def test_whole_values_too_deep_for_pydantics_parser_are_validated() -> None:
    deep: Any = [[]]
    for _ in range(300):
        deep = [deep]
    made = Model[Any](dict[str, Any], operator="op()").partial(
        {"a": deep, "b": []}, lambda path: path[:1] == ("a",)
    )
    assert made == {"a": deep, "b": []}
    for _ in range(2000):
        deep = [deep]
    made = Model[Any](Deep, operator="op()").partial({"a": 1, "deep": deep}, bool)
    assert made.a == 1
    assert made.deep is deep
    shallow = Model[Any](list[list[int]], operator="op()").partial([deep, 1], lambda path: path == (0,))
    assert shallow == [[]]
