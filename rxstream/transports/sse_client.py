"""A request of httpx2, and its response read by read, with an async client or, in a thread, a sync one."""

import ssl
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Final, Protocol

import anyio
import httpx2

from rxstream.sources.blocking import Blocking, Threaded
from rxstream.sources.unwind import unwind

__all__ = ("AsyncConnection", "Connection", "SSEClient", "ThreadedConnection")

#: Behind the last event only the end of the body is to come. Read, it leaves the connection for the next
#: request; but nobody shall wait for a server that does not end it.
_DRAIN_SECONDS: Final = 0.1
#: Closing is shielded from cancellation, for so long.
_CLOSE_SECONDS: Final = 5.0


class Connection(Protocol):
    """One request and its response: once it is open, ``anext`` gives the body's reads."""

    async def open(self) -> httpx2.Response:
        """Send the request; give the response, of which only the headers are there."""
        ...

    async def __anext__(self) -> bytes: ...

    async def aclose(self, *, over: bool = False) -> None:
        """Close the response: at once, or, if it is ``over``, at its end, which has to be near."""
        ...


class AsyncConnection:
    """The connection of a client of asyncio or trio."""

    def __init__(self, client: httpx2.AsyncClient, request: httpx2.Request) -> None:
        self._client = client
        self._request = request
        self._response: httpx2.Response | None = None
        self._reads: Any = None

    async def open(self) -> httpx2.Response:
        """Send the request; give the response, of which only the headers are there."""
        response = self._response = await self._client.send(self._request, stream=True)
        # Where nothing is compressed, past two generators of the client's.
        self._reads = response.aiter_bytes() if _is_compressed(response) else response.aiter_raw()
        return response

    def __anext__(self) -> Any:
        return anext(self._reads)

    async def aclose(self, *, over: bool = False) -> None:
        """Close the response: at once, or, if it is ``over``, at its end."""
        response, self._response = self._response, None
        if response is None:
            return
        with anyio.move_on_after(_CLOSE_SECONDS, shield=True):
            try:
                await unwind(self._reads, _DRAIN_SECONDS if over else 0)
            finally:
                await response.aclose()


class ThreadedConnection(Threaded):
    """The connection of a synchronous client, which works in a thread."""

    def __init__(self, client: httpx2.Client, request: httpx2.Request) -> None:
        super().__init__(lambda: _sent(client, request))

    async def open(self) -> httpx2.Response:
        """Send the request; give the response, of which only the headers are there."""
        response: httpx2.Response = await anext(self)
        return response

    async def aclose(self, *, over: bool = False) -> None:
        """Close the response: at once, or, if it is ``over``, at its end."""
        with anyio.move_on_after(_CLOSE_SECONDS, shield=True):
            if over:
                await self.drain(_DRAIN_SECONDS)
            await super().aclose()


class SSEClient:
    """Makes the connections of one subscription: with a client of the user's, or one of its own."""

    def __init__(
        self, client: httpx2.AsyncClient | httpx2.Client | None, url: httpx2.URL, asked: Mapping[str, Any]
    ) -> None:
        self._owned: httpx2.AsyncClient | None = None
        if client is None:
            client = self._owned = _own_client(url)
        self._client: Any = client
        self._connection: Callable[[Any, httpx2.Request], Connection] = (
            ThreadedConnection if isinstance(client, httpx2.Client) else AsyncConnection
        )
        self._url = url
        self._asked = asked

    def connection(self, last_id: str | None) -> Connection:
        """Make a connection whose request says where the stream shall go on."""
        request = self._client.build_request(url=self._url, **self._asked)
        if last_id is not None:
            # In UTF-8, as browsers send it, whatever the client's headers are encoded in.
            request.headers = httpx2.Headers(
                [
                    *(pair for pair in request.headers.raw if pair[0].lower() != b"last-event-id"),
                    (b"Last-Event-ID", last_id.encode()),
                ]
            )
        return self._connection(self._client, request)

    async def aclose(self) -> None:
        """Close the client, if it is of our own."""
        owned, self._owned = self._owned, None
        if owned is not None:
            await owned.aclose()


def _own_client(url: httpx2.URL) -> httpx2.AsyncClient:
    # It lives as long as one subscription: a limit would only ever be hit by a mistake of ours.
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    return httpx2.AsyncClient(verify=_tls_context(url.scheme == "https"), limits=limits)


@cache
def _tls_context(needed: bool) -> ssl.SSLContext:  # noqa: FBT001 - what it is cached by
    """Give the context of all our own clients: to read the certificates takes longer than most requests.

    Without TLS there is nothing to verify; this one, which trusts nobody, is made at once.
    """
    return httpx2.create_ssl_context() if needed else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _sent(client: httpx2.Client, request: httpx2.Request) -> Blocking:
    response = client.send(request, stream=True)
    return Blocking(_response_and_reads(response), response.close, response)


def _response_and_reads(response: httpx2.Response) -> Iterator[Any]:
    yield response
    yield from response.iter_bytes() if _is_compressed(response) else response.iter_raw()


def _is_compressed(response: httpx2.Response) -> bool:
    # A response that a hook, or a cache, has read already gives its body only in this way, too.
    return "content-encoding" in response.headers or response.is_stream_consumed
