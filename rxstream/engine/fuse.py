"""Several machines in a row, made one.

A fused chain works *into* a list: ``into(chunk, out)`` puts behind ``out`` what the last machine gives for
a chunk of the first. What stands in ``out`` when a machine fails is what was found before the fault.
Plain loops and calls, because they are what is fast: an iterator object between two machines costs more
than most machines do.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rxstream.sansio import Machine

__all__ = ("Fused",)

Into = Callable[[Any, list[Any]], None]


class Fused:
    """Machines in a row, for one subscription. They behave as if each had been lifted by itself."""

    __slots__ = ("_intos", "explain", "finishes", "into", "machines")

    def __init__(self, machines: Sequence[Machine[Any, Any]]) -> None:
        self.machines: Sequence[Any] = machines
        #: Whether one of them may know its end before its input ends.
        self.finishes = any(hasattr(machine, "finished") for machine in machines)
        #: The first machine may know better than the source what the source's error means: it has seen
        #: what came before. ``explain(error)`` returns the error to raise.
        self.explain: Callable[[Exception], Exception] = getattr(
            machines[0] if machines else None, "explain", _same
        )
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
        return _is_finished(self.machines)

    def close_into(self, out: list[Any]) -> None:
        """Close the machines in order; what each one still had goes through those behind it.

        Those before one that finished by itself are let go unasked.
        """
        machines = self.machines
        for at, machine in enumerate(machines):
            if not _is_finished(machines[at + 1 :]):
                _pour(machine.close(), self._intos[at + 1], machines[at + 1 :], out)


def _is_finished(machines: Iterable[Any]) -> bool:
    return any(getattr(machine, "finished", False) for machine in machines)


def _same(error: Exception) -> Exception:
    return error


def _append(value: Any, out: list[Any]) -> None:
    out.append(value)


def _stage(machine: Machine[Any, Any], into: Into, behind: Sequence[Any]) -> Into:
    feed = machine.feed
    if not behind:
        return lambda chunk, out: out.extend(feed(chunk))
    if any(hasattr(later, "finished") for later in behind):
        return lambda chunk, out: _pour(feed(chunk), into, behind, out)

    def stage(chunk: Any, out: list[Any]) -> None:
        for value in feed(chunk):
            into(value, out)

    return stage


def _pour(values: Iterable[Any], into: Into, behind: Sequence[Any], out: list[Any]) -> None:
    # What a machine would still find, or fail at, once a later one has finished is nobody's business:
    # lifted by itself, it would have been let go by then.
    for value in values:
        into(value, out)
        if _is_finished(behind):
            return
