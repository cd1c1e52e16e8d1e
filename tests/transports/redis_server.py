"""A real Redis server on loopback, which a test may kill and start again."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
import redis

__all__ = ("RedisServer", "redis_server")

#: Seconds; it comes in a tenth of one.
PATIENCE = 10.0


class RedisServer:
    """Runs ``redis-server`` on a free port of loopback, in a folder of its own, without persistence."""

    def __init__(self, *options: str) -> None:
        self._options = options
        self._folder = tempfile.TemporaryDirectory(prefix="rxstream-redis-")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.socket_path = Path(self._folder.name, "redis.sock")
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, or start it again: on the same port, and empty."""
        program = found()
        log = Path(self._folder.name, "redis.log")
        command = [
            program,
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        command += ["--dir", self._folder.name, "--logfile", str(log)]
        command += ["--unixsocket", str(self.socket_path), *self._options]
        self._process = subprocess.Popen(command)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.5).close()
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(f"redis-server did not start: {log.read_text()[-1000:]}") from None
                time.sleep(0.01)
            else:
                return

    def kill(self) -> None:
        """Kill it, as a power failure would."""
        if self._process is not None:
            self.thaw()
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Kill it, and take its folder away."""
        self.kill()
        self._folder.cleanup()

    def restart(self) -> None:
        """Kill it, and start it again."""
        self.kill()
        self.start()

    def freeze(self) -> None:
        """Let it accept connections and answer nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def drop_clients(self) -> None:
        """Cut all of its connections."""
        with self.client() as client:
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")

    def connections(self) -> int:
        """Count its connections, but for the one that asks."""
        with self.client() as client:
            return len(client.client_list()) - 1

    def client(self) -> Any:
        """Give a plain client, to look at what is really there."""
        package: Any = redis
        return package.Redis.from_url(self.url)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def found() -> str:
    """Find the program; skip the test where there is none, but fail it in CI, where there must be one."""
    program = shutil.which("redis-server")
    if program is None:
        reason = "apt install redis-server"
        if os.environ.get("CI"):
            pytest.fail(f"CI tests the log in Redis, and there is no redis-server: {reason}")
        pytest.skip(reason)
    return program


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    """Give one server for all tests of a file that leave it alive; none counts on finding it empty."""
    with RedisServer() as server:
        yield server
