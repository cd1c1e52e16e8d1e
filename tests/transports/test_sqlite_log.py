"""The log in a file keeps the laws, for several processes, and survives what happens to them."""

import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from rxstream.transports.log import LogWriter, StreamLog
from rxstream.transports.sqlite_log import SQLiteLog
from tests.transports.log_laws import LogLaws
from tests.transports.log_storage import Storage

pytestmark = pytest.mark.anyio

LEASE = 0.6


class SQLiteStorage(Storage):
    examples = 15
    lease = LEASE

    def __init__(self, path: Path) -> None:
        self._path = path

    @asynccontextmanager
    async def open(self, **bounds: Any) -> AsyncGenerator[StreamLog]:
        async with StreamLog.sqlite(self._path, lease=LEASE, **bounds) as log:
            assert isinstance(log, SQLiteLog)
            yield log

    async def lose(self, writer: LogWriter) -> None:
        # As if it had been held by a process that died.
        with closing(sqlite3.connect(self._path)) as connection, connection:
            connection.execute("UPDATE streams SET process = 'dead' WHERE stream = ?", (writer.stream,))

    def expression(self) -> str:
        return f"StreamLog.sqlite({str(self._path)!r}, lease={self.lease})"


class TestSQLiteLog(LogLaws):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> Storage:
        return SQLiteStorage(tmp_path / "streams.db")
