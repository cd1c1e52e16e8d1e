"""An Observable as the response to a request: server-sent events, for any ASGI server."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from reactivex import Observable

from rxstream.engine.arguments import check_count, check_function, check_number, check_observable, check_type
from rxstream.transports.dialects.contract import Dialect
from rxstream.transports.dialects.named import dialect_named
from rxstream.transports.log import StreamLog
from rxstream.transports.responses import RESPONSES, Responses
from rxstream.transports.sse_delivery import Delivery, Direct, Settings, SSEOutcome
from rxstream.transports.sse_resume import Resumable, Resuming, check_name

if TYPE_CHECKING:
    from starlette.responses import Response

__all__ = ("sse_response",)


def sse_response(
    observable: Observable[Any] | None = None,
    *,
    dialect: str | Dialect = "rxstream",
    log: StreamLog | None = None,
    stream_id: str | None = None,
    owner: str | None = None,
    meta: Mapping[str, Any] | None = None,
    heartbeat: float = 15.0,
    send_deadline: float = 30.0,
    grace: float = 60.0,
    retry: int | None = None,
    status_code: int = 200,
    headers: Mapping[str, str] | None = None,
    responses: Responses | None = None,
    on_close: Callable[[SSEOutcome], object] | None = None,
) -> "Response":
    """Answer a request with an Observable, as server-sent events.

        log = rxs.StreamLog.memory()

        @app.get("/chat")
        async def chat(question: str):
            messages = [{"role": "user", "content": question}]
            answer = rxs.from_chat(client, model="gpt-4o-mini", messages=messages)
            return rxs.sse_response(answer.pipe(rxs.retry_stream()), log=log)

    It is a response of Starlette's, so FastAPI takes it too, and what it does asks nothing of the server but
    ASGI. The first item of the ``observable`` is asked for before the status is said, so an error that comes
    instead is an HTTP error: the provider's own status where it is about the request, 502 or 504 where it is
    not; what has a ``status_code`` of its own, and what is unknown, is raised for the framework to answer.
    Later, an error is the dialect's error event, as in ``to_sse``. Whatever happens, the stream ends
    explicitly, as long as there is somebody to tell: a client takes a connection that just ends for a
    success.

    Without a log the observable is subscribed to in the request's own task, and closed there, once, when the
    stream ends, the client leaves, or the server stops: a disconnect cancels. A slow client slows the source
    down; what is held here is at most one write of 16 KiB. An event is sent at once, but for those that come
    within 10 ms of the last write: they go out together when those are over. (The kernel may hold some
    megabytes more, unless the listening socket has ``TCP_NOTSENT_LOWAT``; what was sent has not been
    received.)

    With a ``log`` a task of its own reads the observable into the log, and the response reads the log. The
    client may leave and come back, with ``Last-Event-ID`` (the header, or ``?last_event_id=``), to this
    process or to another one with the same log: it gets what it has missed, then what comes; the observable
    is not subscribed to again, unless its producer has died: then the rest is asked for, as ``retry_stream``
    does. A finished stream that the client has whole is answered with 204, which an EventSource needs to
    stop. A disconnect does not stop the answer; ``grace`` seconds without a reader do, or ``log.stop``. With
    ``observable=None`` it only resumes. Its name is in the header ``X-Stream-Id``.

    ``dialect``: "rxstream", "openai", "ui-message", "anthropic", "ag-ui", or a Dialect of your own.
    ``stream_id``: up to 64 letters, digits, ``-`` and ``_``; without it a random one. A request for a stream
    that there is already joins it, from its beginning. ``owner``: whose stream it is: nobody else's requests
    are answered (404). ``meta``: JSON that the log keeps with the stream.

    ``heartbeat``: seconds of silence before a comment is sent; if there is no first item in that time, the
    status is said without it. ``send_deadline``: seconds that the client may keep one write waiting before it
    is given up. (Where a server does not let a write be cancelled, as hypercorn on trio, that is when the
    write returns: let the socket have a ``TCP_USER_TIMEOUT`` there.) The answer itself waits for at most one
    such write, with a log in memory, and not for longer than a second if others read it or it is stopped.
    ``retry``: milliseconds that an EventSource shall wait before it comes back. ``status_code``: of a stream
    that begins well. ``headers`` stand above those that an event stream has. ``responses``: where it can be
    found to be ended, see ``end_responses``. ``on_close`` is called once, when everything is closed, with an
    outcome: its ``reason`` is "done", "error", "disconnect", "deadline" (the client stopped reading),
    "shutdown" or "stopped", and it has ``events`` and ``bytes``, what was handed to the server, and
    ``error``.

    Raises TypeError and ValueError for wrong arguments, UnknownName for a dialect that there is not,
    ImportError without Starlette. To have only the events there is ``to_sse``; over a WebSocket
    ``serve_websocket``.
    """
    chosen = dialect_named(dialect)
    _check_source(observable, log)
    for name, seconds in (("heartbeat", heartbeat), ("send_deadline", send_deadline), ("grace", grace)):
        check_number("sse_response()", name, seconds)
    check_count("sse_response()", "retry, in milliseconds,", retry, least=0, optional=True)
    check_count("sse_response()", "status_code", status_code, least=200)
    for name, given, kind, what in (
        ("stream_id", stream_id, str, "a str"),
        ("owner", owner, str, "a str"),
        ("meta", meta, Mapping, "a mapping that JSON can hold"),
        ("headers", headers, Mapping, "a mapping from names to values"),
        ("responses", responses, Responses, "a Responses"),
    ):
        check_type("sse_response()", name, given, kind, what, optional=True)
    check_function("sse_response()", "on_close", on_close, "a function of an outcome", optional=True)
    settings = Settings(
        chosen,
        float(heartbeat),
        float(send_deadline),
        retry,
        RESPONSES if responses is None else responses,
        on_close,
    )
    delivery: Delivery
    if log is None:
        assert observable is not None
        delivery = Direct(observable, settings)
    else:
        check_name("stream_id", stream_id)
        delivery = Resumable(
            settings, Resuming(log, observable, stream_id, owner, dict(meta or {}), float(grace))
        )
    return _response_class()(delivery, status_code, _headers(chosen, headers))  # type: ignore[no-any-return]


def _check_source(observable: Observable[Any] | None, log: StreamLog | None) -> None:
    if log is not None and not isinstance(log, StreamLog):
        msg = (
            f"sse_response() expects log to be a StreamLog, as StreamLog.memory() makes one, and got {log!r}"
        )
        raise TypeError(msg)
    if observable is None and log is None:
        msg = "sse_response() expects an Observable; only with a log=, to resume a stream, may it be missing"
        raise TypeError(msg)
    if observable is not None:
        check_observable("sse_response()", observable)


def _headers(dialect: Dialect, own: Mapping[str, str] | None) -> dict[str, str]:
    headers = {
        "content-type": "text/event-stream; charset=utf-8",
        # A proxy that changes the body, to compress it, mostly buffers it, too.
        "cache-control": "no-store, no-transform",
        "x-accel-buffering": "no",
    }
    for name, value in (*dialect.headers.items(), *(own or {}).items()):
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"sse_response() expects headers of str and got {name!r}: {value!r}")
        if not name or any(not 32 < ord(letter) < 127 or letter in ':"(),/;' for letter in name):
            raise ValueError(f"sse_response() expects the names of headers and got {name!r:.80}")
        if any(letter in value for letter in "\r\n\0"):
            raise ValueError(f"sse_response() expects the header {name} to be one line and got {value!r:.80}")
        if name.lower() in {"connection", "content-length", "transfer-encoding"}:
            raise ValueError(f"the header {name} of a stream is the server's business: leave it out")
        headers[name.lower()] = value
    return headers


@cache
def _response_class() -> Any:
    """Make the class when it is first needed: Starlette is an extra."""
    try:
        from starlette.responses import Response  # noqa: PLC0415 - optional
    except ImportError as error:
        msg = "sse_response() makes a response of Starlette's: pip install 'rxstream[server]'"
        raise ImportError(msg) from error

    class SSEResponse(Response):
        """A stream of events."""

        def __init__(self, delivery: Delivery, status_code: int, headers: Mapping[str, str]) -> None:
            self.status_code = status_code
            self.background: Any = None
            # No body: a stream has no length.
            self.init_headers(headers)
            self._delivery = delivery

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await self._delivery(scope, receive, send, self.status_code, self.raw_headers)
            if self.background is not None:
                await self.background()

    return SSEResponse
