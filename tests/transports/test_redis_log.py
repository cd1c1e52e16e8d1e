"""The log in Redis keeps the laws, on a real server, and survives what happens to servers."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from rxstream.transports.log import LogWriter, StreamLog
from rxstream.transports.redis_log import RedisLog
from rxstream.transports.redis_writer import RedisWriter
from tests.transports.log_laws import LogLaws
from tests.transports.log_storage import Storage
from tests.transports.redis_server import RedisServer, redis_server

__all__ = ("redis_server",)

pytestmark = pytest.mark.anyio


class RedisStorage(Storage):
    examples = 15
    lease = 0.6

    def __init__(self, server: RedisServer) -> None:
        self._server = server

    @asynccontextmanager
    async def open(self, **bounds: Any) -> AsyncGenerator[StreamLog]:
        async with StreamLog.redis(self._server.url, lease=self.lease, **bounds) as log:
            assert isinstance(log, RedisLog)
            yield log

    async def lose(self, writer: LogWriter) -> None:
        assert isinstance(writer, RedisWriter)
        # It would renew it, and rightly: nobody has taken it yet.
        del writer._hub.writers[writer.stream]
        with self._server.client() as client:
            # A renewal may be on its way, so somebody else holds it for a moment.
            client.set(f"rxstream:{{{writer.stream}}}:lease", "somebody#1", px=50)
        await anyio.sleep(0.06)

    def expression(self) -> str:
        return f"StreamLog.redis({self._server.url!r}, lease={self.lease})"


class TestRedisLog(LogLaws):
    @pytest.fixture
    def storage(self, redis_server: RedisServer) -> Storage:
        return RedisStorage(redis_server)
