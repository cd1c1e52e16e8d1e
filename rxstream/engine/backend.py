"""Which event loop runs here: what anyio has no public name for."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any, Final, Literal

__all__ = ("loop_clock", "loop_entrance", "running_backend", "running_loop", "spawn")

# A task that nobody holds may be collected in the middle of its work.
_tasks: Final[set[asyncio.Task[None]]] = set()


def running_backend() -> Literal["asyncio", "trio"] | None:
    """Tell which event loop runs in this thread, if any."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        trio: Any = sys.modules.get("trio")
        return "trio" if trio is not None and trio.lowlevel.in_trio_run() else None
    return "asyncio"


def loop_clock() -> Callable[[], float]:
    """Return the clock of this thread's event loop. It can be read from any thread, and outside tasks."""
    if running_backend() == "asyncio":
        return asyncio.get_running_loop().time
    trio: Any = sys.modules["trio"]
    return trio.lowlevel.current_clock().current_time  # type: ignore[no-any-return]


def loop_entrance() -> Callable[[Callable[[], Any]], Any]:
    """Return what other threads call to have something called in this one's event loop."""
    if running_backend() == "asyncio":
        return asyncio.get_running_loop().call_soon_threadsafe
    trio: Any = sys.modules["trio"]
    return trio.lowlevel.current_trio_token().run_sync_soon  # type: ignore[no-any-return]


def running_loop() -> object:
    """Return what tells the event loop that runs in this thread from every other one."""
    if running_backend() == "asyncio":
        return asyncio.get_running_loop()
    trio: Any = sys.modules["trio"]
    return trio.lowlevel.current_trio_token()


def spawn(async_fn: Callable[[], Coroutine[Any, Any, None]], name: str, done: Callable[[], object]) -> None:
    """Start a task that belongs to nobody: no cancel scope or task group of the caller's holds for it.

    It sees the caller's context variables. It must let no exception out: on trio that would be the end of
    the whole program. ``done`` is called when it is over, also if it was cancelled before it had begun.
    """
    if running_backend() == "asyncio":
        task = asyncio.get_running_loop().create_task(async_fn(), name=name)
        _tasks.add(task)
        task.add_done_callback(_tasks.discard)
        task.add_done_callback(lambda _: done())
        return

    async def run() -> None:
        try:
            await async_fn()
        finally:
            done()

    trio: Any = sys.modules["trio"]
    trio.lowlevel.spawn_system_task(run, name=name, context=copy_context())
