"""What the decoders of messages have in common: JSON in each event, chunks out, and an end that must come."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar

from rxstream.errors import MalformedStream, ProviderError, StreamTruncated
from rxstream.items import SSEEvent, StreamChunk, StreamResult, ToolCallDelta
from rxstream.sansio.delivered import Delivered
from rxstream.sansio.wire import OBJECT, describe, provider_error, quote
from rxstream.transports.dialects.json_form import read_json
from rxstream.transports.dialects.openai import usage_in

__all__ = ("MessageDecoder", "number_in")


class MessageDecoder(ABC):
    """Read the events of one message, each a JSON object with a ``type``."""

    __slots__ = ("_delivered", "_id", "_index", "_model", "finished")

    #: What ends a stream of the dialect.
    terminator: ClassVar[str]

    def __init__(self) -> None:
        self._delivered = Delivered()
        self._index = 0
        self._model: str | None = None
        self._id: str | None = None
        self.finished = False

    def feed(self, event: SSEEvent) -> Iterable[Any]:
        """Take the next event; give its items."""
        text = event.data.strip()
        if text == "[DONE]":
            self.finished = True
            return ()
        try:
            body = read_json(text)
        except ValueError as error:
            raise self.malformed(f"expected JSON, got {quote(text)} ({error})") from None
        if not isinstance(body, OBJECT):
            raise self.malformed(f"expected a JSON object, got {describe(body)}")
        items: list[Any] = [*self.read(body)]
        for item in items:
            self._delivered.add(item)
        return items

    def close(self) -> Iterable[Any]:
        """Check that the message was whole."""
        if not self.finished:
            msg = f"the stream ended before its end: no {self.terminator} came. What came is in .partial."
            raise StreamTruncated(msg, partial=self.partial())
        return ()

    def partial(self) -> StreamResult:
        """Give the answer so far."""
        return self._delivered.partial()

    @abstractmethod
    def read(self, body: dict[str, Any]) -> Iterable[Any]:
        """Make items of an event."""

    def made(
        self,
        body: dict[str, Any],
        content: str = "",
        *,
        reasoning: str = "",
        call: ToolCallDelta | None = None,
        role: str | None = None,
    ) -> StreamChunk:
        """Make the next chunk."""
        chunk = StreamChunk(
            content,
            index=self._index,
            model=self._model,
            reasoning=reasoning,
            tool_calls=() if call is None else (call,),
            raw=body,
            role=role,
            id=self._id,
        )
        self._index += 1
        return chunk

    def ending(self, body: dict[str, Any], told: Any, reason: Any = None) -> StreamChunk:
        """Make the last chunk, of what our encoders tell: ``{"finishReason", "usage"}``, if it is there.

        ``reason``: where that has none.
        """
        found: dict[str, Any] = told if isinstance(told, OBJECT) else {}
        chunk = self.made(body)
        chunk.finish_reason = str(found.get("finishReason") or reason or "stop")
        counts: Any = found.get("usage")
        if isinstance(counts, OBJECT):
            chunk.usage = usage_in(counts)
        self.finished = True
        return chunk

    def string_in(self, body: dict[str, Any], name: str) -> str:
        """Read a field that must be a text."""
        text = body.get(name)
        if not isinstance(text, str):
            raise self.malformed(f"expected {name} to be a string, got {describe(text)}")
        return text

    def object_in(self, body: dict[str, Any], name: str) -> dict[str, Any]:
        """Read a field that is an object; null and missing are empty."""
        value: Any = body.get(name)
        if value is None:
            return {}
        if not isinstance(value, OBJECT):
            raise self.malformed(f"expected {name} to be an object, got {describe(value)}")
        found: dict[str, Any] = value
        return found

    def malformed(self, message: str) -> MalformedStream:
        """Make the error for an event that is none of the dialect."""
        return MalformedStream(f"behind {self._index} chunks: {message}", partial=self.partial())

    def error(self, body: Any) -> ProviderError:
        """Make the error that the server reports; it ends the stream."""
        self.finished = True
        return provider_error("the server reported an error in the stream", body, self.partial())


def number_in(fields: dict[str, Any], name: str) -> int:
    """Read a field that is a count; anything else is 0."""
    number = fields.get(name)
    return number if isinstance(number, int) else 0
