"""The scheduler that operators see: the pump, with the face that Rx expects."""

import threading
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

from reactivex import abc, typing
from reactivex.scheduler.periodicscheduler import PeriodicScheduler

from rxstream.engine.gate import Gate

if TYPE_CHECKING:
    from rxstream.engine.inlet import Inlet
    from rxstream.engine.pump import Pump
    from rxstream.engine.timers import Timers

__all__ = ("Scope", "Work", "active_scope", "enlist", "scope_of")

S = TypeVar("S")


class Work(abc.DisposableBase):
    """A scheduled action; disposing of it calls it off."""

    __slots__ = ("_action", "_result", "_scope", "_state", "_timers", "disposed")

    def __init__(
        self, scope: "Scope", action: Callable[..., Any], state: Any, timers: "Timers | None" = None
    ) -> None:
        self._scope = scope
        self._action = action
        self._state = state
        self._timers = timers
        self._result: abc.DisposableBase | None = None
        self.disposed = False

    def dispose(self) -> None:
        """Call the action off, or dispose of what it returned."""
        if self.disposed:
            return
        self.disposed = True
        if self._timers is not None:
            timers, self._timers = self._timers, None
            timers.forget()
        if self._result is not None:
            self._result.dispose()

    def run(self) -> None:
        """Do it, once."""
        self._timers = None
        result = self._scope.invoke_action(self._action, self._state)
        if self.disposed:
            result.dispose()
        else:
            self._result = result


class Scope(PeriodicScheduler):
    """The pump, as an operator sees it: a scheduler whose actions and timers run in the pump's own task.

    Timers fire only while somebody waits for the next item: a stream that nobody reads stands still.
    """

    def __init__(self, pump: "Pump", gates: tuple[Gate, ...] = (), limits: int = 0) -> None:
        super().__init__()
        self.pump = pump
        self.gates = gates
        self.limits = limits

    def child(self, gate: Gate) -> "Scope":
        """Return a scope for subscribing upstream: its sources are asked only while ``gate`` is open.

        And while those of the operators behind this one are.
        """
        return Scope(self.pump, (*self.gates, gate), self.limits)

    def attach(self, opener: Callable[[], AsyncIterator[Any]], observer: abc.ObserverBase[Any]) -> "Inlet":
        """Have the pump ask a source for its items, as far as the operators behind it let it."""
        return self.pump.attach(opener, observer, self.gates, self.limits)

    def limited(self) -> "Scope":
        """Return a scope for the upstream of an operator that sets alarms: see ``Pump.limit``."""
        return Scope(self.pump, self.gates, self.limits + 1)

    @property
    def now(self) -> datetime:
        """The pump's time, in UTC: it moves with the event loop's clock, also when that is virtual."""
        return self.pump.timers.now()

    def schedule(self, action: abc.ScheduledAction[S], state: S | None = None) -> abc.DisposableBase:
        """Run an action in the pump's next turn."""
        work = Work(self, action, state)
        self.pump.schedule(work)
        return work

    def schedule_relative(
        self, duetime: typing.RelativeTime, action: abc.ScheduledAction[S], state: S | None = None
    ) -> abc.DisposableBase:
        """Run an action after ``duetime`` seconds."""
        seconds = self.to_seconds(duetime)
        if seconds <= 0:
            return self.schedule(action, state)
        work = Work(self, action, state, self.pump.timers)
        self.pump.schedule(work, seconds)
        return work

    def schedule_absolute(
        self, duetime: typing.AbsoluteTime, action: abc.ScheduledAction[S], state: S | None = None
    ) -> abc.DisposableBase:
        """Run an action at ``duetime``, in UTC."""
        return self.schedule_relative(self.to_datetime(duetime) - self.now, action, state)


class _Pumps(threading.local):
    """The pumps that live in this thread."""

    def __init__(self) -> None:
        self.alive: WeakSet[Pump] = WeakSet()


_pumps = _Pumps()


def active_scope() -> Scope | None:
    """Return the scope of the pump that is running operators at this very moment, if any.

    A pump raises its flag only around the synchronous stretches in which it pushes an item, subscribes or
    runs an action, so within one thread there is at most one. A context variable could not tell that
    moment from the consumer's own code between two items.
    """
    for pump in _pumps.alive:
        if pump.driving:
            return pump.scope
    return None


def scope_of(scheduler: abc.SchedulerBase | None) -> Scope:
    """Return the scope that an operator was subscribed with, or that of the pump that runs it.

    An operator that was given a scheduler of its own (delay, subscribe_on, ...) passes that one up.
    """
    scope = scheduler if isinstance(scheduler, Scope) else active_scope()
    assert scope is not None, "subscribe() found a pump or made one"
    return scope


def enlist(pump: "Pump") -> None:
    """Let ``active_scope`` find this pump, in this thread, as long as it lives."""
    _pumps.alive.add(pump)
