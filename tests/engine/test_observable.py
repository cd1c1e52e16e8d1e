"""Chains stay ours from the source to the end, whatever stands between; and leave nothing open."""

# What travels through Rx is of any type, and so is what lambdas among its operators get.
# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import anyio
import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st
from reactivex import ConnectableObservable, Observable, Observer
from reactivex.disposable import BooleanDisposable, Disposable
from reactivex.scheduler import ImmediateScheduler

from rxstream.engine.lift import lift
from rxstream.engine.observable import PullObservable, StreamObservable, adopt
from rxstream.sinks.open_stream import open_stream
from rxstream.testing import VirtualClock
from tests.engine.sources import (
    LONG,
    Backend,
    Same,
    Source,
    forgetful,
    identity,
    ops,
    read,
    read_until_error,
)


def test_every_stage_of_a_pipe_is_ours() -> None:
    chain = Source().pipe(ops.map(identity), ops.filter(bool))
    assert isinstance(chain, StreamObservable)
    assert isinstance(chain.pipe(ops.take(1)), StreamObservable)
    assert isinstance(chain.map(identity).filter(bool), StreamObservable)


@pytest.mark.parametrize("loop", [iter, list, tuple, set])
def test_a_for_loop_is_refused(loop: Callable[[Any], Any]) -> None:
    # Rx has `answer[3]`, so Python would try answer[0], answer[1] and so on, for ever.
    answer = Source().pipe(ops.map(identity))
    with pytest.raises(TypeError, match="not iterable"):
        loop(answer)
    assert not isinstance(answer, Iterable)


@pytest.mark.anyio
async def test_a_stock_operator_takes_it_for_a_stream() -> None:
    # It takes iterables, too, and asks for those first.
    assert await read(Source([1, 2]).pipe(ops.sequence_equal(Source([1, 2]).pipe()))) == [True]


@pytest.mark.anyio
async def test_an_async_for_loop_is_told_how_to_read() -> None:
    answer = Source().pipe(ops.map(identity))
    with pytest.raises(TypeError, match=r"opened before it is read: .*`async with rxs\.open_stream\("):
        async for _ in answer:
            pass


@pytest.mark.anyio
async def test_the_slices_of_rx_are_still_there() -> None:
    assert await read(Source([1, 2, 3, 4]).pipe()[1:3]) == [2, 3]


def test_what_is_no_plain_observable_passes_unchanged() -> None:
    published = Source().pipe(ops.publish())
    assert isinstance(published, ConnectableObservable)
    assert adopt(published) is published
    assert Source().pipe(lambda source: 42) == 42
    source = Source().observable
    assert source.pipe() is source
    assert adopt(source) is source


@pytest.mark.anyio
async def test_an_observer_or_callbacks_will_do() -> None:
    class Callable_(Observer[Any]):  # noqa: N801
        """A mock, say: an observer that can be called as well."""

        def __call__(self, *_: Any) -> Any:
            raise AssertionError("called")

    seen: list[Any] = []

    def subscribing(observer: Any) -> Callable[[Observable[Any]], Observable[Any]]:
        def operator(source: Observable[Any]) -> Observable[Any]:
            def subscribe(downstream: Any, scheduler: Any = None) -> Any:
                source.subscribe(observer, scheduler=scheduler)
                return rx.empty().subscribe(downstream, scheduler=scheduler)

            return Observable(subscribe)

        return operator

    def one(observer: Any, _: Any = None) -> Any:
        observer.on_next(1)
        observer.on_completed()

    source = StreamObservable[Any](one)
    for observer in (
        Observer[Any](seen.append, seen.append, lambda: seen.append("|")),
        Callable_(seen.append, seen.append, lambda: seen.append("|")),
    ):
        seen.clear()
        assert await read(source.pipe(subscribing(observer))) == []
        assert seen == [1, "|"]


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["disposable", "function", "nothing"])
async def test_a_subscribe_function_may_return_what_rx_allows(kind: str) -> None:
    disposed: list[str] = []
    result: Any = {
        "disposable": Disposable(lambda: disposed.append("yes")),
        "function": lambda: disposed.append("yes"),
        "nothing": None,
    }[kind]
    async with open_stream(StreamObservable[Any](lambda *_: result)):
        pass
    assert disposed == ([] if kind == "nothing" else ["yes"])


@pytest.mark.anyio
async def test_a_subscribe_function_that_fails_is_an_error_of_the_stream() -> None:
    mine = ArithmeticError("mine")

    def subscribe(observer: Any, _: Any = None) -> Any:
        observer.on_next(1)
        raise mine

    found, error = await read_until_error(StreamObservable[Any](subscribe))
    assert found == [1]
    assert error is mine


@pytest.mark.anyio
async def test_disposing_during_subscribe_lets_the_upstream_go_when_it_is_there() -> None:
    upstream = BooleanDisposable()

    def subscribe(observer: Any, _: Any = None) -> Any:
        for item in range(1000):
            observer.on_next(item)
        return upstream

    seen: list[int] = []
    chain = StreamObservable[Any](subscribe).pipe(ops.do_action(seen.append), ops.take(2))
    async with open_stream(chain) as items:
        assert upstream.is_disposed
        assert [item async for item in items] == [0, 1]


@pytest.mark.anyio
async def test_one_that_forgets_the_scheduler_inside_another_s_mapper_finds_the_pump() -> None:
    inner = Source("ab")
    chain = Source([1, 2]).pipe(ops.flat_map(lambda _: inner.pipe(forgetful)), forgetful)
    assert sorted(await read(chain)) == ["a", "a", "b", "b"]
    assert inner.opened == inner.closed == 2


@pytest.mark.anyio
async def test_a_scheduler_given_on_the_way_does_not_take_the_source_off_the_pump() -> None:
    source = Source(range(3))
    immediate = ImmediateScheduler.singleton()
    assert await read(source.pipe(ops.subscribe_on(immediate), ops.map(identity))) == [0, 1, 2]
    assert source.closed == 1


@pytest.mark.anyio
async def test_two_subscriptions_of_a_cold_source_are_independent() -> None:
    source = Source(range(3))
    async with open_stream(source.observable) as one, open_stream(source.observable) as two:
        assert await anext(one) == 0
        assert [item async for item in two] == [0, 1, 2]
        assert [item async for item in one] == [1, 2]
    assert source.opened == source.closed == 2


# ---------------------------------------------------------------- any chain, however it is left


def inner_of(sources: list[Source]) -> Callable[[Any], Observable[Any]]:
    def make(item: Any) -> Observable[Any]:
        source = Source([item, item], name="inner")
        sources.append(source)
        return source.observable

    return make


Build = Callable[[list[Source]], Callable[[Any], Any]]


def another(sources: list[Source], **options: Any) -> Observable[Any]:
    source = Source([100, 200, 300], **options)
    sources.append(source)
    return source.observable


OPERATORS: dict[str, Build] = {
    "map": lambda _: ops.map(identity),
    "machine": lambda _: lift(Same),
    "filter": lambda _: ops.filter(lambda item: hash(str(item)) % 3 != 0),
    "scan": lambda _: ops.scan(lambda _, item: item, 0),
    "take": lambda _: ops.take(4),
    "skip": lambda _: ops.skip(1),
    "distinct": lambda _: ops.distinct_until_changed(),
    "buffer": lambda _: ops.buffer_with_count(2),
    "failing": lambda _: ops.map(lambda item: 1 // (item != 3)),
    "retry": lambda _: ops.retry(2),
    "repeat": lambda _: ops.repeat(2),
    "share": lambda _: ops.share(),
    "delay": lambda _: ops.delay(0.5),
    "debounce": lambda _: ops.debounce(0.2),
    "timeout": lambda _: ops.timeout(2),
    "sample": lambda _: ops.sample(0.7),
    "buffer in time": lambda _: ops.buffer_with_time(1.5),
    "forgetful": lambda _: forgetful,
    "catch": lambda sources: ops.catch(another(sources)),
    "merge": lambda sources: ops.merge(another(sources)),
    "merge silent": lambda sources: ops.merge(another(sources, pause=LONG).pipe(ops.take_until(rx.timer(9)))),
    "concat": lambda sources: ops.concat(another(sources)),
    "take until": lambda sources: ops.take_until(another(sources, pause=3)),
    "zip": lambda sources: ops.zip(another(sources, pause=0.3)),
    "with latest": lambda sources: ops.with_latest_from(another(sources)),
    "flat map": lambda sources: ops.flat_map(inner_of(sources)),
    "concat map": lambda sources: ops.concat_map(inner_of(sources)),
    "switch": lambda sources: ops.switch_map(inner_of(sources)),
}

PAUSES = [None, 0, 0.1, 1]


@given(
    chain=st.lists(st.sampled_from(list(OPERATORS)), max_size=6),
    leave=st.sampled_from(["end", "break", "raise", "cancel inside", "time out"]),
    after=st.integers(0, 6),
    pause=st.sampled_from(PAUSES),
    fails=st.booleans(),
    close_pause=st.sampled_from([0, 0.3]),
    generator=st.booleans(),
    backend=st.sampled_from(["asyncio", "trio"]),
)
def test_whatever_was_opened_is_closed_once_however_a_chain_is_left(
    chain: list[str],
    leave: str,
    after: int,
    pause: float | None,
    fails: bool,
    close_pause: float,
    generator: bool,
    backend: Backend,
) -> None:
    root = Source(range(6), pause=pause, fail=OSError("source") if fails else None, close_pause=close_pause)
    sources = [root]
    observable: Any = root.generator() if generator else root.observable
    for name in chain:
        observable = observable.pipe(OPERATORS[name](sources))

    mine = KeyError("mine")
    raised: list[Exception] = []

    async def main() -> None:
        read_so_far = 0
        with anyio.move_on_after(2.05 if leave == "time out" else 100):
            try:
                async with open_stream(observable, credit=2) as items:
                    async for _ in items:
                        read_so_far += 1
                        if read_so_far > after:
                            if leave == "break":
                                break
                            if leave == "raise":
                                raise mine
                            if leave == "cancel inside":
                                with anyio.CancelScope() as scope:
                                    scope.cancel()
                                    await anext(items, None)
                                break
            except Exception as error:
                raised.append(error)
        assert all(source.closed_once for source in sources)

    VirtualClock().run(main, backend=backend)
    assert len(raised) <= 1
    for error in raised:
        assert error is mine or not isinstance(error, KeyError | BaseExceptionGroup)


@pytest.mark.anyio
async def test_a_generator_that_is_nested_is_closed_from_the_outside_in() -> None:
    log: list[str] = []

    async def inner() -> AsyncIterator[int]:
        try:
            for item in range(10):
                yield item
        finally:
            log.append("inner")

    async def outer() -> AsyncIterator[int]:
        items = inner()
        try:
            async for item in items:
                yield item
        finally:
            log.append("outer")
            await items.aclose()  # type: ignore[attr-defined]

    source: PullObservable[int] = PullObservable(outer, "outer")
    assert await read(source.pipe(ops.take(2))) == [0, 1]
    assert log == ["outer", "inner"]
