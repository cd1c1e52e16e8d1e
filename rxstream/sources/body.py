"""The body of a streamed HTTP response of the ``openai`` package, read by read.

The SDK's own iterator makes a pydantic model of every event, which costs fifty times what decoding costs.
Here it only sends the request, with all that a client is set up for (retries, timeouts, Azure's paths, a
custom ``http_client``), and hands over the bytes.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from rxstream.sources.blocking import Blocking, Threaded
from rxstream.sources.lost import Lost
from rxstream.sources.unwind import unwind

__all__ = ("AsyncBody", "SyncBody")

#: Behind the last event only the end of the body is to come. Read, it leaves the connection for the next
#: request; but nobody shall wait for a server that does not end it.
_DRAIN_SECONDS = 0.1

#: Tells that the last event has come, of chat completions or of a response. A text that says the same does
#: not match: there, quotes and line ends are escaped.
_LAST = re.compile(rb'^data: ?\[DONE\]|"response\.(?:completed|incomplete)"', re.MULTILINE)
#: The network reads that it is looked for in: OpenAI's last event repeats the whole answer.
_READS_OF_LAST = 16

#: Makes the SDK's context manager of a streamed response. The request is sent when that is entered.
Send = Callable[[], Any]


class AsyncBody:
    """An async iterator over what a client of asyncio or trio reads; the request goes out with the first."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._manager: Any = None
        # Typed as what they are to us: the SDK's types depend on what was asked for.
        self._reads: Any = None
        self._latest: deque[bytes] = deque(maxlen=_READS_OF_LAST)

    def __aiter__(self) -> "AsyncBody":
        return self

    async def __anext__(self) -> bytes:
        reads = self._reads
        if reads is None:
            manager = self._send()
            response = await manager.__aenter__()
            reads = _reads(response)
            self._manager, self._reads = manager, reads
        try:
            read: bytes = await anext(reads)
        except StopAsyncIteration:
            raise
        except Exception as error:  # whatever the transport raises
            raise Lost(error) from error
        self._latest.append(read)
        return read

    async def aclose(self) -> None:
        """Close the response: at once, or behind its last event at its end."""
        if self._reads is None:
            return
        try:
            await unwind(self._reads, _DRAIN_SECONDS if _is_over(self._latest) else 0)
        finally:
            await self._manager.__aexit__(None, None, None)


class SyncBody(Threaded):
    """The same for a synchronous client, which works in a thread."""

    def __init__(self, send: Send) -> None:
        super().__init__(lambda: _sent(send()))
        self._latest: deque[bytes] = deque(maxlen=_READS_OF_LAST)

    def next_item(self, items: Iterator[Any]) -> Any:
        """Read once, in the thread."""
        try:
            item = super().next_item(items)
        except Exception as error:  # whatever the transport raises
            raise Lost(error) from error
        if isinstance(item, bytes):
            self._latest.append(item)
        return item

    async def aclose(self) -> None:
        """Close the response: at once, or behind its last event at its end."""
        if _is_over(self._latest):
            await self.drain(_DRAIN_SECONDS)
        await super().aclose()


def _reads(response: Any) -> Any:
    """Iterate over the body's reads; where nothing is compressed, past two generators of the client's."""
    http_response = response.http_response
    if "content-encoding" in http_response.headers or http_response.is_stream_consumed:
        return response.iter_bytes()
    return http_response.aiter_raw()


def _sent(manager: Any) -> Blocking:
    response = manager.__enter__()
    return Blocking(response.iter_bytes(), lambda: manager.__exit__(None, None, None), response.http_response)


def _is_over(latest: Iterable[bytes]) -> bool:
    return _LAST.search(b"".join(latest)) is not None
