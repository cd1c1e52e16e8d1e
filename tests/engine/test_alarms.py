"""Limits on waiting: when they go off, and what they cost the source."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import pytest
from reactivex import Observable

from rxstream.engine.alarms import Alarm, Alarms, Expired, Watched
from rxstream.engine.bell import Bell
from rxstream.engine.observable import StreamObservable
from rxstream.engine.scope import scope_of
from rxstream.sinks.open_stream import open_stream
from rxstream.testing import VirtualClock
from tests.engine.sources import LONG, Backend, Source, ops, read

each_backend = pytest.mark.parametrize("backend", ["asyncio", "trio"])


def run(backend: Backend, body: Callable[[], Any]) -> None:
    VirtualClock().run(body, backend=backend)


# ---------------------------------------------------------------- by themselves


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def fired(alarms: Alarms) -> list[str]:
    names: list[str] = []
    alarms.run_due(lambda action: names.append(str(action())))
    return names


def named(name: str, *, on_clock: bool = False) -> Alarm:
    return Alarm(lambda: name, on_clock=on_clock)


def test_without_one_there_is_nothing_to_run() -> None:
    alarms = Alarms(Clock())
    assert not alarms
    assert not alarms.run_due(lambda action: action())


def test_one_goes_off_once_when_its_time_has_come() -> None:
    clock = Clock()
    alarms = Alarms(clock)
    alarms.set(named("waited"), 5)
    alarms.set(named("passed", on_clock=True), 7)
    assert alarms
    assert fired(alarms) == []
    clock.now += 6  # the clock's time alone is no waiting
    assert fired(alarms) == []
    alarms.waited = 5.0
    assert fired(alarms) == ["waited"]
    clock.now += 1
    assert fired(alarms) == ["passed"]
    clock.now, alarms.waited = 1000, 1000
    assert fired(alarms) == []
    assert not alarms


def test_one_that_was_moved_goes_off_later() -> None:
    alarms = Alarms(Clock())
    first, second = named("first"), named("second")
    alarms.set(first, 5)
    alarms.set(second, 6)
    first.at = 8
    alarms.waited = 7.0
    assert fired(alarms) == ["second"]
    alarms.waited = 8.0
    assert fired(alarms) == ["first"]


def test_one_that_was_called_off_does_not() -> None:
    alarms = Alarms(Clock())
    first = named("first")
    alarms.set(first, 5)
    first.dispose()
    alarms.waited = 10.0
    assert fired(alarms) == []
    assert not alarms


def test_a_limit_missed_by_a_rounding_error_is_reached() -> None:
    alarms = Alarms(Clock())
    alarms.set(named("first"), 0.3)
    alarms.waited = 0.1 + 0.1 + 0.1 - 1e-9
    assert fired(alarms) == ["first"]


@each_backend
def test_a_wait_for_the_bell_ends_at_the_alarm_and_is_counted(backend: Backend) -> None:
    async def body() -> None:
        alarms = Alarms(anyio.current_time)
        bell = Bell()
        start = anyio.current_time()
        await alarms.wait(bell, start + 2)
        assert anyio.current_time() - start == pytest.approx(2)
        assert alarms.waited == 0  # there was none to count for
        alarms.set(named("first"), 3)
        await alarms.wait(bell, start + 100)
        assert anyio.current_time() - start == pytest.approx(5)
        assert alarms.waited == pytest.approx(3)
        assert fired(alarms) == ["first"]

    run(backend, body)


@each_backend
def test_a_pull_is_cut_off_at_the_alarm(backend: Backend) -> None:
    async def slow() -> AsyncIterator[int]:
        yield 1
        await anyio.sleep(2)
        yield 2
        await anyio.sleep(LONG)

    async def body() -> None:
        alarms = Alarms(anyio.current_time)
        source = slow()
        watched = Watched(source, alarms)
        assert await anext(aiter(watched)) == 1  # without an alarm, too
        alarms.set(named("first"), 3)
        assert await anext(watched) == 2
        assert alarms.waited == pytest.approx(2)
        with pytest.raises(Expired):
            await anext(watched)
        assert alarms.waited == pytest.approx(3)
        with pytest.raises(Expired):  # at once: nothing more is waited for
            await anext(watched)
        assert fired(alarms) == ["first"]

    run(backend, body)


# ---------------------------------------------------------------- in the pump


class Limited:
    """A bare operator that ends the stream after so many seconds of waiting, or of the clock."""

    def __init__(self, seconds: float, *, on_clock: bool = False) -> None:
        self.seconds = seconds
        self.on_clock = on_clock
        self.went_off_at: list[float] = []

    def __call__(self, source: Observable[Any]) -> Observable[Any]:
        def subscribe(observer: Any, scheduler: Any = None) -> Any:
            scope = scope_of(scheduler)
            scope.pump.limit(1)

            def end() -> None:
                self.went_off_at.append(anyio.current_time())
                subscription.dispose()
                observer.on_error(TimeoutError())

            alarm = Alarm(end, on_clock=self.on_clock)

            def begin(*_: object) -> None:
                scope.pump.alarms.set(alarm, self.seconds)

            scope.schedule(begin)
            subscription = source.subscribe(
                observer.on_next, observer.on_error, observer.on_completed, scheduler=scope.limited()
            )
            return subscription

        return StreamObservable(subscribe)


@each_backend
@pytest.mark.parametrize("on_clock", [False, True])
def test_the_source_is_closed_before_the_error_is_seen(backend: Backend, on_clock: bool) -> None:
    async def body() -> None:
        source = Source(pause=2)
        limit = Limited(5, on_clock=on_clock)
        seen: list[int] = []
        async with open_stream(source.pipe(limit)) as items:
            with pytest.raises(TimeoutError):
                async for item in items:
                    seen.append(item)  # noqa: PERF401 - what came before the error counts
            assert source.closed == 1
        assert source.closed == 1
        assert seen == [0, 1]
        assert anyio.current_time() == pytest.approx(5)

    run(backend, body)


@each_backend
def test_the_time_that_the_reader_takes_is_no_waiting(backend: Backend) -> None:
    async def body() -> None:
        source = Source(pause=2)
        limit = Limited(5)
        async with open_stream(source.pipe(limit)) as items:
            assert await anext(items) == 0
            await anyio.sleep(100)
            assert await anext(items) == 1
            with pytest.raises(TimeoutError):
                await anext(items)
        assert limit.went_off_at == [pytest.approx(105)]

    run(backend, body)


@each_backend
def test_on_the_clock_it_is(backend: Backend) -> None:
    async def body() -> None:
        source = Source(pause=2)
        limit = Limited(50, on_clock=True)
        async with open_stream(source.pipe(limit)) as items:
            assert await anext(items) == 0
            await anyio.sleep(100)
            with pytest.raises(TimeoutError):
                await anext(items)
        assert source.closed == 1

    run(backend, body)


@each_backend
def test_a_source_that_never_suspends_is_cut_off_too(backend: Backend) -> None:
    async def body() -> None:
        source = Source(pause=None)
        limit = Limited(0.05, on_clock=True)
        with pytest.raises(TimeoutError):
            async with open_stream(source.pipe(limit)) as items:
                async for item in items:
                    if item % 1000 == 999:
                        await anyio.sleep(0.01)
        assert source.closed == 1

    run(backend, body)


@each_backend
def test_sources_that_never_suspend_in_tasks_are_cut_off_too(backend: Backend) -> None:
    async def body() -> None:
        sources = [Source(pause=None), Source(pause=None)]
        limit = Limited(0.05, on_clock=True)
        merged = sources[0].pipe(ops.merge(sources[1].observable), limit)
        with pytest.raises(TimeoutError):
            async with open_stream(merged) as items:
                count = 0
                async for _ in items:
                    count += 1
                    if count % 1000 == 999:
                        await anyio.sleep(0.01)
        assert [source.closed for source in sources] == [1, 1]

    run(backend, body)


@each_backend
def test_a_limit_on_one_of_two_sources_leaves_the_other_alone(backend: Backend) -> None:
    async def body() -> None:
        limited, other = Source(pause=LONG), Source(range(5), pause=2)
        one = limited.pipe(Limited(5), ops.catch(Source(["late"]).observable))
        seen = await read(one.pipe(ops.merge(other.observable)))
        assert seen == [0, 1, "late", 2, 3, 4]
        assert limited.closed == other.closed == 1

    run(backend, body)


@each_backend
def test_a_limit_that_is_not_about_the_only_source_does_not_cancel_it(backend: Backend) -> None:
    async def body() -> None:
        other = Source(range(5), pause=2)
        # The limit's own upstream has no source at all: it waits for something that never comes.
        silent = StreamObservable[Any](lambda _observer, _scheduler=None: None)  # type: ignore[arg-type, misc]
        ended: list[Exception] = []
        one = silent.pipe(Limited(5), ops.do_action(on_error=ended.append), ops.catch(ops_empty()))
        seen = await read(one.pipe(ops.merge(other.observable)))
        assert seen == [0, 1, 2, 3, 4]
        assert [type(error) for error in ended] == [TimeoutError]
        assert other.closed == 1

    run(backend, body)


def ops_empty() -> Observable[Any]:
    return Source([]).observable
