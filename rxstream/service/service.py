"""What one application has: its models, its log, its gate, its counters; nothing that another one shares."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import openai
from anyio import CancelScope, Lock, current_time, move_on_after
from reactivex import Observable, abc

from rxstream.engine.observable import StreamObservable
from rxstream.engine.resumable import pass_on
from rxstream.errors import LogError, RxStreamError
from rxstream.items import StreamChunk
from rxstream.service.gate import Gate, admit_stream
from rxstream.service.keys import Keys
from rxstream.service.metrics import ServiceMetrics
from rxstream.service.refusals import public_error
from rxstream.service.settings import Settings
from rxstream.service.upstream import Upstream
from rxstream.transports.dialects.named import dialect_named
from rxstream.transports.log import StreamLog
from rxstream.transports.publish import publications_of
from rxstream.transports.responses import Responses

__all__ = ("Service",)

#: Seconds for which an answer to "are you ready?" is good.
_FRESH: Final = 1.0
#: Seconds in which a log that is ready answers, and in which a stopped stream ends.
_PATIENCE: Final = 2.0
#: What a log is asked about to see whether it answers; nobody has such a stream.
_NOBODY: Final = "rxstream-ready"


class Service:
    """The parts, and how they begin and end."""

    def __init__(
        self,
        settings: Settings,
        *,
        log: StreamLog,
        client: Any = None,
        make: Callable[[], openai.AsyncOpenAI] | None = None,
    ) -> None:
        self.settings = settings
        self.log = log
        self.keys = Keys(settings.api_keys)
        self.gate = Gate(settings.limits)
        self.metrics = ServiceMetrics(
            open_streams=lambda: self.gate.inside, waiting=lambda: self.gate.waiting
        )
        self.upstream = Upstream(settings, client=client, make=make, on_metrics=self.metrics.count_stream)
        #: The responses that are being given, and the WebSockets that are open: so that they can be ended.
        self.responses = Responses()
        self.sockets = Responses()
        self._looking = Lock()
        self._troubles: dict[str, str] = {}
        self._looked_at: float | None = None

    # ---------------------------------------------------------------- answers

    def answer(self, request: Mapping[str, Any], owner: str | None) -> Observable[StreamChunk]:
        """Return the answer to a request: it waits at the gate, is measured, and fails in public words.

        Raises ``Refusal`` if nobody names a model.
        """
        answer = self.upstream.answer(request)
        return answer.pipe(admit_stream(self.gate, owner), _fail_in_public)

    # ---------------------------------------------------------------- streams

    async def stop(self, stream: str) -> None:
        """Stop a stream, and return when its upstream is closed, or after a while.

        One whose producer is gone gets its end, or whoever comes back to it would have it go on.
        """
        info = await self.log.info(stream)
        if info is None or info.ended:
            return
        if await self.log.stop(stream):
            with move_on_after(_PATIENCE):
                await self._wait_for_end(stream, info.newest)
            return
        writer = await self.log.adopt(stream)
        if writer is None:
            return
        with CancelScope(shield=True):
            try:
                encoder = dialect_named(str(info.meta.get("dialect", "rxstream"))).encoder()
                await writer.append(encoder.stop(), last=True)
            finally:
                await writer.aclose()

    async def _wait_for_end(self, stream: str, after: int) -> None:
        batches: Any = self.log.read(stream, after)
        try:
            async for _ in batches:
                pass
        except LogError:
            return
        finally:
            with CancelScope(shield=True):
                await batches.aclose()

    # ---------------------------------------------------------------- life

    async def troubles(self) -> dict[str, str]:
        """Say what is wrong, by what it is wrong with; looked up at most once a second."""
        if self.gate.closed:
            return {"service": "it is shutting down"}
        async with self._looking:
            if self._looked_at is None or current_time() - self._looked_at > _FRESH:
                found = {"upstream": await self.upstream.trouble(), "log": await self._trouble_with_log()}
                self._troubles = {name: text for name, text in found.items() if text is not None}
                self._looked_at = current_time()
        return self._troubles

    async def _trouble_with_log(self) -> str | None:
        with move_on_after(_PATIENCE):
            try:
                await self.log.info(_NOBODY)
            except (RxStreamError, OSError):
                return "the log of streams cannot be read"
            return None
        return "the log of streams does not answer"

    async def drain(self, grace: float = 10.0) -> None:
        """Take nothing new on, give what runs ``grace`` seconds to end, then end it properly."""
        self.gate.closed = True
        await publications_of(self.log).drain(grace)
        await self.responses.end()
        await self.sockets.end()

    async def aclose(self) -> None:
        """Let go of everything, behind ``drain``."""
        with CancelScope(shield=True):
            try:
                await self.upstream.aclose()
            finally:
                await self.log.aclose()


def _failing_in_public(source: Observable[Any]) -> Observable[Any]:
    def subscribe(
        observer: abc.ObserverBase[Any], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        speaks = False

        def on_next(item: Any) -> None:
            nonlocal speaks
            speaks = True
            observer.on_next(item)

        def on_error(error: Exception) -> None:
            observer.on_error(public_error(error, early=not speaks))

        return source.subscribe(on_next, on_error, observer.on_completed, scheduler=scheduler)

    return StreamObservable(subscribe)


_fail_in_public = pass_on(_failing_in_public)
