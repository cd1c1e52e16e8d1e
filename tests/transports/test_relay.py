"""A producer that sends to its client by itself: nobody can tell, but by what an event costs."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Literal

import anyio
import pytest
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint
from hypothesis import example, given
from hypothesis import strategies as st

import rxstream as rxs
from rxstream.engine.backend import running_backend
from rxstream.items import SSEEvent, StreamChunk
from rxstream.testing import VirtualClock
from rxstream.transports import publish
from rxstream.transports.dialects.contract import Dialect, Frame
from rxstream.transports.dialects.native import NativeDecoder, NativeEncoder
from rxstream.transports.log import StreamLog
from rxstream.transports.publish import publications_of
from rxstream.transports.relay import Relay
from rxstream.transports.responses import Responses
from rxstream.transports.sse_delivery import SSEOutcome
from rxstream.transports.sse_framing import HEARTBEAT
from rxstream.transports.sse_response import sse_response
from tests.transports.asgi import Ask

InVirtualTime = Callable[[Callable[[], Awaitable[Any]]], Any]


class Answer:
    """An answer of numbers, of which each comes some seconds behind the one before it, and who reads it."""

    def __init__(self, *gaps: float) -> None:
        self._gaps = gaps
        self.opened = self.closed = 0
        self.log = StreamLog.memory()
        self.outcomes: list[SSEOutcome] = []
        self.responses = Responses()

    async def _numbers(self) -> AsyncIterator[str]:
        self.opened += 1
        try:
            for number, gap in enumerate(self._gaps):
                await anyio.sleep(gap)
                yield f"{number} "
        finally:
            self.closed += 1

    def ask(self, takes: Callable[[Any], Any] | None = None, **options: Any) -> Ask:
        """Give the request that begins it."""
        options = {"on_close": self.outcomes.append, "responses": self.responses, **options}
        response = sse_response(rxs.from_stream(self._numbers), log=self.log, stream_id="a", **options)
        return Ask(response, takes=takes)

    async def entries(self) -> list[tuple[str | None, str]]:
        """Give what the log has in the end."""
        found: list[tuple[str | None, str]] = []
        async for batch in self.log.read("a"):
            assert isinstance(batch, list)
            found += [(each.event, each.data) for each in batch]
        return found

    async def check(self, events: list[SSEEvent]) -> None:
        """See to it that all of it was read once, and that a client has had it up to somewhere."""
        entries = await self.entries()
        assert [data for event, data in entries if event == "chunk"] == [
            f'{{"item":"{number} "}}' for number in range(len(self._gaps))
        ]
        assert entries[-1] == ("done", '{"done":true}')
        assert (self.opened, self.closed) == (1, 1)
        assert [(each.event, each.data) for each in events] == entries[: len(events)]
        assert [each.id for each in events] == [f"a-{seq}" for seq in range(1, len(events) + 1)]


@asynccontextmanager
async def running(ask: Ask, seconds: float) -> AsyncGenerator[TaskGroup]:
    """Ask, and go on so many seconds later; wait for the answer at the end of the block."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask.run)
        await anyio.sleep(seconds)
        yield tasks


def producer() -> "asyncio.Task[Any]":
    """Find the task that reads the answer."""
    [found] = [each for each in asyncio.all_tasks() if each.get_name() == "rxstream answer a"]
    return found


def at(number: int, seconds: float) -> Callable[[Any], Awaitable[None]]:
    """Give a client that takes its time for one of the numbers."""

    async def take(message: Any) -> None:
        if f'"{number} "'.encode() in message.get("body", b""):
            await anyio.sleep(seconds)

    return take


def test_the_producer_sends_what_comes_alone() -> None:
    """On asyncio; elsewhere it costs more, and that is all."""
    tasks: list[str | None] = []

    async def note(_: Any) -> None:
        tasks.append(anyio.get_current_task().name)

    async def main() -> None:
        answer = Answer(*[1] * 6)
        ask = await answer.ask(note).run()
        assert ask.ended
        assert ask.times == [1, 2, 3, 4, 5, 6, 6]
        await answer.check(ask.events)

    VirtualClock().run(main)
    # The status, the first event and the end are the response's own.
    assert [name == "rxstream answer a" for name in tasks] == [False] * 2 + [True] * 5 + [False]


def test_a_client_that_takes_nothing_is_left_and_the_answer_goes_on(in_virtual_time: InVirtualTime) -> None:
    async def main() -> None:
        answer = Answer(*[1] * 10)
        ask = await answer.ask(at(4, 1e6), send_deadline=20).run()
        assert 25 <= anyio.current_time() <= 40
        assert answer.outcomes[0].reason == "deadline"
        assert len(ask.events) == 4
        await answer.check(ask.events)
        assert anyio.current_time() <= 45

    in_virtual_time(main)


def test_a_slow_client_slows_its_answer_down_once_and_no_more(in_virtual_time: InVirtualTime) -> None:
    async def slowly(message: Any) -> None:
        await anyio.sleep(0.9 if message.get("body") else 0)

    async def main() -> None:
        answer = Answer(*[1] * 20)
        ask = answer.ask(slowly)
        async with running(ask, 21):
            assert answer.closed
        assert ask.ended
        await answer.check(ask.events)

    in_virtual_time(main)


def test_who_takes_nothing_does_not_hold_up_another_one(in_virtual_time: InVirtualTime) -> None:
    async def main() -> None:
        answer = Answer(*[1] * 10)
        ask = answer.ask(at(4, 1e6))
        second = Ask(sse_response(log=answer.log, stream_id="a"))
        async with running(ask, 8.5) as tasks:
            await second.run()
            assert second.ended
            # On asyncio it waited for a second, and what followed was 4.5 seconds late by then.
            assert anyio.current_time() == (14.5 if running_backend() == "asyncio" else 10)
            await answer.check(second.events)
            tasks.cancel_scope.cancel()
        await answer.check(ask.events)

    in_virtual_time(main)


def test_two_clients_get_every_event_as_it_comes(in_virtual_time: InVirtualTime) -> None:
    async def main() -> None:
        answer = Answer(*[1] * 10)
        ask = answer.ask()
        second = Ask(sse_response(log=answer.log, stream_id="a"))
        async with running(ask, 5.5):
            await second.run()
        # The end may come together with the last one.
        assert set(ask.times) == {*range(1, 11)}
        assert set(second.times) == {5.5, *range(6, 11)}
        await answer.check(ask.events)
        await answer.check(second.events)

    in_virtual_time(main)


def test_who_looks_in_for_a_moment_does_no_harm_to_a_later_send(in_virtual_time: InVirtualTime) -> None:
    async def slowly(message: Any) -> None:
        await anyio.sleep(0.05 if message.get("body") else 0)

    async def main() -> None:
        # It comes and goes in the middle of the send of one event; a second later there is another one's.
        answer = Answer(*[0.95] * 8)
        ask = answer.ask(slowly)
        async with running(ask, 2.92):
            reader = answer.log.read("a")
            await anext(reader)
            await reader.aclose()  # type: ignore[attr-defined]
        assert ask.ended
        assert answer.outcomes[0].reason == "done"
        await answer.check(ask.events)

    in_virtual_time(main)


class Twice(NativeEncoder):
    """Says everything that is even twice."""

    def feed(self, item: Any) -> Sequence[Frame]:
        """Encode an item."""
        frames = super().feed(item)
        return [*frames, *frames] if int(item) % 2 == 0 else frames


def test_what_comes_in_several_events_keeps_its_place(in_virtual_time: InVirtualTime) -> None:
    """Also if what follows it comes alone, and before the client's own task has got up."""

    async def numbers() -> AsyncIterator[str]:
        for number in range(1, 9):
            if number % 2 == 0:
                await anyio.sleep(1)
            yield str(number)

    async def main() -> None:
        dialect = Dialect("twice", Twice, NativeDecoder)
        response = sse_response(rxs.from_stream(numbers), dialect=dialect, log=StreamLog.memory())
        ask = await Ask(response).run()
        said = [json.loads(event.data)["item"] for event in ask.events[:-1]]
        assert said == ["1", "2", "2", "3", "4", "4", "5", "6", "6", "7", "8", "8"]

    in_virtual_time(main)


def test_an_answer_whose_producer_dies_is_gone_on_with_behind_what_was_sent() -> None:
    opened = 0

    async def words() -> AsyncIterator[StreamChunk]:
        nonlocal opened
        opened += 1
        for number in range(8):
            await anyio.sleep(1)
            yield StreamChunk(f"{number} ")

    async def main() -> None:
        ask = Ask(sse_response(rxs.from_stream(words), log=StreamLog.memory(), stream_id="a"))
        asking = asyncio.ensure_future(ask.run())
        await asyncio.sleep(4.5)
        task = producer()
        task.cancel()
        await asking
        said = [json.loads(event.data)["content"] for event in ask.events if event.event == "chunk"]
        assert "".join(said) == "0 1 2 3 4 5 6 7 "
        assert ask.events[-1].event == "done"
        assert opened == 2

    VirtualClock().run(main)


def test_who_comes_to_a_client_that_is_slow_for_a_moment_leaves_it_its_event(
    in_virtual_time: InVirtualTime,
) -> None:
    async def main() -> None:
        answer = Answer(*[1] * 8)
        ask = answer.ask(at(4, 0.9))
        second = Ask(sse_response(log=answer.log, stream_id="a"))
        async with running(ask, 5.5):
            await second.run()
        assert ask.ended
        await answer.check(ask.events)
        await answer.check(second.events)

    in_virtual_time(main)


@pytest.mark.parametrize(("seconds", "arrives"), [(0.8, True), (1e6, False)])
def test_stopped_in_the_middle_of_a_send(
    in_virtual_time: InVirtualTime, seconds: float, *, arrives: bool
) -> None:
    """The event arrives, and the end behind it; or the client, which takes nothing, is left."""

    async def main() -> None:
        answer = Answer(*[1] * 10)
        ask = answer.ask(at(4, seconds))
        entries: list[tuple[str | None, str]] = []
        async with running(ask, 5.5):
            await answer.log.stop("a")
            entries += await answer.entries()
            assert entries[-1] == ("done", '{"done":true,"stopped":true}')
            assert len(entries) == 6
            assert anyio.current_time() <= 6.5
            assert answer.closed
            if not arrives:
                await anyio.sleep(60)
        assert ask.ended == arrives
        assert len(ask.events) == (6 if arrives else 4)
        assert [(each.event, each.data) for each in ask.events] == entries[: len(ask.events)]
        assert answer.outcomes[0].reason == ("stopped" if arrives else "deadline")

    in_virtual_time(main)


def test_deleted_in_the_middle_of_a_send(in_virtual_time: InVirtualTime) -> None:
    async def main() -> None:
        answer = Answer(*[1] * 10)
        ask = answer.ask(at(4, 0.5))
        async with running(ask, 5.2):
            await answer.log.delete("a")
        assert [each.event for each in ask.events] == ["chunk"] * 5 + ["error"]
        assert ask.ended
        assert answer.closed

    in_virtual_time(main)


@pytest.mark.parametrize("how", ["leaves", "cancelled"])
def test_a_client_that_goes_in_the_middle_of_a_send(
    in_virtual_time: InVirtualTime, how: Literal["leaves", "cancelled"]
) -> None:
    async def main() -> None:
        answer = Answer(*[1] * 10)
        ask = answer.ask(at(4, 1e6))
        async with running(ask, 6.5) as tasks:
            if how == "leaves":
                ask.leave()
                await anyio.sleep(0.1)
            else:
                tasks.cancel_scope.cancel()
        assert answer.outcomes[0].reason == ("disconnect" if how == "leaves" else "shutdown")
        assert anyio.current_time() < 7
        assert not answer.closed
        await answer.check(ask.events)

    in_virtual_time(main)


def test_a_client_that_goes_between_two_events_is_sent_nothing_more(in_virtual_time: InVirtualTime) -> None:
    async def main() -> None:
        answer = Answer(*[1] * 10)
        ask = answer.ask()
        async with running(ask, 5.5):
            ask.leave()
        assert anyio.current_time() == 5.5
        assert answer.outcomes[0].reason == "disconnect"
        await answer.check(ask.events)

    in_virtual_time(main)


@pytest.mark.parametrize("error", [BrokenPipeError("gone"), RuntimeError("a middleware's own")])
def test_what_a_send_raises_is_the_responses_business(
    in_virtual_time: InVirtualTime, error: Exception
) -> None:
    async def fail(message: Any) -> None:
        if b'"4 "' in message.get("body", b""):
            raise error

    async def main() -> None:
        answer = Answer(*[1] * 10)
        ask = answer.ask(fail)
        if isinstance(error, OSError):
            await ask.run()
        else:
            with pytest.raises(RuntimeError, match="own"):
                await ask.run()
        assert anyio.current_time() == 5
        assert answer.outcomes[0].reason == ("disconnect" if isinstance(error, OSError) else "error")
        await answer.check(ask.events)

    in_virtual_time(main)


def test_told_to_end_in_the_middle_of_a_send_the_last_word_comes_behind_it(
    in_virtual_time: InVirtualTime,
) -> None:
    async def main() -> None:
        answer = Answer(*[1] * 10)
        ask = answer.ask(at(4, 0.5))
        async with running(ask, 5.2):
            await answer.responses.end()
        assert [each.event for each in ask.events] == ["chunk"] * 5 + ["error"]
        assert '"4 ' in ask.events[4].data
        assert ask.ended
        await publications_of(answer.log).drain()

    in_virtual_time(main)


def test_a_drain_lets_a_send_arrive(in_virtual_time: InVirtualTime) -> None:
    async def main() -> None:
        answer = Answer(*[1] * 10)
        ask = answer.ask(at(4, 0.5))
        async with running(ask, 5.2):
            assert await publications_of(answer.log).drain() == 1
        assert [each.event for each in ask.events] == ["chunk"] * 5 + ["error"]
        assert ask.ended

    in_virtual_time(main)


def test_an_event_waits_for_a_heartbeat(in_virtual_time: InVirtualTime) -> None:
    async def slowly(message: Any) -> None:
        await anyio.sleep(2 if message.get("body") == HEARTBEAT else 0)

    async def main() -> None:
        answer = Answer(1, 1, 16, 1, 1, 1)
        ask = await answer.ask(slowly).run()
        assert ask.parts.count(HEARTBEAT) == 1
        assert ask.ended
        await answer.check(ask.events)

    in_virtual_time(main)


def test_a_producer_that_is_cancelled_in_the_middle_of_a_send_is_cancelled() -> None:
    """By whom it may concern: here, as asyncio ends a loop. Its stream is an orphan, and nobody hangs."""

    async def main() -> None:
        answer = Answer(*[1] * 10)
        ask = answer.ask(at(4, 1e6))
        asking = asyncio.ensure_future(ask.run())
        await asyncio.sleep(5.5)
        task = producer()
        task.cancel()
        await asking
        assert task.cancelled()
        assert answer.closed
        assert len(ask.events) == 4
        info = await answer.log.info("a")
        assert info is not None
        assert not info.ended
        assert not info.alive

    VirtualClock().run(main)


def test_who_is_cut_off_and_cancelled_at_once_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    relays: list[Relay] = []

    class Seen(Relay):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            relays.append(self)

    monkeypatch.setattr(publish, "Relay", Seen)

    async def main() -> None:
        answer = Answer(*[1] * 10)
        ask = answer.ask(at(4, 1e6))
        asking = asyncio.ensure_future(ask.run())
        await asyncio.sleep(5.5)
        task = producer()
        relays[0].cut_off("deadline")
        relays[0].cut_off("deadline")
        task.cancel()
        await asking
        assert task.cancelled()
        assert answer.outcomes[0].reason == "deadline"

    VirtualClock().run(main)


def test_stopped_and_left_at_once(in_virtual_time: InVirtualTime) -> None:
    async def main() -> None:
        answer = Answer(*[1] * 10)
        ask = answer.ask(at(4, 1e6))
        async with running(ask, 5.5):
            ask.leave()
            for _ in range(2):
                await checkpoint()
            await answer.log.stop("a")
        assert (await answer.entries())[-1] == ("done", '{"done":true,"stopped":true}')
        assert answer.closed

    in_virtual_time(main)


TIMES = st.sampled_from([0, 0.004, 0.011, 0.3, 0.95, 3.0])
NEVER = 1e4


@example([0.3] * 3, [0, 0, 0, 40.0], NEVER, NEVER, NEVER)
@example([0.3] * 6, [0, 0, 0, 3.0], 1.0, NEVER, NEVER)
@example([0.3] * 6, [0, 0, 0, 0.95], 1.0, 1.1, 1.2)
@given(
    gaps=st.lists(TIMES, max_size=12),
    takes=st.lists(TIMES | st.just(40.0), min_size=1, max_size=12),
    second=st.floats(0, 6) | st.just(NEVER),
    leaves=st.floats(0, 6) | st.just(NEVER),
    stops=st.floats(0, 6) | st.just(NEVER),
)
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_whatever_happens_nothing_is_lost_or_doubled(
    backend: Literal["asyncio", "trio"],
    gaps: list[float],
    takes: list[float],
    second: float,
    leaves: float,
    stops: float,
) -> None:
    """The client has what the log has, up to where it left or was left; and so has one that comes later."""
    left = iter([*takes, *[0] * 100])

    async def take(_: Any) -> None:
        await anyio.sleep(next(left))

    async def main() -> None:
        answer = Answer(*gaps)
        ask = answer.ask(take)
        # Whoever comes, comes to a stream that is there.
        other = Ask(sse_response(log=answer.log, stream_id="a"))

        async def later(seconds: float, action: Callable[[], Any]) -> None:
            if seconds < NEVER:
                await anyio.sleep(seconds)
                await action()

        async def leave() -> None:
            ask.leave()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask.run)
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(later, second, other.run)
            tasks.start_soon(later, leaves, leave)
            tasks.start_soon(later, stops, partial(answer.log.stop, "a"))
        entries = await answer.entries()
        assert entries[-1][0] == "done"
        if stops == NEVER:
            assert len(entries) == len(gaps) + 1
        assert (answer.opened, answer.closed) == (1, 1)
        events = ask.events
        assert [(each.event, each.data) for each in events] == entries[: len(events)]
        assert [each.id for each in events] == [f"a-{seq}" for seq in range(1, len(events) + 1)]
        if leaves < NEVER:
            assert answer.outcomes[0].reason in {"disconnect", "deadline", "done", "stopped"}
        elif answer.outcomes[0].reason in {"done", "stopped"}:
            assert len(events) == len(entries)
            assert ask.ended
        elif 40.0 not in takes:
            # Only a client which takes nothing for a second, and whose answer others wait for, is left.
            assert answer.outcomes[0].reason == "deadline"
            assert second < NEVER or stops < NEVER
        if second < NEVER:
            assert [(each.event, each.data) for each in other.events] == entries
            assert other.ended
        await answer.log.aclose()

    VirtualClock().run(main, backend=backend)
