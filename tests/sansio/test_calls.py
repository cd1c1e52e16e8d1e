from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rxstream.items import ToolCallDelta as D
from rxstream.sansio.calls import Call, Calls
from rxstream.testing import assert_linear
from tests.sansio.tool_calls import SERVERS, Server, calls, sent


def put_together(*deltas: D) -> list[tuple[str | None, str, str]]:
    whole = Calls()
    for delta in deltas:
        whole.add(delta)
    assert [call.index for call in whole.all] == list(range(len(whole.all)))
    return [(call.id, call.name, "".join(call.arguments)) for call in whole.all]


# ---------------------------------------------------------------- what servers do


@pytest.mark.parametrize("server", SERVERS, ids=str)
@settings(max_examples=40)  # for each of the servers, of which there are many
@given(data=st.data())
def test_calls_are_told_apart_whatever_a_server_leaves_out_or_repeats(
    server: Server, data: st.DataObject
) -> None:
    wholes = data.draw(calls())
    order, deltas = data.draw(sent(server, wholes))
    expected = [wholes[at] for at in dict.fromkeys(order)]
    assert [(name, arguments.strip()) for _, name, arguments in put_together(*deltas)] == [
        (whole.name, whole.arguments.strip()) for whole in expected
    ]


def test_another_id_begins_a_call_also_without_a_name() -> None:
    assert put_together(D(0, "a", "f", "{}"), D(0, "b", None, "{}"), D(0, None, None, " ")) == [
        ("a", "f", "{}"),
        ("b", "", "{} "),
    ]
    assert put_together(D(None, "a", "f", "{"), D(None, "b", None, "{")) == [("a", "f", "{"), ("b", "", "{")]
    assert put_together(D(0, "a"), D(0, "b"), D(0, None, "f")) == [("a", "", ""), ("b", "f", "")]


def test_another_id_without_a_name_begins_nothing_while_the_call_of_its_index_can_take_the_piece() -> None:
    assert put_together(D(0, "a", "f", ""), D(0, "b", None, '{"x'), D(0, "c", None, '"}'), D(0, "d")) == [
        ("a", "f", '{"x"}')
    ]


def test_another_name_begins_a_call_though_the_last_one_is_not_whole() -> None:
    assert put_together(D(0, None, "f", '{"x'), D(0, None, "g", "{}")) == [
        (None, "f", '{"x'),
        (None, "g", "{}"),
    ]


def test_another_name_begins_a_call_though_the_last_one_has_no_arguments() -> None:
    assert put_together(D(None, None, "f"), D(None, None, "g"), D(None, None, None, "{}")) == [
        (None, "f", ""),
        (None, "g", "{}"),
    ]


def test_the_first_of_two_names_stands_if_they_have_one_id() -> None:
    assert put_together(D(0, "a", "f"), D(0, "a", "g", "{"), D(0, "a", "g", "}")) == [("a", "f", "{}")]


def test_id_and_name_once_more_behind_the_arguments_begin_nothing() -> None:
    assert put_together(D(0, "a", "f", "{}"), D(0, "a", "f"), D(0, None, None, "{}")) == [("a", "f", "{}{}")]


def test_one_id_for_all_calls_is_seen_through_by_names_and_whole_arguments() -> None:
    assert put_together(
        D(None, "null", "f", "{}"),
        D(None, "null", "g", "{"),
        D(None, "null", "g", "}"),
        D(None, None, None, " "),
    ) == [("null", "f", "{}"), ("null", "g", "{} ")]


def test_the_same_name_begins_a_call_when_the_arguments_before_it_are_whole() -> None:
    assert put_together(D(0, None, "f", "{}"), D(0, None, "f", "{}")) == [
        (None, "f", "{}"),
        (None, "f", "{}"),
    ]
    assert put_together(D(0, None, "f", "{"), D(0, None, "f", "}")) == [(None, "f", "{}")]


def test_the_same_name_without_arguments_waits_for_them_to_begin_a_call() -> None:
    once = [D(0, None, "f", "{}"), D(0, None, "f", "")]
    assert put_together(*once) == [(None, "f", "{}")]
    assert put_together(*once, D(0, None, None, "{")) == [(None, "f", "{}"), (None, "f", "{")]
    assert put_together(*once, D(7, None, None, "{")) == [(None, "f", "{}"), (None, "f", "{")]
    assert put_together(*once, D(0, None, "g", "{")) == [(None, "f", "{}"), (None, "g", "{")]


def test_an_id_or_a_name_may_come_late() -> None:
    assert put_together(D(0, None, "f", "{"), D(0, "a", None, "}")) == [("a", "f", "{}")]
    assert put_together(D(0, "a", None, "{}"), D(0, None, "f")) == [("a", "f", "{}")]
    assert put_together(D(0, None, None, "{"), D(0, "a", "f", "}")) == [("a", "f", "{}")]


def test_an_index_alone_begins_no_call_while_the_last_one_can_take_the_piece() -> None:
    assert put_together(D(0, "a", "f"), D(1, None, None, "{"), D(2, None, None, "}"), D(3)) == [
        ("a", "f", "{}")
    ]
    assert put_together(D(0, "a", "f", "{}"), D(1, None, None, "{"), D(1, None, "g", "}")) == [
        ("a", "f", "{}"),
        (None, "g", "{}"),
    ]


def test_a_piece_with_nothing_belongs_to_the_call_of_the_last_piece() -> None:
    assert put_together(
        D(0, "a", "f", "{"), D(1, "b", "g", "["), D(0, None, None, "}"), D(arguments=" ")
    ) == [
        ("a", "f", "{} "),
        ("b", "g", "["),
    ]


# ---------------------------------------------------------------- out of reach


def lost_by(*deltas: D) -> list[int]:
    whole = Calls()
    for delta in deltas:
        whole.add(delta)
    return sorted(call.index for call in whole.lost)


def test_a_call_is_lost_when_neither_id_nor_index_nor_turn_leads_to_it() -> None:
    assert lost_by(D(None, None, "f"), D(None, None, "g")) == [0]
    assert lost_by(D(0, None, "f"), D(0, None, "g")) == [0]
    assert lost_by(D(0, None, "f"), D(1, None, "g"), D(0, None, "h")) == [0]
    assert lost_by(D(0, None, "f"), D(None, None, "g"), D(0, None, "h")) == [0, 1]
    assert lost_by(D(0, "a", "f"), D(None, None, "g"), D(0)) == [1]


def test_a_call_is_not_lost_while_anything_leads_to_it() -> None:
    assert lost_by(D(0, None, "f")) == []
    assert lost_by(D(None, "a", "f"), D(None, "b", "g")) == []
    assert lost_by(D(0, None, "f"), D(1, None, "g")) == []
    assert lost_by(D(0, None, "f"), D(1), D(1, None, "g")) == []
    assert lost_by(D(None, None, "f"), D(None, None, "g"), D(None, None, None, "{")) == []


# ---------------------------------------------------------------- whole arguments


@pytest.mark.parametrize(
    ("pieces", "whole"),
    [
        (["{}"], True),
        (['{"a": "\\', '"', '"}'], True),
        (["{}", "x"], True),
        (['{"a"'], False),
        (["{]", "}"], False),
        (["1", "2"], False),
        ([], False),
    ],
)
def test_arguments_are_whole_when_their_value_ends(pieces: list[str], whole: bool) -> None:
    call = Call(0)
    call.arguments += pieces
    assert call.is_whole() is whole
    assert call.is_whole() is whole


def test_arguments_are_whole_at_any_depth() -> None:
    call = Call(0)
    call.arguments += ["[" * 2000, "]" * 2000]
    assert call.is_whole()


class Together:
    """A machine, so that its cost can be measured."""

    def __init__(self) -> None:
        self._calls = Calls()

    def feed(self, delta: D) -> tuple[Any, ...]:
        self._calls.add(delta)
        return ()

    def close(self) -> tuple[Any, ...]:
        return ()


def test_to_ask_with_every_piece_whether_arguments_are_whole_costs_their_length_once() -> None:
    assert_linear(
        Together, lambda size: [D(0, None, "f", '{"a":"'), *[D(0, None, "f", "word")] * (size // 4)]
    )


def test_many_calls_cost_no_more_each_than_few() -> None:
    assert_linear(Together, lambda size: [D(at, None, "f", "{}") for at in range(size // 4)])


# ---------------------------------------------------------------- where a piece leads


def test_to_find_the_call_of_a_piece_adds_nothing() -> None:
    whole = Calls()
    assert whole.find(D(0, "a", "f")) is None
    first, second = whole.add(D(0, "a", "f", "[")), whole.add(D(1, "b", "g", "["))
    assert whole.find(D(0)) is whole.find(D(7, "a")) is whole.find(D(1, "a")) is first
    assert whole.find(D(None)) is whole.find(D(1)) is whole.find(D(7)) is second
    assert whole.find(D(7, None, "h")) is None
    assert [call.arguments for call in whole.all] == [["["], ["["]]
