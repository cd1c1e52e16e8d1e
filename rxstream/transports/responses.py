"""The responses that are being given right now: so that a server that stops can end them properly."""

from collections.abc import Callable
from typing import Final

import anyio

from rxstream.engine.arguments import check_number
from rxstream.engine.backend import running_loop

__all__ = ("RESPONSES", "Responses", "end_responses")


class Responses:
    """The running responses of an application, or of a process.

        responses = rxs.Responses()

        @app.get("/chat")
        async def chat():
            return rxs.sse_response(answer, responses=responses)

        class Server(uvicorn.Server):
            async def shutdown(self, sockets=None):
                await responses.end(within=5)
                await super().shutdown(sockets)

    Give one to ``sse_response(responses=...)``, or to ``serve_websocket(connections=...)``, where several
    applications live in one process; whatever is given none is in the process's own, which ``end_responses``
    and ``end_websockets`` end. Its length is how many run. Each event loop sees only what runs in itself.
    Nothing is kept of a response that has ended.
    """

    def __init__(self) -> None:
        # By their event loop: none may be touched from another one's thread.
        self._running: Final[dict[object, set[Callable[[], None]]]] = {}
        self._waiting: Final[dict[object, list[anyio.Event]]] = {}

    def __len__(self) -> int:
        """Return how many run, in all event loops."""
        return sum(map(len, tuple(self._running.values())))

    def add(self, end: Callable[[], None]) -> None:
        """Take note of a response that has begun in this event loop, and of what ends it."""
        self._running.setdefault(running_loop(), set()).add(end)

    def remove(self, end: Callable[[], None]) -> None:
        """Take note that a response has ended."""
        here = running_loop()
        running = self._running[here]
        running.remove(end)
        if not running:
            del self._running[here]
            for event in self._waiting.get(here, ()):
                event.set()

    async def end(self, within: float = 5.0) -> int:
        """End every response of this event loop, and return how many there were.

        One that a client can come back to at another process (with a log in a file or in Redis) just stops;
        any other ends with an error event whose code is "shutdown". Returns when all are over, at the latest
        ``within`` seconds later: a client that has stopped reading may keep its response that long.
        """
        here = running_loop()
        running = tuple(self._running.get(here, ()))
        if running:
            over = anyio.Event()
            waiting = self._waiting.setdefault(here, [])
            waiting.append(over)
            try:
                for end in running:
                    end()
                with anyio.move_on_after(within):
                    await over.wait()
            finally:
                waiting.remove(over)
                if not waiting:
                    self._waiting.pop(here, None)
        return len(running)


#: Those that were not given to another one.
RESPONSES: Final = Responses()


async def end_responses(within: float = 5.0) -> int:
    """End the responses of this process, and return how many there were: see ``Responses.end``.

        class Server(uvicorn.Server):
            async def shutdown(self, sockets=None):
                await rxs.end_responses()
                await super().shutdown(sockets)

    Call it in the server's own event loop, when it is told to stop and before it begins to wait for its
    connections: a lifespan is over too late for that, since it ends behind them. It returns when all are
    over, at the latest ``within`` seconds later. Responses that were given ``responses=`` are not among them:
    for those there is ``Responses``. WebSockets are ended by ``end_websockets``. Raises TypeError and
    ValueError for what is no number of seconds.
    """
    check_number("end_responses()", "within", within, zero=True)
    return await RESPONSES.end(within)
