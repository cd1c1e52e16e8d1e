"""Which dialect a stream speaks, found out by its first event; and events that are left as they are."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from jiter import from_json

from rxstream.errors import MalformedStream, StreamTruncated
from rxstream.items import SSEEvent, StreamResult
from rxstream.sansio.wire import OBJECT, quote
from rxstream.transports.dialects.contract import Decoder
from rxstream.transports.dialects.named import dialect_named

__all__ = ("GuessedDialect", "RawEvents")

_UI_MESSAGE: Final = "x-vercel-ai-ui-message-stream"
_NATIVE: Final = frozenset(("chunk", "done", "restart", "gap"))
#: How the types of Anthropic's events begin, which are their names, too.
_ANTHROPIC: Final = ("message_", "content_block_", "ping")
#: And those of UI messages, which have no names.
_UI_TYPES: Final = (
    "start",
    "text-",
    "reasoning-",
    "tool-",
    "data-",
    "source-",
    "file",
    "finish",
    "abort",
    "error",
    "message-metadata",
)


class RawEvents:
    """The decoder of a stream whose events nobody knows: they pass, and it may end behind each of them."""

    __slots__ = ()

    finished = False

    def feed(self, event: SSEEvent) -> Iterable[SSEEvent]:
        """Pass an event."""
        return (event,)

    def close(self) -> Iterable[SSEEvent]:
        """Take any end."""
        return ()

    def partial(self) -> StreamResult:
        """Give an empty answer: the events have been delivered."""
        return StreamResult("")


class GuessedDialect:
    """The decoder of a stream that says by itself what it is: in a header, or by its first event."""

    __slots__ = ("_decoder", "feed")

    def __init__(self) -> None:
        self._decoder: Decoder | None = None
        #: Once it is known, the decoder's own: a method less for every event.
        self.feed: Any = self._first

    def look_at(self, headers: Mapping[str, str]) -> None:
        """Read the headers of the response."""
        if self._decoder is None and _UI_MESSAGE in headers:
            self._be("ui-message")

    @property
    def finished(self) -> bool:
        """Whether the stream's terminator has come."""
        return self._decoder is not None and self._decoder.finished

    def close(self) -> Iterable[Any]:
        """Check that the stream was whole: an empty one is not."""
        if self._decoder is None:
            raise StreamTruncated("the stream ended before its first event")
        return self._decoder.close()

    def partial(self) -> StreamResult:
        """Give the answer so far."""
        return StreamResult("") if self._decoder is None else self._decoder.partial()

    def _first(self, event: SSEEvent) -> Iterable[Any]:
        name = _dialect_of(event)
        if name is None:
            raise MalformedStream(
                f"expected the first event of one of the dialects, got event {event.event!r} with data "
                f"{quote(event.data)}. dialect=None gives events as they come."
            )
        return self._be(name).feed(event)

    def _be(self, name: str) -> Decoder:
        decoder = self._decoder = dialect_named(name).decoder()
        self.feed = decoder.feed
        return decoder


def _dialect_of(event: SSEEvent) -> str | None:
    name = event.event
    if name in _NATIVE:
        return "rxstream"
    if event.data.strip() == "[DONE]":
        return "openai"
    try:
        data: Any = from_json(event.data.encode())
    except ValueError:
        return None
    if not isinstance(data, OBJECT):
        return None
    kind = data.get("type")
    kind = kind if isinstance(kind, str) else ""
    if name is not None and name != "message":
        if kind == name and (name == "error" or name.startswith(_ANTHROPIC)):
            return "anthropic"
        return "rxstream" if name == "error" else None
    if "choices" in data or "error" in data or data.get("object") == "error":
        return "openai"
    if kind and kind == kind.upper():
        return "ag-ui"
    if kind.startswith(_ANTHROPIC):
        return "anthropic"
    return "ui-message" if kind.startswith(_UI_TYPES) else None
