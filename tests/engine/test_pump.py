"""The pump: bounds, fairness, errors, reads, and what is left behind: nothing."""

# What travels through Rx is of any type, and so is what lambdas among its operators get.
# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

import asyncio
import sys
import threading
import traceback
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from typing import Any

import anyio
import pytest
import reactivex as rx
import trio
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint
from reactivex import Observable
from reactivex.disposable import Disposable
from reactivex.subject import Subject

from rxstream.engine.lift import lift
from rxstream.engine.observable import PullObservable, StreamObservable
from rxstream.engine.straight import PATIENCE
from rxstream.errors import ConcurrentRead, StreamInterrupted, UsageError
from rxstream.sinks.open_stream import open_stream
from tests.engine.sources import (
    LONG,
    MODES,
    Mode,
    Same,
    Source,
    eventually,
    identity,
    ops,
    read,
    read_until_error,
)

pytestmark = pytest.mark.anyio

each_mode = pytest.mark.parametrize("mode", [pytest.param(mode, id=name) for name, mode in MODES.items()])


# ---------------------------------------------------------------- several sources, in turn


async def test_a_source_that_is_always_ready_does_not_starve_a_slow_one() -> None:
    busy, slow = Source(pause=None), Source(["slow"] * 5, pause=0)
    async with open_stream(rx.merge(busy.observable, slow.observable)) as items:
        seen: list[Any] = []
        async for item in items:
            seen.append(item)
            if seen.count("slow") == 5:
                break
    assert len(seen) < 100


async def test_sources_that_are_all_ready_are_read_in_turn() -> None:
    sources = [Source([letter] * 20, pause=None) for letter in "abcd"]
    found = await read(rx.merge(*(source.observable for source in sources)))
    # Each is heard as often as any other, but for the order within a round, which is trio's to choose.
    for end in range(len(found)):
        heard = [found[:end].count(letter) for letter in "abcd"]
        assert max(heard) - min(heard) <= 2


async def test_each_source_keeps_its_order() -> None:
    sources = [Source([(number, at) for at in range(30)], pause=number % 3 and 0) for number in range(5)]
    found = await read(rx.merge(*(source.observable for source in sources)))
    assert len(found) == 150
    for number in range(5):
        assert [at for which, at in found if which == number] == list(range(30))


async def calls_per_item(sources: int) -> float:
    """Count the Python calls that an item costs, from opening to closing."""
    merged = rx.merge(*(Source(range(10), pause=None).observable for _ in range(sources)))
    calls = 0

    def count(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event == "call"

    async with open_stream(merged) as items:
        sys.setprofile(count)
        try:
            found = [item async for item in items]
        finally:
            sys.setprofile(None)
    assert len(found) == 10 * sources
    return calls / len(found)


async def test_an_item_costs_the_same_however_many_sources_there_are() -> None:
    assert await calls_per_item(300) < 1.25 * await calls_per_item(10)


async def test_a_thousand_sources_are_all_read_and_closed() -> None:
    sources = [Source(range(3), pause=None) for _ in range(1000)]
    assert len(await read(rx.merge(*(source.observable for source in sources)))) == 3000
    assert all((source.opened, source.closed) == (1, 1) for source in sources)


async def test_what_a_source_had_parked_when_it_was_let_go_is_dropped() -> None:
    busy, other = Source(pause=None), Source(["other"] * 5, pause=None)
    found = await read(rx.merge(busy.pipe(ops.take(2)), other.observable))
    assert sorted(found, key=str) == [0, 1, *["other"] * 5]
    assert 2 < busy.produced <= 2 + 8  # some of its credit was parked
    assert busy.closed == other.closed == 1


async def test_a_source_that_comes_late_joins_in() -> None:
    source = Source([1, 2, 3])
    inner = Source("ab")
    found = await read(source.pipe(ops.flat_map(lambda _: inner.observable)))
    assert sorted(found) == ["a", "a", "a", "b", "b", "b"]
    assert inner.opened == inner.closed == 3
    assert source.closed == 1


# ---------------------------------------------------------------- a source that never waits

PATIENT: dict[str, Mode] = {
    **MODES,
    "direct, nothing comes out": lambda source: source.pipe(ops.filter(lambda item: item == 10**9)),
    "straight, nothing comes out": lambda source: source.pipe(lift(Nothing)),
    "ready work without end": lambda source: source.pipe(ops.take(0), ops.concat(rx.of(1)), ops.repeat()),
}


class Nothing(Same):
    """Gives nothing, whatever comes."""

    def feed(self, chunk: Any) -> tuple[()]:
        return ()


@pytest.mark.parametrize("mode", [pytest.param(mode, id=name) for name, mode in PATIENT.items()])
async def test_a_source_that_never_waits_lets_the_others_run_and_can_be_cancelled(mode: Mode) -> None:
    source = Source(pause=None)
    turns = 0

    async def other() -> None:
        nonlocal turns
        for _ in range(10):
            turns += 1
            await checkpoint()
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(other)
        async with open_stream(mode(source.observable)) as items:
            async for _ in items:
                assert source.produced < 20 * PATIENCE
        raise AssertionError("not reached")
    assert turns == 10
    assert source.closed_once


# ---------------------------------------------------------------- errors


@each_mode
async def test_an_error_is_the_same_object_with_its_traceback_behind_all_items(mode: Mode) -> None:
    async def break_here() -> AsyncIterator[int]:
        for item in range(3):
            yield item
        raise mine

    mine = OSError("mine")
    found, error = await read_until_error(mode(PullObservable(break_here, "breaking")))
    assert found == [0, 1, 2]
    assert error is mine
    assert "break_here" in [frame.name for frame in traceback.extract_tb(mine.__traceback__)]
    assert mine.__context__ is None


@each_mode
async def test_a_reader_s_exception_in_a_cancelled_scope_stays_what_it_is(mode: Mode) -> None:
    mine = KeyError("mine")
    with pytest.raises(KeyError) as caught, anyio.CancelScope() as scope:
        async with open_stream(mode(Source().observable)) as items:
            async for _ in items:
                scope.cancel()
                raise mine
    assert caught.value is mine


@each_mode
async def test_a_reader_s_exception_is_no_error_of_the_stream(mode: Mode) -> None:
    heard: list[Exception] = []
    source = Source()
    with pytest.raises(KeyError):
        async with open_stream(mode(source.observable).pipe(ops.do_action(on_error=heard.append))) as items:
            async for _ in items:
                raise KeyError
    assert heard == []
    assert source.closed == 1


@each_mode
async def test_an_end_of_iteration_from_a_mapper_does_not_pass_for_the_end(mode: Mode) -> None:
    def mapper(_: Any) -> Any:
        raise StopAsyncIteration

    _, error = await read_until_error(mode(Source().observable).pipe(ops.map(mapper)))
    assert isinstance(error, RuntimeError)
    assert isinstance(error.__cause__, StopAsyncIteration)


def broken(signal: str, error: Exception) -> Callable[[Observable[Any]], Observable[Any]]:
    """Make an operator that fails itself, outside what any operator guards, when this signal comes."""

    def operator(source: Observable[Any]) -> Observable[Any]:
        def fail(*_: Any) -> None:
            raise error

        def subscribe(observer: Any, scheduler: Any = None) -> Any:
            handlers = {
                "on_next": observer.on_next,
                "on_error": observer.on_error,
                "on_completed": observer.on_completed,
                signal: fail,
            }
            return source.subscribe(**handlers, scheduler=scheduler)

        return Observable(subscribe)

    return operator


@pytest.mark.parametrize("signal", ["on_next", "on_error", "on_completed"])
@pytest.mark.parametrize("name", ["direct", "tasked", "fan-in"])
async def test_an_operator_s_own_failure_reaches_the_reader(name: str, signal: str) -> None:
    mine = ArithmeticError("mine")
    source = Source(range(3), fail=OSError() if signal == "on_error" else None)
    chain = MODES[name](source.observable).pipe(broken(signal, mine))
    async with open_stream(chain) as items:
        with pytest.raises(ArithmeticError) as caught:
            async for _ in items:
                pass
        assert caught.value is mine
        assert source.closed == 1


async def test_a_scheduled_action_s_failure_reaches_the_reader() -> None:
    mine = ArithmeticError("mine")

    def fail(*_: Any) -> None:
        raise mine

    def subscribe(_: Any, scheduler: Any = None) -> Any:
        scheduler.schedule_relative(0.001, fail)
        return scheduler.schedule_relative(LONG, fail)

    found, error = await read_until_error(rx.merge(Observable(subscribe), Source([]).observable))
    assert found == []
    assert error is mine


async def test_a_subscribe_that_fails_fails_where_the_stream_is_entered_and_nothing_stays() -> None:
    mine = ArithmeticError("mine")

    def subscribe(observer: Any, _: Any = None) -> Any:
        observer.on_completed()
        raise mine

    stream = open_stream(StreamObservable[Any](subscribe))
    with pytest.raises(ArithmeticError) as caught:
        await stream.__aenter__()
    assert caught.value is mine


async def test_a_failing_clean_up_of_an_operator_is_raised_behind_the_closing() -> None:
    mine = ArithmeticError("mine")

    def clean_up() -> None:
        raise mine

    source = Source()
    with pytest.raises(ArithmeticError) as caught:
        async with open_stream(source.pipe(ops.finally_action(clean_up))) as items:
            await anext(items)
    assert caught.value is mine
    assert source.closed == 1


# ---------------------------------------------------------------- grammar


@pytest.mark.parametrize("end", ["on_error", "on_completed"])
@pytest.mark.parametrize("captured", [False, True])
async def test_nothing_comes_behind_the_end_even_if_a_source_goes_on(captured: bool, end: str) -> None:
    mine = OSError("mine")

    def subscribe(observer: Any, _: Any = None) -> Any:
        def look_up(value: Any) -> None:
            observer.on_next(value)

        # An operator may keep the function, or look it up for each item.
        push = observer.on_next if captured else look_up
        push(1)
        if end == "on_error":
            observer.on_error(mine)
        observer.on_completed()
        push(2)
        observer.on_error(OSError("another"))

    for observable in (Observable[Any](subscribe), StreamObservable[Any](subscribe)):
        found, error = await read_until_error(observable)
        assert found == [1]
        assert error is (mine if end == "on_error" else None)


async def test_an_operator_that_goes_on_behind_its_end_is_not_heard() -> None:
    def unruly(source: Observable[Any]) -> Observable[Any]:
        def subscribe(observer: Any, scheduler: Any = None) -> Any:
            def on_next(value: Any) -> None:
                observer.on_next(value)
                observer.on_completed()
                observer.on_next("more")
                observer.on_error(OSError())

            return source.subscribe(on_next, scheduler=scheduler)

        return Observable(subscribe)

    source = Source()
    assert await read(source.pipe(unruly, ops.map(identity), unruly)) == [0]
    assert source.closed == 1


# ---------------------------------------------------------------- the reader's side


@each_mode
async def test_context_variables_of_the_reader_are_visible_everywhere(mode: Mode) -> None:
    who: ContextVar[str] = ContextVar("who", default="nobody")
    seen: list[str] = []

    async def generate() -> AsyncIterator[str]:
        for _ in range(3):
            await checkpoint()
            yield who.get()

    def mapper(item: str) -> str:
        seen.append(who.get())
        return item

    who.set("reader")
    source: PullObservable[str] = PullObservable(generate, "generator")
    assert await read(mode(source).pipe(ops.map(mapper))) == ["reader"] * 3
    assert seen == ["reader"] * 3


@each_mode
async def test_two_reads_at_once_are_refused(mode: Mode) -> None:
    source = Source(pause=LONG)
    async with open_stream(mode(source.observable)) as items, anyio.create_task_group() as tasks:

        async def first() -> None:
            await anext(items)

        tasks.start_soon(first)
        await eventually(lambda: source.opened == 1)
        with pytest.raises(ConcurrentRead, match="Two tasks"):
            await anext(items)
        with pytest.raises(ConcurrentRead):
            async for _ in items:
                pass
        tasks.cancel_scope.cancel()
    assert source.closed == 1


@each_mode
async def test_a_read_behind_a_cancelled_one_is_refused(mode: Mode) -> None:
    source = Source(pause=LONG)
    async with open_stream(mode(source.observable)) as items:
        async with anyio.create_task_group() as group:

            async def cancel_when_the_source_is_waited_for() -> None:
                await eventually(lambda: source.opened == 1)
                group.cancel_scope.cancel()

            group.start_soon(cancel_when_the_source_is_waited_for)
            await anext(items)
        for _ in range(2):
            with pytest.raises(StreamInterrupted, match="cancelled"):
                await anext(items)
    assert source.closed == 1


@each_mode
async def test_a_read_behind_the_close_is_refused(mode: Mode) -> None:
    source = Source()
    async with open_stream(mode(source.observable)) as items:
        await anext(items)
    with pytest.raises(StreamInterrupted, match="closed"):
        await anext(items)
    with pytest.raises(StreamInterrupted, match="closed"):
        async for _ in items:
            pass
    await items.aclose()
    assert source.closed == 1


@each_mode
async def test_a_read_behind_the_end_is_the_end(mode: Mode) -> None:
    async with open_stream(mode(Source([1]).observable)) as items:
        assert [item async for item in items] == [1]
        assert [item async for item in items] == []
        with pytest.raises(StopAsyncIteration):
            await anext(items)


async def test_a_stream_is_entered_once_and_read_inside() -> None:
    stream = open_stream(Source([1]).observable)
    with pytest.raises(UsageError, match="must be entered"):
        aiter(stream)  # pyright: ignore[reportArgumentType]
    async with stream as items:
        with pytest.raises(UsageError, match="has been entered before"):
            await stream.__aenter__()
        assert [item async for item in items] == [1]


@each_mode
async def test_single_reads_under_a_time_limit_in_a_task_group(mode: Mode) -> None:
    """PEP 789: no cancel scope of ours is left open across an item."""
    source = Source(range(4))
    seen: list[int] = []

    async def work(tasks: TaskGroup) -> None:
        async with open_stream(mode(source.observable)) as items:
            while True:
                item = None
                with anyio.move_on_after(LONG):
                    item = await anext(items, None)
                if item is None:
                    break
                tasks.start_soon(anyio.sleep, 0)
                seen.append(item)

    async with anyio.create_task_group() as tasks:
        await work(tasks)
    assert seen == [0, 1, 2, 3]
    assert source.closed == 1


@each_mode
async def test_a_loop_can_be_left_and_taken_up_again(mode: Mode) -> None:
    async with open_stream(mode(Source(range(6)).observable)) as items:
        async for item in items:
            if item == 2:
                break
        assert await anext(items) == 3
        assert [item async for item in items] == [4, 5]


async def test_streams_in_streams_do_not_disturb_each_other() -> None:
    outer, inner = Source(range(3)), Source("ab")
    found: list[Any] = []
    async with open_stream(outer.pipe(ops.map(identity))) as items:
        async for item in items:
            found.append(item)
            found += await read(inner.pipe(ops.timeout(LONG)))
    assert found == [0, "a", "b", 1, "a", "b", 2, "a", "b"]
    assert (outer.closed, inner.closed) == (1, 3)


# ---------------------------------------------------------------- nothing is left


def tasks_alive() -> int:
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:
        return trio.lowlevel.current_statistics().tasks_living


@each_mode
@pytest.mark.parametrize("ending", ["end", "break", "error", "cancel"])
async def test_no_task_and_no_thread_is_left(mode: Mode, ending: str) -> None:
    source = Source(range(20), fail=OSError() if ending == "error" else None)
    tasks, threads = tasks_alive(), set(threading.enumerate())
    try:
        with anyio.CancelScope() as scope:
            async with open_stream(mode(source.observable).pipe(ops.delay(0.0001))) as items:
                async for item in items:
                    if item == 3 and ending == "break":
                        break
                    if item == 3 and ending == "cancel":
                        scope.cancel()
    except OSError:
        assert ending == "error"
    assert tasks_alive() == tasks
    assert set(threading.enumerate()) <= threads
    assert source.closed == 1


async def test_a_chain_that_was_never_read_is_disposed_of() -> None:
    disposed: list[str] = []

    def subscribe(_observer: Any, _scheduler: Any = None) -> Any:
        return Disposable(lambda: disposed.append("yes"))

    async with open_stream(Observable[Any](subscribe)):
        pass
    assert disposed == ["yes"]


async def test_a_stream_that_says_nothing_waits_and_can_be_cancelled() -> None:
    with anyio.move_on_after(0.001) as scope:
        await read(rx.never())
    assert scope.cancelled_caught


async def test_a_finished_stream_holds_no_subject() -> None:
    subject: Subject[int] = Subject()
    async with open_stream(subject.pipe(ops.map(identity))):
        assert len(subject.observers) == 1
    assert subject.observers == []


async def test_a_source_that_cannot_be_opened_is_an_error_of_the_stream() -> None:
    mine = ArithmeticError("mine")

    def refuse() -> Any:
        raise mine

    broken: PullObservable[Any] = PullObservable(refuse, "broken")
    other = Source(["other"])
    assert await read(broken.pipe(ops.catch(other.observable))) == ["other"]
    assert other.closed == 1
