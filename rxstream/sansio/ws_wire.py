"""One WebSocket message: a JSON object with a ``type``, ``data``, and the ``id`` of the answer it is about.

What a client sends is read with bounds: a text of any size, of any depth, with numbers that are none,
takes no more time and stack than the bounds allow, and raises nothing but an ``InvalidJSON`` or an
``InvalidValue``, whose message tells the sender what is wrong.
"""

import json
from math import isfinite
from typing import Any, Final, NamedTuple

import jiter

from rxstream.errors import InvalidJSON, InvalidValue, TooDeep
from rxstream.sansio.wire import LIST, OBJECT, quote

__all__ = ("MAX_DEPTH", "MAX_ID", "MAX_SIZE", "Message", "is_longer", "read_message", "write_message")

#: Bytes of a whole message, arrays and objects in one another, characters of an id.
MAX_SIZE: Final = 1024 * 1024
MAX_DEPTH: Final = 32
MAX_ID: Final = 128

_EXPECTED: Final = 'expected a JSON object like {"type": "complete", "data": {...}}'


class Message(NamedTuple):
    """A message, as it was read."""

    type: str
    data: Any
    id: str | None


def is_longer(text: str, size: int) -> bool:
    """Tell whether a text has more bytes than that; it is not encoded where its length says enough."""
    length = len(text)
    # A lone surrogate has no bytes in UTF-8; it is refused where the text is read.
    return length > size or (length * 4 > size and len(text.encode(errors="surrogatepass")) > size)


def read_message(text: str, *, max_size: int = MAX_SIZE, max_depth: int = MAX_DEPTH) -> Message:
    """Read a message.

    ``max_size``: bytes; ``max_depth``: arrays and objects in one another, the message itself being the first.

    Raises ``InvalidJSON`` for what is no JSON (``NaN`` and its like are none), ``TooDeep`` and
    ``InvalidValue`` for JSON that is no message.
    """
    if is_longer(text, max_size):
        raise InvalidValue(
            f"expected a message of at most {max_size} bytes, got more ({len(text)} characters)"
        )
    try:
        value: Any = jiter.from_json(text.encode(), allow_inf_nan=False)
    except ValueError as error:
        # jiter's own limit for the depth lies behind every one that makes sense here.
        if "recursion limit" in str(error):
            raise _too_deep(max_depth) from None
        raise InvalidJSON(f"{_EXPECTED}, got no JSON: {_reason(error)}", got=quote(text)) from None
    _check_inside(value, max_depth)
    if not isinstance(value, OBJECT):
        raise InvalidValue(f"{_EXPECTED}, got: {quote(text)}", value=value)
    kind: Any = value.get("type")
    if not isinstance(kind, str) or not kind:
        raise InvalidValue(f'{_EXPECTED}, got no string as its "type": {quote(text)}', value=value)
    name: Any = value.get("id")
    if name is not None and not (isinstance(name, str) and 0 < len(name) <= MAX_ID):
        raise InvalidValue(
            f'expected a string of 1 to {MAX_ID} characters as the "id" of a message, or none at all, '
            f"got: {quote(text)}",
            path="$.id",
            value=value,
        )
    return Message(kind, value.get("data"), name)


def write_message(kind: str, data: str, name: str | None = None) -> str:
    """Write a message; its data is JSON already."""
    if name is None:
        return f'{{"type": "{kind}", "data": {data}}}'
    return f'{{"type": "{kind}", "id": {json.dumps(name)}, "data": {data}}}'


def _check_inside(value: Any, max_depth: int) -> None:
    """Refuse what is too deep, and numbers too large for a float; without recursion."""
    level = [value]
    depth = 0
    while level:
        inner: list[Any] = []
        nested = False
        for one in level:
            if isinstance(one, OBJECT):
                inner += one.values()
                nested = True
            elif isinstance(one, LIST):
                inner += one
                nested = True
            elif isinstance(one, float) and not isfinite(one):
                raise InvalidValue("expected numbers that a double can hold, got one that is larger")
        depth += nested
        if depth > max_depth:
            raise _too_deep(max_depth)
        level = inner


def _too_deep(max_depth: int) -> TooDeep:
    return TooDeep(f"expected arrays and objects in one another to a depth of at most {max_depth}, got more")


def _reason(error: ValueError) -> str:
    """Say what is wrong with a text that cannot be encoded, without quoting it: it is quoted anyway."""
    return "the text has a lone surrogate" if isinstance(error, UnicodeEncodeError) else str(error)
