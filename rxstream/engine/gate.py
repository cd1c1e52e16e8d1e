"""A gate lets an operator pause its upstream."""

import anyio

__all__ = ("Gate",)


class Gate:
    """Opened and closed by an operator; a source behind a closed gate is not asked for more.

    An item that was already asked for still comes.
    """

    __slots__ = ("_opened", "is_open")

    def __init__(self) -> None:
        self.is_open = True
        self._opened: anyio.Event | None = None

    def close(self) -> None:
        """Ask the source for nothing more."""
        self.is_open = False

    def open(self) -> None:
        """Let the source go on."""
        self.is_open = True
        if self._opened is not None:
            self._opened.set()
            self._opened = None

    async def wait(self) -> None:
        """Return when the gate is open."""
        while not self.is_open:
            if self._opened is None:
                self._opened = anyio.Event()
            await self._opened.wait()
