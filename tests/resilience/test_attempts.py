"""Attempt after attempt: what is waited for, closed, told, added up and given up."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import anyio
import httpx2
import openai
import pytest
from reactivex import Observable
from reactivex import operators as ops

import rxstream as rxs
from rxstream.engine.observable import StreamObservable
from rxstream.errors import AnswerChanged, StreamConsumed, StreamTruncated
from rxstream.items import Attempt, Restarted, StreamChunk, StreamResult, ToolCallDelta, Usage
from rxstream.resilience.backoff import Backoff
from rxstream.resilience.retry import retry_stream
from rxstream.testing import VirtualClock
from tests.laws.source import nothing_left

Backend = Literal["asyncio", "trio"]
pytestmark = pytest.mark.parametrize("backend", ["asyncio", "trio"])


def run(backend: Backend, body: Callable[[], Any]) -> None:
    VirtualClock().run(body, backend=backend)


class Script:
    """A source whose n-th subscription gives the n-th list; an exception in it is raised there."""

    def __init__(self, *runs: Sequence[Any]) -> None:
        self.runs = runs
        self.log: list[str] = []
        self.times: list[float] = []
        self.opened = 0

    def __call__(self) -> "_Reading":
        self.opened += 1
        self.log.append(f"open {self.opened}")
        self.times.append(anyio.current_time())
        return _Reading(self, self.opened, self.runs[min(self.opened, len(self.runs)) - 1])

    @property
    def observable(self) -> Observable[Any]:
        return rxs.from_stream(self)


class _Reading:
    def __init__(self, script: Script, number: int, steps: Sequence[Any]) -> None:
        self._script = script
        self._number = number
        self._steps = iter(steps)

    def __aiter__(self) -> "_Reading":
        return self

    async def __anext__(self) -> Any:
        await anyio.lowlevel.checkpoint()
        for step in self._steps:
            if isinstance(step, Exception):
                raise step
            return step
        raise StopAsyncIteration

    async def aclose(self) -> None:
        for _ in range(3):
            await anyio.lowlevel.checkpoint()
        self._script.log.append(f"close {self._number}")


async def read(observable: Observable[Any]) -> tuple[list[Any], Exception | None]:
    came: list[Any] = []
    with nothing_left():
        try:
            async with rxs.open_stream(observable) as items:
                async for item in items:
                    came.append(item)  # noqa: PERF401 - what came before the error counts
        except Exception as error:
            return came, error
    return came, None


def at_once(_retry: int) -> float:
    return 0.0


def is_key_error(error: Exception) -> bool:
    return isinstance(error, KeyError)


GONE = StreamTruncated("gone")


# ---------------------------------------------------------------- waiting and closing


def test_an_attempt_is_closed_before_the_next_one_opens(backend: Backend) -> None:
    async def body() -> None:
        script = Script(["a", ConnectionError()], ["a", "b", ConnectionError()], ["a", "b", "c"])
        came, error = await read(script.observable.pipe(retry_stream(backoff=at_once)))
        assert (came, error) == (["a", "b", "c"], None)
        assert script.log == ["open 1", "close 1", "open 2", "close 2", "open 3", "close 3"]

    run(backend, body)


def test_it_waits_as_the_backoff_says(backend: Backend) -> None:
    async def body() -> None:
        script = Script([GONE], [GONE], [GONE], ["a"])
        wait = Backoff(base=1, factor=3, maximum=100, jitter=lambda: 0.5)
        assert await read(script.observable.pipe(retry_stream(4, backoff=wait))) == (["a"], None)
        assert script.times == pytest.approx([0, 0.5, 2, 6.5])

    run(backend, body)


def rate_limit(**headers: str) -> openai.APIStatusError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = httpx2.Request("POST", "http://127.0.0.1/v1")
    return openai.RateLimitError(
        "slow down", response=httpx2.Response(429, headers=named, request=request), body=None
    )


def test_what_the_server_asks_for_counts_for_more(backend: Backend) -> None:
    async def body() -> None:
        script = Script([rate_limit(retry_after="7")], [rate_limit(retry_after_ms="100")], ["a"])
        assert await read(script.observable.pipe(retry_stream(backoff=lambda _: 1.0))) == (["a"], None)
        assert script.times == pytest.approx([0, 7, 8])

    run(backend, body)


def test_nobody_waits_for_an_hour(backend: Backend) -> None:
    async def body() -> None:
        error = rate_limit(retry_after="3600")
        script = Script([error], ["a"])
        came, raised = await read(script.observable.pipe(retry_stream()))
        assert came == []
        assert raised is error
        assert error.__notes__ == [
            "retry_stream() did not wait: the server asks for 3600 s, and max_retry_after is 60 s."
        ]
        patient = Script([error], ["a"]).observable.pipe(retry_stream(max_retry_after=5000))
        assert await read(patient) == (["a"], None)

    run(backend, body)


def test_a_reader_that_leaves_during_a_wait_leaves_nothing(backend: Backend) -> None:
    async def body() -> None:
        script = Script(["a", GONE], ["a", "b"])
        with nothing_left():
            async with rxs.open_stream(
                script.observable.pipe(retry_stream(backoff=lambda _: 100.0))
            ) as items:
                assert await anext(items) == "a"
                with anyio.move_on_after(5):
                    await anext(items)
        assert script.log == ["open 1", "close 1"]

    run(backend, body)


def test_behind_a_wait_the_source_is_pulled_directly_again(backend: Backend) -> None:
    async def body() -> None:
        script = Script(["a", GONE], ["a", "b", "c", "d"])
        async with rxs.open_stream(script.observable.pipe(retry_stream(backoff=lambda _: 1.0))) as items:
            with nothing_left():  # no task of its own for the source, at any time
                assert [item async for item in items] == ["a", "b", "c", "d"]

    run(backend, body)


# ---------------------------------------------------------------- which errors, how often


def test_attempts_count_the_first_one(backend: Backend) -> None:
    async def body() -> None:
        script = Script([GONE])
        came, error = await read(script.observable.pipe(retry_stream(1)))
        assert (came, error, script.opened) == ([], GONE, 1)
        script = Script([ConnectionError("1")], [ConnectionError("2")], [ConnectionError("3")])
        came, error = await read(script.observable.pipe(retry_stream(3, backoff=at_once)))
        assert str(error) == "3"
        assert script.opened == 3
        assert error is not None
        assert error.__notes__ == [
            "Attempt 1 of 3 ended in ConnectionError: 1",
            "Attempt 2 of 3 ended in ConnectionError: 2",
        ]

    run(backend, body)


@pytest.mark.parametrize(
    "retry_on",
    [KeyError, (KeyError, IndexError), is_key_error],
    ids=["class", "classes", "function"],
)
def test_which_errors_is_the_users_to_say(backend: Backend, retry_on: Any) -> None:
    async def body() -> None:
        def retry() -> Any:
            return retry_stream(backoff=at_once, retry_on=retry_on)

        assert await read(Script([KeyError()], ["a"]).observable.pipe(retry())) == (["a"], None)
        came, error = await read(Script([GONE], ["a"]).observable.pipe(retry()))
        assert (came, error) == ([], GONE)

    run(backend, body)


def test_an_error_that_will_not_pass_comes_out_at_once(backend: Backend) -> None:
    async def body() -> None:
        error = ValueError("a bug")
        script = Script(["a", error], ["a", "b"])
        came, raised = await read(script.observable.pipe(retry_stream()))
        assert came == ["a"]
        assert raised is error
        assert script.opened == 1

    run(backend, body)


def test_a_source_that_can_be_read_once_says_so_and_never_completes(backend: Backend) -> None:
    async def broken() -> Any:
        yield "a"
        raise ConnectionError("gone")

    async def body() -> None:
        came, error = await read(rxs.from_stream(broken()).pipe(retry_stream(backoff=at_once)))
        assert came == ["a"]
        assert isinstance(error, StreamConsumed)
        assert error.__notes__ == ["Attempt 1 of 3 ended in ConnectionError: gone"]

    run(backend, body)


def test_what_was_delivered_by_all_attempts_is_the_partial_of_the_last_error(backend: Backend) -> None:
    async def body() -> None:
        script = Script(
            [StreamChunk("Hel"), StreamTruncated("one")],
            [StreamChunk("Hell"), StreamTruncated("two", partial=StreamResult("Hell"))],
            [StreamChunk("He"), StreamTruncated("three", partial=StreamResult("He"))],
        )
        came, error = await read(script.observable.pipe(retry_stream(backoff=at_once)))
        assert "".join(chunk.content for chunk in came) == "Hell"
        assert isinstance(error, StreamTruncated)
        assert str(error) == "three"
        assert error.partial.content == "Hell"
        assert error.partial.usage == Usage(0, 3, 3, estimated=True)
        assert error.partial.total_tokens == 3

    run(backend, body)


def test_the_partial_of_an_only_attempt_is_as_it_was(backend: Backend) -> None:
    async def body() -> None:
        error = StreamTruncated("one")
        source = Script([StreamChunk("Hel", usage=Usage(1, 2, 3)), error]).observable
        await read(source.pipe(retry_stream(1)))
        assert (error.partial.content, error.partial.usage) == ("Hel", Usage(1, 2, 3))

    run(backend, body)


# ---------------------------------------------------------------- what the reader gets


def test_as_long_as_there_is_no_content_a_retry_is_a_plain_one(backend: Backend) -> None:
    async def body() -> None:
        role = StreamChunk("", role="assistant", index=0)
        script = Script([role, GONE], [role, StreamChunk("other", index=1)])
        resumes: list[Any] = ["auto", "server", "continue", "align", "restart", "never"]
        for resume in resumes:
            script.opened = 0
            retry: Any = retry_stream(resume=resume, backoff=at_once)
            came, error = await read(script.observable.pipe(retry))
            assert error is None
            # The role was delivered already.
            assert [(chunk.role, chunk.content, chunk.index) for chunk in came] == [
                ("assistant", "", 0),
                (None, "other", 1),
            ]

    run(backend, body)


def test_a_role_that_comes_again_is_taken_off_what_else_comes_with_it(backend: Backend) -> None:
    async def body() -> None:
        role = StreamChunk("", role="assistant")
        script = Script([role, GONE], [StreamChunk("a", role="assistant"), StreamChunk("", "stop")])
        came, _ = await read(script.observable.pipe(retry_stream(backoff=at_once)))
        assert [(chunk.role, chunk.content) for chunk in came] == [("assistant", ""), (None, "a"), (None, "")]

    run(backend, body)


def test_never_means_never_behind_content(backend: Backend) -> None:
    async def body() -> None:
        script = Script(["a", GONE], ["a", "b"])
        assert await read(script.observable.pipe(retry_stream(resume="never"))) == (["a"], GONE)
        assert script.opened == 1

    run(backend, body)


def test_of_what_cannot_be_resumed_the_same_is_asked_again_and_aligned(backend: Backend) -> None:
    async def body() -> None:
        script = Script(["Hel", "lo ", GONE], ["H", "ello wor", GONE], ["Hello ", "world"])
        came, error = await read(script.observable.pipe(retry_stream(backoff=at_once)))
        assert error is None
        assert came == ["Hel", "lo ", "wor", "ld"]

    run(backend, body)


def test_objects_are_aligned_by_being_equal(backend: Backend) -> None:
    async def body() -> None:
        script = Script([{"a": 1}, {"b": 2}, GONE], [{"a": 1}, {"b": 2}, {"c": 3}])
        came, error = await read(script.observable.pipe(retry_stream(backoff=at_once)))
        assert (came, error) == ([{"a": 1}, {"b": 2}, {"c": 3}], None)

    run(backend, body)


def test_another_answer_is_an_error_and_nothing_of_it_is_delivered(backend: Backend) -> None:
    async def body() -> None:
        script = Script([StreamChunk("Hello"), GONE], [StreamChunk("Hel"), StreamChunk("p! I am"), GONE])
        came, error = await read(script.observable.pipe(retry_stream(9, backoff=at_once)))
        assert [chunk.content for chunk in came] == ["Hello"]
        assert isinstance(error, AnswerChanged)
        assert error.__cause__ is GONE
        assert (error.delivered, error.came) == ("lo", "p! I am")
        assert error.partial.content == "Hello"
        assert script.opened == 2
        assert script.log[-1] == "close 2"

    run(backend, body)


def test_a_shorter_answer_is_an_error_too(backend: Backend) -> None:
    async def body() -> None:
        script = Script(["Hello", GONE], ["Hel"])
        came, error = await read(script.observable.pipe(retry_stream(backoff=at_once)))
        assert came == ["Hello"]
        assert isinstance(error, AnswerChanged)

    run(backend, body)


def test_a_restart_says_so(backend: Backend) -> None:
    async def body() -> None:
        script = Script(["Hel", GONE], ["other", GONE], ["Good ", "day"])
        came, error = await read(script.observable.pipe(retry_stream(resume="restart", backoff=at_once)))
        assert error is None
        assert came == ["Hel", Restarted(2, GONE), "other", Restarted(3, GONE), "Good ", "day"]
        script.opened = 0
        words = script.observable.pipe(retry_stream(resume="restart", backoff=at_once), rxs.buffer_words())
        assert await rxs.to_list(words) == ["Good", "day"]

    run(backend, body)


def test_behind_a_restart_chunks_are_counted_anew(backend: Backend) -> None:
    async def body() -> None:
        role = StreamChunk("", role="assistant", index=0)
        script = Script(
            [role, StreamChunk("Hel", index=1), GONE],
            [role, StreamChunk("Good", index=1), StreamChunk("", "stop", index=2)],
        )
        restart = retry_stream(resume="restart", backoff=at_once)
        result = await rxs.collect(script.observable.pipe(restart))
        assert (result.content, result.finish_reason) == ("Good", "stop")
        assert [(chunk.index, chunk.role) for chunk in result.chunks] == [
            (0, "assistant"),
            (1, None),
            (2, None),
        ]

    run(backend, body)


def test_a_restart_of_the_source_itself_is_one(backend: Backend) -> None:
    async def body() -> None:
        script = Script(["old", Restarted(2), "Hel", GONE], ["Hello", Restarted(2), "Bye"])
        came, error = await read(script.observable.pipe(retry_stream(backoff=at_once)))
        assert error is None
        assert came == ["old", Restarted(2), "Hel", "lo", Restarted(2), "Bye"]

    run(backend, body)


def test_a_function_of_the_users_says_how_it_goes_on(backend: Backend) -> None:
    async def body() -> None:
        asked: list[Any] = []

        def rest(partial: StreamResult, error: Exception) -> Observable[Any] | None:
            asked.append((partial.content, error))
            return rxs.from_stream(["lo"]) if len(asked) == 1 else None

        script = Script(["Hel", GONE])
        assert await read(script.observable.pipe(retry_stream(resume=rest, backoff=at_once))) == (
            ["Hel", "lo"],
            None,
        )
        assert asked == [("Hel", GONE)]
        assert await read(script.observable.pipe(retry_stream(resume=rest))) == (["Hel"], GONE)

    run(backend, body)


# ---------------------------------------------------------------- chunks, calls, usage


def test_tool_calls_are_aligned_and_keep_their_first_ids(backend: Backend) -> None:
    def call(name: str | None, arguments: str, number: int = 0, at: int = 0) -> StreamChunk:
        named = None if name is None else f"id-{number}"
        return StreamChunk("", tool_calls=(ToolCallDelta(at, named, name, arguments),))

    async def body() -> None:
        script = Script(
            [call("f", "{", 1), call(None, '"a": 1}'), call("g", '{"b"', 2, 1), GONE],
            [
                call("f", '{"a": 1}', 3),
                call("g", "", 4, 1),
                call(None, '{"b": 2}', at=1),
                call("h", "{}", 5, 2),
                StreamChunk("", "tool_calls"),
            ],
        )
        result = await rxs.collect(script.observable.pipe(retry_stream(backoff=at_once)))
        assert [(one.id, one.name, one.arguments) for one in result.tool_calls] == [
            ("id-1", "f", '{"a": 1}'),
            ("id-2", "g", '{"b": 2}'),
            ("id-5", "h", "{}"),
        ]
        assert result.finish_reason == "tool_calls"
        assert [chunk.index for chunk in result.chunks[3:]] == [3, 4, 5]

    run(backend, body)


def test_usage_adds_up_over_the_attempts(backend: Backend) -> None:
    async def body() -> None:
        script = Script(
            [StreamChunk("a"), StreamChunk("b"), GONE],
            [StreamChunk("ab"), StreamChunk("c", usage=Usage(10, 3, 13)), GONE],
            [StreamChunk("abc"), StreamChunk("d", "stop"), StreamChunk("", usage=Usage(10, 4, 14))],
        )
        result = await rxs.collect(script.observable.pipe(retry_stream(backoff=at_once)))
        assert result.content == "abcd"
        # The first was cut off before it told: two tokens came, and its prompt was as long.
        assert result.usage == Usage(30, 9, 39, estimated=True)

    run(backend, body)


def test_of_several_choices_the_usage_of_lost_attempts_is_added_once(backend: Backend) -> None:
    async def body() -> None:
        script = Script(
            [StreamChunk("a", choice=0), StreamChunk("x", choice=1), GONE],
            [
                StreamChunk("a", "stop", choice=0),
                StreamChunk("", usage=Usage(5, 1, 6)),
                StreamChunk("x", "stop", choice=1),
                StreamChunk("", usage=Usage(5, 1, 6)),
            ],
        )
        result = await rxs.collect(script.observable.pipe(retry_stream(backoff=at_once)))
        assert result.usage == Usage(15, 4, 19, estimated=True)

    run(backend, body)


def test_of_several_choices_a_usage_that_was_delivered_is_not_added_again(backend: Backend) -> None:
    async def body() -> None:
        whole = [
            StreamChunk("a", "stop", choice=0),
            StreamChunk("", usage=Usage(5, 1, 6)),
            StreamChunk("x", choice=1),
        ]
        end = [StreamChunk("", "stop", choice=1), StreamChunk("", usage=Usage(5, 2, 7))]
        script = Script([*whole, GONE], [*whole, *end])
        result = await rxs.collect(script.observable.pipe(retry_stream(backoff=at_once)))
        # One count of the first attempt, two of the second.
        assert result.usage == Usage(15, 4, 19)

    run(backend, body)


# ---------------------------------------------------------------- the hook


def test_the_hook_is_told_of_every_attempt_before_it_begins(backend: Backend) -> None:
    async def body() -> None:
        script = Script([GONE], ["Hel", GONE], ["Hello"])
        told: list[tuple[Attempt, int]] = []
        hook = retry_stream(backoff=float, on_attempt=lambda attempt: told.append((attempt, script.opened)))
        async with rxs.open_stream(script.observable.pipe(hook)) as items:
            assert told == []
            assert [item async for item in items] == ["Hel", "lo"]
        assert told == [
            (Attempt(1, "first"), 0),
            (Attempt(2, "again", 1.0, GONE, StreamResult("")), 1),
            (Attempt(3, "align", 2.0, GONE, StreamResult("Hel")), 2),
        ]

    run(backend, body)


@pytest.mark.parametrize("at", [1, 2])
def test_what_the_hook_raises_ends_the_stream(backend: Backend, at: int) -> None:
    async def body() -> None:
        mine = ZeroDivisionError("mine")

        def hook(attempt: Attempt) -> None:
            if attempt.number == at:
                raise mine

        script = Script(["a", GONE], ["a", "b"])
        came, error = await read(script.observable.pipe(retry_stream(on_attempt=hook, backoff=at_once)))
        assert error is mine
        assert came == ["a"][: at - 1]
        assert script.log == ["open 1", "close 1"][: 2 * (at - 1)]

    run(backend, body)


# ---------------------------------------------------------------- sources that misbehave


def test_a_source_that_fails_while_it_is_subscribed_to(backend: Backend) -> None:
    async def body() -> None:
        count = 0

        def subscribe(observer: Any, _scheduler: Any = None) -> Any:
            nonlocal count
            count += 1
            observer.on_next("a")
            if count < 3:
                observer.on_error(GONE)
                observer.on_next("late")
            else:
                observer.on_next("b")
                observer.on_completed()

        stream = retry_stream(backoff=at_once)(StreamObservable[Any](subscribe))
        assert await read(stream) == (["a", "b"], None)
        assert count == 3

    run(backend, body)


def test_an_answer_that_changes_while_it_is_subscribed_to(backend: Backend) -> None:
    async def body() -> None:
        count = 0

        def subscribe(observer: Any, _scheduler: Any = None) -> Any:
            nonlocal count
            count += 1
            for item in ("a", GONE) if count == 1 else ("x", "y", "z"):
                if isinstance(item, Exception):
                    observer.on_error(item)
                else:
                    observer.on_next(item)
            observer.on_completed()

        stream = retry_stream(backoff=at_once)(StreamObservable[Any](subscribe))
        came, error = await read(stream)
        assert came == ["a"]
        assert isinstance(error, AnswerChanged)

    run(backend, body)


def test_it_may_stand_beside_other_streams(backend: Backend) -> None:
    async def body() -> None:
        scripts = [Script([f"{name}1", GONE], [f"{name}1", f"{name}2"]) for name in "ab"]
        first, second = (script.observable.pipe(retry_stream(backoff=at_once)) for script in scripts)
        came, error = await read(first.pipe(ops.merge(second)))
        assert error is None
        assert sorted(came) == ["a1", "a2", "b1", "b2"]
        for script in scripts:
            assert script.log == ["open 1", "close 1", "open 2", "close 2"]

    run(backend, body)
