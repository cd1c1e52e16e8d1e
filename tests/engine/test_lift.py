"""An operator made of a machine."""

from collections.abc import Iterable
from typing import Any

import pytest
from reactivex import Observable

from rxstream.engine.fuse import FirstMachine
from rxstream.engine.lift import LiftedObservable, lift
from rxstream.engine.observable import StreamObservable
from rxstream.items import Restarted
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


# ---------------------------------------------------------------- Restarted


class Held(Same):
    """Holds everything to its end."""

    def __init__(self) -> None:
        self.held: list[Any] = []

    def feed(self, chunk: Any) -> Iterable[Any]:
        self.held.append(chunk)
        return ()

    def close(self) -> Iterable[Any]:
        return self.held


AGAIN = Restarted(2)


@pytest.mark.anyio
@pytest.mark.parametrize("length", range(1, 7))
@pytest.mark.parametrize("stock", [False, True], ids=["straight", "through rx"])
@pytest.mark.parametrize("finishing", [False, True], ids=["", "with one that may finish"])
async def test_at_a_restart_the_machines_are_made_anew(length: int, stock: bool, finishing: bool) -> None:
    machines: list[Any] = [lift(Held), *[lift(Same)] * (length - 1)]
    if finishing:
        machines.append(lift(NeverAtItsEnd))
    front = [ops.map(identity)] if stock else []
    source = Source([1, 2, AGAIN, 3, AGAIN, 4, 5])
    assert await read(source.pipe(*front, *machines)) == [AGAIN, AGAIN, 4, 5]
    assert source.closed == 1


class NeverAtItsEnd(Same):
    finished = False


@pytest.mark.anyio
async def test_a_restart_reaches_what_a_machine_lets_pass_too() -> None:
    class Passing(Held, FirstMachine):
        passes = frozenset({str})

    chain = Source(["a", 1, AGAIN, "b", 2]).pipe(ops.map(identity), lift(Passing))
    assert await read(chain) == ["a", AGAIN, "b", 2]


@pytest.mark.anyio
async def test_a_restart_behind_the_end_is_none() -> None:
    def misbehave(observer: Any, _: Any = None) -> Any:
        """Go on during subscribe, when nobody can stop it yet."""
        observer.on_next(1)
        observer.on_next(AGAIN)

    made: list[First] = []

    def make() -> First:
        made.append(First())
        return made[-1]

    assert await read(LiftedObservable[Any](StreamObservable(misbehave), (make,))) == [1, "held"]
    assert len(made) == 1


@pytest.mark.anyio
async def test_an_error_is_explained_by_the_machine_that_saw_what_came_before_it() -> None:
    class Explaining(Log, FirstMachine):
        def explain(self, error: Exception) -> Exception:
            return ArithmeticError(f"{self.calls}")

    chain = Source([1, AGAIN, 2], fail=OSError()).pipe(ops.map(identity), lift(Explaining))
    found, error = await read_until_error(chain)
    assert found == [1, AGAIN, 2]
    assert str(error) == "[2]"
