"""Values of a model: pydantic's validation, with errors that say where in the document they are."""

import re
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from functools import partial
from inspect import isroutine
from typing import Any, Final, Generic, TypeVar, cast

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from rxstream.errors import InvalidValue
from rxstream.sansio.json_path import show_path
from rxstream.sansio.json_tree import decode
from rxstream.sansio.partial_models import Partial
from rxstream.sansio.partial_shapes import MISSING, Done, unreadable

__all__ = ("Model", "value_of")

T = TypeVar("T")

#: An error's message holds no more of the document, or of what a validator says, than this many characters.
_LONGEST: Final = 200
_ADDRESS: Final = re.compile(r" at 0x[0-9a-fA-F]+")


class Model(Generic[T]):
    """What JSON values are validated against: any type that ``pydantic.TypeAdapter`` takes, or an adapter.

    Raises TypeError, which names ``operator``, for what is no such type.
    """

    __slots__ = ("_adapter", "_partial")

    def __init__(self, model: Any, *, operator: str) -> None:
        self._adapter: TypeAdapter[T] = _adapter(model, operator)
        self._partial: Partial | None = None

    def validate_json(self, text: str, path: str) -> T:
        """Validate one whole JSON text, which is the value at ``path``.

        In JSON mode: a strict model, too, takes a date from a string. Raises ``InvalidValue``.
        """
        try:
            return self._adapter.validate_json(text)
        except ValidationError as error:
            value = decode(text, len(text))
            if not unreadable(error):
                raise _invalid(error, value, path) from error
        # Too deep for pydantic's parser, or an integer too long.
        return self._validate_python(value, path)

    def _validate_python(self, value: object, path: str) -> T:
        try:
            return self._adapter.validate_python(value)
        except ValidationError as error:
            raise _invalid(error, value, path) from error

    def partial(self, value: object, is_complete: Done) -> Any:
        """Give what can be shown of an incomplete document's snapshot, as objects of the model.

        A field that has not come has its default, or else ``None``; ``is_complete`` tells a ``None`` that
        came, and ``model_fields_set`` holds the fields that did. In a TypedDict it is not there. A string
        that grows shows where the model has a ``str``, even while it is too short for its constraints.
        Everything else shows when it is whole and valid: numbers, dates, literals, members of enums, and a
        union without a tag as soon as only one choice fits. Validators of whole models are not run, those
        of fields are, and leave out what they raise at, for whatever reason. ``None`` if there is nothing
        to show.

        The snapshot is not changed. What is whole in it is validated once, and shared by what this returns
        for the document's next snapshots if they share it, too: treat it as read-only. It is kept for one
        document.
        """
        if self._partial is None:
            self._partial = Partial(self._adapter)
        return self._partial(value, is_complete)


def value_of(text: str, model: Model[Any] | None, path: str, max_depth: int) -> Any:
    """Give the value of one whole JSON text, which stands at ``path``; with a model, its object."""
    return decode(text, max_depth) if model is None else model.validate_json(text, path)


def _adapter(model: Any, operator: str) -> TypeAdapter[Any]:
    """Make the adapter, or say what is wrong with the argument."""
    if isinstance(model, TypeAdapter):
        adapter: TypeAdapter[Any] = cast("Any", model)
    else:
        fault = _fault(model)
        if fault:
            raise TypeError(
                f"{operator}: expected as model a pydantic model class, or a type that pydantic.TypeAdapter "
                f"takes, such as list[int], got {fault}"
            )
        try:
            adapter = TypeAdapter(model)
        except (PydanticUserError, TypeError, NameError, RuntimeError) as error:
            raise TypeError(_unusable(operator, model, error)) from error
    try:
        adapter.rebuild(raise_errors=True)
    except (PydanticUserError, NameError) as error:
        raise TypeError(_unusable(operator, model, error)) from error
    return adapter


def _unusable(operator: str, model: Any, error: Exception) -> str:
    # What pydantic advises here, to allow arbitrary types, no JSON could ever pass.
    said = _ADDRESS.sub("", str(error)).partition("\n")[0].partition(" Set `arbitrary_types")[0].rstrip(".")
    name = _short(_ADDRESS.sub("", repr(model)))
    return (
        f"{operator}: expected as model a type that pydantic can validate, got {name}, of which "
        f"pydantic says: {_short(said)}. Define all names it uses, or use a pydantic model class"
    )


def _fault(model: Any) -> str:
    """Say what it is, if it is what people take for a model, and what to do."""
    if model is None:
        return "None; leave model out to get plain values"
    if isinstance(model, str):
        return f"the string {_short(model)!r}; pass the class itself, not its name"
    if isinstance(model, Mapping):
        return "a dict; write the JSON schema that it holds as a pydantic model"
    if isinstance(model, BaseModel) or (is_dataclass(model) and not isinstance(model, type)):
        name = type(model).__name__
        return f"an instance of {name}; pass the class, model={name}"
    if isroutine(model) or isinstance(model, partial):
        return "a function; map the operator's items to call it"
    return ""


def _invalid(error: ValidationError, value: object, path: str) -> InvalidValue:
    """Say where the first error is, and what stands there."""
    first, *others = error.errors(include_url=False, include_context=False)
    missing = first["type"].startswith("missing")
    steps, found = _locate(first["loc"], value, first["input"], missing=missing)
    where = path + show_path(steps)[1:]
    said = _short(_ADDRESS.sub("", first["msg"]))
    more = f" (and {len(others)} more)" if others else ""
    got = "" if missing else f", got {_shown(found)}"
    message = f"{_short(where)}: {said[:1].lower()}{said[1:]}{got}{more}"
    return InvalidValue(message, path=where, value=value)


def _locate(
    loc: tuple[int | str, ...], value: object, given: object, *, missing: bool
) -> tuple[list[int | str], object]:
    """Find the place in the document that pydantic means, and what stands there.

    Pydantic names the branches of unions and the functions it went through, too. A branch may have the
    name of a key: then the right reading is the one that leads to what the validator was given.
    """
    first = _walk(loc, value, None, missing=missing)
    if not _same(first[1], given):
        for index in range(len(loc)):
            other = _walk(loc, value, index, missing=missing)
            if _same(other[1], given):
                return other
    return first


def _same(value: object, given: object) -> bool:
    try:
        return value is given or value == given
    except RecursionError:
        return False


def _walk(
    loc: tuple[int | str, ...], value: Any, without: int | None, *, missing: bool
) -> tuple[list[int | str], object]:
    steps: list[int | str] = []
    for index, part in enumerate(loc):
        if index == without:
            continue
        inside = _inside(value, part)
        if inside is not MISSING:
            value = inside
        elif not missing or index < len(loc) - 1:
            continue
        steps.append(part)
    return steps, value


def _inside(value: Any, part: int | str) -> Any:
    """Take a step into a value of the document, ``MISSING`` if there is none."""
    if not isinstance(value, dict | list):
        return MISSING  # the letters of a string are no places
    try:
        return cast("Any", value)[part]
    except (LookupError, TypeError):
        return MISSING


_NAMES: Final[Mapping[type, Callable[[Any], str]]] = {
    dict: lambda one: "an object" if one else "an empty object",
    list: lambda one: "an array" if one else "an empty array",
    str: lambda one: repr(one if len(one) <= 60 else f"{one[:60]}..."),
    bool: lambda one: "true" if one else "false",
    type(None): lambda _: "null",
    # More digits than 4300 Python does not write.
    int: lambda one: str(one) if one.bit_length() < 200 else "a long integer",
}


def _shown(value: object) -> str:
    """Name a value of the document in a message."""
    return _NAMES.get(type(value), repr)(value)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]}...{text[-_LONGEST // 2 :]}"
