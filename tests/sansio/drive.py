"""How the tests of the wire's machines drive them, and ways to cut what they are fed."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from rxstream.errors import ProviderError, StreamError


def drive(machine: Any, chunks: Iterable[Any]) -> tuple[list[Any], tuple[Any, ...] | None]:
    """Give everything that came out, and what is to be known of the fault, if there was one."""
    values: list[Any] = []
    try:
        for chunk in chunks:
            values.extend(one for one in machine.feed(chunk))
            if getattr(machine, "finished", False):
                break
        values.extend(machine.close())
    except StreamError as error:
        fault: tuple[Any, ...] = (type(error), str(error), error.partial)
        if isinstance(error, ProviderError):
            fault += (error.body, error.code, error.type, error.status)
        return values, fault
    return values, None


def cut(body: bytes, *places: int) -> list[bytes]:
    """Cut a body at these places, wherever they are."""
    edges = [0, *sorted(place for place in places if 0 <= place <= len(body)), len(body)]
    return [body[begin:end] for begin, end in pairwise(edges)]


def each_byte(body: bytes) -> Sequence[bytes]:
    return [body[place : place + 1] for place in range(len(body))]
