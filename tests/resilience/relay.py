"""A way to a server that can be cut, and that leads to another server afterwards."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import anyio
from anyio.abc import ByteStream, SocketAttribute, SocketStream

__all__ = ("Relay", "relaying")


class Relay:
    """Hands bytes on, both ways, to whatever ``target`` is when a connection is made."""

    def __init__(self, port: int, target: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.target = target
        self._open: set[ByteStream] = set()

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    @property
    def connections(self) -> int:
        """How many there are now."""
        return len(self._open)

    async def cut(self) -> None:
        """Close all connections, both ends of each."""
        for stream in tuple(self._open):
            await stream.aclose()

    async def serve(self, client: SocketStream) -> None:
        host, _, port = self.target.removeprefix("http://").partition(":")
        self._open.add(client)
        try:
            async with client:
                with suppress(OSError):  # nobody is there: the client sees its connection end
                    async with await anyio.connect_tcp(host, int(port)) as server:
                        await self._join(client, server)
        finally:
            self._open.discard(client)

    async def _join(self, client: ByteStream, server: ByteStream) -> None:
        async with anyio.create_task_group() as tasks:

            async def hand_on(source: ByteStream, sink: ByteStream) -> None:
                with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
                    async for data in source:
                        await sink.send(data)
                tasks.cancel_scope.cancel()

            tasks.start_soon(hand_on, client, server)
            tasks.start_soon(hand_on, server, client)


@asynccontextmanager
async def relaying(target: str) -> AsyncGenerator[Relay]:
    """Run a relay on a loopback port for as long as the block lasts."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    relay = Relay(int(listener.extra(SocketAttribute.local_address)[1]), target)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, relay.serve)
        try:
            yield relay
        finally:
            tasks.cancel_scope.cancel()
