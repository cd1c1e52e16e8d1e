"""The marks that blocks begin with, but for those of code fences and HTML, which have files of their own."""

import re

from rxstream.sansio.fences import find_fence
from rxstream.sansio.html_blocks import COMPLETE_TAG, html_kind
from rxstream.sansio.margin import Container, Margin

__all__ = ("HEADING", "MARKER", "RULES", "SPECIAL", "UNDERLINE", "enter_item", "interrupts", "is_rule")

#: What a block that is no paragraph and no indented code can begin with.
SPECIAL = frozenset("#`~*+_=<>-0123456789")

HEADING = re.compile(r"(#{1,6})(?:[ \t]|\Z)")
UNDERLINE = re.compile(r"(=++|-++)[ \t]*+\Z")
#: Of a list's item; the first group is its number.
MARKER = re.compile(r"(?:[-+*]|([0-9]{1,9})[.)])(?=[ \t]|\Z)")
#: What a thematic break may consist of, by its character.
RULES = {char: re.compile(rf"[{char} \t]*+") for char in "*-_"}


def is_rule(line: str, place: int) -> bool:
    """Tell whether the line is a thematic break from ``place`` on."""
    char = line[place]
    run = RULES[char].match(line, place) if char in RULES else None
    return run is not None and run.end() == len(line) and line.count(char, place) >= 3


def interrupts(line: str, place: int) -> bool:
    """Tell whether a block begins at ``place`` that ends a table, or a paragraph in other containers."""
    char = line[place]
    return (
        char == ">"
        or HEADING.match(line, place) is not None
        or find_fence(line, place, 0) is not None
        or (char == "<" and html_kind(line, place) not in {0, COMPLETE_TAG})
        or MARKER.match(line, place) is not None
        or is_rule(line, place)
    )


def enter_item(margin: Margin, line: str, marker: re.Match[str]) -> Container:
    """Step over the marker of an item, and the white space behind it that belongs to it."""
    indent, length = margin.indent, len(marker[0])
    margin.mark(length)
    margin.skip_space(line)
    empty = margin.place == len(line)
    # White space up to four columns belongs to the marker; with more, or nothing behind it, one does.
    space = 1 if empty or margin.indent > 4 else margin.indent
    if not empty:
        margin.start += space
    return Container(marker[0][-1], indent + length + space, empty=empty)
