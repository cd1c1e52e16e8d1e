"""A scripted model's reply as a response of the Responses API: its events, each with its number."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from rxstream.testing.answers import Answer
from rxstream.testing.replies import Reply

__all__ = ("response_answer", "response_events")


def response_events(reply: Reply, *, name: str, model: str) -> list[dict[str, Any]]:
    """Make all events of a response, ``sequence_number`` counted from 0; ``name`` is its id."""
    response: dict[str, Any] = {**_response(name, model), "status": "in_progress", "output": []}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": response},
        {"type": "response.in_progress", "response": response},
    ]
    items = list(_items(reply, name))
    was_cut = reply.finish_reason == "length"
    if was_cut and items:
        items[-1][0]["status"] = "incomplete"
    for place, (item, inner) in enumerate(items):
        added = {**item, "status": "in_progress", **({} if "arguments" not in item else {"arguments": ""})}
        if "content" in item:
            added["content"] = []
        events.append({"type": "response.output_item.added", "output_index": place, "item": added})
        where = {"output_index": place, "item_id": item["id"]}
        events += [{**where, **event} for event in inner]
        events.append({"type": "response.output_item.done", "output_index": place, "item": item})
    status = "incomplete" if was_cut else "completed"
    whole = {
        **_response(name, model),
        "status": status,
        "output": [item for item, _ in items],
        "incomplete_details": {"reason": "max_output_tokens"} if was_cut else None,
        "usage": _usage_of(reply),
    }
    events.append({"type": f"response.{status}", "response": whole})
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def response_answer(events: Sequence[dict[str, Any]], *, stream: bool, after: int, delay: float) -> Answer:
    """Make the answer of a response's events: those behind number ``after``, or the whole in one piece."""
    if not stream:
        return Answer.json(events[-1]["response"])
    pieces = [
        f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()
        for event in events
        if event["sequence_number"] > after
    ]
    return Answer(pieces, pause=delay)


def _response(name: str, model: str) -> dict[str, Any]:
    return {
        "id": name,
        "object": "response",
        "created_at": 1_700_000_000,
        "model": model,
        "error": None,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }


Item = tuple[dict[str, Any], list[dict[str, Any]]]


def _items(reply: Reply, name: str) -> Iterator[Item]:
    """Give the items of the output, each with the events that write it."""
    if reply.reasoning:
        yield _text_item(
            f"rs_{name}", {"type": "reasoning", "summary": []}, "reasoning_text", reply.reasoning
        )
    if reply.text or not (reply.calls or reply.reasoning):
        message = {"type": "message", "role": "assistant"}
        yield _text_item(f"msg_{name}", message, "output_text", [*reply.echo, *reply.content])
    for number, call in enumerate(reply.calls):
        arguments = "".join(call.arguments)
        item = {
            "id": f"fc_{name}_{number}",
            "type": "function_call",
            "status": "completed",
            "call_id": call.id,
            "name": call.name,
            "arguments": arguments,
        }
        kind = "response.function_call_arguments"
        events = [{"type": f"{kind}.delta", "delta": token} for token in call.arguments]
        yield item, [*events, {"type": f"{kind}.done", "arguments": arguments}]


def _text_item(name: str, fields: dict[str, Any], kind: str, tokens: list[str]) -> Item:
    is_said = kind == "output_text"
    extra: dict[str, Any] = {"logprobs": []} if is_said else {}

    def part(text: str) -> dict[str, Any]:
        return {"type": kind, "text": text, **({"annotations": []} if is_said else {})}

    text = "".join(tokens)
    item = {"id": name, **fields, "status": "completed", "content": [part(text)]}
    events = [
        {"type": "response.content_part.added", "part": part("")},
        *({"type": f"response.{kind}.delta", "delta": token, **extra} for token in tokens),
        {"type": f"response.{kind}.done", "text": text, **extra},
        {"type": "response.content_part.done", "part": part(text)},
    ]
    return item, [{"content_index": 0, **event} for event in events]


def _usage_of(reply: Reply) -> dict[str, Any]:
    return {
        "input_tokens": reply.prompt_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": reply.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": reply.reasoning_tokens},
        "total_tokens": reply.prompt_tokens + reply.completion_tokens,
    }
