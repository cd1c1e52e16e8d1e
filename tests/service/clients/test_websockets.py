"""The bare ``websockets`` client, on asyncio and on trio, against /v1/ws/stream."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import anyio
import pytest

from tests.service.clients.conftest import Service
from tests.service.clients.upstream import TEXT

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def connected(url: str, anyio_backend: str) -> AsyncGenerator[Any]:
    address = url.replace("http", "ws", 1) + "/v1/ws/stream"
    if anyio_backend == "trio":
        from websockets.trio.client import connect  # noqa: PLC0415

        async with connect(address) as connection:  # type: ignore[var-annotated,unused-ignore]
            yield connection
    else:
        from websockets.asyncio.client import connect as connect_asyncio  # noqa: PLC0415

        async with connect_asyncio(address) as connection:
            yield connection


def complete(name: str | None, model: str, text: str, **options: Any) -> str:
    data = {"model": model, "messages": [{"role": "user", "content": text}], **options}
    return json.dumps({"type": "complete", "data": data} | ({"id": name} if name else {}))


async def read(connection: Any, ends: int = 1) -> list[Any]:
    """Read messages until so many answers have ended."""
    came: list[Any] = []
    with anyio.fail_after(10):
        while ends:
            came.append(json.loads(await connection.recv()))
            ends -= came[-1]["type"] in {"done", "error"}
    return came


def of(came: list[Any], name: str | None) -> list[Any]:
    return [message for message in came if message.get("id") == name]


def text_of(messages: list[Any]) -> str:
    return "".join(one["data"].get("content", "") for one in messages if one["type"] == "chunk")


async def test_an_answer_of_the_embedded_model(service: Service, anyio_backend: str) -> None:
    async with connected(service.embedded, anyio_backend) as connection:
        await connection.send(complete(None, "smollm2-135m", "Name three rivers.", max_tokens=20))
        came = await read(connection)
    assert [one["type"] for one in came] == ["start", *["chunk"] * (len(came) - 2), "done"]
    assert len(came) > 10
    assert text_of(came)


async def test_two_answers_are_interleaved_by_their_ids(service: Service, anyio_backend: str) -> None:
    async with connected(service.scripted, anyio_backend) as connection:
        await connection.send(complete("a", "slow", "ws a"))
        await connection.send(complete("b", "slow", "ws b"))
        came = await read(connection, ends=2)
    names = [message["id"] for message in came]
    assert text_of(of(came, "a")) == text_of(of(came, "b")) == service.upstream.long
    assert names.index("b") < len(names) - 1 - names[::-1].index("a")
    changes = sum(one != other for one, other in pairwise(names))
    assert changes > 10, "one came behind the other"


async def test_one_of_two_is_cancelled_and_the_other_goes_on(service: Service, anyio_backend: str) -> None:
    text = f"ws is cancelled on {anyio_backend}"
    async with connected(service.scripted, anyio_backend) as connection:
        await connection.send(complete("stays", "slow", "ws stays"))
        await connection.send(complete("goes", "rambles", text))
        came: list[Any] = []
        while len(of(came, "goes")) < 5:
            came.append(json.loads(await connection.recv()))
        await connection.send(json.dumps({"type": "cancel", "id": "goes"}))
        came += await read(connection, ends=2)
        ended = [(one["id"], one["type"]) for one in came if one["type"] in {"done", "error"}]
        assert [name for name, _ in ended] == ["goes", "stays"]
        assert text_of(of(came, "stays")) == service.upstream.long
        assert len(text_of(of(came, "goes"))) < len(service.upstream.endless)
        assert await anyio.to_thread.run_sync(service.upstream.is_left, text)
        # And the connection is as good as before.
        await connection.send(complete("next", "quick", "ws goes on"))
        assert text_of(await read(connection)) == TEXT


async def test_an_error_is_that_answers_alone(service: Service, anyio_backend: str) -> None:
    async with connected(service.scripted, anyio_backend) as connection:
        await connection.send(complete("bad", "breaks", "ws sees it break"))
        await connection.send(complete("good", "quick", "ws is well"))
        came = await read(connection, ends=2)
    assert of(came, "bad")[-1]["type"] == "error"
    assert "the model fell over" in json.dumps(of(came, "bad")[-1])
    assert text_of(of(came, "bad"))
    assert text_of(of(came, "good")) == TEXT


async def test_a_client_that_closes_stops_the_model(service: Service, anyio_backend: str) -> None:
    text = f"ws leaves on {anyio_backend}"
    async with connected(service.scripted, anyio_backend) as connection:
        await connection.send(complete("a", "rambles", text))
        for _ in range(2):  # its start, which is ours, and its first chunk
            await connection.recv()
    assert await anyio.to_thread.run_sync(service.upstream.is_left, text)
