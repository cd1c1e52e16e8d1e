"""The dialect of our own: ``event: chunk``, and at the end ``event: done`` or ``event: error``.

What a chunk has besides its text and its finish reason stands in it only where it says something; the
model's name and the answer's only where they change.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from rxstream.errors import MalformedStream, ProviderError, StreamTruncated
from rxstream.items import Restarted, SSEEvent, StreamChunk, StreamResult, Tagged, ToolCallDelta, Usage
from rxstream.sansio.delivered import Delivered
from rxstream.sansio.wire import LIST, OBJECT, describe, provider_error, quote
from rxstream.transports.dialects.contract import Dialect, Frame
from rxstream.transports.dialects.error_form import error_form
from rxstream.transports.dialects.json_form import json_text, read_json, to_text

__all__ = ("NATIVE", "NativeDecoder", "NativeEncoder")

#: As Any, a check against it leaves an item as untyped as it was.
_TAGGED: Final[Any] = Tagged
_DONE: Final[Frame] = ("done", '{"done":true}')
_STOPPED: Final[Frame] = ("done", '{"done":true,"stopped":true}')
#: The events that say something by their data.
_WITH_DATA: Final = frozenset(("chunk", "error", "restart", "gap"))
_USAGE: Final = (
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "estimated",
)


class NativeEncoder:
    """Write items of any kind: chunks with their text, texts as ``item``, anything else as ``object``."""

    __slots__ = ("_id", "_model")

    def __init__(self) -> None:
        self._model: str | None = None
        self._id: str | None = None

    def start(self) -> Sequence[Frame]:
        """Give nothing: the first item is the beginning."""
        return ()

    def feed(self, item: Any) -> Sequence[Frame]:
        """Write an item."""
        if item.__class__ is StreamChunk:
            return (("chunk", self._chunk(item)),)
        if isinstance(item, Restarted):
            return (("restart", f'{{"attempt":{item.attempt}}}'),)
        return (("chunk", self._written(item)),)

    def end(self) -> Sequence[Frame]:
        """End well."""
        return (_DONE,)

    def fail(self, error: Exception) -> Sequence[Frame]:
        """End with an error."""
        return (("error", to_text({"error": error_form(error)})),)

    def stop(self) -> Sequence[Frame]:
        """End because somebody asked for it."""
        return (_STOPPED,)

    def _written(self, item: Any) -> str:
        if isinstance(item, StreamChunk):
            return self._chunk(item)
        if isinstance(item, _TAGGED):
            # The item's own form, and where it is from behind it: of streams of streams the outermost first.
            sources = [item.source]
            while isinstance(item := item.item, _TAGGED):
                sources.append(item.source)
            source = to_text(sources[0] if len(sources) == 1 else sources)
            return f'{self._written(item)[:-1]},"source":{source}}}'
        if isinstance(item, str):
            return f'{{"item":{json_text(item)}}}'
        return f'{{"object":{to_text(item)}}}'

    def _chunk(self, chunk: StreamChunk) -> str:
        """Write a chunk. This runs once a token, and nearly always there is only content."""
        content, reason, more = json_text(chunk.content), "null", ""
        if chunk.finish_reason is not None:
            reason = json_text(chunk.finish_reason)
        if chunk.model != self._model or chunk.id != self._id:
            self._model, self._id = chunk.model, chunk.id
            more = f',"model":{to_text(chunk.model)},"id":{to_text(chunk.id)}'
        if (
            chunk.tool_calls
            or chunk.reasoning
            or chunk.usage is not None
            or chunk.role is not None
            or chunk.choice
            or chunk.refusal
            or chunk.logprobs is not None
        ):
            more += _more(chunk)
        return f'{{"content":{content},"finish_reason":{reason}{more}}}'


def _more(chunk: StreamChunk) -> str:
    found: dict[str, Any] = {
        "choice": chunk.choice,
        "role": chunk.role,
        "reasoning": chunk.reasoning,
        "refusal": chunk.refusal,
        "tool_calls": [_call(delta) for delta in chunk.tool_calls],
        "usage": _usage(chunk.usage),
    }
    found = {name: value for name, value in found.items() if value}
    if chunk.logprobs is not None:
        found["logprobs"] = chunk.logprobs
    return f",{to_text(found)[1:-1]}"


def _call(delta: ToolCallDelta) -> dict[str, Any]:
    found = {"index": delta.index, "id": delta.id, "name": delta.name, "arguments": delta.arguments or None}
    return {name: value for name, value in found.items() if value is not None}


def _usage(usage: Usage | None) -> dict[str, Any] | None:
    if usage is None:
        return None
    counts = {name: getattr(usage, name) for name in _USAGE}
    # A usage of nothing but zeros is one.
    return {name: value for name, value in counts.items() if value or name == "total_tokens"}


class NativeDecoder:
    """Read the dialect back: chunks, texts and objects as they were sent.

    An object comes back as the JSON that it was. An event of another name is passed over: a later version
    may have more.
    """

    __slots__ = ("_delivered", "_ended", "_id", "_index", "_model")

    def __init__(self) -> None:
        self._delivered = Delivered()
        self._ended = False
        self._index = 0
        self._model: str | None = None
        self._id: str | None = None

    @property
    def finished(self) -> bool:
        """Whether the stream's last event has come."""
        return self._ended

    def feed(self, event: SSEEvent) -> Iterable[Any]:
        """Take the next event; give its item."""
        name = event.event or ""
        # What is nothing of ours need not be JSON.
        return self.take(name, self._json(event.data) if name in _WITH_DATA else None)

    def take(self, name: str, value: Any) -> Iterable[Any]:
        """Take the next event by its name and its data, whatever it came in; give its item."""
        if name == "chunk":
            item = self._read(self._object(value))
            self._delivered.add(item.item if isinstance(item, _TAGGED) else item)
            return (item,)
        if name == "done":
            self._ended = True
        elif name == "error":
            raise self._error(self._object(value))
        elif name == "restart":
            return (self._restart(self._object(value)),)
        elif name == "gap":
            gap = self._object(value)
            msg = (
                f"the server holds events {gap.get('first')} to {gap.get('last')} no longer: the stream has "
                f"a hole there, which nothing can fill. What came before is in .partial."
            )
            raise StreamTruncated(msg, partial=self.partial())
        return ()

    def close(self) -> Iterable[Any]:
        """Check that the stream was whole."""
        if not self._ended:
            msg = "the stream ended before its end: no `event: done` came. What came is in .partial."
            raise StreamTruncated(msg, partial=self.partial())
        return ()

    def partial(self) -> StreamResult:
        """Give the answer so far."""
        return self._delivered.partial()

    def _json(self, text: str) -> Any:
        try:
            return read_json(text)
        except ValueError as error:
            raise self._malformed(f"expected JSON, got {quote(text)} ({error})") from None

    def _object(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, OBJECT):
            raise self._malformed(f"expected a JSON object, got {describe(value)}")
        found: dict[str, Any] = value
        return found

    def _malformed(self, message: str) -> MalformedStream:
        return MalformedStream(f"event {self._delivered.passed + 1}: {message}", partial=self.partial())

    def _error(self, fields: dict[str, Any]) -> ProviderError:
        self._ended = True
        body = fields.get("error")
        return provider_error("the server reported an error in the stream", body, self.partial())

    def _restart(self, fields: dict[str, Any]) -> Restarted:
        self._delivered = Delivered()
        attempt = fields.get("attempt")
        return Restarted(attempt if isinstance(attempt, int) else 0)

    def _read(self, fields: dict[str, Any]) -> Any:
        if "content" in fields:
            item: Any = self._read_chunk(fields)
        elif "item" in fields:
            item = fields["item"]
        elif "object" in fields:
            item = fields["object"]
        else:
            raise self._malformed(f"expected content, item or object, got {describe(fields)}")
        if "source" in fields:
            sources: Any = fields["source"]
            for source in reversed(sources if isinstance(sources, LIST) else [sources]):
                item = Tagged(source, item)
        return item

    def _read_chunk(self, fields: dict[str, Any]) -> StreamChunk:
        get = fields.get
        if "model" in fields:
            self._model, self._id = self._text(fields, "model"), self._text(fields, "id")
        chunk = StreamChunk(
            self._text(fields, "content") or "",
            self._text(fields, "finish_reason"),
            self._index,
            self._model,
            self._number(get("choice")),
            raw=fields,
            id=self._id,
        )
        self._index += 1
        if len(fields) > 2:
            self._read_more(chunk, fields)
        return chunk

    def _read_more(self, chunk: StreamChunk, fields: dict[str, Any]) -> None:
        chunk.role = self._text(fields, "role")
        chunk.reasoning = self._text(fields, "reasoning") or ""
        chunk.refusal = self._text(fields, "refusal") or ""
        calls: Any = fields.get("tool_calls") or []
        if not isinstance(calls, LIST) or not all(isinstance(call, OBJECT) for call in calls):
            raise self._malformed(f"expected tool_calls to be a list of objects, got {describe(calls)}")
        chunk.tool_calls = tuple([self._read_call(call) for call in calls])
        usage: Any = fields.get("usage")
        if usage is not None:
            if not isinstance(usage, OBJECT):
                raise self._malformed(f"expected usage to be an object, got {describe(usage)}")
            chunk.usage = Usage(
                self._number(usage.get("prompt_tokens")),
                self._number(usage.get("completion_tokens")),
                self._number(usage.get("total_tokens")),
                self._number(usage.get("cached_tokens")),
                self._number(usage.get("reasoning_tokens")),
                bool(usage.get("estimated")),
            )
        logprobs: Any = fields.get("logprobs")
        if logprobs is not None:
            if not isinstance(logprobs, OBJECT):
                raise self._malformed(f"expected logprobs to be an object, got {describe(logprobs)}")
            chunk.logprobs = logprobs

    def _read_call(self, call: Mapping[str, Any]) -> ToolCallDelta:
        index = call.get("index")
        if index is not None and not isinstance(index, int):
            raise self._malformed(
                f"expected the index of a tool call to be an integer, got {describe(index)}"
            )
        text = self._text
        return ToolCallDelta(index, text(call, "id"), text(call, "name"), text(call, "arguments") or "")

    def _text(self, fields: Mapping[str, Any], name: str) -> str | None:
        text = fields.get(name)
        if text is not None and not isinstance(text, str):
            raise self._malformed(f"expected {name} to be a string or null, got {describe(text)}")
        return text

    def _number(self, value: Any) -> int:
        if value is None:
            return 0
        if not isinstance(value, int):
            raise self._malformed(f"expected an integer, got {describe(value)}")
        return value


NATIVE: Final = Dialect("rxstream", NativeEncoder, NativeDecoder)
