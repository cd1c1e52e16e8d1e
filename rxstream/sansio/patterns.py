r"""Regular expressions over a text that is still coming.

An engine for regular expressions knows one end of the text. A stream has two: the end of the whole text,
and the end of what has come. Each pattern is therefore compiled a second time, into a *probe* that is run on
what has come plus one mark behind it. In the probe, whatever asks for a character where what has come is
over swallows the mark instead, and behind the mark everything succeeds. The engine tries the alternatives in
the same order as ever, so the first thing that it finds is one of two:

* a match that does not reach the mark: no character was asked for that has not come, so no continuation can
  change it;
* a match that ends behind the mark: whether it is one, or how long, depends on what comes next.

(The `regex` package has a partial mode for a like question. It is not used: asked about ``(?:ab)+`` and
"abab" it says of the first character that nothing is open there, and a secret would leak.)

The probe knows that the end was reached, not whether what comes could still make a difference. So some
expressions wait longer than they need; never too short, and never with another result:

* what could not match whatever comes: ``a\Zb``, ``(?>a{1,9})a``;
* what would match the same whatever comes. Mind look-aheads that run on: ``a(?=.*b)`` waits for the
  end of the line, ``a(?=.*?b)`` for the next "b";
* what ends in a look-behind with one of ``\b``, ``\B``, ``$``, ``\Z`` in it: ``a(?<!\bca)``.
"""

import importlib
import math
import re
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Protocol, TypeAlias

__all__ = ("AnyPattern", "StreamPattern", "mark", "stream_pattern")


class AnyPattern(Protocol):
    """A compiled pattern for text, of `re` or of `regex`."""

    @property
    def pattern(self) -> str:
        """The expression."""
        ...

    @property
    def flags(self) -> int:
        """What it was compiled with."""
        ...

    def sub(self, repl: str, string: str, /) -> str:
        """Replace all matches in a whole text."""
        ...


# The standard library's own parser: what it reads is by definition what `re` means.
_parser: Any = importlib.import_module("re._parser")

#: The mark behind what has come. A text may contain this character as well: only the last one counts.
_MARK = "\U0010ffff"
#: Matches where what has come is over, and behind the mark.
_OVER = rf"{_MARK}?\Z"
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


def _letters(flags: int) -> str:
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


class _Translator:
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
                most = math.inf if value[1] == _parser.MAXREPEAT else value[1]
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
                return [*found, f"(?{_letters(flags)}:{self._single(name, value)})"], False
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
            return single if self._plain else f"(?:{single}|{_OVER})"
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
        if _letters(more | less):
            body = f"(?{_letters(more)}{'-' if less else ''}{_letters(less)}:{body})"
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
        begun = rf"{_MARK}\Z"
        for i in reversed(range(self._spelling(group))):
            begun = rf"(?:{_MARK}\Z|(?P={name}_{i}){begun})"
        return rf"(?:\Z|{whole}|(?!{whole})(?({name}){begun}|(?!)))"

    def _condition(self, _name: str, value: Any, flags: int) -> str:
        group, *branches = value
        if group not in self._names:
            raise ValueError(f"a condition on a group further on cannot be followed: {self._source!r}")
        return f"(?({self._names[group]}){'|'.join(self.probe(branch or (), flags) for branch in branches)})"

    def _repeat(self, name: str, value: Any, flags: int) -> str:
        least, most, nodes = value
        endless = most == _parser.MAXREPEAT
        bounds = f"{{{least},{'' if endless else most}}}{_REPEATS[name]}"
        if self._plain or len(nodes) != 1 or str(nodes[0][0]) not in _SINGLE or not most:
            return f"(?:{self.probe(nodes, flags)}){bounds}"
        # One character, repeated: the engine has a fast loop for that, which a way out in each
        # round would cost. It is enough to ask once if the rounds reach the end of what has come.
        single = self._single(str(nodes[0][0]), nodes[0][1])
        ways = [f"{single}{{0,{'' if endless else most - 1}}}+{_OVER}", f"{single}{bounds}"]
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
        over = rf"\n?{_OVER}" if self._asks else r"\Z"
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
            return rf"(?:\n?{_OVER})"  # also before a line feed that may turn out to be the last character
        return f"(?:{_OVER}|{_ASKING[name]})"

    def _failure(self, _name: str, _value: Any, _flags: int) -> str:
        return r"(?:\Z|(?!))"  # newer parsers have a node of its own for (?!)

    _WRITERS: dict[str, Callable[["_Translator", str, Any, int], str]] = {  # noqa: RUF012 - never changed
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


#: What `regex` reads and the standard library's parser does not, or takes for something else.
_REGEX_ONLY = re.compile(
    r"""(?P<kind>\\[pP]\{[^{}]*\}|\[:\^?\w+:\])     # stands for one character of a kind
    |   (?P<name>\(\?<(?=[^\W\d]))               # a named group without the P
    |   \\. | \{\d+(?:,\d*)?\} | \{,\d+\}        # an escape, a count: the same to both
    |   (?P<fuzzy>\{)                            # anything else in braces is fuzzy matching
    """,
    re.VERBOSE | re.DOTALL,
)


def _read_regex(engine: Any, pattern: Any) -> tuple[str, int, dict[int, str]]:
    r"""Make of a `regex` pattern an expression and flags that the standard library's parser reads.

    What stands for one character of a kind, like ``\p{L}``, becomes a character that the expression
    does not contain; the third value says which of them is what.
    """
    source = str(pattern.pattern)
    flags = 0
    left = pattern.flags & ~engine.V0
    for letter in "AIMSUX":
        if left & engine.RegexFlag[letter]:
            left &= ~engine.RegexFlag[letter]
            flags |= int(re.RegexFlag[letter])
    if left:
        raise ValueError(
            f"{engine.RegexFlag(left)!r} cannot be followed while the text is coming: {source!r}"
        )
    own: dict[int, str] = {}
    free = (code for code in range(0xF0000, 0x100000) if chr(code) not in source)

    def read(token: "re.Match[str]") -> str:
        if token["kind"]:
            own[code := next(free)] = token[0]
            return chr(code)
        if token["fuzzy"]:
            raise ValueError(f"write \\{{ for a brace (fuzzy matching cannot be followed): {source!r}")
        return "(?P<" if token["name"] else token[0]

    return _REGEX_ONLY.sub(read, source), flags, own


def _engine(pattern: Any) -> Any:
    """Give the package that compiled a pattern for text."""
    # A program that has patterns of `regex` has imported it; we have no other need of it.
    for engine in (re, sys.modules.get("regex")):
        ours: Any = engine
        if ours is not None and isinstance(pattern, ours.Pattern) and isinstance(pattern.pattern, str):
            return ours
    raise TypeError(f"expected a string or a compiled pattern for text (re.compile), not {pattern!r}")


class StreamPattern:
    """A compiled pattern that also knows, of a text that is still coming, what is not decided yet.

    ``max_match`` bounds the characters that one undecided match may be held back for. A pattern
    that needs no more on its own account, what it looks ahead at included, is not bounded by it.
    """

    __slots__ = ("_empty", "_pattern", "_probe", "behind", "first", "limit", "source")

    def __init__(self, pattern: AnyPattern, max_match: int | None = None) -> None:
        engine = _engine(pattern)
        source, flags, own = pattern.pattern, int(pattern.flags & ~re.DEBUG), dict[int, str]()
        if engine is not re:
            source, flags, own = _read_regex(engine, pattern)
        self._pattern: Any = pattern
        self.source = pattern.pattern
        try:
            with warnings.catch_warnings():  # it has warned already, when the pattern was compiled
                warnings.simplefilter("ignore")
                tree = _parser.parse(source, flags)
        except re.error as error:
            raise ValueError(
                f"this syntax of regex cannot be followed while the text is coming ({error}): "
                f"{self.source!r}; write it with what re knows"
            ) from error
        writer = _Translator(self.source, own)
        if not writer.extent(tree, ahead=False):
            raise ValueError(f"this pattern can match only the empty string: {self.source!r}")
        reach = writer.extent(tree, ahead=True)
        if max_match is None and reach == math.inf:
            raise ValueError(
                f"this pattern can need any amount of text: {self.source!r}; say after how many characters "
                "to give up, such as max_match=1000, or bound its repeats, such as {1,100} for +"
            )
        #: The most characters that may be undecided; None: as many as the pattern itself can need.
        self.limit = max_match if max_match is not None and reach > max_match else None
        flags = tree.state.flags & ~re.VERBOSE
        probe = f"(?{_letters(flags)}:{writer.probe(tree, flags)})"
        self._empty = tree.getwidth()[0] == 0
        if self._empty:  # not a match if what remains behind it is what remained before
            probe = rf"(?=(?P<rest>(?s:.*))){probe}(?!(?P=rest)\Z)"
        first = writer.first(tree, flags)
        # Another version of regex's own syntax may be the program's default.
        version = getattr(engine, "V0", 0)
        #: Finds a character that a match can begin with; None: it may be any.
        self.first: Callable[[str], Any] | None = None
        if first is not None and first[0]:
            begin = "|".join(dict.fromkeys(first[0]))
            self.first = engine.compile(begin, version).search
            probe = f"(?={begin}|{_OVER}){probe}"
        self._probe: Callable[[str, int], Any] = engine.compile(probe, version).search
        #: How much text before a position has to be kept.
        self.behind = int(writer.behind) + writer.anchored

    def spot(self, text: str, marked: str, pos: int, *, final: bool) -> tuple[int, int]:
        """Give the span of the first match from ``pos`` on; ``marked`` is the text as ``mark`` gives it.

        An end of one more than the text's length says that from this start on nothing is decided yet,
        one of two more that a possible match is longer than ``limit``.
        """
        size = len(text)
        limit = size if self.limit is None else self.limit
        while True:
            stop = pos + limit + 1
            if final and stop > size:
                return self._last(text, pos)
            if stop >= size:
                offset, window, stop = 0, marked, size
            else:
                # What is undecided after limit + 1 characters is a fault even
                # if those that would decide it have come in the same chunk.
                offset = max(0, pos - self.behind)
                window = text[offset:stop] + _MARK
            found = self._probe(window, pos - offset)
            # Behind the mark an empty match is none, and so nothing may be found at all.
            start, end = (stop, stop + 1) if found is None else (found.start() + offset, found.end() + offset)
            start = min(start, stop)
            if end <= stop and end - start <= limit:
                return start, end
            if end <= stop or (start == pos and stop - pos > limit):
                return start, size + 2
            if stop == size and not final:
                return start, size + 1
            pos = start

    def _last(self, text: str, pos: int) -> tuple[int, int]:
        for match in self._pattern.finditer(text, pos):
            if match.end() > match.start():
                return match.start(), match.end()
        return len(text), len(text) + 1

    def match(self, text: str, start: int) -> Any:
        """Give the engine's own match object for a match that ``spot`` has found."""
        found = self._pattern.match(text, start)
        if self._empty and found.end() == start:  # the empty way was tried first, the next one is it
            return next(match for match in self._pattern.finditer(text, start) if match.end() > start)
        return found


# Machines are made for every answer, patterns once.
_cached = lru_cache(maxsize=256)(StreamPattern)


def stream_pattern(pattern: AnyPattern, max_match: int | None) -> StreamPattern:
    """Give a ``StreamPattern``, the same for the same arguments: it holds no state."""
    _engine(pattern)  # what is no pattern may not be hashable either
    known: Any = pattern
    return _cached(known, max_match)


def mark(text: str) -> str:
    """Put the mark behind what has come."""
    return text + _MARK
