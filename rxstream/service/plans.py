"""What a stream is to be: enough to begin it, and to go on with it in another process."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final, Literal, Self

from reactivex import Observable, operators

from rxstream.engine.resumable import pass_on
from rxstream.items import StreamChunk
from rxstream.parsers.json import parse_json
from rxstream.sansio.answer import is_of_a_choice
from rxstream.sansio.wire import OBJECT
from rxstream.service.service import Service
from rxstream.text.split import buffer_by
from rxstream.transports.dialects.named import dialect_named
from rxstream.transports.refusals import Refusal

__all__ = ("DialectName", "Plan")

DialectName = Literal["rxstream", "openai", "ui-message", "anthropic", "ag-ui"]

_NATIVE: Final = "rxstream"
#: What of each kind of unit makes the text again, if its units stand one behind the other.
_LOSSLESS: Final[dict[str, dict[str, Any]]] = {
    "word": {"keep_whitespace": True},
    "sentence": {"keep_whitespace": True},
    "line": {"keep_ends": True},
    "grapheme": {},
}


@dataclass(frozen=True, slots=True)
class Plan:
    """A stream of one kind, in one dialect, of the answer to one request."""

    #: "raw" chunks, "buffered" units, "json" values, or a chat "completion".
    kind: str
    dialect: str
    #: What the model is asked.
    request: Mapping[str, Any]
    #: The unit, the path in the document, whether usage is wanted.
    option: str | bool | None = None

    @classmethod
    def of(cls, meta: Mapping[str, Any]) -> Self | None:
        """Read a plan back that was kept with a stream; None if none was."""
        request: Any = meta.get("request")
        if not isinstance(request, OBJECT):
            return None
        return cls(str(meta.get("kind")), str(meta.get("dialect")), request, meta.get("option"))

    @property
    def meta(self) -> dict[str, Any]:
        """What is kept with the stream, so that another process can go on with it."""
        return {
            "kind": self.kind,
            "dialect": self.dialect,
            "request": dict(self.request),
            "option": self.option,
        }

    def check(self) -> None:
        """Refuse, with 422, what the dialect cannot carry."""
        if self.kind == "json" and not _carries_objects(self.dialect):
            msg = (
                f"the dialect {self.dialect!r} has no place for JSON values; take 'rxstream' or 'ui-message'"
            )
            raise Refusal(422, msg, code="invalid_request", param="dialect")
        if self.kind == "buffered" and self.dialect != _NATIVE and self.option not in _LOSSLESS:
            msg = (
                f"the dialect {self.dialect!r} has a text in pieces, and the pieces of {self.option!r} are "
                f"not the text; take 'rxstream', or one of {', '.join(_LOSSLESS)}"
            )
            raise Refusal(422, msg, code="invalid_request", param="buffer_type")

    def observable(self, service: Service, owner: str | None) -> Observable[Any]:
        """Make the stream. Raises ``Refusal`` for what can never become one."""
        answer: Observable[Any] = service.answer(self.request, owner)
        if self.kind == "buffered":
            unit = str(self.option)
            options = {} if self.dialect == _NATIVE else _LOSSLESS[unit]
            return answer.pipe(buffer_by(unit, **options))
        if self.kind == "json":
            return answer.pipe(_json_at(self.option if isinstance(self.option, str) else None))
        if self.kind == "completion" and not self.option:
            return _uncounted(answer)
        return answer


def _json_at(at: str | None) -> Any:
    try:
        return parse_json(at=at)
    except ValueError as error:
        raise Refusal(422, f"at: {error}", code="invalid_request", param="at") from None


@cache
def _carries_objects(dialect: str) -> bool:
    encoder = dialect_named(dialect).encoder()
    encoder.start()
    try:
        encoder.feed({})
    except TypeError:
        return False
    return True


def _without_counts(answer: Observable[Any]) -> Observable[Any]:
    return answer.pipe(operators.map(_without_usage), operators.filter(_says_something))


_uncounted: Final = pass_on(_without_counts)


def _without_usage(chunk: Any) -> Any:
    """Take the count out of a chunk: clients that have not asked for it fall over one without a choice."""
    if chunk.__class__ is not StreamChunk or chunk.usage is None:
        return chunk
    return replace(chunk, usage=None)


def _says_something(chunk: Any) -> bool:
    return chunk.__class__ is not StreamChunk or is_of_a_choice(chunk)
