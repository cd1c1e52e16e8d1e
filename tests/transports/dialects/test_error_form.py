"""What a client is told of an error, and what it is not."""

import httpx2
import openai
import pytest

from rxstream.errors import ProviderError, StreamStalled, StreamTruncated, UsageError
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
        (httpx2.ReadError("broken"), ("broken", "ReadError", None)),
        (StreamTruncated("x" * 2000), ("x" * 1000 + "...", "StreamTruncated", None)),
    ],
    ids=["cut", "slow", "provider", "bare", "refused", "late", "transport", "long"],
)
def test_errors_of_the_stream_are_told(error: Exception, form: tuple[str, str, object]) -> None:
    assert error_form(error) == dict(zip(("message", "type", "code"), form, strict=True))


@pytest.mark.parametrize("error", [ValueError("secret"), UsageError("secret")], ids=["any", "usage"])
def test_faults_of_the_program_are_logged_and_kept(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    assert error_form(error) == {"message": "internal error", "type": "internal_error", "code": None}
    assert "secret" in caplog.text
