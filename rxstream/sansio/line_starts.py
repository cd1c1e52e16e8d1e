"""What the beginning of a line says about the block above it, before the line is complete.

Asked only for earliness: what it says, ``Blocks`` says too when the line is over.
"""

import regex

from rxstream.sansio.blocks import Blocks
from rxstream.sansio.html_blocks import NAMES, RAW_NAMES
from rxstream.sansio.leaves import Leaf

__all__ = ("outlook",)

_COMMON = (
    ">|#{1,6}[ \t]|~~~"
    rf"|<(?:(?i:{RAW_NAMES})[ \t>]|!--|\?|![A-Za-z]|!\[CDATA\[|/?(?i:{NAMES})(?:[ \t>]|/>))"
)
#: What interrupts a paragraph: of lists only an item that has text, and number one.
_PARAGRAPH = regex.compile(rf"{_COMMON}|(?:[-+*]|0{{0,8}}1[.)])[ \t]++[^ \t]", regex.ASCII)
#: What ends a paragraph that the line could only go on with lazily, or a table; by the list's marker that
#: would go on with the list instead.
_LAZY = {
    marker: regex.compile(
        rf"{_COMMON}|(?:[{'-+*'.replace(marker, '')}]|[0-9]{{1,9}}+[{'.)'.replace(marker, '')}])[ \t]",
        regex.ASCII,
    )
    for marker in ("", *"-+*.)")
}
#: What is no item of the list with this marker.
_NO_ITEM = {
    **{marker: regex.compile(rf"[^{marker}]|\{marker}[^ \t]") for marker in "-+*"},
    **{
        marker: regex.compile(rf"[^0-9]|[0-9]{{1,9}}+(?:[^0-9{marker}]|\{marker}[^ \t])|[0-9]{{10}}")
        for marker in ".)"
    },
}


def outlook(blocks: Blocks, column: int, char: str) -> "bool | regex.Pattern[str]":
    """Say whether a line whose first character that is no white space is ``char`` ends the top block.

    True: it does. False: only the end of the line can tell, if it does at all. A pattern: it does once
    that matches, from ``char`` on.
    """
    paragraph = blocks.has_paragraph(char)
    if blocks.containers:
        first = blocks.containers[0]
        if column >= first.width if first.width else char == ">" and column < 4:
            return False
        marker = first.marker if first.width else ""
    elif paragraph:
        return column < 4 and _PARAGRAPH
    elif blocks.leaf is Leaf.INDENTED:
        return column < 4
    elif blocks.leaf is Leaf.TABLE:
        return column > 3 or _LAZY[""]
    elif blocks.takes_anything:
        return False
    else:
        marker = blocks.top.marker
    if paragraph:
        return column < 4 and _LAZY[marker]
    return column > 3 or not marker or _NO_ITEM[marker]
