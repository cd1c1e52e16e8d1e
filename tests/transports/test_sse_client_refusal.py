"""Responses that are no streams of events."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx2
import pytest

from rxstream.errors import MalformedStream, ProviderError
from rxstream.items import StreamResult
from rxstream.resilience.backoff import is_transient, retry_after
from rxstream.testing import VirtualClock
from rxstream.transports.dialects.error_form import error_form
from rxstream.transports.sse_client_refusal import head_of, refusal, speaks_of_events, where

URL = "http://me:secret@host:81/v1/stream?key=secret#part"


def response(status: int, **headers: str) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.Response(status, headers=named, request=httpx2.Request("GET", URL))


@pytest.mark.parametrize(
    ("kind", "is_stream"),
    [
        ("text/event-stream", True),
        ("text/event-stream; charset=utf-8", True),
        ("Text/Event-Stream;charset=latin-1", True),
        ("text/event-streams", False),
        ("text/html", False),
        ("", False),
    ],
    ids=repr,
)
def test_the_type_of_the_body_tells_a_stream(kind: str, is_stream: bool) -> None:
    assert speaks_of_events(response(200, content_type=kind)) == is_stream


def test_no_type_is_no_stream() -> None:
    assert not speaks_of_events(response(200))
    error = refusal(response(200), b"hello", StreamResult("so far"))
    assert isinstance(error, MalformedStream)
    assert "got no Content-Type and a body that begins with 'hello'" in str(error)
    assert error.partial.content == "so far"


def test_a_wrong_type_is_quoted() -> None:
    error = refusal(response(200, content_type="text/html"), b"<html>" * 900, StreamResult(""))
    assert isinstance(error, MalformedStream)
    assert "expected text/event-stream from http://host:81/v1/stream, got Content-Type 'text/html'" in str(
        error
    )
    assert "<html><html>" in str(error)
    assert len(str(error)) < 500


@pytest.mark.parametrize(
    ("status", "transient"), [(400, False), (404, False), (410, False), (429, True), (500, True), (503, True)]
)
def test_a_status_can_be_judged(status: int, transient: bool) -> None:
    refused = response(status, retry_after="7", content_encoding="gzip")
    error = refusal(refused, b"not now", StreamResult("so far"))
    assert isinstance(error, ProviderError)
    assert error.status == status
    assert is_transient(error) == transient
    assert retry_after(error) == 7
    cause: Any = error.__cause__
    assert isinstance(cause, httpx2.HTTPStatusError)
    assert (cause.response.status_code, cause.response.text) == (status, "not now")
    assert cause.request.url == URL
    assert f"http://host:81/v1/stream answered {status} {refused.reason_phrase}: 'not now'" in str(error)
    assert error.partial.content == "so far"


def test_what_the_body_reports_is_told() -> None:
    body = b'{"error": {"message": "no such model", "code": "model_not_found", "type": "invalid"}}'
    error = refusal(response(404), body, StreamResult(""))
    assert isinstance(error, ProviderError)
    assert str(error) == "http://host:81/v1/stream answered 404 Not Found: no such model"
    assert (error.status, error.code, error.type) == (404, "model_not_found", "invalid")


def test_an_error_may_come_with_a_good_status() -> None:
    error = refusal(response(200, content_type="application/json"), b'{"detail": "no"}', StreamResult(""))
    assert isinstance(error, ProviderError)
    assert error.status == 200


def test_json_without_an_error_is_quoted() -> None:
    error = refusal(response(502), b'["a", "list"]', StreamResult(""))
    assert "a" in str(error)


def test_a_redirect_tells_where_to() -> None:
    refused = response(307, location="/v2/stream?key=secret")
    error = refusal(refused, b"", StreamResult(""))
    assert (
        "a redirect to http://host:81/v2/stream: ask there, or give a client= with follow_redirects"
        in str(error)
    )


def test_no_secret_of_the_url_is_told() -> None:
    assert where(httpx2.URL(URL)) == "http://host:81/v1/stream"
    for status in (200, 307, 404):
        assert "secret" not in str(refusal(response(status, location=URL), b"", StreamResult("")))


def test_whoever_hands_the_error_on_names_no_address() -> None:
    for status in (200, 307, 404, 503):
        error = refusal(response(status, location=URL), b"no", StreamResult(""))
        assert "host" not in error_form(error)["message"]


async def body_of(*pieces: Any) -> AsyncIterator[bytes]:
    for piece in pieces:
        if isinstance(piece, Exception):
            raise piece
        if isinstance(piece, bytes):
            yield piece
        else:
            await anyio.sleep(piece)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize(
    ("pieces", "head"),
    [
        ((b"he", b"llo"), b"hello"),
        ((b"x" * 3000, b"y" * 3000, OSError("not read so far")), b"x" * 3000 + b"y" * 1096),
        ((b"hello", OSError("gone")), b"hello"),
        ((b"hello", 1000, b"late"), b"hello"),
    ],
    ids=["whole", "long", "dies", "stalls"],
)
def test_the_head_of_a_body_is_read(pieces: tuple[Any, ...], head: bytes, backend: Any) -> None:
    clock = VirtualClock()
    assert clock.run(head_of, body_of(*pieces), backend=backend) == head
    assert clock.time() <= 2
