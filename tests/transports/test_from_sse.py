"""Reading streams of events: what is asked, what comes, and how it ends."""

import json
from collections.abc import Callable
from typing import Any

import anyio
import httpx2
import pytest

import rxstream as rxs
from rxstream.errors import (
    ConnectionLost,
    EventTooLarge,
    MalformedStream,
    ProviderError,
    StreamTruncated,
    UnknownName,
)
from rxstream.items import Attempt, StreamChunk, Usage
from rxstream.sansio.delivered import Delivered
from rxstream.testing import Answer, Fault, FaultServer
from rxstream.transports.from_sse import from_sse
from tests.sources.clients import chunks_until_error
from tests.transports.event_server import LETTERS, TEXT, Keeping, event, letters, numbers, sse, texts

pytestmark = pytest.mark.anyio

# ---------------------------------------------------------------- what is asked


@pytest.mark.parametrize(
    ("given", "method", "body"),
    [
        ({}, "GET", None),
        ({"json": {"q": 1}}, "POST", {"q": 1}),
        ({"json": []}, "POST", []),
        ({"content": b"[3]"}, "POST", [3]),
        ({"content": "words"}, "POST", b"words"),
        ({"method": "PUT", "json": 1}, "PUT", 1),
        ({"method": "DELETE"}, "DELETE", None),
    ],
    ids=repr,
)
async def test_the_request(given: dict[str, Any], method: str, body: Any) -> None:
    with FaultServer(Answer(letters())) as server:
        assert texts(await rxs.to_list(sse(server.url, dialect=LETTERS, **given))) == TEXT
        (request,) = server.requests
    assert (request.method, request.body) == (method, body)
    assert request.headers["accept"] == "text/event-stream"
    assert request.headers["cache-control"] == "no-store"
    assert "last-event-id" not in request.headers


@pytest.mark.parametrize("as_pairs", [False, True])
async def test_headers_and_parameters_of_the_users_count(as_pairs: bool) -> None:
    headers: Any = {"ACCEPT": "text/event-stream;v=2", "X-Key": "k"}
    params: Any = {"a": "1"}
    if as_pairs:
        headers, params = list(headers.items()), list(params.items())
    with FaultServer(Answer(letters())) as server:
        await rxs.to_list(sse(server.url, dialect=LETTERS, headers=headers, params=params))
        (request,) = server.requests
    assert request.headers["accept"] == "text/event-stream;v=2"
    assert (request.headers["x-key"], request.query) == ("k", {"a": "1"})


async def test_a_stream_may_be_begun_behind_an_id() -> None:
    keeping = Keeping(letters())
    with FaultServer(keeping, faults=[Fault.reset(after_events=2)]) as server:
        options: Any = {"dialect": LETTERS, "retry": 0.0, "headers": {"Last-Event-ID": "s-9"}}
        items = await rxs.to_list(sse(server.url, last_event_id="s-3", **options))
    assert texts(items) == TEXT[9:]
    assert keeping.asked == ["s-3", "s-5"]


WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no URL": ({"url": 3}, TypeError, "expects a URL and got 3"),
    "no scheme": ({"url": "host/stream"}, ValueError, "a URL with http:// or https://"),
    "no host": ({"url": "http:///stream"}, ValueError, "and a host"),
    "another scheme": ({"url": "ftp://host"}, ValueError, "http:// or https://"),
    "a broken URL": ({"url": "http://host:port"}, ValueError, "expects a URL"),
    "another client": ({"client": object()}, TypeError, "expects an httpx2.AsyncClient"),
    "two bodies": ({"json": 1, "content": b"1"}, TypeError, "a request has one body"),
    "a body read once": ({"content": iter([b"1"])}, TypeError, "which can be sent again"),
    "an unknown dialect": ({"dialect": "latin"}, UnknownName, "'rxstream', 'openai'"),
    "fewer than none": ({"reconnects": -1}, ValueError, "at least 0"),
    "half a one": ({"reconnects": 0.5}, TypeError, "expects reconnects to be a whole number"),
    "back in time": ({"retry": -1}, ValueError, "expects retry to be 0 seconds or more"),
    "never again": ({"retry": float("inf")}, ValueError, "0 seconds or more, and finite,"),
    "an empty id": ({"last_event_id": ""}, ValueError, "a header can hold"),
    "an id with a line end": ({"last_event_id": "a\r\nb: c"}, ValueError, "a header can hold"),
    "a time that is none": ({"timeout": "long"}, TypeError, "an httpx2.Timeout or None"),
    "no time": ({"timeout": 0}, ValueError, "more than 0 s"),
    "no event": ({"max_event_size": 0}, ValueError, "at least 1 byte"),
}


@pytest.mark.parametrize(("given", "kind", "words"), WRONG.values(), ids=WRONG)
def test_wrong_arguments_are_told_at_once(given: dict[str, Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        sse(**{"url": "http://host", **given})


@pytest.mark.parametrize(
    ("client", "given", "limits"),
    [
        (None, {}, httpx2.Timeout(60, connect=10, pool=None)),
        ({}, {}, httpx2.Timeout(60, connect=10, pool=None)),
        ({"timeout": 7}, {}, httpx2.Timeout(7)),
        ({"timeout": None}, {}, httpx2.Timeout(None)),
        ({"timeout": 7}, {"timeout": 100}, httpx2.Timeout(100, connect=10, pool=None)),
        (None, {"timeout": 3.5}, httpx2.Timeout(3.5, pool=None)),
        (None, {"timeout": None}, httpx2.Timeout(None)),
        (None, {"timeout": httpx2.Timeout(1, read=2)}, httpx2.Timeout(1, read=2)),
    ],
)
async def test_trap_25_time_limits(client: Any, given: dict[str, Any], limits: httpx2.Timeout) -> None:
    # Trap 25: the read of a server whose model thinks may take longer than httpx2's own 5 s.
    asked: list[Any] = []

    async def note(request: httpx2.Request) -> None:
        asked.append(request.extensions["timeout"])

    with FaultServer(Answer(letters())) as server:
        if client is None:
            observable: Any = sse(server.url, dialect=LETTERS, **given)
            assert observable._plan.client.args[2]["timeout"] == limits
            return
        async with httpx2.AsyncClient(event_hooks={"request": [note]}, **client) as own:
            await rxs.to_list(sse(server.url, client=own, dialect=LETTERS, **given))
    assert asked == [limits.as_dict()]


# ---------------------------------------------------------------- what comes


CHUNK = '{"id": "a", "choices": [{"index": 0, "delta": {"content": %s}, "finish_reason": %s}]}'
OPENAI = [
    event(CHUNK % ('"Hé"', "null")),
    event(CHUNK % ('"llo"', '"stop"')),
    event("[DONE]"),
]
NATIVE = [
    event('{"content": "Hé", "finish_reason": null}', name="chunk", id="n-1"),
    event('{"content": "llo", "finish_reason": "stop"}', name="chunk", id="n-2"),
    event('{"done": true}', name="done", id="n-3"),
]
UI_MESSAGE = [
    event(json.dumps(part))
    for part in (
        {"type": "start", "messageId": "m"},
        {"type": "text-start", "id": "1"},
        {"type": "text-delta", "id": "1", "delta": "Hé"},
        {"type": "text-delta", "id": "1", "delta": "llo"},
        {"type": "text-end", "id": "1"},
        {"type": "finish", "finishReason": "stop"},
    )
] + [event("[DONE]")]
HELLOS = {"openai": OPENAI, "rxstream": NATIVE, "ui-message": UI_MESSAGE}


@pytest.mark.parametrize("how", ["auto", "by name"])
@pytest.mark.parametrize("name", HELLOS)
@pytest.mark.parametrize("size", [1, 50, 10_000])
async def test_an_answer_in_a_dialect(name: str, how: str, size: int) -> None:
    with FaultServer(Answer(HELLOS[name]).split(size)) as server:
        answer = sse(server.url, dialect="auto" if how == "auto" else name)
        result = await rxs.collect(answer)
        words = await rxs.to_list(answer.pipe(rxs.buffer_words()))
    assert (result.content, result.finish_reason) == ("Héllo", "stop")
    assert words == ["Héllo"]


async def test_raw_events_come_as_they_are() -> None:
    body = b"\xef\xbb\xbf: hello\nevent: a\nid: 1\nretry: 9\ndata: x\ndata: y\n\ndata\r\n\r\n"
    body += b"id: 2\n\n: ping\ndata:z\r\r"
    with FaultServer(Answer((body,)).split(1)) as server:
        events = await rxs.to_list(from_sse(server.url, dialect=None))
    assert [(one.event, one.id, one.retry, one.data) for one in events] == [
        ("a", "1", 9, "x\ny"),
        (None, "1", None, ""),
        (None, "2", None, "z"),
    ]


async def test_bytes_are_utf_8_whatever_the_response_says() -> None:
    headers = (("Content-Type", "text/event-stream; charset=iso-8859-1"),)
    with FaultServer(Answer((event("é✓"), b"data: \xff\n\n"), headers=headers)) as server:
        events = await rxs.to_list(from_sse(server.url, dialect=None))
    assert [one.data for one in events] == ["é✓", "�"]


@pytest.mark.parametrize("gap", [b": ping\n", b": ping\n\n", b"\n\n"], ids=repr)
async def test_heartbeats_are_nothing(gap: bytes) -> None:
    with FaultServer(Answer((gap, NATIVE[0], gap, NATIVE[1], gap, NATIVE[2]))) as server:
        assert texts(await rxs.to_list(sse(server.url))) == "Héllo"


async def test_texts_and_objects_come_as_what_they_were() -> None:
    events = [
        event('{"item": "text"}', name="chunk"),
        event('{"object": {"a": [1]}}', name="chunk"),
        event('{"object": "text"}', name="chunk"),
        NATIVE[2],
    ]
    with FaultServer(Answer(events)) as server:
        assert await rxs.to_list(sse(server.url)) == ["text", {"a": [1]}, "text"]


async def test_no_content_is_an_empty_stream() -> None:
    for dialect in ("auto", "openai", None):
        with FaultServer(Answer(status="204 No Content", chunked=False)) as server:
            assert await rxs.to_list(sse(server.url, dialect=dialect)) == []


# ---------------------------------------------------------------- how it ends


@pytest.mark.parametrize("name", HELLOS)
async def test_an_end_without_a_terminator_is_a_truncation(name: str) -> None:
    # Trap 5: a clean end looks like success to most clients.
    events = HELLOS[name]
    for count in range(1, len(events) - 1 - (name == "openai")):
        for end, kind in (("whole", StreamTruncated), ("fin", ConnectionLost)):
            answer = Answer(events[:count], end=end)  # type: ignore[arg-type]
            with FaultServer(answer) as server:
                items, error = await chunks_until_error(sse(server.url, reconnects=0))
            assert type(error) is kind
            assert isinstance(error, StreamTruncated)
            assert error.partial.content == texts(items)


async def test_an_empty_body_is_a_truncation_of_an_answer_but_no_raw_one() -> None:
    with FaultServer(Answer(())) as server:
        assert await rxs.to_list(sse(server.url, dialect=None)) == []
        for dialect in ("auto", "rxstream"):
            _, error = await chunks_until_error(sse(server.url, dialect=dialect))
            assert isinstance(error, StreamTruncated)


async def test_half_an_event_is_a_truncation_of_raw_events_too() -> None:
    with FaultServer(Answer((event("a"), b"event: b\ndata: half"))) as server:
        items, error = await chunks_until_error(sse(server.url, dialect=None))
    assert [one.data for one in items] == ["a"]
    assert type(error) is StreamTruncated
    assert "inside an event: 'event: b\\ndata: half'" in str(error)


async def test_the_end_mark_needs_no_blank_line() -> None:
    with FaultServer(Answer((*OPENAI[:2], b"data: [DONE]"))) as server:
        assert texts(await rxs.to_list(sse(server.url))) == "Héllo"


async def test_what_stands_behind_the_end_is_ignored() -> None:
    with FaultServer(Answer((b"".join([*NATIVE, event("{", name="chunk")]),))) as server:
        assert texts(await rxs.to_list(sse(server.url))) == "Héllo"


async def test_an_error_in_the_stream_is_the_providers() -> None:
    sent = event('{"error": {"message": "no more", "code": "busy"}}', name="error")
    with FaultServer(Answer((NATIVE[0], sent))) as server:
        items, error = await chunks_until_error(sse(server.url))
    assert isinstance(error, ProviderError)
    assert (texts(items), error.partial.content, error.code) == ("Hé", "Hé", "busy")


async def test_a_body_that_is_no_stream() -> None:
    page = Answer((b"<html>Please log in",), headers=(("Content-Type", "text/html"),))
    report = Answer.json({"error": {"message": "no such model", "code": "unknown"}})
    with FaultServer(page, report) as server:
        _, error = await chunks_until_error(sse(server.url))
        assert isinstance(error, MalformedStream)
        assert "'text/html' and a body that begins with '<html>Please log in'" in str(error)
        _, error = await chunks_until_error(sse(server.url))
        assert isinstance(error, ProviderError)
        assert (error.code, error.status) == ("unknown", 200)


@pytest.mark.parametrize("status", [201, 206, 301, 400, 401, 404, 429, 500, 503])
async def test_another_status_is_an_error_and_asked_once(status: int) -> None:
    body = Answer.json({"error": {"message": "not you"}}, status=status, headers={"Location": "/other"})
    with FaultServer(body) as server:
        _, error = await chunks_until_error(sse(server.url + "/?key=secret"))
        assert len(server.requests) == 1
    assert isinstance(error, ProviderError)
    assert error.status == status
    assert f"answered {status}" in str(error)
    assert "not you" in str(error)
    assert "secret" not in str(error)
    assert isinstance(error.__cause__, httpx2.HTTPStatusError)


async def test_redirects_are_followed_if_the_client_does() -> None:
    there = Answer(status="307 There", headers=(("Location", "/there"),))
    with FaultServer(there, Answer(NATIVE)) as server:
        async with httpx2.AsyncClient(follow_redirects=True) as client:
            answer = sse(server.url, client=client, json={"q": 1})
            assert texts(await rxs.to_list(answer)) == "Héllo"
        assert [(request.route, request.body) for request in server.requests] == [
            ("/", {"q": 1}),
            ("/there", {"q": 1}),
        ]


async def test_who_cannot_connect_gets_the_transports_error() -> None:
    with FaultServer(Answer(())) as server:
        url = server.url
    _, error = await chunks_until_error(sse(url))
    assert type(error) is httpx2.ConnectError
    with FaultServer(Answer(()), faults=[Fault.refused()]) as server:
        _, error = await chunks_until_error(sse(server.url))
    assert type(error) is httpx2.RemoteProtocolError


async def test_an_event_has_a_largest_size() -> None:
    with FaultServer(Answer((event("a"), event("b" * 100)))) as server:
        items, error = await chunks_until_error(sse(server.url, dialect=None, max_event_size=50))
    assert [one.data for one in items] == ["a"]
    assert isinstance(error, EventTooLarge)


# ---------------------------------------------------------------- and retry_stream behind it


def watched(attempts: list[Attempt], count: int = 3, **options: Any) -> Callable[[Any], Any]:
    return rxs.retry_stream(count, backoff=0, on_attempt=attempts.append, **options)


def rungs(attempts: list[Attempt]) -> list[str]:
    return [attempt.rung for attempt in attempts]


async def test_with_ids_a_retry_goes_on_where_the_reconnects_ended() -> None:
    keeping, attempts = Keeping(letters()), list[Attempt]()
    faults = [Fault.reset(after_events=4), *[Fault.refused()] * 3]
    with FaultServer(keeping, faults=faults) as server:
        answer = sse(server.url, dialect=LETTERS, reconnects=2, retry=0.0)
        chunks = await rxs.to_list(answer.pipe(watched(attempts)))
    assert texts(chunks) == TEXT
    assert [chunk.index for chunk in chunks] == list(range(len(TEXT)))
    # The request, two reconnects, and one request for each attempt.
    assert rungs(attempts) == ["first", "server", "server"]
    assert len(server.requests) == 5
    assert keeping.asked == [None, *["s-4"] * 4]


async def test_attempts_and_reconnects_add_up_and_do_not_multiply() -> None:
    attempts = list[Attempt]()
    faults = [Fault.reset(after_events=4), *[Fault.refused()] * 100]
    with FaultServer(Keeping(letters()), faults=faults) as server:
        answer = sse(server.url, dialect=LETTERS, reconnects=3, retry=0.0)
        items, error = await chunks_until_error(answer.pipe(watched(attempts, 4)))
        assert len(server.requests) == 1 + 3 + 3
    assert isinstance(error, httpx2.RemoteProtocolError)
    assert texts(items) == TEXT[:12]
    assert rungs(attempts) == ["first", "server", "server", "server"]


async def test_an_attempt_that_gets_further_may_reconnect_again() -> None:
    attempts = list[Attempt]()
    one = Fault.reset(after_events=1)
    faults = [one, Fault.refused(), one, Fault.refused(), one]
    with FaultServer(Keeping(letters()), faults=faults) as server:
        answer = sse(server.url, dialect=LETTERS, reconnects=1, retry=0.0)
        assert texts(await rxs.to_list(answer.pipe(watched(attempts)))) == TEXT
    assert rungs(attempts) == ["first", "server", "server"]


async def test_a_stream_that_fell_silent_is_gone_on_with() -> None:
    attempts = list[Attempt]()
    keeping = Keeping(letters())
    stalled = Answer(letters()[:4], end="stall")
    with FaultServer(stalled, keeping) as server:
        answer = sse(server.url, dialect=LETTERS).pipe(rxs.timeout_stream(gap=0.2), watched(attempts))
        assert texts(await rxs.to_list(answer)) == TEXT
        server.closed(0)
    assert rungs(attempts) == ["first", "server"]
    assert keeping.asked == ["s-4"]


async def test_without_ids_a_retry_aligns() -> None:
    attempts = list[Attempt]()
    keeping = Keeping(letters(ids=False))
    with FaultServer(keeping, faults=[Fault.reset(after_events=4)]) as server:
        answer = sse(server.url, dialect=LETTERS).pipe(watched(attempts))
        assert texts(await rxs.to_list(answer)) == TEXT
    assert rungs(attempts) == ["first", "align"]
    assert keeping.asked == [None, None]


async def test_the_usage_is_that_of_the_one_answer() -> None:
    counted = '{"content": "", "finish_reason": "stop", "usage": {"completion_tokens": 2, "total_tokens": 2}}'
    events = [NATIVE[0], event(counted, name="chunk", id="n-2"), NATIVE[2]]
    with FaultServer(Keeping(events), faults=[Fault.reset(after_events=1), Fault.refused()]) as server:
        answer = sse(server.url, reconnects=0).pipe(watched([]))
        result = await rxs.collect(answer)
    assert (result.content, result.usage) == ("Hé", Usage(0, 2, 2))


async def test_nothing_more_behind_a_retry_is_still_a_truncation() -> None:
    keeping = Keeping(letters(end=False))
    with FaultServer(keeping) as server:
        answer = sse(server.url, dialect=LETTERS, reconnects=0)
        items, error = await chunks_until_error(answer.pipe(watched([], resume="server")))
    assert isinstance(error, StreamTruncated)
    assert texts(items) == error.partial.content == TEXT
    assert keeping.asked[1:] == ["s-13", "s-13"]


async def test_several_readers_are_not_taken_for_each_other() -> None:
    found: list[str] = []

    def own(request: Any) -> Answer:
        """Every stream has a text of its own, and its ids tell which."""
        after = request.headers.get("last-event-id")
        name, _, place = (after or f"{request.query['q']}-0").rpartition("-")
        events = [event(json.dumps({"text": f"{name}{n}"}), id=f"{name}-{n}") for n in range(1, 5)]
        rest = [*events, event("end", id=f"{name}-5")][int(place) :]
        return Answer(rest[:1] if after is None else rest, end="whole" if after else "rst")

    async def read(answer: Any) -> None:
        found.append(texts(await rxs.to_list(answer.pipe(watched([])))))

    with FaultServer(own) as server:
        async with anyio.create_task_group() as tasks:
            for name in "abcd":
                answer = sse(f"{server.url}/?q={name}", dialect=LETTERS, reconnects=0)
                tasks.start_soon(read, answer)
                tasks.start_soon(read, answer)
    assert sorted(found) == sorted(["".join(f"{name}{n}" for n in range(1, 5)) for name in "aabbccdd"])


async def test_what_was_delivered_elsewhere_is_not_ours_to_go_on_with() -> None:
    delivered = Delivered()
    delivered.add(StreamChunk("abc"))
    with FaultServer(Keeping(letters()), faults=[Fault.reset(after_events=1)]) as server:
        answer: Any = sse(server.url, dialect=LETTERS, reconnects=0)
        assert answer.resume("server", delivered) is None
        await chunks_until_error(answer)
        assert answer.resume("continue", delivered) is None
        delivered.add(StreamChunk("b"))
        delivered.add(StreamChunk("c"))
        # As many chunks, but another text.
        assert answer.resume("server", delivered) is None


async def test_a_resumed_stream_may_be_read_twice() -> None:
    delivered = Delivered()
    with FaultServer(Keeping(letters()), faults=[Fault.reset(after_events=1)]) as server:
        answer: Any = sse(server.url, dialect=LETTERS, reconnects=0)
        await chunks_until_error(answer)
        for letter in TEXT[:3]:
            delivered.add(StreamChunk(letter))
        rest, _ = answer.resume("server", delivered)
        for _ in range(2):
            assert texts(await rxs.to_list(rest)) == TEXT[3:]


async def test_a_client_never_sends_one_streams_id_for_another() -> None:
    # Trap 17, the client's side: a new subscription begins without an id, whatever the one before has read.
    keeping = Keeping(numbers())
    with FaultServer(keeping) as server:
        answer = sse(server.url, dialect=None)
        await rxs.to_list(answer)
        await rxs.to_list(answer)
    assert keeping.asked == [None, None]
