"""What a client is told of an error: the kinds that are meant for it; of all others, that there was one."""

import logging
from typing import Any, Final

import httpx2
import openai

from rxstream.errors import ProviderError, RxStreamError, StreamTimeout, UsageError

__all__ = ("error_form",)

_log: Final = logging.getLogger("rxstream")
#: Characters of a message at most: a provider may quote a whole prompt in it.
_LONGEST: Final = 1000


def error_form(error: BaseException) -> dict[str, Any]:
    """Return ``{"message", "type", "code"}`` of an error, for the client to see.

    Errors of the stream, of the provider and of the transport are told as they are. Anything else is a fault
    of the program, whose words may be nobody's business: it is logged, with the traceback, and told as an
    internal error.
    """
    if isinstance(error, ProviderError):
        return _form(str(error), error.type or "ProviderError", error.code)
    if isinstance(error, UsageError) or not isinstance(
        error, RxStreamError | openai.OpenAIError | httpx2.HTTPError | TimeoutError | ConnectionError
    ):
        _log.error("A stream failed", exc_info=error)
        return _form("internal error", "internal_error", None)
    if isinstance(error, openai.APIStatusError):
        return _form(error.message, error.type or type(error).__name__, error.code)
    code = "timeout" if isinstance(error, StreamTimeout | TimeoutError | openai.APITimeoutError) else None
    return _form(str(error), type(error).__name__, code)


def _form(message: str, kind: str, code: object) -> dict[str, Any]:
    if len(message) > _LONGEST:
        message = f"{message[:_LONGEST]}..."
    return {"message": message, "type": kind, "code": code}
