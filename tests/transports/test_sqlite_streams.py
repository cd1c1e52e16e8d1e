"""What each step does with the streams in a file, as time goes by and processes die."""

import sqlite3
from collections.abc import Iterator

import pytest

from rxstream.errors import LeaseLost, StreamExists, UnknownStream, UsageError
from rxstream.transports.sqlite_clock import SharedClock
from rxstream.transports.sqlite_schema import SCHEMA, Lease, NeedsWrite, Packed
from rxstream.transports.sqlite_streams import Streams

LEASE = 10.0
AGE = 100.0


class Machine:
    """Several processes with one file, and a time that passes when it is told to."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.time = 1_000.0
        self.processes: dict[str, Streams] = {}

    def process(self, name: str) -> Streams:
        def time() -> float:
            return self.time

        clock = SharedClock(LEASE, wall=time, steady=time)
        made = Streams(
            self.connection,
            clock,
            process=name,
            lease=LEASE,
            max_events=4,
            max_bytes=100,
            max_age=AGE,
        )
        made.begin(writes=True)
        self.processes[name] = made
        return made

    def wait(self, seconds: float, *alive: Streams) -> None:
        """Let time pass, in which some processes give signs of life."""
        until = self.time + seconds
        while self.time < until:
            self.time = min(until, self.time + LEASE / 3)
            for streams in alive:
                streams.begin(writes=True)
                streams.beat([])

    def count(self, table: str) -> int:
        found: int = self.connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        return found


@pytest.fixture
def machine() -> Iterator[Machine]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for statement in SCHEMA:
        connection.execute(statement)
    yield Machine(connection)
    connection.close()


def append(streams: Streams, stream: str, lease: Lease, *data: str, last: bool = False) -> int:
    return streams.append(stream, lease, [Packed(None, text.encode()) for text in data], last=last)


def test_a_stream_is_an_orphan_one_lease_after_its_process_died(machine: Machine) -> None:
    ours, theirs = machine.process("ours"), machine.process("theirs")
    lease = ours.create("a", None, "{}")
    append(ours, "a", lease, "1", "2")
    machine.wait(9.9)
    assert theirs.adopt("a") is None
    machine.wait(0.2)
    info = theirs.info("a")
    assert info is not None
    assert not info.alive
    assert theirs.stop("a") is False
    adopted = theirs.adopt("a")
    assert adopted is not None
    assert adopted == Lease(lease.id, 2, 2, stop=False)
    with pytest.raises(LeaseLost):
        append(ours, "a", lease, "3")
    ours.release(lease)
    assert append(theirs, "a", adopted, "3") == 3


def test_a_process_that_was_late_goes_on_if_nobody_took_its_stream(machine: Machine) -> None:
    ours, theirs = machine.process("ours"), machine.process("theirs")
    lease = ours.create("a", None, "{}")
    machine.wait(50)
    assert theirs.beat(["a"]) == ["a"]
    assert append(ours, "a", lease, "1") == 1
    assert theirs.adopt("a") is None, "that was a sign of life"


def test_a_stream_is_forgotten_when_its_time_has_come_and_not_while_it_is_held(machine: Machine) -> None:
    ours, theirs = machine.process("ours"), machine.process("theirs")
    kept, ended = ours.create("kept", None, "{}"), ours.create("ended", None, "{}")
    append(ours, "ended", ended, "1", last=True)
    machine.wait(AGE - 1, ours)
    assert theirs.info("ended") is not None
    machine.wait(2, ours)
    assert theirs.info("ended") is None
    assert theirs.info("kept") is not None
    machine.wait(LEASE, ours)
    assert (machine.count("streams"), machine.count("entries")) == (1, 0), (
        "its entries are gone from the file"
    )
    with pytest.raises(UnknownStream, match="max_age="):
        append(ours, "ended", ended, "1")
    append(ours, "kept", kept, "1")
    ours.release(kept)
    machine.wait(AGE - 1)
    assert theirs.adopt("kept") is not None


def test_a_name_can_be_used_again_when_its_stream_is_forgotten(machine: Machine) -> None:
    ours = machine.process("ours")
    lease = ours.create("a", None, "{}")
    append(ours, "a", lease, "1", last=True)
    with pytest.raises(StreamExists):
        ours.create("a", None, "{}")
    machine.wait(AGE)
    again = ours.create("a", None, "{}")
    assert again.id != lease.id
    with pytest.raises(UnknownStream):
        append(ours, "a", lease, "2")
    with pytest.raises(UnknownStream):
        ours.idle("a", lease)


def test_the_bounds_take_the_oldest_and_never_the_newest(machine: Machine) -> None:
    ours = machine.process("ours")
    lease = ours.create("a", None, "{}")
    for number, (data, oldest) in enumerate(
        [(["a"], 1), (["b", "c", "d", "e"], 2), (["x" * 98], 4), (["y" * 200], 7), (["z"] * 9, 13), ([], 13)]
    ):
        append(ours, "a", lease, *data)
        info = ours.info("a")
        assert info is not None
        assert info.oldest == oldest, number
        found = ours.read("a", 0, present=False)
        assert found is not None
        assert [entry.seq for entry in found.entries] == list(range(oldest, info.newest + 1))
        (size,) = machine.connection.execute("SELECT bytes FROM streams").fetchone()
        assert size == sum(len(entry.data) for entry in found.entries)


def test_nothing_is_written_behind_the_end_nor_behind_a_release(machine: Machine) -> None:
    ours = machine.process("ours")
    ended, released = ours.create("ended", None, "{}"), ours.create("released", None, "{}")
    append(ours, "ended", ended, "1", last=True)
    ours.release(released)
    for stream, lease, why in (("ended", ended, "has ended"), ("released", released, "given up")):
        for data in ([], ["2"]):
            with pytest.raises(UsageError, match=why):
                append(ours, stream, lease, *data)


def test_a_stream_is_idle_from_when_its_last_reader_left_or_died(machine: Machine) -> None:
    ours, theirs, others = (machine.process(name) for name in ("ours", "theirs", "others"))
    lease = ours.create("a", None, "{}")
    machine.wait(1, ours)
    assert ours.idle("a", lease) == 1
    for reader in (theirs, others):
        assert reader.read("a", 0, present=True) is not None
        assert reader.read("a", 0, present=True) is not None
    assert ours.idle("a", lease) == 0
    machine.wait(5, ours, theirs, others)
    theirs.leave("a", machine.time)
    assert ours.idle("a", lease) == 0, "one is left"
    machine.wait(LEASE + 0.5, ours)
    assert ours.idle("a", lease) == LEASE + 0.5, "it gave its last sign of life then, and is forgotten"
    assert machine.count("readers") == 0
    ours.leave("b", machine.time)
    ours.leave("a", machine.time)
    assert ours.idle("a", lease) == 0


def test_a_reader_that_died_and_was_not_forgotten_yet_counts_until_its_last_sign_of_life(
    machine: Machine,
) -> None:
    ours, theirs = machine.process("ours"), machine.process("theirs")
    lease = ours.create("a", None, "{}")
    theirs.read("a", 0, present=True)
    machine.wait(3)
    theirs.beat([])
    machine.wait(LEASE)
    assert ours.idle("a", lease) == LEASE


def test_a_reader_that_was_forgotten_while_it_slept_is_one_again(machine: Machine) -> None:
    ours, theirs = machine.process("ours"), machine.process("theirs")
    lease = ours.create("a", None, "{}")
    theirs.read("a", 0, present=True)
    machine.wait(30, ours)
    assert ours.idle("a", lease) == 30
    assert theirs.beat(["a"]) == []
    assert ours.idle("a", lease) == 0


def test_a_stop_is_for_whoever_holds_the_stream_next_too(machine: Machine) -> None:
    ours, theirs = machine.process("ours"), machine.process("theirs")
    lease = ours.create("a", None, "{}")
    assert theirs.stop("a") is True
    assert theirs.stop("b") is False
    ours.release(lease)
    assert theirs.stop("a") is False
    assert theirs.adopt("a") == Lease(lease.id, 2, 0, stop=True)


def test_a_process_that_resigns_holds_and_reads_nothing(machine: Machine) -> None:
    ours, theirs = machine.process("ours"), machine.process("theirs")
    ours.create("a", None, "{}")
    lease = theirs.create("b", None, "{}")
    ours.read("b", 0, present=True)
    machine.wait(1, theirs, ours)
    ours.resign()
    machine.wait(2, theirs)
    assert theirs.idle("b", lease) == 2
    assert theirs.adopt("a") is not None
    assert machine.count("processes") == 1


def test_a_transaction_that_only_reads_is_told_to_write_instead(machine: Machine) -> None:
    ours = machine.process("ours")
    lease = ours.create("a", None, "{}")
    ours.begin(writes=False)
    assert ours.append("a", lease, [], last=False) == 0
    assert ours.read("a", 0, present=False) is not None
    for act in (
        lambda: ours.create("b", None, "{}"),
        lambda: ours.read("a", 0, present=True),
        lambda: append(ours, "a", lease, "1"),
        lambda: ours.stop("a"),
        lambda: ours.delete("a"),
        lambda: ours.leave("a", 0),
        lambda: ours.release(lease),
        lambda: ours.beat([]),
        ours.resign,
    ):
        with pytest.raises(NeedsWrite):
            act()


def test_what_others_did_is_found_once(machine: Machine) -> None:
    ours, theirs = machine.process("ours"), machine.process("theirs")
    lease = ours.create("mine", None, "{}")
    other = theirs.create("theirs", None, "{}")
    gone = theirs.create("gone", None, "{}")

    def seen(since: tuple[int, int] | None) -> tuple[tuple[int, int], list[str], list[str]]:
        # One connection sees no changes of its own.
        ours.undo()
        changes = ours.changes(since, ["mine", "theirs", "gone"])
        assert changes is not None
        return changes.seen, [change.stream for change in changes.streams], changes.gone

    place, streams, missing = seen(None)
    assert (streams, missing) == (["theirs", "gone"], [])
    assert ours.changes(place, []) is None
    for streams_of in (ours, theirs):
        streams_of.begin(writes=True)
    append(ours, "mine", lease, "1")
    theirs.begin(writes=True)
    append(theirs, "theirs", other, "1")
    theirs.delete("gone")
    theirs.delete("gone")
    place, streams, missing = seen(place)
    assert (streams, missing) == (["theirs"], ["gone"])
    with pytest.raises(UnknownStream):
        append(theirs, "gone", gone, "1")
    theirs.begin(writes=True)
    theirs.stop("mine")
    place, streams, missing = seen(place)
    assert (streams, missing) == (["mine"], [])
    ours.begin(writes=True)
    ours.release(lease)
    place, streams, missing = seen(place)
    assert (streams, missing) == (["mine"], []), "it is nobody's"


def test_much_is_read_in_pieces(machine: Machine) -> None:
    clock = SharedClock(LEASE)
    ours = Streams(
        machine.connection, clock, process="p", lease=LEASE, max_events=10_000, max_bytes=1 << 30, max_age=AGE
    )
    ours.begin(writes=True)
    many, large = ours.create("many", None, "{}"), ours.create("large", None, "{}")
    append(ours, "many", many, *"x" * 1000, last=True)
    append(ours, "large", large, *["x" * (1 << 19)] * 5)
    for stream, pieces in (("many", [512, 488, 0]), ("large", [2, 2, 1])):
        after = 0
        for piece in pieces:
            found = ours.read(stream, after, present=False)
            assert found is not None
            assert len(found.entries) == piece
            after += piece
    last = ours.read("many", 999, present=False)
    assert last is not None
    assert last.entries[-1].last
