"""An operator closes its gate, and its upstream is asked for nothing more."""

# What travels through Rx is of any type, and so is what lambdas among its operators get.
# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from collections.abc import Callable
from typing import Any

import anyio
import pytest
import reactivex as rx
from anyio.lowlevel import checkpoint
from reactivex import Observable
from reactivex.disposable import CompositeDisposable

from rxstream.engine.gate import Gate
from rxstream.engine.scope import Scope
from rxstream.sinks.open_stream import open_stream
from rxstream.testing import VirtualClock
from tests.engine.sources import (
    Backend,
    Source,
    eventually,
    forgetful,
    ops,
    read,
)

pytestmark = pytest.mark.anyio


async def test_who_waits_at_a_closed_gate_goes_on_when_it_opens() -> None:
    gate = Gate()
    gate.open()
    await gate.wait()
    gate.close()
    passed: list[int] = []

    async def walk(number: int) -> None:
        await gate.wait()
        passed.append(number)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(walk, 1)
        tasks.start_soon(walk, 2)
        for _ in range(5):
            await checkpoint()
        assert passed == []
        gate.open()
        gate.close()  # too soon: nobody has come through yet
        for _ in range(5):
            await checkpoint()
        assert passed == []
        gate.open()
    assert sorted(passed) == [1, 2]


def paced(seconds: float, most: int = 1) -> Callable[[Observable[Any]], Observable[Any]]:
    """Hand over an item every so many seconds, and ask the source only while less than ``most`` wait here."""

    def operator(source: Observable[Any]) -> Observable[Any]:
        def subscribe(observer: Any, scheduler: Any = None) -> Any:
            assert isinstance(scheduler, Scope)
            gate, waiting, over = Gate(), list[Any](), list[bool]()
            ticking = CompositeDisposable()

            def on_next(item: Any) -> None:
                waiting.append(item)
                if len(waiting) >= most:
                    gate.close()

            def tick(*_: Any) -> None:
                if waiting:
                    observer.on_next(waiting.pop(0))
                    if len(waiting) < most:
                        gate.open()
                elif over:
                    observer.on_completed()
                    return
                ticking.add(scheduler.schedule_relative(seconds, tick))

            ticking.add(scheduler.schedule_relative(seconds, tick))
            upstream = source.subscribe(
                on_next, observer.on_error, lambda: over.append(True), scheduler=scheduler.child(gate)
            )
            return CompositeDisposable(upstream, ticking)

        return Observable(subscribe)

    return operator


@pytest.mark.parametrize("most", [1, 3])
def test_a_closed_gate_pauses_the_upstream_and_loses_nothing(most: int, anyio_backend: Backend) -> None:
    source = Source(range(10), pause=None)
    ahead: list[int] = []

    async def main() -> list[Any]:
        found: list[Any] = []
        async with open_stream(source.pipe(paced(1, most))) as items:
            async for item in items:
                found.append(item)
                ahead.append(source.produced - len(found))
        return found

    assert VirtualClock().run(main, backend=anyio_backend) == list(range(10))
    assert max(ahead) <= most
    assert source.closed == 1


def test_a_gate_holds_through_stock_operators(anyio_backend: Backend) -> None:
    source = Source(range(10), pause=None)
    chain = source.pipe(ops.map(lambda x: x * 2), ops.filter(lambda x: x % 4 == 0), paced(1))
    assert VirtualClock().run(read, chain, backend=anyio_backend) == [0, 4, 8, 12, 16]


def test_each_of_several_gates_in_a_row_holds(anyio_backend: Backend) -> None:
    """The second is far slower: when it is full, the first one's source has to stop, too.

    Gates pause sources, and nothing else: what the first has still goes on to the second.
    """
    source = Source(range(20), pause=None)
    ahead: list[int] = []

    async def main() -> None:
        async with open_stream(source.pipe(paced(1, 2), paced(50, 4))) as items:
            consumed = 0
            async for _ in items:
                consumed += 1
                ahead.append(source.produced - consumed)
        assert consumed == 20

    VirtualClock().run(main, backend=anyio_backend)
    assert max(ahead) <= 4 + 2


def test_a_gate_pauses_its_own_upstream_only(anyio_backend: Backend) -> None:
    """One of several sources may have parked its credit before the gate closed; that still comes."""
    slow, free = Source(range(3), pause=None, name="slow"), Source("abc", pause=None, name="free")
    merged = rx.merge(slow.pipe(paced(10)), free.observable)
    found = VirtualClock().run(read, merged, backend=anyio_backend)
    assert found == ["a", "b", "c", 0, 1, 2]


async def test_a_gate_closed_while_its_source_waits_for_demand_holds() -> None:
    """Nothing was asked for yet when it closed, so nothing comes until it opens."""
    gate, source, log = Gate(), Source(pause=None), list[str]()

    def gated(upstream: Observable[Any]) -> Observable[Any]:
        def subscribe(observer: Any, scheduler: Any = None) -> Any:
            return upstream.subscribe(observer, scheduler=scheduler.child(gate))

        return Observable(subscribe)

    async with open_stream(source.pipe(gated)) as items:
        assert await anext(items) == 0
        gate.close()
        async with anyio.create_task_group() as tasks:

            async def reader() -> None:
                assert await anext(items) == 1
                log.append("read")

            tasks.start_soon(reader)
            for _ in range(10):
                await checkpoint()
            assert source.produced == 1
            assert log == []
            gate.open()
            await eventually(lambda: log == ["read"])
    assert source.closed == 1


async def test_a_chain_that_ends_behind_a_closed_gate_closes_the_source() -> None:
    source = Source(pause=None)
    assert await read(source.pipe(paced(0.001), ops.take(2))) == [0, 1]
    assert source.closed == 1


async def test_an_operator_behind_one_that_forgets_the_scheduler_finds_the_pump_s_scope() -> None:
    assert await read(Source(range(2)).pipe(paced(0.001), forgetful)) == [0, 1]
