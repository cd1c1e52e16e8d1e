from functools import partial
from typing import Any

import anyio
import pytest
import reactivex
from reactivex import operators as ops

import rxstream as rxs
from rxstream.sinks.buffer import StreamBuffer
from tests.laws.source import Source


class Seen:
    """An observer that notes everything."""

    def __init__(self) -> None:
        self.signals: list[Any] = []

    def listen(self, source: Any) -> Any:
        return source.subscribe(
            self.signals.append, self.signals.append, lambda: self.signals.append("completed")
        )


def test_it_is_fed_by_hand() -> None:
    buffer = StreamBuffer()
    assert (buffer.content, buffer.chunk_count, buffer.is_complete, buffer.error) == ("", 0, False, None)
    buffer.append(rxs.StreamChunk("Hel"))
    assert (buffer.content, buffer.chunk_count) == ("Hel", 1)
    buffer.append(rxs.StreamChunk("lo"))
    assert (buffer.content, buffer.chunk_count, buffer.is_complete) == ("Hello", 2, False)
    buffer.mark_complete()
    assert (buffer.content, buffer.is_complete, buffer.error) == ("Hello", True, None)
    assert [chunk.content for chunk in buffer.chunks] == ["Hel", "lo"]


def test_text_will_do_for_chunks() -> None:
    buffer = StreamBuffer()
    buffer.append("a")
    buffer.append(rxs.StreamChunk("b"))
    assert buffer.content == "ab"


def test_it_keeps_the_error() -> None:
    buffer = StreamBuffer()
    error = OSError("gone")
    buffer.append("half")
    buffer.mark_error(error)
    assert (buffer.content, buffer.is_complete, buffer.error) == ("half", True, error)


@pytest.mark.parametrize(
    "end",
    [StreamBuffer.mark_complete, partial(StreamBuffer.mark_error, error=OSError())],
    ids=["complete", "error"],
)
def test_nothing_counts_behind_the_end(end: Any) -> None:
    buffer, seen = StreamBuffer(), Seen()
    seen.listen(buffer)
    end(buffer)
    error, signals = buffer.error, list(seen.signals)
    buffer.append("more")
    buffer.mark_error(OSError("late"))
    buffer.mark_complete()
    assert (buffer.content, buffer.error, seen.signals) == ("", error, signals)
    assert len(signals) == 1


def test_a_late_subscriber_gets_it_all() -> None:
    buffer, early, late = StreamBuffer(), Seen(), Seen()
    early.listen(buffer)
    buffer.append("a")
    buffer.append("b")
    late.listen(buffer)
    assert late.signals == ["a", "b"]
    buffer.append("c")
    buffer.mark_complete()
    assert late.signals == early.signals == ["a", "b", "c", "completed"]


def test_one_that_comes_behind_the_end_gets_the_end_too() -> None:
    complete, failed = StreamBuffer(), StreamBuffer()
    error = OSError("gone")
    for buffer in (complete, failed):
        buffer.append("a")
    complete.mark_complete()
    failed.mark_error(error)
    seen, other = Seen(), Seen()
    seen.listen(complete)
    other.listen(failed)
    assert seen.signals == ["a", "completed"]
    assert other.signals == ["a", error]


def test_one_that_leaves_hears_nothing_more() -> None:
    buffer, seen = StreamBuffer(), Seen()
    subscription = seen.listen(buffer)
    buffer.append("a")
    subscription.dispose()
    subscription.dispose()
    buffer.append("b")
    assert seen.signals == ["a"]


def test_it_observes_any_observable() -> None:
    buffer = StreamBuffer()
    reactivex.of("a", "b").subscribe(buffer)
    assert (buffer.content, buffer.is_complete) == ("ab", True)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.anyio
async def test_it_observes_a_stream_in_the_background() -> None:
    """A plain subscribe needs asyncio."""
    buffer = StreamBuffer()
    source = Source(["a", "b"])
    source.observable.subscribe(buffer)
    words = await rxs.to_list(buffer)
    assert (words, buffer.content, buffer.is_complete) == (["a", "b"], "ab", True)
    assert source.closed == [1]


@pytest.mark.anyio
async def test_several_read_one_answer_at_their_own_pace() -> None:
    buffer = StreamBuffer()
    found: list[list[str]] = []

    async def read() -> None:
        found.append(await rxs.to_list(buffer.pipe(ops.map(str.upper))))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        await anyio.wait_all_tasks_blocked()
        buffer.append("a")
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(read)
        await anyio.wait_all_tasks_blocked()
        buffer.append("b")
        buffer.mark_complete()
    assert found == [["A", "B"], ["A", "B"]]


@pytest.mark.anyio
async def test_operators_read_on_from_it() -> None:
    buffer = StreamBuffer()
    for piece in ("Hel", "lo wor", "ld"):
        buffer.append(piece)
    buffer.mark_complete()
    assert await rxs.to_list(buffer.pipe(rxs.buffer_words())) == ["Hello", "world"]


def test_content_is_joined_once_for_each_look_and_not_for_each_chunk() -> None:
    buffer = StreamBuffer()
    for _ in range(1000):
        buffer.append("ab")
    assert buffer.content == "ab" * 1000
    assert buffer.content is buffer.content


def test_items_that_are_no_text_are_kept_and_have_no_content() -> None:
    buffer = StreamBuffer()
    reactivex.of({"a": 1}).subscribe(buffer)
    assert buffer.chunks == [{"a": 1}]
    with pytest.raises(TypeError) as caught:
        _ = buffer.content
    assert str(caught.value) == (
        "StreamBuffer.content puts text together: it expects str or StreamChunk items, and got "
        "dict: {'a': 1}. The items themselves are in StreamBuffer.chunks."
    )


def test_at_a_restart_what_had_come_is_dropped_and_who_listens_is_told() -> None:
    buffer, seen = StreamBuffer(), Seen()
    again = rxs.Restarted(2)
    seen.listen(buffer)
    for item in ("Hel", "p", again, "Hello"):
        buffer.on_next(item)
    assert (buffer.content, buffer.chunks, buffer.chunk_count) == ("Hello", ["Hello"], 1)
    assert seen.signals == ["Hel", "p", again, "Hello"]
    late = Seen()
    late.listen(buffer)
    buffer.append(" you")
    assert late.signals == ["Hello", " you"]
    assert buffer.content == "Hello you"
