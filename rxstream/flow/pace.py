"""Bursts of text made an even flow."""

from collections.abc import Callable
from typing import Any, TypeVar

from reactivex import Observable, abc
from reactivex.disposable import CompositeDisposable, SerialDisposable

from rxstream.engine.arguments import check_count, check_number
from rxstream.engine.gate import Gate
from rxstream.engine.observable import StreamObservable
from rxstream.engine.pipeline import named
from rxstream.engine.scope import Scope, scope_of
from rxstream.items import StreamChunk
from rxstream.sansio.pacer import Pacer

__all__ = ("pace_stream",)

T = TypeVar("T", str, StreamChunk)


@named
def pace_stream(
    *, max_lag: float = 0.5, interval: float = 0.02, max_chars: int = 10_000
) -> Callable[[Observable[T]], Observable[T]]:
    r"""Let text flow evenly, however it comes: in small slices, never half a character, never late.

        --'abcdefgh'-------|
        pace_stream(max_lag=32, interval=8)
        --'abcd'--'ef'----'g'-----('h'|)

    For whoever watches: providers and networks deliver text in bursts. Put it last, in front of the reader.

        async with rxs.open_stream(answer.pipe(rxs.pace_stream())) as chunks:
            async for chunk in chunks:
                print(chunk.content, end="", flush=True)

    Every ``interval`` seconds a slice comes out. Its length follows what waits: it is as long as it takes
    that every character is out ``max_lag`` seconds after it came, and that the usual lag is half of that.
    The first slice comes at once. Slices end where a grapheme cluster does (``\r\n`` is one). The last
    cluster of what has come may still grow, so it waits for the next text; but it, too, ``max_lag`` seconds
    at most, and then a cluster that goes on after that is cut. A reader that comes late is not slowed down
    further: it gets at once what would have come out meanwhile.

    Joining the output gives the input back. Of a chunk the first slice has the role and the reasoning, the
    last the finish reason, the usage, tool calls and log probabilities; ``raw`` only a chunk that came out
    whole. Reasoning and tool calls are not cut. What has no text passes behind the text before it, at once if
    none waits. Where chunks of several choices (``n=2``) alternate, each piece is a text of its own.

    At the end the rest drains at the same pace, then the stream completes. At an error the rest comes at
    once, in front of it. At a ``Restarted`` what waits is void and dropped.

    While more than ``max_chars`` characters wait, the source is asked for nothing more: memory is bounded by
    that, and by what was on its way. Nothing is timed while nobody reads.

    Raises ValueError for a time that is not positive and finite, for an ``interval`` longer than ``max_lag``
    and for a ``max_chars`` below 1, TypeError for what is no number; TypeError, as the stream's error, for an
    item that is no text. For whole words there is ``buffer_words``, for bounds in items ``backpressure``.
    """
    _check(max_lag, interval, max_chars)

    def operator(source: Observable[T]) -> Observable[T]:
        def subscribe(
            observer: abc.ObserverBase[T], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            scope = scope_of(scheduler)
            pacing = _Pacing(
                observer, scope, Pacer(max_lag=max_lag, interval=interval, operator=_NAME), max_chars
            )
            upstream = source.subscribe(
                pacing.on_next, pacing.on_error, pacing.on_completed, scheduler=scope.child(pacing.gate)
            )
            return CompositeDisposable(upstream, pacing.ticking)

        return StreamObservable(subscribe)

    return operator


_NAME = "pace_stream()"


class _Pacing:
    """One subscription."""

    def __init__(self, observer: abc.ObserverBase[Any], scope: Scope, pacer: Pacer, max_chars: int) -> None:
        self._observer = observer
        self._scope = scope
        self._clock = scope.pump.timers.clock
        self._pacer = pacer
        self._max_chars = max_chars
        self._over = False
        #: When the timer runs that is under way.
        self._armed: float | None = None
        self.gate = Gate()
        self.ticking = SerialDisposable()

    def on_next(self, item: Any) -> None:
        now = self._clock()
        try:
            self._pacer.add(now, item)
        except TypeError as error:
            self.on_error(error)
        else:
            self._go_on(now)

    def on_error(self, error: Exception) -> None:
        for item in self._pacer.flush():
            self._observer.on_next(item)
        self._observer.on_error(error)

    def on_completed(self) -> None:
        self._over = True
        self._pacer.finish()
        self._go_on(self._clock())

    def _tick(self, *_: Any) -> None:
        self._armed = None
        self._go_on(self._clock())

    def _go_on(self, now: float) -> None:
        """Hand over what is due, and see to it that the rest will be."""
        pacer, observer = self._pacer, self._observer
        for item in pacer.due(now):
            observer.on_next(item)
        if self._over and pacer.is_empty:
            observer.on_completed()
            return
        if pacer.waiting > self._max_chars:
            self.gate.close()
        elif not self.gate.is_open:
            self.gate.open()
        at = pacer.next_at()
        if at is not None and (self._armed is None or at < self._armed):
            self._armed = at
            self.ticking.disposable = self._scope.schedule_relative(at - now, self._tick)


def _check(max_lag: float, interval: float, max_chars: int) -> None:
    check_number(_NAME, "max_lag", max_lag, finite=True)
    check_number(_NAME, "interval", interval, finite=True)
    if interval > max_lag:
        raise ValueError(
            f"{_NAME} expects an interval of at most max_lag seconds, or it could not keep to that, and got "
            f"interval={interval!r} and max_lag={max_lag!r}"
        )
    check_count(_NAME, "max_chars", max_chars)
