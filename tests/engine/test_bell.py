"""The bell wakes who sleeps, and keeps awake who would fall asleep."""

import threading
from math import inf

import anyio
import anyio.to_thread
import pytest

from rxstream.engine.bell import Bell
from rxstream.testing import VirtualClock
from tests.engine.sources import LONG, Backend

pytestmark = pytest.mark.anyio


async def test_a_ring_wakes_the_sleeper() -> None:
    bell = Bell()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(bell.wait, inf)
        await anyio.sleep(0.001)
        bell.ring()


async def test_a_ring_before_the_sleep_is_not_lost_and_counts_once() -> None:
    bell = Bell()
    bell.ring()
    bell.ring()
    await bell.wait(inf)
    with anyio.move_on_after(0.001) as scope:
        await bell.wait(inf)
    assert scope.cancelled_caught


def test_a_sleep_ends_at_its_deadline(anyio_backend: Backend) -> None:
    async def main() -> float:
        await Bell().wait(anyio.current_time() + 5)
        return anyio.current_time()

    assert VirtualClock().run(main, backend=anyio_backend) == 5


async def test_a_ring_from_another_thread_wakes_the_sleeper() -> None:
    bell = Bell()
    with anyio.fail_after(LONG):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(bell.wait, inf)
            await anyio.sleep(0.001)
            await anyio.to_thread.run_sync(bell.ring)


def test_a_ring_when_the_loop_is_over_is_for_nobody(anyio_backend: Backend) -> None:
    async def main() -> Bell:
        return Bell()

    bell = anyio.run(main, backend=anyio_backend)
    thread = threading.Thread(target=bell.ring)
    thread.start()
    thread.join()
