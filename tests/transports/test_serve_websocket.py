"""A WebSocket of ours, under real servers, by the bare ``websockets`` client."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import pytest
from fastapi import FastAPI, WebSocket
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reactivex import Observable
from websockets.asyncio.client import connect as connect_on_asyncio
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.trio.client import connect as connect_on_trio

import rxstream as rxs
from rxstream.errors import StreamTruncated
from rxstream.items import StreamChunk
from rxstream.transports.responses import Responses
from rxstream.transports.serve_websocket import serve_websocket
from tests.transports.servers import ServerName, serving

pytestmark = pytest.mark.anyio
SERVERS: tuple[ServerName, ...] = ("uvicorn-h11", "hypercorn", "hypercorn-trio")


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Let the client run on what the server runs on: each pair of them would be the same twice."""
    return "trio" if request.node.callspec.params["url"] == "hypercorn-trio" else "asyncio"


class World:
    """The application, and what became of its sources."""

    def __init__(self) -> None:
        self.opened = 0
        self.closed = 0
        self.connections = Responses()
        self.app = FastAPI()
        self.app.websocket("/ws")(self.plain)
        self.app.websocket("/keyed")(self.keyed)
        self.app.websocket("/tight")(self.tight)
        self.app.websocket("/accepted")(self.accepted)
        self.app.post("/end")(self.end)

    async def plain(self, websocket: WebSocket) -> None:
        await serve_websocket(websocket, self.answer, connections=self.connections, rate=0)

    async def accepted(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await serve_websocket(websocket, self.answer)

    async def keyed(self, websocket: WebSocket) -> None:
        async def authenticate(authorization: str) -> bool:
            if authorization == "Bearer broken":
                raise ZeroDivisionError
            return authorization == "Bearer sesame"

        await serve_websocket(
            websocket, self.answer, authenticate=authenticate, auth_timeout=0.3, origins=["http://a"]
        )

    async def tight(self, websocket: WebSocket) -> None:
        await serve_websocket(
            websocket, self.answer, max_streams=2, max_message=500, rate=5, send_deadline=0.4, window=4
        )

    async def end(self) -> int:
        return await self.connections.end()

    def answer(self, data: dict[str, Any]) -> Any:
        if "raises" in data:
            raise ValueError("the password is 1234")
        answer: Observable[Any] = rxs.from_stream(lambda: self.chunks(**data))
        return answer if "later" not in data else later(answer)

    async def chunks(
        self, n: int = 3, delay: float = 0.0, breaks: bool = False, size: int = 1, later: bool = False
    ) -> AsyncIterator[Any]:
        self.opened += 1
        try:
            for number in range(n):
                await anyio.sleep(delay)
                yield StreamChunk("x" * size, index=number)
            if breaks:
                raise StreamTruncated("it broke off")
            yield StreamChunk("", finish_reason="stop", index=n)
        finally:
            self.closed += 1


async def later(answer: Observable[Any]) -> Observable[Any]:
    return answer


WORLDS: dict[str, World] = {}


@pytest.fixture(scope="module", params=SERVERS)
def url(request: pytest.FixtureRequest) -> Generator[str]:
    world = World()
    with serving(world.app, request.param) as address:
        WORLDS[address] = world
        yield address


@asynccontextmanager
async def connected(url: str, backend: str, path: str = "/ws", **options: Any) -> AsyncGenerator[Any]:
    connect: Any = connect_on_trio if backend == "trio" else connect_on_asyncio
    with anyio.fail_after(20):
        async with connect(url.replace("http", "ws", 1) + path, **options) as socket:
            yield socket


async def say(socket: Any, kind: str, data: Any = None, name: str | None = None) -> None:
    await socket.send(rxs.WSMessage(kind, data, name).to_json())


async def hear(socket: Any, ends: int = 1) -> list[rxs.WSMessage]:
    came: list[rxs.WSMessage] = []
    while ends:
        came.append(rxs.WSMessage.from_json(await socket.recv()))
        ends -= came[-1].type in {"done", "error"}
    return came


async def closed_with(socket: Any) -> tuple[int | None, list[rxs.WSMessage]]:
    came: list[rxs.WSMessage] = []
    try:
        while True:
            came.append(rxs.WSMessage.from_json(await socket.recv()))
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd is not None else None, came


async def all_closed(world: World) -> None:
    with anyio.fail_after(5):
        while world.opened != world.closed:  # noqa: ASYNC110 - it is another thread's
            await anyio.sleep(0.01)


async def test_the_plain_form_is_one_answer(url: str, anyio_backend: str) -> None:
    async with connected(url, anyio_backend) as socket:
        await say(socket, "complete", {"n": 2})
        came = await hear(socket)
        assert [(message.type, message.data, message.id) for message in came] == [
            ("start", {}, None),
            ("chunk", {"content": "x", "finish_reason": None, "index": 0}, None),
            ("chunk", {"content": "x", "finish_reason": None, "index": 1}, None),
            ("chunk", {"content": "", "finish_reason": "stop", "index": 2}, None),
            ("done", {}, None),
        ]
        await say(socket, "complete", {"n": 0, "later": True})
        assert (await hear(socket))[-1].type == "done"


async def test_the_plain_form_is_cancelled_without_an_id(url: str, anyio_backend: str) -> None:
    world = WORLDS[url]
    async with connected(url, anyio_backend) as socket:
        await say(socket, "complete", {"n": 10_000, "delay": 0.01})
        await socket.recv()
        await say(socket, "complete", {"n": 1})
        refused = await hear(socket)
        assert refused[-1].data["type"] == "duplicate_id"
        await say(socket, "cancel")
        came = await hear(socket)
        assert (came[-1].type, came[-1].data) == ("done", {"cancelled": True})
        # Its source was closed before that was said.
        assert world.opened == world.closed
        await say(socket, "cancel")
        await say(socket, "ping", 7)
        assert rxs.WSMessage.from_json(await socket.recv()) == rxs.WSMessage("pong", 7)


async def test_answers_come_by_turns_and_end_by_themselves(url: str, anyio_backend: str) -> None:
    async with connected(url, anyio_backend) as socket:
        await say(socket, "complete", {"n": 40, "delay": 0.001}, "a")
        await say(socket, "complete", {"n": 5, "breaks": True}, "b")
        await say(socket, "complete", {"raises": 1}, "c")
        await say(socket, "complete", {"n": 40, "delay": 0.001}, "d")
        came = await hear(socket, ends=4)
    ends = {message.id: message for message in came if message.type in {"done", "error"}}
    assert [ends[name].type for name in "abcd"] == ["done", "error", "error", "done"]
    assert ends["b"].data["message"] == "it broke off"
    assert "1234" not in json.dumps(ends["c"].data)
    order = [message.id for message in came if message.type == "chunk"]
    assert order.index("d") < len(order) - 1 - order[::-1].index("a")
    await all_closed(WORLDS[url])


async def test_one_slow_reader_stalls_nobody(url: str, anyio_backend: str) -> None:
    """Who has no credit left gets nothing, and the other one all of it."""
    async with connected(url, anyio_backend) as socket:
        await say(socket, "complete", {"n": 10_000, "credit": 3}, "slow")
        await say(socket, "complete", {"n": 500}, "fast")
        came = await hear(socket)
        assert came[-1].id == "fast"
        assert sum(message.id == "slow" and message.type == "chunk" for message in came) <= 3
        await say(socket, "credit", {"n": 2}, "slow")
        more = [rxs.WSMessage.from_json(await socket.recv()) for _ in range(2)]
        assert {message.id for message in more} == {"slow"}
        await say(socket, "cancel", None, "slow")
        assert (await hear(socket))[-1].data == {"cancelled": True}


async def test_a_client_that_leaves_takes_its_answers_along(url: str, anyio_backend: str) -> None:
    async with connected(url, anyio_backend) as socket:
        for name in "ab":
            await say(socket, "complete", {"n": 10_000, "delay": 0.01}, name)
        await socket.recv()
    await all_closed(WORLDS[url])


async def test_trap_19_a_client_whose_pings_come_behind_messages_is_no_dead_one(
    url: str, anyio_backend: str
) -> None:
    """Somebody reads all the time, so that pongs are seen while the answer is written."""
    options: dict[str, Any] = {"ping_interval": 0.2, "ping_timeout": 0.4}
    async with connected(url, anyio_backend, **options) as socket:
        await say(socket, "complete", {"n": 100, "delay": 0.01}, "a")
        for _ in range(5):
            await say(socket, "ping")
        assert sum(message.type == "chunk" for message in await hear(socket)) == 101


async def test_trap_20_a_client_that_reads_nothing_is_left(url: str, anyio_backend: str) -> None:
    world = WORLDS[url]
    connect: Any = connect_on_trio if anyio_backend == "trio" else connect_on_asyncio
    with anyio.fail_after(20):
        async with connect(url.replace("http", "ws", 1) + "/tight", max_queue=1, close_timeout=0.1) as socket:
            await say(socket, "complete", {"n": 10_000, "size": 60_000})
            with anyio.move_on_after(10):
                while world.opened == world.closed:  # noqa: ASYNC110 - as below
                    await anyio.sleep(0.01)
                while world.opened != world.closed:  # noqa: ASYNC110 - it is another thread's
                    await anyio.sleep(0.05)
            assert world.opened == world.closed
            if anyio_backend == "asyncio":
                socket.transport.abort()  # a goodbye would stand behind megabytes
                return
            # On trio the server cannot leave a send in the middle: the client takes it.
            with anyio.move_on_after(5), pytest.raises(ConnectionClosed):
                while True:
                    await socket.recv()


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (b"\x00", "invalid_message"),
        ("nonsense", "invalid_message"),
        ("[" * 10_000, "invalid_message"),
        ('{"type":"complete","data":{"n":NaN}}', "invalid_message"),
        ('{"type":"fly"}', "unknown_type"),
        ('{"type":"complete","data":3}', "invalid_request"),
        ('{"type":"complete","data":{"credit":0}}', "invalid_request"),
        ('{"type":"credit","data":{}}', "invalid_request"),
    ],
)
async def test_trap_21_22_bad_input_is_answered(url: str, said: Any, kind: str, anyio_backend: str) -> None:
    async with connected(url, anyio_backend) as socket:
        await socket.send(said)
        (error,) = await hear(socket)
        assert error.data["type"] == kind
        await say(socket, "ping")
        assert rxs.WSMessage.from_json(await socket.recv()).type == "pong"


async def test_trap_23_the_limit_is_our_own(url: str, anyio_backend: str) -> None:
    async with connected(url, anyio_backend, "/tight") as socket:
        await socket.send("x" * 600)
        assert (await closed_with(socket))[0] == 1009


async def test_too_many_and_too_fast(url: str, anyio_backend: str) -> None:
    # A client that sends while its own queue is full waits for a close frame that it does not read.
    async with connected(url, anyio_backend, "/tight", max_queue=None) as socket:
        for name in "abc":
            await say(socket, "complete", {"n": 50, "delay": 0.02}, name)
        came = await hear(socket)
        assert (came[-1].id, came[-1].data["type"]) == ("c", "too_many_streams")
        with suppress(ConnectionClosed):
            for _ in range(40):
                await say(socket, "ping")
        code, came = await closed_with(socket)
        assert code == 4429
        assert {message.id for message in came if message.type == "error" and message.id} == {"a", "b"}
    await all_closed(WORLDS[url])


async def test_too_much_nonsense_closes_the_connection(url: str, anyio_backend: str) -> None:
    async with connected(url, anyio_backend) as socket:
        for _ in range(11):
            await socket.send("nonsense")
        code, came = await closed_with(socket)
    assert (code, len(came)) == (4400, 11)


async def test_a_server_that_stops_says_so(url: str, anyio_backend: str) -> None:
    async with connected(url, anyio_backend) as socket:
        await say(socket, "complete", {"n": 10_000, "delay": 0.01}, "a")
        await socket.recv()
        import httpx2  # noqa: PLC0415

        async with httpx2.AsyncClient() as client:
            assert (await client.post(f"{url}/end")).json() == 1
        code, came = await closed_with(socket)
    assert code == 1012
    assert came[-1].type == "error"
    assert "shutting down" in came[-1].data["message"]
    await all_closed(WORLDS[url])


async def test_a_socket_that_was_accepted_before_is_served(url: str, anyio_backend: str) -> None:
    async with connected(url, anyio_backend, "/accepted", subprotocols=["rxstream.v1"]) as socket:
        assert socket.subprotocol is None
        await say(socket, "complete", {"n": 1})
        assert (await hear(socket))[-1].type == "done"
    async with connected(url, anyio_backend, subprotocols=["other", "rxstream.v1"]) as socket:
        assert socket.subprotocol == "rxstream.v1"


async def test_who_may_connect(url: str, anyio_backend: str, caplog: pytest.LogCaptureFixture) -> None:
    for header in ("Bearer open", "Bearer broken"):
        with pytest.raises(InvalidStatus, match="403"):
            async with connected(url, anyio_backend, "/keyed", additional_headers={"Authorization": header}):
                pass
    with pytest.raises(InvalidStatus, match="403"):
        async with connected(url, anyio_backend, "/keyed", origin="http://b"):
            pass
    good = {"Authorization": "Bearer sesame"}
    async with connected(url, anyio_backend, "/keyed", additional_headers=good, origin="http://a") as socket:
        await say(socket, "auth", {"token": "again"})
        await say(socket, "complete", {"n": 1})
        assert (await hear(socket))[-1].type == "done"
    caplog.clear()


async def test_a_page_says_its_token_first(url: str, anyio_backend: str) -> None:
    async with connected(url, anyio_backend, "/keyed") as socket:
        await say(socket, "auth", {"token": "sesame"})
        await say(socket, "complete", {"n": 1})
        assert (await hear(socket))[-1].type == "done"
        await anyio.sleep(0.4)
        await say(socket, "ping")
        assert rxs.WSMessage.from_json(await socket.recv()).type == "pong"
    async with connected(url, anyio_backend, "/keyed") as socket:
        await say(socket, "auth", {"token": "open"})
        assert (await closed_with(socket))[0] == 4401
    async with connected(url, anyio_backend, "/keyed") as socket:
        await say(socket, "complete", {"n": 1})
        assert (await closed_with(socket))[0] == 4401
    async with connected(url, anyio_backend, "/keyed") as socket:
        assert (await closed_with(socket))[0] == 4408


MESSAGES = st.one_of(
    st.text(max_size=30),
    st.binary(max_size=30),
    st.builds(
        json.dumps,
        st.fixed_dictionaries(
            {},
            optional={
                "type": st.sampled_from(["complete", "cancel", "credit", "ping", "auth", "x", 3, None]),
                "id": st.sampled_from(["a", "b", "", "x" * 200, 5, None, []]),
                "data": st.sampled_from(
                    [
                        None,
                        {},
                        {"n": 2},
                        {"n": -1},
                        {"n": 1, "credit": 1},
                        [],
                        "x",
                        {"raises": 1},
                        {"breaks": True},
                    ]
                ),
            },
        ),
    ),
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(messages=st.lists(MESSAGES, max_size=30))
async def test_whatever_is_said_the_connection_ends_with_a_word(
    url: str, anyio_backend: str, messages: list[str | bytes]
) -> None:
    async with connected(url, anyio_backend) as socket:
        closed: ConnectionClosed | None = None
        with suppress(ConnectionClosed):
            for message in messages:
                await socket.send(message)
            await say(socket, "ping", "the last")
        came: list[rxs.WSMessage] = []
        try:
            while not (came and came[-1] == rxs.WSMessage("pong", "the last")):
                came.append(rxs.WSMessage.from_json(await socket.recv()))
        except ConnectionClosed as error:
            closed = error
        # Never lost without a word: a close frame, or what hypercorn's reset of a client that goes on sending
        # has left of it.
        if closed is not None:
            code = None if closed.rcvd is None else closed.rcvd.code
            assert code == 4400 or sum(message.type == "error" for message in came) > 10
    await all_closed(WORLDS[url])


@pytest.mark.parametrize(
    ("limit", "kind"),
    [
        ({"max_streams": 0}, ValueError),
        ({"max_message": 1.5}, TypeError),
        ({"max_depth": -1}, ValueError),
        ({"window": 0}, ValueError),
        ({"rate": -1}, ValueError),
        ({"rate": "5"}, TypeError),
        ({"send_deadline": 0}, ValueError),
        ({"auth_timeout": None}, TypeError),
    ],
    ids=str,
)
def test_a_limit_that_is_none_is_told_before_anything_is_accepted(
    limit: dict[str, Any], kind: type[Exception]
) -> None:
    [name] = limit
    with pytest.raises(kind, match=rf"^serve_websocket\(\) expects {name} to be "):
        asyncio.run(serve_websocket(object(), World().answer, **limit))
