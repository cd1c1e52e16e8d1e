"""Items whose text comes out in slices, which end where a grapheme cluster does."""

from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import accumulate

from rxstream.items import StreamChunk, Text

__all__ = ("Piece", "Run", "atom")


class Run:
    """Some text in whole clusters. It may be cut between any two."""

    __slots__ = ("_end", "_ends", "_place", "_text")

    def __init__(self, clusters: Sequence[str]) -> None:
        text = self._text = "".join(clusters)
        self._place = 0
        self._end = 0
        #: Where the clusters end; None: each is a character.
        self._ends: Iterator[int] | None = None
        if len(clusters) < len(text):
            # A list of numbers, or of the clusters, would take ten times the room.
            self._ends = iter(array("L", accumulate(map(len, clusters))))

    def cut(self, wanted: float) -> str:
        """Give so many characters, or as many more as the cluster has, or all that there are."""
        text, place = self._text, self._place
        end = place + wanted
        if end >= len(text):
            self._place = len(text)
            return text[place:]
        if self._ends is None:
            self._place = int(end)
        else:
            while self._end < end:
                self._end = next(self._ends)
            self._place = self._end
        return text[place : self._place]

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is left."""
        return self._place == len(self._text)


def atom(text: str) -> Run:
    """Make a run of one cluster, or of what is left of one."""
    return Run((text,))


class Piece:
    """An item, and what is left of its text.

    The slices of a chunk are chunks. The first has the role and the reasoning, the last all else that comes
    with the text or behind it; ``raw`` has only a chunk that was not changed at all. An item that is neither
    text nor chunk has no text.
    """

    __slots__ = ("_began", "is_open", "item", "runs")

    def __init__(self, item: object) -> None:
        self.item = item
        self.runs: deque[Run] = deque()
        #: Its last cluster may grow, so it is not among the runs yet.
        self.is_open = False
        self._began = False

    def cut(self, wanted: float) -> str:
        """Give so many characters of it, or a few more; fewer if there are no more."""
        runs = self.runs
        found: list[str] = []
        while runs and wanted > 0:
            found.append(runs[0].cut(wanted))
            wanted -= len(found[-1])
            if runs[0].is_over:
                runs.popleft()
        return "".join(found)

    def slice(self, text: str) -> Text:
        """Make an item of some of its text, behind which more comes."""
        item, began = self.item, self._began
        self._began = True
        if not isinstance(item, StreamChunk):
            return text
        return StreamChunk(
            text,
            None,
            item.index,
            item.model,
            item.choice,
            "" if began else item.reasoning,
            role=None if began else item.role,
            id=item.id,
        )

    def last(self, text: str) -> object:
        """Make an item of the last of its text."""
        item, began = self.item, self._began
        if isinstance(item, str):
            return text
        if not isinstance(item, StreamChunk) or (not began and text == item.content):
            return item
        return StreamChunk(
            text,
            item.finish_reason,
            item.index,
            item.model,
            item.choice,
            "" if began else item.reasoning,
            item.tool_calls,
            item.usage,
            role=None if began else item.role,
            id=item.id,
            refusal=item.refusal,
            logprobs=item.logprobs,
        )
