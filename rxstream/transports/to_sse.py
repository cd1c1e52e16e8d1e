"""An answer as server-sent events."""

from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

from reactivex import Observable, abc

from rxstream.engine.arguments import check_type
from rxstream.engine.observable import StreamObservable
from rxstream.engine.pipeline import named
from rxstream.items import SSEEvent
from rxstream.transports.dialects.contract import Dialect, Encoder, Frame
from rxstream.transports.dialects.named import dialect_named

__all__ = ("to_sse",)


@named
def to_sse(
    *, dialect: str | Dialect = "rxstream", ids: str | None = None
) -> Callable[[Observable[Any]], Observable[SSEEvent]]:
    """Write items of any kind as server-sent events, to their last one, which says how the stream ended.

        --'Hi'-----------------------------------|
        to_sse()
        --SSEEvent('{"item":"Hi"}', 'chunk')-----(SSEEvent('{"done":true}', 'done')|)

        events = rxs.from_stream(["Hi"]).pipe(rxs.to_sse(ids="a"), ops.map(lambda event: event.encode()))
        print(rxs.run(events)[0].strip())
        #> event: chunk
        #> id: a-1
        #> data: {"item":"Hi"}

    ``dialect``: "rxstream", our own: ``chunk`` events with ``{"content", "finish_reason"}`` of chunks,
    ``{"item"}`` of texts, ``{"object"}`` of anything else, at the end ``done``; "openai": Chat Completions;
    "ui-message": Vercel's UI message stream; "anthropic"; "ag-ui"; or a Dialect of your own (see
    ``rxstream.transports.dialects.contract``). ``ids``: a prefix; the events then have the ids
    ``<prefix>-1``, ``<prefix>-2`` and so on; None for no ids.

    An error becomes the dialect's error event, and the stream then completes: behind the first event nobody
    can be told in any other way. Errors of the stream and of the provider are told, without addresses and
    keys; of any other the client gets "internal error", and the log its traceback. Nothing is kept.

    Raises UnknownName for a dialect that there is not, ValueError for ``ids`` that are not ASCII, TypeError
    for those that are no str. To serve a whole response, with heartbeats, deadlines and a way back, there is
    ``sse_response``.
    """
    chosen = dialect_named(dialect)
    check_type("to_sse()", "ids", ids, str, "a str", optional=True)
    if ids is not None:
        SSEEvent("", id=ids).encode()  # which knows what an id can be

    def operator(source: Observable[Any]) -> Observable[SSEEvent]:
        def subscribe(
            observer: abc.ObserverBase[SSEEvent], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            events = _Events(chosen.encoder(), ids, observer)
            return source.subscribe(events.feed, events.fail, events.end, scheduler=scheduler)

        return StreamObservable(subscribe)

    return operator


class _Events:
    """One subscription: the stream's events, each with its number."""

    def __init__(self, encoder: Encoder, ids: str | None, observer: abc.ObserverBase[SSEEvent]) -> None:
        self._encoder = encoder
        self._ids = ids
        self._observer = observer
        self._numbers = count(1)
        self._begun = False
        self._over = False

    def feed(self, item: Any) -> None:
        """Write an item. One that cannot be written ends the stream."""
        if self._over:
            return
        self._begin()
        try:
            frames = self._encoder.feed(item)
        except Exception as error:  # noqa: BLE001 - it is told to whoever reads the events
            self.fail(error)
            return
        self._send(frames)

    def fail(self, error: Exception) -> None:
        """End with an error event."""
        if not self._over:
            self._end(self._encoder.fail(error))

    def end(self) -> None:
        """End well."""
        if not self._over:
            self._end(self._encoder.end())

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._send(self._encoder.start())

    def _end(self, frames: Iterable[Frame]) -> None:
        self._over = True
        self._begin()
        self._send(frames)
        self._observer.on_completed()

    def _send(self, frames: Iterable[Frame]) -> None:
        for event, data in frames:
            name = None if self._ids is None else f"{self._ids}-{next(self._numbers)}"
            self._observer.on_next(SSEEvent(data, event, name))
