"""A server's WebSocket, as ASGI has it: accepted or refused, read, written, closed."""

from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import urlsplit

import anyio

from rxstream.engine.backend import loop_clock

__all__ = ("SocketGone", "WebSocket", "websocket_of")

#: The one that a client may ask for.
SUBPROTOCOL: Final = "rxstream.v1"
#: Bytes of a close frame's reason.
_LONGEST_REASON: Final = 123
_DEFAULT_PORTS: Final = {"http": 80, "ws": 80, "https": 443, "wss": 443}


class SocketGone(Exception):
    """The client has closed the connection, or it has died. Seen by nobody but who serves it."""


class WebSocket:
    """A connection. One task reads, one writes; ``is_late`` tells a third whether a write takes too long."""

    def __init__(
        self,
        scope: Any,
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
        *,
        accepted: bool = False,
    ) -> None:
        self.scope = scope
        self.accepted = accepted
        self._receive = receive
        self._send = send
        self._clock = loop_clock()
        self._since: float | None = None

    def header(self, name: bytes) -> str | None:
        """Return a header of the handshake."""
        found = [value for key, value in self.scope["headers"] if key == name]
        return found[-1].decode("latin-1") if found else None

    def is_from(self, origins: Any) -> bool:
        """Tell whether the page that asks, if it is one, may.

        ``origins`` None: pages of the host that it is sent to. Programs send no origin: cookies, which are
        what others' pages would abuse, are a browser's.
        """
        origin = self.header(b"origin")
        if origin is None or origins == "*" or (origins is not None and "*" in origins):
            return True
        if origins is not None:
            return origin.lower().rstrip("/") in {one.lower().rstrip("/") for one in origins}
        return _place(origin, None) == _place(f"//{self.header(b'host')}", origin)

    async def begin(self) -> None:
        """Wait for the handshake, which the client has sent."""
        if not self.accepted:
            await self.receive()

    async def accept(self) -> None:
        """Take the connection; the subprotocol only if it was offered."""
        if not self.accepted:
            offered = SUBPROTOCOL in self.scope.get("subprotocols", ())
            await self._put(
                {"type": "websocket.accept", "subprotocol": SUBPROTOCOL if offered else None, "headers": []}
            )
            self.accepted = True

    async def receive(self) -> str | bytes:
        """Wait for a message. Raises SocketGone."""
        try:
            message = await self._receive()
        except (OSError, RuntimeError) as error:
            raise SocketGone from error
        if message["type"] == "websocket.disconnect":
            raise SocketGone
        text = message.get("text")
        return text if text is not None else message.get("bytes") or b""

    async def send(self, text: str) -> None:
        """Send a message. Raises SocketGone."""
        self._since = self._clock()
        try:
            await self._put({"type": "websocket.send", "text": text})
        finally:
            self._since = None

    async def close(self, code: int, reason: str) -> None:
        """Close the connection; before it was accepted this is a refusal by HTTP."""
        while len(reason.encode()) > _LONGEST_REASON:
            reason = reason[:-1]
        await self._put({"type": "websocket.close", "code": code, "reason": reason})

    def is_late(self, deadline: float) -> bool:
        """Tell whether a send has been under way for longer than ``deadline`` seconds."""
        return self._since is not None and self._clock() - self._since > deadline

    async def _put(self, message: Any) -> None:
        try:
            await self._send(message)
        except (OSError, RuntimeError, anyio.BrokenResourceError, anyio.ClosedResourceError) as error:
            # RuntimeError is what servers say of a socket that is closed.
            raise SocketGone from error
        except Exception as error:
            # Starlette's, for a client that has gone, which is no OSError.
            if type(error).__name__ == "WebSocketDisconnect":
                raise SocketGone from error
            raise


def websocket_of(websocket: Any) -> WebSocket:
    """Take a WebSocket of Starlette's, or an ASGI application's three arguments.

    Raises TypeError for anything else, and for a scope of another kind.
    """
    triple: Any = tuple
    if isinstance(websocket, triple) and len(websocket) == 3:
        scope, receive, send = websocket
        accepted = False
    elif all(hasattr(websocket, name) for name in ("scope", "receive", "send")):
        scope, receive, send = websocket.scope, websocket.receive, websocket.send
        accepted = getattr(getattr(websocket, "application_state", None), "name", "") == "CONNECTED"
    else:
        msg = (
            f"serve_websocket() expects a WebSocket of Starlette or FastAPI, or the three arguments of an "
            f"ASGI application as a tuple, and got {websocket!r:.80}"
        )
        raise TypeError(msg)
    if scope.get("type") != "websocket":
        msg = f"serve_websocket() expects a WebSocket connection, and this is one of {scope.get('type')!r}"
        raise TypeError(msg)
    return WebSocket(scope, receive, send, accepted=accepted)


def _place(address: str, scheme_of: str | None) -> tuple[str | None, int | None]:
    """Return host and port; where none is named, the one of the scheme (of another address)."""
    try:
        parts = urlsplit(address)
        scheme = urlsplit(scheme_of).scheme if scheme_of else parts.scheme
        return parts.hostname, parts.port or _DEFAULT_PORTS.get(scheme)
    except ValueError:
        return None, None
