"""Whether a task has let others run."""
# pyright: reportPrivateUsage=false

from time import monotonic
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

from rxstream.transports import loop_turns
from rxstream.transports.loop_turns import Turn

pytestmark = pytest.mark.anyio


class Clock:
    """A clock that is set by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = monotonic()
        monkeypatch.setattr(loop_turns, "monotonic", lambda: self.now)

    def is_long(self, turn: Turn, seconds: float) -> bool:
        """Let some time go by, and ask until it looks at the clock."""
        self.now += seconds
        return timed(turn)


def timed(turn: Turn) -> bool:
    """Do as many things as one of them is timed."""
    return [turn.is_long() for _ in range(loop_turns._EVERY)][-1]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


async def test_it_is_long_until_it_is_given_up(clock: Clock) -> None:
    turn = Turn()
    found = [clock.is_long(turn, 0.00006) for _ in range(100)]
    begun = found.index(True)
    assert 82 < begun < 87  # 5 ms
    assert all(found[begun:])
    await turn.pause()
    assert [clock.is_long(turn, 0.00006) for _ in range(80)] == [False] * 80


async def test_work_is_not_taken_for_a_wait(clock: Clock) -> None:
    """Eight things that take 60 us each, on whatever loop."""
    turn = Turn()
    assert [clock.is_long(turn, 0.0005) for _ in range(9)] == [False] * 9
    assert any(clock.is_long(turn, 0.0005) for _ in range(4))


async def test_who_waits_begins_anew(clock: Clock) -> None:
    turn = Turn()
    for _ in range(100):
        assert not clock.is_long(turn, 0.001)
        await anyio.sleep(0.0001)


async def test_a_checkpoint_is_a_wait(clock: Clock, anyio_backend_name: str) -> None:
    turn = Turn()
    # Where turns cannot be counted, only time tells.
    seconds = 0.003 if anyio_backend_name == "asyncio" else 0.00006
    for _ in range(50):
        assert not clock.is_long(turn, seconds)
        await checkpoint()


async def test_who_is_slow_gives_way_now_and_then(clock: Clock) -> None:
    turn = Turn()
    turns: list[int] = []
    for number in range(32):
        if clock.is_long(turn, 0.02):
            turns.append(number)
            await turn.pause()
    assert turns == [*range(1, 32, 2)]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # elsewhere turns cannot be counted
async def test_each_of_many_tasks_knows_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_turns, "_LONGEST", 1e9)  # so that only turns are counted, on any machine
    began: list[Any] = []

    async def work(number: int) -> None:
        turn = Turn()
        timed(turn)
        for _ in range(20):
            before = turn._began
            for _ in range(number % 4):
                timed(turn)
                began.append(turn._began == before)
            await checkpoint()
            timed(turn)
            began.append(turn._began > before)

    async with anyio.create_task_group() as tasks:
        for number in range(50):
            tasks.start_soon(work, number)
    assert began
    assert all(began)
