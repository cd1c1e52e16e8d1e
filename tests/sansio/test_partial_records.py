"""What is shown of open models, dataclasses and TypedDicts."""

from typing import Any

import pydantic
import pytest
from pydantic import Field

from rxstream.sansio.models import Model
from tests.sansio.partials import (
    Abstract,
    Aliased,
    ByName,
    Factories,
    Fixed,
    Fragile,
    OnlyByName,
    Open,
    Person,
    Pet,
    Point,
    assert_shows,
    shown,
)

CASES: list[tuple[Any, str, Any]] = [
    # Models: what came, and defaults for the rest.
    (Person, '{"name": "An', {"name": "An"}),
    (Person, '{"name": "Anna", "pet": {"na', {"name": "Anna", "pet": {}}),
    (Person, '{"name": "Anna", "pet": {"name": "T', {"name": "Anna", "pet": {"name": "T"}}),
    (
        Person,
        '{"pets": [{"name": "T", "age": 3}, {"name": "',
        {"pets": [{"name": "T", "age": 3}, {"name": ""}]},
    ),
    (
        Person,
        '{"by_name": {"t": {"age": 3}, "u": {"age": 4, "',
        {"by_name": {"t": {"age": 3}, "u": {"age": 4}}},
    ),
    (Person, '{"friend": {"friend": {"name": "B', {"friend": {"friend": {"name": "B"}}}),
    (Person, "{", {}),
    (Person, "[", None),
    (Person, '{"name": {"a": ', {}),
    (Person, '{"unknown": {"a": [1,', {}),
    # What is whole, but wrong, is left out: as little of it as possible.
    (Person, '{"name": 1, "pet": {"name": "a", "age": "x"}, "friend": [{', {"pet": {"name": "a"}}),
    (
        Person,
        '{"pets": [{"name": "T"}, {"age": 3}, 4, {"name": "U"}], ',
        {"pets": [{"name": "T"}, {"age": 3}]},
    ),
    (Person, '{"by_name": {"t": 3, "u": {"name": "U"}},', {"by_name": {"u": {"name": "U"}}}),
    # Aliases.
    (Aliased, '{"A": "x', {"a": "x"}),
    (Aliased, '{"a": "x', {"a": "x"}),  # an extra that is called as the field is
    (Aliased, '{"bee": "x', {"b": "x"}),
    (Aliased, '{"deep": ["x", "y', {}),
    (Aliased, '{"deep": ["x", "y"], ', {"c": "x", "d": "y"}),
    (Aliased, '{"more": ["x', {"more": ["x"]}),
    (ByName, '{"a": "x', {"a": "x"}),
    (ByName, '{"A": "x', {"a": "x"}),
    (OnlyByName, '{"a": "x', {"a": "x"}),
    (OnlyByName, '{"A": "x', {}),
    (Open, '{"b": "x", "c": 3, "a": ', {"c": 3}),
    # No object can be made.
    (Abstract, '{"a": 1, ', None),
    (Fragile, '{"a": 1, ', {"a": 1}),
]


@pytest.mark.parametrize(("of", "text", "value"), CASES, ids=range(len(CASES)))
def test_shows_what_has_come(of: Any, text: str, value: Any) -> None:
    assert_shows(of, text, value)


def test_what_has_not_come_has_its_default_or_is_none() -> None:
    made = shown(Person, '{"name": "An')
    assert isinstance(made, Person)
    assert made.__dict__ == {
        "name": "An",
        "pet": None,
        "pets": [],
        "by_name": {},
        "friend": None,
        "born": None,
        "color": None,
        "size": None,
    }
    assert made.model_fields_set == {"name"}
    assert shown(Pet, '{"age": 3,').name is None
    assert shown(Pet, '{"age": 3,').model_dump(exclude_unset=True) == {"age": 3}


def test_a_default_is_each_objects_own() -> None:
    model = Model[Person](Person, operator="op()")
    first = model.partial({}, bool)
    first.pets.append(Pet(name="a"))
    assert model.partial({}, bool).pets == []


def test_a_factory_sees_the_fields_before_it_and_may_fail() -> None:
    made = shown(Factories, '{"a": 3, ')
    assert (made.a, made.b, made.c, made.d) == (3, [1], 4, None)
    assert made._private == []
    assert not hasattr(made, "_unset")
    assert shown(Factories, "{").c is None


def test_extras_are_where_pydantic_has_them() -> None:
    made = shown(Aliased, '{"A": "x", "a": "y", "more": [1, ')
    assert made.a == "x"
    assert made.model_extra == {"a": "y", "more": [1]}
    assert shown(Pet, '{"more": 1, ').model_extra is None


def test_a_dataclass_is_made_without_its_init() -> None:
    made = shown(Point, '{"x": 1, "hidden": [1], "start": 4, "tags": ["a", "b')
    assert isinstance(made, Point)
    assert vars(made) == {"x": 1, "tags": ["a", "b"], "note": "n", "hidden": [], "bare": None}
    assert shown(Point, '{"x": 1, ').tags is None
    assert shown(list[Fixed], '[{"x": 1}, {')[0] == Fixed(1)
    assert shown(list[Fixed], '[{"x": 1}, {')[1].x is None


def test_a_pydantic_dataclass_is_made_without_its_init() -> None:
    @pydantic.dataclasses.dataclass
    class Made:
        a: str = Field(alias="A")
        b: int = Field(2)

        def __post_init__(self) -> None:
            assert self.a.endswith("!")

    made = shown(Made, '{"A": "x')
    assert isinstance(made, Made)
    assert (made.a, made.b) == ("x", 2)
