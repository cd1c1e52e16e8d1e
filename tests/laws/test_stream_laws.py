"""The laws of streams, over every operator of the registry, alone and between stock operators."""

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import anyio
import pytest
import reactivex
from anyio.lowlevel import checkpoint
from hypothesis import given
from hypothesis import strategies as st
from reactivex import Observable
from reactivex import operators as ops

import rxstream as rxs
from rxstream.engine.lift import LiftedObservable
from rxstream.testing import chunkings
from tests.laws.registry import OPERATORS, Op
from tests.laws.source import Source, nothing_left, stall

pytestmark = pytest.mark.anyio

Chain = Callable[[Observable[Any], Op], Any]


def same(item: Any) -> Any:
    return item


def straight(source: Observable[Any], op: Op) -> Any:
    """Take the short way: no Rx between the source and the reader."""
    return piped(source, op.make())


def through_rx(source: Observable[Any], op: Op) -> Any:
    """Take the long way: a stock operator before and behind."""
    return piped(source, ops.map(same), op.make(), ops.map(same))


for_chains = pytest.mark.parametrize("chain", [straight, through_rx])
for_operators = pytest.mark.parametrize("op", OPERATORS, ids=str)


def pieces(op: Op) -> list[str]:
    """Cut a text that the operator reads to its end into pieces of three characters."""
    text = next(sample for sample in op.samples if sample and "END" not in sample)
    return [text[place : place + 3] for place in range(0, len(text), 3)]


def came_after(op: Op) -> list[list[Any]]:
    """Tell what is out after each piece, before the end: what its machine says, without any stream."""
    lifted = piped(rxs.from_stream(list[str]()), op.make())
    if not isinstance(lifted, LiftedObservable):
        return [pieces(op)[:count] for count in range(1, len(pieces(op)) + 1)]  # a tap
    fused = lifted.chain()
    out: list[Any] = []
    after: list[list[Any]] = []
    for piece in pieces(op):
        fused.into(piece, out)
        after.append(list(out))
    return after


def piped(source: Any, *operators: Callable[[Any], Any]) -> Any:
    """Pipe, without the types: of an operator out of the registry nobody knows them."""
    return source.pipe(*operators)


async def read(observable: Observable[Any]) -> list[Any]:
    async with rxs.open_stream(observable) as items:
        return [item async for item in items]


# ---------------------------------------------------------------- grammar and demand


@for_chains
@for_operators
@pytest.mark.parametrize("ending", ["completed", "error"])
async def test_signals_are_items_and_then_one_end(op: Op, chain: Chain, ending: str) -> None:
    async def fail() -> None:
        if ending == "error":
            raise OSError("gone")

    signals = await read(chain(Source(pieces(op), fail).observable, op).pipe(ops.materialize()))
    kinds = "".join(signal.kind for signal in signals)
    assert re.fullmatch("N*C" if ending == "completed" else "N*E", kinds)


@for_operators
async def test_nothing_comes_behind_an_end_whatever_the_source_does(op: Op) -> None:
    def misbehave(observer: Any, scheduler: Any = None) -> Any:
        for piece in pieces(op):
            observer.on_next(piece)
        observer.on_completed()
        observer.on_next("more")
        observer.on_error(OSError("late"))
        observer.on_completed()

    whole = await read(Source(pieces(op)).observable.pipe(op.make()))
    signals = await read(op.make()(reactivex.create(misbehave)).pipe(ops.materialize()))
    assert [signal.kind for signal in signals] == [*"N" * len(whole), "C"]
    assert [signal.value for signal in signals[:-1]] == whole


@for_chains
@for_operators
async def test_nothing_is_pulled_before_the_first_demand(op: Op, chain: Chain) -> None:
    source = Source(pieces(op))
    async with rxs.open_stream(chain(source.observable, op)):
        for _ in range(5):
            await checkpoint()
        assert source.runs == []
    assert source.runs == []


@for_chains
@for_operators
async def test_no_piece_is_pulled_ahead_of_the_item_that_needs_it(op: Op, chain: Chain) -> None:
    source = Source(pieces(op))
    after = came_after(op)
    certain = after[-1]
    assert len(certain) > 1
    needed = [
        next(count for count, out in enumerate(after, 1) if len(out) > number)
        for number in range(len(certain))
    ]
    async with rxs.open_stream(chain(source.observable, op)) as items:
        for item, pulled in zip(certain, needed, strict=True):
            assert await anext(items) == item
            for _ in range(3):  # the reader takes its time
                await checkpoint()
            assert source.runs[0].produced == pulled


# ---------------------------------------------------------------- closing


@for_chains
@for_operators
async def test_the_source_is_closed_once_before_the_end_is_seen(op: Op, chain: Chain) -> None:
    source = Source(pieces(op))
    with nothing_left():
        async with rxs.open_stream(chain(source.observable, op)) as items:
            async for _ in items:
                assert source.closed == [0] or source.runs[0].produced == len(source.items)
            assert source.closed == [1]
        assert source.closed == [1]


@for_chains
@for_operators
async def test_an_error_comes_unchanged_behind_all_items_with_the_source_closed(op: Op, chain: Chain) -> None:
    error = OSError("gone")

    async def fail() -> None:
        raise error

    source = Source(pieces(op), fail)
    came: list[Any] = []
    with nothing_left():
        async with rxs.open_stream(chain(source.observable, op)) as items:
            with pytest.raises(OSError, match="gone") as caught:
                async for item in items:
                    came.append(item)  # noqa: PERF401 - what came before the error is kept
            assert source.closed == [1]
        assert source.closed == [1]
    assert caught.value is error
    assert came == came_after(op)[-1]


@for_chains
@for_operators
async def test_take_closes_the_source_before_the_end_is_seen(op: Op, chain: Chain) -> None:
    source = Source(pieces(op), stall)
    with nothing_left():
        async with rxs.open_stream(chain(source.observable, op).pipe(ops.take(1))) as items:
            first = await anext(items)
            assert source.closed == [1]
            with pytest.raises(StopAsyncIteration):
                await anext(items)
        assert source.closed == [1]
    assert [first] == came_after(op)[-1][:1]


@for_chains
@for_operators
async def test_break_closes_the_source(op: Op, chain: Chain) -> None:
    source = Source(pieces(op), stall)
    with nothing_left():
        async with rxs.open_stream(chain(source.observable, op)) as items:
            async for _ in items:
                break
        assert source.closed == [1]


@for_chains
@for_operators
async def test_the_readers_own_exception_reaches_it_unchanged(op: Op, chain: Chain) -> None:
    source = Source(pieces(op), stall)
    mine = ZeroDivisionError("mine")
    errors: list[Exception] = []
    observed = chain(source.observable, op).pipe(ops.do_action(on_error=errors.append))
    with nothing_left():
        with pytest.raises(ZeroDivisionError) as caught:
            async with rxs.open_stream(observed) as items:
                async for _ in items:
                    raise mine
        assert source.closed == [1]
    assert caught.value is mine
    assert errors == []


@for_chains
@for_operators
async def test_cancellation_closes_the_source_and_is_no_error(op: Op, chain: Chain) -> None:
    errors: list[Exception] = []
    came: list[Any] = []
    scope = anyio.CancelScope()

    async def cancel() -> None:
        scope.cancel()
        await stall()

    source = Source(pieces(op), cancel)
    observed = chain(source.observable, op).pipe(ops.do_action(on_error=errors.append))
    with nothing_left():
        with scope:
            async with rxs.open_stream(observed) as items:
                async for item in items:
                    came.append(item)  # noqa: PERF401 - what came before the cancellation is kept
        assert scope.cancelled_caught
        assert source.closed == [1]
    assert errors == []
    assert came == came_after(op)[-1]


@for_chains
@pytest.mark.parametrize("op", [op for op in OPERATORS if op.finishes], ids=str)
async def test_an_operator_that_ends_the_stream_closes_the_source_before_its_last_item(
    op: Op, chain: Chain
) -> None:
    source = Source(["One. E", "ND", " more", " and more"], stall)
    with nothing_left():
        async with rxs.open_stream(chain(source.observable, op)) as items:
            text = ""
            async for item in items:
                text += item
                if text not in {"One. ", "One. E"}:
                    assert source.closed == [1]
            assert source.closed == [1]
    assert text in {"One. ", "One. END"}
    assert source.runs[0].produced == 2


# ---------------------------------------------------------------- subscriptions


@for_chains
@for_operators
async def test_two_subscriptions_of_a_cold_source_are_independent(op: Op, chain: Chain) -> None:
    source = Source(pieces(op))
    stream = chain(source.observable, op)
    whole = await read(stream)
    one: list[Any] = []
    other: list[Any] = []
    async with rxs.open_stream(stream) as first, rxs.open_stream(stream) as second:
        for _ in range(len(whole)):
            one.append(await anext(first))
            other.append(await anext(second))
    assert one == other == whole
    assert source.closed == [1, 1, 1]


# ---------------------------------------------------------------- fusion

COMPOSABLE = [op for op in OPERATORS if op.name not in {"record_stream", "accumulate"}]


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


async def listen(observable: Observable[Any]) -> tuple[list[Any], str]:
    items: list[Any] = []
    try:
        await rxs.to_list(observable, on_item=items.append)
    except Exception as fault:
        return items, repr(fault)
    return items, ""


def compose(source: Observable[Any], chosen: Sequence[Op], between: Callable[[Any], Any]) -> Observable[Any]:
    for op in chosen:
        source = between(source.pipe(op.make()))
    return source


def stages(op: Op) -> int:
    """Tell how many machines an entry of the registry stands for: mostly one."""
    lifted = op.make()(rxs.from_stream(list[str]()))
    assert isinstance(lifted, LiftedObservable)
    return len(lifted.factories) - 1


@given(data=st.data())
def test_fused_is_unfused(loop: asyncio.Runner, data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(COMPOSABLE), min_size=2, max_size=3))
    text = data.draw(st.sampled_from([sample for op in chosen for sample in op.samples]))
    chunks: list[Any] = data.draw(chunkings(text))
    if all(op.takes_chunks for op in chosen) and data.draw(st.booleans()):
        chunks = [*map(rxs.StreamChunk, chunks), rxs.StreamChunk("", "stop"), rxs.StreamChunk("more")]
    fused = compose(rxs.from_stream(chunks), chosen, same)
    assert isinstance(fused, LiftedObservable)
    assert len(fused.factories) == sum(map(stages, chosen)) + 1  # the source has one of its own
    unfused = compose(rxs.from_stream(chunks), chosen, lambda source: source.pipe(ops.map(same)))
    assert not isinstance(unfused, LiftedObservable)
    assert loop.run(listen(fused)) == loop.run(listen(unfused))


@given(data=st.data())
def test_fused_is_unfused_when_the_source_fails(loop: asyncio.Runner, data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(COMPOSABLE), min_size=2, max_size=3))
    text = data.draw(st.sampled_from([sample for op in chosen for sample in op.samples]))
    source = Source(data.draw(chunkings(text)), partial(_fail, OSError("gone")))
    fused = loop.run(listen(compose(source.observable, chosen, same)))
    unfused = loop.run(listen(compose(source.observable, chosen, lambda one: one.pipe(ops.map(same)))))
    assert fused == unfused
    assert source.closed == [1, 1]


async def _fail(error: Exception) -> None:
    raise error
