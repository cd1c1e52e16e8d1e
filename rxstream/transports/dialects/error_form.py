"""What a client is told of an error: the kinds that are meant for it; of all others, that there was one."""

import logging
import re
from typing import Any, Final

import httpx2

from rxstream.errors import (
    LocalModelError,
    LogError,
    ProviderError,
    RxStreamError,
    StreamTimeout,
    UsageError,
)
from rxstream.sources.sdk import openai

__all__ = ("OF_THE_KEY", "error_form", "public_words")

_log: Final = logging.getLogger("rxstream")
#: Characters of a message at most: a provider may quote a whole prompt in it.
_LONGEST: Final = 1000
#: Whom we ask, and as whom: a provider's words may name either.
_ADDRESS: Final = re.compile(r"\b(?:https?|wss?)://[^\s'\"<>]+")
_KEY: Final = re.compile(r"\b(?:sk|pk)-[\w*.-]{4,}")
#: Of ours, those that are about the server and not about the stream: they name files and machines.
_OF_THE_SERVER: Final = (UsageError, LocalModelError, LogError)
#: Statuses of a provider that speak of our key.
OF_THE_KEY: Final = frozenset((401, 403))


def error_form(error: BaseException) -> dict[str, Any]:
    """Return ``{"message", "type", "code"}`` of an error, for the client to see.

    Errors of the stream and of the provider are told as they are, without addresses and keys; of those of
    the transport, and of a provider that does not know us, the kind. Anything else is a fault of the
    program or of the server, whose words may be nobody's business: it is logged, with the traceback, and
    told as an internal error.
    """
    kind = type(error).__name__
    if isinstance(error, ProviderError):
        return _form(str(error), error.type or kind, error.code)
    if isinstance(error, openai.APIStatusError):
        return _of_status(error)
    if isinstance(error, (openai.APITimeoutError, StreamTimeout)):
        return _form(str(error), kind, "timeout")
    if isinstance(error, RxStreamError) and not isinstance(error, _OF_THE_SERVER):
        return _form(str(error), kind, None)
    if isinstance(error, openai.OpenAIError):
        return _form(str(error), kind, None)
    if isinstance(error, TimeoutError | httpx2.TimeoutException):
        return _form("it took too long", kind, "timeout")
    if isinstance(error, httpx2.HTTPError | ConnectionError):
        _log.warning("A connection failed: %s: %s", kind, error)
        return _form("the connection failed", kind, None)
    _log.error("A stream failed", exc_info=error)
    return _form("internal error", "internal_error", None)


def _of_status(error: "openai.APIStatusError") -> dict[str, Any]:
    kind = error.type or type(error).__name__
    if error.status_code in OF_THE_KEY:
        _log.error("The provider refuses our credentials: %s", error)
        return _form("the provider refuses the server's credentials", kind, None)
    return _form(error.message, kind, error.code)


def public_words(said: object) -> str:
    """Return what a provider, or an error about it, says: without addresses and keys, and not endlessly."""
    message = _KEY.sub("(key)", _ADDRESS.sub("(address)", str(said)))
    return message if len(message) <= _LONGEST else f"{message[:_LONGEST]}..."


def _form(message: str, kind: str, code: object) -> dict[str, Any]:
    return {"message": public_words(message), "type": kind, "code": code}
