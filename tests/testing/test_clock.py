import asyncio
import socket
import time
from collections.abc import AsyncIterator
from typing import Literal, TypeAlias

import anyio
import anyio.to_thread
import pytest
import trio

from rxstream.testing import VirtualClock

Backend: TypeAlias = Literal["asyncio", "trio"]

both = pytest.mark.parametrize("backend", ["asyncio", "trio"])


@both
def test_sleep_takes_virtual_time_and_no_real_time(backend: Backend) -> None:
    clock = VirtualClock()

    async def main(seconds: float) -> tuple[float, float, float]:
        start = anyio.current_time()
        await anyio.sleep(seconds)
        return start, anyio.current_time(), clock.time()

    before = time.monotonic()
    assert clock.run(main, 86_400 * 30, backend=backend) == (0.0, 2_592_000.0, 2_592_000.0)
    # Not a timing assertion: it is off by a month, or not at all.
    assert time.monotonic() - before < 86_400


@both
def test_timeouts_come_in_their_order(backend: Backend) -> None:
    clock = VirtualClock()
    seen: list[tuple[float, str]] = []

    async def say(after: float, word: str) -> None:
        await anyio.sleep(after)
        seen.append((clock.time(), word))

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(say, 3, "three")
            tasks.start_soon(say, 1, "one")
            tasks.start_soon(say, 0, "none")
            with anyio.move_on_after(2) as scope:
                await anyio.sleep_forever()
            assert scope.cancelled_caught
            seen.append((clock.time(), "two"))

    clock.run(main, backend=backend)
    assert seen == [(0, "none"), (1, "one"), (2, "two"), (3, "three")]


@both
def test_work_takes_no_virtual_time(backend: Backend) -> None:
    clock = VirtualClock()

    async def main() -> float:
        for _ in range(100):
            await anyio.lowlevel.checkpoint()
        return clock.time()

    assert clock.run(main, backend=backend) == 0


@both
def test_time_stands_still_after_a_run_and_starts_again_with_the_next(backend: Backend) -> None:
    clock = VirtualClock()
    assert clock.time() == 0
    clock.run(anyio.sleep, 5, backend=backend)
    assert clock.time() == 5
    clock.run(anyio.sleep, 2, backend=backend)
    assert clock.time() == 2


def test_asyncio_s_own_timers_are_virtual_too() -> None:
    clock = VirtualClock()

    async def main() -> list[float]:
        times: list[float] = []
        loop = asyncio.get_running_loop()
        loop.call_later(4, lambda: times.append(loop.time()))
        await asyncio.sleep(1)
        times.append(clock.time())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 10)
        return [*times, clock.time()]

    assert clock.run(main) == [1, 4, 11]


@both
def test_an_error_comes_through_unchanged(backend: Backend) -> None:
    async def main() -> None:
        await anyio.sleep(1)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        VirtualClock().run(main, backend=backend)


@both
def test_a_program_that_waits_for_nothing_is_stuck_and_its_tasks_are_named(backend: Backend) -> None:
    closed: list[str] = []

    async def waits_for_ever() -> None:
        try:
            await anyio.Event().wait()
        finally:
            closed.append("closed")

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(waits_for_ever, name="the one that waits")
            await anyio.sleep(3)

    with pytest.raises(RuntimeError, match=r"^stuck: (?s:.*)the one that waits at .*in .*waits_for_ever"):
        VirtualClock(patience=0.05).run(main, backend=backend)
    assert closed == ["closed"]


@both
def test_a_stuck_asynchronous_generator_is_named(backend: Backend) -> None:
    async def generator() -> AsyncIterator[int]:
        await anyio.sleep_forever()
        yield 1

    async def main() -> None:
        async for _ in generator():
            pass

    with pytest.raises(RuntimeError, match=r"^stuck: (?s:.*)in .*generator"):
        VirtualClock(patience=0.05).run(main, backend=backend)


@both
def test_a_stuck_task_without_a_line_of_ours_is_placed_in_the_runtime(backend: Backend) -> None:
    with pytest.raises(RuntimeError, match=r"^stuck: (?s:.*)at .*\.py:\d+, in "):
        VirtualClock(patience=0.05).run(anyio.sleep_forever, backend=backend)


def test_on_trio_a_stuck_program_is_stuck_even_if_it_swallows_the_cancellation() -> None:
    async def main() -> str:
        with trio.CancelScope(shield=False):
            try:
                await trio.sleep_forever()
            except trio.Cancelled:
                return "swallowed"
        return "not reached"

    with pytest.raises(RuntimeError, match=r"^stuck: "):
        VirtualClock(patience=0.05).run(main, backend="trio")


@both
def test_what_goes_wrong_while_a_stuck_program_is_taken_down_does_not_hide_that_it_was_stuck(
    backend: Backend,
) -> None:
    async def main() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            raise KeyError("while closing")

    with pytest.raises(RuntimeError, match=r"^stuck: "):
        VirtualClock(patience=0.05).run(main, backend=backend)


@both
def test_a_thread_is_waited_for_in_real_time(backend: Backend) -> None:
    clock = VirtualClock()

    async def main() -> float:
        await anyio.to_thread.run_sync(time.sleep, 0.05)
        await anyio.sleep(1)
        return clock.time()

    assert clock.run(main, backend=backend) == 1


@both
def test_idle_gives_threads_a_chance_against_timeouts(backend: Backend) -> None:
    async def main() -> bool:
        with anyio.move_on_after(60) as scope:
            await anyio.to_thread.run_sync(time.sleep, 0.02, abandon_on_cancel=True)
        return scope.cancelled_caught

    assert VirtualClock().run(main, backend=backend)
    assert not VirtualClock(idle=5).run(main, backend=backend)


@both
def test_sockets_work(backend: Backend) -> None:
    one, two = socket.socketpair()

    async def main() -> bytes:
        await anyio.wait_writable(one)
        one.send(b"ready")
        await anyio.wait_readable(two)
        return two.recv(10)

    with one, two:
        assert VirtualClock().run(main, backend=backend) == b"ready"


def test_the_loop_s_own_threads_end_with_it() -> None:
    async def main() -> float:
        return await asyncio.to_thread(time.perf_counter)

    assert VirtualClock().run(main) > 0
