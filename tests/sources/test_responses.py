"""The Responses API with the real SDK over real sockets."""

import openai
import pytest

import rxstream as rxs
from rxstream.testing import FaultServer
from tests.recordings import load
from tests.sources.clients import RESPONSES, Kind, answer_from, connected, replay

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:Async generator 'openai.:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:Async generator 'http:ResourceWarning"),
]


@pytest.mark.parametrize("kind", ["async", "sync"])
@pytest.mark.parametrize("name", RESPONSES)
async def test_the_fast_path_gives_what_the_sdks_iterator_gives(name: str, kind: Kind) -> None:
    with FaultServer(replay(load(name))) as server:
        async with connected(kind, server) as client:
            ours = await rxs.to_list(answer_from(client, load(name)))
            theirs = await rxs.to_list(
                rxs.from_stream(lambda: client.responses.create(model="any", input="hi", stream=True))
            )
    assert ours
    assert ours == theirs
    assert server.requests[0].path == "/v1/responses"


async def test_the_answer_is_put_together() -> None:
    with FaultServer(replay(load("17-responses-text")), replay(load("18-responses-tool"))) as server:
        async with connected("async", server) as client:
            text = await rxs.collect(answer_from(client, load("17-responses-text")))
            calls = await rxs.collect(answer_from(client, load("18-responses-tool")))
    assert text.finish_reason == "stop"
    assert text.content
    assert text.total_tokens > 0
    assert calls.finish_reason == "tool_calls"
    assert {call.name for call in calls.tool_calls} == {"get_weather"}
    assert server.requests[0].body == {"model": "any", "input": "hi", "stream": True}


def test_stream_is_not_the_callers_to_say() -> None:
    with pytest.raises(TypeError, match=r"from_responses\(\) always streams; leave stream=False"):
        rxs.from_responses(openai.AsyncOpenAI(api_key="key"), model="any", input="hi", stream=False)
