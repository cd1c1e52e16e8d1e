"""What clients may ask for: the bodies of requests."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = (
    "BUFFER_TYPES",
    "BufferedRequest",
    "CompletionRequest",
    "JSONRequest",
    "Message",
    "SocketRequest",
    "StreamRequest",
    "UIChatRequest",
    "UIMessage",
    "model_request",
)

BufferType = Literal["word", "sentence", "line", "paragraph", "grapheme"]
BUFFER_TYPES: Final = ("word", "sentence", "line", "paragraph", "grapheme")

#: What a parameter may be at most: beyond that it is no request of anybody's, but an attack.
_Name = Annotated[str, Field(min_length=1, max_length=256)]
_Tokens = Annotated[int, Field(ge=1, le=10_000_000)]
_Penalty = Annotated[float, Field(ge=-2, le=2)]
_Object = dict[str, Any]

#: Fields that are the service's own, not the model's.
_OWN: Final = frozenset(
    (
        *("stream_id", "resumable", "buffer_type", "at", "kind", "credit"),
        *("id", "trigger", "messageId"),
    )
)


class Message(BaseModel):
    """One message of the conversation, as the Chat Completions API has it."""

    # Providers have fields of their own here, such as cache marks.
    model_config = ConfigDict(extra="allow")

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[_Object] | None = None


class ModelParameters(BaseModel):
    """What is passed on to the model as it is."""

    model_config = ConfigDict(extra="forbid")

    model: _Name | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    max_tokens: _Tokens | None = None
    max_completion_tokens: _Tokens | None = None
    stop: str | Annotated[list[str], Field(max_length=16)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    tools: Annotated[list[_Object], Field(max_length=256)] | None = None
    tool_choice: str | _Object | None = None
    response_format: _Object | None = None
    presence_penalty: _Penalty | None = None
    frequency_penalty: _Penalty | None = None
    reasoning_effort: Annotated[str, Field(max_length=64)] | None = None
    user: Annotated[str, Field(max_length=256)] | None = None


class StreamRequest(ModelParameters):
    """Ask for an answer."""

    messages: Annotated[list[Message], Field(min_length=1)]
    stream_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")] | None = Field(
        default=None,
        description="The name of the stream, chosen by the client, so that it can come back even if the "
        "answer's headers were lost. A new one for each request.",
    )
    resumable: bool = Field(
        default=True, description="Whether the answer goes on without its reader. If not, leaving stops it."
    )


class BufferedRequest(StreamRequest):
    """Ask for an answer in complete units."""

    buffer_type: BufferType | None = Field(default=None, description="The unit; words if it is not given.")


class JSONRequest(StreamRequest):
    """Ask for the JSON values in an answer."""

    at: Annotated[str, Field(min_length=1, max_length=256)] | None = Field(
        default=None,
        description="The values at a path, such as `$.items[*]`. If not given: every outermost object.",
    )


class SocketRequest(ModelParameters):
    """Ask for an answer over a WebSocket: the data of a ``complete`` message."""

    messages: Annotated[list[Message], Field(min_length=1)]
    #: What ``/v1/stream`` has an address for; if it is not given, what the others say.
    kind: Literal["raw", "buffered", "json"] | None = None
    buffer_type: BufferType | None = None
    at: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    #: The connection's own: how much may come before the client asks for more.
    credit: int | None = None

    @property
    def plan(self) -> tuple[str, str | None]:
        """The kind of stream, and its unit or its path."""
        kind = self.kind
        if kind == "buffered" or (kind is None and self.buffer_type is not None):
            return "buffered", self.buffer_type or "word"
        if kind == "json" or (kind is None and self.at is not None):
            return "json", self.at
        return "raw", None


class StreamOptions(BaseModel):
    """What else a stream has."""

    model_config = ConfigDict(extra="allow")

    include_usage: bool | None = None


class CompletionRequest(BaseModel):
    """What the Chat Completions API takes; what is not known here is passed on to the model as it is."""

    model_config = ConfigDict(extra="allow")

    messages: Annotated[list[_Object], Field(min_length=1)]
    model: _Name | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, Field(ge=1)] | None = None


class UIMessage(BaseModel):
    """A message as the npm package ``ai`` keeps it."""

    model_config = ConfigDict(extra="allow")

    role: Literal["system", "user", "assistant"]
    parts: list[_Object]
    id: Annotated[str, Field(max_length=256)] | None = None


class UIChatRequest(ModelParameters):
    """What ``DefaultChatTransport`` of the npm package ``ai`` sends."""

    id: Annotated[str, Field(min_length=1, max_length=256)]
    messages: Annotated[list[UIMessage], Field(min_length=1)]
    trigger: Literal["submit-message", "regenerate-message"] | None = None
    messageId: Annotated[str, Field(max_length=256)] | None = None  # noqa: N815 - the field's name on the wire


def model_request(request: ModelParameters) -> dict[str, Any]:
    """Return what of a request is for the model: what its client has said, and nothing else."""
    given = request.model_dump(exclude_unset=True)
    return {name: value for name, value in given.items() if name not in _OWN and value is not None}
