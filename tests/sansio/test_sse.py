from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import httpx
import pytest
from httpx_sse import EventSource
from hypothesis import example, given
from hypothesis import strategies as st

from rxstream.errors import EventTooLarge, MalformedStream
from rxstream.items import SSEEvent, StreamChunk
from rxstream.sansio.sse import SSEDecoder
from rxstream.testing import check_machine, chunkings
from tests.sansio.drive import cut, drive, each_byte
from tests.sansio.whatwg import CASES, decoded_utf8, naively

# Each byte on either side of a border that the Encoding standard draws, and what may follow a character.
BORDERS = bytes.fromhex("41 0b 7f 80 8f 90 9f a0 bf c0 c1 c2 df e0 e1 ec ed ee ef f0 f1 f3 f4 f5 ff")
FOUR = bytes.fromhex("41 80 8f 90 9f a0 bf c2 e0 ed ef f0 f1 f4")


def test_broken_text_is_replaced_as_often_as_the_encoding_standard_says() -> None:
    tails = [bytes(some) for count in (1, 2, 3) for some in product(BORDERS, repeat=count)]
    tails += [bytes(some) for some in product(FOUR, repeat=4)]
    body = b"".join(b"data:%b\n\n" % tail for tail in tails)
    texts = [event.data for event in SSEDecoder().feed(body)]
    assert texts == [decoded_utf8(tail) for tail in tails]


@pytest.mark.parametrize(("body", "events"), CASES.values(), ids=CASES.keys())
def test_the_rules_hold_wherever_the_stream_is_cut(body: bytes, events: list[SSEEvent]) -> None:
    assert naively(body) == events
    assert drive(SSEDecoder(), [body]) == (events, None)
    assert drive(SSEDecoder(), each_byte(body)) == (events, None)
    for place in range(len(body) + 1):
        assert drive(SSEDecoder(), [*cut(body, place), b""]) == (events, None)
        assert drive(SSEDecoder(), [b"", *cut(body, place, place)]) == (events, None)


@pytest.mark.parametrize(
    "name", [name for name, (body, _) in CASES.items() if decoded_utf8(body).encode() == body]
)
def test_the_rules_hold_for_text_wherever_it_is_cut(name: str) -> None:
    body, events = CASES[name]
    text = body.decode()
    assert drive(SSEDecoder(), [text]) == (events, None)
    assert drive(SSEDecoder(), text) == (events, None)
    for place in range(len(text) + 1):
        assert drive(SSEDecoder(), [text[:place], "", text[place:]]) == (events, None)


@pytest.mark.parametrize("body", [body for body, _ in CASES.values() if len(body) < 60])
def test_all_laws_hold_of_the_cases(body: bytes) -> None:
    check_machine(SSEDecoder, [body], linear=False)


PIECES = st.sampled_from(
    [
        *(b"\n", b"\r", b"\r\n", b"\n\n", b":", b" ", b"data", b"data: ", b"event: ", b"id: ", b"id"),
        *(
            b"retry: ",
            b"7",
            b"x",
            b"\0",
            b"\xef\xbb\xbf",
            b"\xef",
            b"\xbb",
            b"\xbf",
            b"\xff",
            "é😀".encode(),
            b"\xf0\x9f",
            b"",
        ),
    ]
)


@given(st.lists(PIECES, max_size=40), st.lists(st.integers(0, 120), max_size=8))
@example([b"data", b"\r", b"\r", b"x", b"\n", b"data", b"\r\n", b"\r\n"], [5, 6])
def test_any_stream_reads_as_the_standard_says(pieces: list[bytes], places: list[int]) -> None:
    body = b"".join(pieces)
    expected = (naively(body), None)
    assert drive(SSEDecoder(), cut(body, *places)) == expected
    assert drive(SSEDecoder(), pieces) == expected
    assert drive(SSEDecoder(), each_byte(body)) == expected


@given(st.text(alphabet="data: \n\r\ufeffé😀\u2028x\0", max_size=60), st.integers(0, 60))
def test_text_reads_as_its_bytes(text: str, place: int) -> None:
    expected = drive(SSEDecoder(), [text.encode()])
    assert drive(SSEDecoder(), [text[:place], text[place:]]) == expected


def by_httpx_sse(reads: Sequence[bytes]) -> list[SSEEvent]:
    response = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=iter(reads))
    found = EventSource(response).iter_sse()
    return [SSEEvent(event.data, event.event, event.id, event.retry) for event in found]


# Where httpx-sse keeps to the standard: no byte-order mark, `data` in every block, and no `retry` that only
# Python takes for a number.
VALUES = st.text("ab: \t\0é日😀\u2028\x85\x0b\ufeff7", max_size=8)
LINES = st.one_of(
    st.tuples(
        st.sampled_from(["event:", "event: ", "id:", "id: ", "data:", ":", "ido: ", " data: "]), VALUES
    ),
    st.tuples(st.just("retry:"), st.sampled_from(["", "7", " 0", " 250", " 1x", " 1.5", "-"])),
    st.tuples(
        st.sampled_from(["data", "data :", "id", "event", "Data: x", "retry", "data:\udc80", "id:\udce2"])
    ),
).map("".join)
BLOCKS = st.tuples(st.lists(LINES, max_size=4), VALUES.map("data: {}".format), st.lists(LINES, max_size=2))
LINE_ENDS = st.sampled_from(["\n", "\r\n", "\r"])


@given(st.data())
def test_any_stream_of_whole_events_reads_as_httpx_sse_reads_it(data: st.DataObject) -> None:
    text = ""
    for before, line, behind in data.draw(st.lists(BLOCKS, max_size=5)):
        for written in [*before, line, *behind, ""]:
            end = data.draw(LINE_ENDS)
            # Behind a carriage return a line feed would be its second half, and the blank line none.
            text += written + ("\r" if end == "\n" and not written and text.endswith("\r") else end)
    text += "".join(data.draw(st.lists(LINES, max_size=1)))
    body = text.encode("utf-8", "surrogateescape")
    reads = cut(body, *data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    for chunks in (reads, each_byte(body)):
        events, fault = drive(SSEDecoder(), chunks)
        assert fault is None
        ours = [SSEEvent(one.data, one.event or "message", one.id or "", one.retry) for one in events]
        assert ours == by_httpx_sse(chunks)


NAMED = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=6)
EVENTS = st.builds(
    SSEEvent,
    st.lists(NAMED, min_size=1, max_size=3).map("\n".join),
    st.none() | NAMED.filter(bool),
    st.none() | NAMED.map(lambda text: text.replace("\0", "")),
    st.none() | st.integers(0, 10**18 - 1),
)


def encoded(event: SSEEvent, line_end: str) -> str:
    """Write an event as a careful server does; ``id`` is only written where it is not None."""
    fields = (("event", event.event), ("id", event.id), ("retry", event.retry))
    lines = [f"{name}: {value}" for name, value in fields if value is not None]
    lines += [f"data: {line}" for line in event.data.split("\n")]
    return line_end.join([*lines, "", ""])


@given(st.lists(EVENTS, max_size=5), LINE_ENDS, st.sampled_from(["", "\ufeff"]), st.data())
def test_what_was_encoded_comes_back(
    events: list[SSEEvent], line_end: str, mark: str, data: st.DataObject
) -> None:
    body = (mark + "".join(encoded(event, line_end) for event in events)).encode()
    expected: list[SSEEvent] = []
    last_id: str | None = None
    for event in events:
        last_id = last_id if event.id is None else event.id
        expected.append(replace(event, id=last_id))
    for chunks in ([body], each_byte(body), data.draw(chunkings(body))):
        assert drive(SSEDecoder(), chunks) == (expected, None)


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
    assert fault[0] is EventTooLarge
    assert issubclass(EventTooLarge, MalformedStream)
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


@pytest.mark.parametrize("size", ["9", None, 1.5, True, -1])
def test_a_limit_that_is_no_number_of_bytes_is_refused(size: Any) -> None:
    with pytest.raises(ValueError, match=f"max_event_size must be at least 1 byte, got {size!r}"):
        SSEDecoder(max_event_size=size)


class Words(str):
    __slots__ = ()


def test_bytes_may_come_as_whatever_holds_them() -> None:
    body = "data: é\n\n".encode()
    held = bytearray(body)
    for kind in (bytearray(body), memoryview(body), memoryview(held), Words(body.decode())):
        assert drive(SSEDecoder(), [kind]) == ([SSEEvent("é")], None)
        assert drive(SSEDecoder(), [kind[:3], kind[3:7], kind[7:]]) == ([SSEEvent("é")], None)


def test_bytes_may_be_written_over_when_they_have_been_fed() -> None:
    buffer = bytearray(b"data: a\ndata")
    decoder = SSEDecoder()
    assert list(decoder.feed(buffer)) == []
    buffer[:] = b"xxxxxxxxxxxx"
    assert list(decoder.feed(b": b\n\n")) == [SSEEvent("a\nb")]


@pytest.mark.parametrize(
    ("item", "got", "todo"),
    [
        (
            StreamChunk("Hel"),
            "StreamChunk: StreamChunk(content='Hel', ",
            "decoded already: leave parse_sse() out.",
        ),
        (None, "NoneType: None. ", "Map them first: ops.map(...)."),
        ([100, 97], "list: [100, 97]. ", "Map them first: ops.map(...)."),
    ],
)
def test_what_is_no_part_of_an_event_stream_is_refused(item: Any, got: str, todo: str) -> None:
    with pytest.raises(TypeError, match="it expects bytes or str items, and got") as refused:
        SSEDecoder().feed(item)
    message = str(refused.value)
    assert message.startswith("parse_sse() works on an event stream")
    assert got in message
    assert message.endswith(todo)
