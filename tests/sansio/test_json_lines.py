"""Lines of JSON: what a line is, when its value comes, and which line a fault names."""

import json
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel

from rxstream.errors import InvalidJSON, InvalidValue, TextError, TooDeep
from rxstream.sansio.json_lines import JSONLines
from rxstream.sansio.models import Model
from rxstream.sansio.texts import splitter
from rxstream.testing import assert_linear, check_machine, chunkings, run_machine
from tests.sansio.json_cases import ACCEPTED, BROKEN_BYTES, REFUSED
from tests.sansio.json_documents import documents, equal, is_json, mutated
from tests.sansio.json_shapes import LONG, in_fours, repeated


class Item(BaseModel):
    name: str


ONE_LINE = documents().map(lambda text: text.replace("\n", " "))


@given(
    st.lists(st.one_of(ONE_LINE, st.sampled_from(["", " \t", "\r"])), max_size=5), st.booleans(), st.data()
)
def test_each_line_is_a_value_and_a_blank_one_is_none(
    lines: list[str], crlf: bool, data: st.DataObject
) -> None:
    text = ("\r\n" if crlf else "\n").join(lines)
    items, fault = run_machine(JSONLines, data.draw(chunkings(text)))
    assert fault is None
    assert equal(items, [json.loads(line) for line in lines if line.strip()])


def expected_of(text: str) -> tuple[list[Any], list[tuple[int, int]]]:
    """Give the values of a text's lines, and of each bad line its number and where it begins."""
    values: list[Any] = []
    bad: list[tuple[int, int]] = []
    start = 0
    for number, line in enumerate(text.split("\n"), 1):
        if is_json(line):
            values.append(json.loads(line))
        elif line.strip(" \t\r"):
            bad.append((number, start))
        start += len(line) + 1
    return values, bad


@given(st.lists(st.tuples(ONE_LINE, st.integers(0, 10**6)), max_size=4), st.data())
@example([("[1]", 2), ("[2]", 3), ("[3]", 4)], None)
def test_a_bad_line_costs_that_line(lines: list[tuple[str, int]], data: st.DataObject | None) -> None:
    text = "\n".join(mutated(line, seed) if seed % 2 else line for line, seed in lines)
    values, bad = expected_of(text)
    faults: list[Any] = []
    pieces = list(text) if data is None else data.draw(chunkings(text))
    items, fault = run_machine(lambda: JSONLines(on_invalid=faults.append), pieces)
    assert fault is None
    assert equal(items, values)
    assert [one.line for one in faults] == [number for number, _ in bad]
    for one, (_, start) in zip(faults, bad, strict=True):
        assert one.offset - start == one.column - 1
    assert equal(run_machine(lambda: JSONLines(on_invalid="skip"), pieces)[0], values)
    items, fault = run_machine(JSONLines, pieces)
    assert isinstance(fault, InvalidJSON) == bool(bad)
    assert equal(items, values[: len(items)])
    if bad:
        assert equal(items, expected_of(text[: max(bad[0][1] - 1, 0)])[0])


def test_a_value_comes_when_its_line_ends() -> None:
    machine = JSONLines()
    assert list(machine.feed('{"a": 1}')) == []
    assert list(machine.feed("\n12")) == [{"a": 1}]
    assert list(machine.feed("\r")) == []
    assert list(machine.feed("\n\n \n")) == [12]
    assert list(machine.feed("tr")) == []
    assert list(machine.feed("ue")) == []
    assert list(machine.close()) == [True]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\n[1", "expected ',' or ']', got the end of the line at line 2, column 3 (offset 4)"),
        ("1\n[1\n2", "expected ',' or ']', got the end of the line at line 2, column 3 (offset 4)"),
        ("1\n\n  x", "expected a value, got 'x' at line 3, column 3 (offset 5)"),
        ("[1] x\n", "expected the end of the line, got 'x' at line 1, column 5 (offset 4)"),
        ("1 2", "expected the end of the line, got '2' at line 1, column 3 (offset 2)"),
        ("12x", "expected the end of the line, got 'x' at line 1, column 3 (offset 2)"),
        ('{"a": 1}{"a": 2}', "expected the end of the line, got '{' at line 1, column 9 (offset 8)"),
        ('"a\nb"', "expected the rest of a string, got the end of the line at line 1, column 3 (offset 2)"),
        ('["\\u00', "expected the rest of a string, got the end of the line at line 1, column 7 (offset 6)"),
        ("1\r2", "expected the end of the line, got '2' at line 1, column 3 (offset 2)"),
        ("[\r\n]", "expected a value or ']', got the end of the line at line 1, column 3 (offset 2)"),
        ("\ufeff1", "expected a value, got '\\ufeff' at line 1, column 1 (offset 0)"),
    ],
)
def test_a_fault_names_the_line(text: str, message: str) -> None:
    for pieces in ([text], list(text)):
        items, fault = run_machine(JSONLines, pieces)
        assert isinstance(fault, InvalidJSON)
        assert str(fault) == message
        assert items == ([1] if text.startswith("1\n") else [])


def test_what_is_too_deep_or_too_long_names_the_line_too() -> None:
    machine = partial(JSONLines, max_depth=2)
    assert run_machine(machine, ["[[]]"]) == ([[[]]], None)
    _, fault = run_machine(machine, ["1\n[[[]]]"])
    assert isinstance(fault, TooDeep)
    assert (fault.line, fault.offset) == (2, 4)
    _, fault = run_machine(JSONLines, ["1\n" + "7" * 5000])
    assert isinstance(fault, InvalidJSON)
    assert fault.line == 2
    assert fault.got == "one of 5000"


def test_a_model_judges_each_line_and_the_message_names_it() -> None:
    model: Model[Any] = Model(Item, operator="test")
    text = '{"name": "a"}\n{"name": 1}\n{"name": "b"}\n?\n{"name": "c"}'
    faults: list[TextError] = []
    items, _ = run_machine(partial(JSONLines, model=model, on_invalid=faults.append), [text])
    assert items == [Item(name="a"), Item(name="b"), Item(name="c")]
    invalid, broken = faults
    assert isinstance(invalid, InvalidValue)
    assert str(invalid).startswith("line 2: $.name: ")
    assert (invalid.path, invalid.value) == ("$.name", {"name": 1})
    assert invalid.__cause__ is not None
    assert isinstance(broken, InvalidJSON)
    assert broken.line == 4
    items, fault = run_machine(partial(JSONLines, model=model), [text])
    assert items == [Item(name="a")]
    assert isinstance(fault, InvalidValue)
    assert fault.__cause__ is not None


def test_bytes_may_be_cut_anywhere() -> None:
    make: Any = partial(splitter, partial(JSONLines, on_invalid="skip"), "parse_ndjson()", takes_bytes=True)
    body = '["é👍"]\n"日本"\n'.encode() + b'["\xff"]\n\xe2\x82\n3'
    for size in range(1, len(body) + 1):
        pieces = [body[place : place + size] for place in range(0, len(body), size)]
        assert run_machine(make, pieces) == ([["é👍"], "日本", 3], None)


@pytest.mark.parametrize("text", [text for text in ACCEPTED if "\n" not in text])
def test_each_json_text_is_a_line(text: str) -> None:
    items, fault = run_machine(JSONLines, ["0\n", text, "\n1"])
    assert fault is None
    assert equal(items, [0, json.loads(text), 1])


@pytest.mark.parametrize("text", [text for text in REFUSED if "\n" not in text and text.strip(" ")])
def test_nothing_else_is(text: str) -> None:
    assert run_machine(partial(JSONLines, on_invalid="skip"), ["0\n", *text, "\n1"]) == ([0, 1], None)


@pytest.mark.parametrize("body", BROKEN_BYTES)
def test_nor_are_broken_bytes(body: bytes) -> None:
    make: Any = partial(splitter, partial(JSONLines, on_invalid="skip"), "parse_ndjson()", takes_bytes=True)
    assert run_machine(make, [b"0\n", body, b"\n1"]) == ([0, 1], None)


# ---------------------------------------------------------------- laws

LINES = (
    '{"a": [1, "x\\u00e9"]}\n\n12\r\n \ttrue \n"\\ud83d\\ude00"',
    "1\n[2] 3\n4",
    '[1]\n"a\nb"',
    "{\n}",
    "\n",
    "",
)


@pytest.mark.parametrize("on_invalid", ["raise", "skip"])
def test_laws(on_invalid: Any) -> None:
    check_machine(partial(JSONLines, on_invalid=on_invalid), LINES, linear=False)


@pytest.mark.parametrize(
    ("shape", "make"),
    [
        *LONG,
        ("lines", repeated('{"a": [1, "x"]}\n')),
        ("blank lines", repeated("\n")),
        ("lines that are none", repeated("x\n")),
    ],
)
def test_law_3(shape: str, make: Any) -> None:
    machine = partial(JSONLines, on_invalid=list[Any]().append, max_depth=10**9)
    assert_linear(machine, in_fours(make), shape=shape)
    assert_linear(machine, lambda size: [make(size)], shape=shape)
