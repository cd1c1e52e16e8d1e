"""The wire of Chat Completions: OpenAI's, and that of the many servers that speak it more or less.

What they do differently, and what is made of it: a missing or null ``delta``, ``role``, ``index`` or
``content`` is as good as an empty one; an empty ``finish_reason`` is none; thoughts come as
``reasoning_content`` or ``reasoning``; an event without choices carries the usage, or nothing that we know.
"""

from typing import Any

from rxstream.items import StreamChunk, ToolCallDelta
from rxstream.sansio.sse import MAX_EVENT_SIZE
from rxstream.sansio.wire import LIST, OBJECT, AnswerDecoder, AnswerEvents, error_in, read_usage

__all__ = ("ChatDecoder", "ChatEvents")


class ChatEvents(AnswerEvents):
    """Make chunks of the decoded events of one chat completion, one for each choice in an event.

    The answer is whole when each of its ``choices`` has come and has a finish reason and, with
    ``expects_usage`` (the request asked for it), the usage has come too. An error event raises
    ``ProviderError``, a field of the wrong type ``MalformedStream``, the end of half an answer
    ``StreamTruncated``, all with ``partial``.
    """

    __slots__ = ("_choices", "_counted", "_expects_usage", "_model", "_name")

    def __init__(self, *, choices: int = 1, expects_usage: bool = False) -> None:
        super().__init__()
        self._choices = choices
        self._expects_usage = expects_usage
        #: Whether a usage has come since the last finish reason. Of several choices llama.cpp counts each
        #: by itself, and sends the one's count before the other has ended: that is not the whole.
        self._counted = False
        self._model: str | None = None
        self._name: str | None = None

    def feed(self, event: Any) -> list[StreamChunk]:
        """Take the next event; give its chunks."""
        self._event_count += 1
        if not isinstance(event, OBJECT):
            raise self.wrong("the event", "a JSON object", event)
        get = event.get
        choices: Any = get("choices")
        if not choices or get("error"):
            chunks = [self._read_bare(event)]
        elif not isinstance(choices, LIST):
            raise self.wrong("choices", "a list", choices)
        elif len(choices) == 1:
            chunks = [self._read(event, choices[0])]
        else:
            chunks = [self._read(event, choice) for choice in choices]
        if chunks[-1].finish_reason is not None:
            self._counted = False
        if get("usage") is not None:
            self._counted = True
            # On one chunk only: who adds up what the chunks carry must not count it twice.
            chunks[-1].usage = read_usage(
                self.object_in(event, "usage"),
                "prompt_tokens",
                "completion_tokens",
                "prompt_tokens_details",
                "completion_tokens_details",
            )
        for chunk in chunks:
            self._answer.add(chunk)
        return chunks

    def missing(self) -> list[str]:
        """Say what a whole answer would have and this one has not."""
        reasons = self._answer.finish_reasons
        missing = [f"choice {number} has no finish_reason" for number in reasons if reasons[number] is None]
        if len(reasons) < self._choices:
            missing.append(f"{len(reasons)} of {self._choices} choices came")
        counted = self._counted if len(reasons) > 1 else self._answer.usage is not None
        if self._expects_usage and not self.done and not counted:
            missing.append("neither [DONE] nor the usage that was asked for came")
        return missing

    def _read(self, event: Any, choice: Any) -> StreamChunk:
        """Make the chunk of one choice. This runs once a token: nearly always there is only content."""
        if not isinstance(choice, OBJECT):
            raise self.wrong("a choice", "an object", choice)
        delta: Any = choice.get("delta") or {}
        if not isinstance(delta, OBJECT):
            raise self.wrong("delta", "an object or null", delta)
        content = delta.get("content")
        if not isinstance(content, str):
            content = self.text_in(delta, "content")
        number = choice.get("index") or 0
        if number and not isinstance(number, int):
            raise self.wrong("index", "an integer", number)
        reason = choice.get("finish_reason") or None
        if reason is not None and not isinstance(reason, str):
            raise self.wrong("finish_reason", "a string or null", reason)
        logprobs = choice.get("logprobs")
        if logprobs is not None and not isinstance(logprobs, OBJECT):
            raise self.wrong("logprobs", "an object or null", logprobs)
        model, name = event.get("model"), event.get("id")
        if model is not self._model or name is not self._name:  # nearly always the very same strings
            self._model = model = self.text_in(event, "model") or None
            self._name = name = self.text_in(event, "id") or None
        index = self._index
        self._index = index + 1
        # By position, in the order of the fields: by name it takes half as long again.
        chunk = StreamChunk(
            content, reason, index, model, number, "", (), None, event, None, name, "", logprobs
        )
        if len(delta) > 1 or not content:
            self._read_rest(chunk, delta)
        return chunk

    def _read_rest(self, chunk: StreamChunk, delta: Any) -> None:
        """Add what a delta has beside its content."""
        reasoning = self.text_in(delta, "reasoning_content")
        if not reasoning and isinstance(delta.get("reasoning"), str):
            reasoning = delta["reasoning"]  # elsewhere this is an object, of settings
        calls = self.objects_in(delta, "tool_calls")
        chunk.reasoning = reasoning
        chunk.role = self.text_in(delta, "role") or None
        chunk.refusal = self.text_in(delta, "refusal")
        chunk.tool_calls = tuple([self._read_call(call) for call in calls])

    def _read_call(self, call: Any) -> ToolCallDelta:
        function = self.object_in(call, "function")
        index = call.get("index")
        if index is not None and not isinstance(index, int):
            raise self.wrong("tool_calls.index", "an integer or null", index)
        return ToolCallDelta(
            index,
            self.text_in(call, "id") or None,
            self.text_in(function, "name") or None,
            self.text_in(function, "arguments"),
        )

    def _read_bare(self, event: Any) -> StreamChunk:
        """Read an event without choices: an error, the usage, or something to be passed over."""
        error = error_in(event)
        if error is not None:
            raise self.error_event(error)
        choices = event.get("choices")
        if choices is not None and not isinstance(choices, LIST):
            raise self.wrong("choices", "a list", choices)
        chunk = StreamChunk(
            "",
            index=self._index,
            model=self.text_in(event, "model") or None,
            raw=event,
            id=self.text_in(event, "id") or None,
        )
        self._index += 1
        return chunk


class ChatDecoder(AnswerDecoder):
    """Make chunks of the HTTP body of one chat completion; see ``ChatEvents`` for when it is whole.

    ``data: [DONE]`` ends it, and stands in for a usage that never comes. A body that is no event stream,
    such as a JSON error under status 200 or a web page, raises ``ProviderError`` or ``MalformedStream``
    at its end.
    """

    __slots__ = ()

    def __init__(
        self, *, choices: int = 1, expects_usage: bool = False, max_event_size: int = MAX_EVENT_SIZE
    ) -> None:
        super().__init__(
            ChatEvents(choices=choices, expects_usage=expects_usage), max_event_size=max_event_size
        )
