"""A boundary: the upstream runs by itself, as far as the backlog lets it, and nothing of it is left."""

from contextvars import ContextVar
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

from rxstream.engine.boundary import BoundaryObservable
from rxstream.engine.gate import Gate
from rxstream.engine.lift import lift
from rxstream.engine.observable import StreamObservable
from rxstream.errors import BufferOverflow
from rxstream.sansio.backlog import Backlog, Overflow
from rxstream.sinks.open_stream import open_stream
from tests.engine.sources import Same, Source, eventually, identity, ops, read, read_until_error
from tests.laws.source import nothing_left

pytestmark = pytest.mark.anyio


def behind(source: Source, most: int = 3, overflow: Overflow = "suspend") -> BoundaryObservable:
    return BoundaryObservable(source.observable, lambda: Backlog(most, overflow))


async def test_items_and_the_end_come_through() -> None:
    source = Source(range(20))
    assert await read(behind(source)) == list(range(20))
    assert source.closed_once


async def test_each_subscription_has_a_backlog_of_its_own() -> None:
    source = Source(range(5))
    stream = behind(source)
    assert await read(stream) == await read(stream) == list(range(5))
    assert source.opened == source.closed == 2


async def test_nothing_is_opened_before_the_first_demand() -> None:
    source = Source()
    async with open_stream(behind(source)):
        for _ in range(20):
            await checkpoint()
    assert source.opened == 0


async def test_the_source_runs_ahead_of_the_reader_and_no_further_than_the_backlog() -> None:
    source = Source()
    async with open_stream(behind(source, 3)) as items:
        for number in range(50):
            assert await anext(items) == number
            for _ in range(30):
                await checkpoint()
            # one more has been pulled, and waits for room
            assert source.produced == number + 1 + 3 + 1
    assert source.closed == 1


async def test_it_runs_while_the_reader_does_not_read() -> None:
    source = Source(range(10))
    async with open_stream(behind(source, 100)) as items:
        await anext(items)
        await eventually(lambda: source.closed == 1)
        assert [item async for item in items] == list(range(1, 10))


async def test_an_error_comes_behind_what_is_parked_with_the_source_closed() -> None:
    source = Source(range(3), fail=OSError("gone"))
    async with open_stream(behind(source, 10)) as items:
        assert await anext(items) == 0
        await eventually(lambda: source.closed == 1)
        assert await anext(items) == 1
        assert await anext(items) == 2
        with pytest.raises(OSError, match="gone") as caught:
            await anext(items)
    assert caught.value is source.fail
    assert source.closed == 1


async def test_an_overflow_comes_behind_what_is_parked_with_the_source_closed() -> None:
    source = Source()
    found, error = await slowly(source, "error")
    assert isinstance(error, BufferOverflow)
    assert found == [0, 1, 2, 3]
    assert source.closed == 1


async def slowly(source: Source, overflow: Overflow) -> tuple[list[Any], Exception | None]:
    found: list[Any] = []
    try:
        async with open_stream(behind(source, 3, overflow)) as items:
            async for item in items:
                found.append(item)
                for _ in range(20):
                    await checkpoint()
    except BufferOverflow as error:
        return found, error
    return found, None


@pytest.mark.parametrize("reads", [0, 1, 5])
async def test_a_reader_that_leaves_closes_the_source_and_leaves_no_task(reads: int) -> None:
    source = Source()
    with nothing_left():
        async with open_stream(behind(source)) as items:
            for _ in range(reads):
                await anext(items)
        assert source.closed == min(reads, 1)


async def test_one_that_was_never_asked_has_nothing_to_close() -> None:
    source, gate = Source(), Gate()
    gate.close()

    def gated(observer: Any, scheduler: Any = None) -> Any:
        return behind(source).subscribe(observer, scheduler=scheduler.child(gate))

    with nothing_left():
        async with open_stream(StreamObservable[Any](gated)) as items:
            with anyio.move_on_after(0.01):
                await anext(items)
    assert source.opened == 0


async def test_a_reader_that_is_cancelled_closes_the_source() -> None:
    stuck = Source(["never"], pause=3600)
    with nothing_left():
        with anyio.CancelScope() as scope:
            async with open_stream(behind(stuck)) as items:
                scope.cancel()
                await anext(items)
        assert stuck.closed_once


async def test_what_fails_while_it_is_closed_is_told_to_who_leaves() -> None:
    source = Source(close_fail=OSError("close"))
    with pytest.raises(OSError, match="close"):
        async with open_stream(behind(source)) as items:
            await anext(items)
    assert source.closed == 1


async def test_what_fails_while_it_is_closed_at_its_end_is_an_error_of_the_stream() -> None:
    source = Source([1], close_fail=OSError("close"))
    found, error = await read_until_error(behind(source))
    assert found == [1]
    assert error is source.close_fail


async def test_an_error_that_nobody_asked_for_any_more_is_none() -> None:
    source = Source(range(2), fail=OSError("gone"))
    async with open_stream(behind(source, 10)) as items:
        await anext(items)
        await eventually(lambda: source.closed == 1)


class Interrupt(BaseException):
    pass


async def test_what_is_no_exception_reaches_the_reader_as_it_is() -> None:
    source = Source([1], fail=Interrupt())
    with pytest.raises(Interrupt) as caught:
        async with open_stream(behind(source)) as items:
            async for _ in items:
                pass
    assert caught.value is source.fail
    assert source.closed == 1


async def test_it_may_stand_in_front_of_machines_and_between_stock_operators() -> None:
    source = Source(range(10))
    front = source.pipe(ops.map(identity), lift(Same))
    stream = BoundaryObservable(front, lambda: Backlog(2))
    assert await read(stream.pipe(lift(Same), ops.map(identity))) == list(range(10))
    assert source.closed == 1


async def test_two_boundaries_in_a_row_each_have_their_bound() -> None:
    source = Source()
    stream = BoundaryObservable(behind(source, 2), lambda: Backlog(3))
    async with open_stream(stream) as items:
        for number in range(10):
            assert await anext(items) == number
            for _ in range(50):
                await checkpoint()
            assert source.produced == number + 1 + 2 + 1 + 3 + 1
    assert source.closed == 1


async def test_boundaries_fan_in() -> None:
    texts = [[f"{name}{number}" for number in range(20)] for name in "abc"]
    sources = [Source(text) for text in texts]
    first, *others = (behind(source) for source in sources)
    seen = await read(first.pipe(ops.merge(*others)))
    for source, text in zip(sources, texts, strict=True):
        assert [item for item in seen if item in text] == text
        assert source.closed == 1


name: ContextVar[str] = ContextVar("name", default="nobody")


def who(_: Any) -> str:
    return name.get()


async def test_context_variables_of_the_reader_are_seen_in_front_of_it() -> None:
    token = name.set("reader")
    try:
        source = Source(range(1))
        stream = BoundaryObservable(source.pipe(ops.map(who)), lambda: Backlog(2))
        assert await read(stream) == ["reader"]
    finally:
        name.reset(token)


async def test_what_was_measured_in_front_of_it_is_known_behind_it() -> None:
    def measured(observer: Any, scheduler: Any = None) -> Any:
        scheduler.pump.metrics = "metrics"
        return Source([1]).observable.subscribe(observer, scheduler=scheduler)

    stream = BoundaryObservable(StreamObservable[Any](measured), lambda: Backlog(2))
    async with open_stream(stream) as items:
        assert [item async for item in items] == [1]
        assert items.metrics == "metrics"
