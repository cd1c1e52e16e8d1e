"""Find out whether a chain listens to something that speaks by itself.

A Subject that somebody else pushes into is heard at once only if the pump does not sit waiting for a pull
source in the consumer's own task. A stock operator keeps what it was given in its closure, so that is where
to look. What this misses the pump still learns from the first item that comes unasked; that one item may
then be late by one pull.
"""

from collections.abc import Iterable
from types import CellType, FunctionType, MethodType
from typing import Any, cast

from reactivex import Observable
from reactivex.subject import Subject

__all__ = ("has_hot_source",)

#: A chain of a hundred operators has fewer parts than this.
_MOST_PARTS = 2000


def has_hot_source(observable: Observable[Any]) -> bool:
    """Tell whether a Subject can be found among the sources of a chain."""
    seen: set[int] = set()
    parts: list[Any] = [observable]
    while parts and len(seen) < _MOST_PARTS:
        part = parts.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, Subject) or getattr(part, "is_hot", False):
            return True
        parts.extend(_inside(part))
    return False


def _inside(part: Any) -> Iterable[Any]:
    if isinstance(part, Observable):
        # What stands in front of a machine, or of a connectable, is an attribute of it.
        return [getattr(cast("Any", part), name, None) for name in ("_subscribe", "upstream", "source")]
    if isinstance(part, MethodType):
        return part.__self__, part.__func__
    if isinstance(part, FunctionType):
        return [_content(cell) for cell in part.__closure__ or ()]
    if isinstance(part, tuple | list):
        return cast("Iterable[Any]", part)
    return ()


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a name that has no value yet
        return None
