"""AG-UI on the wire: the events of one run of an agent, told apart by their ``type``."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, Final

from rxstream.items import Restarted, StreamChunk, ToolCallDelta
from rxstream.transports.dialects.contract import Dialect, Frame
from rxstream.transports.dialects.decoding import MessageDecoder
from rxstream.transports.dialects.error_form import error_form
from rxstream.transports.dialects.json_form import json_text, to_text

__all__ = ("AG_UI", "AGUIDecoder", "AGUIEncoder")


class AGUIEncoder:
    """Write one run: messages, thoughts and tool calls, each begun and ended; objects as CUSTOM events."""

    __slots__ = ("_calls", "_id", "_open", "_run")

    def __init__(self) -> None:
        self._run = {"threadId": uuid.uuid4().hex, "runId": uuid.uuid4().hex}
        #: What is being written: "text", "thinking", or the number of a tool call; and its id.
        self._open: str | int | None = None
        self._id = ""
        self._calls: set[int] = set()

    def start(self) -> Sequence[Frame]:
        """Begin the run."""
        return (_event("RUN_STARTED", **self._run),)

    def feed(self, item: Any) -> Sequence[Frame]:
        """Write an item. Raises TypeError for what JSON cannot hold."""
        if isinstance(item, str):
            return self._text(item) if item else ()
        if isinstance(item, Restarted):
            return (*self._close(), _event("CUSTOM", name="restart", value={"attempt": item.attempt}))
        if not isinstance(item, StreamChunk):
            return (*self._close(), (None, f'{{"type":"CUSTOM","name":"object","value":{to_text(item)}}}'))
        frames: list[Frame] = []
        if item.reasoning:
            frames += self._thought(item.reasoning)
        content = item.content + item.refusal
        if content:
            frames += self._text(content)
        for delta in item.tool_calls:
            frames += self._call(delta)
        return frames

    def end(self) -> Sequence[Frame]:
        """End the run well."""
        return (*self._close(), _event("RUN_FINISHED", **self._run))

    def fail(self, error: Exception) -> Sequence[Frame]:
        """End with an error."""
        form = error_form(error)
        code = {} if form["code"] is None else {"code": str(form["code"])}
        return (*self._close(), _event("RUN_ERROR", message=form["message"], **code))

    def stop(self) -> Sequence[Frame]:
        """End because somebody asked for it."""
        return self.end()

    def _text(self, text: str) -> list[Frame]:
        frames: list[Frame] = []
        if self._open != "text":
            frames += self._begin("text")
            frames.append(_event("TEXT_MESSAGE_START", messageId=self._id, role="assistant"))
        delta = f'{{"type":"TEXT_MESSAGE_CONTENT","messageId":"{self._id}","delta":{json_text(text)}}}'
        frames.append((None, delta))
        return frames

    def _thought(self, text: str) -> list[Frame]:
        frames: list[Frame] = []
        if self._open != "thinking":
            frames += self._begin("thinking")
            frames += [_event("THINKING_START"), _event("THINKING_TEXT_MESSAGE_START")]
        frames.append(_event("THINKING_TEXT_MESSAGE_CONTENT", delta=text))
        return frames

    def _call(self, delta: ToolCallDelta) -> list[Frame]:
        index = delta.index or 0
        frames: list[Frame] = []
        if self._open != index:
            if index in self._calls:
                msg = "the dialect 'ag-ui' writes one tool call at a time, and these come interleaved"
                raise TypeError(msg)
            self._calls.add(index)
            frames += self._begin(index)
            self._id = delta.id or self._id
            name = delta.name or "unknown"
            frames.append(_event("TOOL_CALL_START", toolCallId=self._id, toolCallName=name))
        if delta.arguments:
            frames.append(_event("TOOL_CALL_ARGS", toolCallId=self._id, delta=delta.arguments))
        return frames

    def _begin(self, key: str | int) -> list[Frame]:
        frames = self._close()
        self._open = key
        self._id = uuid.uuid4().hex
        return frames

    def _close(self) -> list[Frame]:
        key, self._open = self._open, None
        if key is None:
            return []
        if key == "text":
            return [_event("TEXT_MESSAGE_END", messageId=self._id)]
        if key == "thinking":
            return [_event("THINKING_TEXT_MESSAGE_END"), _event("THINKING_END")]
        return [_event("TOOL_CALL_END", toolCallId=self._id)]


def _event(kind: str, **fields: Any) -> Frame:
    return (None, to_text({"type": kind, **fields}))


class AGUIDecoder(MessageDecoder):
    """Read a run as the chunks of an answer, CUSTOM events as objects; the agent's others are passed over.

    The dialect has no finish reason: the end of a run is "stop".
    """

    __slots__ = ("_calls",)

    terminator = "RUN_FINISHED"

    def __init__(self) -> None:
        super().__init__()
        #: The number of each tool call, by its id.
        self._calls: dict[str, int] = {}

    def read(self, body: dict[str, Any]) -> Iterable[Any]:
        """Make the item of an event, if it is one of content."""
        kind = body.get("type")
        if kind == "TEXT_MESSAGE_CONTENT":
            yield self.made(body, self.string_in(body, "delta"))
        elif kind == "THINKING_TEXT_MESSAGE_CONTENT":
            yield self.made(body, reasoning=self.string_in(body, "delta"))
        elif kind == "TOOL_CALL_START":
            name = self.string_in(body, "toolCallId")
            number = self._calls.setdefault(name, len(self._calls))
            yield self.made(body, call=ToolCallDelta(number, name, self.string_in(body, "toolCallName")))
        elif kind == "TOOL_CALL_ARGS":
            number = self._calls.get(self.string_in(body, "toolCallId"), 0)
            yield self.made(body, call=ToolCallDelta(number, arguments=self.string_in(body, "delta")))
        elif kind == "CUSTOM":
            if body.get("name") == "object":
                yield body.get("value")
        elif kind == "RUN_FINISHED":
            self.finished = True
            chunk = self.made(body)
            chunk.finish_reason = "stop"
            yield chunk
        elif kind == "RUN_ERROR":
            raise self.error(body)


AG_UI: Final = Dialect("ag-ui", AGUIEncoder, AGUIDecoder)
