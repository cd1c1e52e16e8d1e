"""The soak run, for a few seconds; and that it would see what it is there to see."""

import socket
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Callable
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

import rxstream as rxs
from rxstream.items import Restarted, StreamChunk, Tagged
from tests.laws.soak import KINDS, Backend, Options, main, soak
from tests.laws.soak_draw import Draw
from tests.laws.soak_left import Memory, Process, Sample, children, loop_state, quiet_loop, slope
from tests.laws.soak_reading import Due, Heard, Reading, check, check_by_source, name_of

#: In threads the synchronous kinds work, and those of trio live ten seconds longer than their work.
ASYNCHRONOUS = tuple(name for name in KINDS if name != "synchronous")


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_all_that_happens_at_once_ends_as_it_must(backend: Backend) -> None:
    options = Options(seconds=3, streams=15, seed=1, kinds=ASYNCHRONOUS, synchronous=0)
    tally = soak(backend, options)
    assert tally.failures == []
    assert tally.ran == tally.numbers > 15
    assert tally.most_open == 15
    served, requests, most, still_open = tally.served
    assert 0 < most <= served <= requests * 2
    assert still_open == 0
    assert f"{tally.ran} streams" in tally.report(backend)


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_can_be_run_alone(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--backend", "asyncio", "--seed", "4", "--only", "2", "--kind", kind]) == 0
    assert f"{kind}: kind={kind!r}" in capsys.readouterr().out


def test_the_same_seed_and_number_draw_the_same() -> None:
    def drawn(seed: int, number: int) -> str:
        draw = Draw(seed, number)
        draw.text()
        for _ in range(5):
            draw.passing("a b c d e f")
            Reading(draw)
        return str(draw)

    assert drawn(1, 2) == drawn(1, 2)
    assert len({drawn(1, 2), drawn(2, 2), drawn(1, 3)}) == 3


# ---------------------------------------------------------------- what it would see


def heard(*texts: str, ended: str = "completed", error: Exception | None = None) -> Heard:
    chunks = [StreamChunk(text, None, index) for index, text in enumerate(texts)]
    if ended == "completed":
        chunks.append(StreamChunk("", "stop", len(chunks), usage=rxs.Usage(1, 1, 2)))
    return Heard([*chunks], ended, error)


WHOLE = Due(("a b c",), shape="chunks")
CUT = Due(("a b c",), completes=False, errors=frozenset(("ConnectionLost",)), shape="pieces")
LOST = rxs.ConnectionLost("lost", partial=rxs.StreamResult("a b"))


def test_what_is_due_passes() -> None:
    check(heard("a", " b", " c"), WHOLE)
    check(heard("a", " b", ended="left"), WHOLE)
    check(heard("a", " b", ended="failed", error=LOST), CUT)
    check(heard(" c"), Due(("a b c",), shape="late"))
    check(heard("a", " c"), Due(("a b c",), shape="some"))
    again = heard("a", " b", " c")
    again.all[:0] = [StreamChunk("a x"), Restarted(2)]
    check(again, WHOLE)


@pytest.mark.parametrize(
    ("found", "due", "message"),
    [
        (heard("a", " c"), WHOLE, "wrong text"),
        (heard("a", " b", " b", " c"), WHOLE, "wrong text"),
        (heard("a", " c", ended="left"), WHOLE, "wrong beginning"),
        (heard("a b"), Due(("a b c",), shape="late"), "wrong text"),
        (heard("b", "a"), Due(("a b c",), shape="some"), "wrong pieces"),
        (heard("a b c"), CUT, "was to fail"),
        (heard("a b", ended="failed", error=LOST), WHOLE, "failed with ConnectionLost"),
        (heard("a b c", ended="failed", error=LOST), CUT, "the partial is not what came"),
        (Heard([StreamChunk("a b c", "stop", 1)], "completed"), WHOLE, "out of line"),
        (Heard([StreamChunk("a b c")], "completed"), WHOLE, "finish reason"),
        (Heard([StreamChunk("a b c", "stop")], "completed"), WHOLE, "no usage"),
    ],
    ids=[
        "missing",
        "doubled",
        "wrong so far",
        "not from a point on",
        "out of order",
        "no error",
        "an error",
        "partial",
        "index",
        "finish reason",
        "usage",
    ],
)
def test_what_is_not_due_is_found(found: Heard, due: Due, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check(found, due)


def test_of_merged_streams_each_is_held_against_its_own() -> None:
    pieces = Due(("a b c",))
    items = [Tagged(0, "a"), Tagged(1, "a b"), Tagged(0, " b c"), Tagged(1, " c")]
    check_by_source(Heard(items, "completed"), {0: pieces, 1: pieces}, errors=frozenset())
    with pytest.raises(AssertionError, match="wrong text"):
        check_by_source(Heard(items[:3], "completed"), {0: pieces, 1: pieces}, errors=frozenset())
    lost = Heard(items[:3], "failed", rxs.ConnectionLost("lost"))
    with pytest.raises(AssertionError, match="no note of whose"):
        check_by_source(lost, {0: pieces, 1: pieces}, errors=frozenset(("ConnectionLost",)))


def test_errors_have_names() -> None:
    group = rxs.AllStreamsFailed("all", [LOST, ValueError("x")])
    assert name_of(group) == "AllStreamsFailed(ConnectionLost, ValueError)"


def open_socket() -> Callable[[], object]:
    return socket.create_server(("127.0.0.1", 0)).close


def start_thread() -> Callable[[], object]:
    leave = threading.Event()
    thread = threading.Thread(target=leave.wait, name="forgotten")
    thread.start()

    def end() -> None:
        leave.set()
        thread.join()

    return end


def start_child() -> Callable[[], object]:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    return lambda: child.communicate(b"\n")


@pytest.mark.parametrize(
    ("leave", "named"), [(open_socket, "socket"), (start_thread, "forgotten"), (start_child, "python")]
)
def test_what_is_left_is_seen(leave: Callable[[], Callable[[], object]], named: str) -> None:
    before = Process.now()
    assert Process.now().left_since(before) == ""
    end = leave()
    try:
        left = Process.when_left(before, patience=0).left_since(before)
        assert left.startswith("1 ")
        assert named in left
    finally:
        end()
    assert Process.when_left(before).left_since(before) == ""
    assert children() == list(before.children)


@pytest.mark.anyio
async def test_tasks_and_timers_are_counted() -> None:
    tasks, _ = loop_state()
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 100)
        await checkpoint()
        assert await quiet_loop(tasks, patience=0.1) == (tasks + 1, 1)
        group.cancel_scope.cancel()
    assert await quiet_loop(tasks) == (tasks, 0)


def test_growth_is_told_from_noise() -> None:
    memory = Memory()
    for minute, noise in enumerate([9, 5, 0, 3, 1, 2, 0, 3, 1, 2, 1, 0]):
        memory.quiet.append(Sample(minute * 60, 10**8 + noise * 10**5, 10**5 + noise, 10**6 + noise))
    memory.sample_quiet(720)
    memory.quiet.pop()
    assert memory.growth() == ""
    memory.quiet = [
        Sample(one.at, one.rss, one.objects + 200 * number, one.blocks)
        for number, one in enumerate(memory.quiet)
    ]
    assert memory.growth().startswith("objects from 101")
    assert any(("objects" in line and "+199." in line) or "+200." in line for line in memory.report())
    assert slope([(0, 1), (1, 3), (2, 5)]) == 2


@pytest.mark.anyio
@pytest.mark.parametrize("way", ["whole", "break", "raise", "cancel", "close", "take", "deadline", "task"])
async def test_every_way_to_leave_is_one(way: str) -> None:
    closed = 0

    async def source() -> AsyncGenerator[str]:
        nonlocal closed
        try:
            for number in range(60):
                yield f"{number} "
            if way in {"cancel", "deadline", "task"}:
                await anyio.sleep_forever()
        finally:
            closed += 1

    stream: Any = rxs.from_stream(source)
    found = await Reading(Draw(0, 0), ways=(way,)).read(stream)
    assert found.ended == ("completed" if way == "whole" else "left")
    assert found.error is None
    assert closed == 1
