"""From a client of the ``openai`` package, or one that looks like it, to the chunks of an answer."""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from reactivex import Observable

from rxstream.engine.lift import LiftedObservable
from rxstream.engine.observable import PullObservable
from rxstream.engine.resumable import Continuation, ResumableObservable, Rung
from rxstream.items import StreamChunk
from rxstream.sansio.delivered import Delivered
from rxstream.sources.body import AsyncBody, SyncBody
from rxstream.sources.iterate import iterate, let_go
from rxstream.sources.lost import DecodedAnswer, Decoder
from rxstream.sources.sdk import openai
from rxstream.sources.shapes import Shapes

__all__ = ("Resume", "answer_of")

#: From what has been delivered of an answer to the rest of it, if there is a way.
Resume: TypeAlias = Callable[[Rung, Delivered], Continuation | None]


def answer_of(
    name: str,
    client: Any,
    resource: Callable[[Any], Any],
    request: Mapping[str, Any],
    *,
    decoder: Callable[[], Decoder],
    events: Callable[[], Any],
    resume: Resume,
    method: str = "create",
) -> Observable[StreamChunk]:
    """Make the Observable of an answer.

    ``resource`` finds the endpoint on the client, of which ``method`` is called. ``decoder`` reads its bytes,
    ``events`` the objects of the SDK's own iterator, for a client that gives no bytes. ``resume`` says how
    the answer goes on if it breaks off.
    """
    try:
        endpoint = resource(client)
        create = getattr(endpoint, method)
    except AttributeError as error:
        msg = (
            f"{name}() expects a client of the openai package (OpenAI, AsyncOpenAI, AsyncAzureOpenAI, ...), "
            f"or one with the same methods, and got {client!r:.120}: {error}"
        )
        raise TypeError(msg) from None
    request = {**request, "stream": True}
    if _gives_bytes(client):
        send = partial(getattr(endpoint.with_streaming_response, method), **request)
        body = AsyncBody if isinstance(client, openai.AsyncOpenAI) else SyncBody
        source: PullObservable[Any] = PullObservable(lambda: body(send), name)
        return _Answer(source, lambda: DecodedAnswer(decoder()), resume)
    call = partial(create, **request)
    source = PullObservable(lambda: iterate(_called(call), in_thread=True), name)
    return _Answer(source, lambda: Shapes(events), resume)


class _Answer(LiftedObservable[StreamChunk], ResumableObservable):
    """The chunks of an answer, which can go on if it breaks off."""

    def __init__(self, upstream: Observable[Any], machine: Callable[[], Any], resume: Resume) -> None:
        super().__init__(upstream, (machine,))
        self._resume = resume

    def resume(self, rung: Rung, delivered: Delivered) -> Continuation | None:
        """Ask for the rest."""
        return self._resume(rung, delivered)


def _gives_bytes(client: Any) -> bool:
    """Tell whether the client's raw responses are server-sent events, and not, say, Amazon's own frames."""
    if not isinstance(client, (openai.OpenAI, openai.AsyncOpenAI)):
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
