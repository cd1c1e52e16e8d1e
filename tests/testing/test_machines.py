"""Good machines pass; each broken one is caught, and for what it does wrong."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar

import pytest
from hypothesis import given

from rxstream.sansio import Machine
from rxstream.testing import (
    assert_lossless,
    assert_split_invariant,
    check_machine,
    chunkings,
    run_machine,
    texts,
)

LINES = ["one\ntwo\n\nthree 3", "", "\n", "no end"]


class Lines:
    """Good: lines with their ends."""

    def __init__(self) -> None:
        self.held: list[str] = []

    def feed(self, chunk: str) -> Sequence[str]:
        *lines, rest = chunk.split("\n")
        if lines:
            lines = [line + "\n" for line in lines]
            lines[0] = "".join([*self.held, lines[0]])
            self.held.clear()
        if rest:
            self.held.append(rest)
        return lines

    def close(self) -> Sequence[str]:
        return ["".join(self.held)] if self.held else []


class Numbers:
    """Good: numbers with a comma behind each; what is no number is a fault that says where."""

    def __init__(self) -> None:
        self.held: list[str] = []
        self.count = 0

    def feed(self, chunk: str) -> Iterator[int]:
        *parts, rest = chunk.split(",")
        for part in parts:
            number = "".join([*self.held, part])
            self.held.clear()
            self.count += 1
            # Not int(), which takes white space and "1_0", and more time for more digits.
            if not re.fullmatch("[0-9]{1,9}", number):
                raise ValueError(f"number {self.count}: expected digits, got {number!r}")
            yield int(number)
        if rest:
            self.held.append(rest)

    def close(self) -> Iterator[int]:
        return self.feed(",") if self.held else iter(())


class Until:
    """Good: the text before the first full stop, as it comes."""

    def __init__(self) -> None:
        self.finished = False

    def feed(self, chunk: str) -> Sequence[str]:
        before, stop, _ = chunk.partition(".")
        self.finished = bool(stop)
        return [before] if before else []

    def close(self) -> Sequence[str]:
        return []


class ByteLines:
    """Good: the same on bytes."""

    def __init__(self) -> None:
        self.lines = Lines()

    def feed(self, chunk: bytes) -> Sequence[bytes]:
        return [line.encode("latin-1") for line in self.lines.feed(chunk.decode("latin-1"))]

    def close(self) -> Sequence[bytes]:
        return [line.encode("latin-1") for line in self.lines.close()]


def test_good_machines_pass() -> None:
    check_machine(Lines, LINES, lossless=True)
    check_machine(Numbers, ["1,22,333,", "4,x,5", "6"])
    check_machine(Until, ["a b. c. d", "no end", "."], join="".join)
    check_machine(ByteLines, ["one\nzwölf\n".encode(), b"\xff\n"], lossless=True)


@given(texts("\n", "\r\n").flatmap(chunkings))
def test_the_good_machine_is_good(chunks: list[str]) -> None:
    assert run_machine(Lines, chunks) == (_by_hand("".join(chunks)), None)


def _by_hand(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)


class LosesAtTheEdge(Lines):
    """Takes the first character of a chunk for the second half of a line end."""

    def feed(self, chunk: str) -> Sequence[str]:
        return super().feed(chunk.removeprefix("w") if self.held else chunk)


class RunsTogether(Lines):
    """Holds nothing back: a line is what a chunk has of it."""

    def feed(self, chunk: str) -> Sequence[str]:
        return [chunk] if chunk else []


class SharesState(Lines):
    shared: ClassVar[list[str]] = []

    def __init__(self) -> None:
        self.held = self.shared

    def close(self) -> Sequence[str]:
        rest = list(super().close())
        self.held.clear()
        return rest


class FailsEagerly(Numbers):
    """Builds a list, so a fault takes the good values of its chunk with it."""

    def feed(self, chunk: str) -> Iterator[int]:
        return iter(list(super().feed(chunk)))


class FaultNamesTheChunk(Numbers):
    def feed(self, chunk: str) -> Iterator[int]:
        try:
            yield from super().feed(chunk)
        except ValueError as error:
            raise ValueError(f"in {chunk!r}") from error


class FlushesOnEmpty(Lines):
    def feed(self, chunk: str) -> Sequence[str]:
        return super().feed(chunk) if chunk else self.flush()

    def flush(self) -> Sequence[str]:
        rest = self.close()
        self.held.clear()
        return rest


class CountsEmpty(Lines):
    """Nothing comes out for an empty chunk, but one before a line is remembered."""

    empty = False

    def feed(self, chunk: str) -> Sequence[str]:
        self.empty = self.empty or not chunk
        return [line.replace("three", "3") if self.empty else line for line in super().feed(chunk)]

    def close(self) -> Sequence[str]:
        return [line.replace("three", "3") if self.empty else line for line in super().close()]


class EndsOnEmpty(Lines):
    finished = False

    def feed(self, chunk: str) -> Sequence[str]:
        self.finished = not chunk and bool(self.held)
        return super().feed(chunk)


class GreetsEmpty(Lines):
    def __init__(self) -> None:
        super().__init__()
        self.fed = False

    def feed(self, chunk: str) -> Sequence[str]:
        self.fed = True
        return super().feed(chunk)

    def close(self) -> Sequence[str]:
        return super().close() if self.fed else ["nothing"]


class WaitsForTheEnd(Lines):
    def feed(self, chunk: str) -> Sequence[str]:
        self.held.append(chunk)
        return []

    def close(self) -> Sequence[str]:
        return _by_hand("".join(self.held))


class OneFeedLate(Lines):
    """Gives a line when the next one begins."""

    def __init__(self) -> None:
        super().__init__()
        self.ready: list[str] = []

    def feed(self, chunk: str) -> Sequence[str]:
        if not chunk:
            return []
        ready = self.ready
        self.ready = list(super().feed(chunk))
        return ready

    def close(self) -> Sequence[str]:
        return [*self.ready, *super().close()]


class Rescans:
    """Lines, with a search through all that is held for each chunk."""

    def __init__(self) -> None:
        self.held = ""

    def feed(self, chunk: str) -> Sequence[str]:
        self.held += chunk
        lines: list[str] = []
        while match := re.search("\n", self.held):
            lines.append(self.held[: match.end()])
            self.held = self.held[match.end() :]
        return lines

    def close(self) -> Sequence[str]:
        return [self.held] if self.held else []


class Strips(Lines):
    def feed(self, chunk: str) -> Sequence[str]:
        return [line.rstrip("\n") for line in super().feed(chunk)]


class CrashesWithoutInput(Lines):
    def close(self) -> Sequence[str]:
        return super().close() if self.held else [self.held[-1]]


class ReturnsNothing(Lines):
    def feed(self, chunk: str) -> Any:
        super().feed(chunk)


class GoesOnAfterItsEnd(Until):
    """Finished at the full stop, but the rest of that chunk still comes out."""

    def feed(self, chunk: str) -> Sequence[str]:
        self.finished = "." in chunk
        return list(chunk)


class FinishedOnlyAtTheEdge(Until):
    stopped = False

    def feed(self, chunk: str) -> Sequence[str]:
        before, stop, after = chunk.partition(".")
        out = [] if self.stopped else list(before)
        self.stopped = self.stopped or bool(stop)
        self.finished = bool(stop) and not after
        return out


@pytest.mark.parametrize(
    ("machine", "samples", "message"),
    [
        (LosesAtTheEdge, LINES, "law 1: where"),
        (RunsTogether, LINES, "law 1: where"),
        (FailsEagerly, ["1,2,x,3"], "law 1: where"),
        (FaultNamesTheChunk, ["1,2,x,3"], "law 1: where"),
        (FlushesOnEmpty, LINES, "law 1: an empty chunk"),
        (CountsEmpty, LINES, "law 1: where"),
        (EndsOnEmpty, LINES, "law 1: an empty chunk.*ended the machine"),
        (GreetsEmpty, LINES, "law 1: an empty chunk"),
        (FinishedOnlyAtTheEdge, ["a. b"], "law 1: .*finished"),
        (WaitsForTheEnd, LINES, "law 2: "),
        (OneFeedLate, LINES, "law 2: "),
        (Rescans, LINES, "law 3: "),
        (SharesState, LINES, "contract: .*not independent"),
        (CrashesWithoutInput, LINES, "contract: .*close"),
        (ReturnsNothing, LINES, "contract: .*crashed on .*NoneType"),
        (GoesOnAfterItsEnd, ["a."], "contract: the machine is finished after 'a.'"),
    ],
)
def test_a_broken_machine_is_caught_by_its_law(
    machine: Callable[[], Machine[str, Any]], samples: list[str], message: str
) -> None:
    with pytest.raises(AssertionError, match=f"(?s)^{message}"):
        check_machine(machine, samples)


def test_what_is_promised_to_be_lossless_is_held_to_it() -> None:
    check_machine(Strips, ["one\ntwo"], linear=False)
    with pytest.raises(AssertionError, match=r"^law 4: "):
        check_machine(Strips, ["one\ntwo"], lossless=True)
    with pytest.raises(AssertionError, match=r"^law 4: .*(?s:.*)then ValueError"):
        assert_lossless(FaultyCopy, "a!b")
    assert_lossless(Lines, "one\ntwo")


class FaultyCopy:
    def feed(self, chunk: str) -> Iterator[str]:
        for char in chunk:
            if char == "!":
                raise ValueError(char)
            yield char

    def close(self) -> Sequence[str]:
        return []


def test_the_message_shows_the_text_the_fewest_chunks_and_both_outputs() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_split_invariant(LosesAtTheEdge, "one\ntwo")
    assert str(caught.value) == (
        "law 1: where the input is cut changes what comes out\n"
        "  input   'one\\ntwo'\n"
        "  cut as  ['one\\ntwo']\n"
        "  gives   ['one\\n', 'two']\n"
        "  cut as  ['one\\nt', 'wo']\n"
        "  gives   ['one\\n', 'to']"
    )


def test_a_failure_of_many_chunks_is_cut_down_to_few() -> None:
    class LosesTheThird(Lines):
        fed = 0

        def feed(self, chunk: str) -> Sequence[str]:
            self.fed += 1
            return super().feed(chunk if self.fed != 3 else "")

    with pytest.raises(AssertionError) as caught:
        assert_split_invariant(LosesTheThird, "abcdefgh")
    chunks = re.findall(r"cut as  (\[.*\])", str(caught.value))[1]
    assert len(chunks.split(", ")) == 3


def test_long_texts_are_sampled_and_still_caught() -> None:
    with pytest.raises(AssertionError, match=r"^law 1"):
        assert_split_invariant(RunsTogether, "word " * 1000, cuts=5)


def test_join_forgives_where_items_are_cut_but_not_what_they_say() -> None:
    assert_split_invariant(RunsTogether, "one\ntwo", join="".join)
    with pytest.raises(AssertionError, match=r"^law 1"):
        assert_split_invariant(LosesAtTheEdge, "one\ntwo", join="".join)


class Pairs:
    """Takes numbers, gives the sums of pairs."""

    def __init__(self) -> None:
        self.held: list[int] = []

    def feed(self, chunk: Iterable[int]) -> Iterator[int]:
        for number in chunk:
            self.held.append(number)
            if len(self.held) == 2:
                yield sum(self.held)
                self.held.clear()

    def close(self) -> Sequence[int]:
        return self.held


class PairsOfChunks(Pairs):
    def feed(self, chunk: Iterable[int]) -> Iterator[int]:
        yield from super().feed(chunk)
        self.held.clear()


def _cut_numbers(numbers: Sequence[int]) -> Iterator[list[Sequence[int]]]:
    yield [numbers]
    yield [numbers[:1], (), numbers[1:]]
    yield [[number] for number in numbers]


def test_machines_that_take_no_text_are_checked_with_chunkings_of_their_own() -> None:
    check_machine(Pairs, [[1, 2, 3], [4, 5]], chunkings=_cut_numbers)
    with pytest.raises(AssertionError, match=r"^law 1: "):
        check_machine(PairsOfChunks, [[1, 2, 3], [4, 5]], chunkings=_cut_numbers)


def test_samples_must_be_given() -> None:
    with pytest.raises(ValueError, match="expected samples"):
        check_machine(Lines, [])
