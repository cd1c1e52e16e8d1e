"""What becomes of an error: an HTTP status before the first event, an event behind it.

A client learns of an error what concerns it, in one shape:

    {"error": {"message": "...", "type": "not_found_error", "code": "unknown_stream", "param": null}}

It is OpenAI's, so that any client of theirs understands it. That our key for the provider is wrong does not
concern it, and the words of a fault that nobody has foreseen are nobody's business: they may quote keys and
addresses.
"""

import json
import logging
from collections.abc import Mapping
from typing import Any, Final

import httpx2

from rxstream.errors import (
    AllStreamsFailed,
    LeaseLost,
    LocalModelError,
    LogError,
    ProviderError,
    RxStreamError,
    StreamError,
    StreamExists,
    StreamOrphaned,
    StreamTimeout,
    TextError,
    UnknownStream,
    UsageError,
)
from rxstream.sansio.wire import OBJECT
from rxstream.sources.sdk import openai
from rxstream.transports.dialects.error_form import OF_THE_KEY, public_words

__all__ = ("Refusal", "lost_connection", "public_error", "refusal_of", "shutdown_error")

_log: Final = logging.getLogger("rxstream")

#: What OpenAI calls errors of a status, if it is not one of all others.
_TYPES: Final = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    429: "rate_limit_error",
}
#: Statuses of a provider that speak of the client's own request: its words on them are passed on.
_OF_THE_REQUEST: Final = frozenset((400, 404, 409, 413, 415, 422, 429))
#: Statuses of a provider that may be over soon.
_OF_THE_MOMENT: Final = frozenset((503, 504))
_KEY_REFUSED: Final = "the provider does not accept the server's own credentials"


class Refusal(Exception):
    """An answer with another status than 200, instead of a stream."""

    def __init__(
        self,
        status: int,
        message: str = "",
        *,
        code: str | None = None,
        param: str | None = None,
        type: str | None = None,  # noqa: A002 - the field's own name on the wire
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.type = type or _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
        self.headers = httpx2.Headers(headers)

    @property
    def response(self) -> "Refusal":
        """Where Retry-After is looked for: errors of HTTP clients have it so."""
        return self

    @property
    def form(self) -> dict[str, Any]:
        """What the client is told."""
        return {"message": self.message, "type": self.type, "code": self.code, "param": self.param}

    @property
    def body(self) -> bytes:
        """The body: empty where the status has none."""
        return b"" if self.status == 204 else json.dumps({"error": self.form}).encode()


def refusal_of(error: Exception) -> Refusal | None:
    """Return what to answer to a request that failed before its first event; None: nobody has foreseen it.

    An error that brings a ``status_code`` of its own is the framework's, which knows what to answer.
    """
    if isinstance(error, Refusal):
        return error
    if isinstance(error, AllStreamsFailed):
        # Each was asked, and the last one's reason is why there is nothing left to ask.
        return refusal_of(error.exceptions[-1])
    status = _status_of(error)
    if status in OF_THE_KEY:
        # The key is the server's own, and so is the trouble.
        _log.error("the provider refuses the server's credentials: status %d", status)
        return Refusal(502, _KEY_REFUSED, code="upstream_refused")
    if isinstance(error, openai.APIStatusError):
        return _of_status(error)
    if isinstance(error, ProviderError):
        return _of_report(error)
    if isinstance(error, LogError):
        return _of_log(error)
    if isinstance(error, RxStreamError):
        return _of_the_answer(error)
    return _of_transport(error)


def public_error(error: Exception) -> Exception:
    """Return what of an error in the middle of a stream its client is told."""
    if _status_of(error) in OF_THE_KEY:
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


def lost_connection() -> Refusal:
    """Make what is told of a connection that died, whose own words are the transport's."""
    return Refusal(
        502, "the connection to the provider died in the middle of the answer", code="upstream_lost"
    )


def _status_of(error: Exception) -> int | None:
    """Return what the provider has answered with, where it is the provider's error."""
    if isinstance(error, openai.APIStatusError):
        return error.status_code
    if isinstance(error, ProviderError) and not isinstance(error.__cause__, Refusal):
        return error.status
    return None


def _of_status(error: "openai.APIStatusError") -> Refusal:
    status = error.status_code
    if status not in _OF_THE_REQUEST:
        passed_on = status if status in _OF_THE_MOMENT else 502
        return Refusal(passed_on, f"the provider failed with status {status}", code="upstream_failed")
    said = _field(error.body, "message")
    if not isinstance(said, str) or not said:
        said = f"the provider refuses the request with status {status}"
    return Refusal(
        status,
        public_words(said),
        code=_text(error.code),
        param=_text(error.param),
        type=_text(error.type),
        headers=_waiting(error.response.headers),
    )


def _of_report(error: ProviderError) -> Refusal:
    if isinstance(error.__cause__, Refusal):  # which has been made an error of the stream's
        return error.__cause__
    status = error.status
    response: Any = getattr(error.__cause__, "response", None)
    return Refusal(
        status if status is not None and status in _OF_THE_REQUEST | _OF_THE_MOMENT else 502,
        public_words(error),
        code=_text(error.code) or "upstream_error",
        param=_text(_field(error.body, "param")),
        type=_text(error.type),
        headers=None if response is None else _waiting(response.headers),
    )


def _of_log(error: LogError) -> Refusal:
    if isinstance(error, UnknownStream):
        return Refusal(404, "there is no such stream, or no longer", code="unknown_stream")
    if isinstance(error, StreamExists):
        return Refusal(409, "there is a stream of that name already", code="stream_exists", param="stream_id")
    if isinstance(error, StreamOrphaned | LeaseLost):
        text, code = "the stream's producer is gone; ask again", "stream_orphaned"
    else:
        # Its words name files and addresses.
        _log.error("the log of streams fails", exc_info=error)
        text, code = "the log of streams cannot be used now", "log_unavailable"
    return Refusal(503, text, code=code, headers={"Retry-After": "1"})


def _of_the_answer(error: RxStreamError) -> Refusal | None:
    if isinstance(error, UsageError):
        return None
    if isinstance(error, LocalModelError):
        # Its words name files.
        _log.error("the model of this machine fails", exc_info=error)
        return Refusal(503, "the model cannot be asked now", code="unavailable")
    if isinstance(error, StreamTimeout):
        return Refusal(504, public_words(error), code="upstream_timeout")
    if isinstance(error, StreamError) and error.__cause__ is not None:
        return lost_connection()
    code = "unparsable_answer" if isinstance(error, TextError) else "upstream_broken"
    return Refusal(502, public_words(error), code=code)


def _of_transport(error: Exception) -> Refusal | None:
    if isinstance(error, (openai.APITimeoutError, httpx2.TimeoutException)):
        return Refusal(504, "the provider did not answer in time", code="upstream_timeout")
    if isinstance(error, (openai.APIConnectionError, httpx2.HTTPError, ConnectionError)):
        _log.warning("the provider cannot be reached: %s: %s", type(error).__name__, error)
        return Refusal(502, "the provider cannot be reached", code="upstream_unreachable")
    return None


def _field(body: Any, name: str) -> object:
    return body.get(name) if isinstance(body, OBJECT) else None


def _text(value: object) -> str | None:
    return value[:100] if isinstance(value, str) else None


def _waiting(headers: Mapping[str, str]) -> dict[str, str]:
    """Pass a Retry-After on, if it is one that a header may hold."""
    after = headers.get("retry-after")
    return {"Retry-After": after} if after and after.isascii() and after.isprintable() else {}
