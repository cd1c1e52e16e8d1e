"""The server of ``serving`` as it is started, and the clients that it has."""

import asyncio
import os
import selectors
import socket
import subprocess
import sys
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, sleep
from typing import Any, TypeVar
from urllib.parse import quote

__all__ = ("Client", "Served", "deaf", "load", "open_one", "serving", "unhurried")

T = TypeVar("T")


class Served:
    """A running server."""

    def __init__(self, port: int, pid: int) -> None:
        self.port = port
        self._process = Path("/proc") / str(pid)

    @property
    def cpu(self) -> float:
        """Seconds of CPU time so far.

        As the scheduler counts them. What ``stat`` says is sampled at the clock's ticks, and a server
        that waits for timers is busy just then.
        """
        threads = (self._process / "task").iterdir()
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9

    @property
    def memory(self) -> int:
        """Bytes that it takes now."""
        return int((self._process / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class _Unhurried(selectors.DefaultSelector):
    """Looks every 5 ms what has come, instead of being woken by it.

    To wake a process of the same machine is charged to who wakes it: up to 5 us for each event, more than
    half of what else a write takes, and with the same server now for each, now for one of twenty, as it
    happens to be asleep. A client that is somewhere else costs nothing of that.
    """

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Give what is ready."""
        if timeout is None or timeout > 0:
            sleep(0.005)
        return super().select(0)


def unhurried(work: Coroutine[Any, Any, T]) -> T:
    """Run clients that cost the server as little as clients elsewhere do."""
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(_Unhurried())) as runner:
        return runner.run(work)


@contextmanager
def _beside_the_server() -> Generator[None]:
    """Leave the server its core, where there are two."""
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set[int]()
    if len(cores) < 2:
        yield
        return
    os.sched_setaffinity(0, cores - {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


@contextmanager
def serving() -> Generator[Served]:
    """Run the server for as long as the block lasts."""
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        command = [sys.executable, "-m", "benchmarks.served_app", str(listener.fileno())]
        with subprocess.Popen(command, pass_fds=[listener.fileno()]) as process:
            try:
                with _beside_the_server():
                    yield Served(listener.getsockname()[1], process.pid)
            finally:
                process.terminate()


class Client(asyncio.Protocol):
    """Counts the events that come, as cheaply as can be; with ``times`` it notes when they come."""

    def __init__(self, path: str, times: list[float] | None = None) -> None:
        self._path = path
        self._times = times
        self.events = 0
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.begun = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(f"GET {self._path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n".encode())

    def data_received(self, data: bytes) -> None:
        self.events += data.count(b"data: ")
        self.begun.set()
        if self._times is not None:
            self._times.append(perf_counter())

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as the loop calls it
        if not self.ended.done():
            self.ended.set_result(self.events)


async def open_one(
    port: int, way: str, gap: str, events: int, times: list[float] | None = None
) -> tuple[asyncio.Transport, Client]:
    """Ask for one stream."""
    path = f"/{quote(way)}?gap={quote(gap)}&events={events}"
    loop = asyncio.get_running_loop()
    return await loop.create_connection(lambda: Client(path, times), "127.0.0.1", port)


async def load(
    port: int, way: str, gap: str, clients: int, events: int, times: list[list[float]] | None = None
) -> int:
    """Read so many streams at once, each to its end; give the number of events that came.

    With ``times`` it adds a list for each of them: when something came.
    """
    ended: list[asyncio.Future[int]] = []
    for _ in range(clients):
        noted: list[float] | None = None
        if times is not None:
            times.append(noted := [])
        _, client = await open_one(port, way, gap, events, noted)
        ended.append(client.ended)
    return sum(await asyncio.gather(*ended))


@contextmanager
def deaf(port: int, way: str) -> Generator[None]:
    """Have one client that reads nothing of a stream of 100 kB an event, for as long as the block lasts."""
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(
            f"GET /{quote(way)}?gap=20%20ms&events=3000&more=100000 HTTP/1.1\r\nHost: here\r\n\r\n".encode()
        )
        sleep(3)  # all buffers on the way are full
        yield
