"""A producer's appends are in order, whole, and told to whoever reads here."""

from pathlib import Path

import anyio
import pytest
from anyio.lowlevel import checkpoint

from rxstream.errors import LeaseLost, UnknownStream
from rxstream.transports.log import StreamLog
from tests.transports.log_storage import SOON, frames, texts

pytestmark = pytest.mark.anyio


async def test_appends_of_several_tasks_are_one_behind_the_other(tmp_path: Path) -> None:
    async with StreamLog.sqlite(tmp_path / "a.db") as log:
        writer = await log.create("a")
        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(writer.append, frames(f"{number}a", f"{number}b"))
        assert writer.newest == 40
        await writer.append(frames("end"), last=True)
        found = await texts(log, "a")
        assert [text[:-1] for text in found[:-1:2]] == [text[:-1] for text in found[1:-1:2]]
        assert len(set(found)) == 41


async def test_an_append_that_was_cancelled_is_there_and_counted(tmp_path: Path) -> None:
    async with StreamLog.sqlite(tmp_path / "a.db") as log:
        writer = await log.create("a")
        with anyio.CancelScope() as scope:
            scope.cancel()
            await writer.append(frames("1", "2"))
        assert scope.cancelled_caught
        assert writer.newest == 2
        await writer.append(frames("3"), last=True)
        assert await texts(log, "a") == ["1", "2", "3"]


async def test_a_stream_is_nobodys_if_whoever_wanted_it_was_cancelled(tmp_path: Path) -> None:
    async with StreamLog.sqlite(tmp_path / "a.db") as log:
        for turns in range(4):
            stream = f"s{turns}"
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(log.create, stream)
                for _ in range(turns):
                    await checkpoint()
                tasks.cancel_scope.cancel()
            writer = await log.create(stream)
            await writer.aclose()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(log.adopt, stream)
                for _ in range(turns):
                    await checkpoint()
                tasks.cancel_scope.cancel()
            assert await log.adopt(stream) is not None


async def test_a_producer_that_is_one_no_longer_learns_it(tmp_path: Path) -> None:
    async with StreamLog.sqlite(tmp_path / "a.db") as log:
        former = await log.create("a")
        await former.aclose()
        await former.aclose()
        later = await log.adopt("a")
        assert later is not None
        for data in ((), ("x",)):
            with pytest.raises(LeaseLost):
                await former.append(frames(*data))
        await log.delete("a")
        with anyio.fail_after(SOON):
            await later.stop_asked()
            await former.stop_asked()
        with pytest.raises(UnknownStream):
            await later.append(frames("x"))
        with pytest.raises(UnknownStream):
            await later.idle_seconds()


async def test_a_producer_can_close_behind_its_log(tmp_path: Path) -> None:
    async with StreamLog.sqlite(tmp_path / "a.db") as log:
        writer = await log.create("a")
    await writer.aclose()
    async with StreamLog.sqlite(tmp_path / "a.db") as again:
        assert await again.adopt("a") is not None, "it was given up with the log"
