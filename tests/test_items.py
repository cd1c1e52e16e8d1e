import copy
import pickle
import re
from dataclasses import fields, is_dataclass, replace
from typing import Any

import httpx2
import pytest
from httpx_sse import EventSource
from hypothesis import example, given
from hypothesis import strategies as st

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
from rxstream.sansio.sse import SSEDecoder

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


#: What can be sent as UTF-8, and line ends in plenty.
DATA = st.lists(
    st.text(st.characters(codec="utf-8"), max_size=5)
    | st.sampled_from(["\n", "\r", "\r\n", "\n\n", "data: x", ":", " ", "\u2028", "\x85", "\ufeff", "[DONE]"])
).map("".join)
NAMES = st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=8)
IDS = st.none() | st.text(st.characters(codec="ascii", exclude_characters="\r\n\0"), max_size=8)
EVENTS = st.builds(SSEEvent, DATA, NAMES, IDS, st.none() | st.integers(0, 10**9))


@given(st.lists(EVENTS, max_size=4))
@example([SSEEvent("")])
@example([SSEEvent("a\r"), SSEEvent("\nb", "  x", "")])
def test_what_an_event_writes_is_read_back(events: list[SSEEvent]) -> None:
    """By our own decoder, and by httpx-sse, which has no None."""
    wire = "".join([event.encode() for event in events])
    assert "\r" not in wire
    last: str | None = None
    expected: list[SSEEvent] = []
    for event in events:
        last = last if event.id is None else event.id
        data = re.sub("\r\n?", "\n", event.data)
        expected.append(SSEEvent(data, event.event or None, last, event.retry))
    assert list(SSEDecoder().feed(wire)) == expected
    response: Any = httpx2.Response(
        200, headers={"Content-Type": "text/event-stream; charset=utf-8"}, content=wire.encode()
    )
    theirs = [(one.data, one.event, one.id, one.retry) for one in EventSource(response).iter_sse()]
    assert theirs == [(one.data, one.event or "message", one.id or "", one.retry) for one in expected]


def test_an_event_is_written_in_the_order_that_clients_expect() -> None:
    assert SSEEvent("a\nb", "chunk", "s-1", 3000).encode() == (
        "event: chunk\nid: s-1\nretry: 3000\ndata: a\ndata: b\n\n"
    )
    assert SSEEvent("", "", None).encode() == "data: \n\n"


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (SSEEvent("a", "b\nc"), "expected event to be one line"),
        (SSEEvent("a", "b\rc"), "expected event to be one line"),
        (SSEEvent("a", id="b\n"), "expected id to be one line"),
        (SSEEvent("a", id="b\r"), "expected id to be one line"),
        (SSEEvent("a", id="b\0"), "ASCII characters without NUL"),
        (SSEEvent("a", id="é"), "ASCII characters without NUL"),
        (SSEEvent("a", retry=-1), "whole milliseconds from 0"),
        (SSEEvent("a", retry=True), "whole milliseconds from 0"),
    ],
    ids=["event lf", "event cr", "id lf", "id cr", "id nul", "trap 16", "negative", "bool"],
)
def test_an_event_that_would_not_come_back_is_refused(event: SSEEvent, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        event.encode()
