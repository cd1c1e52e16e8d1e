"""Connections that break, and streams that go on: what the reader has is the answer, once."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any, Literal

import anyio
import httpx2
import pytest

import rxstream as rxs
from rxstream.errors import (
    AnswerChanged,
    ConnectionLost,
    EventTooLarge,
    MalformedStream,
    ProviderError,
    StreamError,
    StreamTruncated,
)
from rxstream.items import StreamChunk
from rxstream.testing import Answer, Fault, FaultServer, VirtualClock
from rxstream.transports.sse_client import SSEClient
from rxstream.transports.sse_client_dialect import RawEvents
from rxstream.transports.sse_client_place import Place
from rxstream.transports.sse_client_reading import Batches, Plan, Reading
from rxstream.transports.sse_client_stand import Stand, Stands
from tests.sources.clients import chunks_until_error
from tests.transports.event_server import LETTERS, TEXT, Clocked, Keeping, event, letters, numbers, sse, texts

pytestmark = pytest.mark.anyio

EVENTS = letters()
BREAKS: list[Any] = [Fault.cut, Fault.reset, Fault.truncated_chunk, Fault.silent_end]
NOW: dict[str, Any] = {"dialect": LETTERS, "retry": 0.0}
BUSY = Answer((b"busy",), status="503 Busy", headers=(("Content-Type", "text/plain"),))


def places(broken: Any) -> range:
    """After every event; what takes its time only after some."""
    return range(1, len(EVENTS), 4 if broken == Fault.reset else 1)


async def read(server: FaultServer, **options: Any) -> tuple[str, Exception | None]:
    items, error = await chunks_until_error(sse(server.url, **{**NOW, **options}))
    assert [chunk.index for chunk in items] == list(range(len(items)))
    return texts(items), error


# ---------------------------------------------------------------- going on


@pytest.mark.parametrize("broken", BREAKS, ids=lambda broken: broken.__name__)
async def test_a_stream_that_breaks_after_any_event_goes_on_there(broken: Any) -> None:
    for count in places(broken):
        keeping = Keeping(EVENTS)
        with FaultServer(keeping, faults=[broken(after_events=count)]) as server:
            assert await read(server) == (TEXT, None)
        assert keeping.asked == [None, f"s-{count}"]


@pytest.mark.parametrize("broken", [Fault.cut, Fault.silent_end], ids=lambda broken: broken.__name__)
async def test_a_stream_that_breaks_inside_an_event_goes_on_before_it(broken: Any) -> None:
    for at in range(len(EVENTS[0]), len(EVENTS[0]) + len(EVENTS[1])):
        keeping = Keeping(EVENTS)
        with FaultServer(keeping, faults=[broken(at)]) as server:
            assert await read(server) == (TEXT, None)
        assert keeping.asked == [None, "s-1"]


async def test_a_stream_that_breaks_after_every_event_goes_on_each_time() -> None:
    keeping = Keeping(EVENTS)
    # Far more often than it may reconnect in a row: each new event is a fresh start.
    with FaultServer(keeping, faults=[Fault.cut(after_events=1)] * (len(EVENTS) - 1)) as server:
        assert await read(server, reconnects=1) == (TEXT, None)
    assert keeping.asked == [None, *[f"s-{n}" for n in range(1, len(EVENTS))]]


async def test_raw_events_go_on_too() -> None:
    keeping = Keeping(numbers())
    with FaultServer(keeping, faults=[Fault.reset(after_events=3), Fault.truncated_chunk(40)]) as server:
        events = await rxs.to_list(sse(server.url, dialect=None, retry=0.0))
    assert [one.data for one in events] == [str(n) for n in range(1, 11)]
    assert keeping.asked[:2] == [None, "s-3"]


async def test_a_whole_stream_of_raw_events_is_not_asked_for_again() -> None:
    keeping = Keeping(numbers())
    with FaultServer(keeping) as server:
        assert len(await rxs.to_list(sse(server.url, dialect=None, retry=0.0))) == 10
    assert keeping.asked == [None]


async def test_a_server_that_begins_again_is_read_from_where_it_was() -> None:
    for count in range(1, len(EVENTS)):
        keeping = Keeping(EVENTS, replays=True)
        faults = [Fault.cut(after_events=count), Fault.cut(after_events=1), Fault.cut(after_events=count)]
        with FaultServer(keeping, faults=faults) as server:
            assert await read(server) == (TEXT, None)
        assert keeping.asked == [None, *[f"s-{count}"] * 3]


async def test_a_server_that_begins_again_with_something_else_is_found_out() -> None:
    other = letters("A stream of another kind, altogether.")
    keeping = Keeping(make=lambda n: EVENTS if n == 1 else other, replays=True)
    with FaultServer(keeping, faults=[Fault.reset(after_events=5)]) as server:
        text, error = await read(server)
    assert isinstance(error, AnswerChanged)
    assert text == error.partial.content == TEXT[:15]
    assert "Behind retry_stream()" in str(error)


async def test_behind_it_a_retry_aligns_the_other_answer() -> None:
    # The same text, but not in the same events: only who compares texts finds that out.
    other = [event(f'{{"text": "{letter}"}}', id=f"s-{n}") for n, letter in enumerate(TEXT, 1)]
    keeping = Keeping(make=lambda n: EVENTS if n == 1 else [*other, event("end", id="s-99")], replays=True)
    with FaultServer(keeping, faults=[Fault.reset(after_events=3)]) as server:
        retried = sse(server.url, **NOW).pipe(rxs.retry_stream(2, backoff=0))
        assert texts(await rxs.to_list(retried)) == TEXT
    assert keeping.asked == [None, "s-3", None]


async def test_restarts_travel_to_the_chain() -> None:
    events = [event('{"text": "ab c"}', id="s-1"), event("again", id="s-2"), *letters("xy z")]
    with FaultServer(Answer(tuple(events)), Answer((b"".join(events),))) as server:
        for _ in range(2):
            source = sse(server.url, **NOW).pipe(rxs.buffer_words())
            async with rxs.open_stream(source) as opened:
                items = [item async for item in opened]
            assert [str(item)[:9] for item in items] == ["ab", "Restarted", "xy", "z"]


# ---------------------------------------------------------------- not going on


@pytest.mark.parametrize("broken", BREAKS, ids=lambda broken: broken.__name__)
async def test_without_ids_the_error_comes_out(broken: Any) -> None:
    events = letters(ids=False)
    for count in places(broken):
        keeping = Keeping(events)
        with FaultServer(keeping, faults=[broken(after_events=count)]) as server:
            text, error = await read(server)
        assert isinstance(error, StreamTruncated if broken == Fault.silent_end else ConnectionLost)
        assert text == error.partial.content == TEXT[: 3 * count]
        assert keeping.asked == [None]


NO_PLACES: dict[str, Callable[[int], str | None]] = {
    "one id for all": lambda _: "the-answer-1",
    "ids now and then": lambda n: f"s-{n}" if n % 3 == 1 else None,
    "ids that no header holds": lambda n: f"\ts-{n}",
    "ids that were taken back": lambda n: f"s-{n}" if n < 3 else "",
}


@pytest.mark.parametrize("name", NO_PLACES.values(), ids=NO_PLACES)
async def test_where_an_id_is_no_place_the_error_comes_out(name: Any) -> None:
    events = [event('{"text": "abc"}', id=name(n)) for n in range(1, 7)]
    keeping = Keeping(events)
    with FaultServer(keeping, faults=[Fault.reset(after_events=5)]) as server:
        text, error = await read(server)
    assert isinstance(error, ConnectionLost)
    assert text == error.partial.content == "abc" * 5
    assert keeping.asked == [None]


async def test_events_without_ids_behind_others_are_no_place() -> None:
    named, unnamed = letters()[:2], letters(ids=False)[2:]
    keeping = Keeping([*named, *unnamed])
    faults = [Fault.reset(after_events=1), Fault.reset(after_events=3)]
    # On the second connection an id comes, and then none of its own; on a third one there would be none.
    with FaultServer(keeping, faults=faults) as server:
        text, error = await read(server)
    assert isinstance(error, ConnectionLost)
    assert text == TEXT[:12]
    assert keeping.asked == [None, "s-1"]


async def test_reconnects_may_be_forbidden() -> None:
    keeping = Keeping(EVENTS)
    with FaultServer(keeping, faults=[Fault.reset(after_events=2)]) as server:
        text, error = await read(server, reconnects=0)
    assert isinstance(error, ConnectionLost)
    assert (text, keeping.asked) == (TEXT[:6], [None])


async def test_nothing_is_asked_again_before_the_first_event() -> None:
    for fault in (Fault.refused(), Fault.reset(0), Fault.silent_end(0)):
        keeping = Keeping(EVENTS)
        with FaultServer(keeping, faults=[fault]) as server:
            text, error = await read(server, last_event_id="s-0")
        assert error is not None
        assert (text, keeping.asked) == ("", ["s-0"])


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (event('{"error": "no"}', id="s-2"), ProviderError),
        (event("{no json", id="s-2"), MalformedStream),
        (event("x" * 2000, id="s-2"), EventTooLarge),
    ],
    ids=["error event", "not the dialect's", "too large"],
)
async def test_what_the_stream_itself_says_is_no_reason_to_ask_again(
    sent: bytes, kind: type[StreamError]
) -> None:
    keeping = Keeping([EVENTS[0], sent, *EVENTS[2:]])
    with FaultServer(keeping) as server:
        text, error = await read(server, max_event_size=1000)
    assert isinstance(error, kind)
    assert text == error.partial.content == TEXT[:3]
    assert keeping.asked == [None]


async def test_a_hole_in_the_stream_is_not_gone_over() -> None:
    native = event('{"content": "A s", "finish_reason": null}', name="chunk", id="s-1")
    keeping = Keeping([native, event('{"first": 2, "last": 4}', name="gap", id="s-4"), *EVENTS[4:]])
    with FaultServer(keeping) as server:
        source = sse(server.url, retry=0.0).pipe(rxs.retry_stream(2, backoff=0, resume="server"))
        items, error = await chunks_until_error(source)
    assert type(error) is StreamTruncated
    assert "2 to 4" in str(error)
    assert texts(items) == error.partial.content == "A s"
    assert keeping.asked == [None]


async def test_a_decoder_that_fails_at_the_end_is_heard() -> None:
    class Picky(LETTERS.decoder):  # type: ignore[misc, name-defined]
        def close(self) -> Any:
            raise MalformedStream("never enough")

    keeping = Keeping(letters(end=False))
    with FaultServer(keeping) as server:
        text, error = await read(server, dialect=replace(LETTERS, decoder=Picky))
    assert isinstance(error, MalformedStream)
    assert (text, error.partial.content, keeping.asked) == (TEXT, TEXT, [None])


async def test_a_reading_that_nobody_began_is_closed_too() -> None:
    plan = Plan(lambda: SSEClient(None, httpx2.URL("http://host"), {}), 1000, 0, 0.0, Stands())
    await Reading(plan, Stand(RawEvents(), Place())).aclose()


# ---------------------------------------------------------------- attempts


@pytest.mark.parametrize("status", [404, 503])
async def test_a_hook_of_the_clients_may_judge_the_status(status: int) -> None:
    async def judge(response: httpx2.Response) -> None:
        response.raise_for_status()

    refused = Answer((b"no",), status=f"{status} No")
    keeping = Keeping(EVENTS)
    with FaultServer(keeping, refused, keeping, faults=[Fault.reset(after_events=2)]) as server:
        async with httpx2.AsyncClient(event_hooks={"response": [judge]}) as client:
            text, error = await read(server, client=client)
    if status == 503:
        assert (text, error) == (TEXT, None)
    else:
        assert isinstance(error, httpx2.HTTPStatusError)
        assert text == TEXT[:6]


async def test_failed_attempts_in_a_row_are_counted() -> None:
    faults = [Fault.reset(after_events=2), *[Fault.refused()] * 2, Fault.cut(0), Fault.cut(0)]
    with FaultServer(Keeping(EVENTS), faults=faults) as server:
        assert await read(server, reconnects=5) == (TEXT, None)
    with FaultServer(Keeping(EVENTS), faults=faults) as server:
        text, error = await read(server, reconnects=4)
    assert isinstance(error, ConnectionLost)
    assert text == error.partial.content == TEXT[:6]
    assert [note[:20] for note in error.__notes__] == [f"Reconnected ({n} of 4)" for n in (1, 2, 3, 4)]


async def test_a_server_that_is_busy_is_asked_again() -> None:
    keeping = Keeping(EVENTS)
    with FaultServer(keeping, BUSY, BUSY, keeping, faults=[Fault.reset(after_events=2)]) as server:
        assert await read(server) == (TEXT, None)
        assert len(server.requests) == 4
    with FaultServer(keeping, BUSY, faults=[Fault.reset(after_events=2)]) as server:
        text, error = await read(server, reconnects=2)
        assert len(server.requests) == 3
    assert isinstance(error, ProviderError)
    assert (error.status, text, error.partial.content) == (503, TEXT[:6], TEXT[:6])


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 410])
async def test_a_stream_that_is_gone_is_gone(status: int) -> None:
    gone = Answer.json({"error": {"message": "forgotten", "code": "gone"}}, status=status)
    with FaultServer(Keeping(EVENTS), gone, faults=[Fault.reset(after_events=2)]) as server:
        text, error = await read(server)
        assert len(server.requests) == 2
    assert isinstance(error, ProviderError)
    assert (error.status, error.code, text, error.partial.content) == (status, "gone", TEXT[:6], TEXT[:6])
    assert "Reconnected (1 of 5) after ConnectionLost" in error.__notes__[0]


async def test_nothing_more_is_a_truncation_where_there_is_a_terminator() -> None:
    keeping = Keeping(letters(end=False))
    with FaultServer(keeping) as server:
        text, error = await read(server)
    assert type(error) is StreamTruncated
    assert text == error.partial.content == TEXT
    assert "nothing more (204)" in error.__notes__[0]
    assert len(keeping.asked) == 2


async def test_nothing_more_is_the_end_of_raw_events() -> None:
    keeping = Keeping(numbers(), end="half chunk")
    with FaultServer(keeping) as server:
        assert len(await rxs.to_list(sse(server.url, dialect=None, retry=0.0))) == 10
    assert keeping.asked == [None, "s-10"]


async def test_a_web_page_on_the_way_is_an_error() -> None:
    page = Answer((b"<html>login",), headers=(("Content-Type", "text/html"),))
    with FaultServer(Keeping(EVENTS), page, faults=[Fault.reset(after_events=2)]) as server:
        text, error = await read(server)
    assert isinstance(error, MalformedStream)
    assert "text/html" in str(error)
    assert text == error.partial.content == TEXT[:6]


# ---------------------------------------------------------------- time, without a socket


def waits(
    backend: Literal["asyncio", "trio"], *answers: Any, **options: Any
) -> tuple[list[float], Exception | None]:
    """How long it was between one request and the next, and what it ended in."""
    clocked = Clocked(*answers)

    async def main() -> Exception | None:
        async with httpx2.AsyncClient(transport=clocked) as client:
            source = sse("http://test", client=client, **{"dialect": LETTERS, **options})
            return (await chunks_until_error(source))[1]

    error = VirtualClock().run(main, backend=backend)
    return [later - earlier for earlier, later in pairwise(clocked.asked)], error


DEAD = OSError("reset")
for_backends = pytest.mark.parametrize("backend", ["asyncio", "trio"])


def within(wait: float, least: float) -> bool:
    """The jitter adds up to a quarter, and nothing goes above a minute."""
    return least - 1e-6 <= wait <= min(least * 1.25, max(60.0, least)) + 1e-6


@for_backends
def test_each_attempt_waits_twice_as_long(backend: Literal["asyncio", "trio"]) -> None:
    found, error = waits(backend, (200, {}, [EVENTS[0], DEAD]), *[(200, {}, [])] * 6, reconnects=6)
    assert isinstance(error, StreamTruncated)
    assert all(map(within, found, [3, 6, 12, 24, 48, 60]))
    assert len(found) == 6


@for_backends
def test_the_server_says_how_long_to_wait(backend: Literal["asyncio", "trio"]) -> None:
    first = letters(retry=500)[0]
    found, error = waits(
        backend, (200, {}, [first, DEAD]), (200, {}, [EVENTS[1], DEAD]), (200, {}, [b"".join(EVENTS[2:])])
    )
    assert error is None
    assert all(map(within, found, [0.5, 0.5]))


@for_backends
def test_nobody_waits_longer_than_a_minute(backend: Literal["asyncio", "trio"]) -> None:
    first = letters(retry=10**15)[0]
    found, error = waits(backend, (200, {}, [first, DEAD]), (200, {}, [b"".join(EVENTS[1:])]))
    assert (found, error) == ([60.0], None)


@for_backends
def test_retry_after_counts_for_more(backend: Literal["asyncio", "trio"]) -> None:
    busy = (503, {"retry-after": "20"}, [b"busy"])
    found, error = waits(backend, (200, {}, [EVENTS[0], DEAD]), busy, (200, {}, [b"".join(EVENTS[1:])]))
    assert error is None
    assert within(found[0], 3)
    assert found[1] == 20


@for_backends
def test_who_asks_for_more_than_a_minute_is_not_waited_for(backend: Literal["asyncio", "trio"]) -> None:
    busy = (429, {"retry-after": "61"}, [b"busy"])
    found, error = waits(backend, (200, {}, [EVENTS[0], DEAD]), busy)
    assert isinstance(error, ProviderError)
    assert error.status == 429
    assert error.__notes__[0] == "The server asks to wait for 61 s, and 60 s are the most."
    assert len(found) == 1


@for_backends
def test_a_timeout_does_not_wait_for_the_next_attempt(backend: Literal["asyncio", "trio"]) -> None:
    clocked = Clocked((200, {}, [EVENTS[0], DEAD]))

    async def main() -> float:
        async with httpx2.AsyncClient(transport=clocked) as client:
            source = sse("http://test", client=client, dialect=LETTERS, retry=30)
            with pytest.raises(rxs.StreamStalled):
                await rxs.to_list(source.pipe(rxs.timeout_stream(gap=10)))
        return anyio.current_time()

    assert VirtualClock().run(main, backend=backend) == pytest.approx(10)


def test_a_batch_is_its_items() -> None:
    batches = Batches()
    chunk = StreamChunk("a")
    assert batches.feed([chunk]) == [chunk]
    assert list(batches.close()) == []
