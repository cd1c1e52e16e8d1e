"""From the messages of the npm package ``ai`` to those of the Chat Completions API.

A message of its is a list of parts: text, files, thoughts, tool calls with what came of them. Thoughts,
sources and data are for the reader's eyes, and no model is told of them.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from rxstream.sansio.wire import OBJECT
from rxstream.service.requests import UIMessage
from rxstream.transports.refusals import Refusal

__all__ = ("chat_messages",)


def chat_messages(messages: Sequence[UIMessage]) -> list[dict[str, Any]]:
    """Return the conversation as a model is told it.

    Raises ``Refusal``, 422, for a part that says one thing and is another, and for a conversation in which
    nothing is said.
    """
    found = [
        told
        for number, message in enumerate(messages)
        for told in _told(message, f"messages[{number}].parts")
    ]
    if not found:
        raise Refusal(422, "expected a message that says something", code="invalid_request", param="messages")
    return found


def _told(message: UIMessage, where: str) -> Iterator[dict[str, Any]]:
    if message.role == "assistant":
        yield from _assistant(message.parts, where)
        return
    parts = [
        told
        for number, part in enumerate(message.parts)
        if (told := _part(part, f"{where}[{number}]")) is not None
    ]
    if all(part["type"] == "text" for part in parts):
        text = "".join(part["text"] for part in parts)
        if text:
            yield {"role": message.role, "content": text}
    else:
        yield {"role": message.role, "content": parts}


def _part(part: dict[str, Any], where: str) -> dict[str, Any] | None:
    kind = part.get("type")
    if kind == "text":
        return {"type": "text", "text": _text(part, "text", where)}
    if kind == "file":
        url = _text(part, "url", where)
        if not _text(part, "mediaType", where).startswith("image/"):
            raise Refusal(
                422, f"{where}: files that are no images are not taken", code="invalid_request", param=where
            )
        # Nothing is fetched here, nor by a provider on our behalf from addresses that only it can see.
        if not url.startswith(("data:image/", "https://")):
            raise Refusal(
                422, f"{where}.url: expected a data: or https: URL", code="invalid_request", param=where
            )
        return {"type": "image_url", "image_url": {"url": url}}
    return None


def _assistant(parts: list[dict[str, Any]], where: str) -> Iterator[dict[str, Any]]:
    """Give what the assistant said and called, and behind each round of calls what came of them."""
    text: list[str] = []
    calls: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []

    def said() -> Iterator[dict[str, Any]]:
        if text or calls:
            message: dict[str, Any] = {"role": "assistant", "content": "".join(text) or None}
            yield {**message, "tool_calls": list(calls)} if calls else message
        yield from results
        text.clear()
        calls.clear()
        results.clear()

    for number, part in enumerate(parts):
        place = f"{where}[{number}]"
        kind = part.get("type")
        if kind == "text":
            if calls:  # what is said behind calls is said behind their results
                yield from said()
            if written := _text(part, "text", place):
                text.append(written)
        elif isinstance(kind, str) and (kind.startswith("tool-") or kind == "dynamic-tool"):
            if part.get("state") not in {"output-available", "output-error"}:
                continue  # it was never finished: no provider takes a call without a result
            name = _text(part, "toolName", place) if kind == "dynamic-tool" else kind.removeprefix("tool-")
            call_id = _text(part, "toolCallId", place)
            arguments = _dumped(part.get("input"))
            calls.append(
                {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
            )
            output = part.get("output") if part["state"] == "output-available" else part.get("errorText")
            results.append({"role": "tool", "tool_call_id": call_id, "content": _dumped(output)})
    yield from said()


def _dumped(value: Any) -> str:
    if value is None:
        value = {}
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _text(part: dict[str, Any], name: str, where: str) -> str:
    value = part.get(name)
    if not isinstance(value, str):
        kind = "an object" if isinstance(value, OBJECT) else type(value).__name__
        raise Refusal(
            422,
            f"{where}.{name}: expected a text, got {kind}",
            code="invalid_request",
            param=f"{where}.{name}",
        )
    return value
