"""Tasks that sleep until there is something new: woken all together, for as little as that can cost."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import anyio

from rxstream.engine.backend import running_backend

__all__ = ("Sleepers",)


class Sleepers:
    """Any number of tasks of one event loop, each asleep until somebody wakes all of them.

    Between two events of a stream its reader sleeps, so this is in the path of every event of every client:
    a bare future is what asyncio itself cannot do without, and an event of anyio's costs three times as much.
    """

    __slots__ = ("_asleep", "_new")

    def __init__(self) -> None:
        self._asleep: list[Any] = []
        #: Makes a future; found when the first one is wanted, which is in the event loop.
        self._new: Callable[[], Any] = self._find

    def __bool__(self) -> bool:
        return bool(self._asleep)

    def wake(self) -> None:
        """Wake those who sleep now. Who is awake hears nothing of it: it looks before it sleeps."""
        if self._asleep:
            asleep, self._asleep = self._asleep, []
            for sleeper in asleep:
                # One that was cancelled in this turn of the loop has not got up yet.
                if not sleeper.done():
                    sleeper.set_result(None)

    async def sleep(self) -> None:
        """Sleep until the next ``wake``."""
        sleeper = self.lie_down()
        try:
            await sleeper
        except BaseException:
            with suppress(ValueError):
                self._asleep.remove(sleeper)
            raise

    def lie_down(self) -> Any:
        """Return what the next ``wake`` wakes, to be awaited at once.

        It is ``sleep``, for whom a coroutine of its own is too much for every event. If it is cancelled, it
        is forgotten at the next ``wake``: who may try again and again should ``sleep``.
        """
        sleeper = self._new()
        self._asleep.append(sleeper)
        return sleeper

    def _find(self) -> Any:
        here = running_backend() == "asyncio"
        self._new = asyncio.get_running_loop().create_future if here else _Future
        return self._new()


class _Future:
    """As much of a future as is wanted here, where there are none."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = anyio.Event()

    def done(self) -> bool:
        return self._event.is_set()

    def set_result(self, _: None) -> None:
        self._event.set()

    def __await__(self) -> Any:
        return self._event.wait().__await__()
