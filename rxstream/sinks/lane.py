"""What is shown of one stream: its text as Markdown that grows, a picture, how fast it comes."""

import json
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from rxstream.items import Restarted, StreamChunk, StreamResult, Tagged
from rxstream.sansio.answer import Answer
from rxstream.sansio.markdown import MarkdownBlock, MarkdownBlocks
from rxstream.sansio.meter import Meter
from rxstream.sansio.metrics import Ended, Metrics
from rxstream.sansio.partial_json import PartialJSON

__all__ = ("Lane", "LaneKey", "Lanes", "fenced", "is_document", "json_text")

#: Whose items: the ``source`` of a ``Tagged``, a tuple of them if it is tagged more than once, () if not.
LaneKey: TypeAlias = int | str | tuple[int | str, ...]
UNTAGGED: Final = ()


class Lane:
    """One stream's items in, and out of it what is new since somebody last looked."""

    def __init__(self, key: LaneKey, is_picture: Callable[[Any], bool], separator: str, now: float) -> None:
        self.key = key
        self._is_picture = is_picture
        self._separator = separator
        self._meter = Meter()
        self._meter.start(now)
        self._metrics: Metrics | None = None
        self._choice = 0
        self._unit = "item"
        #: When it said why it ends: of several lanes the others may go on for long.
        self._done_at: float | None = None
        #: How often everything shown so far has become void.
        self.restarts = 0
        self._begin()

    def _begin(self) -> None:
        self._blocks = MarkdownBlocks()
        self._tail: MarkdownBlock | None = None
        self._answer = Answer()
        self._thinking = False
        #: Source of Markdown blocks that will not change any more, oldest first: who shows them takes them.
        self.finished: list[str] = []
        #: The newest of the items that replace one another.
        self.picture: Any = None

    @property
    def label(self) -> str:
        """What the lane is called, among others."""
        parts = self.key if isinstance(self.key, tuple) else (self.key,)
        return " / ".join(str(part) for part in parts) or "choice 0"

    @property
    def tail(self) -> str:
        """Source of the Markdown block that is still being written."""
        return "" if self._tail is None else self._tail.text

    def add(self, item: Any, now: float) -> None:
        """Take the next item, which came at ``now``."""
        self._meter.add(item, now)
        if isinstance(item, StreamChunk):
            self._answer.add(item)
            self._choice, self._unit = item.choice, "token"
            if item.finish_reason is not None:
                self._done_at = now
            if item.reasoning:
                self._think(item.reasoning)
            self._write(item.content + item.refusal)
        elif isinstance(item, str):
            self._answer.add(StreamChunk(item + self._separator))
            self._write(item + self._separator)
        elif isinstance(item, MarkdownBlock):
            self._answer.add(StreamChunk(item.delta))
            self._write(item.delta)
        elif isinstance(item, Restarted):
            self._begin()
            self._done_at = None
            self.restarts += 1
        elif is_document(item) or self._is_picture(item):
            self.picture = item
        else:
            self._write(fenced(repr(item), "python"))

    def close(self, now: float, ended: Ended, error: Exception | None) -> None:
        """Finish what is still being written, and stop the time."""
        for call in self._answer.result(self._choice).tool_calls:
            self._write(fenced(f"{call.name}({call.arguments})", ""))
        self._take(self._blocks.close())
        self._tail = None
        if self._done_at is not None and ended != "error":
            now, ended = self._done_at, "completed"
        self._metrics = self._meter.snapshot(now, ended=ended, error=error)

    def metrics(self, now: float) -> Metrics:
        """Return what has been measured."""
        if self._metrics is None and self._done_at is not None:
            return self._meter.snapshot(self._done_at, ended="completed")
        return self._metrics or self._meter.snapshot(now)

    def result(self, now: float) -> StreamResult:
        """Return the answer so far; its chunks are not kept."""
        result = self._answer.result(self._choice)
        result.metrics = self.metrics(now)
        return result

    def progress(self, now: float) -> str:
        """Say in a line how it goes: what it does, time to the first token, tokens, tokens a second."""
        metrics = self.metrics(now)
        parts = [self._state(metrics)]
        # Only an answer's chunks are about as many as its tokens; sentences or objects are what they are.
        unit = self._unit
        if metrics.time_to_first_content is not None:
            parts.append(f"{metrics.time_to_first_content:.2f} s to first {unit}")
            about = "about " * (metrics.tokens_estimated and unit == "token")
            parts.append(f"{about}{metrics.tokens} {unit}{'s' * (metrics.tokens != 1)}")
        if metrics.tokens_per_second is not None:
            parts.append(f"{metrics.tokens_per_second:.1f} {unit}s/s")
        parts.append(f"{metrics.duration:.1f} s")
        return " · ".join(parts)

    def _state(self, metrics: Metrics) -> str:
        if metrics.ended == "error":
            return f"failed: {type(metrics.error).__name__}"
        if metrics.ended is not None:
            why = "" if metrics.finish_reason in {None, "stop"} else f" ({metrics.finish_reason})"
            return "stopped" if metrics.ended == "left" else f"done{why}"
        if metrics.time_to_first_content is None:
            return "waiting"
        return "thinking" if self._thinking else "writing"

    def _think(self, reasoning: str) -> None:
        """Show thought as what Markdown has for other people's words: a quote."""
        start = "" if self._thinking else "> "
        self._thinking = True
        self._feed(start + reasoning.replace("\n", "\n> "))

    def _write(self, text: str) -> None:
        if text:
            if self._thinking:
                self._thinking = False
                self._feed("\n\n")
            self._feed(text)

    def _feed(self, text: str) -> None:
        self._take(self._blocks.feed(text))

    def _take(self, blocks: Any) -> None:
        for block in blocks:
            if block.complete:
                self.finished.append(block.text)
                self._tail = None
            else:
                self._tail = block


class Lanes:
    """The lanes of a stream, in the order in which they first spoke."""

    def __init__(self, is_picture: Callable[[Any], bool], separator: str, now: float) -> None:
        self._is_picture = is_picture
        self._separator = separator
        self._start = now
        self._lanes: dict[LaneKey, Lane] = {}
        # Before anything has come there is one lane to see, which waits.
        self._waiting = self._lane(UNTAGGED)

    @property
    def all(self) -> list[Lane]:
        """The lanes; the one of untagged items alone if nothing has come."""
        return list(self._lanes.values()) or [self._waiting]

    @property
    def is_one_text(self) -> bool:
        """Whether no item says that it is one stream's of several."""
        return self._lanes.keys() <= {UNTAGGED}

    def add(self, item: Any, now: float) -> None:
        """Give an item to its lane."""
        path: tuple[int | str, ...] = ()
        while item.__class__ is Tagged:
            path = (*path, item.source)
            item = item.item
        if isinstance(item, StreamChunk) and item.choice:
            path = (*path, f"choice {item.choice}")
        key: LaneKey = path[0] if len(path) == 1 else path
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = self._waiting if key == UNTAGGED else self._lane(key)
        lane.add(item, now)

    def close(self, now: float, ended: Ended, error: Exception | None) -> None:
        """Close every lane."""
        for lane in self.all:
            lane.close(now, ended, error)

    def _lane(self, key: LaneKey) -> Lane:
        return Lane(key, self._is_picture, self._separator, self._start)


def is_document(item: Any) -> bool:
    """Tell whether an item is a JSON document that is being written."""
    return isinstance(item, PartialJSON)


def json_text(item: Any) -> str:
    """Write a document that is not finished yet."""
    value = item.value
    dump = getattr(value, "model_dump", None)
    return json.dumps(value if dump is None else dump(), indent=2, ensure_ascii=False, default=str)


def fenced(text: str, info: str) -> str:
    """Make a code block of any text: its fence is longer than every run of backticks in it."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"\n\n{fence}{info}\n{text}\n{fence}\n\n"
