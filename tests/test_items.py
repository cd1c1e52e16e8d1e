import copy
import pickle
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

from rxstream import items
from rxstream.items import (
    Attempt,
    Restarted,
    SSEEvent,
    StreamChunk,
    StreamResult,
    Tagged,
    TaggedText,
    ToolCall,
    ToolCallDelta,
    Usage,
)

MADE = [
    StreamChunk(
        "text", "stop", 3, "model", 1, tool_calls=(ToolCallDelta(0, "id", "name", "{}"),), usage=Usage(1)
    ),
    StreamResult("text", [StreamChunk("text")], "stop", 3, Usage(1, 2, 3), [ToolCall("id", "name", "{}")]),
    Usage(1, 2, 3, 4, 5),
    ToolCall("id", "name", "{}"),
    ToolCallDelta(0, "id", "name", "{}"),
    SSEEvent("data", "event", "7", 10),
    TaggedText("text", "think", {"a": "b"}, ("plan", "think"), 1, complete=True),
    Tagged("name", StreamChunk("text")),
    Restarted(2),
    Attempt(2, "continue", 0.5, None, StreamResult("text")),
]


@pytest.mark.parametrize("item", MADE, ids=lambda item: type(item).__name__)
def test_an_item_is_slotted(item: Any) -> None:
    what: object = item
    assert is_dataclass(what) or isinstance(what, Tagged)
    assert not hasattr(item, "__dict__")
    with pytest.raises(AttributeError):
        setattr(item, "no_such_" + "field", 1)


@pytest.mark.parametrize("item", MADE, ids=lambda item: type(item).__name__)
def test_an_item_is_what_it_holds(item: object) -> None:
    assert copy.deepcopy(item) == item
    assert pickle.loads(pickle.dumps(item)) == item


def test_every_class_of_items_is_tried_here() -> None:
    assert {type(item).__name__ for item in MADE} == set(items.__all__) - {"Text"}


def test_raw_says_nothing_about_being_equal() -> None:
    assert StreamChunk("a", raw={"x": 1}) == StreamChunk("a")
    assert StreamChunk("a") != StreamChunk("b")
    assert "raw" not in repr(StreamChunk("a", raw={"x": 1}))


def test_defaults_are_not_shared() -> None:
    one, other = StreamResult(""), StreamResult("")
    assert one.chunks is not other.chunks
    assert one.tool_calls is not other.tool_calls


def test_a_chunk_can_be_changed_into_another_one() -> None:
    chunk = StreamChunk("a", index=4)
    assert replace(chunk, content="b") == StreamChunk("b", index=4)
    assert chunk.content == "a"


def test_only_the_content_of_a_chunk_must_be_given() -> None:
    required = [field.name for field in fields(StreamChunk) if field.name != "content"]
    empty = StreamChunk("")
    assert not any(getattr(empty, name) for name in required)
