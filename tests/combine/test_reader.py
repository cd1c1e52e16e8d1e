from contextlib import suppress
from typing import Any, Literal

import anyio
import pytest
from anyio.lowlevel import checkpoint

import rxstream as rxs
from rxstream.combine.merge import from_streams
from rxstream.combine.share import share_stream
from rxstream.errors import BufferOverflow
from rxstream.testing import VirtualClock
from tests.combine.laws import ops, read, timed
from tests.combine.readers import Slow, reading, together
from tests.laws.source import Source, nothing_left

Backend = Literal["asyncio", "trio"]

# ---------------------------------------------------------------- one reader's affairs are its own


@pytest.mark.parametrize("way", ["break", "error", "cancel", "take", "mapper", "timeout"])
@pytest.mark.parametrize("first", [True, False], ids=["the first", "a later one"])
def test_a_reader_that_leaves_touches_nobody(way: str, first: bool, anyio_backend: Backend) -> None:
    source = timed(*[(at, at) for at in range(10)], end=10)
    shared = source.pipe(share_stream(2))

    def mapper(item: int) -> int:
        return item if item < 3 else item // 0

    async def leave() -> None:
        if way == "take":
            assert await rxs.to_list(shared.pipe(ops.take(3))) == [0, 1, 2]
        elif way == "mapper":
            came, error = await read(shared.pipe(ops.map(mapper)))
            assert came == [0, 1, 2]
            assert isinstance(error, ZeroDivisionError)
        elif way == "timeout":
            await read(shared.pipe(ops.timeout(0.5)))
        elif way == "cancel":
            with anyio.move_on_after(3.5):
                await rxs.to_list(shared)
        else:
            with suppress(KeyError):
                async with rxs.open_stream(shared) as items:
                    async for item in items:
                        if item == 3:
                            if way == "break":
                                break
                            raise KeyError("mine")

    async def main() -> None:
        with nothing_left():
            stay = reading(shared)
            results = await together(leave, stay) if first else await together(stay, leave)
            assert results[first] == ([*range(10)], None)

    VirtualClock().run(main, backend=anyio_backend)


def test_a_reader_for_which_all_wait_leaves(anyio_backend: Backend) -> None:
    source = Source(range(50))
    shared = source.observable.pipe(share_stream(2))

    async def dawdle() -> None:
        async with rxs.open_stream(shared) as items:
            await anext(items)
            await anyio.sleep(100)
            assert source.runs[0].produced == 4

    async def main() -> None:
        with nothing_left():
            _, (came, error) = await together(dawdle, reading(shared))
            assert (came, error) == ([*range(50)], None)
            assert anyio.current_time() == 100

    VirtualClock().run(main, backend=anyio_backend)


def test_what_on_drop_raises_fails_its_reader_behind_what_it_has(anyio_backend: Backend) -> None:
    mine = KeyError("mine")

    def fail(_: Any) -> None:
        raise mine

    shared = timed(*[(at, at) for at in range(10)], end=10).pipe(share_stream(2))
    dropping = shared.reader(overflow="drop_latest", on_drop=fail)

    async def main() -> list[Any]:
        return await together(reading(shared), reading(dropping, pause=5.5))

    first, second = VirtualClock().run(main, backend=anyio_backend)
    assert first == ([*range(10)], None)
    assert second == ([0, 1, 2], mine)


@pytest.mark.parametrize("overflow", ["error", "latest"])
def test_the_last_reader_that_fails_sees_the_source_closed(overflow: Any, anyio_backend: Backend) -> None:
    mine = KeyError("mine")

    def fail(_: Any) -> None:
        raise mine

    source = Slow()
    policy = {"overflow": overflow, "on_drop": fail if overflow == "latest" else None}
    failing_one = source.shared.reader(max_items=1, **policy)

    async def main() -> None:
        with nothing_left():
            came, error = await reading(failing_one, pause=5)()
            assert isinstance(error, BufferOverflow if overflow == "error" else KeyError)
            assert came[0] == 1
            # It was closed as soon as nobody wanted any more, and not when that reader heard of it.
            assert source.log == [(0.0, "open"), (4.0, "closed")]

    VirtualClock().run(main, backend=anyio_backend)


def test_and_it_waits_for_that_if_it_hears_of_it_before(anyio_backend: Backend) -> None:
    closed: list[float] = []

    async def source() -> Any:
        try:
            for item in range(10):
                yield item
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(1)
            closed.append(anyio.current_time())

    shared = rxs.from_stream(source).pipe(share_stream(1, overflow="error"))

    async def main() -> None:
        with nothing_left():
            async with rxs.open_stream(shared) as items:
                assert await anext(items) == 0
                with pytest.raises(BufferOverflow):
                    await anext(items)
                assert closed == [1.0]

    VirtualClock().run(main, backend=anyio_backend)


def test_replayed_items_that_on_drop_fails_on_fail_that_subscription(anyio_backend: Backend) -> None:
    mine = KeyError("mine")

    def fail(_: Any) -> None:
        raise mine

    shared = timed(*[(at, at) for at in range(10)], end=10).pipe(share_stream(5, replay=3))
    dropping = shared.reader(max_items=1, overflow="latest", on_drop=fail)

    async def main() -> list[Any]:
        return await together(reading(shared), reading(dropping, after=5.5))

    assert VirtualClock().run(main, backend=anyio_backend) == [([*range(10)], None), ([], mine)]
    assert shared.readers == 0


def late_by(turns: int) -> Any:
    async def fail() -> None:
        for _ in range(turns):
            await checkpoint()
        raise OSError("gone")

    return fail


def test_who_is_let_go_hears_of_no_error_any_more(anyio_backend: Backend) -> None:
    async def main() -> None:
        sources = [Source("a", late_by(turns)) for turns in range(8)]
        streams = from_streams(*[source.observable.pipe(share_stream(1)) for source in sources])
        # The first that fails lets the others go, of which some are just about to hear of an error, too.
        came, error = await read(streams.pipe(ops.catch(rxs.from_stream([1]))))
        assert error is None
        assert came[-1] == 1

    for _ in range(20):  # trio wakes its tasks in any order
        VirtualClock().run(main, backend=anyio_backend)
