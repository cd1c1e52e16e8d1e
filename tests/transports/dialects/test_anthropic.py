"""The dialect, held against the laws of all."""

import json
from typing import Any

import pytest
from hypothesis import given

from rxstream.errors import MalformedStream, ProviderError, StreamStalled
from rxstream.items import Restarted, SSEEvent, StreamChunk
from rxstream.transports.dialects.anthropic import ANTHROPIC
from tests.transports.dialects.laws import BY_TURNS, answers, check_answer, check_ends, written


@given(answers())
def test_an_answer_comes_back(chunks: list[StreamChunk]) -> None:
    check_answer(ANTHROPIC, chunks)
    check_ends(ANTHROPIC, chunks)


def test_a_text_of_its_own_is_a_message() -> None:
    kinds = [event for event, _ in written(ANTHROPIC, ["a", "b"])]
    assert kinds == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert [event for event, _ in written(ANTHROPIC, [])] == [
        "message_start",
        "message_delta",
        "message_stop",
    ]


@pytest.mark.parametrize("item", [{"a": 1}, Restarted(2)], ids=["object", "restart"])
def test_what_it_has_no_place_for_is_refused(item: object) -> None:
    with pytest.raises(TypeError, match="dialects 'rxstream' and 'ui-message'"):
        ANTHROPIC.encoder().feed(item)


def test_calls_that_come_by_turns_stay_open() -> None:
    check_answer(ANTHROPIC, BY_TURNS)
    kinds = [event for event, _ in written(ANTHROPIC, BY_TURNS)]
    assert kinds == [
        *("message_start", "content_block_start", "content_block_start"),
        *("content_block_delta", "content_block_delta", "content_block_delta", "content_block_delta"),
        *("content_block_stop", "content_block_stop"),
        *("content_block_start", "content_block_delta", "content_block_stop"),
        *("message_delta", "message_stop"),
    ]


def test_reasons_of_others_pass_and_events_without_content_give_nothing() -> None:
    decoder = ANTHROPIC.decoder()

    def feed(body: Any) -> list[StreamChunk]:
        return list(decoder.feed(SSEEvent(json.dumps(body))))

    assert feed({"type": "ping"}) == []
    assert feed({"type": "content_block_start", "index": 0, "content_block": {"type": "text"}}) == []
    assert feed({"type": "content_block_delta", "delta": {"type": "signature_delta"}}) == []
    (ending,) = feed({"type": "message_delta", "delta": {"stop_reason": "pause_turn"}})
    assert (ending.finish_reason, ending.usage) == ("pause_turn", None)
    (ending,) = feed({"type": "message_delta", "delta": {"stop_reason": None}})
    assert ending.finish_reason is None
    with pytest.raises(MalformedStream, match="expected delta to be an object"):
        feed({"type": "message_delta", "delta": 1})
    with pytest.raises(ProviderError, match="Overloaded"):
        feed({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})


def test_an_error_has_their_form() -> None:
    ((event, data),) = ANTHROPIC.encoder().fail(StreamStalled("too late"))
    assert event == "error"
    assert json.loads(data) == {"type": "error", "error": {"type": "timeout_error", "message": "too late"}}
    ((_, data),) = ANTHROPIC.encoder().fail(ProviderError("no", type="overloaded_error", code=529))
    assert json.loads(data)["error"]["type"] == "overloaded_error"
    ((_, data),) = ANTHROPIC.encoder().fail(ProviderError("no", code=529))
    assert json.loads(data)["error"]["type"] == "api_error"
