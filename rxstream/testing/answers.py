"""HTTP answers as a test wants them, byte for byte; on a socket or off it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from os import PathLike
from typing import Any, Literal, TypeAlias

from rxstream.sources.recording import Recorded, find_recording, read_recording

__all__ = ("Answer", "End", "Piece", "status_line")

#: A piece of a body, which is sent as it is; or a number: so many seconds nothing is sent.
Piece: TypeAlias = bytes | float

#: ``whole``: as HTTP wants it. ``fin``: the connection's end, without the last chunk. ``rst``: a reset.
#: ``half chunk``: a chunk that says it is longer than it is, then the connection's end. ``stall``: nothing
#: more, for ever. ``refused``: the connection's end before the first header.
End: TypeAlias = Literal["whole", "fin", "rst", "half chunk", "stall", "refused"]

EVENT_STREAM = (("Content-Type", "text/event-stream"),)


@dataclass(frozen=True, slots=True)
class Answer:
    """Describe one HTTP answer, down to how it ends; what ``FaultServer`` gives.

        busy = Answer.json({"error": {"message": "busy"}}, status=429, headers={"Retry-After": "0"})
        with FaultServer(busy, Answer.recorded("01-prose")) as server:
            async with AsyncOpenAI(base_url=server.base_url, api_key="none", max_retries=0) as client:
                answer = rxs.from_chat(client, model="any", messages=[])
                result = await rxs.collect(answer.pipe(rxs.retry_stream(backoff=0)))
                print(result.finish_reason, len(server.requests))  #> stop 2

    Made by ``recorded``, ``events`` and ``json``; ``cut`` and ``split`` make others of it. ``pieces`` is the
    body as it is sent: ``bytes``, and between them numbers, the seconds in which nothing is sent. ``status``
    and ``headers``: the first line, without "HTTP/1.1", and pairs. ``chunked`` is HTTP's own framing; without
    it the end of the connection is the end of the body. ``end``: "whole", or what comes in place of the
    body's end: "fin", "rst", "half chunk", "stall"; "refused" is before the first header. ``delay`` is the
    seconds before the headers, ``pause`` those before each piece. ``keep_alive``: whether the connection
    takes another request; a client is told if not.
    """

    pieces: Sequence[Piece] = ()
    status: str = "200 OK"
    headers: tuple[tuple[str, str], ...] = EVENT_STREAM
    chunked: bool = True
    end: End = "whole"
    delay: float = 0.0
    pause: float = 0.0
    keep_alive: bool = True

    @classmethod
    def recorded(cls, path: str | PathLike[str], *, speed: float | None = None) -> "Answer":
        """Make a recording's answer, read by read, its status and end included.

        ``path`` and ``speed`` are ``from_recording``'s: by default all comes at once.
        """
        recorded = read_recording(find_recording("Answer.recorded()", path, speed))
        return cls(
            tuple(_pieces_of(recorded, speed)),
            status=status_line(recorded.status),
            headers=_headers_of(recorded),
            end="whole" if recorded.is_complete else "fin",
        )

    @classmethod
    def events(cls, *events: Any, done: bool = True) -> "Answer":
        """Make an event stream of JSON values, an event each in a piece of its own; ``[DONE]`` at its end."""
        pieces = [f"data: {_dumped(event)}\n\n".encode() for event in events]
        return cls((*pieces, b"data: [DONE]\n\n") if done else tuple(pieces))

    @classmethod
    def json(cls, body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> "Answer":
        """Make an answer in one piece of JSON."""
        return cls(
            (_dumped(body).encode(),),
            status=status_line(status),
            headers=(("Content-Type", "application/json"), *(headers or {}).items()),
        )

    @property
    def body(self) -> bytes:
        """The bytes of the body, wherever they are cut."""
        return b"".join([piece for piece in self.pieces if isinstance(piece, bytes)])

    def cut(self, at: int, end: End = "whole") -> "Answer":
        """Give the first ``at`` bytes of the body, in one piece, and then that end."""
        return replace(self, pieces=(self.body[:at],), end=end)

    def split(self, size: int) -> "Answer":
        """Give the same body in pieces of ``size`` bytes."""
        body = self.body
        return replace(self, pieces=[body[at : at + size] for at in range(0, len(body), size)])


def _pieces_of(recorded: Recorded, speed: float | None) -> Iterator[Piece]:
    """Give the recorded reads with the waits between them."""
    moment = 0.0
    ended_at = [] if recorded.ended_at is None else [(recorded.ended_at, b"")]
    for at, read in [*recorded.reads, *ended_at]:
        if speed is not None and at > moment:
            yield (at - moment) / speed
            moment = at
        if read:
            yield read


def status_line(status: int) -> str:
    """Give a status with its words."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Of No Name"


def _headers_of(recorded: Recorded) -> tuple[tuple[str, str], ...]:
    """Take of the recorded headers what says what the body is; the framing is the server's own."""
    headers: Any = recorded.response.get("headers") or {}
    found = {name.lower(): value for name, value in dict(headers).items()}
    return (("Content-Type", found["content-type"]),) if "content-type" in found else EVENT_STREAM


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
