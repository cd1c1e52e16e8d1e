"""The Observables of our chains.

Every stage of a chain that begins with a source of ours is a ``StreamObservable``, stock operators
between them included. That is what lets a chain find its pump where a stock operator forgets to pass the
scheduler on, and what makes a plain ``subscribe`` work.
"""

from collections.abc import AsyncIterator, Callable
from typing import Any, NoReturn, TypeVar

from reactivex import Observable, abc
from reactivex.disposable import Disposable

from rxstream.engine.link import Link
from rxstream.engine.pipeline import check_operator, note_stage, pipeline_html, pipeline_text
from rxstream.engine.scope import Scope, active_scope, scope_of

__all__ = ("PullObservable", "StreamObservable", "adopt")

T_co = TypeVar("T_co", covariant=True)

#: Opens a source: called anew for every subscription, and only when the first item is asked for.
Opener = Callable[[], AsyncIterator[Any]]


class StreamObservable(Observable[T_co]):
    """An Observable that knows where its pump is.

    Read it with ``async with rxs.open_stream(observable) as items``, or in synchronous code with
    ``for item in rxs.iter_stream(observable)``.
    """

    def subscribe(
        self,
        on_next: abc.ObserverBase[T_co] | abc.OnNext[T_co] | None = None,
        on_error: abc.OnError | None = None,
        on_completed: abc.OnCompleted | None = None,
        *,
        scheduler: abc.SchedulerBase | None = None,
    ) -> abc.DisposableBase:
        """Subscribe, as in Rx.

        Inside ``open_stream`` the pump subscribes. Called plainly, inside a running asyncio loop, the
        stream is driven by a task of its own, which the returned disposable stops.

        Raises NoPump where nothing could drive the stream: outside a loop, and on trio.
        """
        if scheduler.__class__ is not Scope:
            scope = active_scope()
            if scope is None:
                # Imported late: the pump stands on this file.
                from rxstream.engine.detached import subscribe_detached  # noqa: PLC0415

                return subscribe_detached(self, on_next, on_error, on_completed, scheduler)
            if scheduler is None:
                scheduler = scope
        push: Any = on_next
        if hasattr(push, "on_next"):
            push, on_error, on_completed = push.on_next, push.on_error, push.on_completed
        link = Link(push, on_error, on_completed)
        try:
            subscription = self._subscribe_core(link, scheduler)
        except Exception as error:
            if link.stopped:
                raise
            link.on_error(error)
        else:
            link.hold(_as_disposable(subscription))
        return link

    def pipe(self, *operators: Callable[[Any], Any]) -> Any:
        """Compose operators left to right; each stage stays an Observable of ours."""
        result: Any = self
        for operator in operators:
            check_operator(operator)
            stage = adopt(operator(result))
            note_stage(stage, operator, result)
            result = stage
        return result

    # Rx has observable[3], so that Python would try observable[0], observable[1] and so on, for ever. A
    # method that says what to write would make an Iterable of it, and stock operators ask for those.
    __iter__ = None

    def __aiter__(self) -> NoReturn:
        raise TypeError(
            "an Observable is opened before it is read: write `async with rxs.open_stream(observable) as "
            "items:` and, inside, `async for item in items:`"
        )

    def __repr__(self) -> str:
        return f"<{pipeline_text(self)}>"

    def _repr_html_(self) -> str:
        """Draw the chain, in a notebook."""
        return pipeline_html(self)


class PullObservable(StreamObservable[T_co]):
    """A source that is asked for each item: an async iterator, opened anew for each subscription."""

    def __init__(self, opener: Opener, name: str) -> None:
        super().__init__(self._attach)
        self.opener = opener
        self.name = name

    def _attach(
        self, observer: abc.ObserverBase[T_co], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        return scope_of(scheduler).attach(self.opener, observer)


def adopt(result: Any) -> Any:
    """Make a stock Observable one of ours, without a further layer between its stages.

    Anything else passes: a subclass (connectable, grouped) keeps its own methods, and the last function
    in a ``pipe`` need not return an Observable at all.
    """
    if result.__class__ is not Observable:
        return result
    return StreamObservable[Any](result._subscribe_core)  # noqa: SLF001


def _as_disposable(subscription: Any) -> abc.DisposableBase:
    """Rx lets a subscribe function return a disposable, a function, or nothing."""
    if hasattr(subscription, "dispose"):
        return subscription  # type: ignore[no-any-return]
    return Disposable(subscription)
