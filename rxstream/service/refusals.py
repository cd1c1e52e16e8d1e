"""Errors as clients see them: one shape everywhere, and nothing in it that is not theirs to know.

    {"error": {"message": "...", "type": "invalid_request_error", "code": "unknown_stream", "param": null}}

It is OpenAI's, so that any client of theirs understands it.
"""

import logging
from collections.abc import Mapping
from typing import Any, Final

import httpx2
import openai

from rxstream.errors import (
    AllStreamsFailed,
    LeaseLost,
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

__all__ = ("PublicError", "Refusal", "error_type", "public_error", "refusal_of")

_log = logging.getLogger("rxstream.service")

_TYPES: Final = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    429: "rate_limit_error",
}
#: Statuses of the upstream that speak of the client's own request; its words on them are passed on.
_OF_THE_REQUEST: Final = frozenset((400, 404, 409, 413, 415, 422, 429))
#: Characters of the upstream's words that are passed on.
_MAX_WORDS: Final = 1000


def error_type(status: int) -> str:
    """Return what OpenAI calls errors of a status."""
    return _TYPES.get(status) or ("server_error" if status >= 500 else "invalid_request_error")


class Refusal(Exception):
    """A request that is not granted: its status, and what its client is told."""

    def __init__(
        self,
        status: int,
        message: str,
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
        self.type = type or error_type(status)
        self.headers = httpx2.Headers(headers)

    @property
    def response(self) -> "Refusal":
        """Where Retry-After is looked for: errors of HTTP clients have it so."""
        return self

    @property
    def body(self) -> dict[str, Any]:
        """What the client gets."""
        return {"error": {"message": self.message, "type": self.type, "code": self.code, "param": self.param}}


_LOST: Final = Refusal(
    502, "the connection to the model died in the middle of the answer", code="upstream_lost"
)


def refusal_of(error: Exception) -> Refusal:
    """Return what a client is told of an error that came instead of an answer."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, AllStreamsFailed):
        # Each model has been asked, and the last one's reason is why nothing is left to do.
        return refusal_of(error.exceptions[-1])
    if isinstance(error, openai.APIStatusError):
        return _of_status(error)
    if isinstance(error, ProviderError):
        return _of_report(error)
    if isinstance(error, StreamTimeout | openai.APITimeoutError):
        words = str(error) if isinstance(error, StreamTimeout) else "the model did not answer in time"
        return Refusal(504, words, code="upstream_timeout")
    if isinstance(error, openai.APIConnectionError):
        return Refusal(502, "the model's server cannot be reached", code="upstream_unreachable")
    if isinstance(error, LogError):
        return _of_log(error)
    if isinstance(error, StreamError) and error.__cause__ is not None:
        return _LOST
    if isinstance(error, RxStreamError) and not isinstance(error, UsageError):
        code = "unparsable_answer" if isinstance(error, TextError) else "upstream_broken"
        return Refusal(502, _words(str(error)), code=code)
    _log.error("a request failed in a way that nobody has foreseen", exc_info=error)
    return Refusal(500, "something went wrong inside the service; its log says what", code="internal_error")


class PublicError(ProviderError):
    """What a client is told of an error, in the place of that error, in a stream or instead of one."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(
            refusal.message,
            code=refusal.code,
            type=refusal.type,
            status=refusal.status,
            body=refusal.body["error"],
        )
        self.refusal = refusal
        # Its Retry-After is looked for there.
        self.__cause__ = refusal
        #: What Starlette looks for: before the first event, the error is an HTTP one.
        self.status_code = refusal.status


def public_error(error: Exception, *, early: bool = False) -> Exception:
    """Return the error that is written into a stream, for all to see; ``early``: before its first item.

    Those of a stream and of text say what became of the answer, and pass. The others may quote addresses,
    keys and whatever a transport says: of them remains what a refusal would say.
    """
    if early or not isinstance(error, RxStreamError):
        return PublicError(refusal_of(error))
    if isinstance(error, AllStreamsFailed | LogError | UsageError | ProviderError):
        return PublicError(refusal_of(error))
    if error.__cause__ is not None:  # a message on a dead connection quotes the transport's own words
        return PublicError(_LOST)
    return error


def _of_status(error: openai.APIStatusError) -> Refusal:
    status = error.status_code
    if status in _OF_THE_REQUEST:
        headers = {"Retry-After": after} if (after := error.response.headers.get("retry-after")) else {}
        return Refusal(
            status, _words_of(error), code=_text(error.code), param=_text(error.param), headers=headers
        )
    if status in {401, 403}:
        # The key is the service's own, and so is the trouble.
        _log.error("the model's server refuses the service's credentials: status %d", status)
        return Refusal(502, "the model's server refuses the service's credentials", code="upstream_refused")
    passed_on = status if status in {503, 504} else 502
    return Refusal(passed_on, f"the model's server failed with status {status}", code="upstream_failed")


def _of_report(error: ProviderError) -> Refusal:
    if isinstance(error, PublicError):
        return error.refusal
    status = error.status if error.status in _OF_THE_REQUEST else 502
    return Refusal(status or 502, _words(str(error)), code=_text(error.code) or "upstream_error")


def _of_log(error: LogError) -> Refusal:
    if isinstance(error, UnknownStream):
        return Refusal(404, "there is no such stream, or no longer", code="unknown_stream")
    if isinstance(error, StreamExists):
        return Refusal(
            409,
            "there is a stream of that id already; GET /v1/stream/{id} reads it",
            code="stream_exists",
            param="stream_id",
        )
    if isinstance(error, StreamOrphaned | LeaseLost):
        text, code = "the stream's producer is gone; ask again", "stream_orphaned"
    else:
        _log.error("the log of streams fails", exc_info=error)
        text, code = "the log of streams fails", "log_unavailable"
    return Refusal(503, text, code=code, headers={"Retry-After": "1"})


def _words_of(error: openai.APIStatusError) -> str:
    body: Any = error.body
    said: Any = body.get("message") if isinstance(body, OBJECT) else None
    if not isinstance(said, str) or not said:
        said = f"the model's server refuses the request with status {error.status_code}"
    return _words(said)


def _words(text: str) -> str:
    return text if len(text) <= _MAX_WORDS else f"{text[:_MAX_WORDS]}..."


def _text(value: object) -> str | None:
    return value[:100] if isinstance(value, str) else None
