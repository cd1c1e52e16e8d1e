"""The worst documents that we could think of: a character of a long one costs what it does in a short one."""

import gc
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from benchmarks.documents import cut
from benchmarks.measure import Found, Line
from benchmarks.workers import Job, workers
from rxstream.sansio.code_blocks import CodeBlocks
from rxstream.sansio.json_lines import JSONLines
from rxstream.sansio.json_values import JSONObjects, JSONValues
from rxstream.sansio.markdown import MarkdownBlocks
from rxstream.sansio.partial_json import PartialDocument
from rxstream.sansio.reasoning import Reasoning
from rxstream.sansio.sse import SSEDecoder
from rxstream.sansio.tags import Tags

__all__ = ("DOCUMENTS", "MACHINES", "ROW", "cost", "lines", "worst")

ROW = "worst-documents"

#: An exponent of 1.1 over two decades, and one of 1.05.
AT_MOST, AIM = 10**0.2, 10**0.1

#: How often a document that seems to grow is measured again.
AGAIN: Final = 4

#: As deep as it goes: the default would end the document at once.
DEEP: Final = 10_000_000

#: What a document begins with, and what it then repeats.
DOCUMENTS: Final[dict[str, tuple[str, str]]] = {
    "open arrays": ("", "["),
    "open objects": ("", '{"a":'),
    "stray braces": ("", "{"),
    "objects that break": ("", '{"a" {'),
    "backslashes in a string": ('["', "\\\\"),
    "escapes in a string": ('["', "\\u00e9"),
    "quotes": ("", '"'),
    "empty strings": ("[", '"",'),
    "digits": ("[", "1"),
    "backticks": ("", "`"),
    "backticks in code": ("```\n", "``` "),
    "fences": ("", "```\n"),
    "less than": ("", "<"),
    "tags that never end": ("", "<think "),
    "attributes": ("<think ", 'a="b" '),
    "quotes of quotes": ("", "> "),
    "lists of lists": ("", "- "),
    "lists in lines": ("", "- a\n"),
    "pipes": ("", "|"),
    "tables that are none": ("", "|a|\n|-\n"),
    "stars": ("", "*"),
    "line ends": ("", "\n"),
    "blanks": ("", " "),
    "indented blanks": ("- a\n", "    \n"),
    "data lines": ("", "data: a\n"),
    "letters": ("", "a"),
}

MACHINES: Final[dict[str, Callable[[], Any]]] = {
    "parse_json()": partial(JSONObjects, max_depth=DEEP),
    "parse_json(at='$[*]')": partial(JSONValues, "$[*]", on_invalid="skip", max_depth=DEEP),
    "parse_partial_json()": partial(PartialDocument, max_depth=DEEP),
    "parse_ndjson()": partial(JSONLines, on_invalid="skip"),
    "parse_code_blocks()": CodeBlocks,
    "parse_code_blocks(partial=True)": partial(CodeBlocks, partial=True),
    "parse_markdown()": MarkdownBlocks,
    "parse_tags('think')": partial(Tags, "think"),
    "split_reasoning()": Reasoning,
    "parse_sse()": SSEDecoder,
}


def cost(factory: Callable[[], Any], chunks: Sequence[str]) -> float:
    """Return what a machine takes for such a document, in nanoseconds of CPU time; it may refuse it."""
    gc.collect()
    gc.disable()
    machine = factory()
    start = time.process_time_ns()
    try:
        for chunk in chunks:
            for _ in machine.feed(chunk):
                pass
        for _ in machine.close():
            pass
    except Exception:  # noqa: BLE001 - a document that is refused early costs little
        pass
    finally:
        took = time.process_time_ns() - start
        gc.enable()
    return float(took)


def lines(*, quick: bool) -> list[Found]:
    """Measure each parser on each document, and give the document whose cost grows most."""
    small, large = (2_000, 200_000) if quick else (5_000, 500_000)
    found: list[Found] = []
    with workers({name: partial(_job, name, small, large) for name in MACHINES}) as ask:
        for name in MACHINES:
            _, document, ours, theirs = ask(name, "grow")
            what = f"{name}: {document}"
            against = f"{small // 1000} KB of it"
            found.append(Line(ROW, what, against, ours, theirs, "of its cost", AT_MOST, AIM))
    return found


@contextmanager
def _job(name: str, small: int, large: int) -> Generator[Job]:
    yield lambda _: worst(MACHINES[name], small, large)


def worst(factory: Callable[[], Any], small: int, large: int) -> tuple[float, str, float, float]:
    """Find the document whose cost grows most; give how much it does, its name, and what a chunk costs."""
    most = (0.0, "", 0.0, 0.0)
    for document, (start, unit) in DOCUMENTS.items():
        short, long = (cut(start + unit * (size // len(unit))) for size in (small, large))
        turns = [_turn(factory, short, long)]
        # What seems to grow is looked at again, and the middle of it believed.
        if _growth(turns[0]) > AIM:
            turns += [_turn(factory, short, long) for _ in range(AGAIN)]
        middle = sorted(turns, key=_growth)[len(turns) // 2]
        most = max(most, (_growth(middle), document, *middle))
    return most


def _turn(factory: Callable[[], Any], short: Sequence[str], long: Sequence[str]) -> tuple[float, float]:
    """Give what a chunk costs in a long document, and in a short one: right before it, and right behind it.

    In the half minute between all the short ones and all the long ones a machine that others use may become
    half as fast.
    """
    before = [cost(factory, short) for _ in range(5)]
    whole = cost(factory, long)
    after = [cost(factory, short) for _ in range(5)]
    return whole / len(long), min(before + after) / len(short)


def _growth(costs: tuple[float, float]) -> float:
    """Compare the long one with the short one."""
    return costs[0] / costs[1]
