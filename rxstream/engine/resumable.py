"""Sources that can go on where an answer broke off, and the operators that do not stand in their way."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from copy import deepcopy
from typing import Any, Literal, TypeAlias

from reactivex import Observable, abc

from rxstream.engine.lift import lift
from rxstream.engine.observable import StreamObservable
from rxstream.sansio.delivered import Delivered
from rxstream.sansio.joint import Joint

__all__ = ("Continuation", "ResumableObservable", "Rung", "Transparent", "joined", "pass_on")

#: How a source goes on: "server": the provider continues at a position; "continue": it is asked again,
#: with the text so far as the assistant's own words.
Rung: TypeAlias = Literal["server", "continue"]

#: The rest of an answer, and the machine that joins it to what has been delivered.
Continuation: TypeAlias = tuple[Observable[Any], Joint]


class ResumableObservable(ABC):
    """What an Observable is, besides, whose stream ``retry_stream`` can continue."""

    @abstractmethod
    def resume(self, rung: Rung, delivered: Delivered) -> Continuation | None:
        """Return the rest of the answer of which so much has been delivered; None if there is no such way."""


class Transparent(StreamObservable[Any], ResumableObservable):
    """A resumable source behind an operator that changes no item: it can be resumed just the same."""

    def __init__(
        self,
        subscribe: abc.Subscription[Any],
        source: ResumableObservable,
        operator: Callable[[Observable[Any]], Observable[Any]],
    ) -> None:
        super().__init__(subscribe)
        self._source = source
        self._operator = operator

    def resume(self, rung: Rung, delivered: Delivered) -> Continuation | None:
        """Resume the source, behind the same operator."""
        continuation = self._source.resume(rung, delivered)
        if continuation is None:
            return None
        rest, joint = continuation
        return self._operator(rest), joint


def joined(rest: Observable[Any], joint: Joint) -> Observable[Any]:
    """Make of a continuation one Observable: what of the rest is new."""
    return lift(lambda: deepcopy(joint))(rest)


def pass_on(
    operator: Callable[[Observable[Any]], Observable[Any]],
) -> Callable[[Observable[Any]], Observable[Any]]:
    """Make an operator that changes no item leave a resumable source resumable."""

    def passing(source: Observable[Any]) -> Observable[Any]:
        result = operator(source)
        if not isinstance(source, ResumableObservable):
            return result
        core: abc.Subscription[Any] = result._subscribe_core  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        return Transparent(core, source, operator)

    return passing
