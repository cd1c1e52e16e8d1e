import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import pytest
from anyio.lowlevel import checkpoint
from reactivex import operators as ops

import rxstream as rxs
from rxstream.errors import UsageError
from tests.laws.source import Source, stall


def test_run_gives_all_items() -> None:
    seen: list[str] = []
    assert rxs.run(rxs.from_stream(["Hel", "lo you"]).pipe(rxs.buffer_words()), on_item=seen.append) == [
        "Hello",
        "you",
    ]
    assert seen == ["Hello", "you"]


def test_run_waits_for_an_async_on_item() -> None:
    seen: list[int] = []

    async def look(item: int) -> None:
        await checkpoint()
        seen.append(item)

    rxs.run(rxs.from_stream([1, 2]), on_item=look)
    assert seen == [1, 2]


def test_run_raises_what_the_stream_raises() -> None:
    with pytest.raises(rxs.ConnectionLost):
        rxs.run(rxs.from_recording("19-server-killed", speed=None))


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (rxs.run, r"run\(\) is for synchronous code, and an event loop \({}\) .* Write `await rxs\.to_list"),
        (rxs.iter_stream, r"iter_stream\(\) is for .* loop \({}\) .* Write `async with rxs\.open_stream"),
    ],
    ids=["run", "iter_stream"],
)
async def test_inside_a_loop_they_say_what_to_write_instead(
    call: Any, message: str, anyio_backend: str
) -> None:
    with pytest.raises(UsageError, match=message.format(anyio_backend)):
        call(rxs.from_stream(["a"]))


# ---------------------------------------------------------------- iter_stream


def test_items_are_asked_for_one_at_a_time() -> None:
    source = Source([1, 2, 3])
    pulled = [(item, source.runs[0].produced) for item in rxs.iter_stream(source.observable)]
    assert pulled == [(1, 1), (2, 2), (3, 3)]
    assert source.closed == [1]


def test_nothing_is_opened_before_the_first_item_is_asked_for() -> None:
    source = Source([1])
    items = rxs.iter_stream(source.observable)
    assert source.runs == []
    assert next(items) == 1
    assert list(items) == []
    assert source.closed == [1]


def test_break_closes_the_source() -> None:
    source = Source([1, 2, 3], stall)
    for _ in rxs.iter_stream(source.observable):
        break
    assert source.closed == [1]


def test_closing_the_iterator_closes_the_source() -> None:
    source = Source([1, 2, 3], stall)
    items: Any = rxs.iter_stream(source.observable)
    with closing(items):
        assert next(items) == 1
        assert source.closed == [0]
    assert source.closed == [1]
    assert next(items, "over") == "over"


def test_an_exception_in_the_loop_closes_the_source() -> None:
    source = Source([1, 2, 3], stall)
    items: Any = rxs.iter_stream(source.observable)
    with pytest.raises(ZeroDivisionError), closing(items):
        for _ in items:
            raise ZeroDivisionError
    assert source.closed == [1]


def test_an_iterator_that_was_never_read_leaves_nothing() -> None:
    source = Source([1])
    items: Any = rxs.iter_stream(source.observable)
    items.close()
    assert source.runs == []


def test_the_streams_error_comes_behind_its_items() -> None:
    error = OSError("gone")

    async def fail() -> None:
        raise error

    source = Source([1, 2], fail)
    seen: list[int] = []
    with pytest.raises(OSError, match="gone") as caught:
        for item in rxs.iter_stream(source.observable):
            seen.append(item)  # noqa: PERF402 - what came before the error is kept
    assert caught.value is error
    assert seen == [1, 2]
    assert source.closed == [1]


def test_two_iterators_run_side_by_side() -> None:
    stream = rxs.from_stream(lambda: [1, 2])
    assert list(zip(rxs.iter_stream(stream), rxs.iter_stream(stream), strict=True)) == [(1, 1), (2, 2)]


def test_none_is_an_item() -> None:
    assert list(rxs.iter_stream(rxs.from_stream([None, 1]))) == [None, 1]


def test_everything_runs_in_one_task() -> None:
    tasks: set[Any] = set()

    async def source() -> AsyncIterator[int]:
        for number in range(3):
            tasks.add(asyncio.current_task())
            yield number

    list(rxs.iter_stream(rxs.from_stream(source)))
    assert len(tasks) == 1


def test_no_loop_is_left_behind() -> None:
    list(rxs.iter_stream(rxs.from_stream([1])))
    rxs.run(rxs.from_stream([1]))
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()


def all_of(stream: Any) -> list[Any]:
    return list(rxs.iter_stream(stream))


def interrupt_now() -> None:
    signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("read", [rxs.run, all_of], ids=["run", "iter_stream"])
def test_control_c_while_the_stream_waits_closes_the_source(read: Any) -> None:
    async def interrupt() -> None:
        asyncio.get_running_loop().call_soon(interrupt_now)
        await stall()

    source = Source([1, 2], interrupt)
    with pytest.raises(KeyboardInterrupt):
        read(source.observable)
    assert source.closed == [1]


def test_control_c_in_the_loops_own_body_closes_the_source() -> None:
    source = Source([1, 2], stall)
    items: Any = rxs.iter_stream(source.observable)
    with pytest.raises(KeyboardInterrupt), closing(items):
        for _ in items:
            interrupt_now()
    assert source.closed == [1]


def test_stock_operators_run_in_the_middle() -> None:
    stream = rxs.from_stream(lambda: ["one", "two"]).pipe(ops.map(len), ops.sum())
    assert rxs.run(stream) == list(rxs.iter_stream(stream)) == [6]
