"""A scripted model's reply as a chat completion: a stream of events, or in one piece."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from rxstream.testing.answers import Answer
from rxstream.testing.replies import Reply, ReplyCall

__all__ = ("chat_answer",)

#: Any moment will do, as long as it is always the same.
_CREATED = 1_700_000_000


def chat_answer(reply: Reply, body: dict[str, Any], *, name: str, model: str, delay: float) -> Answer:
    """Make the answer that ``body`` asks for; ``name`` is its id."""
    head = {"id": name, "created": _CREATED, "model": model}
    usage = _usage_of(reply)
    if not body.get("stream"):
        choice = {"index": 0, "message": _message_of(reply), "finish_reason": reply.finish_reason}
        return Answer.json({**head, "object": "chat.completion", "choices": [choice], "usage": usage})
    head["object"] = "chat.completion.chunk"
    events: list[dict[str, Any]] = [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in _deltas(reply)
    ]
    events.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": reply.finish_reason}]})
    options: Any = body.get("stream_options") or {}
    if options.get("include_usage"):
        events.append({**head, "choices": [], "usage": usage})
    return replace(Answer.events(*events), pause=delay)


def _deltas(reply: Reply) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": ""}
    for token in reply.reasoning:
        yield {"reasoning_content": token}
    for token in (*reply.echo, *reply.content):
        yield {"content": token}
    for index, call in enumerate(reply.calls):
        yield {"tool_calls": [{"index": index, **_call(call, "")}]}
        for token in call.arguments:
            yield {"tool_calls": [{"index": index, "function": {"arguments": token}}]}


def _message_of(reply: Reply) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.text}
    if reply.reasoning:
        message["reasoning_content"] = "".join(reply.reasoning)
    if reply.calls:
        message["tool_calls"] = [_call(call, "".join(call.arguments)) for call in reply.calls]
    return message


def _call(call: ReplyCall, arguments: str) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _usage_of(reply: Reply) -> dict[str, Any]:
    return {
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": reply.completion_tokens,
        "total_tokens": reply.prompt_tokens + reply.completion_tokens,
        "completion_tokens_details": {"reasoning_tokens": reply.reasoning_tokens},
    }
