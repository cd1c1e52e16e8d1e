"""Any item as JSON, and back."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxstream.errors import StreamTruncated
from rxstream.items import Restarted, Tagged
from rxstream.sansio.code_blocks import CodeBlock
from rxstream.transports.dialects.json_form import json_text, read_json, to_text


@given(st.text())
def test_a_text_is_a_json_string_that_can_be_sent(text: str) -> None:
    for written in (json_text(text), to_text(text)):
        assert json.loads(written.encode()) == text
        assert "\n" not in written
        assert read_json(written) == text


def test_an_item_that_grows_is_sent_as_what_is_new_in_it() -> None:
    growing, whole = (
        CodeBlock("ab", "py", "py", complete=False, delta="b"),
        CodeBlock("abc", "py", "py", delta=""),
    )
    assert read_json(to_text(growing)) == {
        "language": "py",
        "info": "py",
        "index": 0,
        "delta": "b",
        "complete": False,
    }
    assert read_json(to_text(whole))["code"] == "abc"


@pytest.mark.parametrize("text", ["\ud800", "a\udfff", '{"a\ud800":1}'])
def test_half_a_surrogate_is_escaped(text: str) -> None:
    assert read_json(json_text(text)) == text
    assert read_json(to_text({"a": text})) == {"a": text}
    json_text(text).encode()


@dataclass(slots=True)
class Record:
    """A record of a user's."""

    a: int
    b: object = None


class Pair(NamedTuple):
    """Another."""

    a: int


class Model(pydantic.BaseModel):
    """And a model."""

    a: float


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (Record(1, {"x"}), {"a": 1, "b": ["x"]}),
        (Pair(1), [1]),
        (Model(a=float("nan")), {"a": None}),
        ([float("inf"), "\ud800"], [None, "\ud800"]),
        ({"a": [{"b": float("nan")}], "c": "\ud800"}, {"a": [{"b": None}], "c": "\ud800"}),
        (b"a", "a"),
        (b"\xff", "_w=="),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00Z"),
        (Tagged("a", 1), ["a", 1]),
        (Restarted(1, StreamTruncated("why")), {"attempt": 1, "error": "why"}),
        (Restarted(1, ValueError("secret")), {"attempt": 1, "error": "internal error"}),
        (10**40, 10**40),
    ],
    ids=str,
)
def test_objects_have_the_form_that_one_would_expect(value: Any, form: Any) -> None:
    assert read_json(to_text(value)) == form


def test_what_has_no_form_and_what_contains_itself_are_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    for value in (object(), loop):
        with pytest.raises(TypeError, match=r"expected an item that can be written as JSON.*ops\.map"):
            to_text(value)


@pytest.mark.parametrize(
    "text",
    ["", "NaN", '["\\ud800",NaN]', "{", "[" * 100_000, '["\\ud800",' + "[" * 100_000],
    ids=["empty", "nan", "trap 22, nan", "cut", "deep", "trap 22, deep"],
)
def test_what_is_no_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_json(text)
