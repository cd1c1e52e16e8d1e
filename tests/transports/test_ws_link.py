"""The task that holds a client's WebSocket. What its answers see, test_from_websocket shows."""

from typing import Any, Self

import anyio
import pytest

from rxstream.errors import ConnectionLost
from rxstream.transports.ws_link import Inbox, Link
from rxstream.transports.ws_message import WSMessage

pytestmark = pytest.mark.anyio


class Socket:
    """Plays a connection of the ``websockets`` package."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.coming, self.came = anyio.create_memory_object_stream[str](1000)
        self.left = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await anyio.lowlevel.checkpoint()  # it says goodbye: not cancelled any more
        self.left = True
        self.coming.close()
        self.came.close()

    async def send(self, text: str) -> None:
        if self.left:
            raise OSError("gone")
        self.said.append(text)

    async def recv(self) -> str:
        return await self.came.receive()


async def test_a_connection_says_goodbye_when_it_is_closed() -> None:
    socket = Socket()
    link = Link(lambda: socket, None)
    await link.open(5)
    inbox = link.join("a")
    await link.aclose()
    assert socket.left
    with pytest.raises(ConnectionLost):
        await inbox.take()
    with pytest.raises(ConnectionLost):
        await link.send(WSMessage("ping"))


async def test_a_send_that_fails_is_a_loss() -> None:
    socket = Socket()
    link = Link(lambda: socket, "token")
    await link.open(5)
    assert socket.said == ['{"type":"auth","data":{"token":"token"}}']
    socket.left = True
    with pytest.raises(ConnectionLost, match="gone"):
        await link.send(WSMessage("ping"))
    await link.aclose()


async def test_a_reader_who_has_left_holds_nothing_up() -> None:
    """Two hundred and fifty-six wait for a reader, and then the connection does."""
    socket = Socket()
    link = Link(lambda: socket, None)
    await link.open(5)
    inbox = link.join(None)
    for _ in range(300):
        await socket.coming.send('{"type":"chunk","data":{}}')
    await anyio.wait_all_tasks_blocked()
    assert len(inbox.messages) == 256
    await inbox.take()
    link.made_room()
    await anyio.wait_all_tasks_blocked()
    assert len(inbox.messages) == 256
    link.leave(None)
    await anyio.wait_all_tasks_blocked()
    assert socket.came.statistics().current_buffer_used == 0
    await link.aclose()


async def test_an_inbox_gives_what_it_has_before_it_says_that_it_is_closed() -> None:
    inbox = Inbox()
    inbox.put(WSMessage("a"))
    inbox.close(ConnectionLost("over"))
    assert (await inbox.take()).type == "a"
    with pytest.raises(ConnectionLost, match="over"):
        await inbox.take()


async def test_opening_that_is_given_up_leaves_nothing() -> None:
    class Silent(Socket):
        async def __aenter__(self) -> Any:
            await anyio.sleep_forever()

    socket = Silent()
    link = Link(lambda: socket, None)
    with pytest.raises(TimeoutError):
        await link.open(0.01)
    await socket.__aexit__()
