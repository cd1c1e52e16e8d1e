"""Machines that run as one give what they give one behind the other."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import anyio
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rxstream.engine.fuse import FirstMachine, Fused
from rxstream.engine.lift import lift
from rxstream.sansio import Machine
from tests.engine.sources import (
    Same,
    Source,
    identity,
    ops,
    read,
    read_until_error,
)


class Fault(Exception):
    """What the machines here fail with."""


@dataclass(frozen=True)
class Spec:
    """A machine that does something at certain numbers. Chunks and items are tuples of numbers."""

    name: str
    copies: int = 1  # of each chunk
    drops: int = 0  # gives nothing for multiples of this
    fails_at: int = 0  # its n-th chunk, in the middle of its output, or at once
    lazy: bool = True
    finishes_at: int = 0  # its n-th chunk
    holds: int = 0  # so many chunks are held back until the close
    fails_at_close: bool = False
    explains: bool = False

    def __call__(self) -> "Scripted":
        return Finishing(self) if self.finishes_at else Scripted(self)


class Scripted:
    """Does what its spec says."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.fed = 0
        self.held: list[Any] = []
        self.closed = False

    def feed(self, chunk: Any) -> Iterable[Any]:
        assert not self.closed
        self.fed += 1
        given = self._give(chunk)
        return given if self.spec.lazy else list(given)

    def _give(self, chunk: Any) -> Iterator[Any]:
        spec = self.spec
        number = self.fed
        if spec.drops and number % spec.drops == 0:
            return
        if len(self.held) < spec.holds:
            self.held.append(chunk)
            return
        for copy in range(spec.copies):
            yield (*chunk, f"{spec.name}{copy}")
        if number == spec.fails_at:
            raise Fault(spec.name, number)

    def close(self) -> Iterable[Any]:
        assert not self.closed
        self.closed = True
        yield from ((*chunk, f"{self.spec.name}held") for chunk in self.held)
        if self.spec.fails_at_close:
            raise Fault(self.spec.name, "close")
        yield (f"{self.spec.name} closed",)


class Finishing(Scripted):
    """And knows its end."""

    finished = False

    def _give(self, chunk: Any) -> Iterator[Any]:
        if self.fed == self.spec.finishes_at:
            self.finished = True
        return super()._give(chunk)

    def feed(self, chunk: Any) -> Iterable[Any]:
        given = super().feed(chunk)
        # Known at once, whenever the output is read.
        self.finished = self.finished or self.fed >= self.spec.finishes_at
        return given


specs = st.builds(
    Spec,
    name=st.sampled_from("abcdef"),
    copies=st.integers(0, 3),
    drops=st.sampled_from([0, 0, 0, 2, 3]),
    fails_at=st.sampled_from([0, 0, 0, 1, 2, 4]),
    lazy=st.booleans(),
    finishes_at=st.sampled_from([0, 0, 0, 1, 3]),
    holds=st.integers(0, 2),
    fails_at_close=st.sampled_from([False, False, True]),
)


def outcome(chain: Any) -> tuple[list[Any], str]:
    found, error = anyio.run(read_until_error, chain)
    return found, repr(error)


@given(st.lists(specs, max_size=5), st.integers(0, 8), st.booleans())
@example([Spec("a"), Spec("b", finishes_at=1), Spec("c", holds=2)], 3, False)
@example([Spec("a", copies=3, fails_at=1), Spec("b", finishes_at=1)], 3, False)
@example([Spec("a", holds=2), Spec("b", finishes_at=1, fails_at_close=True)], 2, False)
@example([Spec("a", holds=2, fails_at_close=True), Spec("b", finishes_at=1)], 2, False)
def test_fused_machines_give_what_each_gives_lifted_alone(
    chain: list[Spec], length: int, fails: bool
) -> None:
    def source() -> Source:
        return Source([(number,) for number in range(length)], fail=Fault("source") if fails else None)

    apart: list[Callable[[Any], Any]] = []
    for spec in chain:
        apart += [ops.map(identity), lift(spec)]
    sources = [source() for _ in range(4)]
    alone = outcome(sources[0].pipe(*apart))
    straight = outcome(sources[1].pipe(*map(lift, chain)))
    behind = outcome(sources[2].pipe(ops.map(identity), *map(lift, chain)))
    before = outcome(sources[3].pipe(*map(lift, chain), ops.map(identity)))
    assert straight == alone
    assert behind == alone
    assert before == alone
    assert all((one.opened, one.closed) == (1, 1) for one in sources)


class Mapping:
    """A machine of a function."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def feed(self, chunk: Any) -> Iterable[Any]:
        return (self.function(chunk),)

    def close(self) -> Iterable[Any]:
        return ()


def mapped(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lift(lambda: Mapping(function))


NUMBERS: list[Callable[[int], int]] = [
    lambda x: x + 1,
    lambda x: x * 3,
    lambda x: -x,
    lambda x: x // 2,
    lambda x: 6 // x,
]
functions = st.sampled_from(NUMBERS)


@given(st.lists(st.integers(-5, 5), max_size=8), functions, functions)
def test_mapping_twice_is_mapping_once_and_the_identity_is_nothing(
    items: list[int], first: Callable[[int], int], second: Callable[[int], int]
) -> None:
    source = Source(items)
    once = outcome(source.pipe(mapped(lambda x: second(first(x)))))
    assert outcome(source.pipe(mapped(first), mapped(second))) == once
    assert outcome(source.pipe(ops.map(first), ops.map(second))) == once
    assert outcome(source.pipe(mapped(first), lift(Same), mapped(second), lift(Same))) == once
    assert source.closed == source.opened == 4


@given(st.lists(specs, max_size=3))
def test_a_source_without_items_in_front_of_one_changes_nothing(chain: list[Spec]) -> None:
    items = [(1,), (2,), (3,)]
    plain = Source(items).pipe(ops.map(identity), *map(lift, chain))
    padded = Source(items).pipe(ops.concat(Source([]).observable), *map(lift, chain))
    assert outcome(padded) == outcome(plain)


def test_a_chain_without_machines_lets_everything_through() -> None:
    chain, out = Fused(()), list[int]()
    chain.into(1, out)
    chain.close_into(out)
    assert out == [1]
    assert not chain.finishes
    assert not chain.finished
    mine = OSError()
    assert chain.explain(mine) is mine


def test_what_stood_before_a_fault_is_there_when_it_is_raised() -> None:
    machines: list[Machine[Any, Any]] = [Spec("a", copies=2)(), Spec("b", fails_at=2)()]
    chain, out = Fused(machines), list[Any]()
    with pytest.raises(Fault):
        chain.into((1,), out)
    assert out == [(1, "a0", "b0"), (1, "a1", "b0")]


class Explaining(Scripted, FirstMachine):
    """Knows what its source's errors mean."""

    def explain(self, error: Exception) -> Exception:
        return Fault(f"explained: {error}")


@pytest.mark.parametrize("behind", [0, 1, 2, 3], ids=str)
@pytest.mark.parametrize("stock", [False, True], ids=["straight", "in Rx"])
@pytest.mark.parametrize("finishing", [False, True])
@pytest.mark.anyio
async def test_the_first_machine_explains_its_source_s_errors_and_no_others(
    behind: int, stock: bool, finishing: bool
) -> None:
    explaining = lift(lambda: Explaining(Spec("a", fails_at=2)))
    tail = [lift(Same)] * behind + [lift(Spec("z", finishes_at=100 * finishing))] * finishing
    head = [ops.map(identity)] * stock
    broken = Source([(1,)], fail=OSError("wire"))
    found, error = await read_until_error(broken.pipe(*head, explaining, *tail))
    assert len(found) == 1
    assert isinstance(error, Fault)
    assert str(error) == "explained: wire"
    found, error = await read_until_error(Source([(1,), (2,), (3,)]).pipe(*head, explaining, *tail))
    assert len(found) == 2
    assert isinstance(error, Fault)
    assert str(error) == "('a', 2)"
    failing_close = lift(lambda: Explaining(Spec("a", fails_at_close=True)))
    found, error = await read_until_error(Source([(1,)]).pipe(*head, failing_close, *tail))
    assert len(found) == 1
    assert str(error) == "('a', 'close')"


@pytest.mark.anyio
async def test_each_subscription_has_machines_of_its_own() -> None:
    made: list[Scripted] = []

    def make() -> Scripted:
        made.append(Spec("a", holds=1)())
        return made[-1]

    observable = Source([(1,), (2,)]).pipe(lift(make))
    assert await read(observable) == await read(observable)
    assert len(made) == 2
