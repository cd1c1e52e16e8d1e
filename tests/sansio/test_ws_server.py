"""The server's end of a WebSocket: whatever comes, each request has one end, and is told it."""

import json
import os
from collections import Counter
from typing import Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rxstream.sansio.ws_answer import Answer
from rxstream.sansio.ws_server import Authenticate, Begin, Limits, Server, Stop

#: Drawn sequences of messages, of thirty each; more of them where somebody has the time.
SEQUENCES: Final = 60 * int(os.environ.get("RXSTREAM_FUZZ", "1"))


def say(server: Server, kind: str, data: Any = None, name: Any = None, now: float = 0.0) -> list[Any]:
    message = {"type": kind, "data": data} | ({} if name is None else {"id": name})
    return server.receive(json.dumps(message), now)


def begin(server: Server, name: str | None = None, **data: Any) -> Answer:
    (command,) = say(server, "complete", data, name)
    assert isinstance(command, Begin)
    return command.answer


def hear(server: Server) -> list[dict[str, Any]]:
    texts: list[dict[str, Any]] = []
    while (text := server.next_text()) is not None:
        texts.append(json.loads(text))
    return texts


def test_an_answer_from_its_request_to_its_end() -> None:
    server = Server(Limits())
    (command,) = say(server, "complete", {"n": 1, "credit": 2}, "a")
    assert isinstance(command, Begin)
    assert command.data == {"n": 1}
    answer = command.answer
    assert (answer.id, answer.credit) == ("a", 2)
    assert list(server.live) == [answer]
    server.push(answer, "chunk", '{"x":1}')
    server.end(answer)
    assert list(server.live) == [answer], "its end has not been taken"
    assert hear(server) == [
        {"type": "chunk", "id": "a", "data": {"x": 1}},
        {"type": "done", "id": "a", "data": {}},
    ]
    assert list(server.live) == []
    begin(server, "a")


def test_answers_have_their_turns() -> None:
    server = Server(Limits())
    one, other = begin(server, "a"), begin(server, "b")
    for _ in range(3):
        server.push(one, "chunk", "1")
    for _ in range(2):
        server.push(other, "chunk", "2")
    say(server, "ping", 7, "p")
    names = [message["id"] for message in hear(server)]
    assert names == ["p", "a", "b", "a", "b", "a"]


def test_a_cancelled_answer_drops_what_waits_and_ends_once() -> None:
    server = Server(Limits())
    answer = begin(server, "a")
    server.push(answer, "chunk", "1")
    assert say(server, "cancel", None, "a") == [Stop(answer)]
    assert say(server, "cancel", None, "a") == []
    server.push(answer, "chunk", "2")
    assert server.next_text() is None
    server.end(answer, "error", "{}")
    assert say(server, "cancel", None, "a") == []
    assert hear(server) == [{"type": "done", "id": "a", "data": {"cancelled": True}}]
    assert say(server, "cancel", None, "a") == []


def test_a_late_cancel_is_no_error_and_takes_nothing_back() -> None:
    server = Server(Limits())
    answer = begin(server, "a")
    server.push(answer, "chunk", "1")
    server.end(answer)
    assert say(server, "cancel", None, "a") == []
    assert [message["type"] for message in hear(server)] == ["chunk", "done"]


def test_a_connection_that_is_closed_tells_every_answer() -> None:
    server = Server(Limits())
    running, over, cancelled = begin(server, "a"), begin(server, "b"), begin(server, "c")
    server.push(running, "chunk", "1")
    server.end(over)
    say(server, "cancel", None, "c")
    assert server.close(1012, "stops") == [Stop(running)]
    assert server.close(1000, "again") == []
    assert server.closing == (1012, "stops")
    server.end(running)
    server.end(cancelled)
    assert say(server, "ping") == []
    ends = {message["id"]: message for message in hear(server)}
    assert ends["a"]["type"] == "error"
    assert ends["a"]["data"]["code"] == 1012
    assert ends["b"]["type"] == "done"
    assert ends["c"]["data"] == {"cancelled": True}
    assert list(server.live) == []


def test_credit_is_counted() -> None:
    server = Server(Limits(window=4))
    answer = begin(server, "a", credit=1)
    answer.spend()
    assert not answer.has_room
    say(server, "credit", {"n": 2}, "a")
    assert answer.credit == 2
    say(server, "credit", {"n": 2}, "nobody")
    for data in ({}, {"n": 0}, {"n": True}, {"n": 2**40}, 3, None):
        say(server, "credit", data, "a")
        assert hear(server)[0]["data"]["type"] == "invalid_request"


@pytest.mark.parametrize(
    ("kind", "data", "name", "error", "terminal"),
    [
        ("complete", 3, "a", "invalid_request", True),
        ("complete", {"credit": 0}, "a", "invalid_request", True),
        ("complete", {"credit": "x"}, "a", "invalid_request", True),
        ("fly", {}, "a", "unknown_type", False),
        ("complete", {}, "live", "duplicate_id", False),
        ("complete", {}, None, "duplicate_id", False),
    ],
)
def test_what_is_wrong_with_a_request_is_its_own_error(
    kind: str, data: Any, name: str | None, error: str, terminal: bool
) -> None:
    server = Server(Limits())
    begin(server, "live")
    begin(server)
    assert say(server, kind, data, name) == []
    (message,) = hear(server)
    assert (message["type"], message.get("id"), message["data"]["type"]) == ("error", name, error)
    assert message["data"].get("terminal", True) is terminal
    assert server.closing is None


def test_too_many_at_once_are_refused() -> None:
    server = Server(Limits(max_streams=1))
    begin(server, "a")
    assert say(server, "complete", {}, "b") == []
    assert hear(server)[0]["data"]["type"] == "too_many_streams"


@pytest.mark.parametrize("text", ["nonsense", b"\x00", "[]", "[" * 100])
def test_trap_21_what_is_no_message_is_tolerated_for_a_while(text: str | bytes) -> None:
    server = Server(Limits(max_faults=2))
    for _ in range(3):
        server.receive(text, 0)
    assert [message["data"]["type"] for message in hear(server)] == ["invalid_message"] * 3
    assert server.closing is not None
    assert server.closing[0] == 4400
    assert server.receive(text, 0) == []


@pytest.mark.parametrize("text", ["x" * 101, b"x" * 101])
def test_trap_23_what_is_too_large_closes_it(text: str | bytes) -> None:
    server = Server(Limits(max_message=100))
    answer = begin(server)
    assert server.receive(text, 0) == [Stop(answer)]
    assert server.closing is not None
    assert server.closing[0] == 1009


def test_who_is_too_fast_is_told_then_left() -> None:
    server = Server(Limits(rate=1, max_faults=2))
    live = begin(server, "a")
    for _ in range(9):
        say(server, "ping")
    hear(server)
    say(server, "complete", {}, "b")
    say(server, "complete", {}, "a")
    refused = hear(server)
    assert [message["data"].get("terminal", True) for message in refused] == [True, False]
    # Credit for what was made costs nothing.
    live.spend()
    assert say(server, "credit", {"n": 1}, "a") == []
    assert hear(server) == []
    say(server, "credit", {"n": 1}, "a")
    assert hear(server)[0]["data"]["type"] == "rate_limited"
    assert server.closing is not None
    assert server.closing[0] == 4429


def test_who_must_say_a_token_says_it_first() -> None:
    server = Server(Limits(), needs_token=True)
    say(server, "ping")
    assert say(server, "auth", {"token": "t"}) == [Authenticate("t")]
    assert server.authenticate(accepted=True) == []
    assert say(server, "auth", {"token": "t"}) == []
    begin(server)
    for data in ({"token": 3}, None):
        other = Server(Limits(), needs_token=True)
        assert say(other, "auth", data) == []
        assert other.closing is not None
        assert other.closing[0] == 4401
    other = Server(Limits(), needs_token=True)
    say(other, "complete", {})
    assert other.closing is not None
    assert other.closing[0] == 4401
    other = Server(Limits(), needs_token=True)
    other.authenticate(accepted=False)
    assert other.closing is not None
    assert other.closing[0] == 4401


def test_who_reads_no_replies_is_read_no_further() -> None:
    server = Server(Limits(rate=0))
    for _ in range(32):
        assert not server.is_full
        say(server, "ping")
    assert server.is_full
    hear(server)
    assert not server.is_full


def written(kind: Any, name: Any, data: Any) -> str:
    return json.dumps({"type": kind, "id": name, "data": data})


NAMES = st.sampled_from([None, "a", "b", "c"])
SAID = st.one_of(
    st.tuples(st.just("text"), st.text(max_size=9) | st.binary(max_size=9)),
    st.tuples(
        st.just("text"),
        st.builds(
            written,
            st.sampled_from(["complete", "complete", "cancel", "credit", "ping", "auth", "fly", 3]),
            NAMES | st.sampled_from(["", 5, "x" * 200]),
            st.sampled_from([{}, {"credit": 1}, {"n": 2}, {"n": -1}, None, [], {"token": "t"}]),
        ),
    ),
    st.tuples(st.sampled_from(["push", "end", "take", "take"]), NAMES),
    st.tuples(st.just("close"), st.none()),
)


# Refused, and asked again under the same name before that was heard.
@example([("text", written("complete", None, None)), ("text", written("complete", None, {})), ("push", None)])
@settings(max_examples=SEQUENCES)
@given(st.lists(SAID, max_size=60))
def test_whatever_is_said_every_request_has_one_end(said: list[tuple[str, Any]]) -> None:
    """A reference that only counts: requests begun, and ends told, for each id."""
    server = Server(Limits(max_streams=3, window=2, rate=0, max_faults=5))
    open_ids: set[str | None] = set()
    live: dict[str | None, Answer] = {}
    begun: Counter[str | None] = Counter()
    ended: Counter[str | None] = Counter()

    def take() -> None:
        text = server.next_text()
        if text is None:
            return
        message = json.loads(text)
        name = message.get("id")
        if message["type"] in {"start", "chunk"}:
            assert name in open_ids, "a chunk behind an end, or before a beginning"
        # Any other error is of a request that was refused: it never began.
        if message["type"] == "done" or (message["type"] == "error" and message["data"]["type"] == "closing"):
            ended[name] += 1
            open_ids.discard(name)

    for what, argument in said:
        if what == "text":
            for command in server.receive(argument, 0.0):
                if isinstance(command, Begin):
                    name = command.answer.id
                    assert name not in open_ids
                    open_ids.add(name)
                    live[name] = command.answer
                    begun[name] += 1
                elif isinstance(command, Stop):
                    stopped = command.answer
                    assert live.pop(stopped.id) is stopped
                    server.end(stopped)
        elif what == "push" and argument in live and live[argument].has_room:
            server.push(live[argument], "chunk", "1")
            live[argument].spend()
            assert len(live[argument].queue) <= 2
        elif what == "end" and argument in live:
            server.end(live.pop(argument))
        elif what == "take":
            take()
        elif what == "close":
            for command in server.close(1000, "bye"):
                assert isinstance(command, Stop)
                server.end(live.pop(command.answer.id))
    for answer in live.values():
        server.end(answer)
    for _ in range(500):
        take()
    assert server.next_text() is None
    assert list(server.live) == []
    assert begun == ended
