"""The WebSocket endpoint, asked by a client that is not ours. The protocol has tests of its own."""

import json
from collections.abc import Generator
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.service.apps import ASK, LONG, TEXT, Served, served, until

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Ask from one event loop: it is the server that is tried, and ``test_app`` tries it on all."""
    return "asyncio"


KEY = {"Authorization": "Bearer alpha"}


@pytest.fixture(scope="module")
def service() -> Generator[Served]:
    with served(api_keys=["alpha"], allowed_origins=["https://shop.example"], max_per_key=3) as found:
        yield found


def opened(service: Served, **options: Any) -> ClientConnection:
    chosen: dict[str, Any] = {"additional_headers": KEY, **options}
    connected: Any = connect  # it has options that are given no type
    return connected(service.socket_url("/v1/ws/stream"), **chosen)  # type: ignore[no-any-return]


def ask(socket: ClientConnection, name: str, **more: Any) -> None:
    socket.send(json.dumps({"type": "complete", "id": name, "data": {**ASK, **more}}))


def until_end(socket: ClientConnection, name: str) -> list[dict[str, Any]]:
    """Read to the last message of an answer; give all that are its."""
    found: list[dict[str, Any]] = []
    while True:
        message: dict[str, Any] = json.loads(socket.recv(timeout=5))
        if message.get("id") == name:
            found.append(message)
            if message["type"] in {"done", "error"}:
                return found


def data(messages: list[dict[str, Any]], name: str) -> list[Any]:
    return [message["data"][name] for message in messages if message["type"] == "chunk"]


def test_each_kind_of_answer(service: Served) -> None:
    with opened(service) as socket:
        ask(socket, "a")
        assert "".join(data(until_end(socket, "a"), "content")) == TEXT
        ask(socket, "b", buffer_type="word")
        assert data(until_end(socket, "b"), "item") == TEXT.split()
        ask(socket, "c", model="objects", kind="json")
        assert data(until_end(socket, "c"), "object")[0] == {"a": 1}


async def test_a_cancelled_answer_s_model_is_stopped(service: Served) -> None:
    with opened(service) as socket:
        ask(socket, "long", model="slow")
        ask(socket, "short")
        assert "".join(data(until_end(socket, "short"), "content")) == TEXT
        await until(lambda: service.service.gate.inside == 1)
        socket.send(json.dumps({"type": "cancel", "id": "long"}))
        messages = until_end(socket, "long")
        assert messages[-1]["type"] == "done"
        assert "".join(data(messages, "content")) != LONG
        assert service.service.gate.inside == 0


async def test_who_leaves_leaves_nothing(service: Served) -> None:
    with opened(service) as socket:
        ask(socket, "long", model="slow")
        await until(lambda: service.service.gate.inside == 1)
    await until(lambda: service.service.gate.inside == 0)
    await until(lambda: len(service.service.sockets) == 0)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"model": "refuses"}, "no such thing"),
        ({"model": "wrong key"}, "credentials"),
        ({"temperature": "hot"}, "temperature"),
        ({"messages": []}, "messages"),
        ({"messages": ASK["messages"] * 1001}, "at most 1000 messages"),
        ({"at": "$["}, "at: "),
        ({"unknown": 1}, "no such parameter"),
    ],
    ids=["refused", "key", "type", "nothing", "many", "path", "unknown"],
)
def test_what_is_wrong_is_told_and_the_connection_goes_on(
    service: Served, more: dict[str, Any], words: str
) -> None:
    with opened(service) as socket:
        ask(socket, "x", **more)
        message = until_end(socket, "x")[-1]
        assert message["type"] == "error"
        assert words in json.dumps(message)
        assert "secret" not in json.dumps(message)
        ask(socket, "y")
        assert until_end(socket, "y")[-1]["type"] == "done"


def test_a_key_is_needed(service: Served, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(InvalidStatus) as refused:
        opened(service, additional_headers={"Authorization": "Bearer beta"})
    assert not caplog.records, "a key that is wrong is not the service's trouble"
    assert refused.value.response.status_code == 403
    # A page can send no header: it sends the key as its first message.
    with opened(service, additional_headers={}) as socket:
        socket.send(json.dumps({"type": "auth", "data": {"token": "alpha"}}))
        ask(socket, "a")
        assert until_end(socket, "a")[-1]["type"] == "done"


@pytest.mark.parametrize(
    ("origin", "status"),
    [(None, 101), ("https://shop.example", 101), ("own", 101), ("https://evil.example", 403), ("null", 403)],
    ids=str,
)
def test_a_page_must_be_allowed(service: Served, origin: Any, status: int) -> None:
    origin = service.url if origin == "own" else origin
    if status == 101:
        with opened(service, origin=origin) as socket:
            ask(socket, "a")
            assert until_end(socket, "a")[-1]["type"] == "done"
    else:
        with pytest.raises(InvalidStatus) as refused:
            opened(service, origin=origin)
        assert refused.value.response.status_code == status


def test_without_keys_and_origins_only_pages_of_the_same_host_come_in() -> None:
    with served() as service:
        with opened(service, additional_headers={}, origin=service.url) as socket:
            ask(socket, "a")
            assert until_end(socket, "a")[-1]["type"] == "done"
        with pytest.raises(InvalidStatus):
            opened(service, additional_headers={}, origin="https://evil.example")


def test_trap_28_a_shutdown_ends_answers_before_it_closes(service: Served) -> None:
    with served() as other, opened(other, additional_headers={}) as socket:
        ask(socket, "long", model="slow")
        assert json.loads(socket.recv(timeout=5))["type"] == "start"
        other.drain(0.0)
        assert until_end(socket, "long")[-1]["type"] == "error"
        with pytest.raises(Exception) as closed:
            socket.recv(timeout=5)
        assert "1012" in str(closed.value)
