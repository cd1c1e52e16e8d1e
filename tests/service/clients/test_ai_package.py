"""The npm package ``ai``: its useChat hook's core, its message reader, its OpenAI-compatible provider."""

import pytest

from tests.service.clients.conftest import Service
from tests.service.clients.programs import Found, run_node
from tests.service.clients.upstream import CALLS, TEXT

WELL = ["ready", "submitted", "streaming", "ready"]


@pytest.fixture(scope="module")
def found(service: Service) -> Found:
    return run_node("chat.mjs", *service.urls)


def test_trap_04_a_chat_sends_and_gets_the_answer(found: Found) -> None:
    """A part of a type that it does not know would have ended it."""
    assert found["send"]["statuses"] == WELL
    assert found["send"]["text"] == TEXT
    assert found["send"]["messages"] == 2
    assert found["send"]["error"] is None


def test_a_chat_with_the_embedded_model_has_a_second_turn(found: Found) -> None:
    first, second = (
        found["send to the embedded model"]["first"],
        found["send to the embedded model"]["second"],
    )
    assert first["text"]
    assert second["text"]
    assert (first["messages"], second["messages"]) == (2, 4)
    assert second["statuses"] == [*WELL, *WELL[1:]]


def test_a_chat_shows_thoughts_apart(found: Found) -> None:
    assert found["thoughts"]["reasoning"]["text"] == "First the river, then the people."
    assert found["thoughts"]["reasoning"]["state"] == "done"
    assert found["thoughts"]["text"] == TEXT


def test_trap_03_heartbeats_are_nothing_to_a_chat(found: Found) -> None:
    assert found["silent for a while"]["statuses"] == WELL
    assert found["silent for a while"]["text"] == TEXT


def test_a_chat_that_is_stopped_keeps_what_came_and_the_model_is_stopped(
    found: Found, service: Service
) -> None:
    stopped = found["stop"]
    assert stopped["status"] == 204
    assert stopped["statuses"] == WELL
    assert stopped["aborted"] is True
    assert service.upstream.endless.startswith(stopped["text"])
    assert len(stopped["text"]) < len(service.upstream.endless)
    assert service.upstream.is_left("useChat stops")
    assert stopped["after"]["messages"] == 0, "there is still something to come back to"


def test_a_chat_comes_back_in_the_middle_and_has_the_whole(found: Found, service: Service) -> None:
    left, soon, resumed = (found["reconnect"][name] for name in ("left", "soon", "resumed"))
    assert len(left["text"]) < len(service.upstream.long)
    assert len(soon["text"]) < len(service.upstream.long), "it waited for the end"
    assert resumed["text"] == service.upstream.long
    assert resumed["statuses"] == WELL
    assert resumed["messages"] == 1


@pytest.mark.parametrize("check", ["late", "nothing"], ids=["behind the end", "to a chat that nobody knows"])
def test_a_chat_that_comes_back_for_nothing_is_ready(found: Found, check: str) -> None:
    chat = found["reconnect"]["late"] if check == "late" else found["reconnect to nothing"]
    assert chat["statuses"][-1] == "ready"
    assert chat["messages"] == 0
    assert chat["error"] is None


def test_an_error_in_the_middle_ends_a_chat_in_an_error_and_keeps_the_text(found: Found) -> None:
    assert found["broken"]["statuses"] == ["ready", "submitted", "streaming", "error"]
    assert "the model fell over" in found["broken"]["error"]
    assert found["broken"]["text"]
    assert TEXT.startswith(found["broken"]["text"])


def test_an_error_before_the_first_token_is_the_chats_error(found: Found) -> None:
    assert found["refused"]["statuses"] == ["ready", "submitted", "error"]
    assert "no such thing here" in found["refused"]["error"]


def test_a_chat_does_not_see_that_the_models_connection_broke(found: Found) -> None:
    assert found["mended"]["text"] == TEXT
    assert found["mended"]["statuses"] == WELL


def test_its_reader_reads_a_message(found: Found) -> None:
    message = found["read a message"]
    assert message["header"] == "v1"
    assert message["type"].startswith("text/event-stream")
    assert message["text"] == TEXT
    assert message["snapshots"] > 20
    assert message["errors"] == []


def test_its_reader_reads_tool_calls(found: Found) -> None:
    message = found["read tool calls"]
    tools = [part for part in message["parts"] if "toolCallId" in part]
    assert [(tool["toolCallId"], tool["input"]) for tool in tools] == [
        (call["id"], call["arguments"]) for call in CALLS
    ]
    assert {tool["state"] for tool in tools} == {"input-available"}
    assert message["errors"] == []


def test_its_reader_is_told_of_an_error_in_the_middle(found: Found) -> None:
    message = found["read a broken message"]
    assert TEXT.startswith(message["text"])
    assert len(message["errors"]) == 1
    assert "the model fell over" in message["errors"][0]


def test_its_provider_generates_text(found: Found) -> None:
    assert found["generate"]["text"] == TEXT
    assert found["generate"]["finish"] == "stop"
    assert found["generate"]["usage"]["outputTokens"] > 0
    assert found["generate"]["errors"] == []


def test_trap_05_its_provider_sees_an_error_in_the_middle(found: Found) -> None:
    broken = found["generate what breaks"]
    assert TEXT.startswith(broken["text"])
    assert len(broken["errors"]) == 1


def test_its_provider_sees_a_refusal(found: Found) -> None:
    refused = found["generate what is refused"]
    assert refused["errors"][0]["class"] == "AI_APICallError" or "no such thing" in str(refused["errors"])
