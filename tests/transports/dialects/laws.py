"""What every dialect keeps: what it writes it reads back, and a stream has one end."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import strategies as st

from rxstream.errors import ProviderError, StreamTruncated
from rxstream.items import SSEEvent, StreamChunk, StreamResult, ToolCallDelta, Usage
from rxstream.sansio.answer import Answer
from rxstream.sansio.sse import SSEDecoder
from rxstream.transports.dialects.contract import Dialect, Frame
from rxstream.transports.dialects.named import DIALECTS, dialect_named

__all__ = ("ALL", "BY_TURNS", "answers", "read_back", "result_of", "written")

ALL: list[Dialect] = [dialect_named(name) for name in DIALECTS]

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["", "\n", "\r\n\r\n", "data: x", "\u2028", '"', "\\", "[DONE]", "👩‍👩‍👧", "\0"]
)


def counted(prompt: int, said: int) -> Usage:
    return Usage(prompt, said, prompt + said)


USAGES = st.builds(counted, st.integers(0, 999), st.integers(0, 999))

#: Two calls whose pieces come by turns, and text behind them.
BY_TURNS = [
    StreamChunk("", tool_calls=(ToolCallDelta(index, name, function, arguments),))
    for index, name, function, arguments in [
        (0, "a", "f", ""),
        (1, "b", "g", ""),
        (0, None, None, '{"x":'),
        (1, None, None, '{"y":'),
        (0, None, None, "1}"),
        (1, None, None, "2}"),
    ]
] + [StreamChunk("so"), StreamChunk("", finish_reason="tool_calls")]
#: Some servers give all calls the same index, some none.
PLACES: list[list[int | None]] = [[0, 1, 2], [0, 0, 0], [None, None, None]]


@st.composite
def answers(draw: st.DrawFn) -> list[StreamChunk]:
    """Draw the chunks of a whole answer of one choice: thoughts, text, calls, a reason, a count."""
    model, name = draw(st.sampled_from([("m", "id-1"), (None, None), ("m", None)]))
    chunks = [StreamChunk("", role="assistant")] if draw(st.booleans()) else []
    chunks += [StreamChunk("", reasoning=text) for text in draw(st.lists(TEXTS, max_size=3))]
    chunks += [StreamChunk(text) for text in draw(st.lists(TEXTS, max_size=6))]
    places: list[int | None] = draw(st.sampled_from(PLACES))
    for number, place in enumerate(places[: draw(st.integers(0, 3))]):
        chunks.append(StreamChunk("", tool_calls=(ToolCallDelta(place, f"call-{number}", "look"),)))
        pieces = draw(st.sampled_from([["{}"], ['{"a', '":"b', '"}'], ["{", "}"], []]))
        chunks += [StreamChunk("", tool_calls=(ToolCallDelta(place, arguments=piece),)) for piece in pieces]
    called = any(chunk.tool_calls for chunk in chunks)
    reason = "tool_calls" if called else draw(st.sampled_from(["stop", "length", "content_filter"]))
    chunks.append(StreamChunk("", finish_reason=reason))
    if draw(st.booleans()):
        chunks.append(StreamChunk("", usage=draw(USAGES)))
    return [replace(chunk, index=index, model=model, id=name) for index, chunk in enumerate(chunks)]


def written(dialect: Dialect, items: Iterable[Any], end: Any = "end") -> list[Frame]:
    """Write a stream: ``end`` is "end", "stop" or an exception."""
    encoder = dialect.encoder()
    frames = [*encoder.start()]
    for item in items:
        frames += encoder.feed(item)
    if isinstance(end, Exception):
        return [*frames, *encoder.fail(end)]
    return [*frames, *(encoder.end() if end == "end" else encoder.stop())]


def read_back(dialect: Dialect, frames: Sequence[Frame]) -> list[Any]:
    """Read a stream back, by way of its bytes."""
    wire = "".join(SSEEvent(data, event).encode() for event, data in frames)
    decoder, items = dialect.decoder(), list[Any]()
    for event in SSEDecoder().feed(wire):
        items += decoder.feed(event)
    items += decoder.close()
    assert decoder.finished
    return items


def result_of(items: Iterable[Any]) -> StreamResult:
    """Put the answer together; what only the wire knows is left out."""
    answer = Answer()
    for item in items:
        answer.add(item)
    result = answer.result()
    result.model = None
    return result


def check_answer(dialect: Dialect, chunks: list[StreamChunk]) -> None:
    """Check that an answer comes back, in everything that the dialect has a place for."""
    came, sent = result_of(read_back(dialect, written(dialect, chunks))), result_of(chunks)
    if dialect.name == "anthropic":
        # It always counts, and has no sum of its own.
        usage = sent.usage or Usage()
        sent.usage = counted(usage.prompt_tokens, usage.completion_tokens)
        sent.total_tokens = sent.usage.total_tokens
    assert came == sent
    # Where the text was cut does not matter.
    finer = [replace(chunk, content=one) for chunk in chunks for one in chunk.content or [""]]
    assert result_of(read_back(dialect, written(dialect, finer))) == came


def check_ends(dialect: Dialect, chunks: list[StreamChunk]) -> None:
    """Check that each end is one for the decoder, and that without one the stream is truncated."""
    content = result_of(chunks).content
    assert result_of(read_back(dialect, written(dialect, chunks, "stop"))).content == content
    decoder = dialect.decoder()
    frames = written(dialect, chunks, StreamTruncated("it broke off"))
    with pytest.raises(ProviderError, match="it broke off") as caught:
        for event, data in frames:
            for _ in decoder.feed(SSEEvent(data, event)):
                pass
    assert caught.value.partial.content == content
    decoder, encoder = dialect.decoder(), dialect.encoder()
    for event, data in [*encoder.start(), *encoder.feed("text")]:
        for _ in decoder.feed(SSEEvent(data, event)):
            pass
    assert not decoder.finished
    with pytest.raises(StreamTruncated) as truncated:
        decoder.close()
    assert truncated.value.partial.content == "text"
    assert decoder.partial().content == "text"
