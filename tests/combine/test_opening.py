import pytest

from rxstream.combine.opening import MOST_KEPT, Opening
from rxstream.items import Restarted, StreamChunk, StreamResult, Usage


def test_items_are_kept_in_order_and_chunks_are_put_together() -> None:
    opening = Opening()
    role = StreamChunk("", role="assistant", model="m")
    last = StreamChunk("", "content_filter", usage=Usage(7, 0, 7))
    for item in (role, "", None, last):
        opening.add(item)
    assert list(opening.items) == [role, "", None, last]
    assert opening.partial() == StreamResult(
        "", finish_reason="content_filter", total_tokens=7, usage=Usage(7, 0, 7), model="m"
    )


def test_of_very_many_the_first_and_the_last_are_kept() -> None:
    opening = Opening()
    chunks = [StreamChunk("", index=index) for index in range(1000)]
    for chunk in chunks:
        opening.add(chunk)
    assert list(opening.items) == [chunks[0], *chunks[1 - MOST_KEPT :]]


def test_a_restart_makes_all_before_it_void_and_is_not_kept() -> None:
    opening = Opening()
    opening.add(StreamChunk("", "stop", role="assistant"))
    opening.add(Restarted(2))
    assert list(opening.items) == []
    assert opening.partial() == StreamResult("")
    opening.add("")
    assert list(opening.items) == [""]


@pytest.mark.parametrize(
    ("chunks", "how"),
    [
        ([], "it gave no finish reason"),
        ([StreamChunk("", role="assistant")], "it gave no finish reason"),
        ([StreamChunk("", "length")], "its finish reason was 'length'"),
        (
            [StreamChunk("", "stop"), StreamChunk("", "length", choice=1)],
            "its finish reason was 'stop', 'length'",
        ),
    ],
    ids=["nothing", "a role", "a reason", "two choices"],
)
def test_an_end_without_content_says_how_it_ended(chunks: list[StreamChunk], how: str) -> None:
    opening = Opening()
    for chunk in chunks:
        opening.add(chunk)
    error = opening.nothing_came("stream 1 of x()")
    assert str(error) == f"stream 1 of x() ended without any content; {how}."
    assert error.partial == opening.partial()
