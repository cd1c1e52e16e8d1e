"""Answers over a WebSocket, from our own server and from one that does everything wrong."""

import json
from collections.abc import AsyncIterator, Generator
from typing import Any

import anyio
import pytest
from reactivex import operators as ops

import rxstream as rxs
from rxstream.errors import ConnectionLost, ProviderError, StreamTruncated, UsageError
from rxstream.items import Restarted, StreamChunk
from rxstream.transports.from_websocket import from_websocket, open_websocket
from rxstream.transports.serve_websocket import serve_websocket
from tests.laws.source import nothing_left
from tests.transports.servers import serving

pytestmark = pytest.mark.anyio


class World:
    """A server that answers, and one that does not."""

    def __init__(self) -> None:
        self.opened = self.closed = self.given = 0
        self.heard: list[Any] = []
        self.tokens: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for kind in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{kind}.complete"})
        elif scope["path"] == "/ws":
            await serve_websocket((scope, receive, send), self.answer)
        elif scope["path"] == "/keyed":
            await serve_websocket((scope, receive, send), self.answer, authenticate=self.authenticate)
        elif scope["path"] == "/refuses":
            await receive()
            await send({"type": "websocket.close"})
        else:
            await self.play(
                json.loads(scope["query_string"].replace(b"%22", b'"').replace(b"%20", b" ")), receive, send
            )

    def authenticate(self, authorization: str) -> bool:
        self.tokens.append(authorization)
        return True

    async def play(self, script: list[Any], receive: Any, send: Any) -> None:
        """Say what the script says, whatever the client says."""
        await receive()
        await send({"type": "websocket.accept"})
        self.heard.append(await receive())
        for text in script:
            await send(
                {"type": "websocket.send", "text": text if isinstance(text, str) else json.dumps(text)}
            )
        await send({"type": "websocket.close", "code": 1011, "reason": "enough"})
        while (await receive())["type"] != "websocket.disconnect":
            pass

    def answer(self, data: dict[str, Any]) -> Any:
        items = data.get("items")
        if items is not None:
            return rxs.from_stream([Restarted(2) if item == "restart" else item for item in items])
        return rxs.from_stream(lambda: self.chunks(**data))

    async def chunks(self, n: int, delay: float = 0.0, breaks: bool = False) -> AsyncIterator[StreamChunk]:
        self.opened += 1
        try:
            for number in range(n):
                await anyio.sleep(delay)
                self.given += 1
                yield StreamChunk(f"{number} ", index=number)
            if breaks:
                raise StreamTruncated("it broke off")
            yield StreamChunk("", finish_reason="stop", index=n)
        finally:
            self.closed += 1


WORLD = World()


@pytest.fixture(scope="module")
def url() -> Generator[str]:
    with serving(WORLD, "uvicorn-h11") as address:
        yield address.replace("http", "ws", 1)


def script(url: str, *messages: Any) -> str:
    return f"{url}/script?{json.dumps(messages).replace(' ', '%20').replace(chr(34), '%22')}"


async def test_an_answer(url: str) -> None:
    with nothing_left():
        chunks = await rxs.to_list(from_websocket(f"{url}/ws", {"n": 100}))
    assert [chunk.index for chunk in chunks] == list(range(101))
    assert chunks[-1].finish_reason == "stop"
    items: list[Any] = await rxs.to_list(
        from_websocket(f"{url}/ws", {"items": ["a", "restart", "b", {"c": 1}]})
    )
    assert items == ["b", {"c": 1}]  # a list drops what stood before a restart
    source = from_websocket(f"{url}/ws", {"n": 2})
    assert [len(await rxs.to_list(source)) for _ in range(2)] == [3, 3]


async def test_one_that_is_left_is_cancelled_and_closed_before_the_next_line(url: str) -> None:
    with nothing_left():
        await rxs.to_list(from_websocket(f"{url}/ws", {"n": 100_000, "delay": 0.001}).pipe(ops.take(5)))
    assert WORLD.opened == WORLD.closed


async def test_a_reader_who_is_slow_slows_the_source_down(url: str) -> None:
    before = WORLD.given
    async with rxs.open_stream(from_websocket(f"{url}/ws", {"n": 100_000}, credit=8)) as items:
        async for _ in items:
            await anyio.sleep(0.2)
            break
        assert WORLD.given - before <= 8


async def test_an_error_has_what_came(url: str) -> None:
    with pytest.raises(ProviderError, match="it broke off") as caught:
        await rxs.to_list(from_websocket(f"{url}/ws", {"n": 3, "breaks": True}))
    assert caught.value.partial.content == "0 1 2 "


async def test_several_over_one_connection(url: str) -> None:
    with nothing_left():
        async with open_websocket(f"{url}/ws") as connection:
            slow = connection.request({"n": 10_000}, credit=2)
            async with rxs.open_stream(slow) as slowly:
                first = await anext(slowly)
                fast = [rxs.to_list(connection.request({"n": 300})) for _ in range(2)]
                came: list[list[Any]] = []

                async def read(one: Any) -> None:
                    came.append(await one)

                async with anyio.create_task_group() as tasks:
                    for one in fast:
                        tasks.start_soon(read, one)
                assert [len(items) for items in came] == [301, 301]
                second = await anext(slowly)
            assert (first.index, second.index) == (0, 1)
            with pytest.raises(ProviderError, match="it broke off"):
                await rxs.to_list(connection.request({"n": 3, "breaks": True}))
            assert len(await rxs.to_list(connection.request({"n": 3}))) == 4
        with pytest.raises(ConnectionLost, match="closed by its own program"):
            await rxs.to_list(connection.request({"n": 3}))
    assert WORLD.opened == WORLD.closed


async def test_a_token_is_the_first_message(url: str) -> None:
    assert len(await rxs.to_list(from_websocket(f"{url}/keyed", {"n": 1}, token="sesame"))) == 2
    headers = {"Authorization": "Bearer header"}
    assert len(await rxs.to_list(from_websocket(f"{url}/keyed", {"n": 1}, headers=headers))) == 2
    assert WORLD.tokens[-2:] == ["Bearer sesame", "Bearer header"]


CHUNK = {"type": "chunk", "data": {"content": "a"}}


async def test_trap_05_an_end_without_a_word_is_a_loss(url: str) -> None:
    with pytest.raises(ConnectionLost, match=r"1011.*enough.*partial") as caught:
        await rxs.to_list(from_websocket(script(url, {"type": "start"}, CHUNK), {}))
    assert caught.value.partial.content == "a"
    assert WORLD.heard[-1]["text"]


async def test_what_is_no_message_or_nobodys_is_passed_over(url: str) -> None:
    odd: list[Any] = ["nonsense", {"type": "chunk", "id": "other", "data": {}}, {"type": "fly"}]
    wrong = {"type": "error", "data": {"message": "so what", "terminal": False}}
    chunks = await rxs.to_list(from_websocket(script(url, *odd, wrong, CHUNK, {"type": "done"}, CHUNK), {}))
    assert [chunk.content for chunk in chunks] == ["a"]


async def test_an_error_about_the_connection_is_each_answers(url: str) -> None:
    async with open_websocket(script(url, {"type": "error", "data": {"message": "go away"}})) as connection:
        with pytest.raises(ProviderError, match="go away"):
            await rxs.to_list(connection.request({}))


async def test_a_server_that_counts_nothing_is_read_no_faster_than_its_reader(url: str) -> None:
    many = [CHUNK] * 40
    source = from_websocket(script(url, *many, {"type": "done"}), {}, credit=1)
    async with rxs.open_stream(source) as items:
        count = 0
        async for _ in items:
            count += 1
    assert count == 40


async def test_what_the_handshake_says_comes_through(url: str) -> None:
    with nothing_left():
        for address in (f"{url}/refuses", "ws://127.0.0.1:9/ws"):
            with pytest.raises(Exception, match=r"403|[Cc]onnect"):
                await rxs.to_list(from_websocket(address, {}))


async def test_a_handshake_takes_its_time_and_no_more() -> None:
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as silent:
        port = silent.extra(anyio.abc.SocketAttribute.local_port)
        with nothing_left(), pytest.raises(TimeoutError):
            await rxs.to_list(from_websocket(f"ws://127.0.0.1:{port}/", {}, connect_timeout=0.1))


async def test_wrong_arguments_are_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="ws://"):
        from_websocket("http://localhost", {})
    with pytest.raises(ValueError, match="credit"):
        from_websocket(url, {}, credit=0)
    connection = open_websocket(f"{url}/ws")
    with pytest.raises(ValueError, match="credit"):
        connection.request({}, credit=0)
    async with connection:
        pass
    with pytest.raises(UsageError, match="entered before"):
        async with connection:
            pass


async def test_trap_24_without_a_client_for_this_loop_it_says_what_to_install(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "websockets.trio.client", None)
    monkeypatch.setitem(__import__("sys").modules, "websockets.asyncio.client", None)
    with pytest.raises(UsageError, match=r"pip install 'rxstream\[server\]'"):
        await rxs.to_list(from_websocket(f"{url}/ws", {"n": 1}))
