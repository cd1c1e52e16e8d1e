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

import math
import re
import sys
import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol

from rxstream.sansio.probe import MARK, OVER, Translator, flag_letters, parser

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
                tree = parser.parse(source, flags)
        except re.error as error:
            raise ValueError(
                f"this syntax of regex cannot be followed while the text is coming ({error}): "
                f"{self.source!r}; write it with what re knows"
            ) from error
        writer = Translator(self.source, own)
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
        probe = f"(?{flag_letters(flags)}:{writer.probe(tree, flags)})"
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
            probe = f"(?={begin}|{OVER}){probe}"
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
                window = text[offset:stop] + MARK
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
    return text + MARK
