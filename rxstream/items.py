"""What travels through a stream: slotted, never changed once made, without behaviour but to write itself.

Not frozen, though never changed: a frozen dataclass of a dozen fields costs 1.5 us to make,
a slotted one 0.4, and one is made for every chunk of every answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, NamedTuple, TypeAlias, TypeVar

__all__ = (
    "Attempt",
    "Restarted",
    "SSEEvent",
    "StreamChunk",
    "StreamResult",
    "Tagged",
    "TaggedText",
    "Text",
    "ToolCall",
    "ToolCallDelta",
    "Usage",
)

T_co = TypeVar("T_co", covariant=True)


@dataclass(slots=True)
class Usage:
    """Tokens that were counted, and are paid for.

    ``usage`` of a ``StreamChunk``, mostly the last one (``from_chat`` asks for it), of a ``StreamResult``, of
    ``Metrics`` and of ``Lost``. ``prompt_tokens``, ``completion_tokens``, ``total_tokens``: of the question,
    of the answer, of both. ``cached_tokens``: of the prompt's, those that the provider had in its cache.
    ``reasoning_tokens``: of the completion's, those that were thought, not said. ``estimated``: a part of it
    is a guess, since an answer that was cut off or left tells no usage of its own.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False


@dataclass(slots=True)
class ToolCallDelta:
    """A piece of a tool call, as the wire has it: any field may be missing.

    In ``tool_calls`` of a ``StreamChunk``; ``parse_tool_calls`` puts them together. ``index``: which call of
    the answer it belongs to. ``id`` and ``name``: mostly in the first piece only. ``arguments``: the next
    characters of the arguments' JSON text.
    """

    index: int | None = None
    id: str | None = None
    name: str | None = None
    arguments: str = ""


@dataclass(slots=True)
class ToolCall:
    """A tool call, put together.

    From ``parse_tool_calls``, and in ``tool_calls`` of a ``StreamResult``. ``id``: what the answer to the
    call must name. ``name``: of the function. ``arguments``: their JSON text, exactly as the model wrote it.
    ``index``: which call of the answer it is, from 0. ``value``: the arguments, parsed, where somebody has
    parsed them: ``parse_tool_calls`` does. ``complete`` is True, which tells it from a ``PartialToolCall``,
    as ``isinstance`` does.
    """

    id: str | None
    name: str
    arguments: str
    index: int = 0
    value: Any = None
    complete: Literal[True] = True


@dataclass(slots=True)
class StreamChunk:
    """One piece of one choice of an answer.

    From ``from_chat``, ``from_responses``, ``from_stream``, ``from_recording``, ``from_sse`` and
    ``from_websocket``. ``content``: its text. A chunk may carry no text at all: the role, the finish reason
    and the usage travel in such chunks. ``index`` counts the stream's chunks from 0. ``choice`` says which of
    several answers (``n=2``) the piece belongs to.

    ``finish_reason``: "stop", "length", "tool_calls" or "content_filter", on the last chunk of a choice, else
    None. ``reasoning``: what the model thinks, ``refusal``: why it will not, where the provider has fields
    for these. ``tool_calls``: pieces of calls, each a ``ToolCallDelta``. ``usage``: mostly on the very last
    chunk. ``model``, ``id``: the provider's names for the model and for the whole response. ``role``: mostly
    "assistant", on the first chunk. ``logprobs``: as the provider sends them, if it was asked to. ``raw``:
    the provider's own event, as a dict, whichever way it came; an operator that changes the text drops it.
    """

    content: str
    finish_reason: str | None = None
    index: int = 0
    model: str | None = None
    choice: int = 0
    reasoning: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()
    usage: Usage | None = None
    raw: Any = field(default=None, repr=False, compare=False)
    role: str | None = None
    id: str | None = None
    refusal: str = ""
    logprobs: Mapping[str, Any] | None = None


@dataclass(slots=True)
class StreamResult:
    """A whole answer; or, as ``partial`` of a StreamError, as much of one as had come.

    From ``collect``. ``content``: the text. ``chunks``: every ``StreamChunk`` that came; empty in a
    ``partial``, those have been delivered already. ``finish_reason``: "stop", "length", "tool_calls" or
    "content_filter"; None if it did not end. ``usage``: what was counted, ``total_tokens`` its sum, 0 if
    nothing was. ``tool_calls``: each a ``ToolCall``, not parsed. ``reasoning``: what the model thought.
    ``model``: as the provider names it. ``metrics``: a ``Metrics``, if ``measure_stream`` was in the chain.
    """

    content: str
    chunks: list[StreamChunk] = field(default_factory=list["StreamChunk"], repr=False)
    finish_reason: str | None = None
    total_tokens: int = 0
    usage: Usage | None = None
    tool_calls: list[ToolCall] = field(default_factory=list["ToolCall"])
    reasoning: str = ""
    model: str | None = None
    metrics: Any = None


class Tagged(NamedTuple, Generic[T_co]):
    """An item of one of several streams, and which: ``for source, item in ...`` takes it apart.

    From ``from_streams`` and ``merge_streams``. ``source``: the stream's place among the arguments, from 0,
    or its name. ``item``: what that stream brought.
    """

    source: int | str
    item: T_co


@dataclass(slots=True)
class Restarted:
    """Everything before it is void: the answer begins anew behind it.

    ``retry_stream(resume="restart")`` sends it. Operators of ours start afresh and pass it on; whoever shows
    or keeps what came drops it. ``attempt``: which attempt begins here, counted from 1, so the first restart
    is 2. ``error``: what ended the attempt before.
    """

    attempt: int
    error: Exception | None = None


@dataclass(slots=True)
class Attempt:
    """One attempt of ``retry_stream``, as its hook is told of it when it is about to begin.

    ``number``: counted from 1. ``rung``: how it goes on, "first", "again" (no content had been delivered),
    "server", "continue", "align", "restart", or "own" for a function of the user's. ``delay``: seconds waited
    before it. ``error``: what ended the attempt before it. ``partial``: what has been delivered by all
    attempts before it, a ``StreamResult``.
    """

    number: int
    rung: str
    delay: float = 0.0
    error: Exception | None = None
    partial: StreamResult | None = None


@dataclass(slots=True)
class SSEEvent:
    """One server-sent event.

    From ``parse_sse``, ``to_sse`` and ``from_sse(..., dialect=None)``; ``encode()`` writes it. ``data``: its
    text, lines joined by line feeds. ``event``: its type, None where the stream names none. ``id``: the last
    event id, which stays until the stream names another one, and is "" where it was taken back; None as long
    as the stream has named none. ``retry``: milliseconds that a client waits before it connects again, where
    the server says.
    """

    data: str
    event: str | None = None
    id: str | None = None
    retry: int | None = None

    def encode(self) -> str:
        r"""Write the event as it stands in a ``text/event-stream``, its blank line at the end.

        A line of ``data`` ends at ``\n``, ``\r\n`` or ``\r``; it comes back with ``\n``. Raises ValueError
        for what cannot come back: a line end in ``event`` or ``id``, a NUL in ``id``, an ``id`` that is not
        ASCII (a browser sends it back as other characters), a negative ``retry``.
        """
        head = ""
        if self.event:
            _check_one_line("event", self.event)
            head = f"event: {self.event}\n"
        if self.id is not None:
            _check_one_line("id", self.id)
            if not self.id.isascii() or "\0" in self.id:
                raise ValueError(f"expected an id of ASCII characters without NUL, got {self.id!r:.80}")
            head += f"id: {self.id}\n"
        if self.retry is not None:
            if type(self.retry) is not int or self.retry < 0:
                raise ValueError(f"expected retry to be whole milliseconds from 0, got {self.retry!r}")
            head += f"retry: {self.retry}\n"
        data = self.data
        if "\n" in data or "\r" in data:
            data = data.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\ndata: ")
        return f"{head}data: {data}\n\n"


@dataclass(slots=True)
class TaggedText:
    """A piece of text, and the tag that it stands in.

    From ``parse_tags``. ``text``: the piece; empty where a tag opens or closes. ``tag``: the innermost tag
    around it, None outside of all; ``path``: all tags around it, the outermost first. ``attributes``: of the
    tag, as they stand. ``index``: which tag of the text it is, counted from 0 in the order in which they
    open, None outside. ``complete``: this is the tag's last piece, its closing tag has come.
    """

    text: str
    tag: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])
    path: tuple[str, ...] = ()
    index: int | None = None
    complete: bool = False


def _check_one_line(name: str, text: str) -> None:
    if "\n" in text or "\r" in text:
        raise ValueError(f"expected {name} to be one line, got {text!r:.80}: only data may have several")


#: What every text operator takes.
Text: TypeAlias = str | StreamChunk
