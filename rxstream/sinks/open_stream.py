"""From an Observable to ``async for``."""

from collections.abc import AsyncIterator
from types import AsyncGeneratorType, TracebackType
from typing import Any, Generic, NoReturn, TypeVar

from reactivex import Observable

from rxstream.engine.arguments import check_count, check_number, check_observable
from rxstream.engine.pump import Pump
from rxstream.errors import ConcurrentRead, StreamInterrupted, UsageError

__all__ = ("OpenStream", "StreamIterator", "open_stream")

T = TypeVar("T")


def open_stream(observable: Observable[T], *, credit: int = 8, close_timeout: float = 5.0) -> "OpenStream[T]":
    """Read an Observable with ``async for``.

        async with rxs.open_stream(answer.pipe(rxs.buffer_words())) as words:
            async for word in words:
                print(word)

    ``observable``: any, also one of stock operators. Nothing is requested before the first item is asked for,
    and nothing is read ahead: a slow reader slows the source down. However the block is left, at the end, by
    ``break``, by an exception or by cancellation, the upstream is closed, once, before the next line runs.

    ``credit``: how many items each of *several* sources may be ahead of the reader (one source: none).
    ``close_timeout``: seconds that closing one source may take; it is shielded from cancellation.

    Timers of operators (``ops.debounce``, ``ops.timeout``, ...) run in the reader's own task, and so only
    while it waits for the next item. asyncio and trio. Nothing is kept of an item that has been read.

    Raises TypeError for what is no Observable, it and ValueError for limits that are none; where it is read,
    what the stream raises, behind all items before, ConcurrentRead when two tasks ask for an item at once,
    and StreamInterrupted when it is read again behind a read that was cancelled. For a whole answer at once
    there is ``collect``, for a list ``to_list``, for synchronous code ``run`` and ``iter_stream``.
    """
    check_observable("open_stream()", observable)
    check_count("open_stream()", "credit", credit)
    check_number("open_stream()", "close_timeout", close_timeout, zero=True)
    return OpenStream(observable, credit, close_timeout)


class OpenStream(Generic[T]):
    """What ``open_stream`` returns: ``async with`` it."""

    def __init__(self, observable: Observable[T], credit: int, close_timeout: float) -> None:
        self._observable = observable
        self._credit = credit
        self._close_timeout = close_timeout
        self._stream: StreamIterator[T] | None = None

    async def __aenter__(self) -> "StreamIterator[T]":
        if self._stream is not None:
            msg = "This open_stream() has been entered before. Call open_stream(observable) for each reader."
            raise UsageError(msg)
        pump = Pump(credit=self._credit, close_timeout=self._close_timeout)
        self._stream = StreamIterator(pump)
        await pump.__aenter__()
        try:
            pump.subscribe(self._observable)
        except BaseException:
            await pump.__aexit__()
            raise
        return self._stream

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        assert self._stream is not None
        await self._stream.aclose()
        self._stream.raise_close_failure(error)

    def __aiter__(self) -> NoReturn:
        msg = (
            "open_stream() must be entered before it can be read: write "
            "`async with open_stream(observable) as items:` and, inside, `async for item in items:`"
        )
        raise UsageError(msg)


class StreamIterator(Generic[T]):
    """The items of an open stream."""

    def __init__(self, pump: Pump) -> None:
        self._pump = pump
        self._items: AsyncGeneratorType[T, None] | None = None
        self._closed = False

    @property
    def metrics(self) -> Any:
        """What ``measure_stream`` found, once the stream has ended; None if it was not in the chain."""
        return self._pump.metrics

    def __aiter__(self) -> AsyncIterator[T]:
        if self._items is None and not self._closed:
            # The first loop gets the bare generator: no Python frame of ours for each item.
            self._items = self._pump.items()
            return self._items
        return self

    async def __anext__(self) -> T:
        items = self._items
        if self._closed:
            self._refuse()
        if items is None:
            items = self._items = self._pump.items()
        elif items.ag_running:
            msg = (
                "Two tasks asked this stream for its next item at the same time. Read it in one task; "
                "to give several readers the same answer, share it first (share_stream())."
            )
            raise ConcurrentRead(msg)
        elif items.ag_frame is None and not self._pump.ended:
            self._refuse()
        return await anext(items)

    def _refuse(self) -> NoReturn:
        if self._closed:
            msg = "This stream is closed. Read it inside its `async with open_stream(...)` block."
        else:
            msg = (
                "An earlier read of this stream was cancelled, and its source with it, so there may be a gap "
                "here. Open it anew. For a time limit use an operator (ops.timeout), not a cancelled read."
            )
        raise StreamInterrupted(msg)

    async def aclose(self) -> None:
        """Close the stream and its upstream. Leaving the ``async with`` block does it."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._items is not None:
                await self._items.aclose()
        finally:
            await self._pump.__aexit__()

    def raise_close_failure(self, primary: BaseException | None) -> None:
        """Raise what went wrong while closing; with another error on its way it becomes a note on that."""
        self._pump.raise_close_failure(primary)
