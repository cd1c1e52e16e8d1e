import sys
from collections.abc import AsyncIterator, Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from typing import Any, Literal, cast

import anyio
import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, Metric
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from reactivex import operators as ops

import rxstream as rxs
from rxstream.flow.measure import measure_stream
from rxstream.flow.otel import export_otel
from rxstream.items import Restarted, StreamChunk, Usage
from rxstream.sansio.metrics import Metrics
from rxstream.sansio.prices import Price
from rxstream.testing import VirtualClock
from tests.laws.source import Source, stall

SEMCONV = "opentelemetry.semconv._incubating"
NAMES: Any = import_module(f"{SEMCONV}.attributes.gen_ai_attributes")
METRIC_NAMES: Any = import_module(f"{SEMCONV}.metrics.gen_ai_metrics")

Backend = Literal["asyncio", "trio"]
on_both = pytest.mark.parametrize("backend", ["asyncio", "trio"])


@dataclass
class Telemetry:
    """The SDK, with exporters that keep what they are given."""

    spans_out: InMemorySpanExporter
    reader: InMemoryMetricReader
    tracer_provider: TracerProvider
    meter_provider: MeterProvider

    def export(self, **options: Any) -> Any:
        return export_otel(
            tracer_provider=self.tracer_provider, meter_provider=self.meter_provider, **options
        )

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self.spans_out.get_finished_spans())

    @property
    def span(self) -> ReadableSpan:
        (span,) = self.spans
        return span

    @property
    def metrics(self) -> list[Metric]:
        data: Any = self.reader.get_metrics_data()
        resources: Any = [] if data is None else data.resource_metrics
        return [metric for one in resources for scope in one.scope_metrics for metric in scope.metrics]

    def points(self, name: str) -> list[HistogramDataPoint]:
        found = [point for metric in self.metrics if metric.name == name for point in metric.data.data_points]
        assert all(isinstance(point, HistogramDataPoint) for point in found)
        return cast("list[HistogramDataPoint]", found)

    def units(self) -> dict[str, str]:
        return {metric.name: metric.unit or "" for metric in self.metrics}


@pytest.fixture
def telemetry() -> Generator[Telemetry]:
    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracer_provider = TracerProvider(shutdown_on_exit=False)
    tracer_provider.add_span_processor(SimpleSpanProcessor(spans))
    meter_provider = MeterProvider([reader], shutdown_on_exit=False)
    yield Telemetry(spans, reader, tracer_provider, meter_provider)
    tracer_provider.shutdown()
    meter_provider.shutdown()


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


ALWAYS = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai"}


# ---------------------------------------------------------------- an answer


@on_both
def test_a_recording_is_a_span(backend: Backend, telemetry: Telemetry) -> None:
    told: list[Metrics] = []
    export = telemetry.export(model="smollm2", request_attributes={"gen_ai.request.seed": 7})

    async def read() -> None:
        answer = rxs.from_recording("01-prose").pipe(measure_stream(told.append), measure_stream(export))
        await rxs.collect(answer)

    VirtualClock().run(read, backend=backend)
    (metrics,) = told
    assert metrics.usage is not None
    span = telemetry.span
    assert span.name == "chat smollm2"
    assert span.kind is trace.SpanKind.CLIENT
    assert span.status.status_code is trace.StatusCode.UNSET
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.end_time - span.start_time == pytest.approx(metrics.duration * 1e9, abs=2000)
    assert attributes(span) == {
        **ALWAYS,
        "gen_ai.request.model": "smollm2",
        "gen_ai.request.seed": 7,
        "gen_ai.request.stream": True,
        "gen_ai.response.model": "smollm2-135m",
        "gen_ai.response.id": metrics.response_id,
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.response.time_to_first_chunk": metrics.time_to_first_chunk,
        "gen_ai.usage.input_tokens": metrics.usage.prompt_tokens,
        "gen_ai.usage.output_tokens": metrics.usage.completion_tokens,
        "gen_ai.usage.cache_read.input_tokens": metrics.usage.cached_tokens,
        "rxstream.ended": "completed",
        "rxstream.longest_gap": metrics.gaps.longest,
        "rxstream.time_to_first_content": metrics.time_to_first_content,
        "rxstream.tokens_per_second": metrics.tokens_per_second,
    }


@on_both
def test_a_recording_is_in_the_histograms(backend: Backend, telemetry: Telemetry) -> None:
    told: list[Metrics] = []

    async def read() -> None:
        for _ in range(2):
            answer = rxs.from_recording("01-prose").pipe(
                measure_stream(told.append), measure_stream(telemetry.export(model="smollm2"))
            )
            await rxs.collect(answer)

    VirtualClock().run(read, backend=backend)
    one, other = told
    assert one.usage is not None
    common = {**ALWAYS, "gen_ai.request.model": "smollm2", "gen_ai.response.model": "smollm2-135m"}
    expected: dict[str, tuple[int, float]] = {
        "gen_ai.client.operation.duration": (2, one.duration + other.duration),
        "gen_ai.client.operation.time_to_first_chunk": (2, 2 * (one.time_to_first_chunk or 0)),
        "gen_ai.client.operation.time_per_output_chunk": (
            2 * one.gaps.count,
            sum(one.gaps) + sum(other.gaps),
        ),
    }
    for name, (count, total) in expected.items():
        (point,) = telemetry.points(name)
        assert dict(point.attributes or {}) == common
        assert point.count == count
        assert point.sum == pytest.approx(total)
        assert tuple(point.explicit_bounds) == (
            0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
        )  # fmt: skip
    tokens = {
        str((point.attributes or {})["gen_ai.token.type"]): point
        for point in telemetry.points("gen_ai.client.token.usage")
    }
    assert {kind: point.sum for kind, point in tokens.items()} == {
        "input": 2 * one.usage.prompt_tokens,
        "output": 2 * one.usage.completion_tokens,
    }
    assert dict(tokens["input"].attributes or {}) == {**common, "gen_ai.token.type": "input"}
    assert tuple(tokens["input"].explicit_bounds) == (
        1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864,
    )  # fmt: skip


def test_names_and_units_are_those_of_the_conventions(telemetry: Telemetry) -> None:
    usage = Usage(9, 9, 18, cached_tokens=4, reasoning_tokens=3)
    chunks = [StreamChunk("a", id="x", model="m"), StreamChunk("b", "stop"), StreamChunk("", usage=usage)]
    with pytest.raises(OSError, match="gone"):
        rxs.run(Source(chunks, fail).observable.pipe(measure_stream(telemetry.export(model="m"))))
    names: dict[str, str] = NAMES.__dict__
    known: set[str] = {value for name, value in names.items() if name.startswith("GEN_AI_")} | {"error.type"}
    used = set(attributes(telemetry.span))
    assert {name for name in used if not name.startswith("rxstream.")} <= known
    assert {
        NAMES.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS,
        NAMES.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS,
        NAMES.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK,
    } <= used
    assert telemetry.units() == {
        METRIC_NAMES.GEN_AI_CLIENT_OPERATION_DURATION: "s",
        METRIC_NAMES.GEN_AI_CLIENT_OPERATION_TIME_TO_FIRST_CHUNK: "s",
        METRIC_NAMES.GEN_AI_CLIENT_OPERATION_TIME_PER_OUTPUT_CHUNK: "s",
        METRIC_NAMES.GEN_AI_CLIENT_TOKEN_USAGE: "{token}",
    }


def test_two_choices_have_two_reasons(telemetry: Telemetry) -> None:
    rxs.run(rxs.from_recording("14-n2", speed=None).pipe(measure_stream(telemetry.export())))
    assert attributes(telemetry.span)["gen_ai.response.finish_reasons"] == ("length", "length")
    assert attributes(telemetry.span)["gen_ai.usage.output_tokens"] == 80


@on_both
def test_the_times_are_true(backend: Backend, telemetry: Telemetry) -> None:
    async def source() -> AsyncIterator[str]:
        await anyio.sleep(2)
        yield "a"
        await anyio.sleep(3)

    before = datetime.now(UTC).timestamp()

    async def read() -> None:
        async with rxs.open_stream(rxs.from_stream(source).pipe(measure_stream(telemetry.export()))) as items:
            await anyio.sleep(60)
            assert [item async for item in items] == ["a"]

    VirtualClock().run(read, backend=backend)
    span = telemetry.span
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.end_time - span.start_time == 5_000_000_000
    assert before - 1 < span.start_time / 1e9 < datetime.now(UTC).timestamp() + 61


# ---------------------------------------------------------------- other ends


async def fail() -> None:
    raise OSError("gone")


def test_an_error_is_told(telemetry: Telemetry) -> None:
    with pytest.raises(OSError, match="gone"):
        rxs.run(Source(["a"], fail).observable.pipe(measure_stream(telemetry.export())))
    span = telemetry.span
    assert span.status.status_code is trace.StatusCode.ERROR
    assert span.status.description == "gone"
    assert attributes(span)["error.type"] == "OSError"
    (point,) = telemetry.points("gen_ai.client.operation.duration")
    assert (point.attributes or {})["error.type"] == "OSError"


def test_an_error_of_ours_is_told_by_its_full_name(telemetry: Telemetry) -> None:
    answer = rxs.from_recording("19-server-killed", speed=None)
    with pytest.raises(rxs.ConnectionLost):
        rxs.run(answer.pipe(measure_stream(telemetry.export())))
    told = attributes(telemetry.span)
    assert told["error.type"] == "rxstream.errors.ConnectionLost"
    assert "gen_ai.usage.output_tokens" not in told
    assert "gen_ai.response.finish_reasons" not in told
    assert telemetry.points("gen_ai.client.token.usage") == []


def test_an_answer_that_was_refused_has_no_first_chunk(telemetry: Telemetry) -> None:
    with pytest.raises(OSError, match="gone"):
        rxs.run(Source([], fail).observable.pipe(measure_stream(telemetry.export())))
    assert telemetry.span.name == "chat"
    assert "gen_ai.response.time_to_first_chunk" not in attributes(telemetry.span)
    assert set(telemetry.units()) == {"gen_ai.client.operation.duration"}


def test_a_stream_that_was_left_is_no_error(telemetry: Telemetry) -> None:
    source = Source(["a", "b"], stall)
    rxs.run(source.observable.pipe(measure_stream(telemetry.export()), ops.take(1)))
    assert telemetry.span.status.status_code is trace.StatusCode.UNSET
    assert attributes(telemetry.span)["rxstream.ended"] == "left"
    assert source.closed == [1]


@pytest.mark.anyio
async def test_of_a_stream_that_nobody_read_there_is_nothing_to_tell(telemetry: Telemetry) -> None:
    async with rxs.open_stream(rxs.from_stream(["a"]).pipe(measure_stream(telemetry.export()))):
        pass
    assert telemetry.spans == []
    assert telemetry.points("gen_ai.client.operation.duration") == []


def test_only_the_last_metrics_are_told(telemetry: Telemetry) -> None:
    rxs.run(rxs.from_stream(["a"] * 5).pipe(measure_stream(telemetry.export(), every=1e-9)))
    assert len(telemetry.spans) == 1


def test_restarts_and_cost_are_told_and_a_guess_is_no_measurement(telemetry: Telemetry) -> None:
    usage = StreamChunk("", usage=Usage(10, 5, 15, estimated=True))
    items = [StreamChunk("a", model="m"), Restarted(2), StreamChunk("a"), usage]
    prices = {"m": Price(1, 2)}
    rxs.run(rxs.from_stream(items).pipe(measure_stream(telemetry.export(), prices=prices)))
    told = attributes(telemetry.span)
    assert told["rxstream.restarts"] == 1
    assert told["rxstream.cost"] == pytest.approx(20 / 1e6)
    assert told["rxstream.cost_estimated"] is True
    assert (told["gen_ai.usage.output_tokens"], told["rxstream.usage.estimated"]) == (5, True)
    assert telemetry.points("gen_ai.client.token.usage") == []


# ---------------------------------------------------------------- where it belongs


@pytest.mark.anyio
@pytest.mark.parametrize("ending", ["completed", "left"])
async def test_the_span_belongs_to_the_one_in_which_the_stream_was_read(
    telemetry: Telemetry, ending: str
) -> None:
    tracer = telemetry.tracer_provider.get_tracer("test")
    answer = rxs.from_stream(["a", "b"]).pipe(measure_stream(telemetry.export()))
    with tracer.start_as_current_span("outer"):
        async with rxs.open_stream(answer) as items:
            with tracer.start_as_current_span("reading") as reading:
                async for _ in items:
                    if ending == "left":
                        break
    told = next(span for span in telemetry.spans if span.name == "chat")
    assert told.parent is not None
    assert told.parent.span_id == reading.get_span_context().span_id


def test_a_histogram_leads_to_its_span(telemetry: Telemetry) -> None:
    rxs.run(rxs.from_stream(["a"]).pipe(measure_stream(telemetry.export())))
    context = telemetry.span.get_span_context()
    assert context is not None
    (point,) = telemetry.points("gen_ai.client.operation.duration")
    assert [exemplar.span_id for exemplar in point.exemplars] == [context.span_id]


def test_options_are_told(telemetry: Telemetry) -> None:
    export = telemetry.export(
        provider="azure.ai.openai",
        operation="text_completion",
        request_attributes={
            "gen_ai.request.model": "mine",
            "gen_ai.request.temperature": 0.2,
            "server.address": "example.org",
            "server.port": 443,
        },
    )
    rxs.run(rxs.from_stream(["a"]).pipe(measure_stream(export)))
    assert telemetry.span.name == "text_completion mine"
    assert attributes(telemetry.span)["gen_ai.request.temperature"] == 0.2
    (point,) = telemetry.points("gen_ai.client.operation.duration")
    # Not the temperature: each value of it would make a histogram of its own.
    assert dict(point.attributes or {}) == {
        "gen_ai.operation.name": "text_completion",
        "gen_ai.provider.name": "azure.ai.openai",
        "gen_ai.request.model": "mine",
        "server.address": "example.org",
        "server.port": 443,
    }


def test_the_gaps_can_be_left_out(telemetry: Telemetry) -> None:
    rxs.run(rxs.from_stream(["a"] * 3).pipe(measure_stream(telemetry.export(per_chunk=False))))
    assert set(telemetry.units()) == {
        "gen_ai.client.operation.duration",
        "gen_ai.client.operation.time_to_first_chunk",
    }


def test_without_providers_the_global_ones_are_told(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", telemetry.tracer_provider)
    monkeypatch.setattr("opentelemetry.metrics._internal._METER_PROVIDER", telemetry.meter_provider)
    rxs.run(rxs.from_stream(["a"]).pipe(measure_stream(export_otel())))
    assert telemetry.span.name == "chat"
    assert len(telemetry.points("gen_ai.client.operation.duration")) == 1


def test_without_opentelemetry_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ImportError, match=r"pip install 'rxstream\[otel\]'"):
        export_otel()
