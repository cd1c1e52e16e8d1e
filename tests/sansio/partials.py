"""Models, and documents that are still being written, for the tests of what is shown of them."""

import copy
import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import InitVar, dataclass, field
from enum import Enum, StrEnum
from typing import Annotated, Any, Generic, Literal, NamedTuple, Optional, TypeVar

from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasPath,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetPydanticSchema,
    PlainValidator,
    PrivateAttr,
    RootModel,
    Tag,
    ValidationInfo,
    WrapValidator,
    field_validator,
    model_validator,
)
from pydantic_core import core_schema
from typing_extensions import TypeAliasType, TypedDict

from rxstream.sansio.json_tree import Tree
from rxstream.sansio.models import Model
from rxstream.sansio.partial_shapes import Done, Path

T = TypeVar("T")


class Color(Enum):
    RED = "red"
    RED_HOT = "red hot"


class Word(StrEnum):
    A = "a"
    B = "b"


class Pet(BaseModel):
    name: str
    age: int = 1


class Person(BaseModel):
    name: str
    pet: Pet | None = None
    pets: list[Pet] = []
    by_name: dict[str, Pet] = {}
    friend: Optional["Person"] = None
    born: dt.date | None = None
    color: Color | None = None
    size: Literal["s", "m"] | None = None


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int
    name: str = ""


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str


@dataclass
class Point:
    x: int
    tags: list[str]
    note: str = "n"
    hidden: list[int] = field(init=False, default_factory=list[int])
    bare: int = field(init=False)
    start: InitVar[int] = 0


@dataclass(frozen=True, slots=True)
class Fixed:
    x: int


class Row(TypedDict):
    a: int
    b: str


class Pair(NamedTuple):
    a: int
    b: int


class Box(BaseModel, Generic[T]):
    inside: T


def snapshots(text: str) -> Iterator[tuple[Any, Done, bool]]:
    """Give, after each character, what is known, what of it is whole, and whether all is."""
    tree = Tree()
    for letter in text:
        piece = tree.held + letter
        tree.held = ""
        tree.take(piece)
        path = tree.open_path()
        yield tree.snapshot(), done_beside(path), path is None


def done_beside(open_path: Path | None) -> Done:
    return lambda path: open_path is None or open_path[: len(path)] != path


def shown(of: Any, text: str) -> Any:
    """Give what is shown of a text that has come so far."""
    *_, (snapshot, done, _) = snapshots(text)
    before = copy.deepcopy(snapshot)
    made = Model[Any](of, operator="op()").partial(snapshot, done)
    assert snapshot == before
    return made


def plain(made: Any) -> Any:
    """Give what came, with dicts for models."""
    kind = made.__class__
    if isinstance(made, BaseModel):
        return made.model_dump(exclude_unset=True)
    if kind is list:
        return [plain(one) for one in made]
    return {key: plain(one) for key, one in made.items()} if kind is dict else made


def fails(value: Any) -> Any:
    raise ValueError(value)


def crashes(value: Any) -> Any:
    raise KeyError(value)


def upper(value: Any) -> Any:
    return value.upper()


def pass_on(value: Any, handler: Any) -> Any:
    return handler(value)


class Commented(BaseModel):
    text: Annotated[str, Field(min_length=5, pattern="^[a-z]+$")]
    code: Annotated[str, AfterValidator(upper)] = "none"
    failing: Annotated[str, AfterValidator(fails)] = "default"
    crashing: Annotated[str, BeforeValidator(crashes)] = "default"
    wrapped: Annotated[str, WrapValidator(pass_on)] = ""
    number: Annotated[int, AfterValidator(crashes)] = 7
    last: int = 8


class Stripped(BaseModel):
    model_config = ConfigDict(str_strip_whitespace=True, str_min_length=4, strict=True)
    text: str
    day: dt.date = dt.date(2000, 1, 1)


class Aliased(BaseModel):
    model_config = ConfigDict(extra="allow")
    a: str = Field(alias="A")
    b: str = Field("-", validation_alias=AliasChoices("B", "bee"))
    c: str = Field("-", validation_alias=AliasPath("deep", 0))
    d: str = Field("-", validation_alias=AliasChoices("D", AliasPath("deep", 1)))


class ByName(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    a: str = Field(alias="A")


class OnlyByName(BaseModel):
    model_config = ConfigDict(validate_by_name=True, validate_by_alias=False)
    a: str = Field(alias="A")


class Checked(BaseModel):
    a: int
    b: int = 0
    c: list[int] = []

    @field_validator("b")
    @classmethod
    def _b(cls, value: int, info: ValidationInfo) -> int:
        return value + int(info.data["a"])

    @model_validator(mode="after")
    def _after(self) -> "Checked":
        if self.a > self.b:
            raise ValueError("too small")
        return self

    @model_validator(mode="before")
    @classmethod
    def _before(cls, data: Any) -> Any:
        return {name: data.pop(name) for name in list(data)}

    def model_post_init(self, context: Any, /) -> None:
        assert self.a + 1


class Factories(BaseModel):
    a: int
    b: list[int] = Field(default_factory=lambda: [1])
    c: int = Field(default_factory=lambda data: data["a"] + 1)
    d: int = Field(default_factory=lambda: crashes(1))
    _private: list[int] = PrivateAttr(default_factory=list[int])
    _unset: int = PrivateAttr()


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, int]  # pyright: ignore[reportIncompatibleVariableOverride]
    a: int = 0


class Shut(BaseModel):
    model_config = ConfigDict(extra="forbid")
    a: str


class Other(BaseModel):
    b: str


class Abstract(BaseModel, ABC):
    a: int = 0

    @abstractmethod
    def run(self) -> None: ...


class Fragile(BaseModel):
    a: int = 0
    _private: int = PrivateAttr(default_factory=lambda: crashes(1))


class Deep(BaseModel):
    a: int
    deep: Any


class Names(RootModel[list[str]]):
    pass


Nested = TypeAliasType("Nested", "list[Nested] | int")
Short = TypeAliasType("Short", Annotated[str, Field(max_length=3)])


class Shorts(BaseModel):
    a: Short
    b: Short = ""


def of_schema(schema: Any) -> Any:
    """Give a type with a schema for which pydantic has no annotation."""
    return Annotated[Any, GetPydanticSchema(lambda source, handler: schema)]


_ITEMS: Any = [{"type": "str"}, {"type": "int"}, {"type": "str"}]
#: ``tuple[str, *tuple[int, ...]]``, and with one more ``str`` behind.
Tail = of_schema(core_schema.tuple_schema(_ITEMS[:2], variadic_item_index=1))
Middle = of_schema(core_schema.tuple_schema(_ITEMS, variadic_item_index=1))


def _kind(value: Any) -> str:
    return "cat" if "lives" in value else "dog"


Animal = Annotated[Cat | Dog, Field(discriminator="kind")]
ByFunction = Annotated[Annotated[Cat, Tag("cat")] | Annotated[Dog, Tag("dog")], Discriminator(_kind)]
Plain = Annotated[int, PlainValidator(int)]

CAT = {"kind": "cat", "lives": 9}
DOG = {"kind": "dog", "name": "R"}


def assert_shows(of: Any, text: str, value: Any) -> None:
    """Check what is shown of a text that has come so far; dicts stand for models."""
    made = plain(shown(of, text))
    assert made == value
    assert type(made) is type(value)
