"""Every error of rxstream.

    RxStreamError
    ├── StreamError                 the stream went wrong; ``partial`` is what had come
    │   ├── StreamTruncated         it ended before its end
    │   │   └── ConnectionLost      because the connection died
    │   ├── ProviderError           the provider said so, inside the stream
    │   └── MalformedStream         what came is not what was agreed on
    ├── TextError                   a machine cannot go on with this text
    │   └── MatchTooLong            a pattern needs more text than ``max_match`` allows
    ├── LocalModelError             the embedded model cannot be had, or died
    └── UsageError                  the program is wrong, not the stream
        ├── StreamConsumed          a one-shot source was subscribed to a second time
        ├── ConcurrentRead          two tasks read one stream at once
        ├── StreamInterrupted       a read was cancelled, or the stream closed, and it was read again
        ├── NoPump                  there is nothing here that could drive the stream
        ├── MixedChoices            two choices of one answer in an operator on one text
        └── UnknownName             (a ValueError too) no such language, unit, recording, ...

A message says what was expected, what came, where, and what to do. Errors of the transport and of the
``openai`` package that happen before the first byte of an answer (a refused connection, 401, 429, ...)
come through unchanged: your ``except openai.RateLimitError`` goes on working.
"""

from rxstream.items import StreamResult

__all__ = (
    "ConcurrentRead",
    "ConnectionLost",
    "LocalModelError",
    "MalformedStream",
    "MatchTooLong",
    "MixedChoices",
    "NoPump",
    "ProviderError",
    "RxStreamError",
    "StreamConsumed",
    "StreamError",
    "StreamInterrupted",
    "StreamTruncated",
    "TextError",
    "UnknownName",
    "UsageError",
)


class RxStreamError(Exception):
    """The root: ``except RxStreamError`` catches everything that rxstream itself raises."""


class StreamError(RxStreamError):
    """The stream went wrong. ``partial`` is the answer so far, never ``None``."""

    def __init__(self, message: str, *, partial: StreamResult | None = None) -> None:
        super().__init__(message)
        self.partial: StreamResult = StreamResult("") if partial is None else partial


class StreamTruncated(StreamError):
    """The stream ended without a finish reason, without its terminator, or in the middle of an event."""


class ConnectionLost(StreamTruncated):
    """The connection died under the stream; ``__cause__`` is the transport's own error."""


class ProviderError(StreamError):
    """The provider reported an error inside the stream, or instead of one.

    ``body`` is the decoded error object (or text), ``code`` and ``type`` its fields where it has them,
    ``status`` the HTTP status where one is known.
    """

    def __init__(
        self,
        message: str,
        *,
        partial: StreamResult | None = None,
        body: object = None,
        code: str | int | None = None,
        type: str | None = None,  # noqa: A002 - the field's own name on the wire
        status: int | None = None,
    ) -> None:
        super().__init__(message, partial=partial)
        self.body = body
        self.code = code
        self.type = type
        self.status = status


class MalformedStream(StreamError):
    """What came is not what was agreed on: no JSON in an event, a web page, broken text."""


class TextError(RxStreamError):
    """A machine cannot go on with this text."""


class MatchTooLong(TextError):
    """A pattern's possible match has grown beyond ``max_match``; nothing of it was released."""


class UsageError(RxStreamError):
    """The program is wrong, not the stream: the message says what to write instead."""


class StreamConsumed(UsageError):
    """A one-shot source was subscribed to a second time."""


class ConcurrentRead(UsageError):
    """Two tasks asked one stream for its next item at the same time."""


class StreamInterrupted(UsageError):
    """A stream was read again after a read was cancelled in the middle, or after it was closed."""


class NoPump(UsageError):
    """Nothing here can drive the stream: no ``open_stream``, no running asyncio loop."""


class MixedChoices(UsageError):
    """Chunks of two choices met in an operator that works on one text."""


class UnknownName(UsageError, ValueError):
    """A name that is not among those known; the message lists them."""


class LocalModelError(RxStreamError):
    """The embedded model cannot be had on this machine, did not start, or died."""
