"""The seven kinds of HTML block: how each begins, and how it ends.

Names follow the CommonMark specification's numbers. A kind is found by the beginning of one line; kinds 1
to 5 end with a line that contains their end, 6 and 7 at a blank line.
"""

import re

__all__ = ("COMPLETE_TAG", "NAMES", "RAW_NAMES", "ends_html", "html_kind")

#: The kind that may not interrupt a paragraph: one complete tag of any name, alone in its line.
COMPLETE_TAG = 7

RAW_NAMES = "script|pre|style|textarea"
NAMES = (
    "address|article|aside|basefont|base|blockquote|body|caption|center|colgroup|col|dd|details|dialog|dir"
    "|div|dl|dt|fieldset|figcaption|figure|footer|form|frameset|frame|h1|h2|h3|h4|h5|h6|header|head|hr"
    "|html|iframe|legend|link|li|main|menuitem|menu|nav|noframes|ol|optgroup|option|param|p|search"
    "|section|summary|table|tbody|td|tfoot|thead|th|title|track|tr|ul"
)
# Possessive throughout: a long line of almost attributes must not be tried in every way.
_VALUE = r"""(?:[^"'=<>`\x00-\x20]++|'[^']*+'|"[^"]*+")"""
_ATTRIBUTE = rf"[ \t]++[a-z_:][a-z0-9:._-]*+(?:[ \t]*+=[ \t]*+{_VALUE})?+"
_TAG = rf"<(?:[a-z][a-z0-9-]*+(?:{_ATTRIBUTE})*+[ \t]*+/?|/[a-z][a-z0-9-]*+[ \t]*+)>[ \t]*+\Z"

_START = re.compile(
    rf"(<(?:{RAW_NAMES})(?:[ \t>]|\Z))|(<!--)|(<\?)|(<![a-z])|(<!\[(?-i:CDATA)\[)"
    rf"|(</?(?:{NAMES})(?:[ \t]|/?>|\Z))|({_TAG})",
    re.IGNORECASE | re.ASCII,
)
_END = {
    1: re.compile(rf"</(?:{RAW_NAMES})>", re.IGNORECASE | re.ASCII),
    2: re.compile("-->"),
    3: re.compile(r"\?>"),
    4: re.compile(">"),
    5: re.compile(r"\]\]>"),
}


def html_kind(line: str, place: int) -> int:
    """Give the kind of HTML block that begins at ``place``; 0 if none does."""
    match = _START.match(line, place)
    return 0 if match is None else match.lastindex or 0


def ends_html(kind: int, line: str, place: int) -> bool:
    """Tell whether a line that is not blank is the last one of a block of this kind."""
    end = _END.get(kind)
    return end is not None and end.search(line, place) is not None
