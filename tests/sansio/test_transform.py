from typing import Any

from hypothesis import given

from rxstream.items import StreamChunk, ToolCallDelta, Usage
from rxstream.sansio.transform import Transform
from rxstream.testing import chunkings, run_machine, texts


def shout(*chunks: Any) -> list[Any]:
    items, fault = run_machine(lambda: Transform[Any](str.upper), chunks)
    assert fault is None
    return items


@given(chunkings(texts()))
def test_each_piece_is_mapped_by_itself(chunks: list[str]) -> None:
    assert shout(*chunks) == [chunk.upper() for chunk in chunks if chunk]


def test_a_chunk_keeps_its_other_fields() -> None:
    usage = Usage(1, 2, 3)
    chunk = StreamChunk(
        "text", "stop", 4, "model", 1, "thought", (ToolCallDelta(0),), usage, role="assistant", id="x"
    )
    (out,) = shout(chunk)
    assert out == StreamChunk(
        "TEXT", "stop", 4, "model", 1, "thought", (ToolCallDelta(0),), usage, role="assistant", id="x"
    )
    assert chunk.content == "text"


def test_a_changed_chunk_drops_the_event_that_shows_the_old_text() -> None:
    (out,) = shout(StreamChunk("text", raw={"text": "text"}))
    assert out.raw is None


def test_a_chunk_without_text_passes_as_it_is() -> None:
    chunk = StreamChunk("", "stop", raw={"a": 1})
    (out,) = shout(chunk)
    assert out is chunk


def test_other_items_are_refused_by_name() -> None:
    items, fault = run_machine(lambda: Transform[Any](str.upper), ["a", 7, "b"])
    assert items == ["A"]
    assert isinstance(fault, TypeError)
    assert str(fault) == (
        "transform() works on text: it expects str or StreamChunk items, and got int: 7. "
        "For other items there is ops.map(...)."
    )


def test_an_exception_of_the_function_ends_it() -> None:
    def refuse(text: str) -> str:
        raise ZeroDivisionError(text)

    items, fault = run_machine(lambda: Transform[str](refuse), ["a"])
    assert items == []
    assert repr(fault) == "ZeroDivisionError('a')"
