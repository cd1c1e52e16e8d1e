"""Any iterable, or what awaits to one, as one async iterator that can be closed."""

import inspect
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import Any

import httpx2
from reactivex import Observable

from rxstream.errors import StreamTruncated
from rxstream.sources.blocking import Blocking, Threaded
from rxstream.sources.lost import Lost
from rxstream.sources.sdk import openai
from rxstream.sources.unwind import unwind

__all__ = ("iterate", "let_go")


def iterate(opened: Any, *, in_thread: bool = False) -> AsyncIterator[Any]:
    """Iterate over an iterable, sync or async, or over what an awaitable gives.

    Closing the result closes what is read, by whatever method it has for that. ``in_thread``: a plain
    iterator may wait for something, so a thread of its own reads it.
    """
    source: Any = opened  # as untyped as it came, whatever is found out about it
    if inspect.isasyncgen(opened):
        return opened  # as it is: nothing of ours between it and the pump
    if isinstance(opened, Observable):
        msg = f"from_stream() got an Observable, which is a stream already: use it as it is: {opened!r:.80}"
        raise TypeError(msg)
    if inspect.isawaitable(opened):
        return _Awaited(opened, in_thread=in_thread)
    if isinstance(opened, openai.AsyncStream):
        return _Stream(source)
    if hasattr(opened, "__aiter__"):
        return _Closing(aiter(opened), opened)
    if isinstance(opened, openai.Stream):
        return _ThreadedStream(source)
    if hasattr(opened, "__iter__") and not isinstance(opened, str | bytes):
        if in_thread and isinstance(opened, Iterator):
            return Threaded(lambda: Blocking(source, lambda: let_go(source)))
        return _ready(opened)
    msg = (
        f"from_stream() expects an iterable or async iterable of items, or a function that returns or awaits "
        f"to one, and got {type(opened).__name__}: {opened!r:.80}"
    )
    if isinstance(opened, str | bytes):
        msg += ". A single chunk goes into a list: [text]."
    raise TypeError(msg)


def let_go(thing: Any) -> Any:
    """Close what nobody will read; what that returns may have to be awaited."""
    close: Callable[[], Any] | None = getattr(thing, "aclose", None) or getattr(thing, "close", None)
    return None if close is None else close()


async def _ready(iterable: Iterable[Any]) -> AsyncIterator[Any]:
    """Give the items of a plain iterable; the loop waits for each, as it would anywhere."""
    iterator = iter(iterable)
    try:
        for item in iterator:
            yield item
    finally:
        if inspect.isgenerator(iterator):
            iterator.close()


async def _close(thing: Any) -> None:
    closing = let_go(thing)
    if inspect.isawaitable(closing):
        await closing


class _Closing:
    """An async iterator, and the object it came from, which may hold a connection."""

    def __init__(self, iterator: AsyncIterator[Any], owner: Any) -> None:
        self._iterator = iterator
        self._owner = owner

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        try:
            return await anext(self._iterator)
        except _of_the_wire() as error:
            raise Lost(error) from error

    async def aclose(self) -> None:
        await _close(self._iterator)
        if self._owner is not self._iterator:
            await _close(self._owner)


class _Stream(_Closing):
    """The SDK's stream. It is an answer, so it is not empty: that is what it makes of a web page."""

    def __init__(self, stream: "openai.AsyncStream[Any]") -> None:
        super().__init__(aiter(stream), stream)
        self._is_empty = True

    async def __anext__(self) -> Any:
        try:
            item = await super().__anext__()
        except StopAsyncIteration:
            if self._is_empty:
                raise _nothing_came() from None
            raise
        self._is_empty = False
        return item

    async def aclose(self) -> None:
        await unwind(self._iterator)
        await super().aclose()


class _ThreadedStream(Threaded):
    """The SDK's synchronous stream."""

    def __init__(self, stream: "openai.Stream[Any]") -> None:
        super().__init__(lambda: Blocking(_items(stream), stream.close, stream.response))

    def next_item(self, items: Iterator[Any]) -> Any:
        try:
            return super().next_item(items)
        except _of_the_wire() as error:
            raise Lost(error) from error


def _items(stream: "openai.Stream[Any]") -> Iterator[Any]:
    item = None
    for item in stream:
        yield item
    if item is None:
        raise _nothing_came()


def _nothing_came() -> StreamTruncated:
    return StreamTruncated(
        "the answer ended before its first event. If the server said something else, such as an error or a "
        "web page, the openai package's stream has dropped it: from_chat() would quote it."
    )


class _Awaited:
    """What is opened by awaiting; that happens when the first item is asked for."""

    def __init__(self, opening: Awaitable[Any], *, in_thread: bool) -> None:
        self._opening = opening
        self._in_thread = in_thread
        self._iterator: AsyncIterator[Any] | None = None

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        if self._iterator is None:
            self._iterator = iterate(await self._opening, in_thread=self._in_thread)
        return await anext(self._iterator)

    async def aclose(self) -> None:
        if self._iterator is not None:
            await _close(self._iterator)
        elif inspect.iscoroutine(self._opening):
            self._opening.close()  # never awaited


def _of_the_wire() -> tuple[type[Exception], ...]:
    """Return what the SDK's stream raises when the wire fails it; what that means, ``Shapes`` knows."""
    return openai.APIError, httpx2.TransportError, json.JSONDecodeError, UnicodeDecodeError
