"""The log in memory keeps the laws, its bounds, and costs little."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from rxstream.errors import LogError, StreamOrphaned, UnknownStream, UsageError
from rxstream.transports.log import StreamLog
from rxstream.transports.memory_log import MemoryLog
from tests.transports.log_laws import LogLaws
from tests.transports.log_storage import Storage, entries_of, frames, texts

pytestmark = pytest.mark.anyio


class MemoryStorage(Storage):
    examples = 100

    @asynccontextmanager
    async def open(self, **bounds: Any) -> AsyncGenerator[StreamLog]:
        async with StreamLog.memory(**bounds) as log:
            assert isinstance(log, MemoryLog)
            yield log


class TestMemoryLog(LogLaws):
    @pytest.fixture
    def storage(self) -> Storage:
        return MemoryStorage()


async def test_of_too_many_streams_those_that_ended_first_are_forgotten() -> None:
    async with StreamLog.memory(max_streams=3) as log:
        for stream in "ab":
            await (await log.create(stream)).append(frames(stream), last=True)
        orphan = await log.create("c")
        await orphan.aclose()
        for stream, forgotten in (("d", "a"), ("e", "b"), ("f", "c")):
            await log.create(stream)
            assert await log.info(forgotten) is None
        with pytest.raises(LogError, match="max_streams="):
            await log.create("g")
        await log.delete("d")
        await log.create("g")


async def test_a_reader_reads_on_in_a_stream_that_was_forgotten_meanwhile() -> None:
    async with StreamLog.memory(max_streams=1) as log:
        await (await log.create("a")).append(frames("1", "2"), last=True)
        reader = log.read("a", 1)
        late = log.read("a")
        assert await texts(log, "a") == ["1", "2"]
        assert [entry.data for entry in entries_of(await anext(reader))] == ["2"]
        await log.create("b")
        assert await anext(reader, None) is None
        with pytest.raises(UnknownStream):
            await anext(late)


async def test_a_stream_that_was_deleted_or_closed_gives_nothing_more() -> None:
    async with StreamLog.memory() as log:
        deleted, closed = log.read("a"), log.read("b")
        for stream, reader in (("a", deleted), ("b", closed)):
            writer = await log.create(stream)
            await writer.append(frames("1"))
            assert await anext(reader)
            await writer.append(frames("2"))
        await (await log.create("c")).append(frames("1"))
        late = log.read("c")
        await log.delete("a")
        with pytest.raises(UnknownStream, match="deleted"):
            await anext(deleted)
        await log.aclose()
        for reader in (closed, late):
            with pytest.raises(LogError, match="closed"):
                await anext(reader)


@pytest.mark.parametrize("said", ["", "1", "12"])
async def test_who_has_given_a_stream_up_writes_nothing(said: str) -> None:
    async with StreamLog.memory() as log:
        writer = await log.create("a")
        await writer.aclose()
        with pytest.raises(UsageError, match="given up"):
            await writer.append(frames(*said))
        info = await log.info("a")
        assert info is not None
        assert info.newest == 0


async def test_an_orphan_that_is_adopted_in_time_goes_on_for_whoever_reads() -> None:
    async with StreamLog.memory() as log:
        writer = await log.create("a")
        await writer.append(frames("1"))
        reader = log.read("a")
        await anext(reader)
        await writer.aclose()
        adopted = await log.adopt("a")
        assert adopted is not None
        await adopted.append(frames("2"))
        assert len(await anext(reader)) == 1
        await adopted.aclose()
        with pytest.raises(StreamOrphaned):
            await anext(reader)
