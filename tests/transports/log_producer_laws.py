"""The laws that every log keeps, of who writes, who reads and who stops it."""

import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

from rxstream.errors import ConcurrentRead, LeaseLost, LogError, StreamOrphaned, UnknownStream, UsageError
from rxstream.transports.log import LogWriter, StreamLog
from tests.transports.log_storage import SOON, Storage, close, entries_of, frames, name, texts, until

#: Another process that writes a stream, says what was acknowledged, and never ends it.
PRODUCER = """
import asyncio, sys
from rxstream.transports.log import StreamLog

async def main():
    async with {log} as log:
        writer = await log.create(sys.argv[1])
        for number in range(1_000_000):
            await writer.append([("chunk", str(number))])
            print(number, flush=True)

asyncio.run(main())
"""


class ProducerLaws:
    """One producer at a time, readers that it knows of, and whoever stops it."""

    # ------------------------------------------------------------ one producer at a time

    async def test_a_stream_that_was_given_up_is_an_orphan(self, storage: Storage) -> None:
        async with storage.open() as log, storage.beside(log) as other:
            stream = name()
            writer = await log.create(stream)
            await writer.append(frames("a", "b"))
            for where in (log, other):
                assert await where.adopt(stream) is None, "it has a producer"
            await writer.aclose()
            await writer.aclose()
            for where in (log, other):
                reader = where.read(stream)
                assert [entry.data for entry in entries_of(await anext(reader))] == ["a", "b"]
                with pytest.raises(StreamOrphaned, match=stream):
                    await anext(reader)
                assert await anext(reader, None) is None
            with pytest.raises((UsageError, LeaseLost)):
                await writer.append(frames("c"))

    async def test_a_reader_who_waits_learns_that_the_producer_is_gone(self, storage: Storage) -> None:
        async with storage.open() as log, storage.beside(log) as other:
            stream = name()
            writer = await log.create(stream)
            await writer.append(frames("a"))

            async def read(where: StreamLog) -> None:
                reader = where.read(stream)
                assert len(entries_of(await anext(reader))) == 1
                with pytest.raises(StreamOrphaned):
                    await anext(reader)

            with anyio.fail_after(SOON):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(read, log)
                    tasks.start_soon(read, other)
                    await anyio.sleep(0.02)
                    await writer.aclose()

    async def test_of_many_who_adopt_an_orphan_one_gets_it_and_goes_on(self, storage: Storage) -> None:
        async with storage.open() as log, storage.beside(log) as other:
            stream = name()
            writer = await log.create(stream)
            await writer.append(frames("a", "b"))
            await writer.aclose()
            winners: list[LogWriter] = []

            async def adopt(where: StreamLog) -> None:
                adopted = await where.adopt(stream)
                if adopted is not None:
                    winners.append(adopted)

            async with anyio.create_task_group() as tasks:
                for where in (log, other) * 4:
                    tasks.start_soon(adopt, where)
            (adopted,) = winners
            assert adopted.newest == 2
            with pytest.raises(LeaseLost, match=stream):
                await writer.append(frames("x"))
            await writer.aclose()
            await adopted.append(frames("c"), last=True)
            assert await texts(other, stream) == ["a", "b", "c"]
            assert await log.adopt(stream) is None, "it has ended"

    async def test_a_producer_whose_lease_was_taken_writes_no_more(self, storage: Storage) -> None:
        if storage.lease is None:
            pytest.skip("in memory no lease is lost")
        async with storage.open() as log, storage.beside(log) as other:
            stream = name()
            writer = await log.create(stream)
            await writer.append(frames("a"))
            stop_asked = Told(writer.stop_asked)
            adopted: LogWriter | None = None
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(stop_asked)
                await storage.lose(writer)
                adopted = await other.adopt(stream)
                with pytest.raises(LeaseLost, match=stream):
                    await writer.append(frames("x"))
                with pytest.raises(LeaseLost, match=stream):
                    await writer.append(frames("x"), last=True)
                with anyio.fail_after(SOON):
                    await stop_asked.told.wait()
            assert adopted is not None
            await writer.aclose()
            info = await log.info(stream)
            assert info is not None
            assert info.alive, "the former producer does not take the lease with it"
            await adopted.append(frames("b"), last=True)
            assert await texts(log, stream) == ["a", "b"]

    async def test_a_lease_is_held_for_as_long_as_its_producer_lives(self, storage: Storage) -> None:
        if storage.lease is None:
            pytest.skip("in memory there are no leases")
        async with storage.open() as log, storage.beside(log) as other:
            stream = name()
            writer = await log.create(stream)
            await anyio.sleep(storage.lease * 1.5)
            info = await other.info(stream)
            assert info is not None
            assert info.alive
            assert await other.adopt(stream) is None
            await writer.append(frames("a"), last=True)

    async def test_what_a_killed_process_wrote_is_there_and_somebody_else_goes_on(
        self, storage: Storage
    ) -> None:
        if storage.lease is None:
            pytest.skip("what is in memory is gone with its process")
        stream = name()
        program = PRODUCER.replace("{log}", storage.expression())
        process = await anyio.open_process(
            [sys.executable, "-c", program, stream], stdout=subprocess.PIPE, stderr=None
        )
        said = b""
        async with process:
            assert process.stdout is not None
            with anyio.fail_after(SOON):
                while said.count(b"\n") < 50:
                    said += await process.stdout.receive()
            process.send_signal(signal.SIGKILL)
            async for more in process.stdout:
                said += more
        acknowledged = said.rpartition(b"\n")[0].split()
        async with storage.open() as log:
            found: list[str] = []
            with anyio.fail_after(SOON), pytest.raises(StreamOrphaned):
                async for batch in log.read(stream):
                    found += [entry.data for entry in entries_of(batch)]
            # The last one may have been written, and its process killed before it could say so.
            assert found in ([str(n) for n in range(len(acknowledged) + more)] for more in (0, 1))
            adopted = await log.adopt(stream)
            assert adopted is not None
            assert adopted.newest == len(found)
            await adopted.append(frames("end"), last=True)
            assert await texts(log, stream) == [*found, "end"]

    # ------------------------------------------------------------ whoever stops it

    async def test_a_stop_wakes_the_producer_wherever_it_is(self, storage: Storage) -> None:
        async with storage.open() as log, storage.beside(log) as other:
            for where in (log, other):
                stream = name()
                writer = await log.create(stream)
                with anyio.move_on_after(0.02) as scope:
                    await writer.stop_asked()
                assert scope.cancelled_caught, "nobody has asked yet"
                stop_asked = Told(writer.stop_asked)
                with anyio.fail_after(SOON):
                    async with anyio.create_task_group() as tasks:
                        tasks.start_soon(stop_asked)
                        await checkpoint()
                        assert await where.stop(stream) is True
                        await stop_asked.told.wait()
                    await writer.stop_asked()
                await writer.append(frames("stopped"), last=True)
                assert await where.stop(stream) is False, "it has ended"

    async def test_an_end_is_no_stop_and_an_orphan_cannot_be_stopped(self, storage: Storage) -> None:
        async with storage.open() as log:
            stream = name()
            writer = await log.create(stream)
            stop_asked = Told(writer.stop_asked)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(stop_asked)
                await checkpoint()
                await writer.append(frames("a"), last=True)
                await anyio.sleep(0.05)
                assert not stop_asked.told.is_set()
                tasks.cancel_scope.cancel()
            orphan = name()
            await (await log.create(orphan)).aclose()
            assert await log.stop(orphan) is False

    async def test_a_stop_that_nobody_heard_holds_for_whoever_adopts(self, storage: Storage) -> None:
        async with storage.open() as log:
            stream = name()
            writer = await log.create(stream)
            assert await log.stop(stream) is True
            await writer.aclose()
            adopted = await log.adopt(stream)
            assert adopted is not None
            with anyio.fail_after(SOON):
                await adopted.stop_asked()
            await adopted.append(frames("a"), last=True)

    # ------------------------------------------------------------ whoever reads it

    async def test_a_stream_is_idle_from_when_its_last_reader_has_left(self, storage: Storage) -> None:
        async with storage.open() as log, storage.beside(log) as other:
            for where in (log, other):
                stream = name()
                writer = await log.create(stream)
                await anyio.sleep(0.05)
                assert 0.04 <= await writer.idle_seconds() < SOON, "nobody has come yet"
                await writer.append(frames("a"))
                first, second = where.read(stream), where.read(stream)
                await anext(first)
                await anext(second)
                assert await writer.idle_seconds() == 0.0
                await close(first)
                await close(first)
                await anyio.sleep(0.03)
                assert await writer.idle_seconds() == 0.0, "one is left"
                await close(second)
                left = anyio.current_time()
                idle = await writer.idle_seconds()
                assert idle <= anyio.current_time() - left + 1
                await anyio.sleep(0.05)
                assert await writer.idle_seconds() >= idle + 0.04
                await writer.append(frames("b"), last=True)

    async def test_a_reader_who_waits_long_is_still_one(self, storage: Storage) -> None:
        async with storage.open() as log, storage.beside(log) as other:
            stream = name()
            writer = await log.create(stream)
            reader = other.read(stream)
            with anyio.move_on_after(0.05 if storage.lease is None else storage.lease * 1.5) as scope:
                await anext(reader)
            assert scope.cancelled_caught
            assert await writer.idle_seconds() == 0.0
            await writer.append(frames("a"), last=True)
            with anyio.fail_after(SOON):
                assert [entry.data for entry in entries_of(await anext(reader))] == ["a"]
            await close(reader)

    async def test_a_reader_that_is_forgotten_is_none(self, storage: Storage) -> None:
        async with storage.open() as log:
            stream = name()
            writer = await log.create(stream)
            await writer.append(frames("a"))
            async for batch in log.read(stream):
                assert batch
                break

            async def idle() -> bool:
                return await writer.idle_seconds() > 0

            await until(idle)
            await writer.append(frames("b"), last=True)

    async def test_closing_a_reader_ends_its_wait(self, storage: Storage) -> None:
        async with storage.open() as log:
            stream = name()
            writer = await log.create(stream)
            reader = log.read(stream)
            with anyio.fail_after(SOON):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._expect_end, reader)
                    await anyio.sleep(0.02)
                    with pytest.raises(ConcurrentRead, match=stream):
                        await anext(reader)
                    await close(reader)
            assert await anext(reader, None) is None
            await close(log.read(stream))
            await writer.append(frames("a"), last=True)

    async def _expect_end(self, reader: Any) -> None:
        assert await anext(reader, None) is None

    # ------------------------------------------------------------ forgetting, cancelling, closing

    async def test_a_deleted_stream_is_unknown_to_all(self, storage: Storage) -> None:
        async with storage.open() as log, storage.beside(log) as other:
            stream = name()
            writer = await log.create(stream)
            await writer.append(frames("a"))
            stop_asked = Told(writer.stop_asked)

            async def read(where: StreamLog) -> None:
                reader = where.read(stream, 1)
                with pytest.raises(UnknownStream, match=stream):
                    await anext(reader)

            with anyio.fail_after(SOON):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(read, log)
                    tasks.start_soon(read, other)
                    tasks.start_soon(stop_asked)
                    await anyio.sleep(0.02)
                    await other.delete(stream)
                    await stop_asked.told.wait()
            with pytest.raises(UnknownStream, match=stream):
                await writer.append(frames("b"))
            await writer.aclose()
            assert await log.info(stream) is None
            again = await other.create(stream)
            await again.append(frames("anew"), last=True)
            with pytest.raises(LogError):
                await writer.append(frames("b"))
            assert await texts(log, stream) == ["anew"]

    async def test_a_stream_that_ended_is_forgotten_when_its_time_has_come(self, storage: Storage) -> None:
        async with storage.open(max_age=0.3) as log:
            ended, orphan, alive = name(), name(), name()
            writer = await log.create(ended)
            await writer.append(frames("a"), last=True)
            await (await log.create(orphan)).aclose()
            assert await log.info(ended) is not None

            async def forgotten() -> bool:
                return await log.info(ended) is None and await log.info(orphan) is None

            await until(forgotten)
            reader = log.read(ended)
            with pytest.raises(UnknownStream):
                await anext(reader)
            living = await log.create(alive)
            await living.append(frames("a"))
            assert await log.info(alive) is not None
            await living.append(frames("b"), last=True)
            await (await log.create(ended)).append(frames("anew"), last=True)

    async def test_a_cancelled_call_leaves_the_log_as_it_was(self, storage: Storage) -> None:
        async with storage.open() as log:
            stream = name()
            writer = await log.create(stream)
            written = 0
            for number in range(12):
                before = writer.newest
                await cancelled(lambda: writer.append(frames("a", "b")), number)
                assert writer.newest - before in {0, 2}, "all of it or nothing"
                await cancelled(lambda: log.info(stream), number)
                await cancelled(lambda: log.adopt(stream), number)
                await cancelled(writer.stop_asked, number)
                await cancelled(writer.idle_seconds, number)
                await cancelled(lambda: anext(log.read(stream, 10_000)), number)
                await cancelled(lambda: log.delete(name()), number)
                await writer.append(frames("c"))
                written = writer.newest
            found = 0
            reader = log.read(stream)
            while found < written:
                found += len(entries_of(await anext(reader)))
            assert found == written
            await close(reader)
            await cancelled(lambda: log.stop(stream), 2)
            await cancelled(writer.aclose, 2)
            await writer.aclose()
            adopted = await log.adopt(stream)
            assert adopted is not None
            assert adopted.newest == written
            await adopted.append(frames("end"), last=True)
            await texts(log, stream)

    async def test_closing_the_log_lets_nobody_wait_for_ever(self, storage: Storage) -> None:
        stream = name()
        with anyio.fail_after(SOON):
            async with storage.open() as log:
                writer = await log.create(stream)
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._expect_closed, log, stream)
                    await anyio.sleep(0.02)
                    await log.aclose()
                await log.aclose()
                for act in (log.info, log.create, log.adopt, log.stop, log.delete):
                    with pytest.raises(LogError, match="closed"):
                        await act(stream)
                with pytest.raises(LogError, match="closed"):
                    await writer.append(frames("a"))

    async def _expect_closed(self, log: StreamLog, stream: str) -> None:
        reader = log.read(stream)
        with pytest.raises(LogError, match="closed"):
            await anext(reader)


class Told:
    """Somebody who waits for something in a task."""

    def __init__(self, wait: Callable[[], Awaitable[object]]) -> None:
        self.told = anyio.Event()
        self._wait = wait

    async def __call__(self) -> None:
        await self._wait()
        self.told.set()


async def cancelled(act: Callable[[], Awaitable[object]], turns: int) -> None:
    """Do something, and cancel it after so many turns of the loop, if it is not done by then."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(act)  # type: ignore[arg-type]
        for _ in range(turns):
            await checkpoint()
        tasks.cancel_scope.cancel()
