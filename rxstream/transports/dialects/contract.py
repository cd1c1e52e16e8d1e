"""What a dialect is: a machine from items to server-sent events, and one that reads them back."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from rxstream.items import SSEEvent, StreamResult

__all__ = ("Decoder", "Dialect", "Encoder", "Frame")

#: An event without what is the transport's own (``id``, ``retry``): its name, or None, and its data.
#: A plain tuple, since one is made for every chunk of every client.
Frame: TypeAlias = tuple[str | None, str]


class Encoder(Protocol):
    """Items in, frames out; one for each stream.

    Exactly one of ``end``, ``fail`` and ``stop`` comes last, and what it gives ends the stream so that every
    client of the dialect knows that it has ended, and how.
    """

    def start(self) -> Sequence[Frame]:
        """Give what stands before the first item."""
        ...

    def feed(self, item: Any, /) -> Sequence[Frame]:
        """Take the next item of the stream, of any kind."""
        ...

    def end(self) -> Sequence[Frame]:
        """End the stream well."""
        ...

    def fail(self, error: Exception, /) -> Sequence[Frame]:
        """End the stream with an error; its text is for the client to see."""
        ...

    def stop(self) -> Sequence[Frame]:
        """End the stream because somebody asked for it: what came is all there will be."""
        ...


class Decoder(Protocol):
    """Events in, items out; one for each stream."""

    @property
    def finished(self) -> bool:
        """Whether the stream's terminator has come: what follows is ignored."""
        ...

    def feed(self, event: SSEEvent, /) -> Iterable[Any]:
        """Take the next event; give its items.

        Raises ``ProviderError`` for the dialect's error event, ``MalformedStream`` for what is none of it.
        """
        ...

    def close(self) -> Iterable[Any]:
        """Learn that the body has ended: raise ``StreamTruncated`` unless the stream had."""
        ...

    def partial(self) -> StreamResult:
        """Give the answer so far."""
        ...


@dataclass(frozen=True, slots=True)
class Dialect:
    """A way to write an answer as server-sent events."""

    name: str
    encoder: Callable[[], Encoder]
    decoder: Callable[[], Decoder]
    #: Headers of the response that clients of the dialect look for.
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    #: Whether its clients, when they come back, want the stream from its very beginning.
    replays: bool = False
