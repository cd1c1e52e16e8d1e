"""A request's body, as somebody sent it whom nobody trusts, to a value."""

import math
from typing import Any, Final, TypeVar

from jiter import from_json
from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from rxstream.sansio.wire import LIST, OBJECT
from rxstream.service.settings import Limits
from rxstream.transports.refusals import Refusal

__all__ = ("check_messages", "invalid", "read_json", "validated")

M = TypeVar("M", bound=BaseModel)

#: Whole numbers beyond it are nobody's token limit, and some servers' undoing.
_LARGEST: Final = 1 << 63
#: Faults of one body that are told.
_MAX_FAULTS: Final = 5


async def read_json(request: Request, limits: Limits) -> dict[str, Any]:
    """Read the body, which must be a JSON object; no more of it than it may be long.

    Raises ``Refusal``: 413 for a long one, 415 for another content type, 400 for what is no JSON (NaN is
    none), is too deep, or has numbers that nobody can pass on.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    # Not only for order's sake: a page of another site may send anything else without asking first.
    if content_type != "application/json" and not content_type.endswith("+json"):
        raise Refusal(
            415,
            f"expected a body of the type application/json, and got {content_type or 'none'!r:.80}; "
            f"send the header `Content-Type: application/json`",
            code="unsupported_media_type",
        )
    value = _decoded(await _read(request, limits))
    if not isinstance(value, OBJECT):
        raise Refusal(400, f"expected a JSON object as body, and got {_kind(value)}", code="invalid_json")
    _check(value, limits.max_depth)
    return value  # type: ignore[no-any-return]


def validated(model: type[M], value: Any, *, status: int = 422) -> M:
    """Make a model of a value. Raises ``Refusal``, which says where it is wrong, and how."""
    try:
        return model.model_validate(value, strict=True)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        raise invalid(faults, known=model, status=status) from None


def check_messages(count: int, limits: Limits) -> None:
    """Refuse a conversation of too many messages."""
    if count > limits.max_messages:
        raise Refusal(
            422,
            f"expected at most {limits.max_messages} messages, and got {count}",
            code="too_many_messages",
            param="messages",
        )


def invalid(faults: Any, *, known: type[BaseModel] | None = None, status: int = 422) -> Refusal:
    """Make the refusal of a request with such faults, as pydantic lists them."""
    told: list[str] = []
    for fault in faults[:_MAX_FAULTS]:
        where = _path(fault["loc"])
        if fault["type"] == "extra_forbidden" and known is not None and len(fault["loc"]) == 1:
            names = ", ".join(sorted(known.model_fields))
            told.append(f"{where}: no such parameter here; there are {names}")
        else:
            told.append(f"{where}: {fault['msg']}" if where else str(fault["msg"]))
    if len(faults) > _MAX_FAULTS:
        told.append(f"and {len(faults) - _MAX_FAULTS} more")
    param = _path(faults[0]["loc"]) or None
    return Refusal(status, "; ".join(told), code="invalid_request", param=param)


async def _read(request: Request, limits: Limits) -> bytes:
    _check_length(request, limits)
    pieces: list[bytes] = []
    length = 0
    # Not Starlette's own generator: left in the middle, it would be closed by nobody.
    while True:
        message = await request.receive()
        if message["type"] != "http.request":
            raise Refusal(400, "the body broke off", code="incomplete_body")
        piece: bytes = message.get("body", b"")
        length += len(piece)
        if length > limits.max_body:
            raise _too_long(limits)
        pieces.append(piece)
        if not message.get("more_body", False):
            return b"".join(pieces)


def _check_length(request: Request, limits: Limits) -> None:
    """Refuse a body that says itself that it is too long: nothing of it is read then."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and (len(length) > 18 or int(length) > limits.max_body):
        raise _too_long(limits)


def _decoded(body: bytes) -> Any:
    try:
        return from_json(body, allow_inf_nan=False, cache_mode="keys")
    except ValueError as error:
        raise Refusal(400, f"expected JSON as body: {error}", code="invalid_json") from None


def _check(value: Any, max_depth: int) -> None:
    """Refuse what is deep, and numbers that nobody can pass on. A stack of our own: it cannot overflow."""
    level: list[Any] = [value]
    for _ in range(max_depth):
        below: list[Any] = []
        for one in level:
            if isinstance(one, OBJECT):
                below.extend(one.values())
            elif isinstance(one, LIST):
                below.extend(one)
            elif (isinstance(one, float) and not math.isfinite(one)) or (
                isinstance(one, int) and not -_LARGEST <= one < _LARGEST
            ):
                raise Refusal(400, "a number in the body is too large", code="invalid_json")
        if not below:
            return
        level = below
    if any(isinstance(one, (OBJECT, LIST)) for one in level):
        raise Refusal(
            400,
            f"the body's arrays and objects stand in one another deeper than {max_depth}",
            code="too_deep",
        )
    _check(level, 2)


def _too_long(limits: Limits) -> Refusal:
    return Refusal(
        413,
        f"the body is longer than the {limits.max_body} bytes that are taken",
        code="body_too_large",
    )


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "a text"
    return "an array" if isinstance(value, LIST) else "a number"


def _path(location: Any) -> str:
    """Write a place in a request as ``messages[0].role``."""
    text = ""
    for step in location:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else str(step)
    return text[:200]
