"""What must come of each message to a server's WebSocket: a slow reference, messages, and what they mean."""

import json
from collections import Counter
from typing import Any, Final, NamedTuple

from hypothesis import strategies as st

from rxstream.sansio.wire import OBJECT
from rxstream.sansio.ws_server import Limits

__all__ = (
    "LARGE",
    "LIMITS",
    "MESSAGES",
    "NAMES",
    "NO_MESSAGES",
    "Reference",
    "Said",
    "damaged",
    "said",
    "seen",
)

LIMITS: Final = Limits(max_streams=3, max_message=400, max_depth=6, rate=4, window=2, max_faults=4)

#: What is no message, as a ``Said.kind``, and what is too large to be looked at.
_NONE: Final = "none"
_LARGE: Final = "large"


class Said(NamedTuple):
    """What a client says, and what it means: ``kind`` is a message's type, or why it is no message."""

    text: str | bytes
    kind: str = _NONE
    name: str | None = None
    data: Any = None


def said(kind: str, data: Any = None, name: str | None = None) -> Said:
    """Say a message."""
    return Said(json.dumps({"id": name, "type": kind, "data": data}), kind, name, data)


def seen(text: str) -> dict[str, Any]:
    """Read what the server tells, without the words of an error, which are for people."""
    message: dict[str, Any] = json.loads(text, parse_constant=lambda name: _never(f"{name} is no JSON"))
    if message["type"] == "error" and "type" in message["data"]:
        assert message["data"].pop("message")
    return message


def _never(why: str) -> Any:
    raise AssertionError(why)


def _message(kind: str, name: str | None, data: Any) -> dict[str, Any]:
    return {"type": kind, "data": data} | ({} if name is None else {"id": name})


def _error(name: str | None, kind: str, code: int, *, terminal: bool) -> dict[str, Any]:
    data = {"type": kind, "code": code} | ({} if terminal else {"terminal": False})
    return _message("error", name, data)


class _Answer:
    """An answer, until its end was taken; times are turns: how many messages of answers were taken."""

    def __init__(self, credit: int | None) -> None:
        self.waiting: list[dict[str, Any]] = []
        self.credit = credit
        self.spent = True
        self.stopped_by = ""
        self.is_over = False
        self.since = 0
        self.served = -1


class Reference:
    """One connection."""

    def __init__(self, limits: Limits, *, needs_token: bool) -> None:
        self.limits = limits
        self.needs_token = needs_token
        self.live: dict[str | None, _Answer] = {}
        self.replies: list[dict[str, Any]] = []
        self.closing: int | None = None
        #: For each name, terminal messages that are owed for what was asked under it, and that came.
        self.owed: Counter[str | None] = Counter()
        self.ended: Counter[str | None] = Counter()
        self._faults = self._refused = 0
        self._level, self._at = 10.0, 0.0
        self._turn = 0

    def receive(self, what: Said, now: float) -> list[tuple[str, Any]]:
        """Give the commands that must come of a message."""
        kind, name = what.kind, what.name
        one = self.live.get(name)
        if self.closing is not None:
            return []
        if kind == _LARGE:
            return self.close(1009)
        if kind == _NONE:
            self._faults += 1
            self._refuse(None, "invalid_message", 4400)
            return self.close(4400) if self._faults > self.limits.max_faults else []
        asks = kind == "complete" and one is None
        if not (kind == "credit" and one is not None and one.spent) and not self._has_time_for_it(now):
            self._refuse(name, "rate_limited", 4429, terminal=asks)
            return self.close(4429) if self._refused > self.limits.max_faults else []
        if self.needs_token and kind not in {"auth", "ping"}:
            return self.close(4401)
        return self._meant(what, one)

    def _meant(self, what: Said, one: _Answer | None) -> list[tuple[str, Any]]:
        kind, name, data = what.kind, what.name, what.data
        given: Any = data if isinstance(data, OBJECT) else {}
        if kind == "ping":
            self.replies.append(_message("pong", name, data))
        elif kind == "auth":
            if self.needs_token:
                token = given.get("token")
                return [("auth", token)] if isinstance(token, str) else self.close(4401)
        elif kind == "cancel":
            if one is not None and not one.is_over and not one.stopped_by:
                one.stopped_by = "cancel"
                one.waiting.clear()
                return [("stop", name)]
        elif kind == "credit":
            if given.get("n") not in {1, 2}:
                self._refuse(name, "invalid_request", 4400)
            elif one is not None:
                one.credit = (one.credit or 0) + given["n"]
                one.spent = False
        elif kind != "complete":
            self._refuse(name, "unknown_type", 4400)
        elif one is not None:
            self._refuse(name, "duplicate_id", 4409)
        elif len(self.live) == self.limits.max_streams:
            self._refuse(name, "too_many_streams", 4429, terminal=True)
        elif data != given or given.get("credit") not in {None, 1, 2}:
            self._refuse(name, "invalid_request", 4400, terminal=True)
        else:
            self.owed[name] += 1
            self.live[name] = _Answer(given.get("credit"))
            return [("begin", name)]
        return []

    def _has_time_for_it(self, now: float) -> bool:
        self._level = min(10.0, self._level + (now - self._at) * self.limits.rate)
        self._at = now
        if self._level == 10:
            self._refused = 0
        if self._level < 1:
            self._refused += 1
            return False
        self._level -= 1
        return True

    def _refuse(self, name: str | None, kind: str, code: int, *, terminal: bool = False) -> None:
        self.owed[name] += terminal
        self.replies.append(_error(name, kind, code, terminal=terminal))

    def close(self, code: int) -> list[tuple[str, Any]]:
        """Give the commands that must come of the connection's end."""
        stopped: list[tuple[str, Any]] = []
        if self.closing is None:
            self.closing = code
            for name, one in self.live.items():
                if not one.is_over and not one.stopped_by:
                    one.stopped_by = "close"
                    one.waiting.clear()
                    stopped.append(("stop", name))
        return stopped

    def has_room(self, name: str | None) -> bool:
        """Tell whether an answer's source may be asked for an item."""
        one = self.live[name]
        return len(one.waiting) < self.limits.window and one.credit != 0

    def push(self, name: str | None, kind: str, data: Any) -> None:
        """Learn of a message of an answer."""
        if not self.live[name].stopped_by:
            self._wait(self.live[name], _message(kind, name, data))

    def spend(self, name: str | None) -> None:
        """Learn that it was an item."""
        one = self.live[name]
        one.spent = True
        if one.credit is not None:
            one.credit -= 1
            assert one.credit >= 0, "more than it was granted"

    def end(self, name: str | None, kind: str, data: Any) -> None:
        """Learn of an answer's end."""
        one = self.live[name]
        one.is_over = True
        if one.stopped_by == "cancel":
            kind, data = "done", {"cancelled": True}
        elif one.stopped_by:
            kind, data = "error", {"type": "closing", "code": self.closing}
        self._wait(one, _message(kind, name, data))

    def _wait(self, one: _Answer, message: dict[str, Any]) -> None:
        if not one.waiting:
            one.since = self._turn
        one.waiting.append(message)
        assert len(one.waiting) <= self.limits.window + one.is_over

    def take(self, text: str | None) -> None:
        """Check the message that is sent next."""
        if text is None:
            assert not self.replies
            assert not any(one.waiting for one in self.live.values())
            return
        message = seen(text)
        name = message.get("id")
        if message["type"] == "done" or (
            message["type"] == "error" and message["data"].get("terminal", True)
        ):
            self.ended[name] += 1
        if self.replies:
            assert message == self.replies.pop(0)
            return
        one = self.live[name]
        assert message == one.waiting.pop(0)
        for other in self.live.values():
            assert other is one or not other.waiting or other.since >= one.served, "it is another's turn"
        self._turn += 1
        one.served = one.since = self._turn
        if one.is_over and not one.waiting:
            del self.live[name]


NAMES: Final = st.sampled_from([None, "a", "b", "c", "d"])

_DATA: Final[st.SearchStrategy[Any]] = st.sampled_from(
    [{}, {}, {"credit": 1}, {"credit": 2}, {"n": 1}, {"n": 2}, {"n": -1}, {"credit": "1"}, None, [], 3]
)
MESSAGES: Final = st.one_of(
    st.builds(said, st.just("complete"), st.sampled_from([{}, {"credit": 1}, {"credit": 2}]), NAMES),
    st.builds(said, st.just("credit"), st.sampled_from([{"n": 1}, {"n": 2}]), NAMES),
    st.builds(said, st.just("cancel"), st.none(), NAMES),
    st.builds(said, st.just("auth"), st.sampled_from([{"token": "good"}, {"token": "bad"}, {"token": 3}, 3])),
    st.builds(
        said, st.sampled_from(["complete", "credit", "ping", "cancel", "fly", "Complete"]), _DATA, NAMES
    ),
)


def _cut(message: Said, end: int) -> Said:
    assert isinstance(message.text, str)
    return Said(message.text[:-end])


#: The shortest message has twelve characters.
NO_MESSAGES: Final = st.one_of(
    (st.text(max_size=11) | st.binary(max_size=400)).map(Said),
    st.builds(_cut, MESSAGES, st.integers(1, 20)),
    st.sampled_from(
        [
            Said(text)
            for text in (
                '{"type":"ping","data":NaN}',
                '{"type":"ping","data":-Infinity}',
                '{"type":"ping","data":[1e999]}',
                '{"type":"ping","data":"\ud800"}',
                '{"type":"ping","data":"\\ud800"}',
                '{"type":"ping","id":"\\udc00"}',
                '{"type":"ping","data":' + "[" * 6 + "]" * 6 + "}",
                '{"type":"ping","data":' + "[" * 300,
                '{"type":"ping","id":""}',
                '{"type":"ping","id":7}',
                '{"type":"ping","id":["a"]}',
                '{"type":"ping","id":"' + "x" * 129 + '"}',
                '{"type":["ping"]}',
                '{"data":{}}',
                '["type"]',
            )
        ]
    ),
)
#: By their characters, and only by their bytes.
LARGE: Final = st.sampled_from(
    [Said("[" * 401, _LARGE), Said(b"\0" * 401, _LARGE), Said('{"type":"' + "\u20ac" * 150 + '"}', _LARGE)]
)

_KINDS: Final[st.SearchStrategy[Any]] = st.sampled_from(
    ["complete", "cancel", "credit", "auth", "ping", "chunk", "\u2028", 'a"b']
)
_VALUES: Final[st.SearchStrategy[Any]] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
_MEMBERS: Final[st.SearchStrategy[Any]] = st.fixed_dictionaries(
    {},
    optional={"type": _KINDS | _VALUES, "id": st.text(max_size=3) | _VALUES, "data": _VALUES, "x": _VALUES},
)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """Draw a message that was written over at one place."""
    text = json.dumps(draw(_MEMBERS), ensure_ascii=draw(st.booleans()))
    at = draw(st.integers(0, len(text)))
    garbage = draw(
        st.text(max_size=3) | st.sampled_from(["\ud800", "[" * 40_000, "NaN", "1e999", "9" * 5000])
    )
    return text[:at] + garbage + text[at + draw(st.integers(0, 3)) :]
