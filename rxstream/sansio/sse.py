r"""Server-sent events, by the WHATWG's rules: bytes or text in, ``SSEEvent`` out.

* One byte-order mark at the very start is dropped. A line ends at ``\n``, ``\r\n`` or ``\r``, nowhere else.
* ``field: value`` loses one space behind the colon. A line that starts with a colon is a comment.
* ``data`` lines are joined by ``\n``. A blank line dispatches the event, if it has a ``data`` line.
* ``event`` names one event; ``id`` names all events from here on; ``retry`` counts only in ASCII digits.
* Bytes that are not UTF-8 become U+FFFD. What the last blank line did not close is no event.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from rxstream.errors import EventTooLarge
from rxstream.items import SSEEvent, StreamChunk

__all__ = ("MAX_EVENT_SIZE", "EventStream", "SSEDecoder")

#: What a stream of events comes as.
EventStream: TypeAlias = bytes | bytearray | memoryview | str

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
    than ``max_event_size`` bytes of UTF-8 raises ``EventTooLarge``.
    """

    __slots__ = ("_after_cr", "_data", "_event", "_id", "_limit", "_line", "_retry", "_room", "_start")

    def __init__(self, *, max_event_size: int = MAX_EVENT_SIZE) -> None:
        if type(max_event_size) is not int or max_event_size < 1:
            raise ValueError(f"max_event_size must be at least 1 byte, got {max_event_size!r}")
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

    def feed(self, chunk: EventStream) -> Iterable[SSEEvent]:
        """Take the next piece of the stream; give the events that a blank line has closed."""
        # This runs for every few bytes of a slow stream, and `isinstance` costs four times as much.
        piece: Any = chunk
        if piece.__class__ is not bytes:
            try:
                piece = piece.encode() if piece.__class__ is str else _as_bytes(piece)
            except UnicodeEncodeError:
                piece = _as_bytes(piece)
        if LF in piece or CR in piece:
            return self._lines(piece)
        line = self._line
        line += piece
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

    def _lines(self, chunk: bytes) -> Iterable[SSEEvent]:
        """Take a chunk in which a line ends."""
        lines = self._split(chunk)
        tail = lines.pop()
        data = self._data
        events: list[SSEEvent] = []
        for line in lines:
            if not line:
                if data:
                    events.append(self._dispatch())
                self._event = b""
            elif len(line) > self._room:
                return self._fault_behind(events)
            elif line[:6] == b"data: ":  # nearly all are, and this takes a third of the general way's time
                data.append(line[6:])
                self._room -= len(line)
            else:
                self._field(line)
        self._line += tail
        if len(self._line) > self._room:
            return self._fault_behind(events)
        return events

    def _split(self, chunk: bytes) -> list[bytes]:
        """Give the lines that end in the chunk, the first one whole, and behind them what is left over."""
        if self._after_cr and not self._line and chunk[0] == LF:
            chunk = chunk[1:]  # the second half of a line end whose first half has done the work
        self._after_cr = False
        if CR in chunk:
            self._after_cr = chunk[-1] == CR
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = chunk.split(b"\n")
        if len(lines) > 1:
            if self._line:
                lines[0] = b"".join((self._line, lines[0]))
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
            digits = value.lstrip(b"0")
            if value.isdigit() and len(digits) <= LONGEST_RETRY:
                self._retry = int(digits or b"0")
        elif name:  # without a name it is a comment
            self._unknown(name, value)

    def _unknown(self, name: bytes, value: bytes) -> None:
        """Ignore a field that the standard does not have; a subclass may know better."""

    def _dispatch(self) -> SSEEvent:
        text = b"\n".join(self._data).decode("utf-8", "replace")
        name = self._event.decode("utf-8", "replace") if self._event else None
        event = SSEEvent(text, name, self._id, self._retry)
        self._data.clear()
        self._room = self._limit
        self._retry = None
        return event

    def _fault_behind(self, events: list[SSEEvent]) -> Iterator[SSEEvent]:
        yield from events
        raise self._too_long()

    def _too_long(self) -> EventTooLarge:
        held = self._limit - self._room
        return EventTooLarge(
            f"expected a server-sent event of at most max_event_size={self._limit} bytes, got a longer one"
            f" ({held} bytes of earlier data lines, and a line that does not fit behind them);"
            " allow more if such events are what the server means to send"
        )


def _as_bytes(chunk: EventStream) -> bytes:
    """Make bytes of what is fed rarely; refuse what has none."""
    if isinstance(chunk, str):
        # A lone surrogate is no UTF-8, so the way back makes U+FFFD of it like of any other such bytes.
        return chunk.encode("utf-8", "surrogatepass")
    if isinstance(chunk, bytes | bytearray | memoryview):
        return bytes(chunk)
    decoded = isinstance(chunk, StreamChunk)
    todo = (
        "A StreamChunk is decoded already: leave parse_sse() out."
        if decoded
        else "Map them first: ops.map(...)."
    )
    raise TypeError(
        f"parse_sse() works on an event stream as it came: it expects bytes or str items, and got "
        f"{type(chunk).__name__}: {chunk!r:.80}. {todo}"
    )
