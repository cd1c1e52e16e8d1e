"""Whatever can be iterated over, and how it is closed."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest
from reactivex import operators as ops

import rxstream as rxs
from rxstream.errors import ConnectionLost, MalformedStream, ProviderError, StreamTruncated
from rxstream.sources.iterate import iterate, let_go
from rxstream.testing import Answer, FaultServer
from tests.sources.clients import Kind, chunks_until_error, connected
from tests.sources.test_blocking import threads_reading
from tests.sources.test_chat import END, HELLO

pytestmark = [
    pytest.mark.anyio,
    # The SDK's own iterator leaves generators open at [DONE] and on errors, which trio reports.
    pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning"),
]

both_kinds = pytest.mark.parametrize("kind", ["async", "sync"])


class Closes:
    """An async iterator of three that counts how often it is closed, by the method of that name."""

    def __init__(self, method: str | None, *, awaited: bool = True) -> None:
        self.closed = 0
        self.left = 3
        if method is not None:
            setattr(self, method, self._aclose if awaited else self._close)

    def __aiter__(self) -> "Closes":
        return self

    async def __anext__(self) -> int:
        if not self.left:
            raise StopAsyncIteration
        self.left -= 1
        return self.left

    async def _aclose(self) -> None:
        self.closed += 1

    def _close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize(("method", "awaited"), [("aclose", True), ("close", True), ("close", False)])
async def test_an_async_iterator_is_closed_once_by_whatever_method_it_has(method: str, awaited: bool) -> None:
    source = Closes(method, awaited=awaited)
    async with rxs.open_stream(rxs.from_stream(source)) as items:
        async for _ in items:
            break
    assert source.closed == 1


async def test_one_without_such_a_method_is_left_alone() -> None:
    assert await rxs.to_list(rxs.from_stream(Closes(None))) == [2, 1, 0]
    assert let_go(object()) is None


async def test_the_iterator_and_what_it_came_from_are_both_closed() -> None:
    inner = Closes("aclose")

    class Owner(Closes):
        def __aiter__(self) -> Closes:
            return inner

    closed = Owner("close")
    assert await rxs.to_list(rxs.from_stream(closed)) == [2, 1, 0]
    assert (inner.closed, closed.closed) == (1, 1)


async def test_an_async_generator_is_read_as_it_is() -> None:
    async def items() -> AsyncIterator[int]:
        yield 1

    generator: Any = items()
    same: Any = iterate(generator)
    assert same is generator
    await generator.aclose()


async def test_a_coroutine_that_is_never_awaited_is_closed_without_a_warning() -> None:
    async def opening() -> list[int]:
        return [1]

    iterator: Any = iterate(opening())
    await iterator.aclose()


async def test_an_awaitable_that_is_no_coroutine_is_just_let_go() -> None:
    class Opening:
        def __await__(self) -> Iterator[Any]:
            return iter(())

    iterator: Any = iterate(Opening())
    await iterator.aclose()


async def test_what_an_awaitable_gives_is_closed() -> None:
    source = Closes("aclose")

    async def opening() -> Closes:
        return source

    iterator: Any = iterate(opening())
    assert aiter(iterator) is iterator
    assert await anext(iterator) == 2
    await iterator.aclose()
    assert source.closed == 1


async def test_in_a_thread_a_list_is_still_just_a_list() -> None:
    assert [item async for item in iterate([1, 2], in_thread=True)] == [1, 2]


def create(client: Any) -> Any:
    return client.chat.completions.create(model="any", messages=[], stream=True)


@both_kinds
async def test_leaving_the_sdks_stream_closes_its_connection(kind: Kind) -> None:
    with FaultServer(Answer(HELLO, end="stall")) as server:
        async with connected(kind, server) as client:
            async with rxs.open_stream(rxs.from_stream(lambda: create(client))) as items:
                async for _ in items:
                    break
            server.closed()
            assert threads_reading() == 0


@both_kinds
async def test_cancelling_a_read_of_the_sdks_stream_closes_its_connection(kind: Kind) -> None:
    with FaultServer(Answer(HELLO, end="stall")) as server:
        async with connected(kind, server) as client:
            with pytest.raises(Exception, match=r"[Tt]imeout"):
                await rxs.to_list(rxs.from_stream(lambda: create(client)).pipe(ops.timeout(0.1)))
            server.closed()
            assert threads_reading() == 0


@both_kinds
@pytest.mark.parametrize(
    "sent",
    [
        (),
        (b'{"error":{"message":"no credit"}}',),
        (b"<html>Bad gateway</html>",),
        (b": ping\n\n",),
        (b'error: {"message":"no"}\n\n',),
    ],
)
async def test_the_sdks_stream_of_nothing_is_no_answer(sent: tuple[bytes, ...], kind: Kind) -> None:
    with FaultServer(Answer(sent)) as server:
        async with connected(kind, server) as client:
            _, error = await chunks_until_error(rxs.from_stream(lambda: create(client)))
    assert type(error) is StreamTruncated
    assert "before its first event" in str(error)


#: What the SDK's iterator makes of it is in the facts; what is made of that is here.
FAULTS: dict[str, tuple[Answer, type[Exception]]] = {
    "the connection dies": (Answer(HELLO, end="half chunk"), ConnectionLost),
    "an error frame": (Answer((*HELLO, b'data: {"error":{"message":"no","code":"why"}}\n\n')), ProviderError),
    "a type of error": (Answer((*HELLO, b'data: {"type":"error","message":"no"}\n\n')), ProviderError),
    "no JSON": (Answer((*HELLO, b"data: {oops\n\n")), MalformedStream),
    "broken UTF-8": (Answer((*HELLO, b"data: \xff\n\n")), MalformedStream),
    "just the end": (Answer(HELLO), StreamTruncated),
    "half an event": (Answer((*HELLO, END[0][:-9])), StreamTruncated),
}


@both_kinds
@pytest.mark.parametrize(("sent", "kind_of_error"), FAULTS.values(), ids=FAULTS)
async def test_a_fault_in_the_sdks_stream_is_ours_with_the_partial(
    sent: Answer, kind_of_error: type[Exception], kind: Kind
) -> None:
    with FaultServer(sent) as server:
        async with connected(kind, server) as client:
            chunks, error = await chunks_until_error(rxs.from_stream(lambda: create(client)))
    assert [chunk.content for chunk in chunks] == ["", "Hel", "lo"]
    assert type(error) is kind_of_error
    assert isinstance(error, rxs.StreamError)
    assert error.partial.content == "Hello"


async def test_an_error_frame_that_comes_first_is_found_too() -> None:
    with FaultServer(Answer((b'data: {"type":"error","message":"no"}\n\n',))) as server:
        async with connected("async", server) as client:
            _, error = await chunks_until_error(rxs.from_stream(lambda: create(client)))
    assert isinstance(error, ProviderError)


@both_kinds
async def test_an_error_before_the_answer_stays_the_sdks(kind: Kind) -> None:
    with FaultServer(Answer((b"{}",), status="401 Who")) as server:
        async with connected(kind, server) as client:
            _, error = await chunks_until_error(rxs.from_stream(lambda: create(client)))
    assert type(error) is openai.AuthenticationError
