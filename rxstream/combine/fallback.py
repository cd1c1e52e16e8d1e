"""Another model where one fails."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from reactivex import Observable, abc
from reactivex.disposable import SingleAssignmentDisposable

from rxstream.combine.opening import Opening
from rxstream.engine.arguments import check_function, check_streams
from rxstream.engine.observable import StreamObservable
from rxstream.engine.pipeline import named
from rxstream.engine.resumable import Continuation, ResumableObservable, Rung, joined
from rxstream.engine.scope import Scope, scope_of
from rxstream.errors import AllStreamsFailed, UsageError
from rxstream.sansio.content import has_content
from rxstream.sansio.delivered import Delivered
from rxstream.sansio.joint import PassedOn, is_in_line

__all__ = ("fallback_to",)

A = TypeVar("A")
B = TypeVar("B")

#: Whether an error is one after which the next stream is asked.
When = Callable[[Exception], bool]


@named
def fallback_to(
    *others: Observable[B], when: When | None = None
) -> Callable[[Observable[A]], Observable[A | B]]:
    """Ask the next model where one fails before it has said anything.

        --''--#
        --'Hi'--' there'--|
        fallback_to(b)
        --------'Hi'--' there'--|

        down = AsyncOpenAI(base_url="http://127.0.0.1:9/v1", max_retries=0)
        remote = rxs.from_chat(down, model="any", messages=messages)
        local = rxs.from_stream(["I am small, ", "but I am here."])
        print(rxs.run(remote.pipe(rxs.fallback_to(local))))  #> ['I am small, ', 'but I am here.']

    The ``others`` are asked in their order. A stream has failed when it raises an error, or ends, before its
    first content (what content is, ``race_streams`` tells). It is closed before the next is subscribed to,
    and of its items without content none is delivered. Behind its first content an error comes through
    unchanged: nobody else could go on in the middle of a sentence, unless a ``retry_stream`` stands behind,
    which has the first that can go on with it.

    ``when`` is asked of each failure whether it is one to go on after; an end without content is an
    EmptyStream. Without it, all are but a UsageError. What it refuses passes unchanged, the error or the
    end, behind the items that came with it; what the function itself raises ends the stream.

    If all have failed, AllStreamsFailed holds their errors in order. Memory: of a stream's items before its
    first content at most 64 are kept, the first and the last 63.

    Raises TypeError for what is no Observable, and for a ``when`` that cannot be called. To ask the same
    model again there is ``retry_stream``, to ask all at once ``race_streams``.
    """
    check_streams("fallback_to()", enumerate(others, 1))
    check_function("fallback_to()", "when", when, "a function from an error to a bool", optional=True)

    def operator(source: Observable[A]) -> Observable[A | B]:
        streams = (source, *others)

        def subscribe(
            observer: abc.ObserverBase[Any], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            fallback = _Fallback(streams, observer, scope_of(scheduler), when or _is_of_the_stream)
            fallback.start_next()
            return fallback

        return _FallbackObservable(subscribe, streams, when)

    return operator


def _is_of_the_stream(error: Exception) -> bool:
    return not isinstance(error, UsageError)


class _FallbackObservable(StreamObservable[Any], ResumableObservable):
    """Several streams of which one answers: what it has begun, each that can may go on with."""

    def __init__(
        self, subscribe: abc.Subscription[Any], streams: Iterable[Observable[Any]], when: When | None
    ) -> None:
        super().__init__(subscribe)
        self._streams = streams
        self._when = when

    def resume(self, rung: Rung, delivered: Delivered) -> Continuation | None:
        """Ask each in turn for the rest, until one gives something."""
        found = [
            continuation
            for stream in self._streams
            if isinstance(stream, ResumableObservable)
            and (continuation := stream.resume(rung, delivered)) is not None
        ]
        if not found:
            return None
        first, *others = [joined(*continuation) for continuation in found]
        # Those in line are so because of a retry behind the model: then all that is asked here has one.
        in_line = any(is_in_line(joint) for _, joint in found)
        return fallback_to(*others, when=self._when)(first), PassedOn(in_line=in_line)


class _Fallback(abc.DisposableBase):
    """One subscription: the stream that is read, and those that are left."""

    def __init__(
        self,
        streams: Iterable[Observable[Any]],
        observer: abc.ObserverBase[Any],
        scope: Scope,
        when: When,
    ) -> None:
        self._waiting = deque(streams)
        self._observer = observer
        self._scope = scope
        self._when = when
        self._subscription = SingleAssignmentDisposable()
        self._errors: list[Exception] = []

    def dispose(self) -> None:
        """Let the stream go that is read."""
        self._subscription.dispose()

    def start_next(self) -> None:
        """Read the next stream."""
        # The one before it has been let go with its end; the pump closes it before it opens this one.
        self._subscription = subscription = SingleAssignmentDisposable()
        opening = Opening()
        observer = self._observer
        speaks = False

        def on_next(item: Any) -> None:
            nonlocal speaks
            if speaks:
                observer.on_next(item)
            elif has_content(item):
                speaks = True
                self._deliver(opening)
                observer.on_next(item)
            else:
                opening.add(item)

        def on_error(error: Exception) -> None:
            if speaks:
                observer.on_error(error)
            else:
                self._fail(opening, error)

        def on_completed() -> None:
            if speaks:
                observer.on_completed()
            else:
                self._fail(opening, None)

        stream = self._waiting.popleft()
        subscription.disposable = stream.subscribe(on_next, on_error, on_completed, scheduler=self._scope)

    def _deliver(self, opening: Opening) -> None:
        for item in opening.items:
            self._observer.on_next(item)
        opening.items.clear()

    def _fail(self, opening: Opening, error: Exception | None) -> None:
        """Go on after a failure, an end without content among them, if it is one to go on after."""
        observer = self._observer
        failure = error or opening.nothing_came(f"stream {len(self._errors)} of fallback_to()")
        try:
            moves_on = self._when(failure)
        except Exception as raised:  # noqa: BLE001 - it goes down the chain
            raised.add_note(f"fallback_to() had asked when= about {failure!r}.")
            observer.on_error(raised)
            return
        if not moves_on:
            self._deliver(opening)
            if error is None:
                observer.on_completed()
            else:
                observer.on_error(error)
            return
        self._errors.append(failure)
        if self._waiting:
            self.start_next()
        else:
            observer.on_error(AllStreamsFailed("no stream of fallback_to() gave any content", self._errors))
