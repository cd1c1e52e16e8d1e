"""What can be done with the streams in a file: each method is a step of a transaction that others surround.

Who writes a stream is told by the process, which gives a sign of life a few times in each lease, for all that
it holds, and by the stream's ``turn``, which grows with each producer. Whatever other processes are to see
gets the number of the transaction, ``changed``: so they find it without looking at everything.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence

from rxstream.errors import LeaseLost, StreamExists, UnknownStream, UsageError
from rxstream.transports.log import LogEntry, StreamInfo
from rxstream.transports.log_inbox import MOST_BYTES, MOST_ENTRIES, Found
from rxstream.transports.sqlite_clock import SharedClock
from rxstream.transports.sqlite_schema import COLUMNS, Change, Changes, Lease, NeedsWrite, Packed, Row

__all__ = ("Streams",)


class Streams:
    """The streams of a file, as one process sees them. ``process`` names it, and no other one ever."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        clock: SharedClock,
        *,
        process: str,
        lease: float,
        max_events: int,
        max_bytes: int,
        max_age: float,
    ) -> None:
        self._run = connection.execute
        self._run_many = connection.executemany
        self._clock = clock
        self._process = process
        self._lease = lease
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._max_age = max_age
        self._writes = False
        self._changed: int | None = None
        self._version: int | None = None
        self._base: tuple[int, int] = self._run("SELECT changed, deleted FROM log").fetchone()
        self._beat = float("-inf")
        self._purged = float("-inf")

    def begin(self, *, writes: bool) -> None:
        """Take note that a transaction has begun."""
        self._writes = writes
        self._changed = None

    def undo(self) -> None:
        """Take note that the transaction was rolled back, and nothing that we have noted is true."""
        self._beat = self._purged = float("-inf")
        self._version = None

    # ------------------------------------------------------------ producers

    def create(self, stream: str, owner: bytes | None, meta: str) -> Lease:
        """Begin a stream. Raises ``StreamExists``."""
        now = self._hold()
        self._purge(now)
        if self._find(stream) is not None:
            raise StreamExists(f"The log has a stream {stream!r} already. Choose another name, or delete it.")
        self._delete(stream)
        made = self._run(
            "INSERT INTO streams (stream, owner, meta, oldest, newest, bytes, ended, stop, process, turn, "
            "idle, expires, changed) VALUES (?, ?, ?, 0, 0, 0, 0, 0, ?, 1, ?, ?, ?)",
            (stream, owner, meta, self._process, now, now + self._max_age, self._change()),
        )
        assert made.lastrowid is not None
        return Lease(made.lastrowid, 1, 0, stop=False)

    def adopt(self, stream: str) -> Lease | None:
        """Take a stream whose producer is gone."""
        row = self._find(stream)
        if row is None or row.ended or self._is_alive(row.process):
            return None
        now = self._hold()
        # Whoever adopts it does so for a reader who is on the way.
        self._run(
            "UPDATE streams SET process = ?, turn = turn + 1, idle = ?, expires = max(expires, ?), "
            "changed = ? WHERE id = ?",
            (self._process, now, now + self._max_age, self._change(), row.id),
        )
        return Lease(row.id, row.turn + 1, row.newest, bool(row.stop))

    def append(self, stream: str, lease: Lease, entries: Sequence[Packed], *, last: bool) -> int:
        """Write entries; gives the ``seq`` of the newest."""
        row = self._held(stream, lease)
        if not entries:
            return row.newest
        now = self._hold()
        self._run_many(
            "INSERT INTO entries VALUES (?, ?, ?, ?)",
            [(row.id, seq, *entry) for seq, entry in enumerate(entries, row.newest + 1)],
        )
        newest = row.newest + len(entries)
        size = row.bytes + sum(len(entry.data) for entry in entries)
        oldest, size = self._trim(row.id, max(row.oldest, 1), newest, size)
        self._run(
            "UPDATE streams SET oldest = ?, newest = ?, bytes = ?, ended = ?, process = ?, expires = ?, "
            "changed = ? WHERE id = ?",
            (
                oldest,
                newest,
                size,
                int(last),
                None if last else self._process,
                now + self._max_age,
                self._change(),
                row.id,
            ),
        )
        return newest

    def release(self, lease: Lease) -> None:
        """Give a stream up, if it is still ours."""
        self._need_write()
        expires = self._clock.now() + self._max_age
        self._run(
            "UPDATE streams SET process = NULL, expires = ?, changed = ? "
            "WHERE id = ? AND turn = ? AND process = ?",
            (expires, self._change(), lease.id, lease.turn, self._process),
        )

    def idle(self, stream: str, lease: Lease) -> float:
        """Tell for how many seconds nobody has been reading."""
        found = self._run("SELECT idle FROM streams WHERE id = ?", (lease.id,)).fetchone()
        if found is None:
            raise _unknown(stream)
        since: float = found[0]
        readers = self._run(
            "SELECT beat, lease FROM readers JOIN processes USING (process) WHERE id = ?", (lease.id,)
        )
        for beat, held in readers.fetchall():
            if self._clock.is_alive(beat, held):
                return 0.0
            since = max(since, beat)
        return max(0.0, self._clock.now() - since)

    # ------------------------------------------------------------ everybody

    def info(self, stream: str) -> StreamInfo | None:
        """Tell what is known of a stream."""
        row = self._find(stream)
        if row is None:
            return None
        owner = None if row.owner is None else _text(row.owner)
        ended, alive = bool(row.ended), self._is_alive(row.process)
        return StreamInfo(stream, owner, json.loads(row.meta), row.oldest, row.newest, ended, alive)

    def stop(self, stream: str) -> bool:
        """Ask the producer to stop."""
        row = self._find(stream)
        if row is None or row.ended or not self._is_alive(row.process):
            return False
        self._need_write()
        self._run("UPDATE streams SET stop = 1, changed = ? WHERE id = ?", (self._change(), row.id))
        return True

    def delete(self, stream: str) -> None:
        """Forget a stream."""
        self._need_write()
        if self._delete(stream):
            self._run("UPDATE log SET deleted = deleted + 1")

    def read(self, stream: str, after: int, *, present: bool) -> Found | None:
        """Read what stands behind an entry; ``present``: as somebody whom the producer is to know of."""
        row = self._find(stream)
        if row is None:
            return None
        if present and not self._is_present(row.id):
            self._hold()
            self._run("INSERT INTO readers VALUES (?, ?)", (row.id, self._process))
        entries: list[LogEntry] = []
        room = MOST_BYTES
        for seq, event, data in self._run(
            "SELECT seq, event, data FROM entries WHERE id = ? AND seq > ? ORDER BY seq LIMIT ?",
            (row.id, after, MOST_ENTRIES),
        ):
            last = bool(row.ended) and seq == row.newest
            entries.append(LogEntry(seq, None if event is None else _text(event), _text(data), last))
            room -= len(data)
            if room <= 0:
                break
        alive = self._is_alive(row.process)
        # Of a stream without entries nothing is missing.
        return Found(row.oldest or 1, row.newest, bool(row.ended), alive, entries)

    def leave(self, stream: str, since: float) -> None:
        """Take note that nobody here reads a stream any more."""
        found = self._run("SELECT id FROM streams WHERE stream = ?", (stream,)).fetchone()
        if found is not None:
            self._need_write()
            self._run("DELETE FROM readers WHERE id = ? AND process = ?", (found[0], self._process))
            self._run("UPDATE streams SET idle = max(idle, ?) WHERE id = ?", (since, found[0]))

    # ------------------------------------------------------------ the process

    def beat(self, streams: Iterable[str]) -> list[str]:
        """Give a sign of life, and forget those who have given none for long.

        ``streams`` are those that are read here, and produced elsewhere; gives those that nobody produces.
        """
        self._beat = float("-inf")
        self._purge(self._hold())
        orphans: list[str] = []
        for stream in streams:
            row = self._find(stream)
            if row is None or not self._is_alive(row.process):
                orphans.append(stream)
            elif not self._is_present(row.id):
                # We gave no sign of life for so long that we were forgotten.
                self._run("INSERT INTO readers VALUES (?, ?)", (row.id, self._process))
        return orphans

    def changes(self, seen: tuple[int, int] | None, streams: Iterable[str]) -> Changes | None:
        """Give what others have done since ``seen``, or the file was opened; None if nobody has.

        ``streams`` are those of which somebody wants to know whether they were deleted.
        """
        version: int = self._run("PRAGMA data_version").fetchone()[0]
        if version == self._version:
            return None
        seen = seen or self._base
        changed, deleted = self._run("SELECT changed, deleted FROM log").fetchone()
        found = self._run(
            "SELECT stream, id, turn, stop FROM streams WHERE changed > ? AND (process IS NOT ? OR stop)",
            (seen[0], self._process),
        )
        rows = [Change(stream, number, turn, bool(stop)) for stream, number, turn, stop in found]
        gone: list[str] = []
        if deleted != seen[1]:
            # It may be there anew: under another number, which is a change.
            gone = [stream for stream in streams if self._find(stream) is None]
        self._version = version
        return Changes((changed, deleted), rows, gone)

    def resign(self) -> None:
        """Give up all that is held here, and every presence."""
        self._need_write()
        now = self._clock.now()
        self._run(
            "UPDATE streams SET process = NULL, expires = ?, changed = ? WHERE process = ?",
            (now + self._max_age, self._change(), self._process),
        )
        self._bury(self._process, now)

    def _hold(self) -> float:
        """See to it that others know that we are alive, from when we hold something; give the time."""
        self._need_write()
        now = self._clock.now()
        if not self._beat <= now < self._beat + self._lease / 3:
            self._run("INSERT OR REPLACE INTO processes VALUES (?, ?, ?)", (self._process, now, self._lease))
            self._beat = now
        return now

    def _need_write(self) -> None:
        if not self._writes:
            raise NeedsWrite

    def _change(self) -> int:
        """Give the number of this transaction."""
        if self._changed is None:
            self._run("UPDATE log SET changed = changed + 1")
            self._changed = int(self._run("SELECT changed FROM log").fetchone()[0])
        return self._changed

    def _find(self, stream: str) -> Row | None:
        """Find a stream that is not over its age."""
        found = self._run(f"SELECT {COLUMNS} FROM streams WHERE stream = ?", (stream,)).fetchone()  # noqa: S608
        if found is None:
            return None
        row = Row(*found)
        if row.expires <= self._clock.now() and not self._is_alive(row.process):
            return None
        return row

    def _held(self, stream: str, lease: Lease) -> Row:
        """Find a stream that is ours to write."""
        found = self._run(f"SELECT {COLUMNS} FROM streams WHERE id = ?", (lease.id,)).fetchone()  # noqa: S608
        if found is None:
            raise _unknown(stream)
        row = Row(*found)
        if row.turn != lease.turn:
            raise LeaseLost(
                f"Somebody else has adopted the stream {stream!r}, since it was given up, or this process "
                "gave no sign of life for too long: write no more of it."
            )
        if row.process != self._process:
            what = "has ended" if row.ended else "was given up by aclose()"
            raise UsageError(f"The stream {stream!r} {what}: nothing can be written behind that.")
        return row

    def _is_alive(self, process: str | None) -> bool:
        if process is None or process == self._process:
            return process is not None
        found = self._run("SELECT beat, lease FROM processes WHERE process = ?", (process,)).fetchone()
        return found is not None and self._clock.is_alive(*found)

    def _is_present(self, number: int) -> bool:
        found = self._run("SELECT 1 FROM readers WHERE id = ? AND process = ?", (number, self._process))
        return found.fetchone() is not None

    def _trim(self, number: int, oldest: int, newest: int, size: int) -> tuple[int, int]:
        """Forget the oldest entries as far as the bounds want it, and never the newest."""
        first = oldest
        if newest - oldest + 1 > self._max_events or size > self._max_bytes:
            for seq, length in self._run(
                "SELECT seq, length(data) FROM entries WHERE id = ? AND seq < ? ORDER BY seq",
                (number, newest),
            ):
                if newest - seq + 1 <= self._max_events and size <= self._max_bytes:
                    break
                size -= length
                oldest = seq + 1
        if oldest > first:
            self._run("DELETE FROM entries WHERE id = ? AND seq < ?", (number, oldest))
        return oldest, size

    def _delete(self, stream: str) -> bool:
        found = self._run("SELECT id FROM streams WHERE stream = ?", (stream,)).fetchone()
        if found is None:
            return False
        for table in ("entries", "readers", "streams"):
            self._run(f"DELETE FROM {table} WHERE id = ?", found)  # noqa: S608 - names of ours
        return True

    def _purge(self, now: float) -> None:
        """Forget what is over its age, now and then."""
        if self._purged <= now < self._purged + min(self._lease, self._max_age) / 3:
            return
        self._purged = now
        for stream, process in self._run(
            "SELECT stream, process FROM streams WHERE expires <= ?", (now,)
        ).fetchall():
            if not self._is_alive(process):
                self._delete(stream)
        for process, beat, lease in self._run("SELECT process, beat, lease FROM processes").fetchall():
            if process != self._process and not self._clock.is_alive(beat, lease):
                self._bury(process, beat)

    def _bury(self, process: str, since: float) -> None:
        """Forget a process; its streams are orphans, and it has read until then."""
        self._run(
            "UPDATE streams SET idle = max(idle, ?) WHERE id IN (SELECT id FROM readers WHERE process = ?)",
            (since, process),
        )
        self._run("DELETE FROM readers WHERE process = ?", (process,))
        self._run("DELETE FROM processes WHERE process = ?", (process,))


def _unknown(stream: str) -> UnknownStream:
    return UnknownStream(
        f"The log has no stream {stream!r} any more: it was deleted, or nothing was written to it for "
        "max_age= seconds."
    )


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")
