"""A reply as a response: numbered events that our decoder, and the SDK's own types, can read."""

import json
from typing import Any

import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from rxstream.sansio.responses import ResponsesDecoder
from rxstream.testing.replies import Reply, ReplyCall, write_reply
from rxstream.testing.response_events import response_answer, response_events

CALL = ReplyCall("call_0", "look", ["{", "}"])
OTHER = ReplyCall("call_1", "wait", ["{}"])
REPLY = write_reply("Hello there", 3, echo="Hel", reasoning="Hm well", calls=[CALL, OTHER], prompt="a b c")
REPLIES = {
    "all": REPLY,
    "text": write_reply("Hi", 0),
    "nothing": Reply([]),
    "only a call": write_reply("", 0, calls=[CALL]),
    "cut": write_reply("Hello there", 0, limit=1),
}
replies = pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)


def events_of(reply: Reply) -> list[dict[str, Any]]:
    return response_events(reply, name="resp_0", model="m")


@replies
def test_it_is_a_whole_response_with_all_that_was_said(reply: Reply) -> None:
    machine = ResponsesDecoder()
    answer = response_answer(events_of(reply), stream=True, after=-1, delay=0.5)
    list(machine.feed(answer.body))
    assert list(machine.close()) == []
    result = machine.partial()
    assert result.content == reply.text
    assert result.reasoning == "".join(reply.reasoning)
    assert result.finish_reason == reply.finish_reason
    assert [(call.id, call.name, call.arguments) for call in result.tool_calls] == [
        (call.id, call.name, "".join(call.arguments)) for call in reply.calls
    ]
    assert result.usage is not None
    assert result.usage.completion_tokens == reply.completion_tokens
    assert result.usage.reasoning_tokens == reply.reasoning_tokens
    assert answer.pause == 0.5


@replies
def test_every_event_is_what_the_sdk_expects_and_has_its_number(reply: Reply) -> None:
    events = events_of(reply)
    adapter: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
    for event in events:
        adapter.validate_json(json.dumps(event), strict=True)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events[0]["type"] == "response.created"


@replies
def test_it_goes_on_behind_any_event(reply: Reply) -> None:
    events = events_of(reply)
    whole = response_answer(events, stream=True, after=-1, delay=0)
    for number in range(-1, len(events)):
        rest = response_answer(events, stream=True, after=number, delay=0)
        assert [*whole.pieces[: number + 1], *rest.pieces] == whole.pieces


@replies
def test_it_may_come_in_one_piece(reply: Reply) -> None:
    answer = response_answer(events_of(reply), stream=False, after=-1, delay=0)
    response = Response.model_validate_json(answer.body, strict=True)
    assert response.output_text == reply.text
    last: Any = response.output[-1]
    assert last.status == ("incomplete" if reply.finish_reason == "length" else "completed")
    assert response.status == ("incomplete" if reply.finish_reason == "length" else "completed")
