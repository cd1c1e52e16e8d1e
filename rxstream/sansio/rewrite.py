"""Text to text across chunk edges: replace, redact, stop.

Nothing is let go that may still become part of a match, and nothing else is held back. What a pattern
(compiled by `re` or by `regex`) means is what its engine makes of the whole text, except that an empty
match is none; `rxstream.sansio.patterns` tells how. Two things to know:

* A repeat without a bound (``+``, ``*``) can make a possible match grow for ever. Such a pattern needs
  ``max_match``: when more characters than that have come and it is still not decided, or the match is longer,
  `MatchTooLong` is raised and nothing of it is let go, not even at the end.
* The match decides what waits, not the replacement: "ab" is held back also where it is replaced by "ax".
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

from rxstream.errors import MatchTooLong
from rxstream.sansio.literals import LiteralScanner, fold
from rxstream.sansio.patterns import AnyPattern, StreamPattern, mark, stream_pattern

__all__ = ("PatternScanner", "Redact", "Replace", "StopAt")

M_co = TypeVar("M_co", covariant=True)


class Scanner(Protocol[M_co]):
    """Cuts a text into pairs: what no match covers and None, or a match's text and the match.

    What no match covers may be empty.
    """

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
            yield text[pos:start], None
            pos = start
            if end > size:
                break
            yield text[start:end], which.match(text, start)
            pos = end
        if end > size + 1:
            raise MatchTooLong(
                f"what may be a match of {which.source!r}, from character {self._fed - size + start} of "
                f"the text on, is longer than max_match={which.limit}, or undecided after that many "
                "characters; nothing of it was let go; give a larger max_match if this is to be expected"
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

    ``Replace({"colour": "color", "grey": "gray"})`` takes any number of literals: the leftmost match counts,
    and of those that start together the longest. ``Replace("colour", "color")`` takes one; a plain string is
    always a literal, also if it looks like a pattern. ``Replace(re.compile(r"(\d{1,9})km"), r"\1 km")`` takes
    a compiled pattern, and the replacement is a template as for ``re.sub``. The replacement may be a
    function: of the matched text for a literal, of the engine's match object for a pattern. (Use its groups;
    the positions that it tells count from somewhere in the stream.)

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
        if isinstance(what, Mapping):
            if replacement is not None:
                raise ValueError("a mapping has its replacements in it; leave out the second argument")
            table = _check_table(what, ignore_case=ignore_case)
            super().__init__(LiteralScanner(table, ignore_case=ignore_case), lambda _, key: table[key])
            return
        if replacement is None:
            raise ValueError('say what to put in its place: Replace("this", "by this")')
        render = _check_render("replacement", replacement)
        if isinstance(what, str):
            _check_bound(max_match)
            scanner: Scanner[Any] = LiteralScanner([_check_literal(what)], ignore_case=ignore_case)
        elif ignore_case:
            raise ValueError("ignore_case is for literals; compile the pattern with re.IGNORECASE")
        else:
            scanner = _scanner("nothing to replace", [what], max_match)
            render = _template(what, replacement)
        super().__init__(scanner, render)


class Redact(_Rewriter[Any]):
    """Put a mask in the place of whatever matches: literals and compiled patterns, mixed, any number.

    The leftmost match over all of them counts, and of those that start together the longest; no match starts
    inside another. ``mask`` is the text to put there, or a function of the matched text. ``max_match``
    bounds, in characters, how long a pattern's possible match may become; literals need no bound.
    """

    __slots__ = ()

    def __init__(
        self,
        *patterns: str | AnyPattern,
        mask: str | Callable[[str], str] = "[redacted]",
        max_match: int | None = None,
    ) -> None:
        super().__init__(_scanner("nothing to redact", patterns, max_match), _check_render("mask", mask))


class StopAt:
    """Let the text through up to the first match, and nothing from there on.

    ``stops`` are literals and compiled patterns, mixed, any number; with ``include`` the match itself still
    comes out (the longest of those that start there). ``finished`` says that there was one: what is fed
    after that is not even looked at. ``max_match`` bounds, in characters, how long a pattern's possible
    match may become; literals need no bound.
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
            if text:
                yield text


def _scanner(nothing: str, patterns: Sequence[str | AnyPattern], max_match: int | None) -> Scanner[Any]:
    _check_bound(max_match)
    if not patterns:
        raise ValueError(f"{nothing}: give at least one string or compiled pattern")
    literals = [_check_literal(pattern) for pattern in patterns if isinstance(pattern, str)]
    compiled = [stream_pattern(pattern, max_match) for pattern in patterns if not isinstance(pattern, str)]
    if not compiled:
        return LiteralScanner(literals)
    if literals:  # the longest first, so that the engine finds it first
        ordered = sorted(literals, key=len, reverse=True)
        compiled.append(stream_pattern(re.compile("|".join(map(re.escape, ordered))), None))
    return PatternScanner(compiled)


def _check_bound(max_match: Any) -> None:
    if max_match is not None and (type(max_match) is not int or max_match < 1):
        raise ValueError(f"max_match is a whole number of characters, 1 or more, not {max_match!r}")


def _template(pattern: AnyPattern, replacement: str | Callable[[Any], str]) -> Callable[[str, Any], str]:
    if not isinstance(replacement, str):
        return lambda _, match: replacement(match)
    if "\\" not in replacement:
        return lambda _, __: replacement
    pattern.sub(replacement, "")  # a wrong template is an error here and now
    return lambda _, match: match.expand(replacement)


def _check_render(what: str, value: str | Callable[[str], str]) -> Callable[[str, Any], str]:
    if isinstance(value, str):
        return lambda _, __: value
    if not callable(value):
        raise TypeError(f"a {what} is a string or a function, not {value!r}")
    return lambda text, _: value(text)


def _check_literal(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a literal is a string, not {value!r}")
    if not value:
        raise ValueError("an empty string would match everywhere; give at least one character")
    return value


def _check_table(mapping: Mapping[str, str], *, ignore_case: bool) -> dict[str, str]:
    if not mapping:
        raise ValueError("there is nothing to replace: the mapping is empty")
    table = {_check_literal(key): value for key, value in mapping.items()}
    for key, value in table.items():
        if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"the replacement of {key!r} is a string, not {value!r}")
    if ignore_case and len({fold(key) for key in table}) < len(table):
        raise ValueError("two literals differ only in their case; leave out one of them, or ignore_case")
    return table
