"""Time limits: three clocks, which only content resets."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import anyio
import pytest
import reactivex
from anyio.lowlevel import checkpoint
from reactivex import Observable
from reactivex import operators as ops

import rxstream as rxs
from rxstream.engine.resumable import ResumableObservable
from rxstream.errors import FirstTokenTimeout, StreamStalled, StreamTimeout, TotalTimeout
from rxstream.items import StreamChunk, Usage
from rxstream.resilience.timeout import timeout_stream
from rxstream.testing import VirtualClock, check_operator
from tests.laws.source import Source, nothing_left

Backend = Literal["asyncio", "trio"]
each_backend = pytest.mark.parametrize("backend", ["asyncio", "trio"])


def run(backend: Backend, body: Callable[[], Any]) -> None:
    VirtualClock().run(body, backend=backend)


class Timed(Source):
    """A source of items; a number among them is so many seconds of silence before the next."""

    def __init__(self, *steps: Any) -> None:
        super().__init__([step for step in steps if not isinstance(step, int | float)])
        self.steps = steps

    def open(self) -> "TimedRun":
        return TimedRun(self(), self.steps)


class TimedRun:
    def __init__(self, run: Any, steps: Sequence[Any]) -> None:
        self._run = run
        self._steps = iter(steps)

    def __aiter__(self) -> "TimedRun":
        return self

    async def __anext__(self) -> Any:
        for step in self._steps:
            if not isinstance(step, int | float):
                break
            await anyio.sleep(step)
        return await anext(self._run)

    async def aclose(self) -> None:
        await self._run.aclose()


timed = Timed


def observed(source: Timed) -> Observable[Any]:
    return rxs.from_stream(source.open)


async def read(observable: Observable[Any]) -> tuple[list[Any], StreamTimeout | None, float]:
    came: list[Any] = []
    start = anyio.current_time()
    try:
        async with rxs.open_stream(observable) as items:
            async for item in items:
                came.append(item)  # noqa: PERF401 - what came before the error counts
    except StreamTimeout as error:
        return came, error, anyio.current_time() - start
    return came, None, anyio.current_time() - start


ROLE = StreamChunk("", role="assistant")
USAGE = StreamChunk("", usage=Usage(1, 2, 3))

CASES: dict[str, Any] = {
    "first": ((4, "a"), {"first": 3}, [], FirstTokenTimeout, 3),
    "first, after a role": ((2, ROLE, 2, StreamChunk("a")), {"first": 3}, [ROLE], FirstTokenTimeout, 3),
    "first, in time": ((2.5, "a", 9, "b"), {"first": 3}, ["a", "b"], None, 11.5),
    "gap": ((9, "a", 2, "b", 4, "c"), {"gap": 3}, ["a", "b"], StreamStalled, 14),
    "gap, usage is none": (
        (StreamChunk("a"), 2, USAGE, 2, StreamChunk("b")),
        {"gap": 3},
        [StreamChunk("a"), USAGE],
        StreamStalled,
        3,
    ),
    "gap, to the end": (("a", 4), {"gap": 3}, ["a"], StreamStalled, 3),
    "gap, in time": (("a", 2, "b", 2, "c", 2), {"gap": 3}, ["a", "b", "c"], None, 6),
    "total": (("a", 2, "b", 2, "c", 2, "d"), {"total": 5}, ["a", "b", "c"], TotalTimeout, 5),
    "total, in time": (("a", 2, "b"), {"total": 5}, ["a", "b"], None, 2),
    "the first that is reached": (
        (1, "a", 2, "b", 9),
        {"first": 2, "gap": 3, "total": 20},
        ["a", "b"],
        StreamStalled,
        6,
    ),
    "all in time": (("a", 1, "b"), {"first": 2, "gap": 3, "total": 20}, ["a", "b"], None, 1),
    "empty texts are no content": (("a", 2, "", 2, "b"), {"gap": 3}, ["a", ""], StreamStalled, 3),
}  # fmt: skip


@each_backend
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("way", ["direct", "with a timer", "beside another source"])
def test_a_limit_is_reached_when_it_is(backend: Backend, case: str, way: str) -> None:
    steps, limits, expected, error, seconds = CASES[case]

    async def body() -> None:
        source = timed(*steps)
        stream: Any = observed(source).pipe(timeout_stream(**limits))
        if way == "with a timer":
            stream = stream.pipe(ops.timeout(10_000.0))
        if way == "beside another source":
            stream = stream.pipe(ops.merge(observed(timed())))
        with nothing_left():
            came, raised, took = await read(stream)
        assert came == expected
        assert type(raised) is (type(None) if error is None else error)
        assert took == pytest.approx(seconds)
        assert source.closed == [1]

    run(backend, body)


@each_backend
def test_the_source_is_closed_before_the_error_is_seen(backend: Backend) -> None:
    async def body() -> None:
        source = timed("a", 10)
        async with rxs.open_stream(observed(source).pipe(timeout_stream(gap=3))) as items:
            assert await anext(items) == "a"
            with pytest.raises(StreamStalled):
                await anext(items)
            assert source.closed == [1]

    run(backend, body)


@each_backend
def test_the_time_that_the_reader_takes_breaks_no_gap(backend: Backend) -> None:
    async def body() -> None:
        source = timed("a", 2, "b", 2, "c")
        async with rxs.open_stream(observed(source).pipe(timeout_stream(first=3, gap=3))) as items:
            await anyio.sleep(10)
            for expected in "abc":
                assert await anext(items) == expected
                await anyio.sleep(10)

    run(backend, body)


@each_backend
def test_the_total_begins_with_the_first_demand_and_counts_the_readers_time(backend: Backend) -> None:
    async def body() -> None:
        source = timed("a", 2, "b")
        async with rxs.open_stream(observed(source).pipe(timeout_stream(total=5))) as items:
            await anyio.sleep(10)
            assert await anext(items) == "a"
            await anyio.sleep(4)
            with pytest.raises(TotalTimeout):
                await anext(items)
        assert source.closed == [1]

    run(backend, body)


@each_backend
def test_the_error_says_what_had_come(backend: Backend) -> None:
    async def body() -> None:
        chunks = [StreamChunk("Hel"), StreamChunk("lo", reasoning="hm")]
        _, error, _ = await read(observed(timed(*chunks, 9)).pipe(timeout_stream(gap=2.5)))
        assert error is not None
        assert isinstance(error, TimeoutError)
        assert (error.partial.content, error.partial.reasoning, error.seconds) == ("Hello", "hm", 2.5)
        expected = "no more content came for 2.5 s; 5 characters had come, and are in .partial"
        assert str(error) == expected

    run(backend, body)


@each_backend
def test_a_limit_on_one_stream_is_none_for_another(backend: Backend) -> None:
    async def body() -> None:
        slow, other = timed("a", 100), timed(1, "b", 1.5, "c", 2, "d", 2, "e")
        limited = observed(slow).pipe(timeout_stream(gap=3), ops.catch(rxs.from_stream(lambda: ["late"])))
        came, _, _ = await read(limited.pipe(ops.merge(observed(other))))
        assert came == ["a", "b", "c", "late", "d", "e"]
        assert slow.closed == other.closed == [1]

    run(backend, body)


@each_backend
def test_limits_within_limits(backend: Backend) -> None:
    async def body() -> None:
        source = timed("a", 2, "b", 2, "c", 2, "d", 2, "e")
        stream = observed(source).pipe(
            timeout_stream(gap=3), timeout_stream(total=7), timeout_stream(first=1)
        )
        came, error, took = await read(stream)
        assert came == ["a", "b", "c", "d"]
        assert took == pytest.approx(7)
        assert isinstance(error, TotalTimeout)
        assert source.closed == [1]

    run(backend, body)


@each_backend
def test_a_subscription_that_fails_leaves_no_limit_behind(backend: Backend) -> None:
    def refuse(_observer: Any, _scheduler: Any = None) -> Any:
        raise OSError("refused")

    async def body() -> None:
        broken: Observable[Any] = reactivex.Observable(refuse)
        guarded = timeout_stream(gap=1)(broken).pipe(ops.catch(observed(timed("a", 5, "b"))))
        assert (await read(guarded))[0] == ["a", "b"]

    run(backend, body)


@each_backend
def test_nothing_is_asked_before_the_first_demand(backend: Backend) -> None:
    async def body() -> None:
        source = timed("a")
        async with rxs.open_stream(observed(source).pipe(timeout_stream(first=1, total=1))):
            for _ in range(10):
                await checkpoint()
            await anyio.sleep(10)
        assert source.runs == []

    run(backend, body)


def test_it_obeys_the_laws() -> None:
    check_operator(timeout_stream(first=100, gap=100, total=1000), ["Hel", "lo ", "you"], cuts=False)


def test_a_resumable_source_stays_resumable() -> None:
    class Client:
        class chat:  # noqa: N801
            class completions:  # noqa: N801
                @staticmethod
                def create(**_: Any) -> list[Any]:
                    return []

    answer = rxs.from_chat(Client, model="any", messages=[])
    assert isinstance(answer, ResumableObservable)
    assert isinstance(answer.pipe(timeout_stream(gap=1)), ResumableObservable)
    assert not isinstance(answer.pipe(rxs.buffer_words(), timeout_stream(gap=1)), ResumableObservable)


@pytest.mark.parametrize("limits", [{"first": 0}, {"gap": -1}, {"total": float("nan")}], ids=repr)
def test_a_limit_that_is_not_positive_is_refused(limits: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=rf"expects {next(iter(limits))} to be more than 0 seconds"):
        timeout_stream(**limits)


def test_no_limit_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="expects at least one limit"):
        timeout_stream()
