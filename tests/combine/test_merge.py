from collections.abc import Callable
from itertools import chain
from typing import Any, Literal

import anyio
import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st
from reactivex import Observable
from reactivex.subject import Subject

import rxstream as rxs
from rxstream.combine.merge import from_streams, merge_streams
from rxstream.items import Restarted, Tagged
from rxstream.testing import VirtualClock, check_operator
from tests.combine.laws import LAWS, Make, failing, live_runs, ops, read, timed
from tests.laws.source import Source, nothing_left, stall

Backend = Literal["asyncio", "trio"]

merging: Any = merge_streams  # of a list of streams no type checker knows the length


def together(sources: list[Source]) -> Observable[Any]:
    return from_streams(*(source.observable for source in sources))


def piped(sources: list[Source]) -> Any:
    first, *others = (source.observable for source in sources)
    return first.pipe(merging(*others))


def flattened(sources: list[Source]) -> Any:
    return rxs.from_stream(lambda: [source.observable for source in sources]).pipe(merge_streams())


MAKES = [together, piped, flattened]


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("law", LAWS)
def test_it_keeps_the_laws_of_streams(law: Any, make: Make, anyio_backend: Backend) -> None:
    VirtualClock().run(law, make, backend=anyio_backend)


def test_check_operator_finds_nothing() -> None:
    check_operator(merge_streams(rxs.from_stream(list[int])), [1, 2, 3], ahead=8)


# ---------------------------------------------------------------- items


def test_items_come_as_they_are_there_with_their_stream_s_place_or_name(anyio_backend: Backend) -> None:
    stream = from_streams(timed((1, "a"), (4, "b"), end=5), late=timed((2, "x"), (3, "y"), end=9))
    came, error = VirtualClock().run(read, stream, backend=anyio_backend)
    assert came == [Tagged(0, "a"), Tagged("late", "x"), Tagged("late", "y"), Tagged(0, "b")]
    assert error is None


def test_the_piped_stream_is_0(anyio_backend: Backend) -> None:
    stream: Any = timed((2, "a"), end=5).pipe(merge_streams(timed((1, "x"), end=2), timed((3, "y"), end=4)))
    came, _ = VirtualClock().run(read, stream, backend=anyio_backend)
    assert came == [(1, "x"), (0, "a"), (2, "y")]


def test_inner_streams_are_numbered_as_they_arrive(anyio_backend: Backend) -> None:
    outer = timed((1, timed((3, "late"), end=4)), (2, timed((1, "early"), end=2)), end=3)
    came, _ = VirtualClock().run(read, outer.pipe(merge_streams()), backend=anyio_backend)
    assert came == [(1, "early"), (0, "late")]


@pytest.mark.anyio
@pytest.mark.parametrize("max_concurrent", [None, 1])
async def test_no_streams_are_an_end(max_concurrent: int | None) -> None:
    assert await read(from_streams(max_concurrent=max_concurrent)) == ([], None)


moments = st.lists(st.integers(0, 9), max_size=6).map(sorted)


@given(streams=st.lists(moments, max_size=5), max_concurrent=st.none() | st.integers(1, 4), data=st.data())
def test_it_is_an_interleaving_of_its_streams(
    streams: list[list[int]], max_concurrent: int | None, data: st.DataObject
) -> None:
    sources = [
        timed(*((at, (number, place)) for place, at in enumerate(times)), end=10)
        for number, times in enumerate(streams)
    ]
    flat = data.draw(st.booleans())
    stream: Any = (
        rxs.from_stream(sources).pipe(merge_streams(max_concurrent=max_concurrent))
        if flat
        else from_streams(*sources, max_concurrent=max_concurrent)
    )
    came, error = VirtualClock().run(read, stream, backend="asyncio")
    assert error is None
    for number, times in enumerate(streams):
        mine = [item for source, item in came if source == number]
        assert mine == [(number, place) for place in range(len(times))]
    assert len(came) == sum(map(len, streams))
    if max_concurrent is None and not flat:
        assert [streams[number][place] for _, (number, place) in came] == sorted(chain.from_iterable(streams))


# ---------------------------------------------------------------- how many at once


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("most", [1, 3, None])
def test_no_more_live_than_may_be_and_all_are_read(
    flat: bool, most: int | None, anyio_backend: Backend
) -> None:
    sources = [Source(range(5)) for _ in range(40)]
    live: list[int] = []

    async def main() -> None:
        streams = [source.observable for source in sources]
        stream: Any = (
            rxs.from_stream(streams).pipe(merge_streams(max_concurrent=most))
            if flat
            else from_streams(*streams, max_concurrent=most)
        )
        count = 0
        with nothing_left():
            async with rxs.open_stream(stream) as items:
                async for _ in items:
                    live.append(live_runs(sources))
                    count += 1
                assert live_runs(sources) == 0
        assert count == 200

    VirtualClock().run(main, backend=anyio_backend)
    assert max(live) <= (most or (16 if flat else 40))
    assert all(source.closed == [1] for source in sources)


def test_the_next_stream_opens_when_one_has_been_closed(anyio_backend: Backend) -> None:
    sources = [Source(range(2)) for _ in range(3)]

    async def main() -> None:
        async with rxs.open_stream(
            from_streams(*(source.observable for source in sources), max_concurrent=1)
        ) as items:
            async for number, _ in items:
                assert isinstance(number, int)
                opened = [len(source.runs) for source in sources]
                assert opened == [1] * (number + 1) + [0] * (2 - number)
                assert all(source.closed == [1] for source in sources[:number])

    VirtualClock().run(main, backend=anyio_backend)


# ---------------------------------------------------------------- how far ahead


@pytest.mark.parametrize("credit", [1, 8])
@pytest.mark.parametrize("count", [2, 10])
@pytest.mark.parametrize("make", MAKES)
def test_of_k_streams_no_more_is_parked_than_their_credit(
    make: Make, count: int, credit: int, anyio_backend: Backend
) -> None:
    sources = [Source(range(60)) for _ in range(count)]

    async def main() -> int:
        worst = consumed = 0
        async with rxs.open_stream(make(sources), credit=credit) as items:
            async for _ in items:
                consumed += 1
                await anyio.sleep(1)  # a source takes no time at all
                produced = sum(run.produced for source in sources for run in source.runs)
                worst = max(worst, produced - consumed)
        assert consumed == 60 * count
        return worst

    assert VirtualClock().run(main, backend=anyio_backend) <= count * credit + 1


@pytest.mark.parametrize("credit", [1, 8])
@pytest.mark.parametrize("most", [1, 4])
def test_the_outer_stream_is_held_back(most: int, credit: int, anyio_backend: Backend) -> None:
    inners = [Source(range(4)) for _ in range(50)]
    outer = Source([inner.observable for inner in inners])

    async def main() -> tuple[int, int]:
        pulled = live = 0
        ended = 0
        async with rxs.open_stream(
            outer.observable.pipe(merge_streams(max_concurrent=most)), credit=credit
        ) as items:
            async for _ in items:
                await anyio.sleep(1)
                ended = sum(sum(inner.closed) for inner in inners)
                pulled = max(pulled, outer.runs[0].produced - ended)
                live = max(live, live_runs(inners))
        return live, pulled

    live, pulled = VirtualClock().run(main, backend=anyio_backend)
    assert live <= most
    # Those that are live, those that have ended and of which the reader has something to get still, and
    # those that were asked for before the gate closed.
    assert pulled <= most + credit


# ---------------------------------------------------------------- ends


@pytest.mark.parametrize("make", MAKES)
def test_a_failing_stream_closes_all_others_once_and_says_whose_error_it_was(
    make: Make, anyio_backend: Backend
) -> None:
    error = OSError("gone")
    sources = [Source("ab", stall), Source("xy", failing(error)), Source("uv", stall)]

    async def main() -> list[Any]:
        came: list[Any] = []
        with nothing_left():
            async with rxs.open_stream(make(sources)) as items:
                with pytest.raises(OSError, match="gone") as caught:
                    async for item in items:
                        came.append(item)  # noqa: PERF401 - what came before the error is kept
                assert [source.closed for source in sources] == [[1], [1], [1]]
        assert caught.value is error
        return came

    came = VirtualClock().run(main, backend=anyio_backend)
    assert [item for number, item in came if number == 1] == ["x", "y"]
    (note,) = error.__notes__
    assert note.startswith("It was raised by stream 1 of ")
    # An error object that is raised again does not collect notes.
    VirtualClock().run(read, make([Source("ab"), Source("", failing(error))]), backend=anyio_backend)
    assert error.__notes__ == [note]


def test_a_named_stream_s_error_is_told_by_name(anyio_backend: Backend) -> None:
    stream = from_streams(best=timed(end=1, error=OSError("gone")))
    _, error = VirtualClock().run(read, stream, backend=anyio_backend)
    assert error is not None
    assert error.__notes__ == ["It was raised by stream 'best' of from_streams()."]


def test_an_error_of_the_outer_stream_closes_the_inner_ones(anyio_backend: Backend) -> None:
    inners = [Source("ab", stall), Source("xy", stall)]
    error = OSError("gone")
    outer = timed((0, inners[0].observable), (0, inners[1].observable), end=5, error=error)
    came, got = VirtualClock().run(read, outer.pipe(merge_streams()), backend=anyio_backend)
    assert sorted(came) == [(0, "a"), (0, "b"), (1, "x"), (1, "y")]
    assert got is error
    assert error.__notes__ == ["It was raised by the stream in front of merge_streams()."]
    assert [inner.closed for inner in inners] == [[1], [1]]


def test_an_item_that_is_no_stream_is_an_error_that_operators_behind_can_handle(
    anyio_backend: Backend,
) -> None:
    inner = Source("ab", stall)
    outer = Source([inner.observable, "no stream"], stall)
    handled: list[Any] = []

    def handle(error: Exception, _: Any) -> Any:
        handled.append(error)
        return rxs.from_stream(["instead"])

    stream: Any = outer.observable.pipe(merging(), ops.catch(handle))
    came, error = VirtualClock().run(read, stream, backend=anyio_backend)
    assert (came[-1], error) == ("instead", None)
    assert "expects a stream of Observables, and got str: 'no stream'" in str(handled[0])
    assert outer.closed == [1]
    assert inner.closed in ([], [1])


def test_the_outer_stream_is_closed_while_the_chain_goes_on(anyio_backend: Backend) -> None:
    inner = Source("ab", stall)
    outer, other = Source([inner.observable], stall), Source("12")
    stream: Any = outer.observable.pipe(merging(), ops.take(1), ops.concat(other.observable))

    async def main() -> None:
        async with rxs.open_stream(stream) as items:
            assert await anext(items) == (0, "a")
            assert (inner.closed, outer.closed) == ([1], [1])
            assert [item async for item in items] == ["1", "2"]

    VirtualClock().run(main, backend=anyio_backend)


def test_behind_a_restart_the_outer_stream_is_asked_again(anyio_backend: Backend) -> None:
    old, new = Source("ab", stall), Source("xy")

    async def bring() -> Any:
        for item in (old.observable, old.observable, Restarted(2), new.observable):
            yield item

    async def main() -> list[Any]:
        stream: Any = rxs.from_stream(bring).pipe(merging(max_concurrent=2))
        # What was read ahead when the gate closed ends with the restart.
        async with rxs.open_stream(stream, credit=2) as items:
            return [item async for item in items]

    assert VirtualClock().run(main, backend=anyio_backend)[-3:] == [Restarted(2), (0, "x"), (0, "y")]


def test_a_restart_of_the_outer_stream_lets_the_inner_ones_go(anyio_backend: Backend) -> None:
    old, waiting, new = Source("ab", stall), Source("never"), Source("xy")
    again = Restarted(2)
    brought = [old.observable, old.observable, waiting.observable, again, new.observable]
    stream: Any = rxs.from_stream(brought).pipe(merging(max_concurrent=2))
    came, error = VirtualClock().run(read, stream, backend=anyio_backend)
    at = came.index(again)
    assert set(came[:at]) <= {(0, "a"), (0, "b"), (1, "a"), (1, "b")}
    assert (came[at + 1 :], error) == ([(0, "x"), (0, "y")], None)
    assert (set(old.closed), waiting.runs, new.closed) == ({1}, [], [1])


# ---------------------------------------------------------------- sources of other kinds


@pytest.mark.anyio
@pytest.mark.parametrize("max_concurrent", [1, None])
async def test_streams_that_end_while_they_are_subscribed_to(max_concurrent: int | None) -> None:
    def at_once(observer: Any, _: Any = None) -> None:
        observer.on_next(1)
        observer.on_completed()

    made: Any = rx.create
    stream: Any = from_streams(*[made(at_once)] * 3000, max_concurrent=max_concurrent)
    came, error = await read(stream)
    assert error is None
    assert came == [(number, 1) for number in range(3000)]


@pytest.mark.anyio
@pytest.mark.parametrize("misbehaves", [False, True])
async def test_a_stream_that_fails_while_it_is_subscribed_to_stops_the_rest(misbehaves: bool) -> None:
    error = OSError("at once")

    def at_once(observer: Any, _: Any = None) -> Any:
        observer.on_next(1)
        observer.on_error(error)
        if misbehaves:
            observer.on_next(2)
            observer.on_error(error)

    before, after = Source("ab"), Source("xy")
    came, got = await read(from_streams(before.observable, rx.create(at_once), after.observable))
    assert (came, got) == ([(1, 1)], error)
    assert (before.runs, after.runs) == ([], [])


@pytest.mark.anyio
async def test_a_stream_that_goes_on_when_the_reader_has_left_is_not_heard() -> None:
    error = OSError("late")

    def at_once(observer: Any, _: Any = None) -> Any:
        observer.on_next(1)
        observer.on_error(error)

    made: Any = rx.create
    stream: Any = rxs.from_stream([made(at_once)]).pipe(merging(), ops.take(1))
    assert await read(stream) == ([(0, 1)], None)
    assert not hasattr(error, "__notes__")


@pytest.mark.anyio
async def test_stock_observables_are_as_good() -> None:
    came, error = await read(from_streams(rx.of(1, 2), rx.empty(), rx.of(3)))
    assert error is None
    assert sorted(came) == [(0, 1), (0, 2), (2, 3)]


@pytest.mark.anyio
async def test_a_hot_stream_among_them_is_heard_at_once() -> None:
    subject: Subject[str] = Subject()
    silent = Source("", stall)

    async def speak() -> None:
        await anyio.wait_all_tasks_blocked()
        subject.on_next("now")

    stream = from_streams(silent.observable, news=subject)
    async with rxs.open_stream(stream) as items, anyio.create_task_group() as tasks:
        tasks.start_soon(speak)
        assert await anext(items) == ("news", "now")


# ---------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: from_streams(rx.empty(), "text"), "argument 1"),  # type: ignore[arg-type]
        (lambda: from_streams(best=3), "argument 'best'"),  # type: ignore[arg-type]
        (lambda: merging(rx.empty(), [1]), "argument 2"),
    ],
    ids=["from_streams, place", "from_streams, name", "merge_streams"],
)
def test_what_is_no_stream_is_named(call: Callable[[], object], named: str) -> None:
    with pytest.raises(TypeError, match=f"expects Observables, and got as {named} "):
        call()


@pytest.mark.parametrize("operator", [from_streams, merge_streams])
@pytest.mark.parametrize(("most", "error"), [(0, ValueError), (2.0, TypeError), (True, TypeError)], ids=repr)
def test_max_concurrent_is_a_number_from_1_on(operator: Any, most: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=f"max_concurrent.*{most!r}"):
        operator(max_concurrent=most)
