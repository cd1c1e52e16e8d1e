r"""Server-sent events, by the WHATWG's rules: bytes or text in, ``SSEEvent`` out.

* One byte-order mark at the very start is dropped. A line ends at ``\n``, ``\r\n`` or ``\r``, nowhere else.
* ``field: value`` loses one space behind the colon. A line that starts with a colon is a comment.
* ``data`` lines are joined by ``\n``. A blank line dispatches the event, if it has a ``data`` line.
* ``event`` names one event; ``id`` names all events from here on; ``retry`` counts only in ASCII digits.
* Bytes that are not UTF-8 become U+FFFD. What the last blank line did not close is no event.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

from collections.abc import Iterable, Iterator

from rxstream.errors import MalformedStream
from rxstream.items import SSEEvent

__all__ = ("MAX_EVENT_SIZE", "SSEDecoder")

#: Bytes of one event that are held at most. Text comes in events of some kilobytes; this is for images.
MAX_EVENT_SIZE = 16 * 1024 * 1024

BOM = b"\xef\xbb\xbf"

# To look for a number in bytes takes a tenth of the time that it takes to look for bytes of length one.
LF, CR = b"\n\r"

# `int()` refuses thousands of digits, and no clock counts that many milliseconds.
LONGEST_RETRY = 18


class SSEDecoder:
    """Decode a stream of server-sent events.

    ``id`` of an event is the last one that the stream has named, ``""`` if it took it back, and ``None``
    if it never named one. ``retry`` is given to the next event that is dispatched.

    Memory holds one event. One whose ``data`` lines, together with the line that is being read, are longer
    than ``max_event_size`` bytes of UTF-8 raises ``MalformedStream``.
    """

    __slots__ = ("_after_cr", "_data", "_event", "_id", "_limit", "_line", "_retry", "_room", "_start")

    def __init__(self, *, max_event_size: int = MAX_EVENT_SIZE) -> None:
        if max_event_size < 1:
            raise ValueError(f"max_event_size must be at least 1 byte, got {max_event_size}")
        self._limit = max_event_size
        # What the limit leaves for the line that is being read: the data lines before it are held as well.
        self._room = max_event_size
        # Grows in place, so that a line which comes in a million pieces is copied once.
        self._line = bytearray()
        self._data: list[bytes] = []
        self._event = b""
        self._id: str | None = None
        self._retry: int | None = None
        self._start = True
        self._after_cr = False

    def feed(self, chunk: bytes | str) -> Iterable[SSEEvent]:
        """Take the next piece of the stream; give the events that a blank line has closed."""
        if isinstance(chunk, str):
            # A lone surrogate is no UTF-8, so the way back makes U+FFFD of it like of any other such bytes.
            chunk = chunk.encode("utf-8", "surrogatepass")
        if LF in chunk or CR in chunk:
            return self._lines(chunk)
        line = self._line
        line += chunk
        if len(line) > self._room:
            raise self._too_long()
        return ()

    def close(self) -> Iterable[SSEEvent]:
        """Learn that the stream is over: an event without its blank line is none, see ``rest``."""
        return ()

    @property
    def between_events(self) -> bool:
        """Whether the next byte begins a line of a new event, with nothing before it to be minded."""
        return not (self._start or self._after_cr or self._line or self._data or self._event)

    @property
    def rest(self) -> str:
        """The event that no blank line has closed yet, as lines; comments and white space are none of it."""
        line = bytes(self._line)
        if self._start:
            line = line.removeprefix(BOM)
        lines = [b"data: " + value for value in self._data]
        if self._event:
            lines.insert(0, b"event: " + self._event)
        if not line.startswith(b":"):
            lines.append(line)
        return b"\n".join(lines).decode("utf-8", "replace").strip()

    def _lines(self, chunk: bytes) -> Iterator[SSEEvent]:
        *lines, tail = self._split(chunk)
        for line in lines:
            if len(line) > self._room:
                raise self._too_long()
            if line:
                self._field(line)
                continue
            if self._data:
                yield self._dispatch()
            self._event = b""
        self._line += tail
        if len(self._line) > self._room:
            raise self._too_long()

    def _split(self, chunk: bytes) -> list[bytes]:
        """Give the lines that end in the chunk, the first one whole, and behind them what is left over."""
        if self._after_cr and not self._line and chunk.startswith(b"\n"):
            chunk = chunk[1:]  # the second half of a line end whose first half has done the work
        self._after_cr = chunk.endswith(b"\r")
        if CR in chunk:
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = chunk.split(b"\n")
        if len(lines) > 1:
            if self._line:
                lines[0] = bytes(self._line) + lines[0]
                self._line = bytearray()
            if self._start:
                self._start = False
                if len(lines[0]) <= self._room:  # else the mark counts, as it does while the line is read
                    lines[0] = lines[0].removeprefix(BOM)
        return lines

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if value.startswith(b" "):
            value = value[1:]
        if name == b"data":
            self._data.append(value)
            self._room -= len(line)
        elif name == b"event":
            self._event = value
        elif name == b"id":
            if b"\0" not in value:
                self._id = value.decode("utf-8", "replace")
        elif name == b"retry":
            if value.isdigit() and len(value) <= LONGEST_RETRY:
                self._retry = int(value)
        elif name:  # without a name it is a comment
            self._unknown(name, value)

    def _unknown(self, name: bytes, value: bytes) -> None:
        """Ignore a field that the standard does not have; a subclass may know better."""

    def _dispatch(self) -> SSEEvent:
        data = b"\n".join(self._data).decode("utf-8", "replace")
        name = self._event.decode("utf-8", "replace") or None
        event = SSEEvent(data, name, self._id, self._retry)
        self._data.clear()
        self._room = self._limit
        self._retry = None
        return event

    def _too_long(self) -> MalformedStream:
        held = self._limit - self._room
        return MalformedStream(
            f"expected a server-sent event of at most max_event_size={self._limit} bytes, got a longer one"
            f" ({held} bytes of earlier data lines, and a line that does not fit behind them);"
            " allow more if such events are what the server means to send"
        )
