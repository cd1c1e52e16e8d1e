"""Two hundred clients of one server: CPU time for each event, and memory of streams that stand still."""

import asyncio
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import pairwise
from math import inf, nan
from statistics import median
from time import perf_counter
from typing import Final

from benchmarks.clients import Served, deaf, load, open_one, serving, unhurried
from benchmarks.measure import Curve, Found, Line
from benchmarks.peers import NotInstalled, absent

__all__ = ("ROW", "lines")

ROW: Final = "serving"
WAYS: Final = ("bare", "ours", "ours, no log", "sse-starlette")
#: What the server needs in any case.
NEEDED: Final = ("starlette", "uvicorn", "httptools", "uvloop")
BARE: Final = "Starlette's StreamingResponse"


async def park(served: Served, way: str, clients: int) -> float:
    """Return the bytes that the server takes for each of so many streams which have begun and say nothing."""
    opened: list[asyncio.Transport] = []
    before = 0
    for number in range(clients + 100):
        if number == 100:  # behind what the first ones bring along
            before = served.memory
        transport, client = await open_one(served.port, way, "idle", 2)
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
            best[name] = min(best.get(name, inf), gap)
    return best


def _turns(gap: str, rounds: int) -> Iterator[tuple[str, Served]]:
    """Give each way in turns, with a server of its own that has answered before."""
    ways = [way for way in WAYS if way != "sse-starlette" or not absent("sse_starlette")]
    for _ in range(rounds):
        for way in ways:
            with serving() as served:
                unhurried(load(served.port, way, gap, 10, 10))
                yield way, served


def costs(gap: str, clients: int, events: int, rounds: int) -> dict[str, float]:
    """Return the server's CPU time per event of each way, in nanoseconds: the best of rounds in turns.

    Twice with each server: to start one takes longer than to read from it.
    """
    best: dict[str, float] = {}
    for way, served in _turns(gap, rounds):
        for _ in range(2):
            before = served.cpu
            count = unhurried(load(served.port, way, gap, clients, events))
            best[way] = min(best.get(way, inf), (served.cpu - before) / count * 1e9)
    return best


async def pace(served: Served, way: str, clients: int, events: int) -> list[float]:
    """Read so many streams in a model's pace for some seconds; give the cost of an event, some times over.

    In nanoseconds of the server's CPU time, with an event's share of what it costs to begin its stream.
    """
    before = served.cpu
    opened = [await open_one(served.port, way, "20 ms", events) for _ in range(clients)]
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
    found: dict[str, list[float]] = {}
    for way, served in _turns("20 ms", rounds):
        found.setdefault(way, [])
        found[way] += unhurried(pace(served, way, clients, events))
    return {way: median(times) for way, times in found.items()}


def lines(*, quick: bool = False) -> list[Found]:
    """Measure."""
    if missing := absent(*NEEDED):
        raise NotInstalled(", ".join(missing))
    clients, rounds = (50, 1) if quick else (200, 3)
    found: list[Found] = []
    for gap in ("20 ms", "sleep(0)", "flat out"):
        events = 300 if quick else 500
        if gap == "20 ms":
            cost = paced_costs(clients, 1000, 1 if quick else 4)
        else:
            cost = costs(gap, clients, events, rounds)
        found += [
            Curve("load", gap, way, [clients], [took], "clients", "ns of CPU time an event")
            for way, took in cost.items()
        ]
        theirs = cost.get("sse-starlette", nan)
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
            Line(ROW, what, "sse-starlette", cost["ours"], theirs, "cheaper"),
        ]
    gap_of = all_gaps(20 if quick else 100, 100 if quick else 150, rounds)
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
    idle = 200 if quick else 1000
    memory: dict[str, float] = {}
    for way in ("bare", "ours", "ours, no log"):
        with serving() as served:
            memory[way] = asyncio.run(park(served, way, idle))
    what = f"{idle} idle streams, resumable, resident"
    found.append(Line(ROW, what, BARE, memory["ours"], memory["bare"], "of its cost", unit="bytes"))
    what = f"{idle} idle streams, no log, resident"
    found.append(Line(ROW, what, BARE, memory["ours, no log"], memory["bare"], "of its cost", unit="bytes"))
    return found
