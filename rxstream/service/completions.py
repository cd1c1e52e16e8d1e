"""``/v1/chat/completions`` and ``/v1/models``: any client of OpenAI's can point at the service.

What it gets by that is what the service does anyway: another attempt that continues the answer, another
model if one fails, limits, and, if it asks for it, an answer that it can come back to.
"""

from typing import Annotated, Any, Final

from anyio import create_task_group
from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse

from rxstream.service.bodies import check_messages, read_json, validated
from rxstream.service.completion import completion_of
from rxstream.service.plans import Plan
from rxstream.service.requests import CompletionRequest
from rxstream.service.schema import body_of, errors, events, json_body
from rxstream.service.service import Service
from rxstream.service.streams import respond
from rxstream.transports.refusals import Refusal

__all__ = ("completion_routes",)

_OBJECT: Final = {"type": "object"}
_OF_THE_STREAM: Final = frozenset(("stream", "stream_options"))
#: What nobody hears who has gone away; nginx calls it so.
_GONE: Final = 499


def completion_routes(service: Service) -> APIRouter:
    """Make the routes."""
    router = APIRouter(prefix="/v1", tags=["OpenAI"])
    limits = service.settings.limits
    statuses = events(400, 401, 404, 409, 413, 415, 422, 429, 502, 503, 504)
    statuses[200]["content"]["application/json"] = {"schema": _OBJECT}

    @router.post(
        "/chat/completions",
        responses=statuses,
        response_class=Response,
        openapi_extra=body_of(CompletionRequest),
    )
    async def complete(request: Request) -> Response:
        """Answer as OpenAI's Chat Completions API does, streamed or not.

        A client that leaves stops the answer, unless it sends `X-Rxstream-Resumable: true`: then
        `X-Stream-Id` names the stream for `GET /v1/stream/{stream}`.
        """
        owner = service.keys.owner(request.headers.get("authorization"))
        value = await read_json(request, limits)
        asked = validated(CompletionRequest, value, status=400)
        check_messages(len(asked.messages), limits)
        if (asked.n or 1) > limits.max_choices:
            msg = f"n: expected at most {limits.max_choices}, and got {asked.n}"
            raise Refusal(400, msg, code="invalid_request", param="n")
        passed_on = {name: one for name, one in value.items() if name not in _OF_THE_STREAM}
        usage = asked.stream_options is not None and bool(asked.stream_options.include_usage)
        plan = Plan("completion", "openai", passed_on, usage or not asked.stream)
        if asked.stream:
            resumable = request.headers.get("x-rxstream-resumable", "").strip().lower() == "true"
            return await respond(service, request, plan, owner, resumable=resumable)
        return await _in_one_piece(service, request, plan, owner)

    @router.get("/models", responses={200: json_body("The models.", _OBJECT), **errors(401)})
    async def models(request: Request) -> JSONResponse:
        """List the models that a request may name, as the provider does."""
        service.keys.owner(request.headers.get("authorization"))
        return JSONResponse({"object": "list", "data": await service.upstream.models()})

    @router.get(
        "/models/{model:path}", responses={200: json_body("The model.", _OBJECT), **errors(401, 404, 422)}
    )
    async def one_model(
        request: Request, model: Annotated[str, Path(description="The model's name.")]
    ) -> JSONResponse:
        """Show one model."""
        service.keys.owner(request.headers.get("authorization"))
        for found in await service.upstream.models():
            if found.get("id") == model:
                return JSONResponse(found)
        raise Refusal(404, "there is no model of that name", code="model_not_found", param="model")

    return router


async def _in_one_piece(service: Service, request: Request, plan: Plan, owner: str | None) -> Response:
    """Read the answer to its end, as long as its client waits for it."""
    service.gate.check(owner)
    answer = plan.observable(service, owner)
    response = Response(status_code=_GONE)
    failure: Exception | None = None
    async with create_task_group() as tasks:

        async def watch() -> None:
            await request.receive()  # the body has been read: it can only be that the client leaves
            tasks.cancel_scope.cancel()

        tasks.start_soon(watch)
        try:
            model: Any = plan.request.get("model")
            response = JSONResponse(await completion_of(answer, model=model or service.upstream.model))
        except Exception as error:  # noqa: BLE001 - raised outside of the group, which would wrap it
            failure = error
        tasks.cancel_scope.cancel()
    if failure is not None:
        raise failure
    return response
