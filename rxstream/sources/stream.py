"""Any iterable, sync or async, as an Observable."""

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, TypeVar, overload

from reactivex import Observable

from rxstream.engine.lift import lift
from rxstream.engine.observable import PullObservable
from rxstream.engine.pipeline import named
from rxstream.errors import StreamConsumed
from rxstream.sources.iterate import iterate
from rxstream.sources.shapes import Shapes

__all__ = ("from_stream",)

T = TypeVar("T")
AnyIterable = Iterable[T] | AsyncIterable[T]


@overload
def from_stream(source: Callable[[], AnyIterable[T]], /) -> Observable[T]: ...
@overload
def from_stream(source: Callable[[], Awaitable[AnyIterable[T]]], /) -> Observable[T]: ...
@overload
def from_stream(source: AnyIterable[T] | Awaitable[AnyIterable[T]], /) -> Observable[T]: ...
@named
def from_stream(source: Any, /) -> Observable[Any]:
    """Make an Observable of any iterable or async iterable, or of a function that makes one.

        async def pieces():
            for piece in ("Hel", "lo wor", "ld"):
                yield piece

        print(rxs.run(rxs.from_stream(pieces).pipe(rxs.buffer_words())))  #> ['Hello', 'world']

    ``source``: a *function* (sync or async, returning or awaiting to the iterable, as ``lambda:
    litellm.acompletion(..., stream=True)`` does) is called for each subscription, so it can be subscribed to
    again, as a retry does. Anything else, a list too, is one-shot, and a second subscription raises
    StreamConsumed instead of passing off an exhausted iterator as an empty answer.

    Chunks of the shape of OpenAI's (the SDK's objects, LiteLLM's, dicts) become StreamChunk, and a stream
    of them that ends without a finish reason raises StreamTruncated; everything else passes unchanged.
    Items are pulled one by one, when they are asked for, and the source is closed when the stream is left.
    A synchronous iterable is read in the event loop: one that waits, waits for everybody (the ``openai``
    package's own ``Stream`` is read in a thread).
    An async generator must not ``yield`` inside a task group or a cancel scope of its own: nobody could close
    it half-way then (PEP 789). Nothing is kept but, of chunks, the answer so far, for ``partial``.

    Raises TypeError for what cannot be iterated over; as the stream's error what the source raises,
    unchanged, and of an answer's chunks StreamTruncated, ConnectionLost, ProviderError and MalformedStream,
    as ``from_chat`` does. For a request of the ``openai`` package that is the better way, and many times
    cheaper.
    """
    if callable(source):
        return _observe(lambda: iterate(source()))
    no_source: Any = (str, bytes, Observable)
    if isinstance(source, no_source) or not (
        hasattr(source, "__aiter__") or hasattr(source, "__iter__") or hasattr(source, "__await__")
    ):
        iterate(source)  # says what is wrong with it
    consumed = False

    def once() -> AsyncIterator[Any]:
        nonlocal consumed
        if consumed:
            msg = (
                f"this {type(source).__name__} has been read already, and can be read only once. To "
                f"subscribe again, or to retry, give from_stream() a function that makes a new one: "
                f"from_stream(lambda: ...)."
            )
            raise StreamConsumed(msg)
        consumed = True
        return iterate(source)

    return _observe(once)


def _observe(opener: Callable[[], AsyncIterator[Any]]) -> Observable[Any]:
    source: PullObservable[Any] = PullObservable(opener, "from_stream()")
    return source.pipe(lift(Shapes))  # type: ignore[no-any-return]
