import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Literal

import anyio
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import given
from hypothesis import strategies as st
from reactivex.subject import Subject

import rxstream as rxs
from rxstream.combine.map import map_stream
from rxstream.items import Restarted
from rxstream.testing import VirtualClock, check_operator
from tests.combine.laws import LAWS, Make, failing, ops, read, timed
from tests.laws.source import Source, nothing_left, stall

Backend = Literal["asyncio", "trio"]

user: ContextVar[str] = ContextVar("user", default="nobody")

mapping: Any = map_stream


class Calls:
    """An async function that takes as many seconds as its item says, and counts what happens."""

    def __init__(self, seconds: Callable[[Any], float] = float) -> None:
        self.seconds = seconds
        self.running = 0
        self.most = 0
        self.started: list[Any] = []
        self.finished: list[Any] = []
        self.cancelled: list[Any] = []

    async def __call__(self, item: Any) -> Any:
        self.started.append(item)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await anyio.sleep(self.seconds(item))
        except BaseException:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(1)  # giving up takes its time, too
            self.cancelled.append(item)
            raise
        finally:
            self.running -= 1
        self.finished.append(item)
        return -item if isinstance(item, int) else item


async def same(item: Any) -> Any:
    await checkpoint()
    return item


def ordered(sources: list[Source]) -> Any:
    return sources[0].observable.pipe(map_stream(same, max_concurrent=2))


def unordered(sources: list[Source]) -> Any:
    return sources[0].observable.pipe(map_stream(same, max_concurrent=1, ordered=False))


def wide(sources: list[Source]) -> Any:
    return sources[0].observable.pipe(map_stream(same, max_concurrent=100))


@pytest.mark.parametrize("make", [ordered, unordered, wide])
@pytest.mark.parametrize("law", LAWS)
def test_it_keeps_the_laws_of_streams(law: Any, make: Make, anyio_backend: Backend) -> None:
    VirtualClock().run(law, make, backend=anyio_backend)


def test_check_operator_finds_nothing() -> None:
    check_operator(map_stream(same, max_concurrent=1), ["Hel", "lo wor", "ld"], cuts=False)
    check_operator(map_stream(same, max_concurrent=3), ["Hel", "lo wor", "ld"], cuts=False, ahead=11)


# ---------------------------------------------------------------- order


@given(
    items=st.lists(st.integers(0, 9), max_size=20),
    most=st.integers(1, 5),
    credit=st.integers(1, 4),
    backend=st.sampled_from(["asyncio", "trio"]),
    data=st.data(),
)
def test_it_is_map(items: list[int], most: int, credit: int, backend: Backend, data: st.DataObject) -> None:
    in_order = data.draw(st.booleans())
    calls = Calls()
    stream: Any = rxs.from_stream(items).pipe(mapping(calls, max_concurrent=most, ordered=in_order))

    async def main() -> list[int]:
        async with rxs.open_stream(stream, credit=credit) as opened:
            return [item async for item in opened]

    came = VirtualClock().run(main, backend=backend)
    expected = [-item for item in items]
    assert came == expected if in_order else sorted(came) == sorted(expected)
    assert calls.most <= most
    assert sorted(calls.started) == sorted(items)


def test_without_order_a_result_comes_when_it_is_there(anyio_backend: Backend) -> None:
    calls = Calls()
    stream = rxs.from_stream([3, 1, 2]).pipe(map_stream(calls, max_concurrent=3, ordered=False))
    assert VirtualClock().run(read, stream, backend=anyio_backend) == ([-1, -2, -3], None)


@pytest.mark.anyio
async def test_a_plain_function_s_result_is_the_result() -> None:
    stream = rxs.from_stream(["a", "b"]).pipe(map_stream(str.upper, max_concurrent=1))
    assert await read(stream) == (["A", "B"], None)


@pytest.mark.anyio
async def test_the_function_sees_the_reader_s_context() -> None:
    user.set("ann")

    async def who(_: int) -> str:
        await checkpoint()
        return user.get()

    for most in (1, 3):
        stream = rxs.from_stream([1, 2, 3]).pipe(map_stream(who, max_concurrent=most))
        assert await read(stream) == (["ann"] * 3, None)


# ---------------------------------------------------------------- bounds


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("most", [1, 4])
@pytest.mark.parametrize("credit", [1, 8])
def test_a_slow_reader_holds_the_upstream_back(
    in_order: bool, most: int, credit: int, anyio_backend: Backend
) -> None:
    source = Source(range(100))
    # The first of every few takes longest, so that finished ones wait for it.
    calls = Calls(lambda item: 0.5 if item % 4 == 0 else 0.1)

    async def main() -> tuple[int, int]:
        ahead = made = consumed = 0
        stream = source.observable.pipe(mapping(calls, max_concurrent=most, ordered=in_order))
        async with rxs.open_stream(stream, credit=credit) as items:
            async for _ in items:
                consumed += 1
                await anyio.sleep(50)
                ahead = max(ahead, source.runs[0].produced - consumed)
                made = max(made, len(calls.started) - consumed)
        assert consumed == 100
        return ahead, made

    ahead, made = VirtualClock().run(main, backend=anyio_backend)
    assert made <= most
    assert ahead <= most + credit
    assert calls.most <= most


@pytest.mark.parametrize("credit", [1, 8])
def test_results_that_waited_for_one_before_them_come_one_by_one(credit: int, anyio_backend: Backend) -> None:
    """What the reader has not asked for is no reason to call the function again."""
    calls = Calls(lambda item: 0.5 if item % 4 == 0 else 0.1)

    async def main() -> int:
        made = consumed = 0
        stream = rxs.from_stream(range(40)).pipe(map_stream(calls, max_concurrent=4))
        async with rxs.open_stream(stream, credit=credit) as items:
            async for _ in items:
                consumed += 1
                await anyio.sleep(50)
                made = max(made, len(calls.started) - consumed)
        return made

    assert VirtualClock().run(main, backend=anyio_backend) <= 4


def test_one_call_that_hangs_holds_all_back(anyio_backend: Backend) -> None:
    source, calls = Source([9999, *[0] * 100]), Calls()

    async def main() -> None:
        async with rxs.open_stream(source.observable.pipe(mapping(calls, max_concurrent=3))) as items:
            with anyio.move_on_after(1000):
                await anext(items)

    VirtualClock().run(main, backend=anyio_backend)
    assert len(calls.started) == 3
    assert source.runs[0].produced <= 3 + 8
    assert calls.cancelled == [9999]


# ---------------------------------------------------------------- errors


def failing_at(item: Any, error: BaseException, calls: Calls) -> Any:
    async def fn(one: Any) -> Any:
        result = await calls(one)
        if one == item:
            raise error
        return result

    return fn


def test_an_error_comes_behind_the_results_before_it_and_cancels_what_is_behind(
    anyio_backend: Backend,
) -> None:
    mine, calls = KeyError("mine"), Calls()
    source = Source([5, 3, 1, 20, 30], stall)
    fn = failing_at(1, mine, calls)

    async def main() -> None:
        with nothing_left():
            async with rxs.open_stream(source.observable.pipe(mapping(fn, max_concurrent=4))) as items:
                assert await anext(items) == -5
                assert (calls.cancelled, source.closed) == ([20], [1])
                assert await anext(items) == -3
                with pytest.raises(KeyError) as caught:
                    await anext(items)
                assert caught.value is mine

    VirtualClock().run(main, backend=anyio_backend)
    assert sorted(calls.started) == [1, 3, 5, 20]


def test_of_two_errors_the_one_of_the_earlier_item_comes(anyio_backend: Backend) -> None:
    async def fn(item: int) -> int:
        await anyio.sleep(item)
        if item == 4:
            return item
        raise KeyError(item)

    stream = rxs.from_stream([4, 3, 2, 1]).pipe(map_stream(fn, max_concurrent=4))
    came, error = VirtualClock().run(read, stream, backend=anyio_backend)
    assert came == [4]
    assert isinstance(error, KeyError)
    assert error.args == (3,)


def test_without_order_an_error_comes_at_once(anyio_backend: Backend) -> None:
    mine, calls = KeyError("mine"), Calls()
    source = Source([50, 2, 1, 60], stall)
    fn = failing_at(2, mine, calls)
    stream = source.observable.pipe(mapping(fn, max_concurrent=4, ordered=False))
    came, error = VirtualClock().run(read, stream, backend=anyio_backend)
    assert (came, error) == ([-1], mine)
    assert sorted(calls.cancelled) == [50, 60]
    assert source.closed == [1]


@pytest.mark.parametrize("in_order", [True, False])
def test_an_error_of_the_upstream_comes_behind_all_results(in_order: bool, anyio_backend: Backend) -> None:
    gone, calls = OSError("gone"), Calls()
    source = Source([3, 1, 2, 1, 3], failing(gone))
    stream = source.observable.pipe(mapping(calls, max_concurrent=2, ordered=in_order))
    came, error = VirtualClock().run(read, stream, backend=anyio_backend)
    assert sorted(came) == [-3, -3, -2, -1, -1]
    assert error is gone
    assert source.closed == [1]


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["plain", "async"])
async def test_an_error_of_whatever_kind_of_function(kind: str) -> None:
    mine = KeyError("mine")

    def plain(_: Any) -> Any:
        raise mine

    async def coroutine(_: Any) -> Any:
        raise mine

    fn = plain if kind == "plain" else coroutine
    assert await read(rxs.from_stream([1]).pipe(mapping(fn, max_concurrent=1))) == ([], mine)


@pytest.mark.anyio
async def test_a_function_cannot_end_the_stream_by_chance() -> None:
    async def leak(_: Any) -> Any:
        raise StopAsyncIteration

    came, error = await read(rxs.from_stream([1]).pipe(mapping(leak, max_concurrent=1)))
    assert came == []
    assert isinstance(error, RuntimeError)
    assert "StopAsyncIteration" in str(error)


# ---------------------------------------------------------------- leaving


@pytest.mark.parametrize("way", ["take", "go on", "break", "cancel"])
@pytest.mark.parametrize("in_order", [True, False])
def test_running_calls_are_cancelled_before_the_reader_is_out(
    way: str, in_order: bool, anyio_backend: Backend
) -> None:
    calls = Calls()
    source = Source([1, 50, 60], stall)
    stream: Any = source.observable.pipe(mapping(calls, max_concurrent=3, ordered=in_order))

    async def main() -> None:
        with nothing_left():
            if way == "take":
                async with rxs.open_stream(stream.pipe(ops.take(1))) as items:
                    assert await anext(items) == -1
                    assert sorted(calls.cancelled) == [50, 60]
                    assert source.closed == [1]
            elif way == "go on":
                async with rxs.open_stream(stream.pipe(ops.take(1), ops.concat(timed((99, 1))))) as items:
                    assert [await anext(items), await anext(items)] == [-1, 1]
            elif way == "break":
                async with rxs.open_stream(stream) as items:
                    async for _ in items:
                        break
            else:
                with anyio.move_on_after(5):
                    await read(stream)
            assert sorted(calls.cancelled) == [50, 60]
            assert source.closed == [1]

    VirtualClock().run(main, backend=anyio_backend)
    assert calls.finished == [1]


def test_a_restart_passes_and_drops_what_was_still_to_come(anyio_backend: Backend) -> None:
    again, calls = Restarted(2), Calls()
    source = timed((0, 1), (0, 50), (0, 3), (0, 60), (10, again), (11, 2), end=99)
    stream = source.pipe(map_stream(calls, max_concurrent=5))
    assert VirtualClock().run(read, stream, backend=anyio_backend) == ([-1, again, -2], None)
    assert sorted(calls.cancelled) == [50, 60]
    assert sorted(calls.finished) == [1, 2, 3]


def test_a_restart_drops_what_had_no_call_yet(anyio_backend: Backend) -> None:
    again, calls = Restarted(2), Calls()
    stream = rxs.from_stream([1, 50, 51, 52, again, 2]).pipe(mapping(calls, max_concurrent=2))
    came, error = VirtualClock().run(read, stream, backend=anyio_backend)
    assert error is None
    assert came[-2:] == [again, -2]
    assert 52 not in calls.finished


# ---------------------------------------------------------------- the rest


@pytest.mark.parametrize("in_order", [True, False])
def test_a_hot_source_is_heard(in_order: bool) -> None:
    subject: Subject[int] = Subject()
    calls = Calls()

    async def speak() -> None:
        for item in (3, 1, 2):
            await asyncio.sleep(0.5)
            subject.on_next(item)
        subject.on_completed()

    async def main() -> list[Any]:
        stream: Any = subject.pipe(mapping(calls, max_concurrent=2, ordered=in_order))
        async with rxs.open_stream(stream) as items, asyncio.TaskGroup() as tasks:
            tasks.create_task(speak())
            return [item async for item in items]

    assert VirtualClock().run(main) == ([-3, -1, -2] if in_order else [-1, -3, -2])


def test_wrong_arguments_are_refused_at_once() -> None:
    with pytest.raises(TypeError, match=r"map_stream\(\) expects as fn a function of one item, and got 3"):
        mapping(3, max_concurrent=1)
    with pytest.raises(ValueError, match="expects max_concurrent to be at least 1 and got 0"):
        mapping(same, max_concurrent=0)
