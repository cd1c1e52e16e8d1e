"""The wire of the Responses API: OpenAI's, and that of servers that speak it more or less.

Its events name the item they belong to by ``output_index`` and ``item_id``. Servers leave out either, some
give an item a new id in each event: so an item is looked up by both, and failing that it is the last one.
What was never streamed in deltas is taken from the event that says the item is done.
"""

from typing import Any

from rxstream.items import StreamChunk, ToolCallDelta
from rxstream.sansio.sse import MAX_EVENT_SIZE
from rxstream.sansio.wire import OBJECT, AnswerDecoder, AnswerEvents, error_in, read_usage

__all__ = ("ResponsesDecoder", "ResponsesEvents")

#: What a delta is a piece of, by its event's name without the verb; by the type of a content part, too.
KINDS = {
    "response.output_text": "content",
    "response.refusal": "refusal",
    "response.reasoning_text": "reasoning",
    "response.reasoning_summary_text": "reasoning",
}
PARTS = {
    "output_text": "content",
    "refusal": "refusal",
    "reasoning_text": "reasoning",
    "summary_text": "reasoning",
}

PART_EVENTS = ("response.content_part", "response.reasoning_summary_part")

#: Stands for all parts of an item.
WHOLE = "whole"

#: Chat's words for why an incomplete response ended, where it has others.
FINISH_REASONS = {"max_output_tokens": "length", "": "incomplete"}


class ResponsesEvents(AnswerEvents):
    """Make chunks of the decoded events of one response.

    It is whole, and ``finished``, with ``response.completed`` or ``response.incomplete``. ``response.failed``
    and error events raise ``ProviderError``, a field of the wrong type ``MalformedStream``, the end of half
    an answer ``StreamTruncated``, all with ``partial``. Events that say nothing new give no chunk.

    ``behind``: the events are those behind the one of this chunk, which came in another connection, where
    ``called`` tool calls had begun. Of items that began there only the deltas are new: what their ends repeat
    is not known to have come, or not, so a server that sends no deltas cannot be continued.
    """

    __slots__ = (
        "_called",
        "_continues",
        "_ended",
        "_items_by_id",
        "_items_by_index",
        "_last",
        "_last_call",
        "_model",
        "_name",
    )

    def __init__(self, *, behind: StreamChunk | None = None, called: int = 0) -> None:
        super().__init__()
        self._model: str | None = None if behind is None else behind.model
        self._name: str | None = None if behind is None else behind.id
        self._index = 0 if behind is None else behind.index + 1
        self._continues = behind is not None
        self._items_by_id: dict[str, _Item] = {}
        self._items_by_index: dict[int, _Item] = {}
        self._last: _Item | None = None
        self._last_call: _Item | None = None
        #: How many calls there have been.
        self._called = called
        #: Whether the response itself said that it is over, which ``[DONE]`` alone does not.
        self._ended = False

    def feed(self, event: Any) -> list[StreamChunk]:
        """Take the next event; give its chunks."""
        self._event_count += 1
        if not isinstance(event, OBJECT):
            raise self.wrong("the event", "a JSON object", event)
        chunks = self._read(event)
        for chunk in chunks:
            self._answer.add(chunk)
        return chunks

    def missing(self) -> list[str]:
        """Say what a whole answer would have and this one has not."""
        return [] if self._ended else ["neither response.completed nor response.incomplete came"]

    def _read(self, event: Any) -> list[StreamChunk]:
        kind = self.text_in(event, "type")
        if not kind.startswith("response."):
            error = error_in(event)
            if error is not None:
                raise self.error_event(error)
            return []
        subject, _, verb = kind.rpartition(".")
        if subject == "response":
            return self._read_response(event, verb)
        if subject == "response.output_item":
            return self._read_item_event(event, verb)
        if subject == "response.function_call_arguments":
            return self._read_arguments(event, verb)
        return self._read_text(event, subject, verb)

    def _read_text(self, event: Any, subject: str, verb: str) -> list[StreamChunk]:
        """Read an event about text of any kind, if it is one."""
        if verb == "delta" and subject in KINDS:
            return self._read_delta(event, KINDS[subject])
        if verb == "done" and subject in KINDS:
            field = "refusal" if subject == "response.refusal" else "text"
            return self._read_part(event, KINDS[subject], self.text_in(event, field))
        if verb == "done" and subject in PART_EVENTS:
            part = self.object_in(event, "part")
            return [chunk for name, text in self._texts(part) for chunk in self._read_part(event, name, text)]
        return []

    def _read_item_event(self, event: Any, verb: str) -> list[StreamChunk]:
        item = self.object_in(event, "item")
        known = self._item(event, self.text_in(item, "id"), new=verb == "added")
        return self._read_item(event, known, item)

    def _read_response(self, event: Any, verb: str) -> list[StreamChunk]:
        """Read an event about the response as a whole: its name, its end."""
        response = self.object_in(event, "response")
        self._model = self.text_in(response, "model") or self._model
        self._name = self.text_in(response, "id") or self._name
        if verb == "failed":
            raise self.error_event(response.get("error") or response)
        if verb not in {"completed", "incomplete"}:
            return []
        chunks: list[StreamChunk] = []
        if not self._index:  # a server that says everything at the end
            for item in self.objects_in(response, "output"):
                chunks += self._read_item(event, _Item(), item)
        if verb == "completed":
            reason = "tool_calls" if self._called else "stop"
        else:
            why = self.text_in(self.object_in(response, "incomplete_details"), "reason")
            reason = FINISH_REASONS.get(why, why)
        usage = self.object_in(response, "usage")
        last = self._chunk(event)
        last.finish_reason = reason
        if usage:
            last.usage = read_usage(
                usage, "input_tokens", "output_tokens", "input_tokens_details", "output_tokens_details"
            )
        self._ended = self.finished = True
        return [*chunks, last]

    def _read_delta(self, event: Any, kind: str) -> list[StreamChunk]:
        text = self.text_in(event, "delta")
        item = self._item(event, self.text_in(event, "item_id"))
        item.parts.add((kind, _part_of(event)))
        return [self._piece(event, item, kind, text)]

    def _read_part(self, event: Any, kind: str, text: str) -> list[StreamChunk]:
        """Take a finished part's text if there was no delta of it."""
        item = self._item(event, self.text_in(event, "item_id"))
        part = (kind, _part_of(event))
        if not text or item.is_known or part in item.parts or (kind, WHOLE) in item.parts:
            return []
        item.parts.add(part)
        return [self._piece(event, item, kind, text)]

    def _read_item(self, event: Any, known: "_Item", item: Any) -> list[StreamChunk]:
        """Take of an item, just added or done, what its deltas have not brought."""
        if self.text_in(item, "type") == "function_call":
            arguments = known.rest("arguments", self.text_in(item, "arguments"))
            if known.named and not arguments:
                return []
            if known.named:
                return [self._call(event, known, arguments)]
            known.named = True
            name = self.text_in(item, "call_id") or self.text_in(item, "id") or None
            return [self._call(event, known, arguments, name, self.text_in(item, "name") or None)]
        whole: dict[str, list[str]] = {}
        for field in ("summary", "content"):
            for part in self.objects_in(item, field):
                for kind, text in self._texts(part):
                    whole.setdefault(kind, []).append(text)
        chunks: list[StreamChunk] = []
        for kind, texts in whole.items():
            known.parts.add((kind, WHOLE))
            rest = known.rest(kind, "".join(texts))
            if rest:
                chunks.append(self._piece(event, known, kind, rest))
        return chunks

    def _read_arguments(self, event: Any, verb: str) -> list[StreamChunk]:
        name = self.text_in(event, "item_id")
        item = self._find(event, name)
        # An item that nobody has heard of may be one of the other connection's, if it says which.
        if item is None and not (self._continues and self._place_of(event) is not None):
            item = self._last_call
        if item is None:
            item = self._item(event, name)
        if verb == "delta":
            return [self._call(event, item, self.text_in(event, "delta"))]
        rest = item.rest("arguments", self.text_in(event, "arguments"))
        return [self._call(event, item, rest)] if rest else []

    def _texts(self, part: Any) -> list[tuple[str, str]]:
        """Give the kind and the text of a part, if it has any that we know."""
        kind = PARTS.get(self.text_in(part, "type"))
        if kind is None:
            return []
        return [(kind, self.text_in(part, "refusal" if kind == "refusal" else "text"))]

    def _find(self, event: Any, name: str) -> "_Item | None":
        index = self._place_of(event)
        return self._items_by_id.get(name) or (None if index is None else self._items_by_index.get(index))

    def _item(self, event: Any, name: str, *, new: bool = False) -> "_Item":
        """Look up the item that an event is about, the last one if it does not say; make one if it is new."""
        index = self._place_of(event)
        item = None if new else self._find(event, name)
        if item is None:
            nameless = not new and not name and index is None
            item = (self._last if nameless else None) or _Item(is_known=self._continues and not new)
        self._last = item
        if name:
            self._items_by_id[name] = item
        if index is not None:
            self._items_by_index[index] = item
        return item

    def _place_of(self, event: Any) -> int | None:
        index = event.get("output_index")
        if index is None or isinstance(index, int):
            return index
        raise self.wrong("output_index", "an integer", index)

    def _piece(self, event: Any, item: "_Item", kind: str, text: str) -> StreamChunk:
        item.sent(kind).append(text)
        chunk = self._chunk(event)
        if kind == "content":
            chunk.content = text
        elif kind == "reasoning":
            chunk.reasoning = text
        else:
            chunk.refusal = text
        return chunk

    def _call(
        self, event: Any, item: "_Item", arguments: str, name: str | None = None, function: str | None = None
    ) -> StreamChunk:
        if not item.is_known and item.call is None:
            index = self._place_of(event)
            item.call = self._called if index is None else index
            self._called += 1
            self._last_call = item
        item.sent("arguments").append(arguments)
        chunk = self._chunk(event)
        # One of the other connection's has been counted there.
        index = self._place_of(event) if item.is_known else item.call
        chunk.tool_calls = (ToolCallDelta(index, name, function, arguments),)
        return chunk

    def _chunk(self, event: Any) -> StreamChunk:
        index = self._index
        self._index = index + 1
        return StreamChunk("", index=index, model=self._model, raw=event, id=self._name)


class _Item:
    """One item of the output: what of it has been given already."""

    __slots__ = ("_sent", "call", "is_known", "named", "parts")

    def __init__(self, *, is_known: bool = False) -> None:
        #: It began in another connection, and was given there: all but its further deltas is known.
        self.is_known = is_known
        #: The index of the tool call that it is.
        self.call: int | None = None
        #: Whether the call's name has been given.
        self.named = is_known
        #: The kind and the name of each part of which anything has been given.
        self.parts: set[tuple[str, str]] = set()
        self._sent: dict[str, list[str]] = {}

    def sent(self, kind: str) -> list[str]:
        """Give the pieces of that kind, to be added to."""
        return self._sent.setdefault(kind, [])

    def rest(self, kind: str, whole: str) -> str:
        """Give what the pieces lack of the whole; nothing if they are something else."""
        if self.is_known:
            return ""
        sent = "".join(self.sent(kind))
        return whole[len(sent) :] if whole.startswith(sent) else ""


def _part_of(event: Any) -> str:
    """Name the part of an item that an event is about: summaries are counted apart from the rest."""
    if event.get("summary_index") is not None:
        return f"summary {event['summary_index']}"
    return f"content {event.get('content_index') or 0}"


class ResponsesDecoder(AnswerDecoder):
    """Make chunks of the HTTP body of one response; see ``ResponsesEvents`` for when it is whole.

    A body that is no event stream, such as a JSON error under status 200 or a web page, raises
    ``ProviderError`` or ``MalformedStream`` at its end.
    """

    __slots__ = ()

    def __init__(
        self, *, events: ResponsesEvents | None = None, max_event_size: int = MAX_EVENT_SIZE
    ) -> None:
        super().__init__(events or ResponsesEvents(), max_event_size=max_event_size)
