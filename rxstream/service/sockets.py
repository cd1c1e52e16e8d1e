"""``/v1/ws/stream``: several answers over one connection, each with an id, stopped one by one."""

from collections.abc import Sequence
from typing import Any, Final

from fastapi import APIRouter, WebSocket
from reactivex import Observable

from rxstream.service.bodies import check_messages, validated
from rxstream.service.plans import Plan
from rxstream.service.requests import SocketRequest, model_request
from rxstream.service.service import Service
from rxstream.transports.serve_websocket import serve_websocket

__all__ = ("socket_routes",)

#: Bytes of one message at most, whatever an HTTP body may have: uvicorn takes no longer ones.
_MAX_MESSAGE: Final = 1 << 20


def socket_routes(service: Service) -> APIRouter:
    """Make the route."""
    router = APIRouter()
    settings = service.settings
    limits = settings.limits

    @router.websocket("/v1/ws/stream")
    async def stream(websocket: WebSocket) -> None:
        owner: str | None = None

        def authenticate(authorization: str) -> bool:
            nonlocal owner
            owner = service.keys.owner(authorization)
            return True

        await serve_websocket(
            websocket,
            lambda data: _answer(service, owner, data),
            authenticate=authenticate if service.keys.are_asked_for else None,
            origins=_origins(websocket, settings.allowed_origins),
            max_streams=limits.max_per_key,
            max_message=min(limits.max_body, _MAX_MESSAGE),
            max_depth=limits.max_depth,
            send_deadline=settings.send_deadline,
            connections=service.sockets,
        )

    return router


def _answer(service: Service, owner: str | None, data: dict[str, Any]) -> Observable[Any]:
    asked = validated(SocketRequest, data)
    check_messages(len(asked.messages), service.settings.limits)
    kind, option = asked.plan
    plan = Plan(kind, "rxstream", model_request(asked), option)
    service.gate.check(owner)
    return plan.observable(service, owner)


def _origins(websocket: WebSocket, allowed: Sequence[str]) -> Sequence[str] | None:
    """Return the pages that may connect: those of other hosts that are allowed to, and always our own."""
    if not allowed:
        return None
    host = websocket.headers.get("host", "")
    return (*allowed, f"http://{host}", f"https://{host}")
