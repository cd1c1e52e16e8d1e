"""A plain ``subscribe`` on asyncio: driven by a task of its own, told of the end behind the close."""

# What travels through Rx is of any type, and so is what lambdas among its operators get.
# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

import asyncio
import gc
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import anyio.to_thread
import pytest
import reactivex as rx
import trio
from reactivex import Observer
from reactivex.scheduler import CurrentThreadScheduler
from reactivex.subject import Subject

from rxstream.engine.backend import _tasks  # pyright: ignore[reportPrivateUsage]
from rxstream.engine.lift import lift
from rxstream.errors import NoPump
from tests.engine.sources import (
    LONG,
    MODES,
    Mode,
    Same,
    Source,
    eventually,
    ops,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Plain subscriptions are for asyncio."""
    return "asyncio"


each_mode = pytest.mark.parametrize("mode", [pytest.param(mode, id=name) for name, mode in MODES.items()])


class Log:
    """An observer's three callbacks, and what they heard."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.seen: list[Any] = []
        self.over = asyncio.Event()

    def on_next(self, item: Any) -> None:
        self.seen.append(item)

    def on_error(self, error: Exception) -> None:
        self.seen.append(error)
        self.seen.append(f"{self.source.closed} closed")
        self.over.set()

    def on_completed(self) -> None:
        self.seen.append("|")
        self.seen.append(f"{self.source.closed} closed")
        self.over.set()


@pytest.fixture
def told() -> Iterator[list[dict[str, Any]]]:
    """What the loop's exception handler was told; nothing, unless the test takes it away."""
    contexts: list[dict[str, Any]] = []
    yield contexts
    assert contexts == []


def listen(told: list[dict[str, Any]]) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))


async def all_gone() -> None:
    await eventually(lambda: not _tasks)


@each_mode
async def test_items_and_the_end_come_and_the_end_behind_the_close(
    mode: Mode, told: list[dict[str, Any]]
) -> None:
    listen(told)
    source = Source(range(3))
    log = Log(source)
    mode(source.observable).subscribe(log.on_next, log.on_error, log.on_completed)
    assert source.opened == 0
    await log.over.wait()
    assert log.seen == [0, 1, 2, "|", "1 closed"]
    await all_gone()


@each_mode
async def test_an_error_comes_behind_the_close(mode: Mode, told: list[dict[str, Any]]) -> None:
    listen(told)
    source = Source(range(3), fail=OSError())
    log = Log(source)
    mode(source.observable).subscribe(log.on_next, log.on_error, log.on_completed)
    await log.over.wait()
    assert log.seen == [0, 1, 2, source.fail, "1 closed"]
    await all_gone()


async def test_an_observer_will_do_and_so_will_a_subject() -> None:
    source = Source(range(3))
    log = Log(source)
    source.observable.subscribe(Observer(log.on_next, log.on_error, log.on_completed))
    await log.over.wait()
    assert log.seen == [0, 1, 2, "|", "1 closed"]
    subject: Subject[Any] = Subject()
    again = Log(source)
    subject.subscribe(again.on_next, again.on_error, again.on_completed)
    source.observable.subscribe(subject)
    await again.over.wait()
    assert again.seen == [0, 1, 2, "|", "2 closed"]


async def test_no_callback_is_needed(told: list[dict[str, Any]]) -> None:
    listen(told)
    source = Source(range(3))
    source.observable.subscribe()
    await eventually(lambda: source.closed == 1)
    await all_gone()


@each_mode
@pytest.mark.parametrize("when", ["at once", "opened", "between", "in on_next", "twice"])
async def test_disposing_stops_and_closes(mode: Mode, when: str, told: list[dict[str, Any]]) -> None:
    listen(told)
    source = Source(pause=LONG if when in {"opened", "twice"} else 0)
    log = Log(source)

    def on_next(item: Any) -> None:
        log.on_next(item)
        if item == 2 and when == "in on_next":
            subscription.dispose()

    subscription = mode(source.observable).subscribe(on_next, log.on_error, log.on_completed)
    if when in {"opened", "twice"}:
        await eventually(lambda: source.opened == 1)
    if when == "between":
        await eventually(lambda: len(log.seen) == 3)
    if when != "in on_next":
        subscription.dispose()
    heard = len(log.seen)
    if when == "twice":
        subscription.dispose()
    await all_gone()
    subscription.dispose()
    assert source.closed_once
    assert source.opened == (when != "at once")
    assert len(log.seen) == (3 if when == "in on_next" else heard)
    assert not log.over.is_set()


async def test_disposing_from_another_thread_stops_and_closes() -> None:
    source = Source(pause=LONG)
    subscription = source.observable.subscribe()
    await eventually(lambda: source.opened == 1)
    await anyio.to_thread.run_sync(subscription.dispose)
    await all_gone()
    assert source.closed == 1


@each_mode
async def test_the_observer_s_own_exception_is_the_loop_s_and_not_its_own_error(
    mode: Mode, told: list[dict[str, Any]]
) -> None:
    listen(told)
    source = Source(range(3))
    mine = KeyError("mine")
    errors: list[Exception] = []

    def on_next(item: Any) -> None:
        if item == 1:
            raise mine

    mode(source.observable).subscribe(on_next, errors.append)
    await eventually(lambda: bool(told))
    assert told.pop()["exception"] is mine
    assert errors == []
    assert source.closed == 1
    await all_gone()


@pytest.mark.parametrize("end", ["on_error", "on_completed"])
async def test_an_exception_at_the_end_is_the_loop_s_too(end: str, told: list[dict[str, Any]]) -> None:
    listen(told)
    mine = KeyError("mine")

    def fail(*_: Any) -> None:
        raise mine

    source = Source([], fail=OSError() if end == "on_error" else None)
    source.observable.subscribe(
        on_error=fail if end == "on_error" else None, on_completed=fail if end == "on_completed" else None
    )
    await eventually(lambda: bool(told))
    assert told.pop()["exception"] is mine
    assert source.closed == 1


async def test_an_error_that_nobody_takes_is_the_loop_s(told: list[dict[str, Any]]) -> None:
    listen(told)
    source = Source([1], fail=OSError())
    source.observable.subscribe(print)
    await eventually(lambda: bool(told))
    assert told.pop()["exception"] is source.fail


@each_mode
async def test_a_failing_close_is_the_stream_s_error(mode: Mode, told: list[dict[str, Any]]) -> None:
    listen(told)
    source = Source([1], close_fail=OSError())
    log = Log(source)
    mode(source.observable).subscribe(log.on_next, log.on_error, log.on_completed)
    await log.over.wait()
    assert log.seen == [1, source.close_fail, "1 closed"]


@each_mode
async def test_a_failing_close_behind_a_dispose_is_the_loop_s(mode: Mode, told: list[dict[str, Any]]) -> None:
    listen(told)
    source = Source(pause=LONG, close_fail=OSError())
    log = Log(source)
    subscription = mode(source.observable).subscribe(log.on_next, log.on_error, log.on_completed)
    await eventually(lambda: source.opened == 1)
    subscription.dispose()
    await eventually(lambda: bool(told))
    assert told.pop()["exception"] is source.close_fail
    assert log.seen == []


async def test_time_runs_on_the_loop_and_starts_no_thread() -> None:
    threads = set(threading.enumerate())
    seen: set[threading.Thread] = set()
    source = Source(range(3))
    log = Log(source)
    chain = source.pipe(ops.debounce(0.001), ops.do_action(lambda _: seen.update(threading.enumerate())))
    chain.subscribe(log.on_next, log.on_error, log.on_completed)
    await log.over.wait()
    assert log.seen == [2, "|", "1 closed"]
    assert seen <= threads


async def test_a_stock_root_under_an_operator_of_ours_is_driven_too() -> None:
    source = Source()
    log = Log(source)
    rx.interval(0.001).pipe(lift(Same), ops.take(2)).subscribe(log.on_next, log.on_error, log.on_completed)
    await log.over.wait()
    assert log.seen == [0, 1, "|", "0 closed"]


async def test_a_subject_beside_a_silent_source_is_heard_and_can_end_the_stream() -> None:
    subject: Subject[Any] = Subject()
    source = Source(pause=LONG)
    log = Log(source)
    merged = source.pipe(ops.merge(subject), ops.take(1))
    merged.subscribe(log.on_next, log.on_error, log.on_completed)
    await eventually(lambda: source.opened == 1)
    subject.on_next("now")
    await asyncio.wait_for(log.over.wait(), 5)
    assert log.seen == ["now", "|", "1 closed"]


async def test_a_future_of_a_stream_has_its_last_item() -> None:
    source = Source(range(3))
    assert await source.pipe(ops.to_future()) == 2
    assert await source.observable == 2
    assert source.closed == source.opened == 2


async def test_a_scheduler_of_ones_own_is_passed_up() -> None:
    schedulers: list[Any] = []
    own = CurrentThreadScheduler()
    source = Source(range(2))
    log = Log(source)

    def look(observable: Any) -> Any:
        def subscribe(observer: Any, scheduler: Any = None) -> Any:
            schedulers.append(scheduler)
            return observable.subscribe(observer, scheduler=scheduler)

        return rx.create(subscribe)  # pyright: ignore[reportUnknownVariableType]

    source.pipe(look).subscribe(log.on_next, log.on_error, log.on_completed, scheduler=own)
    await log.over.wait()
    assert schedulers == [own]
    assert log.seen == [0, 1, "|", "1 closed"]


async def test_context_variables_of_who_subscribes_are_visible() -> None:
    who: ContextVar[str] = ContextVar("who", default="nobody")
    source = Source([1])
    log = Log(source)
    who.set("me")
    source.pipe(ops.map(lambda _: who.get())).subscribe(log.on_next, log.on_error, log.on_completed)
    who.set("another")
    await log.over.wait()
    assert log.seen[0] == "me"


async def test_it_can_be_called_where_the_loop_runs_no_task() -> None:
    source = Source(range(2))
    log = Log(source)
    asyncio.get_running_loop().call_soon(
        lambda: source.pipe(ops.debounce(0.001)).subscribe(log.on_next, log.on_error, log.on_completed)
    )
    await log.over.wait()
    assert log.seen == [1, "|", "1 closed"]


async def test_the_task_is_held_though_nobody_else_holds_it() -> None:
    source = Source([1, 2], pause=0.001)
    log = Log(source)
    source.observable.subscribe(log.on_next, log.on_error, log.on_completed)
    for _ in range(5):
        gc.collect()
        await asyncio.sleep(0)
    await log.over.wait()
    assert log.seen == [1, 2, "|", "1 closed"]


# ---------------------------------------------------------------- outside of a running loop, and at its end


@each_mode
@pytest.mark.parametrize("pause", [0, LONG])
def test_a_loop_that_ends_leaves_nothing_open(mode: Mode, pause: float) -> None:
    source = Source(pause=pause)

    async def main() -> None:
        mode(source.observable).subscribe()
        await eventually(lambda: source.opened == 1)

    asyncio.run(main())
    assert source.closed == 1
    assert not _tasks


@each_mode
# anyio's wrapper of a task that was cancelled before it began never came to what it wraps.
@pytest.mark.filterwarnings("ignore:coroutine 'Inlet.run' was never awaited:RuntimeWarning")
def test_a_loop_that_ends_at_once_leaves_nothing_open(mode: Mode) -> None:
    source = Source()

    async def main() -> None:
        mode(source.observable).subscribe()

    asyncio.run(main())
    gc.collect()
    assert source.closed_once
    assert not _tasks


@each_mode
def test_outside_of_a_loop_it_says_what_to_write(mode: Mode) -> None:
    source = Source()
    with pytest.raises(NoPump, match="open_stream") as caught:
        mode(source.observable).subscribe(print)
    assert "run(" in str(caught.value)
    assert source.opened == 0


@each_mode
def test_under_trio_it_says_what_to_write(mode: Mode) -> None:
    async def main() -> None:
        with pytest.raises(NoPump, match="open_stream"):
            mode(Source().observable).subscribe(print)

    trio.run(main)
