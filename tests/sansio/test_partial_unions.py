"""What is shown of open unions."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import core_schema

from tests.sansio.partials import (
    CAT,
    DOG,
    Animal,
    ByFunction,
    Cat,
    Dog,
    Names,
    Other,
    Pair,
    Person,
    Pet,
    Shut,
    Word,
    assert_shows,
    crashes,
    of_schema,
    shown,
)

CASES: list[tuple[Any, str, Any]] = [
    # Unions.
    (Animal, '{"name": "x", "kind": "do', None),
    (Animal, '{"name": "x", "kind": "dog"', {"name": "x", "kind": "dog"}),
    (Animal, '{"kind": "cow", ', None),
    (Animal, '{"kind": ["dog"], ', None),
    (Animal, "[", None),
    (list[Animal], '[{"kind": "cat", "lives": 9}, {"kind": "dog", "name": "R', [CAT, DOG]),
    (list[Animal | int], '[1, {"kind": "dog", "name": "R', [1, DOG]),
    (list[Animal | Other], '[{"kind": "dog", "name": "R', []),
    (ByFunction, '{"kind": "dog", "name": "x', {"kind": "dog", "name": "x"}),
    (ByFunction, '{"name": "x', None),
    (Cat | Dog, '{"name": "x', None),
    (Cat | Dog, '{"kind": "dog", "name": "x', {"kind": "dog", "name": "x"}),
    (Cat | Dog, '{"kind": "cow", "name": "x', None),
    (Shut | Other, '{"b": "x', {"b": "x"}),
    (Shut | Other, '{"a": "x', None),
    (Shut | Other | list[int] | None, "[1, ", [1]),
    (Pet | int, '{"name": "x', {"name": "x"}),
    (Names | int, '["x', ["x"]),
    (Names | list[int], '["x", ', None),
    (Annotated[Pet, AfterValidator(crashes)] | Pair, '{"name": "x', None),
    (Person | int, '{"friend": {"name": "x', {"friend": {"name": "x"}}),
    (Person | Other, '{"color": "blue", "b": "x', {"b": "x"}),
    (Any | Other, '{"b": "x', None),
    (Any | int, '{"b": "x', {"b": "x"}),
    (Annotated[Shut | Other, AfterValidator(crashes)] | int, '{"b": "x', {"b": "x"}),
    (list[dict[str, int] | list[str]], '[{"a": 1,', [{"a": 1}]),
    (list[list[Cat | Dog] | int | str], '[[{"kind": "cat", "name": "', [[{"kind": "cat", "name": ""}]]),
]


@pytest.mark.parametrize(("of", "text", "value"), CASES, ids=range(len(CASES)))
def test_shows_what_has_come(of: Any, text: str, value: Any) -> None:
    assert_shows(of, text, value)


def test_a_tag_may_stand_deeper() -> None:
    text = core_schema.typed_dict_field(core_schema.str_schema())
    discriminators: list[Any] = [[["kind"], ["head", 0]], ["head", 0]]
    for discriminator in discriminators:
        of = of_schema(
            core_schema.tagged_union_schema({"a": core_schema.typed_dict_schema({"x": text})}, discriminator)
        )
        assert shown(of, '{"x": "y", "head": ["a", ') == {"x": "y"}
        assert shown(of, '{"x": "y", "head": ["a') is None
        assert shown(of, '{"x": "y", "head": ') is None


def test_an_enum_may_be_the_tag() -> None:
    class One(BaseModel):
        kind: Literal[Word.A]
        name: str

    class Two(BaseModel):
        kind: Literal[Word.B]
        name: str

    made = shown(list[Annotated[One | Two, Field(discriminator="kind")]], '[{"kind": "b", "name": "a')
    assert isinstance(made[0], Two)
    assert made[0].model_dump() == {"kind": Word.B, "name": "a"}
