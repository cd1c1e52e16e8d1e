"""How a log talks to its file: in a worker thread, everything that has been asked for meanwhile at once."""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import anyio
import anyio.to_thread

from rxstream.engine.backend import running_backend, running_loop, spawn
from rxstream.errors import LogError, UsageError
from rxstream.transports.sqlite_file import SQLiteFile, Step
from rxstream.transports.sqlite_streams import Streams

__all__ = ("Call", "SQLiteQueue")

#: So many steps make one transaction: other processes wait for it.
_TOGETHER: Final = 128


class Call:
    """A step that is to be done, and what came of it."""

    __slots__ = ("_then", "done", "error", "reply", "step")

    def __init__(self, step: Step, then: Callable[[Any], None] | None) -> None:
        self.step = step
        self.done = anyio.Event()
        self.reply: Any = None
        self.error: Exception | None = None
        self._then = then

    def answer(self, reply: Any) -> None:
        """Take in what came of it: what the step returned, or an error."""
        if isinstance(reply, Exception):
            self.error = reply
        else:
            self.reply = reply
            if self._then is not None:
                # Here, and not by whoever waits: two who wait would get up in any order, or be cancelled.
                self._then(reply)
        self.done.set()


class SQLiteQueue:
    """What is to be done with one file, in the order in which it was asked for."""

    def __init__(self, file: SQLiteFile) -> None:
        self._file = file
        self._loop: object = None
        self._limiter: anyio.CapacityLimiter | None = None
        self._queue: deque[Call] = deque()
        self._flushed: anyio.Event | None = None
        #: Whether nothing can be asked for any more.
        self.closed = False

    async def call(self, act: Callable[[Streams], Any], *, writes: bool = False) -> Any:
        """Have something done with the streams; give what it returns.

        If the wait is cancelled, it is done all the same. Raises what it raises, and ``LogError`` if the
        file cannot be used.
        """
        return await self.outcome(self.post(act, writes=writes))

    async def outcome(self, call: Call) -> Any:
        """Wait for the answer to what was posted."""
        await call.done.wait()
        if call.error is not None:
            raise call.error
        return call.reply

    def post(
        self,
        act: Callable[[Streams], Any],
        then: Callable[[Any], None] | None = None,
        *,
        writes: bool = False,
    ) -> Call:
        """Have something done, behind all that was asked for before, and wait for nothing.

        ``then`` gets what it returns, if that is no error, in the order in which things were done.
        """
        if self.closed:
            raise LogError(f"the log {self._file.path!r} is closed: nothing can be read or written any more")
        if self._loop is None:
            self._loop, self._limiter = running_loop(), anyio.CapacityLimiter(1)
        elif not self.is_here():
            raise UsageError(
                f"the log {self._file.path!r} is open in another event loop: make a SQLiteLog for each, or "
                "close it there with aclose() first"
            )
        call = Call(Step(act, writes), then)
        self._queue.append(call)
        if self._flushed is None:
            self._flushed = flushed = anyio.Event()
            spawn(partial(self._flush, flushed), "rxstream sqlite steps", partial(self._end_flush, flushed))
        return call

    def is_here(self) -> bool:
        """Tell whether this is the event loop that it lives in."""
        return running_backend() is not None and running_loop() is self._loop

    async def aclose(self) -> None:
        """Do what is left to do, and close the file."""
        self.closed = True
        with anyio.CancelScope(shield=True):
            while self._flushed is not None:
                await self._flushed.wait()
            if self._limiter is not None:
                await anyio.to_thread.run_sync(self._file.close, limiter=self._limiter)

    async def _flush(self, flushed: anyio.Event) -> None:
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(_TOGETHER, len(self._queue)))]
            replies: list[Any] = [self._lost()] * len(batch)
            try:
                steps = [call.step for call in batch]
                replies = await anyio.to_thread.run_sync(self._file.run, steps, limiter=self._limiter)
            except Exception as error:  # noqa: BLE001 - whoever waits for an answer gets it
                replies = [error] * len(batch)
            finally:
                for call, reply in zip(batch, replies, strict=True):
                    call.answer(reply)
        # At once: until the task is known to be over, somebody may come and count on it.
        self._end_flush(flushed)

    def _end_flush(self, flushed: anyio.Event) -> None:
        if not flushed.is_set():
            self._flushed = None
            flushed.set()
            # Somebody is left only if the event loop ends, and took the task along.
            while self._queue:
                self._queue.popleft().answer(self._lost())

    def _lost(self) -> LogError:
        return LogError(f"the event loop ended before the log {self._file.path!r} could answer")
