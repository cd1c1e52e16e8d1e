"""The laws that every log keeps, of what stands in its streams."""

from functools import partial
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rxstream.errors import StreamExists, UnknownStream, UsageError
from rxstream.transports.log import LogEntry, LogGap, StreamLog
from tests.engine.sources import Backend
from tests.transports.log_storage import SOON, Storage, close, entries_of, frames, name, texts


class ContentLaws:
    """What is read is what was written."""

    async def test_a_late_reader_gets_all_of_a_stream_that_has_ended(self, storage: Storage) -> None:
        async with storage.open() as log:
            stream = name()
            writer = await log.create(stream)
            await writer.append([("chunk", "a"), (None, "")])
            await writer.append([("done", "b")], last=True)
            async with storage.beside(log) as other:
                found = [entry async for batch in other.read(stream) for entry in entries_of(batch)]
                assert found == [
                    LogEntry(1, "chunk", "a"),
                    LogEntry(2, None, ""),
                    LogEntry(3, "done", "b", last=True),
                ]
                assert await texts(other, stream, 2) == ["b"]
                assert await texts(other, stream, 3) == []
                assert await texts(other, stream, 99) == []
            await writer.aclose()

    @pytest.mark.parametrize(
        "text",
        ["", "\n\r\n", "\x00", "ü€😀", "\ud83d", "a\udc80b", "'\"\\;--", "x" * 100_000],
        ids=["empty", "lines", "nul", "wide", "half-pair", "half-pair-inside", "quotes", "long"],
    )
    async def test_any_text_comes_back_as_it_was(self, storage: Storage, text: str) -> None:
        async with storage.open() as log:
            stream = name()
            writer = await log.create(stream)
            await writer.append([("chunk", text), (text[:9] or "chunk", "")], last=True)
            async with storage.beside(log) as other:
                found = [entry async for batch in other.read(stream) for entry in entries_of(batch)]
            assert [entry.data for entry in found] == [text, ""]
            assert [entry.event for entry in found] == ["chunk", text[:9] or "chunk"]

    def test_nothing_is_missing_or_doubled_wherever_a_reader_comes_in(
        self, storage: Storage, anyio_backend: Backend
    ) -> None:
        step = st.tuples(
            st.sampled_from(["append", "append", "join", "join beside", "impatient"]),
            st.integers(0, 5),
            st.integers(0, 3),
        )

        @settings(max_examples=storage.examples)
        @given(st.lists(step, max_size=12))
        @example([("append", 2, 0), ("join", 1, 1), ("append", 1, 0), ("append", 3, 2), ("impatient", 5, 0)])
        def law(steps: list[tuple[str, int, int]]) -> None:
            anyio.run(partial(play, storage, steps), backend=anyio_backend)

        law()

    async def test_several_readers_each_get_all_of_it(self, storage: Storage) -> None:
        async with storage.open() as log, storage.beside(log) as other:
            stream = name()
            writer = await log.create(stream)
            found: list[list[str]] = []

            async def read(where: StreamLog) -> None:
                found.append(await texts(where, stream))

            with anyio.fail_after(SOON):
                async with anyio.create_task_group() as tasks:
                    for where in (log, other, log, other):
                        tasks.start_soon(read, where)
                    for number in range(20):
                        await writer.append(frames(str(number)), last=number == 19)
                        await checkpoint()
            assert found == [[str(number) for number in range(20)]] * 4

    async def test_a_reader_can_come_before_the_first_entry_and_wait(self, storage: Storage) -> None:
        async with storage.open() as log, storage.beside(log) as other:
            stream = name()
            writer = await log.create(stream)
            with anyio.fail_after(SOON):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._expect, other, stream, ["late"])
                    await anyio.sleep(0.02)
                    await writer.append(frames("late"), last=True)

    async def _expect(self, log: StreamLog, stream: str, wanted: list[str]) -> None:
        assert await texts(log, stream) == wanted

    # ------------------------------------------------------------ bounds

    @pytest.mark.parametrize(
        ("bounds", "data", "missing"),
        [
            pytest.param({"max_events": 3}, ["a"] * 7, 4, id="events"),
            pytest.param({"max_bytes": 10}, ["€€"] * 4, 3, id="bytes"),
            pytest.param({"max_bytes": 12}, ["€€"] * 4, 2, id="bytes, to the brim"),
            pytest.param({"max_bytes": 5}, ["a", "b", "x" * 50], 2, id="one that is too long is kept"),
        ],
    )
    @pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one by one"])
    async def test_what_a_bound_took_is_told_by_one_gap(
        self, storage: Storage, bounds: Any, data: list[str], missing: int, *, at_once: bool
    ) -> None:
        async with storage.open(**bounds) as log:
            stream = name()
            writer = await log.create(stream)
            if at_once:
                await writer.append(frames(*data))
            else:
                for text in data:
                    await writer.append(frames(text))
            info = await log.info(stream)
            assert info is not None
            assert (info.oldest, info.newest) == (missing + 1, len(data))
            for after in range(missing):
                reader = log.read(stream, after)
                assert await anext(reader) == LogGap(after + 1, missing)
                batch = await anext(reader)
                assert [entry.seq for entry in entries_of(batch)] == list(range(missing + 1, info.newest + 1))
                await close(reader)
            reader = log.read(stream, missing)
            assert entries_of(await anext(reader))[0].seq == missing + 1
            await close(reader)
            await writer.aclose()

    async def test_a_reader_who_falls_behind_gets_a_gap_in_the_middle(self, storage: Storage) -> None:
        async with storage.open(max_events=3) as log:
            stream = name()
            writer = await log.create(stream)
            await writer.append(frames("1", "2"))
            reader = log.read(stream)
            assert [entry.seq for entry in entries_of(await anext(reader))] == [1, 2]
            for number in range(3, 9):
                await writer.append(frames(str(number)), last=number == 8)
            assert await anext(reader) == LogGap(3, 5)
            assert [entry.data for entry in entries_of(await anext(reader))] == ["6", "7", "8"]
            assert await anext(reader, None) is None

    # ------------------------------------------------------------ names and arguments

    @pytest.mark.parametrize("wrong", ["", "a b", "a/b", "ä", "x" * 65, "a\n", "{a}", "a\x00"], ids=ascii)
    async def test_a_name_is_letters_digits_dashes_and_underscores(
        self, storage: Storage, wrong: str
    ) -> None:
        async with storage.open() as log:
            for act in (log.create, log.adopt, log.info, log.stop, log.delete):
                with pytest.raises(ValueError, match="1 to 64"):
                    await act(wrong)
            with pytest.raises(ValueError, match="1 to 64"):
                log.read(wrong)

    async def test_wrong_arguments_are_told_at_once(self, storage: Storage) -> None:
        async with storage.open() as log:
            with pytest.raises(ValueError, match="after="):
                log.read("a", -1)
            with pytest.raises(TypeError, match="after="):
                log.read("a", "1")  # type: ignore[arg-type]
            with pytest.raises(TypeError, match="name of a stream"):
                await log.create(1)  # type: ignore[arg-type]
            for wrong in ({"a": object()}, {"a": float("nan")}, [1]):
                with pytest.raises((TypeError, ValueError), match="meta="):
                    await log.create(name(), meta=wrong)  # type: ignore[arg-type]
        for bound in ("max_events", "max_bytes", "max_age"):
            with pytest.raises(ValueError, match=f"expects {bound} to be"):
                async with storage.open(**{bound: 0}):
                    pass
            with pytest.raises(TypeError, match=f"expects {bound} to be"):
                async with storage.open(**{bound: "1"}):
                    pass

    async def test_there_is_one_stream_of_a_name(self, storage: Storage) -> None:
        async with storage.open() as log, storage.beside(log) as other:
            stream = name()
            writer = await log.create(stream)
            for where in (log, other):
                with pytest.raises(StreamExists, match=stream):
                    await where.create(stream)
            await writer.append(frames("a"), last=True)
            with pytest.raises(StreamExists):
                await other.create(stream)

    async def test_an_unknown_stream_is_none(self, storage: Storage) -> None:
        async with storage.open() as log:
            stream = name()
            assert await log.info(stream) is None
            assert await log.adopt(stream) is None
            assert await log.stop(stream) is False
            await log.delete(stream)
            reader = log.read(stream)
            with pytest.raises(UnknownStream, match=stream):
                await anext(reader)
            assert await anext(reader, None) is None

    async def test_the_log_knows_what_it_was_told(self, storage: Storage) -> None:
        async with storage.open() as log, storage.beside(log) as other:
            stream, meta = name(), {"prompt": "ü\ud83d", "n": [1, None, {"a": 1.5}]}
            writer = await log.create(stream, owner="ann\ud83d", meta=meta)
            meta["n"] = "changed by the caller later"
            info = await other.info(stream)
            assert info is not None
            assert (info.stream, info.owner, info.oldest, info.newest) == (stream, "ann\ud83d", 0, 0)
            assert info.meta == {"prompt": "ü\ud83d", "n": [1, None, {"a": 1.5}]}
            assert (info.ended, info.alive) == (False, True)
            assert (writer.stream, writer.newest) == (stream, 0)
            await writer.append(frames("a", "b"))
            assert writer.newest == 2
            info = await other.info(stream)
            assert info is not None
            assert (info.oldest, info.newest, info.ended, info.alive) == (1, 2, False, True)
            await writer.append(frames("c"), last=True)
            info = await other.info(stream)
            assert info is not None
            assert (info.oldest, info.newest, info.ended, info.alive) == (1, 3, True, False)
            unowned = name()
            await (await log.create(unowned)).aclose()
            info = await other.info(unowned)
            assert info is not None
            assert (info.owner, info.meta, info.alive) == (None, {}, False)

    async def test_nothing_is_written_behind_the_end(self, storage: Storage) -> None:
        async with storage.open() as log:
            stream = name()
            writer = await log.create(stream)
            await writer.append([])
            assert writer.newest == 0
            with pytest.raises(UsageError, match="last"):
                await writer.append([], last=True)
            await writer.append(frames("a"), last=True)
            for last in (False, True):
                with pytest.raises(UsageError, match=stream):
                    await writer.append(frames("b"), last=last)
            assert writer.newest == 1
            await writer.aclose()
            await writer.aclose()
            assert await texts(log, stream) == ["a"]


async def play(storage: Storage, steps: list[tuple[str, int, int]]) -> None:
    """Write and join as the steps say; each reader must then have what was written behind its ``after``."""
    async with storage.open() as log, storage.beside(log) as other:
        stream = name()
        writer = await log.create(stream)
        written: list[str] = []

        async def read(where: StreamLog, after: int) -> None:
            found = await texts(where, stream, after)
            assert found == written[after:]

        async def read_impatiently(after: int) -> None:
            reader = log.read(stream, after)
            found: list[LogEntry] = []
            patience = 0.0
            while not (found and found[-1].last):
                with anyio.move_on_after(patience):
                    found += entries_of(await anext(reader))
                # A log in a file needs a moment for each batch.
                patience = min(2 * patience + 1e-4, 0.1)
            assert await anext(reader, None) is None
            assert [(entry.seq, entry.data) for entry in found] == list(enumerate(written, 1))[after:]

        with anyio.fail_after(SOON):
            async with anyio.create_task_group() as tasks:
                for kind, number, turns in steps:
                    if kind == "append":
                        some = [str(len(written) + at) for at in range(number)]
                        written += some
                        await writer.append(frames(*some))
                    elif kind == "impatient":
                        tasks.start_soon(read_impatiently, min(number, len(written)))
                    else:
                        where = log if kind == "join" else other
                        tasks.start_soon(read, where, min(number, len(written)))
                    for _ in range(turns):
                        await checkpoint()
                written.append("end")
                await writer.append(frames("end"), last=True)
