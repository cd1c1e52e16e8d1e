# Whether a timer is left, only the pump knows.
# pyright: reportPrivateUsage=false

from typing import Any, Literal

import anyio
import pytest
from reactivex import Observable

import rxstream as rxs
from rxstream.combine.candidates import Lost
from rxstream.combine.hedge import hedge_stream
from rxstream.errors import AllStreamsFailed, EmptyStream
from rxstream.items import StreamChunk
from rxstream.sinks.open_stream import StreamIterator
from rxstream.testing import VirtualClock, check_operator
from tests.combine.laws import LAWS, ops, read, timed
from tests.laws.source import Source, nothing_left, stall

Backend = Literal["asyncio", "trio"]

ROLE = StreamChunk("", role="assistant")


class Attempts:
    """A source whose attempts differ: for each the seconds until its content, its end, or its error."""

    def __init__(self, *attempts: tuple[float, Any]) -> None:
        self.attempts = attempts
        self.opened: list[float] = []
        self.closed: list[float] = []

    @property
    def observable(self) -> Observable[Any]:
        return rxs.from_stream(self._open)

    async def _open(self) -> Any:
        seconds, what = self.attempts[len(self.opened)]
        self.opened.append(anyio.current_time())
        try:
            yield ROLE
            await anyio.sleep(seconds)
            if isinstance(what, Exception):
                raise what
            if what is not None:
                yield what
                await anyio.sleep(1)
                yield "."
        finally:
            self.closed.append(anyio.current_time())


def hedged(sources: list[Source]) -> Any:
    return sources[0].observable.pipe(hedge_stream(5))


@pytest.mark.parametrize("law", LAWS)
def test_it_keeps_the_laws_of_streams(law: Any, anyio_backend: Backend) -> None:
    VirtualClock().run(law, hedged, backend=anyio_backend)


def test_check_operator_finds_nothing() -> None:
    check_operator(hedge_stream(1), ["Hel", "lo wor", "ld"], cuts=False)


@pytest.mark.parametrize(
    ("attempts", "copies", "opened", "said"),
    [
        ([(1, "a")], 1, [0], "a"),
        ([(9, "a"), (2, "b")], 1, [0, 3], "b"),
        ([(4, "a"), (2, "b")], 1, [0, 3], "a"),
        ([(99, "a"), (99, "b"), (99, "c"), (99, "d")], 3, [0, 3, 6, 9], "a"),
        ([(99, "a"), (99, "b"), (1, "c")], 3, [0, 3, 6], "c"),
        # An error starts the next at once, and from there it is as long again.
        ([(1, OSError()), (99, "b"), (1, "c")], 2, [0, 1, 4], "c"),
        ([(1, None), (1, OSError()), (9, "c")], 2, [0, 1, 2], "c"),
        ([(4, OSError()), (1.5, "b")], 1, [0, 3], "b"),
        ([(5, OSError()), (9, "b"), (1, "c")], 2, [0, 3, 5], "c"),
    ],
    ids=[
        "in time",
        "too late",
        "late, but faster than the copy",
        "all copies",
        "the second copy",
        "an error",
        "an end and an error",
        "an error when a copy runs",
        "an error before the next copy is due",
    ],
)
def test_a_copy_starts_after_so_many_seconds_or_at_once_after_an_error(
    attempts: list[tuple[float, Any]], copies: int, opened: list[float], said: str, anyio_backend: Backend
) -> None:
    source = Attempts(*attempts)
    lost: list[Lost] = []

    async def main() -> None:
        with nothing_left():
            async with rxs.open_stream(
                source.observable.pipe(hedge_stream(3, copies, on_lost=lost.append))
            ) as items:
                came = [await anext(items), await anext(items)]
                assert came == [ROLE, said]
                assert len(source.closed) == len(opened) - 1  # the winner's is open still
                assert not timers_of(items)
                assert await anext(items) == "."

    VirtualClock().run(main, backend=anyio_backend)
    assert source.opened == opened
    assert len(source.closed) == len(opened)
    assert len(lost) == len(opened) - 1


def timers_of(items: Any) -> Any:
    """Look at what the pump waits for: a timer left would cost it its fast mode."""
    assert isinstance(items, StreamIterator)
    return items._pump.timers


def test_the_clock_starts_when_the_reader_first_asks(anyio_backend: Backend) -> None:
    source = Attempts((1, "a"), (1, "b"))

    async def main() -> None:
        async with rxs.open_stream(source.observable.pipe(hedge_stream(3))) as items:
            await anyio.sleep(100)
            assert await anext(items) == ROLE

    VirtualClock().run(main, backend=anyio_backend)
    assert source.opened == [100]


def test_a_chain_that_goes_on_without_it_leaves_no_timer(anyio_backend: Backend) -> None:
    source = Source([], stall)
    left: Any = source.observable.pipe(hedge_stream(3, 10), ops.take_until(timed((4, "enough"))))
    stream = left.pipe(ops.concat(timed((100, "1"), end=200)))
    assert VirtualClock().run(read, stream, backend=anyio_backend) == (["1"], None)
    assert source.closed == [1, 1]


def test_if_all_fail_all_are_told_in_order(anyio_backend: Backend) -> None:
    one, two = OSError("one"), OSError("two")
    source = Attempts((9, one), (1, two), (2, None))
    came, error = VirtualClock().run(read, source.observable.pipe(hedge_stream(3, 2)), backend=anyio_backend)
    assert came == []
    assert isinstance(error, AllStreamsFailed)
    assert error.exceptions[:2] == (one, two)
    assert isinstance(error.exceptions[2], EmptyStream)
    assert source.opened == [0, 3, 4]


def test_the_winner_s_later_error_is_the_stream_s(anyio_backend: Backend) -> None:
    error = OSError("gone")

    async def fail() -> None:
        raise error

    source = Source("ab", fail)
    stream = source.observable.pipe(hedge_stream(3, 5))
    assert VirtualClock().run(read, stream, backend=anyio_backend) == (["a", "b"], error)
    assert source.closed == [1]


def test_a_one_shot_source_says_what_is_wrong(anyio_backend: Backend) -> None:
    stream: Any = rxs.from_stream(Attempts((9, "a"))._open()).pipe(hedge_stream(3))
    came, error = VirtualClock().run(read, stream, backend=anyio_backend)
    assert came == []
    assert isinstance(error, rxs.StreamConsumed)


def test_a_reader_who_leaves_before_anything_came_leaves_no_copy(anyio_backend: Backend) -> None:
    source = Source([], stall)

    async def main() -> None:
        with nothing_left(), anyio.move_on_after(4):
            await read(source.observable.pipe(hedge_stream(3, 10)))
        await anyio.sleep(100)

    VirtualClock().run(main, backend=anyio_backend)
    assert source.closed == [1, 1]


@pytest.mark.parametrize(
    ("after", "error"),
    [
        (0, ValueError),
        (-1, ValueError),
        (float("inf"), ValueError),
        (float("nan"), ValueError),
        ("1", TypeError),
        (True, TypeError),
    ],
    ids=repr,
)
def test_after_is_a_number_of_seconds(after: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"hedge_stream\(\) expects after "):
        hedge_stream(after)


def test_copies_and_the_hook_are_looked_at() -> None:
    with pytest.raises(ValueError, match="expects copies to be at least 1 and got 0"):
        hedge_stream(1, 0)
    hook: Any = 3
    with pytest.raises(TypeError, match="expects as on_lost a function"):
        hedge_stream(1, on_lost=hook)
