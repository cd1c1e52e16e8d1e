"""An explicit boundary between a source and a slower reader."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from reactivex import Observable

from rxstream.engine.boundary import BoundaryObservable
from rxstream.engine.pipeline import named
from rxstream.engine.resumable import pass_on
from rxstream.sansio.backlog import Backlog, BacklogStats, Overflow

__all__ = ("Backpressure", "backpressure")

T = TypeVar("T")

_NAME = "backpressure()"


@named
def backpressure(
    max_items: int, *, overflow: Overflow = "suspend", on_drop: Callable[[Any], object] | None = None
) -> "Backpressure":
    """Let the source run ahead of a slow reader, so far and no further.

        --'a'-'b'-'c'--|
        backpressure(2)
        --'a'-'b'-'c'--|

        boundary = rxs.backpressure(100, overflow="join")
        words = rxs.run(answer.pipe(boundary, rxs.buffer_words()))
        print(words[:2], boundary.stats.dropped)  #> ['The', 'sea,'] 0

    Without it a stream that is read slowly is produced slowly: nothing is read ahead. With it, what stands
    before it runs in a task of its own, from the first demand on, while the reader is busy.

    ``max_items``: how many items may wait. ``overflow``: what becomes of one more:

    * "suspend": the source waits. Lossless.
    * "join": it runs together with the last one that waits, text with text; a source is only held up by what
      cannot be joined. Lossless but for where the pieces are cut, so right for text in front of operators.
    * "drop_oldest", "drop_latest": the item that has waited longest is dropped for it; or it is dropped.
    * "latest": everything that waits is dropped for it.
    * "error": BufferOverflow, behind what waits, with the source closed.

    ``on_drop`` is told of each dropped item. ``boundary.stats``, a ``BacklogStats``, counts for the latest
    subscription. An error of the source comes behind what waits; a reader that leaves closes the source. A
    ``Restarted`` makes void what waits before it. Memory: the items that wait; "join" bounds their number,
    and not their length.

    Raises ValueError or TypeError for a ``max_items`` that is no positive int and for an ``on_drop`` with
    nothing to drop, UnknownName for another ``overflow``. For several readers there is ``share_stream``.
    """
    return Backpressure(max_items, overflow, on_drop)


class Backpressure:
    """What ``backpressure`` returns: the operator, and its counters."""

    def __init__(
        self, max_items: int, overflow: Overflow, on_drop: Callable[[Any], object] | None = None
    ) -> None:
        self._make: Callable[[], Backlog[Any]] = partial(
            Backlog, max_items, overflow, on_drop, operator=_NAME
        )
        #: Made at once, so that wrong arguments are found where they stand.
        self._backlog: Backlog[Any] = self._make()

    def __call__(self, source: Observable[T]) -> Observable[T]:
        """Put the boundary behind a source."""
        return pass_on(self._behind)(source)

    def _behind(self, upstream: Observable[Any]) -> Observable[Any]:
        return BoundaryObservable(upstream, self._begin)

    @property
    def stats(self) -> BacklogStats:
        """What became of the items of the latest subscription so far."""
        return self._backlog.stats

    def _begin(self) -> Backlog[Any]:
        self._backlog = self._make()
        return self._backlog
