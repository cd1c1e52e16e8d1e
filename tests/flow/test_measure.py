import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextvars import ContextVar
from itertools import accumulate, pairwise
from typing import Any, Literal, get_args

import anyio
import pytest
import reactivex
from anyio.lowlevel import checkpoint
from hypothesis import given
from hypothesis import strategies as st
from reactivex import Observable
from reactivex import operators as ops
from reactivex.scheduler import ImmediateScheduler
from reactivex.subject import Subject

import rxstream as rxs
from rxstream.flow.measure import measure_stream
from rxstream.items import Restarted, StreamChunk, Usage
from rxstream.sansio.metrics import Metrics
from rxstream.sansio.prices import Price
from rxstream.testing import VirtualClock, find_diagrams
from tests.laws.source import Source, nothing_left, stall
from tests.recordings import NAMES, PATHS

Backend = Literal["asyncio", "trio"]
BACKENDS: tuple[Backend, ...] = get_args(Backend)

on_both = pytest.mark.parametrize("backend", BACKENDS)


@pytest.fixture
def told() -> list[Metrics]:
    return []


def drip(*items: tuple[float, Any], end: float = 0.0, error: Exception | None = None) -> Observable[Any]:
    """Make a source whose items come so many seconds behind one another."""

    async def source() -> AsyncIterator[Any]:
        for wait, item in items:
            await anyio.sleep(wait)
            yield item
        await anyio.sleep(end)
        if error is not None:
            raise error

    return rxs.from_stream(source)


async def fail() -> None:
    raise OSError("gone")


class Broken:
    """A hook that is told, and fails."""

    def __init__(self, told: list[Metrics]) -> None:
        self.told = told
        self.error = ZeroDivisionError("hook")

    def __call__(self, metrics: Metrics) -> None:
        self.told.append(metrics)
        raise self.error


# ---------------------------------------------------------------- it changes nothing

Chain = Callable[[Observable[Any]], Observable[Any]]


def bare(source: Observable[Any]) -> Observable[Any]:
    return source.pipe(measure_stream())


def with_a_hook(source: Observable[Any]) -> Observable[Any]:
    return source.pipe(measure_stream(lambda _: None, every=1e-9))


def between_stock_operators(source: Observable[Any]) -> Observable[Any]:
    return source.pipe(ops.map(lambda item: item), measure_stream(), ops.map(lambda item: item))


def twice(source: Observable[Any]) -> Observable[Any]:
    return source.pipe(measure_stream(), measure_stream())


for_chains = pytest.mark.parametrize("chain", [bare, with_a_hook, between_stock_operators, twice])


@pytest.mark.parametrize("name", NAMES)
def test_what_passes_is_what_came(name: str) -> None:
    def play(operator: Chain) -> tuple[list[Any], str]:
        items: list[Any] = []
        try:
            rxs.run(rxs.from_recording(PATHS[name], speed=None).pipe(operator), on_item=items.append)
        except rxs.StreamError as error:
            return items, repr(error)
        return items, ""

    assert play(bare) == play(lambda source: source)


def test_items_pass_as_they_are() -> None:
    items = [StreamChunk("a"), Restarted(2), "", b"x", None, object()]
    passed: list[Any] = []
    rxs.run(bare(rxs.from_stream(items)), on_item=passed.append)
    assert all(one is other for one, other in zip(items, passed, strict=True))


@for_chains
@pytest.mark.anyio
async def test_nothing_is_pulled_before_the_first_demand_nor_ahead(chain: Chain) -> None:
    source = Source(["a", "b", "c"])
    async with rxs.open_stream(chain(source.observable)) as items:
        for _ in range(5):
            await checkpoint()
        assert source.runs == []
        for count in (1, 2, 3):
            await anext(items)
            for _ in range(5):
                await checkpoint()
            assert source.runs[0].produced == count


@for_chains
@pytest.mark.anyio
async def test_no_task_is_needed_for_it(chain: Chain) -> None:
    # The pump pulls the only source from the reader's own task: an action that has run is gone.
    with nothing_left():
        async with rxs.open_stream(chain(Source(["a", "b"]).observable)) as items:
            with nothing_left():
                assert [item async for item in items] == ["a", "b"]


@for_chains
@pytest.mark.anyio
async def test_the_source_is_closed_once_before_the_end_is_seen(chain: Chain) -> None:
    source = Source(["a", "b"])
    async with rxs.open_stream(chain(source.observable)) as items:
        assert [item async for item in items] == ["a", "b"]
        assert source.closed == [1]


@for_chains
@pytest.mark.anyio
async def test_an_error_comes_unchanged_behind_the_items(chain: Chain) -> None:
    source = Source(["a"], fail)
    came: list[Any] = []
    async with rxs.open_stream(chain(source.observable)) as items:
        with pytest.raises(OSError, match="gone") as caught:
            async for item in items:
                came.append(item)  # noqa: PERF401 - what came before the error is kept
        assert source.closed == [1]
    assert came == ["a"]
    assert not getattr(caught.value, "__notes__", [])


def test_its_diagram_is_true() -> None:
    (diagram,) = find_diagrams(measure_stream.__doc__ or "")
    assert diagram.sources == [diagram.result]
    assert diagram.operator == "measure_stream()"


# ---------------------------------------------------------------- times


@on_both
def test_times_are_counted_from_the_first_demand(backend: Backend, told: list[Metrics]) -> None:
    async def read() -> None:
        source = drip((2, StreamChunk("", role="assistant")), (1, "a"), (0.5, "b"), (0.25, "c"), end=4)
        async with rxs.open_stream(source.pipe(measure_stream(told.append))) as items:
            await anyio.sleep(60)  # a reader that looks out of the window first
            async for _ in items:
                pass

    VirtualClock().run(read, backend=backend)
    (metrics,) = told
    assert (metrics.time_to_first_chunk, metrics.time_to_first_content) == (2, 3)
    assert metrics.duration == 7.75
    assert list(metrics.gaps) == [0.5, 0.25]
    assert (metrics.gaps.p50, metrics.gaps.p99, metrics.gaps.longest, metrics.gaps.mean) == (
        0.25,
        0.5,
        0.5,
        0.375,
    )
    assert (metrics.chunks, metrics.content_chunks, metrics.characters) == (4, 3, 3)
    assert metrics.tokens_per_second == metrics.characters_per_second == 2 / 0.75
    assert (metrics.ended, metrics.error) == ("completed", None)


@on_both
@given(waits=st.lists(st.floats(min_value=0.001, max_value=1000), min_size=1, max_size=20))
def test_the_times_are_those_of_the_arrivals(backend: Backend, waits: list[float]) -> None:
    told: list[Metrics] = []
    seen: list[float] = []

    async def read() -> None:
        source = drip(*((wait, "ab") for wait in waits))
        await rxs.to_list(
            source.pipe(measure_stream(told.append)), on_item=lambda _: seen.append(anyio.current_time())
        )

    VirtualClock().run(read, backend=backend)
    (metrics,) = told
    gaps = [later - earlier for earlier, later in pairwise(seen)]
    assert metrics.time_to_first_content == metrics.time_to_first_chunk == seen[0] == waits[0]
    assert list(metrics.gaps) == gaps
    assert all(map(math.isclose, seen, accumulate(waits)))
    assert metrics.duration == seen[-1]
    assert metrics.characters == 2 * len(waits)
    assert metrics.tokens_per_second == (len(gaps) / (seen[-1] - seen[0]) if gaps else None)


@on_both
def test_a_stream_that_starts_later_than_the_pump_counts_from_its_own_start(
    backend: Backend, told: list[Metrics]
) -> None:
    async def read() -> list[Any]:
        later = drip((2, "b")).pipe(measure_stream(told.append))
        return await rxs.to_list(drip((5, "a")).pipe(ops.concat(later)))

    assert VirtualClock().run(read, backend=backend) == ["a", "b"]
    assert (told[0].time_to_first_content, told[0].duration) == (2, 2)


@on_both
def test_a_timer_of_another_operator_does_not_disturb_it(backend: Backend, told: list[Metrics]) -> None:
    async def read() -> list[Any]:
        async with rxs.open_stream(
            drip((2, "a"), (3, "b")).pipe(measure_stream(told.append), ops.debounce(1.0))
        ) as items:
            await anyio.sleep(10)
            return [item async for item in items]

    assert VirtualClock().run(read, backend=backend) == ["a", "b"]
    assert (told[0].time_to_first_content, list(told[0].gaps)) == (2, [3])


@on_both
def test_a_source_that_speaks_while_it_is_subscribed_to_is_not_waited_for(
    backend: Backend, told: list[Metrics]
) -> None:
    def speak(observer: Any, _: Any = None) -> Any:
        observer.on_next("a")
        observer.on_completed()

    async def read() -> list[Any]:
        measured: Observable[str] = measure_stream(told.append)(reactivex.create(speak))
        async with rxs.open_stream(measured) as items:
            await anyio.sleep(60)
            return [item async for item in items]

    assert VirtualClock().run(read, backend=backend) == ["a"]
    assert (told[0].time_to_first_content, told[0].duration) == (0, 0)
    assert told[0].started is not None


def test_a_scheduler_of_another_operator_is_no_hindrance(told: list[Metrics]) -> None:
    source = rxs.from_stream(["a"]).pipe(measure_stream(told.append), ops.subscribe_on(ImmediateScheduler()))
    assert rxs.run(source) == ["a"]
    assert told[0].ended == "completed"


@pytest.mark.anyio
async def test_a_hot_source_is_measured(told: list[Metrics]) -> None:
    subject: Subject[str] = Subject()
    # A stock operator alone is no stream of ours.
    measured: Observable[str] = measure_stream(told.append)(subject)
    async with rxs.open_stream(measured) as items:
        subject.on_next("a")
        subject.on_completed()
        assert [item async for item in items] == ["a"]
    assert (told[0].content_chunks, told[0].ended) == (1, "completed")


# ---------------------------------------------------------------- the hook


@on_both
def test_live_metrics_come_behind_an_item_and_not_more_often_than_asked(backend: Backend) -> None:
    told: list[tuple[float, int, str | None]] = []

    def tell(metrics: Metrics) -> None:
        told.append((anyio.current_time(), metrics.chunks, metrics.ended))

    async def read() -> None:
        source = drip((1, "a"), (0.4, "b"), (0.5, "c"), (0.1, "d"), (5, "e"), (0.1, "f"), end=3)
        await rxs.to_list(source.pipe(measure_stream(tell, every=1.0)))

    VirtualClock().run(read, backend=backend)
    assert told == [
        (1, 1, None),
        (2, 4, None),
        (7, 5, None),
        (10.1, 6, "completed"),
    ]


def test_without_every_the_hook_hears_only_the_end(told: list[Metrics]) -> None:
    rxs.run(rxs.from_stream(["a"] * 10).pipe(measure_stream(told.append)))
    assert [metrics.ended for metrics in told] == ["completed"]


def test_each_snapshot_keeps_its_moment(told: list[Metrics]) -> None:
    rxs.run(rxs.from_stream(["a", "b", "c"]).pipe(measure_stream(told.append, every=1e-9)))
    assert [metrics.chunks for metrics in told] == [1, 2, 3, 3]
    assert [metrics.gaps.count for metrics in told] == [0, 1, 2, 2]
    assert [metrics.ended for metrics in told] == [None, None, None, "completed"]


def test_an_exception_of_the_hook_while_it_runs_is_the_streams_error(told: list[Metrics]) -> None:
    source = Source(["a", "b"], stall)
    hook = Broken(told)
    caught: list[Exception] = []
    came: list[Any] = []
    measured: Observable[Any] = source.observable.pipe(
        measure_stream(hook, every=1.0), ops.do_action(on_error=caught.append)
    )
    with pytest.raises(ZeroDivisionError) as raised:
        rxs.run(measured, on_item=came.append)
    assert caught == [raised.value] == [hook.error]
    assert came == ["a"]
    assert source.closed == [1]
    # It is told of the end even so, and that it failed once more is the same news.
    assert [metrics.ended for metrics in told] == [None, "error"]
    assert told[1].error is hook.error
    assert not getattr(hook.error, "__notes__", [])


def test_an_exception_of_the_hook_at_the_end_is_the_streams_error(told: list[Metrics]) -> None:
    source = Source(["a"])
    hook = Broken(told)
    caught: list[Exception] = []
    with pytest.raises(ZeroDivisionError) as raised:
        rxs.run(source.observable.pipe(measure_stream(hook), ops.do_action(on_error=caught.append)))
    assert caught == [raised.value] == [hook.error]
    assert [metrics.ended for metrics in told] == ["completed"]
    assert source.closed == [1]


def test_an_exception_of_the_hook_hides_no_other(told: list[Metrics]) -> None:
    with pytest.raises(OSError, match="gone") as raised:
        rxs.run(Source(["a"], fail).observable.pipe(measure_stream(Broken(told))))
    assert raised.value.__notes__ == [
        "on_metrics of measure_stream() then failed, too: ZeroDivisionError('hook')"
    ]
    assert [metrics.error for metrics in told] == [raised.value]


def test_an_exception_of_the_hook_hides_none_of_an_operator_behind_it(told: list[Metrics]) -> None:
    def refuse(_: Any) -> Any:
        raise OSError("refused")

    with pytest.raises(OSError, match="refused") as raised:
        rxs.run(Source(["a"], stall).observable.pipe(measure_stream(Broken(told)), ops.map(refuse)))
    assert [metrics.ended for metrics in told] == ["left"]
    assert "ZeroDivisionError('hook')" in raised.value.__notes__[0]


@pytest.mark.anyio
async def test_an_exception_of_the_hook_hides_none_of_the_reader(told: list[Metrics]) -> None:
    mine = KeyError("mine")
    with pytest.raises(KeyError) as raised:
        async with rxs.open_stream(
            Source(["a"], stall).observable.pipe(measure_stream(Broken(told)))
        ) as items:
            async for _ in items:
                raise mine
    assert raised.value is mine
    assert [metrics.ended for metrics in told] == ["left"]


@pytest.mark.anyio
async def test_an_exception_of_the_hook_when_the_reader_has_left_is_raised(told: list[Metrics]) -> None:
    source = Source(["a"], stall)
    with pytest.raises(ZeroDivisionError):
        async with rxs.open_stream(source.observable.pipe(measure_stream(Broken(told)))) as items:
            await anext(items)
    assert source.closed == [1]
    assert [metrics.ended for metrics in told] == ["left"]


def test_an_item_that_was_the_last_wanted_is_told_once(told: list[Metrics]) -> None:
    source = Source(["a", "b"], stall)
    assert rxs.run(source.observable.pipe(measure_stream(told.append, every=1e-9), ops.take(1))) == ["a"]
    assert [(metrics.ended, metrics.chunks) for metrics in told] == [("left", 1)]


# ---------------------------------------------------------------- how it ends


@pytest.mark.anyio
async def test_a_stream_that_fails(told: list[Metrics]) -> None:
    with pytest.raises(OSError, match="gone") as caught:
        await rxs.to_list(Source(["a"], fail).observable.pipe(measure_stream(told.append)))
    (metrics,) = told
    assert (metrics.ended, metrics.error, metrics.content_chunks) == ("error", caught.value, 1)


@pytest.mark.anyio
async def test_a_stream_that_the_reader_leaves(told: list[Metrics]) -> None:
    async with rxs.open_stream(
        Source(["a", "b"], stall).observable.pipe(measure_stream(told.append))
    ) as items:
        async for _ in items:
            break
        assert told == []
    assert [(metrics.ended, metrics.error, metrics.chunks) for metrics in told] == [("left", None, 1)]


@pytest.mark.anyio
async def test_a_stream_that_is_cancelled(told: list[Metrics]) -> None:
    source = Source(["a"], stall)
    with nothing_left(), anyio.CancelScope() as scope:
        async with rxs.open_stream(source.observable.pipe(measure_stream(told.append))) as items:
            async for _ in items:
                scope.cancel()
    assert scope.cancelled_caught
    assert source.closed == [1]
    assert [(metrics.ended, metrics.error) for metrics in told] == [("left", None)]


@pytest.mark.anyio
async def test_a_stream_that_nobody_read(told: list[Metrics]) -> None:
    async with rxs.open_stream(Source(["a"]).observable.pipe(measure_stream(told.append))):
        pass
    (metrics,) = told
    assert (metrics.ended, metrics.started, metrics.duration, metrics.chunks) == ("left", None, 0.0, 0)


@pytest.mark.anyio
async def test_a_stream_that_is_empty(told: list[Metrics]) -> None:
    assert await rxs.to_list(rxs.from_stream(list[str]()).pipe(measure_stream(told.append))) == []
    (metrics,) = told
    assert (metrics.ended, metrics.chunks, metrics.tokens_per_second) == ("completed", 0, None)


@pytest.mark.anyio
async def test_several_subscriptions_are_independent(told: list[Metrics]) -> None:
    stream = Source(["a", "b", "c"]).observable.pipe(measure_stream(told.append))
    async with rxs.open_stream(stream) as one, rxs.open_stream(stream) as other:
        await anext(one)
        await anext(other)
        await anext(other)
    await rxs.to_list(stream)
    assert sorted((metrics.ended, metrics.chunks) for metrics in told) == [
        ("completed", 3),
        ("left", 1),
        ("left", 2),
    ]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.anyio
async def test_a_plain_subscription_is_measured_and_may_be_disposed_of_by_the_hook(
    told: list[Metrics], anyio_backend: str
) -> None:
    def stop(metrics: Metrics) -> None:
        told.append(metrics)
        subscription.dispose()

    source = Source(["a", "b"], stall)
    subscription = source.observable.pipe(measure_stream(stop, every=1e-9)).subscribe(lambda _: None)
    for _ in range(30):
        await checkpoint()
    assert [metrics.ended for metrics in told] == [None, "left"]
    assert source.closed == [1]


def test_a_hook_that_leaves_from_within_the_last_call_is_told_once(told: list[Metrics]) -> None:
    measured = rxs.from_stream(["a", "b"]).pipe(measure_stream(told.append), ops.take(2))
    assert rxs.run(measured) == ["a", "b"]
    assert [metrics.ended for metrics in told] == ["left"]


def test_restarts_are_counted_and_what_came_before_them(told: list[Metrics]) -> None:
    items: Sequence[Any] = [StreamChunk("a"), Restarted(2), StreamChunk("b"), StreamChunk("c", "stop")]
    rxs.run(rxs.from_stream(items).pipe(measure_stream(told.append)))
    assert (told[0].restarts, told[0].chunks, told[0].characters) == (1, 3, 3)


# ---------------------------------------------------------------- contexts

LAYER: ContextVar[str] = ContextVar("LAYER", default="none")


@pytest.mark.anyio
@pytest.mark.parametrize("ending", ["completed", "left"])
async def test_the_last_call_sees_the_context_of_the_first_read(ending: str) -> None:
    seen: list[str] = []
    measured = Source(["a", "b"]).observable.pipe(measure_stream(lambda _: seen.append(LAYER.get())))
    opened = LAYER.set("open")
    async with rxs.open_stream(measured) as items:
        reading = LAYER.set("read")
        await anext(items)
        LAYER.reset(reading)
        if ending == "completed":
            async for _ in items:
                pass
    LAYER.reset(opened)
    assert seen == ["read"]


# ---------------------------------------------------------------- what collect has


@pytest.mark.anyio
async def test_collect_has_the_metrics() -> None:
    prices = {"smollm2-135m": Price(input=1, output=10, cached=0.1)}
    answer = rxs.from_recording("14-n2", speed=None)
    result = await rxs.collect(answer.pipe(measure_stream(prices=prices)))
    metrics = result.metrics
    assert isinstance(metrics, Metrics)
    assert metrics.usage == result.usage == Usage(74, 80, 154, cached_tokens=48)
    assert metrics.cost == pytest.approx((26 * 1 + 48 * 0.1 + 80 * 10) / 1e6)
    assert (metrics.ended, metrics.finish_reason) == ("completed", "length")


@pytest.mark.anyio
async def test_without_a_measurement_collect_has_none() -> None:
    assert (await rxs.collect(rxs.from_stream(["a"]))).metrics is None
    assert (await rxs.collect(rxs.from_stream(["a"]).pipe(ops.map(str.upper)))).metrics is None


@pytest.mark.anyio
@pytest.mark.parametrize("count", [2, 9], ids=["left", "completed"])
async def test_of_two_taps_collect_has_the_one_nearer_to_it(count: int) -> None:
    source = rxs.from_stream(["a b c", " d"])
    chain = source.pipe(measure_stream(), rxs.buffer_words(), measure_stream(), ops.take(count))
    metrics = (await rxs.collect(chain)).metrics
    assert metrics.content_chunks == (2 if metrics.ended == "left" else 4)


@pytest.mark.anyio
async def test_an_open_stream_has_the_metrics_when_it_has_ended() -> None:
    async with rxs.open_stream(rxs.from_stream(["a"]).pipe(measure_stream())) as items:
        assert items.metrics is None
        async for _ in items:
            assert items.metrics is None
        found: Any = items.metrics
        assert found.ended == "completed"


# ---------------------------------------------------------------- recordings


@on_both
@pytest.mark.parametrize(
    ("name", "usage", "tokens"),
    [("01-prose", True, 64), ("05-json-schema", True, None), ("19-server-killed", False, None)],
)
def test_a_recording_is_measured_as_it_was_recorded(
    backend: Backend, name: str, usage: bool, tokens: int | None, told: list[Metrics]
) -> None:
    arrivals: list[float] = []

    def note(chunk: StreamChunk) -> None:
        if chunk.content:
            arrivals.append(anyio.current_time())

    async def read() -> None:
        try:
            await rxs.to_list(rxs.from_recording(name).pipe(measure_stream(told.append)), on_item=note)
        except rxs.ConnectionLost:
            assert name == "19-server-killed"

    VirtualClock().run(read, backend=backend)
    (metrics,) = told
    assert metrics.time_to_first_content == arrivals[0]
    assert list(metrics.gaps) == [later - earlier for earlier, later in pairwise(arrivals)]
    assert (metrics.usage is not None, metrics.tokens_estimated) == (usage, not usage)
    if tokens is not None:
        assert metrics.tokens == tokens
    assert metrics.model == "smollm2-135m"


# ---------------------------------------------------------------- arguments


@pytest.fixture(params=["x", 7])
def no_hook(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_a_hook_must_be_callable(no_hook: Any) -> None:
    with pytest.raises(TypeError, match=r"expects as on_metrics a function that takes Metrics, and got"):
        measure_stream(no_hook)


def test_a_hook_must_not_be_async() -> None:
    async def hook(_: Metrics) -> None: ...

    with pytest.raises(TypeError, match=r"awaits nothing .* Pass a plain function"):
        measure_stream(hook)


@pytest.mark.parametrize("every", [0, -1, math.nan])
def test_every_must_be_seconds(every: Any) -> None:
    with pytest.raises(ValueError, match="expects every to be more than 0 seconds and got"):
        measure_stream(print, every=every)


def test_every_must_be_a_number() -> None:
    unmeant: Any = "1"
    with pytest.raises(
        TypeError, match=r"measure_stream\(\) expects every to be a number of seconds and got '1'"
    ):
        measure_stream(print, every=unmeant)


def test_every_needs_a_hook() -> None:
    with pytest.raises(ValueError, match="got no on_metrics"):
        measure_stream(every=1)


@pytest.mark.parametrize("prices", [{"m": 1.5}, [Price(1, 2)], "m"], ids=str)
def test_prices_must_be_prices(prices: Any) -> None:
    with pytest.raises(TypeError, match="a mapping from a model's name to Price"):
        measure_stream(prices=prices)


def test_a_table_of_prices_may_change_afterwards() -> None:
    prices = {"m": Price(1, 2)}
    operator = measure_stream(prices=prices)
    prices.clear()
    metrics: list[Any] = []

    async def read() -> None:
        metrics.append((await rxs.collect(operator(rxs.from_stream([StreamChunk("a", model="m")])))).metrics)

    anyio.run(read)
    assert metrics[0].cost == pytest.approx(2 / 1e6)
