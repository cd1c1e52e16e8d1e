"""A boundary in a chain: what stands before it runs in a task of its own, at its own pace.

The upstream part has a pump of its own, which a task of the reader's pump drives; what it brings is parked in
a ``Backlog``, and the reader's pump takes it from there as from any other source. So the upstream goes on
while the reader is busy with something else, as far as the backlog lets it.
"""

from collections.abc import Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import anyio
from reactivex import Observable, abc

from rxstream.engine.observable import StreamObservable
from rxstream.engine.scope import scope_of
from rxstream.sansio.backlog import Backlog

if TYPE_CHECKING:
    from rxstream.engine.pump import Pump

__all__ = ("BoundaryObservable",)


class BoundaryObservable(StreamObservable[Any]):
    """An upstream behind a boundary; ``make`` makes the backlog of one subscription."""

    def __init__(self, upstream: Observable[Any], make: Callable[[], Backlog[Any]]) -> None:
        super().__init__(self._attach)
        self.upstream = upstream
        self._make = make

    def _attach(
        self, observer: abc.ObserverBase[Any], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        scope = scope_of(scheduler)
        boundary = _Boundary(scope.pump, self.upstream, self._make())
        return scope.attach(lambda: boundary, observer)


class _Boundary:
    """One subscription: an async iterator over what the upstream's task has parked."""

    def __init__(self, pump: "Pump", upstream: Observable[Any], backlog: Backlog[Any]) -> None:
        self._pump = pump
        self._upstream = upstream
        self._backlog = backlog
        self._scope = anyio.CancelScope()
        self._started = False
        self._arrived = anyio.Event()
        self._room: anyio.Event | None = None
        self._ended = anyio.Event()
        self._error: BaseException | None = None
        self._close_failure: Exception | None = None

    def __aiter__(self) -> "_Boundary":
        return self

    async def __anext__(self) -> Any:
        if not self._started:
            self._started = True
            assert self._pump.task_group is not None
            self._pump.task_group.start_soon(self._drive)
        while not self._backlog:
            if self._ended.is_set():
                error, self._error = self._error, None
                if error is not None:
                    raise error
                raise StopAsyncIteration
            self._arrived = anyio.Event()
            await self._arrived.wait()
        item = self._backlog.take()
        if self._room is not None:
            self._room.set()
        return item

    async def aclose(self) -> None:
        """Stop the upstream's task, and wait until everything in it is closed; raise what that ended in."""
        if not self._started:
            return
        self._scope.cancel()
        await self._ended.wait()
        if self._close_failure is not None:
            raise self._close_failure

    async def _drive(self) -> None:
        # The pump stands on the chain, and this is a part of one.
        from rxstream.engine.pump import Pump  # noqa: PLC0415

        pump = Pump(credit=self._pump.credit, close_timeout=self._pump.close_timeout)
        try:
            with self._scope:
                async with pump:
                    pump.subscribe(self._upstream)
                    async with aclosing(pump.items()) as items:
                        async for item in items:
                            await self._park(item)
        except BaseException as error:  # noqa: BLE001 - raised behind what is parked, where somebody waits
            self._error = error
        try:
            pump.raise_close_failure(self._error)
        except Exception as failure:  # noqa: BLE001 - raised by who closes: else ``items`` would have
            self._close_failure = failure
        if pump.metrics is not None:
            self._pump.metrics = pump.metrics
        self._ended.set()
        self._arrived.set()

    async def _park(self, item: Any) -> None:
        while not self._backlog.put(item):
            self._room = anyio.Event()
            await self._room.wait()
        self._arrived.set()
