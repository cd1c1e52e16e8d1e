"""One reader of a shared stream: what is parked for it, and how it takes that."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from rxstream.engine.arguments import check_count
from rxstream.engine.pump import Pump
from rxstream.sansio.backlog import Backlog, Overflow

if TYPE_CHECKING:
    from rxstream.combine.hub import Run

__all__ = ("Policy", "Reader")

#: What loses nothing, or fails rather than that.
_LOSSLESS: Final = frozenset(("suspend", "join", "error"))


@dataclass(slots=True)
class Policy:
    """How one reader is served."""

    max_items: int
    overflow: Overflow
    replay: int
    on_drop: Callable[[Any], object] | None

    def check(self, operator: str, most_replay: int | None = None) -> None:
        """Refuse what cannot be; ``most_replay`` is how many items are kept."""
        Backlog[Any](self.max_items, self.overflow, self.on_drop, operator=operator)
        replay = self.replay
        check_count(operator, "replay", replay, least=0)
        if most_replay is not None and replay > most_replay:
            raise ValueError(
                f"{operator} cannot replay {replay} items, since only the last {most_replay} are kept. Write "
                f"share_stream(..., replay={replay})."
            )

    def backlog(self, replayed: Sequence[Any]) -> Backlog[Any]:
        """Make the backlog of a reader, with items in it that it missed."""
        backlog = Backlog[Any](self.max_items, self.overflow, self.on_drop, operator="share_stream()")
        if len(replayed) > self.max_items and self.overflow in _LOSSLESS:
            backlog = Backlog[Any](len(replayed), self.overflow, operator="share_stream()")
        for item in replayed:
            backlog.put(item)
        return backlog


class Reader:
    """One reader: an async iterator over what the run has parked for it."""

    def __init__(self, run: "Run", pump: Pump, backlog: Backlog[Any]) -> None:
        self.pump = pump
        self.backlog = backlog
        #: An item waits for room.
        self.is_owed = False
        self._run = run
        self._arrived: anyio.Event | None = None
        #: What only this reader has failed in.
        self._error: Exception | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        run, backlog = self._run, self.backlog
        if not run.started:
            run.start(self.pump)
        while not backlog:
            if self._error is not None or run.over.is_set():
                await self._end()
            self._arrived = anyio.Event()
            await self._arrived.wait()
        item = backlog.take()
        if self.is_owed:
            self.is_owed = False
            run.make_room()
        return item

    async def _end(self) -> NoReturn:
        run = self._run
        # Who has been let go meanwhile is to hear of no error any more.
        await checkpoint_if_cancelled()
        if self._error is not None:
            if run.stopped_by is self:
                await run.over.wait()
            raise self._error
        if run.error is not None:
            raise run.error
        raise StopAsyncIteration

    def offer(self, item: Any) -> bool:
        """Park an item; False: it has to wait, until ``is_owed`` is False again."""
        try:
            taken = self.backlog.put(item)
        except Exception as error:  # noqa: BLE001 - BufferOverflow, or from its on_drop: its own affair
            self._error = error
            self._run.leave(self)
            taken = True
        self.is_owed = not taken
        self.wake()
        return taken

    def wake(self) -> None:
        """Let it look whether something has come."""
        if self._arrived is not None:
            self._arrived.set()

    async def aclose(self) -> None:
        """Leave; the last one waits until the source is closed, and raises what that ended in."""
        run = self._run
        run.hub.readers.pop(self, None)
        run.leave(self)
        if run.stopped_by is self:
            # How long that may take is a matter of the run's own pump.
            with anyio.CancelScope(shield=True):
                await run.over.wait()
            if run.failure is not None:
                raise run.failure
