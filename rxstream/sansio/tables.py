"""The grammar of a pipe table, as GitHub's Markdown and markdown-it have it."""

import re
from collections.abc import Sequence

from rxstream.sansio.margin import Container, Margin

__all__ = ("begins_table", "count_cells", "count_delimiters")

#: What is taken from both ends of a row, and of a cell.
_SPACE = (
    "\t\n\x0b\x0c\r \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u202f\u205f\u3000"
)
#: Only the one character before a pipe counts: a backslash that is itself escaped still escapes.
_PIPE = re.compile(r"(?<!\\)\|")
_DELIMITERS = re.compile(r"(?:[|:][-:| \t]|-[-:|])[-:| \t]*+\Z")
_DELIMITER = re.compile(r":?+-++:?+\Z")


def count_cells(row: str) -> int:
    """Count the cells of a header row."""
    row = row.strip(_SPACE)
    if not row:
        return 0
    pipes = [match.start() for match in _PIPE.finditer(row)]
    cells = len(pipes) + 1
    if pipes and pipes[0] == 0:
        cells -= 1
    if cells and pipes and pipes[-1] == len(row) - 1:
        cells -= 1
    return cells


def count_delimiters(line: str, place: int) -> int:
    """Count the cells of the delimiter row that stands from ``place`` on; 0 if it is none."""
    if _DELIMITERS.match(line, place) is None:
        return 0
    cells = [cell.strip(_SPACE) for cell in line[place:].split("|")]
    if not cells[0]:
        del cells[0]
    if cells and not cells[-1]:
        del cells[-1]
    return len(cells) if all(map(_DELIMITER.match, cells)) else 0


def begins_table(line: str, place: int, following: str, containers: Sequence[Container], depth: int) -> bool:
    """Tell whether a table begins at ``place``: as many delimiters follow as there are cells.

    The next line must stand in all of ``containers``, and be no code in the first ``depth`` of them.
    """
    margin = Margin()
    if not margin.enter(containers[:depth], following, ended=True) or margin.indent > 3:
        return False
    if not margin.enter(containers, following, ended=True):
        return False
    cells = count_delimiters(following, margin.place)
    return cells > 0 and cells == count_cells(line[place:])
