import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import anyio
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import example, given
from hypothesis import strategies as st

import rxstream as rxs
from rxstream.combine.merge import merge_streams
from rxstream.combine.share import share_stream
from rxstream.errors import BufferOverflow, StreamInterrupted
from rxstream.flow.measure import measure_stream
from rxstream.testing import VirtualClock
from tests.combine.laws import ops, read, timed
from tests.combine.readers import Reading, Slow, reading, together
from tests.laws.source import Source, nothing_left, stall

Backend = Literal["asyncio", "trio"]


# ---------------------------------------------------------------- bounds


@pytest.mark.parametrize("most", [1, 2, 16])
@pytest.mark.parametrize("readers", [1, 3])
def test_the_source_is_at_most_one_more_ahead_than_may_be_parked(
    most: int, readers: int, anyio_backend: Backend
) -> None:
    source = timed(*[(at / 100, at) for at in range(300)], end=3)
    produced = 0
    consumed = [0] * readers
    ahead, parked = [0], [0]

    def count(_: Any) -> None:
        nonlocal produced
        produced += 1
        ahead.append(produced - min(consumed))

    shared = source.pipe(ops.do_action(count), share_stream(most))

    async def read_slowly(number: int) -> None:
        async with rxs.open_stream(shared) as items:
            async for _ in items:
                consumed[number] += 1
                # The first is a hundred times slower than the source, the others are not.
                await anyio.sleep(0 if number else 1)
                parked.extend(stats.high_water for stats in shared.stats)

    async def main() -> None:
        await together(*[lambda number=number: read_slowly(number) for number in range(readers)])

    VirtualClock().run(main, backend=anyio_backend)
    assert consumed == [300] * readers
    assert max(ahead) == most + 1
    assert max(parked) == most


def test_a_source_that_never_suspends_does_not_run_away(anyio_backend: Backend) -> None:
    produced = 0

    def numbers() -> Any:
        nonlocal produced
        while True:
            produced += 1
            yield produced

    shared = rxs.from_stream(numbers).pipe(share_stream(5))
    failing_one = shared.reader(overflow="error")

    async def main() -> None:
        with nothing_left():
            async with rxs.open_stream(shared) as items:
                for number in range(1, 50):
                    assert await anext(items) == number
                    await checkpoint()
                    assert produced <= number + 6
            # The only reader has failed: nobody wants any more.
            came, error = await read(failing_one)
            assert isinstance(error, BufferOverflow)
            assert produced <= 49 + 6 + len(came) + 2

    VirtualClock().run(main, backend=anyio_backend)


def test_nothing_is_pulled_before_the_first_demand_and_it_may_come_from_any(anyio_backend: Backend) -> None:
    source = Source("abc")
    shared = source.observable.pipe(share_stream(1))

    async def main() -> None:
        async with rxs.open_stream(shared) as first, rxs.open_stream(shared) as second:
            await anyio.sleep(1)
            assert source.runs == []
            for number, item in enumerate("abc", 1):
                assert await anext(second) == item
                await anyio.sleep(1)
                # One is parked for the first, and one waits.
                assert source.runs[0].produced == min(number + 1, 3)
                assert await anext(first) == item
        assert source.closed == [1]

    VirtualClock().run(main, backend=anyio_backend)


# ---------------------------------------------------------------- closing


def test_the_last_one_to_leave_waits_until_the_source_is_closed(anyio_backend: Backend) -> None:
    source = Slow()
    shared = source.shared
    left: list[float] = []

    async def leave(after: int) -> None:
        async with rxs.open_stream(shared) as items:
            async for item in items:
                if item == after:
                    break
        left.append(anyio.current_time())

    async def main() -> None:
        with nothing_left():
            await together(lambda: leave(2), lambda: leave(4))

    VirtualClock().run(main, backend=anyio_backend)
    assert left == [2.0, 5.0]
    assert source.log == [(0.0, "open"), (5.0, "closed")]


def test_so_it_does_when_it_is_cancelled(anyio_backend: Backend) -> None:
    source = Slow()

    async def main() -> None:
        with nothing_left():
            with anyio.move_on_after(2.5) as scope:
                await read(source.shared)
            assert scope.cancelled_caught
            assert source.log == [(0.0, "open"), (3.5, "closed")]

    VirtualClock().run(main, backend=anyio_backend)


def test_when_all_are_cancelled_at_once_it_is_closed_once(anyio_backend: Backend) -> None:
    source = Slow()
    shared = source.shared

    async def main() -> None:
        with nothing_left():
            with anyio.move_on_after(2.5):
                await together(*[reading(shared)] * 5)
            assert source.log == [(0.0, "open"), (3.5, "closed")]
            assert shared.readers == 0

    VirtualClock().run(main, backend=anyio_backend)


def test_closing_may_take_as_long_as_the_first_reader_allows(anyio_backend: Backend) -> None:
    clock = VirtualClock()
    shared = Slow(close_seconds=10).shared

    async def leave_behind(item: int, close_timeout: float) -> None:
        await anyio.sleep(item / 4)
        async with rxs.open_stream(shared, close_timeout=close_timeout) as items:
            async for came in items:
                if came == item:
                    break

    async def main() -> None:
        with nothing_left():
            await together(lambda: leave_behind(1, 2.0), lambda: leave_behind(2, 1.0))

    with pytest.warns(RuntimeWarning, match=r"took longer than 2\.0 s") as warned:
        clock.run(main, backend=anyio_backend)
    assert len(warned) == 1
    assert clock.time() == 4.25


def test_it_reads_several_sources_as_far_ahead_as_the_first_reader_allows(anyio_backend: Backend) -> None:
    sources = [Source(range(100)), Source(range(100))]
    shared = sources[0].observable.pipe(merge_streams(sources[1].observable), share_stream(1))

    async def main() -> None:
        async with rxs.open_stream(shared, credit=2) as items:
            await anext(items)
            await anyio.sleep(1)
            # One was taken, one is parked, one waits; and each source is two ahead.
            assert sum(source.runs[0].produced for source in sources) <= 3 + 2 * 2

    VirtualClock().run(main, backend=anyio_backend)


def test_a_reader_that_never_asked_may_be_the_last(anyio_backend: Backend) -> None:
    source = Slow()
    shared = source.shared

    async def main() -> None:
        with nothing_left():
            async with rxs.open_stream(shared):
                async with rxs.open_stream(shared) as items:
                    assert await anext(items) == 1
                await anyio.sleep(10)
                assert source.log == [(0.0, "open")]
            assert source.log == [(0.0, "open"), (12.0, "closed")]

    VirtualClock().run(main, backend=anyio_backend)


def test_if_nobody_ever_asks_nothing_is_opened(anyio_backend: Backend) -> None:
    source = Source("ab")
    shared = source.observable.pipe(share_stream(1))

    async def main() -> None:
        async with rxs.open_stream(shared), rxs.open_stream(shared):
            await checkpoint()
        assert source.runs == []
        assert await read(shared) == (["a", "b"], None)

    VirtualClock().run(main, backend=anyio_backend)
    assert source.closed == [1]


def test_who_comes_while_the_source_is_closed_behind_the_last_one_connects_anew(
    anyio_backend: Backend,
) -> None:
    source = Slow()
    shared = source.shared

    async def main() -> None:
        with nothing_left():
            got = await together(
                reading(shared, most=2),
                reading(shared, after=2.25, most=1),
                # This one comes and goes before there was anything for it.
                lambda: leave_at_once(shared, 2.5),
            )
        assert got[:2] == [([1, 2], None), ([1], None)]

    VirtualClock().run(main, backend=anyio_backend)
    assert source.log == [(0.0, "open"), (3.0, "closed"), (3.0, "open"), (5.0, "closed")]


async def leave_at_once(shared: Any, after: float) -> None:
    await anyio.sleep(after)
    with anyio.move_on_after(0.125):
        await read(shared)


def test_one_that_gives_up_waiting_for_that_waits_for_it_all_the_same(anyio_backend: Backend) -> None:
    source = Slow()
    shared = source.shared

    async def main() -> None:
        with nothing_left():
            await together(reading(shared, most=2), lambda: leave_at_once(shared, 2.25))
            assert source.log == [(0.0, "open"), (3.0, "closed")]
            assert anyio.current_time() == 3.0
            assert await reading(shared, most=1)() == ([1], None)

    VirtualClock().run(main, backend=anyio_backend)


@pytest.mark.parametrize("fail", [None, OSError("gone")], ids=["end", "error"])
def test_who_comes_while_the_source_is_closed_behind_its_end_connects_anew(
    fail: Exception | None, anyio_backend: Backend
) -> None:
    source = Slow(2, fail=fail)
    shared = source.shared

    async def main() -> None:
        with nothing_left():
            got = await together(reading(shared), reading(shared, after=2.5), reading(shared, after=2.75))
            assert got == [([1, 2], fail)] * 3

    VirtualClock().run(main, backend=anyio_backend)
    assert source.log == [(0.0, "open"), (3.0, "closed"), (3.0, "open"), (6.0, "closed")]


def test_who_still_reads_what_an_ended_run_gave_is_no_hindrance_to_the_next(anyio_backend: Backend) -> None:
    source = Slow(3)
    shared = source.shared

    async def main() -> None:
        got = await together(reading(shared, pause=10), reading(shared, after=5))
        assert got == [([1, 2, 3], None)] * 2

    VirtualClock().run(main, backend=anyio_backend)


# ---------------------------------------------------------------- errors that come late


def test_what_fails_in_closing_behind_the_end_is_everybodys_error(anyio_backend: Backend) -> None:
    mine = OSError("in closing")
    shared = Slow(2, close_fail=mine).shared

    async def main() -> None:
        with nothing_left():
            assert await together(reading(shared), reading(shared)) == [([1, 2], mine)] * 2

    VirtualClock().run(main, backend=anyio_backend)


def test_what_fails_in_closing_behind_an_error_is_a_note_on_it(anyio_backend: Backend) -> None:
    gone = OSError("gone")
    shared = Slow(2, fail=gone, close_fail=OSError("in closing")).shared

    async def main() -> None:
        assert await together(reading(shared), reading(shared)) == [([1, 2], gone)] * 2

    VirtualClock().run(main, backend=anyio_backend)
    assert any("in closing" in note for note in gone.__notes__)


def test_what_fails_in_closing_when_all_leave_is_raised_by_the_last(anyio_backend: Backend) -> None:
    mine = OSError("in closing")
    shared = Slow(close_fail=mine).shared

    async def main() -> None:
        with nothing_left():
            got = await together(reading(shared, most=1), reading(shared, most=2))
            assert got == [([1], None), ([1, 2], mine)]

    VirtualClock().run(main, backend=anyio_backend)


def test_both_failures_are_told_of(anyio_backend: Backend) -> None:
    mine = OSError("in cleaning up")
    source = Slow(close_fail=OSError("in closing"))

    class Stubborn(Reading):
        async def __anext__(self) -> int:
            try:
                return await super().__anext__()
            except BaseException as error:
                raise mine from error

    shared = rxs.from_stream(lambda: Stubborn(source)).pipe(share_stream(1))

    async def main() -> None:
        with nothing_left():
            assert await reading(shared, most=1)() == ([1], mine)

    VirtualClock().run(main, backend=anyio_backend)
    assert any("in closing" in note for note in mine.__notes__)


def test_so_is_what_the_source_makes_of_being_stopped(anyio_backend: Backend) -> None:
    mine = OSError("in cleaning up")

    async def source() -> Any:
        try:
            yield 1
            await stall()
        finally:
            raise mine

    shared = rxs.from_stream(source).pipe(share_stream(1))

    async def main() -> None:
        with nothing_left():
            assert await reading(shared, most=1)() == ([1], mine)

    VirtualClock().run(main, backend=anyio_backend)


def test_an_error_that_comes_when_all_have_left_is_nobodys(anyio_backend: Backend) -> None:
    shared = Slow(2, fail=OSError("gone")).shared

    async def main() -> None:
        with nothing_left():
            async with rxs.open_stream(shared) as items:
                assert await anext(items) == 1
                await anyio.sleep(1.5)  # it has failed at 2, and is closed at 3
            assert anyio.current_time() == 3.0

    VirtualClock().run(main, backend=anyio_backend)


class Quit(BaseException):
    """As KeyboardInterrupt, but no test runner stops for it."""


@pytest.mark.anyio
async def test_what_is_no_exception_of_a_stream_comes_through_to_all() -> None:
    async def source() -> Any:
        yield 1
        raise Quit

    shared = rxs.from_stream(source).pipe(share_stream(1))

    async def quitting() -> bool:
        with pytest.raises(Quit):
            await rxs.to_list(shared)
        return True

    with nothing_left():
        assert await together(quitting, quitting) == [True, True]
        assert await quitting()


@pytest.mark.anyio
async def test_even_if_it_comes_in_closing_when_all_have_left() -> None:
    async def source() -> Any:
        try:
            yield 1
            await stall()
        finally:
            raise Quit

    shared = rxs.from_stream(source).pipe(share_stream(1))
    with nothing_left(), pytest.raises(Quit):
        await reading(shared, most=1)()


async def cancel_the_run(after: float) -> None:
    """Do what the end of a loop does."""
    await anyio.sleep(after)
    (task,) = [task for task in asyncio.all_tasks() if task.get_name() == "rxstream: share_stream()"]
    task.cancel()


def test_if_its_task_is_cancelled_from_outside_no_stream_looks_complete() -> None:
    source = Source("abc", stall)
    shared = source.observable.pipe(share_stream(5))

    async def main() -> list[Any]:
        with nothing_left():
            return await together(reading(shared), reading(shared), lambda: cancel_the_run(1))

    for came, error in VirtualClock().run(main)[:2]:
        assert came == ["a", "b", "c"]
        assert isinstance(error, StreamInterrupted)
        assert "was cancelled from outside" in str(error)
    assert source.closed == [1]
    # The next one is not hindered.
    assert rxs.run(shared.pipe(ops.take(2))) == ["a", "b"]


def test_nor_if_it_never_began() -> None:
    source = Source("abc")
    shared = source.observable.pipe(share_stream(5))

    async def main() -> tuple[list[Any], Exception | None]:
        with nothing_left():
            # In the same turn of the loop: the reader asks, and the task that it started is cancelled.
            first = asyncio.create_task(read(shared))
            await asyncio.sleep(0)
            await cancel_the_run(0)
            return await first

    came, error = VirtualClock().run(main)
    assert came == []
    assert isinstance(error, StreamInterrupted)
    assert rxs.run(shared) == ["a", "b", "c"]


def test_who_has_left_hears_nothing_of_that() -> None:
    shared = Slow().shared

    async def main() -> list[Any]:
        with nothing_left():
            return await together(reading(shared, most=1), lambda: cancel_the_run(1.5))

    assert VirtualClock().run(main)[0] == ([1], None)


def test_the_end_of_the_loop_closes_all(anyio_backend: Backend) -> None:
    source = Source("abc", stall)
    shared = source.observable.pipe(share_stream(5))

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(reading(shared))
            tasks.start_soon(reading(shared))
            await anyio.sleep(1)
            raise Quit

    with pytest.raises(BaseExceptionGroup):
        VirtualClock().run(main, backend=anyio_backend)
    assert source.closed == [1]
    assert shared.readers == 0


# ---------------------------------------------------------------- what else passes


def test_what_was_measured_reaches_every_reader(anyio_backend: Backend) -> None:
    told: list[Any] = []
    source = rxs.from_stream([rxs.StreamChunk("Hi"), rxs.StreamChunk("!", "stop")])
    shared = source.pipe(measure_stream(told.append), share_stream(1))

    async def main() -> list[Any]:
        return await together(lambda: rxs.collect(shared), lambda: rxs.collect(shared))

    first, second = VirtualClock().run(main, backend=anyio_backend)
    assert first.content == second.content == "Hi!"
    assert first.metrics is second.metrics is told[-1]


# ---------------------------------------------------------------- a model

#: When a reader comes, how long it takes for an item, when it leaves (None: at the end), in quarters of
#: seconds; and how many items may be parked for it.
Visit = tuple[int, int, int | None, int]

visits = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 12), st.none() | st.integers(0, 60), st.integers(1, 4)),
    min_size=1,
    max_size=5,
)


@given(
    plan=visits,
    count=st.integers(0, 12),
    replay=st.integers(0, 3),
    closing=st.integers(0, 3),
    backend=st.sampled_from(["asyncio", "trio"]),
)
@example(plan=[(0, 0, 8, 1), (9, 0, None, 1)], count=5, replay=0, closing=2, backend="trio")
def test_a_reader_gets_what_comes_from_its_coming_to_its_leaving(
    plan: list[Visit], count: int, replay: int, closing: int, backend: Backend
) -> None:
    #: Of each run how many items have come, and whether it is closed.
    runs: list[int] = []
    open_runs = 0

    async def source() -> Any:
        nonlocal open_runs
        assert open_runs == 0, "two runs at once"
        open_runs += 1
        number = len(runs)
        runs.append(0)
        try:
            for item in range(count):
                await anyio.sleep(1)
                runs[number] += 1
                yield number, item
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(closing / 4)
            open_runs -= 1

    shared = rxs.from_stream(source).pipe(share_stream(1, replay=replay))

    async def visit(number: int, *, come: int, pause: int, leave: int | None, most: int) -> tuple[Any, ...]:
        # At moments of its own, so that it is clear what was first.
        await anyio.sleep(come / 4 + (number + 1) / 100)
        came: list[tuple[int, int]] = []
        before = tuple(runs)
        with anyio.move_on_after(float("inf") if leave is None else leave / 4) as scope:
            async with rxs.open_stream(shared.reader(max_items=most)) as items:
                async for item in items:
                    came.append(item)
                    await anyio.sleep(pause / 4)
        return before, came, not scope.cancelled_caught

    async def main() -> list[Any]:
        with nothing_left():
            return await together(
                *[
                    lambda number=number, come=come, pause=pause, leave=leave, most=most: visit(
                        number, come=come, pause=pause, leave=leave, most=most
                    )
                    for number, (come, pause, leave, most) in enumerate(plan)
                ]
            )

    for before, came, ended in VirtualClock().run(main, backend=backend):
        if came:
            # Of one run, without a gap, and nothing twice.
            run, start = came[0]
            assert came == [(run, item) for item in range(start, start + len(came))]
            # It is the run that was there, or the next.
            assert run in {len(before) - 1, len(before)}
            missed = before[run] if run < len(before) else 0
            assert start == max(0, missed - replay)
            if ended:
                assert came[-1] == (run, count - 1)
        elif ended:
            # It came between the last item and the end.
            assert count == 0 or (replay == 0 and before[-1] == count)
    assert open_runs == 0


def test_readers_come_and_go_on_a_stream_that_never_ends(anyio_backend: Backend) -> None:
    source = Source(range(10**9))
    shared = source.observable.pipe(share_stream(4))
    seen = [0]

    async def visit(number: int) -> None:
        for turn in range(20):
            await anyio.sleep((number * 7 + turn * 3) % 5)
            came, error = await reading(shared, most=5 + turn % 3)()
            assert error is None
            assert came == [*range(came[0], came[0] + len(came))]
            seen[0] += 1

    async def main() -> None:
        with nothing_left():
            await together(*[_visit(visit, number) for number in range(10)])

    VirtualClock().run(main, backend=anyio_backend)
    assert seen == [200]
    assert set(source.closed) == {1}


def _visit(visit: Callable[[int], Awaitable[None]], number: int) -> Callable[[], Awaitable[None]]:
    return lambda: visit(number)
