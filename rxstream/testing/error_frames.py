"""How providers say in the middle of a stream that something is wrong: each says it in its own way."""

import json
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

__all__ = ("DIALECTS", "Dialect", "error_frame")

#: ``openai``: ``data: {"error": ...}``, what most servers send. ``openai-event``: the same, named
#: ``event: error``. ``llama.cpp``: a line ``error: {...}``, which is no field of server-sent events.
#: ``anthropic``: ``{"type": "error", "error": ...}``. ``responses``: the Responses API's, its fields at the
#: top. ``responses-failed``: its ``response.failed``. ``fastapi``: ``{"detail": ...}``.
Dialect: TypeAlias = Literal[
    "openai", "openai-event", "llama.cpp", "anthropic", "responses", "responses-failed", "fastapi"
]


def error_frame(dialect: Dialect, code: str | int, message: str) -> bytes:
    """Make the event."""
    return DIALECTS[dialect](code, message)


def _event(fields: Any, *, name: str = "", field: str = "data") -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}{field}: {json.dumps(fields, ensure_ascii=False)}\n\n".encode()


def _fields(code: str | int, message: str) -> dict[str, Any]:
    return {"message": message, "type": "server_error", "param": None, "code": code}


DIALECTS: dict[Dialect, Callable[[str | int, str], bytes]] = {
    "openai": lambda code, message: _event({"error": _fields(code, message)}),
    "openai-event": lambda code, message: _event({"error": _fields(code, message)}, name="error"),
    "llama.cpp": lambda code, message: _event(
        {"code": code, "message": message, "type": "server_error"}, field="error"
    ),
    "anthropic": lambda code, message: _event(
        {"type": "error", "error": {"type": code, "message": message}}, name="error"
    ),
    "responses": lambda code, message: _event(
        {"type": "error", "code": code, "message": message, "param": None}, name="error"
    ),
    "responses-failed": lambda code, message: _event(
        {
            "type": "response.failed",
            "response": {
                "object": "response",
                "status": "failed",
                "error": {"code": code, "message": message},
            },
        },
        name="response.failed",
    ),
    "fastapi": lambda _, message: _event({"detail": message}),
}
