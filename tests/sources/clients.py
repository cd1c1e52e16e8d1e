"""Real clients of the ``openai`` package, pointed at a test's server, and what to ask them."""

import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Literal

import openai
from reactivex import Observable

import rxstream as rxs
from rxstream.items import StreamChunk
from rxstream.testing import Answer, FaultServer
from tests.recordings import NAMES, PATHS, Recording, load

__all__ = (
    "ASK",
    "CHATS",
    "RESPONSES",
    "Kind",
    "answer_from",
    "chunks_until_error",
    "connected",
    "replay",
    "request_of",
)

Kind = Literal["async", "sync"]

#: An HTTP client that makes its own reads all certificates of the system, which takes longer than a test.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

#: What is asked does not matter: the server's answer is decided.
ASK: dict[str, Any] = {"model": "any", "messages": []}

ANSWERED = [name for name in NAMES if load(name).status == 200 and name != "19-server-killed"]
CHATS = [name for name in ANSWERED if load(name).header["request"]["path"] == "/v1/chat/completions"]
RESPONSES = [name for name in ANSWERED if name not in CHATS]


@asynccontextmanager
async def connected(kind: Kind, server: FaultServer, **options: Any) -> AsyncGenerator[Any]:
    """A client that is closed in the end; it does not retry unless told to."""
    options = {"base_url": server.base_url, "api_key": "key", "max_retries": 0, **options}
    if "http_client" not in options:
        make = openai.DefaultAsyncHttpxClient if kind == "async" else openai.DefaultHttpxClient
        options["http_client"] = make(verify=NO_TLS)
    if kind == "async":
        async with openai.AsyncOpenAI(**options) as client:
            yield client
    else:
        with openai.OpenAI(**options) as client:
            yield client


def replay(recording: Recording, **how: Any) -> Answer:
    """A recording's answer, read by read, its status and content type included, and whole."""
    return replace(Answer.recorded(PATHS[recording.name]), **{"end": "whole", **how})


def request_of(recording: Recording) -> dict[str, Any]:
    """Ask for what the recording answers, as far as the end of the answer depends on it."""
    if recording.name in RESPONSES:
        return {"model": "any", "input": "hi"}
    asked = recording.request
    request: dict[str, Any] = {**ASK, "stream_options": asked.get("stream_options")}
    return {**request, "n": asked["n"]} if "n" in asked else request


def answer_from(client: Any, recording: Recording) -> Observable[StreamChunk]:
    make = rxs.from_responses if recording.name in RESPONSES else rxs.from_chat
    return make(client, **request_of(recording))


async def chunks_until_error(answer: Observable[Any]) -> tuple[list[Any], Exception | None]:
    """What came, and what it ended in."""
    found: list[Any] = []
    try:
        await rxs.to_list(answer, on_item=found.append)
    except Exception as error:
        return found, error
    return found, None
