from collections.abc import Iterator

from rxstream.testing import run_machine
from rxstream.testing.runs import same, short, show


class Digits:
    """Gives digits as numbers; a "." finishes it, anything else is a fault."""

    def __init__(self) -> None:
        self.finished = False
        self.closed = 0

    def feed(self, chunk: str) -> Iterator[int]:
        for char in chunk:
            if char == ".":
                self.finished = True
                return
            yield int(char)

    def close(self) -> list[int]:
        self.closed += 1
        assert self.closed == 1
        return [-1]


def test_a_run_feeds_closes_and_collects() -> None:
    assert run_machine(Digits, ["12", "", "3"]) == ([1, 2, 3, -1], None)


def test_a_run_without_chunks_only_closes() -> None:
    assert run_machine(Digits, []) == ([-1], None)


def test_values_before_a_fault_are_kept_and_a_fault_is_not_followed_by_close() -> None:
    items, fault = run_machine(Digits, ["12x4", "5"])
    assert items == [1, 2]
    assert isinstance(fault, ValueError)


def test_a_finished_machine_is_closed_and_fed_no_more() -> None:
    assert run_machine(Digits, ["1.", "x"]) == ([1, -1], None)


def test_a_fault_in_close_is_an_outcome_too() -> None:
    class Unfinished(Digits):
        def close(self) -> list[int]:
            raise ValueError("not finished")

    items, fault = run_machine(Unfinished, ["1"])
    assert items == [1]
    assert str(fault) == "not finished"


def test_outcomes_are_the_same_if_items_and_the_fault_s_type_and_message_are() -> None:
    assert same(([1], None), ([1], None))
    assert not same(([1], None), ([2], None))
    assert same(([1], ValueError("a")), ([1], ValueError("a")))
    assert not same(([1], ValueError("a")), ([1], ValueError("b")))
    assert not same(([1], ValueError("a")), ([1], KeyError("a")))
    assert not same(([1], ValueError("a")), ([1], None))


def test_join_makes_the_borders_of_items_meaningless() -> None:
    assert same((["ab", "c"], None), (["a", "bc"], None), "".join)
    assert not same((["ab", "c"], None), (["a", "b"], None), "".join)


def test_messages_show_the_fault_and_leave_out_the_middle_of_long_values() -> None:
    assert show((["a"], None)) == "['a']"
    assert show((["a"], ValueError("no"))) == "['a'], then ValueError('no')"
    assert len(short("x" * 10_000)) < 600
    assert "xxx ... xxx" in short("x" * 10_000)
