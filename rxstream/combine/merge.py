"""Several streams at once, and of each item which one it came from."""

from collections import deque
from collections.abc import Callable, Iterable
from itertools import count
from math import inf
from typing import Any, Final, TypeGuard, TypeVar, overload

from reactivex import Observable, abc
from reactivex.disposable import SingleAssignmentDisposable

from rxstream.engine.arguments import check_count, check_streams
from rxstream.engine.gate import Gate
from rxstream.engine.observable import StreamObservable
from rxstream.engine.pipeline import named
from rxstream.engine.scope import Scope, scope_of
from rxstream.items import Restarted, Tagged

__all__ = ("from_streams", "merge_streams")

A = TypeVar("A")
B = TypeVar("B")

#: How many inner streams live at once if nobody says.
_MOST_INNERS: Final = 16


@named
def from_streams(
    *sources: Observable[A], max_concurrent: int | None = None, **named: Observable[A]
) -> Observable[Tagged[A]]:
    """Read several streams at once; each item comes as ``Tagged(source, item)``.

        --'a'-----------------------------------'b'-----------------|
        ------------------'x'---------|
        from_streams(a, other=b)
        --Tagged(0, 'a')--Tagged('other', 'x')--Tagged(0, 'b')------|

        asked = rxs.from_chat(client, model="gpt-4o-mini", messages=messages)
        models = rxs.from_streams(small=answer, large=asked)
        async with rxs.open_stream(models) as items:
            async for source, chunk in items:
                print(source, chunk.content)

    An item's ``source`` is its stream's place among ``sources``, from 0, or its name, for those in ``named``.
    An item comes when it is there; those of one stream keep their order.

    ``max_concurrent``: how many are read at once, all of them if it is None; the next is subscribed to, and
    so opened, when one has ended.

    It ends when all have ended; without any, at once. An error of one closes all others and comes
    unchanged, with a note that says whose it was. Memory: of each stream no more than the ``credit`` of
    ``open_stream`` is read ahead of the reader.

    Raises TypeError for what is no Observable, ValueError for a ``max_concurrent`` below 1. Inside a ``pipe``
    there is ``merge_streams``; for the first that answers ``race_streams``; to see them side by side
    ``display_stream``.
    """
    streams: tuple[tuple[int | str, Observable[A]], ...] = (*enumerate(sources), *named.items())
    check_streams("from_streams()", streams)
    check_count("from_streams()", "max_concurrent", max_concurrent, optional=True)
    return _together("from_streams()", streams, max_concurrent)


@overload
def merge_streams(
    *, max_concurrent: int | None = None
) -> Callable[[Observable[Observable[A]]], Observable[Tagged[A]]]: ...
@overload
def merge_streams(
    other: Observable[B], /, *others: Observable[B], max_concurrent: int | None = None
) -> Callable[[Observable[A]], Observable[Tagged[A | B]]]: ...
@named
def merge_streams(
    *others: Observable[Any], max_concurrent: int | None = None
) -> Callable[[Observable[Any]], Observable[Tagged[Any]]]:
    """Read other streams along with this one; each item comes as ``Tagged(index, item)``.

        --'a'--------------------------------'b'-------------|
        ------------------'x'------|
        merge_streams(b)
        --Tagged(0, 'a')--Tagged(1, 'x')-----Tagged(0, 'b')--|

    With ``others`` the stream in front is 0, and the others follow in their order. Without them the stream
    in front must be one of Observables, and all of those are read, numbered as they arrive:

        cities = rxs.from_stream(["Bern", "Rome"])
        streams = cities.pipe(ops.map(lambda city: rxs.from_stream([f"{city}:", "rain"])))
        for index, text in rxs.iter_stream(streams.pipe(rxs.merge_streams(max_concurrent=1))):
            print(index, text)
        #> 0 Bern:
        #> 0 rain
        #> 1 Rome:
        #> 1 rain

    ``max_concurrent``: how many streams are read at once; the next is subscribed to when one has ended.
    None is all of the ``others``, and 16 where there are none. While so many are read, the stream that brings
    them is asked for no more; what it had read ahead by then, at most the ``credit`` of ``open_stream``,
    waits. The streams must be cold: one that speaks by itself is not heard before its turn.

    It ends when all have ended. An error of one, or of the stream that brings them, closes all others and
    comes unchanged, with a note that says whose it was. A ``Restarted`` item of the stream that brings them
    lets all that it had brought go, passes, and the numbers begin at 0 again. Order is kept within each
    stream; where it is to hold for the whole, use ``ops.concat_map``. Memory: of each stream no more than the
    ``credit``.

    Raises TypeError for what is no Observable, as the stream's error if it comes as an item, ValueError for a
    ``max_concurrent`` below 1. Outside of a ``pipe``, and with names, there is ``from_streams``.
    """
    check_streams("merge_streams()", enumerate(others, 1))
    check_count("merge_streams()", "max_concurrent", max_concurrent, optional=True)

    def operator(source: Observable[Any]) -> Observable[Tagged[Any]]:
        if others:
            return _together("merge_streams()", tuple(enumerate((source, *others))), max_concurrent)
        return _flattened(source, max_concurrent or _MOST_INNERS)

    return operator


def _together(
    operator: str, streams: tuple[tuple[int | str, Observable[Any]], ...], most: int | None
) -> Observable[Tagged[Any]]:
    def subscribe(
        observer: abc.ObserverBase[Tagged[Any]], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        merge = _Merge(operator, observer, scope_of(scheduler), most or inf)
        merge.add(streams)
        merge.close()
        return merge

    return StreamObservable(subscribe)


def _flattened(source: Observable[Any], most: int) -> Observable[Tagged[Any]]:
    def subscribe(
        observer: abc.ObserverBase[Tagged[Any]], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        scope = scope_of(scheduler)
        merge = _Merge("merge_streams()", observer, scope, most)
        numbers = count()

        def on_next(inner: Any) -> None:
            nonlocal numbers
            if isinstance(inner, Restarted):
                merge.restart()
                numbers = count()
                observer.on_next(inner)  # type: ignore[arg-type] # it travels everywhere
            elif _is_stream(inner):
                merge.add([(next(numbers), inner)])
            else:
                merge.fail(
                    TypeError(
                        f"merge_streams() without arguments expects a stream of Observables, and got "
                        f"{type(inner).__name__}: {inner!r:.80}. Make one of each item before, as in "
                        f"ops.map(ask), or name the other streams: merge_streams(other)."
                    )
                )

        def on_error(error: Exception) -> None:
            merge.fail(error, "the stream in front")

        merge.outer.disposable = source.subscribe(
            on_next, on_error, merge.close, scheduler=scope.child(merge.gate)
        )
        return merge

    return StreamObservable(subscribe)


def _is_stream(item: object) -> TypeGuard[Observable[Any]]:
    return isinstance(item, Observable)


class _Merge(abc.DisposableBase):
    """One subscription: the streams that are read, and those that wait for their turn."""

    def __init__(
        self, operator: str, observer: abc.ObserverBase[Tagged[Any]], scope: Scope, most: float
    ) -> None:
        self._operator = operator
        self._observer = observer
        self._scope = scope
        self._most = most
        self._waiting: deque[tuple[int | str, Observable[Any]]] = deque()
        self._live: dict[SingleAssignmentDisposable, None] = {}
        #: The stream that brings the others, if there is one, and what holds it back.
        self.outer = SingleAssignmentDisposable()
        self.gate = Gate()
        self._closed = False
        self._stopped = False
        self._subscribing = False

    def add(self, streams: Iterable[tuple[int | str, Observable[Any]]]) -> None:
        """Read these, too, each as soon as there is room."""
        self._waiting.extend(streams)
        self._fill()

    def close(self) -> None:
        """Learn that no more streams will be added."""
        self._closed = True
        self._fill()

    def fail(self, error: Exception, whose: str | None = None) -> None:
        """Let all streams go, and end in this error."""
        if self._stopped:
            return
        self.dispose()
        if whose is not None:
            note = f"It was raised by {whose} of {self._operator}."
            if note not in getattr(error, "__notes__", ()):  # an error may be raised more than once
                error.add_note(note)
        self._observer.on_error(error)

    def restart(self) -> None:
        """Let all streams go that were added until now."""
        self._drop()
        self._fill()

    def dispose(self) -> None:
        """Let everything go."""
        self._stopped = True
        self.outer.dispose()
        self._drop()

    def _drop(self) -> None:
        self._waiting.clear()
        live, self._live = self._live, {}
        for subscription in live:
            subscription.dispose()

    def _fill(self) -> None:
        if self._subscribing:
            return  # a stream ended while it was subscribed to: the loop below looks again
        self._subscribing = True
        try:
            while self._waiting and len(self._live) < self._most:
                self._subscribe(*self._waiting.popleft())
        finally:
            self._subscribing = False
        if self._stopped:
            return
        if self._closed:
            if not self._live:
                self._observer.on_completed()
        elif len(self._live) < self._most:
            self.gate.open()
        else:
            self.gate.close()

    def _subscribe(self, name: int | str, stream: Observable[Any]) -> None:
        observer = self._observer
        subscription = SingleAssignmentDisposable()
        self._live[subscription] = None

        def on_next(item: Any) -> None:
            observer.on_next(Tagged(name, item))

        def on_error(error: Exception) -> None:
            self.fail(error, f"stream {name!r}")

        def on_completed() -> None:
            self._live.pop(subscription, None)
            self._fill()

        subscription.disposable = stream.subscribe(on_next, on_error, on_completed, scheduler=self._scope)
