"""The responses that are being given: found by whoever stops the server, and by nobody else."""

from collections.abc import Callable

import anyio
import pytest

from rxstream.transports.responses import RESPONSES, Responses, end_responses

pytestmark = pytest.mark.anyio


class Response:
    """One that runs until it is told to end, and a moment longer."""

    def __init__(self, responses: Responses, seconds: float = 0.0) -> None:
        self.responses = responses
        self.told = anyio.Event()
        self.ended = False
        self._seconds = seconds

    async def run(self, *, task_status: "anyio.abc.TaskStatus[Callable[[], None]]") -> None:
        self.responses.add(self.told.set)
        task_status.started(self.told.set)
        await self.told.wait()
        await anyio.sleep(self._seconds)
        self.ended = True
        self.responses.remove(self.told.set)


async def test_all_are_told_and_waited_for() -> None:
    responses = Responses()
    assert await responses.end() == 0
    async with anyio.create_task_group() as tasks:
        running = [Response(responses, seconds) for seconds in (0.0, 0.02)]
        for one in running:
            await tasks.start(one.run)
        assert len(responses) == 2
        assert await responses.end() == 2
        assert [one.ended for one in running] == [True, True]
    assert len(responses) == 0


async def test_one_that_does_not_end_is_not_waited_for_without_end() -> None:
    responses = Responses()
    async with anyio.create_task_group() as tasks:
        await tasks.start(Response(responses, 0.2).run)
        assert await responses.end(within=0.01) == 1
        assert len(responses) == 1


async def test_two_that_stop_the_same_server_wait_both() -> None:
    responses = Responses()
    counts: list[int] = []

    async def end() -> None:
        counts.append(await responses.end())

    async with anyio.create_task_group() as tasks:
        await tasks.start(Response(responses, 0.02).run)
        tasks.start_soon(end)
        tasks.start_soon(end)
    assert counts == [1, 1]


async def test_each_loop_sees_its_own() -> None:
    responses = Responses()
    async with anyio.create_task_group() as tasks:
        one = Response(responses)
        await tasks.start(one.run)

        async def elsewhere() -> int:
            return await responses.end()

        assert await anyio.to_thread.run_sync(lambda: anyio.run(elsewhere)) == 0
        assert not one.told.is_set()
        await responses.end()


async def test_the_process_has_one_of_its_own() -> None:
    async with anyio.create_task_group() as tasks:
        await tasks.start(Response(RESPONSES).run)
        assert await end_responses() == 1
