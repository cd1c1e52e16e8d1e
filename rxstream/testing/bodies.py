"""Surgery on the body of an answer: where its events end, and what may be done there."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace

from rxstream.testing.answers import Answer, End, Piece

__all__ = ("dripping", "edge_before", "ended", "event_at", "event_ends", "inserted", "waiting")

#: One line end after another: an event's end, or a comment's.
_BLANK_LINE = re.compile(rb"(?>\r\n|\r|\n){2,}")
_DATA = re.compile(rb"(?:^|[\r\n])(?:data|error):")


def event_ends(body: bytes) -> list[int]:
    """Find where each server-sent event ends; comments and lone names are none."""
    start = 0
    found: list[int] = []
    for blank in _BLANK_LINE.finditer(body):
        if _DATA.search(body[start : blank.end()]):
            found.append(blank.end())
        start = blank.end()
    return found


def edge_before(body: bytes, place: int) -> int:
    """Find the last place up to ``place`` where an event might begin."""
    edges = [0, *(blank.end() for blank in _BLANK_LINE.finditer(body))]
    return edges[bisect_right(edges, place) - 1]


def event_at(body: bytes, place: int) -> tuple[int, int]:
    """Find the event that holds the byte at ``place``: the last one, at the body's end; none is empty."""
    edges = [0, *event_ends(body)]
    number = min(bisect_right(edges, place), len(edges) - 1)
    return edges[max(number - 1, 0)], edges[number]


def ended(answer: Answer, place: int, end: End) -> Answer:
    """End the body there, and its connection in that way."""
    before, _ = _halves(answer.pieces, place)
    return replace(answer, pieces=tuple(before), end=end)


def waiting(answer: Answer, place: int, seconds: float) -> Answer:
    """Put a wait there."""
    before, after = _halves(answer.pieces, place)
    return replace(answer, pieces=(*before, seconds, *after))


def inserted(answer: Answer, place: int, data: bytes) -> Answer:
    """Put data there."""
    before, after = _halves(answer.pieces, place)
    return replace(answer, pieces=(*before, data, *after))


def dripping(answer: Answer, size: int, pause: float) -> Answer:
    """Cut the body into pieces of that size, with a pause before each."""
    return replace(answer, pieces=tuple(_drops(answer.pieces, size, pause)))


def _drops(pieces: Sequence[Piece], size: int, pause: float) -> Iterator[Piece]:
    for piece in pieces:
        if not isinstance(piece, bytes):
            yield piece
            continue
        for at in range(0, len(piece), size):
            if pause:
                yield pause
            yield piece[at : at + size]


def _halves(pieces: Sequence[Piece], at: int) -> tuple[list[Piece], list[Piece]]:
    """Cut pieces in two behind the first ``at`` bytes; a wait at that very place is in the second half."""
    before: list[Piece] = []
    for number, piece in enumerate(pieces):
        if isinstance(piece, bytes):
            if len(piece) > at:
                head = [piece[:at]] if at else []
                return before + head, [piece[at:], *pieces[number + 1 :]]
            at -= len(piece)
        elif not at:
            return before, list(pieces[number:])
        before.append(piece)
    return before, []
