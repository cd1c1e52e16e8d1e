"""The soak run's streams of one answer: cut, continued, timed out, paced, kept and dropped."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, TypeAlias

import anyio
import anyio.lowlevel
from reactivex import Observable

import rxstream as rxs
from rxstream.items import Attempt
from rxstream.testing import Fault, ScriptedModel, faulty_recording
from rxstream.testing.faults import Faults
from tests.laws.soak_draw import Draw, Trouble
from tests.laws.soak_reading import Due, Reading, check
from tests.laws.soak_world import Stage
from tests.recordings import PATHS
from tests.sources.clients import CHATS, RESPONSES

__all__ = ("ONE", "Kind", "Play", "harmless", "quirks", "retrying", "shaped")

#: What is left to be done when all has been drawn; it gives how the stream ended.
Play: TypeAlias = Callable[[], Awaitable[str]]
Kind: TypeAlias = Callable[[Stage], Play]

QUIRKS: Final[dict[str, dict[str, Any]]] = {
    "none": {},
    "echo": {"echo": True},
    "strips": {"strips": True},
    "both": {"echo": True, "strips": True},
    "refuses": {"refuses_prefill": True},
    "restarts": {"restarts": True},
}
#: Those with which a model can be continued.
CONTINUED: Final = ("none", "echo", "strips", "both")


def at_once(_retry: int) -> float:
    return 0.0


async def same(item: Any) -> Any:
    await anyio.lowlevel.checkpoint()
    return item


async def read_and_check(reading: Reading, observable: Observable[Any], due: Due) -> str:
    return check(await reading.read(observable), due).said


def quirks(draw: Draw, among: tuple[str, ...] = tuple(QUIRKS)) -> dict[str, Any]:
    how = dict(QUIRKS[draw.one("quirk", among)])
    if draw.chance("slow", 0.1):
        how["delay"] = 0.003
    return how


def troubles(draw: Draw, text: str, most: int) -> list[Trouble]:
    return [draw.passing(text) for _ in range(draw.count("troubles", 0, most))]


def retrying(draw: Draw, count: int, *, told: list[Attempt] | None = None) -> Callable[[Any], Any]:
    """Make a retry that must get through so many faults: two rungs may be found not to hold."""
    wait = draw.seconds("backoff", 0.02)
    note = [] if told is None else told
    return rxs.retry_stream(count + 3, backoff=lambda _: wait, on_attempt=note.append)


HARMLESS: Final[dict[str, Callable[[], Callable[[Any], Any]]]] = {
    "timeout": lambda: rxs.timeout_stream(first=60, gap=60, total=120),
    "backpressure": lambda: rxs.backpressure(5),
    "measure": rxs.measure_stream,
}
SHAPES: Final[dict[str, Callable[[], Callable[[Any], Any]]]] = {
    **HARMLESS,
    "words": lambda: rxs.buffer_words(keep_whitespace=True),
    "graphemes": rxs.buffer_graphemes,
    "pace": lambda: rxs.pace_stream(max_lag=0.05, interval=0.01),
    "join": lambda: rxs.backpressure(3, overflow="join"),
    "map": lambda: rxs.map_stream(same, max_concurrent=3),
    "share": lambda: rxs.share_stream(4),
    "transform": lambda: rxs.transform(str),
}


def harmless(draw: Draw, observable: Observable[Any]) -> Observable[Any]:
    """Put operators behind a source between it and its retry."""
    for _ in range(draw.one("between", (0, 1, 2), (6, 2, 1))):
        observable = observable.pipe(HARMLESS[draw.one("operator", tuple(HARMLESS))]())
    return observable


def shaped(draw: Draw, observable: Observable[Any]) -> tuple[Observable[Any], bool]:
    """Put operators behind an answer that keep its text; say whether its chunks are as they were."""
    count = draw.one("behind", (0, 1, 2, 3), (6, 3, 1, 1))
    for _ in range(count):
        observable = observable.pipe(SHAPES[draw.one("operator", tuple(SHAPES))]())
    return observable, count == 0


# ---------------------------------------------------------------- the kinds


def plain(stage: Stage) -> Play:
    draw = stage.draw
    text = draw.text()
    trouble = None
    if draw.chance("trouble", 0.5):
        which = draw.one("which", ("early", "middle", "hopeless"))
        trouble = draw.early() if which == "early" else getattr(draw, which)(text)
    faults = [] if trouble is None else [trouble.fault]
    answer, _ = stage.chat(ScriptedModel(text, **quirks(draw)), faults)
    answer, in_line = shaped(draw, harmless(draw, answer))
    errors = frozenset[str]() if trouble is None else trouble.errors
    due = Due((text,), trouble is None, errors, "chunks" if in_line else "pieces")
    return partial(read_and_check, Reading(draw), answer, due)


def retry(stage: Stage) -> Play:
    """Go on behind any fault, on whatever rung it takes; the text is said once."""
    draw = stage.draw
    text = draw.document() if (is_json := draw.chance("json", 0.3)) else draw.text()
    found = troubles(draw, text, 4)
    request: dict[str, Any] = {"response_format": {"type": "json_object"}} if is_json else {}
    how: Any = draw.one("continuation", ("prefill", "instruct", "none"))
    model = ScriptedModel(text, **quirks(draw), instruct=how == "instruct")
    answer, voice = stage.chat(model, [one.fault for one in found], continuation=how, **request)
    told: list[Attempt] = []
    answer = harmless(draw, answer).pipe(retrying(draw, len(found), told=told))
    answer, in_line = shaped(draw, answer)
    due = Due((text,), shape="chunks" if in_line else "pieces")
    reading = Reading(draw)

    async def play() -> str:
        heard = check(await reading.read(answer), due)
        if heard.ended == "completed":
            asked = [one for one in told if not _asks_nobody(one)]
            assert voice.asked == len(asked), f"{voice.asked} requests in {len(told)} attempts"
        return heard.said

    return play


def _asks_nobody(attempt: Attempt) -> bool:
    """Tell whether all of the answer had come but the end of the connection."""
    partial = attempt.partial
    return attempt.rung == "continue" and partial is not None and partial.finish_reason is not None


def restart(stage: Stage) -> Play:
    draw = stage.draw
    text = draw.text()
    found = troubles(draw, text, 3)
    answer, _ = stage.chat(ScriptedModel(text, **quirks(draw)), [one.fault for one in found])
    answer = answer.pipe(rxs.retry_stream(len(found) + 1, backoff=at_once, resume="restart"))
    answer, in_line = shaped(draw, answer)
    due = Due((text,), shape="chunks" if in_line else "pieces")
    return partial(read_and_check, Reading(draw), answer, due)


def words_behind_a_restart(stage: Stage) -> Play:
    """Restart in front of an operator that changes what it gets: it must begin afresh."""
    draw = stage.draw
    text = draw.text()
    found = troubles(draw, text, 3)
    makes: dict[str, Callable[[], Any]] = {
        "words": rxs.buffer_words,
        "sentences": rxs.buffer_sentences,
        "paragraphs": rxs.buffer_paragraphs,
        "code": rxs.parse_code_blocks,
    }
    make = makes[draw.one("operator", tuple(makes))]
    answer, _ = stage.chat(ScriptedModel(text, **quirks(draw)), [one.fault for one in found])
    retried = answer.pipe(rxs.retry_stream(len(found) + 1, backoff=at_once, resume="restart"))

    async def play() -> str:
        expected = await rxs.to_list(rxs.from_stream([text]).pipe(make()))
        units = await rxs.to_list(retried.pipe(make()))
        assert units == expected, units
        return "completed"

    return play


def exhausted(stage: Stage) -> Play:
    """Fail more often than is tried: the last error comes out, with all that had come."""
    draw = stage.draw
    text = draw.text()
    attempts = draw.count("attempts", 1, 3)
    first = draw.passing(text) if draw.chance("begins", 0.7) else draw.early()
    found = [first, *(draw.early() for _ in range(attempts - 1))]
    answer, voice = stage.chat(ScriptedModel(text), [one.fault for one in found])
    answer = answer.pipe(rxs.retry_stream(attempts, backoff=at_once))
    due = Due((text,), completes=False, errors=found[-1].errors, shape="chunks")
    reading = Reading(draw)

    async def play() -> str:
        heard = check(await reading.read(answer), due)
        if heard.error is not None:
            notes = getattr(heard.error, "__notes__", [])
            assert len([note for note in notes if note.startswith("Attempt ")]) == attempts - 1, notes
            assert voice.asked == attempts, f"{voice.asked} requests in {attempts} attempts"
        return heard.said

    return play


def hopeless(stage: Stage) -> Play:
    """Fail in a way that no attempt mends: there is one."""
    draw = stage.draw
    text = draw.text()
    trouble = draw.hopeless(text)
    answer, voice = stage.chat(ScriptedModel(text), [trouble.fault])
    answer = answer.pipe(rxs.retry_stream(5, backoff=at_once))
    due = Due((text,), completes=False, errors=trouble.errors, shape="chunks")
    reading = Reading(draw)

    async def play() -> str:
        heard = check(await reading.read(answer), due)
        assert voice.asked <= 1
        return heard.said

    return play


def changed(stage: Stage) -> Play:
    """Ask a model again that says something else then: its two answers must not be mixed."""
    draw = stage.draw
    text, other = draw.text(), draw.text(of=" again")
    trouble = draw.middle(text)
    answer, _ = stage.chat(ScriptedModel(text, changes=other), [trouble.fault], continuation="none")
    # If what had come is the beginning of both, the other one follows.
    due = Due((text, other), errors=frozenset(("AnswerChanged",)), shape="chunks")
    return partial(read_and_check, Reading(draw), answer.pipe(rxs.retry_stream(backoff=at_once)), due)


def tools(stage: Stage) -> Play:
    draw = stage.draw
    calls = [
        {"name": f"call_{number}", "arguments": draw.document()}
        for number in range(draw.count("calls", 1, 3))
    ]
    found = [
        draw.passing("".join([call["arguments"] for call in calls])) for _ in range(draw.count("n", 0, 3))
    ]
    thoughts = draw.one("reasoning", ("", "I shall call something now."))
    model = ScriptedModel(tool_calls=calls, reasoning=thoughts)
    answer, _ = stage.chat(model, [one.fault for one in found])
    answer = harmless(draw, answer).pipe(retrying(draw, len(found)))
    due = Due(("",), shape="chunks")
    reading = Reading(draw)

    async def play() -> str:
        heard = check(await reading.read(answer), due)
        if heard.ended == "completed":
            result = heard.result
            made = [{"name": call.name, "arguments": call.arguments} for call in result.tool_calls]
            assert made == calls, made
            assert result.reasoning == thoughts
        return heard.said

    return play


def responses(stage: Stage) -> Play:
    draw = stage.draw
    text = draw.text()
    found = troubles(draw, text, 4)
    how: Any = draw.one("continuation", ("prefill", "instruct", "none"))
    model = ScriptedModel(text, **quirks(draw), instruct=how == "instruct")
    client, _ = stage.client(model, [one.fault for one in found])
    background = draw.chance("background", 0.5)
    answer = rxs.from_responses(client, continuation=how, model="any", input="Speak.", background=background)
    answer = harmless(draw, answer).pipe(retrying(draw, len(found)))
    answer, in_line = shaped(draw, answer)
    due = Due((text,), shape="chunks" if in_line else "pieces")
    return partial(read_and_check, Reading(draw), answer, due)


def recording(stage: Stage) -> Play:
    draw = stage.draw
    name = draw.one("recording", tuple(one for one in (*CHATS, *RESPONSES) if one[:2] not in {"14", "21"}))
    faults: list[Faults] = []
    for _ in range(draw.count("troubles", 0, 3)):
        make: Any = draw.one("fault", ("cut", "reset", "silent_end", "truncated_chunk", "refused"))
        faults.append(
            Fault.refused() if make == "refused" else getattr(Fault, make)(draw.count("at", 0, 20000))
        )
    answer = faulty_recording(PATHS[name], *faults).pipe(retrying(draw, len(faults)))
    reading = Reading(draw)

    async def play() -> str:
        whole = await rxs.collect(rxs.from_recording(PATHS[name], speed=None))
        heard = check(await reading.read(answer), Due((whole.content,)))
        if heard.ended == "completed":
            result = heard.result
            assert result.reasoning == whole.reasoning
            assert result.finish_reason == whole.finish_reason
            assert [(one.name, one.arguments) for one in result.tool_calls] == [
                (one.name, one.arguments) for one in whole.tool_calls
            ]
        return heard.said

    return play


ONE: Final[dict[str, tuple[Kind, float]]] = {
    "plain": (plain, 3),
    "retry": (retry, 5),
    "restart": (restart, 2),
    "restart, words": (words_behind_a_restart, 1),
    "attempts exhausted": (exhausted, 2),
    "not transient": (hopeless, 1),
    "answer changed": (changed, 1),
    "tool calls": (tools, 2),
    "responses": (responses, 2),
    "recording": (recording, 1),
}
