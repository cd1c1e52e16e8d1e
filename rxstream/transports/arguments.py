"""Numbers that are given, looked at before the first client comes."""

__all__ = ("check_bound",)


def check_bound(name: str, bound: float, *, whole: bool) -> None:
    """Raise ValueError or TypeError for a bound that bounds nothing; one in seconds may be infinite."""
    if isinstance(bound, bool) or not isinstance(bound, int if whole else (int, float)):
        kind = "an int" if whole else "a number"
        raise TypeError(f"{name}= is {kind}, but got {bound!r} ({type(bound).__name__}).")
    if not bound > 0:
        raise ValueError(f"{name}= must be more than 0, but got {bound}.")
