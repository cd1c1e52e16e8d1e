"""What the laws need to know of a machine or an operator."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rxstream.items import StreamChunk

__all__ = ("Join", "OfItems", "OfText", "Op", "pieces_of_chunks")

Join = Callable[[list[Any]], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class OfText:
    """A machine on text, or on bytes, and what the laws ask of it."""

    of: type
    label: str
    factory: Callable[[], Any]
    samples: tuple[Any, ...]
    #: What law 1 compares instead of the items: "".join where their borders mean nothing.
    join: Join | None = None
    lossless: bool = False
    #: How many characters later than certain an item may come.
    lag: int = 0
    #: How a text may go on, where the laws' own continuations do not show it.
    continuations: tuple[Any, ...] = ()
    #: The most characters that are ever held back (law 5); None: the unfinished unit, however long.
    holds: int | None = None
    #: Why law 2 is not asked of it.
    late_because: str = ""
    #: Long inputs for law 3, by name; without any, the samples are stretched.
    long: tuple[tuple[str, Callable[[int], list[Any]]], ...] = ()
    #: Why law 3 is not asked of it.
    quadratic_because: str = ""

    def __str__(self) -> str:
        return self.label


@dataclass(frozen=True, slots=True)
class OfItems:
    """A machine on other items: its inputs, and for law 3 a long one."""

    of: type
    label: str
    factory: Callable[[], Any]
    inputs: tuple[tuple[Any, ...], ...]
    long: Callable[[int], list[Any]]

    def __str__(self) -> str:
        return self.label


@dataclass(frozen=True, slots=True)
class Op:
    """A public operator with one set of arguments."""

    name: str
    label: str
    make: Callable[[], Callable[[Any], Any]]
    samples: tuple[str, ...]
    #: Text in, text out: chunks stay chunks. Otherwise it gives units of its own.
    rewrites: bool = False
    #: As in ``OfText``; of a rewriter only the joined text counts.
    join: Join | None = None
    lossless: bool = False
    #: Whether it may end before its source does.
    finishes: bool = False
    #: Whether it takes chunks as well as text.
    takes_chunks: bool = True
    #: Why the cuts may show in what comes out.
    cut_because: str = ""

    def __str__(self) -> str:
        return self.label


def pieces_of_chunks(size: int) -> list[StreamChunk]:
    """Make an answer of about that many characters."""
    return [StreamChunk("wor"), StreamChunk("d. ")] * (size // 6 + 1)
