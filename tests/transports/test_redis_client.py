"""The client tries again what may succeed, says what cannot, and keeps the password to itself."""

import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.to_thread
import pytest

from rxstream.errors import LogError, UsageError
from rxstream.transports.redis_client import RedisClient
from rxstream.transports.redis_scripts import CREATE, IDLE, INFO, NUDGE, READ
from tests.engine.sources import Backend
from tests.transports.log_storage import SOON, name, until
from tests.transports.redis_server import RedisServer, redis_server

__all__ = ("redis_server",)

pytestmark = pytest.mark.anyio


def keys(stream: str) -> list[str]:
    return [f"c:{{{stream}}}:{part}" for part in ("info", "entries", "lease", "readers")]


def creation(stream: str) -> tuple[Any, ...]:
    return CREATE, keys(stream), ("here#1", 10_000, 60_000, "{}", "0")


@asynccontextmanager
async def open_client(url: str, patience: float = 5.0) -> AsyncGenerator[RedisClient]:
    client = RedisClient(url, patience=patience)
    try:
        yield client
    finally:
        await client.aclose()


# ---------------------------------------------------------------- the URL


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("redis://", "localhost:6379/0"),
        ("redis://:secret@example.org:7000/3", "example.org:7000/3"),
        ("rediss://ann:secret@[::1]/?socket_timeout=3", "::1:6379/0"),
        ("unix://ann:secret@/run/redis.sock?db=2", "unix:///run/redis.sock"),
    ],
)
def test_a_place_has_no_password(url: str, place: str) -> None:
    assert RedisClient(url, patience=1).place == place


@pytest.mark.parametrize(
    "url",
    ["", "localhost:6379", "http://:secret@localhost", "redis://:sec/ret@localhost", "redis://h:secret/0"],
)
def test_a_wrong_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ValueError, match="expects a URL such as") as caught:
        RedisClient(url, patience=1)
    assert "sec" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ImportError, match=r"pip install 'rxstream\[redis\]'"):
        RedisClient("redis://", patience=1)


# ---------------------------------------------------------------- servers that are not well


async def test_where_nobody_listens_it_gives_up_after_its_patience() -> None:
    dead = RedisServer()
    async with open_client(f"redis://ann:secret@127.0.0.1:{dead.port}/0", patience=0.15) as client:
        began = anyio.current_time()
        with pytest.raises(LogError, match=r"could not be reached for 0\.15 seconds") as caught:
            await client.call(INFO, keys("a"), ())
        assert 0.1 < anyio.current_time() - began < SOON
        assert f"127.0.0.1:{dead.port}/0" in str(caught.value)
        assert "secret" not in str(caught.value)
        assert "secret" not in repr(caught.value.__cause__)
    dead.close()


async def test_a_server_that_starts_late_is_waited_for() -> None:
    with RedisServer() as server:
        server.kill()
        async with open_client(server.url, patience=SOON) as client, anyio.create_task_group() as tasks:

            async def ask() -> None:
                assert await client.call(INFO, keys("a"), ()) == []

            tasks.start_soon(ask)
            await anyio.sleep(0.1)
            await anyio.to_thread.run_sync(server.start)


async def test_a_wrong_password_is_told_at_once_and_not_shown() -> None:
    with RedisServer("--requirepass", "open-sesame") as server:
        for url in (server.url, server.url.replace("//", "//:barley@")):
            async with open_client(url, patience=SOON) as client:
                began = anyio.current_time()
                with pytest.raises(LogError, match="does not let us in") as caught:
                    await client.call(INFO, keys("a"), ())
                assert anyio.current_time() - began < SOON / 2
                assert "barley" not in repr((caught.value, caught.value.__cause__))
        async with open_client(server.url.replace("//", "//:open-sesame@")) as client:
            assert await client.call(INFO, keys("a"), ()) == []


async def test_a_user_without_the_rights_is_told_which(redis_server: RedisServer) -> None:
    with redis_server.client() as admin:
        admin.execute_command("ACL SETUSER weak on >secret ~* &* +@all -eval -evalsha")
        try:
            async with open_client(redis_server.url.replace("//", "//weak:secret@")) as client:
                with pytest.raises(LogError, match="lacks a right that the log needs: EVAL"):
                    await client.call(INFO, keys("a"), ())
        finally:
            admin.execute_command("ACL DELUSER weak")


async def test_a_full_server_is_told_and_hurts_nobody_else(redis_server: RedisServer) -> None:
    with redis_server.client() as admin:
        async with open_client(redis_server.url) as client:
            stream = name()
            assert await client.call(*creation(stream)) == 1
            admin.config_set("maxmemory", "1")
            try:
                with pytest.raises(LogError, match="its memory is full: raise its maxmemory"):
                    await client.call(*creation(name()))
                assert await client.call(INFO, keys("a"), ()) == []
                assert await client.call(READ, keys(stream), (0, 9, 9, "here", 9)) == [1, 1, 0, 0, 1]
            finally:
                admin.config_set("maxmemory", "0")


async def test_what_it_refuses_is_told_and_hurts_no_neighbour(redis_server: RedisServer) -> None:
    stream = name()
    with redis_server.client() as admin:
        admin.set(keys(stream)[0], "no hash")
    async with open_client(redis_server.url) as client:
        good = client.post(INFO, keys("a"), ())
        bad = client.post(INFO, keys(stream), ())
        with pytest.raises(LogError, match=r"Redis 6\.2 or newer.*WRONGTYPE"):
            await client.outcome(bad)
        assert await client.outcome(good) == []


async def test_a_socket_in_the_file_system_will_do(redis_server: RedisServer) -> None:
    async with open_client(f"unix://{redis_server.socket_path}?db=1") as client:
        assert await client.call(*creation("only-here")) == 1
    async with open_client(redis_server.url) as client:
        assert await client.call(INFO, keys("only-here"), ()) == []


async def test_a_replica_that_becomes_the_master_is_waited_for(redis_server: RedisServer) -> None:
    with redis_server.client() as admin:
        async with open_client(redis_server.url, patience=SOON) as client, anyio.create_task_group() as tasks:
            admin.replicaof("127.0.0.1", "1")

            async def create() -> None:
                assert await client.call(*creation(name())) == 1

            tasks.start_soon(create)
            try:
                await anyio.sleep(0.1)
            finally:
                admin.replicaof("NO", "ONE")


async def test_a_frozen_server_is_given_up_and_later_used_again(redis_server: RedisServer) -> None:
    async with open_client(redis_server.url, patience=0.2) as client:
        assert await client.call(INFO, keys("a"), ()) == []
        redis_server.freeze()
        try:
            calls = [client.post(INFO, keys("a"), ()) for _ in range(3)]
            with anyio.fail_after(SOON):
                for call in calls:
                    with pytest.raises(LogError, match="could not be reached"):
                        await client.outcome(call)
        finally:
            redis_server.thaw()
        assert await client.call(INFO, keys("a"), ()) == []


async def test_a_server_that_forgot_the_scripts_is_told_them_again(redis_server: RedisServer) -> None:
    async with open_client(redis_server.url) as client:
        for _ in range(2):
            with redis_server.client() as admin:
                admin.script_flush()
            calls = [client.post(script, keys("a"), ()) for script in (INFO, IDLE, INFO)]
            assert [await client.outcome(call) for call in calls] == [[], -1, []]


async def test_a_connection_that_was_cut_is_made_anew(redis_server: RedisServer) -> None:
    async with open_client(redis_server.url) as client:
        for _ in range(5):
            assert await client.call(INFO, keys("a"), ()) == []
            await anyio.to_thread.run_sync(redis_server.drop_clients)


# ---------------------------------------------------------------- few connections


async def test_a_thousand_calls_at_once_take_one_connection(redis_server: RedisServer) -> None:
    async with open_client(redis_server.url) as client:
        answers: list[Any] = []

        async def ask() -> None:
            answers.append(await client.call(INFO, keys("a"), ()))

        async with anyio.create_task_group() as tasks:
            for _ in range(1000):
                tasks.start_soon(ask)
        assert answers == [[]] * 1000
        assert redis_server.connections() == 1
    await until_none(redis_server)


async def until_none(server: RedisServer) -> None:
    async def none() -> bool:
        return await anyio.to_thread.run_sync(server.connections) == 0

    await until(none)


async def test_whoever_stops_waiting_leaves_the_others_alone(redis_server: RedisServer) -> None:
    stream = name()
    async with open_client(redis_server.url) as client:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await client.call(*creation(stream))
        assert scope.cancelled_caught
        assert await client.call(INFO, keys(stream), ()) == [0, 0, 0, 1, b"{}"], "it was on its way"


async def test_text_that_is_no_utf8_takes_nobody_along(redis_server: RedisServer) -> None:
    async with open_client(redis_server.url) as client:
        first = client.post(INFO, keys("\ud83d"), ())
        second = client.post(INFO, keys("a"), ())
        assert await client.outcome(first) == await client.outcome(second) == []


# ---------------------------------------------------------------- who listens


class Heard:
    """What a listener hears."""

    def __init__(self) -> None:
        self.messages: list[bytes | None] = []

    def __call__(self, message: bytes | None) -> None:
        self.messages.append(message)

    async def times(self, message: bytes | None, times: int, act: Callable[[], object] = bool) -> None:
        async def enough() -> bool:
            act()
            return self.messages.count(message) >= times

        await until(enough)


async def test_a_listener_hears_what_is_said_and_when_it_may_have_missed_something(
    redis_server: RedisServer,
) -> None:
    heard, channel = Heard(), name()
    async with open_client(redis_server.url) as client:
        client.listen(channel, heard, silence=60)
        client.listen(channel, heard, silence=60)
        await heard.times(None, 1)
        await client.call(NUDGE, (), (channel,))
        await heard.times(b"", 1)
        assert heard.messages == [None, b""]
        await anyio.to_thread.run_sync(redis_server.drop_clients)
        await heard.times(None, 2)
        assert await client.call(NUDGE, (), (channel,)) == 1
        await heard.times(b"", 2)
        assert redis_server.connections() == 2
    await until_none(redis_server)


async def test_a_listener_that_hears_nothing_connects_anew(redis_server: RedisServer) -> None:
    heard = Heard()
    async with open_client(redis_server.url) as client:
        client.listen(name(), heard, silence=0.01)
        await heard.times(None, 2)


async def test_a_listener_waits_for_a_server_that_is_not_there() -> None:
    heard = Heard()
    with RedisServer() as server:
        server.kill()
        async with open_client(server.url) as client:
            client.listen(name(), heard, silence=60)
            await anyio.sleep(0.1)
            assert heard.messages == []
            await anyio.to_thread.run_sync(server.start)
            await heard.times(None, 1)


# ---------------------------------------------------------------- the end


async def test_behind_its_end_nothing_can_be_asked(redis_server: RedisServer) -> None:
    client = RedisClient(redis_server.url, patience=1)
    last = client.post(*creation(name()))
    await client.aclose()
    assert await client.outcome(last) == 1, "what was asked before goes out"
    await client.aclose()
    with pytest.raises(LogError, match="is closed"):
        await client.call(INFO, keys("a"), ())
    with pytest.raises(LogError, match="is closed"):
        client.listen("a", Heard(), silence=1)
    unused = RedisClient(redis_server.url, patience=1)
    await unused.aclose()


async def test_the_end_does_not_wait_for_a_server_that_is_gone() -> None:
    with RedisServer() as server:
        client = RedisClient(server.url, patience=SOON * 10)
        client.listen(name(), Heard(), silence=60)
        assert await client.call(INFO, keys("a"), ()) == []
        server.kill()
        call = client.post(INFO, keys("a"), ())
        with anyio.fail_after(SOON):
            await client.aclose()
        with pytest.raises(LogError):
            await client.outcome(call)


def test_it_lives_in_one_event_loop(redis_server: RedisServer, anyio_backend: Backend) -> None:
    client = RedisClient(redis_server.url, patience=1)

    async def first() -> None:
        assert client.is_here()
        assert await client.call(INFO, keys("a"), ()) == []

    async def main() -> None:
        client.post(INFO, keys("a"), ())
        await first()
        with pytest.raises(UsageError, match="another event loop"):
            await anyio.to_thread.run_sync(lambda: anyio.run(first_again, backend=anyio_backend))
        await client.aclose()

    async def first_again() -> None:
        assert not client.is_here()
        client.post(INFO, keys("a"), ())

    anyio.run(main, backend=anyio_backend)
    assert not client.is_here()


def test_a_loop_that_ends_lets_nobody_wait(redis_server: RedisServer, anyio_backend: Backend) -> None:
    client = RedisClient(redis_server.url, patience=1)
    calls: list[Any] = []

    async def main() -> None:
        calls.append(client.post(INFO, keys("a"), ()))

    began = time.monotonic()
    anyio.run(main, backend=anyio_backend)
    assert time.monotonic() - began < SOON
    (call,) = calls
    if call.error is not None:
        assert "event loop ended" in str(call.error)
    else:
        assert call.reply == []
