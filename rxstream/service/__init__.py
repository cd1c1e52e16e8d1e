"""The production service: an ASGI application that serves answers, and the command that runs it."""

from importlib.util import find_spec

if find_spec("fastapi") is None:  # pragma: no cover - the tests have it
    _msg = "the service needs FastAPI and uvicorn: pip install 'rxstream[server]'"
    raise ModuleNotFoundError(_msg, name="fastapi")

from rxstream.service.app import create_app

__all__ = ("create_app",)
