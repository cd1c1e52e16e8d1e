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
    """Tokens that were counted, and are paid for."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    #: Of the prompt's tokens, those that the provider had in its cache.
    cached_tokens: int = 0
    #: Of the completion's tokens, those that were thought, not said.
    reasoning_tokens: int = 0
    #: Whether a part of it is a guess: an answer that was cut off or left tells no usage of its own.
    estimated: bool = False


@dataclass(slots=True)
class ToolCallDelta:
    """A piece of a tool call, as the wire has it: any field may be missing."""

    index: int | None = None
    id: str | None = None
    name: str | None = None
    #: The next characters of the arguments' JSON text.
    arguments: str = ""


@dataclass(slots=True)
class ToolCall:
    """A tool call, put together."""

    id: str | None
    name: str
    #: The arguments' JSON text, exactly as the model wrote it.
    arguments: str
    index: int = 0
    #: The arguments, parsed, where somebody has parsed them: ``parse_tool_calls`` does.
    value: Any = None
    #: What tells it from a ``PartialToolCall``, as ``isinstance`` does.
    complete: Literal[True] = True


@dataclass(slots=True)
class StreamChunk:
    """One piece of one choice of an answer.

    ``index`` counts the stream's chunks from 0. ``choice`` says which of several answers (``n=2``)
    the piece belongs to. A chunk may carry no text at all: the role, the finish reason and the usage
    travel in such chunks.
    """

    content: str
    #: "stop", "length", "tool_calls", "content_filter": set on the last chunk of a choice.
    finish_reason: str | None = None
    index: int = 0
    model: str | None = None
    choice: int = 0
    reasoning: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()
    usage: Usage | None = None
    #: The provider's own event, as a dict: what stood on the wire, whichever way it came.
    raw: Any = field(default=None, repr=False, compare=False)
    role: str | None = None
    #: The provider's name for the whole response.
    id: str | None = None
    refusal: str = ""
    logprobs: Mapping[str, Any] | None = None


@dataclass(slots=True)
class StreamResult:
    """A whole answer; or, as ``StreamTruncated.partial``, as much of one as had come."""

    content: str
    #: Every chunk that came. Empty in a ``partial``: those chunks have been delivered already.
    chunks: list[StreamChunk] = field(default_factory=list["StreamChunk"], repr=False)
    finish_reason: str | None = None
    total_tokens: int = 0
    usage: Usage | None = None
    tool_calls: list[ToolCall] = field(default_factory=list["ToolCall"])
    reasoning: str = ""
    model: str | None = None
    #: What ``measure_stream`` found, if it was in the chain.
    metrics: Any = None


class Tagged(NamedTuple, Generic[T_co]):
    """An item of one of several streams, and which: ``for source, item in ...`` takes it apart."""

    #: The stream's place among the arguments, from 0, or its name.
    source: int | str
    item: T_co


@dataclass(slots=True)
class Restarted:
    """Everything before it is void: the answer begins anew behind it.

    ``retry_stream(resume="restart")`` sends it. Operators of ours start afresh and pass it on; whoever shows
    or keeps what came drops it.
    """

    #: Which attempt begins here, counted from 1: the first restart is 2.
    attempt: int
    #: What ended the attempt before.
    error: Exception | None = None


@dataclass(slots=True)
class Attempt:
    """One attempt of ``retry_stream``, as its hook is told of it when it is about to begin."""

    #: Counted from 1.
    number: int
    #: How it goes on: "first", "again" (no content had been delivered), "server", "continue", "align",
    #: "restart", or "own" for a function of the user's.
    rung: str
    #: Seconds waited before it.
    delay: float = 0.0
    #: What ended the attempt before it.
    error: Exception | None = None
    #: What has been delivered by all attempts before it.
    partial: StreamResult | None = None


@dataclass(slots=True)
class SSEEvent:
    """One server-sent event."""

    data: str
    event: str | None = None
    #: The last event id: it stays until the stream names another one, and is "" where it was taken back;
    #: None as long as the stream has named none.
    id: str | None = None
    #: Milliseconds that a client waits before it connects again.
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
    """A piece of text, and the tag that it stands in."""

    text: str
    #: The innermost tag around it; ``None`` outside of all.
    tag: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])
    #: All tags around it, the outermost first.
    path: tuple[str, ...] = ()
    #: Which tag of the text it is, counted from 0 in the order in which they open; ``None`` outside.
    index: int | None = None
    #: Whether this is the last piece: its closing tag has come.
    complete: bool = False


def _check_one_line(name: str, text: str) -> None:
    if "\n" in text or "\r" in text:
        raise ValueError(f"expected {name} to be one line, got {text!r:.80}: only data may have several")


#: What every text operator takes.
Text: TypeAlias = str | StreamChunk
