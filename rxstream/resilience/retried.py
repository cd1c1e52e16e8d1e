"""An answer that is asked for again when it fails, and that somebody else may have begun to read."""

from copy import deepcopy
from typing import Any, TypeVar

from reactivex import Observable, abc

from rxstream.engine.observable import StreamObservable
from rxstream.engine.resumable import Continuation, ResumableObservable, Rung
from rxstream.engine.scope import scope_of
from rxstream.resilience.attempts import Attempts, Plan
from rxstream.sansio.delivered import Delivered
from rxstream.sansio.joint import PassedOn

__all__ = ("Retried",)

T_co = TypeVar("T_co", covariant=True)


class Retried(StreamObservable[T_co], ResumableObservable):
    """A source behind ``retry_stream``; with ``delivered``, the rest of its answer behind that."""

    def __init__(self, source: Observable[T_co], plan: Plan, delivered: Delivered | None = None) -> None:
        super().__init__(self._begin)
        self._source = source
        self._plan = plan
        self._delivered = delivered

    def _begin(
        self, observer: abc.ObserverBase[Any], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        # What is delivered grows from here on, and another subscription begins where this one did.
        delivered = deepcopy(self._delivered)
        return Attempts(self._source, self._plan, observer, scope_of(scheduler), delivered)

    def resume(self, rung: Rung, delivered: Delivered) -> Continuation | None:
        """Go on behind what was delivered, by the plan's own ladder."""
        ladder = self._plan.ladder
        if rung == "server" and not callable(ladder) and ladder:
            return Retried(self._source, self._plan, delivered), PassedOn(in_line=True)
        return None
