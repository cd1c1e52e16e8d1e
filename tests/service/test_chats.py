"""What the npm package ``ai`` asks for; its own code is held against it in ``clients/``."""

import json
import secrets
from collections.abc import Generator
from typing import Any

import pytest
from anyio import create_task_group

from rxstream.service.chats import _point  # pyright: ignore[reportPrivateUsage]
from rxstream.service.service import Service
from rxstream.service.settings import Settings
from rxstream.transports.log import StreamLog
from tests.service.apps import LONG, TEXT, Served, events_of, served, told, until
from tests.service.test_plans import Chunks

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Ask from one event loop: it is the server that is tried, and ``test_app`` tries it on all."""
    return "asyncio"


@pytest.fixture(scope="module")
def service() -> Generator[Served]:
    with served(api_keys=["alpha", "beta"], retry_attempts=1) as found:
        found.client.headers["Authorization"] = "Bearer alpha"
        yield found


def ask(chat: str, **more: Any) -> dict[str, Any]:
    message = {"id": "m1", "role": "user", "parts": [{"type": "text", "text": "Hi"}]}
    return {"id": chat, "messages": [message], "trigger": "submit-message", **more}


def text_of(body: str) -> str:
    parts = [json.loads(event.data) for event in events_of(body) if event.data != "[DONE]"]
    return "".join(part["delta"] for part in parts if part["type"] == "text-delta")


def test_a_message_is_answered_as_a_ui_message_stream(service: Served) -> None:
    response = service.client.post("/v1/chat", json=ask("one", temperature=0.5))
    assert response.headers["x-vercel-ai-ui-message-stream"] == "v1"
    assert text_of(response.text) == TEXT
    assert events_of(response.text)[-1].data == "[DONE]"
    body = service.upstream.requests[-1].body
    assert (body["messages"], body["temperature"]) == ([{"role": "user", "content": "Hi"}], 0.5)
    assert not {"id", "trigger"} & set(body)


def test_a_chat_has_one_answer_behind_the_other(service: Served) -> None:
    first = service.client.post("/v1/chat", json=ask("twice"))
    second = service.client.post("/v1/chat", json=ask("twice", messageId="m1", trigger="regenerate-message"))
    assert first.headers["x-stream-id"] != second.headers["x-stream-id"]
    assert text_of(second.text) == TEXT


def test_where_nothing_is_written_there_is_nothing_to_come_back_to(service: Served) -> None:
    service.client.post("/v1/chat", json=ask("over"))
    for chat in ("over", "never"):
        response = service.client.get(f"/v1/chat/{chat}/stream")
        assert (response.status_code, response.content) == (204, b"")
        stopped = service.client.delete(f"/v1/chat/{chat}")
        assert (stopped.status_code, told(stopped)["code"]) == (404, "unknown_chat")


async def test_a_page_that_is_reloaded_gets_the_answer_from_its_beginning(service: Served) -> None:
    chat = secrets.token_hex(4)
    texts: list[str] = []
    async with service.http(headers=service.client.headers) as http, create_task_group() as tasks:

        async def send() -> None:
            texts.append(text_of((await http.post("/v1/chat", json=ask(chat, model="slow"))).text))

        async def reload() -> None:
            texts.append(text_of((await http.get(f"/v1/chat/{chat}/stream")).text))

        tasks.start_soon(send)
        await until(lambda: service.service.gate.inside == 1)
        tasks.start_soon(reload)
        # Nobody else's key opens it.
        other = await http.get(f"/v1/chat/{chat}/stream", headers={"Authorization": "Bearer beta"})
        assert other.status_code == 204
        assert (
            await http.delete(f"/v1/chat/{chat}", headers={"Authorization": "Bearer beta"})
        ).status_code == 404
    assert texts == [LONG, LONG]


async def test_stop_stops(service: Served) -> None:
    chat = secrets.token_hex(4)
    bodies: list[str] = []
    async with service.http(headers=service.client.headers) as http, create_task_group() as tasks:

        async def send() -> None:
            bodies.append((await http.post("/v1/chat", json=ask(chat, model="slow"))).text)

        tasks.start_soon(send)
        await until(lambda: service.service.gate.inside == 1)
        assert (await http.delete(f"/v1/chat/{chat}")).status_code == 204
        assert service.upstream.connections[-1].closed.wait(1)
    assert '"type":"abort"' in bodies[0]
    assert LONG.startswith(text_of(bodies[0]))


async def test_a_new_message_ends_the_answer_before_it(service: Served) -> None:
    chat = secrets.token_hex(4)
    bodies: list[str] = []
    async with service.http(headers=service.client.headers) as http, create_task_group() as tasks:

        async def send() -> None:
            bodies.append((await http.post("/v1/chat", json=ask(chat, model="slow"))).text)

        tasks.start_soon(send)
        await until(lambda: service.service.gate.inside == 1)
        assert text_of((await http.post("/v1/chat", json=ask(chat))).text) == TEXT
    assert text_of(bodies[0]) != LONG
    await until(lambda: service.service.gate.inside == 0)


async def test_of_two_messages_at_the_same_moment_the_later_one_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = StreamLog.memory()
    one = Service(Settings(model="m"), log=log, client=Chunks())
    tried: list[str] = []
    delete = log.delete

    async def late(name: str) -> None:
        # The other one writes its own between our delete and our create, three times.
        await delete(name)
        tried.append(name)
        if len(tried) < 4:
            await (await log.create(name)).aclose()

    monkeypatch.setattr(log, "delete", late)
    await _point(one, None, "chat", "stream-a")
    assert len(tried) == 4
    info = await log.info(tried[0])
    assert info is not None
    assert (info.meta, info.ended) == ({"stream": "stream-a"}, True)
    tried.clear()

    async def never(name: str) -> None:
        tried.append(name)

    monkeypatch.setattr(log, "delete", never)
    await _point(one, None, "chat", "stream-b")
    assert len(tried) == 5


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "id"),
        ({"id": "", "messages": []}, "id"),
        (ask("x", messages=[]), "messages"),
        (ask("x", messages=[{"role": "user", "parts": [{"type": "text"}]}]), "messages[0].parts[0].text"),
        (ask("x", unknown=1), "unknown"),
        (ask("x", trigger="pulled"), "trigger"),
    ],
    ids=["nothing", "no name", "no messages", "no text", "unknown", "trigger"],
)
def test_what_is_wrong_is_named(service: Served, body: dict[str, Any], param: str) -> None:
    response = service.client.post("/v1/chat", json=body)
    assert (response.status_code, told(response)["param"]) == (422, param)


def test_a_key_is_needed(service: Served) -> None:
    none = {"Authorization": "none"}
    for response in (
        service.client.post("/v1/chat", json=ask("x"), headers=none),
        service.client.get("/v1/chat/x/stream", headers=none),
        service.client.delete("/v1/chat/x", headers=none),
    ):
        assert response.status_code == 401
