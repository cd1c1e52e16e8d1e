"""Recordings of real streams, played back."""

import json
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import Any

import anyio
from reactivex import Observable

from rxstream.engine.lift import lift
from rxstream.engine.observable import PullObservable
from rxstream.errors import MalformedStream, ProviderError
from rxstream.items import StreamChunk
from rxstream.sansio.chat import ChatDecoder
from rxstream.sansio.responses import ResponsesDecoder
from rxstream.sansio.wire import OBJECT
from rxstream.sources.lost import DecodedAnswer, Decoder, Lost

__all__ = ("bundled_recordings", "from_recording")

_BUNDLED = Path(__file__).parent.parent / "recordings"


def bundled_recordings() -> dict[str, Path]:
    """Return the real recordings that come with the package, by name."""
    return {path.stem: path for path in sorted(_BUNDLED.glob("*.jsonl"))}


def from_recording(path: str | PathLike[str], *, speed: float | None = 1.0) -> Observable[StreamChunk]:
    """Play a recording of a real stream, network read by network read, with its timing.

        answer = rxs.from_recording("01-prose")

    ``path``: a file that ``record_stream`` wrote, or the name of a recording that comes with the package.
    ``speed``: 2.0 is twice as fast; None is all at once. The reads go through the same decoder as
    ``from_chat``'s (or ``from_responses``'), and the end is the recorded one: a connection that died raises
    ConnectionLost, an HTTP error ProviderError with its ``status``. Each subscription plays it anew.

    Raises FileNotFoundError, which names the bundled recordings; ValueError for a speed that is not
    positive; MalformedStream for a file that is no recording.
    """
    if speed is not None and not speed > 0:
        msg = f"from_recording() expects a positive speed, or None for at once, and got {speed!r}"
        raise ValueError(msg)
    found = Path(path)
    if not found.exists():
        bundled = bundled_recordings()
        if str(path) not in bundled:
            msg = (
                f"from_recording() found no file {str(path)!r}, and no recording of that name comes with "
                f"rxstream. Those that do: {', '.join(bundled)}."
            )
            raise FileNotFoundError(msg)
        found = bundled[str(path)]
    header = _read(found)[0]
    source: PullObservable[Any] = PullObservable(lambda: _play(found, speed), f"from_recording({path!r})")
    return source.pipe(lift(lambda: DecodedAnswer(_decoder(header))))  # type: ignore[no-any-return]


def _decoder(header: dict[str, Any]) -> Decoder:
    request: Any = header.get("request") or {}
    if str(request.get("path", "")).endswith("/responses"):
        return ResponsesDecoder()
    body: Any = request.get("body") or {}
    options: Any = body.get("stream_options") or {}
    return ChatDecoder(choices=body.get("n") or 1, expects_usage=bool(options.get("include_usage")))


def _read(path: Path) -> list[dict[str, Any]]:
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


async def _play(path: Path, speed: float | None) -> AsyncIterator[bytes]:
    start = anyio.current_time()
    header, *entries = _read(path)
    response: Any = header.get("response") or {}
    status: int = response.get("status", 200)
    end = "the recording stops in the middle"
    body = b""
    for entry in entries:
        if speed is not None:
            await anyio.sleep_until(start + entry["t"] / speed)
        if "end" in entry:
            end = entry["end"]
            break
        read = b64decode(entry["data_b64"]) if "data_b64" in entry else entry["data"].encode()
        if status >= 400:
            body += read
        else:
            yield read
    if status >= 400:
        raise _status_error(status, body)
    if not end.startswith("complete"):
        raise Lost(ConnectionResetError(f"recorded end: {end}"))


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
