"""The body of a streamed HTTP response of the ``openai`` package, read by read.

The SDK's own iterator makes a pydantic model of every event, which costs fifty times what decoding costs.
Here it only sends the request, with all that a client is set up for (retries, timeouts, Azure's paths, a
custom ``http_client``), and hands over the bytes.
"""

import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import Any

import anyio
from anyio.to_thread import run_sync

from rxstream.sources.lost import Lost

__all__ = ("AsyncBody", "SyncBody")

#: Behind the last event only the end of the body is to come. Read, it leaves the connection for the next
#: request; but nobody shall wait for a server that does not end it.
_DRAIN_SECONDS = 0.1

#: Makes the SDK's context manager of a streamed response. The request is sent when that is entered.
Send = Callable[[], Any]


class AsyncBody:
    """An async iterator over what a client of asyncio or trio reads; the request goes out with the first."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._response: Any = None
        self._manager: Any = None
        self._reads: AsyncIterator[bytes] | None = None
        self._last = b""

    def __aiter__(self) -> "AsyncBody":
        return self

    async def __anext__(self) -> bytes:
        if self._reads is None:
            manager = self._send()
            response = await manager.__aenter__()
            self._manager, self._reads = manager, response.iter_bytes()
        try:
            self._last = await anext(self._reads)
        except StopAsyncIteration:
            raise
        except Exception as error:  # whatever the transport raises
            raise Lost(error) from error
        return self._last

    async def aclose(self) -> None:
        """Close the response: at once, or behind its last event at its end."""
        if self._manager is None:
            return
        manager, self._manager = self._manager, None
        try:
            if self._reads is not None and _is_last(self._last):
                with anyio.move_on_after(_DRAIN_SECONDS), suppress(Exception):
                    async for _ in self._reads:
                        pass
        finally:
            await manager.__aexit__(None, None, None)


class SyncBody:
    """The same for a synchronous client, which works in a thread.

    A thread cannot be cancelled. One that waits for bytes is woken by shutting the socket down; one that
    waits for the response's headers lets go of the response as soon as it has it.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._response: Any = None
        self._manager: Any = None
        self._reads: Iterator[bytes] | None = None
        self._last = b""
        self._limiter = anyio.CapacityLimiter(1)
        self._closed = False

    def __aiter__(self) -> "SyncBody":
        return self

    async def __anext__(self) -> bytes:
        read = await run_sync(self._read, abandon_on_cancel=True, limiter=self._limiter)
        if read is None:
            raise StopAsyncIteration
        return read

    def _read(self) -> bytes | None:
        if self._reads is None:
            manager = self._send()
            self._response = manager.__enter__()
            self._manager, self._reads = manager, self._response.iter_bytes()
            if self._closed:
                self._close()
                return None
        try:
            self._last = next(self._reads, b"")
        except Exception as error:  # whatever the transport raises
            raise Lost(error) from error
        return self._last or None

    async def aclose(self) -> None:
        """Close the response, and wait until the thread has."""
        self._closed = True
        if self._response is None:
            return
        if self._limiter.borrowed_tokens:
            # A read was abandoned and still sits in recv().
            with suppress(Exception):
                stream = self._response.http_response.extensions["network_stream"]
                stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        await run_sync(self._close, limiter=self._limiter)

    def _close(self) -> None:
        manager, self._manager = self._manager, None
        if manager is not None:
            manager.__exit__(None, None, None)


def _is_last(read: bytes) -> bool:
    return read.rstrip().endswith(b"[DONE]")
