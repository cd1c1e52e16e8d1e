"""An HTTP server on plain sockets that says exactly what a test wants, byte for byte, and ends as badly.

``Server(answer, ...)`` gives the first answer to the first request, and so on; the last one serves all
that follow. It remembers every connection, what was asked on it, and when and how the peer closed it.
"""

import json
import select
import socket
import struct
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

from tests.recordings import Recording

__all__ = ("Answer", "Connection", "Request", "Server", "replay")

#: Long enough for the slowest machine; what is waited for comes in milliseconds.
PATIENCE = 10.0

End = Literal["whole", "fin", "rst", "stall", "half chunk"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, and how it ends."""

    #: The body, in the pieces in which it is sent.
    pieces: Sequence[bytes] = ()
    status: str = "200 OK"
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "text/event-stream"),)
    #: HTTP's own framing. Without it the end of the connection is the end of the body.
    chunked: bool = True
    #: ``whole``: as HTTP wants it. ``half chunk``: a chunk shorter than it says, then the end.
    end: End = "whole"
    #: Seconds before the headers, and before each piece.
    delay: float = 0.0
    pause: float = 0.0
    #: Whether the connection takes another request.
    keep_alive: bool = True

    def cut(self, at: int, end: End = "whole") -> "Answer":
        """The first ``at`` bytes of the body, in one piece, and then that end."""
        return replace(self, pieces=(b"".join(self.pieces)[:at],), end=end)

    def split(self, size: int) -> "Answer":
        """The same body in pieces of ``size`` bytes."""
        body = b"".join(self.pieces)
        return replace(self, pieces=[body[at : at + size] for at in range(0, len(body), size)])


def replay(recording: Recording, **how: Any) -> Answer:
    """A recording's answer, read by read, its status and content type included."""
    content_type = dict(recording.header["response"]["headers"])["Content-Type"]
    return Answer(
        [data for _, data in recording.reads],
        status=f"{recording.status} As recorded",
        headers=(("Content-Type", content_type),),
        **how,
    )


@dataclass(slots=True)
class Request:
    """What was asked."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    connection: "Connection"


@dataclass(slots=True)
class Connection:
    """One connection, seen from the server."""

    requests: list[Request] = field(default_factory=list[Request])
    #: By ``time.perf_counter``: when the peer's end came, and "fin" or "rst".
    closed_at: float = 0.0
    closed_by: str = ""
    closed: threading.Event = field(default_factory=threading.Event)

    def note(self, how: str) -> None:
        if not self.closed.is_set():
            self.closed_at, self.closed_by = time.perf_counter(), how
            self.closed.set()


class Gone(Exception):
    """The peer has closed the connection, or the server stops."""


class Server:
    """Use it in a ``with``; ``base_url`` is what a client of the ``openai`` package takes."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.connections: list[Connection] = []
        self.requests: list[Request] = []
        #: Set when the server begins to wait before the headers or for ever.
        self.waiting = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._stopping = False

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        for sock in (self._listener, *self._sockets):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "a thread of the test's server hangs"

    def closed(self, at: int = -1) -> Connection:
        """Wait until the peer has closed a connection, and give it."""
        assert self.connections, "nobody came"
        connection = self.connections[at]
        assert connection.closed.wait(PATIENCE), "the connection is open still"
        return connection

    def _start(self, target: Any, *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopping:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection()
            self.connections.append(connection)
            self._sockets.append(sock)
            self._start(self._serve, sock, connection)

    def _serve(self, sock: socket.socket, connection: Connection) -> None:
        with sock, suppress(Gone):
            received = bytearray()
            while True:
                request = self._read_request(sock, connection, received)
                with self._lock:
                    answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                    connection.requests.append(request)
                    self.requests.append(request)
                self._answer(sock, connection, answer)
                if not answer.keep_alive or not answer.chunked:
                    with suppress(OSError):  # the peer may be gone already
                        sock.shutdown(socket.SHUT_WR)

    def _read_request(self, sock: socket.socket, connection: Connection, received: bytearray) -> Request:
        while b"\r\n\r\n" not in received:
            received += self._receive(sock, connection)
        head, _, rest = bytes(received).partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = int(headers.get("content-length", 0))
        while len(rest) < length:
            rest += self._receive(sock, connection)
        received[:] = rest[length:]
        method, path, _ = first.split(" ")
        return Request(method, path, headers, json.loads(rest[:length] or b"null"), connection)

    def _receive(self, sock: socket.socket, connection: Connection) -> bytes:
        try:
            data = sock.recv(65536)
        except OSError:
            connection.note("rst")
            raise Gone from None
        if not data:
            connection.note("fin")
            raise Gone
        return data

    def _wait(self, sock: socket.socket, connection: Connection, seconds: float | None) -> None:
        """Wait, but notice it when the peer leaves."""
        readable, _, _ = select.select([sock], [], [], seconds)
        if readable:
            self._receive(sock, connection)
            raise AssertionError("the client sent something before its answer was over")

    def _answer(self, sock: socket.socket, connection: Connection, answer: Answer) -> None:
        with _noting_a_reset(connection):
            if answer.delay:
                self.waiting.set()
                self._wait(sock, connection, answer.delay)
            framing = [("Transfer-Encoding", "chunked")] if answer.chunked else [("Connection", "close")]
            lines = [f"{name}: {value}\r\n" for name, value in (*answer.headers, *framing)]
            sock.sendall(f"HTTP/1.1 {answer.status}\r\n{''.join(lines)}\r\n".encode())
            for piece in answer.pieces:
                if answer.pause:
                    self._wait(sock, connection, answer.pause)
                if piece:
                    sock.sendall(b"%x\r\n%s\r\n" % (len(piece), piece) if answer.chunked else piece)
            self._finish(sock, connection, answer)

    def _finish(self, sock: socket.socket, connection: Connection, answer: Answer) -> None:
        if answer.end == "whole":
            if answer.chunked:
                sock.sendall(b"0\r\n\r\n")
            return
        if answer.end == "stall":
            self.waiting.set()
            self._wait(sock, connection, None)
        if answer.end == "half chunk":
            sock.sendall(b"40\r\ndata: ")
        if answer.end == "rst":
            time.sleep(0.02)  # a reset discards what the peer has not read yet, and that is another test
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
            raise Gone
        sock.shutdown(socket.SHUT_WR)


@contextmanager
def _noting_a_reset(connection: Connection) -> Generator[None]:
    try:
        yield
    except OSError:
        connection.note("rst")
        raise Gone from None
