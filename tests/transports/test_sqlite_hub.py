"""What other processes do is seen soon, and nobody looks while nobody waits."""

import gc
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest

from rxstream.errors import LeaseLost, LogError, StreamOrphaned
from rxstream.transports.log import StreamLog
from rxstream.transports.sqlite_file import SQLiteFile
from tests.engine.sources import Backend
from tests.transports.log_storage import SOON, close, entries_of, frames, texts

pytestmark = pytest.mark.anyio

LEASE = 0.6


def log_at(path: Path) -> StreamLog:
    return StreamLog.sqlite(path / "a.db", lease=LEASE)


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count what is done with the file."""
    found: list[int] = []
    run = SQLiteFile.run

    def counted(file: SQLiteFile, steps: Any) -> list[Any]:
        found.append(len(steps))
        return run(file, steps)

    monkeypatch.setattr(SQLiteFile, "run", counted)
    return found


async def test_what_another_process_writes_is_read_within_a_moment(tmp_path: Path) -> None:
    async with log_at(tmp_path) as log, log_at(tmp_path) as other:
        writer = await log.create("a")
        delays: list[float] = []

        async def read() -> None:
            async for batch in other.read("a"):
                delays.extend(time.monotonic() - float(entry.data) for entry in entries_of(batch))

        with anyio.fail_after(SOON):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(read)
                for number in range(9):
                    await anyio.sleep(0.03)
                    await writer.append(frames(str(time.monotonic())), last=number == 8)
        assert len(delays) == 9
        # 25 ms at most on a machine that has nothing else to do.
        assert sorted(delays)[4] < 0.2


async def test_nobody_looks_while_nobody_waits(tmp_path: Path, batches: list[int]) -> None:
    async with log_at(tmp_path) as log:
        writer = await log.create("a")
        await writer.append(frames("1"), last=True)
        assert await texts(log, "a") == ["1"]
        await anyio.sleep(0.15)
        batches.clear()
        await anyio.sleep(LEASE / 2)
        assert batches == []
        # It begins again with whoever comes.
        held = await log.create("b")
        batches.clear()
        await anyio.sleep(LEASE / 2)
        assert 1 < len(batches) < LEASE / 2 / 0.025
        await held.aclose()


async def test_local_readers_are_told_without_a_look(tmp_path: Path, batches: list[int]) -> None:
    async with log_at(tmp_path) as log:
        writer = await log.create("a")
        reader = log.read("a")
        await writer.append(frames("0"))
        assert entries_of(await anext(reader))[0].data == "0"
        batches.clear()
        started = time.monotonic()
        for number in range(50):
            await writer.append(frames(str(number)))
            assert entries_of(await anext(reader))[0].data == str(number)
        # One for each append, and those of the watch.
        assert len(batches) <= 50 + (time.monotonic() - started) / 0.1 * 2 + 2
        await close(reader)
        await writer.append(frames("end"), last=True)


async def test_one_process_dies_with_its_streams_and_another_goes_on(tmp_path: Path) -> None:
    async with log_at(tmp_path) as log, log_at(tmp_path) as other:
        former = await log.create("a")
        await former.append(frames("1"))
        reader = other.read("a")
        assert len(entries_of(await anext(reader))) == 1
        await log.aclose()
        with anyio.fail_after(SOON):
            with pytest.raises(StreamOrphaned):
                await anext(reader)
            writer = await other.adopt("a")
            assert writer is not None
            await writer.append(frames("2"), last=True)
            assert await texts(other, "a") == ["1", "2"]


async def test_trouble_with_the_file_is_told_to_whoever_wants_something_and_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with log_at(tmp_path) as log, log_at(tmp_path) as other:
        writer = await other.create("a")
        reader = log.read("a")
        await writer.append(frames("1"))
        assert len(entries_of(await anext(reader))) == 1

        def fail(*_: object) -> None:
            raise LogError("its disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(SQLiteFile, "run", fail)
            await anyio.sleep(0.15)
            with pytest.raises(LogError, match="full"):
                await writer.append(frames("x"))
            with pytest.raises(LogError, match="full"):
                await log.info("a")
        await writer.append(frames("2"), last=True)
        with anyio.fail_after(SOON):
            assert [entry.data for entry in entries_of(await anext(reader))] == ["2"]


def test_a_reader_may_be_collected_when_its_loop_is_over(tmp_path: Path, anyio_backend: Backend) -> None:
    log = log_at(tmp_path)

    async def begin() -> Any:
        writer = await log.create("a")
        await writer.append(frames("1"))
        reader = log.read("a")
        await anext(reader)
        return reader

    reader = anyio.run(begin, backend=anyio_backend)
    del reader
    gc.collect()
    anyio.run(log.aclose, backend=anyio_backend)


async def test_a_producer_that_was_taken_for_dead_learns_it_without_an_append(tmp_path: Path) -> None:
    async with log_at(tmp_path) as log, log_at(tmp_path) as other:
        former = await log.create("a")
        reader = log.read("a")
        await former.append(frames("1"))
        assert len(entries_of(await anext(reader))) == 1
        with closing(sqlite3.connect(tmp_path / "a.db")) as connection, connection:
            connection.execute("UPDATE streams SET process = 'dead'")
        later = await other.adopt("a")
        assert later is not None
        with anyio.fail_after(SOON):
            await former.stop_asked()
            await later.append(frames("2"), last=True)
            assert [entry.data for entry in entries_of(await anext(reader))] == ["2"], "it reads on there"
        with pytest.raises(LeaseLost):
            await former.append(frames("x"))
