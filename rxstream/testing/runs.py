"""Run a machine as ``lift`` runs it, and compare what comes of it.

The outcome of a run is what came out and the fault that ended it, or None.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

from rxstream.sansio import Machine

__all__ = ("CRASHES", "Join", "Outcome", "Run", "run_machine", "same", "short", "show")

I = TypeVar("I")  # noqa: E741 - what goes in, as in the machine's own protocol
O = TypeVar("O")  # noqa: E741 - what comes out

Outcome: TypeAlias = tuple[list[O], Exception | None]
#: Maps the items of a run to what is to be compared instead of them.
Join: TypeAlias = Callable[[list[O]], Sequence[Any]]

#: Nobody raises these on purpose, about a text.
CRASHES = (AssertionError, AttributeError, IndexError, KeyError, NameError, RecursionError, TypeError)


class Run(Generic[I, O]):
    """One machine being driven."""

    __slots__ = ("_machine", "ended", "fault", "items")

    def __init__(self, factory: Callable[[], Machine[I, O]]) -> None:
        self._machine = factory()
        self.items: list[O] = []
        self.fault: Exception | None = None
        self.ended = False

    @property
    def finished(self) -> bool:
        """Whether the machine said so itself."""
        return bool(getattr(self._machine, "finished", False))

    def feed(self, chunk: I) -> None:
        """Feed the machine, unless it has ended; close it if that finished it."""
        if not self.ended:
            self._take(lambda: self._machine.feed(chunk))
            if self.finished:
                self.close()

    def close(self) -> Outcome[O]:
        """Close the machine, unless it has ended, and give the outcome."""
        if not self.ended:
            self._take(self._machine.close)
            self.ended = True
        return self.items, self.fault

    def _take(self, step: Callable[[], Iterable[O]]) -> None:
        append = self.items.append
        try:
            # One at a time: what comes before a fault has come.
            for item in step():
                append(item)
        except Exception as fault:  # noqa: BLE001 - whatever a machine raises is its outcome
            self.fault = fault
            self.ended = True


def run_machine(
    factory: Callable[[], Machine[I, O]], chunks: Iterable[I]
) -> tuple[list[O], Exception | None]:
    """Feed a new machine all of ``chunks``, close it, and give what came out and the fault, if any.

        items, fault = run_machine(rxs.sansio.words.Words, ["Hel", "lo you"])
        print(items, fault)  #> ['Hello', 'you'] None

    ``factory`` makes the machine. Items that came before a fault are kept. A machine that sets ``finished``
    is closed there. To run an operator there is ``rxs.run``.
    """
    run = Run(factory)
    for chunk in chunks:
        run.feed(chunk)
        if run.ended:
            break
    return run.close()


def same(one: Outcome[O], other: Outcome[O], join: Join[O] | None = None) -> bool:
    """Tell whether two outcomes are the same: items by ``==``, faults by type and message."""
    (items, fault), (others, other_fault) = one, other
    if type(fault) is not type(other_fault) or str(fault) != str(other_fault):
        return False
    return items == others or (join is not None and join(items) == join(others))


def show(outcome: Outcome[O]) -> str:
    """Write an outcome for a message."""
    items, fault = outcome
    return short(items) if fault is None else f"{short(items)}, then {fault!r}"


def short(value: object) -> str:
    """Write a value for a message, without its middle if it is long."""
    shown = repr(value)
    return shown if len(shown) <= 600 else f"{shown[:380]} ... {shown[-200:]}"
