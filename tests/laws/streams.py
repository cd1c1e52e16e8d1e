"""Every operator on whole streams (combine, resilience, flow), with what the laws need to know of it.

A new one is entered here; ``test_operator_laws`` fails until it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import rxstream as rxs
from tests.laws.source import Source

__all__ = ("CREDIT", "STREAM_OPERATORS", "StreamOp")

#: Items that each of several sources may be ahead (see ``open_stream``).
CREDIT: Final = 8


@dataclass(frozen=True, slots=True)
class StreamOp:
    """A public operator, or source, with one set of arguments."""

    name: str
    label: str
    #: Makes the stream of two sources; most operators take the first only.
    make: Callable[[list[Source]], Any]
    #: The most items that the sources together may have given, and the reader not taken.
    ahead: int = 1
    #: Whether what comes out is what went in, of the first source.
    transparent: bool = True
    #: The names of laws that are not asked of it, and why.
    exempt: Mapping[str, str] = field(default_factory=dict[str, str])

    def __str__(self) -> str:
        return self.label


def one(operator: Callable[[], Callable[[Any], Any]]) -> Callable[[list[Source]], Any]:
    """Put an operator behind the first source."""
    return lambda sources: sources[0].observable.pipe(operator())


async def same(item: Any) -> Any:
    return item


def both(sources: list[Source]) -> list[Any]:
    return [source.observable for source in sources]


#: Where the second of two streams is never asked, the laws are those of one.
STREAM_OPERATORS: Final[tuple[StreamOp, ...]] = (
    StreamOp(
        "from_streams",
        "from_streams(a, b)",
        lambda sources: rxs.from_streams(*both(sources)),
        ahead=2 * CREDIT + 1,
        transparent=False,
    ),
    StreamOp(
        "from_streams",
        "from_streams(a, b, max_concurrent=1)",
        lambda sources: rxs.from_streams(*both(sources), max_concurrent=1),
        transparent=False,
    ),
    StreamOp(
        "merge_streams",
        "merge_streams(b)",
        lambda sources: sources[0].observable.pipe(rxs.merge_streams(sources[1].observable)),
        ahead=2 * CREDIT + 1,
        transparent=False,
    ),
    StreamOp(
        "race_streams",
        "race_streams(b)",
        lambda sources: sources[0].observable.pipe(rxs.race_streams(sources[1].observable)),
        ahead=2 * CREDIT + 1,
        transparent=False,
        exempt={"two_subscriptions_know_nothing_of_each_other": "both are ready at once, so either may win"},
    ),
    StreamOp("race_streams", "race_streams() of one", one(rxs.race_streams)),
    StreamOp("hedge_stream", "hedge_stream(1000)", one(lambda: rxs.hedge_stream(1000)), ahead=2),
    StreamOp(
        "fallback_to",
        "fallback_to(b)",
        lambda sources: sources[0].observable.pipe(rxs.fallback_to(sources[1].observable)),
    ),
    StreamOp(
        "map_stream",
        "map_stream(same, max_concurrent=3)",
        one(lambda: rxs.map_stream(same, max_concurrent=3)),
        ahead=3 + CREDIT,
    ),
    StreamOp(
        "map_stream",
        "map_stream(same, max_concurrent=3, ordered=False)",
        one(lambda: rxs.map_stream(same, max_concurrent=3, ordered=False)),
        ahead=3 + CREDIT,
        transparent=False,
    ),
    StreamOp("share_stream", "share_stream(4)", one(lambda: rxs.share_stream(4)), ahead=5),
    StreamOp("retry_stream", "retry_stream()", one(rxs.retry_stream)),
    StreamOp(
        "timeout_stream",
        "timeout_stream(...)",
        one(lambda: rxs.timeout_stream(first=9e3, gap=9e3, total=9e5)),
    ),
    StreamOp("backpressure", "backpressure(4)", one(lambda: rxs.backpressure(4)), ahead=5),
    StreamOp(
        "backpressure",
        "backpressure(4, overflow='join')",
        one(lambda: rxs.backpressure(4, overflow="join")),
        ahead=10_000,
        transparent=False,
    ),
    StreamOp(
        "backpressure",
        "backpressure(4, overflow='drop_oldest')",
        one(lambda: rxs.backpressure(4, overflow="drop_oldest")),
        ahead=10_000,
        transparent=False,
    ),
    StreamOp(
        "pace_stream",
        "pace_stream()",
        one(rxs.pace_stream),
        ahead=10_000,
        transparent=False,
        exempt={
            "an_error_is_the_same_object_behind_all_items_and_all_is_closed": "it counts items, and what is "
            "held comes as one in front of an error; tests/flow/test_pace.py has the law for text"
        },
    ),
    StreamOp("measure_stream", "measure_stream()", one(rxs.measure_stream)),
)
