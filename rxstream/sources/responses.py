"""The Responses API."""

from functools import partial
from typing import Any

from reactivex import Observable

from rxstream.engine import resumable
from rxstream.engine.pipeline import named
from rxstream.items import StreamChunk
from rxstream.sansio.delivered import Delivered
from rxstream.sansio.joint import PassedOn
from rxstream.sansio.responses import ResponsesDecoder, ResponsesEvents
from rxstream.sansio.wire import OBJECT
from rxstream.sources.continuation import RESPONSES, continued_request, how_to_continue
from rxstream.sources.request import Resume, answer_of

__all__ = ("from_responses",)


@named
def from_responses(client: Any, *, continuation: Any = None, **request: Any) -> Observable[StreamChunk]:
    """Ask a model by the Responses API; the answer comes as chunks, as from ``from_chat``.

        answer = rxs.from_responses(AsyncOpenAI(), model="gpt-4o-mini", input="Why is the sky blue?")
        result = await rxs.collect(answer)
        print(result.content, result.finish_reason)

    ``client``: as with ``from_chat``, or anything with ``responses.create``. ``request``: what that takes,
    but for ``stream``. Text, refusals, reasoning and function calls are in the chunk's fields, the event
    itself in ``raw``; events without any of them give no chunk. The last chunk has the usage and a finish
    reason in the words of chat completions: "stop", "tool_calls", "length", "content_filter".

    With ``background=True`` the provider keeps the response for a while, and ``retry_stream`` has it go on
    at the very event where it broke off. Otherwise ``continuation`` says how, as in ``from_chat``.

    All else is as with ``from_chat``: one request a subscription, the connection closed when it is left,
    memory for ``partial``, and what it raises: StreamTruncated, ConnectionLost, ProviderError,
    MalformedStream, the client's own errors; at once TypeError and UnknownName.
    """
    if "stream" in request:
        msg = f"from_responses() always streams; leave stream={request['stream']!r} out of the request"
        raise TypeError(msg)
    how = how_to_continue("from_responses", client, continuation)

    def resume(rung: resumable.Rung, delivered: Delivered) -> resumable.Continuation | None:
        if rung == "server":
            return _at_position(client, resume, delivered) if request.get("background") else None
        found = continued_request(RESPONSES, request, delivered, how, client)
        if found is None:
            return None
        rest, joint = found
        return from_responses(client, continuation=how, **rest), joint

    return answer_of(
        "from_responses",
        client,
        lambda client: client.responses,
        request,
        decoder=ResponsesDecoder,
        events=ResponsesEvents,
        resume=resume,
    )


def _at_position(client: Any, resume: Resume, delivered: Delivered) -> resumable.Continuation | None:
    """Have the provider go on behind the last event that was delivered."""
    last = delivered.last
    event: Any = None if last is None else last.raw
    position = event.get("sequence_number") if isinstance(event, OBJECT) else None
    if last is None or last.id is None or not isinstance(position, int):
        return None
    choice = delivered.answer.choices.get(0)
    calls = 0 if choice is None else len(choice.calls.all)
    events = partial(ResponsesEvents, behind=last, called=calls)
    rest = answer_of(
        "from_responses",
        client,
        lambda client: client.responses,
        {"response_id": last.id, "starting_after": position},
        decoder=lambda: ResponsesDecoder(events=events()),
        events=events,
        resume=resume,
        method="retrieve",
    )
    return rest, PassedOn()
