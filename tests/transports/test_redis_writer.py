"""What a producer writes is in the log once, whatever happens to the server in between."""

import time
from typing import Any

import anyio
import anyio.to_thread
import pytest

from rxstream.errors import LeaseLost, LogError, StreamOrphaned, UnknownStream, UsageError
from rxstream.transports.redis_log import RedisLog
from tests.transports.log_storage import SOON, close, entries_of, frames, name, texts
from tests.transports.redis_server import RedisServer, redis_server

__all__ = ("redis_server",)

pytestmark = pytest.mark.anyio


async def test_a_frozen_server_is_waited_for_and_gets_everything_once(redis_server: RedisServer) -> None:
    # The lease runs out meanwhile, and nobody else takes it.
    async with RedisLog(redis_server.url, lease=0.1) as log:
        stream = name()
        writer = await log.create(stream)
        await writer.append(frames("a"))
        redis_server.freeze()
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(writer.append, frames("b", "c"))
                await anyio.sleep(0.3)
                assert writer.newest == 1
                redis_server.thaw()
        finally:
            redis_server.thaw()
        await writer.append(frames("d"), last=True)
        assert await texts(log, stream) == ["a", "b", "c", "d"]


async def test_behind_an_outage_what_was_left_open_comes_first(redis_server: RedisServer) -> None:
    async with RedisLog(redis_server.url, lease=5, patience=0.15) as log:
        stream = name()
        writer = await log.create(stream)
        redis_server.freeze()
        try:
            with pytest.raises(LogError, match="may or may not be there"):
                await writer.append(frames("a"))
            with pytest.raises(LogError, match="could not be reached"):
                await writer.append(frames("never tried, since the first is still open"))
            assert writer.newest == 0
        finally:
            redis_server.thaw()
        await writer.append(frames("b"), last=True)
        assert await texts(log, stream) == ["a", "b"]


async def test_cancelled_in_an_outage_it_does_not_wait_for_its_end(redis_server: RedisServer) -> None:
    async with RedisLog(redis_server.url, lease=60, patience=0.4) as log:
        stream = name()
        writer = await log.create(stream)
        redis_server.freeze()
        try:
            with anyio.fail_after(SOON), anyio.move_on_after(0.05) as scope:
                await writer.append(frames("a"))
            assert scope.cancelled_caught
        finally:
            redis_server.thaw()
        # Giving it up sees to what was left open, too.
        await writer.aclose()
        adopted = await log.adopt(stream)
        assert adopted is not None
        await adopted.append(frames("b"), last=True)
        assert await texts(log, stream) == ["a", "b"]


async def test_cancelled_while_nobody_listens_it_does_not_try_again() -> None:
    with RedisServer() as server:
        async with RedisLog(server.url, patience=SOON * 10) as log:
            writer = await log.create(name())
            server.kill()
            with anyio.fail_after(SOON), anyio.move_on_after(0.05) as scope:
                await writer.append(frames("a"))
            assert scope.cancelled_caught


async def test_connections_that_are_cut_all_the_time_double_nothing(redis_server: RedisServer) -> None:
    async with RedisLog(redis_server.url, patience=SOON) as log:
        stream = name()
        writer = await log.create(stream)
        done = False

        def cut() -> None:
            while not done:
                redis_server.drop_clients()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.to_thread.run_sync, cut)
            try:
                for number in range(60):
                    await writer.append(frames(f"{number}a", f"{number}b"))
            finally:
                done = True
        await writer.append(frames("end"), last=True)
        assert await texts(log, stream) == [f"{n}{c}" for n in range(60) for c in "ab"] + ["end"]


async def test_a_server_that_forgot_everything_is_told_apart_from_one_that_is_away() -> None:
    with RedisServer() as server:
        async with RedisLog(server.url, lease=0.5) as log:
            stream = name()
            writer = await log.create(stream)
            await writer.append(frames("a"))
            reader = log.read(stream)
            assert len(entries_of(await anext(reader))) == 1
            await anyio.to_thread.run_sync(server.restart)
            with anyio.fail_after(SOON):
                with pytest.raises(UnknownStream, match="without persistence"):
                    await writer.append(frames("b"))
                with pytest.raises(UnknownStream, match=stream):
                    await anext(reader)
                await writer.stop_asked()
            with pytest.raises(UnknownStream):
                await writer.idle_seconds()
            await writer.aclose()
            assert await log.info(stream) is None
            again = await log.create(stream)
            await again.append(frames("anew"), last=True)
            assert await texts(log, stream) == ["anew"]


async def test_a_server_that_keeps_its_data_is_killed_and_nobody_notices() -> None:
    with RedisServer("--appendonly", "yes", "--appendfsync", "always") as server:
        async with RedisLog(server.url) as log, RedisLog(server.url) as other:
            stream = name()
            writer = await log.create(stream)
            found: list[list[str]] = []
            restarts = 0

            def restart_thrice() -> None:
                nonlocal restarts
                while restarts < 3:
                    time.sleep(0.05)
                    server.restart()
                    restarts += 1

            async def read(where: RedisLog) -> None:
                found.append(await texts(where, stream))

            with anyio.fail_after(SOON):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(read, log)
                    tasks.start_soon(read, other)
                    tasks.start_soon(anyio.to_thread.run_sync, restart_thrice)
                    while restarts < 3:
                        await writer.append(frames(str(writer.newest)))
                    await writer.append(frames("end"), last=True)
            assert found == [[*(str(number) for number in range(writer.newest - 1)), "end"]] * 2


async def test_many_frames_go_out_in_several_steps(redis_server: RedisServer) -> None:
    async with RedisLog(redis_server.url) as log:
        stream, data = name(), [str(number) for number in range(1000)] + ["x" * 700_000] * 3
        writer = await log.create(stream)
        await writer.append(frames(*data), last=True)
        assert writer.newest == len(data)
        assert await texts(log, stream) == data
        assert await texts(log, stream, 990) == data[990:]


async def test_a_stream_that_was_given_up_says_who_went_on_with_it(redis_server: RedisServer) -> None:
    async with RedisLog(redis_server.url) as log:
        stream = name()
        writer = await log.create(stream)
        await writer.aclose()
        with pytest.raises(UsageError, match="given up"):
            await writer.append(frames("a"))
        adopted = await log.adopt(stream)
        assert adopted is not None
        with pytest.raises(LeaseLost):
            await writer.append(frames("a"))
        await log.delete(stream)
        with pytest.raises(UnknownStream):
            await adopted.append(frames("a"))
        second = await log.create(stream)
        await second.aclose()
        await log.delete(stream)
        with pytest.raises(UnknownStream):
            await second.append(frames("a"))


async def test_giving_up_does_not_need_the_server() -> None:
    with RedisServer() as server:
        async with RedisLog(server.url, patience=0.1) as log:
            writer = await log.create(name())
            server.kill()
            with anyio.fail_after(SOON):
                await writer.aclose()
                await writer.aclose()


async def test_a_producer_hears_that_it_has_lost_its_stream(redis_server: RedisServer) -> None:
    async with RedisLog(redis_server.url, lease=0.3) as log:
        stream = name()
        writer = await log.create(stream)
        reader = log.read(stream)
        with redis_server.client() as admin:
            admin.set(f"rxstream:{{{stream}}}:lease", "somebody#1", px=60_000)
            with anyio.fail_after(SOON):
                await writer.stop_asked()
            with pytest.raises(LeaseLost, match=stream):
                await writer.append(frames("a"))
            admin.delete(f"rxstream:{{{stream}}}:lease")
        with anyio.fail_after(SOON), pytest.raises(StreamOrphaned):
            await anext(reader)
        await close(reader)


async def test_two_tasks_may_write_to_one_stream(redis_server: RedisServer) -> None:
    async with RedisLog(redis_server.url) as log:
        stream = name()
        writer = await log.create(stream)

        async def write(data: str) -> None:
            await writer.append(frames(data, data))

        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(write, str(number))
        await writer.append(frames("end"), last=True)
        found: Any = await texts(log, stream)
        assert found[:-1:2] == found[1::2]
        assert len(found) == 41
