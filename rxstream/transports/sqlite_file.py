"""A file with streams: it is opened, and what is to be done with it is done, all at once."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from rxstream.errors import LogError, UsageError
from rxstream.transports.sqlite_schema import APPLICATION, SCHEMA, VERSION, NeedsWrite
from rxstream.transports.sqlite_streams import Streams

__all__ = ("SQLiteFile", "Step")

#: Seconds for which we wait while another process writes.
_PATIENCE: Final = 10.0
#: A file that we have made must not be closed by one thread while another one locks it: in one process, that
#: would take the lock away.
_opening: Final = threading.Lock()


class Step(NamedTuple):
    """Something to be done with the streams, and whether it surely writes."""

    act: Callable[[Streams], Any]
    writes: bool = False


class SQLiteFile:
    """The file of one log, for one thread at a time; nothing here knows of event loops."""

    def __init__(self, path: str, make: Callable[[sqlite3.Connection], Streams]) -> None:
        self.path = path
        self._make = make
        self._connection: sqlite3.Connection | None = None
        self._streams: Streams | None = None

    def run(self, steps: Sequence[Step]) -> list[Any]:
        """Do all of it in one transaction; give what each step returned, or our error that it raised.

        Raises LogError if the file cannot be used, and nothing was done then.
        """
        try:
            if self._connection is None or self._streams is None:
                with _opening:
                    self._connection = self._opened()
                self._streams = self._make(self._connection)
            return self._together(self._connection, self._streams, steps)
        except (sqlite3.Error, OverflowError, OSError) as error:
            if len(steps) > 1 and not isinstance(error, (sqlite3.OperationalError, OSError)):
                # One of them is wrong by itself: the others need not suffer.
                return [self._alone(step) for step in steps]
            raise self._explained(error) from error

    def close(self) -> None:
        """Close the file."""
        connection, self._connection, self._streams = self._connection, None, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def _alone(self, step: Step) -> Any:
        try:
            return self.run([step])[0]
        except LogError as error:
            return error

    def _together(self, connection: sqlite3.Connection, streams: Streams, steps: Sequence[Step]) -> list[Any]:
        writes = any(step.writes for step in steps)
        while True:
            connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
            try:
                streams.begin(writes=writes)
                found = [_outcome(step, streams) for step in steps]
                connection.execute("COMMIT")
            except NeedsWrite:
                # What has only been read so far cannot be relied on: others may have written meanwhile.
                connection.execute("ROLLBACK")
                writes = True
            except BaseException:
                streams.undo()
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            else:
                return found

    def _opened(self) -> sqlite3.Connection:
        folder = Path(self.path).absolute().parent
        if not folder.is_dir():
            raise LogError(f"the log {self.path!r} cannot be made: there is no folder {str(folder)!r}")
        # What people are answered is nobody else's business. Whoever wants to share it makes the file before.
        with suppress(FileExistsError, PermissionError):
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        connection = sqlite3.connect(
            self.path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
        )
        try:
            # Nothing is written before we know that it is ours to write to.
            self._is_new(connection)
            self._journal(connection)
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA journal_size_limit = 16777216")
            connection.execute("BEGIN IMMEDIATE")
            if self._is_new(connection):
                for statement in SCHEMA:
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {APPLICATION}")
                connection.execute(f"PRAGMA user_version = {VERSION}")
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        return connection

    def _is_new(self, connection: sqlite3.Connection) -> bool:
        """Tell whether nobody has used the file yet; raises LogError if it is not ours."""
        pragmas = ("PRAGMA application_id", "PRAGMA user_version", "PRAGMA schema_version")
        application, version, schema = (_number(connection, pragma) for pragma in pragmas)
        if (application, version) == (APPLICATION, VERSION):
            return False
        if application == APPLICATION:
            raise LogError(
                f"the log {self.path!r} has tables of version {version}, and this rxstream knows version "
                f"{VERSION}: use the rxstream that made it, or another file"
            )
        if application or version or schema:
            raise LogError(
                f"the file {self.path!r} is a database of something else, and no log of rxstream: it was "
                "left as it is. Choose another file."
            )
        return True

    def _journal(self, connection: sqlite3.Connection) -> None:
        """Let readers read while somebody writes; SQLite does not wait for others here, so we do."""
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                with closing(connection.execute("PRAGMA journal_mode = WAL")) as found:
                    mode = found.fetchone()[0]
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
                time.sleep(0.005)
                continue
            if mode != "wal":
                raise LogError(
                    f"the log {self.path!r} cannot be shared between processes there (its journal is "
                    f"{mode!r}, not 'wal'): choose a file on a local disk"
                )
            return

    def _explained(self, error: Exception) -> LogError:
        """Say what is wrong and what to do."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        advice = _ADVICE.get(code, "it refuses what the log needs")
        return LogError(f"the log {self.path!r}: {advice} ({error!r:.300})")


_ADVICE: Final = {
    sqlite3.SQLITE_BUSY: f"another process has kept it locked for {_PATIENCE:g} seconds: see what it does",
    sqlite3.SQLITE_FULL: "its disk is full: make room, or lower max_events, max_bytes or max_age",
    sqlite3.SQLITE_READONLY: "it cannot be written to: look at the rights of the file and of its folder",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: look at the rights of the file and of its folder",
    sqlite3.SQLITE_NOTADB: "it is a file of something else, and was left as it is: choose another one",
    sqlite3.SQLITE_CORRUPT: "the file is damaged: move it away, a new one will be made",
    sqlite3.SQLITE_IOERR: "its disk does not read or write: see what the system's log says",
    sqlite3.SQLITE_TOOBIG: "an entry is longer than SQLite can hold: cut it into several",
}


def _outcome(step: Step, streams: Streams) -> Any:
    try:
        return step.act(streams)
    except (LogError, UsageError) as error:
        return error


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(pragma).fetchone()[0])
