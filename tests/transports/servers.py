"""Real servers on loopback, in a thread of their own, started and stopped in milliseconds."""

import socket
import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, Literal, TypeAlias

import anyio
import hypercorn.asyncio.run
import hypercorn.trio.run
import uvicorn
from anyio.from_thread import BlockingPortal
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config, Sockets

__all__ = ("SERVERS", "ServerName", "serving")

ServerName: TypeAlias = Literal[
    "uvicorn-h11", "uvicorn-httptools", "uvicorn-uvloop", "hypercorn", "hypercorn-trio"
]
#: h11 and httptools on asyncio, httptools on uvloop, hypercorn on both loops.
SERVERS: Final[tuple[ServerName, ...]] = (
    "uvicorn-h11",
    "uvicorn-httptools",
    "uvicorn-uvloop",
    "hypercorn",
    "hypercorn-trio",
)

#: Seconds that a server has to start, or to stop.
_PATIENCE: Final = 10.0


@contextmanager
def serving(
    app: Any,
    server: ServerName = "uvicorn-h11",
    *,
    errors: list[BaseException] | None = None,
    options: dict[int, int] | None = None,
) -> Generator[str]:
    """Serve an ASGI application (with its lifespan) and give its base URL, without a slash at the end.

    What the application raises fails the test at the end of the block; with a list for ``errors`` it goes
    there instead. ``options`` are set on the listening socket, level IPPROTO_TCP; connections inherit them.
    """
    raised: list[BaseException] = [] if errors is None else errors
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for option, value in (options or {}).items():
        listener.setsockopt(socket.IPPROTO_TCP, option, value)
    listener.bind(("127.0.0.1", 0))
    listener.listen(512)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    start = _Uvicorn if server.startswith("uvicorn") else _Hypercorn
    running = start(_watched(app, raised), server, listener)
    thread = threading.Thread(target=running.run, name=server, daemon=True)
    thread.start()
    try:
        if not running.started.wait(_PATIENCE):
            raise AssertionError(f"{server} has not started after {_PATIENCE:g} seconds")
        if running.failure is not None:
            raise running.failure
        yield url
    finally:
        running.stop()
        thread.join(_PATIENCE)
        listener.close()
    assert not thread.is_alive(), f"{server} is still there {_PATIENCE:g} seconds after it was to stop"
    if running.failure is not None:
        raise running.failure
    if errors is None and raised:
        raise raised[0]


def _watched(app: Any, raised: list[BaseException]) -> Any:
    async def watched(scope: Any, receive: Any, send: Any) -> None:
        try:
            await app(scope, receive, send)
        except Exception as error:
            if scope["type"] != "lifespan":  # an application need not have one, and says so by raising
                raised.append(error)
            raise

    return watched


class _Uvicorn:
    def __init__(self, app: Any, name: ServerName, listener: socket.socket) -> None:
        self.started = threading.Event()
        self.failure: BaseException | None = None
        self._listener = listener
        self._server = _Starting(
            uvicorn.Config(
                app,
                http="h11" if name == "uvicorn-h11" else "httptools",
                loop="uvloop" if name == "uvicorn-uvloop" else "asyncio",
                log_config=None,
                log_level="critical",
                access_log=False,
                timeout_graceful_shutdown=2,
            ),
            self.started,
        )

    def run(self) -> None:
        try:
            self._server.run(sockets=[self._listener])
        except BaseException as error:
            self.failure = error
        finally:
            self.started.set()

    def stop(self) -> None:
        self._server.should_exit = True


class _Starting(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, event: threading.Event) -> None:
        super().__init__(config)
        self._event = event

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._event.set()


class _Hypercorn:
    def __init__(self, app: Any, name: ServerName, listener: socket.socket) -> None:
        self.started = threading.Event()
        self.failure: BaseException | None = None
        self._backend = "trio" if name == "hypercorn-trio" else "asyncio"
        self._app = ASGIWrapper(app)
        # hypercorn closes the socket that it is given.
        self._sockets = Sockets([], [listener.dup()], [])
        self._portal: BlockingPortal | None = None
        self._stopping: anyio.Event | None = None

    def run(self) -> None:
        try:
            anyio.run(self._serve, backend=self._backend)
        except BaseException as error:
            self.failure = error
        finally:
            self.started.set()

    async def _serve(self) -> None:
        config = Config()
        config.graceful_timeout = 2.0
        config.errorlog = None
        self._stopping = stopping = anyio.Event()
        module: Any = hypercorn.trio.run if self._backend == "trio" else hypercorn.asyncio.run
        serve: Callable[[], Awaitable[None]] = partial(
            module.worker_serve, self._app, config, sockets=self._sockets, shutdown_trigger=stopping.wait
        )
        # It listens already: who connects now is served when the application is ready.
        async with BlockingPortal() as self._portal:
            self.started.set()
            await serve()
            await self._portal.stop()

    def stop(self) -> None:
        if self._portal is not None and self._stopping is not None and self.failure is None:
            self._portal.call(self._stopping.set)
