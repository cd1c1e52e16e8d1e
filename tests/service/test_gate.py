"""The gate: so many inside, so many of one owner, first come, first served, and nobody is forgotten."""

import asyncio
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from anyio import create_task_group, move_on_after, wait_all_tasks_blocked
from reactivex import Subject
from reactivex import operators as ops

import rxstream as rxs
from rxstream.engine.resumable import ResumableObservable
from rxstream.service.gate import Gate, admit_stream
from rxstream.service.settings import Limits
from rxstream.transports.refusals import Refusal

pytestmark = pytest.mark.anyio


def gate(**limits: Any) -> Gate:
    return Gate(Limits(**{"max_concurrent": 1, "max_queue": 2, "max_wait": 60, **limits}))


async def test_who_waits_comes_in_by_turns() -> None:
    one = gate()
    came: list[int] = []

    async def come(number: int) -> None:
        await one.enter(None)
        came.append(number)

    await one.enter(None)
    async with create_task_group() as tasks:
        for number in range(2):
            tasks.start_soon(come, number)
            await wait_all_tasks_blocked()
        assert (one.inside, one.waiting) == (1, 2)
        with pytest.raises(Refusal) as full:
            await one.enter(None)
        assert (full.value.status, full.value.headers["Retry-After"]) == (503, "1")
        for number in range(2):
            one.leave(None)
            await wait_all_tasks_blocked()
            assert came == list(range(number + 1))
    one.leave(None)
    assert (one.inside, one.waiting) == (0, 0)


async def test_one_owner_has_only_so_many() -> None:
    one = gate(max_concurrent=9, max_per_key=2)
    await one.enter("a")
    await one.enter("a")
    with pytest.raises(Refusal) as full:
        await one.enter("a")
    assert full.value.status == 429
    await one.enter("b")
    one.leave("a")
    await one.enter("a")


async def test_a_wait_has_an_end() -> None:
    one = gate(max_wait=0.01)
    await one.enter("a")
    with pytest.raises(Refusal, match="try again"):
        await one.enter("b")
    assert one.waiting == 0
    one.leave("a")
    await one.enter("b")
    assert one.inside == 1


async def test_who_goes_away_while_waiting_leaves_nothing() -> None:
    one = gate()
    await one.enter("a")
    with move_on_after(0.01):
        await one.enter("b")
    assert one.waiting == 0
    one.leave("a")
    assert one.inside == 0


async def test_who_is_cancelled_at_its_turn_passes_it_on() -> None:
    one = gate()
    await one.enter(None)
    async with create_task_group() as tasks:
        tasks.start_soon(one.enter, None)
        await wait_all_tasks_blocked()
        one.leave(None)  # its turn has come, and it has not yet run
        tasks.cancel_scope.cancel()
    assert one.inside in {0, 1}
    if one.inside:  # it came in before the cancellation reached it
        one.leave(None)
    assert (one.inside, one.waiting) == (0, 0)


async def test_a_closed_gate_lets_nobody_in() -> None:
    one = gate()
    one.closed = True
    with pytest.raises(Refusal, match="shutting down"):
        await one.enter(None)


# ---------------------------------------------------------------- as an operator


async def test_a_stream_is_inside_while_it_is_read() -> None:
    one = gate()
    stream = rxs.from_stream(["a", "b"]).pipe(admit_stream(one, "me"))
    assert one.inside == 0
    async with rxs.open_stream(stream) as items:
        seen = [one.inside async for _ in items]
    assert seen == [1, 1]
    assert one.inside == 0


async def test_a_stream_leaves_with_an_error() -> None:
    one = gate()

    def broken() -> Any:
        yield "a"
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await rxs.to_list(rxs.from_stream(broken).pipe(admit_stream(one, None)))
    assert one.inside == 0


async def test_a_stream_that_is_left_leaves() -> None:
    one = gate()
    async with rxs.open_stream(rxs.from_stream(["a", "b"]).pipe(admit_stream(one, None))) as items:
        async for _ in items:
            break
    assert one.inside == 0


async def test_a_stream_that_is_left_at_the_gate_has_never_begun() -> None:
    one = gate()
    await one.enter(None)
    begun: list[int] = []

    def source() -> list[str]:
        begun.append(1)
        return ["a"]

    with move_on_after(0.02):
        await rxs.to_list(rxs.from_stream(source).pipe(admit_stream(one, None)))
    assert (begun, one.waiting, one.inside) == ([], 0, 1)


async def test_streams_take_turns() -> None:
    one = gate()
    most = 0

    async def slow() -> Any:
        nonlocal most
        most = max(most, one.inside)
        for word in ("a", "b"):
            await anyio.lowlevel.checkpoint()
            yield word

    found: list[list[str]] = []

    async def read() -> None:
        found.append(await rxs.to_list(rxs.from_stream(slow).pipe(admit_stream(one, None))))

    async with create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(read)
    assert found == [["a", "b"]] * 3
    assert (most, one.inside) == (1, 0)


async def test_a_stream_that_is_not_let_in_says_why() -> None:
    one = gate(max_queue=0)
    await one.enter(None)
    with pytest.raises(Refusal, match="queue is full"):
        await rxs.to_list(rxs.from_stream(["a"]).pipe(admit_stream(one, None)))
    assert one.inside == 1


class Tempting(Gate):
    """A gate at which somebody calls the one back who has just come in."""

    def __init__(self) -> None:
        super().__init__(Limits())
        self.called: Subject[None] = Subject()

    async def enter(self, owner: str | None) -> None:
        await super().enter(owner)
        self.called.on_next(None)


async def test_a_stream_that_is_left_as_it_comes_in_leaves() -> None:
    one = Tempting()
    stream = rxs.from_stream(["a"]).pipe(admit_stream(one, "me"), ops.take_until(one.called))
    assert await rxs.to_list(stream) == []
    assert one.inside == 0


def test_a_task_that_is_cancelled_at_its_turn_passes_it_on() -> None:
    """Only asyncio's own cancellation comes at that moment."""

    async def run() -> Gate:
        one = gate()
        await one.enter("a")
        task = asyncio.create_task(one.enter("b"))
        await asyncio.sleep(0)
        one.leave("a")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return one

    one = asyncio.run(run())
    assert (one.inside, one.waiting) == (0, 0)
    assert one.lets_in("b")


async def test_whom_the_gate_lets_in_it_tells() -> None:
    one = gate(max_queue=0)
    assert one.lets_in(None)
    await one.enter(None)
    assert not one.lets_in(None)


def test_an_answer_at_the_gate_can_still_be_resumed() -> None:
    class Client:
        class chat:  # noqa: N801
            class completions:  # noqa: N801
                create = print

    answer = rxs.from_chat(Client(), model="m", messages=[])
    assert isinstance(answer.pipe(admit_stream(gate(), None)), ResumableObservable)


def test_the_module_needs_no_loop() -> None:
    """A gate is made before any loop runs, and serves in whichever comes."""
    one = gate()
    anyio.run(one.enter, None)
    assert one.inside == 1
