"""Paragraphs: text between blank lines."""

from collections.abc import Iterable

from rxstream.sansio.lines import LINE

__all__ = ("Paragraphs",)


class Paragraphs:
    r"""Split the text at blank lines: those of white space only.

    A paragraph is given as written, its indentation, the line ends inside and white space at the ends of
    its lines included, but without the line end behind it. Blank lines before the first and behind the
    last paragraph give nothing. Lines end as in ``Lines``: at ``\n``, ``\r\n`` or ``\r``.

    A paragraph comes out when the blank line behind it is complete: after ``"text\n  "`` the paragraph
    may still go on with an indented line.

    Holds back the unfinished paragraph, however long it grows.
    """

    __slots__ = ("_after_cr", "_line", "_lines")

    def __init__(self) -> None:
        #: The complete lines of the unfinished paragraph, with their ends, and the unfinished line.
        self._lines: list[str] = []
        self._line: list[str] = []
        self._after_cr = False

    def feed(self, chunk: str) -> Iterable[str]:
        """Give the paragraphs that a blank line has ended."""
        if not (self._after_cr or "\n" in chunk or "\r" in chunk):
            if chunk:
                self._line.append(chunk)
            return ()
        if not chunk:
            return ()
        if self._after_cr and chunk[0] == "\n":
            # The second half of a line end. The line before is complete already; if it was blank, it is gone.
            if self._lines:
                self._lines.append("\n")
            chunk = chunk[1:]
        self._after_cr = chunk.endswith("\r")
        return self._split(LINE.findall(chunk))

    def close(self) -> Iterable[str]:
        """Give the last paragraph."""
        rest = "".join(self._line)
        if rest and not rest.isspace():
            return ("".join((*self._lines, rest)),)
        return (_joined(self._lines),) if self._lines else ()

    def _split(self, lines: list[str]) -> list[str]:
        paragraphs: list[str] = []
        unfinished = self._line
        rest = lines.pop() if lines and lines[-1][-1] not in "\r\n" else ""
        if lines and unfinished:
            unfinished.append(lines[0])
            lines[0] = "".join(unfinished)
            unfinished.clear()
        for line in lines:
            if not line.isspace():
                self._lines.append(line)
            elif self._lines:
                paragraphs.append(_joined(self._lines))
                self._lines.clear()
        if rest:
            unfinished.append(rest)
        return paragraphs


def _joined(lines: list[str]) -> str:
    """Join the lines, without the one line end behind them."""
    text = "".join(lines)
    return text[:-2] if text.endswith("\r\n") else text[:-1]
