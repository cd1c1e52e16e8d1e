"""The soak run's streams of several answers: raced, hedged, merged, shared, mapped, and all of it at once."""

from typing import Any, Final

import anyio
import reactivex as rx
from reactivex import Observable
from reactivex import operators as ops

import rxstream as rxs
from rxstream.testing import Fault, ScriptedModel
from rxstream.testing.faults import Faults
from tests.laws.soak_draw import Trouble
from tests.laws.soak_one import Kind, Play, at_once, quirks, retrying
from tests.laws.soak_reading import Due, Reading, check, check_by_source
from tests.laws.soak_world import Stage

__all__ = ("SEVERAL",)

#: How a competitor does: it answers, is slow, dies before its first word or behind it, or says nothing.
FATES: Final = ("well", "slow", "dead", "later", "mute")


class Competitor:
    """One stream of a race and its like."""

    def __init__(self, stage: Stage, number: int, *, fates: tuple[str, ...] = FATES) -> None:
        draw = stage.draw
        self.text = draw.text(of=f" of {number}")
        self.fate = draw.one("fate", fates)
        self.errors = frozenset[str]()
        fault: Faults = None
        if self.fate in {"dead", "later"}:
            trouble = draw.early() if self.fate == "dead" else draw.middle(self.text)
            fault, self.errors = trouble.fault, trouble.errors
        elif self.fate == "mute":
            fault, self.errors = Fault.stall(after_events=1), frozenset(("FirstTokenTimeout",))
        model = ScriptedModel(self.text, delay=0.01 if self.fate == "slow" else 0)
        answer, self.voice = stage.chat(model, [fault])
        limit = rxs.timeout_stream(first=1.0 if self.fate == "mute" else 30)
        self.answer: Observable[Any] = answer.pipe(limit)

    @property
    def may_win(self) -> bool:
        return self.fate in {"well", "slow", "later"}

    @property
    def surely_speaks(self) -> bool:
        """A reset may discard the first words, too: then it was dead all the same."""
        return self.may_win and "APIConnectionError" not in self.errors


def due_of_first(competitors: list[Competitor]) -> Due:
    """Say what is due if any of them that speaks may be the one that is heard."""
    winners = [one for one in competitors if one.may_win]
    texts = tuple(one.text for one in winners) or ("",)
    errors = frozenset[str]().union(*(one.errors for one in winners if one.fate == "later"))
    if not any(one.surely_speaks for one in competitors):
        errors |= {f"AllStreamsFailed({names})" for names in all_failed(competitors)}
    return Due(texts, any(one.fate != "later" for one in winners), errors, "chunks")


def all_failed(competitors: list[Competitor]) -> list[str]:
    """Name the groups in which they may all fail together."""
    found = [""]
    for one in competitors:
        found = [f"{before}, {error}" if before else error for before in found for error in one.errors]
    return found


def race(stage: Stage) -> Play:
    draw = stage.draw
    competitors = [Competitor(stage, number) for number in range(draw.count("streams", 2, 4))]
    lost: list[rxs.Lost] = []
    running: set[int] = set()
    at_first: list[int] = []

    def watched(number: int) -> Observable[Any]:
        def begin(_: object) -> Observable[Any]:
            running.add(number)
            return competitors[number].answer.pipe(ops.finally_action(lambda: running.discard(number)))

        return rx.defer(begin)

    def heed(chunk: Any) -> None:
        if chunk.content and not at_first:
            at_first.append(len(running))

    first, *others = [watched(number) for number in range(len(competitors))]
    answer = first.pipe(rxs.race_streams(*others, on_lost=lost.append), ops.do_action(heed))
    due = due_of_first(competitors)
    reading = Reading(draw)

    async def play() -> str:
        heard = check(await reading.read(answer), due)
        places = [one.source for one in lost]
        assert len(set(places)) == len(places), f"told twice of a loser: {places}"
        if heard.text:
            (winner,) = set(range(len(competitors))) - set(places)
            assert competitors[winner].text.startswith(heard.text)
        assert at_first in ([], [1]), f"{at_first} streams were open behind the first word"
        assert not running, f"streams {running} were never let go"
        assert all(one.voice.asked <= 1 for one in competitors)
        return heard.said

    return play


def fall_back(stage: Stage) -> Play:
    draw = stage.draw
    competitors = [Competitor(stage, number) for number in range(draw.count("streams", 2, 4))]
    first, *others = [one.answer for one in competitors]
    answer = first.pipe(rxs.fallback_to(*others))
    last = next((n for n, one in enumerate(competitors) if one.surely_speaks), len(competitors))
    due = due_of_first(competitors[: last + 1])
    reading = Reading(draw)

    async def play() -> str:
        heard = check(await reading.read(answer), due)
        for one in competitors[last + 1 :]:
            assert one.voice.asked == 0, "asked, though one before it had spoken"
        return heard.said

    return play


def hedge(stage: Stage) -> Play:
    draw = stage.draw
    text = draw.text()
    copies = draw.count("copies", 1, 3)
    faults: list[Faults] = []
    dead = draw.count("dead", 0, copies + 1)
    for _ in range(dead):
        if draw.chance("mute", 0.3) and dead <= copies:
            faults.append(Fault.stall(after_events=draw.count("at", 0, 1)))
        else:
            trouble = draw.early()
            faults.append(trouble.fault)
    lost: list[rxs.Lost] = []
    answer, voice = stage.chat(ScriptedModel(text), faults)
    after = draw.one("after", (0.01, 0.05, 0.2))
    answer = answer.pipe(rxs.hedge_stream(after, copies, on_lost=lost.append))
    due = Due((text,), dead <= copies, shape="chunks")
    reading = Reading(draw)

    async def play() -> str:
        heard = await reading.read(answer)
        if isinstance(heard.error, rxs.AllStreamsFailed) and dead > copies:
            assert len(heard.error.exceptions) == copies + 1
            due.errors = frozenset((heard.said,))
        check(heard, due)
        places = [one.source for one in lost]
        assert len(set(places)) == len(places), f"told twice of a loser: {places}"
        assert voice.asked <= copies + 1
        return "AllStreamsFailed" if heard.error else heard.said

    return play


def merge(stage: Stage) -> Play:
    draw = stage.draw
    streams: dict[int | str, Observable[Any]] = {}
    dues: dict[int | str, Due] = {}
    errors = frozenset[str]()
    how = draw.one("how", ("from_streams", "named", "merge_streams", "flattened"))
    for number in range(draw.count("streams", 2, 6)):
        text = draw.text(of=f" of {number}")
        found: list[Trouble] = [draw.passing(text)] if draw.chance("trouble", 0.4) else []
        answer, _ = stage.chat(ScriptedModel(text, **quirks(draw)), [one.fault for one in found])
        name = f"stream{number}" if how == "named" else number
        dues[name] = Due((text,), shape="chunks")
        if found and draw.chance("given up", 0.2):
            errors |= found[0].errors
            dues[name].completes = False
        else:
            answer = answer.pipe(retrying(draw, len(found)))
        streams[name] = answer
    most = draw.one("max_concurrent", (None, 1, 2, 5))
    first, *others = streams.values()
    merged: Observable[Any]
    if how == "from_streams":
        merged = rxs.from_streams(first, *others, max_concurrent=most)
    elif how == "named":
        merged = rxs.from_streams(max_concurrent=most, **{str(name): one for name, one in streams.items()})
    elif how == "merge_streams":
        merged = first.pipe(rxs.merge_streams(*others, max_concurrent=most))
    else:
        merged = rxs.from_stream(lambda: [first, *others]).pipe(rxs.merge_streams(max_concurrent=most))
    reading = Reading(draw)

    async def play() -> str:
        return check_by_source(await reading.read(merged), dues, errors=errors).said

    return play


def mapped(stage: Stage) -> Play:
    """Await a function of each sentence; it may fail at one of them."""
    draw = stage.draw
    text = draw.text()
    found = [draw.passing(text)] if draw.chance("trouble", 0.5) else []
    answer, _ = stage.chat(ScriptedModel(text, **quirks(draw)), [one.fault for one in found])
    ordered = draw.chance("ordered", 0.6)
    fails_at = draw.count("fails at", 0, 12) if draw.chance("fails", 0.3) else -1
    waits = [draw.seconds("wait", 0.02) for _ in range(5)]
    boom = ZeroDivisionError("the function")
    running, most_running = 0, 0

    async def work(item: tuple[int, str]) -> str:
        nonlocal running, most_running
        number, sentence = item
        running += 1
        most_running = max(most_running, running)
        try:
            await anyio.sleep(waits[number % len(waits)])
            if number == fails_at:
                raise boom
            return sentence
        finally:
            running -= 1

    most = draw.count("max_concurrent", 1, 5)
    units = rxs.buffer_words if draw.chance("words", 0.5) else rxs.buffer_sentences
    results = answer.pipe(
        retrying(draw, len(found)),
        units(),
        ops.map_indexed(lambda unit, number: (number, unit)),
        rxs.map_stream(work, max_concurrent=most, ordered=ordered),
    )
    reading = Reading(draw)

    async def play() -> str:
        expected = await rxs.to_list(rxs.from_stream([text]).pipe(units()))
        heard = await reading.read(results)
        assert running == 0, f"{running} calls are left"
        assert most_running <= most
        if heard.error is not None:
            assert heard.error is boom, heard.error
            assert fails_at < len(expected)
        if ordered:
            assert heard.all == expected[: len(heard.all)]
            assert heard.error is None or len(heard.all) == fails_at
        else:
            left = list(expected)
            for result in heard.all:
                left.remove(result)
        if heard.ended == "completed":
            assert len(heard.all) == len(expected)
            assert not 0 <= fails_at < len(expected)
        return heard.said

    return play


def mapped_anew(stage: Stage) -> Play:
    """Restart in front of slow calls: those that are running are void."""
    draw = stage.draw
    text = draw.text()
    found = [draw.middle(text) for _ in range(draw.count("troubles", 1, 3))]
    answer, _ = stage.chat(ScriptedModel(text), [one.fault for one in found])
    most, ordered = draw.count("max_concurrent", 1, 5), draw.chance("ordered", 0.5)
    wait = draw.seconds("wait", 0.01)
    running, most_running = 0, 0

    async def work(chunk: Any) -> Any:
        nonlocal running, most_running
        running += 1
        most_running = max(most_running, running)
        try:
            await anyio.sleep(wait)
            return chunk
        finally:
            running -= 1

    answer = answer.pipe(
        rxs.retry_stream(len(found) + 1, resume="restart", backoff=at_once),
        rxs.map_stream(work, max_concurrent=most, ordered=ordered),
    )
    reading = Reading(draw)

    async def play() -> str:
        heard = await reading.read(answer)
        if not ordered:
            heard.all = sorted(heard.items, key=lambda chunk: chunk.index)
        # Of one that was left, and is in no order, some may be missing.
        check(heard, Due((text,), shape="pieces" if ordered or heard.ended == "completed" else "some"))
        assert running == 0, f"{running} calls are left"
        # What is void may still be at its end when the first new one begins.
        assert most_running <= most * 2, f"{most_running} calls at a time"
        return heard.said

    return play


LOSSLESS: Final = ("suspend", "join")
LOSING: Final = ("drop_oldest", "drop_latest", "latest")


def share(stage: Stage) -> Play:
    """Read one answer in several tasks, at several paces, coming and going at different moments."""
    draw = stage.draw
    text = draw.text()
    troubled, retried = draw.chance("trouble", 0.4), draw.chance("retried", 0.5)
    found = [draw.middle(text)] if troubled else []
    # Who comes behind the end asks anew, and is to get the same.
    faults = [one.fault for one in found] * (1 if retried else 20)
    answer, voice = stage.chat(ScriptedModel(text), faults)
    errors = frozenset[str]()
    if retried:
        answer = answer.pipe(retrying(draw, len(found)))
    elif found:
        errors = found[0].errors
    kept = draw.one("replay", (0, 3, 1000))
    shared = answer.pipe(rxs.share_stream(draw.count("max_items", 1, 20), replay=kept))
    readers: list[tuple[float, Observable[Any], Due, Reading]] = []
    for _ in range(draw.count("readers", 2, 5)):
        overflow: Any = draw.one(
            "overflow",
            ("suspend", "join", "drop_oldest", "drop_latest", "latest", "error"),
            (4, 2, 1, 1, 1, 1),
        )
        delay = draw.one("comes", (0.0, 0.005, 0.05), (4, 1, 1))
        due = Due((text,), not errors, errors, "some" if overflow in LOSING else "late")
        if overflow == "error":
            due.errors |= {"BufferOverflow"}
        readers.append((delay, shared.reader(overflow=overflow), due, Reading(draw)))
    simple = all(delay == 0 and one.way == "whole" for delay, _, _, one in readers)

    async def play() -> str:
        said: list[str] = []

        async def read(delay: float, reader: Observable[Any], due: Due, reading: Reading) -> None:
            await anyio.sleep(delay)
            said.append(check(await reading.read(reader), due).said)

        async with anyio.create_task_group() as tasks:
            for reader in readers:
                tasks.start_soon(read, *reader)
        assert shared.readers == 0, f"{shared.readers} readers are left"
        assert shared.hub.closing is None, "the source is read, though all have left"
        if simple and not found:
            assert voice.asked == 1, f"{voice.asked} requests for readers that came together"
        # Readers that ended alike are one kind of end.
        return max(sorted(set(said)), key=said.count)

    return play


SEVERAL: Final[dict[str, tuple[Kind, float]]] = {
    "race": (race, 3),
    "fallback": (fall_back, 2),
    "hedge": (hedge, 2),
    "merge": (merge, 3),
    "map": (mapped, 2),
    "map, restarted": (mapped_anew, 1),
    "share": (share, 3),
}
