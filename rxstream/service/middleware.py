"""What stands around all routes: every request is counted, and every answer is what it says it is."""

from collections.abc import MutableMapping
from typing import Any, Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rxstream.service.metrics import ServiceMetrics

__all__ = ("Counted",)

#: What a request is counted under that no route takes.
_NOWHERE: Final = "none"


class Counted:
    """Count requests by their route, and forbid browsers to guess at types.

    Plain ASGI: nothing is put between a stream and its server.
    """

    def __init__(self, app: ASGIApp, metrics: ServiceMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        started = False

        async def counting(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(raw=_listed(message)).setdefault("X-Content-Type-Options", "nosniff")
                self._count(scope, message["status"])
            await send(message)

        try:
            await self._app(scope, receive, counting)
        except Exception:
            if not started:
                self._count(scope, 500)  # Starlette answers it, outside of us
            raise

    def _count(self, scope: Scope, status: int) -> None:
        # The router has written the route down by now.
        route: Any = scope.get("route")
        self._metrics.count_request(scope["method"], str(getattr(route, "path", _NOWHERE)), status)


def _listed(message: MutableMapping[str, Any]) -> list[tuple[bytes, bytes]]:
    """Return the headers as a list that can be added to."""
    headers: list[tuple[bytes, bytes]] = list(message.get("headers") or ())
    message["headers"] = headers
    return headers
