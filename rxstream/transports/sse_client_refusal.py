"""What a response says that is no stream of events, made an error that can be judged."""

from typing import Any, Final

import anyio
import httpx2
from jiter import from_json

from rxstream.errors import MalformedStream, StreamError
from rxstream.items import StreamResult
from rxstream.sansio.wire import OBJECT, error_in, provider_error, quote

__all__ = ("head_of", "refusal", "speaks_of_events", "where")

#: How much of a body that is no stream is read, to be quoted, and for how long.
_HEAD_BYTES: Final = 4096
_HEAD_SECONDS: Final = 2.0
#: They describe the bytes as they were sent, and what is quoted has been decoded.
_OF_THE_BODY: Final = ("content-encoding", "content-length", "transfer-encoding")


def speaks_of_events(response: httpx2.Response) -> bool:
    """Tell whether the body is a stream of events, by its type."""
    return _essence(response) == "text/event-stream"


async def head_of(reads: Any) -> bytes:
    """Read the beginning of a body; what is slow in coming, or does not come, is not waited for."""
    head = bytearray()
    with anyio.move_on_after(_HEAD_SECONDS):
        try:
            while len(head) < _HEAD_BYTES:
                head += await anext(reads)
        except StopAsyncIteration:
            pass
        except Exception:  # noqa: BLE001 - the status says enough
            return bytes(head)
    return bytes(head[:_HEAD_BYTES])


def refusal(response: httpx2.Response, head: bytes, partial: StreamResult) -> StreamError:
    """Make the error for a response that is no stream.

    A ProviderError with the ``status``, whose ``__cause__`` has the ``response``; a MalformedStream if all
    that is wrong is the type of the body.
    """
    text = head.decode("utf-8", "replace").strip()
    try:
        body: Any = from_json(text.encode())
    except ValueError:
        body = None
    reported = error_in(body) if isinstance(body, OBJECT) else None
    status = response.status_code
    place = where(response.url)
    if status == 200 and reported is None:
        kind = response.headers.get("content-type")
        came = "no Content-Type" if kind is None else f"Content-Type {kind[:100]!r}"
        return MalformedStream(
            f"expected text/event-stream from {place}, got {came} and a body that begins with {quote(text)}",
            partial=partial,
        )
    said = f"{place} answered {status} {response.reason_phrase}".strip()
    if response.has_redirect_location:
        target = where(response.url.join(response.headers["location"]))
        said += f", a redirect to {target}: ask there, or give a client= with follow_redirects=True"
    error = provider_error(said, quote(text) if reported is None else reported, partial)
    error.status = status
    error.__cause__ = _with_response(response, said, head)
    return error


def where(url: httpx2.URL) -> str:
    """Name a URL without what may be secret in it: who asks, and the query."""
    return str(url.copy_with(username=None, password=None, query=None, fragment=None))


def _with_response(response: httpx2.Response, said: str, head: bytes) -> httpx2.HTTPStatusError:
    """Give the response, with as much of its body as was read, for those who look for more in it."""
    headers = [pair for pair in response.headers.multi_items() if pair[0].lower() not in _OF_THE_BODY]
    read = httpx2.Response(response.status_code, headers=headers, content=head, request=response.request)
    return httpx2.HTTPStatusError(said, request=response.request, response=read)


def _essence(response: httpx2.Response) -> str:
    kind: str = response.headers.get("content-type", "")
    return kind.partition(";")[0].strip().lower()
