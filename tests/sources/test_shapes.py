"""Objects that look like events, and those that only nearly do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType, SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import ResponseErrorEvent, ResponseTextDeltaEvent

from rxstream.errors import ConnectionLost, MalformedStream, ProviderError, StreamTruncated
from rxstream.items import StreamChunk, ToolCallDelta
from rxstream.sansio.chat import ChatEvents
from rxstream.sources.lost import Lost
from rxstream.sources.shapes import Shapes


def chunk(delta: Any, **more: Any) -> dict[str, Any]:
    return {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta}], **more}


def fed(*items: Any) -> list[Any]:
    shapes = Shapes()
    return [found for item in items for found in shapes.feed(item)]


@pytest.mark.parametrize(
    "item",
    [
        "text",
        b"bytes",
        1,
        True,
        None,
        [1],
        {"choices": "many"},
        {"choices": [1, 2]},
        {"choices": []},
        {"choices": [{"text": "legacy completion"}]},
        {"choices": [{"message": {"content": "not a stream"}}], "object": "chat.completion"},
        {"error": "somebody's own"},
        {"type": "error"},
        {"type": "response"},
        SimpleNamespace(choices=[SimpleNamespace(name="a menu")]),
        SimpleNamespace(type=7),
        StreamChunk("whole"),
        MagicMock(),
        ChatCompletion.construct(choices=[]),
    ],
)
def test_what_is_no_event_passes_unchanged(item: Any) -> None:
    shapes = Shapes()
    (found,) = shapes.feed(item)
    assert found is item
    assert list(shapes.close()) == []


@dataclass(slots=True)
class SlottedDelta:
    content: str
    unset: str = field(init=False)


@dataclass(slots=True)
class Slotted:
    delta: SlottedDelta
    index: int = 0
    finish_reason: str | None = None


def shaped(content: str) -> dict[str, Any]:
    delta = {"content": content}
    return {
        "dict": chunk(delta),
        "another mapping": MappingProxyType(chunk(delta)),
        "the SDK's": ChatCompletionChunk.construct(**chunk(delta)),
        "SimpleNamespace": SimpleNamespace(choices=[SimpleNamespace(delta=SimpleNamespace(**delta))]),
        "tuples inside": SimpleNamespace(choices=[SimpleNamespace(delta=delta, extra=(1, 2))]),
        "slots": SimpleNamespace(choices=[Slotted(SlottedDelta(content))]),
        "mock": MagicMock(choices=[MagicMock(delta=MagicMock(content=content))]),
    }


@pytest.mark.parametrize("name", shaped(""))
def test_objects_of_any_make_become_chunks(name: str) -> None:
    (found,) = fed(shaped("Hello")[name])
    assert type(found) is StreamChunk
    assert found.content == "Hello"
    assert found.finish_reason is None
    assert found.usage is None


def test_what_a_model_was_not_given_is_not_in_raw() -> None:
    (found,) = fed(ChatCompletionChunk.construct(**chunk({"content": "a"})))
    assert found.raw == chunk({"content": "a"})


def test_tool_calls_of_objects_are_read() -> None:
    call = SimpleNamespace(index=0, id="1", function=SimpleNamespace(name="f", arguments="{"))
    (found,) = fed(SimpleNamespace(choices=[SimpleNamespace(delta=SimpleNamespace(tool_calls=[call]))]))
    assert found.tool_calls == (ToolCallDelta(0, "1", "f", "{"),)


def test_azures_first_event_has_no_choices_and_an_empty_object() -> None:
    first: Any = {"object": "", "choices": [], "prompt_filter_results": []}
    assert [type(found) for found in fed(first, chunk({"content": "a"}))] == [StreamChunk, StreamChunk]


def test_in_an_answer_an_event_without_choices_may_be_nameless() -> None:
    _, found = fed(chunk({"content": "a"}), {"choices": [], "usage": {"total_tokens": 7}})
    assert found.usage.total_tokens == 7


def test_other_things_pass_through_an_answer() -> None:
    note = SimpleNamespace(note="the user's own")
    assert fed(chunk({"content": "a"}), note, "text")[1:] == [note, "text"]


@pytest.mark.parametrize("error", [{"error": {"message": "no"}}, {"type": "error", "message": "no"}])
def test_in_an_answer_an_error_is_one(error: Mapping[str, Any]) -> None:
    with pytest.raises(ProviderError, match="no") as caught:
        fed(chunk({"content": "Hel"}), error)
    assert caught.value.partial.content == "Hel"


def test_events_of_the_responses_api_are_known_by_their_type() -> None:
    delta = ResponseTextDeltaEvent.construct(type="response.output_text.delta", delta="Hello", item_id="i")
    (found,) = fed(delta)
    assert found.content == "Hello"
    with pytest.raises(ProviderError, match="no"):
        fed(ResponseErrorEvent.construct(type="error", message="no"))


def test_an_answer_must_end_like_one() -> None:
    shapes = Shapes()
    assert list(shapes.feed(chunk({"content": "Hel"})))
    with pytest.raises(StreamTruncated) as caught:
        shapes.close()
    assert caught.value.partial.content == "Hel"


def test_one_that_was_asked_for_must_even_begin() -> None:
    with pytest.raises(StreamTruncated):
        Shapes(ChatEvents).close()


REQUEST = httpx2.Request("POST", "http://127.0.0.1")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (openai.APIConnectionError(request=REQUEST), ConnectionLost),
        (openai.APITimeoutError(REQUEST), ConnectionLost),
        (httpx2.ReadError("died"), ConnectionLost),
        (openai.APIError("no", REQUEST, body={"code": "why"}), ProviderError),
        (ValueError("no JSON"), MalformedStream),
    ],
)
def test_what_the_wire_did_is_explained_with_the_answer_so_far(
    error: Exception, kind: type[Exception]
) -> None:
    shapes = Shapes()
    assert list(shapes.feed(chunk({"content": "Hel"})))
    explained = shapes.explain(Lost(error))
    assert type(explained) is kind
    assert explained.__cause__ is error
    assert explained.partial.content == "Hel"  # type: ignore[attr-defined]


def test_errors_of_others_and_before_the_answer_stay_what_they_are() -> None:
    error = OSError("other")
    assert Shapes().explain(error) is error
    assert Shapes().explain(Lost(error)) is error
