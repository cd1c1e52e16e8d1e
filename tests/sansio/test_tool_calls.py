import json
from collections.abc import Iterable, Sequence
from typing import Any, assert_type

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rxstream.errors import InvalidJSON, MixedChoices, TooDeep
from rxstream.items import StreamChunk, ToolCall
from rxstream.items import ToolCallDelta as D
from rxstream.sansio.answer import Answer
from rxstream.sansio.partial_json import PartialJSON
from rxstream.sansio.tool_calls import PartialToolCall, ToolCalls
from rxstream.testing import assert_linear, check_machine, chunkings, run_machine
from tests.sansio.tool_calls import (
    SERVERS,
    Item,
    Server,
    answer,
    calls,
    joined,
    joined_parts,
    objects,
    sent,
)


def partial_calls(**options: Any) -> ToolCalls:
    return ToolCalls(partial=True, **options)


def outcome(
    chunks: Iterable[StreamChunk], *, partial: bool = False, **options: Any
) -> tuple[list[Item], Exception | None]:
    return run_machine(lambda: ToolCalls(partial=partial, **options), chunks)


def found(*deltas: D, reason: str | None = "tool_calls", partial: bool = False, **options: Any) -> list[Item]:
    items, fault = outcome(answer(deltas, reason), partial=partial, **options)
    assert fault is None
    return items


def fault_of(*deltas: D, **options: Any) -> tuple[list[Item], InvalidJSON]:
    items, fault = outcome(answer(deltas), **options)
    assert isinstance(fault, InvalidJSON)
    return items, fault


both = pytest.mark.parametrize("partial", [False, True])


# ---------------------------------------------------------------- law 1


@pytest.mark.parametrize("server", SERVERS, ids=str)
@settings(max_examples=40)  # for each of the servers, of which there are many
@given(data=st.data())
def test_every_call_comes_whole_whatever_a_server_leaves_out_or_repeats(
    server: Server, data: st.DataObject
) -> None:
    wholes = data.draw(calls())
    order, deltas = data.draw(sent(server, wholes))
    expected = [
        ToolCall(
            None if server.ids == "never" else f"call_{at}",
            wholes[at].name,
            wholes[at].arguments.strip(),
            index,
            json.loads(wholes[at].arguments),
        )
        for index, at in enumerate(dict.fromkeys(order))
    ]
    items = found(*deltas)
    assert sorted(items, key=lambda call: call.index) == expected
    assert [one for one in found(*deltas, partial=True) if one.complete] == items
    together = Answer()
    for chunk in answer(deltas):
        together.add(chunk)
    assert [(call.id, call.name, call.arguments.strip()) for call in together.result().tool_calls] == [
        (call.id, call.name, call.arguments) for call in expected
    ]


BROKEN = st.sampled_from(
    ['{"a": 1]', "[1]", '{"a": "b" "c"}', '{"a": nul}', "{} {}", '{"\\ud83dx": 1}', "x", '{"a"']
)


@both
@pytest.mark.parametrize("on_invalid", ["raise", "skip"])
@given(data=st.data())
def test_where_arguments_are_cut_never_matters(partial: bool, on_invalid: str, data: st.DataObject) -> None:
    wholes = data.draw(calls(objects() | BROKEN | st.just("")))
    reason = data.draw(st.sampled_from(["tool_calls", "length", None]))
    order = data.draw(st.permutations(range(len(wholes))))
    # In one piece each, and the same cut: the calls may end in any order.
    begins = [D(at, f"call_{at}", whole.name) for at, whole in enumerate(wholes)]
    uncut = [D(at, None, None, wholes[at].arguments) for at in order]
    cut = [D(at, None, None, piece) for at in order for piece in data.draw(chunkings(wholes[at].arguments))]
    one, fault = outcome(answer([*begins, *uncut], reason), partial=partial, on_invalid=on_invalid)
    other, other_fault = outcome(answer([*begins, *cut], reason), partial=partial, on_invalid=on_invalid)
    assert joined(other) == joined(one)
    assert repr(other_fault) == repr(fault)


@pytest.mark.parametrize("server", SERVERS, ids=str)
@settings(max_examples=40)  # for each of the servers, of which there are many
@given(data=st.data())
def test_a_cut_call_is_never_a_call_and_all_of_it_is_told(server: Server, data: st.DataObject) -> None:
    _, deltas = data.draw(sent(server, data.draw(calls())))
    end = data.draw(st.integers(0, len(deltas)))
    reason = data.draw(st.sampled_from(["length", "content_filter", "tool_calls", None]))
    whole = [item for item in found(*deltas) if isinstance(item, ToolCall)]
    items = found(*deltas[:end], reason=reason)
    grown = found(*deltas[:end], reason=reason, partial=True)
    for item in items:
        meant = whole[[call.index for call in whole].index(item.index)]
        if isinstance(item, ToolCall):
            # By that finish reason a call has no arguments, if none have come.
            assert item == meant or (reason == "tool_calls" and item.arguments == "")
            continue
        assert item.ended == (reason or "cut")
        assert meant.arguments.startswith(item.arguments)
        assert item.arguments == item.delta
        of_it = [one for one in grown if isinstance(one, PartialToolCall) and one.index == item.index]
        assert (of_it[-1].arguments, of_it[-1].value) == (item.arguments, item.value)
        assert [one.ended for one in of_it[:-1]] == [None] * (len(of_it) - 1)
        assert of_it[-1].ended == item.ended
        assert "".join(one.delta for one in of_it) == item.delta
        assert joined_parts([], [part for one in of_it for part in one.parts]) == joined_parts([], item.parts)
    assert {item.index for item in items} == {item.index for item in grown}


@both
def test_a_machine_keeps_its_contract(partial: bool) -> None:
    samples = [
        [D(0, "a", "f"), D(0, None, None, '{"x": [1, "y"]}'), D(1, "b", "g", "{}")],
        [D(0, "a", "f", '{"x": 1'), D(1, "b", "g", '{"y": ]')],
        [],
    ]

    def chunkings_of(deltas: Sequence[D]) -> list[list[StreamChunk]]:
        cut = [
            D(delta.index, delta.id, delta.name if not at else None, char)
            for delta in deltas
            for at, char in enumerate(delta.arguments or [""])
        ]
        empty = StreamChunk("")
        return [
            answer(deltas),
            [StreamChunk("", "tool_calls", tool_calls=tuple(deltas))],
            answer(cut),
            [one for chunk in answer(cut) for one in (empty, chunk)],
        ]

    def make() -> ToolCalls:
        return ToolCalls(partial=partial)

    check_machine(make, samples, join=joined, chunkings=chunkings_of)


# ---------------------------------------------------------------- whole calls


def test_a_call_comes_the_moment_its_brace_closes() -> None:
    machine = ToolCalls()
    came = [
        list(machine.feed(chunk))
        for chunk in answer(
            [
                D(0, "a", "f", '{"x": {'),
                D(1, "b", "g", " {}"),
                D(0, None, None, "}"),
                D(0, None, None, "}\n"),
                D(0, None, None, " "),
            ]
        )
    ]
    assert came == [
        [],
        [ToolCall("b", "g", "{}", 1, {})],
        [],
        [ToolCall("a", "f", '{"x": {}}', 0, {"x": {}})],
        [],
        [],
    ]


def test_a_call_without_a_name_waits_for_it() -> None:
    assert found(D(0, "a", None, "{}"), D(0, None, "f")) == [ToolCall("a", "f", "{}", 0, {})]
    assert found(D(0, "a", None, "{}")) == [ToolCall("a", "", "{}", 0, {})]
    assert found(D(0, "a", None, "{}"), partial=True) == [
        PartialToolCall("a", ""),
        PartialToolCall("a", "", "{}"),
        ToolCall("a", "", "{}", 0, {}),
    ]
    assert found(D(0, "a", None, "{"), D(0, None, "f"), reason=None, partial=True) == [
        PartialToolCall("a", "f"),
        PartialToolCall("a", "f", "{"),
        PartialToolCall("a", "f", ended="cut"),
    ]


def test_what_has_neither_id_nor_name_nor_arguments_is_no_call() -> None:
    assert found(D(0), D(1, None, None, " ")) == []
    assert found(D(0), reason=None) == []


@both
def test_where_there_are_no_calls_there_are_none(partial: bool) -> None:
    assert outcome([StreamChunk("Hi"), StreamChunk("", "stop")], partial=partial) == ([], None)


def test_values_are_exact() -> None:
    (call,) = found(D(0, "a", "f", '{"n": 123456789012345678901234567890, "n2": 1.5e3, "d": 1, "d": 2}'))
    assert call.value == {"n": 123456789012345678901234567890, "n2": 1500.0, "d": 2}


# ---------------------------------------------------------------- calls without arguments


@pytest.mark.parametrize("reason", ["tool_calls", "stop", "function_call"])
def test_a_call_without_arguments_is_whole_at_the_finish_reason(reason: str) -> None:
    assert found(D(0, "a", "f"), reason=reason) == [ToolCall("a", "f", "", 0, {})]
    assert found(D(0, "a", "f", " \n"), reason=reason) == [ToolCall("a", "f", "", 0, {})]


@pytest.mark.parametrize("reason", ["length", "content_filter", "who knows", None])
def test_a_call_without_arguments_is_cut_where_it_may_have_been(reason: str | None) -> None:
    assert found(D(0, "a", "f"), reason=reason) == [PartialToolCall("a", "f", ended=reason or "cut")]


def test_a_call_without_arguments_is_whole_when_the_next_begins_and_no_more_can_come_for_it() -> None:
    f, g = ToolCall(None, "f", "", 0, {}), ToolCall(None, "g", "{}", 1, {})
    for index in (0, None):
        assert found(D(index, None, "f"), D(index, None, "g", "{}")) == [f, g]
    # Its arguments may still come.
    assert found(D(0, None, "f"), D(1, None, "g", "{}")) == [g, f]
    assert found(D(0, None, "f"), D(1, None, "g", "{}"), D(0, None, None, '{"x": 1}')) == [
        g,
        ToolCall(None, "f", '{"x": 1}', 0, {"x": 1}),
    ]


def test_a_call_with_half_its_arguments_is_not_whole_though_the_next_begins() -> None:
    assert found(D(0, None, "f", "{"), D(0, None, "g", "{}")) == [
        ToolCall(None, "g", "{}", 1, {}),
        PartialToolCall(None, "f", "{", 0, ended="tool_calls"),
    ]


# ---------------------------------------------------------------- growing calls


def test_a_growing_call_is_told_from_its_name_to_its_end() -> None:
    items = found(
        D(0, "a", "f"),
        D(0, None, None, ' {"x'),
        D(0, None, None, '": "yz'),
        D(0, None, None, '"} '),
        partial=True,
    )
    assert items == [
        PartialToolCall("a", "f"),
        PartialToolCall("a", "f", '{"x'),
        PartialToolCall("a", "f", '": "yz'),
        PartialToolCall("a", "f", '"}'),
        ToolCall("a", "f", '{"x": "yz"}', 0, {"x": "yz"}),
    ]
    growing = [item for item in items if isinstance(item, PartialToolCall)]
    assert [item.value for item in growing] == [{}, {}, {"x": "yz"}, {"x": "yz"}]
    assert [item.arguments for item in growing] == ["", '{"x', '{"x": "yz', '{"x": "yz"}']
    assert [item.is_complete("$.x") for item in growing] == [False, False, False, True]
    assert [item.is_complete(("x",)) for item in growing] == [False, False, False, True]
    assert [item.is_complete() for item in growing] == [False, False, False, True]
    assert [item.parts for item in growing] == [
        (),
        (PartialJSON((), kind="object"),),
        (PartialJSON(("x",), "yz"),),
        (PartialJSON(("x",), "", True), PartialJSON((), None, True)),
    ]


def test_a_piece_that_tells_nothing_of_the_values_keeps_what_is_known() -> None:
    items = found(D(0, "a", "f", '{"x": 1,'), D(0, None, None, ' "y"'), partial=True, reason="length")
    assert [(item.value, item.parts != ()) for item in items if isinstance(item, PartialToolCall)] == [
        ({}, False),
        ({"x": 1}, True),
        ({"x": 1}, False),
        ({"x": 1}, False),
    ]


def test_what_is_no_path_is_refused_also_before_there_is_anything() -> None:
    for item in found(D(0, "a", "f"), D(0, None, None, "{"), partial=True, reason=None):
        assert isinstance(item, PartialToolCall)
        with pytest.raises(ValueError, match="JSONPath"):
            item.is_complete("x")


@given(st.data())
def test_a_value_never_takes_back_what_an_earlier_one_showed(data: st.DataObject) -> None:
    text = data.draw(objects())
    items = found(*[D(0, "a", "f", piece) for piece in data.draw(chunkings(text))], partial=True)
    growing = [item for item in items if isinstance(item, PartialToolCall)]
    for item, text_so_far in zip(growing, arguments_of(growing), strict=True):
        assert item.arguments == text_so_far
        assert is_prefix(item.value, json.loads(text))
    assert growing[-1].value == json.loads(text)


def arguments_of(growing: Iterable[PartialToolCall]) -> Iterable[str]:
    so_far = ""
    for item in growing:
        so_far += item.delta
        yield so_far


def is_prefix(value: Any, whole: Any) -> bool:
    """Tell whether all that a value shows stays as it is in the whole one."""
    if isinstance(value, str):
        return isinstance(whole, str) and whole.startswith(value)
    if not hasattr(value, "__len__"):
        return bool(value == whole)
    return type(whole) is type(value) and all(
        place in places_of(whole) and is_prefix(value[place], whole[place]) for place in places_of(value)
    )


def places_of(container: Any) -> Any:
    return range(len(container)) if hasattr(container, "append") else container


# ---------------------------------------------------------------- faults


@both
def test_a_fault_names_the_call_and_comes_behind_what_was_found_before_it(partial: bool) -> None:
    items, fault = fault_of(D(0, "a", "f", "{}"), D(1, "b", "g", '{"x": 1,}'), partial=partial)
    assert ToolCall("a", "f", "{}", 0, {}) in items
    assert fault.context == "the arguments of tool call 'g' (index 1, id 'b')"
    assert str(fault) == (
        "expected a key in double quotes, got '}' at line 1, column 9 (offset 8) "
        "of the arguments of tool call 'g' (index 1, id 'b')"
    )
    if partial:
        assert items[-1] == PartialToolCall("b", "g", '{"x": 1,', 1)
    else:
        assert len(items) == 1


def test_a_fault_says_what_of_id_and_name_is_known() -> None:
    assert fault_of(D(0, None, "f", "x"))[1].context == "the arguments of tool call 'f' (index 0)"
    assert (
        fault_of(D(0, None, None, "x"))[1].context == "the arguments of a tool call without a name (index 0)"
    )


@both
@pytest.mark.parametrize("text", ["[]", '"{}"', "null", "1", "x"])
def test_arguments_are_an_object_and_nothing_else(partial: bool, text: str) -> None:
    items, fault = fault_of(D(0, "a", "f", text), partial=partial)
    assert items == ([PartialToolCall("a", "f")] if partial else [])
    assert "expected the arguments as a JSON object, which starts with '{'" in str(fault)


def test_text_behind_the_arguments_is_a_fault_behind_the_call() -> None:
    items, fault = fault_of(D(0, "a", "f", "{} {}"))
    assert items == [ToolCall("a", "f", "{}", 0, {})]
    assert "expected the end of the text, got '{'" in str(fault)


def test_of_a_call_that_is_skipped_nothing_more_comes_and_others_go_on() -> None:
    deltas = (D(0, "a", "f", '{"x": ]'), D(1, "b", "g", "{"), D(0, None, None, "{}"), D(1, None, None, "}"))
    g = ToolCall("b", "g", "{}", 1, {})
    assert found(*deltas, on_invalid="skip") == [g]
    assert found(*deltas, on_invalid="skip", partial=True) == [
        PartialToolCall("a", "f"),
        PartialToolCall("a", "f", '{"x": '),
        PartialToolCall("b", "g", "", 1),
        PartialToolCall("b", "g", "{", 1),
        PartialToolCall("b", "g", "}", 1),
        g,
    ]
    assert found(D(0, "a", None, "x"), D(0, None, "f"), on_invalid="skip", partial=True) == []


@pytest.mark.parametrize("pieces", [['{"a": 1]'], list('{"a": 1]')])
def test_a_wrong_character_may_still_delimit_a_number(pieces: list[str]) -> None:
    items = found(*[D(0, "a", "f", piece) for piece in pieces], partial=True, on_invalid="skip")
    assert joined_parts(
        [], [part for item in items if isinstance(item, PartialToolCall) for part in item.parts]
    ) == [
        [(), "object", None, False],
        [("a",), "number", 1, True],
    ]


def test_a_function_gets_each_fault_once() -> None:
    faults: list[InvalidJSON] = []
    assert found(
        D(0, "a", "f", "x"), D(0, None, None, "y"), D(1, "b", "g", "{}"), on_invalid=faults.append
    ) == [ToolCall("b", "g", "{}", 1, {})]
    assert [fault.got for fault in faults] == ["'x'"]


def test_arguments_may_be_too_deep() -> None:
    deltas = (D(0, "a", "f", '{"x": [[]]}'),)
    assert isinstance(fault_of(*deltas, max_depth=2)[1], TooDeep)
    assert len(found(*deltas, max_depth=3)) == 1
    (call,) = found(D(0, "a", "f", '{"x": ' + "[" * 400 + "]" * 400 + "}"))
    assert isinstance(call, ToolCall)


@pytest.mark.parametrize("options", [{"max_depth": 0}, {"max_depth": True}])
def test_a_wrong_depth_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="max_depth"):
        ToolCalls(**options)


def test_a_wrong_on_invalid_is_refused() -> None:
    with pytest.raises(TypeError, match="on_invalid"):
        ToolCalls(on_invalid="ignore")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


# ---------------------------------------------------------------- the stream around


def test_what_is_no_chunk_is_refused() -> None:
    with pytest.raises(TypeError, match=r"expects StreamChunk items, and got str: '\{\}'\. Put it before"):
        ToolCalls().feed("{}")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def test_calls_of_two_choices_are_refused() -> None:
    one = StreamChunk("", tool_calls=(D(0, "a", "f", "{}"),), choice=1)
    other = StreamChunk("", tool_calls=(D(0, "b", "g", "{}"),), choice=0)
    items, fault = outcome([StreamChunk("Hi", choice=0), one, StreamChunk("", "stop"), other])
    assert items == [ToolCall("a", "f", "{}", 0, {})]
    assert isinstance(fault, MixedChoices)
    assert "tool calls of choice 1 and of choice 0" in str(fault)


def test_the_end_of_another_choice_ends_nothing() -> None:
    items, fault = outcome(
        [
            StreamChunk("", tool_calls=(D(0, "a", "f", "{"),)),
            StreamChunk("", "stop", choice=1),
            StreamChunk("", tool_calls=(D(0, None, None, "}"),)),
        ]
    )
    assert items == [ToolCall("a", "f", "{}", 0, {})]
    assert fault is None


def test_behind_a_finish_reason_another_answer_begins() -> None:
    one = answer([D(0, "a", "f", "{}"), D(1, "b", "g", "{")], "length")
    other = answer([D(0, "a", "h", "{}")])
    assert outcome([*one, *other])[0] == [
        ToolCall("a", "f", "{}", 0, {}),
        PartialToolCall("b", "g", "{", 1, ended="length"),
        ToolCall("a", "h", "{}", 0, {}),
    ]


def test_a_finish_reason_may_come_with_the_last_piece() -> None:
    chunk = StreamChunk("", "tool_calls", tool_calls=(D(0, "a", "f", "{}"), D(1, "b", "g")))
    assert outcome([chunk])[0] == [ToolCall("a", "f", "{}", 0, {}), ToolCall("b", "g", "", 1, {})]


# ---------------------------------------------------------------- the item


def test_a_partial_call_is_what_is_new() -> None:
    item = PartialToolCall("a", "f", "{", 1, parts=[PartialJSON((), kind="object")], ended="length")
    assert item == PartialToolCall("a", "f", "{", 1, ended="length")
    assert item.parts == (PartialJSON((), kind="object"),)
    assert item.complete is False
    for other in (
        PartialToolCall("b", "f", "{", 1, ended="length"),
        PartialToolCall("a", "g", "{", 1, ended="length"),
        PartialToolCall("a", "f", "[", 1, ended="length"),
        PartialToolCall("a", "f", "{", 2, ended="length"),
        PartialToolCall("a", "f", "{", 1),
        ToolCall("a", "f", "{", 1),
    ):
        assert item != other
    assert repr(item) == "PartialToolCall('a', 'f', '{', 1, ended='length')"
    assert repr(PartialToolCall(None, "f")) == "PartialToolCall(None, 'f', '', 0)"


def test_a_partial_call_that_was_made_by_hand_knows_its_delta_and_no_more() -> None:
    item = PartialToolCall("a", "f", "{}")
    for ask in (lambda: item.arguments, lambda: item.value, item.is_complete):
        with pytest.raises(AttributeError, match="by hand"):
            ask()


def test_whole_calls_are_told_from_growing_ones() -> None:
    for item in found(D(0, "a", "f", "{}"), partial=True):
        # Of pyright the bare `if item.complete:` gets no more than a bool.
        if item.complete is True:
            assert_type(item, ToolCall)
        else:
            assert_type(item, PartialToolCall)
        assert item.complete is isinstance(item, ToolCall)


# ---------------------------------------------------------------- law 3


def one_call(size: int, *, filled: str = "word", **fields: Any) -> list[StreamChunk]:
    piece = StreamChunk("", tool_calls=(D(0, arguments=filled, **fields),))
    return [StreamChunk("", tool_calls=(D(0, "a", "f", '{"x":"'),)), *[piece] * (size // 4)]


@both
@pytest.mark.parametrize("filled", ["word", "\\\\\\\\", '","":', "    "])
def test_long_arguments_cost_their_length(partial: bool, filled: str) -> None:
    # Of '","":' the value is wrong: what is broken costs least, but must not cost more.
    assert_linear(
        lambda: ToolCalls(partial=partial, on_invalid="skip"), lambda size: one_call(size, filled=filled)
    )


@both
def test_many_small_values_cost_their_length(partial: bool) -> None:
    def values(size: int) -> list[StreamChunk]:
        text = '{"x":[' + "[4],{}," * (size // 7) + "1]}"
        return answer(
            [D(0, "a", "f"), *[D(0, None, None, text[at : at + 4]) for at in range(0, len(text), 4)]]
        )

    assert_linear(lambda: ToolCalls(partial=partial), values)


@both
def test_white_space_before_and_names_with_every_piece_cost_no_more(partial: bool) -> None:
    def blank(size: int) -> list[StreamChunk]:
        return answer([D(None, None, "f", "    ")] * (size // 4))

    def named(size: int) -> list[StreamChunk]:
        return one_call(size, name="f")

    assert_linear(lambda: ToolCalls(partial=partial), blank)
    assert_linear(lambda: ToolCalls(partial=partial), named)


def test_a_megabyte_of_arguments_in_small_pieces_is_one_call() -> None:
    text = json.dumps({"x": "word" * 250_000})
    deltas = [D(0, "a", "f"), *[D(0, None, None, text[at : at + 4]) for at in range(0, len(text), 4)]]
    assert found(*deltas) == [ToolCall("a", "f", text, 0, {"x": "word" * 250_000})]
