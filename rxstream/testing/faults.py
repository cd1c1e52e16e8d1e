"""What may go wrong with an answer on its way, to be done to one on purpose."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

from rxstream.testing.answers import Answer, End, status_line
from rxstream.testing.bodies import dripping, edge_before, ended, event_at, event_ends, inserted, waiting
from rxstream.testing.error_frames import DIALECTS, Dialect, error_frame

__all__ = ("Fault", "Faults", "Garbage", "faulty", "planned")

#: What a fault may be given as: one, several that happen together, or none.
Faults: TypeAlias = "Fault | tuple[Fault, ...] | None"

#: ``json``: an event that holds no JSON. ``utf-8``: one that holds no text. ``html``: a web page.
Garbage: TypeAlias = Literal["json", "utf-8", "html"]

GARBAGE: dict[str, bytes] = {
    "json": b"data: {oops\n\n",
    "utf-8": b'data: {"choices":"\xff\n\n',
    "html": b"<!DOCTYPE html>\n<html><body><h1>502 Bad Gateway</h1></body></html>\n",
}

#: How the connection looks behind the faults that end an answer.
ENDS: dict[str, End] = {
    "cut": "fin",
    "reset": "rst",
    "truncated_chunk": "half chunk",
    "silent_end": "whole",
    "stall": "stall",
}
#: What an HTTP error can suffer beside being one.
WITH_STATUS = {"status", "drip", "stall"}


@dataclass(frozen=True, slots=True, repr=False)
class Fault:
    """One thing that goes wrong with an answer; make it with a method, such as ``Fault.cut(1000)``.

        slow_and_then_gone = Fault.drip(size=300) | Fault.reset(after_events=10)
        try:
            rxs.run(faulty_recording("01-prose", slow_and_then_gone))
        except rxs.ConnectionLost as error:
            print(error.partial.content[:8])  #> The sea,

    Where it happens is ``at``, a byte of the body counted from 0 (without HTTP's own framing), or
    ``after_events=n``, the end of the n-th server-sent event; behind the body's end it is the end. An error
    frame, garbage and a duplicate stand at the event's edge there, or at the last one before. Several faults
    happen together as ``a | b``, which is the tuple of them; their places are those in the whole body.

    What ends the answer: ``cut``, ``reset``, ``truncated_chunk``, ``silent_end``; ``status`` and ``refused``
    come in its place. What it may go on behind: ``stall``, ``error_frame``, ``garbage``, ``duplicate``,
    ``drip``.

    ``FaultServer`` does them on sockets, ``faulty_recording`` without; ``fault.apply(answer)`` gives the
    broken ``Answer``. Raises TypeError and ValueError for places that are none, and for two faults of which
    one would never happen.
    """

    kind: str
    at: int | None = None
    after_events: int | None = None
    #: What comes beside the answer, or instead of it.
    data: bytes = b""
    instead: Answer | None = None
    seconds: float = 0.0
    size: int = 0
    #: Whether the answer goes on behind it.
    goes_on: bool = False
    #: The arguments as they were given.
    shown: str = field(default="", compare=False)

    @classmethod
    def cut(cls, at: int | None = None, *, after_events: int | None = None) -> "Fault":
        """End the connection there with a FIN, without the end that HTTP wants, as a killed server does."""
        return _placed("cut", at, after_events)

    @classmethod
    def reset(cls, at: int | None = None, *, after_events: int | None = None) -> "Fault":
        """Reset the connection there. What the client has not read by then is lost with it."""
        return _placed("reset", at, after_events)

    @classmethod
    def truncated_chunk(cls, at: int | None = None, *, after_events: int | None = None) -> "Fault":
        """End the connection there, inside an HTTP chunk that promised more."""
        return _placed("truncated_chunk", at, after_events)

    @classmethod
    def silent_end(cls, at: int | None = None, *, after_events: int | None = None) -> "Fault":
        """End the body there as if all were well: nothing but the answer itself tells that it is not."""
        return _placed("silent_end", at, after_events)

    @classmethod
    def stall(
        cls, at: int | None = None, seconds: float | None = None, *, after_events: int | None = None
    ) -> "Fault":
        """Send nothing more there; after ``seconds`` go on. ``None`` is never."""
        if seconds is not None:
            _check_seconds("stall", "seconds", seconds)
        return _placed(
            "stall",
            at,
            after_events,
            {"seconds": seconds},
            seconds=math.inf if seconds is None else seconds,
            goes_on=seconds is not None,
        )

    @classmethod
    def error_frame(
        cls,
        at: int | None = None,
        dialect: Dialect = "openai",
        *,
        code: str | int = "server_error",
        message: str = "the model fell over",
        after_events: int | None = None,
        goes_on: bool = False,
    ) -> "Fault":
        """Let the provider say in an event that it has failed, in one of the dialects that rxstream knows.

        ``dialect``: "openai" (``data: {"error": ...}``), "openai-event" (named ``event: error``), "llama.cpp"
        (a line ``error: {...}``), "anthropic" (``{"type": "error", "error": ...}``), "responses" (the same
        with its fields at the top), "responses-failed" (``response.failed``), "fastapi"
        (``{"detail": ...}``). The body ends behind it unless ``goes_on``.
        """
        if dialect not in DIALECTS:
            raise ValueError(
                f"Fault.error_frame() knows the dialects {', '.join(get_args(Dialect))}, not {dialect!r}"
            )
        return _placed(
            "error_frame",
            at,
            after_events,
            {"dialect": dialect, "code": code, "message": message, "goes_on": goes_on},
            data=error_frame(dialect, code, message),
            goes_on=goes_on,
        )

    @classmethod
    def garbage(
        cls,
        at: int | None = None,
        data: Garbage | bytes = "json",
        *,
        after_events: int | None = None,
        goes_on: bool = False,
    ) -> "Fault":
        """Send something there that is no part of an answer.

        ``data``: "json" (an event without JSON), "utf-8" (one with broken UTF-8), "html" (a proxy's web
        page), or bytes of your own. The body ends behind it unless ``goes_on``.
        """
        sent = data if isinstance(data, bytes) else GARBAGE.get(data)
        if sent is None:
            raise ValueError(f"Fault.garbage() expects bytes, or one of {', '.join(GARBAGE)}, not {data!r}")
        shown = {"data": data, "goes_on": goes_on}
        return _placed("garbage", at, after_events, shown, data=sent, goes_on=goes_on)

    @classmethod
    def duplicate(cls, at: int | None = None, *, after_events: int | None = None) -> "Fault":
        """Send the event there (the one that begins behind ``after_events``) twice: its text is doubled.

        No client can see that: it is here to show what your program, or your check, makes of it.
        """
        return _placed("duplicate", at, after_events, goes_on=True)

    @classmethod
    def drip(cls, size: int = 1, pause: float = 0.01) -> "Fault":
        """Send the body in pieces of ``size`` bytes, with ``pause`` seconds before each."""
        _check_count("drip", "size", size, least=1)
        _check_seconds("drip", "pause", pause)
        return Fault(
            "drip", seconds=pause, size=size, goes_on=True, shown=_shown({"size": size, "pause": pause})
        )

    @classmethod
    def status(cls, status: int, *, retry_after: float | str | None = None, body: Any = None) -> "Fault":
        """Send an HTTP error instead of the answer.

        ``retry_after``: the header of that name, in seconds, or as a date of HTTP's. ``body``: text or bytes
        as they are sent, anything else as JSON; without one, an error object as OpenAI has it.
        """
        _check_count("status", "status", status, least=400, most=599)
        shown = _shown({"": status, "retry_after": retry_after, "body": body})
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        if body is None:
            code = status_line(status).partition(" ")[2]
            error = {"message": code, "type": "error", "param": None, "code": code.lower().replace(" ", "_")}
            body = {"error": error}
        if isinstance(body, str | bytes):
            sent = body.encode() if isinstance(body, str) else body
            kind = "text/html" if sent.lstrip().startswith(b"<") else "text/plain"
            named = (("Content-Type", kind), *headers.items())
            instead = Answer((sent,), status=status_line(status), headers=named)
        else:
            instead = Answer.json(body, status=status, headers=headers)
        return Fault("status", instead=instead, shown=shown)

    @classmethod
    def refused(cls) -> "Fault":
        """Close the connection before any header of an answer."""
        return Fault("refused", instead=Answer(end="refused"))

    def apply(self, answer: Answer) -> Answer:
        """Give the answer with the fault in it."""
        return faulty(answer, self)

    def __or__(self, other: "Fault | tuple[Fault, ...]") -> "tuple[Fault, ...]":
        return _together((self, other))

    def __ror__(self, other: "tuple[Fault, ...]") -> "tuple[Fault, ...]":
        return _together((other, self))

    def __repr__(self) -> str:
        return f"Fault.{self.kind}({self.shown})"


def faulty(answer: Answer, faults: Faults) -> Answer:
    """Give the answer with the faults in it."""
    together = _together((faults,))
    for fault in together:
        if fault.instead is not None:
            answer = fault.instead
    body = answer.body
    placed = [_Placed(*_place_in(body, fault), fault) for fault in together if fault.instead is None]
    # From the last to the first, so that none of them moves the place of another. At one place what ends
    # the answer is done first, and what the others put there is put before the end.
    placed.sort(key=lambda one: (one.fault.kind == "drip", -one.place, one.fault.goes_on))
    for place, data, fault in placed:
        answer = _done(answer, place, data, fault)
    return answer


def planned(name: str, faults: Sequence[Faults]) -> list[Faults]:
    """Check a list of faults, one for each request; ``name`` is who was given it."""
    if not isinstance(faults, list | tuple):
        raise TypeError(f"{name} expects a list of faults, one for each request, and got {faults!r}")
    for fault in faults:
        _together((fault,))
    return list(faults)


class _Placed(NamedTuple):
    """A fault, where in the body it is, and what it puts there."""

    place: int
    data: bytes
    fault: Fault


def _place_in(body: bytes, fault: Fault) -> tuple[int, bytes]:
    if fault.after_events is None:
        place = min(fault.at or 0, len(body))
    else:
        ends = [0, *event_ends(body)]
        place = ends[fault.after_events] if fault.after_events < len(ends) else len(body)
    if fault.kind == "duplicate":
        begin, end = event_at(body, place)
        return end, body[begin:end]
    if fault.data:
        return edge_before(body, place), fault.data
    return place, b""


def _done(answer: Answer, place: int, data: bytes, fault: Fault) -> Answer:
    if fault.kind == "drip":
        return dripping(answer, fault.size, fault.seconds)
    if fault.goes_on:
        return inserted(answer, place, data) if data else waiting(answer, place, fault.seconds)
    answer = ended(answer, place, ENDS.get(fault.kind, "whole"))
    return inserted(answer, place, data) if data else answer


def _together(faults: "tuple[Faults, ...]") -> "tuple[Fault, ...]":
    """Check that the faults can happen together."""
    flat: list[Fault] = []
    for one in faults:
        several: tuple[Any, ...] = one if isinstance(one, tuple) else () if one is None else (one,)
        for fault in several:
            if not isinstance(fault, Fault):
                raise TypeError(
                    f"expected a Fault, such as Fault.cut(1000), or a tuple of them, got {fault!r}"
                )
            flat.append(fault)
    lasts = [fault for fault in flat if fault.kind != "drip" and not fault.goes_on and fault.instead is None]
    instead = [fault for fault in flat if fault.instead is not None]
    if len(lasts) > 1:
        raise ValueError(f"only one of {_named(lasts)} can happen: each is the end of the answer")
    if len(instead) > 1:
        raise ValueError(f"only one of {_named(instead)} can happen: each comes instead of the answer")
    allowed = WITH_STATUS if instead and instead[0].kind == "status" else {"refused"}
    wrong = [fault for fault in flat if instead and fault.kind not in allowed]
    if wrong:
        raise ValueError(f"{_named(wrong)} cannot happen: {instead[0]} comes instead of the answer")
    return tuple(flat)


def _named(faults: Sequence[Fault]) -> str:
    return " | ".join(map(repr, faults))


def _placed(
    kind: str, at: int | None, after_events: int | None, shown: Mapping[str, Any] | None = None, **fields: Any
) -> Fault:
    if (at is None) == (after_events is None):
        raise TypeError(
            f"Fault.{kind}() expects where: a byte of the body, such as Fault.{kind}(1000), or "
            f"after_events=n; and got {'neither' if at is None else 'both'}"
        )
    name, where = ("at", at) if after_events is None else ("after_events", after_events)
    _check_count(kind, name, where)
    given = {"" if after_events is None else name: where, **(shown or {})}
    return Fault(kind, at, after_events, shown=_shown(given), **fields)


def _shown(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" if name else repr(value) for name, value in arguments.items())


def _check_count(kind: str, name: str, count: Any, *, least: int = 0, most: float = math.inf) -> None:
    if not isinstance(count, int) or isinstance(count, bool):
        raise TypeError(f"Fault.{kind}() expects {name} to be an int, and got {count!r}")
    if not least <= count <= most:
        limits = f"{least} or more" if most == math.inf else f"{least} to {most}"
        raise ValueError(f"Fault.{kind}() expects {name} to be {limits}, and got {count}")


def _check_seconds(kind: str, name: str, seconds: Any) -> None:
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        raise TypeError(f"Fault.{kind}() expects {name} to be a number of seconds, and got {seconds!r}")
    if not 0 <= seconds < math.inf:
        raise ValueError(f"Fault.{kind}() expects {name} to be 0 or more and finite, and got {seconds!r}")
