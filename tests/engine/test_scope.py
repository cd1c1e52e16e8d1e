"""Operators that know time run on the pump's clock, in the reader's task, and start no thread."""

# What travels through Rx is of any type, and so is what lambdas among its operators get.
# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

import threading
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any, TypeAlias

import anyio
import pytest
import reactivex as rx
from reactivex import Observable
from reactivex.disposable import BooleanDisposable
from reactivex.scheduler import TimeoutScheduler

from rxstream.engine.lift import lift
from rxstream.engine.observable import PullObservable
from rxstream.engine.pump import Pump
from rxstream.engine.scope import Scope, active_scope
from rxstream.sinks.open_stream import open_stream
from rxstream.testing import VirtualClock
from tests.engine.sources import (
    Backend,
    Same,
    Source,
    forgetful,
    ops,
    read,
)

Operator: TypeAlias = Callable[[Any], Any]
Timeline: TypeAlias = list[tuple[float, Any]]

END = "|"


def timed(*moments: tuple[float, Any]) -> PullObservable[Any]:
    """Give each item at its second; the last moment is that of the end, or of an error."""

    async def generate() -> AsyncIterator[Any]:
        start = anyio.current_time()
        for at, item in moments:
            await anyio.sleep(start + at - anyio.current_time())
            if isinstance(item, Exception):
                raise item
            if item is not END:
                yield item

    return PullObservable(generate, "timed")


def timeline_of(observable: Observable[Any], backend: Backend) -> Timeline:
    """Read in virtual time: each item with its second, then the end or the error. No thread may start."""

    async def main() -> Timeline:
        found: Timeline = []
        start = anyio.current_time()

        def note(item: Any) -> None:
            assert new_threads() == set()
            found.append((round(anyio.current_time() - start, 6), item))

        async with open_stream(observable) as items:
            try:
                async for item in items:
                    note(item)
            except Exception as error:
                note(str(error))
            else:
                note(END)
        return found

    # Those of earlier tests may come to their end meanwhile.
    threads = set(threading.enumerate())

    def new_threads() -> set[threading.Thread]:
        return set(threading.enumerate()) - threads

    found = VirtualClock().run(main, backend=backend)
    assert new_threads() == set()
    return found


def interval_of(item: Any) -> tuple[Any, float]:
    return item.value, round(item.interval.total_seconds(), 6)


to_lists = ops.flat_map(lambda window: window.pipe(ops.to_list()))

#: Each on a at 1 s, b at 2, c at 5, the end at 7.
ON_A_SOURCE: dict[str, tuple[list[Operator], Timeline]] = {
    "debounce": ([ops.debounce(1.5)], [(3.5, "b"), (6.5, "c"), (7, END)]),
    "throttle_with_timeout": ([ops.throttle_with_timeout(2.5)], [(4.5, "b"), (7, "c"), (7, END)]),
    "throttle_with_mapper": (
        [ops.throttle_with_mapper(lambda _: rx.timer(1.5))],
        [(3.5, "b"), (6.5, "c"), (7, END)],
    ),
    "timeout": ([ops.timeout(2)], [(1, "a"), (2, "b"), (4, "Timeout")]),
    "timeout, in time": ([ops.timeout(3.5)], [(1, "a"), (2, "b"), (5, "c"), (7, END)]),
    "timeout, with another": (
        [ops.timeout(2, rx.timer(1))],
        [(1, "a"), (2, "b"), (5, 0), (5, END)],
    ),
    "timeout_with_mapper": (
        [ops.timeout_with_mapper(rx.timer(9), lambda _: rx.timer(2))],
        [(1, "a"), (2, "b"), (4, "Timeout")],
    ),
    "delay": ([ops.delay(2)], [(3, "a"), (4, "b"), (7, "c"), (9, END)]),
    "delay, as a timedelta": (
        [ops.delay(timedelta(seconds=2))],
        [(3, "a"), (4, "b"), (7, "c"), (9, END)],
    ),
    "delay_with_mapper": (
        [ops.delay_with_mapper(lambda _: rx.timer(1.5))],
        [(2.5, "a"), (3.5, "b"), (6.5, "c"), (7, END)],
    ),
    "delay_subscription": (
        [ops.delay_subscription(2)],
        [(3, "a"), (4, "b"), (7, "c"), (9, END)],
    ),
    "buffer_with_time": (
        [ops.buffer_with_time(3)],
        [(3, ["a", "b"]), (6, ["c"]), (7, []), (7, END)],
    ),
    "buffer_with_time_or_count": (
        [ops.buffer_with_time_or_count(4, 2)],
        [(2, ["a", "b"]), (6, ["c"]), (7, []), (7, END)],
    ),
    "window_with_time": (
        [ops.window_with_time(3), to_lists],
        [(3, ["a", "b"]), (6, ["c"]), (7, []), (7, END)],
    ),
    "window_with_time_or_count": (
        [ops.window_with_time_or_count(4, 2), to_lists],
        [(2, ["a", "b"]), (6, ["c"]), (7, []), (7, END)],
    ),
    "sample": ([ops.sample(1.6)], [(1.6, "a"), (3.2, "b"), (6.4, "c"), (8, END)]),
    "throttle_first": ([ops.throttle_first(1.5)], [(1, "a"), (5, "c"), (7, END)]),
    "time_interval": (
        [ops.time_interval(), ops.map(interval_of)],
        [(1, ("a", 1)), (2, ("b", 1)), (5, ("c", 3)), (7, END)],
    ),
    "timestamp": (
        [
            ops.timestamp(),
            ops.pairwise(),
            ops.map(lambda two: round((two[1].timestamp - two[0].timestamp).total_seconds(), 6)),
        ],
        [(2, 1), (5, 3), (7, END)],
    ),
    "take_until_with_time": ([ops.take_until_with_time(3)], [(1, "a"), (2, "b"), (3, END)]),
    "take_with_time": ([ops.take_with_time(3)], [(1, "a"), (2, "b"), (3, END)]),
    "take_last_with_time": ([ops.take_last_with_time(3)], [(7, "c"), (7, END)]),
    "skip_with_time": ([ops.skip_with_time(1.5)], [(2, "b"), (5, "c"), (7, END)]),
    "skip_until_with_time": ([ops.skip_until_with_time(1.5)], [(2, "b"), (5, "c"), (7, END)]),
    "skip_last_with_time": ([ops.skip_last_with_time(1.5)], [(5, "a"), (5, "b"), (7, "c"), (7, END)]),
    "two in a row": ([ops.delay(1), ops.debounce(1.5)], [(4.5, "b"), (7.5, "c"), (8, END)]),
}

#: Some that do not pass the scheduler on, and one that is ours.
TAILS: dict[str, list[Operator]] = {
    "alone": [],
    "behind a machine": [lift(Same)],
    "under one that forgets the scheduler": [forgetful],
    "under two of them": [ops.map(lambda item: item), forgetful, forgetful],
}


@pytest.mark.parametrize("tail", list(TAILS))
@pytest.mark.parametrize("name", list(ON_A_SOURCE))
def test_an_operator_of_time_runs_on_the_pump_s_clock(name: str, tail: str, anyio_backend: Backend) -> None:
    operators, expected = ON_A_SOURCE[name]
    source = timed((1, "a"), (2, "b"), (5, "c"), (7, END))
    assert timeline_of(source.pipe(*operators, *TAILS[tail]), anyio_backend) == expected


START: Any = 0

ROOTS: dict[str, tuple[Observable[Any], Timeline]] = {
    "interval": (rx.interval(2).pipe(ops.take(3)), [(2, 0), (4, 1), (6, 2), (6, END)]),
    "timer": (rx.timer(3), [(3, 0), (3, END)]),
    "timer, at once": (rx.timer(0), [(0, 0), (0, END)]),
    "timer, again and again": (rx.timer(1, 2).pipe(ops.take(3)), [(1, 0), (3, 1), (5, 2), (5, END)]),
    "of": (rx.of(1, 2), [(0, 1), (0, 2), (0, END)]),
    "empty": (rx.empty(), [(0, END)]),
    "throw": (rx.throw(OSError("no")), [(0, "no")]),
    "defer": (rx.defer(lambda _: timed((1, "a"), (2, END))), [(1, "a"), (2, END)]),
    "merge": (
        rx.merge(timed((1, "a"), (4, "c"), (5, END)), timed((2, "b"), (3, END))),
        [(1, "a"), (2, "b"), (4, "c"), (5, END)],
    ),
    "concat": (
        rx.concat(timed((1, "a"), (2, END)), timed((1, "b"), (1, END))),
        [(1, "a"), (3, "b"), (3, END)],
    ),
    "zip": (
        rx.zip(timed((1, "a"), (2, "b"), (3, END)), rx.interval(1.5)),
        [(1.5, ("a", 0)), (3, ("b", 1)), (3, END)],
    ),
    "amb": (rx.amb(timed((2, "slow"), (3, END)), timed((1, "fast"), (2, END))), [(1, "fast"), (2, END)]),
    "generate": (
        rx.generate_with_relative_time(START, lambda n: n < 2, lambda n: n + 1, lambda _: 1.0),
        [(1, 0), (2, 1), (2, END)],
    ),
    "using": (
        rx.using(BooleanDisposable, lambda _: timed((1, "a"), (2, END))),
        [(1, "a"), (2, END)],
    ),
    "catch": (
        rx.catch(timed((1, "a"), (2, OSError())), timed((1, "b"), (2, END))),
        [(1, "a"), (3, "b"), (4, END)],
    ),
}


@pytest.mark.parametrize("name", list(ROOTS))
def test_a_stock_root_runs_on_the_pump_too(name: str, anyio_backend: Backend) -> None:
    observable, expected = ROOTS[name]
    assert timeline_of(observable, anyio_backend) == expected


def test_a_window_ends_in_time_though_the_source_stalls(anyio_backend: Backend) -> None:
    source = timed((1, "a"), (100, "b"), (101, END))
    found = timeline_of(source.pipe(ops.buffer_with_time(10), ops.take(2)), anyio_backend)
    assert found == [(10, ["a"]), (20, []), (20, END)]


def test_timers_stand_still_while_nobody_reads(anyio_backend: Backend) -> None:
    async def main() -> None:
        async with open_stream(rx.interval(1)) as items:
            await anyio.sleep(10)
            start = anyio.current_time()
            assert await anext(items) == 0  # due long ago
            assert anyio.current_time() == start

    VirtualClock().run(main, backend=anyio_backend)


def test_timers_that_are_always_due_do_not_starve_a_source(anyio_backend: Backend) -> None:
    """The reader is slower than the timer, so whenever it reads there is a tick to be had."""

    async def main() -> None:
        source = Source("abc", pause=1)
        ticks = 0
        async with open_stream(rx.merge(rx.interval(1), source.observable)) as items:
            async for item in items:
                await anyio.sleep(5)
                ticks += isinstance(item, int)
                if item == "c":
                    break
        assert ticks < 10

    VirtualClock().run(main, backend=anyio_backend)


@pytest.mark.anyio
async def test_a_timer_that_is_called_off_never_fires() -> None:
    fired: list[str] = []
    async with Pump() as pump:
        late = pump.scope.schedule_relative(0.002, lambda *_: fired.append("late"))
        soon = pump.scope.schedule(lambda *_: fired.append("soon"))
        done = pump.scope.schedule_relative(0.004, lambda *_: pump.stop())
        soon.dispose()
        late.dispose()
        late.dispose()
        pump.connect(rx.never(), print, pump.scope)
        assert [item async for item in pump.items()] == []
        done.dispose()
    assert fired == []


@pytest.mark.anyio
async def test_what_an_action_returned_is_disposed_of_with_it() -> None:
    before, after = BooleanDisposable(), BooleanDisposable()
    async with Pump() as pump:
        work = pump.scope.schedule(lambda *_: before)
        own = pump.scope.schedule(lambda *_: own.dispose() or after)
        pump.scope.schedule_relative(0.001, lambda *_: pump.stop())
        pump.connect(rx.never(), print, pump.scope)
        assert [item async for item in pump.items()] == []
        assert not before.is_disposed
        work.dispose()
        assert before.is_disposed
        # It called itself off while it ran.
        assert after.is_disposed


def test_absolute_time_is_the_event_loop_s(anyio_backend: Backend) -> None:
    async def main() -> list[float]:
        fired: list[float] = []
        async with Pump() as pump:
            start = pump.scope.now
            assert start.tzinfo is not None

            def action(*_: Any) -> None:
                fired.append((pump.scope.now - start).total_seconds())
                if len(fired) == 2:
                    pump.stop()

            pump.scope.schedule_absolute(start + timedelta(hours=2), action)
            pump.scope.schedule_absolute(start - timedelta(hours=2), action)
            pump.connect(rx.never(), print, pump.scope)
            assert [item async for item in pump.items()] == []
        return fired

    assert VirtualClock().run(main, backend=anyio_backend) == [0, pytest.approx(7200)]


@pytest.mark.anyio
async def test_a_source_under_an_operator_with_a_scheduler_of_its_own_is_pulled_by_the_pump() -> None:
    source = Source(range(3))
    intervals = source.pipe(ops.time_interval(scheduler=TimeoutScheduler.singleton()))
    assert [item.value for item in await read(intervals)] == [0, 1, 2]
    assert source.closed == 1


@pytest.mark.anyio
async def test_items_that_a_foreign_thread_delays_are_heard() -> None:
    source = Source(range(3))
    assert await read(source.pipe(ops.delay(0.001, scheduler=TimeoutScheduler.singleton()))) == [0, 1, 2]
    assert source.closed == 1


@pytest.mark.anyio
async def test_the_active_scope_is_that_of_the_pump_that_runs_operators() -> None:
    seen: list[Scope | None] = []
    async with open_stream(
        Source(range(2)).pipe(ops.do_action(lambda _: seen.append(active_scope())))
    ) as one:
        async for _ in one:
            assert active_scope() is None
            async with open_stream(
                rx.of(1).pipe(ops.do_action(lambda _: seen.append(active_scope())))
            ) as two:
                assert [item async for item in two] == [1]
    first, inner, again, other = seen
    assert first is not None
    assert first is again
    assert inner is not None
    assert other is not None
    assert len({first, inner, other}) == 3
