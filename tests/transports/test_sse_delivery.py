"""A response without a log: read in the request's own task, and closed there, once, whatever happens."""

import json
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from starlette.exceptions import HTTPException

import rxstream as rxs
from rxstream.errors import StreamTruncated
from rxstream.transports.sse_delivery import SSEOutcome
from rxstream.transports.sse_response import sse_response
from tests.transports.asgi import Ask


class Source:
    """Says what it is told to, and keeps who opened and closed it."""

    def __init__(self, *items: Any, gap: float = 0.0) -> None:
        self.items = items
        self.gap = gap
        self.opened = 0
        self.closed = 0
        self.tasks: set[int] = set()
        self.outcomes: list[SSEOutcome] = []

    def response(self, **options: Any) -> Any:
        return sse_response(rxs.from_stream(self.generate), on_close=self.outcomes.append, **options)

    async def generate(self) -> AsyncIterator[Any]:
        self.opened += 1
        self.tasks.add(anyio.get_current_task().id)
        try:
            for item in self.items:
                if isinstance(item, Exception):
                    raise item
                if item is None:
                    await anyio.sleep_forever()
                await anyio.sleep(self.gap)
                yield item
        finally:
            self.tasks.add(anyio.get_current_task().id)
            with anyio.CancelScope(shield=True):
                await anyio.lowlevel.checkpoint()
            self.closed += 1

    @property
    def reason(self) -> str:
        """How the response ended; told once, with everything closed, in one task."""
        (outcome,) = self.outcomes
        assert self.closed == self.opened
        assert len(self.tasks) <= 1
        return outcome.reason


Run = Callable[[Callable[[], Any]], Any]


def test_a_stream_to_its_end(in_virtual_time: Run) -> None:
    async def body() -> None:
        source = Source("a", "b")
        ask = await Ask(source.response()).run()
        assert [event.data for event in ask.events] == ['{"item":"a"}', '{"item":"b"}', '{"done":true}']
        assert ask.ended
        assert source.reason == "done"
        assert source.outcomes[0].events == 3
        assert source.outcomes[0].bytes == len(ask.body)
        assert ask.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert "connection" not in ask.headers

    in_virtual_time(body)


@pytest.mark.parametrize("logged", [False, True])
def test_events_that_come_close_go_out_together(in_virtual_time: Run, logged: bool) -> None:
    """One write each 10 ms, at most; the first event at once, and so every one that comes alone."""

    async def body() -> None:
        log = rxs.StreamLog.memory() if logged else None
        fast = await Ask(Source(*"abcdefghijklmnopqrstuvwxyz", gap=0.003).response(log=log)).run()
        assert "".join(json.loads(event.data).get("item", "") for event in fast.events) == (
            "abcdefghijklmnopqrstuvwxyz"
        )
        begun = fast.times[0]
        # A log's reader sees that a stream is fast by its second event.
        assert fast.times[1] - begun == pytest.approx(0.003 if logged else 0.01)
        gaps = [after - before for before, after in pairwise(fast.times[1:-1])]
        assert min(gaps) > 0.0099
        assert max(gaps) < 0.0131
        assert 0 <= fast.times[-1] - begun - 25 * 0.003 < (0.01 if logged else 1e-9)
        slow = await Ask(Source(*"abcdef", gap=0.011).response(log=log)).run()
        assert [after - before for before, after in pairwise(slow.times[:-1])] == pytest.approx([0.011] * 5)

    in_virtual_time(body)


def test_trap_05_an_empty_stream_has_an_end(in_virtual_time: Run) -> None:
    async def body() -> None:
        ask = await Ask(Source().response(dialect="openai")).run()
        assert ask.events[-1].data == "[DONE]"

    in_virtual_time(body)


def test_trap_12_what_stands_before_an_error_is_delivered(in_virtual_time: Run) -> None:
    async def body() -> None:
        source = Source("a", StreamTruncated("it broke off"))
        ask = await Ask(source.response()).run()
        assert [event.event for event in ask.events] == ["chunk", "error"]
        assert (source.reason, str(source.outcomes[0].error)) == ("error", "it broke off")

    in_virtual_time(body)


def test_trap_11_an_early_error_has_a_status(in_virtual_time: Run) -> None:
    async def body() -> None:
        source = Source(StreamTruncated("it never began"))
        ask = await Ask(source.response()).run()
        assert (ask.status, ask.headers["content-type"]) == (502, "application/json")
        assert json.loads(ask.body)["error"]["message"] == "it never began"
        assert source.reason == "error"
        for error in (HTTPException(403), ValueError("a fault of the program")):
            source = Source(error)
            with pytest.raises(type(error)):
                await Ask(source.response()).run()
            assert source.reason == "error"

    in_virtual_time(body)


def test_trap_11_the_wait_for_the_first_item_is_bounded(in_virtual_time: Run) -> None:
    async def body() -> None:
        source = Source("a", gap=40)
        ask = await Ask(source.response()).run()
        assert ask.parts[:3] == [b": hb\n"] * 2 + [b'event: chunk\ndata: {"item":"a"}\n\n']
        assert ask.times[:2] == [15, 30]
        source = Source(gap=0)
        source.items = ("late",)
        source.gap = 20
        late = Source(StreamTruncated("late"))

        async def slow() -> AsyncIterator[str]:
            await anyio.sleep(20)
            raise StreamTruncated("late")
            yield ""

        ask = await Ask(sse_response(rxs.from_stream(slow), on_close=late.outcomes.append)).run()
        assert (ask.status, ask.events[-1].event) == (200, "error")

    in_virtual_time(body)


def test_trap_07_who_stops_reading_is_left(in_virtual_time: Run) -> None:
    async def body() -> None:
        source = Source(*"abc", gap=1)

        async def takes(message: Any) -> None:
            if b"b" in message.get("body", b""):
                await anyio.sleep_forever()

        began = anyio.current_time()
        await Ask(source.response(send_deadline=7), takes=takes).run()
        assert source.reason == "deadline"
        assert 7 <= anyio.current_time() - began <= 12

    in_virtual_time(body)


@pytest.mark.parametrize("raises", [None, OSError()], ids=["silently", "by an error"])
def test_trap_08_09_10_13_who_leaves_is_noticed_and_the_source_closed(
    in_virtual_time: Run, raises: Exception | None
) -> None:
    async def body() -> None:
        # While it waits, while it sends, and before its first item; also under a server of ASGI 2.4.
        for items in (("a", None), (*("a" * 50),), (None,)):
            for spec in ("2.3", "2.4"):
                source = Source(*items, gap=1)
                ask = Ask(source.response(), leaves=lambda text: b"chunk" in text, raises=raises, spec=spec)
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(ask.run)
                    await anyio.sleep(5)
                    ask.leave()
                assert source.reason == "disconnect"

    in_virtual_time(body)


def test_trap_28_a_server_that_stops_ends_it_with_a_word(in_virtual_time: Run) -> None:
    async def body() -> None:
        for items, status in ((("a", None), 200), ((None,), 503)):
            responses = rxs.Responses()
            source = Source(*items)
            ask = Ask(source.response(responses=responses))
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask.run)
                await anyio.sleep(1)
                assert await responses.end() == 1
            assert ask.status == status
            assert b'"shutdown"' in ask.body
            assert source.reason == "shutdown"

    in_virtual_time(body)


def test_a_response_that_is_cancelled_closes_its_source(in_virtual_time: Run) -> None:
    async def body() -> None:
        source = Source("a", None)
        with anyio.move_on_after(1):
            await Ask(source.response()).run()
        assert source.reason == "shutdown"

    in_virtual_time(body)


def test_a_head_has_no_body_and_opens_nothing(in_virtual_time: Run) -> None:
    async def body() -> None:
        source = Source("a")
        ask = await Ask(source.response(), method="HEAD").run()
        assert (ask.status, ask.body, source.opened) == (200, b"", 0)
        with pytest.raises(TypeError, match="websocket"):
            other = Ask(source.response())
            other.scope["type"] = "websocket"
            await other.run()

    in_virtual_time(body)


def test_what_on_close_raises_is_logged(in_virtual_time: Run, caplog: pytest.LogCaptureFixture) -> None:
    async def body() -> None:
        def fail(_: SSEOutcome) -> None:
            raise ZeroDivisionError

        await Ask(sse_response(rxs.from_stream(["a"]), on_close=fail)).run()

    in_virtual_time(body)
    assert "on_close" in caplog.text


def test_an_item_that_cannot_be_written_is_the_end(in_virtual_time: Run) -> None:
    async def body() -> None:
        source = Source("a", object(), "b")
        ask = await Ask(source.response()).run()
        assert [event.event for event in ask.events] == ["chunk", "error"]
        assert "object" not in ask.events[-1].data
        assert source.reason == "error"

    in_virtual_time(body)
