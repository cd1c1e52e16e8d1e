import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, assert_type

import pytest
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk
from reactivex import Observable
from reactivex import operators as ops

from rxstream.errors import InvalidJSON, StreamTruncated
from rxstream.items import StreamChunk, ToolCall, ToolCallDelta
from rxstream.parsers.tool_calls import parse_tool_calls
from rxstream.sansio.tool_calls import PartialToolCall
from rxstream.sinks.collect import collect, to_list
from rxstream.sources.recording import from_recording
from rxstream.sources.stream import from_stream
from rxstream.testing import VirtualClock, check_operator, find_diagrams, parse_marbles
from tests import recordings
from tests.sansio.tool_calls import answer, joined

Item = ToolCall | PartialToolCall

RECORDED = ["07-tool-calls-parallel", "08-tool-call-single", "18-responses-tool"]


def path_of(name: str) -> Path:
    return recordings.PATHS[name]


def recorded(name: str) -> list[StreamChunk]:
    return VirtualClock().run(to_list, from_recording(path_of(name), speed=None))


def parsed(chunks: Iterable[StreamChunk], **options: Any) -> list[Item]:
    return VirtualClock().run(to_list, from_stream(list(chunks)).pipe(parse_tool_calls(**options)))


def events(name: str) -> list[dict[str, Any]]:
    lines = recordings.load(name).body.decode().splitlines()
    data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    return [json.loads(one) for one in data if one != "[DONE]"]


def sdk_calls(name: str) -> list[tuple[str, str, str]]:
    """Give what the provider's own package makes of a recorded answer: ids, names, arguments."""
    if "responses" in name:
        (response,) = [event["response"] for event in events(name) if event["type"] == "response.completed"]
        calls = [item for item in response["output"] if item["type"] == "function_call"]
        return [(call["call_id"], call["name"], call["arguments"]) for call in calls]
    state: Any = ChatCompletionStreamState()
    for event in events(name):
        state.handle_chunk(ChatCompletionChunk.model_validate(event))
    return [
        (call.id, call.function.name, call.function.arguments)
        for call in state.get_final_completion().choices[0].message.tool_calls
    ]


@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.parametrize("partial", [False, True])
def test_recorded_calls_are_what_the_providers_package_makes_of_them(name: str, partial: bool) -> None:
    expected = [
        ToolCall(call_id, function, arguments, index, json.loads(arguments))
        for index, (call_id, function, arguments) in enumerate(sdk_calls(name))
    ]
    assert len(expected) >= 2
    items = parsed(recorded(name), partial=partial)
    assert [item for item in items if isinstance(item, ToolCall)] == expected
    growing = [item for item in items if isinstance(item, PartialToolCall)]
    assert bool(growing) is partial
    for call in expected:
        of_it = [item for item in growing if item.index == call.index]
        assert "".join(item.delta for item in of_it) == (call.arguments if partial else "")
        assert [item.value for item in of_it[-1:]] == ([call.value] if partial else [])


@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.parametrize("reason", [None, "length"])
def test_a_recorded_answer_that_is_cut_anywhere_gives_no_call_that_is_not_whole(
    name: str, reason: str | None
) -> None:
    chunks = [chunk for chunk in recorded(name) if chunk.tool_calls]
    whole = {item.index: item for item in parsed(chunks)}
    cut_calls = 0
    for end in range(len(chunks) + 1):
        rest = [] if reason is None else [StreamChunk("", reason)]
        items = parsed([*chunks[:end], *rest])
        for item in items:
            if isinstance(item, ToolCall):
                assert item == whole[item.index]
                assert item.value == json.loads(item.arguments)
            else:
                cut_calls += 1
                assert item.ended == (reason or "cut")
                assert whole[item.index].arguments.startswith(item.arguments)
                assert item.arguments != whole[item.index].arguments
                with pytest.raises(json.JSONDecodeError):
                    json.loads(item.arguments)
        assert [item.index for item in items] == list(range(len(items)))
    assert cut_calls > 20


def test_the_calls_are_those_of_the_whole_answer() -> None:
    for name in RECORDED:
        result = VirtualClock().run(collect, from_recording(path_of(name), speed=None))
        items = [item for item in parsed(recorded(name)) if isinstance(item, ToolCall)]
        assert [(call.id, call.name, call.arguments, call.index) for call in items] == [
            (call.id, call.name, call.arguments, call.index) for call in result.tool_calls
        ]


def test_at_an_error_from_upstream_what_is_not_whole_is_dropped() -> None:
    def source() -> Iterable[StreamChunk]:
        yield from answer([ToolCallDelta(0, "a", "f", "{}"), ToolCallDelta(1, "b", "g", "{")], None)
        raise StreamTruncated("lost")

    async def run() -> list[Item]:
        came: list[Item] = []
        with pytest.raises(StreamTruncated):
            await to_list(from_stream(source).pipe(parse_tool_calls()), on_item=came.append)
        return came

    assert VirtualClock().run(run) == [ToolCall("a", "f", "{}", 0, {})]


@pytest.mark.parametrize("partial", [False, True])
def test_the_operator_keeps_the_laws_of_streams(partial: bool) -> None:
    deltas = [
        ToolCallDelta(0, "a", "f", '{"x": 1'),
        ToolCallDelta(0, None, None, "}"),
        ToolCallDelta(1, "b", "g"),
        ToolCallDelta(2, "c", "h", '{"y": "z'),
    ]
    check_operator(parse_tool_calls(partial=partial), answer(deltas), join=joined)


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize("text", [' {"x": [1, "y\\n"]} ', '{"x": 1'])
def test_where_a_server_cuts_the_arguments_never_matters(partial: bool, text: str) -> None:
    def piece_of_a_call(piece: str) -> StreamChunk:
        return StreamChunk("", tool_calls=(ToolCallDelta(0, "a", "f", piece),))

    def calls_of_text(source: Observable[str]) -> Observable[Item]:
        return source.pipe(ops.map(piece_of_a_call), parse_tool_calls(partial=partial))

    check_operator(calls_of_text, [text[:3], text[3:]], join=joined)


def test_a_fault_comes_behind_the_calls_before_it() -> None:
    chunk = StreamChunk("", tool_calls=(ToolCallDelta(0, "a", "f", "{}"), ToolCallDelta(1, "b", "g", "{]")))

    async def run() -> list[Item]:
        came: list[Item] = []
        with pytest.raises(InvalidJSON, match=r"tool call 'g' \(index 1, id 'b'\)"):
            await to_list(from_stream([chunk]).pipe(parse_tool_calls()), on_item=came.append)
        return came

    assert VirtualClock().run(run) == [ToolCall("a", "f", "{}", 0, {})]
    assert len(parsed([chunk], on_invalid="skip")) == 1


def test_text_is_refused() -> None:
    async def run() -> None:
        text: Any = from_stream(["{}"])
        with pytest.raises(TypeError, match=r"^parse_tool_calls\(\) works on the chunks of an answer"):
            await to_list(text.pipe(parse_tool_calls()))

    VirtualClock().run(run)


@pytest.mark.parametrize(
    ("options", "error"), [({"max_depth": 0}, ValueError), ({"on_invalid": "ignore"}, TypeError)]
)
def test_wrong_arguments_are_refused_where_they_are_written(
    options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error, match=r"^parse_tool_calls\(\): "):
        parse_tool_calls(**options)


def test_its_diagrams_are_true() -> None:
    names: dict[str, Any] = {
        "StreamChunk": StreamChunk,
        "ToolCallDelta": ToolCallDelta,
        "ToolCall": ToolCall,
        "PartialToolCall": PartialToolCall,
        "parse_tool_calls": parse_tool_calls,
    }
    diagrams = find_diagrams(parse_tool_calls.__doc__ or "")
    assert len(diagrams) == 2
    for diagram in diagrams:
        chunks = [
            what.value for _, what in parse_marbles(diagram.sources[0], names=names) if what.kind == "next"
        ]
        operator = eval(diagram.operator, names)
        expected = [
            what.value for _, what in parse_marbles(diagram.result, names=names) if what.kind == "next"
        ]
        assert VirtualClock().run(to_list, from_stream(chunks).pipe(operator)) == expected


def test_its_types_are_known() -> None:
    source: Observable[StreamChunk] = from_stream([StreamChunk("")])
    assert_type(source.pipe(parse_tool_calls()), Observable[ToolCall | PartialToolCall])
    assert_type(source.pipe(parse_tool_calls(partial=True)), Observable[ToolCall | PartialToolCall])
