"""A whole answer as one object, as OpenAI's own clients read it."""

from typing import Any

import pytest
from openai.types.chat import ChatCompletion

import rxstream as rxs
from rxstream.items import Restarted, StreamChunk, ToolCallDelta, Usage
from rxstream.service.completion import completion_of

pytestmark = pytest.mark.anyio


async def whole(*chunks: Any, model: str | None = None) -> ChatCompletion:
    return ChatCompletion.model_validate(await completion_of(rxs.from_stream(list(chunks)), model=model))


async def test_text_usage_and_names() -> None:
    raw = {"created": 17, "system_fingerprint": "fp"}
    found = await whole(
        StreamChunk("", role="assistant", id="chatcmpl-1", model="m", raw=raw),
        StreamChunk("Hel", id="chatcmpl-1", model="m", reasoning="hm"),
        StreamChunk("lo", "length", id="chatcmpl-1", model="m", raw="no object"),
        StreamChunk("", usage=Usage(3, 2, 5, 1, 1)),
    )
    assert (found.id, found.model, found.created, found.system_fingerprint) == ("chatcmpl-1", "m", 17, "fp")
    choice = found.choices[0]
    assert (choice.message.content, choice.finish_reason, choice.message.refusal) == ("Hello", "length", None)
    assert choice.message.model_extra == {"reasoning_content": "hm"}
    assert found.usage is not None
    assert (found.usage.prompt_tokens, found.usage.total_tokens) == (3, 5)
    assert found.usage.prompt_tokens_details is not None
    assert found.usage.prompt_tokens_details.cached_tokens == 1


async def test_tool_calls_have_no_text() -> None:
    found = await whole(
        StreamChunk("", tool_calls=(ToolCallDelta(0, "c1", "f", '{"a"'),)),
        StreamChunk("", "tool_calls", tool_calls=(ToolCallDelta(0, None, None, ": 1}"),)),
        StreamChunk("", "tool_calls", tool_calls=(ToolCallDelta(1, None, "g", "{}"),)),
    )
    message = found.choices[0].message
    assert message.content is None
    assert message.tool_calls is not None
    calls: list[Any] = list(message.tool_calls)
    assert [(call.id, call.function.name, call.function.arguments) for call in calls] == [
        ("c1", "f", '{"a": 1}'),
        ("call_1", "g", "{}"),
    ]


async def test_each_choice_is_its_own() -> None:
    token: dict[str, Any] = {"token": "a", "logprob": -0.5, "bytes": None, "top_logprobs": []}
    found = await whole(
        StreamChunk("b", choice=1),
        StreamChunk("a", choice=0, logprobs={"content": [token], "refusal": None}),
        StreamChunk("no", "stop", choice=1),
        StreamChunk("", "stop", choice=0, refusal="I will not", logprobs={"content": [token]}),
        model="named",
    )
    assert [choice.index for choice in found.choices] == [0, 1]
    first, second = found.choices
    assert (first.message.content, first.message.refusal) == ("a", "I will not")
    assert first.logprobs is not None
    assert first.logprobs.content is not None
    assert len(first.logprobs.content) == 2
    assert (second.message.content, second.logprobs) == ("bno", None)
    assert found.model == "named"
    assert found.usage is None


async def test_what_is_void_is_forgotten() -> None:
    found = await whole(StreamChunk("wrong"), Restarted(2), StreamChunk("right", "stop"))
    assert found.choices[0].message.content == "right"
    assert found.id.startswith("chatcmpl-")
    assert found.model == "unknown"
