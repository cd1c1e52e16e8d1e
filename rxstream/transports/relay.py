"""A client's wire in its producer's hands: for as long as the task that reads for that client sleeps."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any, Final, Literal

import anyio

from rxstream.transports.dialects.contract import Frame
from rxstream.transports.log import size_of
from rxstream.transports.memory_log import MemoryReader, MemoryWriter
from rxstream.transports.sse_framing import Framing
from rxstream.transports.sse_wire import Wire

__all__ = ("Relay",)

#: Seconds that a client which takes nothing may hold its answer up when others want it, or it is to end.
_STUCK: Final = 1.0


class Relay:
    """Let the producer of a stream in memory send what it has written to the one client that listens.

    To wake that client's own task for every event costs more than all else that is done with it: two tasks
    of each of some hundred streams are more than a processor keeps at hand. The log has the event first, as
    ever, and a client that is slow, or one of several, is left to its own task.

    A send can be cut off without the producer being cancelled, which a cancel scope around each send would
    cost too much for: so this is for asyncio alone, whose tasks can be told that it was not meant for them.
    """

    __slots__ = ("_cancelling", "_cut", "_framing", "_held", "_keep", "_reader", "_task", "_wire", "open")

    def __init__(
        self,
        wire: Wire,
        framing: Framing,
        reader: MemoryReader,
        writer: MemoryWriter,
        producer: "asyncio.Task[Any]",
    ) -> None:
        assert reader.held is not None
        self._wire: Final = wire
        self._framing: Final = framing
        self._reader: Final = reader
        self._held: Final = reader.held
        self._keep: Final = writer.keep
        self._task: Final = producer
        self._cancelling: Final = producer.cancelling()
        self._cut = False
        #: Whether the client's own task sleeps.
        self.open = False

    @property
    def sending(self) -> bool:
        """Whether the producer is in the middle of a send."""
        return self._wire.carrying

    def take(self, frames: Sequence[Frame]) -> Awaitable[None] | None:
        """Write frames to the log, and return what sends them; None, and nothing, if the reader has to.

        Only if it is ``open``. What is returned must be awaited at once, by the producer.
        """
        held, reader, wire = self._held, self._reader, self._wire
        if len(frames) != 1 or held.newest != reader.after or held.readers != 1:
            return None
        now = wire.clock()
        if now < wire.due or wire.busy or wire.slow:
            return None
        [(event, data)] = frames
        self._keep(event, data, size_of(data))
        reader.after = seq = held.newest
        return wire.carry(self._framing.frame(event, data, seq), now, self._was_cut_off)

    def cut_off(self, reason: Literal["deadline", "shutdown"]) -> None:
        """End a send that is under way, and the response with it, but not the answer."""
        if self._wire.carrying and not self._cut:
            self._wire.leave(reason)
            self._cut = True
            self._task.cancel()

    async def end(self) -> None:
        """Take the wire from the producer; what it is sending is cut off."""
        self.open = False
        if self.sending:
            self.cut_off("shutdown")
            with anyio.CancelScope(shield=True):
                await self._wire.settle()

    async def cut_off_soon(self) -> None:
        """Give a send that is under way a moment more."""
        wire, since = self._wire, self._wire.since
        await anyio.sleep(_STUCK)
        if wire.since == since:
            self.cut_off("deadline")

    def _was_cut_off(self) -> bool:
        """Tell whether the producer's cancellation was meant for its send alone."""
        if not self._cut:
            if self._wire.reason is None:
                self._wire.leave("deadline")
            return False
        self._cut = False
        return self._task.uncancel() <= self._cancelling
