"""A tap that measures: time to first content, gaps, speed, usage, cost."""

import inspect
from collections.abc import Callable, Mapping
from contextvars import Context, copy_context
from math import inf
from typing import Any, TypeVar

from reactivex import Observable, abc
from reactivex.disposable import CompositeDisposable, Disposable

from rxstream.engine.arguments import check_function, check_number
from rxstream.engine.observable import StreamObservable
from rxstream.engine.pipeline import named
from rxstream.engine.resumable import pass_on
from rxstream.engine.scope import Scope, scope_of
from rxstream.sansio.meter import Meter
from rxstream.sansio.metrics import Ended, Metrics
from rxstream.sansio.prices import Price

__all__ = ("measure_stream",)

T = TypeVar("T")
OnMetrics = Callable[[Metrics], object]


@named
def measure_stream(
    on_metrics: OnMetrics | None = None,
    *,
    every: float | None = None,
    prices: Mapping[str, Price] | None = None,
) -> Callable[[Observable[T]], Observable[T]]:
    """Measure what passes and change nothing: time to first content, gaps, tokens a second, usage, cost.

        --'Hel'--'lo'--|
        measure_stream()
        --'Hel'--'lo'--|

        prices = {"gpt-4o-mini": rxs.Price(input=0.15, output=0.60, cached=0.075)}
        result = await rxs.collect(answer.pipe(rxs.measure_stream(print, prices=prices)))
        print(result.metrics.gaps.p99)

    ``on_metrics`` is given a ``Metrics`` once at the end, however that comes (its ``ended`` says "completed",
    "error" or "left": by the reader, also by cancellation); with ``every`` also before, behind an item, the
    first one and then every so many seconds at the most. ``collect`` puts the last into its result.
    ``prices``: for a million tokens, by a model's name; a dated name finds the undated one's price.

    Put it right behind the source. Time runs on the event loop's clock from the moment the first item is
    asked for, so what a slow reader does between two items is part of the gap. Tokens are those that
    the provider counted; until it has, or if it never does, the pieces of content, marked as estimated.
    ``Restarted`` items are counted, and what came before them too: it was paid for. Memory: eight bytes for
    each gap.

    An exception of ``on_metrics`` is the stream's error; behind another error it becomes a note on that.
    The last call sees the context variables of the first read, so a span begun there belongs to the span
    that was current (``export_otel`` does so).

    Raises TypeError and ValueError for wrong arguments, such as an async ``on_metrics``. To write down the
    answer itself there is ``record_stream``.
    """
    _check(on_metrics, every, prices)
    table = dict(prices or {})

    def operator(source: Observable[T]) -> Observable[T]:
        def subscribe(
            observer: abc.ObserverBase[T], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            scope = scope_of(scheduler)
            tap = _Tap(observer, scope, Meter(table), on_metrics, every)
            # Before the upstream: it may have scheduled items of its own for the same turn.
            first_demand = scope.schedule(tap.start)
            subscription = source.subscribe(tap.listener(), tap.on_error, tap.on_completed, scheduler=scope)
            # The upstream first: of two taps in a chain the later one has the last word.
            return CompositeDisposable(subscription, first_demand, Disposable(tap.leave))

        return StreamObservable(subscribe)

    return pass_on(operator)


class _Tap:
    """One subscription: what passes is measured, and its end is told once."""

    def __init__(
        self,
        observer: abc.ObserverBase[Any],
        scope: Scope,
        meter: Meter,
        hook: OnMetrics | None,
        every: float | None,
    ) -> None:
        self._observer = observer
        self._pump = scope.pump
        self._clock = scope.pump.timers.clock
        self._meter = meter
        self._hook = hook
        self._every = inf if every is None else every
        self._context: Context | None = None
        self._over = False

    def start(self, *_: object) -> None:
        """Begin to count the time: this runs in the pump's first turn, when the first item is asked for."""
        if not self._meter.is_started:
            self._meter.start(self._clock(), self._pump.timers.now())
            self._context = copy_context()

    def listener(self) -> Callable[[Any], None]:
        """Make what hears each item: a closure, since this is hot and an attribute costs more than a cell."""
        observer, clock, add, every = self._observer, self._clock, self._meter.add, self._every
        started = False
        due = inf if every == inf else -inf

        def on_next(item: Any) -> None:
            nonlocal started, due
            if not started:
                started = True
                self.start()  # a source that speaks while it is being subscribed to asks for no demand
            now = clock()
            add(item, now)
            observer.on_next(item)
            if now >= due:
                due = now + every
                self._tell_live(now)

        return on_next

    def on_error(self, error: Exception) -> None:
        self._fail(error)

    def on_completed(self) -> None:
        failure = self._end("completed")
        if failure is None:
            self._observer.on_completed()
        else:
            self._observer.on_error(failure)

    def leave(self) -> None:
        """End because nobody listens any more; after another end nothing is left to do."""
        failure = self._end("left")
        if failure is not None:
            # Not raised: that could hide the error for which we are being left.
            self._pump.report_close_failure(failure, None)

    def _tell_live(self, now: float) -> None:
        if self._over or self._hook is None:
            return  # the item that has just passed was the last that somebody wanted
        try:
            self._hook(self._meter.snapshot(now))
        except Exception as error:  # noqa: BLE001 - it goes down the chain, behind the item
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        failure = self._end("error", error)
        if failure is not None and failure is not error:
            error.add_note(f"on_metrics of measure_stream() then failed, too: {failure!r}")
        self._observer.on_error(error)

    def _end(self, ended: Ended, error: Exception | None = None) -> Exception | None:
        """Tell the last metrics, once, and return what the hook made of it."""
        if self._over:
            return None
        self._over = True
        metrics = self._meter.snapshot(self._clock(), ended=ended, error=error)
        self._pump.metrics = metrics
        if self._hook is None:
            return None
        try:
            if self._context is None:
                self._hook(metrics)
            else:
                self._context.run(self._hook, metrics)
        except Exception as failure:  # noqa: BLE001 - the caller knows where it belongs
            return failure
        return None


def _check(on_metrics: object, every: object, prices: object) -> None:
    check_function(
        "measure_stream()", "on_metrics", on_metrics, "a function that takes Metrics", optional=True
    )
    if inspect.iscoroutinefunction(on_metrics):
        msg = (
            f"measure_stream() awaits nothing of what it calls, and got the async function {on_metrics!r}. "
            f"Pass a plain function; to await something, let it put the metrics where a task of yours looks."
        )
        raise TypeError(msg)
    check_number("measure_stream()", "every", every, optional=True)
    if every is not None and on_metrics is None:
        msg = "measure_stream(every=...) says how often on_metrics is called, and got no on_metrics"
        raise ValueError(msg)
    if prices is not None and not _are_prices(prices):
        msg = (
            f"measure_stream() expects prices as a mapping from a model's name to Price, "
            f'as in {{"gpt-4o-mini": Price(input=0.15, output=0.60)}}, and got {prices!r}'
        )
        raise TypeError(msg)


def _are_prices(prices: Any) -> bool:
    table = prices  # Any still, when the other is known to be a mapping of whatever
    return isinstance(prices, Mapping) and all(isinstance(price, Price) for price in table.values())
