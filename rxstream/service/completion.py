"""From the chunks of an answer to the one object that a client gets who asked for no stream."""

import time
import uuid
from typing import Any

from reactivex import Observable

from rxstream.items import Restarted, StreamChunk, ToolCall
from rxstream.sansio.answer import Answer
from rxstream.sansio.wire import LIST, OBJECT
from rxstream.sinks.open_stream import open_stream
from rxstream.transports.dialects.openai import usage_form

__all__ = ("completion_of",)


async def completion_of(answer: Observable[StreamChunk], *, model: str | None = None) -> dict[str, Any]:
    """Read a whole answer, of one or several choices, and return it as a ``chat.completion``.

    ``model`` is its name, if the provider tells none. Raises what the stream raises.
    """
    whole = _Whole()
    async with open_stream(answer) as chunks:
        async for chunk in chunks:
            # mypy: the stream of a retry that restarts has these, too
            item: Any = chunk
            if isinstance(item, Restarted):
                whole = _Whole()
            else:
                whole.add(chunk)
    return whole.form(model)


class _Whole:
    """The answer so far."""

    def __init__(self) -> None:
        self._answer = Answer()
        self._id: str | None = None
        self._created: int | None = None
        self._fingerprint: str | None = None
        self._logprobs: dict[int, dict[str, list[Any]]] = {}

    def add(self, chunk: StreamChunk) -> None:
        """Take the next chunk."""
        self._answer.add(chunk)
        self._id = self._id or chunk.id
        raw: Any = chunk.raw
        if isinstance(raw, OBJECT):
            if self._created is None and isinstance(raw.get("created"), int):
                self._created = raw["created"]
            if isinstance(raw.get("system_fingerprint"), str):
                self._fingerprint = raw["system_fingerprint"]
        for name, found in (chunk.logprobs or {}).items():
            if isinstance(found, LIST):
                of_choice = self._logprobs.setdefault(chunk.choice, {})
                of_choice.setdefault(name, []).extend(found)

    def form(self, model: str | None) -> dict[str, Any]:
        """Write the object."""
        results = [self._answer.result(number) for number in sorted(self._answer.choices)]
        said = next((result.model for result in results if result.model), None)
        form: dict[str, Any] = {
            "id": self._id or f"chatcmpl-{uuid.uuid4().hex}",
            "object": "chat.completion",
            "created": int(time.time()) if self._created is None else self._created,
            "model": said or model or "unknown",
            "choices": [self._choice(number) for number in sorted(self._answer.choices)],
        }
        usage = self._answer.usage
        if usage is not None:
            form["usage"] = usage_form(usage)
        if self._fingerprint is not None:
            form["system_fingerprint"] = self._fingerprint
        return form

    def _choice(self, number: int) -> dict[str, Any]:
        result = self._answer.result(number)
        calls = [_call(call) for call in result.tool_calls]
        message: dict[str, Any] = {
            "role": "assistant",
            "content": result.content if result.content or not calls else None,
            "refusal": "".join(self._answer.choices[number].refusal) or None,
        }
        if result.reasoning:
            message["reasoning_content"] = result.reasoning
        if calls:
            message["tool_calls"] = calls
        return {
            "index": number,
            "message": message,
            "logprobs": self._logprobs.get(number),
            # An answer without one would have been an error.
            "finish_reason": result.finish_reason or "stop",
        }


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id or f"call_{call.index}", "type": "function", "function": function}
