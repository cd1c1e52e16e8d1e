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


@pytest.mark.parametrize(
    ("path", "error"),
    [("", ValueError), (":memory:", ValueError), ("a\0b", ValueError), (1, TypeError), (b"a", TypeError)],
    ids=ascii,
)
def test_what_is_no_path_is_told_at_once(path: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="path of a file"):
        StreamLog.sqlite(path)


@pytest.mark.parametrize("lease", [0, -1.0, float("nan")])
def test_a_lease_is_more_than_nothing(lease: float) -> None:
    with pytest.raises(ValueError, match="expects lease to be more than 0 seconds"):
        StreamLog.sqlite("a.db", lease=lease)


async def test_nothing_is_opened_before_it_is_used(tmp_path: Path) -> None:
    log = StreamLog.sqlite(tmp_path / "a.db")
    assert repr(log) == f"SQLiteLog({str(tmp_path / 'a.db')!r})"
    await log.aclose()
    assert names(tmp_path) == []


async def test_only_the_file_is_left_when_all_have_closed_it(tmp_path: Path) -> None:
    async with StreamLog.sqlite(tmp_path / "a.db") as log:
        await (await log.create("a")).append([(None, "1")], last=True)
    assert names(tmp_path) == ["a.db"]


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]
