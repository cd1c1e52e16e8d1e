"""Regular expressions over a text that is still coming.

An engine for regular expressions knows one end of the text. A stream has two: the end of the whole text,
and the end of what has come. Each pattern is therefore compiled a second time, into a *probe* that is run on
what has come plus one mark behind it. In the probe every part that would read at the end of what has come
swallows the mark instead, and behind the mark everything succeeds. The engine tries its alternatives in the same
order as ever, so the first thing that it finds is one of two:

* a match that does not reach the mark: it was found without asking for a character that has not come,
  so no continuation can change it;
* a match that ends behind the mark: what it is, or whether it is one, depends on what comes next.

(The `regex` package has a partial mode that answers a like question. It is not used: with several
kinds of repeats, ``(?:ab)+`` among them, it says "no" where "not yet" is the truth, and a secret would leak.)
"""

import importlib
import math
import re
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias, TypeGuard

__all__ = ("AnyPattern", "StreamPattern", "is_pattern", "mark")


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


def _regex() -> Any:
    """Give the `regex` package if the program uses it; we have no other need of it."""
    return sys.modules.get("regex")


def is_pattern(value: object) -> TypeGuard[AnyPattern]:
    """Say if this is a compiled pattern for text."""
    if not isinstance(value, re.Pattern) and not ((module := _regex()) and isinstance(value, module.Pattern)):
        return False
    return isinstance(value.pattern, str)


# The standard library's own parser: what it reads is by definition what `re` means.
_parser: Any = importlib.import_module("re._parser")

#: The mark behind what has come. A text may contain this character as well: only the last one counts.
_MARK = "\U0010ffff"
#: Matches where what has come is over, and behind the mark.
_OVER = rf"{_MARK}?\Z"
#: Goes behind the mark from wherever it stands.
_LEAP = r"(?s:.*)"
#: A back reference is followed character by character, which has to end somewhere.
_LONGEST_REFERENCE = 64

_CATEGORIES = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}
_ANCHORS = {
    "AT_BEGINNING": "^",
    "AT_BEGINNING_STRING": r"\A",
    "AT_BOUNDARY": r"\b",
    "AT_NON_BOUNDARY": r"\B",
    "AT_END": "$",
    "AT_END_STRING": r"\Z",
}
_SINGLE = frozenset(("LITERAL", "NOT_LITERAL", "ANY", "IN"))
_REPEATS = {"MAX_REPEAT": "", "MIN_REPEAT": "?", "POSSESSIVE_REPEAT": "+"}
_LETTERS = ((re.A, "a"), (re.I, "i"), (re.M, "m"), (re.S, "s"), (re.U, "u"))

_Nodes: TypeAlias = Sequence[tuple[Any, Any]]


class _Translator:
    """Writes the probe of one parsed pattern."""

    def __init__(self, source: str, flags: int, own: dict[int, str]) -> None:
        self._source = source
        self._flags = flags
        #: Stand-ins for what the standard library's parser does not know, see `_read_regex`.
        self._own = own
        #: Group number -> what it is called in the probe, and its greatest length.
        self._names: dict[int, str] = {}
        self._lengths: dict[int, float] = {}
        #: Groups that a back reference of more than one character needs letter by letter.
        self._spelled: set[int] = set()
        self._copies = 0
        #: Characters before a position that the pattern may look at.
        self.behind: float = 0
        self.anchored = False
        #: If an anchor asks for the character behind it.
        self._asks = False

    def extent(self, nodes: _Nodes, *, ahead: bool) -> float:
        """Say how many characters are read at most; with ``ahead`` also those that are only looked at."""
        total: float = 0
        for op, value in nodes:
            name = str(op)
            if name in _SINGLE:
                total += 1
            elif name == "BRANCH":
                total += max(self.extent(branch, ahead=ahead) for branch in value[1])
            elif name == "SUBPATTERN":
                inner = self.extent(value[3], ahead=ahead)
                if value[0] is not None and not ahead:
                    self._lengths[value[0]] = inner
                total += inner
            elif name in _REPEATS:
                once = self.extent(value[2], ahead=ahead)
                most = math.inf if value[1] == _parser.MAXREPEAT else value[1]
                total += once * most if once and most else 0
            elif name == "ATOMIC_GROUP":
                total += self.extent(value, ahead=ahead)
            elif name == "GROUPREF":
                total += self._lengths[value]
                if self._lengths[value] > 1:
                    self._spelled.add(value)
            elif name == "GROUPREF_EXISTS":
                total += max(self.extent(branch or (), ahead=ahead) for branch in value[1:])
            elif name in {"ASSERT", "ASSERT_NOT"}:
                inner = self.extent(value[1], ahead=ahead)
                total += inner if ahead and value[0] > 0 else 0
        return total

    def first(self, nodes: _Nodes, flags: int) -> tuple[list[str], bool] | None:
        """List what a match can begin with, and say if all of it may match nothing; None: not known."""
        found: list[str] = []
        for op, value in nodes:
            name = str(op)
            if name in _SINGLE:
                found.append(f"(?{_letters(flags)}:{self._single(name, value)})")
                return found, False
            branches: list[tuple[_Nodes, int]]
            if name == "BRANCH":
                branches = [(branch, flags) for branch in value[1]]
            elif name == "SUBPATTERN":
                branches = [(value[3], (flags | value[1]) & ~value[2])]
            elif name in _REPEATS:
                branches = [(value[2], flags), *([((), flags)] if value[0] == 0 else [])]
            elif name == "ATOMIC_GROUP":
                branches = [(value, flags)]
            elif name == "GROUPREF_EXISTS":
                branches = [(branch or (), flags) for branch in value[1:]]
            elif name == "GROUPREF":
                return None
            else:
                continue
            through = False
            for branch, inside in branches:
                answer = self.first(branch, inside)
                if answer is None:
                    return None
                found += answer[0]
                through = through or answer[1]
            if not through:
                return found, False
        return found, True

    def probe(self, nodes: _Nodes, flags: int, *, plain: bool = False) -> str:
        """Write the nodes down; ``plain`` without the way over the mark, for inside a look-behind."""
        return "".join(self._node(str(op), value, flags, plain=plain) for op, value in nodes)

    def _node(self, name: str, value: Any, flags: int, *, plain: bool) -> str:
        if name in _SINGLE:
            single = self._single(name, value)
            return single if plain else f"(?:{single}|{_OVER})"
        if name == "BRANCH":
            return f"(?:{'|'.join(self.probe(branch, flags, plain=plain) for branch in value[1])})"
        if name == "SUBPATTERN":
            return self._group(value, flags, plain=plain)
        if name in _REPEATS:
            return self._repeat(name, value, flags, plain=plain)
        if name == "ATOMIC_GROUP":
            return f"(?>{self.probe(value, flags, plain=plain)})"
        if name == "GROUPREF":
            return self._reference(value, plain=plain)
        if name == "GROUPREF_EXISTS":
            if value[0] not in self._names:
                raise ValueError(f"a condition on a group further on cannot be followed: {self._source!r}")
            branches = (self.probe(branch or (), flags, plain=plain) for branch in value[1:])
            return f"(?({self._names[value[0]]}){'|'.join(branches)})"
        if name in {"ASSERT", "ASSERT_NOT"}:
            sign = "=" if name == "ASSERT" else "!"
            if value[0] < 0:
                return self._look_behind(sign, value[1], flags)
            if plain:
                raise ValueError(f"a look-ahead inside a look-behind cannot be followed: {self._source!r}")
            return self._look_ahead(sign, value[1], flags)
        if name == "AT":
            return self._anchor(str(value), flags, plain=plain)
        if name == "FAILURE":  # how newer parsers read (?!)
            return r"(?:\Z|(?!))"
        raise ValueError(f"{name} cannot be followed while the text is coming: {self._source!r}")

    def _single(self, name: str, value: Any) -> str:
        if name == "ANY":
            return "."
        if name == "LITERAL":
            return self._own.get(value) or re.escape(chr(value))
        if name == "NOT_LITERAL":
            return f"[^{self._member(value)}]"
        members: list[str] = []
        for op, item in value:
            kind = str(op)
            if kind == "NEGATE":
                members.append("^")
            elif kind == "LITERAL":
                members.append(self._member(item))
            elif kind == "RANGE":
                members.append(f"{self._member(item[0])}-{self._member(item[1])}")
            else:
                members.append(_CATEGORIES[str(item)])
        return f"[{''.join(members)}]"

    def _member(self, code: int) -> str:
        return self._own.get(code) or f"\\U{code:08x}"

    def _group(self, value: Any, flags: int, *, plain: bool) -> str:
        group, more, less, nodes = value
        flags = (flags | more) & ~less
        if group is not None:
            self._names[group] = name = f"g{group}_{self._copies}"
        body = self.probe(nodes, flags, plain=plain)
        if _letters(more | less):
            body = f"(?{_letters(more)}{'-' if less else ''}{_letters(less)}:{body})"
        if group is None:
            return f"(?:{body})"
        if group in self._spelled:
            letters = (f"(?P<{name}_{i}>(?s:.))?" for i in range(self._spelling(group)))
            body = f"(?={''.join(letters)}){body}"
        return f"(?P<{name}>{body})"

    def _spelling(self, group: int) -> int:
        length = self._lengths[group]
        if length > _LONGEST_REFERENCE:
            raise ValueError(
                f"a back reference to a group of more than {_LONGEST_REFERENCE} characters cannot be followed "
                rf"while the text is coming: {self._source!r}; give the group a bound, such as (\w{{1,30}})"
            )
        return int(length) - 1

    def _repeat(self, name: str, value: Any, flags: int, *, plain: bool) -> str:
        least, most, nodes = value
        mode = _REPEATS[name]
        bounds = f"{{{least},{'' if most == _parser.MAXREPEAT else most}}}{mode}"
        if plain or len(nodes) != 1 or str(nodes[0][0]) not in _SINGLE:
            return f"(?:{self.probe(nodes, flags, plain=plain)}){bounds}"
        # One character, repeated: the engine has a fast loop for it, which a way out in each
        # round would cost. It is enough to ask once if the repeats reach the end of what has come.
        single = self._single(str(nodes[0][0]), nodes[0][1])
        fewer = "" if most == _parser.MAXREPEAT else max(most - 1, 0)
        over = f"{single}{{0,{fewer}}}+{_OVER}" if most else r"\Z"
        parts = [over, f"{single}{bounds}"]
        if name == "MIN_REPEAT":
            parts.reverse()  # what follows is tried before another round
        return f"(?:{'|'.join(parts)})"

    def _reference(self, group: int, *, plain: bool) -> str:
        name = self._names[group]
        whole = f"(?P={name})"
        if plain:
            return whole
        rest = rf"{_MARK}\Z"
        for i in reversed(range(self._spelling(group))) if group in self._spelled else ():
            rest = rf"(?:{_MARK}\Z|(?P={name}_{i}){rest})"
        return rf"(?:\Z|{whole}|(?!{whole})(?({name}){rest}|(?!)))"

    def _look_ahead(self, sign: str, nodes: _Nodes, flags: int) -> str:
        names = dict(self._names)
        self._copies += 1
        first = self.probe(nodes, flags)
        self._names = names
        self._copies += 1
        again = self.probe(nodes, flags)
        return rf"(?:\Z|(?=(?>{first})\Z){_LEAP}|(?{sign}{again}))"

    def _look_behind(self, sign: str, nodes: _Nodes, flags: int) -> str:
        extent = self.extent(nodes, ahead=False)
        if extent == math.inf:
            raise ValueError(
                f"a look-behind without a bound cannot be followed: {self._source!r}; "
                r"give its repeats a bound, such as (?<=\s{1,20})"
            )
        self.behind += extent
        outside, self._asks = self._asks, False
        body = f"(?<{sign}{self.probe(nodes, flags, plain=True)})"
        over = rf"\n?{_OVER}" if self._asks else r"\Z"
        self._asks = outside
        return f"(?:{over}|{body})"

    def _anchor(self, name: str, flags: int, *, plain: bool) -> str:
        self.anchored = True
        anchor = _ANCHORS[name]
        if name in {"AT_BEGINNING", "AT_BEGINNING_STRING"}:
            return anchor if plain else rf"(?:\Z|{anchor})"
        self._asks = True
        if plain:
            return anchor
        if name == "AT_END" and not flags & re.M:
            return rf"(?:\n?{_OVER})"  # also before a line feed that may turn out to be the last character
        return f"(?:{_OVER}|{anchor})"


def _letters(flags: int) -> str:
    return "".join(letter for flag, letter in _LETTERS if flags & flag)


#: What `regex` reads and the standard library's parser does not, or takes for something else.
_REGEX_ONLY = re.compile(
    r"""(?P<kind>\\[pP]\{[^{}]*\}|\[:\^?\w+:\])     # stands for one character of a kind
    |   (?P<name>\(\?<(?=[^\W\d]))               # a named group without the P
    |   \\. | \{\d+(?:,\d*)?\} | \{,\d+\}       # an escape, a count: the same to both
    |   (?P<fuzzy>\{)                            # anything else in braces is fuzzy matching
    """,
    re.VERBOSE | re.DOTALL,
)


def _read_regex(pattern: AnyPattern) -> tuple[str, int, dict[int, str]]:
    r"""Make of a `regex` pattern an expression and flags that the standard library's parser reads.

    What stands for one character of a kind, like ``\p{L}``, becomes a character that the expression
    does not contain; the third value says which of them is what.
    """
    engine = _regex()
    source = pattern.pattern
    flags = 0
    left = pattern.flags & ~engine.V0
    for letter in "AIMSUX":
        if left & engine.RegexFlag[letter]:
            left &= ~engine.RegexFlag[letter]
            flags |= re.RegexFlag[letter]
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


class StreamPattern:
    """A compiled pattern that also knows, of a text that is still coming, what is not decided yet.

    ``max_match`` bounds the characters that one undecided match may be held back for. A pattern
    that needs no more on its own account, what it looks ahead at included, is not bounded by it.
    """

    __slots__ = ("_empty", "_pattern", "_probe", "behind", "first", "limit", "source")

    def __init__(self, pattern: AnyPattern, max_match: int | None = None) -> None:
        self._pattern: Any = pattern
        self.source = pattern.pattern
        source, flags, own = pattern.pattern, pattern.flags & ~re.DEBUG, dict[int, str]()
        engine: Any = re
        if not isinstance(pattern, re.Pattern):
            engine = _regex()
            source, flags, own = _read_regex(pattern)
        writer = _Translator(pattern.pattern, flags, own)
        try:
            with warnings.catch_warnings():  # it has warned already, when the pattern was compiled
                warnings.simplefilter("ignore")
                tree = _parser.parse(source, flags)
        except re.error as error:
            raise ValueError(
                f"this pattern of regex cannot be followed while the text is coming ({error}): "
                f"{pattern.pattern!r}; write it with what re knows"
            ) from error
        if not writer.extent(tree, ahead=False):
            raise ValueError(f"this pattern can match only the empty string: {pattern.pattern!r}")
        reach = writer.extent(tree, ahead=True)
        if max_match is None and reach == math.inf:
            raise ValueError(
                f"this pattern can need any amount of text: {pattern.pattern!r}; say after how many characters "
                "to give up, such as max_match=1000, or give its repeats a bound, such as {1,100} for +"
            )
        #: The most characters that may be undecided; None: as many as the pattern itself can need.
        self.limit = max_match if max_match is not None and reach > max_match else None
        flags = tree.state.flags & ~re.X
        probe = writer.probe(tree, flags)
        self._empty = tree.getwidth()[0] == 0
        if self._empty:  # an empty match is none: what remains behind it is what remained before
            probe = rf"(?=(?P<rest>{_LEAP}))(?:{probe})(?!(?P=rest)\Z)"
        first = writer.first(tree, flags)
        #: Finds a character that a match can begin with; None: it may be any.
        self.first: Callable[[str], Any] | None = None
        if first is not None and first[0]:
            begin = "|".join(dict.fromkeys(first[0]))
            self.first = _compile(engine, begin).search
            probe = f"(?={begin}|{_OVER})(?:{probe})"
        self._probe: Callable[..., Any] = _compile(engine, f"(?{_letters(flags)}:{probe})").search
        #: How much text before a position has to be kept for it.
        self.behind = int(writer.behind) + writer.anchored

    def spot(self, text: str, marked: str, pos: int, *, final: bool) -> tuple[int, int]:
        """Give the span of the first match from ``pos`` on; ``marked`` is the text as ``mark`` gives it.

        An end of one more than the text's length says that from this start on nothing is decided yet, one of
        two more that a possible match is longer than ``limit``.
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
                # What was undecided after limit + 1 characters stays a fault even
                # if the characters that decide it have come in the same chunk.
                offset = max(0, pos - self.behind)
                window = text[offset:stop] + _MARK
            found = self._probe(window, pos - offset)
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
                return match.span()
        return len(text), len(text) + 1

    def match(self, text: str, start: int) -> Any:
        """Give the engine's own match object for a match that ``spot`` has found."""
        found = self._pattern.match(text, start)
        if self._empty and found.end() == start:  # the empty way was tried first, the next one is it
            return next(match for match in self._pattern.finditer(text, start) if match.end() > start)
        return found


def _compile(engine: Any, source: str) -> Any:
    # Another version of regex's own syntax may be the program's default.
    return engine.compile(source, getattr(engine, "V0", 0))


def mark(text: str) -> str:
    """Put the mark behind what has come."""
    return text + _MARK
