from typing import Any

import pytest

from rxstream.errors import MalformedStream, ProviderError, StreamTruncated
from rxstream.items import StreamChunk, ToolCall, ToolCallDelta, Usage
from rxstream.sansio.answer import Answer
from rxstream.sansio.chat import ChatDecoder, ChatEvents
from tests.recordings import NAMES, Recording, load
from tests.sansio.drive import cut, drive, each_byte

CHATS = [name for name in NAMES if load(name).header["request"]["path"] == "/v1/chat/completions"]
ANSWERED = [name for name in CHATS if load(name).status == 200]


def decoder_of(recording: Recording) -> ChatDecoder:
    request = recording.request
    return ChatDecoder(
        choices=request.get("n", 1),
        expects_usage=bool(request.get("stream_options", {}).get("include_usage")),
    )


def answer_of(chunks: list[StreamChunk]) -> Answer:
    answer = Answer()
    for chunk in chunks:
        answer.add(chunk)
    return answer


def choice(delta: Any, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, **more}]}


def one(event: dict[str, Any]) -> StreamChunk:
    (chunk,) = ChatEvents().feed(event)
    return chunk


@pytest.mark.parametrize("name", CHATS)
def test_a_recording_is_the_same_wherever_it_is_cut(name: str) -> None:
    recording = load(name)
    body = recording.body
    expected = drive(decoder_of(recording), [body])
    assert drive(decoder_of(recording), [data for _, data in recording.reads]) == expected
    assert drive(decoder_of(recording), each_byte(body)) == expected
    edges = [place for place in range(len(body)) if body.startswith(b"\n\n", place)]
    # Each cut decodes the whole again, so of a long recording only the first edges and the last are taken.
    for edge in [*edges[:10], *edges[-5:]]:
        for place in range(edge - 1, edge + 4):
            assert drive(decoder_of(recording), cut(body, place)) == expected
    for off in (-1, 0, 1, 2, 3):
        assert drive(decoder_of(recording), cut(body, *(edge + off for edge in edges))) == expected


@pytest.mark.parametrize("name", ["07-tool-calls-parallel", "14-n2", "01-prose"])
def test_a_recording_may_be_cut_at_every_byte(name: str) -> None:
    recording = load(name)
    body = recording.body
    whole = drive(decoder_of(recording), [body])
    # Every place is cut at in one of the rounds; in one round the cuts are about an event apart.
    for first in range(256):
        assert drive(decoder_of(recording), cut(body, *range(first, len(body), 256))) == whole


@pytest.mark.parametrize("name", ANSWERED)
def test_a_recording_is_a_whole_answer_unless_its_server_was_killed(name: str) -> None:
    chunks, fault = drive(decoder_of(load(name)), [load(name).body])
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    result = answer_of(chunks).result()
    if name == "19-server-killed":
        assert fault is not None
        assert fault[0] is StreamTruncated
        assert fault[1] == (
            "the answer ended before its end: choice 0 has no finish_reason;"
            " neither [DONE] nor the usage that was asked for came"
        )
        assert fault[2] == result
        assert result.content.startswith("There")
        return
    assert fault is None
    assert result.finish_reason in {"stop", "length", "tool_calls"}
    assert result.model == "smollm2-135m"
    if load(name).request.get("stream_options"):
        assert result.total_tokens > 0


@pytest.mark.parametrize("name", [name for name in CHATS if name not in ANSWERED])
def test_the_body_of_an_error_answer_is_an_error(name: str) -> None:
    values, fault = drive(ChatDecoder(), [load(name).body])
    assert values == []
    assert fault is not None
    assert fault[0] is ProviderError
    assert fault[4] == load(name).status


def test_the_usages_of_two_choices_add_up() -> None:
    chunks, fault = drive(decoder_of(load("14")), [load("14").body])
    assert fault is None
    answer = answer_of(chunks)
    assert answer.usage == Usage(74, 80, 154, 48, 0)
    assert answer.finish_reasons == {0: "length", 1: "length"}
    assert answer.result(0).content != answer.result(1).content


def test_two_tool_calls_are_put_together() -> None:
    chunks, _ = drive(decoder_of(load("07")), [load("07").body])
    result = answer_of(chunks).result()
    assert result.finish_reason == "tool_calls"
    assert [(call.name, call.index) for call in result.tool_calls] == [("get_weather", 0), ("get_weather", 1)]
    assert result.tool_calls[0].arguments == (
        '{\n    "city": "Paris",\n    "unit": "celsius",\n    "days": 1\n}'
    )
    assert len({call.id for call in result.tool_calls}) == 2


def test_logprobs_come_as_they_are() -> None:
    chunks, _ = drive(decoder_of(load("15")), [load("15").body])
    assert any(chunk.logprobs and "content" in chunk.logprobs for chunk in chunks)


def test_a_chunk_has_every_field_of_its_event() -> None:
    event: dict[str, Any] = {
        "id": "c1",
        "model": "m",
        "choices": [
            {
                "index": 2,
                "finish_reason": "stop",
                "logprobs": {"content": []},
                "delta": {
                    "role": "assistant",
                    "content": "a",
                    "reasoning_content": "r",
                    "refusal": "n",
                    "tool_calls": [
                        {"index": 1, "id": "t", "function": {"name": "f", "arguments": "{"}},
                        {"function": None},
                    ],
                },
            }
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    }
    chunk = one(event)
    assert chunk == StreamChunk(
        content="a",
        finish_reason="stop",
        index=0,
        model="m",
        choice=2,
        reasoning="r",
        tool_calls=(ToolCallDelta(1, "t", "f", "{"), ToolCallDelta()),
        usage=Usage(1, 2, 3),
        role="assistant",
        id="c1",
        refusal="n",
        logprobs={"content": []},
    )
    assert chunk.raw is event


def test_an_event_with_two_choices_is_two_chunks_with_one_usage() -> None:
    chunks = ChatEvents(choices=2).feed(
        {"choices": [{"delta": {"content": "a"}}, {"index": 1, "delta": {"content": "b"}}], "usage": {}}
    )
    assert chunks == [StreamChunk("a"), StreamChunk("b", index=1, choice=1, usage=Usage())]


EMPTY: list[dict[str, Any]] = [
    {"choices": [{}]},
    {"choices": [{"delta": None, "index": None, "finish_reason": None, "logprobs": None}]},
    {"choices": [{"delta": {"content": None, "role": None, "tool_calls": None}}], "usage": None},
    {"choices": [{"delta": {}, "finish_reason": ""}], "model": None, "id": None},
    {"choices": []},
    {"choices": None, "error": None},
    {"type": "ping"},
    {},
]


@pytest.mark.parametrize("event", EMPTY)
def test_what_is_missing_or_null_is_empty(event: dict[str, Any]) -> None:
    assert one(event) == StreamChunk("")


def test_thoughts_come_under_two_names() -> None:
    assert one(choice({"reasoning_content": "a"})).reasoning == "a"
    assert one(choice({"reasoning": "b"})).reasoning == "b"
    assert one(choice({"reasoning_content": "a", "reasoning": "b"})).reasoning == "a"
    assert one(choice({"reasoning_content": None, "reasoning": {"effort": "low"}})).reasoning == ""


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (None, "expected the event to be a JSON object, got NoneType 'null'"),
        ({"choices": {"a": 1}}, "expected choices to be a list, got dict '{\"a\": 1}'"),
        ({"choices": ""}, "expected choices to be a list, got str '\"\"'"),
        ({"choices": [1]}, "expected a choice to be an object, got int '1'"),
        (choice([1]), "expected delta to be an object or null, got list '[1]'"),
        (choice({"content": [{"text": "a"}]}), "expected content to be a string or null, got list"),
        (choice({"content": 1}), "expected content to be a string or null, got int '1'"),
        (choice({}, finish_reason=1), "expected finish_reason to be a string or null, got int '1'"),
        (choice({}, logprobs=[]), "expected logprobs to be an object or null, got list '[]'"),
        ({"choices": [{"index": "1"}]}, "expected index to be an integer, got str"),
        (
            choice({"tool_calls": [{"index": "0"}]}),
            "expected tool_calls.index to be an integer or null, got str",
        ),
        ({"choices": [], "usage": 1}, "expected usage to be an object or null, got int '1'"),
        ({"choices": [], "model": 1}, "expected model to be a string or null, got int '1'"),
    ],
)
def test_a_wrong_type_is_malformed(event: Any, message: str) -> None:
    events = ChatEvents()
    events.feed(choice({"content": "so far"}))
    with pytest.raises(MalformedStream) as caught:
        events.feed(event)
    assert str(caught.value).startswith(f"event 2: {message}")
    assert caught.value.partial.content == "so far"


@pytest.mark.parametrize(
    ("event", "message", "body"),
    [
        ({"error": {"message": "no"}}, "no", {"message": "no"}),
        ({"error": "no"}, "no", "no"),
        ({"error": {"message": "no"}, **choice({}, finish_reason="error")}, "no", {"message": "no"}),
        ({"type": "error", "error": {"message": "no"}}, "no", {"message": "no"}),
        ({"type": "error", "message": "no"}, "no", {"type": "error", "message": "no"}),
        ({"object": "error", "message": "no"}, "no", {"object": "error", "message": "no"}),
        ({"detail": "no"}, "no", {"detail": "no"}),
        ({"error": {"code": 1}}, '{"code": 1}', {"code": 1}),
    ],
)
def test_an_error_of_any_dialect_is_the_providers(event: dict[str, Any], message: str, body: Any) -> None:
    events = ChatEvents()
    events.feed(choice({"content": "so far"}))
    with pytest.raises(ProviderError) as caught:
        events.feed(event)
    assert str(caught.value) == f"the provider reported an error in event 2: {message}"
    assert caught.value.body == body
    assert caught.value.partial.content == "so far"


A = choice({"content": "a"})
END = choice({}, finish_reason="stop")
USAGE: dict[str, Any] = {"choices": [], "usage": {"total_tokens": 1}}
NO_USAGE = "neither [DONE] nor the usage that was asked for came"


ENDS: list[tuple[list[dict[str, Any]], dict[str, Any], str]] = [
    ([END], {}, ""),
    ([A, END, USAGE], {"expects_usage": True}, ""),
    ([USAGE, A, END], {"expects_usage": True}, ""),
    ([A, END], {"expects_usage": True}, NO_USAGE),
    ([A, USAGE], {"expects_usage": True}, "choice 0 has no finish_reason"),
    ([A], {"expects_usage": True}, f"choice 0 has no finish_reason; {NO_USAGE}"),
    ([], {}, "0 of 1 choices came"),
    ([USAGE], {}, "0 of 1 choices came"),
    ([A, END], {"choices": 2}, "1 of 2 choices came"),
]


@pytest.mark.parametrize(("events", "options", "missing"), ENDS)
def test_an_answer_is_whole_when_nothing_is_missing(
    events: list[dict[str, Any]], options: dict[str, Any], missing: str
) -> None:
    _, fault = drive(ChatEvents(**options), events)
    if not missing:
        assert fault is None
    else:
        assert fault is not None
        assert fault[:2] == (StreamTruncated, f"the answer ended before its end: {missing}")


def test_a_usage_from_before_the_last_finish_may_be_that_of_one_choice_only() -> None:
    recording = load("14-n2")
    body = recording.body
    usages = [at for at in range(len(body)) if body.startswith(b'"usage":{', at)]
    last_event = body.rindex(b"data: ", 0, usages[-1])
    chunks, fault = drive(decoder_of(recording), [body[:last_event]])
    assert [chunk.finish_reason for chunk in chunks if chunk.finish_reason] == ["length", "length"]
    assert fault is not None
    assert fault[0] is StreamTruncated
    assert NO_USAGE in fault[1]
    # Behind it, all is there, [DONE] or not.
    end = body.index(b"\n\n", usages[-1]) + 2
    assert drive(decoder_of(recording), [body[:end]])[1] is None


def test_the_end_mark_stands_in_for_a_usage() -> None:
    body = b'data: {"choices": [{"finish_reason": "stop"}]}\n\n'
    assert drive(ChatDecoder(expects_usage=True), [body, b"data: [DONE]\n\n"])[1] is None
    assert drive(ChatDecoder(expects_usage=True), [body, b"data: [DONE]"])[1] is None
    fault = drive(ChatDecoder(expects_usage=True), [body])[1]
    assert fault is not None
    assert fault[1] == f"the answer ended before its end: {NO_USAGE}"


def test_calls_without_an_index_are_told_apart_by_id() -> None:
    calls = [{"id": "a", "function": {"name": "f", "arguments": "1"}}, {"function": {"arguments": "2"}}]
    events = ChatEvents()
    events.feed(choice({"tool_calls": calls}))
    events.feed(choice({"tool_calls": [{"id": "b", "function": {"name": "g"}}]}))
    assert events.partial().tool_calls == [ToolCall("a", "f", "12", 0), ToolCall("b", "g", "", 1)]
