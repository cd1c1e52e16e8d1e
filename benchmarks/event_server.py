"""A server of events in a process of its own, whose CPU time is nobody's in the table.

Run as a script it imports nothing of ours: ``python event_server.py PAUSE < BODY``.
"""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ("serving",)

HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-store\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


@contextmanager
def serving(events: Sequence[bytes], pause: float = 0.0) -> Generator[str]:
    """Answer every request with these events, an HTTP chunk each, so many seconds apart; or all at once."""
    command = [sys.executable, str(Path(__file__)), str(pause)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(b"".join(events))
            process.stdin.close()
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/"
        finally:
            process.kill()


def main() -> None:
    pause = float(sys.argv[1])
    events = [event + b"\n\n" for event in sys.stdin.buffer.read().split(b"\n\n") if event]
    chunks = [b"%x\r\n%s\r\n" % (len(event), event) for event in events]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_serve, args=(connection, chunks, pause), daemon=True).start()


def _serve(connection: socket.socket, chunks: list[bytes], pause: float) -> None:
    with connection, suppress(OSError):
        while True:
            asked = b""
            while b"\r\n\r\n" not in asked:
                received = connection.recv(65536)
                if not received:
                    return
                asked += received
            if not pause:
                connection.sendall(b"".join([HEAD, *chunks, b"0\r\n\r\n"]))
                continue
            connection.sendall(HEAD)
            for chunk in chunks:
                time.sleep(pause)
                connection.sendall(chunk)
            connection.sendall(b"0\r\n\r\n")


if __name__ == "__main__":
    main()
