"""Recordings of real streams, played back."""

import json
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import anyio
from reactivex import Observable

from rxstream.engine.arguments import check_number, check_type
from rxstream.engine.lift import lift
from rxstream.engine.observable import PullObservable
from rxstream.engine.pipeline import named
from rxstream.errors import MalformedStream, ProviderError
from rxstream.items import StreamChunk
from rxstream.sansio.chat import ChatDecoder
from rxstream.sansio.responses import ResponsesDecoder
from rxstream.sansio.wire import OBJECT
from rxstream.sources.lost import DecodedAnswer, Decoder, Lost

__all__ = (
    "Recorded",
    "bundled_recordings",
    "find_recording",
    "from_recording",
    "play_recording",
    "read_recording",
)

_BUNDLED = Path(__file__).parent.parent / "recordings"


def bundled_recordings() -> dict[str, Path]:
    """Return the real recordings that come with the package, by name."""
    return {path.stem: path for path in sorted(_BUNDLED.glob("*.jsonl"))}


@named
def from_recording(path: str | PathLike[str], *, speed: float | None = 1.0) -> Observable[StreamChunk]:
    """Play a recording of a real stream, network read by network read, with its timing.

        answer = rxs.from_recording("01-prose", speed=20)
        for sentence in rxs.iter_stream(answer.pipe(rxs.buffer_sentences())):
            print(sentence)

    ``path``: a file that ``record_stream`` wrote, or the name of a recording that comes with the package.
    ``speed``: 2.0 is twice as fast; None is all at once. The reads go through the same decoder as
    ``from_chat``'s (or ``from_responses``'s), and the end is the recorded one: a connection that died raises
    ConnectionLost, an HTTP error ProviderError with its ``status``. Each subscription plays it anew. Memory:
    the recording.

    Raises FileNotFoundError for a name that there is not, which lists those of the package; ValueError for a
    speed that is not positive; MalformedStream for a file that is no recording, TypeError for what is no
    path. For an answer of your own making there is ``from_stream``, for one that goes wrong
    ``rxstream.testing.faulty_recording``.
    """
    found = find_recording("from_recording()", path, speed)
    recorded = read_recording(found)
    source: PullObservable[Any] = PullObservable(
        lambda: play_recording(found, speed), f"from_recording({path!r})"
    )
    return source.pipe(lift(lambda: DecodedAnswer(recorded.decoder())))  # type: ignore[no-any-return]


def find_recording(name: str, path: str | PathLike[str], speed: float | None) -> Path:
    """Find the file that ``path`` names, of the user's or the package's; ``name`` is who asks."""
    check_type(name, "path", path, (str, PathLike), "a recording's name or the path of a file")
    check_number(name, "speed", speed, unit="times as fast, or None for at once,", optional=True)
    found = Path(path)
    if found.exists():
        return found
    bundled = bundled_recordings()
    if str(path) in bundled:
        return bundled[str(path)]
    msg = (
        f"{name} found no file {str(path)!r}, and no recording of that name comes with "
        f"rxstream. Those that do: {', '.join(bundled)}."
    )
    raise FileNotFoundError(msg)


@dataclass(slots=True)
class Recorded:
    """What a recording holds."""

    header: dict[str, Any]
    #: Seconds since the request was sent, and what one read gave.
    reads: list[tuple[float, bytes]]
    #: How it ended, and when, if that was recorded.
    end: str = "the recording stops in the middle"
    ended_at: float | None = None

    @property
    def response(self) -> dict[str, Any]:
        """What is known of the HTTP response."""
        return self.header.get("response") or {}

    @property
    def status(self) -> int:
        """The HTTP status."""
        status: int = self.response.get("status", 200)
        return status

    @property
    def is_complete(self) -> bool:
        """Whether the body ended as HTTP wants it."""
        return self.end.startswith("complete")

    def decoder(self) -> Decoder:
        """Make the machine that reads such an answer."""
        request: Any = self.header["request"]
        if str(request.get("path", "")).endswith("/responses"):
            return ResponsesDecoder()
        body: Any = request.get("body") or {}
        options: Any = body.get("stream_options") or {}
        return ChatDecoder(choices=body.get("n") or 1, expects_usage=bool(options.get("include_usage")))


def read_recording(path: Path) -> Recorded:
    """Read a recording's file, as far as it goes."""
    header, *entries = _entries(path)
    recorded = Recorded(header, [])
    for entry in entries:
        if "end" in entry:
            recorded.end, recorded.ended_at = str(entry["end"]), entry["t"]
            break
        read = b64decode(entry["data_b64"]) if "data_b64" in entry else entry["data"].encode()
        recorded.reads.append((entry["t"], read))
    return recorded


def _entries(path: Path) -> list[dict[str, Any]]:
    """Read the header and the entries; how it ended is the last of them, if that was recorded."""
    try:
        *lines, rest = path.read_text(encoding="utf-8").split("\n")
        entries = [json.loads(line) for line in lines if line]
        with suppress(ValueError):  # half a line is what a crash leaves: the recording stops before it
            entries += [json.loads(rest)]
        _check(entries)
    except ValueError as error:
        msg = (
            f"{path} is no recording ({error}): expected JSON lines, first a header with 'request' and "
            f"'response', then one {{'t', 'data'}} a network read, as record_stream() writes them."
        )
        raise MalformedStream(msg) from None
    header = entries[0]
    if "end" in header:
        entries.append({"t": header.get("t_end", 0), "end": header["end"]})
    return entries


def _check(entries: list[Any]) -> None:
    if not entries or not isinstance(entries[0], OBJECT) or not isinstance(entries[0].get("request"), OBJECT):
        raise ValueError("no header")
    for number, entry in enumerate(entries[1:], 2):
        if (
            not isinstance(entry, OBJECT)
            or not isinstance(entry.get("t"), int | float)
            or not any(isinstance(entry.get(name), str) for name in ("data", "data_b64", "end"))
        ):
            raise ValueError(f"line {number} is no network read")
        b64decode(entry.get("data_b64", ""), validate=True)


async def play_recording(path: Path, speed: float | None) -> AsyncIterator[bytes]:
    """Give the body's reads when they came, and end as it ended."""
    start = anyio.current_time()
    recorded = read_recording(path)
    body = b""
    for at, read in recorded.reads:
        if speed is not None:
            await anyio.sleep_until(start + at / speed)
        if recorded.status >= 400:
            body += read
        else:
            yield read
    if speed is not None and recorded.ended_at is not None:
        await anyio.sleep_until(start + recorded.ended_at / speed)
    if recorded.status >= 400:
        raise _status_error(recorded.status, body)
    if not recorded.is_complete:
        raise Lost(ConnectionResetError(f"recorded end: {recorded.end}"))


def _status_error(status: int, body: bytes) -> ProviderError:
    text = body.decode("utf-8", "replace")
    try:
        decoded: Any = json.loads(text)
        error: Any = decoded.get("error", decoded)
        fields: Any = error if isinstance(error, OBJECT) else {"message": error}
    except (ValueError, AttributeError):
        error, fields = text, {"message": text}
    return ProviderError(
        f"the provider refused the request with HTTP {status}: {str(fields.get('message'))[:200]}",
        body=error,
        code=fields.get("code"),
        type=fields.get("type"),
        status=status,
    )
