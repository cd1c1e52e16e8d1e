"""Map the text of each item."""

from collections.abc import Callable
from dataclasses import replace
from typing import Generic, TypeVar

from rxstream.items import StreamChunk, Text

__all__ = ("Transform",)

T = TypeVar("T", bound=Text)


class Transform(Generic[T]):
    """Apply a function to each item's text; an item without text passes as it is."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[[str], str]) -> None:
        self._function = function

    def feed(self, item: T) -> tuple[T, ...]:
        """Map one item."""
        if isinstance(item, str):
            return (self._function(item),) if item else ()  # type: ignore[return-value]
        if not isinstance(item, StreamChunk):
            msg = (
                f"transform() works on text: it expects str or StreamChunk items, and got "
                f"{type(item).__name__}: {item!r:.80}. For other items there is ops.map(...)."
            )
            raise TypeError(msg)
        if not item.content:
            return (item,)
        return (replace(item, content=self._function(item.content), raw=None),)

    def close(self) -> tuple[T, ...]:
        """Nothing is ever held."""
        return ()
