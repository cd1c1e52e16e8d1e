"""Any iterable as an Observable: how often, how far, and what must not be one."""

from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

import pytest
from reactivex import operators as ops

import rxstream as rxs
from rxstream.errors import StreamConsumed
from rxstream.testing import Answer, FaultServer
from tests.sources.clients import Kind, chunks_until_error, connected
from tests.sources.test_chat import END, HELLO

pytestmark = [
    pytest.mark.anyio,
    # The SDK's own iterator leaves generators open at [DONE], which trio reports.
    pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning"),
]

ITEMS = ["a", "b", "c"]


def generator() -> Iterator[str]:
    yield from ITEMS


async def async_generator() -> AsyncIterator[str]:
    for item in ITEMS:
        yield item


async def awaits_to_a_list() -> list[str]:
    return ITEMS


async def awaits_to_an_async_iterator() -> AsyncIterator[str]:
    return async_generator()


FACTORIES: dict[str, Any] = {
    "generator function": generator,
    "async generator function": async_generator,
    "async function, to a list": awaits_to_a_list,
    "async function, to an async iterator": awaits_to_an_async_iterator,
    "lambda, to a list": lambda: ITEMS,
    "lambda, to an iterator": lambda: iter(ITEMS),
    "partial of an async function": partial(awaits_to_a_list),
}


@pytest.mark.parametrize("factory", FACTORIES.values(), ids=FACTORIES)
async def test_a_factory_can_be_subscribed_to_again(factory: Any) -> None:
    source = rxs.from_stream(factory)
    assert await rxs.to_list(source) == await rxs.to_list(source) == ITEMS


ONE_SHOTS: dict[str, Any] = {
    "list": lambda: list(ITEMS),
    "iterator": lambda: iter(ITEMS),
    "generator": generator,
    "async generator": async_generator,
    "coroutine, to a list": awaits_to_a_list,
    "coroutine, to an async iterator": awaits_to_an_async_iterator,
}


@pytest.mark.parametrize("make", ONE_SHOTS.values(), ids=ONE_SHOTS)
async def test_anything_else_is_one_shot_and_says_so(make: Any) -> None:
    source = rxs.from_stream(make())
    assert await rxs.to_list(source) == ITEMS
    with pytest.raises(StreamConsumed, match="give from_stream\\(\\) a function that makes a new one"):
        await rxs.to_list(source)


async def test_a_retry_of_a_one_shot_is_no_empty_success() -> None:
    def fails() -> Iterator[str]:
        yield "a"
        raise OSError("broken")

    chunks, error = await chunks_until_error(rxs.from_stream(fails()).pipe(ops.retry(2)))
    assert chunks == ["a"]
    assert isinstance(error, StreamConsumed)


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_the_sdks_stream_itself_is_one_shot(kind: Kind) -> None:
    with FaultServer(Answer((*HELLO, *END))) as server:
        async with connected(kind, server) as client:
            opening = client.chat.completions.create(model="any", messages=[], stream=True)
            source = rxs.from_stream(await opening if kind == "async" else opening)
            assert (await rxs.collect(source)).content == "Hello"
            with pytest.raises(StreamConsumed):
                await rxs.collect(source)


async def test_what_create_returns_can_be_given_unawaited() -> None:
    with FaultServer(Answer((*HELLO, *END))) as server:
        async with connected("async", server) as client:
            opening = client.chat.completions.create(model="any", messages=[], stream=True)
            assert (await rxs.collect(rxs.from_stream(opening))).content == "Hello"


@pytest.mark.parametrize("source", ["text", b"bytes", 7, None, object()])
def test_what_cannot_be_iterated_over_is_refused_at_once(source: Any) -> None:
    with pytest.raises(TypeError, match=f"got {type(source).__name__}: ") as caught:
        rxs.from_stream(source)
    assert ("A single chunk goes into a list" in str(caught.value)) == isinstance(source, str | bytes)


@pytest.mark.parametrize("given", ["text", 7, None])
async def test_so_is_what_a_factory_returns(given: Any) -> None:
    with pytest.raises(TypeError, match=r"from_stream\(\) expects an iterable"):
        await rxs.to_list(rxs.from_stream(lambda: given))


async def test_what_is_a_stream_already_is_refused() -> None:
    answer = rxs.from_stream(["a"])
    with pytest.raises(TypeError, match="an Observable, which is a stream already: use it as it is"):
        rxs.from_stream(answer)
    with pytest.raises(TypeError, match="an Observable, which is a stream already"):
        await rxs.to_list(rxs.from_stream(lambda: answer))


async def test_a_generators_finally_runs_when_it_is_left() -> None:
    events: list[str] = []

    def sync() -> Iterator[str]:
        try:
            yield from ITEMS
        finally:
            events.append("sync")

    async def not_sync() -> AsyncIterator[str]:
        try:
            for item in ITEMS:
                yield item
        finally:
            events.append("async")

    assert await rxs.to_list(rxs.from_stream(sync).pipe(ops.take(1))) == ["a"]
    assert events == ["sync"]
    assert await rxs.to_list(rxs.from_stream(not_sync).pipe(ops.take(1))) == ["a"]
    assert events == ["sync", "async"]


async def test_items_are_pulled_one_by_one() -> None:
    pulled: list[str] = []

    def source() -> Iterator[str]:
        for item in ITEMS:
            pulled.append(item)
            yield item

    async with rxs.open_stream(rxs.from_stream(source)) as items:
        assert pulled == []
        assert await anext(items) == "a"
        assert pulled == ["a"]


@pytest.mark.parametrize("is_async", [True, False])
async def test_a_sources_error_comes_as_the_same_object(is_async: bool) -> None:
    error = OSError("broken")

    def sync() -> Iterator[str]:
        yield "a"
        raise error

    async def not_sync() -> AsyncIterator[str]:
        yield "a"
        raise error

    chunks, raised = await chunks_until_error(rxs.from_stream(not_sync if is_async else sync))
    assert chunks == ["a"]
    assert raised is error
    assert error.__cause__ is None


async def test_an_error_of_the_factory_comes_as_the_same_object() -> None:
    error = OSError("broken")

    def factory() -> list[str]:
        raise error

    _, raised = await chunks_until_error(rxs.from_stream(factory))
    assert raised is error
