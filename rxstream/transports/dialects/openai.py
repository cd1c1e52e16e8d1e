"""OpenAI's Chat Completions on the wire: what its SDKs, and most of the world's clients, read.

A stream that ends well without a finish reason is given one: clients take its lack for a success, without a
word. An error is an event of its own, and ``[DONE]`` stands at the end of every stream.
"""

import time
import uuid
from collections.abc import Iterable, Sequence
from typing import Any, Final

from rxstream.items import Restarted, SSEEvent, StreamChunk, StreamResult, ToolCallDelta, Usage
from rxstream.sansio.calls import Calls
from rxstream.sansio.chat import ChatEvents
from rxstream.sansio.wire import read_usage
from rxstream.transports.dialects.contract import Dialect, Frame
from rxstream.transports.dialects.error_form import error_form
from rxstream.transports.dialects.json_form import json_text, read_json, to_text

__all__ = ("OPENAI", "OpenAIDecoder", "OpenAIEncoder", "usage_form", "usage_in")

_DONE: Final[Frame] = (None, "[DONE]")


class OpenAIEncoder:
    """Write chunks, and texts as the content of one."""

    __slots__ = ("_calls", "_created", "_head", "_id", "_model", "_own_id", "_reasons", "_seen")

    def __init__(self) -> None:
        self._created = int(time.time())
        self._own_id = f"chatcmpl-{uuid.uuid4().hex}"
        self._id: str | None = None
        self._model: str | None = None
        #: Of each choice, whether it has its finish reason.
        self._reasons: dict[int, bool] = {}
        #: Of each choice, its tool calls.
        self._calls: dict[int, _ToolCalls] = {}
        self._seen: tuple[str | None, str | None] | None = None
        self._head = ""

    def start(self) -> Sequence[Frame]:
        """Give nothing: the first chunk is the beginning."""
        return ()

    def feed(self, item: Any) -> Sequence[Frame]:
        """Write a chunk. Raises TypeError for what is neither one nor a text."""
        if isinstance(item, StreamChunk):
            return self._chunk(item)
        if isinstance(item, str):
            return self._chunk(StreamChunk(item))
        what = "takes nothing back" if isinstance(item, Restarted) else "has chunks and text only"
        msg = (
            f"the dialect 'openai' {what}, and got {type(item).__name__}. Objects can be sent in the "
            f"dialects 'rxstream' and 'ui-message'."
        )
        raise TypeError(msg)

    def end(self) -> Sequence[Frame]:
        """End well: every choice has a finish reason."""
        reasons = self._reasons or {0: False}
        missing = [
            self._event(choice, "{}", '"stop"') for choice, ended in sorted(reasons.items()) if not ended
        ]
        return (*missing, _DONE)

    def fail(self, error: Exception) -> Sequence[Frame]:
        """End with an error."""
        return ((None, to_text({"error": {**error_form(error), "param": None}})), _DONE)

    def stop(self) -> Sequence[Frame]:
        """End because somebody asked for it."""
        return self.end()

    def _chunk(self, chunk: StreamChunk) -> Sequence[Frame]:
        """Write a chunk. This runs once a token, and nearly always there is only content."""
        if (chunk.model, chunk.id) != self._seen:
            self._begin(chunk)
        choice, reason = chunk.choice, chunk.finish_reason
        if reason is not None or choice not in self._reasons:
            self._reasons[choice] = reason is not None or self._reasons.get(choice, False)
        delta = f'{{"content":{json_text(chunk.content)}' if chunk.content else "{"
        if chunk.reasoning or chunk.tool_calls or chunk.role is not None or chunk.refusal:
            delta += self._more(chunk, "," if chunk.content else "")
        usage = chunk.usage
        if usage is not None and delta == "{" and reason is None and chunk.logprobs is None:
            if not chunk.choice and len(self._reasons) == 1 and not self._reasons[0]:
                self._reasons.clear()  # it was nothing of a choice
            return (self._usage(usage),)
        logprobs = chunk.logprobs
        event = self._event(
            choice,
            delta + "}",
            "null" if reason is None else json_text(reason),
            None if logprobs is None else logprobs,
        )
        return (event,) if usage is None else (event, self._usage(usage))

    def _more(self, chunk: StreamChunk, comma: str) -> str:
        """Write what a delta has beside its content."""
        found: dict[str, Any] = {}
        if chunk.role is not None:
            found["role"] = chunk.role
        if chunk.reasoning:
            found["reasoning_content"] = chunk.reasoning
        if chunk.refusal:
            found["refusal"] = chunk.refusal
        if chunk.tool_calls:
            calls = self._calls.get(chunk.choice)
            if calls is None:
                calls = self._calls[chunk.choice] = _ToolCalls()
            found["tool_calls"] = [calls.written(delta) for delta in chunk.tool_calls]
        return comma + to_text(found)[1:-1]

    def _begin(self, chunk: StreamChunk) -> None:
        """Write what all events begin with."""
        self._seen = (chunk.model, chunk.id)
        self._model = chunk.model or self._model
        self._id = chunk.id or self._id
        self._head = (
            f'{{"id":{json_text(self._id or self._own_id)},"object":"chat.completion.chunk",'
            f'"created":{self._created},"model":{json_text(self._model or "unknown")},"choices":['
        )

    def _event(self, choice: int, delta: str, reason: str, logprobs: Any = None) -> Frame:
        if not self._head:
            self._begin(StreamChunk(""))
        more = "" if logprobs is None else f',"logprobs":{to_text(logprobs)}'
        return (None, f'{self._head}{{"index":{choice},"delta":{delta},"finish_reason":{reason}{more}}}]}}')

    def _usage(self, usage: Usage) -> Frame:
        return (None, f'{self._head}],"usage":{to_text(usage_form(usage))}}}')


class _ToolCalls:
    """The tool calls of one choice, numbered and named as OpenAI does it, however they came.

    Its clients go by the index alone, and put ids and names together of all the pieces that have one: so
    these stand in the first piece only.
    """

    __slots__ = ("_calls", "_named")

    def __init__(self) -> None:
        self._calls = Calls()
        #: Of each call, whether its name has been told.
        self._named: list[bool] = []

    def written(self, delta: ToolCallDelta) -> dict[str, Any]:
        """Write a piece."""
        call = self._calls.add(delta)
        found: dict[str, Any] = {"index": call.index}
        function: dict[str, Any] = {"arguments": delta.arguments}
        if call.index == len(self._named):
            self._named.append(False)
            found |= {"id": call.id or f"call_{uuid.uuid4().hex}", "type": "function"}
        if call.name and not self._named[call.index]:
            self._named[call.index] = True
            function["name"] = call.name
        return {**found, "function": function}


def usage_form(usage: Usage) -> dict[str, Any]:
    """Return a count of tokens as OpenAI writes it."""
    found: dict[str, Any] = {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
    }
    if usage.cached_tokens:
        found["prompt_tokens_details"] = {"cached_tokens": usage.cached_tokens}
    if usage.reasoning_tokens:
        found["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning_tokens}
    return found


def usage_in(counts: dict[str, Any]) -> Usage:
    """Read a count of tokens back."""
    return read_usage(
        counts, "prompt_tokens", "completion_tokens", "prompt_tokens_details", "completion_tokens_details"
    )


class OpenAIDecoder:
    """Read chunks back; either a finish reason or ``[DONE]`` is an end."""

    __slots__ = ("_events",)

    def __init__(self) -> None:
        self._events = ChatEvents()

    @property
    def finished(self) -> bool:
        """Whether ``[DONE]`` has come."""
        return self._events.finished

    def feed(self, event: SSEEvent) -> Iterable[StreamChunk]:
        """Take the next event; give its chunks."""
        events = self._events
        text = event.data.strip()
        if text == "[DONE]":
            events.done = events.finished = True
            return ()
        try:
            body = read_json(text)
        except ValueError as error:
            raise events.unreadable(text, error) from None
        if event.event == "error":
            raise events.named_error(body)
        return events.feed(body)

    def close(self) -> Iterable[StreamChunk]:
        """Check that the answer was whole."""
        if not self._events.done:
            self._events.check_end("")
        return ()

    def partial(self) -> StreamResult:
        """Give the answer so far."""
        return self._events.partial()


OPENAI: Final = Dialect("openai", OpenAIEncoder, OpenAIDecoder)
