"""``/v1/stream``: answers as they are written, to be come back to, and to be stopped."""

import re
import secrets
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from rxstream.service.bodies import check_messages, read_json, validated
from rxstream.service.keys import TICKET_SECONDS
from rxstream.service.plans import DialectName, Plan
from rxstream.service.requests import BufferedRequest, JSONRequest, StreamRequest, model_request
from rxstream.service.schema import body_of, errors, events, json_body
from rxstream.service.service import Service
from rxstream.transports.log import StreamInfo
from rxstream.transports.memory_log import MemoryLog
from rxstream.transports.refusals import Refusal
from rxstream.transports.sse_response import sse_response

__all__ = ("own_stream", "respond", "resumed", "stream_routes")

_EVENT_ID: Final = re.compile(r"([A-Za-z0-9_-]{1,64})-(\d{1,15})")
_POST_ERRORS: Final = (400, 401, 404, 409, 410, 413, 415, 422, 429, 502, 503, 504)

_Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="The name of the stream.")]
_Dialect = Annotated[DialectName, Query(description="How the events are written.")]


def stream_routes(service: Service) -> APIRouter:
    """Make the routes."""
    router = APIRouter(prefix="/v1/stream", tags=["streams"])
    limits = service.settings.limits

    async def begin(request: Request, model: type[StreamRequest], kind: str, dialect: str) -> Response:
        owner = service.keys.owner(request.headers.get("authorization"))
        asked = validated(model, await read_json(request, limits))
        check_messages(len(asked.messages), limits)
        plan = Plan(kind, dialect, model_request(asked), _option(asked))
        plan.check()
        if not asked.resumable and asked.stream_id is not None:
            msg = "a stream_id names a stream that can be come back to; leave it out, or resumable: false"
            raise Refusal(422, msg, code="invalid_request", param="stream_id")
        name = asked.stream_id or _named_by(request)
        return await respond(service, request, plan, owner, resumable=asked.resumable, stream=name)

    @router.post(
        "/raw", responses=events(*_POST_ERRORS), response_class=Response, openapi_extra=body_of(StreamRequest)
    )
    async def raw(request: Request, dialect: _Dialect = "rxstream") -> Response:
        """Stream the chunks of an answer, as the model writes them."""
        return await begin(request, StreamRequest, "raw", dialect)

    @router.post(
        "/buffered",
        responses=events(*_POST_ERRORS),
        response_class=Response,
        openapi_extra=body_of(BufferedRequest),
    )
    async def buffered(request: Request, dialect: _Dialect = "rxstream") -> Response:
        """Stream an answer in complete words, sentences, lines, paragraphs or characters."""
        return await begin(request, BufferedRequest, "buffered", dialect)

    @router.post(
        "/json", responses=events(*_POST_ERRORS), response_class=Response, openapi_extra=body_of(JSONRequest)
    )
    async def json(request: Request, dialect: _Dialect = "rxstream") -> Response:
        """Stream the JSON values in an answer, each when it is complete."""
        return await begin(request, JSONRequest, "json", dialect)

    @router.get(
        "/{stream}",
        responses={
            **events(401, 404, 410, 422, 502, 503, 504),
            204: {"description": "The stream has ended, and there is nothing behind the position."},
        },
        response_class=Response,
    )
    async def resume(
        request: Request,
        stream: _Id,
        after: Annotated[
            int | None, Query(ge=0, lt=10**15, description="The number of the last event that came.")
        ] = None,
        last_event_id: Annotated[  # noqa: ARG001 - the response reads it
            str | None, Query(description="The id of the last event that came, as the header has it.")
        ] = None,
        ticket: Annotated[str | None, Query(description="In place of a key: see /ticket.")] = None,
    ) -> Response:
        """Come back to a stream: what stands behind the position, then what is being written.

        The position is `Last-Event-ID`, `last_event_id` or `after`; without any it is the beginning.
        """
        owner = _reader(service, request, stream, ticket)
        info = await own_stream(service, stream, owner)
        if after is not None:
            # The response reads the position where a client of any stream has it.
            request.scope["query_string"] = f"last_event_id={stream}-{after}".encode()
        return resumed(service, stream, info, owner)

    @router.delete(
        "/{stream}",
        status_code=204,
        responses={
            204: {"description": "It has ended, and writes nothing more."},
            **errors(401, 404, 422, 503),
        },
        response_class=Response,
    )
    async def stop(request: Request, stream: _Id) -> Response:
        """Stop a stream. When this is answered, the model writes no more."""
        owner = service.keys.owner(request.headers.get("authorization"))
        await own_stream(service, stream, owner)
        await service.stop(stream)
        return Response(status_code=204)

    @router.post(
        "/{stream}/ticket",
        responses={200: json_body("A ticket.", _TICKET), **errors(401, 404, 422, 503)},
        response_class=JSONResponse,
    )
    async def ticket(request: Request, stream: _Id) -> Response:
        """Make a ticket for reading one stream, for a few minutes, without a key.

        A browser's EventSource can send no header, and a key has no business in an address.
        """
        owner = service.keys.owner(request.headers.get("authorization"))
        await own_stream(service, stream, owner)
        made = service.keys.ticket(owner, stream)
        return JSONResponse({"ticket": made, "expires_in": TICKET_SECONDS})

    return router


_TICKET: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"ticket": {"type": "string"}, "expires_in": {"type": "integer"}},
    "required": ["ticket", "expires_in"],
}


async def respond(
    service: Service,
    request: Request,
    plan: Plan,
    owner: str | None,
    *,
    resumable: bool = True,
    stream: str | None = None,
) -> Response:
    """Answer with a new stream, in the log or only to whoever listens; or with one that the client knows."""
    settings = service.settings
    if not resumable:
        service.gate.check(owner)
        return sse_response(
            plan.observable(service, owner),
            dialect=plan.dialect,
            heartbeat=settings.heartbeat,
            send_deadline=settings.send_deadline,
            responses=service.responses,
        )
    known = None if stream is None else await service.log.info(stream)
    if known is None:
        service.gate.check(owner)
        observable = plan.observable(service, owner)
        meta = {"dialect": plan.dialect}
        if not isinstance(service.log, MemoryLog):  # nobody else will ever read it there
            meta = plan.meta
        return sse_response(
            observable,
            dialect=plan.dialect,
            log=service.log,
            stream_id=stream or secrets.token_hex(16),
            owner=owner,
            meta=meta,
            heartbeat=settings.heartbeat,
            send_deadline=settings.send_deadline,
            responses=service.responses,
            grace=settings.grace,
        )
    if _named_by(request) != stream:
        msg = f"there is a stream of the id {stream!r} already: GET /v1/stream/{stream} reads it"
        raise Refusal(409, msg, code="stream_exists", param="stream_id")
    assert stream is not None
    info = await own_stream(service, stream, owner)
    return resumed(service, stream, info, owner)


async def own_stream(service: Service, stream: str, owner: str | None) -> StreamInfo:
    """Look a stream up. Raises ``Refusal``, 404, if there is none, and if it is somebody else's."""
    info = await service.log.info(stream)
    if info is None or info.owner != owner:
        raise Refusal(404, "there is no such stream, or no longer", code="unknown_stream", param="stream")
    return info


def resumed(service: Service, stream: str, info: StreamInfo, owner: str | None) -> Response:
    """Answer with what stands in the log behind a position, and with what is written from now on."""
    settings = service.settings
    plan = None if info.ended or not service.gate.lets_in(owner) else Plan.of(info.meta)
    return sse_response(
        None if plan is None else plan.observable(service, owner),
        dialect=str(info.meta.get("dialect", "rxstream")),
        log=service.log,
        stream_id=stream,
        owner=owner,
        heartbeat=settings.heartbeat,
        send_deadline=settings.send_deadline,
        responses=service.responses,
        grace=settings.grace,
    )


def _reader(service: Service, request: Request, stream: str, ticket: str | None) -> str | None:
    authorization = request.headers.get("authorization")
    if authorization is None and ticket is not None:
        return service.keys.owner_of_ticket(ticket, stream)
    return service.keys.owner(authorization)


def _named_by(request: Request) -> str | None:
    """Return the stream whose event the client says that it has read last."""
    found = _EVENT_ID.fullmatch(request.headers.get("last-event-id", ""))
    return None if found is None else found[1]


def _option(asked: StreamRequest) -> str | None:
    if isinstance(asked, BufferedRequest):
        return asked.buffer_type or "word"
    return asked.at if isinstance(asked, JSONRequest) else None
