"""What becomes of an error before the first event, and what of it a client may see behind that."""

import json
from typing import Any

import httpx2
import openai
import pytest

from rxstream.errors import (
    AllStreamsFailed,
    FirstTokenTimeout,
    LocalModelError,
    LogError,
    ProviderError,
    StreamExists,
    StreamTruncated,
    UnknownStream,
    UsageError,
)
from rxstream.transports.refusals import Refusal, public_error, refusal_of, shutdown_error

REQUEST = httpx2.Request("POST", "http://secret.example/v1")


def status(number: int, **headers: str) -> openai.APIStatusError:
    body = {"message": "no such model", "type": "kind", "code": "code", "param": "model"}
    response = httpx2.Response(number, request=REQUEST, headers=headers)
    return openai.APIStatusError("no such model", response=response, body=body)


def reported(number: int | None, **headers: str) -> ProviderError:
    error = ProviderError("no", status=number, body={"param": "n"}, type="kind", code="code")
    error.__cause__ = httpx2.HTTPStatusError(
        "x", request=REQUEST, response=httpx2.Response(429, request=REQUEST, headers=headers)
    )
    return error


EARLY: list[tuple[Exception, int]] = [
    (status(400), 400),
    (status(404), 404),
    (status(429), 429),
    (status(401), 502),
    (status(403), 502),
    (status(500), 502),
    (reported(422), 422),
    (reported(503), 503),
    (reported(401), 502),
    (reported(None), 502),
    (openai.APITimeoutError(REQUEST), 504),
    (FirstTokenTimeout("late"), 504),
    (httpx2.ReadTimeout("late"), 504),
    (openai.APIConnectionError(request=REQUEST), 502),
    (ConnectionRefusedError(), 502),
    (LocalModelError("gone"), 503),
    (StreamTruncated("cut"), 502),
    (UnknownStream("x"), 404),
    (StreamExists("x"), 409),
    (LogError("/var/secret.db"), 503),
    (AllStreamsFailed("all", [status(500), status(400)]), 400),
    (Refusal(418), 418),
]


@pytest.mark.parametrize(("error", "number"), EARLY, ids=map(str, range(len(EARLY))))
def test_trap_11_an_early_error_is_an_http_error(error: Exception, number: int) -> None:
    refusal = refusal_of(error)
    assert refusal is not None
    assert refusal.status == number
    body = json.loads(refusal.body)["error"]
    assert set(body) == {"message", "type", "code", "param"}
    assert "secret" not in refusal.body.decode()


def test_what_the_provider_says_of_the_request_is_passed_on() -> None:
    refusal = refusal_of(status(429, **{"Retry-After": "7"}))
    assert refusal is not None
    assert refusal.headers == {"Retry-After": "7"}
    assert json.loads(refusal.body)["error"] == {
        "message": "no such model",
        "type": "kind",
        "code": "code",
        "param": "model",
    }
    assert json.loads(refusal_of(reported(422)).body)["error"]["param"] == "n"  # type: ignore[union-attr] # pyright: ignore[reportOptionalMemberAccess]


def test_a_report_that_names_a_time_to_wait_passes_it_on() -> None:
    refusal = refusal_of(reported(429, **{"Retry-After": "3"}))
    assert refusal is not None
    assert refusal.headers == {"Retry-After": "3"}


def test_a_header_that_is_none_is_not_passed_on() -> None:
    refusal = refusal_of(status(429, **{"Retry-After": "7\x01"}))
    assert refusal is not None
    assert refusal.headers == {}


@pytest.mark.parametrize("error", [ValueError(), UsageError("x")], ids=["any", "usage"])
def test_a_fault_of_the_program_is_the_frameworks(error: Exception) -> None:
    assert refusal_of(error) is None


def test_an_empty_answer_has_no_body() -> None:
    assert Refusal(204).body == b""


@pytest.mark.parametrize(
    "error",
    [status(401), ProviderError("key sk-secret", status=403), ConnectionRefusedError("secret.example:1")],
    ids=["status", "report", "address"],
)
def test_keys_and_addresses_are_nobodys_business(error: Any) -> None:
    told = public_error(error)
    assert isinstance(told, ProviderError)
    assert "secret" not in str(told)


def test_any_other_error_is_told_as_it_is() -> None:
    error = StreamTruncated("cut")
    assert public_error(error) is error
    assert shutdown_error().code == "shutdown"
