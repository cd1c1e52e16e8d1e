"""Chat completions."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from reactivex import Observable

from rxstream.engine import resumable
from rxstream.engine.observable import PullObservable
from rxstream.engine.pipeline import named
from rxstream.items import StreamChunk, Usage
from rxstream.sansio.chat import ChatDecoder, ChatEvents
from rxstream.sansio.delivered import Delivered
from rxstream.sansio.joint import PassedOn
from rxstream.sansio.wire import OBJECT
from rxstream.sources.continuation import CHAT, continued_request, how_to_continue
from rxstream.sources.request import answer_of

__all__ = ("from_chat",)


@named
def from_chat(client: Any, *, continuation: Any = None, **request: Any) -> Observable[StreamChunk]:
    """Ask a chat model; the answer comes as chunks.

        answer = rxs.from_chat(AsyncOpenAI(), model="gpt-4o-mini", messages=messages)
        async with rxs.open_stream(answer.pipe(rxs.retry_stream())) as chunks:
            async for chunk in chunks:
                print(chunk.content, end="", flush=True)

    ``client``: an ``AsyncOpenAI`` or ``OpenAI``, their Azure forms, what ``with_options`` returns, or
    anything with ``chat.completions.create``. ``request``: what ``create`` takes, but for ``stream``. Each
    subscription sends the request anew, when its first item is asked for, and closes the connection when it
    is left. A synchronous client works in a thread. asyncio and trio.

    Usage is asked for (``stream_options={"include_usage": True}``) unless ``stream_options`` is given;
    ``stream_options=None`` sends none, for servers that refuse it.

    ``continuation``: how ``retry_stream`` has this server go on with an answer that broke off. "prefill": the
    text so far as the last message, the assistant's; "instruct": a message of the user's behind it that asks
    for the rest; "none": not at all; or a function from the request and that text to the request for the
    rest (vLLM wants the assistant's message and, as ``extra_body``, ``continue_final_message`` true and
    ``add_generation_prompt`` false). By default "instruct" at OpenAI's and Azure's own hosts, "prefill"
    elsewhere. A server that takes an assistant's last message for a finished turn wants "instruct" or "none".

    With ``n=2`` the chunks of both choices come as they arrive, told apart by ``choice``; operators on text
    take one: ``ops.filter(lambda chunk: chunk.choice == 0)``. Memory: the answer so far, for ``partial``.

    Raises, with what had come as ``partial``: StreamTruncated when the answer ends without a finish reason or
    its terminator, ConnectionLost (one of those) when the connection dies, ProviderError for an error frame,
    MalformedStream for what is no event stream. What ``create`` itself raises (401, 429, refused connections,
    after the client's own ``max_retries``) comes unchanged. At once: TypeError for what is no client, and for
    ``stream`` in the request, UnknownName for a ``continuation`` that there is not. For the Responses API
    there is ``from_responses``, for another stream of events ``from_sse``, for a model without a key
    ``LocalModel``.
    """
    how = how_to_continue("from_chat", client, continuation)
    asked = dict(request)
    if "stream" in request:
        msg = f"from_chat() always streams; leave stream={request['stream']!r} out of the request"
        raise TypeError(msg)
    options: Any = request.setdefault("stream_options", {"include_usage": True})
    expects_usage = isinstance(options, OBJECT) and bool(options.get("include_usage"))
    if options is None:
        del request["stream_options"]
    choices: int = request.get("n") or 1

    def resume(rung: resumable.Rung, delivered: Delivered) -> resumable.Continuation | None:
        if rung == "server":
            return None
        reasons = [choice.finish_reason for choice in delivered.answer.choices.values()]
        if len(reasons) >= choices and None not in reasons:
            # Only the usage is missing, and it is not worth another answer.
            return PullObservable(partial(_usage_lost, delivered), "from_chat"), PassedOn()
        found = continued_request(CHAT, asked, delivered, how, client)
        if found is None:
            return None
        rest, joint = found
        return from_chat(client, continuation=how, **rest), joint

    return answer_of(
        "from_chat",
        client,
        lambda client: client.chat.completions,
        request,
        decoder=partial(ChatDecoder, choices=choices, expects_usage=expects_usage),
        # Objects come without the [DONE] that tells a usage lost from one that the client never sends.
        events=partial(ChatEvents, choices=choices),
        resume=resume,
    )


async def _usage_lost(delivered: Delivered) -> AsyncIterator[StreamChunk]:
    """Say that nobody knows what the answer has cost: whoever adds the attempts up has a guess."""
    last = delivered.last
    if delivered.answer.usage is None:
        name, model = (None, None) if last is None else (last.id, last.model)
        yield StreamChunk("", model=model, usage=Usage(estimated=True), id=name)
