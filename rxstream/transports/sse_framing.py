"""Frames of a dialect as the bytes of an event stream."""

from collections.abc import Iterable
from typing import Final

from rxstream.items import SSEEvent
from rxstream.transports.dialects.contract import Frame
from rxstream.transports.log import LogEntry

__all__ = ("HEARTBEAT", "Framing")

#: A comment, and no blank line behind it: there are clients that take every blank line for an event's end.
HEARTBEAT: Final = b": hb\n"


class Framing:
    """Write one response's events; the first carries what is said once.

    ``retry``, in milliseconds, stands in the first event, since an event of its own, without data, is one
    that some clients fail on. ``events`` counts what was written.
    """

    __slots__ = ("_names", "_prefix", "_retry", "events")

    def __init__(self, *, stream: str | None = None, retry: int | None = None) -> None:
        self._prefix = f"id: {stream}-"
        self._retry = "" if retry is None else f"retry: {retry}\n"
        #: The lines of the names of events that have been looked at: a dialect has a handful.
        self._names: dict[str | None, str] = {}
        self.events = 0

    def frames(self, frames: Iterable[Frame]) -> bytes:
        """Write events that have no id."""
        return _encoded("".join([self._text(event, data) for event, data in frames]))

    def entries(self, entries: Iterable[LogEntry]) -> bytes:
        """Write events of a log, with their ids."""
        return _encoded("".join([self._text(event, data, seq) for seq, event, data, _ in entries]))

    def frame(self, event: str | None, data: str, seq: int | None = None) -> bytes:
        """Write one event, with the id of its place in a log if it is of one."""
        return _encoded(self._text(event, data, seq))

    def _text(self, event: str | None, data: str, seq: int | None = None) -> str:
        name = self._names.get(event)
        if name is None:
            name = self._look_up(event)
        if "\n" in data or "\r" in data:
            data = _lines(data)
        self.events += 1
        id_line = "" if seq is None else f"{self._prefix}{seq}\n"
        return f"{name}{id_line}data: {data}\n\n"

    def _look_up(self, event: str | None) -> str:
        name = self._names[event] = SSEEvent("", event).encode().removesuffix("data: \n\n")
        # No event has a name that is known before the first one is written.
        once, self._retry = self._retry, ""
        return name + once


def _encoded(text: str) -> bytes:
    # A dialect escapes half a surrogate pair; one of a user's own that does not must not end the stream.
    return text.encode("utf-8", "replace")


def _lines(data: str) -> str:
    return data.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\ndata: ")
