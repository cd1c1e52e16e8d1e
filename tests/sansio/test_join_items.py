from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxstream.items import Restarted, StreamChunk, StreamResult, ToolCallDelta, Usage
from rxstream.sansio.answer import Answer
from rxstream.sansio.join_items import Joined

ONE, TWO = Usage(1, 1, 2), Usage(2, 2, 4)


def join(*items: Any) -> Any:
    joined = Joined(items[0])
    for item in items[1:]:
        assert joined.add(item)
    return joined.value()


def call(arguments: str = "", index: int | None = 0, **names: str) -> ToolCallDelta:
    return ToolCallDelta(index, names.get("id"), names.get("name"), arguments)


@pytest.mark.parametrize(
    ("items", "whole"),
    [
        (["a"], "a"),
        (["a", "", "bc"], "abc"),
        ([b"a", b"bc"], b"abc"),
        ([StreamChunk("a", index=3), StreamChunk("b", index=4)], StreamChunk("ab", index=3)),
    ],
    ids=["one", "str", "bytes", "chunks"],
)
def test_text_runs_together(items: list[Any], whole: Any) -> None:
    assert join(*items) == whole


def test_one_piece_stays_the_very_same() -> None:
    item = object()
    assert join(item) is item


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a", b"a"),
        (b"a", "a"),
        ("a", StreamChunk("a")),
        (StreamChunk("a"), "a"),
        (1, 1),
        ({"a": 1}, {"b": 2}),
        (None, None),
        (bytearray(b"a"), bytearray(b"b")),
        ("a", Restarted(2)),
        (Restarted(2), Restarted(3)),
        (Restarted(2), "a"),
        (StreamChunk("a"), StreamChunk("b", choice=1)),
        (StreamChunk("a", "stop"), StreamChunk("b")),
        (StreamChunk("a", "stop"), StreamChunk("", reasoning="b")),
        (StreamChunk("a", "stop"), StreamChunk("", "stop")),
        (StreamChunk("a", "stop"), StreamChunk("", role="assistant")),
        (StreamChunk("a", "stop", usage=ONE), StreamChunk("", usage=TWO)),
        (StreamChunk("a", usage=ONE), StreamChunk("b", usage=TWO)),
        (StreamChunk("a"), StreamChunk("", usage=ONE)),
        (StreamChunk("", usage=ONE), StreamChunk("a")),
        (StreamChunk("a"), StreamChunk("", reasoning="b")),
        (StreamChunk("", tool_calls=(call("{"),)), StreamChunk("a")),
        (StreamChunk("", tool_calls=(call("{"),)), StreamChunk("", refusal="a")),
    ],
    ids=str,
)
def test_what_cannot_be_joined_is_not_taken(first: Any, second: Any) -> None:
    joined = Joined(first)
    assert not joined.add(second)
    assert joined.value() is first


def test_what_was_refused_hinders_nothing_behind_it() -> None:
    joined = Joined(StreamChunk("a"))
    assert not joined.add(StreamChunk("b", "stop", choice=1, usage=ONE))
    assert joined.add(StreamChunk("c", "length", usage=TWO))
    assert joined.value() == StreamChunk("ac", "length", usage=TWO)


def test_all_of_a_chunk_is_kept() -> None:
    assert join(
        StreamChunk("", index=7, model="early", role="assistant", id="1", raw={}, reasoning="Hm"),
        StreamChunk("", reasoning="m", model="late"),
        StreamChunk("Yes", refusal="N"),
        StreamChunk("!", "stop", usage=ONE, id="2", refusal="o", raw={}),
        StreamChunk(""),
    ) == StreamChunk(
        "Yes!", "stop", 7, "late", 0, "Hmm", usage=ONE, role="assistant", id="2", refusal="No", logprobs=None
    )


def test_the_provider_s_event_says_something_else() -> None:
    assert join(StreamChunk("a", raw={"a": 1}), StreamChunk("", raw={"b": 1})).raw is None


def test_tool_calls_keep_their_order_and_the_arguments_of_one_run_together() -> None:
    pieces = [
        (call(id="x", name="f"), call("{")),
        (call('"a"'), call(":1}")),
        (call("{", 1, id="y"), call("[", 0)),
        (call("]", 0, name="f"),),
    ]
    whole = join(*[StreamChunk("", tool_calls=deltas) for deltas in pieces])
    assert whole.tool_calls == (
        call(id="x", name="f"),
        call('{"a":1}'),
        call("{", 1, id="y"),
        call("[", 0),
        call("]", 0, name="f"),
    )


def test_a_tool_call_comes_behind_the_text() -> None:
    assert join(StreamChunk("a"), StreamChunk("", tool_calls=(call("{"),))) == StreamChunk(
        "a", tool_calls=(call("{"),)
    )


def test_logprobs_are_put_in_a_row() -> None:
    first, second = {"content": [1, 2], "refusal": None}, {"content": [3], "refusal": None}
    whole = join(StreamChunk("a", logprobs=first), StreamChunk(""), StreamChunk("b", logprobs=second))
    assert whole.logprobs == {"content": [1, 2, 3], "refusal": None}
    assert first == {"content": [1, 2], "refusal": None}
    assert join(StreamChunk("a", logprobs=first), StreamChunk("")).logprobs is first
    late = join(StreamChunk("a", logprobs={"content": None}), StreamChunk("b", logprobs=second))
    assert late.logprobs == second
    odd = join(StreamChunk("a", logprobs={"content": 1}), StreamChunk("b", logprobs=second))
    assert odd.logprobs == {"content": 1, "refusal": None}


CHUNKS = st.builds(
    StreamChunk,
    st.sampled_from(["", "a", "bc"]),
    st.sampled_from([None, None, None, "stop", "length"]),
    choice=st.sampled_from([0, 0, 0, 1]),
    reasoning=st.sampled_from(["", "", "r"]),
    tool_calls=st.lists(
        st.builds(
            ToolCallDelta,
            st.sampled_from([None, 0, 1]),
            st.sampled_from([None, None, "x", "y"]),
            st.sampled_from([None, None, "f", "g"]),
            st.sampled_from(["", " ", "{", "}", "{}"]),
        ),
        max_size=2,
    ).map(tuple),
    usage=st.sampled_from([None, None, ONE, TWO]),
    role=st.sampled_from([None, None, "assistant"]),
    model=st.sampled_from([None, "m", "n"]),
)


def answers(chunks: list[StreamChunk]) -> list[StreamResult]:
    answer = Answer()
    for chunk in chunks:
        answer.add(chunk)
    return [answer.result(choice) for choice in (0, 1)]


@given(st.lists(CHUNKS, max_size=12))
def test_the_answer_is_the_same_however_much_is_joined(chunks: list[StreamChunk]) -> None:
    joined: list[Joined] = []
    for chunk in chunks:
        if not joined or not joined[-1].add(chunk):
            joined.append(Joined(chunk))
    assert answers([one.value() for one in joined]) == answers(chunks)
