"""Errors as the service's clients see them: nothing in them that is not theirs to know."""

import logging
from typing import Final

from rxstream.errors import (
    AllStreamsFailed,
    LocalModelError,
    LogError,
    ProviderError,
    RxStreamError,
    UsageError,
)
from rxstream.transports.refusals import Refusal, lost_connection
from rxstream.transports.refusals import refusal_of as foreseen

__all__ = ("PublicError", "public_error", "refusal_of")

_log: Final = logging.getLogger("rxstream.service")


def refusal_of(error: Exception) -> Refusal:
    """Return what a client is told of an error that came instead of an answer."""
    found = foreseen(error)
    if found is None:
        _log.error("a request failed in a way that nobody has foreseen", exc_info=error)
        text = "something went wrong inside the service; its log says what"
        found = Refusal(500, text, code="internal_error")
    return found


class PublicError(ProviderError):
    """What a client is told of an error, in the place of that error, in a stream or instead of one."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(
            refusal.message,
            code=refusal.code,
            type=refusal.type,
            status=refusal.status,
            body=refusal.form,
        )
        # Who answers with an HTTP error finds it there, and its Retry-After.
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
    if isinstance(error, AllStreamsFailed | LocalModelError | LogError | UsageError | ProviderError):
        return PublicError(refusal_of(error))
    if error.__cause__ is not None:  # a message on a dead connection quotes the transport's own words
        return PublicError(lost_connection())
    return error
