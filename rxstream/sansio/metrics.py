"""What was measured of a stream, as of one moment, and how to say it in a line."""

import math
from array import array
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from rxstream.items import Usage
from rxstream.sansio.gaps import Gaps

__all__ = ("Ended", "Metrics")

#: How a stream ended: by itself, by an error, or because its reader left it or was cancelled.
Ended = Literal["completed", "error", "left"]


@dataclass(slots=True, eq=False, repr=False)
class Metrics:
    """What ``measure_stream`` found: a snapshot, which no later one changes.

        result = await rxs.collect(answer.pipe(rxs.measure_stream()))
        print(result.metrics)
        print(result.metrics.time_to_first_content, result.metrics.gaps.longest, result.metrics.usage)

    It is given to ``on_metrics`` of ``measure_stream``, and is ``metrics`` of a ``StreamResult``. Written, it
    is one line, its ``summary``. Times are seconds, counted from the moment at which the first item was asked
    for. What was not, or not yet, measured is None.

    ``time_to_first_chunk``, ``time_to_first_content``: until the first chunk of any kind, and until the first
    that says something. ``duration``: until this moment; in the last snapshot, until the end. ``gaps``:
    between pieces of content: ``count``, ``p50``, ``p99``, ``longest``, ``mean``, and one by one. ``chunks``,
    ``content_chunks``: all that came, and of those the ones with content. ``characters``: of text, reasoning,
    refusals and the arguments of tool calls. ``tokens``: of the answer, as the provider counted them or,
    until it has, as many as there are pieces of content; ``tokens_estimated`` says so. ``tokens_per_second``,
    ``characters_per_second``: what came behind the first piece of content, which was waited for, over the
    time from the first to the last, without tokens that were thought in secret; None for less than two
    pieces, or if all came at one moment.

    ``usage``: what the provider counted, over all choices. ``cost``, in ``currency``: by ``prices``; None
    without a price for the model; ``cost_estimated``: it is that of the answer so far, without the prompt,
    whose tokens only the provider has counted. ``model``, ``response_id``: as the provider names them.
    ``finish_reasons``: why each choice ended, by its number; ``finish_reason`` that of the first.
    ``restarts``: how often the answer began anew; what came before counts as well. ``started``: when the
    first item was asked for, in UTC. ``ended``: "completed", "error" or "left"; None as long as it runs.
    ``error``: what it ended in.
    """

    time_to_first_chunk: float | None = None
    time_to_first_content: float | None = None
    duration: float = 0.0
    gaps: Gaps = field(default_factory=lambda: Gaps(array("d")))
    chunks: int = 0
    content_chunks: int = 0
    characters: int = 0
    tokens: int = 0
    tokens_estimated: bool = True
    tokens_per_second: float | None = None
    characters_per_second: float | None = None
    usage: Usage | None = None
    cost: float | None = None
    cost_estimated: bool = False
    currency: str = "$"
    model: str | None = None
    response_id: str | None = None
    finish_reasons: dict[int, str | None] = field(default_factory=dict[int, str | None])
    restarts: int = 0
    started: datetime | None = None
    ended: Ended | None = None
    error: Exception | None = None

    @property
    def finish_reason(self) -> str | None:
        """Why it ended; of several choices, the first."""
        return next(iter(self.finish_reasons.values()), None)

    @property
    def summary(self) -> str:
        """The line that a human wants to see."""
        return ", ".join(self._parts())

    def __str__(self) -> str:
        return self.summary

    def __repr__(self) -> str:
        return f"<Metrics, {self.ended or 'running'}: {self.summary}>"

    def _parts(self) -> list[str]:
        if self.time_to_first_content is None:
            parts = [f"no content in {self.duration:.2f} s"]
        else:
            parts = [f"{self.time_to_first_content:.2f} s to first content", self._tokens()]
        if self.gaps.longest is not None:
            parts.append(f"longest gap {self.gaps.longest:.2f} s")
        if self.cost is not None:
            parts.append(f"{'about ' * self.cost_estimated}{self.currency}{_money(self.cost)}")
        if self.restarts:
            parts.append(_number(self.restarts, "restart"))
        if self.ended == "left":
            parts.append("left by the reader")
        if self.error is not None:
            parts.append(f"failed: {type(self.error).__name__}")
        return parts

    def _tokens(self) -> str:
        about = "about " * self.tokens_estimated
        rate = "" if self.tokens_per_second is None else f" at {self.tokens_per_second:.1f}/s"
        return f"{about}{_number(self.tokens, 'token')}{rate}"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def _money(amount: float) -> str:
    """Write an amount with two figures that are not zero, and no exponent; from 1 on, with cents."""
    if not 0 < amount < 1:
        return f"{amount:.2f}"
    return f"{amount:.{1 - math.floor(math.log10(amount))}f}"
