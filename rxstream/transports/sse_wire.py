"""The wire of one response: what is sent, how long that may take, and whether anybody is still there.

One task of the response reads the stream, sends, and closes the stream again. The other one watches: it
hears the client leave, sends a heartbeat when nothing else has been sent for a while, and cancels when one
send takes too long. So an event costs no switch between tasks, and no time limit of its own. While the first
one sleeps, a producer may send in its place, see ``relay``.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Literal, TypeAlias

import anyio
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint

from rxstream.engine.backend import loop_clock
from rxstream.transports.loop_turns import Turn
from rxstream.transports.sleepers import Sleepers
from rxstream.transports.sse_framing import HEARTBEAT

__all__ = ("ClientGone", "Receive", "Scope", "Send", "Wire")

Scope: TypeAlias = Any
Receive: TypeAlias = Callable[[], Awaitable[Any]]
Send: TypeAlias = Callable[[Any], Awaitable[None]]

#: What a server, or a middleware, raises from ``send`` when the client has gone.
_GONE: Final = (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError)

#: Bytes of one write. Items that come close to each other go out together, but no more than that waits.
_FULL: Final = 16 * 1024
#: Seconds from one write to the next, at least. A write costs more than all else that an event takes, and
#: nobody sees one that comes so soon; an event that comes later than that is sent at once.
_APART: Final = 0.01
#: Seconds of a send after which a client is a slow one.
_SLOW: Final = 0.1


class ClientGone(Exception):
    """The client has closed its connection. Seen by nobody but the response."""


class Wire:
    """Send a response's body, in one task, while another one watches.

    ``heartbeat``: seconds of silence before a comment is sent. ``deadline``: seconds that one send may take.
    """

    __slots__ = (
        "_bell",
        "_deadline",
        "_ending",
        "_failure",
        "_flushing",
        "_free",
        "_head",
        "_heartbeat",
        "_held",
        "_receive",
        "_scope",
        "_send",
        "_sending",
        "_size",
        "_tasks",
        "_turn",
        "busy",
        "clock",
        "due",
        "hurried",
        "over",
        "reason",
        "sent",
        "since",
        "slow",
        "started",
    )

    def __init__(
        self,
        receive: Receive,
        send: Send,
        status: int,
        headers: Sequence[tuple[bytes, bytes]],
        *,
        heartbeat: float,
        deadline: float,
    ) -> None:
        self._receive = receive
        self._send = send
        self._head = {"type": "http.response.start", "status": status, "headers": headers}
        self._heartbeat = heartbeat
        self._deadline = deadline
        self.clock = loop_clock()
        #: Whether the status has been said; and whether the body's end has.
        self.started = False
        self.over = False
        self._ending = False
        #: Why it was left before its end.
        self.reason: Literal["disconnect", "deadline", "shutdown"] | None = None
        self.sent = 0
        self._scope = anyio.CancelScope()
        self._tasks: TaskGroup | None = None
        # The main task is sending; since when, or when it last began to.
        self._sending = False
        self.since = self.clock()
        self._turn = Turn()
        # Whether somebody else than the main task is sending; those who wait until that is over.
        self.busy = False
        self._free = Sleepers()
        #: Whether one of the sends of ``carry`` has taken long.
        self.slow = False
        self._failure: Exception | None = None
        self._held: list[bytes] = []
        self._size = 0
        #: When the next write may begin; and whether the last one came sooner.
        self.due = float("-inf")
        self.hurried = False
        self._flushing = False
        self._bell = Sleepers()

    # ------------------------------------------------------------ the two tasks

    async def run(self, work: Callable[[], Awaitable[None]], farewell: Callable[[], Awaitable[None]]) -> None:
        """Do the work of the main task, watched; cancel it when the client leaves or must be left.

        When the response is told to end, work is cancelled, and ``farewell`` has the last word. What either
        raises comes out of here.
        """

        async def main() -> None:
            # An exception that left the task would come out of the group wrapped.
            try:
                with self._scope:
                    await work()
                if self.reason == "shutdown" and not self.over:
                    self._scope = anyio.CancelScope()
                    with self._scope:
                        await farewell()
            except ClientGone:
                self.leave("disconnect")
            except Exception as error:  # noqa: BLE001 - raised below
                self._failure = error
            finally:
                tasks.cancel_scope.cancel()

        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            # Work is done in the new task, since it has no middlewares' frames below its own: every event
            # resumes all of them.
            tasks.start_soon(main)
            await self._watch()
        if self._failure is not None:
            raise self._failure

    def leave(self, reason: Literal["disconnect", "deadline", "shutdown"]) -> None:
        """Cancel the main task: there is nobody to send to."""
        if self._ending and reason == "disconnect":
            return  # a server may say so as soon as it has the end, and be about to take it
        if not self.over and self.reason in {None, "shutdown"}:
            self.reason = reason
            self._scope.cancel()

    def end(self) -> None:
        """Have the main task end the response now; a send that is under way is not cut off."""
        if not self.over and self.reason is None:
            self.reason = "shutdown"
            if not self._sending:
                self._scope.cancel()

    async def _watch(self) -> None:
        clock, receive = self.clock, self._receive
        while True:
            now = clock()
            if self._sending:
                wake = self.since + self._deadline
                if now >= wake:
                    self.leave("deadline")
                    return
            else:
                wake = self.since + self._heartbeat
                if now >= wake:
                    if not await self._beat(HEARTBEAT):
                        return
                    continue
                # A send may begin at any moment from now on.
                wake = min(wake, now + self._deadline)
            with anyio.CancelScope(deadline=wake):
                message = await receive()
                if message["type"] == "http.disconnect":
                    self.leave("disconnect")
                    return
                # A body that nobody has asked for. There are servers that give it without ever waiting.
                await checkpoint()

    async def _beat(self, data: bytes) -> bool:
        """Send from beside the main task, which waits if it has something to send meanwhile."""
        await self.settle()
        if self._sending or self.over:
            return True
        self.busy = True
        try:
            with anyio.CancelScope(deadline=self.clock() + self._deadline) as limit:
                await self._start()
                await self._write(data)
            if limit.cancelled_caught:
                self.leave("deadline")
                return False
        except Exception as error:  # noqa: BLE001 - told to the main task
            self._fail(error)
            self.leave("disconnect")
            return False
        finally:
            self.since = self.clock()
            self.busy = False
            self._free.wake()
        return True

    async def _flush(self) -> None:
        """Send what is held when that is due, again and again: the main task waits for more."""
        clock = self.clock
        while True:
            wait = self.due - clock()
            if wait > 0:
                await anyio.sleep(wait)
            await self.settle()
            # The main task, when it sends, takes along what is held.
            if self._held:
                await self.carry(self._take(), clock(), lambda: False)
                if self.reason is not None:
                    return
            if not self._held:
                await self._bell.sleep()

    # ------------------------------------------------------------ another task's, while the main one sleeps

    @property
    def carrying(self) -> bool:
        """Whether it is ``carry`` that sends: only then are both said to be sending."""
        return self.busy and self._sending

    # This one, too, runs for every event of a client.
    async def carry(self, data: bytes, now: float, is_cut_off: Callable[[], bool]) -> None:
        """Send data in the main task's place. ``now`` is what the clock says.

        Only if it is ``due`` by then, and nobody is ``busy``, so that it is neither too soon nor beside
        another send; and best not if the client is ``slow``: for so long it is the other task that waits.
        What goes wrong is told to the main task alone. If it is cancelled, and ``is_cut_off`` tells so,
        that was meant for this send and for nothing else.
        """
        self.since = now
        self.due = now + _APART
        self.busy = self._sending = True  # watched as if the main task sent it
        try:
            self.sent += len(data)
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
            if self.clock() - now > _SLOW:
                self.slow = True
        except Exception as error:  # noqa: BLE001 - told to the main task
            self._fail(error)
            self.leave("disconnect")
        except BaseException:
            if not is_cut_off():
                raise
        finally:
            self.busy = self._sending = False
            self._free.wake()
            if self.reason is not None:
                self._scope.cancel()

    # ------------------------------------------------------------ the main task's own

    async def put(self, data: bytes) -> None:
        """Send data: at once if it comes alone, together with its neighbours if several come close."""
        now = self.clock()
        turn = self._turn
        long = turn.is_long()
        if self._held or now < self.due:
            self._held.append(data)
            self._size += len(data)
            if self._size < _FULL and not long:
                if self._flushing:
                    self._bell.wake()
                else:
                    self._flushing = True
                    assert self._tasks is not None
                    self._tasks.start_soon(self._flush)
                return
            await self.put_now(self._take())
            if long:
                await turn.pause()
            return
        if long:
            await turn.pause()
        await self.put_now(data)

    # This one runs for every event of every client: what it would call stands in it.
    async def put_now(self, data: bytes) -> None:
        """Send data. Nothing must be held."""
        while self.busy:
            await self._free.sleep()
        self.since = now = self.clock()
        self.hurried = now < self.due
        self.due = now + _APART
        self._sending = True
        try:
            if not self.started:
                await self._start()
            self.sent += len(data)
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
        except Exception as error:
            raise self._fail(error) from error
        finally:
            self._sending = False
        if self.reason is not None:
            await self._give_way()

    async def rest(self) -> None:
        """Wait until the next write is due: for whom ``hurried`` tells that more comes than need be sent."""
        await anyio.sleep(max(0.0, self.due - self.clock()))

    async def _give_way(self) -> None:
        """Be cancelled: the response was told to end, or was left, in the middle of a send."""
        self._scope.cancel()
        await checkpoint()

    async def finish(self, data: bytes) -> None:
        """Send the last data, and the body's end."""
        if self._held:
            self._held.append(data)
            data = self._take()
        await self.settle()
        self.since = self.clock()
        self._sending = True
        try:
            await self._start()
            self.sent += len(data)
            self._ending = True
            await self._send({"type": "http.response.body", "body": data, "more_body": False})
            self.over = True
        except Exception as error:
            self._ending = False
            raise self._fail(error) from error
        finally:
            self._sending = False

    async def is_started(self) -> bool:
        """Tell whether the status has been said; from here on only the main task can say it."""
        await self.settle()
        return self.started

    async def settle(self) -> None:
        """Wait until nobody else sends."""
        while self.busy:
            await self._free.sleep()

    def is_silent(self) -> bool:
        """Tell whether nothing has been said, and nobody is about to say something."""
        return not (self.started or self.over or self.busy)

    async def refuse(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> None:
        """Answer with another status and a whole body, before anything was said."""
        self._head = {"type": "http.response.start", "status": status, "headers": headers}
        await self.finish(body)

    def _fail(self, error: Exception) -> ClientGone:
        """Take note that nothing more can be sent. What is no disconnect comes out of ``run``."""
        if not isinstance(error, _GONE):
            self._failure = error
        return ClientGone()

    async def _start(self) -> None:
        if not self.started:
            self.started = True
            await self._send(self._head)

    async def _write(self, data: bytes) -> None:
        self.sent += len(data)
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    def _take(self) -> bytes:
        data = b"".join(self._held)
        self._held.clear()
        self._size = 0
        return data
