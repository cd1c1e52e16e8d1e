"""Judge an operator: by the laws of streams, and by the first law of text.

    law of cuts            where text is cut never matters
    law of demand          nothing is pulled before the first item is asked for, nor ahead of the reader
    law of errors          the source's error comes as it is, behind everything that came before it
    law of closing         the source is closed once, before the reader sees the end, however it leaves
    law of subscriptions   two subscriptions know nothing of each other
    law of leftovers       no task is left behind

An ``AssertionError`` names the law that was broken, what was done, and on which event loop.
"""

import asyncio
import importlib.util
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Generic, Literal, TypeVar, cast

import anyio
from anyio.lowlevel import checkpoint
from reactivex import Observable

from rxstream.engine.backend import running_backend
from rxstream.errors import UsageError
from rxstream.sinks.open_stream import open_stream
from rxstream.sources.stream import from_stream
from rxstream.testing.clock import VirtualClock
from rxstream.testing.machines import ways_to_cut
from rxstream.testing.runs import Join, same, short, show

__all__ = ("check_operator",)

A = TypeVar("A")
B = TypeVar("B")

Operator = Callable[[Observable[A]], Observable[B]]


def check_operator(
    operator: Operator[A, B],
    items: Sequence[A],
    *,
    join: Join[B] | None = None,
    cuts: bool = True,
    ahead: int = 0,
    recovers: bool = False,
) -> None:
    """Hold an operator against the laws of streams, on asyncio and, if it is installed, on trio.

        def my_operator():
            return ops.map(lambda word: f"<{word}>")

        def test_my_operator():
            check_operator(my_operator(), ["Hello", "world"], cuts=False)

    ``operator`` is made anew, or subscribed to anew, for each law. ``items`` is what its source brings: some
    that it takes, and that it makes at least one item of. If all are text, the text is also cut in many other
    ways, and each must give the same; ``join`` maps the items that came to what is compared instead
    (``"".join`` where their borders mean nothing), and ``cuts=False`` is for an operator that means to work
    on each piece by itself. ``ahead`` is how many items it may have pulled beyond those that it needed.
    ``recovers`` is for an operator that handles its source's errors: the law of errors is then left out.

    Timers run in virtual time. As any test, it proves an operator wrong, never right: it has tried these
    items, one reader at a time, and a source that is cold. A machine of your own is judged
    more sharply by ``check_machine``.

    Raises AssertionError, which names the law; ValueError for items of which the operator makes nothing;
    UsageError inside a running event loop.
    """
    running = running_backend()
    if running is not None:
        msg = (
            f"check_operator() starts event loops of its own, and a {running} loop is running here. "
            f"Call it in a synchronous test."
        )
        raise UsageError(msg)
    check = _Check(operator, items, join, ahead)
    laws = [check.demand, check.subscriptions, check.closing]
    if not recovers:
        laws.append(check.errors)
    if cuts and items and all(isinstance(item, str) for item in items):
        laws.insert(0, check.cuts)
    backends: list[Literal["asyncio", "trio"]] = ["asyncio"]
    if importlib.util.find_spec("trio") is not None:
        backends.append("trio")
    for backend in backends:
        for law in laws:
            check.backend = backend
            VirtualClock().run(law, backend=backend)


class _Source(Generic[A]):
    """Cold, and it counts: each subscription is a run over the same items."""

    def __init__(self, items: Sequence[A], at_end: Callable[[], object] | None = None) -> None:
        self.items = items
        self.at_end = at_end
        self.runs: list[_Run] = []

    def __call__(self) -> "_Run":
        self.runs.append(_Run(self))
        return self.runs[-1]

    @property
    def produced(self) -> int:
        return sum(run.produced for run in self.runs)

    @property
    def has_ended(self) -> bool:
        return any(run.has_ended for run in self.runs)

    @property
    def closed(self) -> list[int]:
        return [run.closed for run in self.runs]


class _Run:
    def __init__(self, source: _Source[Any]) -> None:
        self._source = source
        self.produced = 0
        self.closed = 0
        self.has_ended = False

    def __aiter__(self) -> "_Run":
        return self

    async def __anext__(self) -> Any:
        await checkpoint()
        if self.produced < len(self._source.items):
            self.produced += 1
            return self._source.items[self.produced - 1]
        self.has_ended = True
        if self._source.at_end is not None:
            self._source.at_end()
            await anyio.sleep_forever()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        await checkpoint()  # closing takes its time, and counts when it is done
        self.closed += 1


class _Check(Generic[A, B]):
    """The laws, each an async function."""

    def __init__(
        self, operator: Operator[A, B], items: Sequence[A], join: Join[B] | None, ahead: int
    ) -> None:
        self._operator = operator
        self._items = items
        self._join = join
        self._ahead = ahead
        self.backend = ""

    async def cuts(self) -> None:
        text = "".join(cast("Sequence[str]", self._items))
        whole = await self._outcome([text])
        for chunks in ways_to_cut(text, 24):
            outcome = await self._outcome(chunks)
            if not same(whole, outcome, self._join):
                raise self._broken(
                    "cuts",
                    f"where text is cut changes what comes out\n  input   {short(text)}\n"
                    f"  cut as  {short([text])}\n  gives   {show(whole)}\n"
                    f"  cut as  {short(chunks)}\n  gives   {show(outcome)}",
                )

    async def demand(self) -> None:
        needed = [pulled for _, pulled, _ in await self._read_at_once()]
        source = _Source(self._items)
        with self._nothing_left("reading it to its end"):
            async with open_stream(self._on(source)) as items:
                await self._pause()
                if source.runs:
                    raise self._broken("demand", "the source was opened before an item was asked for")
                for number, pulled in enumerate(needed, 1):
                    await anext(items)
                    await self._pause()
                    if source.produced > pulled + self._ahead:
                        raise self._broken(
                            "demand",
                            f"when the reader had item {number} and asked for no more, {source.produced} "
                            f"items had been pulled; it needed {pulled}, and may be {self._ahead} ahead",
                        )

    async def subscriptions(self) -> None:
        alone = [item for item, _, _ in await self._read_at_once()]
        stream = self._on(_Source(self._items))
        one: list[B] = []
        other: list[B] = []
        async with open_stream(stream) as first, open_stream(stream) as second:
            for _ in alone:
                one.append(await anext(first, cast("B", None)))
                other.append(await anext(second, cast("B", None)))
        for which, got in (("first", one), ("second", other)):
            if got != alone:
                raise self._broken(
                    "subscriptions",
                    f"of two subscriptions that were read in turn, the {which} got something else than one "
                    f"alone: is there state outside of the subscription?\n"
                    f"  alone   {short(alone)}\n  in turn {short(got)}",
                )

    async def errors(self) -> None:
        before = [item for item, _, ended in await self._read_at_once() if not ended]
        error = _Planned("the source's own error")

        def fail() -> None:
            raise error

        source = _Source(self._items, fail)
        came: list[B] = []
        with self._nothing_left("an error of the source"):
            async with open_stream(self._on(source)) as items:
                raised: Exception | None = None
                try:
                    async for item in items:
                        came.append(item)  # noqa: PERF401 - what came before the error is kept
                except Exception as got:  # noqa: BLE001 - it is looked at
                    raised = got
                self._check_closed(source, "its error was seen")
        if raised is not error and source.has_ended:  # else the operator ended the stream before that
            raise self._broken("errors", f"the source raised {error!r}, and the reader got {raised!r}")
        if came[: len(before)] != before:
            raise self._broken(
                "errors",
                f"what came before the source's error was not all delivered\n"
                f"  without the error  {short(before)}\n  with it            {short(came)}",
            )

    async def closing(self) -> None:
        await self._read_at_once()
        source = _Source(self._items)
        with self._nothing_left("leaving it after one item"):
            async with open_stream(self._on(source)) as items:
                await anext(items)
        self._check_closed(source, "the reader had left after one item")

        source = _Source(self._items)
        with self._nothing_left("an exception of its reader"), suppress(_Planned):
            async with open_stream(self._on(source)) as items:
                await anext(items)
                raise _Planned("the reader's own exception")
        self._check_closed(source, "the reader had left by an exception of its own")

        scope = anyio.CancelScope()
        source = _Source(self._items, scope.cancel)
        with self._nothing_left("being cancelled"), scope:
            async with open_stream(self._on(source)) as items:
                async for _ in items:
                    pass
        self._check_closed(source, "the reader had been cancelled")

    # ------------------------------------------------------------ steps

    def _on(self, source: _Source[A]) -> Observable[B]:
        observable: Observable[Any] = from_stream(source)
        return observable.pipe(self._operator)

    async def _outcome(self, chunks: Sequence[Any]) -> tuple[list[B], Exception | None]:
        came: list[B] = []
        try:
            async with open_stream(self._on(_Source(chunks))) as items:
                async for item in items:
                    came.append(item)  # noqa: PERF401 - what came before a fault is kept
        except Exception as fault:  # noqa: BLE001 - whatever an operator raises is its outcome
            return came, fault
        return came, None

    async def _read_at_once(self) -> list[tuple[B, int, bool]]:
        """Read it to its end: each item, how many the source had given by then, and whether it had ended."""
        source = _Source(self._items)
        found: list[tuple[B, int, bool]] = []
        async with open_stream(self._on(source)) as items:
            async for item in items:
                seen = item, source.produced, source.has_ended
                found.append(seen)
            self._check_closed(source, "its end was seen")
        if not found:
            raise ValueError(
                f"check_operator() expects items of which the operator makes something, and it made nothing "
                f"of {short(self._items)}"
            )
        return found

    def _check_closed(self, source: _Source[A], when: str) -> None:
        if any(times != 1 for times in source.closed):
            times = " and ".join(map(str, source.closed))
            raise self._broken("closing", f"when {when}, the source had been closed {times} times, not once")

    @contextmanager
    def _nothing_left(self, what: str) -> Generator[None]:
        before = _count_tasks()
        yield
        left = _count_tasks() - before
        if left:
            raise self._broken("leftovers", f"after {what} there were {left} more tasks than before")

    async def _pause(self) -> None:
        """Let whoever runs ahead do so."""
        for _ in range(10):
            await checkpoint()

    def _broken(self, law: str, what: str) -> AssertionError:
        return AssertionError(f"law of {law}, on {self.backend}: {what}")


class _Planned(Exception):
    """Raised by the check itself."""


def _count_tasks() -> int:
    if running_backend() == "asyncio":
        return len(asyncio.all_tasks())
    trio: Any = sys.modules["trio"]
    living: int = trio.lowlevel.current_statistics().tasks_living
    return living
