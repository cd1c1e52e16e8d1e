"""Which dialect it is."""

from typing import Any

import pytest

from rxstream.errors import MalformedStream, StreamTruncated
from rxstream.items import SSEEvent, StreamResult
from rxstream.transports.dialects.named import DIALECTS, dialect_named
from rxstream.transports.sse_client_dialect import GuessedDialect, RawEvents

SAMPLES: dict[str, list[SSEEvent]] = {
    "rxstream": [
        SSEEvent('{"content": "a", "finish_reason": null}', "chunk"),
        SSEEvent('{"item": "a"}', "chunk"),
        SSEEvent('{"done": true}', "done"),
        SSEEvent('{"attempt": 2}', "restart"),
        SSEEvent('{"first": 1, "last": 2}', "gap"),
        SSEEvent('{"error": {"message": "no"}}', "error"),
    ],
    "openai": [
        SSEEvent('{"choices": []}'),
        SSEEvent('{"id": "a", "object": "chat.completion.chunk", "choices": [{"delta": {}}]}', "message"),
        SSEEvent('{"error": {"message": "no"}}'),
        SSEEvent('{"object": "error", "message": "no"}'),
        SSEEvent("[DONE]"),
        SSEEvent(" [DONE] "),
    ],
    "ui-message": [
        SSEEvent('{"type": "start"}'),
        SSEEvent('{"type": "text-start", "id": "1"}'),
        SSEEvent('{"type": "data-metrics", "data": {}}'),
        SSEEvent('{"type": "error", "errorText": "no"}'),
    ],
    "anthropic": [
        SSEEvent('{"type": "message_start", "message": {}}', "message_start"),
        SSEEvent('{"type": "ping"}', "ping"),
        SSEEvent('{"type": "error", "error": {"type": "overloaded_error", "message": "no"}}', "error"),
        SSEEvent('{"type": "message_start", "message": {}}'),
    ],
    "ag-ui": [SSEEvent('{"type": "RUN_STARTED"}'), SSEEvent('{"type": "RUN_ERROR", "message": "no"}')],
}
CASES = [
    pytest.param(name, event, id=f"{name}-{n}") for name in SAMPLES for n, event in enumerate(SAMPLES[name])
]


def outcome(decoder: Any, event: SSEEvent) -> Any:
    try:
        return list(decoder.feed(event)), decoder.finished, decoder.partial()
    except Exception as error:
        return type(error), str(error)


def test_every_dialect_has_samples() -> None:
    assert list(SAMPLES) == list(DIALECTS)


@pytest.mark.parametrize(("name", "event"), CASES)
def test_the_first_event_tells_the_dialect(name: str, event: SSEEvent) -> None:
    guessed = GuessedDialect()
    assert outcome(guessed, event) == outcome(dialect_named(name).decoder(), event)


@pytest.mark.parametrize("name", ["rxstream", "openai", "ui-message", "anthropic", "ag-ui"])
def test_it_is_guessed_once(name: str) -> None:
    guessed = GuessedDialect()
    outcome(guessed, SAMPLES[name][0])
    known = dialect_named(name).decoder()
    outcome(known, SAMPLES[name][0])
    for event in SAMPLES["rxstream"][:2]:
        assert outcome(guessed, event) == outcome(known, event)


@pytest.mark.parametrize(
    "event",
    [
        SSEEvent("hello"),
        SSEEvent('"hello"'),
        SSEEvent("{}"),
        SSEEvent('{"type": 3}'),
        SSEEvent('{"type": "unheard"}'),
        SSEEvent('{"price": 3}', "ticker"),
        SSEEvent('{"type": "response.created"}', "response.created"),
    ],
    ids=repr,
)
def test_what_is_none_of_them_is_said_to_be_none(event: SSEEvent) -> None:
    with pytest.raises(MalformedStream, match="dialect=None gives events as they come"):
        GuessedDialect().feed(event)


def test_a_header_tells_before_any_event() -> None:
    guessed = GuessedDialect()
    guessed.look_at({"x-vercel-ai-ui-message-stream": "v1"})
    event = SSEEvent('{"error": "an object of openai\'s"}')
    assert outcome(guessed, event) == outcome(dialect_named("ui-message").decoder(), event)
    guessed.look_at({"x-vercel-ai-ui-message-stream": "v1"})  # on another connection nothing begins anew
    assert outcome(guessed, event) == outcome(dialect_named("ui-message").decoder(), event)


def test_other_headers_tell_nothing() -> None:
    guessed = GuessedDialect()
    guessed.look_at({"content-type": "text/event-stream"})
    assert list(guessed.feed(SSEEvent("[DONE]"))) == []
    assert guessed.finished
    assert list(guessed.close()) == []


def test_an_empty_stream_is_no_dialects() -> None:
    guessed = GuessedDialect()
    assert not guessed.finished
    assert guessed.partial() == StreamResult("")
    with pytest.raises(StreamTruncated, match="before its first event"):
        guessed.close()


def test_raw_events_pass() -> None:
    raw = RawEvents()
    event = SSEEvent("[DONE]")
    assert list(raw.feed(event)) == [event]
    assert not raw.finished
    assert list(raw.close()) == []
    assert raw.partial() == StreamResult("")
