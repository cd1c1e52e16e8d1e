"""An async function on each item, several at once."""

import inspect
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NoReturn, Self, TypeVar, overload

from reactivex import Observable, abc
from reactivex.disposable import SingleAssignmentDisposable

from rxstream.engine.arguments import check_count, check_function
from rxstream.engine.gate import Gate
from rxstream.engine.observable import PullObservable, StreamObservable
from rxstream.engine.pipeline import named
from rxstream.engine.scope import Scope, scope_of
from rxstream.items import Restarted

__all__ = ("map_stream",)

A = TypeVar("A")
B = TypeVar("B")


@overload
def map_stream(
    fn: Callable[[A], Awaitable[B]], *, max_concurrent: int, ordered: bool = True
) -> Callable[[Observable[A]], Observable[B]]: ...
@overload
def map_stream(
    fn: Callable[[A], B], *, max_concurrent: int, ordered: bool = True
) -> Callable[[Observable[A]], Observable[B]]: ...
@named
def map_stream(
    fn: Callable[[Any], Any], *, max_concurrent: int, ordered: bool = True
) -> Callable[[Observable[Any]], Observable[Any]]:
    """Await an async function of each item, of several items at once.

        --'ab'--'cd'--|
        map_stream(str.upper, max_concurrent=2)
        --'AB'--'CD'--|

        async def translate(sentence):
            await anyio.sleep(0.01)
            return sentence.upper()

        sentences = rxs.from_stream(["It rains. I st", "ay."]).pipe(rxs.buffer_sentences())
        print(rxs.run(sentences.pipe(rxs.map_stream(translate, max_concurrent=4))))
        #> ['IT RAINS.', 'I STAY.']

    ``fn`` is called with one item and may return an awaitable; what that gives, or what ``fn`` returned, is
    the result. At most ``max_concurrent`` calls are running or, with ``ordered``, finished and waiting for
    one before them; while there are so many, the upstream is asked for no more (what it had read ahead by
    then, at most the ``credit`` of ``open_stream``, waits; a source that speaks by itself cannot be held
    back, so put ``backpressure`` behind it). Each runs in a task of its own and sees the reader's context
    variables.

    ``ordered``: results come in the order of the items; otherwise as they are there. The stream ends when
    all are out. An error of the upstream comes behind the results of all items before it. So does one of
    ``fn`` if ``ordered``, and what was behind it is cancelled; otherwise it comes at once and cancels all
    others. Leaving the stream cancels all.

    A ``Restarted`` item passes as it is, and the results that were still to come from before it are dropped.

    Raises TypeError for what cannot be called, TypeError and ValueError for a ``max_concurrent`` that is no
    positive int. For a function that awaits nothing use ``ops.map``: a task a call is dear; for one that
    makes a stream of each item, ``ops.map`` and ``merge_streams``.
    """
    check_function("map_stream()", "fn", fn, "a function of one item")
    check_count("map_stream()", "max_concurrent", max_concurrent)

    def operator(source: Observable[Any]) -> Observable[Any]:
        def subscribe(
            observer: abc.ObserverBase[Any], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            mapping = _Mapping(fn, observer, scope_of(scheduler), max_concurrent, ordered=ordered)
            mapping.read(source)
            return mapping

        return StreamObservable(subscribe)

    return operator


class _Mapping(abc.DisposableBase):
    """One subscription: the calls that were made, and the items that wait for theirs."""

    def __init__(
        self,
        fn: Callable[[Any], Any],
        observer: abc.ObserverBase[Any],
        scope: Scope,
        most: int,
        *,
        ordered: bool,
    ) -> None:
        self._fn = fn
        self._observer = observer
        self._scope = scope
        self._most = most
        self._ordered = ordered
        self._waiting: deque[Any] = deque()
        #: Running, or finished and waiting for one before it; in the order of the items.
        self._calls: dict[_Call, None] = {}
        self._upstream = SingleAssignmentDisposable()
        self._gate = Gate()
        self._ended = False
        self._error: Exception | None = None
        #: Another result follows in the pump's next turn: the reader gets them one by one, and what it has
        #: not asked for still takes up its place here.
        self._follows = False

    def read(self, source: Observable[Any]) -> None:
        """Subscribe to the upstream."""
        self._upstream.disposable = source.subscribe(
            self._take, self._end, self._end, scheduler=self._scope.child(self._gate)
        )

    def dispose(self) -> None:
        """Let the upstream go, and cancel all calls."""
        self._upstream.dispose()
        self._drop()

    def _drop(self) -> None:
        self._waiting.clear()
        calls, self._calls = self._calls, {}
        for call in calls:
            call.running.dispose()

    # ------------------------------------------------------------ the upstream

    def _take(self, item: Any) -> None:
        if isinstance(item, Restarted):
            self._drop()
            self._observer.on_next(item)
        else:
            self._waiting.append(item)
        self._fill()

    def _end(self, error: Exception | None = None) -> None:
        self._ended = True
        self._error = error
        if not self._follows:
            self._settle()

    # ------------------------------------------------------------ the calls

    def _fill(self) -> None:
        """Call the function for as many items as may be; hold the upstream back if that is all."""
        while self._waiting and len(self._calls) < self._most:
            call = _Call(self._fn, self._waiting.popleft())
            self._calls[call] = None
            call.running = PullObservable[NoReturn](call.open, "map_stream()").subscribe(
                None, partial(self._on_error, call), partial(self._on_result, call), scheduler=self._scope
            )
        if len(self._calls) < self._most:
            self._gate.open()
        else:
            self._gate.close()

    def _on_result(self, call: "_Call") -> None:
        call.finished = True
        if not self._ordered:
            del self._calls[call]
            self._observer.on_next(call.result)
        if not self._follows:
            self._settle()

    def _on_error(self, call: "_Call", error: Exception) -> None:
        if not self._ordered:
            self.dispose()
            self._observer.on_error(error)
            return
        # Nothing behind it will be wanted, so its error is now how this ends.
        self._waiting.clear()
        while True:
            last, _ = self._calls.popitem()
            last.running.dispose()
            if last is call:
                break
        self._upstream.dispose()
        self._end(error)

    def _settle(self, *_: object) -> None:
        """Hand the next result over, if it is its turn; end, if it was the last."""
        self._follows = False
        head = next(iter(self._calls), None)
        if head is not None and head.finished:
            del self._calls[head]
            following = next(iter(self._calls), None)
            if following is not None and following.finished:
                self._follows = True
                self._scope.schedule(self._settle)
            self._observer.on_next(head.result)
        self._fill()
        if self._ended and not self._calls:
            if self._error is None:
                self._observer.on_completed()
            else:
                self._observer.on_error(self._error)


class _Call:
    """One call of the function: to the pump a source without items, which ends when the result is there."""

    __slots__ = ("_fn", "_item", "finished", "result", "running")

    #: Disposing of it cancels the call.
    running: abc.DisposableBase

    def __init__(self, fn: Callable[[Any], Any], item: Any) -> None:
        self._fn = fn
        self._item = item
        self.result: Any = None
        self.finished = False

    def open(self) -> Self:
        """Return what the pump drives."""
        return self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> NoReturn:
        try:
            result = self._fn(self._item)
            self.result = await result if inspect.isawaitable(result) else result
        except StopAsyncIteration as error:
            # Nobody could tell it from the end, which is how the result is reported.
            raise RuntimeError("the function of map_stream() raised StopAsyncIteration") from error
        raise StopAsyncIteration
