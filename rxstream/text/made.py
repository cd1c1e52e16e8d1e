"""Refuse wrong arguments where they are written, not at the first chunk."""

from collections.abc import Callable
from typing import TypeVar

__all__ = ("made",)

M = TypeVar("M")


def made(operator: str, factory: Callable[[], M]) -> Callable[[], M]:
    """Make a machine once, so that what it says of its arguments is said now and names the operator."""
    try:
        factory()
    except (TypeError, ValueError) as error:
        raise type(error)(f"{operator}: {error}") from None
    return factory
