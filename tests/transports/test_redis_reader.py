"""A reader gets everything once, or learns why not."""

import anyio
import pytest

from rxstream.errors import LogError, StreamOrphaned, UnknownStream
from rxstream.transports.log import LogEntry, LogGap
from rxstream.transports.redis_log import RedisLog
from tests.transports.log_storage import SOON, close, entries_of, frames, name, texts
from tests.transports.redis_server import RedisServer, redis_server

__all__ = ("redis_server",)

pytestmark = pytest.mark.anyio


async def test_a_server_that_stays_away_is_told_to_those_who_wait() -> None:
    with RedisServer() as server:
        async with RedisLog(server.url, lease=0.3, patience=0.1) as log:
            stream = name()
            writer = await log.create(stream)
            await writer.append(frames("a"))
            async with RedisLog(server.url, lease=0.3, patience=0.1) as other:
                readers = [where.read(stream) for where in (log, other)]
                for reader in readers:
                    await anext(reader)
                server.kill()
                with anyio.fail_after(SOON), pytest.raises(LogError, match="could not be reached"):
                    await anext(readers[1])
                assert await anext(readers[1], None) is None
                # This one's producer is here, and learns of it when it writes.
                with anyio.move_on_after(0.05) as scope:
                    await anext(readers[0])
                assert scope.cancelled_caught
                await close(readers[0])


async def test_a_wait_that_is_cancelled_while_it_looks_is_done_again(redis_server: RedisServer) -> None:
    async with RedisLog(redis_server.url, lease=60) as log:
        stream = name()
        writer = await log.create(stream)
        await writer.append(frames("a"))
        reader = log.read(stream)
        for _ in range(3):
            with anyio.move_on_after(0) as scope:
                await anext(reader)
            assert scope.cancelled_caught
        await writer.append(frames("b"))
        assert [entry.data for entry in entries_of(await anext(reader))] == ["a", "b"]
        await close(reader)
        await writer.append(frames("c"), last=True)


async def test_a_slow_reader_gets_what_it_missed_from_the_log(redis_server: RedisServer) -> None:
    async with RedisLog(redis_server.url) as log, RedisLog(redis_server.url) as other:
        stream = name()
        writer = await log.create(stream)
        await writer.append(frames("0"))
        readers = [log.read(stream), other.read(stream)]
        for reader in readers:
            assert await anext(reader) == [LogEntry(1, None, "0")]
        data = [str(number) for number in range(1, 2000)]
        for at in range(0, len(data), 100):
            await writer.append(frames(*data[at : at + 100]))
        await writer.append(frames("end"), last=True)
        for reader in readers:
            found = [entry async for batch in reader for entry in entries_of(batch)]
            assert [entry.data for entry in found] == [*data, "end"]
            assert found[-1].last


async def test_a_bound_that_took_what_was_asked_for_makes_a_gap(redis_server: RedisServer) -> None:
    async with RedisLog(redis_server.url, max_events=2) as log, RedisLog(redis_server.url) as other:
        stream = name()
        writer = await log.create(stream)
        await writer.append(frames("1"))
        reader = other.read(stream)
        assert await anext(reader) == [LogEntry(1, None, "1")]
        with redis_server.client() as admin:
            admin.delete(f"rxstream:{{{stream}}}:readers")
        await writer.append(frames("2", "3", "4", "5"))
        await other.aclose()
        late = log.read(stream, 1)
        assert await anext(late) == LogGap(2, 3)
        with redis_server.client() as admin:
            admin.delete(f"rxstream:{{{stream}}}:entries")
        assert [entry.data for entry in entries_of(await anext(late))] == ["4", "5"], "they had come already"
        evicted = log.read(stream, 1)
        assert await anext(evicted) == LogGap(2, 5)
        await writer.append(frames("6"), last=True)
        assert await anext(evicted) == [LogEntry(6, None, "6", last=True)]
        assert await anext(evicted, None) is None
        await close(late)


async def test_a_reader_who_is_ahead_waits_for_what_comes(redis_server: RedisServer) -> None:
    async with RedisLog(redis_server.url) as log, RedisLog(redis_server.url) as other:
        stream = name()
        writer = await log.create(stream)
        await writer.append(frames("1"))
        for where in (log, other):
            reader = where.read(stream, 3)
            with anyio.move_on_after(0.03) as scope:
                await anext(reader)
            assert scope.cancelled_caught
            await close(reader)
        async with anyio.create_task_group() as tasks:
            for where in (log, other):
                tasks.start_soon(expect, where, stream, 3, ["4"])
            await anyio.sleep(0.02)
            for data in ("2", "3", "4"):
                await writer.append(frames(data), last=data == "4")


async def expect(log: RedisLog, stream: str, after: int, wanted: list[str]) -> None:
    assert await texts(log, stream, after) == wanted


async def test_an_orphan_that_is_adopted_while_it_is_read_is_read_on(redis_server: RedisServer) -> None:
    async with RedisLog(redis_server.url) as log, RedisLog(redis_server.url) as other:
        stream = name()
        writer = await log.create(stream)
        await writer.append(frames("a"))
        await writer.aclose()
        reader = other.read(stream)
        assert await anext(reader) == [LogEntry(1, None, "a")]
        adopted = await log.adopt(stream)
        assert adopted is not None
        await adopted.append(frames("b"), last=True)
        assert await anext(reader) == [LogEntry(2, None, "b", last=True)]
        assert await anext(reader, None) is None


async def test_behind_the_last_entry_of_an_orphan_nobody_waits_for_the_watch(
    redis_server: RedisServer,
) -> None:
    async with RedisLog(redis_server.url, lease=SOON * 10) as log:
        for data in ([], ["a"]):
            stream = name()
            writer = await log.create(stream)
            await writer.append(frames(*data))
            await writer.aclose()
            found: list[str] = []
            with anyio.fail_after(SOON), pytest.raises(StreamOrphaned, match=stream):
                async for batch in log.read(stream):
                    found += [entry.data for entry in entries_of(batch)]
            assert found == data


async def test_a_producer_that_says_nothing_any_more_is_gone(redis_server: RedisServer) -> None:
    async with RedisLog(redis_server.url, lease=0.3) as log, RedisLog(redis_server.url, lease=0.3) as other:
        stream = name()
        writer = await log.create(stream)
        await writer.append(frames("a"))
        reader = other.read(stream)
        await anext(reader)
        # It hangs: nobody renews its lease.
        del log._hub.writers[stream]  # pyright: ignore[reportPrivateUsage]
        with anyio.fail_after(SOON), pytest.raises(StreamOrphaned, match=stream):
            await anext(reader)
        await other.delete(stream)
        with pytest.raises(UnknownStream):
            await writer.append(frames("b"))
