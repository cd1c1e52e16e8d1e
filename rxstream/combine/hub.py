"""One subscription of a source for several readers: what stands behind ``share_stream``.

A ``Hub`` has at most one ``Run`` that readers can join: one subscription of the source, driven by a task that
belongs to no reader, with a pump of its own. Each reader has a backlog of its own, and its own pump takes
from it as from any other source: nothing is pushed into it from outside.
"""

import threading
from collections import deque
from collections.abc import Iterable
from contextlib import aclosing
from functools import partial
from typing import Any

import anyio
from reactivex import Observable, abc

from rxstream.combine.reader import Policy, Reader
from rxstream.engine.backend import running_loop, spawn
from rxstream.engine.close_failures import is_from_cancelling
from rxstream.engine.observable import StreamObservable
from rxstream.engine.pump import Pump
from rxstream.errors import StreamInterrupted, UsageError
from rxstream.items import Restarted

__all__ = ("Hub", "Run")


class Hub:
    """A source, its readers, and what they read now."""

    def __init__(self, source: Observable[Any], replay: int) -> None:
        self.source = source
        self.replay = replay
        #: All that have subscribed and not left, in that order.
        self.readers: dict[Reader, None] = {}
        self._run: Run | None = None
        #: The run that nobody can join any more, as long as its source may be open.
        self.closing: Run | None = None
        self._lock = threading.Lock()

    def join(self, pump: Pump, policy: Policy) -> Reader:
        """Take a reader on: from now on it misses nothing."""
        with self._lock:
            home = running_loop()
            for run in (self._run, self.closing):
                if run is not None and run.home is not home:
                    raise UsageError(
                        "share_stream() is read in another event loop at this moment, and all its readers "
                        "must live in one, and so in one thread. Share the source once more for this loop: "
                        "source.pipe(rxs.share_stream(...))."
                    )
            if self._run is None:
                self._run = Run(self, home)
            run = self._run
        reader = Reader(run, pump, policy.backlog(run.latest(policy.replay)))
        self.readers[reader] = None
        run.readers[reader] = None
        return reader

    def retire(self, run: "Run") -> None:
        """Let nobody join this run any more: it has ended, or all have left it."""
        if self._run is run:
            self._run = None
            if run.started:
                self.closing = run

    def forget(self, run: "Run") -> None:
        """Learn that all of a run is closed."""
        self.retire(run)
        if self.closing is run:
            self.closing = None


class Run:
    """One subscription of the source. It starts when the first reader asks for an item."""

    def __init__(self, hub: Hub, home: object) -> None:
        self.home = home
        #: Those that still want something of it. Who has left, or has failed by itself, does not.
        self.readers: dict[Reader, None] = {}
        self.started = False
        #: Set when the source is closed.
        self.over = anyio.Event()
        #: What it ended in, raised in each reader behind all that it has parked.
        self.error: BaseException | None = None
        #: The reader whose leaving stopped it: it waits until the source is closed, and is told of
        self.stopped_by: Reader | None = None
        #: what went wrong in that.
        self.failure: BaseException | None = None
        self.hub = hub
        self._latest: deque[Any] = deque(maxlen=hub.replay)
        self._scope = anyio.CancelScope()
        self._room = anyio.Event()

    def latest(self, count: int) -> list[Any]:
        """Give the last items that came."""
        return [*self._latest][-count:] if count else []

    def start(self, pump: Pump) -> None:
        """Subscribe to the source, in a task that no reader takes with it when it leaves."""
        self.started = True
        # For as long as its task has not said anything else: no stream may look complete for that.
        self.error = StreamInterrupted(
            "The task that reads the source of share_stream() was cancelled from outside, as the end of an "
            "event loop does. Cancel the readers instead: the last one to leave stops it."
        )
        own = Pump(credit=pump.credit, close_timeout=pump.close_timeout)
        drive = partial(self._drive, own, self.hub.closing)
        spawn(drive, "rxstream: share_stream()", partial(self._finish, own))

    def leave(self, reader: Reader) -> None:
        """Count a reader out; the last one stops the run."""
        if reader not in self.readers:
            return
        del self.readers[reader]
        if reader.is_owed:
            self.make_room()
        if self.readers:
            return
        self.stopped_by = reader
        self.hub.retire(self)
        if self.started:
            self._scope.cancel()
        else:
            self.over.set()

    def make_room(self) -> None:
        """Learn that a reader for which an item waits has taken one, or has left."""
        self._room.set()

    # ------------------------------------------------------------ its own task

    async def _drive(self, pump: Pump, before: "Run | None") -> None:
        error: BaseException | None = None
        try:
            if before is not None:
                # Even if all have left meanwhile: nothing of this source may be open behind their leaving.
                await before.over.wait()
            with self._scope:
                if not self._scope.cancel_called:
                    async with pump:
                        pump.subscribe(self._signalling())
                        await self._distribute(pump)
        except BaseException as raised:  # noqa: BLE001 - raised where somebody waits
            cancelled = isinstance(raised, anyio.get_cancelled_exc_class())
            if self.stopped_by is None:
                error = self.error if cancelled else raised
            elif not cancelled and (not isinstance(raised, Exception) or is_from_cancelling(raised)):
                error = raised
        try:
            pump.raise_close_failure(error)
        except Exception as failure:  # noqa: BLE001 - as above
            error = failure
        if self.stopped_by is None:
            self.error = error
        else:
            self.failure = error

    def _finish(self, pump: Pump) -> None:
        self.hub.forget(self)
        self.over.set()
        for reader in self.readers:
            reader.wake()
            if pump.metrics is not None:
                reader.pump.metrics = pump.metrics

    def _signalling(self) -> Observable[Any]:
        """Make the source tell of its end before it is closed: who comes behind that connects anew."""

        def subscribe(
            observer: abc.ObserverBase[Any], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            def on_error(error: Exception) -> None:
                self.hub.retire(self)
                observer.on_error(error)

            def on_completed() -> None:
                self.hub.retire(self)
                observer.on_completed()

            return self.hub.source.subscribe(observer.on_next, on_error, on_completed, scheduler=scheduler)

        return StreamObservable(subscribe)

    def _offer(self, item: Any, readers: Iterable[Reader]) -> list[Reader]:
        """Give those that have no room, of those that are still here."""
        return [reader for reader in readers if reader in self.readers and not reader.offer(item)]

    async def _distribute(self, pump: Pump) -> None:
        """Park each item with every reader; wait for those that must not lose it and have no room."""
        readers, latest = self.readers, self._latest
        # Closed here: left to the garbage collector that would take another task.
        async with aclosing(pump.items()) as items:
            async for item in items:
                if item.__class__ is Restarted:
                    latest.clear()
                latest.append(item)
                owed = self._offer(item, tuple(readers))
                while owed:
                    self._room = anyio.Event()
                    await self._room.wait()
                    owed = self._offer(item, owed)
                if not readers:
                    return  # each has failed by itself
