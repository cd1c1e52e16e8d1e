"""Answers that are read into a log by a task of nobody's, whoever may be listening."""

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest

import rxstream as rxs
from rxstream.errors import LogError, StreamTruncated
from rxstream.items import Restarted, StreamChunk
from rxstream.transports.dialects.contract import Frame
from rxstream.transports.dialects.named import dialect_named
from rxstream.transports.log import StreamLog
from rxstream.transports.memory_log import MemoryLog
from rxstream.transports.publish import publications_of, publish

NATIVE = dialect_named("rxstream")
Run = Callable[[Callable[[], Any]], Any]


async def never() -> AsyncIterator[str]:
    yield "a"
    await anyio.sleep_forever()


async def read(log: StreamLog, stream: str) -> list[tuple[str | None, str]]:
    found: list[tuple[str | None, str]] = []
    async for batch in log.read(stream):
        assert isinstance(batch, list)
        found += [(entry.event, entry.data) for entry in batch]
    return found


def test_it_is_read_without_a_reader(in_virtual_time: Run) -> None:
    async def body() -> None:
        log = StreamLog.memory()
        publication = await publish(log, "s", rxs.from_stream(["a", "b"]), NATIVE, owner="me", meta={"x": 1})
        assert publication is not None
        await publication.over.wait()
        assert len(publications_of(log)) == 0
        assert [event for event, _ in await read(log, "s")] == ["chunk", "chunk", "done"]
        info = await log.info("s")
        assert info is not None
        assert (info.owner, info.meta, info.ended) == ("me", {"x": 1, "dialect": "rxstream"}, True)
        # It is there already, and has an end: there is nothing to go on with.
        assert await publish(log, "s", rxs.from_stream(["c"]), NATIVE) is None
        await log.aclose()

    in_virtual_time(body)


def test_an_error_is_its_last_entry(in_virtual_time: Run) -> None:
    async def body() -> None:
        async def breaks() -> AsyncIterator[str]:
            yield "a"
            raise StreamTruncated("it broke off")

        log = StreamLog.memory()
        await publish(log, "s", rxs.from_stream(breaks), NATIVE)
        entries = await read(log, "s")
        assert [event for event, _ in entries] == ["chunk", "error"]
        assert "it broke off" in entries[-1][1]
        await log.aclose()

    in_virtual_time(body)


def test_it_is_stopped_by_name_and_by_idleness(in_virtual_time: Run) -> None:
    async def body() -> None:
        log = StreamLog.memory()
        stopped = await publish(log, "a", rxs.from_stream(never), NATIVE)
        idle = await publish(log, "b", rxs.from_stream(never), NATIVE, grace=5)
        assert stopped is not None
        assert idle is not None
        await anyio.sleep(1)
        assert await log.stop("a")
        await stopped.over.wait()
        assert anyio.current_time() < 2
        await idle.over.wait()
        assert stopped.stopped
        assert idle.stopped
        for name in "ab":
            assert (await read(log, name))[-1] == ("done", '{"done":true,"stopped":true}')
        await log.aclose()

    in_virtual_time(body)


def test_a_drain_lets_those_end_that_can(in_virtual_time: Run) -> None:
    async def body() -> None:
        async def short() -> AsyncIterator[str]:
            await anyio.sleep(3)
            yield "a"

        log = StreamLog.memory()
        await publish(log, "short", rxs.from_stream(short), NATIVE)
        await publish(log, "long", rxs.from_stream(never), NATIVE)
        assert await publications_of(log).drain(5) == 1
        assert (await read(log, "short"))[-1][0] == "done"
        assert '"shutdown"' in (await read(log, "long"))[-1][1]
        assert await publications_of(log).drain() == 0
        await log.aclose()

    in_virtual_time(body)


@pytest.mark.anyio
async def test_what_others_can_go_on_with_is_given_up_without_an_end(tmp_path: Path) -> None:
    async with StreamLog.sqlite(tmp_path / "log.db") as log:
        await publish(log, "s", rxs.from_stream(never), NATIVE)
        with anyio.fail_after(5):
            while (info := await log.info("s")) is None or not info.newest:  # noqa: ASYNC110 - a file
                await anyio.sleep(0.01)
        assert await publications_of(log).drain() == 1
        info = await log.info("s")
        assert info is not None
        assert (info.ended, info.alive) == (False, False)
        again = await publish(log, "s", rxs.from_stream(["a", "b"]), NATIVE)
        assert again is not None
        await again.over.wait()
        assert [event for event, _ in await read(log, "s")] == ["chunk", "chunk", "done"]


def test_what_was_void_is_void_for_who_goes_on(in_virtual_time: Run) -> None:
    async def body() -> None:
        log = StreamLog.memory()
        writer = await log.create("s", meta={"dialect": "rxstream"})
        encoder = NATIVE.encoder()
        for item in (StreamChunk("no"), Restarted(2), StreamChunk("ye")):
            await writer.append(encoder.feed(item))
        await writer.aclose()
        answer = [StreamChunk("ye"), StreamChunk("s", finish_reason="stop", index=1)]
        again = await publish(log, "s", rxs.from_stream(answer), NATIVE)
        assert again is not None
        await again.over.wait()
        entries = await read(log, "s")
        assert [event for event, _ in entries] == ["chunk", "restart", "chunk", "chunk", "done"]
        assert '"content":"s"' in entries[3][1]
        await log.aclose()

    in_virtual_time(body)


def test_an_orphan_whose_beginning_is_lost_cannot_be_gone_on_with(in_virtual_time: Run) -> None:
    async def body() -> None:
        log = StreamLog.memory(max_events=1)
        writer = await log.create("s")
        for text in "ab":
            await writer.append(NATIVE.encoder().feed(text))
        await writer.aclose()
        again = await publish(log, "s", rxs.from_stream(["a", "b", "c"]), NATIVE)
        assert again is not None
        await again.over.wait()
        batches: list[Any] = [batch async for batch in log.read("s", 2)]
        assert batches[-1][-1].event == "error"
        await log.aclose()

    in_virtual_time(body)


def test_a_log_that_takes_no_more_is_the_end_of_it(
    in_virtual_time: Run, caplog: pytest.LogCaptureFixture
) -> None:
    async def body() -> None:
        log = StreamLog.memory()
        assert isinstance(log, MemoryLog)
        publication = await publish(log, "s", rxs.from_stream(never), NATIVE)
        assert publication is not None
        await anyio.sleep(1)
        await log.delete("s")
        with anyio.fail_after(5):
            await publication.over.wait()
        await log.aclose()

    in_virtual_time(body)
    assert "cannot be written" not in caplog.text


def test_a_log_that_breaks_is_said_in_the_programs_own_log(
    in_virtual_time: Run, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_self: Any, _frames: Sequence[Frame], *, last: bool = False) -> None:
        raise LogError(f"the disk is full, {last}")

    async def body() -> None:
        log = StreamLog.memory()
        writer = await log.create("first")
        monkeypatch.setattr(type(writer), "append", broken)
        publication = await publish(log, "s", rxs.from_stream(never), NATIVE)
        assert publication is not None
        await publication.over.wait()
        await log.aclose()

    in_virtual_time(body)
    assert "cannot be written" in caplog.text
