"""The production service: an ASGI application that serves answers, and the command that runs it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rxstream.service.app import create_app

__all__ = ("create_app",)


def __getattr__(name: str) -> Any:
    """Import the application when it is first asked for: the command line knows of it without its extra."""
    if name != "create_app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from rxstream.service.app import create_app  # noqa: PLC0415 - optional
    except ModuleNotFoundError as error:
        msg = f"the service needs FastAPI and uvicorn: pip install 'rxstream[server]' ({error})"
        raise ModuleNotFoundError(msg, name=error.name) from error
    return create_app
