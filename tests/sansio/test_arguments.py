import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxstream.errors import InvalidJSON, TooDeep
from rxstream.sansio.arguments import Arguments
from rxstream.testing import chunkings
from tests.sansio.tool_calls import joined_parts, objects

both = pytest.mark.parametrize("partial", [False, True])


def taken(*pieces: str, partial: bool = False, max_depth: int = 20) -> tuple[Arguments, InvalidJSON | None]:
    arguments = Arguments("the arguments", partial=partial, max_depth=max_depth)
    for piece in pieces:
        fault = arguments.take(piece)
        if fault is not None:
            return arguments, fault
    return arguments, None


@both
@given(st.data())
def test_whole_arguments_are_what_json_makes_of_them(partial: bool, data: st.DataObject) -> None:
    text = data.draw(objects())
    arguments, fault = taken(*data.draw(chunkings(text)), partial=partial)
    assert fault is None
    assert arguments.over
    assert "".join(arguments.pieces) == text.strip()
    assert arguments.value() == json.loads(text)
    if partial:
        assert arguments.known is not None
        assert arguments.known.value == json.loads(text)


@both
def test_they_begin_with_their_first_character_and_end_with_their_brace(partial: bool) -> None:
    arguments = Arguments("", partial=partial, max_depth=20)
    seen: list[Any] = []
    for piece in (" ", "\n{", '"a": [', "{}]", "\t}\n", " "):
        assert arguments.take(piece) is None
        seen.append((arguments.begun, arguments.over, "".join(arguments.pieces)))
    assert seen == [
        (False, False, ""),
        (True, False, "{"),
        (True, False, '{"a": ['),
        (True, False, '{"a": [{}]'),
        (True, True, '{"a": [{}]\t}'),
        (True, True, '{"a": [{}]\t}'),
    ]


def test_none_at_all_are_an_empty_object() -> None:
    assert taken(" ")[0].value() == {}


@both
@pytest.mark.parametrize(
    ("text", "before", "expected", "got", "place"),
    [
        ('{"a": 1, x', '{"a": 1, ', "a key in double quotes", "'x'", (9, 1, 10)),
        ("\n {\n]", "{\n", "a key in double quotes or '}'", "']'", (4, 3, 1)),
        ('{"a": "\\ud83d\\u0"}', '{"a": "\\ud83d\\u', "a pair of surrogates", "'0'", (15, 1, 16)),
        ('{"a": tru}', '{"a": tru', "'true'", "'}'", (9, 1, 10)),
        (" {} \n x", "{}", "the end of the text", "'x'", (6, 2, 2)),
        (" \n\n [1]", "", "the arguments as a JSON object", "'['", (4, 3, 2)),
        ('"{}"', "", "the arguments as a JSON object", "'\"'", (0, 1, 1)),
        ("null", "", "the arguments as a JSON object", "'n'", (0, 1, 1)),
    ],
)
def test_a_fault_says_where_it_is_and_what_is_before_it_counts(
    partial: bool, text: str, before: str, expected: str, got: str, place: tuple[int, int, int]
) -> None:
    for pieces in ([text], list(text), [text[:3], "", text[3:]]):
        arguments, fault = taken(*pieces, partial=partial)
        assert type(fault) is InvalidJSON
        assert fault.expected.startswith(expected)
        assert fault.got == got
        assert (fault.offset, fault.line, fault.column) == place
        assert fault.context == "the arguments"
        assert str(fault) == (
            f"expected {fault.expected}, got {got} at line {place[1]}, column {place[2]} "
            f"(offset {place[0]}) of the arguments"
        )
        assert "".join(arguments.pieces) == before
        assert arguments.broken
        assert arguments.over == (before == "{}")
        assert arguments.take('{"a": 1}') is None
        assert "".join(arguments.pieces) == before


@both
def test_arguments_may_be_too_deep(partial: bool) -> None:
    assert taken('{"a":' * 20 + "1" + "}" * 20, partial=partial)[1] is None
    assert isinstance(taken('{"a":' * 21, partial=partial)[1], TooDeep)


def test_what_is_before_a_fault_is_known() -> None:
    for pieces in (['{"a": "bc", ]'], list('{"a": "bc", ]')):
        arguments, _ = taken(*pieces, partial=True)
        assert joined_parts([], arguments.parts) == [
            [(), "object", None, False],
            [("a",), "string", "bc", True],
        ]
        assert arguments.known is arguments.parts[-1]


@given(st.data())
def test_arguments_that_were_not_followed_can_be_followed_later(data: st.DataObject) -> None:
    text = data.draw(objects())
    text = text[: data.draw(st.integers(0, len(text)))]
    one, other = taken(text, partial=True)[0], taken(*data.draw(chunkings(text)))[0]
    assert one.followed() is one
    late = other.followed()
    assert late.parts == one.parts
    assert "".join(late.pieces) == "".join(one.pieces)
    assert (late.begun, late.over) == (one.begun, one.over)
    assert late.known == one.known
