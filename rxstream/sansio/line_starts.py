"""What the beginning of a line says about the block above it, before the line is complete.

Asked only for earliness: what it says, ``Blocks`` says too when the line is over.
"""

from functools import cache

import regex

from rxstream.sansio.blocks import Blocks
from rxstream.sansio.html_blocks import NAMES, RAW_NAMES
from rxstream.sansio.leaves import Leaf

__all__ = ("outlook",)

_COMMON = (
    ">|#{1,6}[ \t]|~~~"
    rf"|<(?:(?i:{RAW_NAMES})[ \t>]|!--|\?|![A-Za-z]|!\[CDATA\[|/?(?i:{NAMES})(?:[ \t>]|/>))"
)
# Compiled when they are first asked for: together they take a fortieth of the time to import openai.


@cache
def _paragraph() -> regex.Pattern[str]:
    """Match what interrupts a paragraph: of lists only an item that has text, and number one."""
    return regex.compile(rf"{_COMMON}|(?:[-+*]|0{{0,8}}1[.)])[ \t]++[^ \t]", regex.ASCII)


@cache
def _lazy(marker: str) -> regex.Pattern[str]:
    """Match what ends a paragraph that the line could only go on with lazily, or a table.

    ``marker``: of the list that an item with it would go on with instead.
    """
    bullets, digits = "-+*".replace(marker, ""), ".)".replace(marker, "")
    return regex.compile(rf"{_COMMON}|(?:[{bullets}]|[0-9]{{1,9}}+[{digits}])[ \t]", regex.ASCII)


@cache
def _no_item(marker: str) -> regex.Pattern[str]:
    """Match what is no item of the list with this marker."""
    if marker in "-+*":
        return regex.compile(rf"[^{marker}]|\{marker}[^ \t]")
    return regex.compile(rf"[^0-9]|[0-9]{{1,9}}+(?:[^0-9{marker}]|\{marker}[^ \t])|[0-9]{{10}}")


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
        return column < 4 and _paragraph()
    elif blocks.leaf is Leaf.INDENTED:
        return column < 4
    elif blocks.leaf is Leaf.TABLE:
        return column > 3 or _lazy("")
    elif blocks.takes_anything:
        return False
    else:
        marker = blocks.top.marker
    if paragraph:
        return column < 4 and _lazy(marker)
    return column > 3 or not marker or _no_item(marker)
