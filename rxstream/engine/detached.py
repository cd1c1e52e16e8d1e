"""A plain ``subscribe``: the stream is driven by an asyncio task of its own."""

import asyncio
import threading
from functools import partial
from typing import Any

import anyio
from reactivex import Observable, abc
from reactivex.disposable import Disposable
from reactivex.internal import default_error, noop

from rxstream.engine.backend import running_backend, spawn
from rxstream.engine.pump import Pump
from rxstream.errors import NoPump

__all__ = ("subscribe_detached",)


def subscribe_detached(
    observable: Observable[Any],
    on_next: Any,
    on_error: abc.OnError | None,
    on_completed: abc.OnCompleted | None,
    scheduler: abc.SchedulerBase | None,
) -> abc.DisposableBase:
    """Subscribe now, drive from a task, stop and close the source when the result is disposed of."""
    if running_backend() != "asyncio":
        msg = (
            "A plain subscribe() needs a running asyncio loop to drive the stream, and there is none here "
            "(under trio there never is). Write `async with rxstream.open_stream(observable) as items:` in "
            "async code, on asyncio or trio, or `rxstream.run(observable)` in synchronous code."
        )
        raise NoPump(msg)
    if hasattr(on_next, "on_next"):
        on_error, on_completed, on_next = on_next.on_error, on_next.on_completed, on_next.on_next
    loop = asyncio.get_running_loop()
    home = threading.get_ident()
    pump = Pump()
    link = pump.connect(observable, on_next or noop, scheduler or pump.scope)
    scope = anyio.CancelScope()
    drive = partial(_drive, pump, scope, on_error or default_error, on_completed or noop)
    spawn(drive, "rxstream subscribe()", noop)

    def dispose() -> None:
        if threading.get_ident() != home:
            loop.call_soon_threadsafe(dispose)
            return
        pump.disposed = True
        link.dispose()
        # The task may be in the middle of a wait for the source's next item.
        scope.cancel()

    return Disposable(dispose)


async def _drive(
    pump: Pump, scope: anyio.CancelScope, on_error: abc.OnError, on_completed: abc.OnCompleted
) -> None:
    """Run the pump to its end, and tell the observer of it when the source is closed."""
    error: Exception | None = None
    try:
        with scope:
            async with pump:
                try:
                    # To the end: nothing comes out, since the observer itself is the end of the chain.
                    await anext(pump.items(), None)
                except Exception as failure:
                    # The observer's own exception is not the stream's error: it must not come back to it.
                    if pump.disposed or failure is pump.escaped:
                        raise
                    error = failure
        pump.raise_close_failure(error)
        if pump.disposed:
            return
        if error is None:
            on_completed()
        else:
            on_error(error)
    except Exception as failure:  # noqa: BLE001 - nobody awaits this task, so the loop is told
        asyncio.get_running_loop().call_exception_handler(
            {
                "message": "rxstream: a plain subscribe() failed where nobody could be told",
                "exception": failure,
            }
        )
