"""The whole ladder: recordings and real sockets, cut wherever they can be, and the reader gets one answer."""

import asyncio
import json
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import anyio
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reactivex import Observable

import rxstream as rxs
from rxstream.errors import AnswerChanged, StreamTruncated
from rxstream.items import Attempt, StreamChunk, StreamResult
from rxstream.resilience.retry import retry_stream
from rxstream.resilience.timeout import timeout_stream
from rxstream.sources.recording import read_recording
from rxstream.testing import Fault, FaultServer, ScriptedModel, VirtualClock, faulty_recording
from tests.laws.registry import OPERATORS, Op
from tests.recordings import PATHS
from tests.sources.clients import CHATS, NO_TLS, RESPONSES

Backend = Literal["asyncio", "trio"]
ANSWERED = [*CHATS, *RESPONSES]


def at_once(_retry: int) -> float:
    return 0.0


def note(told: list[str], attempt: Attempt) -> None:
    told.append(attempt.rung)


async def whole(observable: Observable[Any]) -> StreamResult:
    """Collect an answer, all its choices as one text, and check that its chunks are in line."""
    chunks = await rxs.to_list(observable)
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    result = await rxs.collect(rxs.from_stream(chunks))
    result.chunks = []
    others = [chunk for chunk in chunks if chunk.choice]
    result.content += "|" + "".join(chunk.content for chunk in others)
    return result


def same_answer(result: StreamResult, expected: StreamResult) -> None:
    assert result.content == expected.content
    assert result.reasoning == expected.reasoning
    assert result.finish_reason == expected.finish_reason
    assert [(call.name, call.arguments) for call in result.tool_calls] == [
        (call.name, call.arguments) for call in expected.tool_calls
    ]


# ---------------------------------------------------------------- every recording, cut at every edge


def edges(name: str) -> list[int]:
    body = b"".join(data for _, data in read_recording(PATHS[name]).reads)
    return [at + 2 for at in range(len(body)) if body.startswith(b"\n\n", at)]


@pytest.mark.parametrize("name", ANSWERED)
def test_a_recording_cut_at_any_edge_is_one_answer_when_it_is_asked_again(name: str) -> None:
    async def body() -> None:
        expected = await whole(rxs.from_recording(PATHS[name], speed=None))
        places = edges(name)
        # A thousand edges take a minute: of so many, every eighth.
        for at in places if len(places) < 500 else places[::8]:
            answer = faulty_recording(PATHS[name], Fault.cut(at), Fault.silent_end(at // 2))
            same_answer(await whole(answer.pipe(retry_stream(backoff=at_once))), expected)

    anyio.run(body)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@given(data=st.data())
def test_whatever_goes_wrong_with_a_recording_the_answer_is_one(
    backend: Backend, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from([one for one in ANSWERED if not one.startswith("21")]))
    size = edges(name)[-1]
    at = st.integers(0, size)
    transient = st.one_of(
        st.builds(Fault.cut, at),
        st.builds(Fault.reset, at),
        st.builds(Fault.truncated_chunk, at),
        st.builds(Fault.silent_end, at),
        st.builds(Fault.stall, at),
        st.builds(Fault.error_frame, at, code=st.sampled_from([429, 500, 503])),
        st.builds(Fault.status, st.sampled_from([408, 429, 500, 503]), retry_after=st.integers(0, 3)),
        st.just(Fault.refused()),
    )
    faults: list[Any] = data.draw(st.lists(transient, max_size=4))
    if data.draw(st.booleans()):
        faults = [
            fault | Fault.drip(size=7, pause=0.01) if fault.kind == "cut" else fault for fault in faults
        ]

    async def body() -> None:
        expected = await whole(rxs.from_recording(PATHS[name], speed=None))
        answer = faulty_recording(PATHS[name], *faults)
        patient = answer.pipe(timeout_stream(first=20, gap=20), retry_stream(len(faults) + 1))
        same_answer(await whole(patient), expected)

    VirtualClock().run(body, backend=backend)


RESTARTABLE = [op for op in OPERATORS if op.takes_chunks and op.name not in {"record_stream", "accumulate"}]


@given(data=st.data())
def test_behind_a_restart_every_operator_gives_what_it_gives_of_the_whole(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([one for one in CHATS if not one.startswith(("14", "21"))]))
    op: Op = data.draw(st.sampled_from(RESTARTABLE))
    cuts = data.draw(st.lists(st.sampled_from(edges(name)), min_size=1, max_size=2))
    before: list[Op] = data.draw(st.lists(st.sampled_from(RESTARTABLE), max_size=1))

    def piped(answer: Any) -> Any:
        for one in [*before, op]:
            answer = answer.pipe(one.make())
        return answer

    async def body() -> None:
        expected = await outcome(piped(rxs.from_recording(PATHS[name], speed=None)))
        answer = faulty_recording(PATHS[name], *map(Fault.cut, cuts))
        found = await outcome(piped(answer.pipe(retry_stream(resume="restart", backoff=at_once))))
        if expected[1] == found[1] == "":
            assert found == expected
        else:  # the operator itself cannot go on with this text, in the first attempt or in the last
            assert found[1] == expected[1] or found[1]

    asyncio.run(body())


async def outcome(observable: Observable[Any]) -> tuple[list[Any], str]:
    try:
        items = await rxs.to_list(observable)
        # What all attempts together cost is not what one does.
        return [replace(one, usage=None) if isinstance(one, StreamChunk) else one for one in items], ""
    except Exception as error:
        return [], type(error).__name__


# ---------------------------------------------------------------- real sockets, the real client


def client_of(server: FaultServer) -> openai.AsyncOpenAI:
    http = openai.DefaultAsyncHttpxClient(verify=NO_TLS)
    return openai.AsyncOpenAI(base_url=server.base_url, api_key="key", http_client=http, max_retries=0)


ASK: dict[str, Any] = {"model": "any", "messages": [{"role": "user", "content": "Speak."}]}

QUIRKS: dict[str, dict[str, Any]] = {
    "continues": {},
    "echoes": {"echo": True},
    "strips white space": {"strips": True},
    "does both": {"echo": True, "strips": True},
    "refuses": {"refuses_prefill": True},
    "begins anew": {"restarts": True},
}

TEXT = (
    "The sea is old.  It was here before us,\n\nand it does not hurry. 👩‍👩‍👧 live there, 🇩🇪🇫🇷 too: "
    "日本語のテキスト。\n\n```python\nprint('e\u0301')\n```\n\n- one\n- two "
)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("quirk", QUIRKS)
def test_a_model_cut_off_behind_any_event_says_its_text_once(backend: Backend, quirk: str) -> None:
    async def body() -> None:
        model = ScriptedModel(TEXT, **QUIRKS[quirk])
        events = len(model.answer)  # more than there are
        for count in range(2, events):
            told: list[Attempt] = []
            with FaultServer(model, faults=[Fault.cut(after_events=count)]) as server:
                async with client_of(server) as client:
                    retry = retry_stream(5, backoff=at_once, on_attempt=told.append)
                    result = await whole(rxs.from_chat(client, **ASK).pipe(retry))
            assert result.content == TEXT + "|"
            rungs = [attempt.rung for attempt in told]
            if len(rungs) == 1:
                break  # behind the answer's end nothing is lost
            assert result.usage is not None
            assert result.usage.completion_tokens >= len(model.answer) // 6
            # A text that has its finish reason has no rest, and nobody is asked for it.
            has_ended = told[1].partial is not None and told[1].partial.finish_reason is not None
            assert len(server.requests) == (1 if has_ended else len(rungs))
            assert rungs == ["first", "continue", "align"][: len(rungs)]
            assert len(rungs) == (3 if quirk == "refuses" and not has_ended else 2)
        else:
            raise AssertionError("the answer has more events than characters")

    anyio.run(body, backend=backend)


DIALECTS = ("prefill", "instruct", "none")


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@settings(max_examples=40)
@given(data=st.data())
def test_whatever_goes_wrong_on_the_wire_the_text_is_said_once(backend: Backend, data: st.DataObject) -> None:
    text = data.draw(
        st.sampled_from([TEXT, json.dumps({"a": [1, 2.5, "x y\n", None], "ü": "👍🏽 "}, indent=1)])
    )
    how: Any = data.draw(st.sampled_from(DIALECTS))
    quirk = data.draw(st.sampled_from(sorted(QUIRKS)))
    model = ScriptedModel(text, **QUIRKS[quirk], instruct=how == "instruct")
    events = st.integers(0, 60)
    fault = st.one_of(
        st.builds(Fault.cut, after_events=events),
        st.builds(Fault.cut, st.integers(0, 6000)),
        st.builds(Fault.reset, after_events=events),
        st.builds(Fault.truncated_chunk, after_events=events),
        st.builds(Fault.silent_end, after_events=events),
        st.builds(Fault.error_frame, after_events=events, code=st.just(503)),
        st.builds(Fault.status, st.sampled_from([429, 503])),
        st.just(Fault.refused()),
    )
    faults = data.draw(st.lists(fault, max_size=4))
    asked = {**ASK, "response_format": {"type": "json_object"}} if text != TEXT else ASK

    async def body() -> None:
        with FaultServer(model, faults=faults) as server:
            async with client_of(server) as client:
                answer = rxs.from_chat(client, continuation=how, **asked)
                result = await whole(answer.pipe(retry_stream(len(faults) + 3, backoff=at_once)))
        assert result.content == text + "|"
        assert result.finish_reason == "stop"
        assert result.usage is not None
        assert result.usage.completion_tokens > 0

    anyio.run(body, backend=backend)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_model_that_cannot_be_asked_for_the_rest_is_asked_again(backend: Backend) -> None:
    async def body() -> None:
        told: list[str] = []
        calls = [
            {"name": "get_weather", "arguments": '{"city": "Paris", "days": 3}'},
            {"name": "get_time", "arguments": '{"city": "Paris"}'},
        ]
        with FaultServer(ScriptedModel(tool_calls=calls), faults=[Fault.cut(after_events=5)]) as server:
            async with client_of(server) as client:
                answer = rxs.from_chat(client, **ASK)
                retry = retry_stream(backoff=at_once, on_attempt=lambda attempt: told.append(attempt.rung))
                result = await rxs.collect(answer.pipe(retry))
        assert told == ["first", "align"]
        assert [(call.name, call.arguments) for call in result.tool_calls] == [
            (call["name"], call["arguments"]) for call in calls
        ]

    anyio.run(body, backend=backend)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_thoughts_are_not_thought_twice(backend: Backend) -> None:
    async def body() -> None:
        thoughts = "The user asks for the sea. I know a lot of it."
        for count in range(2, 30):
            model = ScriptedModel("The sea is old.", reasoning=thoughts)
            with FaultServer(model, faults=[Fault.cut(after_events=count)]) as server:
                async with client_of(server) as client:
                    result = await rxs.collect(
                        rxs.from_chat(client, **ASK).pipe(retry_stream(backoff=at_once))
                    )
            assert result.content == "The sea is old."
            assert result.reasoning == thoughts

    anyio.run(body, backend=backend)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_provider_goes_on_at_the_very_event(backend: Backend) -> None:
    async def body() -> None:
        model = ScriptedModel(TEXT)
        request: dict[str, Any] = {"model": "any", "input": "Speak.", "background": True}
        for count in range(1, 60):
            told: list[str] = []
            with FaultServer(model, faults=[Fault.cut(after_events=count)]) as server:
                async with client_of(server) as client:
                    retry = retry_stream(backoff=at_once, on_attempt=partial(note, told))
                    result = await whole(rxs.from_responses(client, **request).pipe(retry))
                    paths = [request.method for request in server.requests]
            assert result.content == TEXT + "|"
            if len(told) == 1:
                return
            assert told[1] in {"again", "server"}
            assert paths == ["POST", "GET" if told[1] == "server" else "POST"]
        raise AssertionError("more events than expected")

    anyio.run(body, backend=backend)


@pytest.mark.parametrize("how", ["prefill", "instruct"])
def test_a_response_is_continued_where_it_is_not_kept(how: Any) -> None:
    async def body() -> None:
        told: list[str] = []
        model = ScriptedModel(TEXT, instruct=how == "instruct")
        with FaultServer(model, faults=[Fault.cut(after_events=20)]) as server:
            async with client_of(server) as client:
                answer = rxs.from_responses(client, continuation=how, model="any", input="Speak.")
                retry = retry_stream(backoff=at_once, on_attempt=lambda one: told.append(one.rung))
                result = await whole(answer.pipe(retry))
        assert told == ["first", "continue"]
        assert result.content == TEXT + "|"

    anyio.run(body)


def test_the_token_limit_of_the_rest_is_lower_by_what_was_used() -> None:
    async def body() -> None:
        with FaultServer(ScriptedModel(TEXT), faults=[Fault.cut(after_events=6)]) as server:
            async with client_of(server) as client:
                answer = rxs.from_chat(client, **ASK, max_tokens=20)
                result = await whole(answer.pipe(retry_stream(backoff=at_once)))
            first, second = (request.body for request in server.requests)
        assert (first["max_tokens"], second["max_tokens"]) == (20, 15)
        assert second["messages"][-1]["role"] == "assistant"
        assert TEXT.startswith(result.content.rstrip("|"))
        assert result.finish_reason == "length"

    anyio.run(body)


def test_a_stall_is_continued_when_the_time_limit_stands_before_the_retry() -> None:
    async def body() -> None:
        told: list[str] = []
        with FaultServer(ScriptedModel(TEXT), faults=[Fault.stall(after_events=9)]) as server:
            async with client_of(server) as client:
                answer = rxs.from_chat(client, **ASK).pipe(timeout_stream(gap=0.3))
                retry = retry_stream(backoff=at_once, on_attempt=lambda one: told.append(one.rung))
                result = await whole(answer.pipe(retry))
        assert told == ["first", "continue"]
        assert result.content == TEXT + "|"

    anyio.run(body)


def test_a_model_that_says_something_else_the_next_time_is_not_mixed_with_itself() -> None:
    async def body() -> None:
        model = ScriptedModel(TEXT, changes=True)
        with FaultServer(model, faults=[Fault.cut(after_events=9)]) as server:
            async with client_of(server) as client:
                answer = rxs.from_chat(client, continuation="none", **ASK)
                with pytest.raises(AnswerChanged) as caught:
                    await rxs.collect(answer.pipe(retry_stream(backoff=at_once)))
        assert TEXT.startswith(caught.value.partial.content)
        assert isinstance(caught.value.__cause__, StreamTruncated)

    anyio.run(body)


# ---------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("attempts", "error"),
    [(0, ValueError), (-1, ValueError), (1.5, TypeError), ("3", TypeError), (None, TypeError)],
    ids=repr,
)
def test_attempts_are_counted_from_one(attempts: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="expects attempts, the first one counted, to be "):
        retry_stream(attempts)


def test_an_unknown_way_to_resume_is_refused_with_those_there_are() -> None:
    with pytest.raises(rxs.UnknownName, match="'auto', 'server', 'continue', 'align', 'restart', 'never'"):
        retry_stream(resume="sometimes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("retry_on", ["all", (ValueError, "x"), int, BaseException], ids=repr)
def test_what_judges_no_error_is_refused(retry_on: Any) -> None:
    with pytest.raises(TypeError, match="expects exception classes, or a function"):
        retry_stream(retry_on=retry_on)


@pytest.mark.parametrize("backoff", ["soon", -1], ids=repr)
def test_a_backoff_that_is_none_is_refused(backoff: Any) -> None:
    with pytest.raises(TypeError, match="expects seconds, or a function from the number of a retry"):
        retry_stream(backoff=backoff)


def test_a_backoff_may_be_a_number() -> None:
    async def body() -> float:
        answer = faulty_recording("01-prose", Fault.cut(3000), Fault.cut(3000))
        await whole(answer.pipe(retry_stream(backoff=2)))
        return anyio.current_time()

    assert VirtualClock().run(body) == pytest.approx(4)
