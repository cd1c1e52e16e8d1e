"""Faults: what each does to an answer, how they go together, and how they are told apart from nonsense."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxstream.testing import Answer, Fault
from rxstream.testing.bodies import event_ends
from rxstream.testing.error_frames import DIALECTS
from rxstream.testing.faults import ENDS, Faults, faulty, planned

ANSWER = Answer.events({"n": 1}, {"n": 2}, {"n": 3})
ONE, TWO, THREE, DONE = (piece for piece in ANSWER.pieces if isinstance(piece, bytes))
BODY = ANSWER.body

#: One of each, at the same place.
ALL = [
    Fault.cut(20),
    Fault.reset(20),
    Fault.truncated_chunk(20),
    Fault.silent_end(20),
    Fault.stall(20),
    Fault.stall(20, 1.5),
    *(Fault.error_frame(20, dialect) for dialect in DIALECTS),
    Fault.error_frame(20, goes_on=True),
    Fault.garbage(20),
    Fault.garbage(20, "html"),
    Fault.garbage(20, b"own\n\n", goes_on=True),
    Fault.duplicate(20),
    Fault.drip(),
    Fault.status(429, retry_after=2, body={"a": 1}),
    Fault.refused(),
]


@pytest.mark.parametrize("fault", ALL, ids=repr)
def test_a_fault_is_written_as_it_was_made(fault: Fault) -> None:
    assert eval(repr(fault), {"Fault": Fault}) == fault


def test_what_is_read_in_a_failed_test_can_be_read() -> None:
    assert repr(Fault.cut(100)) == "Fault.cut(100)"
    assert repr(Fault.reset(after_events=3)) == "Fault.reset(after_events=3)"
    assert repr(Fault.stall(7, seconds=2)) == "Fault.stall(7, seconds=2)"
    assert repr(Fault.refused()) == "Fault.refused()"
    assert repr(Fault.drip(3) | Fault.cut(1)) == "(Fault.drip(size=3, pause=0.01), Fault.cut(1))"


@pytest.mark.parametrize("kind", ENDS)
def test_an_end_is_where_it_was_put(kind: str) -> None:
    make: Any = getattr(Fault, kind)
    for at in (0, 1, len(ONE), 20, len(BODY), len(BODY) + 5):
        answer = make(at).apply(ANSWER)
        assert answer.body == BODY[:at]
        assert answer.end == ENDS[kind]
    assert make(after_events=2).apply(ANSWER).body == ONE + TWO
    assert make(after_events=0).apply(ANSWER).body == b""
    assert make(after_events=99).apply(ANSWER).body == BODY


def test_a_stall_goes_on_after_its_seconds() -> None:
    answer = Fault.stall(len(ONE) + 3, 2.5).apply(ANSWER)
    assert answer.pieces == (ONE, TWO[:3], 2.5, TWO[3:], THREE, DONE)
    assert answer.end == "whole"
    assert Fault.stall(after_events=4, seconds=1).apply(ANSWER).pieces == (*ANSWER.pieces, 1)


@pytest.mark.parametrize("make", [Fault.error_frame, Fault.garbage], ids=["error_frame", "garbage"])
def test_what_is_said_in_between_stands_at_the_events_edge(make: Any) -> None:
    data: bytes = make(0).data
    inside = len(ONE) + 3
    assert make(inside).apply(ANSWER).pieces == (ONE, data)
    assert make(inside).apply(ANSWER).end == "whole"
    assert make(after_events=1).apply(ANSWER) == make(inside).apply(ANSWER)
    assert make(inside, goes_on=True).apply(ANSWER).body == ONE + data + TWO + THREE + DONE
    assert make(0).apply(ANSWER).body == data


def test_garbage_is_what_it_is_called() -> None:
    with pytest.raises(ValueError, match="Expecting"):
        json.loads(Fault.garbage(0).data.partition(b": ")[2])
    with pytest.raises(UnicodeDecodeError):
        Fault.garbage(0, "utf-8").data.decode()
    assert Fault.garbage(0, "html").data.startswith(b"<!DOCTYPE html>")
    assert Fault.garbage(0, b"own").data == b"own"


def test_an_event_comes_twice() -> None:
    twice = ONE + TWO + TWO + THREE + DONE
    assert Fault.duplicate(len(ONE) + 3).apply(ANSWER).body == twice
    assert Fault.duplicate(len(ONE)).apply(ANSWER).body == twice
    assert Fault.duplicate(after_events=1).apply(ANSWER).body == twice
    assert Fault.duplicate(9999).apply(ANSWER).body == BODY + DONE
    assert Fault.duplicate(0).apply(Answer((b"no event",))).body == b"no event"


def test_a_drip_is_the_same_in_small() -> None:
    answer = Fault.drip(3, pause=0.5).apply(Answer((b"abcde",)))
    assert answer.pieces == (0.5, b"abc", 0.5, b"de")


def test_an_http_error_comes_instead() -> None:
    answer = Fault.status(429, retry_after=1.5).apply(ANSWER)
    assert answer.status == "429 Too Many Requests"
    assert answer.headers == (("Content-Type", "application/json"), ("Retry-After", "1.5"))
    assert json.loads(answer.body)["error"]["code"] == "too_many_requests"
    page = Fault.status(502, body="<html>").apply(ANSWER)
    assert (page.body, page.headers) == (b"<html>", (("Content-Type", "text/html"),))
    text = Fault.status(500, body=b"oops", retry_after="Wed, 21 Oct 2026 07:28:00 GMT").apply(ANSWER)
    assert text.headers[0] == ("Content-Type", "text/plain")
    assert text.headers[1][1].endswith("GMT")
    assert json.loads(Fault.status(400, body={"detail": "no"}).apply(ANSWER).body) == {"detail": "no"}


def test_a_refused_connection_has_no_answer() -> None:
    assert Fault.refused().apply(ANSWER) == Answer(end="refused")


# ---------------------------------------------------------------- together


def test_faults_go_together_in_any_order() -> None:
    first, second, third = Fault.drip(4, pause=0), Fault.stall(5, 1.0), Fault.cut(10)
    assert first | second | third == (first, second, third)
    assert first | (second | third) == (first, second, third)
    expected = Answer((BODY[:4], BODY[4:5], 1.0, BODY[5:9], BODY[9:10]), end="fin")
    for faults in (first | second | third, third | first | second, second | third | first):
        assert faulty(ANSWER, faults) == expected
    assert faulty(ANSWER, None) == ANSWER
    assert faulty(ANSWER, ()) == ANSWER


def test_places_are_those_in_the_whole_body() -> None:
    ping = Fault.garbage(after_events=1, data=b": ping\n\n", goes_on=True)
    cut = Fault.cut(len(ONE + TWO) + 2)
    assert faulty(ANSWER, ping | cut).body == ONE + b": ping\n\n" + TWO + THREE[:2]
    twice = Fault.duplicate(after_events=1)
    assert faulty(ANSWER, cut | twice).body == ONE + TWO + TWO + THREE[:2]
    # Half an event is not there to be doubled.
    assert faulty(ANSWER, Fault.duplicate(after_events=2) | cut).body == ONE + TWO + THREE[:2]
    assert faulty(ANSWER, cut | Fault.garbage(after_events=3, goes_on=True)) == faulty(ANSWER, cut)


def test_at_one_place_the_end_comes_last() -> None:
    for faults in (Fault.stall(20, 1.0) | Fault.reset(20), Fault.reset(20) | Fault.stall(20, 1.0)):
        answer = faulty(ANSWER, faults)
        assert (answer.body, answer.pieces[-1], answer.end) == (BODY[:20], 1.0, "rst")
    slow = faulty(ANSWER, Fault.error_frame(after_events=1) | Fault.stall(after_events=1, seconds=1.0))
    assert slow.pieces == (ONE, 1.0, Fault.error_frame(0).data)


def test_an_http_error_may_be_slow() -> None:
    answer = faulty(ANSWER, Fault.status(500, body="oops") | Fault.stall(2, 1.0) | Fault.drip(1, pause=0))
    assert answer.pieces == (b"o", b"o", 1.0, b"p", b"s")
    assert answer.status.startswith("500")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Fault.cut(1) | Fault.reset(2), r"only one of Fault.cut\(1\) \| Fault.reset\(2\) can happen"),
        (lambda: Fault.stall(1) | Fault.silent_end(2), "only one"),
        (lambda: Fault.error_frame(1) | Fault.cut(2), "only one"),
        (lambda: Fault.refused() | Fault.status(500), "each comes instead"),
        (lambda: Fault.refused() | Fault.drip(), r"Fault.drip\(.*\) cannot happen: Fault.refused\(\) comes"),
        (lambda: Fault.cut(1) | Fault.status(500), r"Fault.cut\(1\) cannot happen"),
        (lambda: (Fault.drip() | Fault.cut(1)) | Fault.refused(), "cannot happen"),
        (lambda: planned("x", [(Fault.cut(1), Fault.reset(1))]), "only one"),
    ],
    ids=range(8),
)
def test_what_cannot_happen_together_is_refused(make: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()


# ---------------------------------------------------------------- nonsense

#: For what a type checker would not let through.
Untyped: Any = Fault
untyped_planned: Any = planned


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (Untyped.cut, TypeError, r"where: .*Fault.cut\(1000\), or after_events=n; and got neither"),
        (lambda: Untyped.cut(1, after_events=1), TypeError, "got both"),
        (lambda: Untyped.cut("1"), TypeError, "expects at to be an int, and got '1'"),
        (lambda: Untyped.cut(True), TypeError, "got True"),
        (lambda: Untyped.reset(-1), ValueError, "expects at to be 0 or more, and got -1"),
        (lambda: Untyped.reset(after_events=-1), ValueError, "expects after_events to be 0 or more"),
        (lambda: Untyped.stall(1, -1), ValueError, "seconds to be 0 or more and finite, and got -1"),
        (lambda: Untyped.stall(1, math.inf), ValueError, "finite"),
        (lambda: Untyped.stall(1, math.nan), ValueError, "finite"),
        (lambda: Untyped.stall(1, "1"), TypeError, "a number of seconds, and got '1'"),
        (lambda: Untyped.drip(0), ValueError, "expects size to be 1 or more"),
        (lambda: Untyped.drip(1, -1), ValueError, "expects pause"),
        (lambda: Untyped.status(200), ValueError, "expects status to be 400 to 599, and got 200"),
        (lambda: Untyped.status(600), ValueError, "400 to 599"),
        (lambda: Untyped.error_frame(1, "gemini"), ValueError, "dialects openai, .* not 'gemini'"),
        (lambda: Untyped.garbage(1, "xml"), ValueError, "one of json, utf-8, html, not 'xml'"),
        (lambda: Untyped.cut(1) | 7, TypeError, "expected a Fault"),
        (lambda: (7,) | Untyped.cut(1), TypeError, "expected a Fault"),
        (
            lambda: untyped_planned("FaultServer()", Untyped.cut(1)),
            TypeError,
            r"a list of faults.*Fault.cut\(1\)",
        ),
        (lambda: untyped_planned("FaultServer()", [7]), TypeError, "expected a Fault"),
    ],
    ids=range(20),
)
def test_nonsense_says_what_was_expected(make: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        make()


# ---------------------------------------------------------------- whatever the body

places = st.integers(0, 80)
bodies = st.lists(
    st.sampled_from([b"data: a\n\n", b": ping\n\n", b"data: ", b"bc", b"\n\n", b"\r\n\r\n", 0.5])
)
plain = places.flatmap(
    lambda at: st.sampled_from(
        [Fault.cut(at), Fault.reset(at), Fault.silent_end(at), Fault.stall(at, 1), Fault.drip(2, pause=0)]
    )
)


@given(bodies, plain)
def test_no_fault_invents_text(pieces: list[Any], fault: Fault) -> None:
    answer = Answer(pieces)
    assert answer.body.startswith(fault.apply(answer).body)


@given(bodies, places, st.booleans())
def test_what_is_put_in_between_splits_no_event(pieces: list[Any], at: int, goes_on: bool) -> None:
    answer = Answer(pieces)
    frame = b"data: FRAME\n\n"
    faults: Faults = Fault.garbage(at, frame, goes_on=goes_on)
    before, found, after = faulty(answer, faults).body.partition(frame)
    assert found
    assert not before or before.endswith((b"\n\n", b"\r\n\r\n"))
    assert len(before) <= at
    assert answer.body.startswith(before)
    assert after == (answer.body[len(before) :] if goes_on else b"")


@given(bodies, places)
def test_a_doubled_event_is_one_more(pieces: list[Any], at: int) -> None:
    answer = Answer(pieces)
    before = len(event_ends(answer.body))
    doubled = len(event_ends(Fault.duplicate(at).apply(answer).body))
    assert doubled == before + bool(before)
