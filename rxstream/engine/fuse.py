"""Several machines in a row, made one.

A fused chain works *into* a list: ``into(chunk, out)`` puts behind ``out`` what the last machine gives for
a chunk of the first. What stands in ``out`` when a machine fails is what was found before the fault.
Plain loops and calls, because they are what is fast: an iterator object between two machines costs more
than most machines do.
"""

from collections.abc import Callable, Container, Iterable, Sequence
from typing import Any, Final

from rxstream.sansio import Machine

__all__ = ("FirstMachine", "Fused")

Feed = Callable[[Any], Iterable[Any]]
Into = Callable[[Any, list[Any]], None]


class FirstMachine:
    """What a source's own machine, the first in its chain, may do beyond the contract of machines."""

    __slots__ = ()

    #: Classes of items that it gives as they came, whatever it has seen before: asking it would cost as much
    #: as all else that happens to them.
    passes: Container[type] = ()

    def explain(self, error: Exception) -> Exception:
        """Return the error to raise for one of the source: the machine has seen what came before it."""
        return error


_NO_FIRST: Final = FirstMachine()


class Fused:
    """Machines in a row, for one subscription. They behave as if each had been lifted by itself."""

    __slots__ = ("_intos", "explain", "finishes", "finishing", "into", "machines", "passes")

    def __init__(self, machines: Sequence[Machine[Any, Any]]) -> None:
        self.machines: Sequence[Any] = machines
        #: Those that may know their end before their input ends, and whether there are any.
        self.finishing: Sequence[Any] = _finishing(machines)
        self.finishes = bool(self.finishing)
        first = machines[0] if machines and isinstance(machines[0], FirstMachine) else _NO_FIRST
        self.explain = first.explain
        self.passes = first.passes
        # From the last to the first: each one's output goes into what stands behind it.
        intos: list[Into] = [_append]
        for at in range(len(machines) - 1, -1, -1):
            intos.append(_stage(machines[at], intos[-1], machines[at + 1 :]))
        intos.reverse()
        self._intos = intos
        self.into = intos[0]

    @property
    def finished(self) -> bool:
        """Whether one of the machines is at its end, so that the chain is to be closed."""
        return _is_finished(self.finishing)

    def close_into(self, out: list[Any]) -> None:
        """Close the machines in order; what each one still had goes through those behind it.

        Those before one that finished by itself are let go unasked.
        """
        machines = self.machines
        for at, machine in enumerate(machines):
            behind = _finishing(machines[at + 1 :])
            if not _is_finished(behind):
                _pour(machine.close(), self._intos[at + 1], behind, out)


def _finishing(machines: Sequence[Any]) -> Sequence[Any]:
    """Return those that may know their end before their input ends."""
    return [machine for machine in machines if hasattr(machine, "finished")]


def _is_finished(finishing: Sequence[Any]) -> bool:
    # A loop and not any(): it runs once a chunk, and a generator costs more than the machines it asks.
    for machine in finishing:  # noqa: SIM110
        if machine.finished:
            return True
    return False


def _append(value: Any, out: list[Any]) -> None:
    out.append(value)


def _stage(machine: Machine[Any, Any], into: Into, behind: Sequence[Machine[Any, Any]]) -> Into:
    feed = machine.feed
    if not behind:
        return lambda chunk, out: out.extend(feed(chunk))
    finishing = _finishing(behind)
    if finishing:
        return lambda chunk, out: _pour(feed(chunk), into, finishing, out)
    # The short rows, which nearly all are, in one function: a call saved per machine and item.
    if len(behind) == 1:
        return _two(feed, behind[0].feed)
    if len(behind) == 2:
        return _three(feed, behind[0].feed, behind[1].feed)

    def stage(chunk: Any, out: list[Any]) -> None:
        for value in feed(chunk):
            into(value, out)

    return stage


def _two(first: Feed, second: Feed) -> Into:
    def into(chunk: Any, out: list[Any]) -> None:
        for value in first(chunk):
            out.extend(second(value))

    return into


def _three(first: Feed, second: Feed, third: Feed) -> Into:
    def into(chunk: Any, out: list[Any]) -> None:
        for value in first(chunk):
            for inner in second(value):
                out.extend(third(inner))

    return into


def _pour(values: Iterable[Any], into: Into, finishing: Sequence[Any], out: list[Any]) -> None:
    # What a machine would still find, or fail at, once a later one has finished is nobody's business:
    # lifted by itself, it would have been let go by then.
    for value in values:
        into(value, out)
        if _is_finished(finishing):
            return
