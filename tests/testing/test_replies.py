"""Replies: tokens that join to the text, counted, limited, stopped."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxstream.testing import texts
from rxstream.testing.replies import Reply, ReplyCall, text_of, tokens_of, write_reply

TEXT = "The sea is old.\n\nIt waits."
CALLS = [ReplyCall("call_0", "look", ["{", '"a"', ": 1}"]), ReplyCall("call_1", "wait", [])]


@given(texts())
def test_tokens_join_to_the_text(text: str) -> None:
    tokens = tokens_of(text)
    assert "".join(tokens) == text
    assert all(0 < len(token) <= 7 for token in tokens)


@given(texts(), st.data())
def test_what_starts_anywhere_joins_to_the_text(text: str, data: Any) -> None:
    start = data.draw(st.integers(0, len(text)))
    reply = write_reply(text, start)
    assert text[:start] + reply.text == text
    whole = write_reply(text, 0)
    # Only the first token may be half a one.
    assert reply.content[1:] == whole.content[len(whole.content) - max(len(reply.content) - 1, 0) :]


@given(texts(), st.integers(1, 20))
def test_the_limit_holds_and_what_is_missing_can_be_asked_for(text: str, limit: int) -> None:
    first = write_reply(text, 0, limit=limit)
    assert first.completion_tokens <= limit
    assert first.finish_reason == ("length" if first.text != text else "stop")
    second = write_reply(text, len(first.text))
    assert first.text + second.text == text
    assert first.completion_tokens + second.completion_tokens == len(tokens_of(text))


def test_thoughts_and_calls_are_counted_and_limited_too() -> None:
    reply = write_reply("Hi there", 0, reasoning="Let me think", calls=CALLS, prompt="What is it?")
    assert (reply.reasoning_tokens, len(reply.content), reply.prompt_tokens) == (3, 2, 3)
    assert reply.completion_tokens == 3 + 2 + 3
    assert reply.finish_reason == "tool_calls"
    assert reply.calls == CALLS
    for limit in range(1, reply.completion_tokens + 2):
        cut = write_reply("Hi there", 0, reasoning="Let me think", calls=CALLS, limit=limit)
        assert cut.completion_tokens == min(limit, reply.completion_tokens)
        assert cut.finish_reason == ("length" if limit < reply.completion_tokens else "tool_calls")


@pytest.mark.parametrize(
    ("stops", "text"),
    [
        ((), TEXT),
        (["old"], "The sea is "),
        (["waits", "sea"], "The "),
        (["nowhere"], TEXT),
        (["The"], ""),
        (["ea is"], "The s"),
    ],
    ids=repr,
)
def test_it_ends_before_a_stop(stops: list[str], text: str) -> None:
    reply = write_reply(TEXT, 0, stops=stops, calls=CALLS)
    assert reply.text == text
    assert reply.finish_reason == ("tool_calls" if text == TEXT else "stop")
    assert bool(reply.calls) == (text == TEXT)


def test_a_stop_counts_only_in_what_is_said_now() -> None:
    assert write_reply(TEXT, 10, stops=["sea"]).text == TEXT[10:]


def test_an_echo_is_said_and_not_counted() -> None:
    reply = write_reply(TEXT, 8, echo=TEXT[:8])
    assert reply.text == TEXT
    assert reply.completion_tokens == len(reply.content) < len(tokens_of(TEXT))
    assert write_reply(TEXT, 8, echo=TEXT[:8], limit=1).text == TEXT[:8] + reply.content[0]


def test_nothing_left_to_say_is_an_empty_reply() -> None:
    assert write_reply(TEXT, len(TEXT)) == Reply([])


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("a", "a"),
        (None, ""),
        ([], ""),
        ([{"type": "text", "text": "a"}, {"type": "image"}, {"text": "b"}], "ab"),
    ],
    ids=repr,
)
def test_a_messages_text_may_be_in_parts(content: Any, text: str) -> None:
    assert text_of(content) == text
