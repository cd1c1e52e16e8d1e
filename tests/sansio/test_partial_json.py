"""A document while it is being written: its items, its snapshots, and what is whole."""

import json
import random
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import jiter
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel

from rxstream.errors import InvalidJSON, InvalidValue, TooDeep
from rxstream.sansio.models import Model
from rxstream.sansio.partial_json import PartialDocument, PartialJSON
from rxstream.sansio.texts import splitter
from rxstream.testing import assert_linear, check_machine, chunkings, run_machine
from tests.sansio.json_cases import ACCEPTED, BROKEN_BYTES, REFUSED
from tests.sansio.json_documents import (
    NOTHING,
    contained,
    documents,
    equal,
    events,
    known,
    mutated,
    nested,
    read,
)
from tests.sansio.json_shapes import LONG, in_fours

Path = tuple[str | int, ...]


def items_of(pieces: Iterable[str], **options: Any) -> list[Any]:
    items, fault = run_machine(lambda: PartialDocument(**options), pieces)
    assert fault is None
    return items


def after(text: str, pieces: Sequence[str], **options: Any) -> list[list[Any]]:
    """Give what is out after each piece."""
    assert "".join(pieces) == text
    machine = PartialDocument(**options)
    return [list(machine.feed(piece)) for piece in pieces]


def paths_of(value: Any) -> list[Path]:
    """Give the path of every value in a value."""
    found: list[Path] = []
    todo: list[tuple[Path, Any]] = [((), value)]
    while todo:
        path, one = todo.pop()
        found.append(path)
        members = one.items() if one.__class__ is dict else enumerate(one) if one.__class__ is list else ()
        todo.extend(((*path, key), inside) for key, inside in members)
    return found


def unique(text: str) -> bool:
    """Tell whether no key stands twice in an object."""
    twice: list[int] = []

    def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            twice.append(1)
        return made

    json.loads(text, object_pairs_hook=note)
    return not twice


# ---------------------------------------------------------------- items


def test_an_item_says_what_is_new_of_one_place() -> None:
    text = '{"a": [1, true, null], "b": "x\\ny", "c": {}}'
    expected: list[PartialJSON[Any]] = [
        PartialJSON((), kind="object"),
        PartialJSON(("a",), kind="array"),
        PartialJSON(("a", 0), 1, True),
        PartialJSON(("a", 1), True, True),
        PartialJSON(("a", 2), None, True, kind="null"),
        PartialJSON(("a",), None, True, kind="array"),
        PartialJSON(("b",), "x\ny", True),
        PartialJSON(("c",), None, False, kind="object"),
        PartialJSON(("c",), None, True, kind="object"),
        PartialJSON((), None, True, kind="object"),
    ]
    assert items_of([text]) == expected
    assert events(items_of(text)) == events(expected)


def test_a_string_comes_in_pieces_and_the_last_one_says_so() -> None:
    pieces = ["[", '"', "", "a", "b\\", "n", "\\ud83d", "\\ude0", "0c", '"', ","]
    assert after("".join(pieces), pieces) == [
        [PartialJSON((), kind="array")],
        [PartialJSON((0,), "")],
        [],
        [PartialJSON((0,), "a")],
        [PartialJSON((0,), "b")],
        [PartialJSON((0,), "\n")],
        [],
        [],
        [PartialJSON((0,), "😀c")],
        [PartialJSON((0,), "", True)],
        [],
    ]


def test_numbers_and_literals_come_when_they_are_delimited() -> None:
    pieces = ["[1", "2", ".", "5", " ", ", tr", "ue", ",", "-0", "]"]
    assert [items for items in after("".join(pieces), pieces) if items] == [
        [PartialJSON((), kind="array")],
        [PartialJSON((0,), 12.5, True)],
        [PartialJSON((1,), True, True)],
        [PartialJSON((2,), 0, True), PartialJSON((), None, True, kind="array")],
    ]


def test_a_key_comes_when_its_value_begins() -> None:
    machine = PartialDocument()
    for piece in ("{", '"a', '"', " : "):
        for item in machine.feed(piece):
            assert item.value == {}
    (item,) = machine.feed('"')
    assert item.value == {"a": ""}
    assert item.path == ("a",)


@given(documents(), st.data())
def test_the_items_together_are_the_document(text: str, data: st.DataObject) -> None:
    items = items_of(data.draw(chunkings(text)), strict=True)
    assert items[-1].path == ()
    assert items[-1].complete
    assert equal(items[-1].value, json.loads(text))
    assert [item.complete for item in items if item.path == ()].count(True) == 1
    assert equal(rebuilt(items), json.loads(text))


def rebuilt(items: Sequence[Any]) -> Any:
    """Make the document of what the items say, without any snapshot."""
    root: list[Any] = []
    open_string: Any = None
    for item in items:
        *outer, key = path = [0, *item.path]
        value: Any = item.delta
        if item.kind in {"object", "array"}:
            if item.complete:
                continue
            value = {} if item.kind == "object" else []
        inside: Any = root
        for step in outer:
            inside = inside[step]
        if path == open_string:
            value = inside[key] + value
        if inside.__class__ is list and len(inside) == key:
            inside.append(value)
        else:
            inside[key] = value
        open_string = path if item.kind == "string" and not item.complete else None
    return root[0]


@given(nested(), st.data())
def test_where_the_text_is_cut_changes_only_the_pieces_of_strings(text: str, data: st.DataObject) -> None:
    text = f"so: {text} and {text}"
    assert events(items_of(data.draw(chunkings(text)))) == events(items_of([text]))


def test_items_are_compared_by_what_is_new() -> None:
    item: PartialJSON[Any] = PartialJSON(("a", 0), "x", True)
    assert item == PartialJSON(["a", 0], "x", True)
    assert item == items_of(['{"a": ["x"'])[-1]
    others: list[Any] = [
        PartialJSON(("a", 1), "x", True),
        PartialJSON(("a", 0), "y", True),
        PartialJSON(("a", 0), "x"),
        PartialJSON(("a", 0), "x", True, kind="number"),
        ("a", 0),
    ]
    assert all(item != other for other in others)
    assert PartialJSON((), 1, True) != PartialJSON((), True, True)
    with pytest.raises(TypeError, match="unhashable"):
        hash(item)


@pytest.mark.parametrize(
    ("delta", "kind"),
    [("x", "string"), ("", "string"), (1, "number"), (1.5, "number"), (True, "boolean"), (None, "object")],
)
def test_the_kind_of_an_item_made_by_hand_is_that_of_its_delta(delta: Any, kind: str) -> None:
    assert PartialJSON((), delta).kind == kind
    assert PartialJSON((), delta, kind="null").kind == "null"


def test_an_item_made_by_hand_has_no_document() -> None:
    item: PartialJSON[Any] = PartialJSON(("a",), "x")
    with pytest.raises(AttributeError, match="made by hand: there is no document behind it, and no value"):
        _ = item.value
    with pytest.raises(AttributeError, match="made by hand"):
        item.is_complete()


def test_an_item_shows_itself_as_it_can_be_made() -> None:
    item = items_of(['{"a": ["x'])[-1]
    assert repr(item) == "PartialJSON(('a', 0), 'x', False, kind='string')"
    assert eval(repr(item), {"PartialJSON": PartialJSON}) == item


# ---------------------------------------------------------------- snapshots


@given(nested(), st.data())
@example('{"a": {"b": 1}, "a": "x", "a": [1, "\\u00e9"], "a": 5}', None)
@example('[[1, -2.5e3], "\\ud83d\\ude00\\\\", {"k": {"": null}}, tru', None)
def test_the_last_snapshot_of_a_prefix_is_what_is_known_of_it(text: str, data: st.DataObject | None) -> None:
    text = text.strip(" \t\r\n")
    for end in range(len(text) + 1) if data is None else [data.draw(st.integers(0, len(text)))]:
        prefix = text[:end]
        value, whole = known(prefix)
        items = items_of([prefix] if data is None else data.draw(chunkings(prefix)))
        if not items:
            assert value is NOTHING
            continue
        last = items[-1]
        assert equal(last.value, value)
        for path in paths_of(value):
            assert last.is_complete(path) == (path in whole)


@given(nested(), st.data())
def test_every_item_shows_what_was_known_when_it_came(text: str, data: st.DataObject) -> None:
    text = text.strip(" \t\r\n")
    machine = PartialDocument()
    kept: list[tuple[Any, Any, set[Path]]] = []
    fed = ""
    for piece in data.draw(chunkings(text)):
        fed += piece
        items = list(machine.feed(piece))
        if items:
            kept.append((items[-1], *known(fed)))
    every = [*paths_of(json.loads(text)), ("no", "such"), (0, 0, 0, 0), (-1,)]
    order = data.draw(st.permutations(range(len(kept))))
    for index in [*range(len(kept)), *reversed(range(len(kept))), *order]:
        item, value, whole = kept[index]
        assert equal(item.value, value)
        for path in every:
            assert item.is_complete(path) == (path in whole)


@given(nested().filter(unique), st.data())
def test_nothing_is_taken_back(text: str, data: st.DataObject) -> None:
    items = items_of(data.draw(chunkings(text)))
    at_once = [item.value for item in items]
    for one, other in pairwise([*at_once, json.loads(text)]):
        assert contained(one, other)
    final = paths_of(json.loads(text))
    complete: set[Path] = set()
    for item, value in zip(items, at_once, strict=True):
        now = {path for path in final if item.is_complete(path)}
        assert complete <= now
        complete = now
        if item.complete:
            assert item.path in now
        # Its value, as the item says it, is in its place.
        inside = value
        for step in item.path:
            inside = inside[step]
        if item.kind == "string":
            assert inside.endswith(item.delta)
        elif item.kind not in {"object", "array"}:
            assert equal(inside, item.delta)
    assert complete == set(final)


@given(nested(), st.data())
def test_it_agrees_with_jiter_where_nothing_is_held_back(text: str, data: st.DataObject) -> None:
    text = text.strip(" \t\r\n")
    prefix = text[: data.draw(st.integers(1, len(text)))]
    items = items_of([prefix])
    in_string = items[-1].kind == "string" and not items[-1].complete
    if prefix[-1] not in '{}[],:"' or (in_string and "\\" in prefix[-12:]):
        return  # jiter shows numbers and literals that may go on, and no half of an escape either
    assert equal(items[-1].value, jiter.from_json(prefix.encode(), partial_mode="trailing-strings"))


def test_snapshots_are_kept_apart_and_share_what_is_whole() -> None:
    items = items_of(['{"a": [1, {"b": 2}], "c": ["x', "y", '"]}'])
    values = [item.value for item in items]
    assert values[0] == {}
    assert values[-1] == {"a": [1, {"b": 2}], "c": ["xy"]}
    in_c = [value for value in values if "c" in value]
    assert all(value["a"] is in_c[0]["a"] for value in in_c)
    assert len({id(value["c"]) for value in in_c[:2]}) == 2


def test_a_document_of_thousands_of_pieces_is_remembered() -> None:
    text = json.dumps(["word " * 2, 12, {"a": "b"}] * 200)
    items = items_of(text)
    assert len(items) > 2000
    assert items[-1].value == json.loads(text)
    for item in (items[1500], items[30], items[-2]):
        assert contained(item.value, json.loads(text))
        assert item.value[0] == "word word "


def test_a_value_that_is_asked_for_twice_is_made_once() -> None:
    item = items_of(['[["x'])[-1]
    assert item.value is item.value


@pytest.mark.parametrize(
    ("text", "path", "whole"),
    [
        ("[1", "$", False),
        ("[1]", "$", True),
        ("[1]", "$[0]", True),
        ("[1]", "$[1]", False),
        ("[1]", "$.a", False),
        ("[1,", (0,), True),
        ('["a', (0,), False),
        ('["a"', (0,), True),
        ('["a"', [0], True),
        ('["a"', (0, 0), False),
        ('{"a b": {"c": 1', "$['a b']", False),
        ('{"a b": {"c": 1,', "$['a b'].c", True),
        ('{"a b": {"c": 1}', "$['a b']", True),
        ('{"a": 1, "b": [', ("a",), True),
        ('{"a": 1, "b": [', ("b",), False),
        ('{"a": 1, "b": [', ("c",), False),
        ('{"a": 1, "b": [', (0,), False),
        ('{"a": {"b": 1}, "a": "x', ("a", "b"), False),
        ('{"a": {"b": 1}, "a": ["x', ("a", "b"), False),
        ('{"a": {"b": 1}, "a": tru', ("a", "b"), True),
        ('{"a": 1, "a": "x', ("a",), False),
        ('{"0": 1}', (0,), False),
        ("[1]", ("0",), False),
        ("[1]", (-1,), False),
    ],
)
def test_what_is_complete(text: str, path: Any, whole: bool) -> None:
    for pieces in ([text], list(text)):
        assert items_of(pieces)[-1].is_complete(path) is whole


def test_a_path_that_is_none_is_refused() -> None:
    item = items_of(["[1"])[-1]
    assert item.is_complete() is False
    with pytest.raises(ValueError, match="expected a JSONPath"):
        item.is_complete("items")


# ---------------------------------------------------------------- faults and ends


def test_a_text_that_ends_too_early_is_no_fault_unless_it_is_strict() -> None:
    for text in ("", "no document", '[1, {"a', '["x\\'):
        assert items_of([text]) == items_of([text])
        _, fault = run_machine(partial(PartialDocument, strict=True), [text])
        assert isinstance(fault, InvalidJSON)
    assert items_of(["none"]) == []
    assert not items_of(['[1, {"a'])[-1].complete


def test_what_is_around_a_document_is_ignored_unless_it_is_strict() -> None:
    assert items_of(["Sure: ", "[1", "] or ", "[2]", "\udc80"])[-1].value == [1]
    for text in ("x [1]", "[1] x", "[1][2]"):
        _, fault = run_machine(partial(PartialDocument, strict=True), [text])
        assert isinstance(fault, InvalidJSON)


@given(nested(), st.integers(0, 10**6), st.data())
@example('["ab\\x cd"]', 10**7, None)
@example('["ab\\ud83dx"]', 10**7, None)
def test_what_is_before_a_fault_comes_and_shows_what_was_known(
    text: str, seed: int, data: st.DataObject | None
) -> None:
    text = (mutated(text, seed) if data is not None else text).strip(" \t\r\n")
    pieces = [text] if data is None else data.draw(chunkings(text))
    items, fault = run_machine(PartialDocument, pieces)
    start = next((place for place, char in enumerate(text) if char in "{["), len(text))
    place, whole = read(text, start) if start < len(text) else (start, False)
    assert (fault is None) == (whole or place == len(text))
    if fault is not None:
        assert isinstance(fault, InvalidJSON)
        assert fault.offset == place
    if items:
        # A number, true, false or null may be delimited by the character that is the fault.
        in_string = items[-1].kind == "string" and not items[-1].complete
        delimits = text[place : place + 1] in {*",]} \t\r\n"} and not in_string
        behind = " " if delimits and read(text[start:place] + " ")[0] > place - start else ""
        assert equal(items[-1].value, known(text[start:place] + behind)[0])
        for item in [*items, *reversed(items)]:
            assert contained(items[0].value, item.value)


def test_depth_has_its_error_behind_what_is_known() -> None:
    items, fault = run_machine(partial(PartialDocument, max_depth=2), ['{"a": ["x", ["y"]]}'])
    assert isinstance(fault, TooDeep)
    assert items[-1].value == {"a": ["x"]}


def test_fifty_thousand_arrays_have_a_path_and_a_value() -> None:
    depth = 50_000
    items = items_of(["[" * depth], max_depth=depth)
    assert items[-1].path == (0,) * (depth - 1)
    value = items[-1].value
    for _ in range(depth - 1):
        (value,) = value
    assert value == []
    assert items[-1].is_complete(items[-1].path) is False
    assert items[0] != items[-1]


def test_an_integer_that_is_too_long_is_a_fault() -> None:
    items, fault = run_machine(PartialDocument, ["[1, " + "7" * 5000 + "]"])
    assert isinstance(fault, InvalidJSON)
    assert "an integer of at most 4300 digits" in str(fault)
    assert items[-1].value == [1]


def test_a_fault_names_the_text() -> None:
    _, fault = run_machine(partial(PartialDocument, context="the arguments of f", strict=True), ["[1", "}"])
    assert str(fault) == ("expected ',' or ']', got '}' at line 1, column 3 (offset 2) of the arguments of f")


def test_offsets_count_what_is_inside_of_strings() -> None:
    pieces = ['x\n["a', "bc", "\\", "nd", 'e"', "\n", "?"]
    _, fault = run_machine(PartialDocument, pieces)
    assert isinstance(fault, InvalidJSON)
    assert (fault.offset, fault.line, fault.column) == (13, 3, 1)


# ---------------------------------------------------------------- strict: RFC 8259


@pytest.mark.parametrize("text", ACCEPTED)
def test_json_is_accepted(text: str) -> None:
    for pieces in ([text], list(text)):
        last = items_of(pieces, strict=True)[-1]
        assert equal(last.value, json.loads(text))
        assert last.is_complete()


@pytest.mark.parametrize("text", [*REFUSED, *BROKEN_BYTES])
def test_anything_else_is_refused(text: str | bytes) -> None:
    make = partial(splitter, partial(PartialDocument, strict=True), "parse_partial_json()", takes_bytes=True)
    ways: list[Any] = [[text], [text[place : place + 1] for place in range(len(text))]]
    for pieces in ways:
        items, fault = run_machine(make, pieces)
        assert isinstance(fault, InvalidJSON)
        for item in items:
            _ = item.value  # it can be asked for


# ---------------------------------------------------------------- models


class Item(BaseModel):
    name: str
    price: float | None = None


class Order(BaseModel):
    items: list[Item] = []
    note: str = ""


ORDER: Model[Order] = Model(Order, operator="test")
ORDER_TEXT = '{"items": [{"name": "tea", "price": 1.5}, {"name": "cof'


def test_with_a_model_the_value_is_an_object_of_it() -> None:
    last: Any = items_of([ORDER_TEXT], model=ORDER)[-1]
    assert isinstance(last.value, Order)
    assert [item.name for item in last.value.items] == ["tea", "cof"]
    assert last.is_complete("$.items[0]")
    assert not last.is_complete("$.items[1].name")
    pieces = list(ORDER_TEXT + 'fee"}]}')
    items = items_of(pieces, model=ORDER)
    whole = Order(items=[Item(name="tea", price=1.5), Item(name="coffee")])
    assert items[-1].value == whole
    assert items[-1].value is items[-1].value
    assert [item.name for item in items[-4].value.items] == ["tea", "coffee"]
    rng = random.Random(0)
    values = [item.value for item in items]
    for index in rng.sample(range(len(items)), len(items)):
        assert items[index].value == values[index]


def test_a_whole_document_that_is_not_valid_is_a_fault_behind_what_was_shown() -> None:
    text = '{"items": [{"price": "dear"}]}'
    for pieces in ([text], list(text)):
        items, fault = run_machine(partial(PartialDocument, model=ORDER), pieces)
        assert isinstance(fault, InvalidValue)
        assert fault.path == "$.items[0].name"
        assert not any(item.complete and item.path == () for item in items)
        assert isinstance(items[-1].value, Order)


def test_a_strict_document_that_is_one_number_is_validated_at_the_end() -> None:
    number: Model[Any] = Model(int, operator="test")
    assert items_of(["12"], model=number, strict=True)[-1].value == 12
    items, fault = run_machine(partial(PartialDocument, model=number, strict=True), ["1", "2.5"])
    assert items == []
    assert isinstance(fault, InvalidValue)


# ---------------------------------------------------------------- laws

SAMPLES = (
    'Sure: {"a": [1, {"b": "}"}], "é": null, "c": "x\\n\\u00e9"}\n{"d',
    '[[1.5, tru], -0, "\\ud83d\\ude00\\"\\\\"]',
    '{"a": true, "a": {"b": [[], {}]}, "a": "x"}',
    '["ab\\x"]',
    '["\\ud83d"]',
    "{]",
    "no",
    "",
)
STRICT = ('"a\\nb"', " 12.5 ", "nul", '[1, "x"] y', "")


@pytest.mark.parametrize("options", [{}, {"max_depth": 2}], ids=str)
def test_laws(options: dict[str, Any]) -> None:
    check_machine(lambda: PartialDocument(**options), SAMPLES, join=events, linear=False)


def test_laws_of_strict_documents() -> None:
    samples = STRICT + SAMPLES[1:4]
    check_machine(partial(PartialDocument, strict=True), samples, join=events, linear=False)


class Shown:
    """A machine whose consumer keeps every item, and asks each for its value as it comes."""

    def __init__(self, every: int) -> None:
        self.machine = PartialDocument(max_depth=10**9)
        self.every = every
        self.kept: list[Any] = []
        self.chunks = 0

    def feed(self, chunk: str) -> list[Any]:
        items = list(self.machine.feed(chunk))
        self.kept += items
        self.chunks += 1
        if self.every and items and self.chunks % self.every == 0:
            _ = items[-1].value
            items[-1].is_complete(items[-1].path)
        return items

    def close(self) -> list[Any]:
        return list(self.machine.close())


#: A fault ends the others, and they are cheap for no good reason.
ALL_OF_IT = [one for one in LONG if run_machine(partial(Shown, 0), [one[1](200)])[1] is None]


@pytest.mark.parametrize(("shape", "make"), ALL_OF_IT, ids=[name for name, _ in ALL_OF_IT])
def test_law_3_also_when_every_item_is_kept(shape: str, make: Any) -> None:
    assert_linear(partial(Shown, 0), in_fours(make), shape=shape)
    assert_linear(partial(Shown, 0), lambda size: [make(size)], shape=f"{shape}, in one chunk")


def test_most_of_the_long_shapes_are_taken_to_their_end() -> None:
    assert len(ALL_OF_IT) > 12


def test_law_3_also_when_values_are_asked_for_of_a_document_whose_open_parts_are_small() -> None:
    def chunks(size: int) -> list[str]:
        text = '{"a": {"b": ["' + "lorem ipsum " * 8 + '", 1, true]}, "a": 1, '
        return in_fours(lambda size: text + text[1:] * (size // len(text)))(size)

    assert_linear(partial(Shown, 1), chunks, shape="small values, each asked for")
