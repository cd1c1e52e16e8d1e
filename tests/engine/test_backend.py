"""Which event loop runs here."""

import asyncio
import gc
import threading
from contextvars import ContextVar
from weakref import ref

import anyio
import anyio.to_thread
import pytest
from anyio.lowlevel import checkpoint

from rxstream.engine.backend import loop_clock, loop_entrance, running_backend, running_loop, spawn
from tests.engine.sources import Backend

user: ContextVar[str] = ContextVar("user", default="nobody")


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


@pytest.mark.anyio
async def test_one_loop_is_not_another(anyio_backend: Backend) -> None:
    async def other() -> object:
        return running_loop()

    assert running_loop() is running_loop()
    loops = [await anyio.to_thread.run_sync(lambda: anyio.run(other, backend=anyio_backend)) for _ in "12"]
    assert running_loop() not in loops


@pytest.mark.anyio
async def test_a_spawned_task_outlives_who_started_it_and_sees_its_context() -> None:
    seen: list[str] = []
    go_on, done = anyio.Event(), anyio.Event()

    async def work() -> None:
        await go_on.wait()
        seen.append(user.get())
        user.set("the task")

    async def start() -> None:
        user.set("me")
        with anyio.CancelScope() as scope:
            spawn(work, "work", done.set)
            scope.cancel()
            await checkpoint()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(start)
    gc.collect()
    go_on.set()
    with anyio.fail_after(5):
        await done.wait()
    assert seen == ["me"]
    assert user.get() == "nobody"


@pytest.mark.anyio
async def test_nothing_of_a_spawned_task_is_kept() -> None:
    class Kept:
        pass

    kept, done = Kept(), anyio.Event()

    async def work(_: Kept = kept) -> None:
        await checkpoint()

    alive = ref(kept)
    spawn(work, "work", done.set)
    await done.wait()
    await anyio.wait_all_tasks_blocked()
    del kept, work
    gc.collect()
    assert alive() is None


def test_it_is_over_even_if_it_never_began() -> None:
    async def work() -> None:
        raise AssertionError("it was cancelled")

    async def main() -> None:
        done = asyncio.Event()
        spawn(work, "work", done.set)
        (task,) = [task for task in asyncio.all_tasks() if task.get_name() == "work"]
        task.cancel()
        await done.wait()

    asyncio.run(main())
