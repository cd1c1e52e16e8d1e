"""How long to wait, and for which errors to make another attempt."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxstream.errors import (
    AnswerChanged,
    ConnectionLost,
    FirstTokenTimeout,
    MalformedStream,
    ProviderError,
    StreamConsumed,
    StreamStalled,
    StreamTruncated,
    TotalTimeout,
)
from rxstream.resilience.backoff import Backoff, is_transient, retry_after

REQUEST = httpx2.Request("POST", "http://127.0.0.1/v1")


def status_error(status: int, code: str | None = None, **headers: str) -> openai.APIStatusError:
    response = httpx2.Response(
        status, headers={name.replace("_", "-"): value for name, value in headers.items()}, request=REQUEST
    )
    return openai.APIStatusError("no", response=response, body={"code": code})


def http_error(status: int, **headers: str) -> httpx2.HTTPStatusError:
    response = status_error(status, **headers).response
    return httpx2.HTTPStatusError("no", request=REQUEST, response=response)


@given(
    base=st.floats(0, 10),
    factor=st.floats(1, 5),
    maximum=st.floats(0, 100),
    jitter=st.floats(0, 1),
    retry=st.integers(1, 10_000),
)
def test_a_wait_is_within_its_bounds(
    base: float, factor: float, maximum: float, jitter: float, retry: int
) -> None:
    wait = Backoff(base, factor, maximum, jitter=lambda: jitter)(retry)
    assert 0 <= wait <= maximum
    assert wait <= base * factor ** min(retry - 1, 100)


def test_a_wait_grows_to_its_maximum() -> None:
    wait = Backoff(base=1, factor=2, maximum=10, jitter=lambda: 1.0)
    assert [wait(retry) for retry in range(1, 7)] == [1, 2, 4, 8, 10, 10]
    assert Backoff(base=1, jitter=lambda: 0.25)(3) == 1


def test_the_jitter_is_full_by_default() -> None:
    waits = [Backoff(base=1)(1) for _ in range(200)]
    assert min(waits) < 0.2
    assert max(waits) > 0.8


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"base": -1}, "base to be 0 seconds or more and got -1"),
        ({"factor": 0.5}, "factor to be at least 1 and got 0.5"),
        ({"factor": -1}, "factor to be more than 0 times and got -1"),
        ({"maximum": -1}, "maximum to be 0 seconds or more and got -1"),
    ],
    ids=repr,
)
def test_a_wrong_backoff_is_refused(wrong: Any, message: str) -> None:
    with pytest.raises(ValueError, match=rf"^Backoff\(\) expects {message}$"):
        Backoff(**wrong)


TRANSIENT: list[Exception] = [
    StreamTruncated("cut"),
    ConnectionLost("gone"),
    FirstTokenTimeout("late"),
    StreamStalled("silent"),
    TotalTimeout("long"),
    openai.APIConnectionError(request=REQUEST),
    openai.APITimeoutError(REQUEST),
    httpx2.ReadError("reset"),
    httpx2.RemoteProtocolError("half a chunk"),
    ConnectionResetError(),
    TimeoutError(),
    *[status_error(status) for status in (408, 409, 429, 500, 502, 503, 529)],
    *[http_error(status) for status in (408, 409, 429, 500, 503)],
    ProviderError("busy", status=503),
    ProviderError("busy", code=503),
    ProviderError("busy", code="429"),
    ProviderError("busy", type="overloaded_error"),
    ProviderError("busy", code="rate_limit_exceeded"),
]
LASTING: list[Exception] = [
    MalformedStream("a web page"),
    AnswerChanged("another one"),
    StreamConsumed("read already"),
    *[status_error(status) for status in (400, 401, 403, 404, 413, 422)],
    *[http_error(status) for status in (302, 400, 401, 404, 410)],
    status_error(429, "insufficient_quota"),
    ProviderError("no", status=400),
    ProviderError("no", code=400),
    ProviderError("no", type="invalid_request_error"),
    ProviderError("no", code="context_length_exceeded"),
    ProviderError("no", code="insufficient_quota", status=429),
    ProviderError("no"),
    ValueError("a bug"),
    KeyError("a bug"),
]


@pytest.mark.parametrize("number", range(len(TRANSIENT)))
def test_what_may_succeed_later_is_transient(number: int) -> None:
    assert is_transient(TRANSIENT[number]), TRANSIENT[number]


@pytest.mark.parametrize("number", range(len(LASTING)))
def test_what_will_not_is_not(number: int) -> None:
    assert not is_transient(LASTING[number]), LASTING[number]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7),
        ({"retry_after": "1.5"}, 1.5),
        ({"retry_after_ms": "250"}, 0.25),
        ({"retry_after_ms": "250", "retry_after": "7"}, 0.25),
        ({"retry_after_ms": "soon", "retry_after": "7"}, 7),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "-3"}, None),
        ({"retry_after": "inf"}, None),
        ({}, None),
        ({"retry_after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
    ],
    ids=repr,
)
def test_retry_after_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(status_error(429, None, **headers)) == seconds


@pytest.mark.parametrize("zone", [True, False])
def test_retry_after_may_be_a_date(zone: bool) -> None:
    then = datetime.now(UTC) + timedelta(seconds=30)
    text = format_datetime(then if zone else then.replace(tzinfo=None))
    seconds = retry_after(status_error(503, None, retry_after=text.replace("+0000", "GMT")))
    assert seconds is not None
    assert 25 < seconds <= 30


@pytest.mark.parametrize("error", [OSError(), StreamTruncated("cut")], ids=repr)
def test_an_error_without_a_response_asks_for_nothing(error: Any) -> None:
    assert retry_after(error) is None


def test_what_a_plain_http_client_was_told_counts() -> None:
    assert retry_after(http_error(503, retry_after="7")) == 7


def test_what_the_cause_was_told_counts() -> None:
    error = ProviderError("busy", status=503)
    error.__cause__ = http_error(503, retry_after="7")
    assert retry_after(error) == 7
    error.__cause__ = OSError("gone")
    assert retry_after(error) is None
