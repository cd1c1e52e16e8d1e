"""One connection, byte for byte: what is read of a request, what is sent, and who closed it."""

import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from rxstream.testing import Answer, Connection, Request
from rxstream.testing.connection import Gone

Use = Callable[[Connection], None]

ASK = b"POST /v1/x?a=1&b=%20 HTTP/1.1\r\nHost: h\r\nX-Team: blue\r\nContent-Length: 7\r\n\r\n"


@contextmanager
def serving(use: Use) -> Generator[tuple[socket.socket, Connection]]:
    """A client's socket, and the connection that a thread serves as it is told to."""
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    sock, _ = listener.accept()
    connection = Connection(sock)

    def serve() -> None:
        with sock, suppress(Gone):
            use(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client, listener:
            client.settimeout(10)
            yield client, connection
    finally:
        thread.join(10)
    assert not thread.is_alive()


def read_all(client: socket.socket) -> bytes:
    received = b""
    while data := client.recv(65536):
        received += data
    return received


def sent(answer: Answer) -> bytes:
    """What a client gets, to the end of the connection."""

    def use(connection: Connection) -> None:
        connection.read_request()
        connection.answer(answer, threading.Event())

    with serving(use) as (client, _):
        client.sendall(ASK + b'{"a":1}')
        return read_all(client)


def test_a_request_is_read_whatever_its_pieces() -> None:
    requests: list[Request] = []

    def use(connection: Connection) -> None:
        requests.extend(connection.read_request() for _ in range(3))

    data = ASK + b'{"a":1}' + ASK + b"oops..." + b"GET /y HTTP/1.1\r\n\r\n"
    with serving(use) as (client, connection):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(data), 50):
            client.sendall(data[at : at + 50])
            time.sleep(0.001)
    assert connection.requests == requests
    first, second, third = requests
    assert (first.method, first.path, first.route) == ("POST", "/v1/x?a=1&b=%20", "/v1/x")
    assert first.query == {"a": "1", "b": " "}
    assert first.headers["x-team"] == "blue"
    assert first.body == {"a": 1}
    assert second.body == b"oops..."
    assert (third.method, third.body, third.query) == ("GET", None, {})
    assert third.connection is connection
    assert "Connection" not in repr(third)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
CLOSING = HEAD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer((b"ab", b"", b"c"), keep_alive=False), CLOSING + b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"),
        (Answer(keep_alive=False), CLOSING + b"0\r\n\r\n"),
        (Answer((b"ab", b"c"), end="fin"), HEAD + b"2\r\nab\r\n1\r\nc\r\n"),
        # The last chunk promises more than comes.
        (Answer((b"ab", b"c", 0.01), end="half chunk"), HEAD + b"2\r\nab\r\n41\r\nc"),
        (Answer(end="half chunk"), HEAD + b"40\r\n"),
    ],
    ids=["whole", "empty", "fin", "half chunk", "half chunk of nothing"],
)
def test_an_answer_is_sent_as_it_says(answer: Answer, expected: bytes) -> None:
    assert sent(answer) == expected


@pytest.mark.parametrize("end", ["whole", "fin", "half chunk"])
def test_without_framing_the_end_of_the_connection_is_the_end(end: Any) -> None:
    assert sent(Answer((b"ab", b"c"), chunked=False, end=end)).endswith(b"Connection: close\r\n\r\nabc")


def test_a_refused_request_gets_no_byte() -> None:
    assert sent(Answer(end="refused")) == b""


def test_a_reset_is_one_and_the_servers() -> None:
    def use(connection: Connection) -> None:
        connection.read_request()
        connection.answer(Answer((b"ab",), end="rst"), threading.Event())

    with serving(use) as (client, connection):
        client.sendall(ASK + b'{"a":1}')
        received = client.recv(65536)
        with pytest.raises(ConnectionResetError):
            while data := client.recv(65536):
                received += data
        assert received == HEAD + b"2\r\nab\r\n"
    assert connection.closed_by == "server"


def test_waits_are_kept() -> None:
    start = time.perf_counter()
    assert sent(Answer((b"a", 0.1, b"b"), pause=0.05, delay=0.1, keep_alive=False)).endswith(
        b"b\r\n0\r\n\r\n"
    )
    assert time.perf_counter() - start >= 0.3


def stalled(connection: Connection) -> None:
    connection.read_request()
    connection.answer(Answer((b"a",), end="stall"), threading.Event())


def test_a_client_that_leaves_is_noticed() -> None:
    with serving(stalled) as (client, connection):
        client.sendall(ASK + b'{"a":1}')
        client.recv(1)
        assert not connection.closed.is_set()
        left = time.perf_counter()
        client.shutdown(socket.SHUT_WR)
        assert connection.closed.wait(10)
        assert connection.closed_by == "fin"
        assert connection.closed_at >= left


def test_a_client_that_resets_is_noticed() -> None:
    with serving(stalled) as (client, connection):
        client.sendall(ASK + b'{"a":1}')
        time.sleep(0.05)  # closed with something unread, a socket is reset
        client.close()
        assert connection.closed.wait(10)
        assert connection.closed_by == "rst"


def test_a_client_that_leaves_a_sender_is_noticed() -> None:
    def use(connection: Connection) -> None:
        connection.read_request()
        connection.answer(Answer([b"x" * 65536] * 1000), threading.Event())

    with serving(use) as (client, connection):
        client.sendall(ASK + b'{"a":1}')
        client.recv(1)
        client.close()
        assert connection.closed.wait(10)
        assert connection.closed_by == "rst"


def test_a_client_in_a_hurry_is_answered_in_its_turn() -> None:
    bodies: list[Any] = []

    def use(connection: Connection) -> None:
        for number in range(2):
            bodies.append(connection.read_request().body)
            connection.answer(Answer((b"a", 0.05), keep_alive=number == 0), threading.Event())

    with serving(use) as (client, _):
        client.sendall(ASK + b'{"a":1}')
        client.recv(1)
        client.sendall(ASK + b'{"a":2}')
        assert read_all(client).count(b"0\r\n\r\n") == 2
    assert bodies == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("reset", [False, True])
def test_it_can_be_dropped_while_it_waits(reset: bool) -> None:
    with serving(stalled) as (client, connection):
        client.sendall(ASK + b'{"a":1}')
        received = b""
        while not received.endswith(b"a\r\n"):
            received += client.recv(65536)
        connection.drop(reset=reset)
        if reset:
            with pytest.raises(ConnectionResetError):
                client.recv(1)
        else:
            assert client.recv(1) == b""
        connection.drop()  # again changes nothing
    assert connection.closed_by == "server"


@pytest.mark.parametrize("reset", [False, True])
def test_it_can_be_dropped_while_it_sends(reset: bool) -> None:
    def use(connection: Connection) -> None:
        connection.read_request()
        connection.answer(Answer([b"x", 0.001] * 100_000), threading.Event())

    with serving(use) as (client, connection):
        client.sendall(ASK + b'{"a":1}')
        client.recv(1)
        connection.drop(reset=reset)
        with pytest.raises(ConnectionResetError) if reset else _nothing():
            read_all(client)
    assert connection.closed_by == "server"


@contextmanager
def _nothing() -> Generator[None]:
    yield
