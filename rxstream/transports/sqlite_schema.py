"""What a file with streams looks like, and what is read from it.

Whoever changes the tables counts ``VERSION`` up: files of another version are left alone.
"""

from typing import Final, NamedTuple

__all__ = (
    "APPLICATION",
    "COLUMNS",
    "SCHEMA",
    "VERSION",
    "Change",
    "Changes",
    "Lease",
    "NeedsWrite",
    "Packed",
    "Row",
)

#: "rxst", by which a file of ours is told from others.
APPLICATION: Final = 0x72787374
VERSION: Final = 1

_STREAMS: Final = (
    # Never the same number twice, so that the writer of a stream that was deleted does not write to the next.
    "id INTEGER PRIMARY KEY AUTOINCREMENT",
    "stream TEXT NOT NULL UNIQUE",
    "owner BLOB",
    "meta TEXT NOT NULL",
    "oldest INTEGER NOT NULL",
    "newest INTEGER NOT NULL",
    "bytes INTEGER NOT NULL",
    "ended INTEGER NOT NULL",
    "stop INTEGER NOT NULL",
    "process TEXT",
    "turn INTEGER NOT NULL",
    "idle REAL NOT NULL",
    "expires REAL NOT NULL",
    "changed INTEGER NOT NULL",
)
_PROCESSES: Final = ("process TEXT PRIMARY KEY", "beat REAL NOT NULL", "lease REAL NOT NULL")
# Blobs, since SQLite's text holds no half of a surrogate pair.
_ENTRIES: Final = (
    "id INTEGER NOT NULL",
    "seq INTEGER NOT NULL",
    "event BLOB",
    "data BLOB NOT NULL",
    "PRIMARY KEY (id, seq)",
)
_READERS: Final = ("id INTEGER NOT NULL", "process TEXT NOT NULL", "PRIMARY KEY (id, process)")

#: The statements that make the tables.
SCHEMA: Final = (
    "CREATE TABLE log (changed INTEGER NOT NULL, deleted INTEGER NOT NULL)",
    "INSERT INTO log VALUES (0, 0)",
    f"CREATE TABLE processes ({', '.join(_PROCESSES)}) WITHOUT ROWID",
    f"CREATE TABLE streams ({', '.join(_STREAMS)})",
    "CREATE INDEX streams_changed ON streams (changed)",
    f"CREATE TABLE entries ({', '.join(_ENTRIES)}) WITHOUT ROWID",
    f"CREATE TABLE readers ({', '.join(_READERS)}) WITHOUT ROWID",
)

#: What a ``Row`` is made of.
COLUMNS: Final = "id, owner, meta, oldest, newest, bytes, ended, stop, process, turn, idle, expires"


class NeedsWrite(Exception):
    """A step turned out to write, in a transaction that only reads."""


class Lease(NamedTuple):
    """What a producer holds."""

    id: int
    turn: int
    newest: int
    stop: bool


class Packed(NamedTuple):
    """An entry, as it is stored: event and data."""

    event: bytes | None
    data: bytes


class Change(NamedTuple):
    """A stream that others have changed."""

    stream: str
    id: int
    turn: int
    stop: bool


class Changes(NamedTuple):
    """What others have done, and how far we have seen it."""

    seen: tuple[int, int]
    streams: list[Change]
    #: Of the streams that were asked for, those that are there no longer.
    gone: list[str]


class Row(NamedTuple):
    """What the file says of a stream."""

    id: int
    owner: bytes | None
    meta: str
    oldest: int
    newest: int
    bytes: int
    ended: int
    stop: int
    process: str | None
    turn: int
    idle: float
    expires: float
