"""Soak the library: ``python -m tests.laws.soak [--minutes 10] [--backend both] [--streams 50] [--seed N]``.

For so many minutes, half of them on each event loop, so many streams at a time are opened, cut, cancelled,
raced, hedged, merged, shared, paced, mapped, timed out, retried and resumed, over real sockets, and left in
any way there is. What each does is drawn from ``--seed`` and its number; one that fails is printed with all
that was drawn, and ``--only NUMBER`` runs it alone. An answer that comes must be right, an error must be the
one that was due.

In between, every few seconds, all streams are let end: then no task and no timer may be there, and memory is
looked at. At the end no thread, socket, file or child process is left, and memory has not grown.

``--model`` has the embedded model answer, too, whose process is killed now and then.
"""

import argparse
import asyncio
import random
import sys
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Literal

import anyio

from rxstream.engine.backend import running_backend
from tests.laws.soak_draw import Draw
from tests.laws.soak_flow import FLOW
from tests.laws.soak_left import Memory, Process, loop_state, no_more_files, quiet_loop
from tests.laws.soak_model import Embedded
from tests.laws.soak_one import ONE, Kind, Play
from tests.laws.soak_several import SEVERAL
from tests.laws.soak_tangle import TANGLE
from tests.laws.soak_world import Stage, World

__all__ = ("Options", "Tally", "main", "soak")

Backend = Literal["asyncio", "trio"]

KINDS: Final[dict[str, tuple[Kind, float]]] = {**ONE, **FLOW, **SEVERAL, **TANGLE}
#: Nothing that a stream does takes that long.
HUNG: Final = 90.0
ROUND: Final = 15.0
SAMPLED: Final = 2.0
MOST_PRINTED: Final = 20


@dataclass(slots=True)
class Options:
    """What is asked for."""

    seconds: float
    streams: int = 50
    seed: int = 0
    only: int | None = None
    model: bool = False
    kinds: tuple[str, ...] = tuple(KINDS)
    synchronous: float = 0.05


@dataclass(slots=True)
class Tally:
    """What has happened on one event loop."""

    ended: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter[str]))
    failures: list[str] = field(default_factory=list[str])
    failed: int = 0
    numbers: int = 0
    most_open: int = 0
    rounds: int = 0
    seconds: float = 0.0
    memory: Memory = field(default_factory=Memory)
    #: What the server saw: connections served, requests, the most connections at once, those open at the end.
    served: tuple[int, int, int, int] = (0, 0, 0, 0)
    #: What was done to the embedded model.
    violence: str = "no embedded model"

    def fail(self, what: str) -> None:
        self.failed += 1
        if self.failed <= MOST_PRINTED:
            self.failures.append(what)
            print(f"FAIL {what}", flush=True)

    @property
    def ran(self) -> int:
        return sum(ends.total() for ends in self.ended.values())

    def report(self, backend: str) -> str:
        lines = [f"{backend}: {self.ran} streams in {self.seconds:.0f} s, {self.rounds} rounds"]
        for kind, ends in sorted(self.ended.items()):
            several = ", ".join(f"{count} {end}" for end, count in ends.most_common(7))
            lines.append(f"  {kind:20} {ends.total():6}: {several}")
        served, requests, most, still_open = self.served
        lines.append(
            f"  the server: {served} connections served, {requests} requests, {most} connections at once, "
            f"{still_open} open at the end"
        )
        lines.append(f"  {self.violence}")
        return "\n".join([*lines, *self.memory.report(), f"  failures: {self.failed}"])


class Soak:
    """One event loop's share."""

    def __init__(self, world: World, options: Options, tally: Tally, embedded: Embedded | None) -> None:
        self._world = world
        self._options = options
        self._tally = tally
        self._embedded = embedded
        self._open = 0
        self._start = anyio.current_time()

    async def run(self) -> None:
        """Run rounds, and look around behind each."""
        tally, options = self._tally, self._options
        await anyio.sleep(0.1)  # what has served the beginning may still be at its end
        base, before = loop_state()[0], Process.now()
        deadline = self._start + options.seconds
        while anyio.current_time() < deadline:
            async with self._world.clients():
                await self._round(min(deadline, anyio.current_time() + ROUND))
            tally.rounds += 1
            tasks, timers = await quiet_loop(base)
            await self._world.all_closed()
            files = await no_more_files(before)
            left = {
                "tasks": tasks - base,
                "timers": timers,
                "files": files,
                "connections": self._world.open,
                "voices": len(self._world.voices),
            }
            if any(left.values()):
                tally.fail(f"left behind round {tally.rounds}: {left}")
            tally.memory.sample_quiet(anyio.current_time() - self._start)
            sample = tally.memory.quiet[-1]
            print(
                f"  {sample.at:6.1f} s: {tally.ran} streams, {tally.failed} failures; {sample}; left: "
                f"{', '.join(f'{count} {what}' for what, count in left.items())}",
                flush=True,
            )
        tally.seconds = anyio.current_time() - self._start

    async def _round(self, until: float) -> None:
        async with anyio.create_task_group() as around:
            around.start_soon(self._sample)
            if self._embedded is not None:
                around.start_soon(self._embedded.kill_now_and_then)
            async with anyio.create_task_group() as workers:
                for _ in range(self._options.streams):
                    workers.start_soon(self._work, until)
            around.cancel_scope.cancel()

    async def _sample(self) -> None:
        while True:
            await anyio.sleep(SAMPLED)
            self._world.tidy()
            self._tally.memory.sample_busy(anyio.current_time() - self._start)

    async def _work(self, until: float) -> None:
        while anyio.current_time() < until:
            number, self._tally.numbers = self._tally.numbers, self._tally.numbers + 1
            await self.one(number)

    async def one(self, number: int, *, verbose: bool = False) -> None:
        """Run the stream of that number."""
        draw = Draw(self._options.seed, number)
        stage = Stage(self._world, draw)
        kind, play = self._drawn(stage)
        if verbose:
            print(f"{kind}: {draw}")
        ended = "failure"
        self._open += 1
        self._tally.most_open = max(self._tally.most_open, self._open)
        try:
            with anyio.fail_after(HUNG):
                ended = await play()
        except Exception as error:
            lines = "".join(traceback.format_exception(error))
            self._tally.fail(
                f"{running_backend()} stream {number} (--seed {self._options.seed} --only {number}), {kind}: "
                f"{draw}\n{lines}"
            )
        finally:
            self._open -= 1
            stage.close()
        # Of a group of errors the name alone: there are too many.
        self._tally.ended[kind][ended.partition("(")[0]] += 1
        if verbose:
            print(f"ended: {ended}")

    def _drawn(self, stage: Stage) -> tuple[str, Play]:
        kinds = {name: KINDS[name] for name in self._options.kinds}
        if self._embedded is not None:
            kinds["embedded model"] = (self._embedded.play, 1.0)
        name = stage.draw.one("kind", tuple(kinds), [weight for _, weight in kinds.values()])
        return name, kinds[name][0](stage)


async def _soak(world: World, options: Options, tally: Tally) -> None:
    if running_backend() == "asyncio":
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: tally.fail(f"told to the event loop: {context}")
        )
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(_checked_end(tally))
        embedded = await stack.enter_async_context(Embedded.running()) if options.model else None
        this = Soak(world, options, tally, embedded)
        if options.only is not None:
            async with world.clients():
                await this.one(options.only, verbose=True)
        else:
            await this.run()
        if embedded is not None:
            tally.violence = f"the embedded model: killed {embedded.kills} times, cut off {embedded.cuts}"
    await world.all_closed()


@asynccontextmanager
async def _checked_end(tally: Tally) -> AsyncGenerator[None]:
    before, _ = loop_state()
    yield
    tasks, timers = await quiet_loop(before)
    if tasks > before or timers:
        tally.fail(f"left at the end: {tasks - before} tasks, {timers} timers")


def soak(backend: Backend, options: Options) -> Tally:
    """Run it on one event loop; what went wrong is in the tally."""
    tally = Tally()
    before = Process.now()
    world = World(options.synchronous)
    with world.server:
        anyio.run(partial(_soak, world, options, tally), backend=backend)
        world.tidy()
        tally.served = world.served, world.requests, world.most_open, world.open
        if world.open:
            tally.fail(f"{world.open} connections are open on the server's side")
    left = Process.when_left(before).left_since(before)
    if left:
        tally.fail(f"left in the process: {left}")
    growth = tally.memory.growth()
    if growth:
        tally.fail(f"memory grows: {growth}")
    return tally


def main(arguments: list[str] | None = None) -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Soak the library in streams.")
    parser.add_argument("--minutes", type=float, default=10.0, help="for both event loops together")
    parser.add_argument("--backend", choices=["asyncio", "trio", "both"], default="both")
    parser.add_argument("--streams", type=int, default=50, help="how many at a time")
    parser.add_argument("--seed", type=int, default=None, help="a random one by default")
    parser.add_argument("--only", type=int, help="the number of one stream, to be run alone")
    parser.add_argument("--model", action="store_true", help="ask the embedded model, too, and kill it")
    parser.add_argument("--kind", action="append", choices=[*KINDS], help="only such; may be repeated")
    given = parser.parse_args(arguments)
    backends: list[Backend] = ["asyncio", "trio"] if given.backend == "both" else [given.backend]
    seed = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    options = Options(
        given.minutes * 60 / len(backends),
        given.streams,
        seed,
        given.only,
        given.model,
        tuple(given.kind or KINDS),
    )
    print(f"seed {seed}, {options.seconds:.0f} s on each event loop, {options.streams} streams at a time")
    failed = 0
    start = time.monotonic()
    before = Process.now()
    reports: list[str] = []
    for backend in backends:
        print(f"{backend}:", flush=True)
        tally = soak(backend, options)
        failed += tally.failed
        reports.append(tally.report(backend))
    print("\n".join(reports))
    now = Process.now()
    print(f"{time.monotonic() - start:.0f} s, {failed} failures; in this process, before and now:")
    for what in ("files", "threads", "children"):
        print(f"  {what}: {len(getattr(before, what))}, {len(getattr(now, what))}")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
