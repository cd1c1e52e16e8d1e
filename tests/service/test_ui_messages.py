"""The messages of the npm package ``ai``, as a model is told them."""

from typing import Any

import pytest

from rxstream.service.bodies import validated
from rxstream.service.requests import UIMessage
from rxstream.service.ui_messages import chat_messages
from rxstream.transports.refusals import Refusal


def told(*messages: tuple[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return chat_messages([validated(UIMessage, {"role": role, "parts": parts}) for role, parts in messages])


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def test_text_is_put_together_and_thoughts_are_left_out() -> None:
    assert told(
        ("system", [text("Be brief.")]),
        ("user", [text("Hel"), text("lo")]),
        ("assistant", [{"type": "step-start"}, {"type": "reasoning", "text": "hm"}, text("Hi.")]),
        ("user", [text("Why?"), {"type": "data-clock", "data": 1}]),
    ) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi."},
        {"role": "user", "content": "Why?"},
    ]


def test_images_are_parts() -> None:
    file = {"type": "file", "mediaType": "image/png", "url": "data:image/png;base64,AA=="}
    assert told(("user", [text("What is it?"), file])) == [
        {
            "role": "user",
            "content": [text("What is it?"), {"type": "image_url", "image_url": {"url": file["url"]}}],
        }
    ]


def test_calls_stand_before_what_came_of_them() -> None:
    call = {
        "type": "tool-get_weather",
        "toolCallId": "c1",
        "state": "output-available",
        "input": {"city": "Rom"},
        "output": {"sky": "blue"},
    }
    failed = {
        "type": "dynamic-tool",
        "toolName": "get_time",
        "toolCallId": "c2",
        "state": "output-error",
        "input": None,
        "errorText": "no clock",
    }
    unfinished: dict[str, Any] = {
        "type": "tool-x",
        "toolCallId": "c3",
        "state": "input-available",
        "input": {},
    }
    assert told(("assistant", [text("Let me see."), call, failed, unfinished, text("It is fine.")])) == [
        {
            "role": "assistant",
            "content": "Let me see.",
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "get_weather", "arguments": '{"city":"Rom"}'},
                },
                {"id": "c2", "type": "function", "function": {"name": "get_time", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": '{"sky":"blue"}'},
        {"role": "tool", "tool_call_id": "c2", "content": "no clock"},
        {"role": "assistant", "content": "It is fine."},
    ]


@pytest.mark.parametrize(
    ("role", "part", "where"),
    [
        ("user", {"type": "text"}, "messages[0].parts[0].text"),
        ("user", {"type": "text", "text": {}}, "messages[0].parts[0].text"),
        ("user", {"type": "file", "url": 3}, "messages[0].parts[0].url"),
        ("user", {"type": "file", "mediaType": "application/pdf", "url": "data:x"}, "messages[0].parts[0]"),
        (
            "user",
            {"type": "file", "mediaType": "image/png", "url": "http://10.0.0.1/"},
            "messages[0].parts[0]",
        ),
        ("user", {"type": "reasoning", "text": "hm"}, "messages"),
        ("user", {}, "messages"),
        ("assistant", {"type": "text"}, "messages[0].parts[0].text"),
        ("assistant", {"type": "tool-x", "state": "output-available"}, "messages[0].parts[0].toolCallId"),
        ("assistant", {"type": "dynamic-tool", "state": "output-error"}, "messages[0].parts[0].toolName"),
        ("assistant", {"type": ["tool-"]}, "messages"),
    ],
    ids=[f"part {number}" for number in range(11)],
)
def test_a_part_that_is_none_is_named(role: str, part: dict[str, Any], where: str) -> None:
    with pytest.raises(Refusal) as refused:
        told((role, [part]))
    assert (refused.value.status, refused.value.param) == (422, where)
