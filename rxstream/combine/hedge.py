"""The same request once more, where the first is slow to begin."""

from collections.abc import Callable
from typing import Any, TypeVar

from reactivex import Observable, abc

from rxstream.combine.candidates import Candidates, OnLost
from rxstream.engine.arguments import check_count, check_function, check_number
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
    if after == 0:
        raise ValueError(
            "hedge_stream() expects after to be more than 0 seconds. To ask twice at once there is "
            "race_streams()."
        )
    check_number("hedge_stream()", "after", after, finite=True)
    check_count("hedge_stream()", "copies", copies)
    check_function("hedge_stream()", "on_lost", on_lost, "a function that takes a Lost", optional=True)

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
