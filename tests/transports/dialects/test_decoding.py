"""What the decoders of messages have in common."""

from collections.abc import Iterable
from typing import Any

import pytest

from rxstream.errors import MalformedStream, ProviderError, StreamTruncated
from rxstream.items import SSEEvent, StreamChunk
from rxstream.transports.dialects.decoding import MessageDecoder, number_in


class Letters(MessageDecoder):
    """A dialect of one kind of event."""

    terminator = "z"

    def read(self, body: dict[str, Any]) -> Iterable[StreamChunk]:
        if self.object_in(body, "more"):
            raise self.error({"message": "more is too much"})
        yield self.made(body, self.string_in(body, "letter"), role="assistant")


def test_chunks_are_counted_and_kept() -> None:
    decoder = Letters()
    items = [item for text in "ab" for item in decoder.feed(SSEEvent(f'{{"letter":"{text}"}}'))]
    assert [(item.content, item.index, item.role) for item in items] == [
        ("a", 0, "assistant"),
        ("b", 1, "assistant"),
    ]
    with pytest.raises(StreamTruncated, match="no z came") as caught:
        decoder.close()
    assert caught.value.partial.content == "ab"
    assert list(decoder.feed(SSEEvent(" [DONE]"))) == []
    assert decoder.finished
    assert list(decoder.close()) == []


@pytest.mark.parametrize("data", ["", "x", "1", '{"letter":1}', '{"more":1}'])
def test_what_is_none_of_it_is_said_so(data: str) -> None:
    with pytest.raises(MalformedStream, match="behind 0 chunks: expected"):
        list(Letters().feed(SSEEvent(data)))


def test_an_error_is_the_end() -> None:
    decoder = Letters()
    with pytest.raises(ProviderError, match="more is too much"):
        list(decoder.feed(SSEEvent('{"more":{"a":1}}')))
    assert decoder.finished


def test_a_count_is_a_number_or_nothing() -> None:
    assert [number_in({"a": value}, "a") for value in (3, None, "3")] == [3, 0, 0]
