"""Who may go in, and who waits: so many answers at once, so many of one owner, a queue that has an end."""

from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from typing import Any

from anyio import Event, move_on_after
from reactivex import Observable, abc
from reactivex.disposable import SingleAssignmentDisposable

from rxstream.engine.observable import PullObservable, StreamObservable
from rxstream.engine.resumable import pass_on
from rxstream.engine.scope import Scope, scope_of
from rxstream.service.settings import Limits
from rxstream.transports.refusals import Refusal

__all__ = ("Gate", "admit_stream")

_MOMENT = {"Retry-After": "1"}


class Gate:
    """Count those inside, and let the next one in when one leaves, first come, first served."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._waiting: deque[Event] = deque()
        self._of: Counter[str] = Counter()
        #: How many are inside.
        self.inside = 0
        #: Whether nobody is let in any more.
        self.closed = False

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return len(self._waiting)

    def check(self, owner: str | None) -> None:
        """Refuse whoever would not even be let into the queue.

        Raises ``Refusal``: 429 for an owner who has as many as one may have, 503 for a full queue.
        """
        if self.closed:
            raise Refusal(503, "the service is shutting down", code="shutting_down", headers=_MOMENT)
        if owner is not None and self._of[owner] >= self._limits.max_per_key:
            raise Refusal(
                429,
                f"this key has {self._limits.max_per_key} answers running, as many as it may have at once; "
                f"wait for one to end, or stop one",
                code="too_many_streams",
                headers=_MOMENT,
            )
        if self.inside >= self._limits.max_concurrent and len(self._waiting) >= self._limits.max_queue:
            raise self._busy()

    def lets_in(self, owner: str | None) -> bool:
        """Tell whether ``check`` refuses nothing."""
        try:
            self.check(owner)
        except Refusal:
            return False
        return True

    async def enter(self, owner: str | None) -> None:
        """Come in, after a wait if need be. Whoever is in must ``leave``. Raises ``Refusal``."""
        self.check(owner)
        self._count(owner, 1)
        if self.inside < self._limits.max_concurrent and not self._waiting:
            self.inside += 1
            return
        turn = Event()
        self._waiting.append(turn)
        try:
            with move_on_after(self._limits.max_wait):
                await turn.wait()
        except BaseException:
            self._give_up(turn, owner)
            raise
        if not turn.is_set():
            self._give_up(turn, owner)
            raise self._busy()

    def leave(self, owner: str | None) -> None:
        """Go out; the next one in the queue comes in."""
        self._count(owner, -1)
        if self._waiting:
            self._waiting.popleft().set()
        else:
            self.inside -= 1

    def _give_up(self, turn: Event, owner: str | None) -> None:
        if turn.is_set():  # its turn came at the very moment
            self.leave(owner)
        else:
            self._waiting.remove(turn)
            self._count(owner, -1)

    def _count(self, owner: str | None, change: int) -> None:
        if owner is not None:
            self._of[owner] += change
            if not self._of[owner]:
                del self._of[owner]

    def _busy(self) -> Refusal:
        return Refusal(
            503,
            f"{self._limits.max_concurrent} answers are being written, and the queue is full; try again",
            code="overloaded",
            headers=_MOMENT,
        )


def admit_stream(gate: Gate, owner: str | None) -> Callable[[Observable[Any]], Observable[Any]]:
    """Subscribe to a stream when the gate lets it in, and leave with its end, whatever that is.

    Raises ``Refusal``, as the stream's error, if it is not let in.
    """

    def operator(source: Observable[Any]) -> Observable[Any]:
        def subscribe(
            observer: abc.ObserverBase[Any], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            return _Admission(source, gate, owner, observer, scope_of(scheduler))

        return StreamObservable(subscribe)

    return pass_on(operator)


class _Admission(abc.DisposableBase):
    """One subscription: first at the gate, then inside."""

    def __init__(
        self,
        source: Observable[Any],
        gate: Gate,
        owner: str | None,
        observer: abc.ObserverBase[Any],
        scope: Scope,
    ) -> None:
        self._source = source
        self._gate = gate
        self._owner = owner
        self._observer = observer
        self._scope = scope
        self._inside = False
        self._over = False
        self._subscription = SingleAssignmentDisposable()
        self._subscription.disposable = PullObservable[Any](self._come_in, "the gate").subscribe(
            None, self._on_error, self._begin, scheduler=scope
        )

    async def _come_in(self) -> AsyncIterator[Any]:
        await self._gate.enter(self._owner)
        if self._over:  # left while it waited
            self._gate.leave(self._owner)
        else:
            self._inside = True
        return
        yield  # a source without items

    def _begin(self) -> None:
        self._subscription = subscription = SingleAssignmentDisposable()
        subscription.disposable = self._source.subscribe(
            self._observer.on_next, self._on_error, self._on_completed, scheduler=self._scope
        )

    def _on_error(self, error: Exception) -> None:
        self._leave()
        self._observer.on_error(error)

    def _on_completed(self) -> None:
        self._leave()
        self._observer.on_completed()

    def _leave(self) -> None:
        self._over = True
        if self._inside:
            self._inside = False
            self._gate.leave(self._owner)

    def dispose(self) -> None:
        """Let the stream go."""
        self._subscription.dispose()
        self._leave()
