"""A client that leaves and comes back, to this process or another one: it gets one answer."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint
from reactivex import Observable

import rxstream as rxs
from rxstream.engine.backend import loop_clock
from rxstream.errors import StreamTruncated
from rxstream.items import SSEEvent, StreamChunk
from rxstream.sources.recording import bundled_recordings
from rxstream.transports.dialects.contract import Dialect, Frame
from rxstream.transports.dialects.named import dialect_named
from rxstream.transports.dialects.native import NativeDecoder, NativeEncoder
from rxstream.transports.log import StreamLog
from rxstream.transports.publish import publications_of
from rxstream.transports.refusals import Refusal
from rxstream.transports.sse_response import sse_response
from rxstream.transports.sse_resume import Position, check_name, position_of
from tests.transports.asgi import Ask
from tests.transports.redis_server import RedisServer, redis_server

__all__ = ("redis_server",)  # a fixture: pytest finds it by its name

pytestmark = pytest.mark.anyio

#: Those that are answers; the others end in errors.
ANSWERS = [name for name in bundled_recordings() if name[:2] in {"01", "05", "07"}]


@pytest.fixture(params=["memory", "sqlite", "redis"])
def logs(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], StreamLog]:
    """Give what makes a log; of those that last, another one on the same streams."""
    if request.param == "memory":
        log = StreamLog.memory()
        return lambda: log
    if request.param == "sqlite":
        return lambda: StreamLog.sqlite(tmp_path / "streams.db", lease=1)
    server: RedisServer = request.getfixturevalue("redis_server")
    return lambda: StreamLog.redis(server.url, lease=1, prefix=f"{tmp_path.name}:")


def content(events: list[SSEEvent]) -> str:
    return "".join(json.loads(event.data).get("content", "") for event in events if event.event == "chunk")


def behind(count: int) -> Callable[[bytes], bool]:
    """Leave behind so many events."""
    return lambda body: body.count(b"\n\n") >= count


async def slowly(chunks: list[StreamChunk]) -> AsyncIterator[StreamChunk]:
    for chunk in chunks:
        await anyio.sleep(0.001)
        yield chunk


@pytest.mark.parametrize("name", ANSWERS)
async def test_behind_every_event_it_goes_on_as_if_nothing_had_been(
    logs: Callable[[], StreamLog], name: str
) -> None:
    """Also from another log object, as another process has one."""
    chunks = await rxs.to_list(rxs.from_recording(name, speed=None))
    whole = "".join(chunk.content for chunk in chunks)
    log, other = logs(), logs()
    try:
        await Ask(sse_response(rxs.from_stream(lambda: slowly(chunks)), log=log, stream_id="whole")).run()
        events = (await Ask(sse_response(log=other, stream_id="whole")).run()).events
        assert content(events) == whole
        step = max(1, len(events) // 25)
        for count in range(1, len(events), step):
            rest = await Ask(
                sse_response(log=other, stream_id="whole"), headers={"Last-Event-ID": f"whole-{count}"}
            ).run()
            assert rest.events == events[count:]
    finally:
        await log.aclose()
        if other is not log:
            await other.aclose()


async def test_a_client_that_leaves_in_the_middle_comes_back_to_what_it_missed(
    logs: Callable[[], StreamLog],
) -> None:
    chunks = await rxs.to_list(rxs.from_recording("01-prose", speed=None))
    whole = "".join(chunk.content for chunk in chunks)
    log, other = logs(), logs()
    opened = 0

    def source() -> AsyncIterator[StreamChunk]:
        nonlocal opened
        opened += 1
        return slowly(chunks)

    def response(from_log: StreamLog) -> Any:
        return sse_response(rxs.from_stream(source), log=from_log, stream_id="left")

    try:
        first = await Ask(response(log), leaves=behind(5)).run()
        events = first.events
        assert not first.ended
        while events[-1].event != "done":
            last = events[-1].id
            more = await Ask(response(other), headers={"Last-Event-ID": str(last)}, leaves=behind(7)).run()
            assert more.status == 200
            events += more.events
        assert content(events) == whole
        assert opened == 1
        # It has all of it: an EventSource is told so, and stops.
        over = await Ask(response(other), query=f"last_event_id={events[-1].id}").run()
        assert (over.status, over.body) == (204, b"")
    finally:
        await publications_of(log).drain()
        await log.aclose()
        if other is not log:
            await other.aclose()


async def test_an_orphan_is_gone_on_with_behind_what_was_written(logs: Callable[[], StreamLog]) -> None:
    """The producer is gone without an end; whoever comes back brings the same request along."""
    chunks = await rxs.to_list(rxs.from_recording("01-prose", speed=None))
    whole = "".join(chunk.content for chunk in chunks)
    log = logs()
    try:
        writer = await log.create("orphan", meta={"dialect": "rxstream"})
        encoder = dialect_named("rxstream").encoder()
        for chunk in chunks[:20]:
            await writer.append(encoder.feed(chunk))
        await writer.aclose()
        answer = rxs.from_stream(lambda: slowly(chunks))
        rest = await Ask(
            sse_response(answer, log=log, stream_id="orphan"), headers={"Last-Event-ID": "orphan-20"}
        ).run()
        assert "".join(chunk.content for chunk in chunks[:20]) + content(rest.events) == whole
        again = await Ask(sse_response(log=log, stream_id="orphan")).run()
        assert content(again.events) == whole
    finally:
        await log.aclose()


async def never() -> AsyncIterator[str]:
    yield "a"
    await anyio.sleep_forever()


async def test_stop_is_no_disconnect() -> None:
    log = StreamLog.memory()
    answer = rxs.from_stream(never)
    left = await Ask(sse_response(answer, log=log, stream_id="s"), leaves=behind(1)).run()
    assert [event.event for event in left.events] == ["chunk"]
    info = await log.info("s")
    assert info is not None
    assert info.alive
    back = Ask(sse_response(log=log, stream_id="s"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(back.run)
        await anyio.wait_all_tasks_blocked()
        assert await log.stop("s")
    assert [event.event for event in back.events] == ["chunk", "done"]
    assert json.loads(back.events[-1].data) == {"done": True, "stopped": True}
    await log.aclose()


def test_trap_18_without_a_reader_it_goes_on_for_a_while_and_no_longer(in_virtual_time: Any) -> None:
    async def body() -> None:
        log = StreamLog.memory()
        answer = sse_response(rxs.from_stream(never), log=log, stream_id="s", grace=30.0)
        await Ask(answer, leaves=behind(1)).run()
        await anyio.sleep(29)
        assert len(publications_of(log)) == 1
        await anyio.sleep(2)
        assert len(publications_of(log)) == 0
        info = await log.info("s")
        assert info is not None
        assert info.ended
        await log.aclose()

    in_virtual_time(body)


async def test_trap_17_a_stream_is_its_owners_alone() -> None:
    log = StreamLog.memory()
    await Ask(sse_response(rxs.from_stream(["a"]), log=log, stream_id="s", owner="me")).run()

    async def status(**options: Any) -> int:
        headers = options.pop("headers", None)
        query = options.pop("query", "")
        return (await Ask(sse_response(log=log, **options), headers=headers, query=query).run()).status

    assert await status(stream_id="s", owner="me") == 200
    assert await status(stream_id="s", owner="you") == 404
    assert await status(stream_id="s") == 404
    assert await status(stream_id="none") == 404
    assert await status(stream_id="s", owner="me", headers={"Last-Event-ID": "other-1"}) == 404
    assert await status(owner="me", headers={"Last-Event-ID": "s-1"}) == 200
    assert await status(stream_id="s", owner="me", headers={"Last-Event-ID": "s-99"}) == 404
    assert await status(stream_id="s", owner="me", query="after=1") == 200
    for bad in ("nonsense", "s-", "-1", "s-é"):
        assert await status(stream_id="s", owner="me", headers={"Last-Event-ID": bad}) == 400
    assert await status(stream_id="s", owner="me", query="after=x") == 400
    await log.aclose()


async def test_what_is_held_no_longer_is_said_so() -> None:
    log = StreamLog.memory(max_events=3)
    items = [str(number) for number in range(9)]
    await Ask(sse_response(rxs.from_stream(items), log=log, stream_id="s")).run()
    back = await Ask(sse_response(log=log, stream_id="s")).run()
    assert (back.events[0].event, back.events[0].data) == ("gap", '{"first":1,"last":7}')
    assert [event.event for event in back.events[1:]] == ["chunk", "chunk", "done"]
    answer: Observable[Any] = rxs.from_stream(items)
    await Ask(sse_response(answer, log=log, stream_id="o", dialect="openai")).run()
    assert (await Ask(sse_response(log=log, stream_id="o")).run()).status == 410
    await log.aclose()


async def test_a_dialect_that_replays_begins_at_its_beginning() -> None:
    log = StreamLog.memory()
    answer: Observable[Any] = rxs.from_stream(["a", "b"])
    first = await Ask(sse_response(answer, log=log, stream_id="s", dialect="ui-message")).run()
    again = await Ask(sse_response(log=log, stream_id="s"), headers={"Last-Event-ID": "s-3"}).run()
    assert again.events == first.events
    assert again.headers["x-vercel-ai-ui-message-stream"] == "v1"
    await log.aclose()


async def breaks() -> AsyncIterator[str]:
    yield "a"
    raise StreamTruncated("it broke off")


async def fails() -> AsyncIterator[str]:
    raise StreamTruncated("it never began")
    yield ""


async def test_an_error_is_an_event_that_is_logged_too() -> None:
    log = StreamLog.memory()
    first = await Ask(sse_response(rxs.from_stream(breaks), log=log, stream_id="s")).run()
    again = await Ask(sse_response(log=log, stream_id="s")).run()
    assert [event.event for event in first.events] == ["chunk", "error"]
    assert again.events == first.events
    await log.aclose()


async def test_trap_11_an_answer_that_never_began_is_an_http_error_and_leaves_its_name() -> None:
    log = StreamLog.memory()
    failed = await Ask(sse_response(rxs.from_stream(fails), log=log, stream_id="s")).run()
    assert failed.status == 502
    assert await log.info("s") is None
    await log.aclose()


async def test_an_outcome_is_told_once() -> None:
    log = StreamLog.memory()
    told: list[str] = []

    def response(source: Any, **options: Any) -> Any:
        return sse_response(source, log=log, on_close=lambda outcome: told.append(outcome.reason), **options)

    await Ask(response(rxs.from_stream(["a"]), stream_id="done")).run()
    await Ask(response(rxs.from_stream(breaks), stream_id="error")).run()
    await Ask(response(rxs.from_stream(never), stream_id="left"), leaves=behind(1)).run()
    await Ask(response(None, stream_id="none")).run()
    assert told == ["done", "error", "disconnect", "error"]
    await publications_of(log).drain()
    await log.aclose()


async def test_a_server_that_stops_ends_what_nobody_else_can_go_on_with() -> None:
    log = StreamLog.memory()
    responses = rxs.Responses()
    ask = Ask(sse_response(rxs.from_stream(never), log=log, stream_id="s", responses=responses))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask.run)
        await anyio.wait_all_tasks_blocked()
        assert await publications_of(log).drain(0.0) == 1
        await responses.end()
    assert json.loads(ask.events[-1].data)["error"]["code"] == "shutdown"
    await log.aclose()


async def test_two_who_ask_at_once_get_the_same_answer() -> None:
    log = StreamLog.memory()
    opened: list[float] = []

    def source() -> AsyncIterator[StreamChunk]:
        opened.append(loop_clock()())
        return slowly([StreamChunk("a"), StreamChunk("b", finish_reason="stop")])

    asks = [Ask(sse_response(rxs.from_stream(source), log=log, stream_id="s")) for _ in range(3)]
    async with anyio.create_task_group() as tasks:
        for ask in asks:
            tasks.start_soon(ask.run)
    assert len(opened) == 1
    assert {ask.body for ask in asks} == {asks[0].body}
    await log.aclose()


def scope(*headers: tuple[bytes, bytes], query: bytes = b"") -> Any:
    return {"headers": list(headers), "query_string": query}


async def test_where_a_client_wants_to_go_on() -> None:
    header = (b"last-event-id", b"a-b-7")
    assert position_of(scope(header), plain=False) == Position("a-b", 7)
    assert position_of(scope(query=b"last_event_id=s-0"), plain=False) == Position("s", 0)
    assert position_of(scope(query=b"after=3"), plain=True) == Position(None, 3)
    assert position_of(scope(query=b"after=3"), plain=False) == Position(None, None)
    assert position_of(scope(header, query=b"after=3"), plain=True) == Position("a-b", 7)
    with pytest.raises(Refusal):
        position_of(scope(query=b"last_event_id=x"), plain=False)


async def test_a_name_of_a_stream_is_one() -> None:
    check_name("stream_id", None)
    check_name("stream_id", "aZ_-9")
    with pytest.raises(ValueError, match="1 to 64"):
        check_name("stream_id", "a b")
    with pytest.raises(TypeError, match="a str"):
        check_name("stream_id", 3)


class Wrong(NativeEncoder):
    """An encoder of a user's own that gives what is no text, from some event on."""

    def __init__(self, good: int) -> None:
        super().__init__()
        self.good = good

    def feed(self, item: Any) -> Sequence[Frame]:
        """Write an item, well or not."""
        self.good -= 1
        return super().feed(item) if self.good >= 0 else (("chunk", 5),)  # type: ignore[return-value]


@pytest.mark.parametrize("good", [0, 1, 3])
async def test_a_producer_that_gets_nowhere_is_not_begun_again_and_again(
    good: int, caplog: pytest.LogCaptureFixture
) -> None:
    opened = 0

    async def words() -> AsyncIterator[str]:
        nonlocal opened
        opened += 1
        for number in range(10):
            await checkpoint()
            yield f" word{number}"

    dialect = Dialect("mine", lambda: Wrong(good), NativeDecoder)
    ask = Ask(sse_response(rxs.from_stream(words), dialect=dialect, log=StreamLog.memory()))
    with anyio.fail_after(20):
        asked = await ask.run()
    if good:
        assert (asked.status, asked.events[-1].event) == (200, "error")
    else:
        assert asked.status == 503  # nothing has been said yet
    assert opened <= 3
    assert "cannot be written to its log" in caplog.text
