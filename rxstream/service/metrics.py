"""What is counted, in Prometheus' text format.

No label has a value that a client can choose: routes are those of the application, models are not told apart.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from rxstream.sansio.metrics import Metrics

__all__ = ("CONTENT_TYPE", "ServiceMetrics")

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

#: Seconds.
_FIRST: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_GAPS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_WHOLE: Final = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0)

_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class Counter:
    """Numbers that only grow, one for each combination of labels."""

    def __init__(self, name: str, help_text: str, *labels: str) -> None:
        self._name = name
        self._help = help_text
        self._labels = labels
        self._values: dict[tuple[str, ...], float] = {} if labels else {(): 0.0}

    def add(self, amount: float, *values: str) -> None:
        """Count something, under the labels' values."""
        self._values[values] = self._values.get(values, 0.0) + amount

    def lines(self) -> Iterator[str]:
        """Write it down."""
        yield from _head(self._name, self._help, "counter")
        for values, amount in self._values.items():
            yield f"{self._name}{_labelled(self._labels, values)} {_number(amount)}"


class Gauge:
    """A number that is looked up when it is asked for."""

    def __init__(self, name: str, help_text: str, value: Callable[[], float]) -> None:
        self._name = name
        self._help = help_text
        self._value = value

    def lines(self) -> Iterator[str]:
        """Write it down."""
        yield from _head(self._name, self._help, "gauge")
        yield f"{self._name} {_number(self._value())}"


class Histogram:
    """How many were how long at most."""

    def __init__(self, name: str, help_text: str, bounds: Sequence[float]) -> None:
        self._name = name
        self._help = help_text
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        """Take one more."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def lines(self) -> Iterator[str]:
        """Write it down."""
        yield from _head(self._name, self._help, "histogram")
        below = 0
        for bound, count in zip((*map(_number, self._bounds), "+Inf"), self._counts, strict=True):
            below += count
            yield f'{self._name}_bucket{{le="{bound}"}} {below}'
        yield f"{self._name}_sum {_number(self._sum)}"
        yield f"{self._name}_count {below}"


class ServiceMetrics:
    """All that one application counts."""

    def __init__(self, *, open_streams: Callable[[], float], waiting: Callable[[], float]) -> None:
        self._requests = Counter(
            "rxstream_requests_total", "Requests, by route.", "method", "route", "status"
        )
        self._streams = Counter("rxstream_streams_total", "Answers that have ended, by how.", "outcome")
        self._tokens = Counter("rxstream_tokens_total", "Tokens, as the provider counted them.", "kind")
        self._cost = Counter("rxstream_cost_total", "What the answers have cost.", "currency")
        self._restarts = Counter("rxstream_restarts_total", "Answers that began anew.")
        self._first = Histogram(
            "rxstream_time_to_first_content_seconds", "Until the first content of an answer.", _FIRST
        )
        self._gaps = Histogram("rxstream_gap_seconds", "Between two pieces of content.", _GAPS)
        self._durations = Histogram("rxstream_stream_duration_seconds", "From request to end.", _WHOLE)
        self._all = (
            self._requests,
            self._streams,
            Gauge("rxstream_open_streams", "Answers that are being written.", open_streams),
            Gauge("rxstream_waiting_streams", "Requests that wait for their turn.", waiting),
            self._tokens,
            self._cost,
            self._restarts,
            self._first,
            self._gaps,
            self._durations,
        )

    def count_request(self, method: str, route: str, status: int) -> None:
        """Count a request that has got its status."""
        self._requests.add(1, method if method in _METHODS else "other", route, str(status))

    def count_stream(self, metrics: Metrics) -> None:
        """Count an answer that has ended: what ``measure_stream`` is given."""
        self._streams.add(1, metrics.ended or "left")
        usage = metrics.usage
        if usage is not None:
            self._tokens.add(usage.prompt_tokens, "prompt")
            self._tokens.add(usage.completion_tokens, "completion")
        if metrics.cost is not None:
            self._cost.add(metrics.cost, metrics.currency)
        self._restarts.add(metrics.restarts)
        if metrics.time_to_first_content is not None:
            self._first.add(metrics.time_to_first_content)
        for gap in metrics.gaps:
            self._gaps.add(gap)
        self._durations.add(metrics.duration)

    def text(self) -> str:
        """Write everything down."""
        return "".join([f"{line}\n" for one in self._all for line in one.lines()])


def _head(name: str, help_text: str, kind: str) -> tuple[str, str]:
    escaped = help_text.replace("\\", "\\\\").replace("\n", "\\n")
    return f"# HELP {name} {escaped}", f"# TYPE {name} {kind}"


def _labelled(names: Sequence[str], values: Sequence[str]) -> str:
    if not names:
        return ""
    pairs = ",".join([f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True)])
    return f"{{{pairs}}}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
