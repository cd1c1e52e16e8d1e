import asyncio
import threading
from contextvars import ContextVar
from typing import Any, Literal, assert_type

import anyio
import anyio.to_thread
import pytest
from reactivex import Observable
from reactivex.subject import Subject

import rxstream as rxs
from rxstream.combine.merge import from_streams, merge_streams
from rxstream.combine.share import SharedStream, share_stream
from rxstream.engine.hot import has_hot_source
from rxstream.errors import BufferOverflow, StreamConsumed, UnknownName, UsageError
from rxstream.items import Restarted
from rxstream.resilience.retry import retry_stream
from rxstream.sansio.backlog import BacklogStats
from rxstream.testing import VirtualClock, check_operator
from tests.combine.laws import LAWS, Make, failing, ops, read, timed
from tests.combine.readers import reading, together
from tests.laws.source import Source, nothing_left, stall

Backend = Literal["asyncio", "trio"]

user: ContextVar[str] = ContextVar("user", default="nobody")

sharing: Any = share_stream


# ---------------------------------------------------------------- the laws


def alone(sources: list[Source]) -> Any:
    return sources[0].observable.pipe(share_stream(10))


def narrow(sources: list[Source]) -> Any:
    return sources[0].observable.pipe(share_stream(1))


def joining(sources: list[Source]) -> Any:
    # Numbers do not run together, so that each item stays one.
    return sources[0].observable.pipe(ops.map(ord), share_stream(1, overflow="join"))


def strict(sources: list[Source]) -> Any:
    return sources[0].observable.pipe(share_stream(10, overflow="error"))


def two_branches(sources: list[Source]) -> Any:
    shared = sources[0].observable.pipe(share_stream(2))
    return from_streams(shared.pipe(ops.map(str.upper)), shared)


def two_shared(sources: list[Source]) -> Any:
    return from_streams(*[source.observable.pipe(share_stream(1)) for source in sources])


def shared_twice(sources: list[Source]) -> Any:
    return sources[0].observable.pipe(share_stream(1), ops.map(str.upper), share_stream(1))


@pytest.mark.parametrize("make", [alone, narrow, joining, strict, two_branches, two_shared, shared_twice])
@pytest.mark.parametrize("law", LAWS)
def test_it_keeps_the_laws_of_streams(law: Any, make: Make, anyio_backend: Backend) -> None:
    VirtualClock().run(law, make, backend=anyio_backend)


def test_check_operator_finds_nothing() -> None:
    check_operator(share_stream(1), ["Hel", "lo wor", "ld"], cuts=False, ahead=2)
    check_operator(share_stream(2, replay=2), ["Hel", "lo wor", "ld"], cuts=False, ahead=3)


def test_its_type_is_known() -> None:
    shared = rxs.from_recording("01-prose", speed=None).pipe(share_stream(100))
    assert_type(shared, SharedStream[rxs.StreamChunk])
    assert_type(shared.reader(max_items=3), Observable[rxs.StreamChunk])
    numbers = rxs.from_stream([1]).pipe(share_stream(1, overflow="latest", on_drop=print))
    assert_type(numbers, SharedStream[int])
    assert isinstance(shared, SharedStream)


# ---------------------------------------------------------------- several readers


def test_each_reader_gets_every_item_of_one_run(anyio_backend: Backend) -> None:
    source = Source(range(50))
    shared = source.observable.pipe(share_stream(3))

    async def main() -> None:
        with nothing_left():
            readers = [reading(shared), reading(shared, pause=1), reading(shared.pipe(ops.map(str)))]
            assert await together(*readers) == [
                ([*range(50)], None),
                ([*range(50)], None),
                ([*map(str, range(50))], None),
            ]

    VirtualClock().run(main, backend=anyio_backend)
    assert source.closed == [1]


@pytest.mark.anyio
async def test_words_and_sentences_of_one_answer() -> None:
    answer = rxs.from_recording("01-prose", speed=None)
    shared = answer.pipe(share_stream(4))
    words, sentences = shared.pipe(rxs.buffer_words()), shared.pipe(rxs.buffer_sentences())
    expected = [
        await rxs.to_list(answer.pipe(rxs.buffer_words())),
        await rxs.to_list(answer.pipe(rxs.buffer_sentences())),
    ]
    assert all(expected)
    assert await together(lambda: rxs.to_list(words), lambda: rxs.to_list(sentences)) == expected
    # And as two branches of one chain, in one task.
    branches: list[Any] = [[], []]
    async with rxs.open_stream(words.pipe(merge_streams(sentences))) as items:
        async for number, text in items:
            branches[int(number)].append(text)
    assert branches == expected


def test_plain_subscribes_are_readers() -> None:
    source = Source("abc")
    shared = source.observable.pipe(share_stream(1))
    seen: list[Any] = []

    async def main() -> None:
        with nothing_left():
            shared.subscribe(seen.append, on_completed=lambda: seen.append("|"))
            shared.pipe(ops.map(str.upper)).subscribe(seen.append, on_completed=lambda: seen.append("|"))
            # One that is called off before it has begun.
            shared.subscribe(seen.append).dispose()
            assert shared.readers == 3
            await anyio.sleep(1)

    VirtualClock().run(main)
    assert sorted(seen) == sorted("abcABC||")
    assert source.closed == [1]
    assert shared.readers == 0


def test_the_readers_and_their_stats_can_be_seen(anyio_backend: Backend) -> None:
    source = Source(range(10), stall)
    shared = source.observable.pipe(share_stream(3))
    latest = shared.reader(max_items=1, overflow="latest")
    seen: list[Any] = []

    async def main() -> None:
        assert (shared.readers, shared.stats) == (0, [])
        async with rxs.open_stream(shared) as items, rxs.open_stream(latest):
            assert shared.readers == 2
            assert shared.stats == [BacklogStats(), BacklogStats()]
            assert [await anext(items), await anext(items)] == [0, 1]
            await anyio.sleep(1)
            seen.extend(shared.stats)
        assert (shared.readers, shared.stats) == (0, [])

    VirtualClock().run(main, backend=anyio_backend)
    assert seen[0].produced == 5
    assert seen[0].high_water == 3
    assert (seen[1].produced, seen[1].dropped, seen[1].kept) == (6, 5, 1)


# ---------------------------------------------------------------- every overflow


@pytest.mark.parametrize(
    ("overflow", "expected", "failure"),
    [
        # It rests for a hundred seconds behind every other item, while a hundred come; two are parked.
        ("drop_oldest", [0, 98, 99, 198, 199, 298, 299, 300], None),
        ("drop_latest", [0, 1, 2, 100, 101, 200, 201, 300], None),
        ("latest", [0, 99, 100, 199, 200, 299, 300], None),
        ("error", [0, 1, 2], BufferOverflow),
    ],
)
def test_a_slow_reader_and_its_overflow_do_not_touch_a_fast_one(
    overflow: Any, expected: list[int], failure: type[Exception] | None, anyio_backend: Backend
) -> None:
    shared = timed(*[(at, at) for at in range(301)], end=300.5).pipe(share_stream(2))
    came: list[int] = []

    async def fast() -> list[int]:
        async with rxs.open_stream(shared) as items:
            stamped = [(item, anyio.current_time()) async for item in items]
        assert all(item == at for item, at in stamped)
        return [item for item, _ in stamped]

    async def slow() -> Exception | None:
        try:
            async with rxs.open_stream(shared.reader(overflow=overflow)) as items:
                async for item in items:
                    came.append(item)
                    await anyio.sleep(99.75 if len(came) % 2 else 0.125)
        except Exception as error:
            assert anyio.current_time() == 199.625  # at once, behind what it had, though the others go on
            return error
        return None

    async def main() -> list[Any]:
        with nothing_left():
            return await together(fast, slow)

    got, error = VirtualClock().run(main, backend=anyio_backend)
    assert got == [*range(301)]
    assert came == expected
    if failure is None:
        assert error is None
    else:
        assert isinstance(error, failure)
        assert "share_stream() has no room" in str(error)


def test_suspend_waits_for_the_slowest(anyio_backend: Backend) -> None:
    source = Source(range(10))
    shared = source.observable.pipe(share_stream(2))
    ends: list[float] = []

    async def fast() -> None:
        await rxs.to_list(shared)
        ends.append(anyio.current_time())

    async def main() -> None:
        await together(fast, reading(shared, pause=1))

    VirtualClock().run(main, backend=anyio_backend)
    assert ends == [7.0]  # the slow one has taken eight, and the last two are parked


def test_join_loses_nothing_and_holds_nobody_up(anyio_backend: Backend) -> None:
    source = timed(*[(at, f"{at} ") for at in range(100)], end=100)
    shared = source.pipe(share_stream(1, overflow="join"))
    times: list[float] = []

    async def fast() -> str:
        text = ""
        async with rxs.open_stream(shared) as items:
            async for item in items:
                text += item
                times.append(anyio.current_time())
        return text

    async def main() -> list[Any]:
        return await together(fast, reading(shared, pause=40.5))

    text, (came, error) = VirtualClock().run(main, backend=anyio_backend)
    assert error is None
    assert text == "".join(came) == "".join(f"{at} " for at in range(100))
    assert times == [*range(100)]
    assert len(came) == 4


def test_what_cannot_be_joined_waits(anyio_backend: Backend) -> None:
    source = Source([1, "a", "b", 2, 3, "c", "d"])
    shared = source.observable.pipe(share_stream(1, overflow="join"))

    async def main() -> list[Any]:
        return await together(reading(shared, pause=1), reading(shared))

    (slow, _), (fast, _) = VirtualClock().run(main, backend=anyio_backend)
    assert slow == [1, "ab", 2, 3, "cd"]
    for came in (slow, fast):
        assert [item for item in came if isinstance(item, int)] == [1, 2, 3]
        assert "".join(item for item in came if isinstance(item, str)) == "abcd"


def test_what_is_dropped_is_told_to_the_reader_it_was_meant_for(anyio_backend: Backend) -> None:
    common, own = list[Any](), list[Any]()
    shared = timed(*[(at, at) for at in range(6)], end=6).pipe(
        share_stream(1, overflow="drop_oldest", on_drop=common.append)
    )

    async def main() -> list[Any]:
        return await together(
            reading(shared, pause=2.75),
            reading(shared.reader(overflow="latest"), pause=2.75),
            reading(shared.reader(on_drop=own.append), pause=2.75),
            reading(shared.reader(overflow="suspend")),
        )

    got = VirtualClock().run(main, backend=anyio_backend)
    assert [came for came, _ in got[:3]] == [[0, 2, 5]] * 3
    assert common == own == [1, 3, 4]
    assert got[3] == ([*range(6)], None)


# ---------------------------------------------------------------- who comes late


def test_a_late_reader_gets_what_comes_from_then_on(anyio_backend: Backend) -> None:
    shared = timed(*[(at, at) for at in range(10)], end=10).pipe(share_stream(10))

    async def main() -> list[Any]:
        return await together(reading(shared), reading(shared, after=3.5), reading(shared, after=9.5))

    assert VirtualClock().run(main, backend=anyio_backend) == [
        ([*range(10)], None),
        ([*range(4, 10)], None),
        ([], None),
    ]


def test_it_is_a_reader_from_when_it_subscribes(anyio_backend: Backend) -> None:
    source = Source("abc")
    shared = source.observable.pipe(share_stream(3))

    async def main() -> None:
        async with rxs.open_stream(shared) as first, rxs.open_stream(shared) as second:
            assert [item async for item in first] == ["a", "b", "c"]
            assert [item async for item in second] == ["a", "b", "c"]

    VirtualClock().run(main, backend=anyio_backend)
    assert source.closed == [1]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({}, [2, 3, 4, 5, 6, 7]),
        ({"replay": 0}, [5, 6, 7]),
        ({"replay": 1}, [4, 5, 6, 7]),
        ({"max_items": 1}, [2, 3, 4, 5, 6, 7]),  # nothing may be lost, so there is room for it
        ({"max_items": 1, "overflow": "error"}, [2, 3, 4, 5, 6, 7]),
        ({"max_items": 1, "overflow": "join"}, [2, 3, 4, 5, 6, 7]),
        ({"max_items": 2, "overflow": "drop_oldest"}, [3, 4, 5, 6, 7]),
        ({"max_items": 2, "overflow": "drop_latest"}, [2, 3, 5, 6, 7]),
        ({"max_items": 2, "overflow": "latest"}, [4, 5, 6, 7]),
    ],
    ids=str,
)
def test_the_last_items_are_replayed(policy: Any, expected: list[int], anyio_backend: Backend) -> None:
    shared = timed(*[(at, at) for at in range(8)], end=8).pipe(share_stream(5, replay=3))

    async def main() -> list[Any]:
        return await together(reading(shared), reading(shared.reader(**policy), after=4.5))

    first, late = VirtualClock().run(main, backend=anyio_backend)
    assert first == ([*range(8)], None)
    assert late == (expected, None)


def test_of_what_came_before_a_restart_nothing_is_replayed(anyio_backend: Backend) -> None:
    again = Restarted(2)
    shared = timed((0, "a"), (1, "b"), (2, again), (3, "A"), (4, "B"), (5, "C"), end=9).pipe(
        share_stream(5, replay=3)
    )

    async def main() -> list[Any]:
        return await together(
            reading(shared),
            reading(shared, after=2.5),
            reading(shared, after=4.5),
            reading(shared, after=5.5),
            reading(shared.reader(max_items=1, overflow="latest"), after=4.5, pause=0.125),
        )

    got = VirtualClock().run(main, backend=anyio_backend)
    assert [came for came, _ in got] == [
        ["a", "b", again, "A", "B", "C"],
        [again, "A", "B", "C"],
        [again, "A", "B", "C"],
        ["A", "B", "C"],
        [again, "B", "C"],
    ]


# ---------------------------------------------------------------- it lives again


def test_behind_an_end_the_next_reader_connects_anew(anyio_backend: Backend) -> None:
    source = Source("ab")
    shared = source.observable.pipe(share_stream(1, replay=1))

    async def main() -> None:
        for runs in range(1, 4):
            assert await together(reading(shared), reading(shared)) == [(["a", "b"], None)] * 2
            assert source.closed == [1] * runs

    VirtualClock().run(main, backend=anyio_backend)


def test_an_error_is_the_same_object_for_all_behind_all_they_had_parked(anyio_backend: Backend) -> None:
    gone = OSError("gone")
    source = Source("abc", failing(gone))
    shared = source.observable.pipe(share_stream(5, replay=5))

    async def main() -> None:
        for runs in range(1, 3):
            got = await together(reading(shared), reading(shared, pause=1))
            assert [came for came, _ in got] == [["a", "b", "c"]] * 2
            assert all(error is gone for _, error in got)
            assert source.closed == [1] * runs

    VirtualClock().run(main, backend=anyio_backend)


def test_when_all_have_left_the_next_reader_connects_anew(anyio_backend: Backend) -> None:
    source = Source("abc", stall)
    shared = source.observable.pipe(share_stream(1, replay=1))

    async def main() -> None:
        for runs in range(1, 4):
            with nothing_left():
                assert await together(reading(shared, most=2), reading(shared, most=1)) == [
                    (["a", "b"], None),
                    (["a"], None),
                ]
                assert source.closed == [1] * runs

    VirtualClock().run(main, backend=anyio_backend)


def test_a_source_that_can_be_read_once_says_so(anyio_backend: Backend) -> None:
    shared = rxs.from_stream([1, 2]).pipe(share_stream(1))

    async def main() -> None:
        assert await together(reading(shared), reading(shared)) == [([1, 2], None)] * 2
        came, error = await read(shared)
        assert came == []
        assert isinstance(error, StreamConsumed)

    VirtualClock().run(main, backend=anyio_backend)


def flaky(*runs: tuple[str, Exception | None]) -> Any:
    """Make a source whose runs differ."""
    left = list(runs)

    async def source() -> Any:
        text, error = left.pop(0)
        for character in text:
            await anyio.sleep(1)
            yield character
        if error is not None:
            raise error

    return rxs.from_stream(source)


def test_a_retry_behind_it_finds_a_new_run(anyio_backend: Backend) -> None:
    # The trap of the stock share(): it would give the first error again.
    source = flaky(("ab", OSError("1")), ("ab", OSError("2")), ("abc", None))
    shared = source.pipe(share_stream(5), ops.retry(5))

    async def main() -> list[Any]:
        return await together(reading(shared), reading(shared))

    assert VirtualClock().run(main, backend=anyio_backend) == [([*"ab", *"ab", *"abc"], None)] * 2


def test_retry_stream_in_front_and_behind_give_one_answer(anyio_backend: Backend) -> None:
    retrying = retry_stream(5, retry_on=OSError, backoff=lambda _: 1.0)
    for behind in (False, True):
        source = flaky(("ab", OSError("1")), ("", OSError("2")), ("abcd", None))
        operators: list[Any] = [share_stream(5), retrying] if behind else [retrying, share_stream(5)]
        shared = source.pipe(*operators)

        async def main(shared: Any = shared) -> list[Any]:
            return await together(reading(shared), reading(shared))

        for came, error in VirtualClock().run(main, backend=anyio_backend):
            assert error is None
            assert "".join(came) == "abcd"


# ---------------------------------------------------------------- where it runs


@pytest.mark.anyio
async def test_readers_in_another_loop_are_refused() -> None:
    source = Source("abc", stall)
    shared = source.observable.pipe(share_stream(1))
    async with rxs.open_stream(shared) as items:
        assert await anext(items) == "a"
        with pytest.raises(UsageError, match="another event loop at this moment"):
            await anyio.to_thread.run_sync(lambda: rxs.run(shared))
        assert shared.readers == 1
        assert await anext(items) == "b"
    # Nobody reads here any more.
    assert await anyio.to_thread.run_sync(lambda: rxs.run(shared.pipe(ops.take(2)))) == ["a", "b"]
    assert source.closed == [1, 1]


@pytest.mark.anyio
async def test_another_loop_is_refused_while_the_source_is_being_closed() -> None:
    closing, go_on = anyio.Event(), threading.Event()

    async def source() -> Any:
        try:
            yield 1
            await stall()
        finally:
            closing.set()
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(go_on.wait)

    shared = rxs.from_stream(source).pipe(share_stream(1))

    async def leave() -> None:
        async with rxs.open_stream(shared) as items:
            await anext(items)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(leave)
        await closing.wait()
        with pytest.raises(UsageError, match="another event loop"):
            await anyio.to_thread.run_sync(lambda: rxs.run(shared))
        go_on.set()


def test_a_shared_stream_outlives_a_loop() -> None:
    source = Source("ab")
    shared = source.observable.pipe(share_stream(1))
    for _ in range(2):
        assert rxs.run(shared) == ["a", "b"]
    assert source.closed == [1, 1]


@pytest.mark.anyio
async def test_the_source_sees_the_first_readers_context() -> None:
    async def source() -> Any:
        yield user.get()

    shared = rxs.from_stream(source).pipe(share_stream(1))

    async def ask(name: str) -> list[Any]:
        user.set(name)
        return await rxs.to_list(shared)

    assert await together(lambda: ask("me")) == [["me"]]
    assert user.get() == "nobody"


def test_a_hot_source_is_heard_by_all_and_makes_no_reader_hot() -> None:
    subject: Subject[int] = Subject()
    shared = subject.pipe(share_stream(3, overflow="drop_oldest"))
    assert has_hot_source(subject.pipe(ops.map(str)))
    assert not has_hot_source(shared)

    async def speak() -> None:
        for item in range(4):
            await asyncio.sleep(1)
            subject.on_next(item)
        subject.on_completed()

    async def main() -> list[Any]:
        return await together(reading(shared), reading(shared, after=2.5), speak)

    assert VirtualClock().run(main) == [([0, 1, 2, 3], None), ([2, 3], None), None]


# ---------------------------------------------------------------- arguments


def test_wrong_arguments_are_refused_at_once() -> None:
    with pytest.raises(TypeError, match=r"share_stream\(\) expects max_items to be a whole number"):
        sharing("10")
    with pytest.raises(ValueError, match=r"share_stream\(\) expects max_items to be at least 1 and got 0"):
        sharing(0)
    with pytest.raises(UnknownName, match=r"share_stream\(\) knows no overflow 'drop'"):
        sharing(1, overflow="drop")
    with pytest.raises(TypeError, match="expects replay to be a whole number and got True"):
        sharing(1, replay=True)
    with pytest.raises(ValueError, match="expects replay to be at least 0 and got -1"):
        sharing(1, replay=-1)
    with pytest.raises(ValueError, match="on_drop would never be called"):
        sharing(1, on_drop=print)
    with pytest.raises(TypeError, match="expects on_drop to be a function of the dropped item and got 3"):
        sharing(1, overflow="latest", on_drop=3)


def test_so_are_those_of_a_reader() -> None:
    shared: Any = rxs.from_stream([1]).pipe(share_stream(1, replay=2, overflow="latest", on_drop=print))
    with pytest.raises(ValueError, match=r"reader\(\) expects max_items to be at least 1 and got -3"):
        shared.reader(max_items=-3)
    with pytest.raises(UnknownName, match=r"SharedStream.reader\(\) knows no overflow 'drop'"):
        shared.reader(overflow="drop")
    with pytest.raises(
        ValueError, match=r"cannot replay 3 items, since only the last 2 are kept. Write share"
    ):
        shared.reader(replay=3)
    with pytest.raises(ValueError, match="on_drop would never be called"):
        shared.reader(overflow="suspend", on_drop=print)
    shared.reader(overflow="suspend")  # where nothing is dropped nobody is to be told
