"""From a client of the ``openai`` package, or one that looks like it, to the chunks of an answer."""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import openai
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from reactivex import Observable

from rxstream.engine.lift import lift
from rxstream.engine.observable import PullObservable
from rxstream.items import StreamChunk
from rxstream.sources.body import AsyncBody, SyncBody
from rxstream.sources.iterate import iterate, let_go
from rxstream.sources.lost import DecodedAnswer, Decoder
from rxstream.sources.shapes import Shapes

__all__ = ("answer_of",)


def answer_of(
    name: str,
    client: Any,
    resource: Callable[[Any], Any],
    request: Mapping[str, Any],
    *,
    decoder: Callable[[], Decoder],
    events: Callable[[], Any],
) -> Observable[StreamChunk]:
    """Make the Observable of an answer.

    ``resource`` finds the endpoint on the client, ``decoder`` reads its bytes, ``events`` the objects of the
    SDK's own iterator, for a client that gives no bytes.
    """
    try:
        endpoint = resource(client)
        create = endpoint.create
    except AttributeError as error:
        msg = (
            f"{name}() expects a client of the openai package (OpenAI, AsyncOpenAI, AsyncAzureOpenAI, ...), "
            f"or one with the same methods, and got {client!r:.120}: {error}"
        )
        raise TypeError(msg) from None
    request = {**request, "stream": True}
    if _gives_bytes(client):
        send = partial(endpoint.with_streaming_response.create, **request)
        body = AsyncBody if isinstance(client, openai.AsyncOpenAI) else SyncBody
        source: PullObservable[Any] = PullObservable(lambda: body(send), name)
        return source.pipe(lift(lambda: DecodedAnswer(decoder())))  # type: ignore[no-any-return]
    call = partial(create, **request)
    source = PullObservable(lambda: iterate(_called(call), in_thread=True), name)
    return source.pipe(lift(lambda: Shapes(events)))  # type: ignore[no-any-return]


def _gives_bytes(client: Any) -> bool:
    """Tell whether the client's raw responses are server-sent events, and not, say, Amazon's own frames."""
    if not isinstance(client, openai.OpenAI | openai.AsyncOpenAI):
        return False
    make_decoder = getattr(client, "_make_sse_decoder", None)
    return make_decoder is not None and type(make_decoder()).__name__ == "SSEDecoder"


async def _called(create: "partial[Any]") -> Any:
    """Call a client's own ``create``: in a thread if it is not async."""
    # The SDK's are wrapped: plain functions that return what an async one does.
    if inspect.iscoroutinefunction(inspect.unwrap(create.func)):
        result = create()
    else:
        result = await _called_in_thread(create)
    return await result if inspect.isawaitable(result) else result


async def _called_in_thread(call: Callable[[], Any]) -> Any:
    abandoned = False
    result: Any = None

    def run() -> None:
        nonlocal result
        result = call()
        if abandoned:
            let_go(result)

    try:
        await run_sync(run, abandon_on_cancel=True, limiter=CapacityLimiter(1))
    except BaseException:
        abandoned = True
        if result is not None:  # it came at that very moment
            let_go(result)
        raise
    return result
