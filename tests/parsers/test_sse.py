"""Event streams as the network brings them, through the operator; the rules are the machine's tests."""

from collections.abc import Iterable
from typing import Any

import pytest
from jiter import from_json
from reactivex import operators as ops

import rxstream as rxs
from rxstream.errors import EventTooLarge
from rxstream.items import SSEEvent, StreamChunk
from rxstream.parsers.sse import parse_sse
from rxstream.testing import check_operator
from tests.recordings import NAMES, Recording, load

#: The recorded answers that are event streams, whole or not.
STREAMS = [name for name in NAMES if load(name).body.startswith((b"data:", b"event:"))]

BODY = (
    b"\xef\xbb\xbfretry: 10\r\ndata: caf\xc3\xa9\r\n\r\n"
    b"event: x\rid: 7\rdata\rdata: b\r\r: no\n\ndata: c\n\nda"
)
FOUND = [SSEEvent("café", retry=10), SSEEvent("\nb", "x", "7"), SSEEvent("c", id="7")]


def given(items: Iterable[Any], *operators: Any) -> list[Any]:
    stream: Any = rxs.from_stream(list(items))
    found: list[Any] = rxs.run(stream.pipe(*(operators or (parse_sse(),))))
    return found


def data_of(event: SSEEvent) -> str:
    return event.data


def reads_of(recording: Recording) -> list[bytes]:
    return [read for _, read in recording.reads]


@pytest.mark.parametrize("name", STREAMS)
def test_a_recorded_answer_is_its_events_however_the_network_cut_it(name: str) -> None:
    recording = load(name)
    events = given(reads_of(recording))
    # The model's servers write one line of data for each event, and blank lines between.
    blocks = recording.body.decode().split("\n\n")[:-1]
    assert [event.data for event in events] == [
        line.removeprefix("data: ")
        for block in blocks
        for line in block.split("\n")
        if line.startswith("data")
    ]
    assert events == given([recording.body])
    size = 3 + len(recording.body) // 5000
    assert events == given(recording.body[at : at + size] for at in range(0, len(recording.body), size))
    assert len(events) > 10


def test_the_events_of_a_recorded_answer_hold_its_text() -> None:
    events = given(reads_of(load("10-multibyte")))
    assert events[-1] == SSEEvent("[DONE]")
    chunks: list[Any] = [from_json(event.data.encode()) for event in events[:-1]]
    text = "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
    answer = rxs.run(rxs.from_recording("10-multibyte", speed=None))
    assert text == "".join(chunk.content for chunk in answer)
    assert not text.isascii()


def test_events_have_the_names_that_the_server_gave_them() -> None:
    events = given(reads_of(load("17-responses-text")))
    assert [event.event for event in events if event.data != "[DONE]"] == [
        from_json(event.data.encode())["type"] for event in events if event.data != "[DONE]"
    ]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_come_as_whatever_holds_them(kind: Any) -> None:
    assert given([kind(BODY)]) == FOUND
    assert given(kind(BODY[at : at + 1]) for at in range(len(BODY))) == FOUND


def test_text_is_taken_too_and_may_be_mixed_with_bytes() -> None:
    assert given([BODY.decode()]) == FOUND
    assert given(BODY.decode()) == FOUND
    assert given([BODY[:19].decode(), BODY[19:30], "", b"", BODY[30:].decode()]) == FOUND


def test_events_go_on_to_other_operators() -> None:
    words = given([BODY], parse_sse(), ops.map(data_of), rxs.buffer_words())
    assert words == ["café", "bc"]


def test_each_subscription_decodes_anew() -> None:
    reads = [b"\xef\xbb\xbfid: 1\ndata: a\n\nevent: half"]
    events = rxs.from_stream(lambda: reads).pipe(parse_sse())
    assert rxs.run(events) == rxs.run(events) == [SSEEvent("a", id="1")]


def test_the_laws_of_streams_hold() -> None:
    check_operator(parse_sse(), [BODY.decode(), BODY.decode().lstrip("\ufeff")])
    check_operator(parse_sse(), [BODY[:9], BODY[9:40], b"", BODY[40:]])


def test_an_event_beyond_the_limit_is_an_error_behind_those_before_it() -> None:
    came: list[Any] = []
    stream: Any = rxs.from_stream([b"data: ok\n\ndata: 012", b"345678\n\ndata: never\n\n"])
    with pytest.raises(EventTooLarge, match=r"at most max_event_size=12 bytes, got a longer one"):
        rxs.run(stream.pipe(parse_sse(max_event_size=12)), on_item=came.append)
    assert came == [SSEEvent("ok")]


@pytest.mark.parametrize("size", [0, -1, "9", None])
def test_a_wrong_limit_is_refused_when_the_operator_is_made(size: Any) -> None:
    with pytest.raises(ValueError, match=r"^parse_sse\(\): max_event_size must be at least 1 byte, got"):
        parse_sse(max_event_size=size)


@pytest.mark.parametrize("item", [StreamChunk("data: a\n\n"), 7, None, SSEEvent("a")])
def test_other_items_are_an_error_behind_what_came_before(item: Any) -> None:
    came: list[Any] = []
    stream: Any = rxs.from_stream([b"data: a\n\n", item])
    with pytest.raises(TypeError, match=r"^parse_sse\(\) works on an event stream.* bytes or str") as refused:
        rxs.run(stream.pipe(parse_sse()), on_item=came.append)
    assert type(item).__name__ in str(refused.value)
    assert came == [SSEEvent("a")]


def test_an_answer_that_is_decoded_already_is_told_so() -> None:
    answer: Any = rxs.from_recording("01-prose", speed=None)
    with pytest.raises(TypeError, match=r"A StreamChunk is decoded already: leave parse_sse\(\) out"):
        rxs.run(answer.pipe(parse_sse()))
