"""``eventsource-parser`` over fetch, and the npm package ``eventsource``: ids, heartbeats, coming back."""

import json
from typing import Any

import pytest

from tests.service.clients.conftest import Service
from tests.service.clients.programs import Found, run_node
from tests.service.clients.upstream import TEXT


@pytest.fixture(scope="module")
def found(service: Service) -> Found:
    return run_node("events.mjs", *service.urls)


def text_of(events: list[Any]) -> str:
    chunks = [json.loads(event["data"]) for event in events if event["event"] == "chunk"]
    return "".join(chunk["content"] for chunk in chunks)


def numbers(events: list[Any]) -> list[int]:
    return [int(event["id"].rpartition("-")[2]) for event in events]


def test_trap_01_ids_and_heartbeats_together_are_events_and_comments(found: Found) -> None:
    whole = found["whole"]
    assert text_of(whole["events"]) == TEXT
    assert numbers(whole["events"]) == list(range(1, len(whole["events"]) + 1))
    assert whole["comments"] >= 2, "no heartbeat came between the events"
    assert whole["errors"] == []


def test_a_stream_of_the_embedded_model_ends_by_saying_so(found: Found) -> None:
    events = found["embedded whole"]["events"]
    assert text_of(events)
    assert (events[-1]["event"], json.loads(events[-1]["data"])) == ("done", {"done": True})
    assert {event["event"] for event in events[:-1]} == {"chunk"}


def test_trap_05_an_error_in_the_middle_is_an_event_behind_what_came(found: Found) -> None:
    events = found["broken"]["events"]
    assert text_of(events)
    assert TEXT.startswith(text_of(events))
    assert events[-1]["event"] == "error"
    assert "the model fell over" in json.loads(events[-1]["data"])["error"]["message"]


def test_it_leaves_and_comes_back_with_nothing_lost_or_doubled(found: Found, service: Service) -> None:
    before, after = found["left and resumed"]["before"], found["left and resumed"]["after"]
    events = [*before["events"], *after["events"]]
    assert len(before["events"]) == 12
    assert numbers(events) == list(range(1, len(events) + 1))
    assert text_of(events) == service.upstream.long
    assert events[-1]["event"] == "done"


def test_behind_the_end_there_is_no_content(found: Found) -> None:
    assert found["left and resumed"]["late"] == {"status": 204, "body": ""}


def test_an_event_source_gets_what_another_reader_gets(found: Found) -> None:
    assert found["EventSource"]["errors"] == []
    assert found["EventSource"]["events"] == [
        {"id": event["id"], "event": event["event"], "data": event["data"]}
        for event in found["EventSource"]["read"]["events"]
    ]
    assert text_of(found["EventSource"]["events"]) == TEXT


def test_trap_14_an_event_source_is_told_that_nothing_is_behind_the_end(found: Found) -> None:
    late = found["EventSource of a finished stream"]
    assert late["events"] == []
    assert [error["code"] for error in late["errors"]] == [204]
