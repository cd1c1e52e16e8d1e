"""What a process holds: tasks, timers, threads, open files, children, memory; and whether that grows."""

import asyncio
import ctypes
import gc
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from statistics import median
from typing import Any, Final

import anyio
import jiter

from rxstream.engine.backend import running_backend

__all__ = ("MIB", "Memory", "Process", "Sample", "children", "loop_state", "no_more_files", "quiet_loop")

_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
MIB: Final = 1024 * 1024
#: By how much the second half of the samples behind the warm-up may lie above the first.
MOST: Final = {"rss": 1.05, "objects": 1.005, "blocks": 1.005}


def rss() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE


def children() -> list[str]:
    """The processes that this one has started and not waited for: their ids and names."""
    found: list[str] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text(encoding="utf-8", errors="replace")
        except OSError:  # it has just ended
            continue
        name, _, rest = text.rpartition(")")
        if int(rest.split()[1]) == os.getpid():
            found.append(name + ")")
    return sorted(found)


def open_files() -> list[str]:
    """What the open file descriptors lead to."""
    found: list[str] = []
    for number in os.listdir("/proc/self/fd"):  # noqa: PTH208 - names are all that is wanted
        try:
            found.append(os.readlink(f"/proc/self/fd/{number}"))  # noqa: PTH115 - where it leads need not be
        except OSError:  # it was that of the folder itself
            continue
    return sorted(found)


@dataclass(frozen=True, slots=True)
class Process:
    """What is counted outside of any event loop."""

    files: tuple[str, ...]
    threads: tuple[str, ...]
    children: tuple[str, ...]

    @classmethod
    def now(cls) -> "Process":
        return cls(
            tuple(open_files()),
            tuple(sorted(thread.name for thread in threading.enumerate())),
            tuple(children()),
        )

    def left_since(self, before: "Process") -> str:
        """Tell what there is that was not there before; "" for nothing."""
        # A socket's name is new each time, so the files are counted by kind.
        more = Counter(map(_kind, self.files)) - Counter(map(_kind, before.files))
        more += Counter(self.threads) - Counter(before.threads)
        more += Counter(self.children) - Counter(before.children)
        return ", ".join(f"{count} {what}" for what, count in more.items())

    @classmethod
    def when_left(cls, before: "Process", patience: float = 20.0) -> "Process":
        """Wait until nothing is left; idle worker threads take ten seconds to leave."""
        until = time.monotonic() + patience
        while True:
            found = cls.now()
            if not found.left_since(before) or time.monotonic() > until:
                return found
            time.sleep(0.1)


def _kind(file: str) -> str:
    return file.partition(":")[0]


def loop_state() -> tuple[int, int]:
    """Count the tasks of this event loop, and its timers that wait."""
    if running_backend() == "asyncio":
        loop: Any = asyncio.get_running_loop()
        timers = [handle for handle in loop._scheduled if not handle.cancelled()]
        return len(asyncio.all_tasks()), len(timers)
    trio: Any = sys.modules["trio"]
    statistics = trio.lowlevel.current_statistics()
    return statistics.tasks_living, int(statistics.seconds_to_next_deadline != inf)


async def quiet_loop(tasks: int, patience: float = 5.0) -> tuple[int, int]:
    """Wait until the loop has no more tasks than that, and no timer; say what it has."""
    until = time.monotonic() + patience
    while True:
        found = loop_state()
        if found <= (tasks, 0) or time.monotonic() > until:
            return found
        await anyio.sleep(0.02)


async def no_more_files(before: Process, patience: float = 5.0) -> int:
    """Wait until no more files are open than were before; say how many are."""
    until = time.monotonic() + patience
    while True:
        more = len(open_files()) - len(before.files)
        if more <= 0 or time.monotonic() > until:
            return max(more, 0)
        await anyio.sleep(0.02)


@dataclass(frozen=True, slots=True)
class Sample:
    """The memory at one moment, with what is only counted where nothing is going on."""

    at: float
    rss: int
    #: What the garbage collector knows of, and all that Python has allocated, strings as well.
    objects: int = 0
    blocks: int = 0

    def __str__(self) -> str:
        return f"{self.rss / MIB:.1f} MiB, {self.objects} objects, {self.blocks} blocks"


class Memory:
    """Samples, and what they say."""

    def __init__(self) -> None:
        self.busy: list[Sample] = []
        self.quiet: list[Sample] = []
        self._kinds: list[Counter[str]] = []

    def sample_busy(self, at: float) -> None:
        self.busy.append(Sample(at, rss()))

    def sample_quiet(self, at: float) -> None:
        """To be called when no stream is open."""
        # Strings that it has read before are kept by the JSON parser, so many and no more.
        jiter.cache_clear()
        for _ in range(3):
            gc.collect()
        _trim()
        blocks = sys.getallocatedblocks()
        objects = gc.get_objects()
        self.quiet.append(Sample(at, rss(), len(objects), blocks))
        # The first, and the latest.
        self._kinds = [*self._kinds[:1], Counter(type(one).__name__ for one in objects)]

    def report(self) -> list[str]:
        lines: list[str] = []
        for name, samples in (("under load", self.busy), ("quiet", self.quiet)):
            what = ("rss",) if samples is self.busy else ("rss", "objects", "blocks")
            lines += [f"  {one}, {name}: {_trend(samples, one)}" for one in what if len(_warm(samples)) > 2]
        return lines

    def growth(self) -> str:
        """Tell what grows; "" if nothing does, or if there are too few samples to tell."""
        warm = _warm(self.quiet)
        if len(warm) < 6:
            return ""
        found: list[str] = []
        for what, most in MOST.items():
            values = [float(getattr(one, what)) for one in warm]
            half = len(values) // 2
            before, after = median(values[:half]), median(values[half:])
            if after > before * most:
                found.append(f"{what} from {before:.0f} to {after:.0f}")
        if found:
            found.append(f"since the start {(self._kinds[-1] - self._kinds[0]).most_common(8)}")
        return "; ".join(found)


def _trim() -> None:
    """Have C's allocator give back what it only keeps, where it can."""
    trim: Any = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _warm(samples: Sequence[Sample]) -> Sequence[Sample]:
    """Give those behind the warm-up, the first third."""
    return samples[len(samples) // 3 :]


def _trend(samples: Sequence[Sample], what: str) -> str:
    unit = MIB if what == "rss" else 1
    name = " MiB" if what == "rss" else ""
    digits = 1 if what == "rss" else 0
    points = [(one.at / 60, getattr(one, what) / unit) for one in _warm(samples)]
    first = getattr(samples[0], what) / unit
    return (
        f"{first:.{digits}f}{name} at first, {points[0][1]:.{digits}f} after the warm-up, "
        f"{points[-1][1]:.{digits}f} at the end; from then on {slope(points):+.2f}{name} a minute"
    )


def slope(points: list[tuple[float, float]]) -> float:
    """Fit a line; give how much it rises in a second."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0
