"""The ids of events: where to go on, and what has been read before."""

from itertools import chain

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rxstream.errors import AnswerChanged
from rxstream.items import SSEEvent
from rxstream.transports.sse_client_place import Place, sendable


def at(name: str | None, data: str = "") -> SSEEvent:
    return SSEEvent(data or f"data of {name}", id=name)


def test_the_place_is_the_last_events_own_id() -> None:
    place = Place()
    seen: list[str | None] = []
    for name in ("1", "2", "2", "3", "", "", "4"):
        assert place.is_new(at(name))
        seen.append(place.id)
    assert seen == ["1", "2", None, "3", None, None, "4"]


def test_before_the_first_event_it_is_the_id_to_begin_behind() -> None:
    assert Place().id is None
    place = Place("7")
    assert place.id == "7"
    assert place.is_new(at(None))
    assert place.id is None


def test_a_place_may_be_forgotten() -> None:
    place = Place("7")
    place.forget()
    assert place.id is None


def test_the_time_to_reconnect_stays_until_there_is_another() -> None:
    place = Place()
    assert place.retry is None
    for retry, seconds in ((500, 0.5), (None, 0.5), (0, 0.0)):
        assert place.is_new(SSEEvent("", retry=retry))
        assert place.retry == seconds


@given(count=st.integers(1, 8), breaks=st.lists(st.integers(0, 8), max_size=4), replays=st.booleans())
@example(count=1, breaks=[1], replays=True)
def test_wherever_it_breaks_each_event_is_new_once(count: int, breaks: list[int], replays: bool) -> None:
    events = [at(str(number)) for number in range(count)]
    place, read = Place(), list[SSEEvent]()
    for length in chain(breaks, [count]):
        sent = events if replays or place.last is None else events[int(place.last) + 1 :]
        read += [event for event in sent[:length] if place.is_new(event)]
        place.reconnect()
    assert read == events


@pytest.mark.parametrize(
    "other",
    [at("2", "something else"), SSEEvent("data of 2", "named", "2")],
    ids=["other data", "another name"],
)
def test_what_comes_again_must_be_what_came(other: SSEEvent) -> None:
    place = Place()
    assert all(map(place.is_new, (at("1"), at("2"), at("3"))))
    place.reconnect()
    assert not any(map(place.is_new, (at("1"), other)))
    with pytest.raises(AnswerChanged, match="behind the event '3', the server began again"):
        place.is_new(at("3"))
    assert place.id is None


def test_events_before_the_first_id_do_not_count() -> None:
    place = Place()
    assert place.is_new(SSEEvent("hello", retry=3))
    assert all(map(place.is_new, (at("1"), at("2"))))
    place.reconnect()
    assert [place.is_new(at(name)) for name in ("1", "2", "3")] == [False, False, True]


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("s-12", True),
        ("id with spaces", True),
        ("ünïcode-✓", True),
        (" s", False),
        ("s ", False),
        ("a\tb", False),
        ("a\x7fb", False),
        ("a\r\nCookie: b", False),
        ("\0", False),
        ("x" * 4096, True),
        ("x" * 4097, False),
    ],
    ids=repr,
)
def test_an_id_fits_into_a_header_or_is_not_sent(name: str, fits: bool) -> None:
    assert sendable(name) == fits
    assert (Place(name).id == name) == fits
