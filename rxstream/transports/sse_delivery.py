"""The delivery of one response: a stream read in the response's own task, and sent."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from reactivex import Observable

from rxstream.sinks.open_stream import open_stream
from rxstream.transports.dialects.contract import Dialect, Frame
from rxstream.transports.refusals import public_error, refusal_of, shutdown_error
from rxstream.transports.responses import Responses
from rxstream.transports.sse_framing import Framing
from rxstream.transports.sse_wire import ClientGone, Receive, Scope, Send, Wire

__all__ = ("Delivery", "Direct", "Headers", "Reason", "SSEOutcome", "Settings")

_log: Final = logging.getLogger("rxstream")

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]
Reason: TypeAlias = Literal["done", "error", "disconnect", "deadline", "shutdown", "stopped"]


@dataclass(slots=True)
class SSEOutcome:
    """How a response ended."""

    #: "done": to its end. "error": the stream failed, or never began. "disconnect": the client left.
    #: "deadline": it stopped reading. "shutdown": the server stops, or cancelled it. "stopped": somebody
    #: asked for the stream to be stopped.
    reason: Reason
    #: What was handed to the server: some of it may never have reached the client.
    events: int = 0
    bytes: int = 0
    #: What the stream failed with.
    error: Exception | None = None


class Settings(NamedTuple):
    """What a response was asked to be."""

    dialect: Dialect
    heartbeat: float
    send_deadline: float
    retry: int | None
    responses: Responses
    on_close: Callable[[SSEOutcome], object] | None


class Delivery(ABC):
    """One request's response: what every kind of it has."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._framing = Framing(retry=settings.retry)
        #: What the stream failed with; and how it ended, if it was sent to its end.
        self._error: Exception | None = None
        self._ended: Reason | None = None
        self._wire: Wire

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send, status: int, headers: Headers
    ) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            msg = f"sse_response() answers HTTP requests, and this is a {scope['type']!r} connection."
            raise TypeError(msg)
        if scope["method"] == "HEAD":
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        heartbeat, deadline = self._settings.heartbeat, self._settings.send_deadline
        wire = Wire(receive, send, status, headers, heartbeat=heartbeat, deadline=deadline)
        self._wire = wire
        responses = self._settings.responses
        responses.add(wire.end)
        try:
            await wire.run(self._work, self._farewell)
        except Exception as error:
            self._error, self._ended = error, "error"
            raise
        finally:
            responses.remove(wire.end)
            self._tell()

    @abstractmethod
    async def _work(self) -> None:
        """Send the stream, to its end."""

    @abstractmethod
    async def _farewell(self) -> None:
        """Say the last word of a response that is told to end."""

    async def _refuse_or_raise(self, error: Exception) -> None:
        """Answer with an HTTP error: nothing has been said yet."""
        refusal = refusal_of(error)
        if refusal is None:
            raise error
        body = refusal.body
        headers = [(b"cache-control", b"no-store")]
        if body:
            headers.append((b"content-type", b"application/json"))
        if refusal.status != 204:
            headers.append((b"content-length", b"%d" % len(body)))
        headers += [(name.lower().encode(), value.encode()) for name, value in refusal.headers.items()]
        await self._wire.refuse(refusal.status, headers, body)

    def _tell(self) -> None:
        on_close = self._settings.on_close
        if on_close is None:
            return
        # Cancelled from outside, without a reason of ours: the server cuts off what is left.
        reason = self._ended or self._wire.reason or "shutdown"
        try:
            on_close(SSEOutcome(reason, self._framing.events, self._wire.sent, self._error))
        except Exception:  # noqa: BLE001 - logged: the response is over
            _log.exception("on_close of an sse_response() failed")


class Direct(Delivery):
    """A response without a log: nobody can come back to it, so it ends when its client leaves."""

    def __init__(self, observable: Observable[Any], settings: Settings) -> None:
        super().__init__(settings)
        self._observable = observable
        self._encoder = settings.dialect.encoder()
        self._begun = False

    async def _work(self) -> None:
        # Looked up once: the loop runs for every event of every client.
        encoder, feed, put, framing = self._encoder, self._encoder.feed, self._wire.put, self._framing
        failed: Exception | None = None
        try:
            async with open_stream(self._observable) as items:
                async for item in items:
                    frames = feed(item)
                    if not self._begun:
                        self._begun = True
                        frames = (*encoder.start(), *frames)
                    if len(frames) == 1:
                        [(event, data)] = frames
                        await put(framing.frame(event, data))
                    elif frames:
                        await put(framing.frames(frames))
        except ClientGone:
            raise
        except Exception as error:  # noqa: BLE001 - told to the client
            self._error = failed = error
        if failed is None:
            await self._finish(encoder.end())
            self._ended = "done"
            return
        if self._framing.events or await self._wire.is_started():
            await self._finish(encoder.fail(public_error(failed)))
        else:
            await self._refuse_or_raise(failed)
        self._ended = "error"

    async def _farewell(self) -> None:
        error = shutdown_error()
        if self._framing.events or await self._wire.is_started():
            await self._finish(self._encoder.fail(error))
        else:
            await self._refuse_or_raise(error)

    async def _finish(self, frames: Sequence[Frame]) -> None:
        start = () if self._begun else self._encoder.start()
        await self._wire.finish(self._framing.frames((*start, *frames)))
