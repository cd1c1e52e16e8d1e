"""How an answer ends: every wrong end is an error that holds what had come, and none passes for success."""

import copy
import functools
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

import rxstream as rxs
from rxstream.engine.lift import lift
from rxstream.engine.observable import PullObservable
from rxstream.errors import ConnectionLost, MalformedStream, ProviderError, StreamError, StreamTruncated
from rxstream.items import StreamChunk, StreamResult
from rxstream.sansio.chat import ChatDecoder
from rxstream.sansio.responses import ResponsesDecoder
from rxstream.sources.lost import DecodedAnswer, Lost, lost_connection
from rxstream.testing import Answer, FaultServer
from rxstream.testing.answers import End
from tests.recordings import Recording, load
from tests.sources.clients import (
    ASK,
    CHATS,
    RESPONSES,
    Kind,
    answer_from,
    chunks_until_error,
    connected,
    replay,
)
from tests.sources.test_chat import DONE, END, HELLO, event, usage

ALL = [*CHATS, *RESPONSES, "19-server-killed"]
AT_EVERY_BYTE = ["01-prose", "07-tool-calls-parallel", "14-n2"]


def answer_of(recording: Recording) -> DecodedAnswer:
    """The machine that from_chat, from_responses and from_recording run on the bytes."""
    if recording.name in RESPONSES:
        return DecodedAnswer(ResponsesDecoder())
    asked = recording.request
    options: Any = asked.get("stream_options") or {}
    expects = bool(options.get("include_usage"))
    return DecodedAnswer(ChatDecoder(choices=asked.get("n", 1), expects_usage=expects))


#: The same events are read for every place in which they are cut.
loads = functools.cache(json.loads)


@dataclass(slots=True)
class Truth:
    """What a body says, cut anywhere: found by splitting it at the blank lines, and nothing else."""

    content: str
    is_whole: bool
    is_finished: bool


def truth_of(recording: Recording, body: bytes) -> Truth:
    *blocks, rest = body.split(b"\n\n")
    data = [block.partition(b"data: ")[2] for block in blocks]
    done = b"[DONE]" in data or rest.strip() == b"data: [DONE]"
    events = [loads(text) for text in data if text and text != b"[DONE]"]
    if recording.name in RESPONSES:
        content = "".join(e["delta"] for e in events if e["type"] == "response.output_text.delta")
        completed = any(e["type"] == "response.completed" for e in events)
        return Truth(content, completed, completed)
    choices = [choice for e in events for choice in e["choices"]]
    content = "".join(c["delta"].get("content") or "" for c in choices if c["index"] == 0)
    asked = recording.request
    reasons = {c["index"] for c in choices if c["finish_reason"]}
    # The recorded server counts each choice by itself.
    usages = sum(bool(e.get("usage")) for e in events)
    counted = done or not asked.get("stream_options") or usages == asked.get("n", 1)
    left_over = rest.strip() and not done
    is_whole = len(reasons) == asked.get("n", 1) and counted and not left_over
    return Truth(content, is_whole, b"[DONE]" in data)


def edges_of(body: bytes) -> list[int]:
    return [place + 2 for place in range(len(body)) if body.startswith(b"\n\n", place)]


def text_of(chunks: Iterable[StreamChunk]) -> str:
    return "".join([chunk.content for chunk in chunks if chunk.choice == 0])


def check_end(machine: DecodedAnswer, content: str, truth: Truth) -> None:
    assert content == truth.content
    if truth.is_whole:
        assert list(machine.close()) == []
        return
    with pytest.raises(StreamTruncated) as caught:
        list(machine.close())
    assert type(caught.value) is StreamTruncated
    assert caught.value.partial.content == truth.content


@pytest.mark.parametrize("name", ALL)
def test_a_body_that_ends_at_any_event_is_whole_or_truncated(name: str) -> None:
    recording = load(name)
    edges = edges_of(recording.body)
    # The longest has a thousand events, all alike but for the last.
    for edge in edges if len(edges) < 300 else [*edges[::25], *edges[-3:]]:
        for at in (edge - 1, edge, edge + 1):
            machine = answer_of(recording)
            body = recording.body[:at]
            check_end(machine, text_of(machine.feed(body)), truth_of(recording, body))


@pytest.mark.parametrize("name", AT_EVERY_BYTE)
def test_a_body_that_ends_at_any_byte_is_whole_or_truncated(name: str) -> None:
    recording = load(name)
    body = recording.body
    machine, content = answer_of(recording), ""
    for at in range(1, len(body) + 1):
        content += text_of(machine.feed(body[at - 1 : at]))
        # That where it was cut before does not matter is the machine's own test.
        check_end(copy.deepcopy(machine), content, truth_of(recording, body[:at]))


def pull(read: bytes, error: Exception) -> PullObservable[Any]:
    async def play() -> AsyncIterator[bytes]:
        yield read
        raise error

    return PullObservable(play, "a test")


@pytest.mark.anyio
@pytest.mark.parametrize("name", AT_EVERY_BYTE)
async def test_a_connection_that_dies_at_any_event_is_lost_or_over(name: str) -> None:
    recording = load(name)
    decoder: Any = partial(answer_of, recording)
    for edge in edges_of(recording.body)[::3]:
        for at in (edge - 1, edge, edge + 1):
            body = recording.body[:at]
            died = OSError("the cable")
            decoded: Any = pull(body, Lost(died)).pipe(lift(decoder))
            chunks, error = await chunks_until_error(decoded)
            truth = truth_of(recording, body)
            assert text_of(chunks) == truth.content
            if truth.is_finished:
                assert error is None
            else:
                assert isinstance(error, ConnectionLost)
                assert error.__cause__ is died
                assert error.partial.content == truth.content


#: The end, whether HTTP frames the body, and whether HTTP itself can tell that something is missing.
ENDS: dict[str, tuple[End, bool, bool]] = {
    "FIN without the last chunk": ("fin", True, True),
    "FIN inside a chunk": ("half chunk", True, True),
    "RST": ("rst", True, True),
    "the last chunk too early": ("whole", True, False),
    "the end of a body without framing": ("fin", False, False),
}


@pytest.mark.anyio
@pytest.mark.parametrize(("end", "chunked", "seen"), ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("kind", ["async", "sync"])
@pytest.mark.parametrize("name", ["01-prose", "07-tool-calls-parallel", "14-n2", "17-responses-text"])
async def test_a_server_that_cuts_its_answer_is_found_out(
    name: str, kind: Kind, end: End, chunked: bool, seen: bool
) -> None:
    recording = load(name)
    body = recording.body
    edges = edges_of(body)
    cuts = [1, edges[0], edges[1] - 1, edges[len(edges) // 2], edges[-4], edges[-3] + 1, edges[-2], len(body)]
    answers = [replay(recording, chunked=chunked).cut(at, end) for at in cuts]
    with FaultServer(*answers) as server:
        async with connected(kind, server) as client:
            for at in cuts:
                chunks, error = await chunks_until_error(answer_from(client, recording))
                truth = truth_of(recording, body[:at])
                content = text_of(chunks)
                # What a reset overtakes is gone.
                assert truth.content.startswith(content) if end == "rst" else content == truth.content
                if truth.is_finished or (truth.is_whole and not seen):
                    assert error is None, at
                    continue
                assert isinstance(error, StreamTruncated)
                assert isinstance(error, ConnectionLost) == seen
                assert error.partial.content == content


@pytest.mark.anyio
@pytest.mark.parametrize("name", ALL)
async def test_every_recording_cut_short_is_found_out(name: str) -> None:
    recording = load(name)
    edges = edges_of(recording.body)
    cuts = [edges[0], edges[len(edges) // 2] - 1, edges[-3]]
    with FaultServer(*(replay(recording).cut(at) for at in cuts)) as server:
        async with connected("async", server) as client:
            for at in cuts:
                chunks, error = await chunks_until_error(answer_from(client, recording))
                truth = truth_of(recording, recording.body[:at])
                assert text_of(chunks) == truth.content
                if truth.is_whole:
                    assert error is None
                else:
                    assert isinstance(error, StreamTruncated)
                    assert error.partial.content == truth.content


HTML = b"<html><body>Bad gateway</body></html>"
JSON_ERROR = b'{"error":{"message":"no credit","type":"billing","code":"broke"}}'

#: What a server sends under status 200, what it is, and what had come of the answer.
WRONG: dict[str, tuple[tuple[bytes, ...], type[StreamError], str]] = {
    "nothing at all": ((), StreamTruncated, ""),
    "only comments": ((b": ping\n\n", b": ping\n\n"), StreamTruncated, ""),
    "a JSON error": ((JSON_ERROR,), ProviderError, ""),
    "a web page": ((HTML,), MalformedStream, ""),
    "an answer in one piece": ((b'{"choices":[{"message":{"content":"Hello"}}]}',), MalformedStream, ""),
    "an error in an event": ((*HELLO, b"data: " + JSON_ERROR + b"\n\n"), ProviderError, "Hello"),
    "a named error event": ((*HELLO, b'event: error\ndata: {"message":"no"}\n\n'), ProviderError, "Hello"),
    "llama.cpp's error line": ((*HELLO, b'error: {"message":"no","code":500}\n\n'), ProviderError, "Hello"),
    "a type of error": ((*HELLO, b'data: {"type":"error","message":"no"}\n\n'), ProviderError, "Hello"),
    "an object of error": ((b'data: {"object":"error","message":"no"}\n\n',), ProviderError, ""),
    "an error first": ((b"data: " + JSON_ERROR + b"\n\n",), ProviderError, ""),
    "no JSON": ((*HELLO, b"data: {oops\n\n"), MalformedStream, "Hello"),
    "broken UTF-8": ((*HELLO, b'data: {"choices":"\xff\n\n'), MalformedStream, "Hello"),
    "no finish reason": ((*HELLO, DONE), StreamTruncated, "Hello"),
    "neither usage nor [DONE]": ((*HELLO, event({}, "stop")), StreamTruncated, "Hello"),
    "half an event": ((*HELLO, END[0], END[1][:-9]), StreamTruncated, "Hello"),
}


@pytest.mark.anyio
@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize("kind", ["async", "sync"])
@pytest.mark.parametrize(("pieces", "kind_of_error", "content"), WRONG.values(), ids=WRONG)
async def test_a_wrong_end_is_the_right_error(
    pieces: tuple[bytes, ...], kind_of_error: type[StreamError], content: str, kind: Kind, chunked: bool
) -> None:
    with FaultServer(Answer(pieces, chunked=chunked, end="whole" if chunked else "fin")) as server:
        async with connected(kind, server) as client:
            chunks, error = await chunks_until_error(rxs.from_chat(client, **ASK))
    assert "".join(chunk.content for chunk in chunks) == content
    assert isinstance(error, StreamError)
    assert type(error) is kind_of_error
    assert error.partial.content == content


async def _error_of(*pieces: bytes) -> StreamError:
    with FaultServer(Answer(pieces)) as server:
        async with connected("async", server) as client:
            _, error = await chunks_until_error(rxs.from_responses(client, model="any", input="hi"))
    assert isinstance(error, StreamError)
    return error


DELTA = b'data: {"type":"response.output_text.delta","delta":"Hello"}\n\n'


@pytest.mark.anyio
@pytest.mark.parametrize(
    "last",
    [
        b'data: {"type":"error","code":"rate_limit","message":"slow down"}\n\n',
        (
            b'data: {"type":"response.failed","response":'
            b'{"error":{"code":"rate_limit","message":"slow down"}}}\n\n'
        ),
    ],
)
async def test_a_response_that_failed_says_why(last: bytes) -> None:
    error = await _error_of(DELTA, last)
    assert isinstance(error, ProviderError)
    assert error.code == "rate_limit"
    assert "slow down" in str(error)
    assert error.partial.content == "Hello"


@pytest.mark.anyio
async def test_a_response_that_just_stops_is_truncated() -> None:
    error = await _error_of(DELTA)
    assert type(error) is StreamTruncated
    assert error.partial.content == "Hello"


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_a_stall_longer_than_the_clients_timeout_is_a_lost_connection(kind: Kind) -> None:
    with FaultServer(Answer(HELLO, end="stall")) as server:
        async with connected(kind, server, timeout=0.15) as client:
            _, error = await chunks_until_error(rxs.from_chat(client, **ASK))
            server.closed()
    assert isinstance(error, ConnectionLost)
    assert type(error.__cause__).__name__ == "ReadTimeout"
    assert error.partial.content == "Hello"


@pytest.mark.anyio
async def test_usage_that_came_before_the_death_is_in_the_partial() -> None:
    pieces = (*HELLO, usage(prompt_tokens=3, completion_tokens=2, total_tokens=5))
    with FaultServer(Answer(pieces, end="rst")) as server:
        async with connected("async", server) as client:
            _, error = await chunks_until_error(rxs.from_chat(client, **ASK))
    assert isinstance(error, ConnectionLost)
    assert error.partial.total_tokens == 5


def test_other_errors_are_not_ours_to_explain() -> None:
    error = OSError("other")
    assert DecodedAnswer(ChatDecoder()).explain(error) is error


def test_the_message_says_how_far_the_answer_was_and_what_died() -> None:
    error = lost_connection(OSError("the cable"), StreamResult("Hello"))
    assert str(error) == (
        "the connection died in the middle of the answer, after 5 characters: OSError: the cable. "
        "What came is in .partial."
    )


@pytest.mark.parametrize(("said", "told"), [("reset", "OSError: reset. What"), ("", "OSError. What")])
def test_an_error_without_words_is_told_by_its_name(said: str, told: str) -> None:
    assert told in str(lost_connection(OSError(said), StreamResult("")))
