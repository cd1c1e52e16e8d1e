"""An operator made of a machine."""

from collections.abc import Iterable
from typing import Any

import pytest
from reactivex import Observable

from rxstream.engine.fuse import FirstMachine
from rxstream.engine.lift import LiftedObservable, lift
from rxstream.engine.observable import StreamObservable
from tests.engine.sources import (
    Same,
    Source,
    identity,
    ops,
    read,
    read_until_error,
)


class Log(Same):
    """A machine that writes down what is done to it."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def feed(self, chunk: Any) -> Iterable[Any]:
        self.calls.append(chunk)
        return (chunk,)

    def close(self) -> Iterable[Any]:
        self.calls.append("close")
        return ("held",)


class First(Log):
    """Is at its end with its first chunk."""

    finished = False

    def feed(self, chunk: Any) -> Iterable[Any]:
        self.finished = True
        return super().feed(chunk)


class Failing(Log):
    """Fails at its second chunk."""

    def feed(self, chunk: Any) -> Iterable[Any]:
        if len(self.calls) == 1:
            raise ArithmeticError("second")
        return super().feed(chunk)


def test_an_instance_is_refused_with_what_to_write() -> None:
    with pytest.raises(TypeError, match=r"expects a machine's class.*Pass lambda: Same\(...\)\."):
        lift(Same())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_machines_next_to_each_other_are_one_observable() -> None:
    source = Source().observable
    once = source.pipe(lift(Same), lift(Same), lift(Same))
    assert isinstance(once, LiftedObservable)
    assert once.upstream is source
    assert len(once.factories) == 3
    assert not isinstance(source.pipe(lift(Same), ops.map(identity)), LiftedObservable)


@pytest.mark.anyio
async def test_a_machine_behind_a_stock_observable_is_driven_too() -> None:
    assert await read(ops.map(identity)(Source([1, 2]).observable).pipe(lift(Same))) == [1, 2]


@pytest.mark.anyio
async def test_after_an_error_from_upstream_what_is_held_is_dropped() -> None:
    log = Log()
    source = Source([1], fail=OSError())
    assert await read_until_error(source.pipe(ops.map(identity), lift(lambda: log))) == ([1], source.fail)
    assert log.calls == [1]


@pytest.mark.anyio
async def test_what_a_machine_lets_pass_is_not_shown_to_it() -> None:
    class Passing(Log, FirstMachine):
        passes = frozenset({str})

    machine = Passing()
    chain = Source(["a", 1, "b"]).pipe(ops.map(identity), lift(lambda: machine))
    assert await read(chain) == ["a", 1, "b", "held"]
    assert machine.calls == [1, "close"]


def burst(observer: Any, _: Any = None) -> None:
    """Emit everything during subscribe, when nobody can stop it yet, and end more than once."""
    for item in range(4):
        observer.on_next(item)
    observer.on_completed()
    observer.on_completed()
    observer.on_error(OSError())


@pytest.mark.anyio
@pytest.mark.parametrize("kind", [Observable, StreamObservable])
@pytest.mark.parametrize(
    ("machine_class", "calls", "heard", "error"),
    [
        (First, [0, "close"], [0, "held"], type(None)),
        (Failing, [0], [0], ArithmeticError),
        (Log, [0, 1, 2, 3, "close"], [0, 1, 2, 3, "held"], type(None)),
    ],
)
async def test_a_machine_is_neither_fed_nor_closed_behind_its_end(
    kind: Any, machine_class: type[Log], calls: list[Any], heard: list[Any], error: type[Any]
) -> None:
    machine = machine_class()
    found, raised = await read_until_error(LiftedObservable[Any](kind(burst), (lambda: machine,)))
    assert (found, type(raised)) == (heard, error)
    assert machine.calls == calls


@pytest.mark.anyio
async def test_a_factory_that_fails_is_an_error_of_the_stream() -> None:
    mine = ArithmeticError("mine")

    def make() -> Any:
        raise mine

    found, error = await read_until_error(Source([1]).pipe(ops.map(identity), lift(make)))
    assert found == []
    assert error is mine
