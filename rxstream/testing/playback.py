"""Recordings played with faults in them: what a broken connection does, without one."""

from collections.abc import AsyncIterator
from os import PathLike
from typing import Any

import anyio
import httpx2
import openai
from reactivex import Observable

from rxstream.engine.lift import lift
from rxstream.engine.observable import PullObservable
from rxstream.engine.pipeline import named
from rxstream.items import StreamChunk
from rxstream.sources.lost import DecodedAnswer, Lost
from rxstream.sources.recording import find_recording, play_recording, read_recording
from rxstream.testing.answers import Answer
from rxstream.testing.faults import Faults, faulty, planned

__all__ = ("faulty_recording",)

#: What the SDK makes of an HTTP status, where that has a class of its own; else it is one of the two below.
_STATUS_ERRORS: dict[int, type[openai.APIStatusError]] = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    409: openai.ConflictError,
    422: openai.UnprocessableEntityError,
    429: openai.RateLimitError,
}
_REQUEST = httpx2.Request("POST", "http://recording.invalid/")


@named
def faulty_recording(
    path: str | PathLike[str], *faults: Faults, speed: float | None = None
) -> Observable[StreamChunk]:
    """Play a recording as ``rxs.from_recording`` does, the n-th subscription with the n-th fault.

        from rxstream.testing import Fault, faulty_recording

        answer = faulty_recording("01-prose", None, Fault.cut(3000), Fault.status(429, retry_after=2))
        for _ in range(4):
            try:
                print(len(rxs.run(answer)), "chunks")
            except (rxs.StreamError, openai.OpenAIError) as error:
                print(type(error).__name__)
        #> 66 chunks
        #> ConnectionLost
        #> RateLimitError
        #> 66 chunks

    ``path`` and ``speed`` are ``from_recording``'s, but the reads come at once unless ``speed`` is given.
    ``faults``: ``a | b`` for two in one answer, ``None`` for none; the subscriptions behind the last of them
    get it whole. A subscription counts when its first item is asked for.

    Everything ends as with a real client: a cut, a reset and a truncated chunk raise ConnectionLost, a
    silent end StreamTruncated, an error frame ProviderError, garbage MalformedStream, all with ``partial``;
    an HTTP error is the ``openai.APIStatusError`` of its status, with ``response.headers``, and a refused
    connection ``openai.APIConnectionError``. A stall waits on the event loop's clock: real seconds, or those
    of ``VirtualClock``; an endless one waits until somebody's timeout. How fast the client of a real
    connection reads, and what a reset overtakes, is ``FaultServer``'s to show.

    Raises FileNotFoundError, MalformedStream, TypeError and ValueError as ``from_recording`` does, and the
    last two for faults that cannot be.
    """
    found = find_recording("faulty_recording()", path, speed)
    recorded = read_recording(found)
    answer = Answer.recorded(found, speed=speed)
    remaining = iter(planned("faulty_recording()", faults))

    def play() -> AsyncIterator[bytes]:
        fault = next(remaining, None)
        return play_recording(found, speed) if fault is None else _play(faulty(answer, fault), speed)

    source: PullObservable[Any] = PullObservable(play, f"faulty_recording({path!r})")
    return source.pipe(lift(lambda: DecodedAnswer(recorded.decoder())))  # type: ignore[no-any-return]


async def _play(answer: Answer, speed: float | None) -> AsyncIterator[bytes]:
    """Send an answer to nobody: what its client would read, and what it would raise."""
    if answer.end == "refused":
        raise openai.APIConnectionError(request=_REQUEST)
    status = int(answer.status.partition(" ")[0])
    due = anyio.current_time()
    for piece in answer.pieces:
        if not isinstance(piece, bytes):
            due += piece
            # Of a recording's time a slow reader loses nothing; without one, a stall is all that there is.
            await (anyio.sleep(piece) if speed is None else anyio.sleep_until(due))
        elif status < 400:
            yield piece
    if answer.end == "stall":
        await anyio.sleep_forever()
    if status >= 400:
        raise _status_error(answer, status)
    if answer.end == "rst":
        raise Lost(httpx2.ReadError("connection reset by peer (a Fault)"))
    if answer.end != "whole":
        raise Lost(httpx2.RemoteProtocolError("peer closed connection without the body's end (a Fault)"))


def _status_error(answer: Answer, status: int) -> openai.APIStatusError:
    response = httpx2.Response(status, headers=list(answer.headers), content=answer.body, request=_REQUEST)
    body: Any
    try:
        body = response.json()
        body = body.get("error", body)
        said = body.get("message", body)
    except (ValueError, AttributeError):
        body = said = response.text
    make = _STATUS_ERRORS.get(status, openai.InternalServerError if status >= 500 else openai.APIStatusError)
    return make(f"Error code: {status} - {said}", response=response, body=body)
