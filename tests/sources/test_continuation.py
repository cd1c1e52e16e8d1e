import copy
import json
from typing import Any

import httpx2
import openai
import pytest

from rxstream.errors import AnswerChanged, UnknownName
from rxstream.items import StreamChunk, ToolCallDelta
from rxstream.sansio.delivered import Delivered
from rxstream.sources.continuation import (
    CHAT,
    RESPONSES,
    Asked,
    Continuation,
    continued_request,
    how_to_continue,
)
from tests.recordings import load

USER = {"role": "user", "content": "Say hello."}
CHAT_REQUEST: dict[str, Any] = {"model": "m", "messages": [USER], "temperature": 0}
RESPONSES_REQUEST: dict[str, Any] = {"model": "m", "input": "Say hello.", "temperature": 0}
OPENAI = "https://api.openai.com/v1"
LOCAL = "http://127.0.0.1:8080/v1"
MISTRAL = "https://api.mistral.ai/v1"
DEEPSEEK = "https://api.deepseek.com/beta"

GO_ON = (
    "Your last message was cut off. Write what comes directly after its last character, and nothing else: "
    "no introduction, and nothing of what it already says."
)
GO_ON_WITH_JSON = f"{GO_ON} It is a JSON document: write only the rest of it, without a code fence."


def as_it_is(request: dict[str, Any], _: str) -> dict[str, Any]:
    return request


HOWS: list[Continuation] = ["prefill", "instruct", as_it_is]


class At:
    """A client, as far as this is concerned."""

    def __init__(self, base_url: str) -> None:
        self.base_url = httpx2.URL(base_url)


def delivered_of(*chunks: StreamChunk | str) -> Delivered:
    delivered = Delivered()
    for chunk in chunks:
        delivered.add(StreamChunk(chunk) if isinstance(chunk, str) else chunk)
    return delivered


def asked(
    request: dict[str, Any],
    *chunks: StreamChunk | str,
    how: Continuation = "prefill",
    at: str = LOCAL,
    dialect: Asked = CHAT,
) -> dict[str, Any]:
    """Give the request for the rest; the user's own stays as it is."""
    before = copy.deepcopy(request)
    found = continued_request(dialect, request, delivered_of(*chunks), how, At(at))
    assert found is not None
    rest = found[0]
    assert request == before
    # And not only now: what is asked shares no list with it that anybody adds to.
    assert rest[dialect.messages] is not request.get(dialect.messages)
    json.dumps(rest)
    return rest


def rest_of(
    came: list[StreamChunk],
    *chunks: StreamChunk | str,
    request: dict[str, Any] = CHAT_REQUEST,
    how: Continuation = "prefill",
    at: str = LOCAL,
) -> str:
    """Give what is let through of what a server says to that request."""
    found = continued_request(CHAT, request, delivered_of(*chunks), how, At(at))
    assert found is not None
    joint = found[1]
    out = [rest for chunk in came for rest in joint.feed(chunk)]
    return "".join([rest.content for rest in [*out, *joint.close()]])


def said(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": []}


def output(*texts: str) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": [part(text) for text in texts]}


# ---------------------------------------------------------------- how


@pytest.mark.parametrize(
    ("url", "how"),
    [
        (OPENAI, "instruct"),
        ("https://eu.api.openai.com/v1", "instruct"),
        ("https://OpenAI.com/v1", "instruct"),
        ("https://mine.openai.azure.com/openai/v1", "instruct"),
        ("https://mine.openai.azure.us:443/openai", "instruct"),
        ("https://mine.openai.azure.cn/openai", "instruct"),
        ("https://notopenai.com/v1", "prefill"),
        ("https://openai.com.example.org/v1", "prefill"),
        ("https://example.org/openai.com", "prefill"),
        (MISTRAL, "prefill"),
        (DEEPSEEK, "prefill"),
        (LOCAL, "prefill"),
        ("http://localhost", "prefill"),
    ],
)
def test_how_a_server_continues_is_known_of_its_host(url: str, how: str) -> None:
    assert how_to_continue("from_chat", At(url), None) == how


def test_it_is_known_of_real_clients() -> None:
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: httpx2.Response(200)))
    made = openai.AsyncOpenAI(api_key="k", http_client=http)
    azure = openai.AsyncAzureOpenAI(
        api_key="k", api_version="v", azure_endpoint="https://mine.openai.azure.com", http_client=http
    )
    local = openai.AsyncOpenAI(api_key="k", base_url=LOCAL, http_client=http)
    hows = [how_to_continue("from_chat", client, None) for client in (made, azure, local)]
    assert hows == ["instruct", "instruct", "prefill"]


def test_a_client_may_have_its_address_as_text_or_none_at_all() -> None:
    class Client:
        base_url = OPENAI

    assert how_to_continue("from_chat", Client(), None) == "instruct"
    assert how_to_continue("from_chat", object(), None) == "prefill"


def test_what_the_user_says_counts_for_more() -> None:
    for how in (*HOWS, "none"):
        assert how_to_continue("from_chat", At(OPENAI), how) is how


@pytest.mark.parametrize("how", ["Prefill", "", 3, ["prefill"], True])
def test_what_there_is_not_is_refused(how: Any) -> None:
    with pytest.raises(UnknownName) as caught:
        how_to_continue("from_chat", At(OPENAI), how)
    assert str(caught.value) == (
        "from_chat(continuation=...) expects one of 'prefill', 'instruct', 'none', or a function from the "
        f"request and the text so far to the request for the rest, and got {how!r}"
    )


# ---------------------------------------------------------------- whether at all


@pytest.mark.parametrize("how", HOWS, ids=["prefill", "instruct", "a function"])
@pytest.mark.parametrize(
    "chunks",
    [
        [],
        [StreamChunk("", role="assistant")],
        [StreamChunk("", reasoning="hm")],
        [StreamChunk(" \n")],
        [StreamChunk("🇩")],
        [StreamChunk("a", choice=1)],
        [StreamChunk("a"), StreamChunk("a", choice=1)],
        [StreamChunk("a", tool_calls=(ToolCallDelta(0, "a", "f", ""),))],
        [StreamChunk("a", refusal="no")],
        [StreamChunk("a", "stop")],
        [StreamChunk("a", "length")],
    ],
    ids=[
        *(
            "nothing",
            "a role",
            "only thoughts",
            "white space",
            "half a character",
            "another choice",
            "two choices",
        ),
        *("a tool call", "a refusal", "an end", "the end of the tokens"),
    ],
)
def test_there_is_no_asking_for_the_rest_of(chunks: list[StreamChunk], how: Continuation) -> None:
    assert continued_request(CHAT, CHAT_REQUEST, delivered_of(*chunks), how, At(LOCAL)) is None


def test_several_choices_are_not_continued_though_one_has_come() -> None:
    delivered = delivered_of("Hello")
    assert continued_request(CHAT, {**CHAT_REQUEST, "n": 2}, delivered, "prefill", At(LOCAL)) is None
    for n in (1, None):
        assert continued_request(CHAT, {**CHAT_REQUEST, "n": n}, delivered, "prefill", At(LOCAL)) is not None


def test_none_is_none() -> None:
    assert continued_request(CHAT, CHAT_REQUEST, delivered_of("Hello"), "none", At(LOCAL)) is None


# ---------------------------------------------------------------- prefill


def test_the_text_so_far_is_the_last_message() -> None:
    thought = StreamChunk("", reasoning="hm")
    assert asked(CHAT_REQUEST, thought, "Hel", "lo, \n") == {
        **CHAT_REQUEST,
        "messages": [USER, said("Hello,")],
    }
    assert asked(RESPONSES_REQUEST, "Hel", "lo ", dialect=RESPONSES) == {
        **RESPONSES_REQUEST,
        "input": [USER, output("Hello")],
    }
    listed = {**RESPONSES_REQUEST, "input": [USER]}
    assert asked(listed, "Hello", dialect=RESPONSES) == {**listed, "input": [USER, output("Hello")]}


@pytest.mark.parametrize("messages", [None, []], ids=repr)
def test_a_request_without_messages_has_one_then(messages: Any) -> None:
    assert asked({"messages": messages}, "Hello") == {"messages": [said("Hello")]}
    assert asked({"prompt": {"id": "p"}}, "Hello", dialect=RESPONSES)["input"] == [output("Hello")]


def test_an_answer_that_was_begun_by_the_user_is_one_message() -> None:
    begun = {"role": "assistant", "content": "Oh: ", "name": "bot"}
    for how in ("prefill", "instruct"):
        request = asked({**CHAT_REQUEST, "messages": [USER, begun]}, "Hello", how=how)
        assert request["messages"][:2] == [USER, {**begun, "content": "Oh: Hello"}]
        assert len(request["messages"]) == (2 if how == "prefill" else 3)


def test_an_answer_that_was_begun_in_parts_is_one_message_of_parts() -> None:
    begun = {"role": "assistant", "content": [{"type": "text", "text": "Oh: "}]}
    assert asked({"messages": [begun]}, "Hello")["messages"] == [
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "Oh: "}, {"type": "text", "text": "Hello"}],
        }
    ]
    assert asked({"input": [output("Oh: ")]}, "Hello", dialect=RESPONSES)["input"] == [
        output("Oh: ", "Hello")
    ]


@pytest.mark.parametrize(
    "last",
    [
        USER,
        {"role": "assistant", "content": None},
        {"type": "function_call_output", "output": "1"},
        "no message",
    ],
    ids=repr,
)
def test_behind_any_other_message_it_is_one_of_its_own(last: Any) -> None:
    assert asked({"messages": [last]}, "Hello")["messages"] == [last, said("Hello")]


@pytest.mark.parametrize("url", [MISTRAL, DEEPSEEK, "https://codestral.mistral.ai/v1"])
def test_some_hosts_want_a_flag(url: str) -> None:
    flagged = {**said("Hello"), "prefix": True}
    assert asked(CHAT_REQUEST, "Hello", at=url)["messages"] == [USER, flagged]
    begun = {"messages": [USER, said("Oh: ")]}
    assert asked(begun, "Hello", at=url)["messages"] == [USER, {**flagged, "content": "Oh: Hello"}]
    # Where a user's message is the last one, there is nothing to be flagged.
    assert asked(CHAT_REQUEST, "Hello", at=url, how="instruct")["messages"][:2] == [USER, said("Hello")]


def test_a_beginning_that_the_host_has_repeated_is_not_said_twice() -> None:
    begun = {"messages": [USER, said("Oh: ")]}
    for url, whole in ((MISTRAL, "Oh: Hello"), (DEEPSEEK, "Oh: Oh: Hello"), (LOCAL, "Oh: Oh: Hello")):
        assert asked(begun, "Oh: Hello", at=url)["messages"][-1]["content"] == whole


@pytest.mark.parametrize(
    ("url", "raw", "came", "rest"),
    [
        # Not known: whatever comes is right.
        (LOCAL, None, "hahaha", "ha"),
        (LOCAL, {"system_fingerprint": "fp_44709d6fcb"}, "hahaha", "ha"),
        (LOCAL, {"system_fingerprint": None}, "hahaha", "ha"),
        (LOCAL, {"system_fingerprint": "b1"}, "hahaha", "ha"),
        (LOCAL, "event", "hahaha", "ha"),
        # llama.cpp never repeats, and Mistral does.
        (LOCAL, {"system_fingerprint": "b6123-abc0d1e"}, "hahaha", "hahaha"),
        (MISTRAL, {"system_fingerprint": "b6123-abc0d1e"}, "hahaha", "ha"),
        (MISTRAL, None, "!", "!"),
    ],
)
def test_what_is_known_of_a_server_says_whether_it_repeats(url: str, raw: Any, came: str, rest: str) -> None:
    assert rest_of([StreamChunk(came)], StreamChunk("haha", raw=raw), at=url) == rest


def test_the_fingerprint_is_that_of_the_real_server() -> None:
    event = json.loads(next(line for line in load("01").body.splitlines() if b"choices" in line)[6:])
    chunk = StreamChunk("haha", raw=event)
    assert rest_of([StreamChunk("haha!")], chunk) == "haha!"


def test_white_space_that_was_cut_off_is_dropped_when_it_comes_again() -> None:
    for how in ("prefill", "instruct"):
        for came in ("\n Hello", "Hello"):
            assert rest_of([StreamChunk(came)], "Oh:\n ", how=how) == "Hello"


# ---------------------------------------------------------------- limits


@pytest.mark.parametrize(
    ("dialect", "name"),
    [(CHAT, "max_tokens"), (CHAT, "max_completion_tokens"), (RESPONSES, "max_output_tokens")],
)
def test_the_limit_is_lowered_by_what_was_used(dialect: Asked, name: str) -> None:
    request = CHAT_REQUEST if dialect is CHAT else RESPONSES_REQUEST
    pieces: list[StreamChunk | str] = [StreamChunk("", reasoning="hm"), "", "a", "b"]
    for how in ("prefill", "instruct"):
        for limit, left in ((10, 7), (4, 1), (3, 1), (1, 1), (None, None)):
            rest = asked({**request, name: limit}, *pieces, dialect=dialect, how=how)
            assert rest[name] == left
        assert name not in asked(request, *pieces, dialect=dialect, how=how)


def test_the_limits_of_the_other_dialect_are_not_its() -> None:
    assert asked({**CHAT_REQUEST, "max_output_tokens": 9}, "a")["max_output_tokens"] == 9
    assert asked({**RESPONSES_REQUEST, "max_tokens": 9}, "a", dialect=RESPONSES)["max_tokens"] == 9


# ---------------------------------------------------------------- instruct


def test_a_user_asks_for_the_rest() -> None:
    go_on = {"role": "user", "content": GO_ON}
    assert asked(CHAT_REQUEST, "Hello, ", how="instruct") == {
        **CHAT_REQUEST,
        "messages": [USER, said("Hello,"), go_on],
    }
    assert asked(RESPONSES_REQUEST, "Hello", how="instruct", dialect=RESPONSES) == {
        **RESPONSES_REQUEST,
        "input": [USER, output("Hello"), go_on],
    }


@pytest.mark.parametrize("came", [" there!", "Hello over there!", "over there!", "he", "Hello over"])
def test_what_is_repeated_of_the_last_words_is_dropped(came: str) -> None:
    rest = {" there!": " there!", "he": "he", "Hello over": ""}.get(came, " there!")
    assert rest_of([StreamChunk(came)], "Hello over", how="instruct") == rest


# ---------------------------------------------------------------- JSON

JSON_FORMATS: list[dict[str, Any]] = [
    {"type": "json_object"},
    {"type": "json_schema", "json_schema": {"name": "s", "schema": {}}},
]


@pytest.mark.parametrize("wanted", JSON_FORMATS, ids=str)
def test_a_form_is_kept_where_the_model_goes_on_and_dropped_where_it_could_only_begin_anew(
    wanted: dict[str, Any],
) -> None:
    chat = {**CHAT_REQUEST, "response_format": wanted}
    assert asked(chat, '{"a": ')["response_format"] == wanted
    rest = asked(chat, '{"a": ', how="instruct")
    assert "response_format" not in rest
    assert rest["messages"][-1]["content"] == GO_ON_WITH_JSON

    responses = {**RESPONSES_REQUEST, "text": {"format": wanted}}
    assert asked(responses, '{"a": ', dialect=RESPONSES)["text"] == {"format": wanted}
    rest = asked(responses, '{"a": ', how="instruct", dialect=RESPONSES)
    assert "text" not in rest
    assert rest["input"][-1]["content"] == GO_ON_WITH_JSON

    talkative = {**RESPONSES_REQUEST, "text": {"format": wanted, "verbosity": "low"}}
    rest = asked(talkative, '{"a": ', how="instruct", dialect=RESPONSES)
    assert rest["text"] == {"verbosity": "low"}


@pytest.mark.parametrize(
    ("dialect", "field", "wanted"),
    [
        (CHAT, "response_format", {"type": "text"}),
        (CHAT, "response_format", None),
        (CHAT, "response_format", dict),
        (RESPONSES, "text", {"format": {"type": "text"}}),
        (RESPONSES, "text", {"verbosity": "low"}),
        (RESPONSES, "text", {"format": None}),
    ],
)
def test_any_other_form_is_none(dialect: Asked, field: str, wanted: Any) -> None:
    request = {**(CHAT_REQUEST if dialect is CHAT else RESPONSES_REQUEST), field: wanted}
    found = continued_request(dialect, request, delivered_of('{"a": '), "instruct", At(LOCAL))
    assert found is not None
    assert found[0][field] == wanted
    assert found[0][dialect.messages][-1]["content"] == GO_ON
    assert list(found[1].feed(StreamChunk("well"))) == [StreamChunk("well")]


@pytest.mark.parametrize("how", HOWS, ids=["prefill", "instruct", "a function"])
def test_a_document_is_held_against_the_grammar(how: Continuation) -> None:
    request = {**CHAT_REQUEST, "response_format": {"type": "json_object"}}
    assert rest_of([StreamChunk("1}")], '{"a": ', request=request, how=how) == "1}"
    with pytest.raises(AnswerChanged, match="JSON"):
        rest_of([StreamChunk("well")], '{"a": ', request=request, how=how)


def test_white_space_that_was_delivered_is_a_part_of_the_document() -> None:
    request = {**CHAT_REQUEST, "response_format": {"type": "json_object"}}
    assert rest_of([StreamChunk("3]")], "[12", request=request) == "3]"
    with pytest.raises(AnswerChanged):
        rest_of([StreamChunk("3]")], "[12 ", request=request)


# ---------------------------------------------------------------- a function


def test_a_function_makes_the_request_of_its_own_copy() -> None:
    request = {**CHAT_REQUEST, "max_tokens": 9, "extra_body": {"a": [1]}}
    before = copy.deepcopy(request)
    seen: list[Any] = []

    def as_vllm(asked: dict[str, Any], text: str) -> dict[str, Any]:
        seen.append((copy.deepcopy(asked), text))
        asked["messages"].append(said(text))
        asked["messages"][0]["content"] = "changed"
        asked["extra_body"]["a"].append(2)
        asked["extra_body"]["continue_final_message"] = True
        return asked

    found = continued_request(CHAT, request, delivered_of("Hello, "), as_vllm, At(OPENAI))
    assert found is not None
    assert request == before
    assert seen == [({**before, "max_tokens": 8}, "Hello,")]
    assert found[0]["messages"] == [{"role": "user", "content": "changed"}, said("Hello,")]
    assert found[0]["extra_body"] == {"a": [1, 2], "continue_final_message": True}
    # What the server repeats is found out.
    assert list(found[1].feed(StreamChunk("Hello, you"))) == [StreamChunk("you")]


def test_what_is_no_list_or_object_is_not_copied() -> None:
    thing = object()
    request = {**CHAT_REQUEST, "timeout": thing}
    found = continued_request(CHAT, request, delivered_of("Hello"), lambda asked, _: asked, At(LOCAL))
    assert found is not None
    assert found[0]["timeout"] is thing
