"""What the wires of all providers have in common: the frame of server-sent events, errors, and the end.

``AnswerEvents`` is the base of the machines that read decoded events, ``AnswerDecoder`` makes of one
of them a machine that reads the bytes of the HTTP body. ``chat`` and ``responses`` have the rest.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

from jiter import from_json

from rxstream.errors import MalformedStream, ProviderError, StreamTruncated
from rxstream.items import SSEEvent, StreamChunk, StreamResult, Usage
from rxstream.sansio.answer import Answer
from rxstream.sansio.sse import CR, LF, SSEDecoder

__all__ = ("AnswerDecoder", "AnswerEvents")

#: Characters of a provider's own words that a message quotes at most.
QUOTED = 200

#: Bytes that are kept of a body that may turn out to be no event stream at all.
HEAD = 16 * 1024

#: What JSON's own are decoded to. As ``Any``, a check against them leaves a value as untyped as it was;
#: type checkers would make ``dict[Unknown, Unknown]`` of it.
OBJECT: Any = dict
LIST: Any = list

SSE_FIELDS = ("data", "event", "id", "retry")


class AnswerEvents(ABC):
    """The base of a machine from the decoded events of one answer to its chunks."""

    __slots__ = ("_answer", "_event_count", "_index", "done", "finished")

    def __init__(self) -> None:
        self._answer = Answer()
        self._event_count = 0
        self._index = 0
        #: Whether the wire said ``[DONE]``.
        self.done = False
        self.finished = False

    @abstractmethod
    def feed(self, event: Any) -> list[StreamChunk]:
        """Take the next event; give its chunks."""

    def close(self) -> Iterable[StreamChunk]:
        """Check that the answer is whole: raise ``StreamTruncated`` with what there is if it is not."""
        self.check_end("")
        return ()

    def partial(self) -> StreamResult:
        """Give the answer so far."""
        return self._answer.result()

    @abstractmethod
    def missing(self) -> list[str]:
        """Say what a whole answer would have and this one has not."""

    def check_end(self, rest: str) -> None:
        """Raise if something is missing, or if ``rest`` of an event is left over."""
        missing = self.missing()
        if rest:
            missing.insert(0, f"it ends inside an event: {quote(rest)}")
        if missing:
            raise StreamTruncated(
                f"the answer ended before its end: {'; '.join(missing)}", partial=self.partial()
            )

    def malformed(self, message: str, *, event: int = 0) -> MalformedStream:
        """Make the error for an event, by default the one that was fed last."""
        return MalformedStream(f"event {event or self._event_count}: {message}", partial=self.partial())

    def unreadable(self, data: str, error: ValueError) -> MalformedStream:
        """Make the error for an event that could not even be fed."""
        message = f"expected JSON, got {quote(data)} ({error})"
        return self.malformed(message, event=self._event_count + 1)

    def wrong(self, field: str, expected: str, value: object) -> MalformedStream:
        """Make the error for a field of the wrong type."""
        return self.malformed(f"expected {field} to be {expected}, got {describe(value)}")

    def error_event(self, body: object) -> ProviderError:
        """Make the error that the provider reports in an event of its own."""
        return provider_error(
            f"the provider reported an error in event {self._event_count}", body, self.partial()
        )

    def named_error(self, body: Any) -> ProviderError:
        """Make the error of an event that is one by its name, whatever it holds."""
        self._event_count += 1
        found = error_in(body) if isinstance(body, OBJECT) else None
        return self.error_event(body if found is None else found)

    def text_in(self, fields: dict[str, Any], name: str) -> str:
        """Read a field that is a text; null and missing are empty."""
        text = fields.get(name)
        if text is None:
            return ""
        if not isinstance(text, str):
            raise self.wrong(name, "a string or null", text)
        return text

    def object_in(self, fields: dict[str, Any], name: str) -> dict[str, Any]:
        """Read a field that is an object; null and missing are empty."""
        value: Any = fields.get(name)
        if value is None:
            return {}
        if not isinstance(value, OBJECT):
            raise self.wrong(name, "an object or null", value)
        found: dict[str, Any] = value
        return found

    def objects_in(self, fields: dict[str, Any], name: str) -> list[dict[str, Any]]:
        """Read a field that is a list of objects; null and missing are empty."""
        values: Any = fields.get(name)
        if values is None:
            return []
        if not isinstance(values, LIST) or not all(isinstance(value, OBJECT) for value in values):
            raise self.wrong(name, "a list of objects or null", values)
        found: list[dict[str, Any]] = values
        return found


class AnswerDecoder:
    """The base of a machine from the bytes of an HTTP body to the chunks of the answer in it.

    Server-sent events, JSON and ``AnswerEvents`` in one, because a model's answer comes as one small event
    per read: those take a short way past the line by line work. Every error carries ``partial``.
    """

    __slots__ = ("_aligned", "_events", "_head", "_limit", "_sse")

    def __init__(self, events: AnswerEvents, *, max_event_size: int) -> None:
        self._events = events
        self._sse = _Frames(max_event_size=max_event_size)
        self._limit = max_event_size
        # Whether the next read begins an event: only then can it take the short way.
        self._aligned = False
        # The beginning of the body, until its first event shows that it is an event stream.
        self._head: bytearray | None = bytearray()

    @property
    def finished(self) -> bool:
        """Whether the answer's last event has come: what follows is ignored."""
        return self._events.finished

    def feed(self, chunk: bytes) -> Iterable[StreamChunk]:
        """Take the next bytes of the body; give the chunks of the events that they complete."""
        if self._events.finished:
            return ()
        if self._aligned and chunk.startswith(b"data: ") and CR not in chunk:
            size = len(chunk)
            if size <= self._limit and chunk[-1] == LF:
                line_end = chunk.find(LF)
                if line_end == size - 2:
                    return self._decode(chunk[6:line_end])
                if chunk[-2] == LF:
                    texts = chunk[6:-2].split(b"\n\ndata: ")
                    # Two line ends for each, and they are accounted for: each is one line, nothing between.
                    if chunk.count(b"\n") == 2 * len(texts):
                        return self._decode_each(texts)
        return self._read(chunk)

    def close(self) -> Iterable[StreamChunk]:
        """Check that the answer is whole: raise ``StreamTruncated`` with what there is if it is not."""
        events = self._events
        rest = "" if events.finished else self._sse.rest
        if rest.removeprefix("data:").strip() == "[DONE]":
            events.done = True
            rest = ""
        elif self._head is not None:
            self._check_is_stream(bytes(self._head))
        events.check_end(rest)
        return ()

    def partial(self) -> StreamResult:
        """Give the answer so far."""
        return self._events.partial()

    def _read(self, chunk: bytes) -> Iterable[StreamChunk]:
        if self._head is not None:
            self._head += chunk[: HEAD - len(self._head)]
        self._aligned = False
        try:
            events = self._sse.feed(chunk)
        except MalformedStream as error:
            error.partial = self.partial()  # the frame knows nothing of an answer
            raise
        return self._decode_events(events) if events else ()

    def _decode_events(self, events: Iterable[SSEEvent]) -> Iterator[StreamChunk]:
        try:
            for event in events:
                self._head = None
                if event.event == "error":
                    raise self._events.named_error(_decoded_if_json(event.data))
                yield from self._decode(event.data.encode())
                if self._events.finished:
                    return
        except MalformedStream as error:
            error.partial = self.partial()
            raise
        self._aligned = self._head is None and self._sse.between_events

    def _decode_each(self, texts: list[bytes]) -> Iterator[StreamChunk]:
        for text in texts:
            yield from self._decode(text)
            if self._events.finished:
                return

    def _decode(self, text: bytes) -> list[StreamChunk]:
        if text == b"[DONE]":
            return self._done()
        try:
            # The same few strings come in every event: "all" makes them once. It is bounded, and jiter's own.
            event = from_json(text, cache_mode="all")
        except ValueError:
            return self._decode_odd(text.decode("utf-8", "replace"))
        return self._events.feed(event)

    def _decode_odd(self, text: str) -> list[StreamChunk]:
        """Decode what the short way could not: broken UTF-8, white space around the end mark, no JSON."""
        stripped = text.strip()
        if not stripped:
            return []
        if stripped == "[DONE]":
            return self._done()
        try:
            event = from_json(text.encode())
        except ValueError as error:
            raise self._events.unreadable(text, error) from None
        return self._events.feed(event)

    def _done(self) -> list[StreamChunk]:
        self._events.done = self._events.finished = True
        return []

    def _check_is_stream(self, head: bytes) -> None:
        """Raise if a body without a single event is something else than the beginning of an event stream."""
        text = head.decode("utf-8", "replace").removeprefix("\ufeff").strip()
        if not text or (_is_event_stream(text) and not self._sse.rest):
            raise StreamTruncated("the answer ended before its first event", partial=self.partial())
        if _is_event_stream(text):
            return
        body = _decoded_if_json(text)
        error = error_in(body) if isinstance(body, OBJECT) else None
        if error is not None:
            raise provider_error(
                "the provider answered with an error instead of a stream", error, self.partial()
            )
        raise MalformedStream(
            f"expected text/event-stream, got {_kind_of_body(text)}: {quote(text)}",
            partial=self.partial(),
        )


class _Frames(SSEDecoder):
    """Server-sent events, and the one field beside them that is in use: llama.cpp's ``error: {...}``."""

    __slots__ = ()

    def _unknown(self, name: bytes, value: bytes) -> None:
        if name == b"error":
            self._event = b"error"
            self._data.append(value)
            self._room -= len(value)


def error_in(event: dict[str, Any]) -> Any:
    """Find the error that an event reports, in any provider's dialect; ``None`` if it reports none."""
    error = event.get("error")
    if error:
        return error
    if event.get("type") == "error" or event.get("object") == "error":
        return event
    if "detail" in event and "choices" not in event:
        return event
    return None


def provider_error(what: str, body: Any, partial: StreamResult) -> ProviderError:
    """Make a ``ProviderError`` of the error object, or text, that a provider sent."""
    fields: dict[str, Any] = body if isinstance(body, OBJECT) else {}
    code = fields.get("code")
    kind = fields.get("type")
    words = fields.get("message") or fields.get("detail") or body
    if not isinstance(words, str):
        words = json.dumps(words, ensure_ascii=False)
    return ProviderError(
        f"{what}: {words}",
        partial=partial,
        body=body,
        code=code if isinstance(code, str | int) else None,
        type=kind if isinstance(kind, str) else None,
    )


def read_usage(
    counts: dict[str, Any], prompt: str, completion: str, prompt_details: str, completion_details: str
) -> Usage:
    """Read a count of tokens, under the names that a dialect has for its parts; what is missing is 0."""
    ins = _number(counts.get(prompt))
    outs = _number(counts.get(completion))
    return Usage(
        ins,
        outs,
        _number(counts.get("total_tokens")) or ins + outs,
        _detail(counts.get(prompt_details), "cached_tokens"),
        _detail(counts.get(completion_details), "reasoning_tokens"),
    )


def describe(value: object) -> str:
    """Say what a decoded value is, and quote its beginning."""
    return f"{type(value).__name__} {quote(json.dumps(value, ensure_ascii=False, default=repr))}"


def quote(text: str) -> str:
    """Quote the beginning of a text for a message."""
    return repr(text) if len(text) <= QUOTED else f"{text[:QUOTED]!r}..."


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _detail(details: Any, name: str) -> int:
    return _number(details.get(name)) if isinstance(details, OBJECT) else 0


def _decoded_if_json(text: str) -> Any:
    try:
        return from_json(text.encode())
    except ValueError:
        return text


def _is_event_stream(text: str) -> bool:
    """Judge by the first line, of which there may be only half."""
    name, colon, _ = text.splitlines()[0].partition(":")
    if colon:
        return name in ("", *SSE_FIELDS)
    return any(field.startswith(name) for field in SSE_FIELDS)


def _kind_of_body(text: str) -> str:
    if text.startswith("{"):
        return "JSON in one piece (did the server ignore stream=true?)"
    return "a web page" if text.startswith("<") else "other text"
