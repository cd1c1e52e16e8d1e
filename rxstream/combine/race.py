"""Several models at once, and the answer of the fastest."""

from collections.abc import Callable
from typing import Any, TypeVar

from reactivex import Observable, abc

from rxstream.combine.candidates import Candidates, OnLost
from rxstream.engine.arguments import check_function, check_streams
from rxstream.engine.observable import StreamObservable
from rxstream.engine.pipeline import named
from rxstream.engine.scope import scope_of

__all__ = ("race_streams",)

A = TypeVar("A")
B = TypeVar("B")


@named
def race_streams(
    *others: Observable[B], on_lost: OnLost | None = None
) -> Callable[[Observable[A]], Observable[A | B]]:
    """Ask several models at once; the first that says something answers, and the others are closed.

        ------------------------'late'----|
        --''-------'Hi'-----' there'----|
        race_streams(b)
        -----------('' 'Hi')' there'----|

        slow, fast = rxs.from_recording("05-json-schema"), rxs.from_recording("01-prose", speed=None)
        first = slow.pipe(rxs.race_streams(fast, on_lost=lambda lost: print("lost:", lost.source)))
        print(rxs.run(first.pipe(rxs.buffer_words()))[:2])
        #> lost: 0
        #> ['The', 'sea,']

    The stream in front and all ``others`` are subscribed to. What counts is content: text, reasoning, a
    refusal, a piece of a tool call, or any item that is no chunk and no text. A role, a count of tokens or an
    empty text wins nothing; such items are kept, and those of the winner come in front of its first content
    (of more than 64 the first and the last 63). The losers are let go before that content is handed over, and
    closed before the reader has it.

    A stream that fails, or ends without content, before another has won is out; when all are,
    AllStreamsFailed holds their errors in the streams' order, an EmptyStream for one that ended well. Once
    there is a winner its error is the stream's, unchanged. A UsageError always is, at once.

    ``on_lost`` is called with a ``Lost`` for each stream that is out or too slow, once: with its place (the
    one in front is 0), its error, and what it cost. What the function raises ends the stream.

    Memory: those 64 items of each stream, and what has been read of its answer, for ``Lost``. Raises
    TypeError for what is no Observable, and for an ``on_lost`` that cannot be called. To ask the second only
    if the first is slow there is ``hedge_stream``, only if it fails ``fallback_to``: they cost less.
    """
    check_streams("race_streams()", enumerate(others, 1))
    check_function("race_streams()", "on_lost", on_lost, "a function that takes a Lost", optional=True)

    def operator(source: Observable[A]) -> Observable[A | B]:
        streams = (source, *others)

        def subscribe(
            observer: abc.ObserverBase[Any], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            candidates = Candidates("race_streams()", streams, observer, scope_of(scheduler), on_lost=on_lost)
            candidates.start()
            return candidates

        return StreamObservable(subscribe)

    return operator
