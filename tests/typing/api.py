"""What type checkers are to infer of the public names. Never run: mypy and pyright read it, both strict."""

import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from typing import Any, assert_type

import pydantic
from reactivex import Observable
from reactivex import operators as ops

import rxstream as rxs
from rxstream.sansio import Machine
from rxstream.sansio.words import Words
from rxstream.testing import (
    VirtualClock,
    assert_incremental,
    assert_lossless,
    assert_split_invariant,
    check_machine,
    check_operator,
    run_machine,
)


class Lengths:
    """A machine of the user's own, from text to numbers."""

    def feed(self, chunk: str) -> Iterable[int]:
        return [len(chunk)]

    def close(self) -> Iterable[int]:
        return []


class Halves:
    """A machine on something else than text."""

    def feed(self, chunk: int) -> Sequence[float]:
        return [chunk / 2]

    def close(self) -> Sequence[float]:
        return []


async def words() -> AsyncIterator[str]:
    yield "a"


async def request() -> list[rxs.StreamChunk]:
    return []


def sources(client: Any) -> None:
    assert_type(rxs.from_chat(client, model="m"), Observable[rxs.StreamChunk])
    assert_type(rxs.from_responses(client, model="m"), Observable[rxs.StreamChunk])
    assert_type(rxs.from_recording("01-prose", speed=None), Observable[rxs.StreamChunk])
    assert_type(rxs.from_stream(["a"]), Observable[str])
    assert_type(rxs.from_stream([1, 2]), Observable[int])
    assert_type(rxs.from_stream(words), Observable[str])
    assert_type(rxs.from_stream(words()), Observable[str])
    assert_type(rxs.from_stream(request), Observable[rxs.StreamChunk])
    assert_type(rxs.LocalModel().base_url, str)


def text(source: Observable[str], answer: Observable[rxs.StreamChunk]) -> None:
    assert_type(source.pipe(rxs.buffer_words(), ops.map(len)), Observable[int])
    assert_type(answer.pipe(rxs.buffer_words(), ops.map(len)), Observable[int])
    assert_type(rxs.from_stream(["a"]).pipe(rxs.buffer_words(), ops.map(len)), Observable[int])
    assert_type(answer.pipe(rxs.buffer_words(keep_whitespace=True)), Observable[str])
    assert_type(answer.pipe(rxs.buffer_sentences(language="de", max_chars=80)), Observable[str])
    assert_type(answer.pipe(rxs.buffer_lines(keep_ends=True)), Observable[str])
    assert_type(answer.pipe(rxs.buffer_paragraphs()), Observable[str])
    assert_type(answer.pipe(rxs.buffer_graphemes()), Observable[str])
    assert_type(answer.pipe(rxs.buffer_chars(3)), Observable[str])
    assert_type(answer.pipe(rxs.buffer_by("word")), Observable[str])
    assert_type(answer.pipe(rxs.buffer_with(Words)), Observable[str])
    assert_type(answer.pipe(rxs.buffer_with(Lengths)), Observable[int])
    assert_type(answer.pipe(rxs.accumulate()), Observable[str])


async def shout(text: str) -> int:
    return len(text)


def combine(source: Observable[str], numbers: Observable[int], streams: Observable[Observable[str]]) -> None:
    assert_type(rxs.from_streams(source, source, x=source), Observable[rxs.Tagged[str]])
    assert_type(source.pipe(rxs.merge_streams(source)), Observable[rxs.Tagged[str]])
    assert_type(source.pipe(rxs.merge_streams(numbers)), Observable[rxs.Tagged[str | int]])
    assert_type(streams.pipe(rxs.merge_streams(max_concurrent=4)), Observable[rxs.Tagged[str]])
    assert_type(source.pipe(rxs.race_streams(numbers)), Observable[str | int])
    assert_type(source.pipe(rxs.hedge_stream(1.5), rxs.buffer_words()), Observable[str])
    assert_type(source.pipe(rxs.fallback_to(source, source), rxs.buffer_words()), Observable[str])
    assert_type(source.pipe(rxs.map_stream(shout, max_concurrent=2)), Observable[int])
    assert_type(source.pipe(rxs.map_stream(len, max_concurrent=2)), Observable[int])
    assert_type(source.pipe(rxs.share_stream(10)), rxs.SharedStream[str])
    assert_type(source.pipe(rxs.share_stream(10)).reader(overflow="latest"), Observable[str])


def resilience_and_flow(source: Observable[str], answer: Observable[rxs.StreamChunk]) -> None:
    assert_type(answer.pipe(rxs.retry_stream()), Observable[rxs.StreamChunk])
    assert_type(source.pipe(rxs.retry_stream(5, resume="restart", retry_on=OSError)), Observable[str])
    assert_type(answer.pipe(rxs.timeout_stream(gap=1), rxs.buffer_words()), Observable[str])
    assert_type(answer.pipe(rxs.backpressure(10, overflow="join")), Observable[rxs.StreamChunk])
    assert_type(rxs.backpressure(10).stats, rxs.BacklogStats)
    assert_type(source.pipe(rxs.pace_stream()), Observable[str])
    assert_type(source.pipe(rxs.measure_stream()), Observable[str])
    prices = {"m": rxs.Price(1, 2)}
    assert_type(answer.pipe(rxs.measure_stream(print, every=1.0, prices=prices)), Observable[rxs.StreamChunk])


def rewritten_text_stays_text(source: Observable[str]) -> None:
    assert_type(source.pipe(rxs.transform(str.upper)), Observable[str])
    assert_type(source.pipe(rxs.replace_text({"a": "b"})), Observable[str])
    assert_type(source.pipe(rxs.replace_text(re.compile("a"), "b")), Observable[str])
    assert_type(source.pipe(rxs.redact("a", re.compile("b"), mask="*")), Observable[str])
    assert_type(source.pipe(rxs.stop_at("a", include=True)), Observable[str])
    assert_type(source.pipe(rxs.record_stream("path")), Observable[str])
    assert_type(source.pipe(rxs.redact("a"), rxs.buffer_words(), ops.map(len)), Observable[int])


def rewritten_chunks_stay_chunks(answer: Observable[rxs.StreamChunk]) -> None:
    assert_type(answer.pipe(rxs.transform(str.upper)), Observable[rxs.StreamChunk])
    assert_type(answer.pipe(rxs.replace_text("a", "b")), Observable[rxs.StreamChunk])
    assert_type(answer.pipe(rxs.redact("a")), Observable[rxs.StreamChunk])
    assert_type(answer.pipe(rxs.stop_at("a")), Observable[rxs.StreamChunk])
    assert_type(answer.pipe(rxs.record_stream("path")), Observable[rxs.StreamChunk])
    assert_type(answer.pipe(rxs.transform(str.upper), rxs.buffer_words()), Observable[str])


class Person(pydantic.BaseModel):
    """A model of the user's own."""

    name: str


def parsers(source: Observable[str], answer: Observable[rxs.StreamChunk], body: Observable[bytes]) -> None:
    assert_type(answer.pipe(rxs.parse_json()), Observable[Any])
    assert_type(answer.pipe(rxs.parse_json(at="$.people[*]", model=Person)), Observable[Person])
    assert_type(source.pipe(rxs.parse_json(model=list[int], strict=True)), Observable[list[int]])
    assert_type(body.pipe(rxs.parse_json(strict=True, on_invalid=print)), Observable[Any])
    assert_type(body.pipe(rxs.parse_ndjson()), Observable[Any])
    assert_type(source.pipe(rxs.parse_ndjson(model=Person, on_invalid="skip")), Observable[Person])
    assert_type(answer.pipe(rxs.parse_partial_json()), Observable[rxs.PartialJSON[Any]])
    assert_type(answer.pipe(rxs.parse_partial_json(model=Person)), Observable[rxs.PartialJSON[Person]])
    assert_type(answer.pipe(rxs.parse_code_blocks()), Observable[rxs.CodeBlock])
    assert_type(answer.pipe(rxs.parse_code_blocks(partial=True)), Observable[rxs.CodeBlock])
    assert_type(answer.pipe(rxs.parse_markdown()), Observable[rxs.MarkdownBlock])
    assert_type(answer.pipe(rxs.parse_tool_calls()), Observable[rxs.ToolCall | rxs.PartialToolCall])
    assert_type(
        answer.pipe(rxs.parse_tool_calls(partial=True)), Observable[rxs.ToolCall | rxs.PartialToolCall]
    )
    assert_type(answer.pipe(rxs.parse_tags("a", "b", max_tag=99)), Observable[rxs.TaggedText])
    assert_type(source.pipe(rxs.parse_tags("a")), Observable[rxs.TaggedText])
    assert_type(answer.pipe(rxs.split_reasoning(starts_inside=True)), Observable[rxs.StreamChunk])
    assert_type(source.pipe(rxs.split_reasoning(), rxs.buffer_words()), Observable[str])


def event_streams(source: Observable[bytes], text: Observable[str], both: Observable[bytes | str]) -> None:
    assert_type(source.pipe(rxs.parse_sse()), Observable[rxs.SSEEvent])
    assert_type(text.pipe(rxs.parse_sse(max_event_size=1024)), Observable[rxs.SSEEvent])
    assert_type(both.pipe(rxs.parse_sse()), Observable[rxs.SSEEvent])
    assert_type(rxs.from_stream([bytearray(b"a")]).pipe(rxs.parse_sse()), Observable[rxs.SSEEvent])
    assert_type(source.pipe(rxs.parse_sse(), ops.map(repr), rxs.buffer_words()), Observable[str])


async def transports(answer: Observable[rxs.StreamChunk]) -> None:
    assert_type(answer.pipe(rxs.to_sse(dialect="openai")), Observable[rxs.SSEEvent])
    assert_type(rxs.SSEEvent("a").encode(), str)
    assert_type(rxs.from_sse("http://h"), Observable[Any])
    assert_type(rxs.from_sse("http://h", dialect="openai"), Observable[rxs.StreamChunk])
    assert_type(rxs.from_sse("http://h", dialect=None), Observable[rxs.SSEEvent])
    assert_type(rxs.from_sse("http://h").pipe(rxs.buffer_words()), Observable[str])
    assert_type(rxs.from_websocket("ws://h", {}), Observable[Any])
    async with rxs.open_websocket("ws://h") as connection:
        assert_type(connection.request({}).pipe(rxs.buffer_words()), Observable[str])
    assert_type(rxs.WSMessage.from_json("{}"), rxs.WSMessage)
    async with rxs.StreamLog.memory() as log:
        rxs.sse_response(answer, log=log)
        assert_type(await log.info("a"), rxs.StreamInfo | None)


def lifting(source: Observable[str], numbers: Observable[int]) -> None:
    assert_type(source.pipe(rxs.lift(Words)), Observable[str])
    assert_type(source.pipe(rxs.lift(Lengths)), Observable[int])
    assert_type(source.pipe(rxs.lift(Lengths), rxs.lift(Halves)), Observable[float])
    assert_type(numbers.pipe(rxs.lift(Halves)), Observable[float])
    assert_type(rxs.lift(Lengths), Callable[[Observable[str]], Observable[int]])
    machine: Machine[str, int] = Lengths()
    assert_type(machine.feed("a"), Iterable[int])


async def sinks(source: Observable[str], answer: Observable[rxs.StreamChunk]) -> None:
    async with rxs.open_stream(source) as items:
        async for item in items:
            assert_type(item, str)
        assert_type(await anext(items), str)
    async with rxs.open_stream(answer) as chunks:
        async for chunk in chunks:
            assert_type(chunk, rxs.StreamChunk)
    assert_type(await rxs.collect(answer), rxs.StreamResult)
    assert_type(await rxs.collect(source), rxs.StreamResult)
    assert_type(await rxs.display_stream(answer), rxs.Shown)
    assert_type(await rxs.to_list(answer.pipe(rxs.buffer_words())), list[str])
    assert_type(await rxs.to_list(answer, on_item=print), list[rxs.StreamChunk])


def synchronous_sinks(source: Observable[str]) -> None:
    assert_type(rxs.run(source), list[str])
    assert_type(rxs.run(source.pipe(ops.map(len)), on_item=print), list[int])
    assert_type(rxs.iter_stream(source), Iterator[str])


def buffers(source: Observable[rxs.StreamChunk]) -> None:
    buffer = rxs.StreamBuffer()
    source.subscribe(buffer)
    assert_type(buffer.content, str)
    assert_type(buffer.chunk_count, int)
    assert_type(buffer.is_complete, bool)
    assert_type(buffer.error, Exception | None)
    buffer.append("text")
    buffer.mark_complete()
    buffer.mark_error(ValueError())


def partial_values(item: rxs.PartialJSON[Person]) -> None:
    assert_type(item.value, Person)
    assert_type(item.path, tuple[str | int, ...])
    assert_type(item.is_complete("$.name"), bool)


def what_travels(chunk: rxs.StreamChunk, result: rxs.StreamResult, call: rxs.ToolCall) -> None:
    assert_type(chunk.content, str)
    assert_type(chunk.finish_reason, str | None)
    assert_type(chunk.usage, rxs.Usage | None)
    assert_type(chunk.tool_calls, tuple[rxs.ToolCallDelta, ...])
    assert_type(result.chunks, list[rxs.StreamChunk])
    assert_type(result.tool_calls, list[rxs.ToolCall])
    assert_type(result.total_tokens, int)
    assert_type(call.arguments, str)
    assert_type(rxs.SSEEvent("a").retry, int | None)


def errors(error: rxs.StreamError, refused: rxs.ProviderError) -> None:
    assert_type(error.partial, rxs.StreamResult)
    assert_type(refused.status, int | None)
    assert_type(refused.partial.content, str)


def testing() -> None:
    assert_type(run_machine(Lengths, ["a"]), tuple[list[int], Exception | None])
    assert_type(VirtualClock().run(request), list[rxs.StreamChunk])
    check_machine(Lengths, ["a"], linear=False)
    check_machine(Words, ["a"], join="".join, lossless=True)
    assert_split_invariant(Words, "a", join="".join)
    assert_lossless(Words, "a")
    assert_incremental(Lengths, "a")
    check_operator(rxs.buffer_words(), ["a"])
    check_operator(ops.map(len), ["a"], cuts=False)
    check_operator(rxs.lift(Halves), [1, 2])
