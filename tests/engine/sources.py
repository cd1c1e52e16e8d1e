"""Sources that count what happens to them, and the ways in which the pump can drive one."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from itertools import count
from typing import Any, Final, Literal, TypeAlias

import anyio
from anyio.lowlevel import checkpoint
from reactivex import Observable, operators

from rxstream.engine.lift import lift
from rxstream.engine.observable import PullObservable
from rxstream.sinks.open_stream import open_stream

Backend: TypeAlias = Literal["asyncio", "trio"]

#: The stock operators without their types, so that each lambda here need not spell its own out.
ops: Final[Any] = operators

#: An hour: a timer that is there, and never fires in these tests.
LONG: Final = 3600.0


class Source:
    """A source of the pump's that counts its opens, items and closes, and writes them into a log.

    Each subscription reads ``items`` anew; a callable is called with the attempt's number, from 1. It can
    wait before each item (``pause`` seconds; None: it never suspends), ``fail`` at its end, take
    ``close_pause`` seconds to close and fail in that, too.
    """

    def __init__(
        self,
        items: Iterable[Any] | Callable[[int], Iterable[Any]] | None = None,
        *,
        name: str = "source",
        pause: float | None = 0,
        fail: BaseException | None = None,
        close_pause: float = 0,
        close_fail: BaseException | None = None,
        log: list[str] | None = None,
    ) -> None:
        self.items = items
        self.name = name
        self.pause = pause
        self.fail = fail
        self.close_pause = close_pause
        self.close_fail = close_fail
        self.log: list[str] = [] if log is None else log
        self.opened = 0
        self.closed = 0
        self.produced = 0
        self.observable: PullObservable[Any] = PullObservable(self._open, name)

    @property
    def closed_once(self) -> bool:
        """Whether all that was opened was closed, once."""
        return self.opened == self.closed

    def pipe(self, *operators: Callable[[Any], Any]) -> Any:
        return self.observable.pipe(*operators)

    def generator(self) -> Observable[Any]:
        """Return the same as an async generator, which closes in its ``finally``."""
        return PullObservable(self._generate, self.name)

    def _open(self) -> "_Reading":
        return _Reading(self)

    async def _generate(self) -> AsyncIterator[Any]:
        reading = _Reading(self)
        try:
            async for item in reading:
                yield item
        finally:
            with anyio.CancelScope(shield=True):
                await reading.aclose()


class _Reading:
    """One opened source."""

    def __init__(self, source: Source) -> None:
        self._source = source
        source.opened += 1
        source.log.append(f"open {source.name}")
        items: Any = source.items
        if callable(items):
            items = items(source.opened)
        self._items: Iterator[Any] = count() if items is None else iter(items)

    def __aiter__(self) -> "_Reading":
        return self

    async def __anext__(self) -> Any:
        source = self._source
        if source.pause is not None:
            await anyio.sleep(source.pause)
        for item in self._items:
            source.produced += 1
            return item
        if source.fail is not None:
            raise source.fail
        raise StopAsyncIteration

    async def aclose(self) -> None:
        source = self._source
        source.closed += 1
        source.log.append(f"close {source.name}")
        if source.close_pause:
            await anyio.sleep(source.close_pause)
            source.log.append(f"closed {source.name}")
        if source.close_fail is not None:
            raise source.close_fail


class Same:
    """The machine that changes nothing."""

    def feed(self, chunk: Any) -> Iterable[Any]:
        return (chunk,)

    def close(self) -> Iterable[Any]:
        return ()


def identity(value: Any) -> Any:
    return value


def forgetful(source: Observable[Any]) -> Observable[Any]:
    """Do not pass the scheduler on, as some stock operators (``do_after_next``) do not."""

    def subscribe(observer: Any, _: Any = None) -> Any:
        return source.subscribe(observer.on_next, observer.on_error, observer.on_completed)

    return Observable(subscribe)


Mode: TypeAlias = Callable[[Observable[Any]], Any]

#: Each way in which the pump can drive a single source.
MODES: Final[dict[str, Mode]] = {
    # no Rx at all: the source, and machines
    "straight, bare": identity,
    "straight, 1": lambda source: source.pipe(lift(Same)),
    "straight, 2": lambda source: source.pipe(lift(Same), lift(Same)),
    "straight, 3": lambda source: source.pipe(lift(Same), lift(Same), lift(Same)),
    "straight, 4": lambda source: source.pipe(*[lift(Same)] * 4),
    "straight, 5": lambda source: source.pipe(*[lift(Same)] * 5),
    # the consumer's own task pulls, stock operators follow
    "direct": lambda source: source.pipe(ops.map(identity)),
    # a task of the pump pulls, since there is a timer
    "tasked": lambda source: source.pipe(ops.timeout(LONG)),
    # a task for each, since there are two
    "fan-in": lambda source: source.pipe(ops.merge(Source([], name="other").observable)),
}


async def read(observable: Observable[Any], **options: Any) -> list[Any]:
    """Read a stream to its end."""
    async with open_stream(observable, **options) as items:
        return [item async for item in items]


async def read_until_error(observable: Observable[Any]) -> tuple[list[Any], Exception | None]:
    """Read a stream to its end; give its items, and its error if it ended in one."""
    found: list[Any] = []
    try:
        async with open_stream(observable) as items:
            async for item in items:
                found.append(item)  # noqa: PERF401 - what came before an error counts
    except Exception as error:
        return found, error
    return found, None


async def eventually(condition: Callable[[], bool]) -> None:
    """Let the others run until this holds. Bounded, so that a test fails and does not hang."""
    for _ in range(10_000):
        if condition():
            return
        await checkpoint()
    raise AssertionError("it did not happen")
