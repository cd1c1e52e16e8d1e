"""The grammar of a code fence: how it opens, what it says of the code, how it closes."""

import re
from html.entities import html5

__all__ = ("Fence", "find_fence", "first_word")

_OPENING = re.compile(r"(`{3,}+)([^`]*+)\Z|(~{3,}+)(.*+)\Z", re.DOTALL)
_CLOSING = {char: re.compile(rf"({char}{{3,}}+)[ \t]*+\Z") for char in "`~"}
#: What a backslash takes its meaning from, and what stands for another character.
_ESCAPE = re.compile(
    r"\\([!-/:-@\[-`{-~])|&(?:#[xX]([0-9a-fA-F]{1,6})|#([0-9]{1,7})|([A-Za-z][A-Za-z0-9]{1,31}));"
)


class Fence:
    """An open fence: what must close it, and what its opening line said."""

    __slots__ = ("char", "indent", "info", "length")

    def __init__(self, char: str, length: int, indent: int, info: str) -> None:
        self.char = char
        self.length = length
        #: How many columns the opening fence is indented; so many are taken from each line of the code.
        self.indent = indent
        self.info = info

    def closed_by(self, line: str, place: int) -> bool:
        """Tell whether what stands in the line from ``place`` on closes it."""
        match = _CLOSING[self.char].match(line, place)
        return match is not None and len(match[1]) >= self.length


def find_fence(line: str, place: int, indent: int) -> Fence | None:
    """Give the fence that opens at ``place``; None if none does."""
    match = _OPENING.match(line, place)
    if match is None:
        return None
    run, info = match[1] or match[3], match[2] if match[1] else match[4]
    return Fence(run[0], len(run), indent, info.strip(" \t"))


def first_word(info: str) -> str | None:
    """Give the first word of an info string, its escapes and entities decoded; None if there is none."""
    words = (_ESCAPE.sub(_decoded, info) if "\\" in info or "&" in info else info).split(None, 1)
    return words[0] if words else None


def _decoded(match: re.Match[str]) -> str:
    escaped, hexadecimal, decimal, name = match.groups()
    if escaped:
        return escaped
    if name:
        return html5.get(name + ";", match[0])
    code = int(hexadecimal, 16) if hexadecimal else int(decimal)
    if not code or 0xD800 <= code <= 0xDFFF or code > 0x10FFFF:
        return "\ufffd"
    return chr(code)
