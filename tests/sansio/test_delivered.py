from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rxstream.items import Restarted, StreamChunk, StreamResult, ToolCall, ToolCallDelta, Usage
from rxstream.sansio.answer import Answer
from rxstream.sansio.content import has_content
from rxstream.sansio.delivered import Delivered


def delivered_of(*items: Any) -> Delivered:
    delivered = Delivered()
    for item in items:
        delivered.add(item)
    return delivered


def test_before_anything_came_there_is_nothing() -> None:
    delivered = Delivered()
    assert (delivered.passed, delivered.pieces, delivered.last) == (0, 0, None)
    assert (delivered.content, delivered.texts, delivered.objects) == ("", [], [])
    assert delivered.partial() == StreamResult("")


def test_of_chunks_the_answer_is_kept() -> None:
    chunks = (
        StreamChunk("", role="assistant"),
        StreamChunk("", reasoning="hm"),
        StreamChunk("Hel"),
        StreamChunk("x", choice=1),
        StreamChunk("lo", model="m"),
        StreamChunk("", tool_calls=(ToolCallDelta(0, "a", "f", "{"),)),
        StreamChunk("", refusal="no"),
        StreamChunk("", "stop", usage=Usage(1, 2, 3)),
    )
    delivered = delivered_of(*chunks)
    assert (delivered.passed, delivered.pieces) == (8, 6)
    assert delivered.content == "Hello"
    assert delivered.partial() == StreamResult(
        "Hello",
        finish_reason="stop",
        total_tokens=3,
        usage=Usage(1, 2, 3),
        tool_calls=[ToolCall("a", "f", "{", 0)],
        reasoning="hm",
        model="m",
    )
    assert delivered.answer.choices[0].refusal == ["no"]
    assert delivered.answer.choices[1].content == ["x"]


def test_the_last_event_is_that_of_the_last_chunk_that_has_one() -> None:
    one, two = StreamChunk("a", raw={"id": 1}), StreamChunk("", raw={"id": 2})
    assert delivered_of(one, StreamChunk("b")).last is one
    assert delivered_of(one, two, StreamChunk("c"), "d").last is two


def test_texts_without_chunks_are_the_content() -> None:
    class Loud(str):
        __slots__ = ()

    delivered = delivered_of("Hel", "", Loud("lo"))
    assert (delivered.passed, delivered.pieces) == (3, 2)
    assert delivered.texts == ["Hel", "lo"]
    assert delivered.content == "Hello"
    assert delivered.partial() == StreamResult("Hello")


def test_of_other_items_those_that_say_something_are_kept() -> None:
    items = [1, None, {"a": 1}, b"x", b"", Restarted(2), 0]
    delivered = delivered_of(*items)
    assert (delivered.passed, delivered.pieces) == (7, 4)
    assert delivered.objects == [1, {"a": 1}, b"x", 0]
    assert delivered.content == ""


def test_a_first_choice_that_has_not_come_has_no_content() -> None:
    assert delivered_of(StreamChunk("x", choice=1)).content == ""


@given(
    st.lists(
        st.one_of(
            st.builds(
                StreamChunk,
                st.text(max_size=2),
                choice=st.integers(0, 1),
                reasoning=st.text(max_size=1),
                refusal=st.text(max_size=1),
            ),
            st.text(max_size=2),
            st.none(),
            st.integers(),
        )
    )
)
def test_everything_is_counted_and_nothing_twice(items: list[Any]) -> None:
    delivered = delivered_of(*items)
    assert delivered.passed == len(items)
    assert delivered.pieces == sum(map(has_content, items))
    answer = Answer()
    for item in items:
        if isinstance(item, StreamChunk):
            answer.add(item)
    for number in (0, 1):
        assert delivered.answer.result(number) == answer.result(number)
    assert delivered.texts == [item for item in items if isinstance(item, str) and item]
    assert delivered.objects == [item for item in items if isinstance(item, int)]
