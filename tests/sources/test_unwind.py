"""Generators inside generators, none of which is left open."""

import gc
from collections.abc import AsyncIterator
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from rxstream.sources.unwind import unwind

pytestmark = pytest.mark.anyio


class Stack:
    """Three generators deep, as careless about each other as an HTTP client's."""

    def __init__(self, items: int, *, waits: bool = True) -> None:
        self.items = items
        self.waits = waits
        self.read = 0
        self.open = 0

    async def inner(self) -> AsyncIterator[int]:
        self.open += 1
        try:
            for _ in range(self.items):
                if self.waits:
                    await anyio.lowlevel.checkpoint()
                self.read += 1
                yield self.read
        finally:
            self.open -= 1

    async def outer(self, depth: int = 2) -> AsyncIterator[int]:
        self.open += 1
        try:
            async for item in self.outer(depth - 1) if depth else self.inner():
                yield item
        finally:
            self.open -= 1


async def test_every_generator_is_closed_and_nothing_more_is_read() -> None:
    stack = Stack(100)
    reads = stack.outer()
    assert await anext(reads) == 1
    assert stack.open == 4
    await unwind(reads)
    assert (stack.open, stack.read) == (0, 1)
    gc.collect()  # trio would report here


async def test_given_time_it_reads_to_the_end() -> None:
    stack = Stack(100)
    reads = stack.outer()
    await anext(reads)
    await unwind(reads, 5.0)
    assert (stack.open, stack.read) == (0, 100)


async def test_no_longer_than_that() -> None:
    async def items() -> AsyncIterator[int]:
        yield 1
        await anyio.sleep_forever()

    await unwind(items(), 0.01)


@pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")  # these are the ones that stay open
async def test_a_source_that_never_waits_is_not_read_for_ever() -> None:
    stack = Stack(10**9, waits=False)
    reads: Any = stack.outer()
    await anext(reads)
    await unwind(reads)
    assert stack.read <= 1001
    await reads.aclose()


async def test_an_error_on_the_way_out_is_nobodys() -> None:
    async def items() -> AsyncIterator[int]:
        yield 1
        raise OSError

    reads = items()
    await anext(reads)
    await unwind(reads, 5.0)


async def test_the_callers_own_cancellation_goes_on() -> None:
    async def items() -> AsyncIterator[int]:
        yield 1
        await anyio.sleep_forever()

    with anyio.move_on_after(0.01) as scope:
        await unwind(items(), 60.0)
        await anyio.sleep_forever()
    assert scope.cancelled_caught
