"""How much memory open streams take: ``python -m benchmarks.open_streams WAY traced|resident STREAMS``.

For ``many_streams``, which runs it in a process of its own. *traced* is what Python's allocator has given,
as ``tracemalloc`` counts it, and is the same in every run. *resident* is by how much the process has grown,
as the system sees it: it is rounded up to what the allocator asks for at a time, and falls short by what was
free before.
"""

import asyncio
import gc
import resource
import sys
import tracemalloc
from collections.abc import AsyncIterator, Callable, Sequence

from benchmarks.many_streams import LENGTH, RESIDENT, all_ways
from benchmarks.measure import exhaust
from benchmarks.workloads import chat_client, sse_reads

__all__ = ("Halted", "held", "main")


class Halted:
    """Plays the reads of answers up to the middle, and there stays."""

    def __init__(self, expected: int) -> None:
        self._missing = expected
        self.all_there = asyncio.Event()

    async def __call__(self, reads: Sequence[bytes]) -> AsyncIterator[bytes]:
        for read in reads[: len(reads) // 2]:
            yield read
        self._missing -= 1
        if not self._missing:
            self.all_there.set()
        await asyncio.Event().wait()


async def held(way: str, streams: int, size: Callable[[], int]) -> int:
    """Return by how much ``size`` grows while so many streams are open, each in the middle of an answer."""
    reads = sse_reads(LENGTH)
    warm = next(one for one in all_ways(chat_client(reads)) if one.name == way)
    for _ in range(3):
        await exhaust(warm)  # imports and caches are not the streams'
    halted = Halted(streams)
    one = next(one for one in all_ways(chat_client(reads, halted)) if one.name == way)
    gc.collect()
    before = size()
    readers = [asyncio.create_task(exhaust(one)) for _ in range(streams)]
    await halted.all_there.wait()
    gc.collect()
    grown = size() - before
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    return grown


def _traced() -> int:
    return tracemalloc.get_traced_memory()[0]


def _resident() -> int:
    # Not getrusage(): the most that it was counts what the process that started this one had, too.
    return int(RESIDENT.read_text().split()[1]) * resource.getpagesize()


def main() -> None:
    """Print the bytes of one stream."""
    _, way, how, streams = sys.argv
    if how == "traced":
        tracemalloc.start()
    grown = asyncio.run(held(way, int(streams), _traced if how == "traced" else _resident))
    print(grown / int(streams))


if __name__ == "__main__":
    main()
