"""Anthropic's Messages on the wire: named events, and blocks of content that are begun and ended."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, Final

from rxstream.items import Restarted, StreamChunk, ToolCallDelta, Usage
from rxstream.sansio.calls import Call
from rxstream.transports.dialects.contract import Dialect, Frame
from rxstream.transports.dialects.decoding import MessageDecoder, number_in
from rxstream.transports.dialects.encoding import MessageEncoder
from rxstream.transports.dialects.error_form import error_form
from rxstream.transports.dialects.json_form import json_text, to_text

__all__ = ("ANTHROPIC", "AnthropicDecoder", "AnthropicEncoder")

#: Finish reasons in their words, and back.
_REASONS: Final = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
_BACK: Final = {theirs: ours for ours, theirs in _REASONS.items()} | {"stop_sequence": "stop"}


class AnthropicEncoder(MessageEncoder):
    """Write one message. Blocks of tool calls stay open while their arguments are not whole."""

    __slots__ = ("_begun", "_blocks", "_count", "_open", "_reason", "_usage")

    dialect = "anthropic"
    prefix = "toolu_"

    def __init__(self) -> None:
        super().__init__()
        self._begun = False
        #: The block of text that is being written, "text" or "thinking".
        self._open = ""
        self._count = -1
        #: The number of each tool call's block.
        self._blocks: list[int] = []
        self._reason = "end_turn"
        self._usage = Usage()

    def start(self) -> Sequence[Frame]:
        """Give nothing: the first item knows the model."""
        return ()

    def feed(self, item: Any) -> Sequence[Frame]:
        """Write an item. Raises TypeError for what is neither a chunk nor a text."""
        if isinstance(item, str):
            item = StreamChunk(item)
        if not isinstance(item, StreamChunk):
            what = "takes nothing back" if isinstance(item, Restarted) else "has chunks and text only"
            msg = (
                f"the dialect 'anthropic' {what}, and got {type(item).__name__}. Objects can be sent in the "
                f"dialects 'rxstream' and 'ui-message'."
            )
            raise TypeError(msg)
        self.take(item)
        frames = self._begin(item.model, item.id)
        if item.reasoning:
            frames += self._delta("thinking", "thinking_delta", "thinking", item.reasoning)
        content = item.content + item.refusal
        if content:
            frames += self._delta("text", "text_delta", "text", content)
        for delta in item.tool_calls:
            frames += self._call(delta)
        if item.finish_reason is not None:
            self._reason = _REASONS.get(item.finish_reason, item.finish_reason)
        if item.usage is not None:
            self._usage = item.usage
        return frames

    def end(self) -> Sequence[Frame]:
        """End the message well."""
        delta = {"stop_reason": self._reason, "stop_sequence": None}
        usage = {"input_tokens": self._usage.prompt_tokens, "output_tokens": self._usage.completion_tokens}
        ending = {"type": "message_delta", "delta": delta, "usage": usage}
        return (
            *self._begin(None, None),
            *self._close_all(),
            ("message_delta", to_text(ending)),
            ("message_stop", '{"type":"message_stop"}'),
        )

    def fail(self, error: Exception) -> Sequence[Frame]:
        """End with an error."""
        form = error_form(error)
        kind = "timeout_error" if form["code"] == "timeout" else form["type"]
        # Theirs all end so; a client may know what to do about an "overloaded_error".
        body = {"type": kind if kind.endswith("_error") else "api_error", "message": form["message"]}
        return (*self._close_all(), ("error", to_text({"type": "error", "error": body})))

    def stop(self) -> Sequence[Frame]:
        """End because somebody asked for it."""
        return self.end()

    def _begin(self, model: str | None, name: str | None) -> list[Frame]:
        if self._begun:
            return []
        self._begun = True
        message: dict[str, Any] = {
            "id": name or f"msg_{uuid.uuid4().hex}",
            "type": "message",
            "role": "assistant",
            "model": model or "unknown",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 0, "output_tokens": 0},
        }
        return [("message_start", to_text({"type": "message_start", "message": message}))]

    def _delta(self, kind: str, delta: str, name: str, text: str) -> list[Frame]:
        frames: list[Frame] = []
        if self._open != kind:
            frames += self._close()
            frames += self._stops(self.finish_calls())
            self._open = kind
            more = {"signature": ""} if kind == "thinking" else {}
            frames.append(self._block({"type": kind, name: "", **more}))
        inner = f'{{"type":"{delta}","{name}":{json_text(text)}}}'
        event = f'{{"type":"content_block_delta","index":{self._count},"delta":{inner}}}'
        frames.append(("content_block_delta", event))
        return frames

    def _call(self, delta: ToolCallDelta) -> list[Frame]:
        frames = self._close()
        call, new = self.add_call(delta)
        if new:
            frames += self._stops(self.finish_calls(behind=call))
            name = self.name_of(call)
            frames.append(
                self._block({"type": "tool_use", "id": name, "name": call.name or "unknown", "input": {}})
            )
            self._blocks.append(self._count)
        if delta.arguments:
            piece = {"type": "input_json_delta", "partial_json": delta.arguments}
            event = {"type": "content_block_delta", "index": self._blocks[call.index], "delta": piece}
            frames.append(("content_block_delta", to_text(event)))
        return frames

    def _block(self, block: dict[str, Any]) -> Frame:
        self._count += 1
        start = {"type": "content_block_start", "index": self._count, "content_block": block}
        return ("content_block_start", to_text(start))

    def _close(self) -> list[Frame]:
        kind, self._open = self._open, ""
        return [_stop(self._count)] if kind else []

    def _close_all(self) -> list[Frame]:
        return [*self._close(), *self._stops(self.finish_all_calls())]

    def _stops(self, calls: Iterable[Call]) -> list[Frame]:
        return [_stop(self._blocks[call.index]) for call in calls]


def _stop(block: int) -> Frame:
    return ("content_block_stop", f'{{"type":"content_block_stop","index":{block}}}')


class AnthropicDecoder(MessageDecoder):
    """Read a message as the chunks of an answer."""

    __slots__ = ("_calls", "_prompt")

    terminator = "message_stop"

    def __init__(self) -> None:
        super().__init__()
        self._prompt = 0
        #: The number of each tool call, by that of its block.
        self._calls: dict[int, int] = {}

    def read(self, body: dict[str, Any]) -> Iterable[StreamChunk]:
        """Make the chunk of an event, if it is one of content."""
        kind = body.get("type")
        if kind == "content_block_delta":
            yield from self._delta(body, self.object_in(body, "delta"))
        elif kind == "content_block_start":
            block = self.object_in(body, "content_block")
            if block.get("type") == "tool_use":
                number = self._calls.setdefault(number_in(body, "index"), len(self._calls))
                call = ToolCallDelta(number, self.string_in(block, "id"), self.string_in(block, "name"))
                yield self.made(body, call=call)
        elif kind == "message_start":
            message = self.object_in(body, "message")
            self._model, self._id = _name(message, "model"), _name(message, "id")
            self._prompt = number_in(self.object_in(message, "usage"), "input_tokens")
            yield self.made(body, role="assistant")
        elif kind == "message_delta":
            yield self._ending(body)
        elif kind == "message_stop":
            self.finished = True
        elif kind == "error":
            raise self.error(body.get("error"))

    def _delta(self, body: dict[str, Any], delta: dict[str, Any]) -> Iterable[StreamChunk]:
        kind = delta.get("type")
        if kind == "text_delta":
            yield self.made(body, self.string_in(delta, "text"))
        elif kind == "thinking_delta":
            yield self.made(body, reasoning=self.string_in(delta, "thinking"))
        elif kind == "input_json_delta":
            number = self._calls.get(number_in(body, "index"), 0)
            yield self.made(body, call=ToolCallDelta(number, arguments=self.string_in(delta, "partial_json")))

    def _ending(self, body: dict[str, Any]) -> StreamChunk:
        reason = _name(self.object_in(body, "delta"), "stop_reason")
        counts = self.object_in(body, "usage")
        chunk = self.made(body)
        chunk.finish_reason = None if reason is None else _BACK.get(reason, reason)
        if counts:
            prompt = number_in(counts, "input_tokens") or self._prompt
            said = number_in(counts, "output_tokens")
            chunk.usage = Usage(prompt, said, prompt + said)
        return chunk


def _name(fields: dict[str, Any], name: str) -> str | None:
    text = fields.get(name)
    return text if isinstance(text, str) and text else None


ANTHROPIC: Final = Dialect("anthropic", AnthropicEncoder, AnthropicDecoder)
