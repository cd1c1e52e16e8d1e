"""One joint between two stages of a chain.

Rx wraps the observer of each stage so that nothing comes after a terminal signal or a disposal, and so
that either of them lets the upstream go. Its own wrapper costs a Python frame per item and stage. Here
``on_next`` is an attribute that *is* the next stage's function, and stopping swaps it for one that
does nothing: the same promise, and an item crosses the joint for free.
"""

from typing import Any

from reactivex import abc
from reactivex.internal import default_error, noop

__all__ = ("Link",)


class Link(abc.ObserverBase[Any], abc.DisposableBase):
    """An observer that stops by itself, and the disposable that stops it."""

    __slots__ = ("_completed", "_error", "_subscription", "on_next", "stopped")

    on_next: abc.OnNext[Any]  # type: ignore[assignment]

    def __init__(
        self,
        on_next: abc.OnNext[Any] | None,
        on_error: abc.OnError | None,
        on_completed: abc.OnCompleted | None,
    ) -> None:
        self.on_next = on_next or noop
        self._error: abc.OnError = on_error or default_error
        self._completed: abc.OnCompleted = on_completed or noop
        self._subscription: abc.DisposableBase | None = None
        self.stopped = False

    def on_error(self, error: Exception) -> None:
        """Hand the error on, once, and let the upstream go."""
        if self.stopped:
            return
        self._stop()
        try:
            self._error(error)
        finally:
            self._release()

    def on_completed(self) -> None:
        """Hand the end on, once, and let the upstream go."""
        if self.stopped:
            return
        self._stop()
        try:
            self._completed()
        finally:
            self._release()

    def dispose(self) -> None:
        """Let the upstream go and hear nothing more of it."""
        self._stop()
        self._release()

    def hold(self, subscription: abc.DisposableBase) -> None:
        """Keep what stops the upstream. It may be late: a chain can end while it is being subscribed."""
        self._subscription = subscription
        if self.stopped:
            self._release()

    def _stop(self) -> None:
        self.stopped = True
        self.on_next = noop

    def _release(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            subscription.dispose()
