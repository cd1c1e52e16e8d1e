"""``/health``, ``/ready`` and ``/metrics``: for those who run the service, and their machines."""

from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from rxstream.service.metrics import CONTENT_TYPE
from rxstream.service.schema import errors, json_body
from rxstream.service.service import Service
from rxstream.transports.refusals import Refusal

__all__ = ("health_routes",)

_STATUS: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"status": {"type": "string"}},
    "required": ["status"],
}


def health_routes(service: Service) -> APIRouter:
    """Make the routes."""
    router = APIRouter(tags=["operation"])

    @router.get("/health", responses={200: json_body("The process is alive.", _STATUS)})
    async def health() -> JSONResponse:
        """Tell that the process is alive."""
        return JSONResponse({"status": "healthy"})

    @router.get("/ready", responses={200: json_body("It takes requests.", _STATUS), **errors(503)})
    async def ready() -> JSONResponse:
        """Tell whether requests are taken: whether the model's server and the log answer."""
        troubles = await service.troubles()
        if troubles:
            message = "; ".join(f"{name}: {text}" for name, text in sorted(troubles.items()))
            raise Refusal(503, message, code="not_ready", headers={"Retry-After": "1"})
        return JSONResponse({"status": "ready"})

    @router.get(
        "/metrics",
        responses={
            200: {
                "description": "Prometheus' text format.",
                "content": {"text/plain": {"schema": {"type": "string"}}},
            },
            **errors(401),
        },
        response_class=Response,
    )
    async def metrics(request: Request) -> Response:
        """Give what has been counted, in Prometheus' text format."""
        service.keys.owner(request.headers.get("authorization"))
        return Response(service.metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    return router
