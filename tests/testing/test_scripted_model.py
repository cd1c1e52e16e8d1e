"""The scripted model, asked by a real client: its answer, its quirks, and how it goes on."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rxstream as rxs
from rxstream.errors import ConnectionLost
from rxstream.items import StreamResult
from rxstream.testing import Connection, Fault, FaultServer, Request, ScriptedModel, texts
from rxstream.testing.faults import Faults
from rxstream.testing.replies import tokens_of
from tests.sources.clients import chunks_until_error, connected

pytestmark = [
    # The SDK's own iterator leaves generators open, which trio reports.
    pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning"),
]
anyio_test = pytest.mark.anyio

TEXT = "The sea is old. \n\nIt was here before us, and it does not hurry."
ASKED: list[Any] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]


@asynccontextmanager
async def client_of(model: ScriptedModel, *faults: Faults) -> AsyncGenerator[Any]:
    with FaultServer(model, faults=faults) as server:
        async with connected("async", server) as client:
            yield client


async def ask(model: ScriptedModel, *more: Any, **request: Any) -> StreamResult:
    async with client_of(model) as client:
        return await rxs.collect(rxs.from_chat(client, model="any", messages=[*ASKED, *more], **request))


def said(prefix: str) -> dict[str, str]:
    return {"role": "assistant", "content": prefix}


@anyio_test
async def test_it_says_its_answer_token_by_token_and_counts_truly() -> None:
    result = await ask(ScriptedModel(TEXT))
    contents = [chunk.content for chunk in result.chunks if chunk.content]
    assert contents == tokens_of(TEXT)
    assert result.content == TEXT
    assert result.finish_reason == "stop"
    assert result.usage is not None
    assert result.usage.completion_tokens == len(contents)
    assert result.usage.prompt_tokens == len(tokens_of("Be brief.\nWhy?"))
    assert result.total_tokens == result.usage.prompt_tokens + len(contents)
    assert result.chunks[0].role == "assistant"


@anyio_test
async def test_it_says_the_same_each_time_and_something_by_default() -> None:
    async with client_of(ScriptedModel()) as client:
        answer = rxs.from_chat(client, model="any", messages=ASKED)
        first, second = await rxs.collect(answer), await rxs.collect(answer)
    assert first.content == second.content == ScriptedModel().answer
    assert len(first.chunks) > 20


@anyio_test
@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
async def test_it_stops_at_its_limit(name: str) -> None:
    result = await ask(ScriptedModel(TEXT), **{name: 3})
    assert result.content == "".join(tokens_of(TEXT)[:3])
    assert result.finish_reason == "length"
    assert result.usage is not None
    assert result.usage.completion_tokens == 3


@anyio_test
@pytest.mark.parametrize("stop", ["here", ["nowhere", "here"]])
async def test_it_stops_at_a_stop(stop: Any) -> None:
    result = await ask(ScriptedModel(TEXT), stop=stop)
    assert (result.content, result.finish_reason) == (TEXT[: TEXT.index("here")], "stop")


@anyio_test
async def test_thoughts_come_first_and_calls_last() -> None:
    call = {"name": "look", "arguments": {"where": "sea"}}
    model = ScriptedModel(TEXT, reasoning="Let me think.", tool_calls=[call, {**call, "id": "mine"}])
    result = await ask(model)
    assert (result.reasoning, result.content) == ("Let me think.", TEXT)
    assert [(one.id, one.name, json.loads(one.arguments)) for one in result.tool_calls] == [
        ("call_0", "look", {"where": "sea"}),
        ("mine", "look", {"where": "sea"}),
    ]
    assert result.finish_reason == "tool_calls"
    only = await ask(ScriptedModel(tool_calls=[{"name": "look"}]))
    assert (only.content, only.tool_calls[0].arguments) == ("", "{}")


@anyio_test
async def test_anything_but_text_is_said_as_json() -> None:
    assert (await ask(ScriptedModel({"é": [1, None]}))).content == '{"é": [1, null]}'


@anyio_test
async def test_it_may_be_slow() -> None:
    with FaultServer(ScriptedModel("a b", delay=0.01)) as server:
        async with connected("async", server) as client:
            assert (await rxs.collect(rxs.from_chat(client, model="any", messages=ASKED))).content == "a b"
    assert ScriptedModel("a b", delay=0.01)(server.requests[0]).pause == 0.01


@anyio_test
async def test_it_may_answer_in_one_piece() -> None:
    async with client_of(ScriptedModel(TEXT)) as client:
        completion = await client.chat.completions.create(model="any", messages=ASKED)
        response = await client.responses.create(model="any", input="hi")
    assert completion.choices[0].message.content == response.output_text == TEXT


# ---------------------------------------------------------------- going on


def asked_to_go_on(model: ScriptedModel, messages: list[Any]) -> Any:
    """What it says to that, without a socket."""
    body = {"messages": messages}
    connection: Connection = None  # type: ignore[assignment] # pyright: ignore[reportAssignmentType]
    answer = model(Request("POST", "/v1/chat/completions", {}, body, connection))
    decoded = json.loads(answer.body)
    return (
        decoded["choices"][0]["message"]["content"] if "choices" in decoded else decoded["error"]["message"]
    )


@given(texts(), st.data())
def test_a_prefix_is_continued_and_what_the_quirks_do_to_it(text: str, data: Any) -> None:
    cut = data.draw(st.integers(1, max(len(text), 1)))
    prefix = text[:cut] or "x"
    messages = [*ASKED, said(prefix)]
    rest = text[cut:]
    assert asked_to_go_on(ScriptedModel(text), messages) == rest
    assert asked_to_go_on(ScriptedModel(text, echo=True), messages) == (text or rest)
    assert asked_to_go_on(ScriptedModel(text, restarts=True), messages) == text
    stripped = asked_to_go_on(ScriptedModel(text, strips=True), messages)
    assert stripped == text[len(prefix.rstrip()) :] or not text
    assert "prefill" in asked_to_go_on(ScriptedModel(text, refuses_prefill=True), messages)


@anyio_test
async def test_white_space_comes_again_where_it_was_stripped() -> None:
    prefix = "The sea is old. \n\n"
    result = await ask(ScriptedModel(TEXT, strips=True), said(prefix))
    assert result.content == " \n\n" + TEXT[len(prefix) :]


@anyio_test
async def test_an_echo_comes_token_by_token_and_is_not_counted() -> None:
    result = await ask(ScriptedModel(TEXT, echo=True), said("The sea is"))
    assert result.content == TEXT
    assert [chunk.content for chunk in result.chunks if chunk.content][:2] == tokens_of("The sea is")[:2]
    assert result.usage is not None
    assert result.usage.completion_tokens == len(tokens_of(TEXT)) - len(tokens_of("The sea is"))


@anyio_test
async def test_what_is_no_beginning_begins_anew_with_its_thoughts() -> None:
    model = ScriptedModel(TEXT, reasoning="Hm.")
    anew, on = await ask(model, said("A lake")), await ask(model, said("The "))
    assert (anew.content, anew.reasoning) == (TEXT, "Hm.")
    assert (on.content, on.reasoning) == (TEXT[4:], "")


@anyio_test
@pytest.mark.parametrize(
    ("model", "more"),
    [
        (ScriptedModel(TEXT, refuses_prefill=True), [said("The ")]),
        (ScriptedModel(TEXT), [said("")]),
        (ScriptedModel(TEXT), [said("The "), said("sea")]),
    ],
    ids=["refuses", "empty", "two"],
)
async def test_what_it_does_not_take_is_refused(model: ScriptedModel, more: list[Any]) -> None:
    with pytest.raises(openai.BadRequestError):
        await ask(model, *more)


GO_ON: dict[str, list[Any]] = {
    "behind its own words": [said("The sea is"), {"role": "user", "content": "Go on."}],
    "quoted whole": [{"role": "user", "content": "You wrote: 'The sea is'. Go on."}],
    "quoted in parts": [{"role": "user", "content": [{"type": "text", "text": "Continue: «The sea is»"}]}],
}


@anyio_test
@pytest.mark.parametrize("more", GO_ON.values(), ids=GO_ON)
async def test_it_can_be_instructed_to_go_on(more: list[Any]) -> None:
    assert (await ask(ScriptedModel(TEXT, instruct=True), *more)).content == TEXT[len("The sea is") :]
    assert (await ask(ScriptedModel(TEXT), *more)).content == TEXT
    # OpenAI's own models: told to they go on, but a prefix is nothing to them.
    openais = ScriptedModel(TEXT, instruct=True, restarts=True)
    assert (await ask(openais, *more)).content == TEXT[len("The sea is") :]
    assert (await ask(openais, said("The sea is"))).content == TEXT


@anyio_test
async def test_only_the_end_of_what_came_need_be_quoted() -> None:
    tail = {"role": "user", "content": "It ended in '…ere before us, and it does' Continue."}
    assert (await ask(ScriptedModel(TEXT, instruct=True), tail)).content == " not hurry."
    none = {"role": "user", "content": "Say something."}
    assert (await ask(ScriptedModel(TEXT, instruct=True), none)).content == TEXT


@anyio_test
@pytest.mark.parametrize(("changes", "later"), [(True, "c b a"), ("other", "other"), ([1], "[1]")], ids=repr)
async def test_it_may_change_its_mind(changes: Any, later: str) -> None:
    async with client_of(ScriptedModel("a b c", changes=changes)) as client:
        answer = rxs.from_chat(client, model="any", messages=ASKED)
        assert [(await rxs.collect(answer)).content for _ in range(3)] == ["a b c", later, later]


@anyio_test
async def test_a_cut_answer_and_its_rest_are_the_answer_and_cost_the_same() -> None:
    whole = await ask(ScriptedModel(TEXT))
    async with client_of(ScriptedModel(TEXT), Fault.cut(after_events=6)) as client:
        _, error = await chunks_until_error(rxs.from_chat(client, model="any", messages=ASKED))
        assert isinstance(error, ConnectionLost)
        begun = error.partial.content
        messages = [*ASKED, said(begun)]
        rest = await rxs.collect(rxs.from_chat(client, model="any", messages=messages))
    assert begun + rest.content == TEXT
    assert rest.usage is not None
    assert whole.usage is not None
    assert len(tokens_of(begun)) + rest.usage.completion_tokens == whole.usage.completion_tokens


# ---------------------------------------------------------------- the Responses API


@anyio_test
async def test_a_response_says_the_same() -> None:
    model = ScriptedModel(TEXT, reasoning="Hm.", tool_calls=[{"name": "look", "arguments": "{}"}])
    async with client_of(model) as client:
        result = await rxs.collect(
            rxs.from_responses(client, model="any", input="hi", instructions="Be brief.")
        )
        short = await rxs.collect(rxs.from_responses(client, model="any", input="hi", max_output_tokens=4))
    assert (result.content, result.reasoning, result.finish_reason) == (TEXT, "Hm.", "tool_calls")
    assert result.usage is not None
    assert result.usage.prompt_tokens == len(tokens_of("Be brief.\nhi"))
    assert short.finish_reason == "length"
    assert short.usage is not None
    assert short.usage.completion_tokens == 4


@anyio_test
async def test_a_response_continues_a_prefix() -> None:
    asked: list[Any] = [
        {"role": "user", "content": "hi"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "The sea"}]},
    ]
    async with client_of(ScriptedModel(TEXT)) as client:
        result = await rxs.collect(rxs.from_responses(client, model="any", input=asked))
    assert result.content == TEXT[len("The sea") :]


@anyio_test
async def test_a_response_goes_on_behind_an_event() -> None:
    async with client_of(ScriptedModel(TEXT), Fault.cut(after_events=8)) as client:
        chunks, error = await chunks_until_error(rxs.from_responses(client, model="any", input="hi"))
        assert isinstance(error, ConnectionLost)
        last = chunks[-1].raw["sequence_number"]
        rest = ""
        stream = await client.responses.retrieve(chunks[-1].id or "resp_0", stream=True, starting_after=last)
        numbers: list[int] = []
        async with stream:
            async for event in stream:
                numbers.append(event.sequence_number)
                if event.type == "response.output_text.delta":
                    rest += event.delta
        whole = await client.responses.retrieve("resp_0")
    assert error.partial.content
    assert error.partial.content + rest == TEXT == whole.output_text
    assert numbers[0] == last + 1
    assert numbers == list(range(numbers[0], numbers[-1] + 1))


@anyio_test
async def test_what_is_not_stored_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rxstream.testing.scripted_model._KEPT", 1)
    async with client_of(ScriptedModel(TEXT)) as client:
        await client.responses.create(model="any", input="hi")
        await client.responses.create(model="any", input="hi", store=False)
        with pytest.raises(openai.NotFoundError, match="'resp_1'"):
            await client.responses.retrieve("resp_1")
        await client.responses.retrieve("resp_0")
        await client.responses.create(model="any", input="hi")
        await client.responses.create(model="any", input="hi")
        with pytest.raises(openai.NotFoundError):
            await client.responses.retrieve("resp_2")


# ---------------------------------------------------------------- what it refuses


@anyio_test
@pytest.mark.parametrize("wrong", [{"max_tokens": 0}, {"n": 2}], ids=repr)
async def test_a_wrong_request_is_refused(wrong: Any) -> None:
    with pytest.raises(openai.BadRequestError):
        await ask(ScriptedModel(TEXT), **wrong)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/models", None, "404"),
        ("GET", "/v1/chat/completions", None, "404"),
        ("POST", "/v1/embeddings", {}, "404"),
        ("POST", "/v1/chat/completions", b"oops", "400"),
        ("POST", "/v1/chat/completions", {}, "200"),
        ("POST", "/azure/v1/responses", {}, "200"),
    ],
)
def test_a_request_for_something_else_is_no_request(method: str, path: str, body: Any, status: str) -> None:
    connection: Any = None
    assert ScriptedModel()(Request(method, path, {}, body, connection)).status.startswith(status)


def test_a_call_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="to have a name"):
        ScriptedModel(tool_calls=[{"arguments": {}}])
