"""A whole stream at once."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from reactivex import Observable

from rxstream.engine.arguments import check_count, check_function, check_observable
from rxstream.items import Restarted, StreamChunk, StreamResult, Text
from rxstream.sansio.answer import Answer
from rxstream.sinks.open_stream import open_stream

__all__ = ("check_read", "collect", "to_list")

T = TypeVar("T")
OnItem = Callable[[T], Awaitable[object] | object]


async def collect(
    observable: Observable[Text], *, on_item: OnItem[Any] | None = None, choice: int = 0
) -> StreamResult:
    """Put a stream of chunks, or of text, together.

        result = await rxs.collect(rxs.from_chat(client, model="gpt-4o-mini", messages=messages))
        print(result.content, result.finish_reason, result.total_tokens)

    ``observable``: of ``StreamChunk`` or str; text items become chunks with only a ``content``. ``on_item``
    sees each item as it comes; it may be async, and the stream waits for it. ``choice``: whose text,
    reasoning, tool calls and finish reason the result has, if the request asked for several; usage is that of
    all together, ``chunks`` holds every chunk. ``metrics`` is there if ``measure_stream`` is in the chain.

    At a ``Restarted`` what had come is dropped, and ``on_item`` is told. Memory: every chunk.

    Raises what the stream raises (what is known of the answer is ``partial`` of a StreamError); TypeError and
    ValueError for wrong arguments, TypeError for items that are neither text nor chunks: for those there is
    ``to_list``. To see it while it comes there is ``display_stream``.
    """
    check_read("collect()", observable, on_item)
    check_count("collect()", "choice", choice, least=0)
    answer = Answer()
    chunks: list[StreamChunk] = []
    async with open_stream(observable) as items:
        async for item in items:
            if isinstance(item, StreamChunk):
                chunk = item
            elif isinstance(item, str):
                chunk = StreamChunk(item, None, len(chunks), choice=choice)
            elif isinstance(item, Restarted):
                answer, chunks = Answer(), []
                if on_item is not None:
                    await _tell(on_item, item)
                continue
            else:
                msg = (
                    f"collect() puts text together: it expects str or StreamChunk items, and got "
                    f"{type(item).__name__}: {item!r:.80}. For a list of any items there is to_list()."
                )
                raise TypeError(msg)
            chunks.append(chunk)
            answer.add(chunk)
            if on_item is not None:
                await _tell(on_item, item)
    result = answer.result(choice, chunks)
    result.metrics = items.metrics
    return result


async def to_list(observable: Observable[T], *, on_item: OnItem[T] | None = None) -> list[T]:
    """Return all items of a stream, of any kind, as a list.

        words = await rxs.to_list(rxs.from_stream(["Hel", "lo wor", "ld"]).pipe(rxs.buffer_words()))
        print(words)  #> ['Hello', 'world']

    ``observable``: of items of any kind. ``on_item`` sees each as it comes; it may be async, and the stream
    waits for it. At a ``Restarted`` what had come is dropped, and ``on_item`` is told. Memory: every item.

    Raises what the stream raises, and the items before that are lost but for ``on_item``; TypeError for what
    is no Observable or no function. For one answer of all chunks there is ``collect``, for synchronous code
    ``run``.
    """
    check_read("to_list()", observable, on_item)
    found: list[T] = []
    async with open_stream(observable) as items:
        async for item in items:
            if item.__class__ is Restarted:
                found.clear()
            else:
                found.append(item)
            if on_item is not None:
                await _tell(on_item, item)
    return found


def check_read(call: str, observable: object, on_item: object) -> None:
    """Refuse what no reader of a whole stream can be given."""
    check_observable(call, observable)
    check_function(call, "on_item", on_item, "a function of one item", optional=True)


async def _tell(on_item: OnItem[Any], item: Any) -> None:
    told = on_item(item)
    if inspect.isawaitable(told):
        await told
