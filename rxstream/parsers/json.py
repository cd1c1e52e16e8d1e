"""Text to JSON values: whole ones, one that is being written, one a line."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, overload

from reactivex import Observable

from rxstream.engine.lift import lift
from rxstream.engine.pipeline import named
from rxstream.items import Text
from rxstream.sansio.json_grammar import MAX_DEPTH
from rxstream.sansio.json_lines import JSONLines
from rxstream.sansio.json_text import OnInvalid
from rxstream.sansio.json_values import JSONObjects, JSONValues
from rxstream.sansio.models import Model
from rxstream.sansio.partial_json import PartialDocument, PartialJSON
from rxstream.sansio.texts import splitter
from rxstream.text.made import made

__all__ = ("parse_json", "parse_ndjson", "parse_partial_json")

T = TypeVar("T")
O = TypeVar("O")  # noqa: E741 - what comes out
Operator = Callable[[Observable[Text | bytes]], Observable[O]]


@overload
def parse_json(
    *,
    at: str | None = None,
    model: None = None,
    on_invalid: OnInvalid | None = None,
    strict: bool = False,
    max_depth: int = MAX_DEPTH,
) -> Operator[Any]: ...
@overload
def parse_json(
    *,
    at: str | None = None,
    model: type[T],
    on_invalid: OnInvalid | None = None,
    strict: bool = False,
    max_depth: int = MAX_DEPTH,
) -> Operator[T]: ...
@overload
def parse_json(
    *,
    at: str | None = None,
    model: Any,
    on_invalid: OnInvalid | None = None,
    strict: bool = False,
    max_depth: int = MAX_DEPTH,
) -> Operator[Any]: ...
@named
def parse_json(
    *,
    at: str | None = None,
    model: Any = None,
    on_invalid: OnInvalid | None = None,
    strict: bool = False,
    max_depth: int = MAX_DEPTH,
) -> Operator[Any]:
    """Give JSON values, each the moment it is whole.

        --'Sure: {"a"'--': 1} and '--'{"b": [2]}'--|
        parse_json()
        ----------------{'a': 1}-----{'b': [2]}----|

    *Every outermost object in the text*, when its brace closes: prose, fences, arrays and other braces around
    objects do not matter. What begins like an object and is none is given up at the character that shows it;
    from there on the search goes on, so that an object inside of it, behind that character, comes out.

    ``at``: *the values at a path of one document*, a JSONPath of names, indices and ``*``: ``"$.items[*]"``,
    ``"$['unit price']"``; ``"$"`` is the whole. The document starts at the first ``{`` or ``[`` (a fence
    around it is fine); behind its end, text is ignored. A number, true, false or null comes when it is
    delimited. Where a key stands twice in an object, both values come.

        --'{"items": [{"n"'--': 1}, {"n": '--'2}]}'--|
        parse_json(at="$.items[*].n")
        ---------------------1---------------2-------|

        class Person(BaseModel):
            name: str
            age: int

        answer = rxs.from_stream(['Sure: [{"name": "Ann", "a', 'ge": 31}, {"name": "Bo', '", "age": 7}]'])
        for person in rxs.iter_stream(answer.pipe(rxs.parse_json(at="$[*]", model=Person))):
            print(person.name, person.age)
        #> Ann 31
        #> Bo 7

    ``strict``: the whole text is one JSON value, and but for white space nothing is around it.
    ``model``: a pydantic model, or any type that ``pydantic.TypeAdapter`` takes; the items are its objects.
    ``on_invalid``: what becomes of text that is no JSON, or not what the model allows: "skip" (the default
    without ``at`` and ``strict``), "raise" (the default with either), or a function that gets the fault, an
    InvalidJSON or InvalidValue. A fault of JSON's grammar ends a document; one of the model costs one value.
    ``max_depth``: how deep objects and arrays may stand in one another, else TooDeep.

    JSON is RFC 8259: no NaN, no comma before a closing bracket, ints are exact, of two equal keys the last
    one counts. Takes str, chunks, or bytes in UTF-8.

    At an error from upstream the unfinished value is dropped. Memory: the unfinished value. Raises TypeError
    and ValueError for wrong arguments; as the stream's error InvalidJSON (with offset, line, column, what was
    expected and what came), also when the text ends inside the document or has none, TooDeep, InvalidValue
    (with the path), MixedChoices for chunks of two choices (``n=2``), TypeError for other items. To see a
    value grow there is ``parse_partial_json``, for a value on each line ``parse_ndjson``.
    """
    validator = _model(model, "parse_json()")
    invalid: OnInvalid = (
        ("skip" if at is None and not strict else "raise") if on_invalid is None else on_invalid
    )
    if at is None and not strict:
        return _split(
            "parse_json()", partial(JSONObjects, model=validator, on_invalid=invalid, max_depth=max_depth)
        )
    make = partial(
        JSONValues,
        "$" if at is None else at,
        model=validator,
        on_invalid=invalid,
        strict=strict,
        max_depth=max_depth,
    )
    return _split("parse_json()", make)


@overload
def parse_partial_json(
    *, model: None = None, strict: bool = False, max_depth: int = MAX_DEPTH
) -> Operator[PartialJSON[Any]]: ...
@overload
def parse_partial_json(
    *, model: type[T], strict: bool = False, max_depth: int = MAX_DEPTH
) -> Operator[PartialJSON[T]]: ...
@overload
def parse_partial_json(
    *, model: Any, strict: bool = False, max_depth: int = MAX_DEPTH
) -> Operator[PartialJSON[Any]]: ...
@named
def parse_partial_json(
    *, model: Any = None, strict: bool = False, max_depth: int = MAX_DEPTH
) -> Operator[PartialJSON[Any]]:
    """Follow one JSON document while it is being written.

        --'["B'---------------------------------------------------'ern"'--------------------------|
        parse_partial_json()
        --(PartialJSON((), kind='array') PartialJSON((0,), 'B'))--PartialJSON((0,), 'ern', True)--|

        answer = rxs.from_stream(['{"city": "Be', 'rn", "days": 1', "2}"])
        for item in rxs.iter_stream(answer.pipe(rxs.parse_partial_json())):
            print(item.path, item.delta, item.value)
        #> () None {}
        #> ('city',) Be {'city': 'Be'}
        #> ('city',) rn {'city': 'Bern'}
        #> ('days',) 12 {'city': 'Bern', 'days': 12}
        #> () None {'city': 'Bern', 'days': 12}

    An item is what came to be known of one place: its ``path``, such as ``("items", 0, "name")``; its
    ``delta``, the new characters of a string, or the value of a number, true, false or null; and whether it
    is ``complete`` now. ``item.value`` is the whole document as it is known at this moment, made when asked
    for; ``item.is_complete("$.items[0]")`` tells whether what is there is final.

    Nothing is shown that is taken back later: numbers, true, false and null only when they are delimited,
    a key when its value begins, no half of an escape. (But of two equal keys in an object the last counts.)

    The document starts at the first ``{`` or ``[``, and what is around it is ignored. A text that ends in
    the middle of it, or has none, is no error: nothing is ``complete`` that is not. With ``strict`` the
    whole text is one JSON value, and its end too early InvalidJSON.

    ``model``: a pydantic model, or any type that ``pydantic.TypeAdapter`` takes. ``item.value`` is then an
    object of it, validated as far as it has come: what is missing is its default or None, what is not valid
    yet is left out. The whole document is validated when it closes. ``max_depth``: how deep objects and
    arrays may stand in one another, else TooDeep.

    Takes str, chunks, or bytes in UTF-8. At an error from upstream nothing more comes. Memory: the document's
    text. An item costs the same however long the document is; its ``value`` a copy of the objects and arrays
    that are open.
    Raises TypeError and ValueError for wrong arguments; as the stream's error InvalidJSON, TooDeep and
    InvalidValue, behind what was found before the fault, MixedChoices for chunks of two choices (``n=2``),
    TypeError for other items. For whole values there is ``parse_json``, for the arguments of tool calls
    ``parse_tool_calls``.
    """
    validator = _model(model, "parse_partial_json()")
    make = partial(PartialDocument, model=validator, strict=strict, max_depth=max_depth)
    return _split("parse_partial_json()", make)


@overload
def parse_ndjson(
    *, model: None = None, on_invalid: OnInvalid = "raise", max_depth: int = MAX_DEPTH
) -> Operator[Any]: ...
@overload
def parse_ndjson(
    *, model: type[T], on_invalid: OnInvalid = "raise", max_depth: int = MAX_DEPTH
) -> Operator[T]: ...
@overload
def parse_ndjson(
    *, model: Any, on_invalid: OnInvalid = "raise", max_depth: int = MAX_DEPTH
) -> Operator[Any]: ...
@named
def parse_ndjson(
    *, model: Any = None, on_invalid: OnInvalid = "raise", max_depth: int = MAX_DEPTH
) -> Operator[Any]:
    r"""Give the JSON value of each line, when the line ends (NDJSON, JSON Lines).

        --'{"a": 1}\n[tr'--'ue]\n\n'--'3'--|
        parse_ndjson()
        --{'a': 1}---------[True]----------(3|)

        answer = rxs.from_stream(['{"a": 1}\nno', ' JSON\n{"a"', ": 2}"])
        print(rxs.run(answer.pipe(rxs.parse_ndjson(on_invalid="skip"))))  #> [{'a': 1}, {'a': 2}]

    Blank lines are none; the last line may end with the text. ``model``, ``max_depth``: as in
    ``parse_json``. ``on_invalid``: what becomes of a line that is no JSON, or not what the model allows:
    "raise" it (the default), "skip" it, or give it to a function; the next line is read then.

    Takes str, chunks, or bytes in UTF-8. At an error from upstream the unfinished line is dropped. Memory:
    the unfinished line. Raises TypeError and ValueError for wrong arguments; as the stream's error
    InvalidJSON, TooDeep and InvalidValue, each with the line, MixedChoices for chunks of two choices
    (``n=2``), TypeError for other items. For JSON with text around it there is ``parse_json``.
    """
    validator = _model(model, "parse_ndjson()")
    return _split(
        "parse_ndjson()", partial(JSONLines, model=validator, on_invalid=on_invalid, max_depth=max_depth)
    )


def _model(model: Any, operator: str) -> Model[Any] | None:
    return None if model is None else Model(model, operator=operator)


def _split(operator: str, factory: Callable[[], Any]) -> Operator[Any]:
    make = made(operator, factory)
    machine: Any = partial(splitter, make, operator, takes_bytes=True)
    return lift(machine)
