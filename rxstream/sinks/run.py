"""For synchronous code: a stream as a list, and as an iterator."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Generic, TypeVar

import anyio
from reactivex import Observable

from rxstream.engine.arguments import check_observable
from rxstream.engine.backend import running_backend
from rxstream.errors import UsageError
from rxstream.sinks.collect import check_read, to_list
from rxstream.sinks.open_stream import open_stream

__all__ = ("iter_stream", "run")

T = TypeVar("T")


def run(observable: Observable[T], *, on_item: Callable[[T], Any] | None = None) -> list[T]:
    """Run a stream to its end, from synchronous code, and return its items.

        words = rxs.run(rxs.from_stream(["Hel", "lo wor", "ld"]).pipe(rxs.buffer_words()), on_item=print)
        print(words)
        #> Hello
        #> world
        #> ['Hello', 'world']

    ``observable``: of items of any kind. ``on_item`` sees each as it comes. At a ``Restarted`` what had come
    is dropped, and ``on_item`` is told. Starts an asyncio loop and leaves none behind. Memory: every item.

    Raises what the stream raises, TypeError for what is no Observable or no function; UsageError where a loop
    is running already, as in a notebook: ``await rxs.to_list(...)`` is right there. To stop half-way there is
    ``iter_stream``.
    """
    check_read("run()", observable, on_item)
    _refuse_inside_loop("run()", "await rxs.to_list(observable)")
    return anyio.run(partial(to_list, observable, on_item=on_item))


def iter_stream(observable: Observable[T]) -> Iterator[T]:
    """Read a stream with a plain ``for`` loop, from synchronous code.

        for word in rxs.iter_stream(rxs.from_stream(["Hel", "lo wor", "ld"]).pipe(rxs.buffer_words())):
            print(word)
        #> Hello
        #> world

    ``observable``: of items of any kind. An item is asked for when the loop wants it. Leaving the loop closes
    the upstream: at once with CPython, and in any case with ``contextlib.closing``. Everything runs in this
    thread, in an asyncio loop that stands still while your code runs: no timer fires meanwhile. Nothing is
    kept.

    Raises what the stream raises, TypeError for what is no Observable; UsageError where a loop is running
    already: use ``open_stream`` there. For a list of all there is ``run``.
    """
    check_observable("iter_stream()", observable)
    _refuse_inside_loop("iter_stream()", "async with rxs.open_stream(observable) as items")
    return _iterate(observable)


def _iterate(observable: Observable[T]) -> Iterator[T]:
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        handover = _Handover[T]()
        # One task from beginning to end: what the stream enters it must also leave.
        task = loop.create_task(handover.serve(observable))
        try:
            while True:
                item: asyncio.Future[T] = loop.create_future()
                handover.ask(item)
                waiting: set[asyncio.Future[Any]] = {item, task}
                loop.run_until_complete(asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED))
                if not item.done():
                    task.result()
                    return
                yield item.result()
        finally:
            task.cancel()
            # What the task itself raised has been raised above; here only its end matters.
            loop.run_until_complete(asyncio.wait({task}))


class _Handover(Generic[T]):
    """Where the loop's side leaves each item for the synchronous side, and waits to be asked for the next."""

    def __init__(self) -> None:
        self._wanted = asyncio.Event()
        self._place: asyncio.Future[T] | None = None

    def ask(self, place: asyncio.Future[T]) -> None:
        self._place = place
        self._wanted.set()

    async def serve(self, observable: Observable[T]) -> None:
        async with open_stream(observable) as items:
            await self._asked()
            async for item in items:
                assert self._place is not None
                self._place.set_result(item)
                await self._asked()

    async def _asked(self) -> None:
        await self._wanted.wait()
        self._wanted.clear()


def _refuse_inside_loop(name: str, instead: str) -> None:
    """Raise where synchronous code would stop an event loop that runs in this thread."""
    running = running_backend()
    if running is None:
        return
    msg = (
        f"{name} is for synchronous code, and an event loop ({running}) is running here, as it is in a "
        f"notebook. Write `{instead}` instead."
    )
    raise UsageError(msg)
