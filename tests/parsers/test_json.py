"""JSON out of streams, as one meets it; what exactly is found, the machines' own tests say."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

import rxstream as rxs
from rxstream.errors import InvalidJSON, InvalidValue, MixedChoices, TextError, TooDeep
from rxstream.parsers.json import parse_json, parse_ndjson, parse_partial_json
from rxstream.sansio.partial_json import PartialJSON
from rxstream.testing import check_operator
from tests.sansio.json_cases import ACCEPTED, BROKEN_BYTES, REFUSED
from tests.sansio.json_documents import equal, events

#: For what their types forbid.
anything: Any = parse_json
anything_partial: Any = parse_partial_json
anything_lines: Any = parse_ndjson


class Item(BaseModel):
    name: str
    price: float = 0.0


class Basket(BaseModel):
    items: list[Item] = []
    note: str | None = None


ANSWER = [
    rxs.StreamChunk("", role="assistant"),
    rxs.StreamChunk("Sure:\n``"),
    rxs.StreamChunk('`json\n{"items": [{"na'),
    rxs.StreamChunk('me": "tea", "price": 1.5}, {"name": "coff'),
    rxs.StreamChunk('ee"}], "note": "\\u00e'),
    rxs.StreamChunk('9"}\n```\nand {"more": tr'),
    rxs.StreamChunk("ue}", "stop"),
    rxs.StreamChunk("", usage=rxs.Usage(1, 2, 3)),
]
ITEMS = [{"name": "tea", "price": 1.5}, {"name": "coffee"}]
BASKET = {"items": ITEMS, "note": "é"}


def given(items: Any, *operators: Any) -> list[Any]:
    stream: Any = rxs.from_stream(list(items))
    found: list[Any] = rxs.run(stream.pipe(*operators))
    return found


def seen_before(error: type[Exception], items: Any, *operators: Any) -> tuple[list[Any], Any]:
    """Give what came before an error, and the error."""
    seen: list[Any] = []
    stream: Any = rxs.from_stream(list(items))
    with pytest.raises(error) as caught:
        rxs.run(stream.pipe(*operators), on_item=seen.append)
    return seen, caught.value


# ---------------------------------------------------------------- parse_json


def test_every_object_in_an_answer_comes_out() -> None:
    assert given(ANSWER, parse_json()) == [BASKET, {"more": True}]
    assert given([chunk.content for chunk in ANSWER], parse_json()) == [BASKET, {"more": True}]


def test_the_values_at_a_path_come_out() -> None:
    assert given(ANSWER, parse_json(at="$.items[*]")) == ITEMS
    assert given(ANSWER, parse_json(at="$.items[*].name")) == ["tea", "coffee"]
    assert given(ANSWER, parse_json(at="$")) == [BASKET]


def test_with_a_model_its_objects_come_out() -> None:
    tea, coffee = Item(name="tea", price=1.5), Item(name="coffee")
    assert given(ANSWER, parse_json(at="$.items[*]", model=Item)) == [tea, coffee]
    assert given(ANSWER, parse_json(model=Basket))[0] == Basket(items=[tea, coffee], note="é")
    assert given(["[1, 2]"], parse_json(at="$", model=tuple[int, int])) == [(1, 2)]


def test_a_real_answer_is_the_object_that_it_is() -> None:
    answer = rxs.from_recording("05-json-schema", speed=None)
    whole = json.loads("".join(chunk.content for chunk in rxs.run(answer)))
    assert rxs.run(answer.pipe(parse_json())) == [whole]
    assert rxs.run(answer.pipe(parse_json(strict=True))) == [whole]
    assert rxs.run(answer.pipe(parse_json(at="$.skills[*]"))) == whole["skills"]
    assert rxs.run(answer.pipe(parse_partial_json()))[-1].value == whole


def test_without_a_path_what_is_no_object_is_skipped() -> None:
    text = 'Use {braces} [1] {"a": 1,} {"a": 2} {"a": {"b": 3'
    assert given([text], parse_json()) == [{"a": 2}]
    faults: list[TextError] = []
    assert given(text, parse_json(on_invalid=faults.append)) == [{"a": 2}]
    assert [one.offset for one in faults if isinstance(one, InvalidJSON)] == [5, 25, 49]
    seen, error = seen_before(InvalidJSON, ['{"a": 2} {"a": x}'], parse_json(on_invalid="raise"))
    assert seen == [{"a": 2}]
    assert str(error) == "expected a value, got 'x' at line 1, column 16 (offset 15)"


def test_with_a_path_a_fault_is_raised_behind_what_was_found() -> None:
    text = '{"items": [1, 2, x], "more": 3}'
    for items in ([text], text):
        seen, error = seen_before(InvalidJSON, items, parse_json(at="$.items[*]"))
        assert seen == [1, 2]
        assert (error.offset, error.line, error.column) == (17, 1, 18)
        assert (error.expected, error.got) == ("a value", "'x'")
    assert given([text], parse_json(at="$.items[*]", on_invalid="skip")) == [1, 2]


def test_a_cut_or_missing_document_is_a_fault() -> None:
    seen, error = seen_before(InvalidJSON, [rxs.StreamChunk("[1, 2", "length")], parse_json(at="$[*]"))
    assert seen == [1]
    assert error.got == "the end of the text"
    _, error = seen_before(InvalidJSON, ["I cannot."], parse_json(at="$"))
    assert str(error).startswith(
        "expected a JSON document, which starts with '{' or '[', got the end of the text"
    )
    _, error = seen_before(InvalidJSON, [], parse_json(strict=True))
    assert error.offset == 0


def test_a_value_that_the_model_forbids_names_its_path() -> None:
    text = '[{"name": "a"}, {"name": 1}, {"name": "b"}]'
    seen, error = seen_before(InvalidValue, [text], parse_json(at="$[*]", model=Item))
    assert seen == [Item(name="a")]
    assert error.path == "$[1].name"
    kept = given([text], parse_json(at="$[*]", model=Item, on_invalid="skip"))
    assert kept == [Item(name="a"), Item(name="b")]


def test_strict_is_the_whole_text() -> None:
    assert given(["1", "2"], parse_json(strict=True)) == [12]
    _, error = seen_before(InvalidJSON, ANSWER, parse_json(strict=True))
    assert error.offset == 0


@pytest.mark.parametrize("text", [*ACCEPTED[::12], '{"é": ["👍", "\\ud83d\\ude00"]}'])
def test_strict_takes_bytes_one_by_one(text: str) -> None:
    body = text.encode()
    assert equal(
        given([body[i : i + 1] for i in range(len(body))], parse_json(strict=True)), [json.loads(text)]
    )
    assert equal(given([body], parse_json(strict=True)), [json.loads(text)])


@pytest.mark.parametrize("text", [*REFUSED[::20], *BROKEN_BYTES[::2]])
def test_strict_refuses_bytes_one_by_one(text: str | bytes) -> None:
    body = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    for pieces in ([body], [body[i : i + 1] for i in range(len(body))]):
        seen_before(InvalidJSON, pieces, parse_json(strict=True))


def test_depth_is_bounded_by_a_parameter() -> None:
    assert given(["[[1]]"], parse_json(at="$", max_depth=2)) == [[[1]]]
    _, error = seen_before(TooDeep, ["[[[1]]]"], parse_json(at="$", max_depth=2))
    assert error.offset == 2
    assert given(['{"a": {"b": {}}}'], parse_json(max_depth=2)) == [{}]


def test_an_error_from_upstream_drops_the_unfinished_value() -> None:
    def fail() -> Any:
        yield '{"a": 1} {"b": '
        raise OSError("gone")

    seen: list[Any] = []
    with pytest.raises(OSError, match="gone"):
        rxs.run(rxs.from_stream(fail).pipe(parse_json()), on_item=seen.append)
    assert seen == [{"a": 1}]


def test_each_subscription_begins_anew() -> None:
    stream = rxs.from_stream(lambda: ['{"a"', ": 1}"]).pipe(parse_json())
    assert rxs.run(stream) == rxs.run(stream) == [{"a": 1}]


# ---------------------------------------------------------------- parse_partial_json


def test_a_document_is_followed_while_it_is_written() -> None:
    items = given(ANSWER, parse_partial_json())
    assert [item.path for item in items if item.kind == "string"] == [
        ("items", 0, "name"),
        ("items", 1, "name"),
        ("items", 1, "name"),
        ("note",),
        ("note",),
    ]
    assert items[-1] == PartialJSON((), None, True, kind="object")
    assert items[-1].value == BASKET
    cut = next(item for item in items if item.delta == "coff")
    assert cut.value == {"items": [ITEMS[0], {"name": "coff"}]}
    assert cut.is_complete("$.items[0]")
    assert not cut.is_complete("$.items")


def test_with_a_model_the_value_is_an_object_of_it_from_the_first_item_on() -> None:
    items = given(ANSWER, parse_partial_json(model=Basket))
    assert all(isinstance(item.value, Basket) for item in items)
    assert items[-1].value == Basket(items=[Item(name="tea", price=1.5), Item(name="coffee")], note="é")


def test_a_document_that_is_cut_is_no_error_unless_it_is_strict() -> None:
    items = given(['[1, "a'], parse_partial_json())
    assert items[-1].value == [1, "a"]
    assert not items[-1].is_complete()
    seen, error = seen_before(InvalidJSON, ['[1, "a'], parse_partial_json(strict=True))
    assert seen == items
    assert error.got == "the end of the text"


def test_a_broken_document_is_an_error_behind_what_is_known() -> None:
    seen, error = seen_before(InvalidJSON, ['{"a": "x\\y"}'], parse_partial_json())
    assert seen[-1].value == {"a": "x"}
    assert error.offset == 9
    seen, error = seen_before(TooDeep, ["[[["], parse_partial_json(max_depth=2))
    assert seen[-1].value == [[]]
    seen, error = seen_before(InvalidValue, ['{"items": 1}'], parse_partial_json(model=Basket))
    assert error.path == "$.items"
    assert not any(item.is_complete() for item in seen)


# ---------------------------------------------------------------- parse_ndjson


def test_each_line_is_a_value() -> None:
    assert given(['{"a": 1}\r\n\n[tr', "ue]\n", "3"], parse_ndjson()) == [{"a": 1}, [True], 3]
    assert given([b'"\xc3', b'\xa9"\n2'], parse_ndjson()) == ["é", 2]
    assert given(['{"name": "a"}\n{"name": "b"}'], parse_ndjson(model=Item)) == [
        Item(name="a"),
        Item(name="b"),
    ]


def test_a_bad_line_is_named() -> None:
    text = '{"name": "a"}\n{"name": 1}\nnone\n{"name": "b"}'
    seen, error = seen_before(InvalidJSON, [text], parse_ndjson())
    assert len(seen) == 2
    assert (error.line, error.column) == (3, 2)
    seen, error = seen_before(InvalidValue, [text], parse_ndjson(model=Item))
    assert seen == [Item(name="a")]
    assert str(error).startswith("line 2: $.name: ")
    assert given([text], parse_ndjson(model=Item, on_invalid="skip")) == [Item(name="a"), Item(name="b")]
    faults: list[TextError] = []
    assert len(given([text], parse_ndjson(on_invalid=faults.append))) == 3
    assert [type(one) for one in faults] == [InvalidJSON]
    seen, error = seen_before(TooDeep, ["1\n[[]]"], parse_ndjson(max_depth=1))
    assert (seen, error.line) == ([1], 2)


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: parse_json(at="items"),
            ValueError,
            r"^parse_json\(\): expected a JSONPath, which starts with '\$'",
        ),
        (lambda: anything(at=5), TypeError, r"^parse_json\(\): expected a JSONPath such as"),
        (
            lambda: anything(on_invalid="drop"),
            TypeError,
            r"^parse_json\(\): on_invalid expects 'skip', 'raise' or",
        ),
        (
            lambda: parse_json(max_depth=0),
            ValueError,
            r"^parse_json\(\): max_depth must be an int of at least 1",
        ),
        (lambda: anything(model="Item"), TypeError, r"^parse_json\(\): expected as model"),
        (lambda: anything("$"), TypeError, r"positional"),
        (lambda: parse_partial_json(max_depth=-1), ValueError, r"^parse_partial_json\(\): max_depth must be"),
        (
            lambda: anything_partial(model=Item(name="a")),
            TypeError,
            r"^parse_partial_json\(\): expected as model",
        ),
        (lambda: anything_lines(on_invalid=None), TypeError, r"^parse_ndjson\(\): on_invalid expects"),
        (lambda: anything_lines(model=7), TypeError, r"^parse_ndjson\(\): expected as model"),
    ],
)
def test_wrong_arguments_are_refused_where_they_are_written(
    call: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    ("operator", "name"),
    [
        (parse_json(), "parse_json"),
        (parse_partial_json(), "parse_partial_json"),
        (parse_ndjson(), "parse_ndjson"),
    ],
)
def test_other_items_are_refused_by_the_operators_name(operator: Any, name: str) -> None:
    with pytest.raises(TypeError, match=rf"{name}\(\) works on text"):
        given([{"a": 1}], operator)
    with pytest.raises(MixedChoices, match=rf"{name}\(\)"):
        given([rxs.StreamChunk("[1"), rxs.StreamChunk("]", choice=1)], operator)


# ---------------------------------------------------------------- laws

PIECES = [
    'Sure: {"items": [1, {"na',
    'me": "t\\u00',
    'e9"}], "x": tr',
    "ue} {n",
    'o} {"b": "\\ud83d',
    '\\ude00"}',
]


@pytest.mark.parametrize(
    ("operator", "items"),
    [
        (parse_json(), PIECES),
        (parse_json(model=dict[str, Any]), PIECES),
        (parse_json(at="$.items[*]"), PIECES),
        (parse_json(strict=True), ["[1", ', "a', '"]', " "]),
        (parse_ndjson(), ['{"a": 1}\n[t', "rue]\n\n", "12"]),
        (parse_ndjson(on_invalid="skip"), ["1\nx\n", "2\n"]),
    ],
)
def test_the_operators_meet_the_laws(operator: Any, items: list[str]) -> None:
    check_operator(operator, items)


@pytest.mark.parametrize(
    "operator", [parse_partial_json(), parse_partial_json(model=Basket)], ids=["values", "a model"]
)
def test_the_operator_on_growing_parts_meets_the_laws(operator: Any) -> None:
    check_operator(
        operator,
        ['so: {"items": [{"name": "t\\u00', 'e9", "price": 1', '2}], "note": "a', 'b"} ['],
        join=events,
    )
