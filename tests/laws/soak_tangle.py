"""The soak run's streams of anything behind anything: trees of operators over answers, drawn."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from reactivex import Observable
from reactivex import operators as ops

import rxstream as rxs
from rxstream.items import Tagged
from rxstream.testing import ScriptedModel
from tests.laws.soak_one import Kind, Play, at_once, quirks, read_and_check, retrying, same, shaped
from tests.laws.soak_reading import Due, Reading
from tests.laws.soak_world import Stage

__all__ = ("TANGLE",)


def leaf(stage: Stage) -> tuple[Observable[Any], set[str]]:
    """Make an answer that comes in the end."""
    draw = stage.draw
    text = draw.text()
    found = [draw.passing(text) for _ in range(draw.one("troubles", (0, 1, 2), (3, 2, 1)))]
    answer, _ = stage.chat(ScriptedModel(text, **quirks(draw)), [one.fault for one in found])
    return (answer.pipe(retrying(draw, len(found))) if found else answer), {text}


def dead(stage: Stage) -> Observable[Any]:
    trouble = stage.draw.early()
    return stage.chat(ScriptedModel("dead"), [trouble.fault] * 20)[0]


def grown(stage: Stage, depth: int) -> tuple[Observable[Any], set[str]]:
    """Make a tree of operators over answers; give it, and the texts of which it gives one."""
    draw = stage.draw
    operators = ("race", "fallback", "hedge", "merge", "flatten", "share", "shape", "map")
    operator = draw.one("node", ("leaf", *operators), (1.5, *(1 for _ in operators))) if depth else "leaf"
    if operator == "leaf":
        return leaf(stage)
    stream, texts = grown(stage, depth - 1)
    if operator == "race":
        other, others = (dead(stage), set[str]()) if draw.chance("dead", 0.3) else grown(stage, depth - 1)
        return stream.pipe(rxs.race_streams(other)), texts | others
    if operator == "fallback":
        return dead(stage).pipe(rxs.fallback_to(stream)), texts
    if operator == "hedge":
        return stream.pipe(rxs.hedge_stream(draw.one("after", (0.005, 0.05)))), texts
    if operator in {"merge", "flatten"}:
        other, _ = grown(stage, depth - 1)
        merged: Observable[Tagged[Any]]
        if operator == "merge":
            merged = stream.pipe(rxs.merge_streams(other))
        else:
            merged = rxs.from_stream(lambda: [stream, other]).pipe(rxs.merge_streams())
        return merged.pipe(ops.filter(_is_first), ops.map(_untagged)), texts
    if operator == "share":
        return stream.pipe(rxs.share_stream(draw.count("max_items", 1, 5))), texts
    if operator == "map":
        return stream.pipe(rxs.map_stream(same, max_concurrent=draw.count("max_concurrent", 1, 4))), texts
    return shaped(draw, stream)[0], texts


def _is_first(tagged: Any) -> bool:
    return bool(tagged.source == 0)


def _untagged(tagged: Any) -> Any:
    return tagged.item


def tangle(stage: Stage) -> Play:
    stream, texts = grown(stage, 3)
    return partial(read_and_check, Reading(stage.draw), stream, Due(tuple(texts)))


def tangle_restarted(stage: Stage) -> Play:
    """Restart behind a chain of which nothing is known but that it fails once."""
    draw = stage.draw
    text = draw.text()
    trouble = draw.middle(text)
    answer, _ = stage.chat(ScriptedModel(text), [trouble.fault])
    middle: dict[str, Callable[[], Callable[[Any], Any]]] = {
        "share": lambda: rxs.share_stream(3),
        "map": lambda: rxs.map_stream(same, max_concurrent=2),
        "race": lambda: rxs.race_streams(dead(stage)),
        "hedge": lambda: rxs.hedge_stream(5),
        "fallback": lambda: rxs.fallback_to(dead(stage)),
        "words": lambda: rxs.buffer_words(keep_whitespace=True),
        "pace": lambda: rxs.pace_stream(max_lag=0.05, interval=0.01),
    }
    answer = answer.pipe(middle[draw.one("operator", tuple(middle))]())
    resume: Any = draw.one("resume", ("restart", "align", "auto"))
    answer = answer.pipe(rxs.retry_stream(4, resume=resume, backoff=at_once, retry_on=Exception))
    answer, _ = shaped(draw, answer)
    return partial(read_and_check, Reading(draw), answer, Due((text,)))


TANGLE: Final[dict[str, tuple[Kind, float]]] = {
    "tangle": (tangle, 4),
    "tangle, restarted": (tangle_restarted, 2),
}
