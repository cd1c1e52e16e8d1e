"""Surgery on bodies: the right bytes, at the right place, waits where they belong."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxstream.testing import Answer
from rxstream.testing.bodies import (
    dripping,
    edge_before,
    ended,
    event_at,
    event_ends,
    inserted,
    waiting,
)
from tests.recordings import load

BODY = b"data: a\n\n: ping\n\nevent: x\ndata: b\n\nerror: {}\n\ndata: half"


@pytest.mark.parametrize(
    ("body", "ends"),
    [
        (b"", []),
        (b"data: a", []),
        (b"data: a\n", []),
        (b"data: a\n\n", [9]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [11, 22]),
        (b"data: a\r\n", []),
        (b"data: a\r\rdata: b\n\r", [9, 18]),
        (b"data: a\n\n\n\ndata: b\n\n", [11, 20]),
        (b": ping\n\ndata: a\n\n", [17]),
        (b"event: lone\n\n", []),
        (BODY, [9, 35, 46]),
    ],
)
def test_an_event_ends_behind_its_blank_line(body: bytes, ends: list[int]) -> None:
    assert event_ends(body) == ends


def test_a_recordings_events_are_found() -> None:
    body = load("01-prose").body
    assert len(event_ends(body)) == body.count(b"data: ")
    assert event_ends(body)[-1] == len(body)


@pytest.mark.parametrize(("place", "edge"), [(0, 0), (8, 0), (9, 9), (16, 9), (17, 17), (46, 46), (56, 46)])
def test_the_edge_before_a_place(place: int, edge: int) -> None:
    assert edge_before(BODY, place) == edge


@pytest.mark.parametrize(
    ("place", "event"),
    [
        (0, b"data: a\n\n"),
        (8, b"data: a\n\n"),
        (36, b"error: {}\n\n"),
        (46, b"error: {}\n\n"),
        (99, b"error: {}\n\n"),
    ],
)
def test_the_event_that_holds_a_place(place: int, event: bytes) -> None:
    begin, end = event_at(BODY, place)
    assert BODY[begin:end] == event


def test_no_event_holds_a_place_of_no_event() -> None:
    assert event_at(b"oops", 2) == (0, 0)


def test_a_wait_at_the_very_place_is_behind_it() -> None:
    answer = Answer((b"ab", 1.0, b"cd"))
    assert ended(answer, 2, "fin") == Answer((b"ab",), end="fin")
    assert ended(answer, 3, "rst") == Answer((b"ab", 1.0, b"c"), end="rst")
    assert ended(answer, 4, "whole") == Answer((b"ab", 1.0, b"cd"))
    assert ended(answer, 0, "fin").pieces == ()
    assert waiting(answer, 2, 5.0).pieces == (b"ab", 5.0, 1.0, b"cd")
    assert inserted(answer, 3, b"X").pieces == (b"ab", 1.0, b"c", b"X", b"d")
    assert waiting(Answer((1.0, b"ab")), 0, 5.0).pieces == (5.0, 1.0, b"ab")


def test_a_drip_keeps_the_waits() -> None:
    assert dripping(Answer((b"abc", 1.0, b"d")), 2, 0.1).pieces == (0.1, b"ab", 0.1, b"c", 1.0, 0.1, b"d")
    assert dripping(Answer((b"abc",)), 1, 0).pieces == (b"a", b"b", b"c")


pieces = st.lists(st.binary(max_size=4) | st.floats(0, 1), max_size=6)


@given(pieces, st.integers(0, 30))
def test_whatever_is_done_no_byte_moves(given_pieces: list[Any], place: int) -> None:
    answer = Answer(given_pieces)
    body = answer.body
    assert ended(answer, place, "fin").body == body[:place]
    assert waiting(answer, place, 1.0).body == body
    assert inserted(answer, place, b"X").body == body[:place] + b"X" + body[place:]
    assert dripping(answer, 3, 0.1).body == body
