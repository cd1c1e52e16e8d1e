from rxstream.items import StreamChunk, StreamResult, ToolCall, ToolCallDelta, Usage
from rxstream.sansio.answer import Answer, add_usage


def answer(*chunks: StreamChunk) -> Answer:
    whole = Answer()
    for chunk in chunks:
        whole.add(chunk)
    return whole


def calls(*deltas: ToolCallDelta) -> list[ToolCall]:
    return answer(*(StreamChunk("", tool_calls=(delta,)) for delta in deltas)).result().tool_calls


def test_without_chunks_the_result_is_empty() -> None:
    assert Answer().result() == StreamResult("")
    assert Answer().finish_reasons == {}


def test_text_is_joined_and_the_rest_is_the_last_that_came() -> None:
    whole = answer(
        StreamChunk("", role="assistant", model="m"),
        StreamChunk("", reasoning="hm", model="m"),
        StreamChunk("", reasoning=", yes"),
        StreamChunk("Hel"),
        StreamChunk("lo"),
        StreamChunk("", finish_reason="stop", model="m2"),
        StreamChunk("", usage=Usage(1, 2, 3)),
    )
    assert whole.result() == StreamResult(
        "Hello", finish_reason="stop", total_tokens=3, usage=Usage(1, 2, 3), reasoning="hm, yes", model="m2"
    )


def test_the_chunks_are_the_callers() -> None:
    chunks = [StreamChunk("a")]
    assert answer(*chunks).result(chunks=chunks).chunks is chunks
    assert answer(*chunks).result().chunks == []


def test_choices_are_kept_apart() -> None:
    whole = answer(
        StreamChunk("a", choice=1, model="m"),
        StreamChunk("b", choice=0),
        StreamChunk("c", choice=1, finish_reason="stop"),
    )
    assert whole.result().content == "b"
    assert whole.result(1).content == "ac"
    assert whole.result(1).model == "m"
    assert whole.result(2).content == ""
    assert whole.finish_reasons == {0: None, 1: "stop"}


def test_what_came_of_each_choice_is_there_in_pieces() -> None:
    whole = answer(
        StreamChunk("a", choice=1, refusal="n"),
        StreamChunk("b", choice=1, reasoning="hm", refusal="o"),
        StreamChunk("", usage=Usage(1, 2, 3)),
    )
    (choice,) = whole.choices.values()
    assert [*whole.choices] == [1]
    assert (choice.content, choice.reasoning, choice.refusal) == (["a", "b"], ["hm"], ["n", "o"])
    assert (choice.calls.all, choice.finish_reason, choice.model) == ([], None, None)


def test_a_refusal_alone_is_of_a_choice() -> None:
    assert answer(StreamChunk("", refusal="no")).choices[0].refusal == ["no"]


def test_to_ask_for_a_choice_that_has_not_come_makes_none() -> None:
    whole = Answer()
    whole.result(3)
    assert whole.choices == {}


def test_a_model_named_outside_the_choices_will_do() -> None:
    assert answer(StreamChunk("", model="m"), StreamChunk("a")).result().model == "m"


def test_with_one_choice_the_last_usage_counts() -> None:
    whole = answer(
        StreamChunk("a", usage=Usage(5, 1, 6)),
        StreamChunk("b", usage=Usage(5, 2, 7)),
        StreamChunk("", usage=Usage(5, 3, 8)),
        StreamChunk("", finish_reason="stop"),
    )
    assert whole.usage == Usage(5, 3, 8)


def test_a_usage_may_come_before_any_choice() -> None:
    assert answer(StreamChunk("", usage=Usage(5, 3, 8)), StreamChunk("a")).usage == Usage(5, 3, 8)


def test_with_several_choices_usages_that_come_alone_add_up() -> None:
    whole = answer(
        StreamChunk("a", choice=0),
        StreamChunk("", usage=Usage(5, 1, 6, 2, 1)),
        StreamChunk("b", choice=1),
        StreamChunk("", usage=Usage(5, 3, 8, 1, 2)),
    )
    assert whole.usage == Usage(10, 4, 14, 3, 3)
    assert whole.result(1).total_tokens == 14


def test_with_several_choices_a_usage_that_rides_on_one_is_the_sum_so_far() -> None:
    whole = answer(
        StreamChunk("a", choice=0, usage=Usage(5, 1, 6)),
        StreamChunk("b", choice=1, usage=Usage(5, 2, 7)),
    )
    assert whole.usage == Usage(5, 2, 7)
    whole.add(StreamChunk("", usage=Usage(5, 3, 8)))
    assert whole.usage == Usage(5, 3, 8)


def test_what_was_paid_for_twice_is_added_up() -> None:
    one, other = Usage(1, 2, 3, 4, 5), Usage(10, 20, 30, 40, 50, estimated=True)
    assert add_usage(one, other) == add_usage(other, one) == Usage(11, 22, 33, 44, 55, estimated=True)
    assert add_usage(one, one) == Usage(2, 4, 6, 8, 10)
    assert one == Usage(1, 2, 3, 4, 5)


def test_calls_are_put_together_by_index() -> None:
    assert calls(
        ToolCallDelta(0, "a", "f", "{"),
        ToolCallDelta(1, "b", "g", "["),
        ToolCallDelta(0, arguments="}"),
        ToolCallDelta(1, arguments="]"),
    ) == [ToolCall("a", "f", "{}", 0), ToolCall("b", "g", "[]", 1)]


def test_a_new_id_starts_a_call_though_the_index_is_the_same() -> None:
    assert calls(
        ToolCallDelta(0, "a", "f", "1"),
        ToolCallDelta(0, "b", "g", "2"),
        ToolCallDelta(0, arguments="3"),
    ) == [ToolCall("a", "f", "1", 0), ToolCall("b", "g", "23", 1)]


def test_without_an_index_a_delta_belongs_to_the_last_call() -> None:
    assert calls(
        ToolCallDelta(None, "a", "f", "1"),
        ToolCallDelta(None, arguments="2"),
        ToolCallDelta(None, "b", "g", "3"),
        ToolCallDelta(None, arguments="4"),
    ) == [ToolCall("a", "f", "12", 0), ToolCall("b", "g", "34", 1)]


def test_an_id_and_a_name_may_come_again_with_every_delta() -> None:
    assert calls(
        ToolCallDelta(0, "a", "f", "1"),
        ToolCallDelta(1, "b", "g", "2"),
        ToolCallDelta(0, "a", "f", "3"),
        ToolCallDelta(None, "a", "f", "4"),
    ) == [ToolCall("a", "f", "134", 0), ToolCall("b", "g", "2", 1)]


def test_an_id_may_come_late_and_not_at_all() -> None:
    assert calls(
        ToolCallDelta(0, None, None, "1"),
        ToolCallDelta(0, "a", "f", "2"),
        ToolCallDelta(3, None, "g", "3"),
    ) == [ToolCall("a", "f", "12", 0), ToolCall(None, "g", "3", 1)]
    assert calls(ToolCallDelta(None, None, None, "1")) == [ToolCall(None, "", "1", 0)]
