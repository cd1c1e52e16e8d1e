"""A source is opened at the first demand, and closed exactly once, before its end is seen."""

# What travels through Rx is of any type, and so is what lambdas among its operators get.
# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio
import pytest
import reactivex as rx
from anyio.lowlevel import checkpoint
from reactivex import Observable

from rxstream.engine.observable import PullObservable
from rxstream.engine.pump import Pump
from rxstream.sinks.open_stream import open_stream
from rxstream.testing import VirtualClock
from tests.engine.sources import (
    LONG,
    MODES,
    Backend,
    Mode,
    Source,
    eventually,
    ops,
    read,
    read_until_error,
)

pytestmark = pytest.mark.anyio

each_mode = pytest.mark.parametrize("mode", [pytest.param(mode, id=name) for name, mode in MODES.items()])
each_rx_mode = pytest.mark.parametrize(
    "mode", [pytest.param(MODES[name], id=name) for name in ("direct", "tasked", "fan-in")]
)
as_generator = pytest.mark.parametrize("generator", [False, True], ids=["iterator", "generator"])


def built(source: Source, mode: Mode, generator: bool = False) -> Any:
    return mode(source.generator() if generator else source.observable)


# ---------------------------------------------------------------- opened when asked


@each_mode
async def test_nothing_is_opened_before_the_first_item_is_asked_for(mode: Mode) -> None:
    source = Source()
    async with open_stream(built(source, mode)):
        for _ in range(5):
            await checkpoint()
        assert source.opened == 0
    assert source.log == []


@each_mode
async def test_at_most_one_item_is_ahead_of_the_reader(mode: Mode) -> None:
    source = Source(range(50))
    other_is_over = 0
    async with open_stream(built(source, mode), credit=1) as items:
        consumed = 0
        async for _ in items:
            for _ in range(3):
                await checkpoint()
            # The other one of two is live until its end was seen; until then there is credit: one item.
            other_is_over += 1
            assert source.produced - consumed <= (1 if other_is_over > 2 else 2)
            consumed += 1


def test_a_timer_that_wakes_the_reader_does_not_ask_the_source_twice(anyio_backend: Backend) -> None:
    """While the source is being waited for, ticks make the reader ask again: still for the same item."""
    source = Source(range(5), pause=10)
    ahead: list[int] = []

    async def main() -> None:
        seen = 0  # those before the one at hand
        merged = source.pipe(ops.merge(rx.interval(3).pipe(ops.map(lambda _: "tick"))))
        async with open_stream(merged) as items:
            async for item in items:
                await anyio.sleep(25)
                seen += item != "tick"
                ahead.append(source.produced - seen)
                if item == 4:
                    break

    VirtualClock().run(main, backend=anyio_backend)
    assert max(ahead) <= 1


async def test_each_of_several_sources_is_ahead_by_no_more_than_its_credit() -> None:
    sources = [Source(range(100), name=str(number)) for number in range(3)]
    async with open_stream(rx.merge(*(source.observable for source in sources)), credit=4) as items:
        consumed = 0
        async for _ in items:
            for _ in range(20):
                await checkpoint()
            consumed += 1
            assert sum(source.produced for source in sources) - consumed <= 3 * 4 + 1
            assert all(source.produced <= consumed + 4 + 1 for source in sources)
    assert consumed == 300


# ---------------------------------------------------------------- closed once, before the end is seen


async def completes(observable: Observable[Any], source: Source) -> None:
    async with open_stream(observable) as items:
        assert [item async for item in items] == [0, 1, 2, 3, 4]
        assert source.log[-1] == "close source"  # before the block is left


async def fails(observable: Observable[Any], source: Source) -> None:
    source.fail = OSError("gone")
    async with open_stream(observable) as items:
        seen: list[Any] = []
        with pytest.raises(OSError, match="gone") as caught:
            async for item in items:
                seen.append(item)  # noqa: PERF401
        assert caught.value is source.fail
        assert seen == [0, 1, 2, 3, 4]
        assert source.closed == 1


async def takes_three(observable: Observable[Any], source: Source) -> None:
    async with open_stream(observable.pipe(ops.take(3))) as items:
        assert [item async for item in items] == [0, 1, 2]
        assert source.closed == 1
        assert source.produced <= 5


async def breaks(observable: Observable[Any], source: Source) -> None:
    async with open_stream(observable) as items:
        async for item in items:
            if item == 2:
                break
        assert source.closed == 0


async def mapper_fails(observable: Observable[Any], source: Source) -> None:
    async with open_stream(observable.pipe(ops.map(lambda item: 1 // (2 - item)))) as items:
        with pytest.raises(ZeroDivisionError):
            async for _ in items:
                pass
        assert source.closed == 1


async def is_cancelled(observable: Observable[Any], source: Source) -> None:
    with anyio.CancelScope() as scope:
        async with open_stream(observable) as items:
            async for item in items:
                if item == 2:
                    source.pause = LONG
                    scope.deadline = anyio.current_time() + 0.001
            raise AssertionError("not reached")
    assert scope.cancelled_caught


async def is_cancelled_between_reads(observable: Observable[Any], source: Source) -> None:
    with anyio.CancelScope() as scope:
        async with open_stream(observable) as items:
            async for item in items:
                if item == 2:
                    scope.cancel()
                    await anyio.sleep(LONG)
    assert scope.cancelled_caught


async def times_out(observable: Observable[Any], source: Source) -> None:
    # Long enough for a busy machine to open the source before.
    async with open_stream(observable.pipe(ops.timeout(0.1))) as items:
        with pytest.raises(Exception, match="Timeout"):
            async for item in items:
                if item == 2:
                    source.pause = LONG
        assert source.closed == 1


async def reader_fails(observable: Observable[Any], source: Source) -> None:
    mine = KeyError("mine")
    with pytest.raises(KeyError) as caught:
        async with open_stream(observable) as items:
            async for item in items:
                if item == 2:
                    raise mine
    assert caught.value is mine
    assert mine.__context__ is None


async def is_never_read(observable: Observable[Any], source: Source) -> None:
    async with open_stream(observable):
        pass
    source.opened = source.closed = 1  # neither


WAYS = [
    completes,
    fails,
    takes_three,
    breaks,
    mapper_fails,
    is_cancelled,
    is_cancelled_between_reads,
    times_out,
    reader_fails,
    is_never_read,
]


@pytest.mark.parametrize("leave", WAYS)
@each_mode
@as_generator
async def test_a_source_is_closed_exactly_once_however_the_stream_is_left(
    mode: Mode, leave: Callable[[Any, Source], Awaitable[None]], generator: bool
) -> None:
    source = Source(range(5))
    await leave(built(source, mode, generator), source)
    assert (source.opened, source.closed) == (1, 1)


@pytest.mark.parametrize("tasked", [False, True])
async def test_retry_closes_an_attempt_before_it_opens_the_next(tasked: bool) -> None:
    source = Source(range, fail=OSError())  # one item at the first attempt, two at the second
    chain = source.pipe(ops.retry(3))
    if tasked:
        chain = chain.pipe(ops.timeout(LONG))
    items, error = await read_until_error(chain)
    assert items == [0, 0, 1, 0, 1, 2]
    assert error is source.fail
    assert source.log == ["open source", "close source"] * 3


async def test_the_others_are_closed_once_when_one_of_several_fails() -> None:
    sources = [Source(name=str(number), pause=0) for number in range(3)]
    bad = Source([1], name="bad", fail=OSError("bad"))
    merged = rx.merge(*(source.observable for source in sources), bad.observable)
    async with open_stream(merged) as items:
        with pytest.raises(OSError, match="bad") as caught:
            async for _ in items:
                pass
        assert caught.value is bad.fail
        assert [source.closed for source in (*sources, bad)] == [1, 1, 1, 1]
    assert [source.closed for source in (*sources, bad)] == [1, 1, 1, 1]


async def test_sources_in_a_row_are_opened_one_behind_the_other() -> None:
    log: list[str] = []
    first, second = Source("ab", name="1", log=log), Source("cd", name="2", log=log)
    assert await read(rx.concat(first.observable, second.observable)) == ["a", "b", "c", "d"]
    assert log == ["open 1", "close 1", "open 2", "close 2"]


async def test_what_was_never_opened_is_not_closed() -> None:
    log: list[str] = []
    first, second = Source("ab", name="1", log=log), Source("cd", name="2", log=log)
    assert await read(rx.concat(first.observable, second.observable).pipe(ops.take(1))) == ["a"]
    assert log == ["open 1", "close 1"]


async def test_an_iterator_without_aclose_will_do() -> None:
    class Bare:
        def __aiter__(self) -> "Bare":
            return self

        async def __anext__(self) -> int:
            return 1

    source: PullObservable[int] = PullObservable(Bare, "bare")
    assert await read(source.pipe(ops.take(2))) == [1, 1]


@each_mode
async def test_an_opener_that_fails_is_an_error_of_the_stream(mode: Mode) -> None:
    mine = OSError("no such file")

    def opener() -> AsyncIterator[Any]:
        raise mine

    _, error = await read_until_error(mode(PullObservable(opener, "broken")))
    assert error is mine


# ---------------------------------------------------------------- a close that is slow, or fails


@each_mode
async def test_a_slow_close_is_waited_for_even_under_cancellation(mode: Mode) -> None:
    source = Source(close_pause=0.01)
    with anyio.CancelScope() as scope:
        async with open_stream(built(source, mode)) as items:
            async for item in items:
                if item == 2:
                    scope.cancel()
    assert source.log == ["open source", "close source", "closed source"]


@each_mode
async def test_a_close_that_takes_too_long_is_given_up_with_a_warning(mode: Mode) -> None:
    source = Source(close_pause=LONG)
    with pytest.warns(RuntimeWarning, match=r"took longer than 0\.01 s and was given up"):
        async with open_stream(built(source, mode), close_timeout=0.01) as items:
            await anext(items)
    assert source.log == ["open source", "close source"]


@each_mode
async def test_where_warnings_are_errors_a_slow_close_is_one(mode: Mode) -> None:
    source = Source(close_pause=LONG)
    with pytest.raises(RuntimeWarning, match="took longer"):
        async with open_stream(built(source, mode), close_timeout=0.01) as items:
            await anext(items)
    assert source.closed_once


def test_several_slow_closes_take_as_long_as_one(anyio_backend: Backend) -> None:
    sources = [Source(close_pause=2) for _ in range(5)]

    async def main() -> float:
        async with open_stream(rx.merge(*(source.observable for source in sources))) as items:
            await anext(items)
            await anext(items)
            start = anyio.current_time()
        return anyio.current_time() - start

    assert VirtualClock().run(main, backend=anyio_backend) == pytest.approx(2)
    assert all(source.closed == 1 for source in sources)


@each_mode
async def test_a_failing_close_is_raised_behind_the_last_item(mode: Mode) -> None:
    source = Source(range(3), close_fail=OSError("close"))
    seen: list[Any] = []
    with pytest.raises(OSError, match="close") as caught:
        async with open_stream(built(source, mode)) as items:
            async for item in items:
                seen.append(item)  # noqa: PERF401
    assert caught.value is source.close_fail
    assert seen == [0, 1, 2]
    assert source.closed == 1


@each_mode
async def test_a_failing_close_is_raised_where_the_block_is_left(mode: Mode) -> None:
    source = Source(close_fail=OSError("close"))
    with pytest.raises(OSError, match="close") as caught:
        async with open_stream(built(source, mode)) as items:
            async for _ in items:
                break
    assert caught.value is source.close_fail
    assert source.closed == 1


@each_mode
async def test_a_failing_close_is_a_note_on_the_source_s_error(mode: Mode) -> None:
    source = Source(range(3), fail=OSError("primary"), close_fail=ValueError("close"))
    async with open_stream(built(source, mode)) as items:
        with pytest.raises(OSError, match="primary") as caught:
            async for _ in items:
                pass
        assert caught.value is source.fail
        assert any("ValueError('close')" in note for note in caught.value.__notes__)


@each_mode
async def test_a_failing_close_is_a_note_on_a_mapper_s_error(mode: Mode) -> None:
    source = Source(close_fail=ValueError("close"))
    async with open_stream(built(source, mode).pipe(ops.map(lambda x: 1 // (2 - x)))) as items:
        with pytest.raises(ZeroDivisionError) as caught:
            async for _ in items:
                pass
        assert any("ValueError('close')" in note for note in caught.value.__notes__)


@each_mode
async def test_a_failing_close_is_a_note_on_the_reader_s_error(mode: Mode) -> None:
    source = Source(close_fail=ValueError("close"))
    mine = KeyError("mine")
    with pytest.raises(KeyError) as caught:
        async with open_stream(built(source, mode)) as items:
            async for _ in items:
                raise mine
    assert caught.value is mine
    assert any("ValueError('close')" in note for note in mine.__notes__)


@pytest.mark.parametrize("leave_early", [False, True])
async def test_an_error_in_a_generator_s_clean_up_is_not_lost(leave_early: bool) -> None:
    """Cancelled in the middle of a wait, a generator cleans up there and not in ``aclose``."""
    mine = OSError("clean-up")

    async def generate() -> AsyncIterator[int]:
        try:
            yield 1
            await anyio.sleep(LONG)
        finally:
            raise mine

    source: PullObservable[int] = PullObservable(generate, "generator")
    with pytest.raises(OSError, match="clean-up") as caught:
        async with open_stream(source.pipe(ops.merge(Source(pause=0).observable))) as items:
            seen = 0
            async for _ in items:
                seen += 1
                if seen == 20 and leave_early:
                    break
                if seen == 20:
                    raise mine
    assert caught.value is mine


async def test_several_failing_closes_are_all_told() -> None:
    sources = [Source(close_fail=OSError(str(number))) for number in range(3)]
    with pytest.raises(OSError, match=r"[012]") as caught:
        async with open_stream(rx.merge(*(source.observable for source in sources))) as items:
            for _ in range(6):
                await anext(items)
    assert len(caught.value.__notes__) == 2


# ---------------------------------------------------------------- what is no Exception


class Stop(KeyboardInterrupt):
    """An interrupt of our own."""


@each_mode
@as_generator
async def test_an_interrupt_in_a_source_reaches_the_reader_unchanged(mode: Mode, generator: bool) -> None:
    source = Source(range(3), fail=Stop())
    seen: list[Any] = []
    with pytest.raises(Stop) as caught:
        async with open_stream(built(source, mode, generator)) as items:
            async for item in items:
                seen.append(item)  # noqa: PERF401
    assert caught.value is source.fail
    assert seen == [0, 1, 2]
    assert source.closed == 1


@each_mode
async def test_an_interrupt_in_a_mapper_reaches_the_reader_unchanged(mode: Mode) -> None:
    source = Source()
    mine = Stop()

    def mapper(item: int) -> int:
        if item == 2:
            raise mine
        return item

    with pytest.raises(Stop) as caught:
        async with open_stream(built(source, mode).pipe(ops.map(mapper))) as items:
            async for _ in items:
                pass
    assert caught.value is mine
    assert source.closed == 1


@each_mode
@pytest.mark.parametrize("early", [False, True])
async def test_an_interrupt_in_a_close_reaches_the_reader(mode: Mode, early: bool) -> None:
    source = Source(range(3), close_fail=Stop())
    with pytest.raises(Stop) as caught:
        async with open_stream(built(source, mode)) as items:
            async for _ in items:
                if early:
                    break
    assert caught.value is source.close_fail
    assert source.closed == 1


async def test_of_several_interrupts_the_first_is_heard() -> None:
    """It is not hidden by those that come while everything is being closed."""
    first = Source(pause=0, items=[1], fail=Stop("first"))
    others = [Source(pause=LONG, close_fail=Stop("other")) for _ in range(2)]
    seen: list[BaseException] = []
    with pytest.raises(Stop) as caught:
        async with open_stream(rx.merge(first.observable, *(other.observable for other in others))) as items:
            try:
                async for _ in items:
                    pass
            except Stop as stop:
                seen.append(stop)
    assert seen == [first.fail]
    assert caught.value in [other.close_fail for other in others]
    assert caught.value.__context__ is None
    assert all(source.closed == 1 for source in (first, *others))


# ---------------------------------------------------------------- cancellation


@each_rx_mode
async def test_cancellation_is_no_error_of_the_stream(mode: Mode) -> None:
    source = Source()
    heard: list[Exception] = []
    chain = built(source, mode).pipe(ops.do_action(on_error=heard.append), ops.retry(3))
    with anyio.CancelScope() as scope:
        async with open_stream(chain) as items:
            async for item in items:
                if item == 1:
                    source.pause = LONG
                    scope.deadline = anyio.current_time() + 0.001
    assert scope.cancelled_caught
    assert heard == []
    assert (source.opened, source.closed) == (1, 1)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@each_mode
async def test_a_source_that_was_cancelled_from_within_does_not_look_complete(mode: Mode) -> None:
    """A future that somebody else cancelled, awaited by a source, cancels who reads it: as it always does."""
    source = Source([1], fail=asyncio.CancelledError())
    seen: list[Any] = []
    with pytest.raises(asyncio.CancelledError):
        async with open_stream(built(source, mode)) as items:
            async for item in items:
                seen.append(item)  # noqa: PERF401
    assert seen == [1]
    assert source.closed == 1


async def test_a_stream_whose_source_was_cancelled_around_it_does_not_look_complete() -> None:
    """The reader shields its reads, the sources' tasks are cancelled with the block."""
    source, other = Source(pause=0.001), Source(pause=LONG)
    with anyio.CancelScope() as outer:
        async with open_stream(source.pipe(ops.merge(other.observable))) as items:
            await anext(items)
            outer.cancel()
            with anyio.CancelScope(shield=True):
                async for _ in items:
                    pass
                raise AssertionError("it looked complete")
    assert outer.cancelled_caught
    assert source.closed_once
    assert other.closed_once


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
# anyio's wrapper of a task that was cancelled before it began never came to what it wraps.
@pytest.mark.filterwarnings("ignore:coroutine 'Inlet.run' was never awaited:RuntimeWarning")
async def test_a_source_s_task_that_never_got_to_run_does_not_hold_up_the_end() -> None:
    """Whoever cancels all tasks (asyncio.run does) also hits those that have not started yet."""
    sources = [Source(name="1"), Source(name="2")]

    async def consume() -> None:
        await read(rx.merge(*(source.observable for source in sources)))

    before = asyncio.all_tasks()
    reader = asyncio.create_task(consume())
    await eventually(lambda: len(asyncio.all_tasks() - before - {reader}) == len(sources))
    started = asyncio.all_tasks() - before - {reader}
    reader.cancel()
    while started:
        started.pop().cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(5):
            await reader
    del started
    gc.collect()
    assert all(source.closed_once for source in sources)
    assert asyncio.all_tasks() == before


async def test_a_source_that_is_let_go_before_its_task_began_is_not_opened() -> None:
    """The end comes from work that is ready, before anybody else in the loop had a turn."""
    sources = [Source(), Source()]
    end = rx.concat(*([rx.empty()] * 5), rx.of("end"))
    merged = rx.merge(*(source.observable for source in sources))
    assert await read(merged.pipe(ops.take_until(end))) == []
    assert [source.opened for source in sources] == [0, 0]


async def test_a_stream_that_begins_anew_for_ever_remembers_none_of_its_sources() -> None:
    source = Source([1])
    async with Pump() as pump:
        pump.subscribe(source.pipe(ops.repeat()))
        items = pump.items()
        for _ in range(50):
            await anext(items)
        kept = [getattr(pump, name) for name in ("_live", "_starting", "_leaving")]
        assert sum(map(len, kept)) <= 2
        await items.aclose()
    assert source.closed == source.opened > 40


@pytest.mark.parametrize("leave", [False, True], ids=["to the end", "left"])
async def test_a_source_that_fails_at_the_moment_it_is_let_go_fails_for_nobody(leave: bool) -> None:
    event = anyio.Event()

    async def winning() -> AsyncIterator[str]:
        yield "Hi"
        await checkpoint()
        yield " there"

    async def losing() -> AsyncIterator[str]:
        # Set in the pump's own step: the error is under way before the cancellation can be.
        await event.wait()
        raise OSError("too late")
        yield ""

    first: PullObservable[str] = PullObservable(winning, "winning")
    other: PullObservable[str] = PullObservable(losing, "losing")
    spoken = first.pipe(ops.do_action(lambda _item: event.set()))
    seen: list[str] = []
    async with open_stream(spoken.pipe(ops.amb(other))) as items:
        async for item in items:
            seen.append(item)
            if leave:
                break
    assert seen == ["Hi", " there"][: 1 if leave else 2]
