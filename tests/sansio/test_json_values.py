"""Values in a text: all outermost objects, and those at a path of one document."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel

from rxstream.errors import InvalidJSON, InvalidValue, TextError, TooDeep
from rxstream.sansio.json_path import ANY, Step, show_path
from rxstream.sansio.json_values import JSONObjects, JSONValues
from rxstream.sansio.models import Model
from rxstream.sansio.texts import splitter
from rxstream.testing import assert_linear, check_machine, chunkings, run_machine, texts
from tests.sansio.json_cases import ACCEPTED, BROKEN_BYTES, REFUSED
from tests.sansio.json_documents import (
    Pairs,
    documents,
    equal,
    is_json,
    mutated,
    nested,
    nodes,
    objects_in,
    plain,
    written,
)
from tests.sansio.json_shapes import LONG, in_fours


class Item(BaseModel):
    name: str
    price: float = 0.0


ITEM: Model[Item] = Model(Item, operator="test")


def found(factory: Callable[[], Any], *pieces: Any) -> list[Any]:
    items, fault = run_machine(factory, pieces)
    assert fault is None
    return items


# ---------------------------------------------------------------- objects in a text

PROSE = texts(
    '{"a": 1}', '{"a": {"b": [{}]}}', "{", "}", '"', "[", "]", "```json\n", '{"a": "}"}', "{x", ": ", ","
)


@given(st.one_of(PROSE, nested(), st.lists(st.one_of(PROSE, nested()), max_size=4).map("".join)), st.data())
@example('{{"a":1}', None)
@example('{"a": {x: {"b":1}}} {"c": 2}', None)
@example('[{"a":1}, {"b":2}]', None)
@example('{"a" {"b":"\\x{}"}', None)
def test_every_outermost_object_is_found(text: str, data: st.DataObject | None) -> None:
    expected, broken = objects_in(text)
    faults: list[Any] = []
    pieces = [text] if data is None else data.draw(chunkings(text))
    items, fault = run_machine(lambda: JSONObjects(on_invalid=faults.append), pieces)
    assert fault is None
    assert equal(items, expected)
    assert [one.offset for one in faults] == broken
    for one in faults:
        assert one.line == text.count("\n", 0, one.offset) + 1
        assert one.column == one.offset - text.rfind("\n", 0, one.offset)
        assert one.got == (repr(text[one.offset]) if one.offset < len(text) else "the end of the text")
    assert equal(found(JSONObjects, *pieces), expected)


@given(nested(), st.integers(0, 10**6), st.integers(0, 10**6), st.data())
def test_objects_with_faults_are_given_up_where_they_break(
    text: str, one: int, other: int, data: st.DataObject
) -> None:
    text = mutated(text, one) + "\n" + mutated(text, other) + ' {"end": 1}'
    assert equal(found(JSONObjects, *data.draw(chunkings(text))), objects_in(text)[0])


@given(
    st.lists(documents(st.lists(st.tuples(st.text(max_size=3), nodes), max_size=3).map(Pairs)), max_size=4)
)
def test_an_object_comes_when_its_brace_closes(objects: list[str]) -> None:
    machine = JSONObjects()
    for text in objects:
        text = text.strip(" \t\n\r")  # noqa: PLW2901 - white space around it is prose
        assert list(machine.feed("so: " + text[:-1])) == []
        (value,) = machine.feed(text[-1])
        assert equal(value, json.loads(text))
    assert list(machine.close()) == []


def test_a_candidate_that_breaks_is_given_up_where_it_broke() -> None:
    faults: list[TextError] = []
    machine = partial(JSONObjects, on_invalid=faults.append)
    text = 'Use {braces} or\n{"a": 1,} then {"b": 2} and {"c": {"d": 1'
    assert found(machine, text) == [{"b": 2}]
    assert [str(one) for one in faults] == [
        "expected a key in double quotes or '}', got 'b' at line 1, column 6 (offset 5)",
        "expected a key in double quotes, got '}' at line 2, column 9 (offset 24)",
        "expected ',' or '}', got the end of the text at line 2, column 42 (offset 57)",
    ]


@pytest.mark.parametrize(
    ("text", "offset"), [('{"a\\x', 4), ('{"a": "\\ud83dx', 13), ('{"\\ud83d\\ude0 ', 13), ('{"\\u00e {', 7)]
)
def test_a_fault_in_an_escape_that_is_cut_is_where_it_is(text: str, offset: int) -> None:
    for end in range(len(text)):
        faults: list[Any] = []
        found(partial(JSONObjects, on_invalid=faults.append), "x\n", text[:end], text[end:])
        assert [(one.offset, one.line, one.column) for one in faults[:1]] == [(offset + 2, 2, offset + 1)]


def test_the_brace_that_breaks_a_candidate_may_begin_another() -> None:
    assert found(JSONObjects, '{{"a": 1}') == [{"a": 1}]
    assert found(JSONObjects, '{"x": {{"a": 1}}') == [{"a": 1}]


def test_faults_can_be_raised_and_what_was_before_comes_first() -> None:
    items, fault = run_machine(partial(JSONObjects, on_invalid="raise"), ['{"a": 1} {b} {"c": 2}'])
    assert items == [{"a": 1}]
    assert isinstance(fault, InvalidJSON)
    assert fault.offset == 10
    items, fault = run_machine(partial(JSONObjects, on_invalid="raise"), ['{"a": 1} {"b'])
    assert items == [{"a": 1}]
    assert (
        str(fault) == "expected the rest of a key, got the end of the text at line 1, column 13 (offset 12)"
    )


def test_what_the_function_raises_ends_the_machine() -> None:
    def refuse(fault: TextError) -> None:
        raise OSError("refused") from fault

    items, fault = run_machine(partial(JSONObjects, on_invalid=refuse), ['{"a": 1} {b} {"c": 2}'])
    assert items == [{"a": 1}]
    assert isinstance(fault, OSError)


def test_an_object_that_is_too_deep_is_given_up_there() -> None:
    faults: list[TextError] = []
    machine = partial(JSONObjects, max_depth=2, on_invalid=faults.append)
    assert found(machine, '{"a": [{"b": {"c": 1}}]}') == [{"b": {"c": 1}}]
    assert [type(one) for one in faults] == [TooDeep]


@given(PROSE, st.binary(max_size=4), st.data())
@example('{"a": 1}', b"\xff", None)
def test_bytes_are_cut_anywhere_and_may_be_broken(text: str, junk: bytes, data: st.DataObject | None) -> None:
    body = text.encode()[: len(text) // 2] + junk + text.encode()
    decoded = body.decode("utf-8", "surrogateescape")
    pieces = [body] if data is None else data.draw(chunkings(body))
    machine = partial(splitter, JSONObjects, "parse_json()", takes_bytes=True)
    assert equal(found(machine, *pieces), objects_in(decoded)[0])


def test_only_valid_objects_come_with_a_model() -> None:
    faults: list[Any] = []
    machine = partial(JSONObjects, model=ITEM, on_invalid=faults.append)
    text = '{"name": "a"} {"name": 1} {nor} {"name": "b", "price": 2}'
    assert found(machine, *text) == [Item(name="a"), Item(name="b", price=2.0)]
    assert [type(one) for one in faults] == [InvalidValue, InvalidJSON]
    assert faults[0].path == "$.name"
    assert faults[0].value == {"name": 1}
    assert found(partial(JSONObjects, model=ITEM), text) == [Item(name="a"), Item(name="b", price=2.0)]
    items, fault = run_machine(partial(JSONObjects, model=ITEM, on_invalid="raise"), [text])
    assert items == [Item(name="a")]
    assert isinstance(fault, InvalidValue)


# ---------------------------------------------------------------- values at a path


def at(node: Any, steps: tuple[Step, ...]) -> Iterator[Any]:
    """Walk a path; where a key stands twice, both."""
    if not steps:
        yield plain(node)
    elif isinstance(node, Pairs):
        for key, value in node:
            if steps[0] is ANY or steps[0] == key:
                yield from at(value, steps[1:])
    elif node.__class__ is list:
        for index, value in enumerate(node):
            if steps[0] is ANY or (steps[0].__class__ is int and steps[0] == index):
                yield from at(value, steps[1:])


@st.composite
def located(draw: st.DrawFn) -> tuple[Any, str, tuple[Step, ...]]:
    """Draw a document, its text, and a path that leads somewhere in it, or nearly."""
    node: Any = draw(st.recursive(nodes, lambda inside: st.lists(inside, min_size=1, max_size=4)))
    steps: list[Step] = []
    inside = node
    while inside.__class__ in {list, Pairs} and inside and draw(st.integers(0, 5)):
        index = draw(st.integers(0, len(inside) - 1))
        key = inside[index][0] if isinstance(inside, Pairs) else index
        inside = inside[index][1] if isinstance(inside, Pairs) else inside[index]
        steps.append(draw(st.sampled_from([key, key, ANY])))
    if not draw(st.integers(0, 5)):
        steps.append(draw(st.sampled_from([0, 7, "a", "no such key", ANY])))
    return node, written(node, draw(st.integers(0, 1000))), tuple(steps)


@given(located(), st.data())
def test_the_values_at_a_path_are_what_a_walk_of_the_whole_finds(
    case: tuple[Any, str, tuple[Step, ...]], data: st.DataObject
) -> None:
    node, text, steps = case
    expected = list(at(node, steps))
    strict = partial(JSONValues, show_path(steps), strict=True)
    assert equal(found(strict, *data.draw(chunkings(text))), expected)
    if node.__class__ in {list, Pairs}:
        text = "Sure: here it is.\n```json\n" + text + "\n``` { more [ and } \\ so on"
        loose = partial(JSONValues, show_path(steps))
        assert equal(found(loose, *data.draw(chunkings(text))), expected)


@given(located(), st.data())
def test_what_is_found_before_the_end_is_found_in_a_document_that_is_cut(
    case: tuple[Any, str, tuple[Step, ...]], data: st.DataObject
) -> None:
    node, text, steps = case
    text = text.rstrip(" \t\r\n")
    cut = text[: data.draw(st.integers(0, max(len(text) - 1, 0)))]
    machine = partial(JSONValues, show_path(steps), strict=True)
    items, fault = run_machine(machine, data.draw(chunkings(cut)))
    if not is_json(cut):  # as 1 of 12 is
        assert isinstance(fault, InvalidJSON)
        assert fault.offset == len(cut)
        assert fault.got == "the end of the text"
        expected = list(at(node, steps))
        assert equal(items, expected[: len(items)])


def test_each_value_comes_the_moment_it_is_whole() -> None:
    machine = JSONValues("$.items[*]")
    came = [
        (piece, list(machine.feed(piece)))
        for piece in (
            '{"n": 1, "items": [',
            '{"a"',
            ": [1]",
            "}",
            ", 1",
            "2",
            ",",
            " tru",
            "e",
            ' , "x',
            '"',
            ", [",
            "]]",
            "}",
        )
    ]
    assert [(piece, values) for piece, values in came if values] == [
        ("}", [{"a": [1]}]),
        (",", [12]),
        (' , "x', [True]),
        ('"', ["x"]),
        ("]]", [[]]),
    ]


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("$", [{"a": [1, {"b": 2}, [3, 4]], "c d": {"0": "x"}, "a.b": None}]),
        ("$.a", [[1, {"b": 2}, [3, 4]]]),
        ("$.a[*]", [1, {"b": 2}, [3, 4]]),
        ("$.a[1].b", [2]),
        ("$.a[*].b", [2]),
        ("$.a[*][*]", [2, 3, 4]),
        ("$.a[2][0]", [3]),
        ("$['c d']['0']", ["x"]),
        ("$['c d'][0]", []),
        ("$['a.b']", [None]),
        ("$.*", [[1, {"b": 2}, [3, 4]], {"0": "x"}, None]),
        ("$.a.b", []),
        ("$.nothing[*]", []),
        ("$[0]", []),
        ("$.a[9]", []),
        ("$.a[0].b", []),
    ],
)
def test_paths(path: str, values: list[Any]) -> None:
    text = '{"a": [1, {"b": 2}, [3, 4]], "c d": {"0": "x"}, "a.b": null}'
    for pieces in ([text], list(text)):
        assert found(partial(JSONValues, path), *pieces) == values


def test_of_equal_keys_both_values_come() -> None:
    assert found(partial(JSONValues, "$.a"), '{"a": 1, "\\u0061": [2], "b": 3}') == [1, [2]]


def test_behind_the_document_text_is_ignored_unless_it_is_strict() -> None:
    text = '{"a": [1]} {"a": [2]}'
    assert found(partial(JSONValues, "$.a[*]"), text) == [1]
    items, fault = run_machine(partial(JSONValues, "$.a[*]", strict=True), [text])
    assert items == [1]
    assert str(fault) == "expected the end of the text, got '{' at line 1, column 12 (offset 11)"


def test_text_around_a_document_is_refused_when_it_is_strict() -> None:
    items, fault = run_machine(partial(JSONValues, strict=True), ["Sure: [1]"])
    assert items == []
    assert str(fault) == "expected a value, got 'S' at line 1, column 1 (offset 0)"


def test_a_missing_document_is_a_fault() -> None:
    _, fault = run_machine(JSONValues, ["no ", "document"])
    assert isinstance(fault, InvalidJSON)
    assert "expected a JSON document, which starts with '{' or '['" in str(fault)
    assert run_machine(partial(JSONValues, on_invalid="skip"), ["none"]) == ([], None)


def test_a_fault_ends_the_document_and_skip_says_nothing() -> None:
    text = '{"items": [1, 2, x, 3]} {"items": [4]}'
    assert found(partial(JSONValues, "$.items[*]", on_invalid="skip"), text) == [1, 2]
    items, fault = run_machine(partial(JSONValues, "$.items[*]"), [text])
    assert items == [1, 2]
    assert isinstance(fault, InvalidJSON)
    assert fault.offset == 17


def test_a_value_that_is_not_what_the_model_allows_costs_that_value() -> None:
    text = '{"items": [{"name": "a"}, {"name": 2}, {"price": 1}, {"name": "b"}, x'
    at_items = partial(JSONValues, "$.items[*]", model=ITEM)
    items, fault = run_machine(partial(at_items, on_invalid="skip"), [text])
    assert (items, fault) == ([Item(name="a"), Item(name="b")], None)
    faults: list[Any] = []
    assert found(partial(at_items, on_invalid=faults.append), *text) == [Item(name="a"), Item(name="b")]
    assert [getattr(one, "path", None) for one in faults] == ["$.items[1].name", "$.items[2].name", None]
    for pieces in ([text], list(text)):
        items, fault = run_machine(at_items, pieces)
        assert items == [Item(name="a")]
        assert isinstance(fault, InvalidValue)
        assert fault.path == "$.items[1].name"
        assert str(fault).startswith("$.items[1].name: ")


def test_a_model_may_be_any_type_also_for_values_that_are_deep() -> None:
    ints: Model[Any] = Model(int, operator="test")
    assert found(partial(JSONValues, "$[*]", model=ints, on_invalid="skip"), '[1, "2", 2.5, null]') == [1, 2]
    anything: Model[Any] = Model(Any, operator="test")
    text = "[" * 300 + "]" * 300
    assert equal(found(partial(JSONValues, model=anything), text), [json.loads(text)])


def test_a_value_that_is_deep_comes_whole() -> None:
    depth = 50_000
    (value,) = found(partial(JSONValues, max_depth=depth), "[" * depth, "]" * depth)
    for _ in range(depth - 1):
        (value,) = value
    assert value == []
    _, fault = run_machine(partial(JSONValues, max_depth=depth), ["[" * depth, "["])
    assert isinstance(fault, TooDeep)
    assert fault.offset == depth


def test_an_integer_that_is_too_long_is_a_fault_and_an_exponent_is_not() -> None:
    digits = "1" * 5000
    assert found(partial(JSONValues, "$[*]"), "[1e400, -1e400, 1e-400]") == [float("inf"), -float("inf"), 0.0]
    for text, offset in ((f'{{"a": {digits}}}', 5006), (digits, 5000)):
        items, fault = run_machine(partial(JSONValues, strict=True), [text])
        assert items == []
        assert isinstance(fault, InvalidJSON)
        assert str(fault) == (
            "expected an integer of at most 4300 digits (see sys.set_int_max_str_digits), got one of 5000 "
            f"at line 1, column {offset + 1} (offset {offset})"
        )
        assert str(run_machine(partial(JSONValues, strict=True), list(text))[1]) == str(fault)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"at": "items"}, ValueError),
        ({"at": 5}, TypeError),
        ({"on_invalid": "drop"}, TypeError),
        ({"max_depth": 0}, ValueError),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        JSONValues(**arguments)


# ---------------------------------------------------------------- strict: RFC 8259 and nothing else


def strict() -> Any:
    return splitter(partial(JSONValues, strict=True), "parse_json()", takes_bytes=True)


def cut_each(body: bytes) -> list[bytes]:
    return [body[place : place + 1] for place in range(len(body))]


@pytest.mark.parametrize("text", ACCEPTED)
def test_json_is_accepted_whole_and_byte_by_byte(text: str) -> None:
    expected = json.loads(text)
    for pieces in ([text], list(text), [text.encode()], cut_each(text.encode())):
        items, fault = run_machine(strict, pieces)
        assert fault is None
        assert equal(items, [expected])


@pytest.mark.parametrize("text", [*REFUSED, *BROKEN_BYTES])
def test_anything_else_is_refused_whole_and_byte_by_byte(text: str | bytes) -> None:
    body = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    ways: list[list[Any]] = [[body], cut_each(body)]
    if isinstance(text, str):
        ways += [[text], list(text)]
    for pieces in ways:
        _, fault = run_machine(strict, pieces)
        assert isinstance(fault, InvalidJSON)


def test_broken_bytes_around_a_document_do_not_matter_unless_it_is_strict() -> None:
    loose = partial(splitter, JSONValues, "parse_json()", takes_bytes=True)
    body = b'\xff\xe9 so: ["\xc3\xa9"] \xf0\x9f\x91'
    for pieces in ([body], cut_each(body), [bytearray(body)], [memoryview(body)]):
        assert found(loose, *pieces) == [["é"]]
    items, fault = run_machine(strict, [body])
    assert items == []
    assert str(fault).startswith("expected a value, got ")
    items, fault = run_machine(strict, [body[7:]])
    assert items == [["é"]]
    assert str(fault).startswith("expected the end of the text, got ")


# ---------------------------------------------------------------- laws

OBJECTS = (
    'Sure:\n```json\n{"a": [1, {"b": "}"}], "c": null}\n```\nor {"d": tru',
    '{{"a": 1} {"a" {"b":2}}} [{"c": -1.5e3}, {"c": "\\ud83d\\ude00\\"\\\\"}] {"c": "\\ud83d"} {}',
    '{x} {"a":01} {"é": "日本"} } ] "{',
    "",
)
DOCUMENTS = (
    'Sure:\n```json\n{"n": 1, "items": [{"a": [1]}, 12, true, "x\\u00e9\\ud83d\\ude00", null, {}]}\n```\n{',
    '{"items": [[1, 2], "]", {"b": "}"}, -1.5e3, 0], "items": 7, "items": [3]}',
    '{"items": [1, 2, x]}',
    '{"items": ["\\ud83d"]}',
    "no [",
    "",
)
STRICT = (' {"a": [1, "x"]} ', "12.5 ", "true", '"a\\n"', "[1] x", "01", "")


@pytest.mark.parametrize(
    ("factory", "samples"),
    [
        (JSONObjects, OBJECTS),
        (partial(JSONObjects, on_invalid="raise"), OBJECTS),
        (partial(JSONObjects, max_depth=2), OBJECTS),
        (JSONValues, DOCUMENTS),
        (partial(JSONValues, "$.items[*]"), DOCUMENTS),
        (partial(JSONValues, "$.items[*]", on_invalid="skip"), DOCUMENTS),
        (partial(JSONValues, strict=True), STRICT),
    ],
)
def test_laws(factory: Callable[[], Any], samples: tuple[str, ...]) -> None:
    check_machine(factory, samples, linear=False)


@pytest.mark.parametrize("samples", [OBJECTS, DOCUMENTS])
def test_laws_on_bytes(samples: tuple[str, ...]) -> None:
    make = JSONObjects if samples is OBJECTS else partial(JSONValues, "$.items[*]", on_invalid="skip")
    bodies = [sample.encode() for sample in samples] + [b'{"a": "\xff"} {"b": "\xc3\xa9"}']
    machine: Any = partial(splitter, make, "parse_json()", takes_bytes=True)
    check_machine(machine, bodies, linear=False)


#: Whatever is too deep ends a document, and is cheap for no good reason.
DEEP = 10**9


@pytest.mark.parametrize(("shape", "make"), LONG, ids=[name for name, _ in LONG])
def test_law_3_of_objects(shape: str, make: Callable[[int], str]) -> None:
    assert_linear(
        partial(JSONObjects, on_invalid=list[Any]().append, max_depth=DEEP), in_fours(make), shape=shape
    )


#: The others are no array, and found out at once.
ARRAYS = [one for one in LONG if one[1](1)[:1] == "["]


@pytest.mark.parametrize(("shape", "make"), ARRAYS, ids=[name for name, _ in ARRAYS])
def test_law_3_of_values(shape: str, make: Callable[[int], str]) -> None:
    machine = partial(JSONValues, "$[*].a", on_invalid="skip", max_depth=DEEP)
    assert_linear(machine, in_fours(make), shape=shape)


#: Where a long piece may hold many objects, and many faults.
MANY = [one for one in LONG if "object" in one[0] or one[0] in {"braces", "quotes", "records"}]


@pytest.mark.parametrize(("shape", "make"), MANY, ids=[name for name, _ in MANY])
def test_law_3_in_one_chunk(shape: str, make: Callable[[int], str]) -> None:
    assert_linear(partial(JSONObjects, max_depth=DEEP), lambda size: [make(size)], shape=shape)
