"""Text to text across chunk edges: replace, redact, stop."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from rxstream.errors import MatchTooLong
from rxstream.sansio.literals import LiteralScanner, fold
from rxstream.sansio.patterns import AnyPattern, StreamPattern, is_pattern, mark

__all__ = ("PatternScanner", "Redact", "Replace", "StopAt")

M_co = TypeVar("M_co", covariant=True)


class _Scanner(Protocol[M_co]):
    """Cuts a text into pairs: what lies between the matches and None, or a match's text and the match."""

    def passes(self, chunk: str, /) -> bool: ...
    def feed(self, chunk: str, /) -> Iterator[tuple[str, M_co | None]]: ...
    def close(self) -> Iterator[tuple[str, M_co | None]]: ...


class PatternScanner:
    """Cuts a text into what is between the matches of several patterns and the matches.

    The leftmost match over all patterns is taken, and of those that start together the longest. Empty matches
    are none. Gives pairs: text that no match covers and ``None``, or a match's text and the engine's match object.
    """

    __slots__ = ("_behind", "_fed", "_firsts", "_held", "_patterns", "_pos", "_text")

    def __init__(self, patterns: Sequence[StreamPattern]) -> None:
        self._patterns = patterns
        self._behind = max(pattern.behind for pattern in patterns)
        self._firsts: list[Callable[[str], Any]] = [p.first for p in patterns if p.first is not None]
        #: If there is text that may not pass: some is held back, or any character can begin a match.
        self._held = self._always = len(self._firsts) < len(patterns)
        #: What has been let go as far as a look-behind can see it, then from `_pos` on what is held back.
        self._text = ""
        self._pos = 0
        self._fed = 0
