"""uvicorn, with what streams need of it: little in the kernel's buffers, and an end for every stream.

Two things that no setting of uvicorn's does. A socket takes 2.9 MB before a reader that has stopped is felt,
which is more than any answer has: here it is some kilobytes. And at a shutdown uvicorn waits for open
streams, without a limit or only to cut them off: here they are ended first, so that each says so.
"""

import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

import anyio
import uvicorn

__all__ = ("Server", "bound_socket")

#: Bytes that the kernel holds of one connection before it asks for no more.
_UNSENT: Final = 16 * 1024
#: ``TCP_NOTSENT_LOWAT``, which Python 3.11 has no name for.
_NOTSENT_LOWAT: Final = {"linux": 25, "darwin": 0x201}.get(sys.platform)
#: Seconds after which uvicorn cuts off what has not ended in spite of everything.
_CUT_OFF: Final = 5


class Server(uvicorn.Server):
    """A server that ends its streams before it stops.

    ``drain`` is called once, at the first SIGINT or SIGTERM, with the seconds (``grace``) that running
    streams have; while it waits, connections are still taken, so that ``/ready`` can say no. A second SIGINT
    ends the wait.
    """

    def __init__(self, app: Any, drain: Callable[[float], Awaitable[None]], *, grace: float = 10.0) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                timeout_graceful_shutdown=_CUT_OFF,
                log_config=None,
                access_log=False,
                server_header=False,
                # Tokens are a few dozen bytes: compressing each costs more than it saves.
                ws_per_message_deflate=False,
                # The messages that we take are smaller; what they may be ``serve_websocket`` checks.
                ws_max_size=1024 * 1024,
            )
        )
        self._drain = drain
        self._grace = grace

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, then the server."""
        async with anyio.create_task_group() as tasks:

            async def give_up() -> None:
                # A signal handler sets it, and cannot wake the loop.
                while not self.force_exit:  # noqa: ASYNC110
                    await anyio.sleep(0.1)
                tasks.cancel_scope.cancel()

            tasks.start_soon(give_up)
            await self._drain(self._grace)
            tasks.cancel_scope.cancel()
        await super().shutdown(sockets)


def bound_socket(host: str, port: int) -> socket.socket:
    """Bind a listening address whose connections buffer little; port 0 takes a free one.

    Raises OSError, with the address in its text, where it cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if _NOTSENT_LOWAT is not None:
            # Connections that are accepted inherit it. Where a kernel has none, the buffers are its own.
            with suppress(OSError):
                found.setsockopt(socket.IPPROTO_TCP, _NOTSENT_LOWAT, _UNSENT)
        found.bind((host, port))
    except OSError as error:
        found.close()
        msg = f"cannot listen on {host} port {port}: {error.strerror or error}. Take another one with --port."
        raise OSError(error.errno, msg) from None
    return found
