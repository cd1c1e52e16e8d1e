import math
import statistics
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import rxstream as rxs
from rxstream.items import Restarted, StreamChunk, ToolCallDelta, Usage
from rxstream.sansio.answer import Answer
from rxstream.sansio.content import has_content
from rxstream.sansio.meter import Meter
from rxstream.sansio.metrics import Metrics
from rxstream.sansio.prices import Price
from tests.recordings import NAMES, PATHS

MINI = {"mini": Price(1, 10, cached=0.5)}


def measured(
    *items: object, start: float = 0.0, step: float = 1.0, prices: dict[str, Price] | None = None
) -> Metrics:
    """Measure items that come a second apart, the first a second after the start."""
    meter = Meter(prices)
    meter.start(start)
    now = start
    for item in items:
        now += step
        meter.add(item, now)
    return meter.snapshot(now)


def test_before_anything_there_is_nothing() -> None:
    meter = Meter()
    assert not meter.is_started
    metrics = meter.snapshot(5.0)
    assert (metrics.duration, metrics.time_to_first_chunk, metrics.time_to_first_content) == (0.0, None, None)
    assert (metrics.chunks, metrics.tokens, metrics.tokens_estimated, metrics.usage) == (0, 0, True, None)
    assert (metrics.tokens_per_second, metrics.characters_per_second, metrics.cost) == (None, None, None)
    assert (metrics.model, metrics.finish_reason, metrics.started, metrics.ended) == (None, None, None, None)


def test_the_clock_may_begin_anywhere() -> None:
    meter = Meter()
    meter.start(100.0)
    assert meter.is_started
    meter.add("a", 100.5)
    assert meter.snapshot(102.0).time_to_first_content == 0.5
    assert meter.snapshot(102.0).duration == 2.0


def test_a_role_is_the_first_chunk_and_no_content() -> None:
    metrics = measured(StreamChunk("", role="assistant"), StreamChunk("Hi"), StreamChunk("", "stop"))
    assert (metrics.time_to_first_chunk, metrics.time_to_first_content) == (1.0, 2.0)
    assert (metrics.chunks, metrics.content_chunks, metrics.tokens) == (3, 1, 1)
    assert metrics.finish_reason == "stop"


@pytest.mark.parametrize(
    ("item", "characters"),
    [
        ("word", 4),
        (StreamChunk("word"), 4),
        (StreamChunk("", reasoning="hm"), 2),
        (StreamChunk("a", reasoning="hm", refusal="no"), 5),
        (StreamChunk("", tool_calls=(ToolCallDelta(0, "id", "f", '{"a'), ToolCallDelta(arguments='"}'))), 5),
        (StreamChunk("", tool_calls=(ToolCallDelta(0, "id", "f"),)), 0),
        (b"bytes", 0),
        ({"a": 1}, 0),
        (7, 0),
    ],
    ids=str,
)
def test_what_content_is_and_how_much(item: object, characters: int) -> None:
    metrics = measured(item)
    assert has_content(item)
    assert (metrics.content_chunks, metrics.characters) == (1, characters)


@pytest.mark.parametrize("item", ["", b"", None, StreamChunk(""), StreamChunk("", "stop")], ids=repr)
def test_what_no_content_is(item: object) -> None:
    metrics = measured(item)
    assert not has_content(item)
    assert (metrics.chunks, metrics.content_chunks, metrics.time_to_first_content) == (1, 0, None)
    assert metrics.time_to_first_chunk == 1.0


# ---------------------------------------------------------------- times

arrivals = st.lists(
    st.tuples(
        st.floats(min_value=0, max_value=100),
        st.sampled_from(["word", StreamChunk("word"), "", StreamChunk("", "stop"), Restarted(2)]),
    )
)


@given(arrivals)
@example([(0.0, "word"), (0.0, "word")])
@example([(1.0, ""), (1.0, "word"), (0.0, StreamChunk("", "stop")), (2.0, "word")])
def test_the_times_are_those_of_the_arrivals(pattern: list[tuple[float, Any]]) -> None:
    meter = Meter()
    meter.start(10.0)
    now = 10.0
    chunks: list[float] = []
    contents: list[float] = []
    for wait, item in pattern:
        now += wait
        meter.add(item, now)
        if not isinstance(item, Restarted):
            chunks.append(now)
        if has_content(item):
            contents.append(now)
    metrics = meter.snapshot(now + 1)
    gaps = [later - earlier for earlier, later in pairwise(contents)]
    assert metrics.duration == now + 1 - 10
    assert metrics.time_to_first_chunk == (chunks[0] - 10 if chunks else None)
    assert metrics.time_to_first_content == (contents[0] - 10 if contents else None)
    assert (metrics.chunks, metrics.content_chunks) == (len(chunks), len(contents))
    assert metrics.restarts == len(pattern) - len(chunks)
    assert list(metrics.gaps) == gaps
    if gaps:
        assert metrics.gaps.p50 == statistics.median_low(gaps)
        assert metrics.gaps.longest == max(gaps)
    assert metrics.tokens == len(contents)
    assert metrics.tokens_estimated
    writing = contents[-1] - contents[0] if contents else 0
    if writing:
        assert metrics.tokens_per_second is not None
        assert math.isclose(metrics.tokens_per_second, len(gaps) / writing)
        assert metrics.characters_per_second == (metrics.characters - 4) / writing
    else:
        assert (metrics.tokens_per_second, metrics.characters_per_second) == (None, None)


def test_speed_is_of_what_came_behind_the_first_piece() -> None:
    metrics = measured("ab", "abcd", "abcdef", step=0.5)
    assert metrics.tokens_per_second == 2.0
    assert metrics.characters_per_second == 10.0


def test_a_snapshot_keeps_its_moment() -> None:
    meter = Meter()
    meter.start(0.0)
    meter.add("a", 1.0)
    meter.add("b", 2.0)
    early = meter.snapshot(2.0)
    shown = early.summary, list(early.gaps), early.finish_reasons
    meter.add(StreamChunk("c", "stop"), 9.0)
    assert (early.summary, list(early.gaps), early.finish_reasons) == shown
    assert early.characters == 2


# ---------------------------------------------------------------- tokens and usage


def test_tokens_are_guessed_until_the_provider_has_counted_them() -> None:
    meter = Meter()
    meter.start(0.0)
    for second in range(1, 4):
        meter.add(StreamChunk("two words "), float(second))
    assert (meter.snapshot(3.0).tokens, meter.snapshot(3.0).tokens_estimated) == (3, True)
    meter.add(StreamChunk("", usage=Usage(5, 9, 14)), 4.0)
    metrics = meter.snapshot(4.0)
    assert (metrics.tokens, metrics.tokens_estimated, metrics.usage) == (9, False, Usage(5, 9, 14))
    assert metrics.tokens_per_second == 9 * (2 / 3) / 2


def test_an_estimated_usage_is_marked() -> None:
    metrics = measured("a", StreamChunk("", usage=Usage(5, 9, 14, estimated=True)))
    assert (metrics.tokens, metrics.tokens_estimated) == (9, True)


def test_tokens_thought_in_secret_do_not_count_as_speed() -> None:
    usage = StreamChunk("", usage=Usage(5, 104, 109, reasoning_tokens=100))
    assert measured("a", "b", "c", "d", usage).tokens_per_second == 1.0
    thoughts = [StreamChunk("", reasoning="hm") for _ in range(100)]
    shown = measured(*thoughts, "a", "b", "c", "d", usage).tokens_per_second
    assert shown is not None
    assert math.isclose(shown, 1.0)


@pytest.mark.parametrize("name", NAMES)
def test_usage_and_reasons_of_recordings_are_those_of_the_answer(name: str) -> None:
    answer = Answer()
    chunks: list[StreamChunk] = []
    try:
        rxs.run(rxs.from_recording(PATHS[name], speed=None), on_item=chunks.append)
    except rxs.StreamError:
        assert name.startswith(("12", "13", "19", "20", "24"))
    for chunk in chunks:
        answer.add(chunk)
    metrics = measured(*chunks)
    assert metrics.usage == answer.usage
    assert metrics.finish_reasons == answer.finish_reasons
    assert metrics.model == answer.result().model
    assert metrics.response_id == (chunks[-1].id if chunks else None)
    assert metrics.chunks == len(chunks)
    assert metrics.content_chunks == sum(map(has_content, chunks))


def test_usage_of_two_choices_is_that_of_both() -> None:
    metrics = measured(*rxs.run(rxs.from_recording("14-n2", speed=None)))
    assert metrics.usage == Usage(74, 80, 154, cached_tokens=48)
    assert (metrics.tokens, metrics.tokens_estimated) == (80, False)
    assert metrics.finish_reasons == {0: "length", 1: "length"}


chunks_of_answers = st.lists(
    st.builds(
        StreamChunk,
        st.sampled_from(["", "a"]),
        finish_reason=st.sampled_from([None, "stop"]),
        choice=st.integers(0, 2),
        role=st.sampled_from([None, "assistant"]),
        reasoning=st.sampled_from(["", "hm"]),
        logprobs=st.sampled_from([None, {"content": [1]}]),
        usage=st.one_of(st.none(), st.builds(Usage, st.integers(0, 9), st.integers(0, 9))),
    ),
    max_size=8,
)


@given(chunks_of_answers)
@example([StreamChunk("a"), StreamChunk("a", "stop")])
@example([StreamChunk("a"), StreamChunk("a", usage=Usage(1, 2, 3)), StreamChunk("a", choice=1)])
def test_usage_and_reasons_are_those_of_the_answer(chunks: list[StreamChunk]) -> None:
    answer = Answer()
    for chunk in chunks:
        answer.add(chunk)
    metrics = measured(*chunks)
    assert metrics.usage == answer.usage
    assert metrics.finish_reasons == answer.finish_reasons


def test_the_last_model_and_id_that_came_count() -> None:
    metrics = measured(
        StreamChunk("", role="assistant"),
        StreamChunk("a", model="one", id="1"),
        StreamChunk("b", model="two"),
        StreamChunk("c"),
        StreamChunk("", "stop", id="2"),
    )
    assert (metrics.model, metrics.response_id) == ("two", "2")


def test_a_model_that_only_an_empty_chunk_names() -> None:
    assert measured(StreamChunk("a"), StreamChunk("", "stop", model="m")).model == "m"


def test_of_the_content_nothing_is_kept() -> None:
    meter: Any = Meter()
    meter.start(0.0)
    calls = (ToolCallDelta(0, "id", "secret", "secret"),)
    chunks = [
        StreamChunk("secret", "stop", choice=choice, reasoning="secret", tool_calls=calls)
        for choice in (0, 1)
    ]
    for chunk in chunks:
        meter.add(chunk, 1.0)
    for choice in (0, 1):
        kept = meter._answer.result(choice)
        assert (kept.content, kept.reasoning, kept.tool_calls, kept.finish_reason) == ("", "", [], "stop")
    assert chunks[0].content == "secret"


# ---------------------------------------------------------------- cost


def test_the_cost_is_by_the_table() -> None:
    usage = StreamChunk("", model="mini", usage=Usage(100, 20, 120, cached_tokens=40))
    metrics = measured(StreamChunk("a"), usage, prices=MINI)
    assert metrics.cost == pytest.approx((60 * 1 + 40 * 0.5 + 20 * 10) / 1e6)
    assert not metrics.cost_estimated


def test_without_usage_the_cost_is_that_of_the_answer_so_far_and_a_guess() -> None:
    metrics = measured(
        *[StreamChunk("a", model="mini-2026-01-01")] * 3, prices={"mini": Price(1, 10, currency="€")}
    )
    assert metrics.cost == pytest.approx(3 * 10 / 1e6)
    assert metrics.cost_estimated
    assert metrics.currency == "€"


def test_a_guessed_usage_gives_a_guessed_cost() -> None:
    usage = StreamChunk("", model="mini", usage=Usage(100, 20, 120, estimated=True))
    assert measured(usage, prices=MINI).cost_estimated


@pytest.mark.parametrize("model", [None, "other"])
def test_without_a_price_there_is_no_cost(model: str | None) -> None:
    metrics = measured(StreamChunk("a", model=model, usage=Usage(1, 2, 3)), prices=MINI)
    assert (metrics.cost, metrics.cost_estimated) == (None, False)
