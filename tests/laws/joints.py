"""The registry's entries for what joins another attempt to what was delivered."""

from collections.abc import Iterable
from typing import Any, Final

from rxstream.items import StreamChunk, ToolCallDelta, Usage
from rxstream.sansio.delivered import Delivered
from rxstream.sansio.joint import Aligned, Continued, PassedOn
from rxstream.sansio.seam import Seam, overlaps
from tests.laws.entries import OfItems, OfText, pieces_of_chunks

__all__ = ("JOINT_EVENTS", "JOINT_MACHINES")


def joined(items: list[Any]) -> str:
    """Join what is let through: where its pieces are cut means nothing."""
    return "".join(items)


#: An answer that broke off, and the last words of it that may come again.
BROKEN_OFF = "One two, three tw"
LAST_WORDS = overlaps(BROKEN_OFF)
#: One that is long enough for another one to be known by its beginning.
BEGUN = "The quick brown fox jumps over the dog"


def ends_of(*texts: str, behind: str = "") -> tuple[str, ...]:
    """Give all the ways in which texts that have begun may end."""
    return tuple([text[place:] + behind for text in texts for place in range(len(text))])


def delivered_of(items: Iterable[Any]) -> Delivered:
    """Take note of items that the reader has."""
    delivered = Delivered()
    for item in items:
        delivered.add(item)
    return delivered


#: About as long as what law 3 measures.
LONG_ANSWER = delivered_of(pieces_of_chunks(1 << 17))
SHORT_ANSWER = (
    StreamChunk("", reasoning="hm"),
    StreamChunk("wor"),
    StreamChunk("", tool_calls=(ToolCallDelta(0, "a", "f", "{"),)),
)


JOINT_MACHINES: Final[tuple[OfText, ...]] = (
    OfText(
        Seam,
        "Seam, anything repeated",
        lambda: Seam(BROKEN_OFF, overlaps=LAST_WORDS),
        (f"{BROKEN_OFF}elve", "three twelve", "twelve, tw", "elve", "One two. One", ""),
        join=joined,
        continuations=ends_of(BROKEN_OFF, *LAST_WORDS, behind="elve"),
    ),
    OfText(
        Seam,
        "Seam, begun anew",
        lambda: Seam(BEGUN, " \n"),
        (f"{BEGUN}\n and", f"{BEGUN[:30]}#", BEGUN[:28], BEGUN[:12], " \n and", "\n and", ""),
        join=joined,
        continuations=(*ends_of(BEGUN), *ends_of(BEGUN, behind=" \nx")),
    ),
    OfText(
        Seam,
        "Seam, half a character",
        lambda: Seam("a", " 👩\u200d", echo=False),
        (" 👩\u200d👧 and", "👩\u200d👧", " 👩", "👨", " a", ""),
        join=joined,
    ),
)

JOINT_EVENTS: Final[tuple[OfItems, ...]] = (
    OfItems(
        Aligned,
        "Aligned",
        lambda: Aligned(LONG_ANSWER),
        ((StreamChunk("word. wor"), StreamChunk("", "stop")), (StreamChunk("words"),)),
        pieces_of_chunks,
    ),
    OfItems(
        Aligned,
        "Aligned, more than was delivered",
        lambda: Aligned(delivered_of(SHORT_ANSWER), strict=True),
        (
            (
                *SHORT_ANSWER,
                *SHORT_ANSWER[1:2],
                StreamChunk("", "stop"),
                StreamChunk("", usage=Usage(1, 2, 3)),
            ),
            (StreamChunk("", reasoning="hm, no"),),
        ),
        lambda size: [*SHORT_ANSWER, *pieces_of_chunks(size)],
    ),
    OfItems(
        Aligned,
        "Aligned, other items",
        lambda: Aligned(delivered_of(range(1000))),
        (tuple(range(1002)), (0, 2)),
        lambda size: [*range(size)],
    ),
    OfItems(
        Continued,
        "Continued",
        lambda: Continued(Seam(BROKEN_OFF, " ", overlaps=LAST_WORDS)),
        (
            (
                StreamChunk("", role="assistant"),
                StreamChunk("tw"),
                StreamChunk(" elve"),
                StreamChunk("", "stop"),
            ),
            (StreamChunk("three"), StreamChunk("", reasoning="hm")),
        ),
        pieces_of_chunks,
    ),
    OfItems(
        Continued,
        "Continued, JSON",
        lambda: Continued(Seam('["a ', echo=False), json='["a '),
        (
            (StreamChunk('b"'), StreamChunk("]"), StreamChunk("", "stop")),
            (StreamChunk('"'), StreamChunk("well")),
        ),
        pieces_of_chunks,
    ),
    OfItems(PassedOn, "PassedOn", PassedOn, ((StreamChunk("a"), 1), ()), pieces_of_chunks),
)
