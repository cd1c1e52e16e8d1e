"""The pacing of streams, in virtual time; and what it makes of every recording."""

# What travels through Rx is of any type, and so is what lambdas among its operators get.
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import pairwise
from math import inf
from statistics import fmean, pvariance
from typing import Any

import anyio
import pytest
import reactivex as rx
from hypothesis import given, settings
from hypothesis import strategies as st
from reactivex import Observable
from reactivex.scheduler import ImmediateScheduler

import rxstream as rxs
from rxstream.engine.observable import StreamObservable
from rxstream.flow.pace import pace_stream
from rxstream.items import Restarted, StreamChunk
from rxstream.testing import VirtualClock, check_operator
from tests.engine.sources import Backend, Source, ops, read, read_until_error
from tests.laws.source import Source as Counted
from tests.laws.source import nothing_left, stall
from tests.recordings import NAMES, PATHS

LAG, TICK = 0.5, 0.02

Timed = list[tuple[float, Any]]


def timed(arrivals: Sequence[tuple[float, Any]], error: Exception | None = None) -> Observable[Any]:
    """Make a source whose items come so many seconds after its start; an ``Exception`` ends it."""

    async def source() -> AsyncIterator[Any]:
        start = anyio.current_time()
        for at, item in arrivals:
            await anyio.sleep_until(start + at)
            yield item
        if error is not None:
            raise error

    return rxs.from_stream(source)


def watch(
    stream: Observable[Any],
    backend: Backend = "asyncio",
    *,
    each: float = 0.0,
) -> tuple[Timed, Exception | None]:
    """Read a stream, and take so long for each item; give what came, and when, and how it ended."""

    async def main() -> tuple[Timed, Exception | None]:
        start = anyio.current_time()
        seen: Timed = []
        try:
            async with rxs.open_stream(stream) as items:
                async for item in items:
                    seen.append((round(anyio.current_time() - start, 6), item))
                    await anyio.sleep(each)
        except Exception as error:
            return seen, error
        seen.append((round(anyio.current_time() - start, 6), None))
        return seen, None

    return VirtualClock().run(main, backend=backend)


def joined(seen: Timed) -> str:
    return "".join(item.content if isinstance(item, StreamChunk) else item or "" for _, item in seen)


# ---------------------------------------------------------------- the laws of streams


@pytest.mark.parametrize(
    "items",
    [
        ["e", "\u0301 🇩", "🇪 x\r", "\n"],
        [StreamChunk("", role="assistant"), StreamChunk("One "), StreamChunk("two"), StreamChunk("", "stop")],
    ],
    ids=["text", "chunks"],
)
@pytest.mark.parametrize("options", [{}, {"max_lag": 5}, {"max_chars": 1}], ids=str)
def test_the_laws_hold(items: list[Any], options: dict[str, Any]) -> None:
    # A source with a timer behind it is asked for one item ahead. The text is so short that each slice is one
    # cluster, whenever the reader comes.
    check_operator(pace_stream(**options), items, join="".join, ahead=1)


def test_the_laws_hold_between_stock_operators() -> None:
    def between(source: Observable[str]) -> Observable[str]:
        return source.pipe(ops.map(lambda text: text), pace_stream(), ops.map(lambda text: text))

    check_operator(between, ["One ", "tw", "o."], join="".join, ahead=1)


def test_one_behind_another_is_one(anyio_backend: Backend) -> None:
    seen, _ = watch(timed([(0.0, "a" * 1000)]).pipe(pace_stream(), pace_stream()), anyio_backend)
    assert joined(seen) == "a" * 1000
    assert seen[-1][0] <= 2 * LAG


def test_take_closes_the_source_before_the_end_is_seen(anyio_backend: Backend) -> None:
    source = Counted(["abc" * 10], stall)

    async def main() -> None:
        with nothing_left():
            async with rxs.open_stream(source.observable.pipe(pace_stream(), ops.take(2))) as items:
                found = [item async for item in items]
                assert source.closed == [1]
        assert found == ["abc", "abc"]

    VirtualClock().run(main, backend=anyio_backend)


def test_a_reader_that_leaves_leaves_no_timer(anyio_backend: Backend) -> None:
    source = Counted(["a" * 100], stall)

    async def main() -> float:
        with nothing_left():
            async with rxs.open_stream(source.observable.pipe(pace_stream())) as items:
                await anext(items)
        assert source.closed == [1]
        return anyio.current_time()

    assert VirtualClock().run(main, backend=anyio_backend) < TICK


def test_one_that_was_left_lets_go_of_its_timer_while_others_go_on(anyio_backend: Backend) -> None:
    pending: list[bool] = []

    def look(observer: Any, scheduler: Any = None) -> Any:
        pending.append(bool(scheduler.pump.timers))
        observer.on_completed()

    first = timed([(0.0, "a" * 100)]).pipe(pace_stream(), ops.take(1))
    stream = first.pipe(ops.concat(StreamObservable(look)))
    assert VirtualClock().run(read, stream, backend=anyio_backend) == ["a" * 8]
    assert pending == [False]


def test_a_cancelled_read_is_no_error(anyio_backend: Backend) -> None:
    source = Counted(["a" * 100], stall)
    errors: list[Exception] = []

    async def main() -> list[str]:
        came: list[str] = []
        with nothing_left(), anyio.move_on_after(0.1):
            async with rxs.open_stream(
                source.observable.pipe(pace_stream(), ops.do_action(on_error=errors.append))
            ) as items:
                async for item in items:
                    came.append(item)  # noqa: PERF401 - what came before the cancellation is kept
        assert source.closed == [1]
        return came

    assert len(VirtualClock().run(main, backend=anyio_backend)) in {5, 6}
    assert errors == []


def test_two_subscriptions_are_independent(anyio_backend: Backend) -> None:
    stream = timed([(0.0, "a" * 50), (0.3, "b" * 50)]).pipe(pace_stream())
    both = rx.merge(
        stream.pipe(ops.map(lambda item: (1, item))), stream.pipe(ops.map(lambda item: (2, item)))
    )
    found = VirtualClock().run(read, both, backend=anyio_backend)
    alone = VirtualClock().run(read, stream, backend=anyio_backend)
    for which in (1, 2):
        assert [item for number, item in found if number == which] == alone


# ---------------------------------------------------------------- ends


def test_the_end_comes_when_all_is_out(anyio_backend: Backend) -> None:
    seen, error = watch(timed([(1.0, "a" * 100)]).pipe(pace_stream()), anyio_backend)
    assert error is None
    assert joined(seen) == "a" * 100
    assert seen[0] == (1.0, "a" * 8)
    assert seen[-1][0] == seen[-2][0] <= 1.0 + LAG


@pytest.mark.parametrize("arrivals", [[], [(1.0, "")], [(1.0, "a\n")]], ids=["none", "empty", "out"])
def test_an_end_with_nothing_waiting_comes_at_once(
    arrivals: Sequence[tuple[float, str]], anyio_backend: Backend
) -> None:
    stream = timed(arrivals).pipe(pace_stream(max_lag=TICK))
    seen, _ = watch(stream, anyio_backend)
    assert seen == [
        *[(at, item) for at, item in arrivals if item],
        (arrivals[0][0] if arrivals else 0.0, None),
    ]


def test_an_error_comes_behind_what_was_held_and_at_once(anyio_backend: Backend) -> None:
    gone = OSError("gone")
    arrivals = [(1.0, "a" * 100), (1.1, "e")]
    seen, error = watch(timed(arrivals, gone).pipe(pace_stream()), anyio_backend)
    assert error is gone
    assert joined(seen) == "a" * 100 + "e"
    assert seen[-1][0] == 1.1


def test_a_restart_drops_what_was_held(anyio_backend: Backend) -> None:
    arrivals = [(0.0, "a" * 100), (0.01, Restarted(2)), (0.02, "b\n")]
    seen, _ = watch(timed(arrivals).pipe(pace_stream()), anyio_backend)
    assert [item for _, item in seen] == ["a" * 8, Restarted(2), "b", "\n", None]
    assert seen[1][0] == 0.01


def test_an_item_that_is_no_text_is_an_error_behind_the_text(anyio_backend: Backend) -> None:
    source = Source(["abc", 1, "def"])
    found, error = VirtualClock().run(read_until_error, source.pipe(pace_stream()), backend=anyio_backend)
    assert "".join(found) == "abc"
    assert isinstance(error, TypeError)
    assert str(error).startswith(
        "pace_stream() works on text: it expects str or StreamChunk items, and got int"
    )
    assert source.closed == 1


def test_a_source_that_goes_on_behind_its_error_is_not_heard() -> None:
    def misbehave(observer: Any, scheduler: Any = None) -> Any:
        for item in ("abc", 1, "def", 2):
            observer.on_next(item)
        observer.on_completed()

    found, error = VirtualClock().run(read_until_error, pace_stream()(rx.create(misbehave)))
    assert "".join(found) == "abc"
    assert isinstance(error, TypeError)


# ---------------------------------------------------------------- the reader, and the source


def test_nothing_is_held_from_a_reader_that_is_behind(anyio_backend: Backend) -> None:
    """It takes a second for each item, and the source brings a hundred of them a second."""
    pieces = [f"{number:09}\n" for number in range(40)]
    stream = timed([(number * 0.01, piece) for number, piece in enumerate(pieces)]).pipe(pace_stream())
    seen, _ = watch(stream, anyio_backend, each=1.0)
    assert joined(seen) == "".join(pieces)
    # Pacing costs the slow reader no more reads than there are items, but for the first ones.
    assert len(seen) - 1 <= len(pieces) + 2


def test_a_reader_that_was_away_gets_all_that_was_due(anyio_backend: Backend) -> None:
    async def main() -> list[str]:
        async with rxs.open_stream(timed([(0.0, "a" * 1000)]).pipe(pace_stream())) as items:
            first = await anext(items)
            await anyio.sleep(10)
            return [first, *[item async for item in items]]

    first, *rest = VirtualClock().run(main, backend=anyio_backend)
    assert first == "a" * 80
    # The source had no chance to say that this was all.
    assert rest == ["a" * 920]


@pytest.mark.parametrize("max_chars", [1, 100, 1000])
def test_the_source_is_asked_for_no_more_than_may_wait(max_chars: int, anyio_backend: Backend) -> None:
    source = Source(["a" * 50] * 100, pause=None)
    waiting: list[int] = []

    async def main() -> int:
        out = 0
        async with rxs.open_stream(source.pipe(pace_stream(max_chars=max_chars))) as items:
            async for item in items:
                waiting.append(source.produced * 50 - out)
                out += len(item)
        return out

    assert VirtualClock().run(main, backend=anyio_backend) == 5000
    # Two more may come: one that brings it over the limit, one that was asked for before.
    assert max(waiting) <= max_chars + 2 * 50
    assert source.closed == 1


def test_it_finds_the_pump_behind_an_operator_with_a_scheduler_of_its_own(anyio_backend: Backend) -> None:
    stream = timed([(0.0, "abc"), (0.1, "def")]).pipe(pace_stream(), ops.subscribe_on(ImmediateScheduler()))
    assert "".join(VirtualClock().run(read, stream, backend=anyio_backend)) == "abcdef"


WAITS = st.sampled_from([0.0, 0.0, 0.001, 0.013, 0.02, 0.2, 0.7])
ARRIVALS = st.lists(
    st.tuples(WAITS, st.sampled_from(["a", "word ", "e\u0301", "🇩", "\r", "x" * 200])), max_size=12
)


@given(ARRIVALS, st.sampled_from(["asyncio", "trio"]), st.sampled_from([0.0, 0.01, 0.3]))
@settings(max_examples=40)
def test_the_text_is_the_same_however_it_comes_and_is_read(
    waits: list[tuple[float, str]], backend: Backend, each: float
) -> None:
    at, arrivals = 0.0, list[tuple[float, str]]()
    for wait, text in waits:
        at += wait
        arrivals.append((at, text))
    seen, error = watch(timed(arrivals).pipe(pace_stream(max_lag=0.2)), backend, each=each)
    assert error is None
    assert joined(seen) == "".join(text for _, text in waits)
    if not each:
        assert max(_lags(arrivals, seen), default=0.0) <= 0.2 + 1e-6


# ---------------------------------------------------------------- arguments

NONSENSE: Any = [
    ({"max_lag": 0}, ValueError, "max_lag to be more than 0 seconds, and finite, and got 0"),
    ({"max_lag": -1.0}, ValueError, "got -1.0"),
    ({"max_lag": inf}, ValueError, "got inf"),
    ({"max_lag": float("nan")}, ValueError, "got nan"),
    ({"max_lag": "1"}, TypeError, "max_lag to be a number of seconds and got '1'"),
    ({"interval": 0}, ValueError, "interval to be more than 0 seconds"),
    ({"interval": True}, TypeError, "interval to be a number of seconds and got True"),
    ({"interval": None}, TypeError, "got None"),
    ({"interval": 1, "max_lag": 0.5}, ValueError, "got interval=1 and max_lag=0.5"),
    ({"max_chars": 0}, ValueError, "max_chars to be at least 1 and got 0"),
    ({"max_chars": 1.5}, TypeError, "max_chars to be a whole number and got 1.5"),
    ({"max_chars": True}, TypeError, "got True"),
]


@pytest.mark.parametrize(("options", "error", "message"), NONSENSE, ids=str)
def test_nonsense_is_refused_at_once(options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        pace_stream(**options)
    assert str(caught.value).startswith("pace_stream() expects ")


# ---------------------------------------------------------------- every recording


def _lags(came: Timed, went: Timed) -> list[float]:
    """Say how long each character waited."""
    before = [at for at, item in came for _ in joined([(at, item)])]
    after = [at for at, item in went for _ in joined([(at, item)])]
    assert len(before) == len(after)
    return [late - early for early, late in zip(before, after, strict=True)]


def _flow(seen: Timed, start: float, end: float) -> list[int]:
    """Count the characters of each 50 milliseconds."""
    window = 0.05
    counts = Counter[int]()
    for at, item in seen:
        counts[int((at - start) / window + 1e-6)] += len(joined([(at, item)]))
    return [counts[number] for number in range(int((end - start) / window + 1e-6) + 1)]


def _replay(
    name: str, backend: Backend, before: Callable[[Observable[Any]], Observable[Any]]
) -> tuple[Timed, Timed, Exception | None]:
    """Play a recording through the pacer; give what went in and what came out, and when."""
    came: Timed = []

    def note(item: StreamChunk) -> None:
        came.append((round(anyio.current_time() - start[0], 6), item))

    start: list[float] = []

    async def begin() -> AsyncIterator[None]:
        start.append(anyio.current_time())
        return
        yield

    recorded: Any = rxs.from_recording(PATHS[name])
    noted = rx.concat(rxs.from_stream(begin), before(recorded).pipe(ops.do_action(note)))
    seen, error = watch(noted.pipe(pace_stream()), backend)
    return came, [pair for pair in seen if pair[1] is not None], error


def as_recorded(source: Observable[Any]) -> Observable[Any]:
    return source


def in_bursts(seconds: float) -> Callable[[Observable[Any]], Observable[Any]]:
    """Deliver as a proxy that buffers does: all of so many seconds at once."""

    def operator(source: Observable[Any]) -> Observable[Any]:
        return source.pipe(ops.buffer_with_time(seconds), ops.flat_map(rx.from_iterable))

    return operator


FIELDS = ("reasoning", "role", "finish_reason", "usage", "tool_calls", "refusal", "logprobs")

#: Without text, or refused: there is nothing to pace.
SILENT = {
    "07-tool-calls-parallel",
    "08-tool-call-single",
    "12-error-context",
    "13-error-n",
    "18-responses-tool",
    "20-error-401",
    "24-responses-bad-item",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_loses_nothing_and_no_time(name: str, anyio_backend: Backend) -> None:
    came, went, error = _replay(name, anyio_backend, as_recorded)
    bare, bare_error = watch(rxs.from_recording(PATHS[name]), anyio_backend)
    assert [item for _, item in came] == [item for _, item in bare if item is not None]
    assert repr(error) == repr(bare_error)
    for choice in {item.choice for _, item in came}:
        assert joined([pair for pair in went if pair[1].choice == choice]) == joined(
            [pair for pair in came if pair[1].choice == choice]
        )
    for field in FIELDS:
        assert [value for _, item in went if (value := getattr(item, field))] == [
            value for _, item in came if (value := getattr(item, field))
        ]
    assert max(_lags(came, went), default=0.0) <= LAG + 1e-6
    assert (joined(came) == "") == (name in SILENT)


@pytest.mark.parametrize(
    ("before", "at_most"),
    [(as_recorded, 0.75), (in_bursts(0.3), 0.1), (in_bursts(1.0), 0.1)],
    ids=["as recorded", "in bursts of 300 ms", "in bursts of 1 s"],
)
def test_all_recordings_flow_more_evenly(
    before: Callable[[Observable[Any]], Observable[Any]], at_most: float
) -> None:
    """Measured as the variance of the characters that come in each 50 ms, over all of them."""
    rough: list[int] = []
    even: list[int] = []
    lags: list[float] = []
    for name in sorted(set(NAMES) - SILENT):
        came, went, error = _replay(name, "asyncio", before)
        if error is not None:
            continue  # an error brings what was held at once, as it should
        start, end = came[0][0], went[-1][0]
        rough += _flow(came, start, end)
        even += _flow(went, start, end)
        lags += _lags(came, went)
        # Between its first slice and its last there is no gap that is not the source's own.
        texts = [at for at, item in came if item.content]
        longest = max((late - early for early, late in pairwise(texts)), default=0.0)
        slices = [at for at, item in went if item.content]
        assert max((late - early for early, late in pairwise(slices)), default=0.0) <= longest + TICK + 1e-6
    assert pvariance(even) <= at_most * pvariance(rough)
    assert sum(even) == sum(rough)
    assert max(lags) <= LAG + 1e-6
    assert fmean(lags) <= LAG / 2
