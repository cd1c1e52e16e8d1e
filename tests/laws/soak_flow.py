"""The soak run's streams of one answer that are about pace, ends and readers of other kinds."""

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio
from anyio import CapacityLimiter, to_thread

import rxstream as rxs
from rxstream.engine.backend import running_backend
from rxstream.errors import NoPump
from rxstream.testing import Fault, ScriptedModel
from rxstream.testing.faults import Faults
from tests.laws.soak_one import Kind, Play, at_once, quirks, read_and_check, retrying, shaped, troubles
from tests.laws.soak_reading import Due, Heard, Reading, check
from tests.laws.soak_world import ASK, Stage

__all__ = ("FLOW",)


def timeout(stage: Stage) -> Play:
    draw = stage.draw
    text = draw.text()
    which = draw.one("limit", ("first", "gap", "total", "none"))
    stall: Faults = None
    model = ScriptedModel(text)
    limits: dict[str, float] = {"first": 20, "gap": 20}
    error = ""
    if which == "first":
        stall = Fault.stall(after_events=draw.count("at", 0, 1))
        limits, error = {"first": 1.0}, "FirstTokenTimeout"
    elif which == "gap":
        stall = Fault.stall(after_events=draw.count("at", 2, 8))
        limits, error = {"gap": 1.0}, "StreamStalled"
    elif which == "total":
        model = ScriptedModel(text, delay=0.1)
        limits, error = {"total": 0.3}, "TotalTimeout"
    answer, _ = stage.chat(model, [stall])
    answer = answer.pipe(rxs.timeout_stream(**limits))
    if which in {"first", "gap"} and draw.chance("retried", 0.6):
        answer, error = answer.pipe(retrying(draw, 2)), ""
    due = Due((text,), not error, frozenset((error,)) - {""}, "chunks")
    return partial(read_and_check, Reading(draw), answer, due)


def pressed(stage: Stage) -> Play:
    """Put any kind of boundary in front of a reader, slow or not."""
    draw = stage.draw
    text = draw.text()
    overflow: Any = draw.one("overflow", ("suspend", "join", "drop_oldest", "drop_latest", "latest", "error"))
    drops = overflow in {"drop_oldest", "drop_latest", "latest"}
    dropped: list[Any] = []
    boundary = rxs.backpressure(
        draw.count("max_items", 1, 20), overflow=overflow, on_drop=dropped.append if drops else None
    )
    trouble = draw.middle(text) if draw.chance("trouble", 0.3) else None
    answer, _ = stage.chat(ScriptedModel(text), [] if trouble is None else [trouble.fault])
    errors = frozenset[str]() if trouble is None else trouble.errors
    if overflow == "error":
        errors |= {"BufferOverflow"}  # whose partial is empty: it is none of the answer's own
    due = Due(
        (text,), trouble is None, errors, "some" if drops else "late" if overflow == "error" else "pieces"
    )
    reading = Reading(draw)

    async def play() -> str:
        heard = check(await reading.read(answer.pipe(boundary)), due)
        stats = boundary.stats
        assert stats.produced == stats.kept + stats.dropped + stats.joined, stats
        assert stats.dropped == len(dropped), (stats, len(dropped))
        if heard.ended == "completed":
            assert stats.kept == len(heard.all), (stats, len(heard.all))
        return heard.said

    return play


def measured(stage: Stage) -> Play:
    draw = stage.draw
    text = draw.text()
    found = troubles(draw, text, 2)
    told: list[Any] = []
    answer, _ = stage.chat(ScriptedModel(text, **quirks(draw)), [one.fault for one in found])
    answer = answer.pipe(retrying(draw, len(found)), rxs.measure_stream(told.append))
    due = Due((text,), shape="chunks")
    reading = Reading(draw)

    async def play() -> str:
        heard = check(await reading.read(answer), due)
        assert len(told) == 1, f"on_metrics was called {len(told)} times"
        (metrics,) = told
        if metrics.ended == "completed" and heard.ended == "left":
            # Cancelled while the source was being closed, behind its end: asyncio's own cancellation goes
            # through a shield. What the joint of two attempts held until the end may be lost with it.
            assert reading.way == "task", f"it had ended, and its reader left it by {reading.way!r}"
            assert found or heard.text == text, f"it had ended, and this is not all: {heard.text!r}"
        else:
            assert metrics.ended == heard.ended, f"measured {metrics.ended}, heard {heard.ended}"
        if heard.ended == "completed":
            assert metrics.characters == len(text)
            assert metrics.chunks == len(heard.all)
        return heard.said

    return play


def subscribed(stage: Stage) -> Play:
    """Subscribe without a reader: asyncio drives it, trio cannot."""
    draw = stage.draw
    text = draw.text()
    trouble = draw.passing(text) if draw.chance("trouble", 0.3) else None
    leave = draw.one("dispose behind", (0, 1, 5, 20, 10_000))
    answer, _ = stage.chat(ScriptedModel(text), [] if trouble is None else [trouble.fault])
    errors = frozenset[str]() if trouble is None else trouble.errors
    due = Due((text,), trouble is None, errors, "chunks")

    async def play() -> str:
        heard, over = Heard(), anyio.Event()

        def on_next(item: Any) -> None:
            assert not over.is_set(), "an item behind the end"
            heard.all.append(item)
            if len(heard.all) == leave:
                subscription.dispose()
                over.set()

        def on_error(error: Exception) -> None:
            heard.ended, heard.error = "failed", error
            over.set()

        def on_completed() -> None:
            heard.ended = "completed"
            over.set()

        if running_backend() == "trio":
            try:
                answer.subscribe(on_next, on_error, on_completed)
            except NoPump:
                return "NoPump"
            raise AssertionError("a plain subscribe() on trio")
        subscription = answer.subscribe(on_next, on_error, on_completed)
        if leave == 0:
            await asyncio.sleep(0.005)
            subscription.dispose()
        else:
            await over.wait()
        return check(heard, due).said

    return play


def hooks(stage: Stage) -> Play:
    """Have the user's own function fail, wherever one is called."""
    draw = stage.draw
    text = draw.text()
    boom = ZeroDivisionError("the hook")
    where = draw.one("where", ("on_attempt", "on_metrics", "resume", "backoff", "map", "transform"))
    call = draw.count("call", 1, 6)

    def fail(*_: Any) -> Any:
        raise boom

    def fail_later(item: Any) -> Any:
        nonlocal call
        call -= 1
        if not call:
            raise boom
        return item

    operators: dict[str, Callable[[], Callable[[Any], Any]]] = {
        "on_attempt": lambda: rxs.retry_stream(on_attempt=fail),
        "on_metrics": lambda: rxs.measure_stream(fail),
        "resume": lambda: rxs.retry_stream(resume=fail, backoff=at_once),
        "backoff": lambda: rxs.retry_stream(backoff=fail),
        "map": lambda: rxs.map_stream(fail_later, max_concurrent=2),
        "transform": lambda: rxs.transform(fail_later),
    }
    faults: list[Faults] = [Fault.cut(after_events=4)] if where in {"resume", "backoff"} else []
    answer, _ = stage.chat(ScriptedModel(text), faults)
    answer = answer.pipe(operators[where]())
    due = Due((text,), completes=False, errors=frozenset((type(boom).__name__,)))
    reading = Reading(draw, ways=("whole", "break"))

    async def play() -> str:
        heard = check(await reading.read(answer), due)
        assert heard.error is None or heard.error is boom
        return heard.said

    return play


def synchronous(stage: Stage) -> Play:
    """Read from synchronous code, in a thread, with an event loop of its own there."""
    draw = stage.draw
    text = draw.text()
    found = troubles(draw, text, 2)
    client, _ = stage.client(ScriptedModel(text), [one.fault for one in found], synchronous=True)
    answer = rxs.from_chat(client, **ASK).pipe(retrying(draw, len(found)))
    leave = draw.one("break behind", (1, 5, 10_000))
    at_a_time = draw.chance("run", 0.5)

    def read() -> Heard:
        if at_a_time:
            return Heard(rxs.run(answer), "completed")
        heard = Heard()
        chunks: Any = rxs.iter_stream(answer)
        with closing(chunks):
            for chunk in chunks:
                heard.all.append(chunk)
                if len(heard.all) == leave:
                    return heard
        heard.ended = "completed"
        return heard

    async def play() -> str:
        heard = await to_thread.run_sync(read, limiter=CapacityLimiter(1))
        return check(heard, Due((text,), shape="chunks")).said

    return play


def recorded(stage: Stage) -> Play:
    """Write an answer down while it is read; the recording says what was heard."""
    draw = stage.draw
    text = draw.text()
    trouble = draw.middle(text) if draw.chance("trouble", 0.4) else None
    answer, _ = stage.chat(ScriptedModel(text), [] if trouble is None else [trouble.fault])
    errors = frozenset[str]() if trouble is None else trouble.errors
    due = Due((text,), trouble is None, errors, "chunks")
    reading = Reading(draw)

    async def play() -> str:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "answer.jsonl"
            heard = check(await reading.read(answer.pipe(rxs.record_stream(path))), due)
            if heard.ended == "completed":
                again = await rxs.collect(rxs.from_recording(path, speed=None))
                assert again.content == text, again.content
        return heard.said

    return play


def cancelled_together(stage: Stage) -> Play:
    """Cancel several streams at once from outside, as a server that shuts down does."""
    draw = stage.draw
    streams: list[tuple[Any, Due, Reading]] = []
    for number in range(draw.count("streams", 2, 5)):
        text = draw.text(of=f" of {number}")
        found = troubles(draw, text, 2)
        answer, _ = stage.chat(ScriptedModel(text, **quirks(draw)), [one.fault for one in found])
        answer, in_line = shaped(draw, answer.pipe(retrying(draw, len(found))))
        due = Due((text,), shape="chunks" if in_line else "pieces")
        streams.append((answer, due, Reading(draw, ways=("whole",))))
    seconds = draw.seconds("cancelled after", 2)

    async def play() -> str:
        ends: list[str] = []

        async def read(answer: Any, due: Due, reading: Reading) -> None:
            ends.append(check(await reading.read(answer), due).said)

        async with anyio.create_task_group() as tasks:
            for one in streams:
                tasks.start_soon(read, *one)
            await anyio.sleep(seconds)
            tasks.cancel_scope.cancel()
        return "completed" if len(ends) == len(streams) else "left"

    return play


FLOW: Final[dict[str, tuple[Kind, float]]] = {
    "timeout": (timeout, 1.5),
    "backpressure": (pressed, 2),
    "measure": (measured, 1),
    "subscribe": (subscribed, 1),
    "failing hook": (hooks, 1),
    "synchronous": (synchronous, 0.5),
    "record": (recorded, 1),
    "cancelled together": (cancelled_together, 1),
}
