"""LLM responses as Observables: the public names, in the order the data flows."""

from rxstream import errors, sansio
from rxstream.combine.candidates import Lost
from rxstream.combine.fallback import fallback_to
from rxstream.combine.hedge import hedge_stream
from rxstream.combine.map import map_stream
from rxstream.combine.merge import from_streams, merge_streams
from rxstream.combine.race import race_streams
from rxstream.combine.share import SharedStream, share_stream
from rxstream.engine.lift import lift
from rxstream.errors import (
    AllStreamsFailed,
    AnswerChanged,
    BufferOverflow,
    ConcurrentRead,
    ConnectionLost,
    EmptyStream,
    EventTooLarge,
    FirstTokenTimeout,
    InvalidJSON,
    InvalidValue,
    LeaseLost,
    LocalModelError,
    LogError,
    MalformedStream,
    MatchTooLong,
    MixedChoices,
    NoPump,
    ProviderError,
    RxStreamError,
    StreamConsumed,
    StreamError,
    StreamExists,
    StreamInterrupted,
    StreamOrphaned,
    StreamStalled,
    StreamTimeout,
    StreamTruncated,
    TextError,
    TooDeep,
    TotalTimeout,
    UnknownName,
    UnknownStream,
    UsageError,
)
from rxstream.flow.backpressure import backpressure
from rxstream.flow.measure import measure_stream
from rxstream.flow.otel import export_otel
from rxstream.flow.pace import pace_stream
from rxstream.items import (
    Attempt,
    Restarted,
    SSEEvent,
    StreamChunk,
    StreamResult,
    Tagged,
    TaggedText,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from rxstream.parsers.code_blocks import parse_code_blocks
from rxstream.parsers.json import parse_json, parse_ndjson, parse_partial_json
from rxstream.parsers.markdown import parse_markdown
from rxstream.parsers.reasoning import split_reasoning
from rxstream.parsers.sse import parse_sse
from rxstream.parsers.tags import parse_tags
from rxstream.parsers.tool_calls import parse_tool_calls
from rxstream.resilience.backoff import Backoff
from rxstream.resilience.retry import retry_stream
from rxstream.resilience.timeout import timeout_stream
from rxstream.sansio.backlog import BacklogStats
from rxstream.sansio.code_blocks import CodeBlock
from rxstream.sansio.markdown import MarkdownBlock
from rxstream.sansio.metrics import Metrics
from rxstream.sansio.partial_json import PartialJSON
from rxstream.sansio.prices import Price
from rxstream.sansio.tool_calls import PartialToolCall
from rxstream.sinks.buffer import StreamBuffer
from rxstream.sinks.collect import collect, to_list
from rxstream.sinks.display import Shown, display_stream
from rxstream.sinks.open_stream import open_stream
from rxstream.sinks.record import record_stream
from rxstream.sinks.run import iter_stream, run
from rxstream.sources.chat import from_chat
from rxstream.sources.local import LocalModel
from rxstream.sources.recording import from_recording
from rxstream.sources.responses import from_responses
from rxstream.sources.stream import from_stream
from rxstream.text.join import accumulate
from rxstream.text.rewrite import redact, replace_text, stop_at, transform
from rxstream.text.split import (
    buffer_by,
    buffer_chars,
    buffer_graphemes,
    buffer_lines,
    buffer_paragraphs,
    buffer_sentences,
    buffer_with,
    buffer_words,
)
from rxstream.transports.from_sse import from_sse
from rxstream.transports.from_websocket import WebSocketConnection, from_websocket, open_websocket
from rxstream.transports.log import LogEntry, LogGap, LogWriter, StreamInfo, StreamLog
from rxstream.transports.responses import Responses, end_responses
from rxstream.transports.serve_websocket import end_websockets, serve_websocket
from rxstream.transports.sse_response import sse_response
from rxstream.transports.to_sse import to_sse
from rxstream.transports.ws_message import WSMessage

__version__ = "0.1.0"

__all__ = (  # noqa: RUF022 - in the order the data flows
    # what travels
    "StreamChunk",
    "StreamResult",
    "Usage",
    "ToolCall",
    "ToolCallDelta",
    "PartialToolCall",
    "PartialJSON",
    "CodeBlock",
    "MarkdownBlock",
    "TaggedText",
    "SSEEvent",
    "Tagged",
    "Restarted",
    # sources
    "from_chat",
    "from_responses",
    "from_stream",
    "from_recording",
    "LocalModel",
    # text
    "buffer_words",
    "buffer_sentences",
    "buffer_lines",
    "buffer_paragraphs",
    "buffer_graphemes",
    "buffer_chars",
    "buffer_by",
    "buffer_with",
    "transform",
    "replace_text",
    "redact",
    "stop_at",
    "accumulate",
    # parsers
    "parse_json",
    "parse_partial_json",
    "parse_ndjson",
    "parse_code_blocks",
    "parse_markdown",
    "parse_tags",
    "split_reasoning",
    "parse_tool_calls",
    "parse_sse",
    # combine
    "from_streams",
    "merge_streams",
    "race_streams",
    "hedge_stream",
    "fallback_to",
    "Lost",
    "map_stream",
    "share_stream",
    "SharedStream",
    # resilience
    "retry_stream",
    "Backoff",
    "Attempt",
    "timeout_stream",
    # flow
    "backpressure",
    "BacklogStats",
    "pace_stream",
    "measure_stream",
    "Metrics",
    "Price",
    "export_otel",
    # sinks
    "open_stream",
    "collect",
    "to_list",
    "run",
    "iter_stream",
    "StreamBuffer",
    "display_stream",
    "Shown",
    "record_stream",
    # transports
    "to_sse",
    "sse_response",
    "Responses",
    "end_responses",
    "from_sse",
    "serve_websocket",
    "end_websockets",
    "from_websocket",
    "open_websocket",
    "WebSocketConnection",
    "WSMessage",
    "StreamLog",
    "StreamInfo",
    "LogEntry",
    "LogGap",
    "LogWriter",
    # machines
    "lift",
    "sansio",
    # errors
    "errors",
    "RxStreamError",
    "StreamError",
    "StreamTruncated",
    "ConnectionLost",
    "ProviderError",
    "MalformedStream",
    "EventTooLarge",
    "StreamTimeout",
    "FirstTokenTimeout",
    "StreamStalled",
    "TotalTimeout",
    "EmptyStream",
    "AnswerChanged",
    "BufferOverflow",
    "AllStreamsFailed",
    "TextError",
    "MatchTooLong",
    "InvalidJSON",
    "TooDeep",
    "InvalidValue",
    "LocalModelError",
    "LogError",
    "UnknownStream",
    "StreamExists",
    "StreamOrphaned",
    "LeaseLost",
    "UsageError",
    "StreamConsumed",
    "ConcurrentRead",
    "StreamInterrupted",
    "NoPump",
    "MixedChoices",
    "UnknownName",
)
