"""The log in Redis keeps the laws, on a real server, and survives what happens to servers."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from rxstream.transports.log import LogWriter, StreamLog
from rxstream.transports.redis_log import RedisLog
from rxstream.transports.redis_writer import RedisWriter
from tests.transports.log_laws import LogLaws
from tests.transports.log_storage import SOON, Storage, entries_of, frames, name, texts, until
from tests.transports.redis_server import RedisServer, redis_server

__all__ = ("redis_server",)

pytestmark = pytest.mark.anyio


#: Seconds.
LEASE = 0.5


class RedisStorage(Storage):
    examples = 15
    lease = LEASE

    def __init__(self, server: RedisServer) -> None:
        self._server = server

    @asynccontextmanager
    async def open(self, **bounds: Any) -> AsyncGenerator[StreamLog]:
        async with StreamLog.redis(self._server.url, lease=LEASE, **bounds) as log:
            assert isinstance(log, RedisLog)
            yield log

    async def lose(self, writer: LogWriter) -> None:
        assert isinstance(writer, RedisWriter)
        # It would renew it, and rightly: nobody has taken it yet.
        del writer._hub.writers[writer.stream]  # pyright: ignore[reportPrivateUsage]
        with self._server.client() as client:
            # A renewal may be on its way, so somebody else holds it for a moment.
            client.set(f"rxstream:{{{writer.stream}}}:lease", "somebody#1", px=50)
        await anyio.sleep(0.06)

    def expression(self) -> str:
        return f"StreamLog.redis({self._server.url!r}, lease={self.lease})"


class TestRedisLog(LogLaws):
    @pytest.fixture
    def storage(self, redis_server: RedisServer) -> Storage:
        return RedisStorage(redis_server)


def test_wrong_options_are_told_at_once() -> None:
    make: Any = RedisLog
    for option in ("lease", "patience"):
        for wrong in (0, -1.0):
            with pytest.raises(ValueError, match=f"expects {option} to be"):
                make("redis://", **{option: wrong})
        with pytest.raises(TypeError, match=f"expects {option} to be"):
            make("redis://", **{option: "1"})
    with pytest.raises(TypeError, match="url="):
        make(6379)
    with pytest.raises(TypeError, match="prefix="):
        make("redis://", prefix=None)
    with pytest.raises(ValueError, match="without braces"):
        RedisLog("redis://", prefix="{app}:")
    with pytest.raises(ValueError, match="expects a URL such as"):
        RedisLog("memory")


async def test_it_shows_its_place_and_no_password() -> None:
    async with RedisLog("redis://ann:secret@example.org/1") as log:
        assert repr(log) == "RedisLog('example.org:6379/1')"


async def test_two_prefixes_are_two_logs(redis_server: RedisServer) -> None:
    async with (
        RedisLog(redis_server.url, prefix="one:") as log,
        RedisLog(redis_server.url, prefix="two:") as other,
    ):
        stream = name()
        for where in (log, other):
            writer = await where.create(stream)
            await writer.append(frames(repr(where)), last=True)
        await log.delete(stream)
        assert await log.info(stream) is None
        assert await texts(other, stream) == [repr(other)]


# A cluster takes two seconds before it does anything, so once is enough.
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_node_of_a_cluster_finds_all_of_a_stream_in_one_slot() -> None:
    with RedisServer("--cluster-enabled", "yes") as server:
        with server.client() as admin:
            admin.execute_command("CLUSTER ADDSLOTSRANGE 0 16383")
        async with RedisLog(server.url) as log, RedisLog(server.url) as other:
            stream = name()
            with anyio.fail_after(SOON):
                writer = await log.create(stream, owner="ann")
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(expect, other, stream, ["a", "b"])
                    await anyio.sleep(0.02)
                    await writer.append(frames("a"))
                    assert await other.stop(stream)
                    await writer.stop_asked()
                    assert await writer.idle_seconds() == 0.0
                    await writer.append(frames("b"), last=True)
                assert await other.adopt(stream) is None
                await other.delete(stream)
                assert await log.info(stream) is None


async def expect(log: StreamLog, stream: str, wanted: list[str]) -> None:
    assert await texts(log, stream) == wanted


async def test_a_stream_whose_producer_thinks_for_long_is_not_forgotten(redis_server: RedisServer) -> None:
    async with RedisLog(redis_server.url, lease=0.3, max_age=0.1) as log:
        stream = name()
        writer = await log.create(stream)
        await writer.append(frames("a"))
        await anyio.sleep(0.5)
        await writer.append(frames("b"))
        assert [entry.data for entry in entries_of(await anext(log.read(stream)))] == ["a", "b"]
        await writer.append(frames("c"), last=True)

        async def forgotten() -> bool:
            return await log.info(stream) is None

        await until(forgotten)
        with redis_server.client() as admin:
            assert admin.keys(f"*{stream}*") == []
