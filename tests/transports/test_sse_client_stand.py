"""Which of several streams is the one whose items a reader has."""

from typing import Any

import pytest

from rxstream.items import SSEEvent, StreamChunk, Tagged
from rxstream.sansio.delivered import Delivered
from rxstream.transports.dialects.native import NativeDecoder
from rxstream.transports.sse_client_dialect import RawEvents
from rxstream.transports.sse_client_place import Place
from rxstream.transports.sse_client_stand import Stand, Stands

EVENTS = {
    "chunk": SSEEvent('{"content": "a", "finish_reason": null}', "chunk", "s-1"),
    "text": SSEEvent('{"item": "a"}', "chunk", "s-1"),
    "object": SSEEvent('{"object": [1]}', "chunk", "s-1"),
    "nothing": SSEEvent('{"object": null}', "chunk", "s-1"),
    "tagged": SSEEvent('{"item": "a", "source": 1}', "chunk", "s-1"),
}


def stand_of(*events: SSEEvent, raw: bool = False) -> tuple[Stand, Delivered]:
    """A stream that has come so far, and what its reader has."""
    stand = Stand(RawEvents() if raw else NativeDecoder(), Place())
    delivered = Delivered()
    for event in events:
        assert stand.place.is_new(event)
        for item in stand.decoder.feed(event):
            stand.begun = True
            stand.passed += 1
            stand.newest = item
            delivered.add(item)
    return stand, delivered


@pytest.mark.parametrize("name", EVENTS)
@pytest.mark.parametrize("raw", [False, True])
def test_a_stream_knows_its_reader(name: str, raw: bool) -> None:
    stand, delivered = stand_of(EVENTS[name], raw=raw)
    assert stand.is_of(delivered)
    delivered.add("more")
    assert not stand.is_of(delivered)


@pytest.mark.parametrize("name", ["chunk", "object", "tagged"])
def test_a_stream_of_equal_items_is_another_one(name: str) -> None:
    stand, _ = stand_of(EVENTS[name])
    _, others = stand_of(EVENTS[name])
    assert not stand.is_of(others)


def test_of_texts_alone_the_text_decides() -> None:
    stand, _ = stand_of(EVENTS["text"])
    for text, same in (("a", True), ("b", False)):
        delivered = Delivered()
        delivered.add(text)
        assert stand.is_of(delivered) == same


def test_a_stream_without_a_place_is_nobodys() -> None:
    stand, delivered = stand_of(EVENTS["chunk"])
    stand.place.forget()
    assert not stand.is_of(delivered)


def test_one_that_is_read_is_found_and_forgotten() -> None:
    stands = Stands()
    stand, delivered = stand_of(EVENTS["chunk"])
    stands.begin(stand)
    found = stands.take(delivered)
    assert found is not None
    assert found is not stand
    assert (found.passed, found.begun, found.place.id) == (1, True, "s-1")
    assert stands.take(delivered) is None
    stands.end(stand, well=False)
    assert stands.take(delivered) is None


@pytest.mark.parametrize("well", [False, True])
def test_one_that_was_left_is_found_unless_it_ended_well(well: bool) -> None:
    stands = Stands()
    stand, delivered = stand_of(EVENTS["chunk"])
    stands.begin(stand)
    stands.end(stand, well=well)
    assert (stands.take(delivered) is None) == well
    assert stands.take(delivered) is None


def test_what_goes_on_does_not_change_what_it_went_on_from() -> None:
    stand, delivered = stand_of(EVENTS["text"])
    one = stand.resumed()
    (item,) = one.decoder.feed(SSEEvent('{"item": "b"}', "chunk", "s-2"))
    assert item == "b"
    assert one.decoder.partial().content == "ab"
    assert stand.decoder.partial().content == "a"
    assert stand.is_of(delivered)


def test_only_some_of_those_that_were_left_are_remembered() -> None:
    stands = Stands()
    every: list[Any] = [stand_of(EVENTS["chunk"]) for _ in range(40)]
    for stand, _ in every:
        stands.begin(stand)
        stands.end(stand, well=False)
    assert [stands.take(delivered) is not None for _, delivered in every] == [False] * 8 + [True] * 32


def test_of_an_empty_stream_nothing_is_remembered() -> None:
    stands = Stands()
    stand, delivered = stand_of()
    stands.begin(stand)
    stands.end(stand, well=False)
    assert stands.take(delivered) is None


def test_a_sample_of_each_kind_is_what_it_says() -> None:
    kinds: dict[str, Any] = {name: type(stand_of(event)[0].newest) for name, event in EVENTS.items()}
    assert kinds == {
        "chunk": StreamChunk,
        "text": str,
        "object": list,
        "nothing": type(None),
        "tagged": Tagged,
    }
