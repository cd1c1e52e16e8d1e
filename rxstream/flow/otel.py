"""What ``measure_stream`` found, for OpenTelemetry: a span and four histograms for each answer.

Names, units and buckets are those of OpenTelemetry's semantic conventions for generative AI, which are in
development still; what they have no name for is called ``rxstream.*``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from rxstream.engine.arguments import check_type
from rxstream.sansio.metrics import Metrics

if TYPE_CHECKING:
    from opentelemetry.metrics import Histogram, MeterProvider
    from opentelemetry.trace import TracerProvider
    from opentelemetry.util.types import AttributeValue

__all__ = ("export_otel",)

_SECONDS: Final = tuple(0.01 * 2**power for power in range(14))
_TOKENS: Final = tuple(4**power for power in range(14))
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

#: Of the request's attributes, those that histograms are divided by, too: of the others there may be too
#: many different ones.
_OF_HISTOGRAMS: Final = frozenset({"gen_ai.request.model", "server.address", "server.port"})


def export_otel(
    *,
    provider: str = "openai",
    operation: str = "chat",
    model: str | None = None,
    request_attributes: "Mapping[str, AttributeValue] | None" = None,
    per_chunk: bool = True,
    tracer_provider: "TracerProvider | None" = None,
    meter_provider: "MeterProvider | None" = None,
) -> Callable[[Metrics], None]:
    """Make an ``on_metrics`` for ``measure_stream`` that tells OpenTelemetry of each answer.

        export = rxs.export_otel(model="gpt-4o-mini", request_attributes={"gen_ai.request.temperature": 0.2})
        words = answer.pipe(rxs.measure_stream(export), rxs.buffer_words())

    For each subscription that was read, one span "chat gpt-4o-mini", from the moment at which the first item
    was asked for to the end, a child of the span that was current then; with the model, the response's id,
    the finish reasons, tokens and the time to the first chunk, and an error's type and message. And the
    histograms ``gen_ai.client.operation.duration``, ``.time_to_first_chunk``, ``.time_per_output_chunk`` (the
    gaps between pieces of content) and ``gen_ai.client.token.usage`` (as the provider counted them: a guess
    is no measurement). A stream that its reader left is no error; ``rxstream.ended`` says "left".
    No prompt and no answer is told.

    ``provider`` and ``operation``: the conventions' names ("azure.ai.openai", "text_completion", ...);
    ``model``: the one that was asked for, which may differ from the one that answers; ``request_attributes``:
    whatever else is known of the request, by its name in the conventions. ``per_chunk=False`` leaves
    ``time_per_output_chunk`` out, a measurement for each gap, which together cost the SDK some milliseconds
    for a thousand chunks, at the end of the answer. ``tracer_provider`` and ``meter_provider``: the global
    ones if not given. Only the last metrics are told: ``every`` is for others.

    Raises ImportError without OpenTelemetry (``pip install 'rxstream[otel]'``), TypeError for wrong
    arguments. For figures without it there is ``measure_stream`` alone.
    """
    for name, given in (("provider", provider), ("operation", operation), ("model", model)):
        check_type("export_otel()", name, given, str, "a str", optional=True)
    check_type("export_otel()", "request_attributes", request_attributes, Mapping, "a mapping", optional=True)
    try:
        from opentelemetry import metrics, trace  # noqa: PLC0415 - optional
    except ImportError as error:
        msg = "export_otel() needs OpenTelemetry, which is not installed: pip install 'rxstream[otel]'"
        raise ImportError(msg) from error
    check_type(
        "export_otel()",
        "tracer_provider",
        tracer_provider,
        trace.TracerProvider,
        "a TracerProvider",
        optional=True,
    )
    check_type(
        "export_otel()",
        "meter_provider",
        meter_provider,
        metrics.MeterProvider,
        "a MeterProvider",
        optional=True,
    )
    tracer = trace.get_tracer("rxstream", tracer_provider=tracer_provider)
    instruments = _Instruments(metrics.get_meter("rxstream", meter_provider=meter_provider), per_chunk)
    common: dict[str, AttributeValue] = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": provider,
    }
    of_request: dict[str, AttributeValue] = {"gen_ai.request.stream": True, **(request_attributes or {})}
    if model is not None:
        of_request["gen_ai.request.model"] = model
    of_histograms = {name: value for name, value in of_request.items() if name in _OF_HISTOGRAMS}

    def export(found: Metrics) -> None:
        # Nothing is asked for before the first read: where there was none there was no operation.
        if found.ended is None or found.started is None:
            return
        of_answer = {**common, **dict(_of_answer(found))}
        name = of_request.get("gen_ai.request.model", found.model)
        span = tracer.start_span(
            operation if name is None else f"{operation} {name}",
            kind=trace.SpanKind.CLIENT,
            attributes={**common, **of_request, **of_answer, **dict(_of_span(found))},
            start_time=_nanoseconds(found.started),
        )
        if found.error is not None:
            span.set_status(trace.Status(trace.StatusCode.ERROR, str(found.error)))
        # Current, so that a histogram's exemplars lead to it.
        with trace.use_span(span):
            instruments.record(found, {**of_answer, **of_histograms})
        span.end(_nanoseconds(found.started + timedelta(seconds=found.duration)))

    return export


class _Instruments:
    """The histograms."""

    def __init__(self, meter: Any, per_chunk: bool) -> None:  # noqa: FBT001 - ours alone
        def histogram(name: str, unit: str, description: str, buckets: Sequence[float]) -> "Histogram":
            made: Histogram = meter.create_histogram(
                f"gen_ai.client.{name}", unit, description, explicit_bucket_boundaries_advisory=buckets
            )
            return made

        self._per_chunk = per_chunk
        self._duration = histogram("operation.duration", "s", "GenAI operation duration.", _SECONDS)
        self._first = histogram(
            "operation.time_to_first_chunk", "s", "Time from the request to the first chunk.", _SECONDS
        )
        self._gap = histogram(
            "operation.time_per_output_chunk", "s", "Time from one chunk of output to the next.", _SECONDS
        )
        self._tokens = histogram("token.usage", "{token}", "Number of input and output tokens used.", _TOKENS)

    def record(self, found: Metrics, attributes: "dict[str, AttributeValue]") -> None:
        self._duration.record(found.duration, attributes)
        if found.time_to_first_chunk is not None:
            self._first.record(found.time_to_first_chunk, attributes)
        for gap in found.gaps if self._per_chunk else ():
            self._gap.record(gap, attributes)
        if found.usage is not None and not found.usage.estimated:
            for kind, count in (
                ("input", found.usage.prompt_tokens),
                ("output", found.usage.completion_tokens),
            ):
                self._tokens.record(count, {**attributes, "gen_ai.token.type": kind})


def _of_answer(found: Metrics) -> "Iterator[tuple[str, AttributeValue]]":
    """Give what span and histograms both carry."""
    if found.model is not None:
        yield "gen_ai.response.model", found.model
    if found.error is not None:
        kind = type(found.error)
        of = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
        yield "error.type", f"{of}{kind.__qualname__}"


def _of_span(found: Metrics) -> "Iterator[tuple[str, AttributeValue]]":
    reasons = [reason for reason in found.finish_reasons.values() if reason is not None]
    if reasons:
        yield "gen_ai.response.finish_reasons", reasons
    optional = {
        "gen_ai.response.id": found.response_id,
        "gen_ai.response.time_to_first_chunk": found.time_to_first_chunk,
        "rxstream.time_to_first_content": found.time_to_first_content,
        "rxstream.longest_gap": found.gaps.longest,
        "rxstream.tokens_per_second": found.tokens_per_second,
        "rxstream.cost": found.cost,
        "rxstream.cost_estimated": found.cost_estimated or None,
        "rxstream.restarts": found.restarts or None,
        "rxstream.ended": found.ended,
    }
    usage: dict[str, AttributeValue | None] = {}
    if found.usage is not None:
        usage = {
            "gen_ai.usage.input_tokens": found.usage.prompt_tokens,
            "gen_ai.usage.output_tokens": found.usage.completion_tokens,
            "gen_ai.usage.cache_read.input_tokens": found.usage.cached_tokens or None,
            "gen_ai.usage.reasoning.output_tokens": found.usage.reasoning_tokens or None,
            "rxstream.usage.estimated": found.usage.estimated or None,
        }
    for name, value in chain(optional.items(), usage.items()):
        if value is not None:
            yield name, value


def _nanoseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000
