import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rxstream.errors import EventTooLarge, MalformedStream, ProviderError, StreamTruncated
from rxstream.items import StreamResult, Usage
from rxstream.sansio.chat import ChatDecoder, ChatEvents
from rxstream.sansio.wire import HEAD
from tests.sansio.drive import cut, drive, each_byte


def said(text: str, **more: Any) -> bytes:
    """Make the event of a piece of text, as most servers write it."""
    return f"data: {json.dumps({'choices': [{'delta': {'content': text}, **more}]})}\n\n".encode()


A = said("a")
END = said("", finish_reason="stop")
DONE = b"data: [DONE]\n\n"
ERROR = b'{"error": {"message": "too busy", "code": 503, "type": "overloaded"}}'


def check(body: bytes) -> tuple[list[Any], tuple[Any, ...] | None]:
    """Decode a body, whole and cut everywhere, which must be the same; give the text and the fault."""
    expected = drive(ChatDecoder(), [body])
    assert drive(ChatDecoder(), each_byte(body)) == expected
    for place in range(len(body) + 1):
        assert drive(ChatDecoder(), cut(body, place)) == expected
    return [chunk.content for chunk in expected[0]], expected[1]


WHOLE = {
    "the usual end": A + END + DONE,
    "no end mark": A + END,
    "an end mark without its blank line": A + END + b"data: [DONE]",
    "an end mark with one line end": A + END + b"data:[DONE]\n",
    "white space around the end mark": A + END + b"data:  [DONE] \n\nnonsense",
    "what comes behind the end mark": A + END + DONE + b"data: nonsense\n\n" + ERROR,
    "carriage returns": (A + END + DONE).replace(b"\n", b"\r\n"),
    "a byte-order mark": b"\xef\xbb\xbf" + A + END,
    "comments": b": hello\n\n" + A + b": keep-alive\n\n" + END + b": bye",
    "sticky id and a comment": b"id: 1\n" + A + b": keep-alive\n\n" + END,
    "empty data": b"data:\n\n" + A + b"data: \n\n" + END,
    "data over several lines": b'data: {"choices":\ndata: [{"delta": {"content": "a"}}]}\n\n' + END,
    "an event of another name": b"event: chunk\n" + A + END,
    "an error named null": A.replace(b"{", b'{"error": null, ', 1) + END,
}


@pytest.mark.parametrize("body", WHOLE.values(), ids=WHOLE.keys())
def test_an_answer_is_whole_with(body: bytes) -> None:
    assert check(body) == (["a", ""], None)


def test_broken_text_in_an_event_is_replaced() -> None:
    assert check(A + said("x").replace(b"x", b"\xff") + END) == (["a", "\ufffd", ""], None)


FAULTS: dict[str, tuple[bytes, type[Exception], str]] = {
    "an empty body": (b"", StreamTruncated, "the answer ended before its first event"),
    "only white space": (b" \n\n", StreamTruncated, "the answer ended before its first event"),
    "only comments": (b": hi\n\n: ho", StreamTruncated, "the answer ended before its first event"),
    "half a field": (
        b"dat",
        StreamTruncated,
        "the answer ended before its end: it ends inside an event: 'dat'",
    ),
    "half the first event": (
        b"data: {",
        StreamTruncated,
        "the answer ended before its end: it ends inside an event: 'data: {'; 0 of 1 choices came",
    ),
    "no finish reason": (
        A,
        StreamTruncated,
        "the answer ended before its end: choice 0 has no finish_reason",
    ),
    "an end mark without a finish reason": (
        A + DONE,
        StreamTruncated,
        "the answer ended before its end: choice 0 has no finish_reason",
    ),
    "half an event behind the finish reason": (
        A + END + b"data: {",
        StreamTruncated,
        "the answer ended before its end: it ends inside an event: 'data: {'",
    ),
    "no json": (A + b"data: oops\n\n" + A, MalformedStream, "event 2: expected JSON, got 'oops' (expected "),
    "no object": (
        A + b"data: [1]\n\n",
        MalformedStream,
        "event 2: expected the event to be a JSON object, got list '[1]'",
    ),
    "a long text that is no json": (
        b"data: " + b"x" * 300 + b"\n\n",
        MalformedStream,
        f"event 1: expected JSON, got '{'x' * 200}'... (",
    ),
    "an error event": (
        A + b"data: " + ERROR + b"\n\n",
        ProviderError,
        "the provider reported an error in event 2: too busy",
    ),
    "an event named error": (
        A + b"event: error\ndata: " + ERROR + b"\n\n",
        ProviderError,
        "the provider reported an error in event 2: too busy",
    ),
    "an event named error with an object": (
        A + b'event: error\ndata: {"message": "no"}\n\n',
        ProviderError,
        "the provider reported an error in event 2: no",
    ),
    "another kind of error event": (
        A + b'data: {"object": "error", "message": "no"}\n\n',
        ProviderError,
        "the provider reported an error in event 2: no",
    ),
    "an event named error with a text": (
        A + b"event: error\ndata: no way\n\n",
        ProviderError,
        "the provider reported an error in event 2: no way",
    ),
    "a field named error": (
        A + b'error: {"code": 500, "message": "boom", "type": "server_error"}\n\n',
        ProviderError,
        "the provider reported an error in event 2: boom",
    ),
    "a json error instead of a stream": (
        ERROR,
        ProviderError,
        "the provider answered with an error instead of a stream: too busy",
    ),
    "a json error in many lines": (
        json.dumps(json.loads(ERROR), indent=2).encode(),
        ProviderError,
        "the provider answered with an error instead of a stream: too busy",
    ),
    "a detail": (
        b'{"detail": [{"loc": ["body"], "msg": "bad"}]}',
        ProviderError,
        'the provider answered with an error instead of a stream: [{"loc": ["body"], "msg": "bad"}]',
    ),
    "a whole completion": (
        b'{"object": "chat.completion", "choices": []}',
        MalformedStream,
        'expected text/event-stream, got JSON in one piece (did the server ignore stream=true?): \'{"object"',
    ),
    "a web page": (
        b"<!DOCTYPE html>\n<title>502</title>\n\n",
        MalformedStream,
        "expected text/event-stream, got a web page: '<!DOCTYPE html>\\n<title>502</title>'",
    ),
    "other text": (
        b"upstream connect error: reset\n",
        MalformedStream,
        "expected text/event-stream, got other text: 'upstream connect error: reset'",
    ),
}


@pytest.mark.parametrize(("body", "kind", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_it_is_a_fault_to_come_with(body: bytes, kind: type[Exception], message: str) -> None:
    values, fault = check(body)
    assert fault is not None
    assert fault[0] is kind
    assert fault[1].startswith(message)
    assert fault[2].content == "".join(values)


def test_an_error_carries_the_fields_of_its_body() -> None:
    body = json.loads(ERROR)["error"]
    _, fault = check(A + b"data: " + ERROR + b"\n\n")
    assert fault is not None
    assert fault[2:] == (StreamResult("a"), body, 503, "overloaded", None)
    _, fault = check(b'{"error": {"code": [], "type": 1}}')
    assert fault is not None
    assert fault[3:] == ({"code": [], "type": 1}, None, None, None)
    _, fault = check(b'data: {"error": "text"}\n\n')
    assert fault is not None
    assert fault[3:] == ("text", None, None, None)


def test_of_a_body_that_is_no_stream_only_the_head_is_kept() -> None:
    body = b'{"error": "' + b"x" * HEAD + b'"}'
    expected = drive(ChatDecoder(), [body])
    assert expected[1] is not None
    assert expected[1][0] is MalformedStream
    assert drive(ChatDecoder(), each_byte(body)) == expected


def test_an_event_beyond_the_limit_is_a_fault_with_the_answer_so_far() -> None:
    body = A + said("x" * 100) + END
    expected = drive(ChatDecoder(max_event_size=100), [body])
    assert [chunk.content for chunk in expected[0]] == ["a"]
    assert expected[1] is not None
    assert expected[1][0] is EventTooLarge
    assert expected[1][2] == StreamResult("a")
    assert drive(ChatDecoder(max_event_size=100), each_byte(body)) == expected
    for place in range(len(body) + 1):
        assert drive(ChatDecoder(max_event_size=100), cut(body, place)) == expected
    assert drive(ChatDecoder(max_event_size=100), [A, A + A, END])[1] is None


def test_finished_is_said_once_the_end_mark_came_and_nothing_is_read_behind_it() -> None:
    decoder = ChatDecoder()
    assert [chunk.content for chunk in decoder.feed(A)] == ["a"]
    assert not decoder.finished
    assert [chunk.content for chunk in decoder.feed(END + DONE + A)] == [""]
    assert decoder.finished
    assert list(decoder.feed(A)) == []
    assert list(decoder.close()) == []
    assert decoder.partial().content == "a"


def test_the_partial_answer_is_there_at_any_time() -> None:
    decoder = ChatDecoder()
    assert decoder.partial() == StreamResult("")
    list(decoder.feed(A + A[:20]))
    assert decoder.partial() == StreamResult("a")
    list(decoder.feed(A[20:]))
    assert decoder.partial() == StreamResult("aa")


def test_decoded_events_end_like_bytes_do() -> None:
    events = ChatEvents()
    events.feed({"choices": [{"delta": {"content": "a"}}]})
    assert events.partial() == StreamResult("a")
    with pytest.raises(StreamTruncated, match="choice 0 has no finish_reason") as caught:
        list(events.close())
    assert caught.value.partial == StreamResult("a")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"choices": [{"delta": {"role": 1}}]}, "expected role to be a string or null, got int '1'"),
    (
        {"choices": [{"delta": {"tool_calls": [{"function": "f"}]}}]},
        "expected function to be an object or null, got str '\"f\"'",
    ),
    (
        {"choices": [{"delta": {"tool_calls": {}}}]},
        "expected tool_calls to be a list of objects or null, got dict '{}'",
    ),
    (
        {"choices": [{"delta": {"tool_calls": [None]}}]},
        "expected tool_calls to be a list of objects or null, got list '[null]'",
    ),
]


@pytest.mark.parametrize(("event", "message"), WRONG)
def test_a_field_of_the_wrong_type_is_named(event: dict[str, Any], message: str) -> None:
    events = ChatEvents()
    events.feed({"choices": [{"delta": {"content": "a"}}]})
    with pytest.raises(MalformedStream) as caught:
        events.feed(event)
    assert str(caught.value) == f"event 2: {message}"
    assert caught.value.partial == StreamResult("a")


def test_fields_of_the_right_type_are_read() -> None:
    events = ChatEvents()
    events.feed(
        {
            "choices": [
                {"delta": {"role": "assistant", "tool_calls": [{"id": "a"}, {"function": {"name": "f"}}]}}
            ]
        }
    )
    assert [(call.id, call.name) for call in events.partial().tool_calls] == [("a", "f")]
    events.feed({"choices": [{"finish_reason": "stop"}]})
    assert list(events.close()) == []


@pytest.mark.parametrize(
    ("counts", "usage"),
    [
        ({}, Usage()),
        ({"prompt_tokens": 2, "completion_tokens": None}, Usage(2, 0, 2)),
        ({"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 7}, Usage(2, 3, 7)),
        (
            {
                "prompt_tokens": 2,
                "completion_tokens": "?",
                "prompt_tokens_details": {"cached_tokens": 1},
                "completion_tokens_details": {"reasoning_tokens": 4},
            },
            Usage(2, 0, 2, 1, 4),
        ),
        ({"prompt_tokens_details": None, "completion_tokens_details": []}, Usage()),
    ],
)
def test_what_a_usage_lacks_is_zero(counts: dict[str, Any], usage: Usage) -> None:
    assert ChatEvents().feed({"choices": [], "usage": counts})[0].usage == usage


PIECES = st.sampled_from(
    [
        *(A, said("é😀\n"), END, DONE, said("x")[:-1], A[:20], A[20:], A.replace(b"\n", b"\r\n"), b"\xff"),
        *(b"\n", b"\r", b"data: ", b"data: {}\n\n", b": c\n\n", b"data: [DONE]", b"data: oops\n\n", b"<p>"),
        *(b"error: " + ERROR + b"\n\n", b"event: error\n", ERROR, b"id: 1\n", b"\xef\xbb\xbf", b""),
        *(b"data: " + ERROR + b"\n\n", b"data:  \n\n", b"data: null\n\n", A.replace(b'"a"', b"[1]")),
    ]
)


@given(st.lists(PIECES, max_size=10), st.lists(st.integers(0, 700), max_size=12))
@example([A[20:], A], [])
@example([A, A + b": c\n\n", A + END], [])
@example([b": c\n\n", A, b"\r", A, b"\n", A], [])
@example([A, A[:-1] + b"\r\n" + END], [])
def test_where_the_body_is_cut_changes_nothing(pieces: list[bytes], places: list[int]) -> None:
    body = b"".join(pieces)
    expected = drive(ChatDecoder(), [body])
    assert drive(ChatDecoder(), pieces) == expected
    assert drive(ChatDecoder(), cut(body, *places)) == expected
    assert drive(ChatDecoder(), each_byte(body)) == expected
