"""Which event loop runs here."""

import asyncio
import threading

import anyio
import anyio.to_thread
import pytest

from rxstream.engine.backend import loop_clock, loop_entrance, running_backend
from tests.engine.sources import Backend


@pytest.mark.anyio
async def test_the_running_loop_is_known(anyio_backend: Backend) -> None:
    assert running_backend() == anyio_backend


@pytest.mark.anyio
async def test_a_thread_of_a_loop_has_no_loop_itself() -> None:
    assert await anyio.to_thread.run_sync(running_backend) is None


def test_outside_there_is_none() -> None:
    assert running_backend() is None


def test_a_callback_of_asyncio_runs_in_its_loop_without_a_task() -> None:
    found: list[str | None] = []

    async def main() -> None:
        asyncio.get_running_loop().call_soon(lambda: found.append(running_backend()))
        await asyncio.sleep(0)

    asyncio.run(main())
    assert found == ["asyncio"]


def test_without_trio_there_is_no_trio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "trio", None)
    assert running_backend() is None


@pytest.mark.anyio
async def test_other_threads_come_in_by_the_entrance() -> None:
    arrived = anyio.Event()
    home, seen = threading.get_ident(), set[int]()
    enter = loop_entrance()

    def inside() -> None:
        seen.add(threading.get_ident())
        arrived.set()

    await anyio.to_thread.run_sync(lambda: enter(inside))
    await arrived.wait()
    assert seen == {home}


@pytest.mark.anyio
async def test_the_loop_s_clock_can_be_read_from_any_thread() -> None:
    clock = loop_clock()
    before = anyio.current_time()
    assert before <= await anyio.to_thread.run_sync(clock) <= anyio.current_time()
