"""Text that grows by pieces, as somebody saw it at one moment."""

from collections.abc import Sequence

__all__ = ("SoLong",)


class SoLong:
    """The first pieces of a list that only ever grows.

    To hand out the text so far with every piece costs its whole length each time. This costs nothing:
    it is joined when asked for, and stays what it was, however long the list becomes.
    """

    __slots__ = ("_count", "_pieces")

    def __init__(self, pieces: Sequence[str]) -> None:
        self._pieces = pieces
        self._count = len(pieces)

    def __str__(self) -> str:
        """Join the pieces."""
        return "".join(self._pieces[: self._count])
