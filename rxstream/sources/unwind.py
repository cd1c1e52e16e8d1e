"""Leaving a stack of async generators without leaving any of them open."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import anyio

__all__ = ("unwind",)

#: More than one network read can hold. A transport that never waits is not read further than that.
_AT_MOST = 1000


async def unwind(reads: AsyncIterator[Any], seconds: float = 0.0) -> None:
    """Read a transport for that long and drop what comes; with 0, not at all.

    The HTTP client's iterator is eight generators deep, and closing the outermost does not close all of
    the others: trio reports those, asyncio starts a task for each. What does end them all is a read that
    is cancelled, because it is cancelled in the innermost.
    """
    with anyio.move_on_after(seconds), suppress(Exception):
        for _ in range(_AT_MOST):
            if await anext(reads, None) is None:
                break
