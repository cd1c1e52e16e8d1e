import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rxstream.errors import MalformedStream
from rxstream.items import SSEEvent
from rxstream.sansio.sse import SSEDecoder
from tests.sansio.drive import cut, drive, each_byte

CASES: dict[str, tuple[bytes, list[SSEEvent]]] = {
    "one line of data": (b"data: hello\n\n", [SSEEvent("hello")]),
    "data lines are joined": (b"data: a\ndata: b\ndata:c\n\n", [SSEEvent("a\nb\nc")]),
    "only one leading space goes": (b"data:  two\ndata:\ttab\n\n", [SSEEvent(" two\n\ttab")]),
    "a field without a colon has an empty value": (b"data\n\n", [SSEEvent("")]),
    "empty data is data": (b"data:\n\ndata: \n\n", [SSEEvent(""), SSEEvent("")]),
    "two empty data lines are one line end": (b"data\ndata\n\n", [SSEEvent("\n")]),
    "a comment is nothing": (b": hi\n:\ndata: x\n: there\n\n", [SSEEvent("x")]),
    "colons in the value stay": (b"data: a: b\n\n", [SSEEvent("a: b")]),
    "carriage returns end lines": (b"data: a\rdata: b\r\r", [SSEEvent("a\nb")]),
    "carriage return line feed is one line end": (b"data: a\r\ndata: b\r\n\r\n", [SSEEvent("a\nb")]),
    "line ends may be mixed": (b"data: a\r\ndata: b\n\rdata: c\n\r\n", [SSEEvent("a\nb"), SSEEvent("c")]),
    "nothing else ends a line": (
        "data: a\u2028b\u0085c\u000bd\u000ce\u001cf\n\n".encode(),
        [SSEEvent("a\u2028b\u0085c\u000bd\u000ce\u001cf")],
    ),
    "an event has its name": (b"event: tick\ndata: x\n\n", [SSEEvent("x", "tick")]),
    "the last name counts": (b"event: a\nevent: b\ndata: x\n\n", [SSEEvent("x", "b")]),
    "an empty name is none": (b"event: a\nevent:\ndata: x\n\n", [SSEEvent("x")]),
    "a name is for one event": (
        b"event: a\ndata: x\n\ndata: y\n\n",
        [SSEEvent("x", "a"), SSEEvent("y")],
    ),
    "no data no event and the name is gone": (b"event: a\n\ndata: y\n\n", [SSEEvent("y")]),
    "an id stays": (
        b"id: 1\ndata: x\n\ndata: y\n\nid: 2\n\ndata: z\n\n",
        [SSEEvent("x", id="1"), SSEEvent("y", id="1"), SSEEvent("z", id="2")],
    ),
    "an id may be taken back": (
        b"id: 1\ndata: x\n\nid\ndata: y\n\n",
        [SSEEvent("x", id="1"), SSEEvent("y", id="")],
    ),
    "an id with a null is ignored": (b"id: 1\nid: 2\0\ndata: x\n\n", [SSEEvent("x", id="1")]),
    "a null elsewhere is a character": (b"data: a\0b\n\n", [SSEEvent("a\0b")]),
    "a keep-alive behind an id is no event": (
        b"id: 1\ndata: x\n\n: keep-alive\n\ndata: y\n\n",
        [SSEEvent("x", id="1"), SSEEvent("y", id="1")],
    ),
    "retry takes digits": (
        b"retry: 250\ndata: x\n\ndata: y\n\n",
        [SSEEvent("x", retry=250), SSEEvent("y")],
    ),
    "retry waits for an event": (b"retry: 250\n\ndata: x\n\n", [SSEEvent("x", retry=250)]),
    "retry takes nothing but ascii digits": (
        "retry: 1_0\nretry: +5\nretry: -5\nretry: ٣\nretry: 10x\nretry: 1 \nretry\ndata: x\n\n".encode(),
        [SSEEvent("x")],
    ),
    "retry beyond any clock is ignored": (b"retry: " + b"9" * 5000 + b"\ndata: x\n\n", [SSEEvent("x")]),
    "unknown fields are ignored": (b"Data: a\n data: b\nerror: c\ndata: d\n\n", [SSEEvent("d")]),
    "a byte-order mark is dropped once": (b"\xef\xbb\xbfdata: x\n\n", [SSEEvent("x")]),
    "a second byte-order mark is part of the name": (b"\xef\xbb\xbf\xef\xbb\xbfdata: x\n\n", []),
    "a later byte-order mark is part of the name": (
        b"data: x\n\n\xef\xbb\xbfdata: y\n\ndata: \xef\xbb\xbfz\n\n",
        [SSEEvent("x"), SSEEvent("\ufeffz")],
    ),
    "broken text is replaced": (
        b"data: \xffa\xe2\x82\nevent: \xc3\ndata: \xf0\x9f\x98\n\n",
        [SSEEvent("\ufffda\ufffd\n\ufffd", "\ufffd")],
    ),
    "an unfinished event is none": (b"data: x\n\ndata: y\n", [SSEEvent("x")]),
    "an unfinished line is none": (b"data: x\n\ndata: y", [SSEEvent("x")]),
    "nothing is nothing": (b"", []),
    "blank lines are nothing": (b"\n\r\r\n\n", []),
}


@pytest.mark.parametrize(("body", "events"), CASES.values(), ids=CASES.keys())
def test_the_rules_hold_wherever_the_stream_is_cut(body: bytes, events: list[SSEEvent]) -> None:
    assert drive(SSEDecoder(), [body]) == (events, None)
    assert drive(SSEDecoder(), each_byte(body)) == (events, None)
    if len(body) < 1000:
        for place in range(len(body) + 1):
            assert drive(SSEDecoder(), [*cut(body, place), b""]) == (events, None)
            assert drive(SSEDecoder(), [b"", *cut(body, place, place)]) == (events, None)


def naive(body: bytes) -> list[SSEEvent]:
    """Decode a whole stream in the standard's own words, slowly."""
    lines = re.split("\r\n|\n|\r", body.decode("utf-8", "replace").removeprefix("\ufeff"))[:-1]
    events: list[SSEEvent] = []
    data, name, last_id = "", "", None
    for line in lines:
        if not line:
            if data:
                events.append(SSEEvent(data[:-1], name or None, last_id))
            data, name = "", ""
            continue
        field, _, value = line.partition(":")
        value = value[1:] if value[:1] == " " else value
        if field == "data":
            data += value + "\n"
        elif field == "event":
            name = value
        elif field == "id" and "\0" not in value:
            last_id = value
    return events


PIECES = st.sampled_from(
    [
        *(b"\n", b"\r", b"\r\n", b"\n\n", b":", b" ", b"data", b"data: ", b"event: ", b"id: ", b"id"),
        *(b"x", b"\0", b"\xef\xbb\xbf", b"\xef", b"\xbb", b"\xbf", b"\xff", "é😀".encode(), b"\xf0\x9f", b""),
    ]
)


@given(st.lists(PIECES, max_size=40), st.lists(st.integers(0, 120), max_size=8))
@example([b"data", b"\r", b"\r", b"x", b"\n", b"data", b"\r\n", b"\r\n"], [5, 6])
def test_any_stream_reads_as_the_standard_says(pieces: list[bytes], places: list[int]) -> None:
    body = b"".join(pieces)
    expected = (naive(body), None)
    assert drive(SSEDecoder(), cut(body, *places)) == expected
    assert drive(SSEDecoder(), pieces) == expected
    assert drive(SSEDecoder(), each_byte(body)) == expected


@given(st.text(alphabet="data: \n\r\ufeffé😀\u2028x\0", max_size=60), st.integers(0, 60))
def test_text_reads_as_its_bytes(text: str, place: int) -> None:
    expected = drive(SSEDecoder(), [text.encode()])
    assert drive(SSEDecoder(), [text[:place], text[place:]]) == expected


def test_a_lone_surrogate_is_broken_text() -> None:
    assert [event.data for event in SSEDecoder().feed("data: a\ud83db\n\n")] == ["a\ufffd\ufffd\ufffdb"]


def test_an_event_is_out_with_the_first_half_of_its_line_end() -> None:
    decoder = SSEDecoder()
    assert list(decoder.feed(b"data: a\r\n\r")) == [SSEEvent("a")]
    assert list(decoder.feed(b"\n")) == []
    assert list(decoder.feed(b"data: b\r")) == []
    assert list(decoder.feed(b"\r")) == [SSEEvent("b")]


def test_a_long_line_in_small_pieces_comes_whole() -> None:
    text = "0123456789abcdef" * 8192
    body = f"data: {text}\n\n".encode()
    chunks = [body[place : place + 4] for place in range(0, len(body), 4)]
    assert drive(SSEDecoder(), chunks) == ([SSEEvent(text)], None)


@pytest.mark.parametrize(
    ("body", "rest"),
    [
        (b"", ""),
        (b"data: x\n\n", ""),
        (b"data: x\n\n \n : \n  ", ""),
        (b"data: x\n\n: keep-al", ""),
        (b"data: x\n\n: keep-alive\n", ""),
        (b"data: x\n\ndat", "dat"),
        (b"data: x", "data: x"),
        (b"data: x\n", "data: x"),
        (b"event: e\r\ndata:x\r\ndata: y\r\nda", "event: e\ndata: x\ndata: y\nda"),
        (b"\xef\xbb\xbfdata: x", "data: x"),
        (b"\xef\xbb\xbf: x", ""),
        (b"data: \xff", "data: \ufffd"),
    ],
)
def test_the_rest_is_the_unfinished_event(body: bytes, rest: str) -> None:
    for chunks in ([body], each_byte(body)):
        decoder = SSEDecoder()
        drive(decoder, chunks)
        assert decoder.rest == rest


def test_between_events_nothing_is_left_to_be_minded() -> None:
    seen = [
        (b"\xef", False),
        (b"\xbb\xbf", False),
        (b"\n", True),
        (b"data: x", False),
        (b"\n", False),
        (b"\n", True),
        (b"event: e\n", False),
        (b"\n", True),
        (b"\r", False),
        (b"\n", True),
    ]
    decoder = SSEDecoder()
    for chunk, expected in seen:
        list(decoder.feed(chunk))
        assert decoder.between_events is expected, chunk


LONG = {
    "a long line": b"data: ok\n\ndata: 4567890123\n\ndata: ok\n\n",
    "a long unfinished line": b"data: ok\n\ndata: 4567890123",
    "many data lines": b"data: ok\n\n" + b"data:\n" * 4 + b"\n",
    "a long comment": b"data: ok\n\n:2345678901234567\n",
}


@pytest.mark.parametrize("body", LONG.values(), ids=LONG.keys())
def test_an_event_beyond_the_limit_is_an_error_behind_what_came_before(body: bytes) -> None:
    expected = drive(SSEDecoder(max_event_size=15), [body])
    values, fault = expected
    assert values == [SSEEvent("ok")]
    assert fault is not None
    assert fault[0] is MalformedStream
    assert "at most max_event_size=15 bytes, got a longer one" in fault[1]
    assert drive(SSEDecoder(max_event_size=15), each_byte(body)) == expected
    for place in range(len(body) + 1):
        assert drive(SSEDecoder(max_event_size=15), cut(body, place)) == expected


def test_an_event_of_the_limit_is_none_too_many() -> None:
    body = b"data: 789012345\n\ndata:6\ndata:2345\n\n\xef\xbb\xbf: 6789012345"
    assert drive(SSEDecoder(max_event_size=15), [body]) == (
        [SSEEvent("789012345"), SSEEvent("6\n2345")],
        None,
    )


@pytest.mark.parametrize("size", [9, 10, 11])
def test_the_byte_order_mark_counts_however_it_comes(size: int) -> None:
    body = b"\xef\xbb\xbfdata: x\n\n"
    whole = drive(SSEDecoder(max_event_size=size), [body])
    assert (whole[1] is None) is (size >= 10)
    assert drive(SSEDecoder(max_event_size=size), each_byte(body)) == whole


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="max_event_size must be at least 1 byte, got 0"):
        SSEDecoder(max_event_size=0)
