"""What a chain looks like: its source and its operators, in words and as a picture.

A public function says ``@named``, and what it returns then knows the call that made it: a source is an
Observable that knows it, an operator a function that does. ``pipe`` notes which operator made a stage out of
which, and the rest is reading those notes backwards.

No argument is shown that may hold a secret: a prompt, a header, a key, what a redaction hides.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial, wraps
from html import escape
from types import FunctionType
from typing import Any, Final, TypeVar, cast

from reactivex import Observable

__all__ = ("Call", "check_operator", "named", "named_only", "note_stage", "pipeline_html", "pipeline_text")

F = TypeVar("F", bound=Callable[..., Any])

#: The attributes that notes are kept in: who made it, and what stage it was made of.
_MADE_BY: Final = "_rxstream_made_by"
_MADE_OF: Final = "_rxstream_made_of"
#: That of a function that makes operators.
_MAKES: Final = "_rxstream_makes"
_HIDDEN: Final = "..."
#: Characters of an argument that are shown.
_LONG: Final = 40
_SECRET: Final = re.compile(
    r"key|token(?!s)|secret|password|auth|header|cookie|message|prompt|input|instruction|system|user|identifier",
    re.IGNORECASE,
)
#: What may be secret in an address: who asks, and what for.
_IN_ADDRESS: Final = re.compile(r"(?<=://)[^/@?#]*@|\?.*", re.DOTALL)

_BOX: Final = "border:1px solid #9998;border-radius:4px;padding:2px 7px;white-space:nowrap"
_FIRST: Final = f"{_BOX};background:#7f9fc026"
_ROW: Final = "font:12px/2.2 var(--jp-code-font-family,monospace)"


@dataclass(frozen=True, slots=True)
class Call:
    """A call that made a source or an operator."""

    name: str
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def streams(self) -> list[tuple[str, Observable[Any]]]:
        """The Observables among the arguments, each with its name, or its place from 0."""
        arguments = [*((str(place), value) for place, value in enumerate(self.args)), *self.kwargs.items()]
        return [(name, value) for name, value in arguments if _is_stream(value)]

    def text(self, stream: Callable[[Observable[Any]], str]) -> str:
        """Write the call; ``stream`` writes the Observables in it."""

        def write(value: Any) -> str:
            return stream(value) if _is_stream(value) else _short(value)

        shown = [write(value) for value in self.args]
        for name, value in self.kwargs.items():
            hidden = _SECRET.search(name) is not None and not _is_stream(value)
            shown.append(f"{name}={_HIDDEN if hidden else write(value)}")
        return f"{self.name}({', '.join(shown)})"


def named(function: F, *, shows_arguments: bool = True) -> F:
    """Have the source or operator that a function makes know its call."""

    @wraps(function)
    def make(*args: Any, **kwargs: Any) -> Any:
        made = function(*args, **kwargs)
        call = Call(function.__name__, args, kwargs) if shows_arguments else Call(function.__name__, (...,))
        setattr(made, _MADE_BY, call)
        return made

    # A source may be made of a stream, and so stand in a chain as it is.
    setattr(make, _MAKES, not function.__name__.startswith("from_"))
    return cast("F", make)


def named_only(function: F) -> F:
    """Do the same where the arguments are the secret."""
    return named(function, shows_arguments=False)


def check_operator(operator: Any) -> None:
    """Refuse what is no operator, by TypeError, such as a function that makes one and was not called."""
    if getattr(operator, _MAKES, False):
        name = operator.__name__
        raise TypeError(
            f"pipe() expects operators and got {name} itself, which makes one: write pipe({name}(...)), with "
            f"parentheses"
        )
    if not callable(operator):
        raise TypeError(f"pipe() expects operators, as buffer_words() makes one, and got {operator!r:.120}")


def note_stage(stage: Any, operator: Any, upstream: Any) -> None:
    """Note that an operator has made a stage out of the one before it."""
    if not _is_stream(stage) or stage is upstream or hasattr(stage, _MADE_BY):
        return
    # An operator that is itself a chain has left notes of its own: its name says more than they do. But what
    # it has only handed over, and not made of this upstream, keeps its story.
    if not hasattr(stage, _MADE_OF) or (_is_made_of(stage, upstream) and not _is_lambda(operator)):
        setattr(stage, _MADE_OF, (operator, upstream))


def pipeline_text(observable: Observable[Any]) -> str:
    """Write a chain the way a shell would: source | operator | operator."""
    return " | ".join(call.text(pipeline_text) for call in _calls(observable))


def pipeline_html(observable: Observable[Any]) -> str:
    """Draw a chain as boxes in a row; streams that join it stand below, with where they come in."""
    return f'<div style="{_ROW}">{_html(observable)}</div>'


def _html(observable: Observable[Any]) -> str:
    calls = list(_calls(observable))
    boxes = [
        f'<span style="{_BOX if place else _FIRST}">{escape(call.text(_mark))}</span>'
        for place, call in enumerate(calls)
    ]
    below = [
        f'<div style="padding-left:2em">{escape(call.name)}, {escape(name)}: {_html(stream)}</div>'
        for call in calls
        for name, stream in call.streams
    ]
    return " → ".join(boxes) + "".join(below)


def _mark(_: Observable[Any]) -> str:
    return _HIDDEN


def _is_stream(value: Any) -> bool:
    return isinstance(value, Observable)


def _is_made_of(stage: Any, upstream: Any) -> bool:
    while stage is not upstream and hasattr(stage, _MADE_OF):
        _, stage = getattr(stage, _MADE_OF)
    return stage is upstream


def _is_lambda(operator: Any) -> bool:
    return getattr(operator, "__name__", "") == "<lambda>"


def _calls(observable: Any) -> list[Call]:
    """Return the calls that made a chain, the source's first."""
    found: list[Call] = []
    while True:
        made_by = getattr(observable, _MADE_BY, None)
        made_of = getattr(observable, _MADE_OF, None)
        if made_by is not None or made_of is None:
            found.append(Call(type(observable).__name__) if made_by is None else made_by)
            return found[::-1]
        operator, observable = made_of
        found += reversed(list(_operator_calls(operator)))


def _operator_calls(operator: Any) -> Iterator[Call]:
    """Say what call an operator is the result of; one that is composed of several, is those."""
    made_by = getattr(operator, _MADE_BY, None)
    if made_by is not None:
        yield made_by
        return
    if not isinstance(operator, FunctionType):
        yield Call(type(operator).__name__, (...,))
        return
    # The stock operators are closures. The names in them are promised to nobody, so where one of them is not
    # there any more, the function's own name has to do.
    around = _closure(operator) if (operator.__module__ or "").partition(".")[0] == "reactivex" else {}
    made: Any = around.get("fun")
    parts: Any = around.get("operators", ())
    if isinstance(made, FunctionType) and isinstance(around.get("args"), tuple):
        given = [value for value in around["args"] if value is not None and not _is_default(value)]
        options = {name: value for name, value in around.get("kwargs", {}).items() if value is not None}
        yield Call(f"ops.{made.__name__.strip('_')}", given, options)
    elif parts:
        for part in parts:
            yield from _operator_calls(part)
    else:
        outer, _, inner = operator.__qualname__.partition(".<locals>")
        yield Call(outer.rpartition(".")[2].strip("_"), (...,) if inner else ())


def _is_default(value: Any) -> bool:
    return isinstance(value, type) and value.__name__ == "NotSet"


def _closure(function: FunctionType) -> dict[str, Any]:
    cells = function.__closure__ or ()
    return {name: cell.cell_contents for name, cell in zip(function.__code__.co_freevars, cells, strict=True)}


def _short(value: Any) -> str:
    """Write an argument in a few characters; of what is no number, text or name, only what it is."""
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    if value is ...:
        return _HIDDEN
    if isinstance(value, str):
        text = _IN_ADDRESS.sub("", value) if "://" in value else value
        return repr(text if len(text) <= _LONG else f"{text[:_LONG]}...")
    if type(value).__name__ == "Pattern":  # of re, or of regex
        return f"re.compile({_short(value.pattern)})"
    if isinstance(value, partial):
        return _short(value.func)
    if callable(value) and hasattr(value, "__name__"):
        return str(value.__name__).strip("<>")
    if isinstance(value, list | tuple | set | dict):
        return f"[{_HIDDEN}]" if isinstance(value, list | tuple) else f"{{{_HIDDEN}}}"
    return f"<{type(value).__name__}>"
