"""Items and their times in, metrics out. It is told the time: a machine has no clock."""

from array import array
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from rxstream.items import Restarted, StreamChunk, Usage
from rxstream.sansio.answer import Answer
from rxstream.sansio.content import has_content
from rxstream.sansio.gaps import Gaps
from rxstream.sansio.metrics import Ended, Metrics
from rxstream.sansio.prices import Price, cost_of, find_price

__all__ = ("Meter",)


class Meter:
    """Measures one stream. Of its content nothing is kept but its size, and eight bytes for each gap."""

    __slots__ = (
        "_answer",
        "_bare",
        "_characters",
        "_choices",
        "_first_characters",
        "_first_chunk",
        "_first_content",
        "_gaps",
        "_id",
        "_last_content",
        "_model",
        "_prices",
        "_restarts",
        "_start",
        "_started",
        "_thinks",
    )

    def __init__(self, prices: Mapping[str, Price] | None = None) -> None:
        self._prices = prices or {}
        #: Whose rule for usage and finish reasons ours is; it is given no content.
        self._answer = Answer()
        self._choices: set[int] = set()
        self._gaps = array("d")
        #: Chunks without content; those with it are one more than the gaps between them.
        self._bare = 0
        self._characters = 0
        self._first_characters = 0
        self._start: float | None = None
        self._started: datetime | None = None
        self._first_chunk: float | None = None
        self._first_content: float | None = None
        self._last_content: float | None = None
        self._model: str | None = None
        self._id: str | None = None
        #: Whether reasoning was shown. If not, reasoning tokens were spent before the first piece came.
        self._thinks = False
        self._restarts = 0

    @property
    def is_started(self) -> bool:
        """Whether time is running."""
        return self._start is not None

    def start(self, now: float, wall: datetime | None = None) -> None:
        """Begin to count the time, which is ``wall`` on a clock on the wall."""
        self._start = now
        self._started = wall

    # One function on purpose: what is called here is called for every item.
    def add(self, item: object, now: float) -> None:  # noqa: C901, PLR0912
        """Take the next item, which came at ``now``. Time must be running."""
        size = 0
        if isinstance(item, StreamChunk):
            size = len(item.content) + len(item.refusal)
            if item.reasoning:
                self._thinks = True
                size += len(item.reasoning)
            if item.tool_calls:
                size += sum(len(call.arguments) for call in item.tool_calls)
            elif not size:
                self._take_bare(item, now)
                return
            if item.usage is not None or item.finish_reason is not None or item.choice not in self._choices:
                self._take_news(item)
            if item.model is not None:
                self._model = item.model
        elif isinstance(item, str):
            if not item:
                self._count_bare(now)
                return
            size = len(item)
        elif isinstance(item, Restarted):
            self._restarts += 1
            return
        elif not has_content(item):
            self._count_bare(now)
            return
        last = self._last_content
        if last is None:
            self._first_content = now
            self._first_characters = size
            if self._first_chunk is None:
                self._first_chunk = now
        else:
            self._gaps.append(now - last)
        self._last_content = now
        self._characters += size

    def _take_bare(self, chunk: StreamChunk, now: float) -> None:
        self._take_news(chunk)
        self._model = chunk.model or self._model
        self._count_bare(now)

    def _count_bare(self, now: float) -> None:
        self._bare += 1
        if self._first_chunk is None:
            self._first_chunk = now

    def _take_news(self, chunk: StreamChunk) -> None:
        """Take from a chunk all but its content."""
        self._id = chunk.id or self._id
        if has_content(chunk):
            self._choices.add(chunk.choice)
            # A role tells a chunk that belongs to a choice from one that only counts, as its content did.
            chunk = replace(chunk, content="", reasoning="", refusal="", tool_calls=(), role="assistant")
        self._answer.add(chunk)

    def snapshot(self, now: float, *, ended: Ended | None = None, error: Exception | None = None) -> Metrics:
        """Say what has been measured up to ``now``."""
        start, last = self._start, self._last_content
        pieces = 0 if last is None else len(self._gaps) + 1
        usage = self._answer.usage
        counted = Usage(completion_tokens=pieces, estimated=True) if usage is None else usage
        price = find_price(self._prices, self._model)
        metrics = Metrics(
            gaps=Gaps(self._gaps, len(self._gaps)),
            chunks=self._bare + pieces,
            content_chunks=pieces,
            characters=self._characters,
            tokens=counted.completion_tokens,
            tokens_estimated=counted.estimated,
            usage=usage,
            model=self._model,
            response_id=self._id,
            finish_reasons=self._answer.finish_reasons,
            restarts=self._restarts,
            started=self._started,
            ended=ended,
            error=error,
        )
        if start is not None:
            metrics.duration = now - start
            if self._first_chunk is not None:
                metrics.time_to_first_chunk = self._first_chunk - start
            if self._first_content is not None:
                metrics.time_to_first_content = self._first_content - start
        if last is not None and self._first_content is not None and last > self._first_content:
            writing = last - self._first_content
            metrics.characters_per_second = (self._characters - self._first_characters) / writing
            written = counted.completion_tokens - (0 if self._thinks else counted.reasoning_tokens)
            # Which of them were in the first piece nobody says: as many as in any other.
            metrics.tokens_per_second = written * (pieces - 1) / pieces / writing
        if price is not None:
            metrics.cost = cost_of(counted, price)
            metrics.cost_estimated = counted.estimated
            metrics.currency = price.currency
        return metrics
