"""The server's end of a WebSocket: whatever comes, each request has one end, and is told it."""

import json
import os
from collections.abc import Sequence
from typing import Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rxstream.sansio.ws_answer import Answer
from rxstream.sansio.ws_server import Authenticate, Begin, Command, Limits, Server, Stop
from tests.sansio.ws_reference import (
    LARGE,
    LIMITS,
    MESSAGES,
    NAMES,
    NO_MESSAGES,
    Reference,
    Said,
    damaged,
    said,
    seen,
)

#: Drawn sequences of messages; more of them where somebody has the time: 10 is 10,000 that are
#: none, and more.
SEQUENCES: Final = 120 * int(os.environ.get("RXSTREAM_FUZZ", "1"))


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


def test_a_source_is_told_when_there_is_room() -> None:
    server = Server(Limits(window=1))
    answer = begin(server, "a")
    room: list[bool] = []
    answer.on_room = lambda: room.append(answer.has_room)
    server.push(answer, "chunk", "1")
    assert not answer.has_room
    server.next_text()
    assert room == [True]


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
    assert server.receive(text[:100], 0) == []
    assert hear(server)[0]["data"]["type"] == "invalid_message"
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


class Play:
    """A server, driven as by ``serve_websocket``, and the reference beside it."""

    def __init__(self, *, needs_token: bool = False) -> None:
        self.server = Server(LIMITS, needs_token=needs_token)
        self.reference = Reference(LIMITS, needs_token=needs_token)
        self.now = 0.0
        #: Those whose end was not pushed yet.
        self.running: dict[str | None, Answer] = {}
        self._count = 0

    def say(self, what: Said) -> None:
        expected = self.reference.receive(what, self.now)
        self._do(self.server.receive(what.text, self.now), expected)

    def push(self, name: str | None) -> None:
        answer = self.running.get(name)
        if answer is None:
            return
        assert answer.has_room == self.reference.has_room(name)
        if answer.has_room:
            self._count += 1
            self.server.push(answer, "chunk", str(self._count))
            self.reference.push(name, "chunk", self._count)
            answer.spend()
            self.reference.spend(name)

    def end(self, name: str | None, kind: str = "done") -> None:
        if name in self.running:
            self.server.end(self.running.pop(name), kind)
            self.reference.end(name, kind, {})

    def take(self, count: int = 1) -> None:
        for _ in range(count):
            self.reference.take(self.server.next_text())
            assert self.server.is_full == (len(self.reference.replies) >= 32)

    def wait(self, quarters: int) -> None:
        self.now += quarters / 4

    def close(self, code: int) -> None:
        self._do(self.server.close(code, "bye"), self.reference.close(code))

    def finish(self) -> None:
        self.close(1000)
        for name in list(self.running):
            self.end(name)
        while self.reference.live or self.reference.replies:
            self.take()
        assert self.server.next_text() is None
        assert list(self.server.live) == []
        assert +self.reference.ended == +self.reference.owed

    def _do(self, commands: Sequence[Command], expected: list[tuple[str, Any]]) -> None:
        done: list[tuple[str, Any]] = []
        for command in commands:
            if isinstance(command, Begin):
                name = command.answer.id
                done.append(("begin", name))
                self.running[name] = command.answer
                assert "credit" not in command.data
                self.server.push(command.answer, "start", "{}")
                self.reference.push(name, "start", {})
            elif isinstance(command, Stop):
                assert self.running[command.answer.id] is command.answer
                done.append(("stop", command.answer.id))
            else:
                done.append(("auth", command.token))
        assert done == expected
        for what, token in expected:
            if what == "auth":
                accepted = token == "good"
                self.reference.needs_token = not accepted
                self._do(
                    self.server.authenticate(accepted=accepted),
                    [] if accepted else self.reference.close(4401),
                )
        assert (self.server.closing or (None,))[0] == self.reference.closing
        assert {answer.id for answer in self.server.live} == set(self.reference.live)


STEPS = [
    st.tuples(st.just("say"), MESSAGES),
    st.tuples(st.just("say"), MESSAGES),
    st.tuples(st.sampled_from(["push", "push", "push", "end"]), NAMES),
    st.tuples(st.sampled_from(["push", "push", "push", "end"]), NAMES),
    st.tuples(st.just("take"), st.integers(1, 4)),
]
WAIT = st.tuples(st.just("wait"), st.integers(1, 8))
#: What a connection does not survive, or not often: behind all the rest.
LAST = [
    st.tuples(st.just("say"), NO_MESSAGES),
    st.tuples(st.just("say"), LARGE),
    st.tuples(st.just("close"), st.sampled_from([1012, 4408])),
]


@st.composite
def plays(draw: st.DrawFn) -> list[tuple[str, Any]]:
    """Draw what happens. Lists without a first bound would be five long, most of the time."""
    steps: list[tuple[str, Any]] = draw(st.lists(st.one_of(*STEPS, WAIT), min_size=20, max_size=60))
    steps += draw(st.lists(st.one_of(*STEPS, *LAST[:1]), max_size=20))
    return steps + draw(st.lists(st.one_of(*STEPS, *LAST), max_size=20))


# Refused, and asked again under the same name before that was heard.
@example([("say", said("complete")), ("say", said("complete", {})), ("push", None)], False)
# Dropped while it has its turn, and ended behind that.
@example(
    [
        *(("say", said("complete", {}, name)) for name in "ab"),
        ("say", said("cancel", None, "a")),
        ("end", "a"),
        ("push", "b"),
        ("take", 4),
    ],
    False,
)
# Too fast, for an answer that is going on, and for one that is not.
@example(
    [("say", said("complete", {}, "a"))] * 12 + [("say", said("complete", {}, "b")), ("wait", 40)], False
)
@settings(max_examples=SEQUENCES)
@given(plays(), st.booleans())
def test_whatever_is_said_it_is_as_the_reference_says(
    steps: list[tuple[str, Any]], needs_token: bool
) -> None:
    play = Play(needs_token=needs_token)
    if needs_token:
        play.say(said("auth", {"token": "good"}) if len(steps) % 4 else said("ping"))
    for what, argument in steps:
        getattr(play, what)(argument)
    play.finish()


@settings(max_examples=SEQUENCES)
@given(st.lists(damaged() | st.binary(max_size=9), min_size=5, max_size=20))
def test_whatever_comes_is_answered_in_json_that_is_bounded(texts: list[str | bytes]) -> None:
    server = Server(Limits(rate=0, max_faults=1000, max_message=50_000, max_streams=3))
    for text in texts:
        commands = server.receive(text, 0)
        replies = [server.next_text(), server.next_text()]
        assert replies[1] is None
        assert server.closing is None
        if replies[0] is not None:
            assert not commands
            assert seen(replies[0])["type"] in {"error", "pong"}
            assert len(replies[0]) < 500 + 6 * len(text)
