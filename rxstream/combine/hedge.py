"""The same request once more, where the first is slow to begin."""

from collections.abc import Callable
from math import isfinite
from typing import Any, TypeVar

from reactivex import Observable, abc

from rxstream.combine.arguments import check_function, check_most
from rxstream.combine.candidates import Candidates, OnLost
from rxstream.engine.observable import StreamObservable
from rxstream.engine.pipeline import named
from rxstream.engine.scope import scope_of

__all__ = ("hedge_stream",)

A = TypeVar("A")


@named
def hedge_stream(
    after: float, copies: int = 1, *, on_lost: OnLost | None = None
) -> Callable[[Observable[A]], Observable[A]]:
    """Ask again where no content has come in time; the first answer that begins is taken.

        -----'late'--|
        hedge_stream(after=4)
        -----'late'--|

        delays = iter([3600, 0])

        async def answer():  # the first request is stuck
            await anyio.sleep(next(delays))
            yield "Here I am."

        print(rxs.run(rxs.from_stream(answer).pipe(rxs.hedge_stream(after=0.05))))  #> ['Here I am.']

    ``after``: seconds from the reader's first demand until the source is subscribed to once more, and from
    there until the next time; ``copies``: how often, at most. Where a stream fails, or ends without
    content, the next copy starts at once, if one is left. The first that says something wins, as in
    ``race_streams``; the others are closed before the reader sees it, and no timer is left. If all are out,
    AllStreamsFailed holds their errors in order; the winner's own error comes unchanged.

    The source must be one that can be subscribed to again: with a one-shot one the copy's StreamConsumed
    ends the stream, as any UsageError does. ``on_lost`` is called with a ``Lost`` for each stream that is
    out or too slow, once; the first stream is 0, the copies follow. What the function raises ends the
    stream. Memory as in ``race_streams``.

    Raises TypeError and ValueError for an ``after`` that is no positive number, ``copies`` below 1 and an
    ``on_lost`` that cannot be called. To try again only after an error there is ``retry_stream``, another
    model ``fallback_to``.
    """
    if not isinstance(after, int | float) or isinstance(after, bool):
        raise TypeError(f"hedge_stream() expects after in seconds, and got {after!r}")
    if not (isfinite(after) and after > 0):
        raise ValueError(
            f"hedge_stream() expects after to be more than 0 seconds and got {after!r}. To ask twice at once "
            f"there is race_streams()."
        )
    check_most("hedge_stream()", "copies", copies)
    if on_lost is not None:
        check_function("hedge_stream()", "on_lost", on_lost, "a function that takes a Lost")

    def operator(source: Observable[A]) -> Observable[A]:
        def subscribe(
            observer: abc.ObserverBase[Any], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            candidates = Candidates(
                "hedge_stream()",
                [source] * (1 + copies),
                observer,
                scope_of(scheduler),
                on_lost=on_lost,
                after=after,
            )
            candidates.start()
            return candidates

        return StreamObservable(subscribe)

    return operator
