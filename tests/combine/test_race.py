from typing import Any, Literal

import anyio
import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st
from reactivex import Observable
from reactivex.subject import Subject

import rxstream as rxs
from rxstream.combine.candidates import Lost
from rxstream.combine.race import race_streams
from rxstream.errors import AllStreamsFailed, EmptyStream
from rxstream.items import StreamChunk
from rxstream.testing import VirtualClock, check_operator
from tests.combine.laws import LAWS, ops, read, timed
from tests.laws.source import Source, nothing_left, stall

Backend = Literal["asyncio", "trio"]

racing: Any = race_streams  # of a list of streams no type checker knows the length

ROLE = StreamChunk("", role="assistant")


def race(sources: list[Source], **options: Any) -> Any:
    first, *others = (source.observable for source in sources)
    return first.pipe(racing(*others, **options))


def without_content(item: str) -> str:
    return item[:0]


def uneven(sources: list[Source]) -> Any:
    """Let the first win for sure: of two that are equally fast, on trio, now this one wins and now that."""
    first, second = (source.observable for source in sources)
    return first.pipe(racing(second.pipe(ops.map(without_content))))


@pytest.mark.parametrize("law", LAWS)
def test_it_keeps_the_laws_of_streams(law: Any, anyio_backend: Backend) -> None:
    VirtualClock().run(law, uneven, backend=anyio_backend)


def test_check_operator_finds_nothing() -> None:
    check_operator(race_streams(rxs.from_stream(list[str])), ["Hel", "lo wor", "ld"], cuts=False, ahead=8)
    check_operator(racing(), ["Hel", "lo wor", "ld"], cuts=False)


# ---------------------------------------------------------------- the winner


def test_the_first_content_wins_and_brings_what_it_had_sent_before(anyio_backend: Backend) -> None:
    late_role = StreamChunk("", role="assistant", id="late")
    hello, stop = StreamChunk("Hello"), StreamChunk("", "stop")
    first = timed((1, ROLE), (9, StreamChunk("too late")), end=10)
    second = timed((2, late_role), (5, hello), (6, stop), end=7)
    came, error = VirtualClock().run(read, first.pipe(race_streams(second)), backend=anyio_backend)
    assert came == [late_role, hello, stop]
    assert came[0] is late_role
    assert error is None


def test_losers_are_closed_before_the_content_is_seen(anyio_backend: Backend) -> None:
    sources = [Source([ROLE], stall), Source(["", "Hi", " there"]), Source([], stall)]

    async def main() -> list[Any]:
        came: list[Any] = []
        with nothing_left():
            async with rxs.open_stream(race(sources)) as items:
                async for item in items:
                    came.append(item)
                    assert [sources[0].closed, sources[2].closed] == [[1], [1]]
        return came

    assert VirtualClock().run(main, backend=anyio_backend) == ["", "Hi", " there"]


def test_an_error_or_an_empty_end_wins_nothing(anyio_backend: Backend) -> None:
    failed = timed((0, ""), end=1, error=OSError("gone"))
    empty = timed((1, ROLE), end=2)
    good = timed((9, "Hi"), end=9)
    assert VirtualClock().run(read, failed.pipe(race_streams(empty, good)), backend=anyio_backend) == (
        ["Hi"],
        None,
    )


def test_the_winner_s_later_error_is_the_stream_s(anyio_backend: Backend) -> None:
    error = OSError("gone")
    stream: Any = timed((1, "Hi"), end=2, error=error).pipe(race_streams(timed((3, "late"), end=4)))
    assert VirtualClock().run(read, stream, backend=anyio_backend) == (["Hi"], error)


def test_if_all_fail_one_group_tells_all_in_the_streams_order(anyio_backend: Backend) -> None:
    one, two = OSError("one"), OSError("two")
    stream: Any = timed(end=3, error=one).pipe(
        race_streams(timed((1, StreamChunk("", "content_filter")), end=2), timed(end=1, error=two))
    )
    came, error = VirtualClock().run(read, stream, backend=anyio_backend)
    assert came == []
    assert isinstance(error, AllStreamsFailed)
    assert "no stream of race_streams() gave any content" in str(error)
    first, second, third = error.exceptions
    assert (first, third) == (one, two)
    assert isinstance(second, EmptyStream)
    assert "stream 1 of race_streams()" in str(second)
    assert "'content_filter'" in str(second)
    assert second.partial.finish_reason == "content_filter"


def test_a_wrong_program_is_told_at_once(anyio_backend: Backend) -> None:
    consumed = rxs.from_stream(["once"])
    good = Source(["Hi"], stall)

    async def main() -> Exception | None:
        assert await read(consumed) == (["once"], None)
        came, error = await read(consumed.pipe(racing(timed((9, "Hi"), end=9), good.observable)))
        assert came == []
        return error

    error = VirtualClock().run(main, backend=anyio_backend)
    assert isinstance(error, rxs.StreamConsumed)
    assert good.closed in ([], [1])


Event = tuple[int, str]


def simulate(streams: list[list[Event]]) -> tuple[int | None, list[str], set[int]]:
    """Tell which stream wins, what comes of it before its end, and which had ended before that."""
    first: dict[int, int] = {}
    for number, events in enumerate(streams):
        content = [at for at, kind in events if kind == "content"]
        if content:
            first[number] = content[0]
    winner = min(first, key=lambda number: first[number], default=None)
    if winner is None:
        return None, [], set(range(len(streams)))
    out = {number for number, events in enumerate(streams) if events[-1][0] < first[winner]}
    return winner, [kind for _, kind in streams[winner][:-1]], out


@st.composite
def races(draw: st.DrawFn) -> list[list[Event]]:
    """Draw streams; each event has a second of its own, so there are no ties."""
    count = draw(st.integers(1, 4))
    kinds = [
        [
            *draw(st.lists(st.sampled_from(["content", "empty"]), max_size=4)),
            draw(st.sampled_from(["|", "#"])),
        ]
        for _ in range(count)
    ]
    owners = draw(st.permutations([number for number, events in enumerate(kinds) for _ in events]))
    streams: list[list[Event]] = [[] for _ in kinds]
    for at, number in enumerate(owners):
        streams[number].append((at, kinds[number][len(streams[number])]))
    return streams


@given(streams=races(), backend=st.sampled_from(["asyncio", "trio"]))
def test_drawn_races_are_what_a_simple_simulation_says(streams: list[list[Event]], backend: Backend) -> None:
    errors = [OSError(number) for number in range(len(streams))]
    lost: list[Lost] = []

    def stream(number: int) -> Any:
        *events, (end, kind) = streams[number]
        moments = [(at, f"{number}" if what == "content" else "") for at, what in events]
        return timed(*moments, end=end, error=errors[number] if kind == "#" else None)

    first, *others = map(stream, range(len(streams)))
    came, error = VirtualClock().run(read, first.pipe(racing(*others, on_lost=lost.append)), backend=backend)
    winner, kinds, out = simulate(streams)
    assert came == [f"{winner}" if kind == "content" else "" for kind in kinds]
    fails = [events[-1][1] == "#" for events in streams]
    if winner is None:
        assert isinstance(error, AllStreamsFailed)
        assert [isinstance(one, EmptyStream) for one in error.exceptions] == [not failed for failed in fails]
        assert [one for one in error.exceptions if isinstance(one, OSError)] == [
            one for one, failed in zip(errors, fails, strict=True) if failed
        ]
    else:
        assert error is (errors[winner] if fails[winner] else None)
    assert sorted(one.source for one in lost) == [n for n in range(len(streams)) if n != winner]
    for one in lost:
        if one.source not in out:
            assert one.error is None
        elif fails[one.source]:
            assert one.error is errors[one.source]
        else:
            assert isinstance(one.error, EmptyStream)


# ---------------------------------------------------------------- bounds


@pytest.mark.parametrize("credit", [1, 8])
def test_nobody_runs_further_ahead_than_its_credit(credit: int, anyio_backend: Backend) -> None:
    sources = [Source([ROLE] * 500, stall), Source([*[""] * 3, *"x" * 50])]

    async def main() -> int:
        worst = consumed = 0
        async with rxs.open_stream(race(sources), credit=credit) as items:
            async for _ in items:
                consumed += 1
                await anyio.sleep(1)
                worst = max(worst, sources[1].runs[0].produced - consumed)
        assert consumed == 53
        return worst

    assert VirtualClock().run(main, backend=anyio_backend) <= credit + 3 + 1
    assert sources[0].runs[0].produced <= 2 * credit + 5


# ---------------------------------------------------------------- sources of other kinds


@pytest.mark.anyio
async def test_who_has_won_while_being_subscribed_to_leaves_the_rest_unasked() -> None:
    def at_once(observer: Any, _: Any = None) -> Any:
        observer.on_next("")
        observer.on_next("Hi")
        observer.on_completed()

    before, asked, lost = Source([], stall), list[Any](), list[Lost]()

    def note(_: Any, __: Any = None) -> Any:
        asked.append(1)

    made: Any = rx.create
    stream = racing(made(at_once), made(note), on_lost=lost.append)
    assert await read(before.observable.pipe(stream)) == (["", "Hi"], None)
    assert (before.runs, asked) == ([], [])
    assert [one.source for one in lost] == [0]


@pytest.mark.anyio
async def test_all_may_fail_while_being_subscribed_to() -> None:
    stream: Observable[Any] = rx.empty()
    came, error = await read(rx.throw(OSError("one")).pipe(ops.map(str), racing(stream)))
    assert came == []
    assert isinstance(error, AllStreamsFailed)
    assert [type(one) for one in error.exceptions] == [OSError, EmptyStream]


@pytest.mark.anyio
@pytest.mark.parametrize("first", [True, False])
async def test_an_error_in_subscribing_is_that_stream_s(first: bool) -> None:
    def refuse(_: Any, __: Any = None) -> Any:
        raise OSError("refused")

    made: Any = rx.create
    bad, good = made(refuse), rxs.from_stream(["Hi"])
    stream = bad.pipe(racing(good)) if first else good.pipe(racing(bad))
    assert await read(stream) == (["Hi"], None)


@pytest.mark.anyio
async def test_a_hook_that_raises_while_streams_are_being_subscribed_to_leaves_the_rest_unasked() -> None:
    mine, asked = KeyError("mine"), list[Any]()

    def refuse(_: Any, __: Any = None) -> Any:
        asked.append(1)
        raise OSError("refused")

    def fail(_: Lost) -> None:
        raise mine

    made: Any = rx.create
    assert await read(made(refuse).pipe(racing(made(refuse), on_lost=fail))) == ([], mine)
    assert asked == [1]


@pytest.mark.anyio
async def test_a_stream_that_is_out_before_it_is_subscribed_to_is_not_heard() -> None:
    subject: Subject[str] = Subject()

    def betray(observer: Any, _: Any = None) -> Any:
        subject.on_next("Hi")
        observer.on_next("late")
        observer.on_error(OSError("late"))
        subject.on_completed()

    made: Any = rx.create
    lost: list[Lost] = []
    stream: Any = subject.pipe(racing(made(betray), on_lost=lost.append))
    assert await read(stream) == (["Hi"], None)
    assert [(one.source, one.error) for one in lost] == [(1, None)]


@pytest.mark.anyio
async def test_a_winner_that_is_let_go_while_being_subscribed_to_is_not_heard() -> None:
    mine = KeyError("mine")

    def at_once(observer: Any, _: Any = None) -> Any:
        observer.on_next("Hi")
        observer.on_next("there")
        observer.on_completed()

    def fail(_: Lost) -> None:
        raise mine

    made: Any = rx.create
    before = Source([], stall)
    assert await read(before.observable.pipe(racing(made(at_once), on_lost=fail))) == ([], mine)
    assert before.runs == []


# ---------------------------------------------------------------- arguments


def test_wrong_arguments_are_refused_at_once() -> None:
    with pytest.raises(TypeError, match=r"race_streams\(\) expects Observables, and got as argument 2 "):
        racing(rx.empty(), "text")
    with pytest.raises(TypeError, match="expects as on_lost a function that takes a Lost, and got 3"):
        racing(on_lost=3)
