from typing import Any

import pytest
from anyio.lowlevel import checkpoint
from reactivex import operators as ops

import rxstream as rxs
from rxstream.items import StreamChunk, ToolCall, ToolCallDelta, Usage
from tests.laws.source import Source

pytestmark = pytest.mark.anyio

ANSWER = [
    StreamChunk("", role="assistant", model="m"),
    StreamChunk("Hel", index=1),
    StreamChunk("lo", index=2, reasoning="so"),
    StreamChunk("", index=3, tool_calls=(ToolCallDelta(0, "id", "name", "{}"),)),
    StreamChunk("", "stop", 4),
    StreamChunk("", index=5, usage=Usage(1, 2, 3)),
]


async def test_an_answer_is_put_together() -> None:
    result = await rxs.collect(rxs.from_stream(ANSWER))
    assert result == rxs.StreamResult(
        "Hello", ANSWER, "stop", 3, Usage(1, 2, 3), [ToolCall("id", "name", "{}", 0)], "so", "m"
    )


async def test_a_recorded_answer_is_whole() -> None:
    result = await rxs.collect(rxs.from_recording("01-prose", speed=None))
    assert result.content.startswith("The sea,")
    assert result.finish_reason in {"stop", "length"}
    assert result.total_tokens == (result.usage and result.usage.total_tokens)
    assert "".join(chunk.content for chunk in result.chunks) == result.content


async def test_text_becomes_chunks() -> None:
    result = await rxs.collect(rxs.from_stream(["Hel", "lo"]))
    assert result.content == "Hello"
    assert result.chunks == [StreamChunk("Hel", index=0), StreamChunk("lo", index=1)]
    assert (result.finish_reason, result.usage, result.total_tokens) == (None, None, 0)


async def test_nothing_is_an_empty_answer() -> None:
    assert await rxs.collect(rxs.from_stream(list[str]())) == rxs.StreamResult("")


async def test_one_of_several_choices_is_asked_for() -> None:
    both = [
        StreamChunk("a"),
        StreamChunk("b", choice=1),
        StreamChunk("", "stop"),
        StreamChunk("", "length", choice=1),
    ]
    first = await rxs.collect(rxs.from_stream(both))
    second = await rxs.collect(rxs.from_stream(both), choice=1)
    assert (first.content, first.finish_reason, len(first.chunks)) == ("a", "stop", 4)
    assert (second.content, second.finish_reason, len(second.chunks)) == ("b", "length", 4)


async def test_text_belongs_to_the_choice_that_is_asked_for() -> None:
    assert (await rxs.collect(rxs.from_stream(["a"]), choice=1)).content == "a"


@pytest.mark.parametrize("sink", [rxs.collect, rxs.to_list])
async def test_on_item_sees_each_item_as_it_comes(sink: Any) -> None:
    source = Source(["a", "b"])
    seen: list[tuple[str, int]] = []

    def look(item: str) -> None:
        seen.append((item, source.runs[0].produced))

    await sink(source.observable, on_item=look)
    assert seen == [("a", 1), ("b", 2)]


@pytest.mark.parametrize("sink", [rxs.collect, rxs.to_list])
async def test_the_stream_waits_for_an_async_on_item(sink: Any) -> None:
    source = Source(["a", "b", "c"])
    seen: list[tuple[str, int]] = []

    async def look(item: str) -> None:
        for _ in range(5):
            await checkpoint()
        seen.append((item, source.runs[0].produced))

    await sink(source.observable, on_item=look)
    assert seen == [("a", 1), ("b", 2), ("c", 3)]


@pytest.mark.parametrize("sink", [rxs.collect, rxs.to_list])
async def test_an_exception_of_on_item_closes_the_source_and_comes_unchanged(sink: Any) -> None:
    source = Source(["a", "b"])
    mine = ZeroDivisionError("mine")

    def fail(_: Any) -> None:
        raise mine

    with pytest.raises(ZeroDivisionError) as caught:
        await sink(source.observable, on_item=fail)
    assert caught.value is mine
    assert source.closed == [1]


async def test_items_that_are_no_text_are_refused_and_the_source_is_closed() -> None:
    source = Source(["a", 7])
    with pytest.raises(
        TypeError, match=r"expects str or StreamChunk items, and got int: 7\. .*to_list\(\)\."
    ):
        await rxs.collect(source.observable)
    assert source.closed == [1]


async def test_a_list_takes_items_of_any_kind() -> None:
    assert await rxs.to_list(rxs.from_stream([1, 2]).pipe(ops.map(str))) == ["1", "2"]


@pytest.mark.parametrize("sink", [rxs.collect, rxs.to_list])
async def test_the_streams_error_is_raised(sink: Any) -> None:
    with pytest.raises(rxs.ConnectionLost) as caught:
        await sink(rxs.from_recording("19-server-killed", speed=None))
    assert caught.value.partial.content


async def test_at_a_restart_what_had_come_is_dropped_and_the_hook_is_told() -> None:
    again = rxs.Restarted(2)
    stale = [StreamChunk("old", "length"), StreamChunk("", usage=Usage(9, 9, 18))]
    told: list[Any] = []
    restarted: Any = rxs.from_stream(lambda: [*stale, again, *ANSWER])
    result = await rxs.collect(restarted, on_item=told.append)
    assert result == await rxs.collect(rxs.from_stream(ANSWER))
    assert told == [*stale, again, *ANSWER]
    assert await rxs.collect(restarted) == result

    told.clear()
    words: Any = rxs.from_stream(["a", "b", again, "c"])
    assert await rxs.to_list(words, on_item=told.append) == ["c"]
    assert told == ["a", "b", again, "c"]
