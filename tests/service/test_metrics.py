"""Prometheus' text format, read back by a reader that knows the format and nothing of us."""

import re

import pytest

import rxstream as rxs
from rxstream.sansio.prices import Price
from rxstream.service.metrics import Counter, ServiceMetrics

pytestmark = pytest.mark.anyio

LINE = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)')


def read(text: str) -> dict[str, float]:
    """Read samples by their name and labels; check that each has its type before it."""
    found: dict[str, float] = {}
    types: dict[str, str] = {}
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            types[name] = kind
        elif not line.startswith("# HELP "):
            match = LINE.fullmatch(line)
            assert match, line
            name, labels, value = match.groups()
            base = re.sub("_(bucket|sum|count)$", "", name)
            assert name in types or types[base] == "histogram"
            found[f"{name}{{{labels}}}" if labels else name] = float(value)
    return found


def metrics() -> ServiceMetrics:
    return ServiceMetrics(open_streams=lambda: 3, waiting=lambda: 0)


def test_all_is_there_before_anything_has_happened() -> None:
    found = read(metrics().text())
    assert found["rxstream_open_streams"] == 3
    assert found["rxstream_restarts_total"] == 0
    assert found['rxstream_gap_seconds_bucket{le="+Inf"}'] == found["rxstream_gap_seconds_count"] == 0


async def test_an_answer_is_counted() -> None:
    counted = metrics()
    chunks = [
        rxs.StreamChunk("Hel", model="m"),
        rxs.StreamChunk("lo", "stop", 1, "m", usage=rxs.Usage(10, 2, 12)),
    ]
    measured = rxs.measure_stream(counted.count_stream, prices={"m": Price(input=1e5, output=2e5)})
    await rxs.collect(rxs.from_stream(chunks).pipe(measured))
    found = read(counted.text())
    assert found['rxstream_streams_total{outcome="completed"}'] == 1
    assert found['rxstream_tokens_total{kind="prompt"}'] == 10
    assert found['rxstream_tokens_total{kind="completion"}'] == 2
    assert found['rxstream_cost_total{currency="$"}'] == pytest.approx(1.4)
    assert found["rxstream_gap_seconds_count"] == 1
    assert found["rxstream_time_to_first_content_seconds_count"] == 1
    assert found["rxstream_stream_duration_seconds_count"] == 1


async def test_an_answer_that_never_came_is_counted_as_what_it_was() -> None:
    def broken() -> list[str]:
        raise OSError

    counted = metrics()
    with pytest.raises(OSError):
        await rxs.to_list(rxs.from_stream(broken).pipe(rxs.measure_stream(counted.count_stream)))
    found = read(counted.text())
    assert found['rxstream_streams_total{outcome="error"}'] == 1
    assert found["rxstream_time_to_first_content_seconds_count"] == 0


def test_buckets_add_up() -> None:
    counted = metrics()
    for status in (200, 200, 404):
        counted.count_request("GET", "/a/{b}", status)
    counted.count_request("EVIL\n", "/", 405)
    found = read(counted.text())
    assert found['rxstream_requests_total{method="GET",route="/a/{b}",status="200"}'] == 2
    assert found['rxstream_requests_total{method="other",route="/",status="405"}'] == 1


def test_labels_are_escaped() -> None:
    counter = Counter("a_total", "What\\ever\nit is", "name")
    counter.add(1.5, 'a"b\\c\nd')
    assert list(counter.lines()) == [
        "# HELP a_total What\\\\ever\\nit is",
        "# TYPE a_total counter",
        'a_total{name="a\\"b\\\\c\\nd"} 1.5',
    ]
