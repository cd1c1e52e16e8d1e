"""The dialect, held against the laws of all."""

import json

import httpx2
import openai
import pytest
from hypothesis import given

from rxstream.errors import MalformedStream, ProviderError
from rxstream.items import Restarted, SSEEvent, StreamChunk, Usage
from rxstream.transports.dialects.openai import OPENAI
from tests.transports.dialects.laws import answers, check_answer, check_ends, written


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
