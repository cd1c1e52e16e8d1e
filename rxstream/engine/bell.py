"""Wake a waiting task, from its own thread or from another one."""

import threading
from contextlib import suppress
from math import inf

import anyio

from rxstream.engine.backend import loop_entrance

__all__ = ("Bell",)


class Bell:
    """Rung by whoever has something for the pump; the pump sleeps until it rings.

    Operators and hot sources of a user may ring it from any thread.
    """

    __slots__ = ("_call_soon", "_event", "_rung", "_thread")

    def __init__(self) -> None:
        self._event: anyio.Event | None = None
        self._rung = False
        self._thread = threading.get_ident()
        self._call_soon = loop_entrance()

    def ring(self) -> None:
        """Wake the sleeper, or keep the next one from falling asleep."""
        if threading.get_ident() == self._thread:
            self._ring_here()
        else:
            # A loop that is over has nobody asleep.
            with suppress(RuntimeError):
                self._call_soon(self._ring_here)

    def _ring_here(self) -> None:
        self._rung = True
        if self._event is not None:
            self._event.set()

    async def wait(self, deadline: float) -> None:
        """Sleep until the bell rings, or until ``deadline`` on the event loop's clock."""
        if not self._rung:
            self._event = event = anyio.Event()
            if deadline == inf:
                await event.wait()
            else:  # a scope costs more than the wait does
                with anyio.CancelScope(deadline=deadline):
                    await event.wait()
            self._event = None
        self._rung = False
