"""An answer as events: each item as it comes, and one end."""

from typing import Any

import pytest
from reactivex import Observable, abc
from reactivex import operators as ops
from reactivex.disposable import Disposable

import rxstream as rxs
from rxstream.errors import StreamTruncated, UnknownName
from rxstream.items import SSEEvent, StreamChunk
from rxstream.transports.to_sse import to_sse
from tests.engine.sources import Source, read

pytestmark = pytest.mark.anyio


async def test_each_item_is_an_event_and_the_end_is_one() -> None:
    events = await read(Source(["a", StreamChunk("b")]).observable.pipe(to_sse(ids="s")))
    assert events == [
        SSEEvent('{"item":"a"}', "chunk", "s-1"),
        SSEEvent('{"content":"b","finish_reason":null}', "chunk", "s-2"),
        SSEEvent('{"done":true}', "done", "s-3"),
    ]


async def test_a_stream_without_an_item_has_its_beginning_and_its_end() -> None:
    events = await read(Source([]).observable.pipe(to_sse(dialect="ag-ui")))
    assert [event.data[:20] for event in events] == ['{"type":"RUN_STARTED', '{"type":"RUN_FINISHE']


async def test_an_error_is_the_last_event() -> None:
    source = rxs.from_stream(iter_then_fail)
    events = await read(source.pipe(to_sse()))
    assert [event.event for event in events] == ["chunk", "error"]
    assert "it broke off" in events[1].data


def iter_then_fail() -> Any:
    yield "a"
    raise StreamTruncated("it broke off")


async def test_an_item_that_cannot_be_written_ends_the_stream_and_closes_its_source() -> None:
    source = Source(["a", object(), "b"])
    events = await read(source.observable.pipe(to_sse()))
    assert [event.event for event in events] == ["chunk", "error"]
    assert source.closed == 1


@pytest.mark.parametrize("end", ["on_completed", "on_error"])
async def test_what_a_source_says_behind_the_fault_is_nothing(end: str) -> None:
    """In the middle of its subscribe() a source of Rx cannot be stopped yet."""

    def subscribe(observer: abc.ObserverBase[Any], _: abc.SchedulerBase | None = None) -> abc.DisposableBase:
        observer.on_next(object())
        observer.on_next("b")
        observer.on_completed() if end == "on_completed" else observer.on_error(ValueError("late"))
        return Disposable()

    source: Observable[Any] = Observable(subscribe)
    assert [event.event for event in await read(source.pipe(to_sse()))] == ["error"]


async def test_as_bytes_it_is_what_a_browser_reads() -> None:
    source = Source(["a\nb"]).observable
    body = "".join(await read(source.pipe(to_sse(), ops.map(SSEEvent.encode))))
    assert await read(rxs.from_stream([body]).pipe(rxs.parse_sse())) == [
        SSEEvent('{"item":"a\\nb"}', "chunk"),
        SSEEvent('{"done":true}', "done"),
    ]


async def test_wrong_arguments_are_refused_at_once() -> None:
    with pytest.raises(UnknownName, match="'rxstream', 'openai'"):
        to_sse(dialect="klingon")
    with pytest.raises(ValueError, match="ASCII"):
        to_sse(ids="é")
