"""The opposite of splitting: the text so far."""

from collections.abc import Iterable

__all__ = ("SoFar",)


class SoFar:
    """Give, for each chunk, the whole text up to and including it; for an empty chunk nothing.

    This is the one machine whose output shows how the input was cut, as one item a chunk is its purpose:
    only the *last* item is the same for every chunking. And it is the one machine whose output is longer
    than its input: whoever keeps all the items keeps a quadratic number of characters. Whoever drops each
    item before the next chunk comes pays for the new characters only.
    """

    __slots__ = ("_text",)

    def __init__(self) -> None:
        self._text = ""

    def feed(self, chunk: str) -> Iterable[str]:
        """Give the text that ends with this chunk."""
        if not chunk:
            return ()
        # CPython appends in place to a string that only one local variable refers to, and copies it
        # otherwise. So the attribute lets go of it first.
        text = self._text
        self._text = ""
        text += chunk
        self._text = text
        return (text,)

    def close(self) -> Iterable[str]:
        """Give nothing: all has been said."""
        return ()
