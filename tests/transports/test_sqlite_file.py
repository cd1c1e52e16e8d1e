"""A file is made, found again, shared, and left alone if it is something else."""

import os
import sqlite3
import stat
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest

from rxstream.errors import LogError, StreamExists
from rxstream.transports import sqlite_file
from rxstream.transports.sqlite_clock import SharedClock
from rxstream.transports.sqlite_file import SQLiteFile, Step
from rxstream.transports.sqlite_schema import Lease, Packed
from rxstream.transports.sqlite_streams import Streams


def make(connection: sqlite3.Connection) -> Streams:
    return Streams(
        connection,
        SharedClock(10.0),
        process=f"p{id(connection)}",
        lease=10.0,
        max_events=100,
        max_bytes=10_000,
        max_age=100.0,
    )


@contextmanager
def file_at(path: Path | str) -> Generator[SQLiteFile]:
    with closing(SQLiteFile(str(path), make)) as file:
        yield file


def create(stream: str) -> Step:
    def act(streams: Streams) -> Lease:
        return streams.create(stream, None, "{}")

    return Step(act, writes=True)


def newest(stream: str) -> Step:
    def look(streams: Streams) -> int | None:
        info = streams.info(stream)
        return None if info is None else info.newest

    return Step(look)


def write(stream: str, lease: Lease, data: bytes = b"x") -> Step:
    def act(streams: Streams) -> int:
        return streams.append(stream, lease, [Packed(None, data)], last=False)

    return Step(act, writes=True)


def test_what_was_written_is_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    with file_at(tmp_path / "a.db") as file:
        (lease,) = file.run([create("a")])
        assert file.run([write("a", lease), write("a", lease), newest("a")]) == [1, 2, 2]
    file.close()
    with file_at(tmp_path / "a.db") as again:
        assert again.run([newest("a"), newest("b")]) == [2, None]
        again.close()
        assert again.run([newest("a")]) == [2]


def test_a_file_is_for_its_owner_alone_and_one_that_is_there_keeps_its_rights(tmp_path: Path) -> None:
    (tmp_path / "shared.db").touch(0o660)
    (tmp_path / "shared.db").chmod(0o660)
    for name, rights in (("own.db", 0o600), ("shared.db", 0o660)):
        with file_at(tmp_path / name) as file:
            file.run([create("a")])
            for ending in ("", "-wal", "-shm"):
                mode = os.stat(f"{tmp_path / name}{ending}").st_mode  # noqa: PTH116 - a name with an ending
                assert stat.S_IMODE(mode) == rights


def test_of_several_errors_each_goes_to_its_step(tmp_path: Path) -> None:
    def duplicate(_: Streams) -> None:
        raise sqlite3.IntegrityError("UNIQUE")

    with file_at(tmp_path / "a.db") as file:
        first, wrong, exists, second = file.run(
            [create("a"), Step(duplicate, writes=True), create("a"), create("b")]
        )
        assert isinstance(first, Lease)
        assert isinstance(second, Lease)
        assert isinstance(exists, StreamExists)
        assert isinstance(wrong, LogError)
        with pytest.raises(LogError, match="UNIQUE"):
            file.run([Step(duplicate, writes=True)])


def test_a_transaction_that_fails_leaves_nothing_and_is_no_sign_of_life(tmp_path: Path) -> None:
    def fail(_: Streams) -> None:
        raise ZeroDivisionError

    def processes() -> int:
        with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
            found: int = connection.execute("SELECT count(*) FROM processes").fetchone()[0]
            return found

    with file_at(tmp_path / "a.db") as file:
        with pytest.raises(ZeroDivisionError):
            file.run([create("a"), Step(fail)])
        assert file.run([newest("a")]) == [None]
        assert processes() == 0
        file.run([create("a")])
        assert file.run([newest("a")]) == [0]
        assert processes() == 1


def test_a_step_that_turns_out_to_write_does(tmp_path: Path) -> None:
    with file_at(tmp_path / "a.db") as file:
        assert file.run([newest("a"), Step(create("a").act), newest("a")])[::2] == [None, 0]


def test_many_who_open_a_new_file_at_once_make_one(tmp_path: Path) -> None:
    outcomes: list[Any] = []
    files = [SQLiteFile(str(tmp_path / "a.db"), make) for _ in range(8)]

    def run(file: SQLiteFile, number: int) -> None:
        try:
            outcomes.append(file.run([create(f"s{number}")]))
        except BaseException as error:
            outcomes.append(error)
            raise

    threads = [threading.Thread(target=run, args=(file, number)) for number, file in enumerate(files)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(isinstance(outcome, list) for outcome in outcomes)
    assert files[0].run([newest(f"s{number}") for number in range(8)]) == [0] * 8
    for file in files:
        file.close()


# ---------------------------------------------------------------- what cannot be


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with (
        file_at(tmp_path / "missing" / "a.db") as file,
        pytest.raises(LogError, match=r"no folder .*missing"),
    ):
        file.run([create("a")])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content", [b"Dear diary, " * 500, b"SQLite format 3\0" + b"\xff" * 5000], ids=["text", "torn"]
)
def test_a_file_of_something_else_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with file_at(path) as file, pytest.raises(LogError, match=r"a\.txt.*(something else|damaged)"):
        file.run([create("a")])
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE a (b)", "PRAGMA user_version = 7", "PRAGMA application_id = 7"]
)
def test_a_database_of_something_else_is_left_as_it_is(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)
    content = path.read_bytes()
    with file_at(path) as file:
        for _ in range(2):
            with pytest.raises(LogError, match="something else"):
                file.run([create("a")])
    assert path.read_bytes() == content


def test_a_file_of_another_version_is_told_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with file_at(path) as file:
        file.run([create("a")])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA user_version = 99")
    with file_at(path) as file, pytest.raises(LogError, match=r"version 99.*version 1"):
        file.run([create("a")])


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with file_at(tmp_path) as file, pytest.raises(LogError, match="cannot be opened"):
        file.run([create("a")])


def test_where_processes_cannot_share_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # In memory, its journal is of another kind, as on some network disks.
    with file_at(":memory:") as file, pytest.raises(LogError, match="local disk"):
        file.run([create("a")])


@pytest.mark.parametrize("new", [True, False], ids=["new", "old"])
def test_somebody_who_keeps_it_locked_is_waited_for_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, new: bool
) -> None:
    monkeypatch.setattr(sqlite_file, "_PATIENCE", 0.2)
    path = tmp_path / "a.db"
    if not new:
        with file_at(path) as file:
            file.run([create("old")])
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        # A file that is new is not yet one that can be read while somebody writes, and the other way round.
        other.execute("BEGIN" if new else "BEGIN IMMEDIATE")
        other.execute("SELECT * FROM sqlite_master").fetchall()
        with file_at(path) as file:
            with pytest.raises(LogError, match="locked"):
                file.run([create("a"), create("b")])
            timer = threading.Timer(0.05, other.execute, ["ROLLBACK"])
            timer.start()
            monkeypatch.setattr(sqlite_file, "_PATIENCE", 10.0)
            with file_at(path) as patient:
                assert isinstance(patient.run([create("a")])[0], Lease)
            timer.join()
            assert isinstance(file.run([create("b")])[0], Lease)


class Trouble(sqlite3.Connection):
    """A connection with which something goes wrong, now and then."""

    #: Statement, and the codes of the errors that it gives before it works.
    fails: ClassVar[dict[str, list[int]]] = {}

    def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
        codes = self.fails.get(sql)
        if not codes:
            return super().execute(sql, *args)
        if self.in_transaction:
            # What SQLite does itself if a disk is full.
            super().execute("ROLLBACK")
        error = sqlite3.OperationalError(sql)
        error.sqlite_errorcode = codes.pop()
        raise error


@pytest.fixture
def trouble(monkeypatch: pytest.MonkeyPatch) -> Generator[dict[str, list[int]]]:
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Trouble))
    yield Trouble.fails
    Trouble.fails.clear()


def test_a_disk_that_is_full_is_told_and_nothing_is_written(
    tmp_path: Path, trouble: dict[str, list[int]]
) -> None:
    with file_at(tmp_path / "a.db") as file:
        file.run([create("a")])
        trouble["COMMIT"] = [sqlite3.SQLITE_FULL]
        with pytest.raises(LogError, match="disk is full"):
            file.run([create("b"), create("c")])
        assert file.run([newest("a"), newest("b")]) == [0, None]


def test_another_process_that_opens_it_at_the_same_moment_is_waited_for(
    tmp_path: Path, trouble: dict[str, list[int]]
) -> None:
    trouble["PRAGMA journal_mode = WAL"] = [sqlite3.SQLITE_BUSY] * 3
    with file_at(tmp_path / "a.db") as file:
        file.run([create("a")])
    trouble["PRAGMA journal_mode = WAL"] = [sqlite3.SQLITE_IOERR]
    with file_at(tmp_path / "a.db") as file, pytest.raises(LogError, match="disk does not"):
        file.run([newest("a")])
