"""Any item as JSON: what a server sends of objects that it knows nothing of."""

import json
from json.encoder import encode_basestring
from math import isfinite
from typing import Any, Final

from jiter import from_json
from pydantic_core import PydanticSerializationError, to_json, to_jsonable_python

from rxstream.sansio.code_blocks import CodeBlock
from rxstream.sansio.markdown import MarkdownBlock
from rxstream.sansio.partial_json import PartialJSON
from rxstream.sansio.tool_calls import PartialToolCall
from rxstream.sansio.wire import LIST, OBJECT
from rxstream.transports.dialects.error_form import error_form

__all__ = ("json_text", "read_json", "to_text")

#: The fields of our own items that are no plain records, and the one that they have when they are complete.
#: An item that grows is sent as what is new in it: its whole, each time, would be quadratic.
_FORMS: Final[tuple[tuple[Any, tuple[str, ...], str | None], ...]] = (
    (PartialJSON, ("path", "kind", "delta", "complete"), None),
    (PartialToolCall, ("id", "name", "index", "delta", "ended", "complete"), None),
    (CodeBlock, ("language", "info", "index", "delta", "complete"), "code"),
    (MarkdownBlock, ("kind", "level", "info", "line", "index", "delta", "complete"), "text"),
)


def json_text(text: str) -> str:
    """Write a text as a JSON string that any server can send: half a surrogate pair is escaped."""
    # What JSONEncoder(ensure_ascii=False).encode() is for a str, without what that asks about every value.
    written = encode_basestring(text)
    if text.isascii():
        return written
    try:
        written.encode()
    except UnicodeEncodeError:
        return json.dumps(text)
    return written


def read_json(text: str) -> Any:
    """Read JSON; raises ValueError. Half a surrogate pair, which jiter refuses, is JSON as well."""
    try:
        return from_json(text.encode(), allow_inf_nan=False)
    except ValueError:
        if "\\u" not in text:
            raise
        try:
            return json.loads(text, parse_constant=_refuse)
        except RecursionError:
            raise ValueError("it is too deep") from None


def _refuse(constant: str) -> Any:
    msg = f"{constant} is no JSON"
    raise ValueError(msg)


def to_text(value: Any) -> str:
    """Write a value as compact JSON, in one line.

    Dataclasses, pydantic models, named tuples, sets, dates and their like have the form that pydantic gives
    them; bytes are text, base64 where they are none; NaN and the infinities are null. Of our own items that
    grow there is what is new (``delta``), and the whole when it is complete. Raises TypeError for what has no
    form at all, and for what contains itself.
    """
    try:
        return to_json(value, inf_nan_mode="null", bytes_mode="utf8", fallback=_fallback).decode()
    except (PydanticSerializationError, TypeError, ValueError, RecursionError):
        return _to_text_slowly(value)


def _to_text_slowly(value: Any) -> str:
    try:
        plain = to_jsonable_python(value, inf_nan_mode="null", bytes_mode="base64", fallback=_fallback)
        return json.dumps(_finite(plain), separators=(",", ":"), allow_nan=False)
    except (PydanticSerializationError, TypeError, ValueError, RecursionError) as error:
        raise TypeError(
            f"expected an item that can be written as JSON, got {type(value).__name__}: {error}. "
            f"Make it one before it is sent: ops.map(...)."
        ) from None


def _finite(value: Any) -> Any:
    """Take out what JSON has no numbers for."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, OBJECT):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, LIST):
        return [_finite(one) for one in value]
    return value


def _fallback(value: Any) -> Any:
    """Give the form of our own items that are no plain records."""
    item: Any = value  # as untyped as it came, whatever is found out about it
    for kind, fields, whole in _FORMS:
        if not isinstance(value, kind):
            continue
        found = {name: getattr(item, name) for name in fields}
        if item.complete and whole is not None:
            found[whole] = getattr(item, whole)
        return found
    if isinstance(value, BaseException):
        return error_form(value)["message"]
    msg = f"nothing is known of how to write a {type(value).__name__}"
    raise TypeError(msg)
