"""One source under a pump: opened when it is first asked, closed exactly once."""

from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Final
from warnings import warn

import anyio
from reactivex import abc

from rxstream.engine.close_failures import is_from_cancelling
from rxstream.engine.gate import Gate

if TYPE_CHECKING:
    from rxstream.engine.pump import Pump

__all__ = ("END", "Inlet")

#: Stands behind the last item that a source's task has parked.
END: Final = object()


class Inlet(abc.DisposableBase):
    """A source, and how far it is.

    Either the consumer's own task pulls it (``iterator``), or a task of the pump does (``run``) and parks
    what it gets; once it has a task it keeps it.
    """

    __slots__ = (
        "_closing",
        "_opener",
        "_pump",
        "_room",
        "_running",
        "_scope",
        "closed",
        "error",
        "gates",
        "iterator",
        "limits",
        "observer",
        "parked",
        "ringed",
        "tasked",
        "wanted",
    )

    def __init__(
        self,
        pump: "Pump",
        opener: Callable[[], AsyncIterator[Any]],
        observer: Any,
        gates: tuple[Gate, ...] = (),
        limits: int = 0,
    ) -> None:
        self._pump = pump
        self._opener = opener
        self.observer: abc.ObserverBase[Any] = observer
        self.gates = gates
        #: How many operators that set time limits stand behind it.
        self.limits = limits
        self.iterator: AsyncIterator[Any] | None = None
        self.parked: deque[Any] = deque()
        #: The error at the source's end, if it was one.
        self.error: Exception | None = None
        self.tasked = False
        #: Whether it stands in the pump's ring of those that have parked something.
        self.ringed = False
        #: One item is asked for, though it is the only source and so has no credit.
        self.wanted = False
        self._closing = False
        self._running = False
        self._scope: anyio.CancelScope | None = None
        self._room: anyio.Event | None = None
        #: Set when the source is closed; there only if it has a task.
        self.closed: anyio.Event | None = None

    def dispose(self) -> None:
        """Leave the pump: the source will be asked for nothing more, and closed in the pump's next turn."""
        self._pump.detach(self)

    def open(self) -> AsyncIterator[Any]:
        """Return the source's iterator, made at the first call."""
        if self.iterator is None:
            self.iterator = aiter(self._opener())
        return self.iterator

    async def close(self, timeout: float) -> Exception | None:  # noqa: ASYNC109 - a setting of the pump
        """Close the source, once: shielded from cancellation, within ``timeout`` seconds.

        Returns the error that the closing itself ended in.
        """
        if self._running:
            self.cancel()
            assert self.closed is not None
            with anyio.CancelScope(shield=True):
                await self.closed.wait()
            return None
        return await self._close_iterator(timeout)

    async def _close_iterator(self, timeout: float) -> Exception | None:  # noqa: ASYNC109
        if self._closing or self.iterator is None:
            return None
        self._closing = True
        close = getattr(self.iterator, "aclose", None)
        if close is None:
            return None
        try:
            with anyio.move_on_after(timeout, shield=True) as scope:
                await close()
            if scope.cancelled_caught:
                warn(
                    f"rxstream: closing {self.iterator!r} took longer than {timeout} s and was given up; "
                    f"its connection may be open still. Pass a larger close_timeout if it needs the time.",
                    RuntimeWarning,
                    stacklevel=2,
                )
        except Exception as error:  # noqa: BLE001 - the caller has a place for it; warnings may be errors
            return error
        return None

    # ------------------------------------------------------------ with a task of its own

    def start(self) -> None:
        """Let a task of the pump pull the source from now on."""
        self.tasked = True
        self.closed = anyio.Event()

    def cancel(self) -> None:
        """Stop the task, if there is one; ``close`` waits for it."""
        if self._scope is not None:
            self._scope.cancel()

    def want(self) -> None:
        """Ask for one item."""
        self.wanted = True
        self.may_pull()

    def may_pull(self) -> None:
        """Say that there is room, or demand, again."""
        if self._room is not None:
            self._room.set()

    def taken(self) -> None:
        """Learn that a parked item was taken; a source that fans in goes on when half of its room is free.

        To wake its task for every item would cost two switches of tasks for each.
        """
        if self._room is not None and len(self.parked) * 2 <= self._pump.credit:
            self._room.set()

    async def run(self) -> None:
        """Pull the source and park its items, until its end or until ``close``."""
        pump = self._pump
        if pump.is_detached(self):
            return
        self._running = True
        try:
            with anyio.CancelScope() as self._scope:
                await self._pull()
        except Exception as error:  # noqa: BLE001 - it travels down the chain
            if not pump.is_detached(self):
                self.error = error
            elif is_from_cancelling(error):
                pump.report_close_failure(error, None)
            # Else it failed by itself at the moment at which it was let go, and nobody waits for its end.
        except BaseException as error:  # noqa: BLE001 - raised where somebody waits for the next item
            # Also a cancellation that is not of our making: the stream must not look complete for it.
            # It ends here: out of the task group it would hide the reader's own exception.
            pump.report_fatal(error)
        finally:
            self._scope = None
            await self._finish()

    async def _finish(self) -> None:
        """Close the source and park its end; whatever happens, nobody waits for that in vain."""
        pump = self._pump
        try:
            failure = await self._close_iterator(pump.close_timeout)
            if failure is not None:
                pump.report_close_failure(failure, self.error)
        except BaseException as error:  # noqa: BLE001 - raised where somebody waits for the next item
            pump.report_fatal(error)
        finally:
            self._running = False
            assert self.closed is not None
            self.closed.set()
            self.parked.append(END)
            pump.arrived(self)

    async def _pull(self) -> None:
        pump, parked, gates = self._pump, self.parked, self.gates
        iterator = self.open()
        while True:
            while not (len(parked) < pump.credit if pump.fans_in() else self.wanted):
                self._room = anyio.Event()
                await self._room.wait()
            # Most have no gate, and this runs for every item.
            shut = next((gate for gate in gates if not gate.is_open), None) if gates else None
            if shut is not None:
                await shut.wait()
                continue  # much may have changed meanwhile
            try:
                item = await anext(iterator)
            except StopAsyncIteration:
                return
            # Not before: who asked again during the wait asked for this one.
            self.wanted = False
            parked.append(item)
            pump.arrived(self)
