"""Objects that look like the events of an answer, made the chunks of one.

The SDK's own models, LiteLLM's, plain dicts, and the stand-ins that people write for their tests.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import httpx2

from rxstream.engine.fuse import FirstMachine
from rxstream.errors import MalformedStream, ProviderError
from rxstream.items import StreamChunk
from rxstream.sansio.chat import ChatEvents
from rxstream.sansio.responses import ResponsesEvents
from rxstream.sansio.wire import LIST, OBJECT
from rxstream.sources.lost import Lost, lost_connection
from rxstream.sources.sdk import openai

__all__ = ("Shapes",)

# As in ``wire``: a check against these leaves a value untyped.
MAPPING: Any = Mapping
LISTS: Any = (list, tuple)
PLAIN: Any = (dict, str, int, float)

#: What passes without a second look.
_PLAIN = frozenset({str, bytes, int, float, bool, tuple, list, StreamChunk})

#: These are what their names say whatever they hold: the SDK makes one of an error, too. By name, because
#: importing them takes as long as all the rest of rxstream.
_OF_THE_SDK: dict[str, Callable[[], Any]] = {
    "ChatCompletionChunk": ChatEvents,
    "ResponseErrorEvent": ResponsesEvents,
}


class Shapes(FirstMachine):
    """Make chunks of whatever has the shape of a provider's event; let everything else pass.

    From the first such event on, the stream is an answer, and must end like one: with a finish reason.
    """

    __slots__ = ("_events", "_make")

    passes = _PLAIN

    def __init__(self, make: Callable[[], Any] | None = None) -> None:
        self._make = make
        self._events: Any = None

    def feed(self, item: Any) -> Iterable[Any]:
        """Take the next item of the source."""
        if item.__class__ in _PLAIN:
            return (item,)
        events = self._events
        make = _recognise(item, in_answer=events is not None or self._make is not None)
        if make is None:
            return (item,)
        if events is None:
            events = self._events = (self._make or make)()
        return events.feed(_as_dict(item))  # type: ignore[no-any-return]

    def close(self) -> Iterable[Any]:
        """Check the end of an answer."""
        if self._events is None:
            if self._make is None:
                return ()
            self._events = self._make()
        return self._events.close()  # type: ignore[no-any-return]

    def explain(self, error: Exception) -> Exception:
        """Say what an error of the SDK's iterator means for the answer; others are not ours to explain."""
        if not isinstance(error, Lost):
            return error
        error = error.error
        if self._events is None:
            return error
        partial = self._events.partial()
        failure: Exception
        if isinstance(error, (openai.APIConnectionError, httpx2.TransportError)):
            return lost_connection(error, partial)
        if isinstance(error, openai.APIError):
            failure = ProviderError(
                f"the provider reported an error in the stream: {error.message}",
                partial=partial,
                body=error.body,
                code=error.code,
                type=error.type,
            )
        else:
            failure = MalformedStream(f"expected JSON in each event, got: {error}", partial=partial)
        failure.__cause__ = error
        return failure


def _recognise(item: Any, *, in_answer: bool) -> Callable[[], Any] | None:
    """Tell which machine reads an object of this shape, if any."""
    known = _OF_THE_SDK.get(type(item).__name__)
    if known is not None:
        return known
    get: Callable[[str], Any] = item.get if isinstance(item, MAPPING) else partial(_attribute, item)
    kind = get("type")
    if isinstance(kind, str) and kind.startswith("response."):
        return ResponsesEvents
    if in_answer and (kind == "error" or (isinstance(item, MAPPING) and "error" in item)):
        return ChatEvents
    choices = get("choices")
    if not isinstance(choices, LIST):
        return None
    if choices:
        first = choices[0]
        is_chunk = "delta" in first if isinstance(first, MAPPING) else hasattr(first, "delta")
    else:
        is_chunk = in_answer or get("object") in {"chat.completion.chunk", ""}
    return ChatEvents if is_chunk else None


def _attribute(item: Any, name: str) -> Any:
    return getattr(item, name, None)


def _as_dict(value: Any) -> Any:
    """Make a dict of a model, or of a simple object as people write them for their tests; at any depth.

    SimpleNamespace, dataclasses with and without slots, mocks: what was set on them counts.
    """
    if value is None or isinstance(value, PLAIN):
        return value
    if isinstance(value, MAPPING):
        return dict(value)
    if isinstance(value, LISTS):
        return [_as_dict(inner) for inner in value]
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        # As it was on the wire: without the fields that the provider did not send.
        dumped = dump(mode="json", exclude_unset=True, warnings=False)
        if isinstance(dumped, OBJECT):  # a mock gives another mock
            return dumped
    fields: dict[str, Any] = getattr(value, "__dict__", None) or {
        name: getattr(value, name) for name in getattr(value, "__slots__", ()) if hasattr(value, name)
    }
    return {name: _as_dict(inner) for name, inner in fields.items() if not name.startswith("_")}
