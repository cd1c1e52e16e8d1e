r"""Lines, as a terminal or a file has them."""

import re
from collections.abc import Iterable

__all__ = ("LINE_END", "Lines", "may_go_on")

#: A line with its end, or, at the end of the text, one without. "\r\n" is one end.
LINE = re.compile(r"[^\r\n]*+(?:\r\n?|\n)|[^\r\n]++")


#: ``\n``, ``\r\n`` or ``\r``.
LINE_END = re.compile(r"\r\n?|\n")


def may_go_on(line_end: re.Match[str]) -> bool:
    """Tell whether the second half of a line end may still come: a CR that the piece ends with."""
    return line_end[0] == "\r" and line_end.end() == len(line_end.string)


class Lines:
    r"""Split the text at ``\n``, ``\r\n`` and ``\r``, and nowhere else.

    ``str.splitlines`` also splits at the form feed, U+2028 and others; a terminal and a file do not,
    so neither does this. A last line without an end comes out at the close; behind a last line end
    there is no empty line.

    * by default they come without their ends. A ``\r`` ends one at once; a ``\n`` behind it is dropped.
    * with ``keep_ends`` joining the output gives the input back. A ``\r`` must then wait for the next
      character, as that may be the ``\n`` that belongs to it.

    Holds back the unfinished line, however long it grows.
    """

    __slots__ = ("_after_cr", "_keep_ends", "_pieces")

    def __init__(self, *, keep_ends: bool = False) -> None:
        self._keep_ends = keep_ends
        self._pieces: list[str] = []
        self._after_cr = False

    def feed(self, chunk: str) -> Iterable[str]:
        """Give the lines that are complete now."""
        if not (self._after_cr or "\n" in chunk or "\r" in chunk):
            if chunk:
                self._pieces.append(chunk)
            return ()
        if not chunk:
            return ()
        return self._with_ends(chunk) if self._keep_ends else self._without_ends(chunk)

    def close(self) -> Iterable[str]:
        """Give the last line, if nothing has ended it."""
        return ("".join(self._pieces),) if self._pieces else ()

    def _without_ends(self, chunk: str) -> list[str]:
        if self._after_cr and chunk[0] == "\n":
            chunk = chunk[1:]
        self._after_cr = chunk.endswith("\r")
        if "\r" in chunk:
            chunk = chunk.replace("\r\n", "\n").replace("\r", "\n")
        lines = chunk.split("\n")
        rest = lines.pop()
        pieces = self._pieces
        if lines and pieces:
            pieces.append(lines[0])
            lines[0] = "".join(pieces)
            pieces.clear()
        if rest:
            pieces.append(rest)
        return lines

    def _with_ends(self, chunk: str) -> list[str]:
        lines: list[str] = []
        pieces = self._pieces
        if self._after_cr:
            if chunk[0] == "\n":
                pieces.append("\n")
                chunk = chunk[1:]
            lines.append("".join(pieces))
            pieces.clear()
        found: list[str] = LINE.findall(chunk)
        self._after_cr = chunk.endswith("\r")
        rest = "" if chunk.endswith("\n") or not found else found.pop()
        if found and pieces:
            pieces.append(found[0])
            found[0] = "".join(pieces)
            pieces.clear()
        if rest:
            pieces.append(rest)
        lines += found
        return lines
