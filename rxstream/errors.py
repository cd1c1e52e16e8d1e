"""Every error of rxstream.

    RxStreamError
    ├── StreamError                 the stream went wrong; ``partial`` is what had come
    │   ├── StreamTruncated         it ended before its end
    │   │   └── ConnectionLost      because the connection died
    │   ├── ProviderError           the provider said so, inside the stream
    │   ├── MalformedStream         what came is not what was agreed on
    │   │   └── EventTooLarge       a server-sent event is longer than ``max_event_size``
    │   ├── StreamTimeout           (a TimeoutError too) it took too long
    │   │   ├── FirstTokenTimeout   until its first content
    │   │   ├── StreamStalled       between two pieces of content
    │   │   └── TotalTimeout        as a whole
    │   ├── EmptyStream             it ended well, and without any content
    │   ├── AnswerChanged           a retry's answer differs from what has been delivered
    │   └── BufferOverflow          the reader is too slow for ``overflow="error"``
    ├── TextError                   a machine cannot go on with this text
    │   ├── MatchTooLong            a pattern needs more text than ``max_match`` allows
    │   ├── InvalidJSON             the text breaks JSON's grammar, or ends inside of it
    │   │   └── TooDeep             arrays and objects stand in one another deeper than ``max_depth``
    │   └── InvalidValue            it is JSON, but not what the model allows
    ├── AllStreamsFailed            (an ExceptionGroup too) none of several streams gave an answer
    ├── LocalModelError             the embedded model cannot be had, or died
    ├── LogError                    a log of streams cannot do what it was asked for
    │   ├── UnknownStream           (a LookupError too) it has no such stream, or no longer
    │   ├── StreamExists            it has one of that name already
    │   ├── StreamOrphaned          the stream's producer is gone, and the stream has no end
    │   └── LeaseLost               another producer has taken the stream over
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

from collections.abc import Sequence
from typing import Self

from rxstream.items import StreamResult

__all__ = (
    "AllStreamsFailed",
    "AnswerChanged",
    "BufferOverflow",
    "ConcurrentRead",
    "ConnectionLost",
    "EmptyStream",
    "EventTooLarge",
    "FirstTokenTimeout",
    "InvalidJSON",
    "InvalidValue",
    "LeaseLost",
    "LocalModelError",
    "LogError",
    "MalformedStream",
    "MatchTooLong",
    "MixedChoices",
    "NoPump",
    "ProviderError",
    "RxStreamError",
    "StreamConsumed",
    "StreamError",
    "StreamExists",
    "StreamInterrupted",
    "StreamOrphaned",
    "StreamStalled",
    "StreamTimeout",
    "StreamTruncated",
    "TextError",
    "TooDeep",
    "TotalTimeout",
    "UnknownName",
    "UnknownStream",
    "UsageError",
)


class RxStreamError(Exception):
    """The root: ``except RxStreamError`` catches everything that rxstream itself raises.

    What a client, a source or a function of yours raises comes through unchanged.
    """


class StreamError(RxStreamError):
    """The stream went wrong.

    ``partial`` is the answer so far, a ``StreamResult``, as far as whoever raised it knows it, and never
    None. Catch it where the answer is read, and show that; ``retry_stream`` behind the source goes on where
    it can.
    """

    def __init__(self, message: str, *, partial: StreamResult | None = None) -> None:
        super().__init__(message)
        self.partial: StreamResult = StreamResult("") if partial is None else partial


class StreamTruncated(StreamError):
    """The stream ended without a finish reason, without its terminator, or in the middle of an event.

    ``partial`` has what came, and ``retry_stream`` goes on from there. Where a server never sends what is
    missing, ``from_sse(..., dialect=None)`` gives its events as they are.
    """


class ConnectionLost(StreamTruncated):
    """The connection died under the stream; ``__cause__`` is the transport's own error.

    ``retry_stream`` goes on behind ``partial``. A connection that cannot be made is the client's own error.
    """


class ProviderError(StreamError):
    """The provider reported an error inside the stream, or instead of one.

    ``body`` is the decoded error object (or text), ``code`` and ``type`` its fields where it has them,
    ``status`` the HTTP status where one is known. ``retry_stream`` asks again where these say that it may
    pass (429, 5xx, "overloaded_error" and the like); otherwise the request, the key or the quota is to be
    mended.
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
    """What came is not what was agreed on: no JSON in an event, a web page, broken text.

    Mostly the address is wrong (a base URL without ``/v1``), or a proxy answers in the server's place; the
    message quotes what came. ``retry_stream`` does not ask again by itself.
    """


class EventTooLarge(MalformedStream):
    """A server-sent event is longer than ``max_event_size`` allows; the events before it were delivered.

    Give ``parse_sse`` or ``from_sse`` a larger ``max_event_size`` if the server means to send such events.
    """


class StreamTimeout(StreamError, TimeoutError):
    """It took too long, and was closed; ``seconds`` is the limit that it broke.

    From ``timeout_stream``, as one of its three kinds. ``retry_stream`` behind it goes on behind ``partial``.
    """

    def __init__(self, message: str, *, partial: StreamResult | None = None, seconds: float = 0.0) -> None:
        super().__init__(message, partial=partial)
        self.seconds = seconds


class FirstTokenTimeout(StreamTimeout):
    """No content came for ``first`` seconds; roles, usage and keep-alives are none.

    From ``timeout_stream``. Allow more, or have a second one asked: ``hedge_stream``, ``fallback_to``.
    """


class StreamStalled(StreamTimeout):
    """Behind some content no more came for ``gap`` seconds.

    From ``timeout_stream``. ``retry_stream`` behind it goes on with the answer.
    """


class TotalTimeout(StreamTimeout):
    """The stream had not ended after ``total`` seconds.

    From ``timeout_stream``. Allow more, or ask the model for less.
    """


class EmptyStream(StreamError):
    """A stream ended well, but without any content, where an answer was asked for.

    From ``race_streams``, ``hedge_stream``, ``fallback_to``. Often a limit of tokens that was spent on
    thoughts.
    """


class AnswerChanged(StreamError):
    """A retry's answer differs from what has been delivered already, and nothing can take that back.

    From ``retry_stream`` and ``from_sse``. ``delivered`` is what had been delivered from there on, ``came``
    what the new answer says instead; ``__cause__`` is the error that the retry was for. Ask at temperature 0,
    or of a server that continues (see ``continuation`` of ``from_chat``), or let the reader begin anew with
    ``retry_stream(resume="restart")``.
    """

    def __init__(
        self, message: str, *, partial: StreamResult | None = None, delivered: str = "", came: str = ""
    ) -> None:
        super().__init__(message, partial=partial)
        self.delivered = delivered
        self.came = came


class BufferOverflow(StreamError):
    """The reader was too slow for a boundary with ``overflow="error"``: what it had parked was delivered.

    From ``backpressure`` and ``share_stream``. Allow more ``max_items``, or take another ``overflow``. Its
    ``partial`` is empty: a boundary keeps nothing of what has passed.
    """


class AllStreamsFailed(RxStreamError, ExceptionGroup[Exception]):
    """None of several streams gave an answer; ``exceptions`` tells why, in the order of the streams.

    From ``race_streams``, ``hedge_stream``, ``fallback_to``; ``except* ProviderError`` and its like look
    inside.
    """

    # ExceptionGroup makes its instances in __new__, and RxStreamError's __init__ wants nothing of it.
    def __new__(cls, message: str, exceptions: Sequence[Exception]) -> Self:  # noqa: D102
        return super().__new__(cls, message, exceptions)

    def __init__(self, message: str, exceptions: Sequence[Exception]) -> None:
        super().__init__(message, exceptions)

    def derive(self, excs: Sequence[Exception], /) -> "AllStreamsFailed":  # type: ignore[override]
        """Make the group of some of them, as ``except*`` asks for."""
        return AllStreamsFailed(self.message, excs)


class TextError(RxStreamError):
    """A machine cannot go on with this text.

    The base of what operators on text and on JSON raise about their input.
    """


class MatchTooLong(TextError):
    r"""A pattern's possible match has grown beyond ``max_match``; nothing of it was released.

    From ``replace_text``, ``redact`` and ``stop_at``. Give a larger ``max_match`` if such matches are meant,
    or bound the pattern's repeats: ``\w{1,64}`` in place of ``\w+``.
    """


class InvalidJSON(TextError):
    """The text breaks JSON's grammar at a character, or ends inside of it.

    From ``parse_json``, ``parse_ndjson`` and ``parse_tool_calls``, whose ``on_invalid`` can skip it, and
    ``parse_partial_json``. ``offset`` counts the text's characters from 0, ``line`` and ``column`` from 1; a
    line ends at a line feed. ``expected`` and ``got`` are what the message says; ``context`` names the text,
    if it has a name. If a note says that the answer was cut off, allow it more tokens.
    """

    def __init__(
        self,
        message: str,
        *,
        expected: str = "",
        got: str = "",
        offset: int = 0,
        line: int = 1,
        column: int = 1,
        context: str = "",
    ) -> None:
        super().__init__(message)
        self.expected = expected
        self.got = got
        self.offset = offset
        self.line = line
        self.column = column
        self.context = context


class TooDeep(InvalidJSON):
    """Arrays and objects stand in one another deeper than ``max_depth`` allows.

    Give ``parse_json`` and its like a larger ``max_depth`` if such a document is meant.
    """


class InvalidValue(TextError):
    """A value is JSON, but not what the model allows; ``__cause__`` is pydantic's own error.

    From ``parse_json`` and ``parse_ndjson``, whose ``on_invalid`` can skip it, and ``parse_partial_json``.
    ``path`` leads to the first wrong place, as in ``$.items[3].price``; ``value`` is the whole value.
    """

    def __init__(self, message: str, *, path: str = "$", value: object = None) -> None:
        super().__init__(message)
        self.path = path
        self.value = value


class LogError(RxStreamError):
    """A log of streams cannot do what it was asked for.

    The base of what a ``StreamLog`` raises; by itself, what is wrong with its file, its server or its bounds.
    """


class UnknownStream(LogError, LookupError):
    """The log has no such stream: it never had, or it has forgotten it by now.

    Ask the model anew; if it was forgotten too early, give the ``StreamLog`` a larger ``max_age``.
    """


class StreamExists(LogError):
    """The log has a stream of that name already.

    From ``create`` of a ``StreamLog``: take another name. ``sse_response`` joins the stream that there is.
    """


class StreamOrphaned(LogError):
    """The stream's producer is gone, and the stream has no end; whoever adopts it may go on with it.

    From ``read`` of a ``StreamLog``. ``sse_response`` with an observable adopts it by itself.
    """


class LeaseLost(LogError):
    """Another producer has taken the stream over: this one must write no more.

    From ``append`` of a ``LogWriter``. It happens to a process that stood still for longer than the log's
    ``lease``; leave the stream to the other one.
    """


class UsageError(RxStreamError):
    """The program is wrong, not the stream: the message says what to write instead.

    So nothing of ours asks again, or asks another model, because of it.
    """


class StreamConsumed(UsageError):
    """A one-shot source was subscribed to a second time.

    Give ``from_stream`` a function that makes a new iterable, or let ``share_stream`` serve all readers.
    """


class ConcurrentRead(UsageError):
    """Two tasks asked one stream for its next item at the same time.

    Read it in one task, or give each a reader of its own with ``share_stream``.
    """


class StreamInterrupted(UsageError):
    """A stream was read again after a read was cancelled in the middle, or after it was closed.

    Open it anew; for a limit of time put ``timeout_stream`` into the chain instead of cancelling a read.
    """


class NoPump(UsageError):
    """Nothing here can drive the stream: no ``open_stream``, no running asyncio loop.

    Read it with ``open_stream``, ``run`` or ``iter_stream``; a plain ``subscribe`` needs a running asyncio
    loop.
    """


class MixedChoices(UsageError):
    """Chunks of two choices met in an operator that works on one text.

    Take one of the answers before it: ``ops.filter(lambda chunk: chunk.choice == 0)``.
    """


class UnknownName(UsageError, ValueError):
    """A name that is not among those known; the message lists them.

    Take one of those: a language, a unit, a rule, a dialect, an overflow, a way to resume.
    """


class LocalModelError(RxStreamError):
    """The embedded model cannot be had on this machine, did not start, or died.

    From ``LocalModel``. The message says what is missing (``pip install 'rxstream[local]'``) and how to go on
    without it.
    """
