"""Whole values of a model: what is taken for one, and where an error says it is."""

import datetime as dt
import functools
import json
import sys
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Generic, Literal, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, AliasPath, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from rxstream.errors import InvalidValue
from rxstream.sansio.json_path import parse_path
from rxstream.sansio.models import Model

T = TypeVar("T")


class Price(BaseModel):
    amount: float
    currency: str = "EUR"


class Item(BaseModel):
    name: str
    price: Price | None = None


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    day: dt.date


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str


class Box(BaseModel, Generic[T]):
    inside: T


class Row(TypedDict):
    a: int


@dataclass
class Point:
    x: int


class Color(Enum):
    RED = "red"


def _even(value: int) -> int:
    if value % 2:
        raise ValueError(f"{object()} is not even")
    return value


def _loud(value: int) -> int:
    raise ValueError("no " * 1000)


_NOWHERE: Any = "Nowhere"


def model(of: Any) -> Model[Any]:
    return Model(of, operator="parse_json()")


TAKEN: list[tuple[Any, str, Any]] = [
    (Item, '{"name": "a", "price": {"amount": 1}}', Item(name="a", price=Price(amount=1))),
    (Point, '{"x": 1}', Point(1)),
    (Row, '{"a": 1}', {"a": 1}),
    (list[int], "[1, 2]", [1, 2]),
    (int | str, '"a"', "a"),
    (Annotated[int, Field(gt=0)], "1", 1),
    (TypeAdapter(set[int]), "[1, 1]", {1}),
    (Box[int], '{"inside": 1}', Box[int](inside=1)),
    (Color, '"red"', Color.RED),
    (Literal["a"], '"a"', "a"),
    (Any, '{"a": null}', {"a": None}),
    (Strict, '{"day": "2026-11-22"}', Strict(day=dt.date(2026, 11, 22))),
]


@pytest.mark.parametrize(("of", "text", "value"), TAKEN, ids=range(len(TAKEN)))
def test_takes_any_type_that_pydantic_takes(of: Any, text: str, value: Any) -> None:
    assert model(of).validate_json(text, "$") == value
    assert model(of).validate_json(json.dumps(json.loads(text)), "$") == value


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (Item(name="a"), "got an instance of Item; pass the class, model=Item"),
        (Point(1), "got an instance of Point; pass the class, model=Point"),
        (len, "got a function; map the operator's items to call it"),
        (_even, "got a function"),
        (functools.partial(_even, 2), "got a function"),
        ("Item", "got the string 'Item'; pass the class itself, not its name"),
        ({"type": "object"}, "got a dict; write the JSON schema that it holds as a pydantic model"),
        (None, "got None; leave model out"),
        (3, "got 3, of which pydantic says: Unable to generate pydantic-core schema for 3. Define all"),
        (list[_NOWHERE], "name 'Nowhere' is not defined"),
        (Model, "pydantic says"),
    ],
)
def test_what_is_no_model_is_refused_at_once_with_the_way_out(bad: Any, said: str) -> None:
    with pytest.raises(TypeError, match=r"^parse_json\(\): expected as model ") as raised:
        model(bad)
    assert said in str(raised.value)
    assert " at 0x" not in str(raised.value)
    assert len(str(raised.value)) < 600


def test_a_model_that_was_never_finished_is_refused() -> None:
    class Half(BaseModel):
        __annotations__ = {"other": _NOWHERE}

    with pytest.raises(TypeError, match="Define all names it uses"):
        model(Half)
    with pytest.raises(TypeError, match="Define all names it uses"):
        model(TypeAdapter(Half))


def test_a_model_whose_building_was_put_off_is_built() -> None:
    class Late(BaseModel):
        model_config = ConfigDict(defer_build=True)
        a: int

    late = model(Late)
    assert late.validate_json('{"a": 1}', "$") == Late(a=1)
    assert late.partial({"a": 1}, bool) == Late(a=1)


FAULTS: list[tuple[Any, str, str]] = [
    (Item, '{"name": 3}', "$.items[3].name: input should be a valid string, got 3"),
    (
        Item,
        '{"name": "a", "price": {"amount": "x"}}',
        "$.items[3].price.amount: input should be a valid number, unable to parse string as a number, got",
    ),
    (Item, "{}", "$.items[3].name: field required"),
    (Item, "[]", "$.items[3]: input should be an object, got an empty array"),
    (list[Item], '[{"name": "a"}, {}, 1]', "$.items[3][1].name: field required (and 1 more)"),
    (list[int], '[{"a": 1}]', "$.items[3][0]: input should be a valid integer, got an object"),
    (list[int], "[{}]", "$.items[3][0]: input should be a valid integer, got an empty object"),
    (list[int], "[[0]]", "$.items[3][0]: input should be a valid integer, got an array"),
    (int, "null", "$.items[3]: input should be a valid integer, got null"),
    (str, "true", "$.items[3]: input should be a valid string, got true"),
    (str, "false", "$.items[3]: input should be a valid string, got false"),
    (str, "1.5", "$.items[3]: input should be a valid string, got 1.5"),
    (str, "1" * 400, "$.items[3]: input should be a valid string, got a long integer"),
    (dict[str, int], '{"a b": "x"}', "$.items[3]['a b']: input should be a valid integer, unable to parse"),
    (dict[int, int], '{"x": 1}', "$.items[3].x: input should be a valid integer, unable to parse"),
    # A branch of a union is no place in the document, ...
    (Item | None, '{"name": 1}', "$.items[3].name: input should be a valid string, got 1"),
    (Item | Cat, '{"name": 1}', "$.items[3].name: input should be a valid string, got 1 (and 2 more)"),
    (
        Annotated[Cat | Dog, Field(discriminator="kind")],
        '{"kind": "dog", "name": 1}',
        "$.items[3].name: input should be a valid string, got 1",
    ),
    # ... even if a key has the name of the branch.
    (
        Annotated[Cat | Dog, Field(discriminator="kind")],
        '{"kind": "dog", "name": 1, "dog": {"name": 2}}',
        "$.items[3].name: input should be a valid string, got 1",
    ),
    (dict[str, Cat | int], '{"Cat": "x"}', "$.items[3].Cat: input should be an object, got 'x' (and 1 more)"),
    (
        Annotated[Cat | Dog, Field(discriminator="kind")],
        "{}",
        "$.items[3]: unable to extract tag using discriminator 'kind', got an empty object",
    ),
    (
        Annotated[int, AfterValidator(_even)],
        "3",
        "$.items[3]: value error, <object object> is not even, got 3",
    ),
    (
        Annotated[int | str, AfterValidator(_even)],
        "3",
        "$.items[3]: value error, <object object> is not even, got 3",
    ),
]


@pytest.mark.parametrize(("of", "text", "message"), FAULTS, ids=range(len(FAULTS)))
def test_an_error_names_the_first_wrong_place(of: Any, text: str, message: str) -> None:
    for written in (text, json.dumps(json.loads(text))):
        with pytest.raises(InvalidValue) as raised:
            model(of).validate_json(written, "$.items[3]")
        assert str(raised.value).startswith(message)
        assert str(raised.value).startswith(f"{raised.value.path}: ")
        assert raised.value.value == json.loads(text)
        assert isinstance(raised.value.__cause__, ValidationError)


def test_a_value_that_compares_only_with_itself_is_found_nevertheless() -> None:
    with pytest.raises(InvalidValue) as raised:
        model(list[Annotated[float, Field(lt=0)] | None]).validate_json("[1e999]", "$")
    assert raised.value.path == "$[0]"


def test_values_that_python_cannot_compare_are_found_nevertheless() -> None:
    deep = '{"kind": "dog", "dog": ' * 2000 + "{}" + "}" * 2000
    with pytest.raises(InvalidValue) as raised:
        model(Annotated[Cat | Dog, Field(discriminator="kind")]).validate_json(deep, "$")
    assert raised.value.path == "$.name"


def test_a_message_stays_short_whatever_the_document_holds() -> None:
    name = "k" * 5000
    with pytest.raises(InvalidValue) as raised:
        model(dict[str, int]).validate_json(json.dumps({name: "v" * 5000}), "$")
    assert raised.value.path == f"$.{name}"
    assert len(str(raised.value)) < 600
    with pytest.raises(InvalidValue) as raised:
        model(Annotated[int, AfterValidator(_loud)]).validate_json("3", "$")
    assert len(str(raised.value)) < 600


def test_an_alias_with_a_path_leads_to_the_place_it_names() -> None:
    class Far(BaseModel):
        a: int = Field(validation_alias=AliasPath("deep", 0))

    with pytest.raises(InvalidValue) as raised:
        model(Far).validate_json('{"deep": ["x"]}', "$")
    assert raised.value.path == "$.deep[0]"


def test_deeper_or_longer_than_pydantic_parses_is_validated_nevertheless() -> None:
    deep: Any = []
    for _ in range(300):
        deep = [deep]
    assert model(Any).validate_json("[" * 301 + "]" * 301, "$") == deep
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)  # pydantic's parser has a limit of its own
    try:
        long = model(dict[str, int]).validate_json('{"a": 1' + "0" * 4400 + "}", "$")
    finally:
        sys.set_int_max_str_digits(limit)
    assert long == {"a": 10**4400}
    with pytest.raises(InvalidValue) as raised:
        model(list[str]).validate_json("[" * 301 + "]" * 301, "$")
    assert str(raised.value) == "$[0]: input should be a valid string, got an array"


def test_what_a_validator_raises_that_is_no_invalid_value_comes_through() -> None:
    def broken(value: int) -> int:
        raise KeyError(value)

    with pytest.raises(KeyError):
        model(Annotated[int, AfterValidator(broken)]).validate_json("1", "$")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "price", "amount", "kind", "Cat", "dog", "x y"]), inner)
    ),
)


@given(
    st.sampled_from(
        [Item, Cat | Dog, Annotated[Cat | Dog, Field(discriminator="kind")], dict[str, Item | Cat]]
    ),
    _JSON,
)
def test_a_path_leads_into_the_document_or_to_what_is_missing_there(of: Any, value: Any) -> None:
    try:
        model(of).validate_json(json.dumps(value), "$")
    except InvalidValue as error:
        *steps, last = (None, *parse_path(error.path))
        for step in steps[1:]:
            value = value[step]
        if "field required" in str(error):
            assert last not in value
        elif last is not None:
            value[last]
