"""An ASGI server without a network: it asks an application once, and does what a test's client does."""

from collections.abc import Callable, Mapping
from typing import Any

import anyio

from rxstream.items import SSEEvent
from rxstream.sansio.sse import SSEDecoder

__all__ = ("Ask", "events_of")


def events_of(body: bytes) -> list[SSEEvent]:
    """Read a whole body."""
    decoder = SSEDecoder()
    return [*decoder.feed(body), *decoder.close()]


class Ask:
    """One request, and what came of it.

    ``leaves``: called with the body so far; as soon as it is true the client is gone, and what is sent from
    then on is lost, as under uvicorn. ``takes``: awaited by each send: a slow client. ``raises``: what a
    send raises when the client is gone, as servers of ASGI 2.4 do.
    """

    def __init__(
        self,
        app: Any,
        *,
        method: str = "GET",
        query: str = "",
        headers: Mapping[str, str] | None = None,
        leaves: Callable[[bytes], bool] = lambda _: False,
        takes: Callable[[Any], Any] | None = None,
        raises: Exception | None = None,
        spec: str = "2.3",
    ) -> None:
        self.app = app
        self.scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": "/",
            "query_string": query.encode(),
            "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in (headers or {}).items()],
            "asgi": {"version": "3.0", "spec_version": spec},
        }
        self._leaves = leaves
        self._takes = takes
        self._raises = raises
        self.gone = anyio.Event()
        self.status = 0
        self.headers: dict[str, str] = {}
        self.parts: list[bytes] = []
        self.ended = False
        #: When each part came, on the event loop's clock; and whether two sends were under way at once.
        self.times: list[float] = []
        self._sending = False

    @property
    def body(self) -> bytes:
        return b"".join(self.parts)

    @property
    def events(self) -> list[SSEEvent]:
        return events_of(self.body)

    async def run(self) -> "Ask":
        """Ask, and wait until the application has answered."""
        await self.app(self.scope, self.receive, self.send)
        return self

    def leave(self) -> None:
        self.gone.set()

    async def receive(self) -> Any:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        assert not self._sending, "two sends at once"
        if self.gone.is_set():
            if self._raises is not None:
                raise self._raises
            return
        self._sending = True
        try:
            if self._takes is not None:
                await self._takes(message)
            if self.gone.is_set():
                return
            if message["type"] == "http.response.start":
                assert not self.status, "two starts"
                self.status = message["status"]
                self.headers = {k.decode(): v.decode() for k, v in message["headers"]}
                return
            assert self.status, "a body before its start"
            assert not self.ended, "a body behind its end"
            self.parts.append(message.get("body", b""))
            self.times.append(anyio.current_time())
            self.ended = not message.get("more_body", False)
            if self._leaves(self.body):
                self.leave()
        finally:
            self._sending = False
