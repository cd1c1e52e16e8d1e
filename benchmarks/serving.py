"""Two hundred clients of one server: CPU time for each event, and memory of streams that stand still."""

import asyncio
import os
import selectors
import socket
import subprocess
import sys
from collections.abc import Coroutine, Generator, Iterator
from contextlib import contextmanager, nullcontext
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from typing import Any, Final, TypeVar
from urllib.parse import quote

from benchmarks.measure import Line

__all__ = ("ROW", "Served", "lines", "load", "serving")

T = TypeVar("T")

ROW: Final = "serving"
WAYS: Final = ("bare", "ours", "ours, no log", "sse-starlette")
BARE: Final = "Starlette's StreamingResponse"


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


class _Client(asyncio.Protocol):
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


async def _open(
    port: int, way: str, gap: str, events: int, times: list[float] | None = None
) -> tuple[asyncio.Transport, _Client]:
    """Ask for one stream."""
    path = f"/{quote(way)}?gap={quote(gap)}&events={events}"
    loop = asyncio.get_running_loop()
    return await loop.create_connection(lambda: _Client(path, times), "127.0.0.1", port)


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
        _, client = await _open(port, way, gap, events, noted)
        ended.append(client.ended)
    return sum(await asyncio.gather(*ended))


async def park(served: Served, way: str, clients: int) -> float:
    """Return the bytes that the server takes for each of so many streams which have begun and say nothing."""
    opened: list[asyncio.Transport] = []
    before = 0
    for number in range(clients + 100):
        if number == 100:  # behind what the first ones bring along
            before = served.memory
        transport, client = await _open(served.port, way, "idle", 2)
        await client.begun.wait()
        opened.append(transport)
    grown = served.memory - before
    for transport in opened:
        transport.close()
    return grown / clients


async def gaps(port: int, way: str, clients: int, events: int) -> float:
    """Read so many streams in a model's pace; give the time between two reads that one of a hundred passes.

    In nanoseconds; the first half second, in which all of them are opened, does not count.
    """
    times: list[list[float]] = []
    begun = perf_counter()
    await load(port, way, "20 ms", clients, events, times)
    found = sorted(
        after - before for noted in times for before, after in pairwise(noted) if before > begun + 0.5
    )
    return found[len(found) * 99 // 100] * 1e9


@contextmanager
def deaf(port: int, way: str) -> Generator[None]:
    """Have one client that reads nothing of a stream of 100 kB an event, for as long as the block lasts."""
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(
            f"GET /{quote(way)}?gap=20%20ms&events=3000&more=100000 HTTP/1.1\r\nHost: here\r\n\r\n".encode()
        )
        sleep(3)  # all buffers on the way are full
        yield


def all_gaps(clients: int, events: int, rounds: int) -> dict[str, float]:
    """Return the gap of each way, and of ours beside a client that stops reading: the best of rounds."""
    best: dict[str, float] = {}
    for _ in range(rounds):
        for way, beside in (
            ("bare", False),
            ("ours", False),
            ("ours", True),
            ("ours, no log", False),
            ("ours, no log", True),
        ):
            with serving() as served, deaf(served.port, way) if beside else nullcontext():
                asyncio.run(load(served.port, way, "flat out", 10, 10))
                gap = asyncio.run(gaps(served.port, way, clients, events))
            name = f"{way}, beside" if beside else way
            best[name] = min(best.get(name, float("inf")), gap)
    return best


def _turns(gap: str, rounds: int) -> Iterator[tuple[str, Served]]:
    """Give each way in turns, with a server of its own that has answered before."""
    for _ in range(rounds):
        for way in WAYS:
            with serving() as served:
                unhurried(load(served.port, way, gap, 10, 10))
                yield way, served


def costs(gap: str, clients: int, events: int, rounds: int) -> dict[str, float]:
    """Return the server's CPU time per event of each way, in nanoseconds: the best of rounds in turns."""
    best: dict[str, float] = {way: float("inf") for way in WAYS}
    for way, served in _turns(gap, rounds):
        before = served.cpu
        count = unhurried(load(served.port, way, gap, clients, events))
        best[way] = min(best[way], (served.cpu - before) / count * 1e9)
    return best


async def pace(served: Served, way: str, clients: int, events: int) -> list[float]:
    """Read so many streams in a model's pace for some seconds; give the cost of an event, some times over.

    In nanoseconds of the server's CPU time, with an event's share of what it costs to begin its stream.
    """
    before = served.cpu
    opened = [await _open(served.port, way, "20 ms", events) for _ in range(clients)]
    for _, client in opened:
        await client.begun.wait()
    begun = (served.cpu - before) / clients / events
    await asyncio.sleep(0.8)
    found: list[float] = []
    for _ in range(4):
        spent, count = served.cpu, sum(client.events for _, client in opened)
        await asyncio.sleep(0.7)
        count = sum(client.events for _, client in opened) - count
        found.append((begun + (served.cpu - spent) / count) * 1e9)
    for transport, _ in opened:
        transport.close()
    return found


def paced_costs(clients: int, events: int, rounds: int) -> dict[str, float]:
    """Return the server's CPU time per event of each way, in nanoseconds, in a model's pace.

    Its median over short times, with all ways in turns: in the third of a minute that whole answers take the
    machine itself may change by a third.
    """
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    for way, served in _turns("20 ms", rounds):
        found[way] += unhurried(pace(served, way, clients, events))
    return {way: median(times) for way, times in found.items()}


def lines(*, quick: bool = False) -> list[Line]:
    """Measure."""
    clients, rounds = (50, 1) if quick else (200, 3)
    found: list[Line] = []
    for gap in ("20 ms", "sleep(0)", "flat out"):
        events = 300 if quick else 1000
        if gap == "20 ms":
            cost = paced_costs(clients, events, 1 if quick else 9)
        else:
            cost = costs(gap, clients, events, 2 * rounds)
        what = f"{clients} clients, {gap}, every feature on"
        found += [
            Line(ROW, what, BARE, cost["ours"], cost["bare"], "of its cost", 1.5, 1.1),
            Line(
                ROW,
                f"{clients} clients, {gap}, no log",
                BARE,
                cost["ours, no log"],
                cost["bare"],
                "of its cost",
            ),
            Line(ROW, what, "sse-starlette", cost["ours"], cost["sse-starlette"], "cheaper"),
        ]
    gap_of = all_gaps(20 if quick else 100, 100 if quick else 500, rounds)
    for way, having in (("ours", "every feature on"), ("ours, no log", "no log")):
        what = f"99 of 100 gaps, 20 ms, {having}"
        found += [
            Line(ROW, what, BARE, gap_of[way], gap_of["bare"], "of its cost", 1.1, 1.0),
            Line(
                ROW,
                f"{what}, beside a deaf client",
                "without it",
                gap_of[f"{way}, beside"],
                gap_of[way],
                "of its cost",
                1.1,
                1.0,
            ),
        ]
    idle = 200 if quick else 2000
    memory: dict[str, float] = {}
    for way in ("bare", "ours", "ours, no log"):
        with serving() as served:
            memory[way] = asyncio.run(park(served, way, idle))
    what = f"{idle} idle streams, resumable, resident"
    found.append(Line(ROW, what, BARE, memory["ours"], memory["bare"], "of its cost", unit="bytes"))
    what = f"{idle} idle streams, no log, resident"
    found.append(Line(ROW, what, BARE, memory["ours, no log"], memory["bare"], "of its cost", unit="bytes"))
    return found
