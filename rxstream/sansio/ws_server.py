"""The server's end of a WebSocket: what a message of the client means, and what may be sent next.

Pure: whoever drives it hands in what came, closes and opens sources as the commands say, and sends what
``next_text`` gives. Whatever comes, and in whatever order:

* every ``complete`` with an id that is free gets exactly one terminal message, ``done`` or ``error``; any
  other ``error`` says ``"terminal": false``. One that comes before the token closes the connection instead;
* a fault of one request (a wrong parameter, an id in use, an unknown type) is an ``error`` and nothing more;
  what is no message at all is answered, too, but only so often, and then the connection is closed;
* what waits to be sent is bounded by the number of answers, and by ``is_full``: then nothing more is read.
"""

import json
from collections import deque
from collections.abc import Iterable
from typing import Any, Final, NamedTuple, TypeAlias

from rxstream.errors import InvalidJSON, InvalidValue
from rxstream.sansio.wire import OBJECT, quote
from rxstream.sansio.ws_answer import MAX_CREDIT, Answer
from rxstream.sansio.ws_rate import Rate
from rxstream.sansio.ws_wire import Message, is_longer, read_message, write_message

__all__ = ("Authenticate", "Begin", "Command", "Limits", "Server", "Stop")

BAD_MESSAGE: Final = 4400
UNAUTHORIZED: Final = 4401
DUPLICATE: Final = 4409
TOO_MANY: Final = 4429
TOO_BIG: Final = 1009

#: Messages about no answer that may wait to be sent.
_MAX_REPLIES: Final = 32


class Begin(NamedTuple):
    """Begin an answer to these data."""

    answer: Answer
    data: dict[str, Any]


class Stop(NamedTuple):
    """Close an answer's source, then tell of its end: ``Server.end``."""

    answer: Answer


class Authenticate(NamedTuple):
    """Find out whose token that is, then tell ``Server.authenticate``."""

    token: str


Command: TypeAlias = Begin | Stop | Authenticate


class Limits(NamedTuple):
    """What one client may do."""

    max_streams: int = 16
    #: Bytes of a message; arrays and objects in one another.
    max_message: int = 65536
    max_depth: int = 32
    #: Messages a second, over longer than a moment; 0: any number.
    rate: float = 100.0
    #: Messages of one answer that wait to be sent.
    window: int = 16
    #: What is no message is answered so often.
    max_faults: int = 10


class Server:
    """One connection.

    ``closing``: the code and the reason to close it with, once there is nothing left to send.
    """

    def __init__(self, limits: Limits, *, needs_token: bool = False) -> None:
        self.limits = limits
        self.needs_token = needs_token
        self.closing: tuple[int, str] | None = None
        self._live: dict[str | None, Answer] = {}
        self._replies: deque[str] = deque()
        self._ring: deque[Answer] = deque()
        self._rate = Rate(limits.rate)
        self._faults = 0

    @property
    def live(self) -> Iterable[Answer]:
        """The answers whose terminal message has not been taken yet."""
        return self._live.values()

    @property
    def is_full(self) -> bool:
        """Whether so many replies wait that nothing more is to be read."""
        return len(self._replies) >= _MAX_REPLIES

    # ------------------------------------------------------------ what comes

    def receive(self, text: str | bytes, now: float) -> list[Command]:
        """Take what the client sent; ``now`` in seconds, on any clock."""
        if self.closing is not None:
            return []
        if isinstance(text, bytes):
            if len(text) > self.limits.max_message:
                return self._close_too_big()
            return self._fault("expected a text message, got a binary one: send the JSON as text")
        if is_longer(text, self.limits.max_message):
            return self._close_too_big()
        try:
            message = read_message(text, max_size=self.limits.max_message, max_depth=self.limits.max_depth)
        except (InvalidJSON, InvalidValue) as error:
            return self._fault(str(error))
        if not self._is_free(message) and not self._rate.take(now):
            return self._refuse_rate(message)
        if self.needs_token and message.type not in {"auth", "ping"}:
            return self.close(
                UNAUTHORIZED, 'authenticate first: {"type": "auth", "data": {"token": "..."}} or a header'
            )
        take = self._TAKERS.get(message.type)
        if take is None:
            self._error(
                message.id,
                f"expected one of the types {', '.join(self._TAKERS)}, got {quote(message.type)}",
                "unknown_type",
                BAD_MESSAGE,
                terminal=False,
            )
            return []
        return take(self, message)

    def authenticate(self, *, accepted: bool) -> list[Command]:
        """Learn whether a token was good."""
        if accepted:
            self.needs_token = False
            return []
        return self.close(UNAUTHORIZED, "the token is not accepted")

    def close(self, code: int, reason: str) -> list[Command]:
        """End the connection: every answer gets its terminal message before that."""
        if self.closing is not None:
            return []
        self.closing = code, reason
        commands: list[Command] = []
        for answer in self._live.values():
            if not answer.is_over:
                answer.drop()
                if answer.stopping is None:
                    commands.append(Stop(answer))
                    answer.stopping = "close"
        return commands

    # ------------------------------------------------------------ what the sources give

    def push(self, answer: Answer, kind: str, data: str) -> None:
        """Put a message of an answer behind those that wait; its data is JSON."""
        if answer.stopping is None:
            self._put(answer, write_message(kind, data, answer.id))

    def end(self, answer: Answer, kind: str = "done", data: str = "{}") -> None:
        """Put an answer's terminal message behind what waits of it: that, or what it was stopped for."""
        assert not answer.is_over, "an answer ends once"
        if answer.stopping == "cancel":
            kind, data = "done", '{"cancelled": true}'
        elif answer.stopping == "close" and self.closing is not None:
            code, reason = self.closing
            kind, data = "error", _error_data(f"the connection is being closed: {reason}", "closing", code)
        self._put(answer, write_message(kind, data, answer.id))
        answer.is_over = True

    def _put(self, answer: Answer, text: str) -> None:
        answer.queue.append(text)
        if not answer.ringed:
            answer.ringed = True
            self._ring.append(answer)

    # ------------------------------------------------------------ what is to be sent

    def next_text(self) -> str | None:
        """Take the next message to send: replies first, then one of each answer in turn."""
        if self._replies:
            return self._replies.popleft()
        while self._ring:
            answer = self._ring.popleft()
            queue = answer.queue
            if not queue:  # dropped
                answer.ringed = False
                continue
            text = queue.popleft()
            if queue:
                self._ring.append(answer)
            else:
                answer.ringed = False
                if answer.is_over:
                    del self._live[answer.id]
            answer.on_room()
            return text
        return None

    # ------------------------------------------------------------ messages

    def _complete(self, message: Message) -> list[Command]:
        name, data = message.id, message.data
        if name in self._live:
            which = "an answer without an id" if name is None else f"the answer {name!r}"
            self._error(
                name,
                f"{which} is going on: wait for its end, cancel it, or ask under another id",
                "duplicate_id",
                DUPLICATE,
                terminal=False,
            )
            return []
        if len(self._live) >= self.limits.max_streams:
            at_most = f"at most {self.limits.max_streams} answers at a time: wait for the end of one"
            self._error(name, at_most, "too_many_streams", TOO_MANY)
            return []
        if not isinstance(data, OBJECT):
            self._error(name, f"expected an object as data, got {data!r:.40}", "invalid_request", BAD_MESSAGE)
            return []
        credit: Any = data.pop("credit", None)
        if credit is not None and not _is_credit(credit):
            wrong = f"expected a positive whole number as credit, got {credit!r:.40}"
            self._error(name, wrong, "invalid_request", BAD_MESSAGE)
            return []
        answer = self._live[name] = Answer(name, credit, self.limits.window)
        return [Begin(answer, data)]

    def _cancel(self, message: Message) -> list[Command]:
        answer = self._live.get(message.id)
        # Its end may be on its way already: a late cancel is no error.
        if answer is None or answer.is_over or answer.stopping is not None:
            return []
        answer.drop()
        answer.stopping = "cancel"
        return [Stop(answer)]

    def _credit(self, message: Message) -> list[Command]:
        data = message.data
        credit: Any = data.get("n") if isinstance(data, OBJECT) else None
        if not _is_credit(credit):
            self._error(
                message.id,
                f'expected {{"n": a positive whole number}} as data of credit, got {data!r:.40}',
                "invalid_request",
                BAD_MESSAGE,
                terminal=False,
            )
        elif (answer := self._live.get(message.id)) is not None:
            answer.grant(credit)
        return []

    def _auth(self, message: Message) -> list[Command]:
        if not self.needs_token:
            return []
        data = message.data
        token: Any = data.get("token") if isinstance(data, OBJECT) else None
        if not isinstance(token, str):
            return self.close(UNAUTHORIZED, 'expected {"token": "..."} as data of auth')
        return [Authenticate(token)]

    def _ping(self, message: Message) -> list[Command]:
        self._replies.append(write_message("pong", json.dumps(message.data), message.id))
        return []

    _TAKERS: Final = {
        "complete": _complete,
        "cancel": _cancel,
        "credit": _credit,
        "auth": _auth,
        "ping": _ping,
    }

    # ------------------------------------------------------------ faults

    def _is_free(self, message: Message) -> bool:
        """Tell whether a message costs nothing: credit for chunks that were really made."""
        if message.type != "credit":
            return False
        answer = self._live.get(message.id)
        return answer is not None and answer.spent

    def _refuse_rate(self, message: Message) -> list[Command]:
        self._error(
            message.id,
            f"expected at most {self.limits.rate:g} messages a second, got more: slow down",
            "rate_limited",
            TOO_MANY,
            terminal=message.type == "complete" and message.id not in self._live,
        )
        if self._rate.refused > self.limits.max_faults:
            return self.close(TOO_MANY, f"more than {self.limits.rate:g} messages a second")
        return []

    def _fault(self, what: str) -> list[Command]:
        self._faults += 1
        self._error(None, what, "invalid_message", BAD_MESSAGE, terminal=False)
        if self._faults > self.limits.max_faults:
            return self.close(BAD_MESSAGE, f"more than {self.limits.max_faults} messages that are none")
        return []

    def _close_too_big(self) -> list[Command]:
        return self.close(TOO_BIG, f"a message may have at most {self.limits.max_message} bytes")

    def _error(self, name: str | None, what: str, kind: str, code: int, *, terminal: bool = True) -> None:
        self._replies.append(write_message("error", _error_data(what, kind, code, terminal=terminal), name))


def _error_data(message: str, kind: str, code: int, *, terminal: bool = True) -> str:
    data: dict[str, Any] = {"message": message, "type": kind, "code": code}
    if not terminal:
        data["terminal"] = False
    return json.dumps(data)


def _is_credit(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_CREDIT
