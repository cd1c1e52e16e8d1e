"""``/v1/ws/stream``: several answers over one connection, each with an id, stopped one by one."""

from collections.abc import Mapping
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

        async def authenticate(token: Any) -> bool:
            nonlocal owner
            owner = _owner(service, token)
            return True

        async def answer(data: Mapping[str, Any]) -> Observable[Any]:
            asked = validated(SocketRequest, data)
            check_messages(len(asked.messages), limits)
            request = {**model_request(asked), "messages": _messages(asked)}
            kind, option = asked.plan
            plan = Plan(kind, "rxstream", request, option)
            service.gate.check(owner)
            return plan.observable(service, owner)

        await serve_websocket(
            websocket,
            answer,
            authenticate=authenticate if service.keys.are_asked_for else None,
            origins=settings.allowed_origins or None,
            max_streams=limits.max_per_key,
            max_message=min(limits.max_body, _MAX_MESSAGE),
            max_depth=limits.max_depth,
            send_deadline=settings.send_deadline,
        )

    return router


def _owner(service: Service, token: Any) -> str | None:
    return service.keys.owner(token)


def _messages(asked: SocketRequest) -> list[dict[str, Any]]:
    return [message.model_dump(exclude_unset=True) for message in asked.messages]
