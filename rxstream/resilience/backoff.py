"""How long to wait before another attempt, and whether to make one at all."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from rxstream.engine.arguments import check_function, check_number
from rxstream.errors import ProviderError, StreamTimeout, StreamTruncated
from rxstream.sources.sdk import openai

__all__ = ("Backoff", "is_transient", "retry_after")

#: HTTP statuses after which the same request may succeed: 408 timeout, 409 conflict, 429 too many, 5xx.
_TRANSIENT = frozenset((408, 409, 429))
#: Errors whose status says "later", and that no later will mend.
_HOPELESS = frozenset(("insufficient_quota", "billing_hard_limit_reached"))
#: What providers call, in a stream, what would have had a status before it.
_TRANSIENT_NAMES = frozenset(
    (
        "server_error",
        "internal_server_error",
        "internal_error",
        "api_error",
        "overloaded_error",
        "overloaded",
        "rate_limit_error",
        "rate_limit_exceeded",
        "service_unavailable",
        "unavailable_error",
        "timeout",
        "timeout_error",
    )
)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Wait exponentially longer from attempt to attempt, with full jitter.

        backoff = rxs.Backoff(base=1, maximum=20, jitter=lambda: 1.0)
        print([backoff(retry) for retry in (1, 2, 3, 10)])  #> [1.0, 2.0, 4.0, 20.0]
        patient = answer.pipe(rxs.retry_stream(8, backoff=rxs.Backoff(base=1, maximum=20)))

    Before the n-th retry it is a random number of seconds between 0 and ``base * factor ** (n - 1)``, and
    never more than ``maximum``: so those who failed together do not come back together. ``jitter`` gives the
    random number, from 0 to 1.

    Raises ValueError for a ``base`` or a ``maximum`` below 0 and for a ``factor`` below 1, TypeError for what
    is no number. Where a server says itself how long to wait (Retry-After), ``retry_stream`` obeys that.
    """

    base: float = 0.5
    factor: float = 2.0
    maximum: float = 30.0
    jitter: Callable[[], float] = field(default=random.random, repr=False)

    def __post_init__(self) -> None:
        check_number("Backoff()", "base", self.base, zero=True)
        check_number("Backoff()", "maximum", self.maximum, zero=True)
        check_number("Backoff()", "factor", self.factor, unit="times")
        if self.factor < 1:
            msg = f"Backoff() expects factor to be at least 1 and got {self.factor!r}"
            raise ValueError(msg)
        check_function("Backoff()", "jitter", self.jitter, "a function that gives a number from 0 to 1")

    def __call__(self, retry: int) -> float:
        """Return the seconds to wait before the n-th retry, counted from 1."""
        # Beyond that it would overflow long after it has reached any maximum.
        longest = self.base * self.factor ** min(retry - 1, 100)
        return min(longest, self.maximum) * self.jitter()


def is_transient(error: Exception) -> bool:
    """Tell whether the same request may succeed later.

    Connections that died or could not be made, timeouts, answers that were cut off, and the statuses 408,
    409, 429 and 5xx, also where a provider reports them in the stream. Not an exhausted quota.
    """
    if isinstance(error, ProviderError):
        return _is_transient_report(error)
    if isinstance(error, openai.APIStatusError):
        return _is_transient_status(error.status_code) and error.code not in _HOPELESS
    if isinstance(error, httpx2.HTTPStatusError):
        return _is_transient_status(error.response.status_code)
    return isinstance(
        error,
        (
            StreamTruncated,
            StreamTimeout,
            openai.APIConnectionError,
            httpx2.TransportError,
            ConnectionError,
            TimeoutError,
        ),
    )


def retry_after(error: Exception) -> float | None:
    """Return the seconds that the server asks to wait, if the error or its cause has a response that does."""
    response = getattr(error, "response", None)
    if response is None:
        response = getattr(error.__cause__, "response", None)
    headers: Any = getattr(response, "headers", None)
    if headers is None:
        return None
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    return _until(value) if seconds is None and value is not None else seconds


def _is_transient_report(error: ProviderError) -> bool:
    names = {str(error.code), str(error.type)}
    if names & _HOPELESS:
        return False
    status = error.status
    if status is None:
        number = _number(error.code)
        status = None if number is None else int(number)
    if status is not None:
        return _is_transient_status(status)
    return bool(names & _TRANSIENT_NAMES)


def _is_transient_status(status: int) -> bool:
    return status in _TRANSIENT or status >= 500


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 <= number < float("inf") else None


def _until(date: str) -> float | None:
    """Read an HTTP date."""
    try:
        then = parsedate_to_datetime(date)
    except (TypeError, ValueError):
        return None
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return max(0.0, (then - datetime.now(UTC)).total_seconds())
