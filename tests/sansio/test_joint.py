import json
from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from rxstream.errors import AnswerChanged
from rxstream.items import Restarted, StreamChunk, ToolCall, ToolCallDelta, Usage
from rxstream.sansio.answer import Answer
from rxstream.sansio.delivered import Delivered
from rxstream.sansio.joint import Aligned, Continued, Joint, PassedOn
from rxstream.sansio.json_grammar import KEY_STRING, Broken, Grammar
from rxstream.sansio.seam import Seam, safe_prefix
from rxstream.testing import chunkings
from tests.sansio.tool_calls import SERVERS, VALUES, WHITE, Server, Whole, calls, sent

# ---------------------------------------------------------------- answers, as they are asked for twice

TEXTS = st.text("ab \n👩\u200d", max_size=12)
KINDS = ("reasoning", "content", "refusal")
#: Where neither ids nor indices tell calls apart, white space between two of them may belong to either.
ARGUMENTS = st.sampled_from(["{}", '{"a": "b }"}', "[[1], {}]", '"{"', '{"x": {"y": null}}'])
SPACED = st.tuples(WHITE, ARGUMENTS, WHITE).map("".join)


@dataclass(frozen=True)
class Said:
    """What is said in one choice, however it is cut into chunks."""

    reasoning: str
    content: str
    refusal: str
    _: KW_ONLY
    calls: list[Whole]
    server: Server
    reason: str | None = None


def calls_of(server: Server) -> st.SearchStrategy[list[Whole]]:
    is_told = server.ids != "never" or server.index not in {"zero", "none"}
    return calls(SPACED if is_told else ARGUMENTS)


@st.composite
def choices(draw: st.DrawFn) -> Said:
    server = draw(st.sampled_from(SERVERS))
    texts = [draw(TEXTS) for _ in KINDS]
    wholes = draw(st.one_of(st.builds(list[Whole]), calls_of(server)))
    return Said(*texts, calls=wholes, server=server, reason=draw(st.sampled_from(["stop", "length"])))


@st.composite
def deltas_of(draw: st.DrawFn, said: Said, attempt: int) -> list[ToolCallDelta]:
    """The calls in pieces, with ids of this attempt; they begin in their order."""
    order, deltas = draw(sent(said.server, said.calls))
    begun = list(dict.fromkeys(order))
    assume(begun == sorted(begun))
    return [replace(delta, id=delta.id and f"{delta.id}/{attempt}") for delta in deltas]


def as_field(name: str, value: Any) -> dict[str, Any]:
    return {name: value}


@st.composite
def chunks_of(draw: st.DrawFn, answer: Sequence[Said], attempt: int) -> list[StreamChunk]:
    """An answer as one attempt brings it: cut anywhere, its choices in turn, the usage at the end."""
    streams: list[list[StreamChunk]] = []
    for number, said in enumerate(answer):
        stream = [StreamChunk("", choice=number, role="assistant")]
        for kind in KINDS:
            text: str = getattr(said, kind)
            pieces = draw(chunkings(text))
            stream += [replace(StreamChunk("", choice=number), **as_field(kind, piece)) for piece in pieces]
        deltas = draw(deltas_of(said, attempt)) if said.calls else []
        while deltas:
            several = draw(st.integers(1, 3))
            stream.append(StreamChunk("", choice=number, tool_calls=tuple(deltas[:several])))
            deltas = deltas[several:]
        if draw(st.booleans()):
            stream.append(StreamChunk("", said.reason, choice=number))
        else:
            stream[-1] = replace(stream[-1], finish_reason=said.reason)
        streams.append(stream)
    turns = draw(st.permutations([number for number, stream in enumerate(streams) for _ in stream]))
    rest = [iter(stream) for stream in streams]
    return [*(next(rest[number]) for number in turns), StreamChunk("", usage=Usage(1, 2, 3))]


def delivered_of(items: Iterable[Any]) -> Delivered:
    delivered = Delivered()
    for item in items:
        delivered.add(item)
    return delivered


def pass_through(joint: Joint, delivered: Delivered, items: Iterable[Any]) -> list[Any]:
    """Feed another attempt; what comes out is delivered, too."""
    out: list[Any] = []
    for item in items:
        for rest in joint.feed(item):
            delivered.add(rest)
            out.append(rest)
    for rest in joint.close():
        delivered.add(rest)
        out.append(rest)
    return out


def whole(answer: Answer) -> Any:
    """What is to be the same of an answer, whatever its ids are."""
    return (
        answer.usage,
        answer.finish_reasons,
        [
            (
                number,
                "".join(choice.reasoning),
                "".join(choice.content),
                "".join(choice.refusal),
                [(call.name, "".join(call.arguments)) for call in choice.calls.all],
            )
            for number, choice in sorted(answer.choices.items())
        ],
    )


# ---------------------------------------------------------------- the same answer once more


@given(st.lists(choices(), min_size=1, max_size=2), st.booleans(), st.data())
def test_delivered_and_let_through_are_one_answer(
    answer: list[Said], strict: bool, data: st.DataObject
) -> None:
    first = data.draw(chunks_of(answer, 1))
    again = data.draw(chunks_of(answer, 2))
    had = first[: data.draw(st.integers(0, len(first) - 1))]
    delivered = delivered_of(had)
    before = {
        (number, call.index): call.id
        for number, choice in delivered.answer.choices.items()
        for call in choice.calls.all
    }
    out = pass_through(Aligned(delivered, strict=strict), delivered, again)
    expected = delivered_of(again).answer
    assert whole(delivered.answer) == whole(expected)
    # The ids are those that the reader had first.
    for number in expected.choices:
        both = (delivered.answer.result(number).tool_calls, expected.result(number).tool_calls)
        for mine, its in zip(*both, strict=True):
            assert mine.id == (before.get((number, mine.index)) or its.id)
    # And each choice ends once.
    assert sorted(chunk.choice for chunk in [*had, *out] if chunk.finish_reason) == sorted(expected.choices)


@pytest.mark.parametrize("server", SERVERS, ids=str)
@settings(max_examples=40)  # for each of the servers, of which there are many
@given(data=st.data())
def test_tool_calls_go_on_whatever_their_server_leaves_out(server: Server, data: st.DataObject) -> None:
    said = Said("", "", "", calls=data.draw(calls_of(server)), server=server)
    first = [StreamChunk("", tool_calls=(delta,)) for delta in data.draw(deltas_of(said, 1))]
    again = [StreamChunk("", tool_calls=(delta,)) for delta in data.draw(deltas_of(said, 2))]
    delivered = delivered_of(first[: data.draw(st.integers(0, len(first)))])
    pass_through(Aligned(delivered), delivered, again)
    found = delivered.answer.result().tool_calls
    assert [(call.name, call.arguments) for call in found] == [
        (one.name, one.arguments) for one in said.calls
    ]


def test_what_is_new_passes_as_it_is() -> None:
    delivered = delivered_of([StreamChunk("ab")])
    aligned = Aligned(delivered)
    logprobs = {"content": "x"}
    assert list(aligned.feed(StreamChunk("a", raw="r", logprobs=logprobs))) == []
    # What is left of a chunk says nothing of what was dropped.
    (rest,) = aligned.feed(
        StreamChunk("bc", None, 3, "m", raw="r", role="assistant", id="i", logprobs=logprobs)
    )
    assert rest == StreamChunk("c", None, 3, "m", role="assistant", id="i")
    assert rest.raw is None
    chunk = StreamChunk("d", raw="r", logprobs=logprobs, reasoning="t", refusal="r")
    assert list(aligned.feed(chunk)) == [chunk]
    last = StreamChunk("", "stop", usage=Usage(1, 2, 3))
    assert next(iter(aligned.feed(last))) is last


def test_a_chunk_that_says_nothing_new_is_dropped_unless_it_carries_more() -> None:
    aligned = Aligned(delivered_of([StreamChunk("ab", reasoning="t")]))
    assert list(aligned.feed(StreamChunk("", reasoning="t"))) == []
    assert list(aligned.feed(StreamChunk("a", usage=Usage(1, 1, 2)))) == [
        StreamChunk("", usage=Usage(1, 1, 2))
    ]
    assert list(aligned.feed(StreamChunk("b", "stop"))) == [StreamChunk("", "stop")]
    assert list(aligned.close()) == []


def changed_by(joint: Joint, *items: Any) -> AnswerChanged:
    """Feed what is another answer; nothing of it may come out, and give the error."""
    *before, last = items
    for item in before:
        assert list(joint.feed(item)) == []
    with pytest.raises(AnswerChanged) as caught:
        list(joint.close() if last is None else joint.feed(last))
    return caught.value


@given(st.lists(choices(), min_size=1, max_size=2), st.data())
def test_another_text_never_comes_through(answer: list[Said], data: st.DataObject) -> None:
    first = data.draw(chunks_of(answer, 1))
    delivered = delivered_of(first[: data.draw(st.integers(0, len(first) - 1))])
    had = {
        (number, kind): "".join(getattr(choice, kind))
        for number, choice in delivered.answer.choices.items()
        for kind in KINDS
    }
    told = [channel for channel, text in had.items() if text]
    assume(told)
    number, kind = channel = data.draw(st.sampled_from(told))
    place = data.draw(st.integers(0, len(had[channel]) - 1))
    text = getattr(answer[number], kind)
    other = data.draw(st.sampled_from(["", "#", "#" + text[place:]]))
    changed = [*answer]
    changed[number] = replace(answer[number], **{kind: text[:place] + other})
    aligned = Aligned(delivered, strict=True)
    with pytest.raises(AnswerChanged) as caught:
        pass_through(aligned, delivered, data.draw(chunks_of(changed, 2)))
    assert "".join(getattr(delivered.answer.choices[number], kind)) == had[channel]
    if other:
        assert caught.value.delivered == had[channel][place:]
        assert caught.value.came.startswith("#")
    else:
        assert (caught.value.delivered, caught.value.came) == (had[channel][place:], "")


@pytest.mark.parametrize(
    ("again", "what", "delivered", "came"),
    [
        ([StreamChunk("Hellas")], "the content", "o", "as"),
        ([StreamChunk("He"), StreamChunk("Llo, you")], "the content", "llo", "Llo, you"),
        ([StreamChunk("Hell", "stop")], "the content", "o", ""),
        ([StreamChunk("Hell"), None], "the content", "o", ""),
        ([None], "the content", "Hello", ""),
        ([StreamChunk("", refusal="No")], "the refusal", "no", "No"),
        ([StreamChunk("Hello", "stop")], "the refusal", "no", ""),
        ([StreamChunk("Hello", refusal="no"), None], "the tool calls", "f", ""),
        (
            [StreamChunk("Hello", "stop", refusal="no", tool_calls=(ToolCallDelta(0, "x", "f", "{"),))],
            "the arguments of f()",
            '"a',
            "",
        ),
        (
            [StreamChunk("", tool_calls=(ToolCallDelta(0, "x", "f", '{"b": 1'),))],
            "the arguments of f()",
            "a",
            'b": 1',
        ),
        ([StreamChunk("", tool_calls=(ToolCallDelta(0, "x", "g", ""),))], "the tool calls", "f", "g"),
    ],
)
def test_an_error_says_where_the_answer_is_another_one(
    again: list[Any], what: str, delivered: str, came: str
) -> None:
    call = ToolCallDelta(0, "a", "f", '{"a')
    had = delivered_of([StreamChunk("Hello", refusal="no", reasoning="hm", tool_calls=(call,))])
    error = changed_by(Aligned(had), *again)
    assert (error.delivered, error.came) == (delivered, came)
    got = f"got {came!r}" if came else "got the end"
    assert str(error) == (
        f"the answer is another one this time: of {what}, {delivered!r} had been delivered, and {got}. "
        'With resume="restart" the reader is told to begin anew instead.'
    )


# ---------------------------------------------------------------- thoughts


HM = (StreamChunk("", reasoning="hm, "), StreamChunk("", reasoning="yes"), StreamChunk("Hel"))


def test_other_thoughts_are_dropped_and_the_answer_comes() -> None:
    delivered = delivered_of(HM)
    again = [
        StreamChunk("", reasoning="hm"),
        StreamChunk("", reasoning=", well, "),
        StreamChunk("", reasoning="yes, or"),
        StreamChunk("Hello"),
        StreamChunk("", "stop", reasoning="!"),
    ]
    assert pass_through(Aligned(delivered), delivered, again) == [StreamChunk("lo"), StreamChunk("", "stop")]
    assert delivered.answer.result().reasoning == "hm, yes"


def test_other_thoughts_are_dropped_though_they_go_on_as_before() -> None:
    delivered = delivered_of(HM[:2])
    again = [StreamChunk("", reasoning=piece) for piece in ("hm", "? ", ", yes", ", well")]
    assert pass_through(Aligned(delivered), delivered, [*again, StreamChunk("Hi")]) == [StreamChunk("Hi")]


def test_shorter_thoughts_do() -> None:
    delivered = delivered_of(HM)
    assert pass_through(
        Aligned(delivered), delivered, [StreamChunk("", reasoning="hm"), StreamChunk("Hell")]
    ) == [StreamChunk("l")]


def test_longer_thoughts_are_dropped_where_the_answer_had_begun() -> None:
    delivered = delivered_of(HM)
    again = [StreamChunk("", reasoning="hm, yes, or no"), StreamChunk("Hello")]
    assert pass_through(Aligned(delivered), delivered, again) == [StreamChunk("lo")]
    assert delivered.answer.result().reasoning == "hm, yes"


def test_thoughts_go_on_where_they_broke_off() -> None:
    for strict in (True, False):
        delivered = delivered_of(HM[:1])
        again = [StreamChunk("", reasoning="hm, yes"), StreamChunk("Hello"), StreamChunk("", reasoning="!")]
        out = pass_through(Aligned(delivered, strict=strict), delivered, again)
        assert out == [StreamChunk("", reasoning="yes"), *again[1:]]


def test_thoughts_behind_the_text_pass() -> None:
    delivered = delivered_of([*HM, StreamChunk("", reasoning="well")])
    again = [*HM, StreamChunk("", reasoning="well, "), StreamChunk("lo")]
    out = pass_through(Aligned(delivered, strict=True), delivered, again)
    assert out == [StreamChunk("", reasoning=", "), StreamChunk("lo")]


@pytest.mark.parametrize(
    ("again", "what", "told", "came"),
    [
        ([StreamChunk("", reasoning="hm? ")], "the reasoning, ', yes'", ", yes", "? "),
        ([StreamChunk("Hel", reasoning="hm"), None], "the reasoning, ', yes'", ", yes", ""),
        ([StreamChunk("", reasoning="hm, yes!")], "the reasoning, that", "", "!"),
    ],
)
def test_where_thoughts_must_be_the_same_others_are_another_answer(
    again: list[Any], what: str, told: str, came: str
) -> None:
    error = changed_by(Aligned(delivered_of(HM), strict=True), *again)
    assert (error.delivered, error.came) == (told, came)
    assert f"of {what} had been delivered, and got {repr(came) if came else 'the end'}. " in str(error)


# ---------------------------------------------------------------- choices that had ended


def test_a_choice_that_had_ended_stays_so() -> None:
    first = [StreamChunk("ab", choice=1), StreamChunk("", "stop", choice=1), StreamChunk("x")]
    delivered = delivered_of(first)
    again = [
        StreamChunk("xy"),
        StreamChunk("ab", "stop", choice=1),
        StreamChunk("", "stop", usage=Usage(1, 2, 3)),
        StreamChunk("", choice=1, reasoning="!"),
    ]
    assert pass_through(Aligned(delivered), delivered, again) == [StreamChunk("y"), again[2]]


@pytest.mark.parametrize(
    ("more", "came"),
    [
        (StreamChunk("abc", "stop"), "c"),
        (StreamChunk("ab", refusal="no"), "no"),
        (StreamChunk("ab", tool_calls=(ToolCallDelta(0, "a", "f", "{"),)), "{"),
        (StreamChunk("ab", tool_calls=(ToolCallDelta(0, "a", "f", ""),)), "f"),
    ],
)
def test_nothing_may_follow_an_end(more: StreamChunk, came: str) -> None:
    error = changed_by(Aligned(delivered_of([StreamChunk("ab", "stop")])), more)
    assert (error.delivered, error.came) == ("", came)
    assert f"of the end, that had been delivered, and got {came!r}" in str(error)


def test_thoughts_behind_an_end_are_another_answer_where_they_count() -> None:
    delivered = delivered_of([StreamChunk("ab", "stop")])
    error = changed_by(Aligned(delivered, strict=True), StreamChunk("ab", "stop", reasoning="hm"))
    assert error.came == "hm"


# ---------------------------------------------------------------- tool calls


def names(*deltas: ToolCallDelta) -> list[StreamChunk]:
    return [StreamChunk("", tool_calls=(delta,)) for delta in deltas]


def test_the_ids_that_were_delivered_stay() -> None:
    delivered = delivered_of(names(ToolCallDelta(0, "a", "f", '{"x'), ToolCallDelta(1, None, "g", "")))
    again = names(
        ToolCallDelta(0, "a2", "f", '{"x": 1}'),
        ToolCallDelta(1, "b2", "g", "{"),
        ToolCallDelta(2, "c2", "h", "["),
    )
    assert pass_through(Aligned(delivered), delivered, again) == names(
        ToolCallDelta(0, None, None, '": 1}'),
        ToolCallDelta(1, "b2", None, "{"),
        ToolCallDelta(2, "c2", "h", "["),
    )
    assert delivered.answer.result().tool_calls == [
        ToolCall("a", "f", '{"x": 1}', 0),
        ToolCall("b2", "g", "{", 1),
        ToolCall("c2", "h", "[", 2),
    ]


def test_an_id_or_a_name_may_come_late() -> None:
    delivered = delivered_of(names(ToolCallDelta(0, None, None, "1")))
    again = names(
        ToolCallDelta(0, None, None, "1"), ToolCallDelta(0, "a", None, ""), ToolCallDelta(0, None, "f", "")
    )
    assert pass_through(Aligned(delivered), delivered, again) == again[1:]
    assert delivered.answer.result().tool_calls == [ToolCall("a", "f", "1", 0)]


def test_a_piece_says_its_call_where_the_index_would_lead_to_another() -> None:
    # All have the index 0, and the pieces of two calls come in turn.
    first = names(ToolCallDelta(0, "a", "f", "[1"), ToolCallDelta(0, "b", "g", "[2"))
    delivered = delivered_of(first)
    again = names(
        ToolCallDelta(0, "a2", "f", "[1, 3]"),
        ToolCallDelta(0, "b2", "g", "[2, "),
        ToolCallDelta(0, "b2", "g", "4]"),
    )
    assert pass_through(Aligned(delivered), delivered, again) == names(
        ToolCallDelta(0, "a", None, ", 3]"),
        ToolCallDelta(0, "b", None, ", "),
        ToolCallDelta(0, None, None, "4]"),
    )


def test_a_piece_without_an_id_has_no_index_where_that_would_lead_to_another_call() -> None:
    # Here the index counts the pieces, and those are fewer the second time.
    first = names(
        ToolCallDelta(0, None, "f", "["),
        ToolCallDelta(1, None, None, "1"),
        ToolCallDelta(2, None, None, "]"),
        ToolCallDelta(3, None, "g", "["),
    )
    delivered = delivered_of(first)
    again = names(
        ToolCallDelta(0, None, "f", "[1]"),
        ToolCallDelta(1, None, "g", "["),
        ToolCallDelta(2, None, None, "2]"),
    )
    assert pass_through(Aligned(delivered), delivered, again) == names(ToolCallDelta(None, None, None, "2]"))
    assert [call.arguments for call in delivered.answer.result().tool_calls] == ["[1]", "[2]"]


def test_a_call_that_began_with_a_name_that_was_dropped_has_it() -> None:
    # A server that gives neither index nor id begins the next call of the same function with its bare name.
    first = names(ToolCallDelta(None, None, "f", "[1]"))
    again = [*first, *names(ToolCallDelta(None, None, "f", ""), ToolCallDelta(None, None, None, "[2]"))]
    delivered = delivered_of(first)
    assert pass_through(Aligned(delivered), delivered, again) == names(ToolCallDelta(None, None, "f", "[2]"))
    assert [call.arguments for call in delivered.answer.result().tool_calls] == ["[1]", "[2]"]


def test_the_first_name_of_a_call_stands() -> None:
    first = names(ToolCallDelta(0, "a", "f", "["), ToolCallDelta(0, "a", "f_x", "1"))
    delivered = delivered_of(first)
    again = names(ToolCallDelta(0, "b", "f", "["), ToolCallDelta(0, "b", "f_x", "1]"))
    assert pass_through(Aligned(delivered), delivered, again) == names(ToolCallDelta(0, None, None, "]"))


# ---------------------------------------------------------------- items without chunks


@given(st.text("ab", max_size=8), st.data())
def test_texts_without_chunks_are_aligned(text: str, data: st.DataObject) -> None:
    first, again = data.draw(chunkings(text)), data.draw(chunkings(text))
    delivered = delivered_of(first[: data.draw(st.integers(0, len(first)))])
    out = pass_through(Aligned(delivered), delivered, again)
    assert delivered.content == text
    assert all(out)


def test_another_text_without_chunks_is_another_answer() -> None:
    for again in (["He", "LP"], ["He", None], [None]):
        error = changed_by(Aligned(delivered_of(["Hel", "l"])), *again)
        assert error.delivered == ("Hell" if again == [None] else "ll")
        assert "of the text, " in str(error)


def test_texts_and_chunks_are_apart() -> None:
    first = [StreamChunk("ab"), "xy"]
    delivered = delivered_of(first)
    assert pass_through(Aligned(delivered), delivered, ["xyz", StreamChunk("abc")]) == ["z", StreamChunk("c")]


@given(st.lists(st.integers(), max_size=5), st.data())
def test_other_items_are_dropped_by_their_number(numbers: list[int], data: st.DataObject) -> None:
    delivered = delivered_of(numbers[: data.draw(st.integers(0, len(numbers)))])
    before = len(delivered.objects)
    assert pass_through(Aligned(delivered), delivered, numbers) == numbers[before:]
    assert delivered.objects == numbers


def test_another_item_is_another_answer() -> None:
    error = changed_by(Aligned(delivered_of([1, 2])), 1, 3)
    assert (error.delivered, error.came) == ("2", "3")
    assert "of the items, '2' had been delivered, and got '3'. " in str(error)
    error = changed_by(Aligned(delivered_of([1, 2])), 1, None)
    assert "of the items, '2' had been delivered, and got the end. " in str(error)


def test_what_says_nothing_passes() -> None:
    aligned = Aligned(delivered_of([None, 1]))
    restarted = Restarted(2)
    assert list(aligned.feed(None)) == [None]
    assert list(aligned.feed(restarted)) == [restarted]
    assert list(aligned.feed("")) == []
    assert list(aligned.feed(1)) == []


def test_what_was_delivered_counts_as_it_was_when_the_attempt_began() -> None:
    delivered = delivered_of([StreamChunk("a")])
    aligned = Aligned(delivered)
    assert pass_through(aligned, delivered, [StreamChunk("a"), StreamChunk("a"), StreamChunk("a")]) == [
        StreamChunk("a"),
        StreamChunk("a"),
    ]


# ---------------------------------------------------------------- the rest of an answer


def test_of_the_rest_the_thoughts_are_dropped_and_all_else_survives() -> None:
    call = ToolCallDelta(0, "a", "f", "{}")
    usage = Usage(1, 2, 3)
    again = [
        StreamChunk("", role="assistant", raw="r"),
        StreamChunk("", reasoning="hm"),
        StreamChunk("lo", reasoning="!", raw="r", model="m", index=2, id="i"),
        StreamChunk(" you", raw="r"),
        StreamChunk("", refusal="no", reasoning="x"),
        StreamChunk("", tool_calls=(call,)),
        StreamChunk("", "stop", usage=usage),
        StreamChunk("", usage=usage),
    ]
    delivered = delivered_of([StreamChunk("Hel")])
    out = pass_through(Continued(Seam("Hel")), delivered, again)
    assert out == [
        again[0],
        StreamChunk("lo", model="m", index=2, id="i"),
        again[3],
        StreamChunk("", refusal="no"),
        *again[5:],
    ]
    assert [chunk.raw for chunk in out] == ["r", None, "r", None, None, None, None]
    result = delivered.answer.result()
    assert (result.content, result.reasoning, result.finish_reason, result.usage) == (
        "Hello you",
        "",
        "stop",
        usage,
    )


def test_items_that_are_no_chunks_pass() -> None:
    assert list(Continued(Seam("a")).feed("a")) == ["a"]
    assert list(Continued(Seam("a")).close()) == []


def test_what_is_dropped_leaves_no_chunk() -> None:
    continued = Continued(Seam("Hel", " "))
    for piece in ("H", "el", " "):
        assert list(continued.feed(StreamChunk(piece, logprobs={}))) == []
    assert list(continued.feed(StreamChunk("!"))) == [StreamChunk("!")]


def test_what_was_held_comes_with_the_finish_reason_or_at_the_end() -> None:
    continued = Continued(Seam("Hello"))
    assert list(continued.feed(StreamChunk("He"))) == []
    assert list(continued.feed(StreamChunk("l", "stop", 2))) == [StreamChunk("Hel", "stop", 2)]
    assert list(continued.close()) == []

    continued = Continued(Seam("Hello"))
    assert list(continued.feed(StreamChunk("He", None, 1, "m", id="i", usage=Usage(1, 2, 3), raw="r"))) == [
        StreamChunk("", None, 1, "m", id="i", usage=Usage(1, 2, 3))
    ]
    (rest,) = continued.close()
    assert rest == StreamChunk("He", None, 1, "m", id="i")
    assert rest.raw is None


def test_half_a_character_that_does_not_come_again_is_another_answer() -> None:
    for again in ([StreamChunk("!")], [StreamChunk("", "stop")], [None]):
        assert changed_by(Continued(Seam("a", "🇩")), *again).delivered == "🇩"


# ---------------------------------------------------------------- JSON, continued

BLANKS = st.sampled_from(["", " ", "\n \n"])


@st.composite
def documents(draw: st.DrawFn) -> str:
    value: Any = draw(VALUES)
    document = json.dumps(value, indent=draw(st.sampled_from([None, 1])), ensure_ascii=draw(st.booleans()))
    return draw(BLANKS) + document + draw(BLANKS)


@given(documents(), st.data())
@example('{"a": "\\ud83d\\ude00"}', None)
def test_a_document_continued_rightly_passes(document: str, data: st.DataObject | None) -> None:
    cuts = range(len(document) + 1) if data is None else [data.draw(st.integers(0, len(document)))]
    for cut in cuts:
        delivered = document[:cut]
        prefix = safe_prefix(delivered)
        rest = document[len(prefix) :]
        pieces = [*rest] if data is None else data.draw(chunkings(rest))
        continued = Continued(Seam(prefix, delivered[len(prefix) :], echo=False), json=delivered)
        chunks = [*(StreamChunk(piece) for piece in pieces), StreamChunk("", "stop")]
        out = [rest.content for chunk in chunks for rest in continued.feed(chunk)]
        out += [rest.content for rest in continued.close()]
        assert delivered + "".join(out) == document


@given(
    documents(),
    st.sampled_from(["```json\n{", "Sure! Here is", "# x", 'The rest is "', "]}]}", "```"]),
    st.data(),
)
def test_what_does_not_continue_a_document_never_comes_through(
    document: str, other: str, data: st.DataObject
) -> None:
    delivered = document[: data.draw(st.integers(0, len(document)))]
    grammar = Grammar()
    grammar.take(delivered)
    assume(not grammar.in_string and grammar.state != KEY_STRING)
    broken = False
    try:
        behind = other
        if not grammar.over:
            behind = other[grammar.take(other) :]
        broken = bool(behind.strip())
    except Broken:
        broken = True
    assume(broken)
    pieces = data.draw(chunkings(other))
    continued = Continued(Seam(delivered, echo=False), json=delivered)
    out = ""
    with pytest.raises(AnswerChanged) as caught:
        for piece in pieces:
            out += "".join([rest.content for rest in continued.feed(StreamChunk(piece))])
    assert other.startswith(out)
    assert caught.value.came
    assert "asked to go on with a JSON document, the model wrote something that does not continue" in str(
        caught.value
    )


@pytest.mark.parametrize(
    ("delivered", "came", "expected", "got"),
    [
        ('{"a": 1', '{"a": 1}', "',' or '}'", '{"a": 1}'),
        ('{"a": 1,', '{"a": 1}', "a key in double quotes", '{"a": 1}'),
        ('{"a": ', "```json\n", "a value", "```json\n"),
        ('{"a": "b\\', "x", 'one of "\\/bfnrtu', "x"),
        ('{"a": 1}', " {}", "the end", " {}"),
        ("[1]", "\n\nThat is all.", "the end", "\n\nThat is all."),
        ('{"a"', ": 1} Well, that is all, and there is nothing to add to it.", "the end", None),
    ],
)
def test_an_error_says_what_does_not_continue_a_document(
    delivered: str, came: str, expected: str, got: str | None
) -> None:
    error = changed_by(Continued(Seam("a"), json=delivered), StreamChunk(came))
    if got is None:
        got = came[4:]
    assert str(error) == (
        "asked to go on with a JSON document, the model wrote something that does not continue it: "
        f"expected {expected}, got {got[:40]!r}"
    )
    assert error.came == got


def test_a_document_that_is_held_at_the_end_is_looked_at_too() -> None:
    continued = Continued(Seam("[1, 2", echo=None), json="[1, 2")
    assert list(continued.feed(StreamChunk("[1,"))) == []
    assert changed_by(continued, None).came == "[1,"


def test_a_document_goes_on_after_its_end_with_white_space_only() -> None:
    continued = Continued(Seam("[1"), json="[1")
    for piece in ("]", "\n", " "):
        assert list(continued.feed(StreamChunk(piece))) == [StreamChunk(piece)]
    assert changed_by(continued, StreamChunk("x")).came == "x"


@pytest.mark.parametrize("delivered", ["```json\n{", "Sure: {", "[1] and", '{"a": }'])
def test_what_was_no_document_before_is_not_held_to_be_one(delivered: str) -> None:
    continued = Continued(Seam("a"), json=delivered)
    assert list(continued.feed(StreamChunk("whatever"))) == [StreamChunk("whatever")]


def test_where_no_document_is_wanted_anything_goes() -> None:
    assert list(Continued(Seam('{"a": ')).feed(StreamChunk("well"))) == [StreamChunk("well")]


# ---------------------------------------------------------------- all of it


def test_all_of_it_passes() -> None:
    passed = PassedOn()
    chunk = StreamChunk("a")
    assert list(passed.feed(chunk)) == [chunk]
    assert list(passed.feed(1)) == [1]
    assert list(passed.close()) == []
