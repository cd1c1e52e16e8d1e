"""Which event loop runs here: what anyio has no public name for."""

import asyncio
import sys
from collections.abc import Callable
from typing import Any, Literal

__all__ = ("loop_clock", "loop_entrance", "running_backend")


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
