"""Servers of events for the tests of those who read them: what they say, and how they go on behind an id."""

import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import anyio
import httpx2
from anyio.lowlevel import checkpoint
from reactivex import Observable

from rxstream.errors import MalformedStream, ProviderError, StreamTruncated
from rxstream.items import Restarted, SSEEvent, StreamChunk, StreamResult
from rxstream.testing import Answer
from rxstream.testing.connection import Request
from rxstream.transports.dialects.contract import Dialect
from rxstream.transports.from_sse import from_sse

__all__ = ("LETTERS", "TEXT", "Clocked", "Keeping", "event", "letters", "numbers", "sse", "texts")

#: ``from_sse``, whatever the options give: its types know the dialects apart.
sse: Callable[..., Observable[Any]] = from_sse

TEXT = "A stream that broke off, and went on."


def event(data: str, *, name: str | None = None, id: str | None = None, retry: int | None = None) -> bytes:  # noqa: A002
    lines = [
        *([f"event: {name}"] if name is not None else []),
        *([f"id: {id}"] if id is not None else []),
        *([f"retry: {retry}"] if retry is not None else []),
        *[f"data: {line}" for line in data.split("\n")],
    ]
    return ("\n".join(lines) + "\n\n").encode()


class Keeping:
    """Answers with events that it keeps: whoever names an id gets those behind it, or 204 behind the last.

    ``replays``: everybody gets all of them, whatever he names. ``make`` gives the events of the n-th request,
    for a server that does not keep them at all.
    """

    def __init__(
        self,
        events: Sequence[bytes] = (),
        *,
        replays: bool = False,
        make: Callable[[int], Sequence[bytes]] | None = None,
        **how: Any,
    ) -> None:
        self._make = make
        self._events = events
        self._replays = replays
        self._how = how
        self.asked: list[str | None] = []

    def __call__(self, request: Request) -> Answer:
        after = request.headers.get("last-event-id")
        self.asked.append(after)
        events = self._events if self._make is None else self._make(len(self.asked))
        if after is not None and not self._replays:
            begin = int(after.rpartition("-")[2])
            if begin == len(events):
                return Answer(status="204 No Content", chunked=False)
            events = events[begin:]
        return replace(Answer(tuple(events)), **self._how)


def numbers(count: int = 10, *, ids: bool = True, retry: int | None = None) -> list[bytes]:
    return [
        event(str(n), id=f"s-{n}" if ids else None, retry=retry if n == 1 else None)
        for n in range(1, count + 1)
    ]


def letters(text: str = TEXT, *, ids: bool = True, end: bool = True, retry: int | None = None) -> list[bytes]:
    """Write a text in the dialect LETTERS, three characters an event."""
    pieces = [text[at : at + 3] for at in range(0, len(text), 3)]
    events = [json.dumps({"text": piece}) for piece in pieces] + ["end"] * end
    return [
        event(data, id=f"s-{n}" if ids else None, retry=retry if n == 1 else None)
        for n, data in enumerate(events, 1)
    ]


class _LettersDecoder:
    def __init__(self) -> None:
        self.finished = False
        self._text = ""
        self._index = 0

    def feed(self, event: SSEEvent) -> Iterable[Any]:
        if event.data == "end":
            self.finished = True
            return
        if event.data == "again":
            self._text = ""
            yield Restarted(2)
            return
        try:
            data = json.loads(event.data)
        except ValueError:
            raise MalformedStream(f"no letters: {event.data}") from None
        if "error" in data:
            raise ProviderError(data["error"])
        for letter in data["text"]:
            self._text += letter
            self._index += 1
            yield StreamChunk(letter, index=self._index - 1)

    def close(self) -> Iterable[Any]:
        raise StreamTruncated("no end came", partial=self.partial())

    def partial(self) -> StreamResult:
        return StreamResult(self._text)


def _no_encoder() -> Any:
    raise NotImplementedError


#: A dialect with an end, whose every letter is a chunk.
LETTERS = Dialect("letters", _no_encoder, _LettersDecoder)


def texts(items: Iterable[Any]) -> str:
    return "".join([item.content for item in items])


class Clocked(httpx2.AsyncBaseTransport):
    """Answers without any socket, and notes when they were asked for: status, headers, and reads of a body.

    An exception among the reads is raised in its place.
    """

    def __init__(self, *answers: tuple[int, dict[str, str], Sequence[Any]]) -> None:
        self._answers = list(answers)
        self.asked: list[float] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(anyio.current_time())
        status, headers, reads = self._answers.pop(0)
        headers = {"content-type": "text/event-stream", **headers}
        return httpx2.Response(status, headers=headers, stream=_Reads(reads), request=request)


class _Reads(httpx2.AsyncByteStream):
    def __init__(self, reads: Sequence[Any]) -> None:
        self._reads = reads

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for read in self._reads:
            await checkpoint()
            if isinstance(read, Exception):
                raise read
            yield read
