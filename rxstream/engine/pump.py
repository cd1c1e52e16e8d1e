"""The pump: drives a chain of Observables for whoever iterates over it. It knows both Rx and anyio.

One source and no timer: the consumer's own task pulls the source, pushes the item through the chain and
hands over what came out. No task, no queue: backpressure is that nobody asks. Several sources, or a timer:
a task for each source, which parks up to ``credit`` items; a single source is asked for one item at a time
even then. The pump takes from the sources in turn, so a busy one cannot starve the others, and a turn costs
the same however many there are. Operators always run in the consumer's task.
"""

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from types import AsyncGeneratorType
from typing import Any, Self

import anyio
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint
from reactivex import Observable, abc

from rxstream.engine.alarms import Alarms, Expired, Watched
from rxstream.engine.bell import Bell
from rxstream.engine.close_failures import CloseFailures
from rxstream.engine.fuse import Fused
from rxstream.engine.gate import Gate
from rxstream.engine.hot import has_hot_source
from rxstream.engine.inlet import END, Inlet
from rxstream.engine.lift import LiftedObservable
from rxstream.engine.link import Link
from rxstream.engine.observable import PullObservable
from rxstream.engine.scope import Scope, Work, enlist
from rxstream.engine.straight import PATIENCE, straight_items
from rxstream.engine.timers import Timers

__all__ = ("Pump",)


class Pump:
    """One subscription, driven by one consumer at a time."""

    def __init__(self, *, credit: int = 8, close_timeout: float = 5.0) -> None:
        self.credit = credit
        self.close_timeout = close_timeout
        #: Its subscriber has left and wants to hear nothing more, not even the end.
        self.disposed = False
        #: True exactly while operators run.
        self.driving = False
        self.scope = Scope(self)
        self.task_group: TaskGroup | None = None
        #: An exception of an operator's own callback, which no chain may mistake for the stream's error.
        self.escaped: Exception | None = None
        #: What measure_stream found, for whoever collects.
        self.metrics: Any = None
        self._out: deque[Any] = deque()
        # Where the chain's end puts what comes: into nothing, once it has told its own end.
        self._inbox = self._out
        self.timers = Timers()
        self.alarms = Alarms(self.timers.clock)
        self._limits = 0
        self._live: dict[Inlet, None] = {}
        self._starting: dict[Inlet, None] = {}
        self._leaving: deque[Inlet] = deque()
        self._ring: deque[Inlet] = deque()
        # Something happened that the direct loop must look at.
        self._changed = False
        self._hot = False
        self._done = False
        #: ``items`` has come to its end, good or bad. If it stops without that, a read was cancelled.
        self.ended = False
        self._error: Exception | None = None
        self._fatal: BaseException | None = None
        failures = CloseFailures()
        self.report_close_failure = failures.report
        self.raise_close_failure = failures.raise_now
        self._root: abc.DisposableBase | None = None
        self._bell = Bell()
        self._straight: tuple[Inlet, Fused, Callable[[], Fused]] | None = None

    # ------------------------------------------------------------ subscribing

    def subscribe(self, observable: Observable[Any]) -> None:
        """Subscribe to what ``items`` will give. Nothing is opened yet."""
        if isinstance(observable, PullObservable):
            self._straight = self.attach(observable.opener, None), Fused(()), lambda: Fused(())
        elif isinstance(observable, LiftedObservable) and isinstance(observable.upstream, PullObservable):
            # The whole chain is ours, down to the source: no Rx between them at all.
            inlet = self.attach(observable.upstream.opener, None)
            self._straight = inlet, observable.chain(), observable.chain
        else:
            self.connect(observable, self._sink_next, self.scope)

    def connect(
        self, observable: Observable[Any], on_next: Callable[[Any], None], scheduler: abc.SchedulerBase
    ) -> abc.DisposableBase:
        """Subscribe ``on_next`` as the chain's end; the end's signals come out of ``items``."""
        self._hot = has_hot_source(observable)
        enlist(self)
        link = Link(on_next, self._sink_error, self._sink_completed)
        self._root = link
        self.driving = True
        try:
            link.hold(observable.subscribe(link, scheduler=scheduler))
        finally:
            self.driving = False
        return link

    def attach(
        self,
        opener: Callable[[], AsyncIterator[Any]],
        observer: Any,
        gates: tuple[Gate, ...] = (),
        limits: int = 0,
    ) -> Inlet:
        """Take a source on; it is opened when it is first asked for an item."""
        inlet = Inlet(self, opener, observer, gates, limits)
        if len(self._live) == 1:
            next(iter(self._live)).may_pull()  # from demand to credit
        self._live[inlet] = None
        self._starting[inlet] = None
        self._kick()
        return inlet

    def detach(self, inlet: Inlet) -> None:
        """Let a source go; it is closed before the consumer gets anything more."""
        if inlet in self._live:
            self._remove(inlet)
            self._kick()

    def _remove(self, inlet: Inlet) -> None:
        del self._live[inlet]
        self._starting.pop(inlet, None)
        self._leaving.append(inlet)

    def is_detached(self, inlet: Inlet) -> bool:
        """Tell whether nobody wants it any more."""
        return inlet not in self._live

    def fans_in(self) -> bool:
        """Tell whether several sources are live, so that each may run ahead by its credit."""
        return len(self._live) > 1

    def limit(self, change: int) -> None:
        """Learn that an operator that sets alarms has begun (1), or ended (-1)."""
        self._limits += change
        self._kick()

    def schedule(self, work: Work, seconds: float = 0) -> None:
        """Have an action run in the next turn, or in so many seconds."""
        self.timers.add(seconds, work)
        self._kick()

    # ------------------------------------------------------------ what sources and the chain's end report

    def arrived(self, inlet: Inlet) -> None:
        """Learn that a source's task has parked something."""
        if not inlet.ringed:
            inlet.ringed = True
            self._ring.append(inlet)
            self._bell.ring()

    def report_fatal(self, error: BaseException) -> None:
        """Take a KeyboardInterrupt or its like from a source's task to where somebody waits."""
        if self._fatal is None or isinstance(self._fatal, anyio.get_cancelled_exc_class()):
            self._fatal = error
        self._bell.ring()

    def stop(self) -> None:
        """End the stream, as its own end does."""
        self._done = True
        self._kick()

    def _sink_next(self, value: Any) -> None:
        self._inbox.append(value)
        if not self.driving:
            self._kick()

    def _sink_error(self, error: Exception) -> None:
        self._error = error
        self._sink_completed()

    def _sink_completed(self) -> None:
        self._inbox = deque[Any](maxlen=0)
        self.stop()

    def _kick(self) -> None:
        self._changed = True
        if not self.driving:
            self._hot = True  # somebody speaks who was not asked
            self._bell.ring()

    # ------------------------------------------------------------ driving

    def items(self) -> AsyncGeneratorType[Any, None]:
        """Iterate over what comes out of the chain, until its end; raise its error.

        The upstream is closed before the end, or the error, is seen.
        """
        items = self._chain_items() if self._straight is None else straight_items(self, *self._straight)
        assert isinstance(items, AsyncGeneratorType)
        return items

    # One long function on purpose: whatever is called here is called for every item.
    async def _chain_items(self) -> AsyncGenerator[Any, None]:  # noqa: C901, PLR0912, PLR0915
        out, pop = self._out, self._out.popleft
        ready, timers = self.timers.ready, self.timers.heap
        patience = PATIENCE
        while True:
            self._changed = False
            if self._leaving or self._done:
                await self._close_leaving()
            if self._starting and not self._done and self._only_source() is None:
                self._start_tasks()  # before the reader goes away with an item: they run meanwhile
            while out:
                yield pop()
            if self._fatal is not None:
                fatal, self._fatal = self._fatal, None
                raise fatal
            if self._done:
                break
            patience -= 1
            if not patience:
                # Each source's task may park an item in one turn of the event loop: a pump that took fewer
                # between two turns would fall behind, and every task be stopped and woken for each item.
                patience = max(PATIENCE, len(self._live))
                await checkpoint()
                self.alarms.run_due(self._drive)
            ran = (ready or timers) and self.timers.run_due(self._drive)
            if self._deliver():
                continue
            if ran:
                # Not only when there is nothing else to do: timers of which one is always due must not
                # starve the sources.
                if self._only_source() is None and not self._done:
                    self._ask()
                continue
            # Last of all: an item that has come moves them.
            if self.alarms.run_due(self._drive):
                continue
            inlet = self._only_source()
            if inlet is None:
                self._ask()
                await self.alarms.wait(self._bell, self.timers.next_deadline())
                continue

            # The consumer's own task pulls the only source.
            push = inlet.observer.on_next
            failed: Exception | None = None
            try:
                async for item in Watched(inlet.open(), self.alarms) if self._limits else inlet.open():
                    self.driving = True
                    push(item)
                    self.driving = False
                    if self._changed:
                        break
                    patience -= 1
                    if out:
                        yield pop()
                        while out:
                            yield pop()
                    elif patience:
                        continue  # nothing has run since the last look
                    if not patience:
                        patience = PATIENCE
                        await checkpoint()
                    if self._changed:
                        break
                else:
                    self._end(inlet, None)
            except Exception as error:  # noqa: BLE001 - it travels down the chain, or out of here
                failed = error
            finally:
                escaped, self.driving = self.driving, False
            if failed is not None:
                if escaped:
                    self._escape(failed)
                elif isinstance(failed, Expired):
                    self.alarms.run_due(self._drive)
                else:
                    self._end(inlet, failed)
        self.ended = True
        self.raise_close_failure(self._error)
        if self._error is not None:
            raise self._error

    def _only_source(self) -> Inlet | None:
        """Return the source that the consumer's task can pull itself, if that is how things are.

        An alarm cancels what that task waits for, and the source with it: all alarms must be about this one.
        """
        if len(self._live) != 1 or self._hot or self.timers:
            return None
        inlet = next(iter(self._live))
        return None if inlet.tasked or inlet.gates or inlet.limits != self._limits else inlet

    def _deliver(self) -> bool:
        """Push one parked item of the source whose turn it is."""
        if not self._ring or self._done:
            return False
        inlet = self._ring.popleft()
        item = inlet.parked.popleft()
        if inlet.parked:
            self._ring.append(inlet)
        else:
            inlet.ringed = False
        if item is END:
            self._end(inlet, inlet.error)
        elif inlet in self._live:
            inlet.taken()
            self._drive(inlet.observer.on_next, item)
        return True

    def _start_tasks(self) -> None:
        """Give every new source a task."""
        assert self.task_group is not None
        for inlet in self._starting:
            inlet.start()
            self.task_group.start_soon(inlet.run)
        self._starting.clear()

    def _ask(self) -> None:
        """Give every source a task; one that is alone is asked for one item."""
        self._start_tasks()
        if len(self._live) == 1:
            next(iter(self._live)).want()

    def _end(self, inlet: Inlet, error: Exception | None) -> None:
        """Take a source off, and tell the chain how it ended."""
        if inlet not in self._live:
            return
        inlet.error = error
        self._remove(inlet)
        if error is None:
            self._drive(inlet.observer.on_completed)
        else:
            self._drive(inlet.observer.on_error, error)

    def _drive(self, action: Callable[..., object], *arguments: Any) -> None:
        self.driving = True
        try:
            action(*arguments)
        except Exception as error:  # noqa: BLE001 - raised where somebody waits for the next item
            self._escape(error)
        finally:
            self.driving = False

    def _escape(self, error: Exception) -> None:
        self.escaped = self._error = error
        self._done = True

    # ------------------------------------------------------------ closing

    async def __aenter__(self) -> Self:
        self.task_group = await anyio.create_task_group().__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        # The task group hears nothing of the consumer's exception: it would wrap it. When its turn
        # comes no task of it is left, whatever happened.
        assert self.task_group is not None
        try:
            await self.close()
        finally:
            await self.task_group.__aexit__(None, None, None)
            if self._fatal is not None and not isinstance(self._fatal, anyio.get_cancelled_exc_class()):
                raise self._fatal

    async def close(self) -> None:
        """Close whatever is open still."""
        self._done = True
        if self._root is not None:
            root, self._root = self._root, None
            try:
                root.dispose()  # an operator's own clean-up (ops.finally_action) runs here
            except Exception as error:  # noqa: BLE001 - raised when everything is closed
                self.report_close_failure(error, None)
        await self.close_sources()

    async def close_sources(self) -> None:
        """Close every source, those that are live, too."""
        self._leaving.extend(self._live)
        self._live.clear()
        await self._close_leaving()

    async def _close_leaving(self) -> None:
        leaving = self._leaving
        if self._done:
            leaving.extend(self._live)
            self._live.clear()
        for inlet in leaving:
            inlet.cancel()
        while leaving:
            inlet = leaving[0]
            failure = await inlet.close(self.close_timeout)
            if failure is not None:
                self.report_close_failure(failure, inlet.error or self._error)
            leaving.popleft()
