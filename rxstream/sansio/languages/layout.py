"""How the layout of a text, plain or Markdown, ends sentences: lines, fences and list markers."""

import re

from rxstream.sansio.languages.ending import Verdict

__all__ = (
    "BULLETS",
    "LOOK_BACK",
    "WHOLE_LINE",
    "item_marker",
    "judge_fenced_line",
    "judge_item",
    "judge_line",
)

BULLETS = "•⁃◦▪‣"

# "1.", "a)", "• IV.": the sentence so far is but a list marker. A long number is a year.
_MARKER = re.compile(rf"\s*(?:[{BULLETS}*+–-]\s*)?\(?(?:(\d{{1,3}})|([A-Za-z])|[IVXivx]{{1,5}})")
_MARKER_END = re.compile(r"\)?[ \t\u00a0]+")
_MARKER_MOST = 16
# A line that begins so is no continuation of the line before it.
_LINE_START = re.compile(
    rf"[^\S\n]*(?:\n|[-*+]\s|[{BULLETS}—–|>]|\d{{1,3}}[.)]\s|[A-Za-z]\)\s|\#{{1,6}}\s|```)"
)
_LINE_START_BEGUN = re.compile(r"[^\S\n]*(?:[-*+]?|\d{1,3}[.)]?|[A-Za-z]\)?|#{1,6}|`{1,2})")
_LINE_START_MOST = 128
# Inside a fence: a blank line, or the backticks that close it.
_FENCE_END = re.compile(r"[^\S\n]*(`*)[^\S\n]*\n")
_FENCE_END_BEGUN = re.compile(r"[^\S\n]*`*[^\S\n]*")

#: A line that begins so is whole at its end: a heading, a row of a table.
WHOLE_LINE = re.compile(r"\s*(?:#{1,6}\s|\|)")
#: How far behind a place anything here looks.
LOOK_BACK = 128


def judge_line(text: str, at: int) -> tuple[Verdict, int]:
    """Judge the newline at ``text[at]`` by the beginning of the line behind it."""
    most = at + 1 + _LINE_START_MOST
    if _LINE_START.match(text, at + 1, most):
        return Verdict.ENDS, at
    if len(text) < most and _LINE_START_BEGUN.fullmatch(text, at + 1):
        return Verdict.WAIT, at
    return Verdict.GOES_ON, at + 1


def judge_fenced_line(text: str, at: int, fence: int) -> tuple[Verdict, int]:
    """Judge a newline inside a fence of so many backticks; the position is behind those that close it."""
    most = at + 1 + _LINE_START_MOST
    line = _FENCE_END.match(text, at + 1, most)
    if line is None:
        undecided = len(text) < most and _FENCE_END_BEGUN.fullmatch(text, at + 1)
        return (Verdict.WAIT, at) if undecided else (Verdict.GOES_ON, at + 1)
    if not line[1]:
        return Verdict.ENDS, at
    return (Verdict.ENDS, line.end(1)) if len(line[1]) >= fence else (Verdict.GOES_ON, at + 1)


def item_marker(text: str, begin: int, at: int) -> tuple[bool, str]:
    """Tell whether what stands from ``begin`` to the mark at ``at`` marks a list item, and what the next one.

    The next is "2" after "1" and "b" after "a"; it is "" after "B.", which may be a name.
    """
    marker = _MARKER.fullmatch(text, begin, at) if at - begin <= _MARKER_MOST else None
    if marker is None:
        return False, ""
    number, letter = marker[1], marker[2]
    if number:
        return True, str(int(number) + 1)
    if letter and letter not in "zZ" and (text[at] == ")" or letter.islower()):
        return True, chr(ord(letter) + 1)
    return True, ""


def judge_item(text: str, before: int, at: int, counted: frozenset[str]) -> tuple[Verdict, int] | None:
    """Judge the next item's label, which stands from ``before`` to the mark at ``at``; ``None`` is "no item"."""
    end = _MARKER_END.match(text, at + 1, at + 1 + _MARKER_MOST)
    if end is None:
        return (Verdict.WAIT, before) if text[at + 1 :] in ("", ")") else None
    if end.end() == len(text):
        return Verdict.WAIT, before
    last_word = text[max(0, before - _MARKER_MOST) : before].lower().split()[-1:]
    if text[end.end()].isupper() and counted.isdisjoint(last_word):
        return Verdict.ENDS, before
    return None
