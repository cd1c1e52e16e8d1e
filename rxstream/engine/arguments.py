"""What a function is given, looked at before anything happens.

Each error says which call expects what, and what came. ``call`` is the function as its user knows it, as in
"run()"; ``optional``: None is as good. Numbers are those of numpy, too. Machines look at their arguments
themselves.
"""

from collections.abc import Iterable
from math import isfinite
from numbers import Integral, Real
from typing import Any, Final

from reactivex import Observable

__all__ = ("check_count", "check_function", "check_number", "check_observable", "check_streams", "check_type")

# Python's own come first: to ask the abstract ones takes several times as long.
_WHOLE: Final = (int, Integral)
_REAL: Final = (float, int, Real)


def check_observable(call: str, value: object) -> None:
    """Refuse what is no Observable, by TypeError."""
    if not isinstance(value, Observable):
        raise TypeError(
            f"{call} expects an Observable and got {value!r:.120}. "
            f"Make one with from_chat(...), from_stream(...) or from_recording(...)."
        )


def check_streams(call: str, streams: Iterable[tuple[object, object]]) -> None:
    """Refuse, by TypeError, what is no Observable; each comes with the name that its argument has."""
    for name, stream in streams:
        if not isinstance(stream, Observable):
            raise TypeError(
                f"{call} expects Observables, and got as argument {name!r} {type(stream).__name__}: "
                f"{stream!r:.80}. Make one with from_chat(...) or from_stream(...)."
            )


def check_count(call: str, name: str, value: Any, *, least: int = 1, optional: bool = False) -> None:
    """Refuse what is no whole number, by TypeError, and what is below the least, by ValueError."""
    if optional and value is None:
        return
    if not _is_number(value, _WHOLE):
        raise TypeError(f"{call} expects {name} to be a whole number and got {value!r:.120}")
    if value < least:
        raise ValueError(f"{call} expects {name} to be at least {least} and got {value!r}")


def check_number(
    call: str,
    name: str,
    value: Any,
    *,
    unit: str = "seconds",
    zero: bool = False,
    finite: bool = False,
    optional: bool = False,
) -> None:
    """Refuse what is no number, by TypeError, and one below 0, or 0, or without end, by ValueError."""
    if optional and value is None:
        return
    if not _is_number(value, _REAL):
        raise TypeError(f"{call} expects {name} to be a number of {unit} and got {value!r:.120}")
    if not (value >= 0 if zero else value > 0) or (finite and not isfinite(value)):
        least = f"0 {unit} or more" if zero else f"more than 0 {unit}"
        raise ValueError(
            f"{call} expects {name} to be {least}{', and finite,' if finite else ''} and got {value!r}"
        )


def _is_number(value: object, kinds: tuple[type, ...]) -> bool:
    """Tell whether it is one of those kinds, whoever made it; what is true or false is none."""
    return isinstance(value, kinds) and not isinstance(value, bool)


def check_function(call: str, name: str, value: object, what: str, *, optional: bool = False) -> None:
    """Refuse what cannot be called, by TypeError."""
    if not (callable(value) or (optional and value is None)):
        raise TypeError(f"{call} expects as {name} {what}, and got {value!r:.120}")


def check_type(call: str, name: str, value: object, kind: Any, what: str, *, optional: bool = False) -> None:
    """Refuse what is not of that kind, or of one of those kinds, by TypeError."""
    if not (isinstance(value, kind) or (optional and value is None)):
        raise TypeError(f"{call} expects {name} to be {what} and got {value!r:.120}")
