"""Frames of a dialect as the bytes of an event stream."""

from collections.abc import Sequence
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
        self._names: dict[str | None, str] = {None: "", "": ""}
        self.events = 0

    def frames(self, frames: Sequence[Frame]) -> bytes:
        """Write events that have no id."""
        if len(frames) == 1 and not self._retry:
            event, data = frames[0]
            if "\n" not in data and "\r" not in data and event in self._names:
                self.events += 1
                return f"{self._names[event]}data: {data}\n\n".encode("utf-8", "replace")
        text = ""
        for event, data in frames:
            text += f"{self._name(event)}{self._once()}data: {_lines(data)}\n\n"
            self.events += 1
        # A dialect escapes half a surrogate pair; one of a user's own that does not must not end the stream.
        return text.encode("utf-8", "replace")

    def entries(self, entries: Sequence[LogEntry]) -> bytes:
        """Write events of a log, with their ids."""
        prefix = self._prefix
        if len(entries) == 1 and not self._retry:
            seq, event, data, _ = entries[0]
            if "\n" not in data and "\r" not in data and event in self._names:
                self.events += 1
                return f"{self._names[event]}{prefix}{seq}\ndata: {data}\n\n".encode("utf-8", "replace")
        text = ""
        for seq, event, data, _ in entries:
            text += f"{self._name(event)}{prefix}{seq}\n{self._once()}data: {_lines(data)}\n\n"
            self.events += 1
        return text.encode("utf-8", "replace")

    def _name(self, event: str | None) -> str:
        try:
            return self._names[event]
        except KeyError:
            line = self._names[event] = SSEEvent("", event).encode().removesuffix("data: \n\n")
            return line

    def _once(self) -> str:
        retry = self._retry
        if retry:
            self._retry = ""
        return retry


def _lines(data: str) -> str:
    if "\n" in data or "\r" in data:
        return data.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\ndata: ")
    return data
