"""The laws of streams, over every operator on whole streams."""

import inspect
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import anyio
import pytest

import rxstream as rxs
import rxstream.combine
import rxstream.flow
import rxstream.resilience
from rxstream.testing import VirtualClock
from tests.combine.laws import LAWS
from tests.laws.source import Source, nothing_left
from tests.laws.streams import STREAM_OPERATORS, StreamOp

Backend = Literal["asyncio", "trio"]
each_backend = pytest.mark.parametrize("backend", ["asyncio", "trio"])
each_operator = pytest.mark.parametrize("op", STREAM_OPERATORS, ids=str)

ROOMS = (rxstream.combine, rxstream.resilience, rxstream.flow)
#: What stands there and is no operator.
HELPERS = {"export_otel"}


def public_stream_operators() -> set[str]:
    """Find the public functions of the rooms, as far as rxstream itself has them."""
    modules = [
        import_module(f"{room.__name__}.{path.stem}")
        for room in ROOMS
        for path in Path(str(room.__file__)).parent.glob("[!_]*.py")
    ]
    names = {name for module in modules for name in module.__all__}
    return {
        name for name in names if name in rxs.__all__ and inspect.isfunction(getattr(rxs, name))
    } - HELPERS


def test_every_operator_is_registered() -> None:
    assert {op.name for op in STREAM_OPERATORS} == public_stream_operators()


@each_backend
@each_operator
@pytest.mark.parametrize("law", LAWS)
def test_it_obeys(backend: Backend, op: StreamOp, law: Any) -> None:
    if law.__name__ in op.exempt:
        pytest.skip(op.exempt[law.__name__])
    VirtualClock().run(law, op.make, backend=backend)


@each_backend
@each_operator
def test_with_a_reader_a_hundred_times_slower_nothing_piles_up(backend: Backend, op: StreamOp) -> None:
    async def body() -> None:
        async def slow_end() -> None:
            await anyio.sleep(0.01)

        sources = [PacedSource([f"{name}{number} " for number in range(120)], slow_end) for name in "ab"]
        consumed = 0
        most = 0
        with nothing_left():
            async with rxs.open_stream(op.make(list(sources))) as items:
                async for _ in items:
                    consumed += 1
                    await anyio.sleep(1.0)
                    produced = sum(run.produced for source in sources for run in source.runs)
                    most = max(most, produced - consumed)
                    if consumed == 40:
                        break
        assert most <= op.ahead, f"{most} items ahead"

    VirtualClock().run(body, backend=backend)


class PacedSource(Source):
    """A source that takes a hundredth of a second for each item."""

    def __call__(self) -> Any:
        run = super().__call__()
        ask = run.__anext__

        class Paced:
            def __aiter__(self) -> "Paced":
                return self

            async def __anext__(self) -> Any:
                await anyio.sleep(0.01)
                return await ask()

            async def aclose(self) -> None:
                await run.aclose()

        return Paced()


@each_backend
@pytest.mark.parametrize("op", [op for op in STREAM_OPERATORS if op.transparent], ids=str)
def test_what_comes_out_is_what_went_in(backend: Backend, op: StreamOp) -> None:
    async def body() -> None:
        items = ["a", rxs.StreamChunk("b"), "", 3, None, {"c": 1}, rxs.StreamChunk("", "stop")]
        source = Source(items)
        assert await rxs.to_list(op.make([source, Source([])])) == items
        assert source.closed == [1]

    VirtualClock().run(body, backend=backend)


@each_backend
@pytest.mark.parametrize("op", [op for op in STREAM_OPERATORS if op.transparent], ids=str)
def test_a_restart_passes_in_its_place(backend: Backend, op: StreamOp) -> None:
    async def body() -> None:
        again = rxs.Restarted(2)
        source = Source(["a", again, "b", "c"])
        seen: list[Any] = []
        async with rxs.open_stream(op.make([source, Source([])])) as items:
            async for item in items:
                seen.append(item)  # noqa: PERF401 - all of them, also those before it
        assert seen == ["a", again, "b", "c"]

    VirtualClock().run(body, backend=backend)
