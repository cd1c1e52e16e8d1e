"""The probe of a regular expression: what it is written from, and how.

`patterns` says what a probe is and what it is for. Here the standard library's parse tree of a pattern is
measured, and written down again as an expression in which the end of what has come is not an end.
"""

import importlib
import math
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

__all__ = ("MARK", "OVER", "Translator", "flag_letters", "parser")

# The standard library's own parser: what it reads is by definition what `re` means.
parser: Any = importlib.import_module("re._parser")

#: The mark behind what has come. A text may contain this character as well: only the last one counts.
MARK = "\U0010ffff"
#: Matches where what has come is over, and behind the mark.
OVER = rf"{MARK}?\Z"
#: A back reference is followed character by character, which has to end somewhere.
_LONGEST_REFERENCE = 64

_SINGLE = frozenset(("LITERAL", "NOT_LITERAL", "ANY", "IN"))
_REPEATS = {"MAX_REPEAT": "", "MIN_REPEAT": "?", "POSSESSIVE_REPEAT": "+"}
_LOOKS = {"ASSERT": "=", "ASSERT_NOT": "!"}
_CATEGORIES = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}
_BEGINNINGS = {"AT_BEGINNING": "^", "AT_BEGINNING_STRING": r"\A"}
_ASKING = {"AT_BOUNDARY": r"\b", "AT_NON_BOUNDARY": r"\B", "AT_END": "$", "AT_END_STRING": r"\Z"}
_LETTERS = (
    (re.ASCII, "a"),
    (re.IGNORECASE, "i"),
    (re.MULTILINE, "m"),
    (re.DOTALL, "s"),
    (re.UNICODE, "u"),
)

_Nodes: TypeAlias = Sequence[tuple[Any, Any]]


def flag_letters(flags: int) -> str:
    """Write flags as an expression has them, inline."""
    return "".join(letter for flag, letter in _LETTERS if flags & flag)


def _ways(name: str, value: Any, flags: int) -> list[tuple[_Nodes, int]]:
    """List the ways through a node that contains others, with the flags that hold there."""
    if name == "BRANCH":
        return [(branch, flags) for branch in value[1]]
    if name == "SUBPATTERN":
        return [(value[3], (flags | value[1]) & ~value[2])]
    if name == "ATOMIC_GROUP":
        return [(value, flags)]
    if name == "GROUPREF_EXISTS":
        return [(branch or (), flags) for branch in value[1:]]
    if name in _REPEATS:
        return [(value[2], flags)] if value[0] else [(value[2], flags), ((), flags)]
    return []


class Translator:
    """Measures one parsed pattern, and writes its probe."""

    def __init__(self, source: str, own: dict[int, str]) -> None:
        self._source = source
        #: Stand-ins for what the standard library's parser does not know, see `_read_regex`.
        self._own = own
        #: Group -> its greatest length, and what it is called in the probe.
        self._lengths: dict[int, float] = {}
        self._names: dict[int, str] = {}
        #: Groups with a back reference of more than one character.
        self._spelled: set[int] = set()
        self._copies = 0
        #: Inside a look-behind, which never sees the end of what has come: written as it is.
        self._plain = False
        #: If an anchor asks for the character behind it.
        self._asks = False
        #: Characters before a match that the look-behinds may look at; one more if there is an anchor.
        self.behind: float = 0
        self.anchored = False

    def extent(self, nodes: _Nodes, *, ahead: bool) -> float:
        """Say how many characters are taken at most; with ``ahead`` also those that are only looked at."""
        total: float = 0
        for op, value in nodes:
            name = str(op)
            if name in _SINGLE:
                length: float = 1
            elif name == "GROUPREF":
                length = self._lengths[value]
                if length > 1:
                    self._spelled.add(value)
            elif name in _LOOKS:
                length = self.extent(value[1], ahead=ahead)
                length = length if ahead and value[0] > 0 else 0
            else:
                ways = _ways(name, value, 0)
                length = max((self.extent(way, ahead=ahead) for way, _ in ways), default=0)
            if name in _REPEATS:
                most = math.inf if value[1] == parser.MAXREPEAT else value[1]
                length = length * most if length and most else 0
            elif name == "SUBPATTERN" and value[0] and not ahead:
                self._lengths[value[0]] = length
            total += length
        return total

    def first(self, nodes: _Nodes, flags: int) -> tuple[list[str], bool] | None:
        """List what a match can begin with, and say if it can go on behind the nodes; None: not known."""
        found: list[str] = []
        for op, value in nodes:
            name = str(op)
            if name in _SINGLE:
                return [*found, f"(?{flag_letters(flags)}:{self._single(name, value)})"], False
            if name == "GROUPREF":
                return None
            ways = [self.first(way, inside) for way, inside in _ways(name, value, flags)]
            through = not ways
            for way in ways:
                if way is None:
                    return None
                found += way[0]
                through = through or way[1]
            if not through:
                return found, False
        return found, True

    def probe(self, nodes: _Nodes, flags: int) -> str:
        """Write the nodes such that they succeed where what has come is over."""
        return "".join(self._node(str(op), value, flags) for op, value in nodes)

    def _node(self, name: str, value: Any, flags: int) -> str:
        if name in _SINGLE:
            single = self._single(name, value)
            return single if self._plain else f"(?:{single}|{OVER})"
        write = self._WRITERS.get(name)
        if write is None:
            raise ValueError(f"{name} cannot be followed while the text is coming: {self._source!r}")
        return write(self, name, value, flags)

    def _single(self, name: str, value: Any) -> str:
        if name == "ANY":
            return "."
        if name == "LITERAL":
            return f"[{self._own[value]}]" if value in self._own else re.escape(chr(value))
        if name == "NOT_LITERAL":
            return f"[^{self._member('LITERAL', value)}]"
        return f"[{''.join(self._member(str(op), item) for op, item in value)}]"

    def _member(self, name: str, value: Any) -> str:
        if name == "NEGATE":
            return "^"
        if name == "CATEGORY":
            return _CATEGORIES[str(value)]
        if name == "RANGE":
            return f"\\U{value[0]:08x}-\\U{value[1]:08x}"
        return self._own.get(value) or f"\\U{value:08x}"

    def _branch(self, _name: str, value: Any, flags: int) -> str:
        return f"(?:{'|'.join(self.probe(branch, flags) for branch in value[1])})"

    def _atomic(self, _name: str, value: Any, flags: int) -> str:
        return f"(?>{self.probe(value, flags)})"

    def _group(self, _name: str, value: Any, flags: int) -> str:
        group, more, less, nodes = value
        spelling, opening = "", "(?:"
        if group is not None:
            # Named anew in each copy of a look-ahead: a name may stand once only.
            self._names[group] = name = f"g{group}_{self._copies}"
            opening = f"(?P<{name}>"
            if group in self._spelled:
                letters = (f"(?P<{name}_{i}>(?s:.))?" for i in range(self._spelling(group)))
                spelling = f"(?={''.join(letters)})"
        body = self.probe(nodes, (flags | more) & ~less)
        if flag_letters(more | less):
            body = f"(?{flag_letters(more)}{'-' if less else ''}{flag_letters(less)}:{body})"
        return f"{opening}{spelling}{body})"

    def _spelling(self, group: int) -> int:
        """Say how many characters of a group have to be known one by one."""
        if group not in self._spelled:
            return 0
        if self._lengths[group] > _LONGEST_REFERENCE:
            raise ValueError(
                f"a back reference to more than {_LONGEST_REFERENCE} characters cannot be followed while the "
                rf"text is coming: {self._source!r}; give the group a bound, such as (\w{{1,30}})"
            )
        return int(self._lengths[group]) - 1

    def _reference(self, _name: str, group: int, _flags: int) -> str:
        name = self._names[group]
        whole = f"(?P={name})"
        if self._plain:
            raise ValueError(f"a back reference inside a look-behind cannot be followed: {self._source!r}")
        # An engine can say that a group comes next, not that the beginning of a group does:
        # so as many of its characters as have come are compared one by one.
        begun = rf"{MARK}\Z"
        for i in reversed(range(self._spelling(group))):
            begun = rf"(?:{MARK}\Z|(?P={name}_{i}){begun})"
        return rf"(?:\Z|{whole}|(?!{whole})(?({name}){begun}|(?!)))"

    def _condition(self, _name: str, value: Any, flags: int) -> str:
        group, *branches = value
        if group not in self._names:
            raise ValueError(f"a condition on a group further on cannot be followed: {self._source!r}")
        return f"(?({self._names[group]}){'|'.join(self.probe(branch or (), flags) for branch in branches)})"

    def _repeat(self, name: str, value: Any, flags: int) -> str:
        least, most, nodes = value
        endless = most == parser.MAXREPEAT
        bounds = f"{{{least},{'' if endless else most}}}{_REPEATS[name]}"
        if self._plain or len(nodes) != 1 or str(nodes[0][0]) not in _SINGLE or not most:
            return f"(?:{self.probe(nodes, flags)}){bounds}"
        # One character, repeated: the engine has a fast loop for that, which a way out in each
        # round would cost. It is enough to ask once if the rounds reach the end of what has come.
        single = self._single(str(nodes[0][0]), nodes[0][1])
        ways = [f"{single}{{0,{'' if endless else most - 1}}}+{OVER}", f"{single}{bounds}"]
        if name == "MIN_REPEAT":
            ways.reverse()  # what follows is tried before another round is
        return f"(?:{'|'.join(ways)})"

    def _look(self, name: str, value: Any, flags: int) -> str:
        direction, nodes = value
        if direction < 0:
            return self._look_behind(_LOOKS[name], nodes, flags)
        if self._plain:
            raise ValueError(f"a look-ahead inside a look-behind cannot be followed: {self._source!r}")
        names = dict(self._names)
        self._copies += 1
        ahead = self.probe(nodes, flags)
        self._names = names
        self._copies += 1
        again = self.probe(nodes, flags)
        # If the mark is reached in there, go behind it from here: all that follows succeeds.
        return rf"(?:\Z|(?=(?>{ahead})\Z)(?s:.*)|(?{_LOOKS[name]}{again}))"

    def _look_behind(self, sign: str, nodes: _Nodes, flags: int) -> str:
        extent = self.extent(nodes, ahead=False)
        if extent == math.inf:
            raise ValueError(
                f"a look-behind without a bound cannot be followed: {self._source!r}; "
                r"give its repeats a bound, such as (?<=\s{1,20})"
            )
        self.behind += extent
        plain, asks = self._plain, self._asks
        self._plain, self._asks = True, False
        body = f"(?<{sign}{self.probe(nodes, flags)})"
        over = rf"\n?{OVER}" if self._asks else r"\Z"
        self._plain, self._asks = plain, asks or self._asks
        return body if plain else f"(?:{over}|{body})"

    def _anchor(self, _name: str, value: Any, flags: int) -> str:
        name = str(value)
        self.anchored = True
        if name in _BEGINNINGS:
            return _BEGINNINGS[name] if self._plain else rf"(?:\Z|{_BEGINNINGS[name]})"
        self._asks = True
        if self._plain:
            return _ASKING[name]
        if name == "AT_END" and not flags & re.MULTILINE:
            return rf"(?:\n?{OVER})"  # also before a line feed that may turn out to be the last character
        return f"(?:{OVER}|{_ASKING[name]})"

    def _failure(self, _name: str, _value: Any, _flags: int) -> str:
        return r"(?:\Z|(?!))"  # newer parsers have a node of its own for (?!)

    _WRITERS: dict[str, Callable[["Translator", str, Any, int], str]] = {  # noqa: RUF012 - never changed
        "BRANCH": _branch,
        "SUBPATTERN": _group,
        "ATOMIC_GROUP": _atomic,
        "GROUPREF": _reference,
        "GROUPREF_EXISTS": _condition,
        "AT": _anchor,
        "FAILURE": _failure,
        **dict.fromkeys(_REPEATS, _repeat),
        **dict.fromkeys(_LOOKS, _look),
    }
