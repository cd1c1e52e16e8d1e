"""From machine to operator: the only glue between the two."""

from collections.abc import Callable
from typing import Any, TypeVar

from reactivex import Observable, abc
from reactivex.internal import noop

from rxstream.engine.fuse import Fused
from rxstream.engine.observable import StreamObservable
from rxstream.engine.pipeline import named
from rxstream.items import Restarted
from rxstream.sansio import Machine

__all__ = ("LiftedObservable", "lift")

A = TypeVar("A")
B = TypeVar("B")

MachineFactory = Callable[[], Machine[Any, Any]]


@named
def lift(machine_factory: Callable[[], Machine[A, B]]) -> Callable[[Observable[A]], Observable[B]]:
    """Make an operator of a machine.

        --'Hel'--'lo wor'--'ld'-----|
        lift(sansio.words.Words)
        ---------'Hello'------------('world'|)

        class Differences:
            def __init__(self):
                self.last = 0

            def feed(self, number):
                difference, self.last = number - self.last, number
                return [difference]

            def close(self):
                return ()

        print(rxs.run(rxs.from_stream([1, 4, 9]).pipe(rxs.lift(Differences))))  #> [1, 3, 5]

    ``machine_factory`` is called once for each subscription, so a class will do. The machine's contract
    stands at the top of ``rxstream.sansio``; ``rxstream.testing.check_machine`` tests it.

    At the end the machine is closed and what it held comes out. After an error, its own or one from
    upstream, it is dropped: the values that it found before its own fault are delivered, what it held
    is not. A ``Restarted`` item is not fed: the machines are made anew, and it is passed on. Operators made
    this way that stand next to each other run as one.

    Memory: what the machine holds. Raises TypeError for what cannot be called, such as a machine itself. For
    a machine on text, which takes chunks as well, there is ``buffer_with``.
    """
    if not callable(machine_factory):
        msg = (
            f"lift() expects a machine's class, or a function that makes one, and got the instance "
            f"{machine_factory!r}: each subscription needs a machine of its own. "
            f"Pass lambda: {type(machine_factory).__name__}(...)."
        )
        raise TypeError(msg)

    def operator(source: Observable[A]) -> Observable[B]:
        if isinstance(source, LiftedObservable):
            return LiftedObservable(source.upstream, (*source.factories, machine_factory))
        return LiftedObservable(source, (machine_factory,))

    return operator


class LiftedObservable(StreamObservable[B]):
    """An upstream and the machines behind it."""

    def __init__(self, upstream: Observable[Any], factories: tuple[MachineFactory, ...]) -> None:
        super().__init__(self._connect)
        self.upstream = upstream
        self.factories = factories

    def chain(self) -> Fused:
        """Make the machines of one subscription."""
        return Fused([factory() for factory in self.factories])

    def _connect(  # noqa: C901 - five small functions on the same variables
        self, observer: abc.ObserverBase[B], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        chain = self.chain()
        into, close_into, finishes = chain.into, chain.close_into, chain.finishes
        passes = chain.passes if len(chain.machines) == 1 else ()
        ended = False

        def restart() -> None:
            nonlocal chain, into, close_into, passes
            chain = self.chain()
            into, close_into = chain.into, chain.close_into
            passes = chain.passes if len(chain.machines) == 1 else ()

        def push(found: list[B], error: Exception | None) -> None:
            # What was found before a fault is delivered, so that where the chunks were cut never matters.
            for value in found:
                observer.on_next(value)
            if error is not None:
                observer.on_error(error)

        def drop() -> None:
            # An upstream may go on for a while after the end: in the middle of its subscribe() it cannot be
            # stopped yet. No machine is fed, or closed, again.
            nonlocal into, close_into, passes, ended
            into = close_into = noop
            passes = ()
            ended = True

        def on_next(chunk: Any) -> None:
            if chunk.__class__ in passes:
                observer.on_next(chunk)
                return
            if chunk.__class__ is Restarted:
                if not ended:
                    restart()
                    observer.on_next(chunk)  # type: ignore[arg-type]
                return
            found: list[B] = []
            try:
                into(chunk, found)
            except Exception as error:  # noqa: BLE001 - it goes down the chain, behind what was found
                drop()
                push(found, error)
                return
            for value in found:
                observer.on_next(value)
            if finishes and chain.finished:
                on_completed()

        def on_completed() -> None:
            found: list[B] = []
            close = close_into
            drop()
            try:
                close(found)
            except Exception as error:  # noqa: BLE001 - as above
                push(found, error)
                return
            push(found, None)
            observer.on_completed()

        def on_error(error: Exception) -> None:
            observer.on_error(chain.explain(error))

        return self.upstream.subscribe(on_next, on_error, on_completed, scheduler=scheduler)
