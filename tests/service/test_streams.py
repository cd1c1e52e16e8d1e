"""Streams over HTTP: begun, read, come back to, stopped; and whose they are."""

import json
import secrets
import time
from collections.abc import Generator
from typing import Any

import anyio
import httpx2
import pytest
from anyio import create_task_group

from rxstream.items import SSEEvent
from rxstream.transports.log import LogWriter, StreamInfo, StreamLog
from rxstream.transports.publish import publications_of
from tests.service.apps import ASK, LONG, MODEL, OBJECTS, TEXT, Served, events_of, served, told, until

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Ask from one event loop: it is the server that is tried, and ``test_app`` tries it on all."""
    return "asyncio"


KEYS = {"Authorization": "Bearer alpha"}
OTHER = {"Authorization": "Bearer beta"}


@pytest.fixture(scope="module")
def service() -> Generator[Served]:
    """One application for most tests: nothing of one may be seen in another."""
    with served(heartbeat=5.0, grace=5.0) as found:
        yield found


@pytest.fixture(scope="module")
def guarded() -> Generator[Served]:
    """One that asks for keys."""
    with served(api_keys=["alpha", "beta"], max_per_key=2) as found:
        yield found


def contents(events: list[SSEEvent]) -> str:
    return "".join(json.loads(event.data).get("content", "") for event in events if event.event == "chunk")


def items(events: list[SSEEvent], name: str) -> list[Any]:
    return [json.loads(event.data)[name] for event in events if event.event == "chunk"]


# ---------------------------------------------------------------- the three kinds


def test_raw_chunks_come_with_ids_and_end_with_done(service: Served) -> None:
    response = service.client.post("/v1/stream/raw", json=ASK)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    events = events_of(response.text)
    assert contents(events) == TEXT
    assert (events[-1].event, events[-1].data) == ("done", '{"done":true}')
    stream = response.headers["x-stream-id"]
    assert [event.id for event in events] == [f"{stream}-{number}" for number in range(1, len(events) + 1)]


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        (None, TEXT.split()),
        ("word", TEXT.split()),
        ("sentence", ["One two three.", "Four five six!", "Seven eight nine?"]),
        ("line", ["One two three. Four five six!", "", "Seven eight nine?"]),
        ("paragraph", ["One two three. Four five six!", "Seven eight nine?"]),
        ("grapheme", list(TEXT)),
    ],
    ids=str,
)
def test_units_are_complete(service: Served, unit: str | None, expected: list[str]) -> None:
    response = service.client.post("/v1/stream/buffered", json={**ASK, "buffer_type": unit} if unit else ASK)
    events = events_of(response.text)
    assert items(events, "item") == expected
    assert events[-1].event == "done"


def test_json_values_are_whole(service: Served) -> None:
    ask = {**ASK, "model": "objects"}
    events = events_of(service.client.post("/v1/stream/json", json=ask).text)
    assert items(events, "object") == [{"a": 1}, {"b": [2, {"c": "}"}]}]
    events = events_of(service.client.post("/v1/stream/json", json={**ask, "at": "$.a"}).text)
    assert items(events, "object") == [1]
    assert json.loads(OBJECTS[6:14]) == {"a": 1}


@pytest.mark.parametrize("dialect", ["openai", "ui-message", "anthropic", "ag-ui"])
def test_units_in_another_dialect_are_the_text_again(service: Served, dialect: str) -> None:
    from rxstream.transports.dialects.named import dialect_named  # noqa: PLC0415

    response = service.client.post(
        "/v1/stream/buffered", params={"dialect": dialect}, json={**ASK, "buffer_type": "word"}
    )
    decoder = dialect_named(dialect).decoder()
    text = "".join([chunk.content for event in events_of(response.text) for chunk in decoder.feed(event)])
    assert text == TEXT
    decoder.close()


def test_a_dialect_carries_what_it_can(service: Served) -> None:
    ask = {**ASK, "buffer_type": "paragraph"}
    refused = service.client.post("/v1/stream/buffered", params={"dialect": "openai"}, json=ask)
    assert (refused.status_code, told(refused)["param"]) == (422, "buffer_type")
    refused = service.client.post("/v1/stream/json", params={"dialect": "openai"}, json=ASK)
    assert (refused.status_code, told(refused)["param"]) == (422, "dialect")
    refused = service.client.post("/v1/stream/raw", params={"dialect": "klingon"}, json=ASK)
    assert (refused.status_code, told(refused)["param"]) == (422, "dialect")
    assert "'ui-message'" in told(refused)["message"]
    taken = service.client.post(
        "/v1/stream/json", params={"dialect": "ui-message"}, json={**ASK, "model": "objects"}
    )
    assert taken.headers["x-vercel-ai-ui-message-stream"] == "v1"
    assert '"data":{"a":1}' in taken.text


def test_parameters_reach_the_model(service: Served) -> None:
    more = {"temperature": 0, "top_p": 0.5, "max_tokens": 3, "stop": ["x"], "seed": 7, "user": "me"}
    service.client.post("/v1/stream/raw", json={**ASK, **more})
    body = service.upstream.requests[-1].body
    assert {name: body[name] for name in more} == more
    assert body["messages"] == ASK["messages"]
    assert "resumable" not in body


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("model", "status", "code", "words"),
    [
        ("refuses", 400, "nope", "no such thing"),
        ("busy", 429, None, "later"),
        ("wrong key", 502, "upstream_refused", "credentials"),
    ],
    ids=str,
)
@pytest.mark.parametrize("resumable", [True, False], ids=["with log", "without"])
def test_an_error_before_the_first_item_is_an_http_error(
    service: Served, model: str, status: int, code: str | None, words: str, resumable: bool
) -> None:
    response = service.client.post("/v1/stream/raw", json={**ASK, "model": model, "resumable": resumable})
    error = told(response)
    assert (response.status_code, error["code"]) == (status, code)
    assert words in error["message"]
    assert "secret" not in response.text
    if status == 429:
        assert response.headers["retry-after"] == "90"


def test_an_error_in_the_middle_is_an_event_behind_what_came(service: Served) -> None:
    events = events_of(service.client.post("/v1/stream/raw", json={**ASK, "model": "falls"}).text)
    assert contents(events)
    assert TEXT.startswith(contents(events))
    assert events[-1].event == "error"
    assert "it fell over" in json.loads(events[-1].data)["error"]["message"]


@pytest.mark.parametrize(
    ("path", "ask", "param"),
    [
        ("raw", {}, "messages"),
        ("raw", {**ASK, "temprature": 1}, "temprature"),
        ("buffered", {**ASK, "buffer_type": "verse"}, "buffer_type"),
        ("json", {**ASK, "at": "not a path"}, "at"),
        ("raw", {**ASK, "stream_id": "12345678", "resumable": False}, "stream_id"),
    ],
    ids=["nothing", "unknown", "unit", "path", "no stream"],
)
def test_a_wrong_request_is_told_what_is_wrong(
    service: Served, path: str, ask: dict[str, Any], param: str
) -> None:
    response = service.client.post(f"/v1/stream/{path}", json=ask)
    assert (response.status_code, told(response)["param"]) == (422, param)


# ---------------------------------------------------------------- coming back


def test_after_each_event_the_rest_is_there(service: Served) -> None:
    response = service.client.post("/v1/stream/raw", json={**ASK, "stream_id": "come-back-to-me"})
    events = events_of(response.text)
    path = "/v1/stream/come-back-to-me"
    for number, event in enumerate(events[:-1], 1):
        ways: list[dict[str, Any]] = [
            {"headers": {"Last-Event-ID": str(event.id)}},
            {"params": {"last_event_id": str(event.id)}},
            {"params": {"after": number}},
        ]
        again = service.client.get(path, **ways[number % 3])
        assert events_of(again.text) == events[number:]
    assert service.client.get(path).text == response.text
    finished = service.client.get(path, headers={"Last-Event-ID": str(events[-1].id)})
    assert (finished.status_code, finished.content) == (204, b"")


def test_a_post_that_comes_back_goes_on_and_one_that_does_not_is_told(service: Served) -> None:
    ask = {**ASK, "stream_id": "post-and-return"}
    events = events_of(service.client.post("/v1/stream/raw", json=ask).text)
    again = service.client.post("/v1/stream/raw", json=ask, headers={"Last-Event-ID": str(events[2].id)})
    assert events_of(again.text) == events[3:]
    # Who has been given its name by us does not say it again.
    again = service.client.post("/v1/stream/raw", json=ASK, headers={"Last-Event-ID": str(events[2].id)})
    assert events_of(again.text) == events[3:]
    refused = service.client.post("/v1/stream/raw", json=ask)
    assert (refused.status_code, told(refused)["code"]) == (409, "stream_exists")


@pytest.mark.parametrize("path", ["/v1/stream/nobody-knows-me", "/v1/stream/chat-of-x"])
def test_an_unknown_stream_is_unknown(service: Served, path: str) -> None:
    for response in (
        service.client.get(path),
        service.client.delete(path),
        service.client.post(f"{path}/ticket"),
    ):
        assert (response.status_code, told(response)["code"]) == (404, "unknown_stream")


def read_until(service: Served, ask: dict[str, Any], word: str) -> tuple[str, str | None]:
    """Read whole events until a word comes, and leave; give them, and the stream's name."""
    seen = ""
    with service.client.stream("POST", "/v1/stream/raw", json=ask) as response:
        for line in response.iter_lines():
            seen += f"{line}\n"
            if word in line:
                break
        return seen[: seen.rindex("\n\n") + 2], response.headers.get("x-stream-id")


def test_trap_18_who_leaves_stops_nothing_that_is_kept_and_misses_nothing(service: Served) -> None:
    seen, stream = read_until(service, {**ASK, "model": "slow"}, "word20")
    events = events_of(seen)
    rest = service.client.get(f"/v1/stream/{stream}", headers={"Last-Event-ID": str(events[-1].id)})
    assert contents(events + events_of(rest.text)) == LONG


async def test_trap_18_who_leaves_stops_what_is_not_kept(service: Served) -> None:
    seen, stream = read_until(service, {**ASK, "model": "slow", "resumable": False}, "word5")
    assert stream is None
    assert "id:" not in seen
    await until(lambda: service.service.gate.inside == 0)
    await until(service.upstream.connections[-1].closed.is_set)


async def test_stop_returns_when_the_model_writes_no_more(service: Served) -> None:
    name = secrets.token_hex(8)
    ask = {**ASK, "model": "slow", "stream_id": name}
    text, took = "", 0.0
    async with service.http() as http, create_task_group() as tasks:

        async def read() -> None:
            nonlocal text
            text = (await http.post("/v1/stream/raw", json=ask)).text

        tasks.start_soon(read)
        await until(lambda: service.service.gate.inside == 1)
        connection = service.upstream.connections[-1]
        began = time.monotonic()
        stopped = await http.delete(f"/v1/stream/{name}")
        took = time.monotonic() - began
        assert stopped.status_code == 204
        assert await anyio.to_thread.run_sync(connection.closed.wait, 1.0)
    assert took < 1.5
    events = events_of(text)
    assert json.loads(events[-1].data) == {"done": True, "stopped": True}
    async with service.http() as http:
        assert (await http.delete(f"/v1/stream/{name}")).status_code == 204


# ---------------------------------------------------------------- a producer that dies


class Elsewhere(StreamLog):
    """A log that does not go with the process, as far as anybody can tell."""

    def __init__(self) -> None:
        super().__init__(max_events=9, max_bytes=9, max_age=9)
        self._log = StreamLog.memory()

    async def create(self, stream: str, **options: Any) -> LogWriter:
        return await self._log.create(stream, **options)

    async def adopt(self, stream: str) -> LogWriter | None:
        return await self._log.adopt(stream)

    async def info(self, stream: str) -> StreamInfo | None:
        return await self._log.info(stream)

    def read(self, stream: str, after: int = 0) -> Any:
        return self._log.read(stream, after)

    async def stop(self, stream: str) -> bool:
        return await self._log.stop(stream)

    async def delete(self, stream: str) -> None:
        await self._log.delete(stream)

    async def aclose(self) -> None:
        await self._log.aclose()


def test_whoever_comes_back_has_it_go_on_where_its_producer_died() -> None:
    with served(log=Elsewhere()) as service:
        seen, stream = read_until(service, {**ASK, "model": "slow"}, "word20")
        service.run(publications_of(service.service.log).drain(0.0))
        events = events_of(seen)
        last = {"Last-Event-ID": str(events[-1].id)}
        # While it shuts down, this worker begins nothing, and leaves it to another one.
        service.service.gate.closed = True
        with pytest.raises(httpx2.ReadTimeout):
            service.client.get(f"/v1/stream/{stream}", headers=last, timeout=0.2)
        service.service.gate.closed = False
        rest = service.client.get(f"/v1/stream/{stream}", headers=last)
        assert contents(events + events_of(rest.text)) == LONG
        assert len(service.upstream.requests) == 2


def test_what_is_stopped_is_not_gone_on_with() -> None:
    with served(log=Elsewhere()) as service:
        _, stream = read_until(service, {**ASK, "model": "slow"}, "word5")
        service.run(publications_of(service.service.log).drain(0.0))
        assert service.client.delete(f"/v1/stream/{stream}").status_code == 204
        whole = service.client.get(f"/v1/stream/{stream}")
        assert json.loads(events_of(whole.text)[-1].data) == {"done": True, "stopped": True}
        assert len(service.upstream.requests) == 1


# ---------------------------------------------------------------- whose it is


def test_a_key_is_needed(guarded: Served) -> None:
    for headers in ({}, {"Authorization": "Bearer gamma"}, {"Authorization": "Basic alpha"}):
        response = guarded.client.post("/v1/stream/raw", json=ASK, headers=headers)
        assert response.status_code == 401
        assert response.headers["www-authenticate"].startswith("Bearer")
        assert told(response)["type"] == "authentication_error"
    assert guarded.client.post("/v1/stream/raw", json=ASK, headers=KEYS).status_code == 200


def test_trap_17_a_stream_of_somebody_else_s_is_no_stream_at_all(guarded: Served) -> None:
    mine = guarded.client.post("/v1/stream/raw", json={**ASK, "stream_id": "mine-alone"}, headers=KEYS)
    last = {"Last-Event-ID": "mine-alone-2"}
    assert mine.status_code == 200
    path = "/v1/stream/mine-alone"
    assert guarded.client.get(path, headers=KEYS).text == mine.text
    for response in (
        guarded.client.get(path, headers=OTHER),
        guarded.client.get(path, headers={**OTHER, **last}),
        guarded.client.delete(path, headers=OTHER),
        guarded.client.post(f"{path}/ticket", headers=OTHER),
        guarded.client.post("/v1/stream/raw", json=ASK, headers={**OTHER, **last}),
    ):
        assert (response.status_code, told(response)["code"]) == (404, "unknown_stream")
    # An id of another stream is refused, too.
    assert guarded.client.get(path, headers={**KEYS, "Last-Event-ID": "another-3"}).status_code == 404


def test_a_ticket_reads_one_stream(guarded: Served) -> None:
    mine = guarded.client.post("/v1/stream/raw", json=ASK, headers=KEYS)
    stream = mine.headers["x-stream-id"]
    made = guarded.client.post(f"/v1/stream/{stream}/ticket", headers=KEYS).json()
    assert made["expires_in"] > 0
    ticket = {"ticket": made["ticket"]}
    assert guarded.client.get(f"/v1/stream/{stream}", params=ticket).text == mine.text
    again = guarded.client.get(
        f"/v1/stream/{stream}", params=ticket, headers={"Last-Event-ID": f"{stream}-3"}
    )
    assert again.status_code == 200
    other = guarded.client.post("/v1/stream/raw", json=ASK, headers=KEYS).headers["x-stream-id"]
    assert guarded.client.get(f"/v1/stream/{other}", params=ticket).status_code == 401
    assert guarded.client.delete(f"/v1/stream/{stream}", params=ticket).status_code == 401


async def test_one_key_has_only_so_many_answers(guarded: Served) -> None:
    slow = {**ASK, "model": "slow"}
    async with guarded.http(headers=KEYS) as http, create_task_group() as tasks:
        names = [secrets.token_hex(8) for _ in range(2)]
        for name in names:
            tasks.start_soon(lambda n: http.post("/v1/stream/raw", json={**slow, "stream_id": n}), name)
        await until(lambda: guarded.service.gate.inside == 2)
        refused = await http.post("/v1/stream/raw", json=slow)
        assert (refused.status_code, told(refused)["code"]) == (429, "too_many_streams")
        assert refused.headers["retry-after"] == "1"
        taken = await http.post("/v1/stream/raw", json=ASK, headers=OTHER)
        assert taken.status_code == 200
        for name in names:
            assert (await http.delete(f"/v1/stream/{name}")).status_code == 204
    await until(lambda: guarded.service.gate.inside == 0)


def test_the_model_is_named_by_the_service(service: Served) -> None:
    service.client.post("/v1/stream/raw", json=ASK)
    assert service.upstream.requests[-1].body["model"] == MODEL
