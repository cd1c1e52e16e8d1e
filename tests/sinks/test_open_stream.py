"""The reader's side of the pump. That the upstream is closed, the laws say for every operator."""

from collections.abc import AsyncIterator, Awaitable
from typing import Any

import anyio
import pytest
import reactivex
from reactivex import Observable
from reactivex import operators as ops

import rxstream as rxs
from rxstream.errors import ConcurrentRead, StreamInterrupted, UsageError
from tests.laws.source import Source, nothing_left, stall

pytestmark = pytest.mark.anyio


async def test_items_come_in_order_and_then_the_end() -> None:
    async with rxs.open_stream(rxs.from_stream([1, 2, 3])) as items:
        assert [item async for item in items] == [1, 2, 3]


async def test_a_loop_goes_on_where_the_last_one_stopped() -> None:
    async with rxs.open_stream(rxs.from_stream([1, 2, 3, 4])) as items:
        assert await anext(items) == 1
        async for item in items:
            assert item == 2
            break
        assert [item async for item in items] == [3, 4]
        assert [item async for item in items] == []
        assert await anext(items, "over") == "over"


async def test_an_error_is_raised_once_and_then_the_stream_is_over() -> None:
    async def fail() -> None:
        raise OSError("gone")

    async with rxs.open_stream(Source([1], fail).observable) as items:
        assert await anext(items) == 1
        with pytest.raises(OSError, match="gone"):
            await anext(items)
        with pytest.raises(StopAsyncIteration):
            await anext(items)


async def test_any_observable_can_be_read() -> None:
    async with rxs.open_stream(reactivex.of(1, 2).pipe(ops.map(str))) as items:
        assert [item async for item in items] == ["1", "2"]


async def test_two_tasks_that_read_at_once_are_told() -> None:
    async with rxs.open_stream(Source([], stall).observable) as items, anyio.create_task_group() as tasks:
        tasks.start_soon(anext, items, None)
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(ConcurrentRead, match="Read it in one task"):
            await anext(items)
        tasks.cancel_scope.cancel()


async def test_a_read_that_was_cancelled_leaves_no_silent_gap() -> None:
    source = Source([1], stall)
    async with rxs.open_stream(source.observable) as items:
        assert await anext(items) == 1
        with anyio.move_on_after(0.01):
            await anext(items)
        with pytest.raises(StreamInterrupted, match=r"cancelled, .* Open it anew"):
            await anext(items)
    assert source.closed == [1]


async def test_behind_the_block_there_is_nothing_to_read() -> None:
    async with rxs.open_stream(rxs.from_stream([1, 2])) as items:
        assert await anext(items) == 1
    with pytest.raises(StreamInterrupted, match="This stream is closed"):
        await anext(items)
    with pytest.raises(StreamInterrupted):
        async for _ in items:
            pass
    await items.aclose()


async def test_closing_inside_the_block_closes_the_source_once() -> None:
    source = Source([1, 2], stall)
    async with rxs.open_stream(source.observable) as items:
        assert await anext(items) == 1
        await items.aclose()
        assert source.closed == [1]
    assert source.closed == [1]


async def test_a_stream_is_entered_once() -> None:
    stream = rxs.open_stream(rxs.from_stream(lambda: [1]))
    async with stream:
        pass
    with pytest.raises(UsageError, match="entered before"):
        await stream.__aenter__()


async def test_a_stream_that_was_not_entered_says_how_to_read_it() -> None:
    stream: Any = rxs.open_stream(rxs.from_stream([1]))
    with pytest.raises(UsageError, match="async with open_stream"):
        async for _ in stream:
            pass


@pytest.mark.parametrize("thing", [[1], None, "text"])
async def test_what_is_no_observable_is_refused(thing: Any) -> None:
    with pytest.raises(TypeError, match=r"expects an Observable and got .*from_stream"):
        rxs.open_stream(thing)


async def test_a_credit_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="expects credit to be at least 1 and got 0"):
        rxs.open_stream(rxs.from_stream([1]), credit=0)


async def test_a_subscribe_that_fails_is_the_streams_error_and_leaves_nothing() -> None:
    def fail(observer: Any, scheduler: Any = None) -> Any:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        failing: Observable[Any] = reactivex.create(fail)
        async with rxs.open_stream(failing) as items:
            await anext(items)


async def test_a_machine_that_cannot_be_made_leaves_nothing() -> None:
    def fail() -> Any:
        raise ZeroDivisionError

    source = Source([1])
    with nothing_left(), pytest.raises(ZeroDivisionError):
        async with rxs.open_stream(source.observable.pipe(rxs.lift(fail))):
            pass
    assert source.runs == []


@pytest.mark.parametrize("ending", ["end", "break", "error"])
async def test_an_error_of_closing_is_raised_but_hides_no_other(ending: str) -> None:
    async def source() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            raise OSError("closing failed")

    with pytest.raises(ZeroDivisionError if ending == "error" else OSError) as caught:
        async with rxs.open_stream(rxs.from_stream(source)) as items:
            async for _ in items:
                if ending == "break":
                    break
                if ending == "error":
                    raise ZeroDivisionError
    if ending == "error":
        assert "closing failed" in "".join(caught.value.__notes__)


async def test_a_slow_close_is_given_up_with_a_warning() -> None:
    async def source() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await anyio.sleep_forever()

    with pytest.warns(RuntimeWarning, match="took longer than 0.01 s"):
        async with rxs.open_stream(rxs.from_stream(source), close_timeout=0.01) as items:
            await anext(items)


async def test_several_sources_are_each_at_most_their_credit_ahead() -> None:
    one, other = Source(range(100)), Source(range(100))
    merged = reactivex.merge(one.observable, other.observable)
    async with rxs.open_stream(merged, credit=3) as items:
        await anext(items)
        await anyio.wait_all_tasks_blocked()
        assert one.runs[0].produced + other.runs[0].produced <= 2 * (3 + 1) + 1
    assert one.closed == other.closed == [1]


async def test_of_two_reads_made_at_once_the_second_is_refused() -> None:
    async def slowly() -> AsyncIterator[int]:
        for number in range(2):
            await anyio.sleep(0.01)
            yield number

    told: list[object] = []

    async def wait_for(read: Awaitable[int]) -> None:
        try:
            told.append(await read)
        except ConcurrentRead:
            told.append("refused")

    async with rxs.open_stream(rxs.from_stream(slowly)) as items:
        # Both are made before either runs.
        reads = [anext(items), anext(items)]
        async with anyio.create_task_group() as group:
            for read in reads:
                group.start_soon(wait_for, read)
        assert sorted(map(str, told)) == ["0", "refused"]
        assert await anext(items) == 1
