"""A client's WebSocket: one task that holds the connection and reads, for any number of answers.

The task belongs to nobody: a connection on trio is a nursery, which must be left where it was entered, and
the items of a stream are asked for wherever its reader happens to be.
"""

from collections import deque
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from typing import Any, Final

import anyio
from reactivex.internal import noop

from rxstream.engine.backend import running_backend, spawn
from rxstream.errors import ConnectionLost, InvalidJSON, InvalidValue, UsageError
from rxstream.transports.sleepers import Sleepers
from rxstream.transports.ws_message import WSMessage

__all__ = ("Inbox", "Link", "connector")

_SUBPROTOCOL: Final = "rxstream.v1"
#: Messages that wait for a reader who has not counted; then the connection is read no further.
_FULL: Final = 256


class Inbox:
    """What has come for one answer, and is not read yet."""

    __slots__ = ("_readers", "closed", "messages")

    def __init__(self) -> None:
        self.messages: deque[WSMessage] = deque()
        self.closed: Exception | None = None
        self._readers = Sleepers()

    def put(self, message: WSMessage) -> None:
        """Add a message."""
        self.messages.append(message)
        self._readers.wake()

    def close(self, error: Exception) -> None:
        """Say that nothing more will come, and why."""
        self.closed = error
        self._readers.wake()

    async def take(self) -> WSMessage:
        """Wait for the next message. Raises what the connection has ended in."""
        while not self.messages:
            if self.closed is not None:
                raise self.closed
            await self._readers.sleep()
        return self.messages.popleft()


class Link:
    """A connection, open until ``aclose``."""

    def __init__(self, connect: Any, token: str | None) -> None:
        self._connect = connect
        self._token = token
        self._socket: Any = None
        self._inboxes: dict[str | None, Inbox] = {}
        self._opened = anyio.Event()
        self._over = anyio.Event()
        # Cancelled while it is being opened; or, later, only in its reading, so that it says goodbye.
        self._opening = anyio.CancelScope()
        self._reading = anyio.CancelScope()
        self._room = Sleepers()
        self._failure: Exception | None = None

    async def open(self, timeout: float) -> None:  # noqa: ASYNC109 - for the handshake alone
        """Connect. Raises what the handshake raises, TimeoutError."""
        spawn(self._hold, "rxstream websocket", noop)
        try:
            with anyio.fail_after(timeout):
                await self._opened.wait()
        except BaseException:
            await self.aclose()
            raise
        if self._socket is None:
            assert self._failure is not None
            raise self._failure
        if self._token is not None:
            await self.send(WSMessage("auth", {"token": self._token}))

    def join(self, name: str | None) -> Inbox:
        """Begin to take the messages of an answer."""
        inbox = self._inboxes[name] = Inbox()
        if self._failure is not None:
            inbox.close(self._failure)
        return inbox

    def leave(self, name: str | None) -> None:
        """Take no more of them."""
        self._inboxes.pop(name, None)
        self._room.wake()

    def made_room(self) -> None:
        """Go on reading, if that waits for a reader."""
        self._room.wake()

    async def send(self, message: WSMessage) -> None:
        """Send a message. Raises ConnectionLost."""
        if self._failure is not None:
            raise self._failure
        try:
            await self._socket.send(message.to_json())
        except Exception as error:
            raise self._lost(error) from error

    async def aclose(self) -> None:
        """Close the connection, and wait until it is."""
        (self._opening if self._socket is None else self._reading).cancel()
        with anyio.CancelScope(shield=True):
            await self._over.wait()

    async def _hold(self) -> None:
        try:
            with self._opening:
                async with self._connect() as self._socket:
                    self._opened.set()
                    with self._reading:
                        await self._read()
        except Exception as error:  # noqa: BLE001 - told to those who wait
            self._failure = self._failure or (self._lost(error) if self._socket is not None else error)
        finally:
            self._failure = self._failure or ConnectionLost("the WebSocket was closed by its own program")
            for inbox in self._inboxes.values():
                inbox.close(self._failure)
            self._opened.set()
            self._over.set()

    async def _read(self) -> None:
        while True:
            text = await self._socket.recv()
            try:
                message = WSMessage.from_json(text)
            except (InvalidJSON, InvalidValue, TypeError, AttributeError):
                continue  # not of this protocol: there is no answer that it could be about
            inbox = self._inboxes.get(message.id)
            if inbox is None and message.type == "error":
                # About no answer of ours: a fault of all, said before the connection is closed.
                for each in self._inboxes.values():
                    each.put(message)
            elif inbox is not None:
                inbox.put(message)
                while len(inbox.messages) >= _FULL and self._inboxes.get(message.id) is inbox:
                    await self._room.sleep()

    def _lost(self, error: Exception) -> ConnectionLost:
        lost = ConnectionLost(f"the WebSocket was closed: {error}")
        lost.__cause__ = error
        return lost


def connector(url: str, headers: Mapping[str, str] | None) -> Any:
    """Return what opens a connection, on the event loop that runs then.

    Raises UsageError without the package ``websockets``, or where it knows no trio.
    """
    if not isinstance(url, str) or not url.startswith(("ws://", "wss://")):
        msg = f"expected the url of a WebSocket, ws://... or wss://..., and got {url!r:.80}"
        raise ValueError(msg)
    options: dict[str, Any] = {
        "additional_headers": dict(headers or {}),
        "subprotocols": [_SUBPROTOCOL],
        # Tokens are a few dozen bytes: compressing each costs more than it saves.
        "compression": None,
        "max_size": 1024 * 1024,
        # Seconds that the other side may take to say goodbye.
        "close_timeout": 1,
    }
    return partial(_connect, url, options)


def _connect(url: str, options: dict[str, Any]) -> Any:
    loop = running_backend() or "asyncio"
    try:
        client: Any = import_module(f"websockets.{loop}.client")  # optional
    except ImportError as error:
        msg = (
            "a WebSocket needs the package websockets, and on trio a version that knows trio: "
            "pip install 'rxstream[server]'"
        )
        raise UsageError(msg) from error
    return client.connect(url, **options)
