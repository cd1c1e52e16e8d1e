"""The server with its faults, and a real client: each ends as the real fault does, and nothing is left."""

import http.client
import json
import socket
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import anyio
import openai
import pytest
from reactivex import operators as ops

import rxstream as rxs
from rxstream.errors import ConnectionLost, MalformedStream, ProviderError, StreamError, StreamTruncated
from rxstream.testing import Answer, Fault, FaultServer, Request, faulty_recording
from rxstream.testing.bodies import event_ends
from rxstream.testing.error_frames import DIALECTS
from rxstream.testing.faults import Faults
from tests.recordings import PATHS, load
from tests.sources.clients import ASK, answer_from, chunks_until_error, connected

anyio_test = pytest.mark.anyio

WHOLE = "".join(chunk.content for chunk in rxs.run(rxs.from_recording("01-prose", speed=None)))

#: What goes wrong behind ten events, and what a client must see of it.
SEEN: dict[str, tuple[Faults, type[Exception]]] = {
    "cut": (Fault.cut(after_events=10), ConnectionLost),
    "cut inside an event": (Fault.cut(2000), ConnectionLost),
    "reset": (Fault.reset(after_events=10), ConnectionLost),
    "truncated chunk": (Fault.truncated_chunk(after_events=10), ConnectionLost),
    "silent end": (Fault.silent_end(after_events=10), StreamTruncated),
    "silent end inside an event": (Fault.silent_end(2000), StreamTruncated),
    "silent end of nothing": (Fault.silent_end(0), StreamTruncated),
    **{
        f"error frame of {dialect}": (Fault.error_frame(2000, dialect), ProviderError)
        for dialect in DIALECTS
        if dialect != "responses-failed"
    },
    # Chat knows no such event, so it is the silent end behind it.
    "error frame of responses-failed": (Fault.error_frame(2000, "responses-failed"), StreamTruncated),
    "no JSON": (Fault.garbage(2000), MalformedStream),
    "no JSON, and more": (Fault.garbage(2000, goes_on=True), MalformedStream),
    "broken UTF-8": (Fault.garbage(2000, "utf-8"), MalformedStream),
    "a web page": (Fault.garbage(0, "html"), MalformedStream),
    "a web page in the middle": (Fault.garbage(2000, "html"), StreamTruncated),
    "429": (Fault.status(429, retry_after=7), openai.RateLimitError),
    "503": (Fault.status(503, body="<html>busy</html>"), openai.InternalServerError),
    "400": (Fault.status(400, body={"error": {"message": "too long"}}), openai.BadRequestError),
    "418": (Fault.status(418, body=["no", "object"]), openai.APIStatusError),
    "refused": (Fault.refused(), openai.APIConnectionError),
    "drip and cut": (Fault.drip(100, pause=0) | Fault.cut(2000), ConnectionLost),
    "stall and reset": (Fault.stall(1000, 0.01) | Fault.reset(2000), ConnectionLost),
}


@anyio_test
@pytest.mark.parametrize(("fault", "expected"), SEEN.values(), ids=SEEN)
async def test_a_fault_is_seen_as_the_real_one(fault: Faults, expected: type[Exception]) -> None:
    with FaultServer("01-prose", faults=[fault]) as server:
        async with connected("async", server) as client:
            real_chunks, real = await chunks_until_error(rxs.from_chat(client, **ASK))
            assert (await rxs.collect(rxs.from_chat(client, **ASK))).content == WHOLE
    played = faulty_recording("01-prose", fault)
    chunks, error = await chunks_until_error(played)
    assert (await rxs.collect(played)).content == WHOLE
    assert type(real) is expected
    assert type(error) is expected
    text, real_text = ("".join(chunk.content for chunk in got) for got in (chunks, real_chunks))
    assert WHOLE.startswith(text)
    # What a reset overtakes is gone.
    assert real_text == text or (text.startswith(real_text) and expected is ConnectionLost)
    for one, said in ((error, text), (real, real_text)):
        if isinstance(one, StreamError):
            assert one.partial.content == said


@anyio_test
async def test_an_http_error_tells_when_to_come_again() -> None:
    fault = Fault.status(429, retry_after=7)
    with FaultServer("01-prose", faults=[fault]) as server:
        async with connected("async", server) as client:
            _, real = await chunks_until_error(rxs.from_chat(client, **ASK))
    _, played = await chunks_until_error(faulty_recording("01-prose", fault))
    for error in (real, played):
        assert isinstance(error, openai.RateLimitError)
        assert error.response.headers["Retry-After"] == "7"
        assert error.code == "too_many_requests"
        assert "Too Many Requests" in str(error)


@anyio_test
@pytest.mark.parametrize(
    "fault",
    [Fault.error_frame(2000, "responses"), Fault.error_frame(2000, "responses-failed"), Fault.cut(2000)],
    ids=repr,
)
async def test_a_response_fails_as_a_real_one(fault: Fault) -> None:
    recording = load("17-responses-text")
    with FaultServer(recording.name, faults=[fault]) as server:
        async with connected("async", server) as client:
            _, real = await chunks_until_error(answer_from(client, recording))
    _, played = await chunks_until_error(faulty_recording(recording.name, fault))
    assert isinstance(real, StreamError)
    assert isinstance(played, StreamError)
    assert type(real) is type(played) is (ConnectionLost if fault.kind == "cut" else ProviderError)
    assert real.partial == played.partial
    assert real.partial.content


@anyio_test
async def test_a_stall_is_over_after_its_seconds_or_a_timeout() -> None:
    with FaultServer("01-prose", faults=[Fault.stall(2000, 0.05), Fault.stall(2000)]) as server:
        async with connected("async", server, timeout=0.3) as client:
            assert (await rxs.collect(rxs.from_chat(client, **ASK))).content == WHOLE
            _, error = await chunks_until_error(rxs.from_chat(client, **ASK))
            assert isinstance(error, ConnectionLost)
            assert type(error.__cause__).__name__ == "ReadTimeout"
            assert server.waiting.is_set()


@anyio_test
async def test_a_drip_changes_nothing() -> None:
    with FaultServer("01-prose", faults=[Fault.drip(7, pause=0)]) as server:
        async with connected("async", server) as client:
            assert (await rxs.collect(rxs.from_chat(client, **ASK))).content == WHOLE


@anyio_test
async def test_a_duplicate_doubles_the_text_and_nobody_can_tell() -> None:
    fault = Fault.duplicate(after_events=1)
    ends = event_ends(load("01-prose").body)
    event = json.loads(load("01-prose").body[ends[0] : ends[1]].partition(b"data: ")[2])
    word: str = event["choices"][0]["delta"]["content"]
    with FaultServer("01-prose", faults=[fault]) as server:
        async with connected("async", server) as client:
            doubled = (await rxs.collect(rxs.from_chat(client, **ASK))).content
    assert doubled == word + WHOLE
    assert (await rxs.collect(faulty_recording("01-prose", fault))).content == doubled


@anyio_test
@pytest.mark.parametrize("reset", [False, True])
async def test_all_connections_can_be_cut_in_the_middle(reset: bool) -> None:
    slow = Answer.recorded("01-prose", speed=0.5)
    with FaultServer(slow, slow, "01-prose") as server:
        async with connected("async", server) as client:
            errors: list[Any] = []

            async def read(begun: anyio.Event) -> None:
                answer = rxs.from_chat(client, **ASK).pipe(ops.do_action(lambda _: begun.set()))
                errors.append((await chunks_until_error(answer))[1])

            async with anyio.create_task_group() as tasks:
                for begun in (anyio.Event(), anyio.Event()):
                    tasks.start_soon(read, begun)
                    await begun.wait()
                assert server.drop(reset=reset) == 2
            assert [type(error) for error in errors] == [ConnectionLost, ConnectionLost]
            assert {one.closed_by for one in server.connections} == {"server"}
            assert server.drop() == 0
            assert (await rxs.collect(rxs.from_chat(client, **ASK))).content == WHOLE


# ---------------------------------------------------------------- answers


def asked(server: FaultServer, path: str = "/v1/x", body: bytes | None = None) -> bytes:
    with urllib.request.urlopen(f"{server.url}{path}", body, timeout=10) as response:
        return bytes(response.read())


def test_answers_are_given_in_turn_and_the_last_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_bytes(PATHS["02-list"].read_bytes())

    def respond(request: Request) -> Answer:
        return Answer.json({"asked": request.path, "said": request.body})

    with FaultServer("01-prose", path, str(path), Answer((b"fixed",)), respond) as server:
        assert asked(server) == load("01-prose").body
        assert asked(server) == asked(server) == load("02-list").body
        assert asked(server) == b"fixed"
        assert json.loads(asked(server, "/a", b"[1]")) == {"asked": "/a", "said": [1]}
        assert json.loads(asked(server, "/b")) == {"asked": "/b", "said": None}
    assert [request.path for request in server.requests[-2:]] == ["/a", "/b"]
    assert server.base_url == f"{server.url}/v1"


def test_faults_are_given_in_turn_and_then_there_are_none() -> None:
    with FaultServer(Answer((b"abc",)), faults=[None, Fault.silent_end(1), Fault.duplicate(0)]) as server:
        assert [asked(server) for _ in range(4)] == [b"abc", b"a", b"abc", b"abc"]


def test_what_a_function_raises_is_an_error_of_the_client_and_the_block() -> None:
    def respond(request: Request) -> Answer:
        raise RuntimeError(f"no answer to {request.path}")

    with pytest.raises(RuntimeError, match="no answer to /v1/x"), FaultServer(respond) as server:
        with pytest.raises(HTTPError, match="500") as caught:
            asked(server)
        with caught.value as response:
            assert b"no answer to /v1/x" in response.read()


def test_an_error_of_the_block_is_not_hidden() -> None:
    def respond(_: Request) -> Answer:
        raise RuntimeError("respond")

    with pytest.raises(KeyError, match="block"), FaultServer(respond) as server:
        with pytest.raises(HTTPError) as caught:
            asked(server)
        caught.value.close()
        raise KeyError("block")


def test_a_request_that_is_none_is_reported() -> None:
    with pytest.raises(ValueError, match="not enough values"), FaultServer("01-prose") as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(b"hello\r\n\r\n")
            assert client.recv(1) == b""


#: For what a type checker would not let through.
UNTYPED: Any = FaultServer


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (FaultServer, TypeError, "expects an answer"),
        (lambda: UNTYPED(7), TypeError, "a function from a Request to one, and got 7"),
        (lambda: FaultServer("nonesuch"), FileNotFoundError, "no file 'nonesuch'"),
        (lambda: UNTYPED("01-prose", faults=Fault.cut(1)), TypeError, "a list of faults"),
    ],
    ids=["none", "a number", "a name", "one fault"],
)
def test_nonsense_says_what_was_expected(make: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        make()


# ---------------------------------------------------------------- nothing is left


#: What urllib says when it is left alone.
GONE = (OSError, http.client.HTTPException)


def ask_in_vain(server: FaultServer) -> None:
    with pytest.raises(GONE):
        asked(server)


def servers_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "FaultServer"]


@anyio_test
async def test_no_thread_outlives_the_block() -> None:
    stalled = Answer((b"x" * 100,), end="stall")
    flood = Answer([b"x" * 65536] * 10_000)
    late = Answer(delay=60.0)
    with FaultServer(stalled, flood, late) as server:
        streams = [await anyio.connect_tcp("127.0.0.1", int(server.url.rpartition(":")[2])) for _ in range(4)]
        for stream in streams[:3]:  # the last one says nothing
            await stream.send(b"GET / HTTP/1.1\r\n\r\n")
        while len(server.requests) < 3:  # noqa: ASYNC110 - threads set no events here
            await anyio.sleep(0.001)
        await anyio.sleep(0.05)
        assert len(servers_threads()) == 5
        start = time.perf_counter()
    assert servers_threads() == []
    assert time.perf_counter() - start < 5
    for stream in streams:
        await stream.aclose()


def test_who_closes_is_waited_for() -> None:
    with FaultServer(Answer((b"abc",))) as server:
        with pytest.raises(AssertionError, match="nobody came"):
            server.closed()
        asked(server)
        connection = server.closed()
        assert connection is server.connections[0]
        assert connection.closed_by == "fin"


def test_a_connection_that_stays_open_is_not_waited_for_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rxstream.testing.fault_server._PATIENCE", 0.05)
    with FaultServer(Answer(end="stall")) as server:
        reader = threading.Thread(target=ask_in_vain, args=(server,))
        reader.start()
        assert server.waiting.wait(10)
        with pytest.raises(AssertionError, match="still open"):
            server.closed()
        server.drop()
        reader.join()


def test_a_function_that_does_not_return_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rxstream.testing.fault_server._PATIENCE", 0.05)
    called, over = threading.Event(), threading.Event()

    def respond(_: Request) -> Answer:
        called.set()
        over.wait(10)
        return Answer()

    readers: list[threading.Thread] = []
    with pytest.raises(RuntimeError, match="does not return"), FaultServer(respond) as server:
        readers.append(threading.Thread(target=ask_in_vain, args=(server,)))
        readers[0].start()
        assert called.wait(10)
    over.set()
    for thread in (*readers, *servers_threads()):
        thread.join(10)


def test_many_connections_leave_no_threads_behind() -> None:
    with FaultServer(Answer((b"abc",), keep_alive=False)) as server:
        for _ in range(50):
            asked(server)
            server.closed()
        assert len(servers_threads()) <= 4
    assert len(server.connections) == 50


@pytest.mark.parametrize("keep_alive", [True, False])
@pytest.mark.parametrize("chunked", [True, False])
def test_a_client_is_told_whether_to_keep_the_connection(keep_alive: bool, chunked: bool) -> None:
    # One that is not told keeps it, unless the server happens to have closed it by then.
    with FaultServer(Answer((b"abc",), keep_alive=keep_alive, chunked=chunked)) as server:
        client = http.client.HTTPConnection(server.url.removeprefix("http://"))
        client.request("GET", "/")
        assert client.getresponse().will_close is not (keep_alive and chunked)
        client.close()
