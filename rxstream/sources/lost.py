"""What a source says last when its connection dies, and who turns it into an error with the partial answer.

The reader of a connection knows the transport's error, the decoder knows the answer so far. So the reader
raises ``Lost``, and the decoder's stage explains it (see ``engine.fuse``).
"""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from rxstream.engine.fuse import FirstMachine
from rxstream.errors import ConnectionLost
from rxstream.items import StreamChunk, StreamResult

__all__ = ("DecodedAnswer", "Decoder", "Lost", "lost_connection")


class Lost(Exception):  # never seen outside: the decoder's stage makes an error of it
    """The connection died under the answer; ``error`` is what the transport, or the SDK, said."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


class Decoder(Protocol):
    """A machine from the wire to chunks that can tell the answer so far."""

    @property
    def finished(self) -> bool:
        """Whether the answer is complete."""
        ...

    def feed(self, chunk: Any, /) -> Iterable[StreamChunk]:
        """Take the next bytes; give the chunks that they complete."""
        ...

    def close(self) -> Iterable[StreamChunk]:
        """Check that the answer is whole."""
        ...

    def partial(self) -> StreamResult:
        """Give the answer so far."""
        ...


class DecodedAnswer(FirstMachine):
    """A decoder that can explain ``Lost``."""

    __slots__ = ("_decoder", "feed")

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self.feed: Callable[[Any], Iterable[StreamChunk]] = decoder.feed

    @property
    def finished(self) -> bool:
        """Whether the answer is complete, whatever may still come."""
        return self._decoder.finished

    def close(self) -> Iterable[StreamChunk]:
        """Check that the answer is whole."""
        return self._decoder.close()

    def explain(self, error: Exception) -> Exception:
        """Make of the transport's error one with the answer so far."""
        return lost_connection(error.error, self._decoder.partial()) if isinstance(error, Lost) else error


def lost_connection(error: Exception, partial: StreamResult) -> ConnectionLost:
    """Make the error of a connection that died under an answer."""
    # Some errors of a transport have a name and nothing to say.
    why = f"{type(error).__name__}: {error}".removesuffix(": ")
    lost = ConnectionLost(
        f"the connection died in the middle of the answer, after {len(partial.content)} characters: "
        f"{why}. What came is in .partial.",
        partial=partial,
    )
    lost.__cause__ = error
    return lost
