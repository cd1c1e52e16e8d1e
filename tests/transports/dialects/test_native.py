"""The dialect of our own: every item of ours comes back as it was."""

import logging
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rxstream as rxs
from rxstream.errors import MalformedStream, ProviderError, StreamTruncated
from rxstream.items import Restarted, SSEEvent, StreamChunk, Tagged, ToolCallDelta, Usage
from rxstream.transports.dialects.native import NATIVE
from tests.transports.dialects.laws import (
    TEXTS,
    USAGES,
    answers,
    check_answer,
    check_ends,
    read_back,
    written,
)

DELTAS = st.builds(
    ToolCallDelta, st.none() | st.integers(0, 3), st.none() | st.just("id"), st.none() | st.just("f"), TEXTS
)
ANY_TEXT = TEXTS | st.sampled_from(["\ud800", "a\udfffb"])
CHUNKS = st.builds(
    StreamChunk,
    ANY_TEXT,
    st.none() | st.just("stop"),
    model=st.none() | st.sampled_from(["m", "n"]),
    choice=st.integers(0, 2),
    reasoning=ANY_TEXT,
    tool_calls=st.lists(DELTAS, max_size=2).map(tuple),
    usage=st.none() | USAGES | st.just(Usage(1, 2, 3, 4, 5, estimated=True)),
    role=st.none() | st.just("assistant"),
    id=st.none() | st.sampled_from(["a", "b"]),
    refusal=ANY_TEXT,
    logprobs=st.none() | st.just({"content": [{"token": "a", "logprob": -0.5}]}),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(CHUNKS, max_size=6))
def test_chunks_come_back_whole(chunks: list[StreamChunk]) -> None:
    numbered = [replace(chunk, index=index) for index, chunk in enumerate(chunks)]
    assert read_back(NATIVE, written(NATIVE, numbered)) == numbered


@given(st.lists(ANY_TEXT | VALUES.filter(lambda value: not isinstance(value, str)), max_size=5))
def test_texts_and_objects_come_back(items: list[Any]) -> None:
    assert read_back(NATIVE, written(NATIVE, items)) == items
    tagged = [Tagged(number if number % 2 else "name", item) for number, item in enumerate(items)]
    assert read_back(NATIVE, written(NATIVE, tagged)) == tagged
    nested = [Tagged("outer", Tagged(0, item)) for item in tagged]
    assert read_back(NATIVE, written(NATIVE, nested)) == nested


@given(answers())
def test_an_answer_comes_back(chunks: list[StreamChunk]) -> None:
    check_answer(NATIVE, chunks)
    check_ends(NATIVE, chunks)


def test_on_the_wire_it_is_what_the_readme_says() -> None:
    chunks = [
        StreamChunk("Hi", model="m", id="x"),
        StreamChunk(" you", model="m", id="x", finish_reason="stop"),
    ]
    assert written(NATIVE, [*chunks, "word", {"a": 1}, Restarted(2)]) == [
        ("chunk", '{"content":"Hi","finish_reason":null,"model":"m","id":"x"}'),
        ("chunk", '{"content":" you","finish_reason":"stop"}'),
        ("chunk", '{"item":"word"}'),
        ("chunk", '{"object":{"a":1}}'),
        ("restart", '{"attempt":2}'),
        ("done", '{"done":true}'),
    ]
    assert written(NATIVE, [], "stop") == [("done", '{"done":true,"stopped":true}')]


def test_a_restart_is_told_and_what_came_before_it_is_void() -> None:
    decoder = NATIVE.decoder()
    items = [
        *decoder.feed(SSEEvent('{"item":"a"}', "chunk")),
        *decoder.feed(SSEEvent('{"attempt":2}', "restart")),
    ]
    items += decoder.feed(SSEEvent('{"item":"b"}', "chunk"))
    assert items == ["a", Restarted(2), "b"]
    assert decoder.partial().content == "b"


def test_a_subclass_of_a_chunk_is_one() -> None:
    class Mine(StreamChunk):
        """A chunk of somebody's own."""

    assert written(NATIVE, [Mine("a")])[0] == ("chunk", '{"content":"a","finish_reason":null}')


def test_an_event_of_a_later_version_is_passed_over() -> None:
    assert list(NATIVE.decoder().feed(SSEEvent("{}", "something"))) == []


def test_a_gap_is_a_truncation() -> None:
    decoder = NATIVE.decoder()
    list(decoder.feed(SSEEvent('{"item":"a"}', "chunk")))
    with pytest.raises(StreamTruncated, match="events 2 to 5") as caught:
        list(decoder.feed(SSEEvent('{"first":2,"last":5}', "gap")))
    assert caught.value.partial.content == "a"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("nonsense", "expected JSON"),
        ("[]", "expected a JSON object"),
        ("{}", "expected content, item or object"),
        ('{"content":1}', "expected content to be a string"),
        ('{"content":"","finish_reason":1}', "expected finish_reason"),
        ('{"content":"","choice":"a","x":1}', "expected an integer"),
        ('{"content":"","x":0,"tool_calls":"x"}', "expected tool_calls"),
        ('{"content":"","x":0,"tool_calls":[1]}', "expected tool_calls"),
        ('{"content":"","x":0,"tool_calls":[{"index":"a"}]}', "index of a tool call"),
        ('{"content":"","x":0,"usage":1}', "expected usage"),
        ('{"content":"","x":0,"usage":{"total_tokens":"a"}}', "expected an integer"),
        ('{"content":"","x":0,"logprobs":1}', "expected logprobs"),
        ('{"object":NaN}', "expected JSON"),
    ],
)
def test_what_is_none_of_it_is_said_so(data: str, words: str) -> None:
    decoder = NATIVE.decoder()
    list(decoder.feed(SSEEvent('{"item":"a"}', "chunk")))
    with pytest.raises(MalformedStream, match=words) as caught:
        list(decoder.feed(SSEEvent(data, "chunk")))
    assert caught.value.partial.content == "a"


def test_an_unknown_error_is_nobodys_business(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "rxstream"):
        frames = written(NATIVE, [], ValueError("the password is 1234"))
    assert frames == [("error", '{"error":{"message":"internal error","type":"internal_error","code":null}}')]
    assert "1234" in caplog.text
    with pytest.raises(ProviderError, match="internal error"):
        read_back(NATIVE, frames)


def test_what_has_no_form_is_refused() -> None:
    with pytest.raises(TypeError, match="expected an item that can be written as JSON, got object"):
        written(NATIVE, [object()])


def test_every_item_of_ours_has_a_form() -> None:
    text = 'say ```py\nx\n``` <a>t</a> {"k": [1, 2]}'
    source = rxs.from_stream(lambda: [text])
    for operator in (
        rxs.parse_json(),
        rxs.parse_code_blocks(partial=True),
        rxs.parse_markdown(),
        rxs.parse_tags("a"),
    ):
        items = rxs.run(source.pipe(operator))
        assert items
        assert len(written(NATIVE, items)) == len(items) + 1
    calls = rxs.run(
        rxs.from_recording("07-tool-calls-parallel", speed=None).pipe(rxs.parse_tool_calls(partial=True))
    )
    assert len(written(NATIVE, calls)) == len(calls) + 1
    partial = rxs.run(rxs.from_stream(['{"k": [1']).pipe(rxs.parse_partial_json()))
    assert '"path":["k"]' in written(NATIVE, partial)[1][1]
