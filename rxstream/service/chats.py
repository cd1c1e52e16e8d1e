"""``/v1/chat``: what the npm package ``ai`` asks for, whose ``useChat`` works with it as it is.

A chat has one answer at a time, each a stream with a name of its own. Which one it is stands in the log, too,
under a name that is made of the chat's: so whatever worker a reloaded page comes to can find it.
"""

import secrets
from hashlib import sha256
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response

from rxstream.errors import StreamExists
from rxstream.service.bodies import check_messages, read_json, validated
from rxstream.service.plans import Plan
from rxstream.service.requests import UIChatRequest, model_request
from rxstream.service.schema import body_of, errors, events
from rxstream.service.service import Service
from rxstream.service.streams import own_stream, respond, resumed
from rxstream.service.ui_messages import chat_messages
from rxstream.transports.refusals import Refusal

__all__ = ("chat_routes",)

_DIALECT: Final = "ui-message"
#: Two requests for one chat at the same moment: the later one wins, within so many attempts.
_ATTEMPTS: Final = 5

_Chat = Annotated[str, Path(min_length=1, max_length=256, description="The chat's id, as its page chose it.")]


def chat_routes(service: Service) -> APIRouter:
    """Make the routes."""
    router = APIRouter(prefix="/v1/chat", tags=["chats"])
    limits = service.settings.limits

    @router.post(
        "",
        responses=events(400, 401, 404, 413, 415, 422, 429, 502, 503, 504),
        response_class=Response,
        openapi_extra=body_of(UIChatRequest),
    )
    async def chat(request: Request) -> Response:
        """Answer the last message of a chat, as a UI message stream."""
        owner = service.keys.owner(request.headers.get("authorization"))
        asked = validated(UIChatRequest, await read_json(request, limits))
        check_messages(len(asked.messages), limits)
        messages = chat_messages(asked.messages)
        plan = Plan("raw", _DIALECT, {**model_request(asked), "messages": messages})
        # The answer before it is void: nobody reads it to its end any more.
        before = await _current(service, owner, asked.id)
        if before is not None:
            await service.stop(before)
        stream = f"chat_{secrets.token_hex(16)}"
        response = await respond(service, request, plan, owner, stream=stream)
        await _point(service, owner, asked.id, stream)
        return response

    @router.get(
        "/{chat}/stream",
        responses={
            **events(401, 404, 422, 502, 503, 504),
            204: {"description": "Nothing is being written in this chat."},
        },
        response_class=Response,
    )
    async def reconnect(request: Request, chat: _Chat) -> Response:
        """Give the answer that is being written, from its beginning; 204 if none is."""
        owner = service.keys.owner(request.headers.get("authorization"))
        stream = await _current(service, owner, chat)
        if stream is None:
            return Response(status_code=204)
        info = await own_stream(service, stream, owner)
        return resumed(service, stream, info, owner)

    @router.delete(
        "/{chat}",
        status_code=204,
        responses={204: {"description": "Nothing is being written any more."}, **errors(401, 404, 422, 503)},
        response_class=Response,
    )
    async def stop(request: Request, chat: _Chat) -> Response:
        """Stop the answer that is being written. When this is answered, the model writes no more."""
        owner = service.keys.owner(request.headers.get("authorization"))
        stream = await _current(service, owner, chat)
        if stream is None:
            raise Refusal(404, "nothing is being written in this chat", code="unknown_chat", param="chat")
        await service.stop(stream)
        return Response(status_code=204)

    return router


async def _current(service: Service, owner: str | None, chat: str) -> str | None:
    """Return the stream of a chat's answer that has not ended."""
    pointer = await service.log.info(_pointer(owner, chat))
    if pointer is None:
        return None
    stream: Any = pointer.meta.get("stream")
    info = await service.log.info(str(stream))
    return str(stream) if info is not None and not info.ended and info.owner == owner else None


async def _point(service: Service, owner: str | None, chat: str, stream: str) -> None:
    """Write down which stream is a chat's."""
    name = _pointer(owner, chat)
    for _ in range(_ATTEMPTS):
        await service.log.delete(name)
        try:
            writer = await service.log.create(name, owner=owner, meta={"stream": stream})
        except StreamExists:
            continue
        try:
            # It has its end at once: it is no stream that anybody would go on with.
            await writer.append([("pointer", stream)], last=True)
        finally:
            await writer.aclose()
        return


def _pointer(owner: str | None, chat: str) -> str:
    """Make the name of a chat; of one owner's, another has no way to guess it, or to take it."""
    digest = sha256(f"{owner or ''}\0{chat}".encode("utf-8", "surrogatepass")).hexdigest()
    return f"chat-of-{digest[:48]}"
