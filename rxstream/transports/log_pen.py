"""What writes a stream into a log that has to be waited for: everything that has come meanwhile at once."""

from collections.abc import Callable, Sequence
from typing import Final

import anyio

from rxstream.transports.dialects.contract import Frame
from rxstream.transports.log import LogWriter
from rxstream.transports.sleepers import Sleepers

__all__ = ("LogPen",)

#: Frames that may wait to be written before the stream has to wait, too.
_MOST: Final = 256


class LogPen:
    """Write frames in a task of its own, so that the answer can go on while a disk or a network is slow."""

    def __init__(self, writer: LogWriter) -> None:
        self._writer = writer
        self._waiting: list[Frame] = []
        self._bell = Sleepers()
        self._room = Sleepers()
        self._idle: anyio.Event | None = None

    async def run(self, lose: Callable[[Exception], None]) -> None:
        """Write what comes; tell ``lose`` of an error, and write no more."""
        try:
            while True:
                while not self._waiting:
                    await self._bell.sleep()
                waiting, self._waiting = self._waiting, []
                self._idle = idle = anyio.Event()
                try:
                    await self._writer.append(waiting)
                finally:
                    self._idle = None
                    idle.set()
                self._room.wake()
        except Exception as error:  # noqa: BLE001 - the caller's business
            lose(error)

    def put(self, frames: Sequence[Frame]) -> bool:
        """Have frames written soon; False if the answer has to wait for ``room`` before it goes on."""
        self._waiting.extend(frames)
        self._bell.wake()
        return len(self._waiting) < _MOST

    async def room(self) -> None:
        """Wait until more may be put."""
        while len(self._waiting) >= _MOST:
            await self._room.sleep()

    async def finish(self, frames: Sequence[Frame]) -> None:
        """Write what is left, and the stream's last frames behind it."""
        while self._idle is not None:
            await self._idle.wait()
        waiting, self._waiting = self._waiting, []
        await self._writer.append([*waiting, *frames], last=True)
