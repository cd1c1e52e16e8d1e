"""What clients may ask for."""

from typing import Any

import pytest

from rxstream.service.bodies import validated
from rxstream.service.requests import (
    BufferedRequest,
    SocketRequest,
    StreamRequest,
    UIChatRequest,
    model_request,
)
from rxstream.transports.refusals import Refusal

MESSAGES: list[dict[str, Any]] = [{"role": "user", "content": "Hi"}]


def test_only_what_was_said_is_passed_on() -> None:
    asked = validated(
        StreamRequest,
        {"messages": MESSAGES, "temperature": 0, "stop": ["x"], "seed": None, "stream_id": "12345678"},
    )
    assert model_request(asked) == {"messages": MESSAGES, "temperature": 0, "stop": ["x"]}


def test_messages_keep_what_only_a_provider_knows() -> None:
    message = {"role": "tool", "content": [{"type": "text", "text": "a"}], "cache_control": {"type": "x"}}
    asked = validated(StreamRequest, {"messages": [message]})
    assert asked.messages[0].model_dump(exclude_unset=True) == message


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "Hi"}, "messages"),
        ({"messages": [{"content": "Hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "king", "content": "Hi"}]}, "messages[0].role"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": 3}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"stream_id": "short"}, "stream_id"),
        ({"stream_id": "with space"}, "stream_id"),
        ({"stream_id": "12345678\n"}, "stream_id"),
        ({"resumable": "yes"}, "resumable"),
        ({"model": ""}, "model"),
        ({"stream": True}, "stream"),
        ({"n": 2}, "n"),
        ({"extra_headers": {"Authorization": "x"}}, "extra_headers"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named(more: dict[str, Any], param: str) -> None:
    with pytest.raises(Refusal) as refused:
        validated(StreamRequest, {"messages": MESSAGES, **more})
    assert (refused.value.status, refused.value.param) == (422, param)


def test_the_units_are_listed() -> None:
    with pytest.raises(Refusal, match="'word', 'sentence', 'line', 'paragraph' or 'grapheme'"):
        validated(BufferedRequest, {"messages": MESSAGES, "buffer_type": "verse"})


def test_a_chat_is_taken_as_its_page_sends_it() -> None:
    message: dict[str, Any] = {
        "id": "m1",
        "role": "user",
        "parts": [{"type": "text", "text": "Hi"}],
        "metadata": {},
    }
    body: dict[str, Any] = {"id": "c1", "messages": [message], "trigger": "submit-message", "messageId": "m1"}
    found = model_request(validated(UIChatRequest, {**body, "temperature": 0.5}))
    assert set(found) == {"messages", "temperature"}


@pytest.mark.parametrize(
    ("more", "plan"),
    [
        ({}, ("raw", None)),
        ({"kind": "raw", "at": "$"}, ("raw", None)),
        ({"kind": "buffered"}, ("buffered", "word")),
        ({"buffer_type": "line"}, ("buffered", "line")),
        ({"kind": "json"}, ("json", None)),
        ({"at": "$.a"}, ("json", "$.a")),
    ],
    ids=str,
)
def test_a_socket_s_request_says_what_an_address_would(more: dict[str, Any], plan: Any) -> None:
    asked = validated(SocketRequest, {"messages": MESSAGES, "credit": 3, **more})
    assert asked.plan == plan
    assert model_request(asked) == {"messages": MESSAGES}
