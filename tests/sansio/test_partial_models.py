"""The law of partial models: nothing is taken back, and what is whole is final."""

import copy
import datetime as dt
import json
import uuid
from decimal import Decimal
from typing import Annotated, Any, Literal, Optional

from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import core_schema

from rxstream.sansio.models import Model
from tests.sansio.partials import Aliased, Color, Commented, Fixed, Person, Point, Row, shown, snapshots


def test_somebodys_own_schema_of_a_model_shows_when_it_is_whole() -> None:
    class Own(BaseModel):
        a: int = 0

        @classmethod
        def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
            del source, handler
            return core_schema.model_schema(cls, core_schema.any_schema())

    assert shown(list[Own], '[{"a": ') == []


class Leaf(BaseModel):
    model_config = ConfigDict(strict=True)
    day: dt.date
    size: Literal["s", "m", "medium"]
    price: Decimal | None = None
    key: uuid.UUID = uuid.UUID(int=0)


class Event(BaseModel):
    kind: Literal["event"]
    what: str | int
    when: dt.datetime | None


class Note(BaseModel):
    kind: Literal["note"]
    text: Annotated[str, Field(min_length=2)]
    extra: Any = None


class Doc(BaseModel):
    title: Annotated[str, Field(min_length=3, alias="Title")]
    count: int = 0
    leaf: Leaf | None = None
    entries: list[Annotated[Event | Note, Field(discriminator="kind")]]
    untagged: list[Event | Note | int] = []
    by_name: dict[str, "Doc"] = {}
    colors: set[Color] = set()
    pair: tuple[int, str] = (0, "")
    row: Row | None = None
    fixed: Fixed | None = None
    child: Optional["Doc"] = None

    @field_validator("count")
    @classmethod
    def _count(cls, value: int, info: ValidationInfo) -> int:
        return value + len(info.data["title"])

    @model_validator(mode="after")
    def _check(self) -> "Doc":
        assert self.entries is not None
        return self


_text = st.text(max_size=6)
_leaf: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {"day": st.dates().map(str), "size": st.sampled_from(["s", "m", "medium"])},
    optional={"price": st.none() | st.integers(0, 99).map(str)},
)
_event: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {"kind": st.just("event"), "what": _text | st.integers(), "when": st.none() | st.datetimes().map(str)}
)
_note: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {"text": st.text(min_size=2, max_size=6), "kind": st.just("note")},
    optional={"extra": st.none() | _text | st.lists(_text, max_size=2)},
)


def _documents(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {"entries": st.lists(_event | _note, max_size=2), "Title": st.text(min_size=3, max_size=6)},
        optional={
            "count": st.integers(0, 1000),
            "leaf": st.none() | _leaf,
            "untagged": st.lists(_event | _note | st.integers(), max_size=2),
            "by_name": st.dictionaries(_text, inner.filter(bool), max_size=1),
            "colors": st.lists(st.sampled_from(["red", "red hot"]), max_size=3),
            "pair": st.tuples(st.integers(), _text),
            "row": st.fixed_dictionaries({"a": st.integers(), "b": _text}),
            "fixed": st.fixed_dictionaries({"x": st.integers()}),
            "child": st.none() | inner,
            "more": st.lists(st.none() | _text, max_size=2),
        },
    )


_DOCUMENTS: st.SearchStrategy[Any] = st.recursive(_documents(st.none()), _documents, max_leaves=2)


def within(part: Any, whole: Any) -> bool:
    """Whether all that one shows is in the other: strings, lists and fields may have gone on."""
    kind = part.__class__
    if kind is not whole.__class__:
        return False
    if issubclass(kind, BaseModel):
        return all(within(getattr(part, name), getattr(whole, name)) for name in part.model_fields_set)
    if kind is Fixed:
        return part.x in {None, whole.x}
    if kind is dict:
        return all(key in whole and within(one, whole[key]) for key, one in part.items())
    if kind in {list, tuple}:
        return len(part) <= len(whole) and all(map(within, part, whole))
    if kind is set:
        return bool(part <= whole)
    return bool(whole.startswith(part) if kind is str else part == whole)


@settings(max_examples=40, deadline=None)
@given(_DOCUMENTS)
@example(
    {
        "entries": [{"kind": "note", "text": "12"}, {"what": "1", "kind": "event", "when": None}],
        "Title": "abc",
    }
)
def test_what_is_shown_is_never_taken_back_and_what_is_whole_is_final(document: Any) -> None:
    model = Model[Doc](Doc, operator="op()")
    text = json.dumps(document, ensure_ascii=False)
    final = model.validate_json(text, "$")
    last = model.partial({}, lambda path: False)
    for snapshot, done, over in snapshots(text):
        before = copy.deepcopy(snapshot)
        made = model.partial(snapshot, done)
        assert snapshot == before
        assert isinstance(made, Doc)
        assert within(last, made)
        assert within(made, final)
        for key in snapshot:
            name = {"Title": "title"}.get(key, key)
            # The validator of `count` needs the title.
            can = name != "count" or ("Title" in snapshot and done(("Title",)))
            if can and done((key,)) and name in Doc.model_fields:
                assert getattr(made, name) == getattr(final, name)
        if over:
            assert made == final
        last = made


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | _text
    | st.sampled_from(["red", "note"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "Title",
                    "entries",
                    "kind",
                    "text",
                    "what",
                    "when",
                    "pair",
                    "child",
                    "a",
                    "x",
                    "row",
                    "untagged",
                    "size",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=15,
)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([Doc, Event | Note, Person, Aliased, Commented, list[Doc | Person | str], Point]), _VALUES
)
def test_no_document_is_an_error(of: Any, document: Any) -> None:
    model = Model[Any](of, operator="op()")
    for snapshot, done, _ in snapshots(json.dumps(document)):
        made = model.partial(snapshot, done)
        if isinstance(of, type):
            assert made is None or isinstance(made, of)
