"""The dialect, held against the laws of all."""

import json
from typing import Any

import pytest
from hypothesis import given

from rxstream.errors import MalformedStream, ProviderError
from rxstream.items import Restarted, SSEEvent, StreamChunk, ToolCallDelta, Usage
from rxstream.transports.dialects.ui_message import UI_MESSAGE
from tests.transports.dialects.laws import BY_TURNS, answers, check_answer, check_ends, written


@given(answers())
def test_an_answer_comes_back(chunks: list[StreamChunk]) -> None:
    check_answer(UI_MESSAGE, chunks)
    check_ends(UI_MESSAGE, chunks)


def parts(items: list[Any], end: Any = "end") -> list[dict[str, Any]]:
    frames = written(UI_MESSAGE, items, end)
    assert frames[-1] == (None, "[DONE]")
    return [json.loads(data) for _, data in frames[:-1]]


def test_on_the_wire_it_is_a_message_of_parts() -> None:
    chunks: list[Any] = [
        StreamChunk("", reasoning="hm"),
        StreamChunk("a"),
        "b",
        "",
        {"x": 1},
        StreamChunk("", tool_calls=(ToolCallDelta(0, "c", "f", '{"y":'),)),
        StreamChunk("", tool_calls=(ToolCallDelta(0, None, None, "2}"),)),
        StreamChunk("", finish_reason="stop", usage=Usage(1, 2, 3)),
    ]
    found = parts(chunks)
    assert found[0].pop("messageId")
    assert found == [
        {"type": "start"},
        {"type": "start-step"},
        {"type": "reasoning-start", "id": "1"},
        {"type": "reasoning-delta", "id": "1", "delta": "hm"},
        {"type": "reasoning-end", "id": "1"},
        {"type": "text-start", "id": "2"},
        {"type": "text-delta", "id": "2", "delta": "a"},
        {"type": "text-delta", "id": "2", "delta": "b"},
        {"type": "text-end", "id": "2"},
        {"type": "data-object", "data": {"x": 1}},
        {"type": "tool-input-start", "toolCallId": "c", "toolName": "f"},
        {"type": "tool-input-delta", "toolCallId": "c", "inputTextDelta": '{"y":'},
        {"type": "tool-input-delta", "toolCallId": "c", "inputTextDelta": "2}"},
        {"type": "tool-input-available", "toolCallId": "c", "toolName": "f", "input": {"y": 2}},
        {"type": "finish-step"},
        {
            "type": "finish",
            "messageMetadata": {
                "finishReason": "stop",
                "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
            },
        },
    ]


def test_a_call_of_an_answer_that_is_void_never_becomes_available() -> None:
    """A client would make it."""
    call = StreamChunk("", tool_calls=(ToolCallDelta(0, "c", "f", "{}"),))
    found = parts([call, Restarted(2), call])
    kinds = [part["type"] for part in found[2:-2]]
    called = ["tool-input-start", "tool-input-delta"]
    assert kinds == [*called, "data-restart", *called, "tool-input-available"]
    assert found[4]["data"] == {"attempt": 2}


def test_calls_that_come_by_turns_are_told_apart() -> None:
    check_answer(UI_MESSAGE, BY_TURNS)
    inputs = [part["input"] for part in parts(BY_TURNS) if part["type"] == "tool-input-available"]
    assert inputs == [{"x": 1}, {"y": 2}]


def test_an_end_without_a_reason_has_no_metadata() -> None:
    assert parts([])[-1] == {"type": "finish"}


def test_a_call_that_is_cut_off_never_becomes_available() -> None:
    kinds = [
        part["type"] for part in parts([StreamChunk("", tool_calls=(ToolCallDelta(0, "c", "f", '{"y"'),))])
    ]
    assert "tool-input-available" not in kinds


def test_another_call_of_the_same_index_ends_the_one_before() -> None:
    calls = [StreamChunk("", tool_calls=(ToolCallDelta(0, name, "f", "{}"),)) for name in ("a", "b")]
    available = [part["toolCallId"] for part in parts(calls) if part["type"] == "tool-input-available"]
    assert available == ["a", "b"]
    bare = parts([StreamChunk("", tool_calls=(ToolCallDelta(arguments="{}"),))])
    assert bare[2]["toolName"] == "unknown"


def test_an_abort_and_an_error_close_what_is_open() -> None:
    assert [part["type"] for part in parts(["a"], "stop")[-2:]] == ["text-end", "abort"]
    assert [part["type"] for part in parts(["a"], ValueError())[-2:]] == ["text-end", "error"]


def test_parts_that_we_never_send_are_read() -> None:
    decoder = UI_MESSAGE.decoder()
    whole = {"type": "tool-input-available", "toolCallId": "c", "toolName": "f", "input": {"y": 2}}
    (chunk,) = decoder.feed(SSEEvent(json.dumps(whole)))
    assert chunk.tool_calls == (ToolCallDelta(0, "c", "f", '{"y":2}'),)
    data = {"type": "data-weather", "data": 1}
    assert list(decoder.feed(SSEEvent(json.dumps(data)))) == [data]
    assert list(decoder.feed(SSEEvent('{"type":"source-url"}'))) == []
    assert list(decoder.feed(SSEEvent('{"type":1}'))) == []
    (end,) = decoder.feed(SSEEvent('{"type":"finish","finishReason":"length","messageMetadata":{"usage":1}}'))
    assert (end.finish_reason, end.usage) == ("length", None)


def test_what_is_none_of_it_is_said_so() -> None:
    for data in ("nonsense", "[]", '{"type":"text-delta"}'):
        with pytest.raises(MalformedStream, match="expected"):
            list(UI_MESSAGE.decoder().feed(SSEEvent(data)))
    with pytest.raises(ProviderError, match="sorry"):
        list(UI_MESSAGE.decoder().feed(SSEEvent('{"type":"error","errorText":"sorry"}')))
