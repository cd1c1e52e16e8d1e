"""What a process hears, and what it finds by itself when it has heard nothing."""

import gc
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.to_thread
import pytest

from rxstream.transports.log import LogEntry
from rxstream.transports.redis_log import RedisLog
from tests.transports.log_storage import SOON, close, frames, name, texts, until
from tests.transports.redis_server import RedisServer, redis_server

__all__ = ("redis_server",)

pytestmark = pytest.mark.anyio

#: Seconds; a round of the watch comes three times in it.
LEASE = 0.3


@asynccontextmanager
async def two_logs(server: RedisServer) -> AsyncGenerator[tuple[RedisLog, RedisLog]]:
    async with RedisLog(server.url, lease=LEASE) as log, RedisLog(server.url, lease=LEASE) as other:
        yield log, other


def key(stream: str, part: str) -> str:
    return f"rxstream:{{{stream}}}:{part}"


async def test_a_hundred_readers_and_writers_take_two_connections(redis_server: RedisServer) -> None:
    found: list[list[str]] = []
    async with two_logs(redis_server) as (log, other):
        streams = [name() for _ in range(100)]
        writers = [await log.create(stream) for stream in streams]

        async def read(where: RedisLog, stream: str) -> None:
            found.append(await texts(where, stream))

        async with anyio.create_task_group() as tasks:
            for stream in streams:
                tasks.start_soon(read, other, stream)
            await anyio.sleep(0.05)
            assert await anyio.to_thread.run_sync(redis_server.connections) <= 4
            for writer in writers:
                await writer.append(frames("a"))
                await writer.append(frames("b"), last=True)
    assert found == [["a", "b"]] * 100

    async def all_closed() -> bool:
        return await anyio.to_thread.run_sync(redis_server.connections) == 0

    await until(all_closed)


async def test_what_is_appended_here_comes_to_the_readers_here_without_redis(
    redis_server: RedisServer,
) -> None:
    async with RedisLog(redis_server.url) as log:
        stream = name()
        writer = await log.create(stream)
        await writer.append(frames("a"))
        reader = log.read(stream)
        assert await anext(reader) == [LogEntry(1, None, "a")]
        # When its listener has come, the reader looks once whether something was missed until then.
        await anyio.sleep(0.3)
        await writer.append(frames("2"))
        assert await anext(reader) == [LogEntry(2, None, "2")]
        with redis_server.client() as admin:
            before = admin.info("commandstats")
            for number in range(3, 13):
                await writer.append(frames(str(number)))
                assert await anext(reader) == [LogEntry(number, None, str(number))]
            after = admin.info("commandstats")
            assert admin.zcard(key(stream, "readers")) == 0
        calls = {name: after[name]["calls"] - before.get(name, {"calls": 0})["calls"] for name in after}
        assert calls["cmdstat_xadd"] == 10
        assert calls["cmdstat_evalsha"] <= 10 + 3, "one for each append; a round of the watch may fall in"
        assert calls["cmdstat_xrange"] == 0
        await close(reader)
        await writer.append(frames("b"), last=True)


async def test_a_process_counts_as_a_reader_for_as_long_as_it_reads(redis_server: RedisServer) -> None:
    async with two_logs(redis_server) as (log, other):
        stream = name()
        writer = await log.create(stream)
        await writer.append(frames("a"))
        first, second = other.read(stream), other.read(stream)
        with redis_server.client() as admin:
            assert admin.zcard(key(stream, "readers")) == 0
            await anext(first)
            await anext(second)
            assert admin.zcard(key(stream, "readers")) == 1
            await close(first)
            await other.info(stream)
            assert admin.zcard(key(stream, "readers")) == 1
            del second
            gc.collect()
            await other.info(stream)
            assert admin.zcard(key(stream, "readers")) == 0, "it was forgotten, not closed"
        await writer.append(frames("b"), last=True)


async def test_a_message_that_is_lost_is_found_by_the_watch(redis_server: RedisServer) -> None:
    async with two_logs(redis_server) as (log, other):
        stream = name()
        writer = await log.create(stream)
        await writer.append(frames("a"))
        reader = other.read(stream)
        await anext(reader)
        with redis_server.client() as admin, anyio.fail_after(SOON):
            # Nobody is told of the next one.
            admin.delete(key(stream, "readers"))
            await writer.append(frames("b"))
            assert await anext(reader) == [LogEntry(2, None, "b")]
            admin.hset(key(stream, "info"), "stop", 1)
            await writer.stop_asked()
            admin.delete(key(stream, "readers"))
            await writer.append(frames("c"), last=True)
            assert await anext(reader) == [LogEntry(3, None, "c", last=True)]


async def test_what_was_said_while_nobody_could_hear_is_found(redis_server: RedisServer) -> None:
    found: list[list[str]] = []
    async with (
        RedisLog(redis_server.url, lease=SOON * 10) as log,
        RedisLog(redis_server.url, lease=SOON * 10) as other,
        anyio.create_task_group() as tasks,
    ):
        stream = name()
        writer = await log.create(stream)

        async def read() -> None:
            found.append(await texts(other, stream))

        tasks.start_soon(read)
        with anyio.fail_after(SOON):
            for number in range(20):
                await anyio.to_thread.run_sync(redis_server.drop_clients)
                await writer.append(frames(str(number)))
            await writer.append(frames("end"), last=True)
    assert found == [[*(str(number) for number in range(20)), "end"]]


@pytest.mark.parametrize("junk", [b"{", b"[]", b"[1, 2]", b'["a", 1, 2, [3]]', b"\xff"], ids=ascii)
async def test_junk_on_the_channel_stops_nobody(redis_server: RedisServer, junk: bytes) -> None:
    async with two_logs(redis_server) as (log, other):
        stream = name()
        writer = await log.create(stream)
        await writer.append(frames("a"))
        reader = other.read(stream)
        await anext(reader)
        with redis_server.client() as admin:
            (channel,) = admin.zrange(key(stream, "readers"), 0, -1)
            assert admin.publish(channel, junk) == 1
        await writer.append(frames("b"), last=True)
        with anyio.fail_after(SOON):
            assert await anext(reader) == [LogEntry(2, None, "b", last=True)]


async def test_more_than_a_message_carries_is_looked_up(redis_server: RedisServer) -> None:
    async with two_logs(redis_server) as (log, other):
        stream = name()
        writer = await log.create(stream)
        await writer.append(frames("a"))
        reader = other.read(stream)
        await anext(reader)
        await writer.append(frames("x" * 100_000, "y"))
        with anyio.fail_after(SOON):
            batch: Any = await anext(reader)
            assert [len(entry.data) for entry in batch] == [100_000, 1]
        await close(reader)
        await writer.append(frames("b"), last=True)


async def test_closing_the_log_gives_leases_and_readers_up(redis_server: RedisServer) -> None:
    async with RedisLog(redis_server.url, lease=60) as other:
        stream, read = name(), name()
        writer = await other.create(read)
        await writer.append(frames("a"))
        async with RedisLog(redis_server.url, lease=60) as log:
            kept = await log.create(stream)
            reader = log.read(read)
            await anext(reader)
            assert await writer.idle_seconds() == 0.0
        with anyio.fail_after(SOON):
            await kept.stop_asked()
        await anyio.sleep(0.005)  # it is counted in whole milliseconds
        assert await writer.idle_seconds() > 0.0
        adopted = await other.adopt(stream)
        assert adopted is not None
        await adopted.append(frames("b"), last=True)
        await writer.append(frames("b"), last=True)
        await close(reader)
        await kept.aclose()
