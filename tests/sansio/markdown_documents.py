"""Markdown documents drawn at random: lines, and the marks of what they stand in."""

from collections.abc import Sequence

from hypothesis import strategies as st

__all__ = ("drawn",)

#: The marks of containers, and white space that may be one's.
MARKS = ("> ", ">", "- ", "-", "* ", "1. ", "2) ", "  ", "   ", "    ", "\t", " ", "")


@st.composite
def drawn(draw: st.DrawFn, lines_of: Sequence[str], *, depth: int, size: int, tabs: bool) -> str:
    """Draw lines whose marks stay the same for a while, as they do in a document that means them."""
    mark = st.sampled_from([mark for mark in MARKS if tabs or "\t" not in mark])
    line = st.sampled_from([line for line in lines_of if tabs or "\t" not in line])
    marks = draw(st.lists(mark, max_size=depth))
    lines: list[str] = []
    for _ in range(draw(st.integers(1, size))):
        change = draw(st.integers(0, 9))
        if change == 0:
            marks = marks[:-1]
        elif change == 1:
            marks = [*marks, draw(mark)]
        elif change <= 4:
            marks = [one if draw(st.booleans()) else draw(mark) for one in marks]
        lines.append("".join(marks) + draw(line) + "\n")
    return "".join(lines)
