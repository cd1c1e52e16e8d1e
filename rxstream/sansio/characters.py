"""Pieces of a fixed number of code points."""

from collections.abc import Iterable

__all__ = ("Characters",)


class Characters:
    """Cut the text into pieces of exactly ``n`` code points; the last one may be shorter.

    A code point is what ``len()`` counts, and may be half of what a reader sees: a cut can part a letter
    from its accent. ``Graphemes`` never does.

    Holds back at most ``n - 1`` code points. Raises ``ValueError`` if ``n`` is not a positive ``int``.
    """

    __slots__ = ("_held", "_n", "_pieces")

    def __init__(self, n: int) -> None:
        if not isinstance(n, int) or n < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(f"Characters(n) expects a positive int, the length of a piece, got {n!r}")
        self._n = n
        self._pieces: list[str] = []
        self._held = 0

    def feed(self, chunk: str) -> Iterable[str]:
        """Give the pieces that are full now."""
        n = self._n
        size = self._held + len(chunk)
        if size < n:
            if chunk:
                self._pieces.append(chunk)
                self._held = size
            return ()
        self._pieces.append(chunk)
        text = "".join(self._pieces)
        self._held = size % n
        full = size - self._held
        self._pieces = [text[full:]] if self._held else []
        return [text[start : start + n] for start in range(0, full, n)]

    def close(self) -> Iterable[str]:
        """Give the last piece, if it is a short one."""
        return ("".join(self._pieces),) if self._pieces else ()
