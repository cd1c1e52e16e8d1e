"""What a client is told of an error, and what it is not."""

import httpx2
import openai
import pytest

from rxstream.errors import (
    AllStreamsFailed,
    LocalModelError,
    LogError,
    ProviderError,
    StreamStalled,
    StreamTruncated,
    UsageError,
)
from rxstream.transports.dialects.error_form import error_form

REQUEST = httpx2.Request("POST", "http://localhost/v1")


def refused(status: int) -> openai.APIStatusError:
    body = {"message": "no", "type": "kind", "code": "code"}
    return openai.APIStatusError("no", response=httpx2.Response(status, request=REQUEST), body=body)


@pytest.mark.parametrize(
    ("error", "form"),
    [
        (StreamTruncated("cut"), ("cut", "StreamTruncated", None)),
        (StreamStalled("slow"), ("slow", "StreamStalled", "timeout")),
        (ProviderError("no", type="overloaded", code=529), ("no", "overloaded", 529)),
        (ProviderError("no"), ("no", "ProviderError", None)),
        (refused(400), ("no", "kind", "code")),
        (openai.APITimeoutError(REQUEST), ("Request timed out.", "APITimeoutError", "timeout")),
        (openai.APIConnectionError(request=REQUEST), ("Connection error.", "APIConnectionError", None)),
        (refused(401), ("the provider refuses the server's credentials", "kind", None)),
        (httpx2.ReadError("broken"), ("the connection failed", "ReadError", None)),
        (httpx2.ReadTimeout("late"), ("it took too long", "ReadTimeout", "timeout")),
        (TimeoutError("late"), ("it took too long", "TimeoutError", "timeout")),
        (
            AllStreamsFailed("none", [ValueError("secret")]),
            ("none (1 sub-exception)", "AllStreamsFailed", None),
        ),
        (StreamTruncated("x" * 2000), ("x" * 1000 + "...", "StreamTruncated", None)),
    ],
    ids=[
        *("cut", "slow", "provider", "bare", "refused", "late", "unreachable", "key", "transport"),
        *("read late", "any late", "group", "long"),
    ],
)
def test_errors_of_the_stream_are_told(error: Exception, form: tuple[str, str, object]) -> None:
    assert error_form(error) == dict(zip(("message", "type", "code"), form, strict=True))


@pytest.mark.parametrize(
    "error",
    [ValueError("secret"), UsageError("secret"), LocalModelError("secret"), LogError("secret")],
    ids=["any", "usage", "model", "log"],
)
def test_faults_of_the_program_are_logged_and_kept(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    assert error_form(error) == {"message": "internal error", "type": "internal_error", "code": None}
    assert "secret" in caplog.text


@pytest.mark.parametrize(
    "error",
    [
        ProviderError("Incorrect API key provided: sk-proj-ab**cd. See http://10.0.0.3:8080/v1?key=cd"),
        StreamTruncated("expected text/event-stream from http://10.0.0.3:8080/v1?key=cd, got sk-ab**cd"),
        httpx2.ConnectError("http://10.0.0.3:8080/v1?key=cd"),
        ConnectionRefusedError(111, "Connect call failed ('10.0.0.3', 8080)"),
        TimeoutError(110, "Connect call failed ('10.0.0.3', 8080)"),
    ],
    ids=["provider", "ours", "client", "socket", "late socket"],
)
def test_addresses_and_keys_are_kept(error: Exception) -> None:
    message = error_form(error)["message"]
    assert "10.0.0.3" not in message
    assert "cd" not in message
