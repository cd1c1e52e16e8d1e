"""A blocking iterator in a thread, left at any moment."""

import sys
import threading
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from anyio.to_thread import run_sync

import rxstream.sources.blocking
from rxstream.sources.blocking import Blocking, Threaded

pytestmark = pytest.mark.anyio


def threads_reading() -> int:
    """Count the threads that are inside our code: idle ones of anyio's and trio's pools are none of them."""
    files = {rxstream.sources.blocking.__file__}
    count = 0
    system: Any = sys
    for frame in system._current_frames().values():
        inner: Any = frame
        while inner is not None:
            if inner.f_code.co_filename in files:
                count += 1
                break
            inner = inner.f_back
    return count


class Source:
    """Two items, then a wait that nothing but ``go_on`` ends."""

    def __init__(self) -> None:
        self.opened = 0
        self.closed = 0
        self.waiting = threading.Event()
        self.go_on = threading.Event()
        self.was_closed = threading.Event()

    def open(self) -> Blocking:
        self.opened += 1
        return Blocking(self._items(), self._close)

    def slow_open(self) -> Blocking:
        self.waiting.set()
        assert self.go_on.wait(10)
        return self.open()

    def _items(self) -> Iterator[int]:
        yield 1
        yield 2
        self.waiting.set()
        assert self.go_on.wait(10)

    def _close(self) -> None:
        self.closed += 1
        self.was_closed.set()


async def test_items_come_from_a_thread_and_it_is_closed_when_told_to() -> None:
    source = Source()
    source.go_on.set()
    threaded = Threaded(source.open)
    assert [item async for item in threaded] == [1, 2]
    assert (source.opened, source.closed) == (1, 0)
    await threaded.aclose()
    assert source.closed == 1


async def test_what_was_never_read_is_never_opened() -> None:
    source = Source()
    await Threaded(source.open).aclose()
    assert (source.opened, source.closed) == (0, 0)


async def test_the_loop_goes_on_while_the_thread_waits() -> None:
    source = Source()
    threaded = Threaded(source.open)
    found: list[int] = []

    async def read() -> None:
        found.extend([item async for item in threaded])

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        assert await run_sync(source.waiting.wait, 10)
        source.go_on.set()
    assert found == [1, 2]
    await threaded.aclose()


@pytest.mark.parametrize("slow_to_open", [True, False])
async def test_a_thread_that_cannot_be_woken_closes_what_it_has_when_it_returns(slow_to_open: bool) -> None:
    source = Source()
    threaded = Threaded(source.slow_open if slow_to_open else source.open)

    async with anyio.create_task_group() as tasks:

        async def read() -> None:
            async for _ in threaded:
                pass

        tasks.start_soon(read)
        assert await run_sync(source.waiting.wait, 10)
        tasks.cancel_scope.cancel()
    await threaded.aclose()  # does not wait for it
    assert source.closed == 0
    assert threads_reading() == 1
    source.go_on.set()
    assert source.was_closed.wait(10)
    assert source.closed == 1


async def test_an_error_of_the_iterator_comes_as_it_is() -> None:
    error = OSError("broken")

    def items() -> Iterator[int]:
        yield 1
        raise error

    threaded = Threaded(lambda: Blocking(items(), lambda: None))
    assert await anext(threaded) == 1
    with pytest.raises(OSError, match="broken") as caught:
        await anext(threaded)
    assert caught.value is error
    await threaded.aclose()


def test_without_a_socket_nobody_hangs_up() -> None:
    assert not Blocking(iter(()), lambda: None).hang_up()
