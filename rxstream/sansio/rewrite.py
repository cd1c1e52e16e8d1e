"""Text to text across chunk edges: replace, redact, stop.

Nothing is let go that may still become part of a match, and nothing else is held back. What a pattern
(compiled by `re` or by `regex`) means is what its engine makes of the whole text, wherever that was cut, except
that an empty match is none; `rxstream.sansio.patterns` tells how. Two things to know:

* A repeat without a bound (``+``, ``*``) can make a possible match grow for ever. Such a pattern needs
  ``max_match``: when more characters than that have come and it is still not decided, or the match is longer,
  `MatchTooLong` is raised and nothing of it is let go, not even at the end.
* The pattern decides what is undecided, not the replacement: what could be matched waits,
  also if it would be replaced by itself.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

from rxstream.errors import MatchTooLong
from rxstream.sansio.literals import LiteralScanner, fold
from rxstream.sansio.patterns import AnyPattern, StreamPattern, is_pattern, mark

__all__ = ("PatternScanner", "Redact", "Replace", "StopAt")

M_co = TypeVar("M_co", covariant=True)


class Scanner(Protocol[M_co]):
    """Cuts a text into pairs: what no match covers and None, or a match's text and what tells about it."""

    def passes(self, chunk: str, /) -> bool:
        """Say if the chunk may pass whole; it has then been taken note of and is not to be fed."""
        ...

    def feed(self, chunk: str, /) -> Iterable[tuple[str, M_co | None]]:
        """Cut up what is certain now."""
        ...

    def close(self) -> Iterable[tuple[str, M_co | None]]:
        """Cut up the rest."""
        ...


class PatternScanner:
    """Finds the matches of several patterns, each as soon as it is certain.

    The leftmost over all patterns is taken, and of those that start together the longest.
    The second of a pair is the engine's own match object.
    """

    __slots__ = ("_behind", "_eager", "_fed", "_firsts", "_held", "_patterns", "_pos", "_text")

    def __init__(self, patterns: Sequence[StreamPattern]) -> None:
        self._patterns = patterns
        self._behind = max(pattern.behind for pattern in patterns)
        self._firsts = [pattern.first for pattern in patterns if pattern.first is not None]
        #: Of some pattern it is not known what it begins with, so every chunk has to be looked at.
        self._eager = len(self._firsts) < len(patterns)
        self._held = self._eager
        #: What has been let go, as far as a look-behind can see it; from `_pos` on what is held back.
        self._text = ""
        self._pos = 0
        self._fed = 0

    def passes(self, chunk: str) -> bool:
        """Say if nothing is held back and no match begins in the chunk."""
        if self._held:
            return False
        for first in self._firsts:
            if first(chunk) is not None:
                return False
        self._fed += len(chunk)
        if self._behind:
            self._text = (self._text + chunk)[-self._behind :]
            self._pos = len(self._text)
        return True

    def feed(self, chunk: str) -> Iterator[tuple[str, Any]]:
        """Cut up what is certain now."""
        self._fed += len(chunk)
        return self._scan(self._text + chunk, final=False)

    def close(self) -> Iterator[tuple[str, Any]]:
        """Cut up the rest: the text ends here."""
        yield from self._scan(self._text, final=True)
        if self._pos < len(self._text):
            yield self._text[self._pos :], None

    def _scan(self, text: str, *, final: bool) -> Iterator[tuple[str, Any]]:
        marked, size, pos = mark(text), len(text), self._pos
        patterns = self._patterns
        # What a pattern has found counts until another one's match has run over its start.
        spots = [(-1, -1)] * len(patterns)
        while True:
            start, end, which = size + 1, 0, patterns[0]
            for i, pattern in enumerate(patterns):
                if spots[i][0] < pos:
                    spots[i] = pattern.spot(text, marked, pos, final=final)
                if spots[i][0] < start or (spots[i][0] == start and spots[i][1] > end):
                    (start, end), which = spots[i], pattern
            if start > pos:
                yield text[pos:start], None
            pos = start
            if end > size:
                break
            yield text[start:end], which.match(text, start)
            pos = end
        if end > size + 1:
            raise MatchTooLong(
                f"a possible match of {which.source!r}, from character {self._fed - size + start} of the text on, "
                f"is not decided after {which.limit} characters; nothing of it was let go; "
                "raise max_match if matches of this length are expected"
            )
        keep = max(0, pos - self._behind)
        self._text, self._pos = text[keep:], pos - keep
        self._held = self._eager or pos < size


class _Rewriter(Generic[M_co]):
    """Lets the text through, and puts in the place of each match what ``render`` makes of it."""

    __slots__ = ("_render", "_scanner")

    def __init__(self, scanner: Scanner[M_co], render: Callable[[str, M_co], str]) -> None:
        self._scanner = scanner
        self._render = render

    def feed(self, chunk: str) -> Iterable[str]:
        """Take more text; give what no continuation can change."""
        if self._scanner.passes(chunk):
            return (chunk,) if chunk else ()
        return self._rewrite(self._scanner.feed(chunk))

    def close(self) -> Iterable[str]:
        """Give the rest: what was held back was no match, or is one now."""
        return self._rewrite(self._scanner.close())

    def _rewrite(self, pairs: Iterable[tuple[str, M_co | None]]) -> Iterator[str]:
        render = self._render
        for text, match in pairs:
            piece = text if match is None else render(text, match)
            if piece:
                yield piece


class Replace(_Rewriter[Any]):
    r"""Replace literal strings, or what a pattern matches, by other text.

    ``Replace({"colour": "color", "grey": "gray"})`` takes any number of literals: the leftmost match counts, and of
    those that start together the longest. ``Replace("colour", "color")`` takes one; a plain string is always
    a literal, also if it looks like a pattern. ``Replace(re.compile(r"(\d+) km"), r"\1 kilometres")`` takes a
    compiled pattern, and the replacement is a template as for ``re.sub``. The replacement may be a function: of the
    matched text for a literal, of the match object for a pattern. (Its groups are what they should be; where it
    says that the match starts depends on how much text was kept.)

    ``ignore_case`` is for literals: it takes letters as equal that are one another's only capital
    and small form, so "straße" finds "STRAßE" and not "STRASSE". Patterns have ``re.IGNORECASE``.
    ``max_match`` is for patterns, in characters; see the top of this file.
    """

    __slots__ = ()

    def __init__(
        self,
        mapping_or_pattern: Mapping[str, str] | str | AnyPattern,
        replacement: str | Callable[[Any], str] | None = None,
        *,
        max_match: int | None = None,
        ignore_case: bool = False,
    ) -> None:
        what = mapping_or_pattern
        _check_max_match(max_match)
        if isinstance(what, Mapping):
            if replacement is not None:
                raise ValueError("a mapping has its replacements in it; leave out the second argument")
            table = dict(what)
            for key, value in table.items():
                _check_literal(key)
                _check_text("the replacement of a literal", value)
            if not table:
                raise ValueError("there is nothing to replace: the mapping is empty")
            if ignore_case and len({fold(key) for key in table}) < len(table):
                raise ValueError(
                    "two literals of the mapping differ only in case; leave out one, or ignore_case"
                )
            super().__init__(LiteralScanner(table, ignore_case=ignore_case), lambda _, key: table[key])
            return
        if replacement is None:
            raise ValueError('say what to put in its place: Replace("this", "by this")')
        if not isinstance(replacement, str) and not callable(replacement):
            raise TypeError(f"a replacement is a string or a function, not {replacement!r}")
        if is_pattern(what):
            if ignore_case:
                raise ValueError("ignore_case is for literals: compile the pattern with re.IGNORECASE")
            super().__init__(PatternScanner([StreamPattern(what, max_match)]), _template(what, replacement))
            return
        _check_literal(what)
        put = replacement
        super().__init__(
            LiteralScanner([what], ignore_case=ignore_case),
            (lambda _, __: put) if isinstance(put, str) else (lambda text, _: put(text)),
        )


class Redact(_Rewriter[Any]):
    """Put a mask in the place of whatever matches: literals and compiled patterns, mixed, any number.

    The leftmost match over all of them counts, and of those that start together the longest; what one match covers,
    no other one starts in. ``mask`` is the text to put there, or a function of the matched text. ``max_match``
    bounds, in characters, how long a pattern's possible match may become; literals need no bound.
    """

    __slots__ = ()

    def __init__(
        self,
        *patterns: str | AnyPattern,
        mask: str | Callable[[str], str] = "[redacted]",
        max_match: int | None = None,
    ) -> None:
        if not isinstance(mask, str) and not callable(mask):
            raise TypeError(f"a mask is a string or a function of the matched text, not {mask!r}")
        super().__init__(
            _scanner("nothing to redact", patterns, max_match),
            (lambda _, __: mask) if isinstance(mask, str) else (lambda text, _: mask(text)),
        )


class StopAt:
    """Let the text through up to the first match, and nothing from there on.

    ``stops`` are literals and compiled patterns, mixed, any number; with ``include`` the match itself still
    comes out (the longest of those that start there). ``finished`` says that there was one: what is
    fed after that is not even looked at. ``max_match`` bounds, in characters, how long a pattern's possible match
    may become; literals need no bound.
    """

    __slots__ = ("_include", "_scanner", "finished")

    def __init__(self, *stops: str | AnyPattern, include: bool = False, max_match: int | None = None) -> None:
        self._scanner = _scanner("nothing to stop at", stops, max_match)
        self._include = include
        self.finished = False

    def feed(self, chunk: str) -> Iterable[str]:
        """Take more text; give what is before the first match for certain."""
        if self.finished:
            return ()
        if self._scanner.passes(chunk):
            return (chunk,) if chunk else ()
        return self._until(self._scanner.feed(chunk))

    def close(self) -> Iterable[str]:
        """Give what was held back, up to the first match in it."""
        return () if self.finished else self._until(self._scanner.close())

    def _until(self, pairs: Iterable[tuple[str, Any]]) -> Iterator[str]:
        for text, match in pairs:
            if match is not None:
                self.finished = True
                if self._include:
                    yield text
                return
            yield text


def _scanner(nothing: str, patterns: Sequence[str | AnyPattern], max_match: int | None) -> Scanner[Any]:
    _check_max_match(max_match)
    if not patterns:
        raise ValueError(f"{nothing}: give at least one string or compiled pattern")
    compiled = [StreamPattern(pattern, max_match) for pattern in patterns if is_pattern(pattern)]
    literals = [pattern for pattern in patterns if not is_pattern(pattern)]
    for literal in literals:
        _check_literal(literal)
    if not compiled:
        return LiteralScanner(literals)
    if literals:  # longest first, so that the engine finds the longest
        ordered = sorted(literals, key=len, reverse=True)
        compiled.append(StreamPattern(re.compile("|".join(map(re.escape, ordered)))))
    return PatternScanner(compiled)


def _template(pattern: AnyPattern, replacement: str | Callable[[Any], str]) -> Callable[[str, Any], str]:
    if not isinstance(replacement, str):
        return lambda _, match: replacement(match)
    if "\\" not in replacement:
        return lambda _, __: replacement
    pattern.sub(replacement, "")  # raises here and now what is wrong with the template
    return lambda _, match: match.expand(replacement)


def _check_max_match(max_match: int | None) -> None:
    if max_match is not None and (not isinstance(max_match, int) or max_match < 1):
        raise ValueError(f"max_match is a number of characters, 1 or more, not {max_match!r}")


def _check_literal(value: object) -> None:
    if not isinstance(value, str):
        hint = "; a pattern for bytes cannot match text" if isinstance(value, re.Pattern) else ""
        raise TypeError(f"expected a string or a compiled pattern (re.compile), not {value!r}{hint}")
    if not value:
        raise ValueError("an empty string matches everywhere; give at least one character")


def _check_text(what: str, value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{what} is a string, not {value!r}")
