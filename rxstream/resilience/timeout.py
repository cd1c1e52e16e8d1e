"""Time limits: on the first content, on every gap, on the whole."""

from collections.abc import Callable
from math import inf
from typing import Any, TypeVar

from reactivex import Observable, abc

from rxstream.engine.alarms import Alarm
from rxstream.engine.arguments import check_number
from rxstream.engine.observable import StreamObservable
from rxstream.engine.pipeline import named
from rxstream.engine.resumable import pass_on
from rxstream.engine.scope import scope_of
from rxstream.errors import FirstTokenTimeout, StreamStalled, StreamTimeout, TotalTimeout
from rxstream.sansio.content import has_content
from rxstream.sansio.delivered import Delivered

__all__ = ("timeout_stream",)

T = TypeVar("T")


@named
def timeout_stream(
    *, first: float | None = None, gap: float | None = None, total: float | None = None
) -> Callable[[Observable[T]], Observable[T]]:
    """End a stream that takes too long, with its upstream closed.

        --'Hel'--'lo'--------
        timeout_stream(gap=8)
        --'Hel'--'lo'----#

        async def stalls():
            yield "Hel"
            await anyio.sleep(3600)

        try:
            rxs.run(rxs.from_stream(stalls).pipe(rxs.timeout_stream(first=10, gap=0.05)))
        except rxs.StreamStalled as error:
            print(error.partial.content, error.seconds)
        #> Hel 0.05

    All in seconds, None for no limit. ``first``: until the first content; raises FirstTokenTimeout. ``gap``:
    from one piece of content to the next, or to the end; raises StreamStalled. ``total``: the whole, from the
    first demand on; raises TotalTimeout. Only content counts: text, reasoning, tool calls, a refusal. Roles,
    usage and keep-alives do not. ``first`` and ``gap`` pass only while something is waited for, so a reader
    that takes its time breaks no limit; ``total`` is the clock's time.

    The errors are TimeoutErrors too, carry what had come as ``partial``, and come when it is closed.
    Put it right behind the source, with ``retry_stream`` behind it: that can continue the answer then.
    Memory: the text so far, for ``partial``. A limit needs no thread and no timer of Rx.

    Raises ValueError for a limit that is not positive, and for none at all, TypeError for one that is no
    number. To ask again instead of giving up there is ``hedge_stream``.
    """
    limits = {"first": first, "gap": gap, "total": total}
    for name, limit in limits.items():
        check_number("timeout_stream()", name, limit, optional=True)
    if all(limit is None for limit in limits.values()):
        msg = "timeout_stream() expects at least one limit: first=, gap= or total=, in seconds"
        raise ValueError(msg)

    def operator(source: Observable[T]) -> Observable[T]:
        def subscribe(
            observer: abc.ObserverBase[T], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            return _Limited(observer, first, gap, total).subscribe(source, scheduler)

        return StreamObservable(subscribe)

    return pass_on(operator)


class _Limited(abc.DisposableBase):
    """One subscription."""

    def __init__(
        self, observer: abc.ObserverBase[Any], first: float | None, gap: float | None, total: float | None
    ) -> None:
        self._observer = observer
        self._first = first
        self._gap = inf if gap is None else gap
        self._total = total
        self._came = Delivered()
        self._silence = Alarm(self._silent)
        self._over = Alarm(self._too_long, on_clock=True)
        self._begun = False
        self._disposed = False

    def subscribe(self, source: Observable[Any], scheduler: abc.SchedulerBase | None) -> abc.DisposableBase:
        scope = scope_of(scheduler)
        self._pump = scope.pump
        self._alarms = scope.pump.alarms
        self._pump.limit(1)
        # It runs in the pump's first turn: the clocks start when the first item is asked for.
        self._start = scope.schedule(self._begin)
        observer = self._observer
        self._subscription = source.subscribe(
            self._on_next, observer.on_error, observer.on_completed, scheduler=scope.limited()
        )
        return self

    def _begin(self, *_: object) -> None:
        if self._first is not None and not self._begun:
            self._alarms.set(self._silence, self._first)
        if self._total is not None:
            self._alarms.set(self._over, self._total)

    def _on_next(self, item: Any) -> None:
        self._came.add(item)
        if has_content(item):
            self._heard()
        self._observer.on_next(item)

    def _heard(self) -> None:
        if self._begun:
            self._silence.at = self._alarms.waited + self._gap
            return
        self._begun = True
        self._silence.dispose()
        if self._gap is not inf:
            self._silence = Alarm(self._silent)
            self._alarms.set(self._silence, self._gap)

    def _silent(self) -> None:
        if self._begun:
            self._fail(StreamStalled, f"no more content came for {self._gap:g} s", self._gap)
        else:
            assert self._first is not None
            self._fail(FirstTokenTimeout, f"no content came for {self._first:g} s", self._first)

    def _too_long(self) -> None:
        assert self._total is not None
        self._fail(TotalTimeout, f"the stream had not ended after {self._total:g} s", self._total)

    def _fail(self, kind: type[StreamTimeout], what: str, seconds: float) -> None:
        self.dispose()
        partial = self._came.partial()
        msg = f"{what}; {len(partial.content)} characters had come, and are in .partial"
        self._observer.on_error(kind(msg, partial=partial, seconds=seconds))

    def dispose(self) -> None:
        """Let the upstream go, and call the alarms off."""
        if self._disposed:
            return
        self._disposed = True
        self._start.dispose()
        self._silence.dispose()
        self._over.dispose()
        self._pump.limit(-1)
        self._subscription.dispose()
