"""Those who sleep are woken all together, on asyncio and on trio, and whoever is cancelled leaves nothing."""

import anyio
import pytest
from anyio.lowlevel import checkpoint

from rxstream.transports.sleepers import Sleepers

pytestmark = pytest.mark.anyio


async def test_all_who_sleep_are_woken_once() -> None:
    sleepers = Sleepers()
    woken: list[int] = []

    async def sleep(number: int) -> None:
        await sleepers.sleep()
        woken.append(number)

    async with anyio.create_task_group() as tasks:
        for number in range(3):
            tasks.start_soon(sleep, number)
        await anyio.wait_all_tasks_blocked()
        assert sleepers
        assert not woken
        sleepers.wake()
        sleepers.wake()
        assert not sleepers
    assert sorted(woken) == [0, 1, 2]


async def test_who_comes_after_the_wake_sleeps_on() -> None:
    sleepers = Sleepers()
    sleepers.wake()
    with anyio.move_on_after(0.01) as scope:
        await sleepers.sleep()
    assert scope.cancelled_caught
    assert not sleepers, "whoever was cancelled is not waited for"


async def test_one_who_wakes_and_sleeps_again_waits_for_the_next() -> None:
    sleepers = Sleepers()
    times = 0

    async def sleep() -> None:
        nonlocal times
        for _ in range(3):
            await sleepers.sleep()
            times += 1

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sleep)
        for number in range(3):
            await anyio.wait_all_tasks_blocked()
            assert times == number
            sleepers.wake()
    assert times == 3


async def test_one_is_cancelled_in_the_turn_in_which_all_are_woken() -> None:
    for wake_first in (True, False):
        sleepers = Sleepers()
        woken: list[str] = []

        async def sleep(name: str, into: list[str] = woken, where: Sleepers = sleepers) -> None:
            await where.sleep()
            into.append(name)

        async with anyio.create_task_group() as tasks:
            async with anyio.create_task_group() as doomed:
                doomed.start_soon(sleep, "doomed")
                tasks.start_soon(sleep, "other")
                await anyio.wait_all_tasks_blocked()
                if wake_first:
                    sleepers.wake()
                doomed.cancel_scope.cancel()
                if not wake_first:
                    sleepers.wake()
            await checkpoint()
        assert "other" in woken
        assert not sleepers
