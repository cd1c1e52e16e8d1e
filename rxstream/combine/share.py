"""One answer for several readers."""

from collections.abc import Callable
from functools import partial
from typing import Any, Generic, TypeVar

from reactivex import Observable, abc

from rxstream.combine.hub import Hub
from rxstream.combine.reader import Policy
from rxstream.engine.observable import StreamObservable
from rxstream.engine.pipeline import named
from rxstream.engine.scope import scope_of
from rxstream.sansio.backlog import BacklogStats, Overflow

__all__ = ("SharedStream", "share_stream")

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@named
def share_stream(
    max_items: int,
    *,
    overflow: Overflow = "suspend",
    replay: int = 0,
    on_drop: Callable[[Any], object] | None = None,
) -> Callable[[Observable[T]], "SharedStream[T]"]:
    """Let several readers share one subscription of a stream.

        --'Hel'--'lo'--|
        share_stream(10)
        --'Hel'--'lo'--|

    Readers are several ``open_stream(shared)`` in several tasks, plain subscribes, or branches of one chain:

        shared = answer.pipe(rxs.share_stream(100))
        words = shared.pipe(rxs.buffer_words())
        sentences = shared.reader(max_items=5).pipe(rxs.buffer_sentences())
        async with rxs.open_stream(rxs.from_streams(words=words, sentences=sentences)) as items:
            async for name, text in items:
                print(name, text)

    The source is subscribed to, once, when the first reader asks for its first item. Each reader has up to
    ``max_items`` items parked, and reads at a pace of its own; ``overflow`` says what becomes of one more:

    * "suspend": the source waits for the slowest such reader, so also for one that is open and does not read.
    * "drop_oldest", "drop_latest", "latest": that reader misses items, and holds nobody up. ``on_drop`` is
      told of each; what it raises fails that reader.
    * "join": text runs together, losing nothing, as in ``backpressure``; what cannot be joined waits.
    * "error": that reader fails with BufferOverflow, behind what it had parked.

    ``reader()`` makes one with a policy of its own. What happens to one reader, an error of its own, leaving
    or cancellation, does not touch the others, also if it was the first. Two readers in one task must take
    turns, or the one waits for the other for ever.

    Who comes late gets what comes from then on, behind the last ``replay`` items (so many are kept, from a
    ``Restarted`` on). Where nothing may be lost they find room, also if they are more than ``max_items``.

    The end, and an error as the same object, reach each reader behind all that it had parked, with the source
    closed. The last reader to leave stops the source, and waits until it is closed. Behind any of these the
    next reader subscribes to the source anew, with nothing to replay; a source that can be read only once
    then raises StreamConsumed. So ``retry_stream`` behind it asks again, but readers that failed at different
    moments may then miss what came in between: in front of it, it retries for all of them.

    All readers must live in one event loop; another one gets a UsageError. The source runs in the context
    of the first, with the ``credit`` and ``close_timeout`` of its ``open_stream``. A source that speaks by
    itself cannot wait: give its readers an overflow that drops or fails.

    Raises TypeError and ValueError for numbers that are none, and for an ``on_drop`` with nothing to drop,
    UnknownName for another ``overflow``. For one slow reader there is ``backpressure``; for one that comes
    when all is over, ``StreamBuffer``.
    """
    policy = Policy(max_items, overflow, replay, on_drop)
    policy.check("share_stream()")

    def operator(source: Observable[T]) -> SharedStream[T]:
        return SharedStream(source, policy)

    return operator


class SharedStream(StreamObservable[T_co], Generic[T_co]):
    """What ``share_stream`` makes of a stream: subscribe to it as often as there are readers.

        shared = rxs.from_stream(["Hel", "lo"]).pipe(rxs.share_stream(100))
        async with rxs.open_stream(shared) as one, rxs.open_stream(shared) as other:
            print(await anext(one), await anext(other), shared.readers)  #> Hel Hel 2

    An Observable like any other, whose subscribers have one subscription of the source between them.
    ``reader`` makes one with a policy of its own, ``readers`` counts them, ``stats`` says what became of
    their items.
    """

    def __init__(self, source: Observable[T_co], policy: Policy) -> None:
        super().__init__(partial(_join, self, policy))
        self.policy = policy
        # Not under a name by which engine.hot would find the source: it pushes nothing into a reader's pump.
        self.hub = Hub(source, policy.replay)

    @property
    def readers(self) -> int:
        """How many have subscribed and not left."""
        return len(self.hub.readers)

    @property
    def stats(self) -> list[BacklogStats]:
        """What became of the items of each of these readers so far, in the order in which they came."""
        return [reader.backlog.stats for reader in self.hub.readers]

    def reader(
        self,
        *,
        max_items: int | None = None,
        overflow: Overflow | None = None,
        replay: int | None = None,
        on_drop: Callable[[T_co], object] | None = None,
    ) -> Observable[T_co]:
        """Make a reader with a policy of its own: what is None is as ``share_stream`` was told.

        It can be subscribed to several times, as the shared stream itself can. ``on_drop`` belongs to an
        ``overflow``: with another one that of ``share_stream`` is not called. ``replay`` is at most what
        ``share_stream`` keeps.

        Raises TypeError, ValueError and UnknownName for wrong arguments.
        """
        common = self.policy
        policy = Policy(
            common.max_items if max_items is None else max_items,
            common.overflow if overflow is None else overflow,
            common.replay if replay is None else replay,
            common.on_drop if on_drop is None and overflow is None else on_drop,
        )
        policy.check("SharedStream.reader()", most_replay=common.replay)
        return StreamObservable(partial(_join, self, policy))


def _join(
    shared: SharedStream[Any],
    policy: Policy,
    observer: abc.ObserverBase[Any],
    scheduler: abc.SchedulerBase | None = None,
) -> abc.DisposableBase:
    scope = scope_of(scheduler)
    reader = shared.hub.join(scope.pump, policy)
    inlet = scope.attach(lambda: reader, observer)
    # What a pump has not opened it does not close, and this one has joined already.
    inlet.open()
    return inlet
