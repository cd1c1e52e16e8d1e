"""What clients are told of errors: their status, one shape, and no secret."""

import json
from typing import Any

import httpx2
import openai
import pytest

from rxstream import errors
from rxstream.items import StreamResult
from rxstream.service.refusals import PublicError, public_error, refusal_of
from rxstream.transports.refusals import Refusal
from rxstream.transports.refusals import public_error as told_in_a_stream
from rxstream.transports.refusals import refusal_of as foreseen

SECRET = "sk-very-secret http://10.0.0.7:8080"
REQUEST = httpx2.Request("POST", "http://10.0.0.7:8080/v1")


def status_error(status: int, *, body: Any = None, headers: dict[str, str] | None = None) -> Exception:
    response = httpx2.Response(status, request=REQUEST, headers=headers)
    return openai.APIStatusError(f"Error code: {status} {SECRET}", response=response, body=body)


def caused(error: Exception) -> Exception:
    error.__cause__ = OSError(SECRET)
    return error


CASES: list[tuple[Exception, int, str]] = [
    (Refusal(418, "no"), 418, "no"),
    (
        status_error(400, body={"message": "too long", "code": "context", "param": "messages"}),
        400,
        "too long",
    ),
    (status_error(400, body={"message": f"bad request to {SECRET}"}), 400, "bad request to"),
    (status_error(404), 404, "status 404"),
    (status_error(429, body="not an object"), 429, "status 429"),
    (status_error(401), 502, "credentials"),
    (status_error(403), 502, "credentials"),
    (status_error(500), 502, "status 500"),
    (status_error(503), 503, "status 503"),
    (openai.APIConnectionError(message=SECRET, request=REQUEST), 502, "cannot be reached"),
    (openai.APITimeoutError(REQUEST), 504, "in time"),
    (errors.FirstTokenTimeout("no content came for 3 s"), 504, "3 s"),
    (errors.StreamTruncated("it ended early"), 502, "ended early"),
    (caused(errors.ConnectionLost(f"died: {SECRET}")), 502, "died in the middle"),
    (errors.InvalidJSON("expected a brace"), 502, "a brace"),
    (errors.ProviderError("the model fell over"), 502, "fell over"),
    (errors.ProviderError("too much", status=429), 429, "too much"),
    (errors.ProviderError(f"{SECRET} is busy", status=503), 503, "is busy"),
    (errors.LocalModelError(f"no weights in {SECRET}"), 503, "cannot be asked"),
    (errors.AllStreamsFailed("all", [status_error(500), status_error(429)]), 429, "status 429"),
    (errors.UnknownStream("s"), 404, "no such stream"),
    (errors.StreamExists("s"), 409, "already"),
    (errors.StreamOrphaned("s"), 503, "ask again"),
    (errors.LogError(SECRET), 503, "log of streams"),
    (errors.UsageError(SECRET), 500, "inside the service"),
    (RuntimeError(SECRET), 500, "inside the service"),
]
IDS = [f"{type(error).__name__} {status} {number}" for number, (error, status, _) in enumerate(CASES)]


@pytest.mark.parametrize(("error", "status", "words"), CASES, ids=IDS)
def test_an_error_has_its_status_and_no_secret(error: Exception, status: int, words: str) -> None:
    refusal = refusal_of(error)
    assert refusal.status == status
    assert words in refusal.message
    assert set(refusal.form) == {"message", "type", "code", "param"}
    assert "10.0.0.7" not in json.dumps(refusal.form)
    assert "very-secret" not in json.dumps(refusal.form)


@pytest.mark.parametrize(("error", "status", "words"), CASES, ids=IDS)
@pytest.mark.parametrize("early", [True, False], ids=["early", "late"])
def test_an_error_in_a_stream_has_no_secret_either(
    error: Exception, status: int, words: str, early: bool
) -> None:
    told = public_error(error, early=early)
    assert words in str(told)
    assert "10.0.0.7" not in str(told)
    assert "very-secret" not in str(told)
    if early:
        assert isinstance(told, PublicError)
        assert told.status_code == status
        assert refusal_of(told).status == status


@pytest.mark.parametrize("status", [401, 403, 413, 500])
def test_what_is_told_in_a_stream_is_the_same_refusal_before_it(status: int) -> None:
    """Who serves the stream takes none of the service's own refusals for the provider's."""
    refusal = Refusal(status, "no", code="own")
    assert foreseen(PublicError(refusal)) is refusal
    assert told_in_a_stream(PublicError(refusal)).__cause__ is refusal


def test_an_error_of_the_stream_stays_what_it_is_behind_some_content() -> None:
    error = errors.StreamTruncated("it ended early", partial=StreamResult("Hel"))
    assert public_error(error) is error


def test_a_provider_who_asks_for_patience_is_passed_on() -> None:
    refusal = refusal_of(status_error(429, headers={"Retry-After": "7"}))
    assert refusal.headers == {"Retry-After": "7"}


def test_long_words_are_cut_where_no_key_is_cut_in_two() -> None:
    said = f"{'x' * 995} sk-very-secret"
    message = refusal_of(status_error(400, body={"message": said})).message
    assert "sk-" not in message
    cut = refusal_of(status_error(400, body={"message": "x" * 5000})).message
    assert cut == f"{'x' * 1000}..."
    assert len(refusal_of(errors.ProviderError("x" * 5000)).message) < 1100


def test_a_refusal_is_called_what_openai_calls_it() -> None:
    assert Refusal(401, "").type == "authentication_error"
    assert Refusal(422, "").type == "invalid_request_error"
    assert Refusal(503, "").type == "server_error"
    assert Refusal(400, "", type="special").type == "special"
