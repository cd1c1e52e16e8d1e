"""A real HTTP server on loopback that says exactly what a test wants, and fails as it is told to."""

import socket
import threading
from collections.abc import Callable, Sequence
from os import PathLike
from select import select
from typing import Any, Self, TypeAlias

from rxstream.testing.answers import Answer
from rxstream.testing.connection import Connection, Gone, Request
from rxstream.testing.faults import Faults, faulty, planned

__all__ = ("FaultServer", "Respond")

#: Makes the answer to a request; called in the thread of the request's connection.
Respond: TypeAlias = Callable[[Request], Answer]

#: Long enough for the slowest machine; what is waited for comes in milliseconds.
_PATIENCE = 10.0

_PLAIN = (("Content-Type", "text/plain"),)


class FaultServer:
    """Serve answers on a loopback socket, the n-th with the n-th fault.

        with FaultServer("01-prose", faults=[Fault.cut(5000), None]) as server:
            async with AsyncOpenAI(base_url=server.base_url, api_key="none") as client:
                answer = rxs.from_chat(client, model="any", messages=[])
                try:
                    await rxs.to_list(answer)
                except rxs.ConnectionLost as error:
                    print(error.partial.content[:8])  #> The sea,
                print(len(await rxs.to_list(answer)), len(server.requests))  #> 66 2

    ``answers``: names or paths of recordings, ``Answer``s, or functions from a ``Request`` to an ``Answer``,
    such as a ``ScriptedModel``. The first serves the first request, and so on; the last one all that
    follow. ``faults``: one for each request, ``a | b`` for two in one answer, ``None`` for none; the
    requests behind the last of them get whole answers.

    ``base_url`` is what a client of the ``openai`` package takes, ``url`` the same without its path.
    ``requests`` and ``connections`` are what has come, in order; ``closed()`` waits until a connection is
    over, ``drop()`` cuts all that are open. ``waiting`` is a ``threading.Event`` that is set when the server
    first waits before the headers, or for ever. Nothing of it outlives the ``with`` block, which raises at
    its end what a function from requests to answers raised (its client got a 500).

    Raises TypeError and ValueError for answers and faults that are none, FileNotFoundError for a recording
    that there is not. Without sockets there is ``faulty_recording``.
    """

    def __init__(
        self, *answers: Answer | str | PathLike[str] | Respond, faults: Sequence[Faults] = ()
    ) -> None:
        if not answers:
            raise TypeError("FaultServer() expects an answer: a recording's name, an Answer, or a function")
        self._answers = [_responding(answer) for answer in answers]
        self._faults = planned("FaultServer()", faults)
        self.connections: list[Connection] = []
        self.requests: list[Request] = []
        self.waiting = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._listener.setblocking(False)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._wake, self._waker = socket.socketpair()
        self._acceptor = threading.Thread(target=self._accept, name="FaultServer", daemon=True)
        self._threads: list[threading.Thread] = []
        self._errors: list[Exception] = []
        self._lock = threading.Lock()

    @property
    def base_url(self) -> str:
        """The URL that a client of the ``openai`` package is made with."""
        return f"{self.url}/v1"

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._waker.close()
        self._acceptor.join()
        self._listener.close()
        self._wake.close()
        self.drop()
        for thread in self._threads:
            thread.join(_PATIENCE)
            if thread.is_alive():
                raise RuntimeError("FaultServer: a function from requests to answers does not return")
        if self._errors and kind is None:
            raise self._errors[0]

    def drop(self, *, reset: bool = False) -> int:
        """Cut all open connections now, in the middle of whatever they are at; give their number.

        ``reset``: with an RST. The server goes on, and takes new connections.
        """
        with self._lock:
            serving = [connection for connection in self.connections if not connection.closed.is_set()]
        for connection in serving:
            connection.drop(reset=reset)
        return len(serving)

    def closed(self, at: int = -1) -> Connection:
        """Wait until a connection, by default the latest, has been closed, and give it."""
        if not self.connections:
            raise AssertionError("nobody came")
        connection = self.connections[at]
        if not connection.closed.wait(_PATIENCE):
            raise AssertionError(f"the connection is still open after {_PATIENCE:.0f} seconds")
        return connection

    def _accept(self) -> None:
        while True:
            readable, _, _ = select([self._listener, self._wake], [], [])
            if self._wake in readable:
                return
            try:
                sock, _ = self._listener.accept()
            except OSError:  # it left before it was let in
                continue
            sock.setblocking(True)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(sock)
            thread = threading.Thread(
                target=self._serve, args=(sock, connection), name="FaultServer", daemon=True
            )
            with self._lock:
                self.connections.append(connection)
                self._threads = [*(one for one in self._threads if one.is_alive()), thread]
            thread.start()

    def _serve(self, sock: socket.socket, connection: Connection) -> None:
        try:
            with sock:
                while True:
                    self._serve_one(connection)
        except Gone:
            pass
        except Exception as error:  # noqa: BLE001 - raised where the block ends
            self._errors.append(error)
        finally:
            connection.drop()

    def _serve_one(self, connection: Connection) -> None:
        request = connection.read_request()
        with self._lock:
            number = len(self.requests)
            self.requests.append(request)
        respond = self._answers[min(number, len(self._answers) - 1)]
        try:
            answer = respond(request)
            if number < len(self._faults):
                answer = faulty(answer, self._faults[number])
        except Exception as error:  # noqa: BLE001 - raised where the block ends
            self._errors.append(error)
            answer = Answer((repr(error).encode(),), status="500 Failed", headers=_PLAIN)
        connection.answer(answer, self.waiting)


def _responding(given: Any) -> Respond:
    if isinstance(given, str) or hasattr(given, "__fspath__"):
        given = Answer.recorded(given)
    if isinstance(given, Answer):
        answer = given
        return lambda _: answer
    if not callable(given):
        raise TypeError(
            f"FaultServer() expects a recording's name, an Answer, or a function from a Request to one, "
            f"and got {given!r:.120}"
        )
    respond: Any = given
    return respond  # type: ignore[no-any-return]
