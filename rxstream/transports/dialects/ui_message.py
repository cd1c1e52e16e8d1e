"""The UI message stream, version 1, of Vercel's AI SDK: what ``useChat`` reads.

It knows a fixed set of parts, and a client that meets another one fails. So what it has no part for travels
as data: objects as ``data-object``; the usage and the finish reason as the message's metadata.
"""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, Final

from rxstream.items import Restarted, StreamChunk, ToolCallDelta
from rxstream.sansio.calls import Call
from rxstream.transports.dialects.contract import Dialect, Frame
from rxstream.transports.dialects.decoding import MessageDecoder
from rxstream.transports.dialects.encoding import MessageEncoder
from rxstream.transports.dialects.error_form import error_form
from rxstream.transports.dialects.json_form import json_text, read_json, to_text
from rxstream.transports.dialects.openai import usage_form

__all__ = ("UI_MESSAGE", "UIMessageDecoder", "UIMessageEncoder")

_DONE: Final[Frame] = (None, "[DONE]")
_STEP: Final[Frame] = (None, '{"type":"start-step"}')
_STEP_ENDS: Final[Frame] = (None, '{"type":"finish-step"}')


class UIMessageEncoder(MessageEncoder):
    """Write the parts of one message."""

    __slots__ = ("_count", "_metadata", "_open")

    dialect = "ui-message"
    prefix = "call-"

    def __init__(self) -> None:
        super().__init__()
        #: The part that is being written, "text" or "reasoning", and how many there have been.
        self._open = ""
        self._count = 0
        self._metadata: dict[str, Any] = {}

    def start(self) -> Sequence[Frame]:
        """Begin the message."""
        return ((None, f'{{"type":"start","messageId":"msg-{uuid.uuid4().hex}"}}'), _STEP)

    def feed(self, item: Any) -> Sequence[Frame]:
        """Write an item. Raises TypeError for what JSON cannot hold."""
        if isinstance(item, StreamChunk):
            return self._chunk(item)
        if isinstance(item, str):
            return self._text("text", item) if item else ()
        if isinstance(item, Restarted):
            self.restart()
            return (*self._close(), (None, f'{{"type":"data-restart","data":{{"attempt":{item.attempt}}}}}'))
        return (*self._close(), (None, f'{{"type":"data-object","data":{to_text(item)}}}'))

    def end(self) -> Sequence[Frame]:
        """End the message well."""
        metadata = f',"messageMetadata":{to_text(self._metadata)}' if self._metadata else ""
        finish: Frame = (None, f'{{"type":"finish"{metadata}}}')
        return (*self._close(), *self._available(self.finish_all_calls()), _STEP_ENDS, finish, _DONE)

    def fail(self, error: Exception) -> Sequence[Frame]:
        """End with an error; what came stays."""
        text = json_text(error_form(error)["message"])
        return (*self._close(), (None, f'{{"type":"error","errorText":{text}}}'), _DONE)

    def stop(self) -> Sequence[Frame]:
        """End because somebody asked for it."""
        return (*self._close(), (None, '{"type":"abort"}'), _DONE)

    def _chunk(self, chunk: StreamChunk) -> Sequence[Frame]:
        self.take(chunk)
        frames: list[Frame] = []
        if chunk.reasoning:
            frames += self._text("reasoning", chunk.reasoning)
        content = chunk.content + chunk.refusal
        if content:
            frames += self._text("text", content)
        for delta in chunk.tool_calls:
            frames += self._call(delta)
        if chunk.finish_reason is not None:
            self._metadata["finishReason"] = chunk.finish_reason
        if chunk.usage is not None:
            self._metadata["usage"] = usage_form(chunk.usage)
        return frames

    def _text(self, kind: str, text: str) -> list[Frame]:
        frames: list[Frame] = []
        if self._open != kind:
            frames += self._close()
            self._open = kind
            self._count += 1
            frames.append((None, f'{{"type":"{kind}-start","id":"{self._count}"}}'))
        delta = f'{{"type":"{kind}-delta","id":"{self._count}","delta":{json_text(text)}}}'
        frames.append((None, delta))
        return frames

    def _close(self) -> list[Frame]:
        kind, self._open = self._open, ""
        return [(None, f'{{"type":"{kind}-end","id":"{self._count}"}}')] if kind else []

    def _call(self, delta: ToolCallDelta) -> list[Frame]:
        frames = self._close()
        call, new = self.add_call(delta)
        name = self.name_of(call)
        if new:
            frames += self._available(self.finish_calls(behind=call))
            start = {"type": "tool-input-start", "toolCallId": name, "toolName": call.name or "unknown"}
            frames.append((None, to_text(start)))
        if delta.arguments:
            piece = {"type": "tool-input-delta", "toolCallId": name, "inputTextDelta": delta.arguments}
            frames.append((None, to_text(piece)))
        return frames

    def _available(self, calls: Iterable[Call]) -> list[Frame]:
        """Say of calls that their arguments have come."""
        frames: list[Frame] = []
        for call in calls:
            try:
                arguments = read_json("".join(call.arguments) or "{}")
            except ValueError:
                continue  # cut off: the deltas have said what there is
            found = {
                "type": "tool-input-available",
                "toolCallId": self.name_of(call),
                "toolName": call.name or "unknown",
                "input": arguments,
            }
            frames.append((None, to_text(found)))
        return frames


class UIMessageDecoder(MessageDecoder):
    """Read a message as the chunks of an answer; ``data-*`` parts as objects."""

    __slots__ = ("_calls",)

    terminator = "finish part, and no [DONE],"

    def __init__(self) -> None:
        super().__init__()
        #: The number of each tool call, by its id.
        self._calls: dict[str, int] = {}

    def read(self, body: dict[str, Any]) -> Iterable[Any]:
        """Make the item of a part, if it is one of content."""
        kind = body.get("type")
        if kind == "text-delta":
            yield self.made(body, self.string_in(body, "delta"))
        elif kind == "reasoning-delta":
            yield self.made(body, reasoning=self.string_in(body, "delta"))
        elif kind == "tool-input-start":
            yield self._call(body, ToolCallDelta(name=self.string_in(body, "toolName")))
        elif kind == "tool-input-delta":
            yield self._call(body, ToolCallDelta(arguments=self.string_in(body, "inputTextDelta")))
        elif kind == "tool-input-available" and body.get("toolCallId") not in self._calls:
            # It came whole, without the pieces.
            arguments = to_text(body.get("input"))
            yield self._call(body, ToolCallDelta(name=self.string_in(body, "toolName"), arguments=arguments))
        elif kind == "finish":
            yield self.ending(body, body.get("messageMetadata"), body.get("finishReason"))
        elif kind == "abort":
            self.finished = True
        elif kind == "error":
            raise self.error(body.get("errorText"))
        elif isinstance(kind, str) and kind.startswith("data-"):
            yield body.get("data") if kind == "data-object" else body

    def _call(self, body: dict[str, Any], call: ToolCallDelta) -> StreamChunk:
        name = self.string_in(body, "toolCallId")
        if name not in self._calls:
            call.id = name
        call.index = self._calls.setdefault(name, len(self._calls))
        return self.made(body, call=call)


UI_MESSAGE: Final = Dialect(
    "ui-message",
    UIMessageEncoder,
    UIMessageDecoder,
    {"x-vercel-ai-ui-message-stream": "v1"},
    replays=True,
)
