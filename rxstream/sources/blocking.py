"""A blocking iterator, read in a thread, as an async iterator that can be left at any moment."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from anyio import CapacityLimiter, move_on_after
from anyio.to_thread import run_sync

__all__ = ("Blocking", "Threaded")

_END: Any = object()


class Blocking:
    """What is read: its iterator, how it is closed, and its HTTP response, if there is one."""

    __slots__ = ("close", "items", "response")

    def __init__(self, items: Iterator[Any], close: Callable[[], object], response: Any = None) -> None:
        self.items = items
        self.close = close
        self.response = response

    def hang_up(self) -> bool:
        """Wake the thread that waits for bytes, by shutting its socket down; say whether that was done."""
        with suppress(Exception):
            stream = self.response.extensions["network_stream"]
            stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
            return True
        return False


class Threaded:
    """Read what ``open_`` opens, and open it, in a thread.

    A thread cannot be cancelled. One that waits for bytes is woken; one that cannot be, because it waits for
    the headers of a response or for something else than a socket, is left behind, and closes what it has
    when its call returns.
    """

    def __init__(self, open_: Callable[[], Blocking]) -> None:
        self._open = open_
        self._opened: Blocking | None = None
        self._left = False
        # Held while the thread reads. (anyio's limiter counts an abandoned thread on trio, not on asyncio.)
        self._lock = threading.Lock()
        # One for the read, one for the close: never those of the default limiter, which are 40 for all.
        self._limiter = CapacityLimiter(2)

    def __aiter__(self) -> "Threaded":
        return self

    async def __anext__(self) -> Any:
        item = await run_sync(self._read, abandon_on_cancel=True, limiter=self._limiter)
        if item is _END:
            raise StopAsyncIteration
        return item

    async def aclose(self) -> None:
        """Close what is read, if it is open; wait for the thread, if it can be woken."""
        self._left = True
        opened = self._opened
        if opened is not None and (not self._lock.locked() or opened.hang_up()):
            await run_sync(self._close, opened, abandon_on_cancel=True, limiter=self._limiter)

    async def drain(self, seconds: float) -> None:
        """Read on to the end, for so many seconds at most: that leaves the connection for another request."""
        opened = self._opened
        if opened is not None:
            with move_on_after(seconds):
                await run_sync(self._drain, opened, abandon_on_cancel=True, limiter=self._limiter)

    def next_item(self, items: Iterator[Any]) -> Any:
        """Read one item, in the thread."""
        return next(items, _END)

    def _read(self) -> Any:
        with self._lock:
            opened = self._opened
            if opened is None:
                opened = self._opened = self._open()
            try:
                return _END if self._left else self.next_item(opened.items)
            finally:
                if self._left:
                    opened.close()

    def _drain(self, opened: Blocking) -> None:
        with self._lock, suppress(Exception):
            for _ in opened.items:
                pass

    def _close(self, opened: Blocking) -> None:
        with self._lock:
            opened.close()
