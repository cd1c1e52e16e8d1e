r"""The margin of a line of Markdown: white space in columns, and the marks of the blocks that hold it.

A tab reaches to the next column that is a multiple of four, and may belong in part to a mark and in part
to what stands behind it: so all is counted in columns, and text is made of them only at the end.
"""

import re
from collections.abc import Sequence

__all__ = ("Container", "Margin")

_SPACE = re.compile(r"[ \t]*+")


class Container:
    """A block that holds others: a block quote, or an item of a list."""

    __slots__ = ("empty", "marker", "width")

    def __init__(self, marker: str, width: int = 0, *, empty: bool = False) -> None:
        #: ``>``, or what the list's items begin with: ``-``, ``+``, ``*``, ``.`` or ``)``.
        self.marker = marker
        #: How far a line must be indented to be in this item; 0 of a quote, whose lines have a mark.
        self.width = width
        #: An item that has nothing in it yet; a blank line then ends it.
        self.empty = empty


class Margin:
    """Reads the margin of one line, which may come in pieces.

    ``place`` is how far the current piece was read, ``column`` where that is in the line. ``start`` is
    the column at which what is inside of the marks begins: all between it and ``column`` is indentation.
    """

    __slots__ = ("_gap", "_gap_column", "_optional", "column", "depth", "place", "start")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin a line."""
        self.place = 0
        self.column = 0
        self.start = 0
        #: Of how many containers the marks have been found.
        self.depth = 0
        self._gap = ""
        self._gap_column = 0
        self._optional = False

    @property
    def indent(self) -> int:
        """How many columns of white space stand between the marks and the text."""
        return self.column - self.start

    def skip_space(self, text: str) -> None:
        """Read white space."""
        end = _SPACE.match(text, self.place).end()  # type: ignore[union-attr]
        if end == self.place:
            return
        space = text[self.place : end]
        self._gap += space
        self.place = end
        if "\t" in space:
            before = self.column % 4
            self.column += len((" " * before + space).expandtabs(4)) - before
        else:
            self.column += len(space)
        if self._optional:
            self.start += 1
            self._optional = False

    def mark(self, length: int) -> None:
        """Step over a mark of that many characters; what is behind it is inside of it."""
        self.place += length
        self.column += length
        self.start = self._gap_column = self.column
        self._gap = ""
        self._optional = False

    def quote(self) -> None:
        """Step over a ``>``; one column of white space behind it belongs to it."""
        self.mark(1)
        self._optional = True

    def enter(self, containers: Sequence[Container], text: str, *, ended: bool) -> bool | None:
        """Find the marks of open containers: all (True), not all (False), or too early to say (None).

        ``ended`` says that ``text`` ends where the line does. White space behind the marks is read too.
        """
        self.skip_space(text)
        while self.depth < len(containers):
            container = containers[self.depth]
            char = text[self.place : self.place + 1]
            blank = char in "\r\n" if char else ended
            indent = self.column - self.start
            if container.width:
                if blank:
                    if container.empty:
                        return False
                    self.start += min(container.width, indent)
                elif indent >= container.width:
                    self.start += container.width
                else:
                    return False if char else None
            else:
                if indent > 3:
                    return False
                if char != ">":
                    return False if char or ended else None
                self.quote()
                self.skip_space(text)
            self.depth += 1
        return True

    def content(self, strip: int = 0) -> str:
        """Give the white space behind the marks, without up to ``strip`` columns of it."""
        wanted = self.start + min(strip, self.column - self.start)
        column = self._gap_column
        for place, char in enumerate(self._gap):
            if column >= wanted:
                return " " * (column - wanted) + self._gap[place:]
            column += 4 - column % 4 if char == "\t" else 1
        return " " * (column - wanted)
