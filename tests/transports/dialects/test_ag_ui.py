"""The dialect, held against the laws of all."""

import json

import pytest
from hypothesis import given

from rxstream.errors import ProviderError, StreamStalled
from rxstream.items import Restarted, SSEEvent, StreamChunk, ToolCallDelta
from rxstream.transports.dialects.ag_ui import AG_UI
from tests.transports.dialects.laws import BY_TURNS, answers, check_answer, check_ends, read_back, written


@given(answers())
def test_an_answer_comes_back(chunks: list[StreamChunk]) -> None:
    check_answer(AG_UI, chunks)
    check_ends(AG_UI, chunks)


def test_objects_and_restarts_are_custom_events() -> None:
    frames = written(AG_UI, ["a", {"x": 1}, Restarted(2), ""])
    assert read_back(AG_UI, frames)[1] == {"x": 1}
    bodies = [json.loads(data) for _, data in frames]
    assert [body["type"] for body in bodies] == [
        "RUN_STARTED",
        "TEXT_MESSAGE_START",
        "TEXT_MESSAGE_CONTENT",
        "TEXT_MESSAGE_END",
        "CUSTOM",
        "CUSTOM",
        "RUN_FINISHED",
    ]
    assert (bodies[5]["name"], bodies[5]["value"]) == ("restart", {"attempt": 2})


def test_calls_that_come_by_turns_stay_open() -> None:
    check_answer(AG_UI, BY_TURNS)
    kinds = [json.loads(data)["type"] for _, data in written(AG_UI, BY_TURNS)]
    assert kinds == [
        "RUN_STARTED",
        *("TOOL_CALL_START", "TOOL_CALL_START"),
        *("TOOL_CALL_ARGS", "TOOL_CALL_ARGS", "TOOL_CALL_ARGS", "TOOL_CALL_ARGS"),
        *("TOOL_CALL_END", "TOOL_CALL_END"),
        *("TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_END"),
        "RUN_FINISHED",
    ]


def test_an_error_ends_the_run() -> None:
    ((_, data),) = AG_UI.encoder().fail(StreamStalled("too late"))
    assert json.loads(data) == {"type": "RUN_ERROR", "message": "too late", "code": "timeout"}
    with pytest.raises(ProviderError, match="too late"):
        list(AG_UI.decoder().feed(SSEEvent(data)))


def test_other_events_are_passed_over() -> None:
    decoder = AG_UI.decoder()
    assert list(decoder.feed(SSEEvent('{"type":"STATE_SNAPSHOT"}'))) == []
    assert list(decoder.feed(SSEEvent('{"type":"CUSTOM","name":"theirs"}'))) == []


def test_a_restart_begins_calls_anew() -> None:
    call = StreamChunk("", tool_calls=(ToolCallDelta(0, "c", "f", '{"x":'),))
    whole = StreamChunk("", tool_calls=(ToolCallDelta(0, "c", "f", "{}"),))
    kinds = [json.loads(data)["type"] for _, data in written(AG_UI, [call, Restarted(2), whole])]
    called = ["TOOL_CALL_START", "TOOL_CALL_ARGS", "TOOL_CALL_END"]
    assert kinds == ["RUN_STARTED", *called, "CUSTOM", *called, "RUN_FINISHED"]


def test_a_run_of_others_ends_in_stop() -> None:
    (end,) = AG_UI.decoder().feed(SSEEvent('{"type":"RUN_FINISHED","result":{"usage":1}}'))
    assert (end.finish_reason, end.usage) == ("stop", None)
