"""The service as an ASGI application."""

import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import openai
from anyio import CancelScope
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from rxstream.errors import RxStreamError
from rxstream.sansio.prices import Price
from rxstream.service.bodies import invalid
from rxstream.service.chats import chat_routes
from rxstream.service.completions import completion_routes
from rxstream.service.health import health_routes
from rxstream.service.middleware import Counted
from rxstream.service.refusals import refusal_of
from rxstream.service.requests import (
    BufferedRequest,
    CompletionRequest,
    JSONRequest,
    StreamRequest,
    UIChatRequest,
)
from rxstream.service.schema import describe
from rxstream.service.service import Service
from rxstream.service.settings import Limits, Settings, Timeout
from rxstream.service.sockets import socket_routes
from rxstream.service.static import page_routes
from rxstream.service.streams import stream_routes
from rxstream.transports.log import StreamLog
from rxstream.transports.refusals import Refusal

__all__ = ("create_app",)

_log = logging.getLogger("rxstream.service")

#: What a page of another origin may send, and read.
_SENT: Final = ("Authorization", "Content-Type", "Last-Event-ID", "X-Rxstream-Resumable")
_READ: Final = ("X-Stream-Id", "Retry-After", "X-Vercel-AI-UI-Message-Stream")
#: What HTTP's own errors are called: those that a router finds.
_CODES: Final = {404: "not_found", 405: "method_not_allowed"}


def create_app(
    *,
    client: Any = None,
    base_url: str | None = None,
    api_key: str | None = None,
    model: str | None = None,
    log: StreamLog | None = None,
    api_keys: Sequence[str] = (),
    allowed_origins: Sequence[str] = (),
    max_concurrent: int = 100,
    max_per_key: int = 20,
    max_queue: int = 100,
    max_wait: float = 10.0,
    max_body: int = 1 << 20,
    max_messages: int = 1000,
    max_depth: int = 64,
    max_choices: int = 8,
    fallback_models: Sequence[str] = (),
    fallback_clients: Sequence[Any] = (),
    retry_attempts: int = 3,
    timeout: Timeout = (120.0, 60.0, 900.0),
    heartbeat: float = 15.0,
    grace: float = 60.0,
    send_deadline: float = 30.0,
    prices: Mapping[str, Price] | None = None,
    page: bool = True,
    docs: bool = True,
) -> FastAPI:
    """Make the production service: streams over HTTP and WebSocket that survive what happens to them.

        app = create_app(base_url="http://127.0.0.1:8080/v1", model="smollm2-135m", api_keys=["secret"])

    *The models.* ``client``: an ``AsyncOpenAI``, which stays the caller's; or ``base_url`` and ``api_key``
    for one of the application's own (without either, what the environment says). ``model`` is asked if a
    request names none. ``fallback_models`` are asked in turn if it fails before it has said anything, through
    ``fallback_clients``, one for each, or the same client. ``retry_attempts``: how often one is asked in all;
    an answer that broke off goes on. ``timeout``: seconds until the first content, between two pieces of it,
    and for the whole; None: no limit. ``prices``: for the metrics, see ``measure_stream``.

    *The streams.* ``log``: where they are kept, for those who come back; the application closes it. By
    default it is this process's memory. ``heartbeat``: seconds of silence before a sign of life. ``grace``:
    seconds for which an answer goes on without a reader. ``send_deadline``: seconds after which a client that
    takes nothing is let go.

    *The clients.* ``api_keys``: of which each request must have one; none: anybody may ask. A stream belongs
    to the key that began it. ``allowed_origins``: of pages elsewhere that may ask, by HTTP and by WebSocket.
    ``max_concurrent`` answers at once, ``max_per_key`` of them for one key (429); up to ``max_queue``
    requests wait for ``max_wait`` seconds, and more are refused (503). ``max_body``: bytes of a request;
    ``max_messages``, ``max_depth``: of its JSON; ``max_choices``: of ``n``.

    ``page``: a chat page at ``/``. ``docs``: ``/docs`` and ``/openapi.json``.

    What it counts is at ``/metrics``; several applications in one process share nothing. ``app.state.drain``
    is an async function that ends all streams properly, after as many seconds as it is given; call it before
    the server stops (``rxstream serve`` does), since a server waits for streams before it tells anybody.

    Raises TypeError and ValueError for wrong arguments, openai.OpenAIError if no key for the provider is
    to be had.
    """
    settings = Settings(
        limits=Limits(
            max_concurrent=max_concurrent,
            max_per_key=max_per_key,
            max_queue=max_queue,
            max_wait=max_wait,
            max_body=max_body,
            max_messages=max_messages,
            max_depth=max_depth,
            max_choices=max_choices,
        ),
        model=model,
        api_keys=_texts(api_keys),
        allowed_origins=_texts(allowed_origins),
        fallback_models=_texts(fallback_models),
        fallback_clients=tuple(fallback_clients),
        retry_attempts=retry_attempts,
        timeout=timeout,
        heartbeat=heartbeat,
        grace=grace,
        send_deadline=send_deadline,
        prices=prices,
    )
    if client is not None and (base_url is not None or api_key is not None):
        raise TypeError("create_app() expects a client, or base_url= and api_key= to make one of; not both")

    def make() -> openai.AsyncOpenAI:
        # Attempts are retry_stream's business, and so are the limits on an answer's time.
        key = api_key or ("none" if base_url is not None else None)
        return openai.AsyncOpenAI(base_url=base_url, api_key=key, max_retries=0, timeout=900.0)

    if client is None and base_url is None:
        make()  # what the environment lacks is said now
    service = Service(settings, log=StreamLog.memory() if log is None else log, client=client, make=make)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            with CancelScope(shield=True):
                await service.drain(0.0)
                await service.aclose()

    app = FastAPI(
        title="rxstream",
        description="Answers of language models as streams that survive what happens to them.",
        version="1",
        lifespan=lifespan,
        docs_url="/docs" if docs else None,
        redoc_url=None,
        openapi_url="/openapi.json" if docs else None,
        redirect_slashes=False,
        middleware=_middleware(service),
        exception_handlers=_HANDLERS,
    )
    for routes in (stream_routes, chat_routes, completion_routes, socket_routes, health_routes):
        app.include_router(routes(service))
    if page:
        app.include_router(page_routes())
    # FastAPI makes the routes when it is first asked whether they match. The first client would wait; and
    # meanwhile it changes the filters of warnings, which all threads share: of two applications one may fail.
    for route in app.routes:
        route.matches({"type": "http", "method": "GET", "path": "", "headers": []})
    describe(
        app,
        StreamRequest,
        BufferedRequest,
        JSONRequest,
        UIChatRequest,
        CompletionRequest,
        with_keys=service.keys.are_asked_for,
    )
    app.state.service = service
    app.state.drain = service.drain
    return app


def _texts(value: Any) -> Any:
    """Make a tuple of a list; what is neither is told by the settings."""
    sequence: Any = Sequence
    return tuple(value) if isinstance(value, sequence) and not isinstance(value, str) else value


def _middleware(service: Service) -> list[Middleware]:
    found = [Middleware(Counted, metrics=service.metrics)]
    if service.settings.allowed_origins:
        cors = Middleware(
            CORSMiddleware,
            allow_origins=service.settings.allowed_origins,
            allow_methods=("GET", "POST", "DELETE"),
            allow_headers=_SENT,
            expose_headers=_READ,
            max_age=600,
        )
        found.append(cors)
    return found


# ---------------------------------------------------------------- errors


def _refused(refusal: Refusal) -> Response:
    return Response(refusal.body, refusal.status, refusal.headers, "application/json")


async def _on_error(_: Request, error: Exception) -> Response:
    return _refused(refusal_of(error))


async def _on_http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _CODES.get(error.status_code)
    return _refused(Refusal(error.status_code, str(error.detail), code=code, headers=error.headers))


async def _on_invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [{**fault, "loc": fault["loc"][1:]} for fault in error.errors()]
    return _refused(invalid(faults))


_HANDLERS: Final[dict[Any, Any]] = {
    Refusal: _on_error,
    RxStreamError: _on_error,
    openai.OpenAIError: _on_error,
    HTTPException: _on_http_error,
    RequestValidationError: _on_invalid,
    Exception: _on_error,
}
