import re
from typing import Any, get_args

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from rxstream.errors import BufferOverflow, UnknownName
from rxstream.items import Restarted, StreamChunk, Usage
from rxstream.sansio.backlog import Backlog, BacklogStats, Overflow
from rxstream.testing import assert_linear

OVERFLOWS: tuple[Overflow, ...] = get_args(Overflow)


DROPPING = {"drop_oldest", "drop_latest", "latest"}


def drain(backlog: Backlog[Any]) -> list[Any]:
    return [backlog.take() for _ in range(len(backlog))]


def fed(overflow: Overflow, items: Any, max_items: int = 3) -> Backlog[Any]:
    backlog: Backlog[Any] = Backlog(max_items, overflow)
    for item in items:
        assert backlog.put(item)
    return backlog


# ---------------------------------------------------------------- one by one


@pytest.mark.parametrize(
    ("overflow", "left", "stats"),
    [
        ("drop_oldest", [2, 3, 4], BacklogStats(5, 3, 2, 0, 3)),
        ("drop_latest", [0, 1, 2], BacklogStats(5, 3, 2, 0, 3)),
        ("latest", [3, 4], BacklogStats(5, 2, 3, 0, 3)),
    ],
)
def test_what_is_dropped(overflow: Overflow, left: list[int], stats: BacklogStats) -> None:
    backlog = fed(overflow, range(5))
    assert backlog.stats == stats
    assert drain(backlog) == left
    assert backlog.stats == stats


def test_one_that_suspends_has_no_room_until_one_is_taken() -> None:
    backlog = fed("suspend", [1, 2, 3])
    assert backlog.is_full
    assert not backlog.put(4)
    assert backlog.stats == BacklogStats(3, 3, 0, 0, 3)
    assert backlog.take() == 1
    assert not backlog.is_full
    assert backlog.put(4)
    assert drain(backlog) == [2, 3, 4]


def test_one_that_joins_parks_one_by_one_and_then_joins() -> None:
    backlog = fed("join", "abcdef")
    assert backlog.stats == BacklogStats(6, 3, 0, 3, 3)
    assert backlog.take() == "a"
    assert backlog.put("g")  # there is room: it is parked by itself
    assert backlog.put("h")
    assert drain(backlog) == ["b", "cdef", "gh"]


def test_one_that_joins_suspends_where_it_cannot() -> None:
    backlog = fed("join", [StreamChunk("a"), StreamChunk("b"), StreamChunk("c", "stop")], 1)
    assert not backlog.put(StreamChunk("", usage=Usage(1, 1, 2)))
    assert not fed("join", [1], 1).put(2)
    assert backlog.take() == StreamChunk("abc", "stop")
    assert backlog.put(StreamChunk("", usage=Usage(1, 1, 2)))


def test_an_overflow_says_what_to_do_and_what_is_parked_stays() -> None:
    backlog: Backlog[int] = Backlog(2, "error", operator="backpressure()")
    assert backlog.put(1)
    assert backlog.put(2)
    wanted = r"backpressure\(\) has no room.*2 items are parked.*came: 3\. Allow more max_items.*'join'"
    with pytest.raises(BufferOverflow, match=wanted):
        backlog.put(3)
    assert backlog.stats == BacklogStats(2, 2, 0, 0, 2)
    assert drain(backlog) == [1, 2]


def test_nothing_parked_is_nothing_to_take() -> None:
    with pytest.raises(IndexError):
        Backlog[int](1).take()


# ---------------------------------------------------------------- Restarted


@pytest.mark.parametrize("overflow", ["drop_oldest", "drop_latest", "latest"])
@pytest.mark.parametrize("before", [1, 3])
def test_a_restart_voids_what_is_parked_and_takes_no_room(overflow: Overflow, before: int) -> None:
    told: list[Any] = []
    backlog: Backlog[Any] = Backlog(3, overflow, told.append)
    again = Restarted(2)
    for item in [*"abc"[:before], again]:
        assert backlog.put(item)
    assert told == [*"abc"[:before]]
    assert backlog.stats == BacklogStats(before + 1, 1, before, 0, before)
    for item in "def":
        assert backlog.put(item)
    assert backlog.stats.dropped == before
    assert backlog.is_full
    assert drain(backlog) == [again, "d", "e", "f"]


@pytest.mark.parametrize(("overflow", "last"), [("drop_oldest", "e"), ("drop_latest", "d"), ("latest", "e")])
def test_a_restart_outlives_every_item_behind_it(overflow: Overflow, last: str) -> None:
    again = Restarted(2)
    backlog = fed(overflow, ["a", again, "d", "e"], 1)
    assert drain(backlog) == [again, last]


def test_a_restart_goes_for_the_next_one_only() -> None:
    told: list[Any] = []
    backlog: Backlog[Any] = Backlog(2, "latest", told.append)
    for item in [Restarted(2), "a", Restarted(3), "b"]:
        assert backlog.put(item)
    assert told == [Restarted(2), "a"]
    assert drain(backlog) == [Restarted(3), "b"]


@pytest.mark.parametrize("overflow", ["suspend", "join"])
def test_a_restart_is_an_item_like_others_where_nothing_may_be_lost(overflow: Overflow) -> None:
    backlog = fed(overflow, ["a", Restarted(2)], 2)
    assert not backlog.put("b")
    assert not backlog.put(Restarted(3))
    assert drain(backlog) == ["a", Restarted(2)]


def test_a_restart_overflows_like_others() -> None:
    with pytest.raises(BufferOverflow):
        fed("error", ["a", Restarted(2)], 1)


# ---------------------------------------------------------------- on_drop


def test_who_is_told_of_drops_sees_them_done_and_may_raise() -> None:
    seen: list[tuple[str, int]] = []

    def tell(item: str) -> None:
        seen.append((item, len(backlog)))
        if item == "b":
            raise ZeroDivisionError

    backlog: Backlog[str] = Backlog(1, "drop_oldest", tell)
    for item in "ab":
        assert backlog.put(item)
    with pytest.raises(ZeroDivisionError):
        backlog.put("c")
    assert seen == [("a", 1), ("b", 1)]
    assert backlog.stats == BacklogStats(3, 1, 2, 0, 1)
    assert drain(backlog) == ["c"]


# ---------------------------------------------------------------- arguments


NONSENSE: Any = [
    ((0,), ValueError, "share() expects max_items to be at least 1 and got 0"),
    ((-1,), ValueError, "at least 1 and got -1"),
    ((True,), TypeError, "share() expects max_items to be a whole number of items and got True"),
    ((1.0,), TypeError, "got 1.0"),
    ((None,), TypeError, "got None"),
    ((1, "drop"), UnknownName, "share() knows no overflow 'drop'. There are: 'suspend', 'drop_oldest', "),
    ((1, None), UnknownName, "'latest', 'join', 'error'."),
    ((1, []), UnknownName, "knows no overflow []"),
    ((1, "latest", 1), TypeError, "share() expects on_drop to be a function of the dropped item"),
    ((1, "suspend", print), ValueError, "share() drops nothing with overflow='suspend'"),
    ((1, "join", print), ValueError, "choose one of 'drop_latest', 'drop_oldest', 'latest'."),
    ((1, "error", print), ValueError, "drops nothing"),
]


@pytest.mark.parametrize(("arguments", "error", "message"), NONSENSE, ids=str)
def test_nonsense_is_refused_at_once(arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        Backlog(*arguments, operator="share()")


# ---------------------------------------------------------------- against a naive model


class Model(RuleBasedStateMachine):
    """Every policy, item by item, beside a list."""

    @initialize(overflow=st.sampled_from(OVERFLOWS), size=st.integers(1, 4))
    def begin(self, overflow: Overflow, size: int) -> None:
        self.overflow = overflow
        self.size = size
        self.dropped: list[Any] = []
        self.drops = overflow in DROPPING
        self.backlog: Backlog[Any] = Backlog(size, overflow, self.dropped.append if self.drops else None)
        self.model: list[Any] = []
        #: All that was taken in, all that came out, and what the model dropped.
        self.produced: list[Any] = []
        self.taken: list[Any] = []
        self.void: list[Any] = []
        self.joined = 0
        self.most = 0
        self.number = 0

    @property
    def parked(self) -> int:
        """How many take room."""
        return sum(not (self.drops and isinstance(item, Restarted)) for item in self.model)

    @rule(kind=st.sampled_from(["text", "text", "other"]))
    def put(self, kind: str) -> None:
        self.number += 1
        item: Any = f"{self.number}," if kind == "text" else self.number
        model, overflow = self.model, self.overflow
        fits = self.parked < self.size
        if overflow == "error" and not fits:
            with pytest.raises(BufferOverflow):
                self.backlog.put(item)
            return
        took = self.backlog.put(item)
        if fits:
            model.append(item)
        elif overflow == "drop_oldest":
            self.void.append(model.pop(isinstance(model[0], Restarted)))
            model.append(item)
        elif overflow == "drop_latest":
            self.void.append(item)
        elif overflow == "latest":
            kept = [old for old in model if isinstance(old, Restarted)]
            self.void += model[len(kept) :]
            self.model = [*kept, item]
        elif overflow == "join" and isinstance(item, str) and isinstance(model[-1], str):
            model[-1] += item
            self.joined += 1
        else:
            assert not took
            return
        assert took
        self.produced.append(item)

    @rule()
    def restart(self) -> None:
        self.number += 1
        item = Restarted(self.number)
        if self.drops:
            assert self.backlog.put(item)
            self.void += self.model
            self.model = [item]
        elif self.parked < self.size:
            assert self.backlog.put(item)
            self.model.append(item)
        elif self.overflow == "error":
            with pytest.raises(BufferOverflow):
                self.backlog.put(item)
            return
        else:
            assert not self.backlog.put(item)
            return
        self.produced.append(item)

    @precondition(lambda self: bool(self.model))
    @rule()
    def take(self) -> None:
        item = self.backlog.take()
        assert item == self.model.pop(0)
        self.taken.append(item)

    @invariant()
    def counts_are_right(self) -> None:
        if not hasattr(self, "backlog"):
            return
        stats = self.backlog.stats
        assert len(self.backlog) == len(self.model)
        assert self.backlog.is_full == (self.parked == self.size)
        assert stats.produced == len(self.produced)
        assert stats.dropped == len(self.void)
        assert stats.joined == self.joined
        assert stats.produced == stats.kept + stats.dropped + stats.joined
        assert stats.kept == len(self.taken) + len(self.backlog)
        self.most = max(self.most, self.parked)
        assert stats.high_water == self.most <= self.size

    @invariant()
    def nothing_is_lost_or_told_wrong(self) -> None:
        if not hasattr(self, "backlog"):
            return
        assert self.dropped == self.void
        if not self.drops:
            assert flat([*self.taken, *self.model]) == flat(self.produced)


def flat(items: list[Any]) -> list[Any]:
    """Take what was joined apart again: each text ends in a comma."""
    found: list[Any] = []
    for item in items:
        found += re.findall(r"\d+,", item) if isinstance(item, str) else [item]
    return found


def test_it_does_what_a_list_would() -> None:
    run_state_machine_as_test(Model, settings=settings(max_examples=100, stateful_step_count=40))


class _Joins:
    """A reader that comes when all is over."""

    def __init__(self) -> None:
        self.backlog: Backlog[Any] = Backlog(1, "join")

    def feed(self, chunk: str) -> list[Any]:
        assert self.backlog.put(chunk)
        return []

    def close(self) -> list[Any]:
        return drain(self.backlog)


def test_joining_costs_what_the_text_costs() -> None:
    assert_linear(_Joins, lambda size: ["word "] * (size // 5), shape="words")
