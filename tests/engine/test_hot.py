"""A chain that listens to something that speaks by itself hears it at once."""

# What travels through Rx is of any type, and so is what lambdas among its operators get.
# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

import asyncio
import threading
from typing import Any

import anyio
import anyio.to_thread
import pytest
import reactivex as rx
from anyio.lowlevel import checkpoint
from reactivex import Observable
from reactivex.subject import BehaviorSubject, ReplaySubject, Subject

from rxstream.engine.hot import has_hot_source
from rxstream.engine.lift import lift
from rxstream.engine.observable import StreamObservable
from rxstream.sinks.open_stream import open_stream
from tests.engine.sources import (
    LONG,
    Same,
    Source,
    eventually,
    identity,
    ops,
    read,
)


def chains(hot: Observable[Any]) -> dict[str, Observable[Any]]:
    slow = Source(pause=LONG).observable
    return {
        "alone": hot,
        "merged": rx.merge(slow, hot),
        "merged by ours": slow.pipe(ops.merge(hot)),
        "behind operators": slow.pipe(
            ops.merge(hot.pipe(ops.map(identity), ops.filter(bool))), ops.map(identity)
        ),
        "behind a machine": rx.merge(slow, hot).pipe(lift(Same)),
        "behind machines": slow.pipe(ops.merge(hot.pipe(lift(Same))), lift(Same), lift(Same)),
        "in a time-out's other": slow.pipe(ops.take_until(hot)),
        "shared": rx.merge(slow, hot).pipe(ops.share()),
        "in a list": rx.combine_latest(slow, hot),
        "deep": slow.pipe(ops.merge(hot), *[ops.map(identity)] * 100),
    }


HOT = list(chains(Subject[Any]()))


@pytest.mark.parametrize("name", HOT)
@pytest.mark.parametrize("kind", [Subject, ReplaySubject, lambda: BehaviorSubject(0)], ids=["s", "r", "b"])
def test_a_subject_is_found_wherever_it_stands(name: str, kind: Any) -> None:
    assert has_hot_source(chains(kind())[name])


@pytest.mark.parametrize("name", [name for name in HOT if name != "alone"])
def test_a_source_that_is_pulled_is_not_hot(name: str) -> None:
    assert not has_hot_source(chains(Source().observable)[name])


def test_a_source_of_ones_own_can_say_that_it_is_hot() -> None:
    class Microphone(StreamObservable[int]):
        is_hot = True

    assert has_hot_source(Microphone().pipe(ops.map(identity)))


def test_a_search_has_an_end() -> None:
    things: list[Any] = []
    things.append(things)
    many = [rx.never() for _ in range(3000)]

    def subscribe(*_: Any) -> Any:
        return things, many, later

    assert not has_hot_source(Observable(subscribe))
    later = 1


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["merged", "behind operators", "behind a machine", "behind machines"])
async def test_a_subject_beside_a_slow_source_is_heard_at_once(name: str) -> None:
    subject: Subject[str] = Subject()
    async with open_stream(chains(subject)[name]) as items, anyio.create_task_group() as tasks:

        async def speak() -> None:
            await anyio.sleep(0.001)
            subject.on_next("now")

        tasks.start_soon(speak)
        with anyio.fail_after(5):
            assert await anext(items) == "now"


@pytest.mark.anyio
async def test_a_subject_that_ends_the_stream_ends_it_at_once() -> None:
    stop: Subject[None] = Subject()
    source = Source(pause=LONG)
    async with open_stream(source.pipe(ops.take_until(stop))) as items, anyio.create_task_group() as tasks:

        async def speak() -> None:
            await eventually(lambda: source.opened == 1)
            stop.on_next(None)

        tasks.start_soon(speak)
        with anyio.fail_after(5):
            assert [item async for item in items] == []
    assert source.closed == 1


@pytest.mark.anyio
async def test_a_subject_alone_is_read_to_its_end() -> None:
    subject: Subject[int] = Subject()

    async def speak() -> None:
        for item in range(3):
            await checkpoint()
            subject.on_next(item)
        subject.on_completed()

    async with open_stream(subject) as items, anyio.create_task_group() as tasks:
        tasks.start_soon(speak)
        assert [item async for item in items] == [0, 1, 2]


@pytest.mark.anyio
async def test_what_the_reader_itself_says_between_two_reads_is_heard() -> None:
    subject: Subject[Any] = Subject()
    async with open_stream(subject.pipe(ops.map(identity))) as items:
        subject.on_next("a")
        assert await anext(items) == "a"
        subject.on_next("b")
        subject.on_next("c")
        assert [await anext(items), await anext(items)] == ["b", "c"]
        subject.on_error(OSError("said so"))
        with pytest.raises(OSError, match="said so"):
            await anext(items)


@pytest.mark.anyio
@pytest.mark.parametrize("timed", [False, True])
async def test_a_subject_fed_from_another_thread_wakes_the_reader(timed: bool) -> None:
    subject: Subject[Any] = Subject()
    source = Source(pause=LONG)
    operator = ops.buffer_with_time_or_count(LONG, 1) if timed else ops.map(lambda item: [item])

    def speak() -> None:
        for item in "abc":
            subject.on_next(item)
        subject.on_completed()

    found: list[Any] = []
    merged = subject.pipe(operator, ops.merge(source.observable))
    async with open_stream(merged) as items, anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.to_thread.run_sync, speak)
        with anyio.fail_after(5):
            found += [await anext(items) for _ in range(3)]
    assert found == [["a"], ["b"], ["c"]]
    assert source.closed_once


@pytest.mark.anyio
async def test_a_timer_that_another_thread_asks_for_fires_in_the_reader_s_own() -> None:
    subject: Subject[Any] = Subject()
    threads: list[int] = []
    debounced = subject.pipe(
        ops.debounce(0.001), ops.do_action(lambda _: threads.append(threading.get_ident()))
    )
    async with open_stream(debounced) as items, anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.to_thread.run_sync, subject.on_next, "a")
        with anyio.fail_after(5):
            assert await anext(items) == "a"
    assert threads == [threading.get_ident()]


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_subject_fed_by_a_callback_of_the_loop_can_start_timers() -> None:
    subject: Subject[Any] = Subject()
    async with open_stream(subject.pipe(ops.delay(0.001))) as items:
        asyncio.get_running_loop().call_soon(subject.on_next, "a")
        with anyio.fail_after(5):
            assert await anext(items) == "a"


class Whisper:
    """Speaks by itself, and is neither a Subject nor found: it hides in an object."""

    def __init__(self) -> None:
        self.observers: list[Any] = []

    def __call__(self, observer: Any, _: Any = None) -> Any:
        self.observers.append(observer)


@pytest.mark.anyio
async def test_what_the_search_missed_is_learnt_from_its_first_item() -> None:
    """That one may be late by one pull; the next is on time."""

    whisper = Whisper()
    source = Source(pause=0.002)
    async with open_stream(source.pipe(ops.merge(Observable(whisper)))) as items:
        async with anyio.create_task_group() as tasks:

            async def speak() -> None:
                await eventually(lambda: source.opened == 1)
                whisper.observers[0].on_next("late")

            tasks.start_soon(speak)
            assert {await anext(items), await anext(items)} == {"late", 0}
        assert await anext(items) == 1
        source.pause = LONG
        async with anyio.create_task_group() as tasks:

            async def speak_again() -> None:
                await anyio.sleep(0.002)
                whisper.observers[0].on_next("on time")

            tasks.start_soon(speak_again)
            with anyio.fail_after(5):
                while await anext(items) != "on time":
                    pass


@pytest.mark.anyio
async def test_what_the_reader_says_to_one_that_was_missed_is_heard_before_the_next_pull() -> None:
    whisper = Whisper()
    source = Source()
    async with open_stream(source.pipe(ops.merge(Observable(whisper)))) as items:
        assert await anext(items) == 0
        whisper.observers[0].on_next("now")
        assert await anext(items) == "now"
        assert source.produced == 1
        assert await anext(items) == 1


@pytest.mark.anyio
async def test_a_subject_that_was_over_before_ends_the_stream() -> None:
    subject: Subject[int] = Subject()
    subject.on_completed()
    assert await read(subject) == []
    assert await read(rx.concat(subject, Source([1]).observable)) == [1]
