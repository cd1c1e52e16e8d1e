"""Chat completions with the real SDK over real sockets: what comes, and what is asked."""

import json
from collections.abc import Iterable
from typing import Any

import openai
import pytest

import rxstream as rxs
from rxstream.errors import StreamTruncated
from rxstream.items import StreamChunk, Usage
from rxstream.testing import Answer, FaultServer
from tests.recordings import load
from tests.sources.clients import (
    ASK,
    CHATS,
    Kind,
    answer_from,
    chunks_until_error,
    connected,
    replay,
    request_of,
)

pytestmark = [
    pytest.mark.anyio,
    # The SDK's own iterator leaves generators open at [DONE], which trio reports. Ours may not.
    pytest.mark.filterwarnings("ignore:Async generator 'openai.:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:Async generator 'http:ResourceWarning"),
]

KINDS: tuple[Kind, ...] = ("async", "sync")


def event(delta: dict[str, Any], finish_reason: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return b"data: %s\n\n" % json.dumps({"id": "a", "model": "m", "choices": [choice], **more}).encode()


def usage(**counts: int) -> bytes:
    return b"data: %s\n\n" % json.dumps({"id": "a", "model": "m", "choices": [], "usage": counts}).encode()


DONE = b"data: [DONE]\n\n"
HELLO = (event({"role": "assistant", "content": None}), event({"content": "Hel"}), event({"content": "lo"}))
END = (event({}, "stop"), usage(prompt_tokens=3, completion_tokens=2, total_tokens=5), DONE)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CHATS)
async def test_the_fast_path_gives_what_the_sdks_iterator_gives(name: str, kind: Kind) -> None:
    recording = load(name)
    with FaultServer(replay(recording)) as server:
        async with connected(kind, server) as client:
            ours = await rxs.to_list(answer_from(client, recording))
            request = {name: value for name, value in request_of(recording).items() if value is not None}
            theirs = await rxs.to_list(
                rxs.from_stream(lambda: client.chat.completions.create(**request, stream=True))
            )
    assert ours
    assert all(type(chunk) is StreamChunk for chunk in ours)
    assert ours == theirs


@pytest.mark.parametrize("name", CHATS)
async def test_the_sdks_own_loop_finds_the_same_answer(name: str) -> None:
    recording = load(name)
    with FaultServer(replay(recording)) as server:
        async with connected("async", server) as client:
            result = await rxs.collect(answer_from(client, recording))
        async with connected("sync", server) as plain:
            stream = plain.chat.completions.create(model="any", messages=[], stream=True)
            content, reason, total = read_by_hand(stream)
    assert (result.content, result.finish_reason, result.total_tokens) == (content, reason, total)


def read_by_hand(stream: Iterable[Any]) -> tuple[str, str | None, int]:
    """Read as the SDK's manual says; of several choices the first; a count for each choice is added up."""
    content, reason, total = "", None, 0
    for chunk in stream:
        if chunk.usage is not None:
            total += chunk.usage.total_tokens
        for choice in chunk.choices:
            if choice.index == 0:
                content += choice.delta.content or ""
                reason = choice.finish_reason or reason
    return content, reason, total


@pytest.mark.parametrize("size", [1, 7, 4096])
@pytest.mark.parametrize("kind", KINDS)
async def test_where_the_network_cuts_does_not_matter(size: int, kind: Kind) -> None:
    recording = load("09-emoji" if size == 1 else "14-n2")
    with FaultServer(replay(recording), replay(recording).split(size)) as server:
        async with connected(kind, server) as client:
            whole = await rxs.to_list(answer_from(client, recording))
            assert await rxs.to_list(answer_from(client, recording)) == whole


KEPT_ALIVE = {
    "comments": (b": OPENROUTER PROCESSING\n\n", *HELLO, b": ping\n\n", *END),
    "comments with an id before them": (
        b"id: 1\n",
        HELLO[0],
        b": ping\n\nid: 2\n",
        *HELLO[1:],
        b": ping\n\n",
        *END,
    ),
    "ids on their own": (b"id: 1\n\n", *HELLO, b"id: 2\n\n", *END),
    "retry and empty lines": (b"retry: 10\n\n\n\n", *HELLO, b"\n\n\n", *END),
    "line ends of both kinds": tuple(
        piece.replace(b"\n", b"\r\n") for piece in (*HELLO, b": ping\n\n", *END)
    ),
    "named events": tuple(b"event: message\n" + piece for piece in (*HELLO, *END)),
    "no space behind the colon": tuple(piece.replace(b"data: ", b"data:") for piece in (*HELLO, *END)),
}


@pytest.mark.parametrize("pieces", KEPT_ALIVE.values(), ids=KEPT_ALIVE)
async def test_keep_alives_are_no_part_of_the_answer(pieces: tuple[bytes, ...]) -> None:
    with FaultServer(Answer((*HELLO, *END)), Answer(pieces)) as server:
        async with connected("async", server) as client:
            plain = await rxs.to_list(rxs.from_chat(client, **ASK))
            assert await rxs.to_list(rxs.from_chat(client, **ASK)) == plain
    assert [chunk.content for chunk in plain] == ["", "Hel", "lo", "", ""]


@pytest.mark.parametrize(
    "sent", ["ids on their own", "comments with an id before them", "retry and empty lines"]
)
async def test_the_sdk_itself_fails_on_a_keep_alive_behind_an_id(sent: str) -> None:
    # If this test fails one day, the SDK has learned it, and the next best oracle is here.
    with FaultServer(Answer(KEPT_ALIVE[sent])) as server:
        async with connected("sync", server) as client:
            stream = client.chat.completions.create(model="any", messages=[], stream=True)
            with pytest.raises(json.JSONDecodeError):
                list(stream)


async def test_usage_is_asked_for_and_counted() -> None:
    with FaultServer(Answer((*HELLO, *END))) as server:
        async with connected("async", server) as client:
            result = await rxs.collect(rxs.from_chat(client, **ASK))
    assert server.requests[0].body["stream_options"] == {"include_usage": True}
    assert server.requests[0].body["stream"] is True
    assert (result.content, result.total_tokens, result.usage) == ("Hello", 5, Usage(3, 2, 5))


async def test_without_stream_options_nothing_is_sent_and_nothing_expected() -> None:
    # Not even [DONE]: the finish reason says that the answer is whole.
    with FaultServer(Answer((*HELLO, END[0]))) as server:
        async with connected("async", server) as client:
            result = await rxs.collect(rxs.from_chat(client, **ASK, stream_options=None))
    assert "stream_options" not in server.requests[0].body
    assert (result.content, result.finish_reason, result.usage) == ("Hello", "stop", None)


async def test_a_usage_that_was_not_asked_for_is_not_missed() -> None:
    with FaultServer(Answer((*HELLO, END[0]))) as server:
        async with connected("async", server) as client:
            options = {"include_usage": False}
            result = await rxs.collect(rxs.from_chat(client, **ASK, stream_options=options))
    assert server.requests[0].body["stream_options"] == options
    assert result.content == "Hello"


async def test_the_usage_of_both_choices_is_added_up() -> None:
    recording = load("14-n2")
    with FaultServer(replay(recording)) as server:
        async with connected("async", server) as client:
            chunks = await rxs.to_list(answer_from(client, recording))
            first = await rxs.collect(answer_from(client, recording))
            second = await rxs.collect(answer_from(client, recording), choice=1)
    counts = [chunk.usage for chunk in chunks if chunk.usage is not None]
    assert len(counts) == 2
    assert first.total_tokens == second.total_tokens == sum(count.total_tokens for count in counts)
    assert first.content != second.content


async def test_the_choice_that_never_came_is_missed() -> None:
    with FaultServer(Answer((*HELLO, *END))) as server:
        async with connected("async", server) as client:
            _, error = await chunks_until_error(rxs.from_chat(client, **ASK, n=2))
    assert isinstance(error, StreamTruncated)
    assert "1 of 2 choices" in str(error)
    assert error.partial.content == "Hello"


async def test_each_subscription_asks_anew_and_nothing_is_asked_before_it_is_read() -> None:
    with FaultServer(Answer((*HELLO, *END))) as server:
        async with connected("async", server) as client:
            answer = rxs.from_chat(client, **ASK)
            async with rxs.open_stream(answer):
                pass
            assert server.requests == []
            assert await rxs.to_list(answer) == await rxs.to_list(answer)
    assert len(server.requests) == 2


@pytest.mark.parametrize("value", [True, False, None])
def test_stream_is_not_the_callers_to_say(value: bool | None) -> None:
    with pytest.raises(TypeError, match=r"from_chat\(\) always streams; leave stream="):
        rxs.from_chat(openai.AsyncOpenAI(api_key="key"), **ASK, stream=value)
