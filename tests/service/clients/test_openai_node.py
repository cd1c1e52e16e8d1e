"""openai-node against our chat completions."""

import json
from typing import Any

import pytest

from tests.service.clients.conftest import Service
from tests.service.clients.programs import Found, run_node
from tests.service.clients.upstream import CALLS, TEXT


@pytest.fixture(scope="module")
def found(service: Service) -> Found:
    """Run the script once; a test looks at one thing that it found."""
    return run_node("openai.mjs", *service.urls)


def called(calls: list[Any]) -> list[tuple[str, str, Any]]:
    return [
        (call["id"], call["function"]["name"], json.loads(call["function"]["arguments"])) for call in calls
    ]


def test_it_reads_the_embedded_models_answer(found: Found) -> None:
    stream = found["embedded stream"]
    assert stream["error"] is None
    assert len(stream["text"].split()) > 10
    assert stream["chunks"] > 20, "it came at once"
    assert stream["finish_reason"] == "length"
    assert stream["usage"]["completion_tokens"] == 40


def test_it_reads_the_embedded_models_tool_call_as_it_is_written(found: Found) -> None:
    call = found["embedded tool call"]
    assert call["finish_reason"] == "tool_calls"
    assert call["calls"][0]["function"]["name"] == "get_weather"
    assert json.loads(call["calls"][0]["function"]["arguments"])["city"] == "Paris"
    assert len(call["pieces"]) > 3


def test_it_reads_an_answer_that_is_not_streamed(found: Found) -> None:
    whole = found["embedded whole"]
    assert whole["object"] == "chat.completion"
    assert whole["choices"][0]["message"]["role"] == "assistant"
    assert whole["choices"][0]["message"]["content"]
    assert whole["usage"]["completion_tokens"] == 10


def test_it_gets_every_character(found: Found) -> None:
    assert found["stream"]["text"] == TEXT
    assert found["stream"]["finish_reason"] == "stop"
    assert found["stream"]["chunks"] > 20, "it came at once"


def test_it_puts_streamed_tool_calls_together(found: Found) -> None:
    assert called(found["tool calls"]["calls"]) == [
        (call["id"], call["name"], call["arguments"]) for call in CALLS
    ]
    assert found["tool calls"]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(
    ("check", "text"),
    [("left", "openai-node leaves"), ("aborted", "openai-node aborts")],
    ids=["by leaving its loop", "by its controller"],
)
def test_a_stream_that_it_cancels_ends_the_models_work(
    found: Found, service: Service, check: str, text: str
) -> None:
    assert found[check]["error"] is None
    assert found[check]["text"].startswith("word0 word1")
    assert service.upstream.is_left(text)


def test_an_error_before_the_first_token_is_an_http_error(found: Found) -> None:
    assert found["refused"]["class"] == "BadRequestError"
    assert found["refused"]["status"] == 400
    assert "no such thing here" in found["refused"]["message"]


def test_trap_05_an_error_in_the_middle_is_an_exception(found: Found) -> None:
    assert found["broken"]["error"]["class"] == "APIError"
    assert "the model fell over" in found["broken"]["error"]["message"]
    assert TEXT.startswith(found["broken"]["text"])
    assert found["broken"]["text"], "what came before the error is lost"


def test_it_does_not_see_that_the_models_connection_broke(found: Found, service: Service) -> None:
    assert found["mended"]["error"] is None
    assert found["mended"]["text"] == TEXT
    asked = [
        request for request in service.upstream.requests if "openai-node sees nothing" in str(request.body)
    ]
    assert len(asked) == 2


@pytest.mark.parametrize("check", ["waiting", "with ids"])
def test_trap_03_heartbeats_between_events_are_nothing_to_it(found: Found, check: str) -> None:
    assert found[check]["error"] is None
    assert found[check]["text"] == TEXT


def test_it_lists_the_models(found: Found) -> None:
    assert "quick" in found["models"]
