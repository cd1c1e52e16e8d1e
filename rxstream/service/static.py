"""The chat page: a few files, read once."""

from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Response

__all__ = ("page_routes",)

_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
}
#: The page runs its own scripts, talks to its own service, and stands in no other page.
_HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
}


def page_routes() -> APIRouter:
    """Make a route for each file of the page; its first one is at ``/``."""
    router = APIRouter(include_in_schema=False)
    for file in files("rxstream.service").joinpath("page").iterdir():
        kind = _TYPES.get(file.name.rpartition(".")[2])
        if kind is not None:
            path = "/" if file.name == "index.html" else f"/{file.name}"
            _add(router, path, file.read_bytes(), kind)
    return router


def _add(router: APIRouter, path: str, content: bytes, kind: str) -> None:
    async def show() -> Response:
        return Response(content, headers={"Content-Type": kind, **_HEADERS})

    router.add_api_route(path, show, methods=["GET"])
