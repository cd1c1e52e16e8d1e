"""The laws of streams for what joins several: each is asked of ``make``, which joins two sources."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import anyio
import pytest
from anyio.lowlevel import checkpoint
from reactivex import Observable
from reactivex import operators as stock

import rxstream as rxs
from tests.laws.source import Source, nothing_left, stall

__all__ = ("LAWS", "Make", "failing", "live_runs", "ops", "read", "timed")

Make: TypeAlias = Callable[[list[Source]], Observable[Any]]
Law: TypeAlias = Callable[[Make], Awaitable[None]]

#: The stock operators without their types.
ops: Final[Any] = stock


async def read(observable: Observable[Any]) -> tuple[list[Any], Exception | None]:
    """Read a stream to its end; give its items, and its error if it ended in one."""
    came: list[Any] = []
    try:
        await rxs.to_list(observable, on_item=came.append)
    except Exception as error:
        return came, error
    return came, None


def failing(error: Exception) -> Callable[[], Awaitable[None]]:
    """Make what a source does at its end: raise this."""

    async def fail() -> None:
        raise error

    return fail


def timed(*moments: tuple[float, Any], end: float | None = None, error: Exception | None = None) -> Any:
    """Make a source that gives items at seconds after it was opened, and ends at one; None is never."""

    async def source() -> Any:
        start = anyio.current_time()
        for at, item in moments:
            await anyio.sleep_until(start + at)
            yield item
        if end is None:
            await stall()
        else:
            await anyio.sleep_until(start + end)
        if error is not None:
            raise error

    return rxs.from_stream(source)


def live_runs(sources: list[Source]) -> int:
    """Count the runs that are open."""
    return sum(not run.closed for source in sources for run in source.runs)


def two(then: Callable[[], Awaitable[object]] | None = None) -> list[Source]:
    return [Source("abc", then), Source("xyz", then)]


def assert_closed(sources: list[Source]) -> None:
    closed = [times for source in sources for times in source.closed]
    assert closed
    assert set(closed) == {1}


async def an_end_is_seen_once_and_when_all_is_closed(make: Make) -> None:
    sources = two()
    with nothing_left():
        async with rxs.open_stream(make(sources).pipe(ops.materialize())) as items:
            kinds = [signal.kind async for signal in items]
            assert_closed(sources)
    assert kinds == ["N"] * (len(kinds) - 1) + ["C"]
    assert len(kinds) > 1
    assert_closed(sources)


async def nothing_is_opened_before_the_first_demand(make: Make) -> None:
    sources = two()
    async with rxs.open_stream(make(sources)):
        for _ in range(10):
            await checkpoint()
    assert [source.runs for source in sources] == [[], []]


async def take_closes_all_before_the_end_is_seen(make: Make) -> None:
    sources = two(stall)
    with nothing_left():
        async with rxs.open_stream(make(sources).pipe(ops.take(1))) as items:
            await anext(items)
            assert_closed(sources)
            with pytest.raises(StopAsyncIteration):
                await anext(items)
    assert_closed(sources)


async def break_closes_all(make: Make) -> None:
    sources = two(stall)
    with nothing_left():
        async with rxs.open_stream(make(sources)) as items:
            async for _ in items:
                break
        assert_closed(sources)


async def the_reader_s_own_exception_comes_unchanged(make: Make) -> None:
    sources, mine, errors = two(stall), ZeroDivisionError("mine"), list[Exception]()
    with nothing_left():
        with pytest.raises(ZeroDivisionError) as caught:
            async with rxs.open_stream(make(sources).pipe(ops.do_action(on_error=errors.append))) as items:
                async for _ in items:
                    raise mine
        assert_closed(sources)
    assert caught.value is mine
    assert errors == []


async def cancellation_closes_all_and_is_no_error(make: Make) -> None:
    scope, errors = anyio.CancelScope(), list[Exception]()

    async def cancel() -> None:
        scope.cancel()
        await stall()

    sources = two(cancel)
    with nothing_left():
        with scope:
            async with rxs.open_stream(make(sources).pipe(ops.do_action(on_error=errors.append))) as items:
                async for _ in items:
                    pass
        assert scope.cancelled_caught
        assert_closed(sources)
    assert errors == []


async def a_time_limit_closes_all(make: Make) -> None:
    sources = two(stall)
    with nothing_left():
        with anyio.move_on_after(60) as scope:
            async with rxs.open_stream(make(sources)) as items:
                async for _ in items:
                    pass
        assert scope.cancelled_caught
        assert_closed(sources)


async def ops_timeout_closes_all_before_its_error_is_seen(make: Make) -> None:
    sources = two(stall)
    with nothing_left():
        async with rxs.open_stream(make(sources).pipe(ops.timeout(60))) as items:
            with pytest.raises(Exception, match="Timeout"):
                async for _ in items:
                    pass
            assert_closed(sources)


async def an_error_is_the_same_object_behind_all_items_and_all_is_closed(make: Make) -> None:
    error = OSError("gone")
    sources, came = two(failing(error)), list[Any]()
    with nothing_left():
        async with rxs.open_stream(make(sources)) as items:
            with pytest.raises(OSError, match="gone") as caught:
                async for item in items:
                    came.append(item)
            assert_closed(sources)
    assert caught.value is error
    assert len(came) >= 3
    assert_closed(sources)


async def a_mapper_s_error_closes_all_before_it_is_seen(make: Make) -> None:
    sources, mine = two(stall), KeyError("mapper")

    def fail(_: Any) -> Any:
        raise mine

    with nothing_left():
        async with rxs.open_stream(make(sources).pipe(ops.map(fail))) as items:
            with pytest.raises(KeyError) as caught:
                await anext(items)
            assert_closed(sources)
    assert caught.value is mine


async def what_is_left_is_closed_while_the_chain_goes_on(make: Make) -> None:
    sources = two(stall)
    other = Source("12")
    with nothing_left():
        async with rxs.open_stream(make(sources).pipe(ops.take(1), ops.concat(other.observable))) as items:
            await anext(items)
            assert_closed(sources)
            assert [item async for item in items] == ["1", "2"]
    assert_closed(sources)


async def an_error_that_is_handled_leaves_nothing_open(make: Make) -> None:
    sources, other = two(failing(OSError("gone"))), Source("12")
    with nothing_left():
        async with rxs.open_stream(make(sources).pipe(ops.catch(other.observable))) as items:
            async for item in items:
                if item == "1":
                    break
            assert_closed(sources)
            assert await anext(items) == "2"
    assert_closed(sources)


async def two_subscriptions_know_nothing_of_each_other(make: Make) -> None:
    sources = two()
    stream = make(sources)
    alone, _ = await read(stream)
    one, other = list[Any](), list[Any]()
    async with rxs.open_stream(stream) as first, rxs.open_stream(stream) as second:
        for _ in alone:
            one.append(await anext(first))
            other.append(await anext(second))
    assert sorted(one) == sorted(other) == sorted(alone)
    assert_closed(sources)


LAWS: Final[list[Any]] = [
    pytest.param(law, id=law.__name__)
    for law in (
        an_end_is_seen_once_and_when_all_is_closed,
        nothing_is_opened_before_the_first_demand,
        take_closes_all_before_the_end_is_seen,
        break_closes_all,
        the_reader_s_own_exception_comes_unchanged,
        cancellation_closes_all_and_is_no_error,
        a_time_limit_closes_all,
        ops_timeout_closes_all_before_its_error_is_seen,
        an_error_is_the_same_object_behind_all_items_and_all_is_closed,
        a_mapper_s_error_closes_all_before_it_is_seen,
        what_is_left_is_closed_while_the_chain_goes_on,
        an_error_that_is_handled_leaves_nothing_open,
        two_subscriptions_know_nothing_of_each_other,
    )
]
