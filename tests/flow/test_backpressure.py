"""An explicit boundary: six ways to deal with one item too many, and counters that add up."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rxstream as rxs
from rxstream.engine.resumable import ResumableObservable
from rxstream.errors import BufferOverflow, UnknownName
from rxstream.flow.backpressure import backpressure
from rxstream.items import StreamChunk
from rxstream.sansio.backlog import BacklogStats
from rxstream.testing import VirtualClock, check_operator
from tests.laws.source import nothing_left

Backend = Literal["asyncio", "trio"]
each_backend = pytest.mark.parametrize("backend", ["asyncio", "trio"])


def run(backend: Backend, body: Callable[[], Any]) -> None:
    VirtualClock().run(body, backend=backend)


def every(seconds: float, items: Sequence[Any]) -> Any:
    """Make a source that gives an item every so many seconds, whoever reads."""

    async def source() -> Any:
        start = anyio.current_time()
        for number, item in enumerate(items, 1):
            await anyio.sleep_until(start + number * seconds)
            yield item

    return rxs.from_stream(source)


async def read_slowly(
    observable: Any, seconds: float, *, came: list[Any] | None = None
) -> tuple[list[Any], Exception | None]:
    """Read, and take so many seconds for each item."""
    came = [] if came is None else came
    try:
        with nothing_left():
            async with rxs.open_stream(observable) as items:
                async for item in items:
                    came.append(item)
                    await anyio.sleep(seconds)
    except BufferOverflow as error:
        return came, error
    return came, None


@each_backend
def test_suspend_loses_nothing_and_parks_so_many(backend: Backend) -> None:
    async def body() -> None:
        boundary = backpressure(5)
        came, _ = await read_slowly(every(0.01, range(100)).pipe(boundary), 1)
        assert came == list(range(100))
        assert boundary.stats == BacklogStats(produced=100, kept=100, dropped=0, joined=0, high_water=5)

    run(backend, body)


@each_backend
def test_drop_oldest_has_the_newest_when_the_reader_comes(backend: Backend) -> None:
    async def body() -> None:
        dropped: list[int] = []
        boundary = backpressure(3, overflow="drop_oldest", on_drop=dropped.append)
        # While the reader has item 0 for 10.5 s, the items 1 to 10 come; while it has 8, all the others.
        came, _ = await read_slowly(every(1, range(20)).pipe(boundary), 10.5)
        assert came == [0, 8, 17, 18, 19]
        assert sorted([*came, *dropped]) == list(range(20))
        assert boundary.stats.kept == len(came)
        assert boundary.stats.dropped == len(dropped) > 0
        assert boundary.stats.high_water == 3

    run(backend, body)


@each_backend
def test_drop_latest_keeps_what_was_there(backend: Backend) -> None:
    async def body() -> None:
        dropped: list[int] = []
        boundary = backpressure(3, overflow="drop_latest", on_drop=dropped.append)
        came, _ = await read_slowly(every(1, range(10)).pipe(boundary), 100)
        assert came == [0, 1, 2, 3]
        assert dropped == list(range(4, 10))
        assert boundary.stats == BacklogStats(produced=10, kept=4, dropped=6, joined=0, high_water=3)

    run(backend, body)


@each_backend
def test_latest_gives_a_slow_reader_what_is_true_now(backend: Backend) -> None:
    async def body() -> None:
        boundary = backpressure(1, overflow="latest")
        came, _ = await read_slowly(every(1, range(30)).pipe(boundary), 10.5)
        assert came[0] == 0
        assert came[-1] == 29
        assert len(came) == 4
        assert came == sorted(came)

    run(backend, body)


@each_backend
def test_join_says_everything_in_few_items_to_a_stalled_reader(backend: Backend) -> None:
    async def body() -> None:
        text = [f"word{number} " for number in range(500)]
        chunks = [*[StreamChunk(piece, index=at) for at, piece in enumerate(text)], StreamChunk("", "stop")]
        boundary = backpressure(4, overflow="join")
        came, _ = await read_slowly(every(0.01, chunks).pipe(boundary), 1000)
        assert "".join(chunk.content for chunk in came) == "".join(text)
        assert came[-1].finish_reason == "stop"
        assert len(came) == 1 + 4
        stats = boundary.stats
        assert stats.high_water == 4
        assert (stats.produced, stats.kept + stats.joined) == (501, 501)

    run(backend, body)


@each_backend
def test_what_cannot_be_joined_waits(backend: Backend) -> None:
    async def body() -> None:
        items = [{"number": number} for number in range(50)]
        boundary = backpressure(4, overflow="join")
        came, _ = await read_slowly(every(0.01, items).pipe(boundary), 1)
        assert came == items
        assert boundary.stats.high_water == 4

    run(backend, body)


@each_backend
def test_an_overflow_is_an_error_behind_what_was_parked(backend: Backend) -> None:
    async def body() -> None:
        boundary = backpressure(3, overflow="error")
        came, error = await read_slowly(every(1, range(20)).pipe(boundary), 100)
        assert came == [0, 1, 2, 3]
        assert isinstance(error, BufferOverflow)
        assert str(error).startswith("backpressure()")

    run(backend, body)


@each_backend
@given(
    most=st.integers(1, 6),
    overflow=st.sampled_from(["suspend", "join", "drop_oldest", "drop_latest", "latest"]),
    pause=st.sampled_from([0.0, 0.5, 3.0, 50.0]),
    count=st.integers(0, 40),
)
def test_whatever_the_reader_does_the_counters_add_up(
    backend: Backend, most: int, overflow: Any, pause: float, count: int
) -> None:
    async def body() -> None:
        boundary = backpressure(most, overflow=overflow)
        texts = [f"{number} " for number in range(count)]
        came, error = await read_slowly(every(1, texts).pipe(boundary), pause)
        assert error is None
        stats = boundary.stats
        assert stats.produced == count == stats.kept + stats.dropped + stats.joined
        assert stats.kept == len(came)
        assert stats.high_water <= most
        if overflow in {"suspend", "join"}:
            assert "".join(came) == "".join(texts)
        else:
            assert [text for text in texts if text in came] == came

    run(backend, body)


@each_backend
def test_counters_are_those_of_the_latest_subscription(backend: Backend) -> None:
    async def body() -> None:
        boundary = backpressure(5)
        stream = every(0.01, range(3)).pipe(boundary)
        assert boundary.stats == BacklogStats()
        await rxs.to_list(stream)
        await rxs.to_list(stream)
        assert boundary.stats.produced == 3

    run(backend, body)


@each_backend
def test_the_source_goes_on_while_the_reader_is_busy(backend: Backend) -> None:
    async def body() -> None:
        start = anyio.current_time()
        came, _ = await read_slowly(every(1, range(10)).pipe(backpressure(100)), 1)
        assert came == list(range(10))
        # Ten seconds of source and ten of reader, at the same time, and not one after the other.
        assert anyio.current_time() - start == pytest.approx(11)

    run(backend, body)


def test_it_obeys_the_laws() -> None:
    check_operator(backpressure(1), ["Hel", "lo ", "you"], ahead=2, cuts=False)


def test_a_resumable_source_stays_resumable() -> None:
    class Client:
        class chat:  # noqa: N801
            class completions:  # noqa: N801
                @staticmethod
                def create(**_: Any) -> list[Any]:
                    return []

    answer = rxs.from_chat(Client, model="any", messages=[])
    assert isinstance(answer.pipe(backpressure(3)), ResumableObservable)
    assert isinstance(answer.pipe(rxs.measure_stream(), backpressure(3)), ResumableObservable)


@pytest.mark.parametrize("most", [0, -1, 1.5, True, None], ids=repr)
def test_a_wrong_size_is_refused_at_once(most: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"backpressure\(\)"):
        backpressure(most)


def test_an_unknown_overflow_is_refused_with_those_there_are() -> None:
    with pytest.raises(UnknownName, match=r"suspend.*drop_oldest.*drop_latest.*latest.*join.*error"):
        backpressure(3, overflow="spill")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_a_hook_that_would_never_be_called_is_refused() -> None:
    with pytest.raises(ValueError, match=r"backpressure\(\)"):
        backpressure(3, on_drop=print)
