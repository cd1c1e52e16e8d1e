"""An inbox neither loses nor doubles an entry, whatever comes in which order."""

from collections.abc import Callable

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxstream.transports.log import LogEntry
from rxstream.transports.log_inbox import Found, Inbox

pytestmark = pytest.mark.anyio


def entries(first: int, last: int) -> list[LogEntry]:
    return [LogEntry(seq, None, str(seq)) for seq in range(first, last + 1)]


def inbox(after: int = 0, most_entries: int = 100, most_bytes: int = 1000) -> Inbox:
    made = Inbox(after, most_entries=most_entries, most_bytes=most_bytes)
    made.begin_look()
    made.end_look(Found(1, after, ended=False, alive=True, entries=[]))
    return made


def test_what_comes_next_is_taken() -> None:
    box = inbox()
    box.deliver(entries(1, 2))
    box.deliver(entries(3, 3))
    assert box.newest == 3
    assert box.take() == entries(1, 3)
    assert box.take() == []
    assert (box.seq, box.newest, box.behind) == (3, 3, False)


def test_what_has_come_before_is_not_taken_again() -> None:
    box = inbox(2)
    box.deliver(entries(1, 2))
    assert box.take() == []
    box.deliver(entries(1, 4))
    box.deliver(entries(3, 5))
    assert box.take() == entries(3, 5)


def test_behind_a_hole_one_has_to_look() -> None:
    box = inbox()
    box.deliver(entries(1, 1))
    box.deliver(entries(3, 3))
    assert box.behind
    box.deliver(entries(4, 4))
    assert box.take() == entries(1, 1)
    box.begin_look()
    box.deliver(entries(5, 5))
    box.end_look(Found(1, 4, ended=False, alive=True, entries=entries(2, 4)))
    assert not box.behind
    assert box.take() == entries(5, 5)


@pytest.mark.parametrize(
    ("found", "behind", "taken"),
    [
        pytest.param(Found(1, 6, ended=False, alive=True, entries=entries(1, 6)), False, 0, id="all of it"),
        pytest.param(Found(1, 5, ended=False, alive=True, entries=entries(1, 5)), False, 1, id="the first"),
        pytest.param(Found(1, 3, ended=False, alive=True, entries=entries(1, 3)), True, 0, id="too few"),
        pytest.param(Found(5, 5, ended=False, alive=True, entries=entries(5, 5)), False, 1, id="a gap"),
        pytest.param(Found(5, 4, ended=False, alive=True, entries=[]), False, 2, id="evicted"),
        pytest.param(Found(1, 9, ended=False, alive=True, entries=entries(1, 6)), False, 0, id="more later"),
    ],
)
def test_what_comes_in_during_a_look_is_joined_to_what_is_found(
    found: Found, taken: int, *, behind: bool
) -> None:
    box = Inbox(0, most_entries=100, most_bytes=1000)
    box.deliver(entries(1, 4))
    assert (box.behind, box.newest) == (True, 0), "it has to look first"
    box.begin_look()
    box.deliver(entries(5, 6))
    box.end_look(found)
    assert box.behind == (behind or found.newest > 6)
    assert len(box.take()) == taken


def test_a_look_that_was_broken_off_is_done_again() -> None:
    box = Inbox(0, most_entries=100, most_bytes=1000)
    box.begin_look()
    box.deliver(entries(7, 8))
    box.break_off()
    assert (box.behind, box.take(), box.seq) == (True, [], 0)


@pytest.mark.parametrize("bounds", [(3, 1000), (100, 3)], ids=["entries", "bytes"])
def test_what_nobody_takes_is_bounded(bounds: tuple[int, int]) -> None:
    box = inbox(0, *bounds)
    box.deliver(entries(1, 3))
    assert not box.behind
    box.deliver(entries(4, 4))
    assert box.behind
    assert (box.take(), box.seq) == ([], 0)


@given(st.data())
def test_every_entry_comes_once(data: st.DataObject) -> None:
    """A reader of a log that grows, some of whose messages are lost, late, or doubled."""

    def draw(most: int) -> int:
        return data.draw(st.integers(0, most))

    box = Inbox(0, most_entries=5, most_bytes=12)
    newest = looked_at = 0
    found: list[LogEntry] = []
    for _ in range(30):
        act = draw(4)
        if act <= 1:  # something is written, and the message comes, or is lost
            more = 1 + draw(2)
            if act == 0 or draw(3):
                box.deliver(entries(newest + 1, newest + more))
            newest += more
        elif act == 2 and newest:  # a message comes again
            first = 1 + draw(newest - 1)
            box.deliver(entries(first, min(newest, first + 2)))
        elif act == 3 and not box.looking:
            found += box.take()
            if box.behind:
                box.begin_look()
                looked_at = newest
        elif box.looking:
            first, last = box.seq + 1, min(looked_at, box.seq + 4)
            found += entries(first, last)
            box.end_look(Found(1, looked_at, ended=False, alive=True, entries=entries(first, last)))
    if box.looking:
        box.break_off()
    found += box.take()
    box.look()
    while box.behind:
        box.begin_look()
        found += entries(box.seq + 1, newest)
        box.end_look(Found(1, newest, ended=False, alive=True, entries=entries(box.seq + 1, newest)))
    assert found == entries(1, newest)


async def test_whoever_waits_is_woken_by_what_comes() -> None:
    wakes: list[Callable[[Inbox], None]] = [
        lambda box: box.deliver(entries(1, 1)),
        lambda box: box.deliver(entries(2, 2)),
        Inbox.look,
        Inbox.wake,
    ]
    for wake in wakes:
        box = inbox()
        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(box.wait)
                await anyio.wait_all_tasks_blocked()
                wake(box)
