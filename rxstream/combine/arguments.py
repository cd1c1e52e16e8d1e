"""What the operators of this room are given, looked at before anything happens."""

from collections.abc import Iterable

from reactivex import Observable

__all__ = ("check_function", "check_most", "check_streams")


def check_streams(operator: str, streams: Iterable[tuple[object, object]]) -> None:
    """Refuse what is no Observable; each comes with the name that its argument has."""
    for name, stream in streams:
        if not isinstance(stream, Observable):
            raise TypeError(
                f"{operator} expects Observables, and got as argument {name!r} {type(stream).__name__}: "
                f"{stream!r:.80}. Make one with from_chat(...) or from_stream(...)."
            )


def check_most(operator: str, name: str, value: object) -> None:
    """Refuse what is no number of things from 1 on."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{operator} expects a whole number as {name} and got {value!r}")
    if value < 1:
        raise ValueError(f"{operator} expects {name} to be at least 1 and got {value!r}")


def check_function(operator: str, name: str, value: object, what: str) -> None:
    """Refuse what cannot be called."""
    if not callable(value):
        raise TypeError(f"{operator} expects as {name} {what}, and got {value!r}")
