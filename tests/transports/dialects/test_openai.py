"""The dialect, held against the laws of all."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import given
from starlette.responses import Response

from rxstream.errors import MalformedStream, ProviderError, StreamTruncated
from rxstream.items import Restarted, SSEEvent, StreamChunk, ToolCallDelta, Usage
from rxstream.transports.dialects.openai import OPENAI
from tests.transports.dialects.laws import BY_TURNS, answers, check_answer, check_ends, written
from tests.transports.servers import serving


@given(answers())
def test_an_answer_comes_back(chunks: list[StreamChunk]) -> None:
    check_answer(OPENAI, chunks)
    check_ends(OPENAI, chunks)


def test_on_the_wire_it_is_chat_completions() -> None:
    chunk = StreamChunk("Hi", model="m", id="x", logprobs={"content": []}, refusal="no", choice=1)
    frames = written(OPENAI, [chunk])
    bodies = [json.loads(data) for _, data in frames[:-1]]
    assert bodies[0] == {
        "id": "x",
        "object": "chat.completion.chunk",
        "created": bodies[0]["created"],
        "model": "m",
        "choices": [
            {
                "index": 1,
                "delta": {"content": "Hi", "refusal": "no"},
                "finish_reason": None,
                "logprobs": {"content": []},
            }
        ],
    }
    assert bodies[1]["choices"] == [{"index": 1, "delta": {}, "finish_reason": "stop"}]
    assert frames[-1] == (None, "[DONE]")


def test_a_stream_without_an_item_has_an_end() -> None:
    first, done = written(OPENAI, [])
    assert json.loads(first[1])["choices"] == [{"index": 0, "delta": {}, "finish_reason": "stop"}]
    assert done == (None, "[DONE]")
    (alone,) = OPENAI.encoder().feed(StreamChunk("", usage=Usage(1, 2, 3)))
    assert json.loads(alone[1])["choices"] == []


def test_a_usage_that_comes_alone_is_of_no_choice() -> None:
    frames = written(OPENAI, [StreamChunk("", usage=Usage(1, 2, 3, 1, 1))])
    usage = json.loads(frames[0][1])["usage"]
    assert usage["prompt_tokens_details"] == {"cached_tokens": 1}
    assert usage["completion_tokens_details"] == {"reasoning_tokens": 1}
    assert len(frames) == 3


def test_every_choice_gets_its_end() -> None:
    chunks = [
        StreamChunk("a"),
        StreamChunk("b", choice=1, finish_reason="length"),
        StreamChunk("c", choice=1),
    ]
    ends = [json.loads(data)["choices"][0] for _, data in written(OPENAI, chunks)[3:-1]]
    assert ends == [{"index": 0, "delta": {}, "finish_reason": "stop"}]


def test_an_error_is_an_event_of_its_own() -> None:
    error = openai.APIConnectionError(message="gone", request=httpx2.Request("GET", "http://localhost"))
    (event, data), done = written(OPENAI, [], error)
    assert event is None
    assert json.loads(data)["error"]["message"] == "gone"
    assert done == (None, "[DONE]")


@pytest.mark.parametrize("item", [{"a": 1}, Restarted(2)], ids=["object", "restart"])
def test_what_it_has_no_place_for_is_refused(item: object) -> None:
    with pytest.raises(TypeError, match="dialects 'rxstream' and 'ui-message'"):
        OPENAI.encoder().feed(item)


def test_a_decoder_knows_the_ends_of_others() -> None:
    """Some servers send no [DONE], and some no finish reason."""
    decoder = OPENAI.decoder()
    list(decoder.feed(SSEEvent('{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}')))
    assert list(decoder.close()) == []
    decoder = OPENAI.decoder()
    list(decoder.feed(SSEEvent('{"choices":[{"delta":{"content":"a"}}]}')))
    list(decoder.feed(SSEEvent("[DONE]")))
    assert list(decoder.close()) == []
    with pytest.raises(ProviderError, match="no more"):
        list(OPENAI.decoder().feed(SSEEvent('{"message":"no more"}', "error")))
    with pytest.raises(MalformedStream, match="expected JSON"):
        list(OPENAI.decoder().feed(SSEEvent("nonsense")))


def calls_of(items: Sequence[Any]) -> list[dict[str, Any]]:
    bodies = [json.loads(data) for _, data in written(OPENAI, items)[:-1]]
    deltas = [choice["delta"] for body in bodies for choice in body["choices"]]
    return [call for delta in deltas for call in delta.get("tool_calls", [])]


def test_ids_and_names_are_told_once_and_calls_numbered() -> None:
    """Clients put ids and names together like text, and go by the index."""
    pieces = [
        ToolCallDelta(0, "a", "f", '{"x":'),
        ToolCallDelta(0, "a", "f", "1}"),
        ToolCallDelta(0, None, "g", "{}"),
        ToolCallDelta(7, "c", None, ""),
        ToolCallDelta(7, None, "h", "{}"),
    ]
    found = calls_of([StreamChunk("", tool_calls=(piece,)) for piece in pieces])
    assert found[2].pop("id").startswith("call_")
    assert found == [
        {"index": 0, "id": "a", "type": "function", "function": {"arguments": '{"x":', "name": "f"}},
        {"index": 0, "function": {"arguments": "1}"}},
        {"index": 1, "type": "function", "function": {"arguments": "{}", "name": "g"}},
        {"index": 2, "id": "c", "type": "function", "function": {"arguments": ""}},
        {"index": 2, "function": {"arguments": "{}", "name": "h"}},
    ]
    both = [StreamChunk("", choice=choice, tool_calls=(pieces[0],)) for choice in (0, 1)]
    assert [call["index"] for call in calls_of(both)] == [0, 0]


#: What the server answers, by the name of the model that is asked for, and how it ends.
ANSWERS: dict[str, tuple[Sequence[Any], Any]] = {
    "text": (["Hel", "lo \u2028", "\ud800"], "end"),
    "chunks": ([StreamChunk("a", finish_reason="length"), StreamChunk("", usage=Usage(1, 2, 3))], "end"),
    "two": ([StreamChunk("a"), StreamChunk("b", choice=1), StreamChunk("c", choice=1)], "end"),
    "calls": (BY_TURNS, "end"),
    "stopped": (["Hel"], "stop"),
    "broken": (["Hel"], StreamTruncated("it broke off")),
}


async def app(scope: Any, receive: Any, send: Any) -> None:
    body = b""
    while (message := await receive()).get("more_body"):
        body += message["body"]
    items, end = ANSWERS[json.loads(body + message["body"])["model"]]
    events = [SSEEvent(data, event, "s-1").encode() for event, data in written(OPENAI, items, end)]
    await Response("".join(events), media_type="text/event-stream")(scope, receive, send)


@pytest.fixture(scope="module")
def client() -> Iterator[openai.OpenAI]:
    with serving(app) as url, openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
        yield client


def ask(client: openai.OpenAI, model: str) -> Any:
    """Let openai-python put the answer together."""
    messages: Any = [{"role": "user", "content": "Hi"}]
    with client.chat.completions.stream(model=model, messages=messages) as stream:
        return stream.get_final_completion()


def test_openai_python_puts_an_answer_together(client: openai.OpenAI) -> None:
    text = ask(client, "text").choices[0]
    assert (text.message.content, text.finish_reason) == ("Hello \u2028\ud800", "stop")
    assert ask(client, "stopped").choices[0].message.content == "Hel"
    two = ask(client, "two").choices
    assert [(one.index, one.message.content, one.finish_reason) for one in two] == [
        (0, "a", "stop"),
        (1, "bc", "stop"),
    ]
    called = ask(client, "calls").choices[0]
    calls = [(call.id, call.function.name, call.function.arguments) for call in called.message.tool_calls]
    assert calls == [("a", "f", '{"x":1}'), ("b", "g", '{"y":2}')]
    assert called.finish_reason == "tool_calls"


def test_openai_python_knows_a_cut_answer_and_the_usage(client: openai.OpenAI) -> None:
    chunks = list(client.chat.completions.create(model="chunks", messages=[], stream=True))
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices] == ["length"]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 3


def test_trap_05_openai_python_raises_what_broke_the_stream(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(model="broken", messages=[], stream=True)
    came: list[str | None] = []
    with pytest.raises(openai.APIError, match="it broke off"):
        came += (chunk.choices[0].delta.content for chunk in stream)
    assert came == ["Hel"]
