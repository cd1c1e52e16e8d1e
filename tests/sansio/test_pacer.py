from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate, pairwise
from typing import Any

import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from rxstream.items import Restarted, StreamChunk, ToolCallDelta, Usage
from rxstream.sansio.pacer import Pacer
from rxstream.testing import assert_linear

LAG, TICK = 0.5, 0.02

Timed = list[tuple[float, Any]]


def text_of(item: Any) -> str:
    return item.content if isinstance(item, StreamChunk) else item if isinstance(item, str) else ""


def pace(arrivals: Iterable[tuple[float, Any]], *, lag: float = LAG, tick: float = TICK) -> Timed:
    """Let items come at their times, to a reader that is always there; give what came out, and when."""
    pacer = Pacer(max_lag=lag, interval=tick)
    out: Timed = []

    def run_until(end: float) -> None:
        while (at := pacer.next_at()) is not None and at <= end:
            out.extend((at, item) for item in pacer.due(at))

    now = 0.0
    for now, item in arrivals:
        run_until(now)
        pacer.add(now, item)
        out.extend((now, one) for one in pacer.due(now))
    pacer.finish()
    out.extend((now, one) for one in pacer.due(now))
    run_until(now + 2 * lag)
    assert pacer.is_empty
    assert pacer.waiting == 0
    assert pacer.next_at() is None
    return out


def lags(arrivals: Timed, out: Timed) -> list[float]:
    """Say how long each character waited."""
    came = [at for at, item in arrivals for _ in text_of(item)]
    went = [at for at, item in out for _ in text_of(item)]
    return [after - before for before, after in zip(came, went, strict=True)]


# ---------------------------------------------------------------- the flow


def test_a_burst_comes_out_evenly_and_in_time() -> None:
    out = pace([(0.0, "a" * 1000)])
    sizes = [len(item) for _, item in out]
    assert len(sizes) == 26
    assert [round(at / TICK) for at, _ in out] == [*range(26)]
    # First what halves the usual lag, later what the deadline asks for.
    assert sizes[0] == 80
    assert sizes == sorted(sizes, reverse=True)
    assert max(lags([(0.0, "a" * 1000)], out)) == pytest.approx(LAG)


def test_the_usual_lag_is_half_the_bound() -> None:
    arrivals: Timed = [(number * 0.1, "a" * 100) for number in range(60)]
    steady = lags(arrivals, pace(arrivals))[2000:5000]
    assert sum(steady) / len(steady) == pytest.approx(LAG / 2, rel=0.2)


def test_text_that_comes_now_and_then_comes_out_at_once() -> None:
    assert pace([(0.0, "a\n"), (5.0, "b\n")])[0] == (0.0, "a")
    assert pace([(0.0, "\n"), (5.0, "\n")]) == [(0.0, "\n"), (5.0, "\n")]


def test_a_slice_at_each_tick_and_none_between() -> None:
    out = pace([(0.0, "abc\n"), (0.001, "def\n"), (0.019, "ghi\n")])
    assert [round(at / TICK, 6) for at, _ in out] == [*range(12)]
    assert "".join(item for _, item in out) == "abc\ndef\nghi\n"


def test_one_interval_may_be_the_whole_lag() -> None:
    assert pace([(0.0, "abc\n"), (0.1, "def\n")], lag=0.5, tick=0.5) == [(0.0, "abc\n"), (0.5, "def\n")]


# ---------------------------------------------------------------- a reader that comes late


def test_a_late_reader_gets_what_would_have_come_out_meanwhile() -> None:
    text = "a" * 999 + "\n"
    whole = pace([(0.0, text)])
    for late in (0.02, 0.1, 0.3, 0.41, 0.5, 7.0):
        pacer = Pacer(max_lag=LAG, interval=TICK)
        pacer.add(0.0, text)
        got = pacer.due(0.0) + pacer.due(late)
        assert "".join(got) == "".join(item for at, item in whole if at <= late + 1e-6)
    assert pacer.is_empty


def test_what_came_while_the_reader_was_away_has_waited() -> None:
    pacer = Pacer(max_lag=LAG, interval=TICK)
    pacer.add(0.0, "\n")
    assert pacer.due(0.0) == ["\n"]
    # Nothing waits, and yet it asks to be asked: that shows that the reader is away.
    assert pacer.next_at() == pytest.approx(TICK)
    assert pacer.due(3.0) == []
    pacer.add(3.0, "a" * 100 + "\n")
    assert pacer.due(3.0) == ["a" * 100 + "\n"]
    # And a little later it is there.
    assert pacer.due(3.02) == []
    assert pacer.next_at() is None
    pacer.add(3.1, "a" * 100 + "\n")
    assert pacer.due(3.1) == ["a" * 9]


def test_what_is_added_behind_a_late_tick_is_due_sooner() -> None:
    pacer = Pacer(max_lag=LAG, interval=TICK)
    pacer.add(0.0, "a" * 1000)
    pacer.due(0.0)
    pacer.due(0.4)
    pacer.add(0.4, "b" * 100 + "\n")
    out: list[str] = []
    while pacer.waiting:
        out += pacer.due(pacer.next_at() or 0.0)
    # Its tick at 0.02 was the first to come late.
    assert pacer.next_at() == pytest.approx(0.02 + LAG + TICK)


def test_a_source_that_pauses_is_no_late_reader() -> None:
    assert len(pace([(0.0, "a\n"), (3.0, "a" * 100 + "\n")])) > 20


# ---------------------------------------------------------------- clusters


@pytest.mark.parametrize(
    ("pieces", "slices"),
    [
        (["e", "\u0301", "x\n"], ["e\u0301", "x", "\n"]),
        (["a\r", "\nb\n"], ["a", "\r\n", "b", "\n"]),
        (["🇩", "🇪", "🇫🇷\n"], ["🇩🇪", "🇫🇷", "\n"]),
        (["👩", "\u200d", "🚀!\n"], ["👩\u200d🚀", "!", "\n"]),
    ],
    ids=["accent", "line", "flags", "joined"],
)
def test_a_cluster_in_pieces_comes_out_whole(pieces: list[str], slices: list[str]) -> None:
    out = pace([(number * 0.1, piece) for number, piece in enumerate(pieces)])
    assert [item for _, item in out] == slices


def test_a_cluster_waits_for_its_end_no_longer_than_the_lag() -> None:
    out = pace([(0.0, "ab"), (2.0, "\u0301"), (2.1, "\u0301c"), (2.2, "\n")])
    assert [item for _, item in out] == ["a", "b", "\u0301\u0301", "c", "\n"]
    assert out[1][0] == pytest.approx(LAG)
    assert out[2][0] == pytest.approx(2.1)


def test_what_goes_on_behind_a_cut_is_not_cut_again() -> None:
    out = pace([(0.0, "🇩"), (2.0, "🇪🇫🇷🇬"), (2.1, "🇧\n")])
    assert [item for _, item in out] == ["🇩", "🇪", "🇫🇷", "🇬🇧", "\n"]


def test_the_end_of_a_cut_cluster_may_have_been_cut_exactly() -> None:
    out = pace([(0.0, "a"), (2.0, "b\n")])
    assert [item for _, item in out] == ["a", "b", "\n"]


@pytest.mark.parametrize(
    "behind",
    [
        StreamChunk("", "stop"),
        StreamChunk("", reasoning="Hm"),
        StreamChunk("", refusal="No"),
        StreamChunk("", tool_calls=(ToolCallDelta(0),)),
        StreamChunk("x\n", choice=1),
        "x\n",
    ],
    ids=str,
)
def test_no_cluster_waits_where_its_text_is_over(behind: Any) -> None:
    out = pace([(0.0, StreamChunk("a")), (0.1, behind)])
    assert out[:2] == [(0.0, StreamChunk("a")), (0.1, behind)] or out[0] == (0.1, StreamChunk("a"))
    assert out[-1][0] <= 0.1 + 2 * TICK


@pytest.mark.parametrize("behind", [StreamChunk(""), StreamChunk("", role="user")], ids=["empty", "role"])
def test_an_item_that_ends_no_text_waits_behind_it(behind: StreamChunk) -> None:
    out = pace([(0.0, StreamChunk("e")), (0.1, behind), (0.2, StreamChunk("\u0301", index=1)), (0.3, "\n")])
    assert [item for _, item in out[:-1]] == [
        StreamChunk("e\u0301"),
        behind,
        StreamChunk("", index=1),
    ]


def test_text_behind_a_choice_s_end_is_a_new_text() -> None:
    pacer = Pacer(max_lag=LAG, interval=TICK)
    for chunk in (StreamChunk("a", "stop"), StreamChunk("\u0301\n")):
        pacer.add(0.0, chunk)
    assert pacer.flush() == [StreamChunk("a", "stop"), StreamChunk("\u0301\n")]


def test_the_end_of_another_choice_ends_no_text() -> None:
    pacer = Pacer(max_lag=LAG, interval=TICK)
    for chunk in (StreamChunk("a"), StreamChunk("", "stop", choice=1), StreamChunk("\u0301\n")):
        pacer.add(0.0, chunk)
    assert pacer.flush() == [StreamChunk("a\u0301"), StreamChunk("", "stop", choice=1), StreamChunk("\n")]


# ---------------------------------------------------------------- other items


def test_what_has_no_text_passes_at_once_or_behind_the_text() -> None:
    role, end, usage = (
        StreamChunk("", role="assistant"),
        StreamChunk("", "stop"),
        StreamChunk("", usage=Usage(1, 2, 3)),
    )
    out = pace([(0.0, role), (0.1, StreamChunk("a" * 100)), (0.1, end), (0.1, usage)])
    assert out[0] == (0.0, role)
    assert [item for _, item in out[-3:]] == [out[-3][1], end, usage]
    assert out[-1][0] == out[-3][0] > 0.1


def test_an_empty_text_is_none() -> None:
    assert pace([(0.0, ""), (0.1, "")]) == []


def test_a_str_of_another_class_is_text() -> None:
    class Word(str):
        __slots__ = ()

    assert pace([(0.0, Word("a\n"))], lag=0.02) == [(0.0, "a\n")]


def test_a_restart_drops_what_waits_and_passes() -> None:
    pacer = Pacer(max_lag=LAG, interval=TICK)
    pacer.add(0.0, "a" * 100)
    first = pacer.due(0.0)
    pacer.add(0.01, Restarted(2))
    assert pacer.due(0.01) == [Restarted(2)]
    assert pacer.waiting == 0
    pacer.add(0.02, "\u0301\n")
    assert [*first, *pacer.flush()] == ["a" * 8, "\u0301\n"]


def test_all_that_waits_is_there_when_it_is_asked_for() -> None:
    pacer = Pacer(max_lag=LAG, interval=TICK)
    for item in ("a" * 100, "b", StreamChunk("c", index=1), StreamChunk("", "stop"), "d"):
        pacer.add(0.0, item)
    assert pacer.flush() == ["a" * 100 + "b", StreamChunk("c", index=1), StreamChunk("", "stop"), "d"]
    assert pacer.is_empty


@pytest.mark.parametrize("item", [1, None, b"a", ["a"]], ids=repr)
def test_what_is_no_text_is_refused(item: Any) -> None:
    pacer = Pacer(max_lag=LAG, interval=TICK, operator="pace_stream()")
    with pytest.raises(
        TypeError, match=r"pace_stream\(\) works on text: it expects str or StreamChunk items"
    ):
        pacer.add(0.0, item)


# ---------------------------------------------------------------- laws

KINDS = ("a", "b ", "\n", "\r", "\u0301", "\u200d", "👩", "🇩", "🇪", "🏽", "\u1100", "\u1161", "क", "\u094d")
WAITS = st.sampled_from([0.0, 0.0, 0.001, 0.01, 0.02, 0.07, 0.3, 0.47, 0.6, 3.0])
TEXTS = st.lists(st.sampled_from(KINDS), max_size=8).map("".join) | st.just("word " * 40)
CHUNKS = st.builds(
    StreamChunk,
    TEXTS,
    st.sampled_from([None, None, None, "stop"]),
    choice=st.sampled_from([0, 0, 0, 1]),
    reasoning=st.sampled_from(["", "", "Hm"]),
    tool_calls=st.sampled_from([(), (), (ToolCallDelta(0, arguments="{"),)]),
    usage=st.sampled_from([None, Usage(1, 2, 3)]),
    role=st.sampled_from([None, "assistant"]),
    refusal=st.sampled_from(["", "No"]),
    logprobs=st.sampled_from([None, {"content": []}]),
)


def timed(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Timed]:
    def add_up(pairs: list[tuple[float, Any]]) -> Timed:
        times = accumulate(wait for wait, _ in pairs)
        return [(at, item) for at, (_, item) in zip(times, pairs, strict=True)]

    return st.lists(st.tuples(WAITS, items), max_size=20).map(add_up)


LIMITS = st.sampled_from([(0.5, 0.02), (0.5, 0.5), (0.3, 0.1), (1.0, 0.3), (0.05, 0.02)])


@given(timed(TEXTS), LIMITS)
@example([(0.0, "🇩"), (0.6, "🇪🇩"), (0.9, "🇪🇩🇪")], (0.5, 0.02))
def test_text_is_lossless_in_time_and_whole(arrivals: Timed, limits: tuple[float, float]) -> None:
    lag, tick = limits
    out = pace(arrivals, lag=lag, tick=tick)
    text = "".join(item for _, item in arrivals)
    assert "".join(item for _, item in out) == text
    assert all(item for _, item in out)
    waited = lags(arrivals, out)
    assert max(waited, default=0) <= lag + 1e-6
    assert all(after - before >= tick - 1e-6 for (before, _), (after, _) in pairwise(out))
    starts = [0, *accumulate(map(len, regex.findall(r"\X", text)))]
    for cut in accumulate(len(item) for _, item in out):
        start = starts[bisect_right(starts, cut) - 1]
        # Cut is only a cluster that could wait no longer.
        assert start == cut or max(waited[start:cut]) > lag - 2 * tick


def values_of(field: str, chunks: list[StreamChunk]) -> list[Any]:
    return [(getattr(chunk, field), chunk.index, chunk.choice) for chunk in chunks if getattr(chunk, field)]


@given(timed(CHUNKS))
def test_chunks_lose_nothing(arrivals: Timed) -> None:
    for number, (_, chunk) in enumerate(arrivals):
        chunk.index = number
    out = pace(arrivals)
    came, went = [item for _, item in arrivals], [item for _, item in out]
    assert max(lags(arrivals, out), default=0) <= LAG + 1e-6
    fields = ("reasoning", "role", "finish_reason", "usage", "tool_calls", "refusal", "logprobs")
    for field in fields:
        assert values_of(field, went) == values_of(field, came)
    for choice in (0, 1):
        assert "".join(chunk.content for chunk in went if chunk.choice == choice) == "".join(
            chunk.content for chunk in came if chunk.choice == choice
        )
    assert [chunk.index for chunk in went] == sorted(chunk.index for chunk in went)
    # A chunk's text may only move into the one before it, as part of a cluster.
    assert {chunk.index for chunk in went} == {chunk.index for chunk in came}


# ---------------------------------------------------------------- cost


class _Paced:
    """A pacer as a machine whose pieces come every millisecond."""

    def __init__(self) -> None:
        self.pacer = Pacer(max_lag=LAG, interval=TICK)
        self.now = 0.0

    def feed(self, chunk: str) -> list[str]:
        self.now += 0.001
        self.pacer.add(self.now, chunk)
        return self.pacer.due(self.now)

    def close(self) -> list[str]:
        return self.pacer.flush()


@pytest.mark.parametrize("piece", ["word ", "日本e\u0301", "\u0301"], ids=["ascii", "clusters", "marks"])
@pytest.mark.parametrize("size", [1, 5, None])
def test_the_cost_grows_with_the_text(piece: str, size: int | None) -> None:
    def chunks(length: int) -> list[str]:
        text = piece * (length // len(piece))
        step = size or len(text) or 1
        return [text[start : start + step] for start in range(0, len(text), step)]

    assert_linear(_Paced, chunks, shape=piece)


def test_a_huge_piece_is_paced_like_any_other() -> None:
    text = "日本e\u0301, " * 40_000
    out = pace([(0.0, text)])
    assert "".join(item for _, item in out) == text
    assert len(out) == 26
