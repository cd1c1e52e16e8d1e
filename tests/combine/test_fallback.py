from typing import Any, Literal

import anyio
import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st

import rxstream as rxs
from rxstream.combine.fallback import fallback_to
from rxstream.errors import AllStreamsFailed, EmptyStream
from rxstream.items import StreamChunk
from rxstream.testing import VirtualClock, check_operator
from tests.combine.laws import LAWS, failing, ops, read
from tests.laws.source import Source, nothing_left, stall

Backend = Literal["asyncio", "trio"]

falling_back: Any = fallback_to  # to a list of streams no type checker knows the length of

ROLE = StreamChunk("", role="assistant")


def chain(sources: list[Source], **options: Any) -> Any:
    first, *others = (source.observable for source in sources)
    return first.pipe(falling_back(*others, **options))


def without_content(item: str) -> str:
    return item[:0]


def second(sources: list[Source]) -> Any:
    """Go on to the second source, since the first has nothing to say."""
    first, second = (source.observable for source in sources)
    return first.pipe(ops.take(1), ops.map(without_content), falling_back(second))


@pytest.mark.parametrize("make", [chain, second])
@pytest.mark.parametrize("law", LAWS)
def test_it_keeps_the_laws_of_streams(law: Any, make: Any, anyio_backend: Backend) -> None:
    VirtualClock().run(law, make, backend=anyio_backend)


def test_check_operator_finds_nothing() -> None:
    check_operator(fallback_to(rxs.from_stream(["x"])), ["Hel", "lo wor", "ld"], cuts=False)
    check_operator(falling_back(), ["Hel", "lo wor", "ld"], cuts=False)


# ---------------------------------------------------------------- which one answers


def test_the_next_is_asked_when_one_fails_and_has_been_closed(anyio_backend: Backend) -> None:
    one, two = Source([ROLE], failing(OSError("gone"))), Source([ROLE, StreamChunk("", "length")])
    three, four = Source(["", "Hi", " there"]), Source(["never"])
    seen: list[list[int]] = []

    class Watched(Source):
        def __call__(self) -> Any:
            seen.append([times for source in (one, two) for times in source.closed])
            return three()

    watched = Watched([])

    async def main() -> list[Any]:
        with nothing_left():
            async with rxs.open_stream(chain([one, two, watched, four])) as items:
                return [item async for item in items]

    # Nothing of the first two has come out, and both were closed before the third was opened.
    assert VirtualClock().run(main, backend=anyio_backend) == ["", "Hi", " there"]
    assert seen == [[1, 1]]
    assert (one.closed, two.closed, three.closed, four.runs) == ([1], [1], [1], [])


def test_the_first_is_closed_before_the_second_is_opened_in_the_middle_of_an_item(
    anyio_backend: Backend,
) -> None:
    """The failure is an operator's: the source itself would go on."""
    log: list[str] = []

    async def source(name: str) -> Any:
        log.append(f"open {name}")
        try:
            while True:
                yield name
        finally:
            await anyio.sleep(1)
            log.append(f"closed {name}")

    def fail(_: Any) -> Any:
        raise OSError("mapper")

    broken = rxs.from_stream(lambda: source("a")).pipe(ops.map(fail))
    stream: Any = broken.pipe(falling_back(broken, rxs.from_stream(lambda: source("b"))), ops.take(2))
    assert VirtualClock().run(read, stream, backend=anyio_backend) == (["b", "b"], None)
    assert log == ["open a", "closed a", "open a", "closed a", "open b", "closed b"]


def test_a_stream_that_an_operator_has_failed_is_asked_for_nothing_more(anyio_backend: Backend) -> None:
    one, two = Source("abc", stall), Source(["Hi"])

    def fail(_: Any) -> Any:
        raise OSError("mapper")

    # With a timer somewhere, a task of the pump reads it.
    stream = one.observable.pipe(ops.map(fail), falling_back(two.observable), ops.timeout(60))
    assert VirtualClock().run(read, stream, backend=anyio_backend) == (["Hi"], None)
    assert one.runs[0].produced == 1


def test_behind_content_an_error_passes_unchanged(anyio_backend: Backend) -> None:
    error = OSError("gone")
    one, two = Source([ROLE, "Hi"], failing(error)), Source(["never"])
    assert VirtualClock().run(read, chain([one, two]), backend=anyio_backend) == ([ROLE, "Hi"], error)
    assert (one.closed, two.runs) == ([1], [])


def test_if_all_fail_one_group_tells_all_in_order(anyio_backend: Backend) -> None:
    one, two = OSError("one"), OSError("two")
    sources = [
        Source([], failing(one)),
        Source([StreamChunk("", "content_filter")]),
        Source("", failing(two)),
    ]
    came, error = VirtualClock().run(read, chain(sources), backend=anyio_backend)
    assert came == []
    assert isinstance(error, AllStreamsFailed)
    assert "no stream of fallback_to() gave any content" in str(error)
    assert (error.exceptions[0], error.exceptions[2]) == (one, two)
    empty = error.exceptions[1]
    assert isinstance(empty, EmptyStream)
    assert "stream 1 of fallback_to() ended without any content" in str(empty)
    assert empty.partial.finish_reason == "content_filter"
    assert [source.closed for source in sources] == [[1], [1], [1]]


Script = tuple[list[str], bool]


@given(
    scripts=st.lists(
        st.tuples(st.lists(st.sampled_from(["", "a", "b"]), max_size=4), st.booleans()), min_size=1
    )
)
def test_the_first_that_says_something_is_delivered_whole(scripts: list[Script]) -> None:
    errors = [OSError(number) for number in range(len(scripts))]
    sources = [
        Source(items, failing(error) if fails else None)
        for (items, fails), error in zip(scripts, errors, strict=True)
    ]
    came, error = VirtualClock().run(read, chain(sources))
    answers = [number for number, (items, _) in enumerate(scripts) if any(items)]
    if answers:
        which = answers[0]
        assert came == scripts[which][0]
        assert error is (errors[which] if scripts[which][1] else None)
    else:
        which = len(scripts) - 1
        assert came == []
        assert isinstance(error, AllStreamsFailed)
        assert [one in errors for one in error.exceptions] == [fails for _, fails in scripts]
    assert [len(source.runs) for source in sources] == [1] * (which + 1) + [0] * (len(scripts) - which - 1)
    assert [source.closed for source in sources] == [[1]] * (which + 1) + [[]] * (len(scripts) - which - 1)


# ---------------------------------------------------------------- when


def test_when_decides_which_errors_move_on(anyio_backend: Backend) -> None:
    asked: list[Exception] = []

    def when(error: Exception) -> bool:
        asked.append(error)
        return isinstance(error, ConnectionError)

    one, two = ConnectionError("one"), OSError("two")
    sources = [Source([ROLE], failing(one)), Source(["", None], failing(two)), Source(["never"])]
    came, error = VirtualClock().run(read, chain(sources, when=when), backend=anyio_backend)
    # What is refused passes as it is, with what came before it.
    assert (came, error) == (["", None], two)
    assert asked == [one, two]
    assert sources[2].runs == []


def test_when_may_leave_an_empty_end_as_it_is(anyio_backend: Backend) -> None:
    stop = StreamChunk("", "stop")
    asked: list[Exception] = []

    def when(error: Exception) -> bool:
        asked.append(error)
        return False

    stream = chain([Source([ROLE, stop]), Source(["never"])], when=when)
    assert VirtualClock().run(read, stream, backend=anyio_backend) == ([ROLE, stop], None)
    assert [type(error) for error in asked] == [EmptyStream]


def test_a_wrong_program_does_not_move_on_unless_when_says_so(anyio_backend: Backend) -> None:
    async def main(when: Any) -> Any:
        consumed = rxs.from_stream(["once"])
        await read(consumed)
        return await read(consumed.pipe(falling_back(rxs.from_stream(["Hi"]), when=when)))

    came, error = VirtualClock().run(main, None, backend=anyio_backend)
    assert came == []
    assert isinstance(error, rxs.StreamConsumed)
    assert VirtualClock().run(main, whatever, backend=anyio_backend) == (["Hi"], None)


def whatever(_: Exception) -> bool:
    return True


def test_what_when_raises_ends_the_stream(anyio_backend: Backend) -> None:
    mine = KeyError("mine")

    def when(_: Exception) -> bool:
        raise mine

    sources = [Source([""], failing(OSError("gone"))), Source(["never"])]
    assert VirtualClock().run(read, chain(sources, when=when), backend=anyio_backend) == ([], mine)
    assert mine.__notes__ == ["fallback_to() had asked when= about OSError('gone')."]
    assert (sources[0].closed, sources[1].runs) == ([1], [])


# ---------------------------------------------------------------- bounds and the rest


def test_the_reader_asks_for_each_item(anyio_backend: Backend) -> None:
    sources = [Source([], failing(OSError("gone"))), Source("x" * 50)]

    async def main() -> int:
        worst = consumed = 0
        async with rxs.open_stream(chain(sources)) as items:
            async for _ in items:
                consumed += 1
                await anyio.sleep(1)
                worst = max(worst, sources[1].runs[0].produced - consumed)
        return worst

    assert VirtualClock().run(main, backend=anyio_backend) <= 1


@pytest.mark.anyio
async def test_streams_that_fail_while_they_are_subscribed_to() -> None:
    def refuse(_: Any, __: Any = None) -> Any:
        raise OSError("refused")

    def at_once(observer: Any, _: Any = None) -> Any:
        observer.on_next("")
        observer.on_completed()

    made: Any = rx.create
    stream = made(refuse).pipe(falling_back(made(at_once), made(refuse), rxs.from_stream(["Hi"])))
    assert await read(stream) == (["Hi"], None)


@pytest.mark.anyio
async def test_leaving_closes_the_one_that_is_read() -> None:
    sources = [Source([], failing(OSError("gone"))), Source(["Hi"], stall)]
    async with rxs.open_stream(chain(sources)) as items:
        assert await anext(items) == "Hi"
    assert [source.closed for source in sources] == [[1], [1]]


def test_wrong_arguments_are_refused_at_once() -> None:
    with pytest.raises(TypeError, match=r"fallback_to\(\) expects Observables, and got as argument 1 "):
        falling_back("text")
    with pytest.raises(
        TypeError, match="expects as when a function from an error to a bool, and got OSError"
    ):
        falling_back(when=OSError("x"))
