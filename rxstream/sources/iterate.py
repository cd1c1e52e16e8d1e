"""Any iterable, or what awaits to one, as one async iterator that can be closed."""

import inspect
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import Any

import anyio
import httpx2
import openai
from anyio.to_thread import run_sync

from rxstream.sources.lost import Lost

__all__ = ("iterate",)

_END = object()

#: What the SDK's stream raises when the wire fails it. What it means for the answer, ``Shapes`` knows.
_OF_THE_WIRE = (openai.APIError, httpx2.TransportError, json.JSONDecodeError, UnicodeDecodeError)


def iterate(opened: Any) -> AsyncIterator[Any]:
    """Iterate over an iterable, sync or async, or over what an awaitable gives.

    Closing the result closes what is read, by whatever method it has for that.
    """
    if inspect.isasyncgen(opened):
        return opened  # as it is: nothing of ours between it and the pump
    if inspect.isawaitable(opened):
        return _Awaited(opened)
    if hasattr(opened, "__aiter__"):
        return _Closing(aiter(opened), opened)
    if isinstance(opened, openai.Stream):
        return _Threaded(opened)
    if hasattr(opened, "__iter__") and not isinstance(opened, str | bytes):
        return _ready(opened)
    msg = (
        f"from_stream() expects an iterable or async iterable of items, or a function that returns or awaits "
        f"to one, and got {type(opened).__name__}: {opened!r:.80}"
    )
    if isinstance(opened, str | bytes):
        msg += ". A single chunk goes into a list: [text]."
    raise TypeError(msg)


async def _ready(iterable: Iterable[Any]) -> AsyncIterator[Any]:
    """Give the items of a plain iterable; the loop waits for each, as it would anywhere."""
    iterator = iter(iterable)
    try:
        for item in iterator:
            yield item
    finally:
        if inspect.isgenerator(iterator):
            iterator.close()


async def _close(*things: Any) -> None:
    for thing in things:
        close: Callable[[], Any] | None = getattr(thing, "aclose", None) or getattr(thing, "close", None)
        if close is not None:
            closing = close()
            if inspect.isawaitable(closing):
                await closing


class _Closing:
    """An async iterator, and the object it came from: the SDK's stream, which holds the connection."""

    def __init__(self, iterator: AsyncIterator[Any], owner: Any) -> None:
        self._iterator = iterator
        self._owner = owner

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        try:
            return await anext(self._iterator)
        except _OF_THE_WIRE as error:
            raise Lost(error) from error

    async def aclose(self) -> None:
        await _close(self._iterator, *(() if self._owner is self._iterator else (self._owner,)))


class _Awaited:
    """What is opened by awaiting; that happens when the first item is asked for."""

    def __init__(self, opening: Awaitable[Any]) -> None:
        self._opening = opening
        self._iterator: AsyncIterator[Any] | None = None

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        if self._iterator is None:
            self._iterator = iterate(await self._opening)
        return await anext(self._iterator)

    async def aclose(self) -> None:
        if self._iterator is not None:
            await _close(self._iterator)
        elif inspect.iscoroutine(self._opening):
            self._opening.close()  # never awaited


class _Threaded:
    """The SDK's synchronous stream waits for the network, so it does that in a thread."""

    def __init__(self, stream: openai.Stream[Any]) -> None:
        self._stream = stream
        self._iterator: Iterator[Any] = iter(stream)
        self._limiter = anyio.CapacityLimiter(1)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        try:
            item = await run_sync(next, self._iterator, _END, limiter=self._limiter)
        except _OF_THE_WIRE as error:
            raise Lost(error) from error
        if item is _END:
            raise StopAsyncIteration
        return item

    async def aclose(self) -> None:
        await run_sync(self._stream.close, limiter=self._limiter)
