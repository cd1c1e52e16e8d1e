"""The grammar of a link reference definition, read line by line."""

import re
from enum import Enum

__all__ = ("Definition", "Progress")

#: The longest label that CommonMark allows.
_MAX_LABEL = 999
#: How deep parentheses may stand in one another in a destination, as in markdown-it.
_MAX_PARENTHESES = 32

_LABEL = re.compile(r"(?:[^\[\]\\]|\\.?)*+", re.DOTALL)
_SPACE = re.compile(r"[ \t]*+")
_BRACKETED = re.compile(r"<(?:[^<>\\]|\\.)*+>", re.DOTALL)
_BARE = re.compile(r"(?:[^\x00-\x20\x7f\\]|\\(?! ).?)++", re.DOTALL)
_PARENTHESIS = re.compile(r"\\.|([()])", re.DOTALL)
_TITLES = {
    '"': ('"', re.compile(r'(?:[^"\\]|\\.?)*+', re.DOTALL)),
    "'": ("'", re.compile(r"(?:[^'\\]|\\.?)*+", re.DOTALL)),
    "(": (")", re.compile(r"(?:[^()\\]|\\.?)*+", re.DOTALL)),
}


class Progress(Enum):
    """How far a definition has come with the lines so far."""

    #: It is none: the lines are a paragraph.
    FAILED = 0
    #: It is not complete yet.
    OPEN = 1
    #: It is complete; the next line may still bring its title.
    COMPLETE = 2
    #: It was complete, and a line that began a title goes on.
    TITLE = 3
    #: It is over with this line.
    OVER = 4
    #: It was over before the line that began as a title: that one begins a paragraph.
    ROLLED_BACK = 5


class Definition:
    """Reads one definition: ``[label]: destination "title"``, each part at most one line down."""

    __slots__ = ("_label", "_opening", "_read", "_title_below", "progress")

    def __init__(self) -> None:
        self.progress = Progress.OPEN
        self._read = self._read_label
        self._label: list[str] = []
        #: What the title began with, and whether on a line of its own: the rest is complete without it.
        self._opening = ""
        self._title_below = False

    @property
    def wants_destination(self) -> bool:
        """Whether the label is whole, and nothing has come behind its colon."""
        return self._read == self._read_destination

    def may_go_on_with(self, line: str, place: int) -> bool:
        """Tell whether a line can belong to it at all, by its first character."""
        return self.progress is not Progress.COMPLETE or line[place] in _TITLES

    def take(self, line: str, place: int) -> Progress:
        """Read the next line from ``place`` on."""
        while place < len(line) and self.progress is not Progress.FAILED:
            place = self._read(line, place)
        return self.progress

    def _fail(self, line: str) -> int:
        self.progress = Progress.FAILED
        return len(line)

    def _read_label(self, line: str, place: int) -> int:
        if not self._label:
            place += 1  # the opening bracket
        end = _end(_LABEL, line, place)
        self._label.append(line[place:end])
        label = "\n".join(self._label)
        if len(label) > _MAX_LABEL:
            return self._fail(line)
        if end == len(line):
            return end
        if not line.startswith("]:", end) or not label.strip():
            return self._fail(line)
        self._read = self._read_destination
        return end + 2

    def _read_destination(self, line: str, place: int) -> int:
        """Read the destination, and the white space around it."""
        place = _end(_SPACE, line, place)
        if place == len(line):
            return place
        end = _end_of_destination(line, place)
        place = _end(_SPACE, line, end) if end > 0 else 0
        self._read = self._read_title
        if place == len(line):
            self.progress = Progress.COMPLETE
            self._title_below = True
            return place
        return place if place > end and line[place] in _TITLES else self._fail(line)

    def _read_title(self, line: str, place: int) -> int:
        if not self._opening:
            self._opening = line[place]
            place += 1
        closing, text = _TITLES[self._opening]
        end = _end(text, line, place)
        if end == len(line):
            self.progress = Progress.TITLE if self._title_below else Progress.OPEN
        elif line[end] == closing and _end(_SPACE, line, end + 1) == len(line):
            self.progress = Progress.OVER
        else:
            self.progress = Progress.ROLLED_BACK if self._title_below else Progress.FAILED
        return len(line)


def _end(pattern: re.Pattern[str], line: str, place: int) -> int:
    """Give where the match at ``place`` ends; the pattern matches the empty text too."""
    return pattern.match(line, place).end()  # type: ignore[union-attr]


def _end_of_destination(line: str, place: int) -> int:
    """Give where the destination ends that begins at ``place``; -1 if none does."""
    if line[place] == "<":
        match = _BRACKETED.match(line, place)
        return -1 if match is None else match.end()
    match = _BARE.match(line, place)
    if match is None:
        return -1
    depth = 0
    for parenthesis in _PARENTHESIS.finditer(line, place, match.end()):
        if parenthesis[1] == "(":
            depth += 1
            if depth > _MAX_PARENTHESES:
                return -1
        elif parenthesis[1] == ")":
            if not depth:
                return parenthesis.start() if parenthesis.start() > place else -1
            depth -= 1
    return -1 if depth else match.end()
