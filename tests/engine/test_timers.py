"""The heap of timers: the soonest first, and no room for the dead."""

# pyright: reportPrivateUsage=false

import pytest

from rxstream.engine.pump import Pump
from rxstream.engine.scope import Work
from rxstream.engine.timers import Timers

pytestmark = pytest.mark.anyio


async def made(timers: Timers, *seconds: float) -> list[Work]:
    async with Pump() as pump:
        works = [Work(pump.scope, lambda *_: None, None, timers) for _ in seconds]
    for after, work in zip(seconds, works, strict=True):
        timers.add(after, work)
    return works


async def test_the_soonest_comes_first_and_those_of_one_moment_in_their_order() -> None:
    timers = Timers()
    start = timers.clock()
    works = await made(timers, 30, 10, 20)
    far = start + 1000
    assert start + 9 < timers.next_deadline() < start + 20
    assert timers.pop_due(start) is None
    assert [timers.pop_due(far) for _ in range(4)] == [works[1], works[2], works[0], None]
    assert not timers
    assert timers.next_deadline() == float("inf")


async def test_one_that_was_called_off_does_not_count() -> None:
    timers = Timers()
    far = timers.clock() + 1000
    first, second, third = await made(timers, 10, 20, 30)
    first.dispose()
    assert timers
    assert timers.pop_due(far) is second
    assert timers
    third.dispose()
    assert not timers
    assert timers.pop_due(far) is None


async def test_the_dead_are_never_more_than_the_living() -> None:
    timers = Timers()
    for _ in range(200):
        (work,) = await made(timers, 10)
        work.dispose()
        assert len(timers.heap) <= 1
    works = await made(timers, *range(1, 101))
    for work in works[:90]:
        work.dispose()
    assert len(timers.heap) <= 20
    assert [timers.pop_due(timers.clock() + 1000) for _ in range(11)] == [*works[90:], None]
