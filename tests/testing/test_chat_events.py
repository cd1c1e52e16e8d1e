"""A reply as a chat completion: what our decoder, and the SDK's own types, read in it."""

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from rxstream.sansio.chat import ChatDecoder
from rxstream.testing.bodies import event_ends
from rxstream.testing.chat_events import chat_answer
from rxstream.testing.replies import Reply, ReplyCall, write_reply

CALL = ReplyCall("call_0", "look", ["{", "}"])
REPLY = write_reply("Hello there", 3, echo="Hel", reasoning="Hm well", calls=[CALL], prompt="a b c")
USAGE = {"stream_options": {"include_usage": True}}


def answer_to(body: Any, reply: Reply = REPLY) -> Any:
    return chat_answer(reply, body, name="chatcmpl-0", model="m", delay=0.5)


def test_it_is_a_whole_stream_with_all_that_was_said() -> None:
    answer = answer_to({"stream": True, **USAGE})
    machine = ChatDecoder(expects_usage=True)
    chunks = list(machine.feed(answer.body))
    assert list(machine.close()) == []
    result = machine.partial()
    assert (result.content, result.reasoning, result.finish_reason) == (
        "Hello there",
        "Hm well",
        "tool_calls",
    )
    (call,) = result.tool_calls
    assert (call.id, call.name, call.arguments) == ("call_0", "look", "{}")
    assert result.usage is not None
    assert (result.usage.prompt_tokens, result.usage.completion_tokens) == (3, REPLY.completion_tokens)
    assert (result.usage.total_tokens, result.usage.reasoning_tokens) == (3 + REPLY.completion_tokens, 2)
    assert chunks[0].role == "assistant"
    assert {chunk.id for chunk in chunks} == {"chatcmpl-0"}
    assert answer.pause == 0.5


def test_an_event_is_a_piece_and_what_the_sdk_expects() -> None:
    answer = answer_to({"stream": True, **USAGE})
    assert len(answer.pieces) == len(event_ends(answer.body))
    *events, done = answer.pieces
    assert done == b"data: [DONE]\n\n"
    for event in events:
        ChatCompletionChunk.model_validate(json.loads(event.removeprefix(b"data: ")), strict=True)


@pytest.mark.parametrize("options", [{}, {"stream_options": None}, {"stream_options": {}}], ids=repr)
def test_usage_comes_when_it_is_asked_for(options: Any) -> None:
    assert b'"usage"' not in answer_to({"stream": True, **options}).body


@pytest.mark.parametrize("reply", [REPLY, write_reply("Hi", 0)], ids=["all", "text"])
def test_it_may_come_in_one_piece(reply: Reply) -> None:
    completion = ChatCompletion.model_validate(json.loads(answer_to({}, reply).body), strict=True)
    (choice,) = completion.choices
    assert choice.message.content == reply.text
    assert choice.finish_reason == reply.finish_reason
    assert bool(choice.message.tool_calls) == bool(reply.calls)
    assert completion.usage is not None
    assert completion.usage.completion_tokens == reply.completion_tokens
