"""Whether a task has let others run."""

import anyio
import pytest
from anyio.lowlevel import checkpoint

from rxstream.engine.backend import loop_clock
from rxstream.transports import loop_turns
from rxstream.transports.loop_turns import Turn

pytestmark = pytest.mark.anyio


async def test_it_goes_on_until_it_waits() -> None:
    turn, clock = Turn(), loop_clock()
    assert not turn.goes_on(clock())
    for _ in range(5):
        assert turn.goes_on(clock())
    await anyio.sleep(0.001)
    assert not turn.goes_on(clock())
    assert turn.goes_on(clock())


async def test_it_is_long_when_it_was_not_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    turn, clock = Turn(), loop_clock()
    turn.goes_on(clock())
    monkeypatch.setattr(loop_turns, "_LONGEST", 0.0)
    assert turn.is_long(clock() + 0.001)
    monkeypatch.undo()
    await turn.pause()
    assert not turn.is_long(clock())


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # elsewhere turns cannot be counted
async def test_each_of_many_tasks_knows_of_its_own() -> None:
    clock = loop_clock()
    wrong: list[int] = []

    async def work(number: int) -> None:
        turn = Turn()
        turn.goes_on(clock())
        for _ in range(20):
            for _ in range(number % 4):
                if not turn.goes_on(clock()):
                    wrong.append(number)  # noqa: PERF401 - each call counts
            await checkpoint()
            if turn.goes_on(clock()):
                wrong.append(number)

    async with anyio.create_task_group() as tasks:
        for number in range(50):
            tasks.start_soon(work, number)
    assert not wrong
