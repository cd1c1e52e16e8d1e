"""What becomes of an error: an HTTP status before the first event, an event behind it.

A client learns of an error what concerns it. That our key for the provider is wrong does not, and the words
of a fault that nobody has foreseen are nobody's business: they may quote keys and addresses.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import httpx2
import openai

from rxstream.errors import (
    AllStreamsFailed,
    LocalModelError,
    LogError,
    ProviderError,
    RxStreamError,
    StreamExists,
    StreamTimeout,
    UnknownStream,
    UsageError,
)
from rxstream.sansio.wire import OBJECT
from rxstream.transports.dialects.error_form import error_form

__all__ = ("Refusal", "public_error", "refusal_of", "shutdown_error")

#: Statuses of a provider that speak of the client's own request.
_OF_THE_REQUEST: Final = frozenset((400, 404, 409, 413, 422, 429))
#: Statuses of a provider that speak of our key.
_OF_THE_KEY: Final = frozenset((401, 403))
#: Characters of a provider's words that are passed on.
_LONGEST: Final = 1000
_KEY_REFUSED: Final = "the provider does not accept the server's own credentials"


class Refusal(Exception):
    """An answer with another status than 200, instead of a stream."""

    def __init__(
        self,
        status: int,
        message: str = "",
        *,
        code: str | int | None = None,
        kind: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self._message = message
        self._kind = kind or ("server_error" if status >= 500 else "invalid_request_error")
        self._code = code
        self._param: str | None = None

    def about(self, param: object) -> "Refusal":
        """Name the argument of the request that is wrong."""
        self._param = param if isinstance(param, str) else None
        return self

    @property
    def form(self) -> dict[str, Any]:
        """What the client is told."""
        return {"message": self._message, "type": self._kind, "code": self._code, "param": self._param}

    @property
    def body(self) -> bytes:
        """The body: empty where the status has none."""
        return b"" if self.status == 204 else json.dumps({"error": self.form}).encode()


def refusal_of(error: Exception) -> Refusal | None:
    """Return what to answer to a request that failed before its first event; None: raise the error.

    An error that brings a ``status_code`` of its own is the framework's, which knows what to answer.
    """
    if isinstance(error, Refusal):
        return error
    if isinstance(error, AllStreamsFailed):
        # Each was asked, and the last one's reason is why there is nothing left to ask.
        return refusal_of(error.exceptions[-1])
    if isinstance(error, openai.APIStatusError):
        return _of_status(error)
    if isinstance(error, ProviderError):
        return _of_report(error)
    if isinstance(error, LogError):
        return _of_log(error)
    if isinstance(error, StreamTimeout | openai.APITimeoutError | httpx2.TimeoutException):
        return _told(504, error, "upstream_timeout")
    if isinstance(error, openai.APIConnectionError | httpx2.HTTPError | ConnectionError):
        return _told(502, error, "upstream_unreachable")
    if isinstance(error, LocalModelError):
        return _told(503, error, "unavailable")
    if isinstance(error, RxStreamError) and not isinstance(error, UsageError):
        return _told(502, error, "upstream_broken")
    return None


def public_error(error: Exception) -> Exception:
    """Return what of an error in the middle of a stream its client is told."""
    status = getattr(error, "status_code", None) if isinstance(error, openai.APIStatusError) else None
    if isinstance(error, ProviderError):
        status = error.status
    if status in _OF_THE_KEY:
        return ProviderError(_KEY_REFUSED, code="upstream_refused", type="server_error")
    if isinstance(error, httpx2.HTTPStatusError | ConnectionError):
        # Their words name addresses.
        return ProviderError(
            "the connection to the provider failed", code="upstream_lost", type="server_error"
        )
    return error


def shutdown_error() -> ProviderError:
    """Make what a stream ends with when its server stops."""
    return ProviderError("the server is shutting down", code="shutdown", type="server_error", status=503)


def _of_status(error: openai.APIStatusError) -> Refusal:
    status = error.status_code
    if status in _OF_THE_KEY:
        return Refusal(502, _KEY_REFUSED, code="upstream_refused")
    if status not in _OF_THE_REQUEST:
        return Refusal(502, f"the provider failed with status {status}", code="upstream_failed")
    form = error_form(error)
    form["message"] = (_field(error.body, "message") or form["message"])[:_LONGEST]
    after = error.response.headers.get("retry-after")
    headers = _waiting(after)
    return Refusal(status, form["message"], code=error.code, kind=error.type, headers=headers).about(
        error.param
    )


def _of_report(error: ProviderError) -> Refusal:
    status = error.status
    if status in _OF_THE_KEY:
        return Refusal(502, _KEY_REFUSED, code="upstream_refused")
    form = error_form(error)
    response: Any = getattr(error.__cause__, "response", None)
    headers = {} if response is None else _waiting(response.headers.get("retry-after"))
    passed_on = status if status is not None and status in _OF_THE_REQUEST | {503, 504} else 502
    return Refusal(passed_on, form["message"], code=error.code, kind=error.type, headers=headers).about(
        _field(error.body, "param")
    )


def _of_log(error: LogError) -> Refusal:
    if isinstance(error, UnknownStream):
        return Refusal(404, "there is no such stream, or no longer", code="unknown_stream")
    if isinstance(error, StreamExists):
        return Refusal(409, "there is a stream of that name already", code="stream_exists")
    # Its words name files and addresses.
    return Refusal(503, "the log of streams cannot be used now", code="unavailable")


def _told(status: int, error: Exception, code: str) -> Refusal:
    return Refusal(status, error_form(public_error(error))["message"], code=code)


def _field(body: Any, name: str) -> str | None:
    value = body.get(name) if isinstance(body, OBJECT) else None
    return value if isinstance(value, str) else None


def _waiting(after: object) -> dict[str, str]:
    """Pass a Retry-After on, if it is one that a header may hold."""
    usable = isinstance(after, str) and after.isascii() and after.isprintable()
    return {"Retry-After": after} if usable and isinstance(after, str) else {}
