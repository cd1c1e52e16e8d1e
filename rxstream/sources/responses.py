"""The Responses API."""

from typing import Any

from reactivex import Observable

from rxstream.items import StreamChunk
from rxstream.sansio.responses import ResponsesDecoder, ResponsesEvents
from rxstream.sources.request import answer_of

__all__ = ("from_responses",)


def from_responses(client: Any, **request: Any) -> Observable[StreamChunk]:
    """Ask a model by the Responses API; the answer comes as chunks, as from ``from_chat``.

        answer = rxs.from_responses(AsyncOpenAI(), model="gpt-4o-mini", input="Why is the sky blue?")

    ``request``: what ``client.responses.create`` takes. Text, refusals, reasoning and function calls are in
    the chunk's fields, the event itself in ``raw``; events without any of them give no chunk. The last chunk
    has the usage and a finish reason in the words of chat completions: "stop", "tool_calls", "length",
    "content_filter". All else is as with ``from_chat``: one request a subscription, errors with ``partial``.
    """
    if "stream" in request:
        msg = f"from_responses() always streams; leave stream={request['stream']!r} out of the request"
        raise TypeError(msg)
    return answer_of(
        "from_responses",
        client,
        lambda client: client.responses,
        request,
        decoder=ResponsesDecoder,
        events=ResponsesEvents,
    )
