"""Nobody counts as dead because a clock was set."""

from rxstream.transports.sqlite_clock import SharedClock

LEASE = 10.0


class Clocks:
    """A wall clock that can be set, and a steady one that cannot."""

    def __init__(self) -> None:
        self.wall = 1_000_000.0
        self.steady = 50.0
        self.shared = SharedClock(LEASE, wall=lambda: self.wall, steady=lambda: self.steady)

    def wait(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


def test_a_process_is_alive_for_its_lease() -> None:
    clocks = Clocks()
    beat = clocks.shared.now()
    clocks.wait(9.9)
    assert clocks.shared.is_alive(beat, LEASE)
    clocks.wait(0.2)
    assert not clocks.shared.is_alive(beat, LEASE)
    assert clocks.shared.is_alive(beat, 20.0), "each process says for how long it holds"


def test_one_that_was_dead_before_we_came_is_dead() -> None:
    clocks = Clocks()
    assert not clocks.shared.is_alive(clocks.wall - 11, LEASE)


def test_a_clock_that_is_put_forward_kills_nobody_who_is_alive() -> None:
    clocks = Clocks()
    beat = clocks.shared.now()
    clocks.wall += 3600
    assert clocks.shared.is_alive(beat, LEASE)
    clocks.wait(9.9)
    assert clocks.shared.is_alive(beat, LEASE), "it may not have noticed yet"
    clocks.wait(0.2)
    assert not clocks.shared.is_alive(beat, LEASE)
    assert clocks.shared.is_alive(clocks.wall - 1, LEASE)


def test_a_clock_that_is_put_back_holds_no_dead_one_for_long() -> None:
    clocks = Clocks()
    beat = clocks.shared.now()
    clocks.wall -= 3600
    assert clocks.shared.is_alive(beat, LEASE)
    clocks.wait(10.1)
    assert not clocks.shared.is_alive(beat, LEASE)


def test_a_sign_of_life_from_the_future_counts_for_one_lease_from_when_we_came() -> None:
    """The clock was put back before we began, so we have not seen it."""
    clocks = Clocks()
    beat = clocks.wall + 3600
    assert clocks.shared.is_alive(beat, LEASE)
    clocks.wait(10.1)
    assert not clocks.shared.is_alive(beat, LEASE)


def test_a_clock_that_is_a_little_off_is_trusted() -> None:
    clocks = Clocks()
    beat = clocks.shared.now()
    for _ in range(101):
        clocks.wait(0.1)
        clocks.wall += 0.0005
        clocks.shared.now()
    assert not clocks.shared.is_alive(beat, LEASE)
    assert clocks.shared.is_alive(clocks.wall + 1, LEASE), "another one looked at it a moment later"


def test_a_machine_that_has_just_started_is_no_excuse() -> None:
    shared = SharedClock(LEASE, wall=lambda: 1_000_000.0, steady=lambda: 0.0)
    assert not shared.is_alive(1_000_000.0 - 11, LEASE)
