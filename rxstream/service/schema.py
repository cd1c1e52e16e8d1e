"""What the OpenAPI document says: every status that there is, and every body."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI
from pydantic import BaseModel

__all__ = ("ErrorBody", "body_of", "describe", "errors", "events", "json_body")


class ErrorDetail(BaseModel):
    """What went wrong."""

    message: str
    type: str
    code: str | None
    param: str | None


class ErrorBody(BaseModel):
    """The one shape of all errors; it is OpenAI's."""

    error: ErrorDetail


_DESCRIPTIONS: Final = {
    400: "The body is no JSON, or the model refuses the request.",
    401: "An API key is needed, or is not known.",
    404: "There is no such thing here, or it belongs to somebody else.",
    409: "There is a stream of that id already.",
    410: "Events that were asked for are no longer kept.",
    413: "The body is too long.",
    415: "The body is not application/json.",
    422: "A parameter is wrong; the message says which, and what is expected.",
    429: "Too many answers for this key, or for the provider. See Retry-After.",
    502: "The model's server cannot be reached, or failed.",
    503: "Too much to do, or shutting down. See Retry-After.",
    504: "The model did not answer in time.",
}

#: Models that stand in the document because something refers to them by name.
_SCHEMAS: Final = "#/components/schemas/{model}"

#: One event, as OpenAPI 3.2 describes the items of a stream.
_EVENT: Final = {
    "type": "object",
    "properties": {
        "event": {"type": "string"},
        "data": {"type": "string"},
        "id": {"type": "string"},
        "retry": {"type": "integer", "minimum": 0},
    },
    "required": ["data"],
}

_CONTENT: Final = {
    "rxstream": "`event: chunk` with `{content, finish_reason}`, `{item}` or `{object}`; at the end "
    "`event: done` or `event: error`.",
    "ids": "With a log, each event has an id, `<stream>-<number>`.",
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the answers with such statuses."""
    return {status: {"description": _DESCRIPTIONS[status], "model": ErrorBody} for status in statuses}


def events(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe an answer that is a stream of events, or one of the errors with such statuses."""
    stream_id = {
        "description": "The name of the stream, if it can be come back to.",
        "schema": {"type": "string"},
    }
    ok: dict[str, Any] = {
        "description": f"Server-sent events. {_CONTENT['rxstream']} {_CONTENT['ids']}",
        "content": {"text/event-stream": {"itemSchema": _EVENT}},
        "headers": {"X-Stream-Id": stream_id},
    }
    return {200: ok, **errors(*statuses)}


def body_of(model: type[BaseModel]) -> dict[str, Any]:
    """Describe the body of a request, which we read ourselves."""
    reference = _SCHEMAS.format(model=model.__name__)
    return {
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"$ref": reference}}}}
    }


def json_body(description: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Describe an answer in JSON."""
    return {"description": description, "content": {"application/json": {"schema": dict(schema)}}}


def describe(app: FastAPI, *models: type[BaseModel], with_keys: bool) -> None:
    """Make the document: FastAPI's, with the models that we read ourselves, and the keys."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is not None:
            return app.openapi_schema
        document = make()
        schemas: dict[str, Any] = document.setdefault("components", {}).setdefault("schemas", {})
        for model in models:
            schema = model.model_json_schema(ref_template=_SCHEMAS)
            schemas.update(schema.pop("$defs", {}))
            schemas[model.__name__] = schema
        if with_keys:
            document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
            for path in document["paths"].values():
                for operation in path.values():
                    if "401" in operation["responses"]:
                        operation["security"] = [{"key": []}]
        return document

    app.openapi = openapi  # type: ignore[method-assign]
