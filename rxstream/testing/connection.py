"""One connection of a loopback server: HTTP on a plain socket, as right or as wrong as a test wants it."""

import json
import select
import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from rxstream.testing.answers import Answer

__all__ = ("Connection", "Gone", "Request")

#: A chunk that is cut promises so many bytes more than come.
_PROMISED = 64
#: A reset discards what the peer has not read yet; so much time it has for that.
_BEFORE_A_RESET = 0.02
#: The longest wait that a socket's own clock takes.
_LONG = 1e6


class Gone(Exception):
    """The connection is over: the peer has closed it, or the server has."""


@dataclass(slots=True)
class Request:
    """What was asked, and on which connection.

    From ``requests`` of a ``FaultServer``, and what its functions from requests to answers are given.
    ``method`` and ``path`` are those of its first line; ``route`` is the path without its query, ``query``
    that, as fields. The names of ``headers`` are in small letters. ``body`` is the decoded JSON, None if
    there was none, the bytes themselves if they are no JSON. ``connection``: the ``Connection`` that it came
    on.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    connection: "Connection" = field(repr=False)

    @property
    def route(self) -> str:
        """The path without its query."""
        return urlsplit(self.path).path

    @property
    def query(self) -> dict[str, str]:
        """The query's fields."""
        return dict(parse_qsl(urlsplit(self.path).query))


class Connection:
    """One connection, as the server sees it: what was asked on it, and when and how it was closed.

        with FaultServer(ScriptedModel(delay=0.01)) as server:
            async with AsyncOpenAI(base_url=server.base_url, api_key="none") as client:
                async with rxs.open_stream(rxs.from_chat(client, model="any", messages=[])) as chunks:
                    await anext(chunks)  # and the reader leaves
            print(server.closed().closed_by in {"fin", "rst"})  #> True

    From ``connections`` and ``closed()`` of a ``FaultServer``. ``closed`` is a ``threading.Event``; once it
    is set, ``closed_at`` is the moment by ``time.perf_counter``, and ``closed_by`` "fin" or "rst" if the
    client closed it, "server" if a reset, ``drop`` or the server's end did.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.requests: list[Request] = []
        self.closed_at = 0.0
        self.closed_by = ""
        self.closed = threading.Event()
        self._socket = sock
        self._received = bytearray()

    def drop(self, *, reset: bool = False) -> None:
        """Cut the connection now, whatever it is at; from any thread."""
        self._note("server")
        with suppress(OSError):
            if reset:
                # The thread that serves it wakes up and closes it, which resets it.
                self._reset_on_close()
                self._socket.shutdown(socket.SHUT_RD)
            else:
                self._socket.shutdown(socket.SHUT_RDWR)

    def read_request(self) -> Request:
        """Wait for a request. Raises Gone when the connection ends instead."""
        received = self._received
        while b"\r\n\r\n" not in received:
            self._receive()
        head, _, rest = bytes(received).partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = int(headers.get("content-length", 0))
        start = len(received) - len(rest)
        while len(received) < start + length:
            self._receive()
        body = bytes(received[start : start + length])
        del received[: start + length]
        method, path, _ = first.split(" ")
        request = Request(method, path, headers, _decoded(body), self)
        self.requests.append(request)
        return request

    def answer(self, answer: Answer, waiting: threading.Event) -> None:
        """Send an answer, and end as it says. Raises Gone if that, or the client, ends the connection.

        ``waiting`` is set when it begins to wait before the headers, or for ever.
        """
        try:
            if answer.end == "refused":
                self._socket.shutdown(socket.SHUT_RDWR)
                self._note("server")
                raise Gone
            if answer.delay:
                waiting.set()
                self._wait(answer.delay)
            self._send_head(answer)
            self._send_body(answer)
            self._finish(answer, waiting)
            if _is_last(answer):
                self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            self._note("rst")
            raise Gone from None

    def _send_head(self, answer: Answer) -> None:
        headers = [*answer.headers]
        if answer.chunked:
            headers.append(("Transfer-Encoding", "chunked"))
        if _is_last(answer):
            headers.append(("Connection", "close"))
        lines = [f"{name}: {value}\r\n" for name, value in headers]
        self._send(f"HTTP/1.1 {answer.status}\r\n{''.join(lines)}\r\n".encode())

    def _send_body(self, answer: Answer) -> None:
        # An empty chunk would be the body's end.
        pieces = [piece for piece in answer.pieces if piece]
        last = max((at for at, piece in enumerate(pieces) if isinstance(piece, bytes)), default=-1)
        for at, piece in enumerate(pieces):
            if not isinstance(piece, bytes):
                self._wait(piece)
                continue
            if answer.pause:
                self._wait(answer.pause)
            if not answer.chunked:
                self._send(piece)
            elif at == last and answer.end == "half chunk":
                self._send(b"%x\r\n%s" % (len(piece) + _PROMISED, piece))
            else:
                self._send(b"%x\r\n%s\r\n" % (len(piece), piece))
        if last < 0 and answer.chunked and answer.end == "half chunk":
            self._send(b"%x\r\n" % _PROMISED)

    def _finish(self, answer: Answer, waiting: threading.Event) -> None:
        if answer.end == "whole":
            if answer.chunked:
                self._send(b"0\r\n\r\n")
            return
        if answer.end == "stall":
            waiting.set()
            while True:
                self._wait(_LONG)
        if answer.end == "rst":
            self._wait(_BEFORE_A_RESET)
            self._reset_on_close()
            self._note("server")
            raise Gone
        self._socket.shutdown(socket.SHUT_WR)

    def _send(self, data: bytes) -> None:
        if self.closed.is_set():
            raise Gone
        self._socket.sendall(data)

    def _wait(self, seconds: float) -> None:
        """Wait, but notice it when the peer leaves."""
        until = time.perf_counter() + seconds
        while True:
            left = until - time.perf_counter()
            readable, _, _ = select.select([self._socket], [], [], min(max(left, 0), _LONG))
            if readable:
                self._receive()  # of a client in a hurry: its next request
            elif left <= 0:
                return

    def _receive(self) -> None:
        try:
            data = self._socket.recv(65536)
        except OSError:
            self._note("rst")
            raise Gone from None
        if not data:
            self._note("fin")
            raise Gone
        self._received += data

    def _reset_on_close(self) -> None:
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _note(self, how: str) -> None:
        if not self.closed.is_set():
            self.closed_at, self.closed_by = time.perf_counter(), how
            self.closed.set()


def _is_last(answer: Answer) -> bool:
    """Tell whether the connection ends behind it: without framing its end is the body's."""
    return not answer.keep_alive or not answer.chunked


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body or b"null")
    except ValueError:
        return body
