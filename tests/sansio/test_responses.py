from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxstream.errors import MalformedStream, ProviderError, StreamTruncated
from rxstream.items import StreamChunk, StreamResult, ToolCall, ToolCallDelta, Usage
from rxstream.sansio.answer import Answer
from rxstream.sansio.responses import ResponsesDecoder, ResponsesEvents
from rxstream.testing.replies import Reply, ReplyCall
from rxstream.testing.response_events import response_events
from tests.recordings import load
from tests.sansio.drive import cut, drive, each_byte

COMPLETED = {"type": "response.completed", "response": {"id": "r"}}


def event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", **fields}


def result_of(*events: dict[str, Any]) -> StreamResult:
    machine = ResponsesEvents()
    for one in (*events, COMPLETED):
        machine.feed(one)
    assert machine.finished
    assert list(machine.close()) == []
    return machine.partial()


def texts(chunks: list[StreamChunk]) -> list[tuple[str, str, str]]:
    return [(chunk.content, chunk.reasoning, chunk.refusal) for chunk in chunks]


@pytest.mark.parametrize("name", ["17-responses-text", "18-responses-tool"])
def test_a_recording_is_the_same_wherever_it_is_cut(name: str) -> None:
    recording = load(name)
    body = recording.body
    expected = drive(ResponsesDecoder(), [body])
    assert expected[1] is None
    assert drive(ResponsesDecoder(), [data for _, data in recording.reads]) == expected
    assert drive(ResponsesDecoder(), each_byte(body)) == expected
    edges = [place for place in range(len(body)) if body.startswith(b"\n\n", place)]
    for edge in edges:
        for place in range(edge - 1, edge + 4):
            assert drive(ResponsesDecoder(), cut(body, place)) == expected


def test_the_recorded_text_is_the_one_that_its_end_repeats() -> None:
    machine = ResponsesDecoder()
    chunks = list(machine.feed(load("17").body))
    result = machine.partial()
    last = chunks[-1].raw["response"]
    assert result.content == last["output"][0]["content"][0]["text"]
    assert result.finish_reason == "stop"
    assert result.usage == Usage(39, 51, 90, 24)
    assert result.model == "smollm2-135m"
    assert machine.finished
    assert chunks[0].id == last["id"]
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))


def test_the_recorded_calls_are_those_that_their_end_repeats() -> None:
    machine = ResponsesDecoder()
    chunks = list(machine.feed(load("18").body))
    result = machine.partial()
    assert [(call.id, call.name, call.arguments) for call in result.tool_calls] == [
        (item["call_id"], item["name"], item["arguments"]) for item in chunks[-1].raw["response"]["output"]
    ]
    assert len(result.tool_calls) == 2
    assert result.finish_reason == "tool_calls"
    assert chunks[0].tool_calls[0].index == 0


def test_the_body_of_an_error_answer_is_an_error() -> None:
    _, fault = drive(ResponsesDecoder(), [load("24").body])
    assert fault is not None
    assert fault[0] is ProviderError
    assert fault[4:6] == (400, "invalid_request_error")


def test_deltas_of_each_kind_come_in_their_own_field() -> None:
    machine = ResponsesEvents()
    chunks = [
        chunk
        for kind in ("output_text", "refusal", "reasoning_text", "reasoning_summary_text")
        for chunk in machine.feed(event(f"{kind}.delta", item_id="i", delta=kind))
    ]
    assert texts(chunks) == [
        ("output_text", "", ""),
        ("", "", "refusal"),
        ("", "reasoning_text", ""),
        ("", "reasoning_summary_text", ""),
    ]


def test_the_model_and_the_name_are_known_from_the_first_event() -> None:
    machine = ResponsesEvents()
    assert machine.feed(event("created", response={"id": "r", "model": "m"})) == []
    assert machine.feed(event("output_text.delta", delta="a")) == [StreamChunk("a", model="m", id="r")]


@pytest.mark.parametrize(
    "events",
    [
        [event("output_text.done", item_id="i", text="ab")],
        [event("content_part.done", item_id="i", part={"type": "output_text", "text": "ab"})],
        [event("output_item.done", item={"id": "i", "content": [{"type": "output_text", "text": "ab"}]})],
        [
            event("output_text.delta", item_id="i", delta="a"),
            event("output_text.delta", item_id="i", delta="b"),
        ],
        [event("output_text.delta", item_id="i", delta="a")],
        [
            event("output_text.delta", output_index=0, delta="a"),
            event("output_text.delta", output_index=0, delta="b"),
        ],
        [],
    ],
)
def test_what_was_not_streamed_is_taken_from_the_end_of_its_item_and_only_once(
    events: list[dict[str, Any]],
) -> None:
    part = {"type": "output_text", "text": "ab"}
    item = {"type": "message", "id": "i", "content": [part]}
    result = result_of(
        *events,
        event("output_text.done", item_id="i", output_index=0, text="ab"),
        event("content_part.done", item_id="i", output_index=0, part=part),
        event("output_item.done", output_index=0, item=item),
        event("completed", response={"output": [item]}),
    )
    assert result.content == "ab"


def test_a_refusal_and_a_summary_may_come_at_the_end_only() -> None:
    machine = ResponsesEvents()
    chunks = [
        *machine.feed(event("refusal.done", item_id="i", refusal="no")),
        *machine.feed(event("reasoning_summary_part.done", item_id="j", summary_index=0, part={})),
        *machine.feed(
            event(
                "output_item.done",
                item={
                    "id": "j",
                    "summary": [{"type": "summary_text", "text": "s"}, {"type": "summary_text", "text": "t"}],
                    "content": [{"type": "reasoning_text", "text": "u"}, {"type": "image"}],
                },
            )
        ),
        *machine.feed(
            event("output_item.done", item={"id": "k", "content": [{"type": "refusal", "refusal": "r"}]})
        ),
        *machine.feed(event("refusal.done", item_id="k", refusal="")),
    ]
    assert texts(chunks) == [("", "", "no"), ("", "stu", ""), ("", "", "r")]


def test_parts_of_an_item_are_told_apart() -> None:
    result = result_of(
        event("reasoning_summary_text.delta", item_id="i", summary_index=0, delta="a"),
        event("reasoning_summary_text.done", item_id="i", summary_index=0, text="a"),
        event("reasoning_summary_text.done", item_id="i", summary_index=1, text="b"),
        event("reasoning_text.done", item_id="i", content_index=0, text="c"),
    )
    assert result.reasoning == "abc"


def test_an_end_that_contradicts_the_deltas_adds_nothing() -> None:
    part = {"type": "output_text", "text": "something else"}
    result = result_of(
        event("output_text.delta", item_id="i", delta="a"),
        event("output_item.done", item={"id": "i", "content": [part]}),
    )
    assert result.content == "a"


def test_a_server_may_say_everything_at_the_end() -> None:
    output = [
        {"type": "message", "id": "i", "content": [{"type": "output_text", "text": "ab"}]},
        {"type": "function_call", "id": "f", "name": "g", "arguments": "{}"},
    ]
    machine = ResponsesEvents()
    machine.feed(event("completed", response={"output": output, "model": "m"}))
    result = machine.partial()
    assert (result.content, result.finish_reason, result.model) == ("ab", "tool_calls", "m")
    assert result.tool_calls == [ToolCall("f", "g", "{}", 0)]


def call(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "function_call", "id": f"id-{name}", "call_id": f"call-{name}", "name": name, **more}


CALLS = {
    "by id": [
        event("output_item.added", item=call("f")),
        event("output_item.added", item=call("g", arguments="[")),
        event("function_call_arguments.delta", item_id="id-f", delta="{}"),
        event("function_call_arguments.delta", item_id="id-g", delta="]"),
        event("function_call_arguments.done", item_id="id-g", arguments="[]"),
        event("output_item.done", item=call("f", arguments="{}")),
    ],
    "by index, with ids that change": [
        event("output_item.added", output_index=3, item=call("f")),
        event("output_item.added", output_index=5, item=call("g")),
        event("function_call_arguments.delta", item_id="x1", output_index=3, delta="{}"),
        event("function_call_arguments.delta", item_id="x2", output_index=5, delta="[]"),
        event("output_item.done", output_index=3, item={**call("f", arguments="{}"), "id": "x3"}),
    ],
    "by nothing": [
        event("output_item.added", item={**call("f"), "id": None}),
        event("function_call_arguments.delta", delta="{"),
        event("function_call_arguments.delta", delta="}"),
        event("output_item.added", item={**call("g"), "id": None}),
        event("function_call_arguments.done", arguments="[]"),
        event("output_item.done", item={**call("g", arguments="[]"), "id": None}),
    ],
    "at their end": [
        event("output_item.done", item=call("f", arguments="{}")),
        event("output_item.added", item=call("g")),
        event("output_item.done", item=call("g", arguments="[]")),
    ],
    "with a name at their end": [
        event("function_call_arguments.delta", item_id="id-f", delta="{"),
        event("output_item.done", item=call("f", arguments="{}")),
        event("output_item.done", item=call("g", arguments="[]")),
    ],
}


@pytest.mark.parametrize("events", CALLS.values(), ids=CALLS.keys())
def test_calls_are_known(events: list[dict[str, Any]]) -> None:
    result = result_of(*events)
    assert result.tool_calls == [ToolCall("call-f", "f", "{}", 0), ToolCall("call-g", "g", "[]", 1)]
    assert result.finish_reason == "tool_calls"


def test_a_call_has_the_index_of_the_wire_or_the_next() -> None:
    machine = ResponsesEvents()
    assert machine.feed(event("output_item.added", output_index=4, item=call("f")))[0].tool_calls == (
        ToolCallDelta(4, "call-f", "f", ""),
    )
    assert machine.feed(event("output_item.added", item=call("g")))[0].tool_calls[0].index == 1


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ({"reason": "max_output_tokens"}, "length"),
        ({"reason": "content_filter"}, "content_filter"),
        (None, "incomplete"),
    ],
)
def test_an_incomplete_response_says_why(details: Any, reason: str) -> None:
    machine = ResponsesEvents()
    (chunk,) = machine.feed(event("incomplete", response={"incomplete_details": details, "usage": None}))
    assert chunk == StreamChunk("", finish_reason=reason)
    assert machine.finished
    assert list(machine.close()) == []


def test_the_usage_is_read_in_the_names_of_this_wire() -> None:
    usage = {
        "input_tokens": 5,
        "output_tokens": 3,
        "total_tokens": 8,
        "input_tokens_details": {"cached_tokens": 2},
        "output_tokens_details": {"reasoning_tokens": 1},
    }
    (chunk,) = ResponsesEvents().feed(event("completed", response={"usage": usage}))
    assert chunk.usage == Usage(5, 3, 8, 2, 1)


@pytest.mark.parametrize(
    ("bad", "message", "code"),
    [
        (
            event("failed", response={"error": {"code": "server_error", "message": "no"}}),
            "no",
            "server_error",
        ),
        (event("failed", response={"status": "failed"}), '{"status": "failed"}', None),
        ({"type": "error", "code": "c", "message": "no", "param": None}, "no", "c"),
        ({"type": "error", "error": {"code": "c", "message": "no"}}, "no", "c"),
        ({"error": {"code": 500, "message": "no"}}, "no", 500),
    ],
)
def test_an_error_is_the_providers(bad: dict[str, Any], message: str, code: Any) -> None:
    machine = ResponsesEvents()
    machine.feed(event("output_text.delta", delta="so far"))
    with pytest.raises(ProviderError) as caught:
        machine.feed(bad)
    assert str(caught.value) == f"the provider reported an error in event 2: {message}"
    assert caught.value.code == code
    assert caught.value.partial.content == "so far"


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([], "expected the event to be a JSON object, got list '[]'"),
        (event("output_text.delta", delta=1), "expected delta to be a string or null, got int '1'"),
        (event("output_text.delta", output_index="0"), "expected output_index to be an integer, got str"),
        (event("completed", response=[]), "expected response to be an object or null, got list '[]'"),
        (event("completed", response={"output": [1]}), "expected output to be a list of objects or null"),
    ],
)
def test_a_wrong_type_is_malformed(bad: Any, message: str) -> None:
    with pytest.raises(MalformedStream) as caught:
        ResponsesEvents().feed(bad)
    assert str(caught.value).startswith(f"event 1: {message}")


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"type": "ping"},
        event("in_progress", response={}),
        event("web_search_call.searching", item_id="w"),
        event("audio.delta", delta="AAAA"),
        event("output_item.added", item={"type": "message", "id": "i", "content": []}),
        event("content_part.added", part={"type": "output_text", "text": ""}),
    ],
)
def test_other_events_give_no_chunk(other: dict[str, Any]) -> None:
    assert ResponsesEvents().feed(other) == []


@pytest.mark.parametrize("end", [b"", b"data: [DONE]\n\n", b"data: [DONE]"])
def test_a_response_without_its_end_is_cut_short(end: bytes) -> None:
    body = b'data: {"type": "response.output_text.delta", "delta": "a"}\n\n' + end
    _, fault = drive(ResponsesDecoder(), [body])
    assert fault == (
        StreamTruncated,
        "the answer ended before its end: neither response.completed nor response.incomplete came",
        StreamResult("a"),
    )


@given(st.lists(st.integers(0, 14_000), max_size=20))
def test_a_killed_response_is_cut_short_the_same_wherever_it_is_cut(places: list[int]) -> None:
    body = load("17").body[:5000]
    expected = drive(ResponsesDecoder(), [body])
    assert expected[1] is not None
    assert expected[1][0] is StreamTruncated
    assert drive(ResponsesDecoder(), cut(body, *places)) == expected


# ---------------------------------------------------------------- in another connection


def numbered(*events: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**one, "sequence_number": number} for number, one in enumerate(events)]


def continued(events: list[dict[str, Any]]) -> None:
    """Cut behind every event that gave a chunk, go on in another connection, and compare."""
    machine = ResponsesEvents()
    given_by = [machine.feed(one) for one in events]
    chunks = [chunk for some in given_by for chunk in some]
    whole = Answer()
    for chunk in chunks:
        whole.add(chunk)
    for place in range(1, len(events)):
        if not given_by[place - 1]:
            continue
        both = Answer()
        before = [chunk for some in given_by[:place] for chunk in some]
        for chunk in before:
            both.add(chunk)
        rest = ResponsesEvents(behind=before[-1], called=len(both.result().tool_calls))
        after = [chunk for one in events[place:] for chunk in rest.feed(one)]
        assert rest.finished
        assert list(rest.close()) == []
        for chunk in after:
            both.add(chunk)
        assert both.result() == whole.result()
        assert both.choices[0].refusal == whole.choices[0].refusal
        assert [*before, *after] == chunks


WORDS = st.lists(st.sampled_from(["a", " b", "c "]), max_size=4)


@given(
    st.builds(
        Reply,
        st.just([]),
        WORDS,
        WORDS,
        st.lists(st.builds(ReplyCall, st.sampled_from(["x", "y"]), st.just("f"), WORDS), max_size=3),
        st.sampled_from(["stop", "length"]),
    )
)
def test_a_response_goes_on_in_another_connection(reply: Reply) -> None:
    for number, one in enumerate(reply.calls):
        one.id = f"call_{number}"
    continued(response_events(reply, name="r", model="m"))


SUMMARY = {"type": "reasoning", "id": "rs"}
MESSAGE = {"type": "message", "id": "msg"}


def text_events(
    kind: str, item: str, place: int, index: dict[str, int], *pieces: str
) -> list[dict[str, Any]]:
    where = {"item_id": item, "output_index": place, **index}
    field = "refusal" if kind == "refusal" else "text"
    return [
        *(event(f"{kind}.delta", delta=piece, **where) for piece in pieces),
        event(f"{kind}.done", **{field: "".join(pieces)}, **where),
    ]


AS_OPENAI: dict[str, list[dict[str, Any]]] = {
    "summaries, two parts of a message, a refusal": [
        event("created", response={"id": "r", "model": "m"}),
        event("output_item.added", output_index=0, item={**SUMMARY, "summary": []}),
        event("reasoning_summary_part.added", item_id="rs", output_index=0, summary_index=0),
        *text_events("reasoning_summary_text", "rs", 0, {"summary_index": 0}, "hm", ", ", "yes"),
        event(
            "reasoning_summary_part.done",
            item_id="rs",
            output_index=0,
            summary_index=0,
            part={"type": "summary_text", "text": "hm, yes"},
        ),
        *text_events("reasoning_summary_text", "rs", 0, {"summary_index": 1}, "or"),
        event(
            "output_item.done",
            output_index=0,
            item={
                **SUMMARY,
                "summary": [
                    {"type": "summary_text", "text": "hm, yes"},
                    {"type": "summary_text", "text": "or"},
                ],
            },
        ),
        event("output_item.added", output_index=1, item={**MESSAGE, "content": []}),
        *text_events("output_text", "msg", 1, {"content_index": 0}, "Hel", "lo"),
        event(
            "content_part.done",
            item_id="msg",
            output_index=1,
            content_index=0,
            part={"type": "output_text", "text": "Hello"},
        ),
        *text_events("refusal", "msg", 1, {"content_index": 1}, "n", "o"),
        event(
            "output_item.done",
            output_index=1,
            item={
                **MESSAGE,
                "content": [{"type": "output_text", "text": "Hello"}, {"type": "refusal", "refusal": "no"}],
            },
        ),
        event("completed", response={"id": "r", "output": [], "usage": {"input_tokens": 1}}),
    ],
    "two calls in turn": [
        event("output_item.added", output_index=0, item=call("f", arguments="")),
        event("function_call_arguments.delta", item_id="id-f", output_index=0, delta="{"),
        event("output_item.added", output_index=1, item=call("g", arguments="")),
        event("function_call_arguments.delta", item_id="id-f", output_index=0, delta='"a"'),
        event("function_call_arguments.delta", item_id="id-g", output_index=1, delta="["),
        event("function_call_arguments.delta", item_id="id-f", output_index=0, delta=": 1}"),
        event("function_call_arguments.done", item_id="id-f", output_index=0, arguments='{"a": 1}'),
        event("output_item.done", output_index=0, item=call("f", arguments='{"a": 1}')),
        event("function_call_arguments.delta", item_id="id-g", output_index=1, delta="]"),
        event("function_call_arguments.done", item_id="id-g", output_index=1, arguments="[]"),
        event("output_item.done", output_index=1, item=call("g", arguments="[]")),
        event("completed", response={"output": [call("f", arguments='{"a": 1}'), call("g", arguments="[]")]}),
    ],
    "what is new comes at its end only": [
        event("output_item.added", output_index=0, item={**MESSAGE, "content": []}),
        event("output_text.delta", item_id="msg", output_index=0, delta="a"),
        event("output_item.added", output_index=1, item={**MESSAGE, "id": "msg2", "content": []}),
        event("output_text.done", item_id="msg2", output_index=1, text="b"),
        event("output_item.added", output_index=2, item=call("f", arguments="{}")),
        event("output_item.done", output_index=2, item=call("f", arguments="{}")),
        event("incomplete", response={"incomplete_details": {"reason": "max_output_tokens"}}),
    ],
}


@pytest.mark.parametrize("events", AS_OPENAI.values(), ids=AS_OPENAI)
def test_all_kinds_of_events_go_on_in_another_connection(events: list[dict[str, Any]]) -> None:
    continued(numbered(*events))


def test_the_rest_of_a_call_without_an_index_has_none() -> None:
    machine = ResponsesEvents(behind=StreamChunk("", index=4, model="m", id="r"), called=2)
    (chunk,) = machine.feed(event("function_call_arguments.delta", item_id="id-g", delta="]"))
    assert chunk == StreamChunk(
        "", index=5, model="m", id="r", tool_calls=(ToolCallDelta(None, arguments="]"),)
    )
    # One that begins here is counted on.
    assert machine.feed(event("output_item.added", item=call("h")))[0].tool_calls[0].index == 2
    assert machine.feed(event("function_call_arguments.delta", delta="{"))[0].tool_calls[0].index == 2
    assert machine.feed(COMPLETED)[0].finish_reason == "tool_calls"


def test_a_response_without_calls_has_none_in_another_connection() -> None:
    machine = ResponsesEvents(behind=StreamChunk("a"))
    assert [chunk.finish_reason for chunk in machine.feed(COMPLETED)] == ["stop"]


def test_half_a_rest_is_cut_short() -> None:
    machine = ResponsesEvents(behind=StreamChunk("a"))
    machine.feed(event("output_text.delta", item_id="i", delta="b"))
    with pytest.raises(StreamTruncated) as caught:
        list(machine.close())
    assert caught.value.partial == StreamResult("b")


def test_a_decoder_may_be_given_its_machine() -> None:
    decoder = ResponsesDecoder(events=ResponsesEvents(behind=StreamChunk("a", index=3)))
    body = b'data: {"type": "response.output_text.done", "item_id": "i", "text": "ab"}\n\n'
    assert list(decoder.feed(body)) == []
    body = b'data: {"type": "response.output_text.delta", "item_id": "i", "delta": "b"}\n\n'
    assert [(chunk.content, chunk.index) for chunk in decoder.feed(body)] == [("b", 4)]
