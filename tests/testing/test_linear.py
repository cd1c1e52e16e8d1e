import gc
from collections.abc import Sequence

import pytest

from rxstream.testing import assert_linear
from rxstream.testing.linear import text_shapes


class Copy:
    finished = False

    def feed(self, chunk: str) -> Sequence[str]:
        return [chunk]

    def close(self) -> Sequence[str]:
        return []


class CopiesAll(Copy):
    """Appends to one string, and looks at all of it for every chunk.

    (The copy alone is a square, too. But where memory is fast and a tracer counts every line, the line is
    dearer than the copy for as long a text as a test has time for.)
    """

    held = ""

    def feed(self, chunk: str) -> Sequence[str]:
        self.held += chunk
        self.held.upper()
        return []


class DearLine(Copy):
    """A square too, but one that hides: a chunk costs more than the copy of a short text does."""

    held = ""

    def feed(self, chunk: str) -> Sequence[str]:
        self.held += chunk
        self.held.count("x")
        sum(range(400))
        return []


class Ends(CopiesAll):
    def feed(self, chunk: str) -> Sequence[str]:
        self.finished = len(self.held) > 10
        return super().feed(chunk)


class Fails(CopiesAll):
    def feed(self, chunk: str) -> Sequence[str]:
        if len(self.held) > 10:
            raise ValueError(chunk)
        return super().feed(chunk)


def fours(size: int) -> list[str]:
    return ["abcd"] * (size // 4)


def test_a_linear_machine_passes() -> None:
    assert_linear(Copy, fours)


def test_a_square_is_caught_and_the_message_says_how_fast_it_grows() -> None:
    with pytest.raises(
        AssertionError, match=r"^law 3: the cost of a long word grows .* power (1\.[5-9]|2\.)"
    ):
        assert_linear(CopiesAll, fours, shape="a long word")


def test_a_square_is_caught_behind_a_line_that_is_dearer_than_it() -> None:
    with pytest.raises(AssertionError, match=r"^law 3: "):
        assert_linear(DearLine, fours)


def test_the_exponent_that_is_allowed_can_be_named() -> None:
    assert_linear(CopiesAll, fours, exponent=3)


def test_a_machine_that_is_too_fast_to_be_measured_passes() -> None:
    assert_linear(Copy, lambda size: ["a" * size])


@pytest.mark.parametrize("machine", [Ends, Fails])
def test_a_machine_that_ends_early_shows_nothing(machine: type[Copy]) -> None:
    assert_linear(machine, fours)


def test_shapes_repeat_the_samples_and_stretch_one_character_of_each_sort() -> None:
    shapes = dict(text_shapes(["ab 1", "\n"]))
    inputs = [make_input(1000) for make_input in shapes.values()]
    assert [max(map(len, chunks)) for chunks in inputs] == [4, 1000 + 5 - 1000 % 5, 4, 4, 4]
    assert all(1000 <= sum(map(len, chunks)) <= 1010 for chunks in inputs)
    stretched = {max("ab 1\n", key="".join(chunks).count) for chunks in inputs[2:]}
    assert len(stretched) == 3
    assert "1" in stretched


def test_shapes_of_bytes_are_bytes() -> None:
    assert {type(make_input(10)[0]) for _, make_input in text_shapes([b"a!"])} == {bytes}


def test_there_are_no_shapes_of_nothing() -> None:
    assert list(text_shapes(["", ""])) == []


def test_the_garbage_collector_is_left_as_it_was() -> None:
    gc.disable()
    try:
        assert_linear(Ends, fours)
        assert not gc.isenabled()
    finally:
        gc.enable()
    assert_linear(Ends, fours)
    assert gc.isenabled()
