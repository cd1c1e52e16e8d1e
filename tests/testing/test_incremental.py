from collections.abc import Sequence

import pytest

from rxstream.testing import assert_incremental, check_machine
from rxstream.testing.incremental import endings_of


class StopAt:
    """Gives the text before the stop, holding back no more than what may become it."""

    def __init__(self, stop: str = "STOP") -> None:
        self.stop = stop
        self.held = ""
        self.finished = False

    def feed(self, chunk: str) -> Sequence[str]:
        text = self.held + chunk
        before, stop, _ = text.partition(self.stop)
        if stop:
            self.finished, self.held = True, ""
            return [before] if before else []
        known = next(size for size in range(len(self.stop), -1, -1) if text.endswith(self.stop[:size]))
        self.held = text[len(text) - known :]
        out = text[: len(text) - known]
        return [out] if out else []

    def close(self) -> Sequence[str]:
        return [self.held] if self.held else []


class Eager(StopAt):
    """Holds back nothing, and corrects itself: each item is the whole text so far."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def feed(self, chunk: str) -> Sequence[str]:
        self.text += chunk
        before, stop, _ = self.text.partition(self.stop)
        self.finished = bool(stop)
        return [before] if chunk else []

    def close(self) -> Sequence[str]:
        return []


class SoFar:
    """Gives the text so far, truthfully."""

    def __init__(self) -> None:
        self.text = ""

    def feed(self, chunk: str) -> Sequence[str]:
        self.text += chunk
        return [self.text] if chunk else []

    def close(self) -> Sequence[str]:
        return []


class Changes:
    """Gives one list, and goes on filling it after it is out."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def feed(self, chunk: str) -> Sequence[list[str]]:
        first = not self.words
        self.words += chunk
        return [self.words] if first and chunk else []

    def close(self) -> Sequence[list[str]]:
        return []


class OneCharacterLate:
    def __init__(self) -> None:
        self.held: str = ""

    def feed(self, chunk: str) -> Sequence[str]:
        text = self.held + chunk
        self.held = text[-1:]
        return list(text[:-1])

    def close(self) -> Sequence[str]:
        return [self.held] if self.held else []


class LateInOneChunk(OneCharacterLate):
    """Looks at a chunk when the next one comes."""

    def feed(self, chunk: str) -> Sequence[str]:
        if not chunk:
            return []
        out, self.held = list(self.held), chunk
        return out

    def close(self) -> Sequence[str]:
        return list(self.held)


class SlowWhenDripping(OneCharacterLate):
    """Waits for more when it gets single characters, but for the first."""

    fed = False

    def feed(self, chunk: str) -> Sequence[str]:
        if self.fed and len(chunk) < 2:
            self.held += chunk
            return []
        self.fed = bool(chunk)
        return list(chunk)

    def close(self) -> Sequence[str]:
        return list(self.held)


def last(items: list[str]) -> str:
    return items[-1] if items else ""


def test_a_machine_that_holds_back_what_may_still_change_passes() -> None:
    assert_incremental(StopAt, "a S, a STO, a STOP, more", join="".join)


def test_a_machine_that_waits_for_something_unheard_of_needs_its_continuations() -> None:
    with pytest.raises(AssertionError, match=r"^law 2: (?s:.*)'a S' and any of \d+ continuations"):
        assert_incremental(StopAt, "a S", join="".join)
    assert_incremental(StopAt, "a S", ["TOP"], join="".join)
    assert_incremental(StopAt, "a S", lambda prefix: ["STOP".removeprefix(prefix[-1:])], join="".join)
    # An iterator is used for all the prefixes, not for the first alone.
    assert_incremental(StopAt, "a S", iter(["TOP"]), join="".join)


def test_the_samples_know_each_other_s_continuations() -> None:
    check_machine(StopAt, ["a S", "a ST", "the STOP here"], join="".join, linear=False)


def test_what_is_taken_back_is_caught() -> None:
    assert_incremental(SoFar, "a STOP", join=last)
    with pytest.raises(AssertionError, match=r"^law 6: (?s:.*)was out  'a S'(?s:.*)becomes  'a '"):
        assert_incremental(Eager, "a STOP", join=last)
    with pytest.raises(AssertionError, match=r"^law 6: "):
        check_machine(Eager, ["a STOP"], join=last)


def test_an_item_that_changes_after_it_came_out_is_caught() -> None:
    with pytest.raises(AssertionError, match=r"^law 6: "):
        assert_incremental(Changes, "abc")


def test_lag_allows_to_be_late_by_so_many_characters() -> None:
    with pytest.raises(AssertionError, match=r"^law 2: (?s:.*)as single characters"):
        assert_incremental(SlowWhenDripping, "abcd")
    with pytest.raises(AssertionError, match=r"^law 2: (?s:.*)in one chunk"):
        assert_incremental(LateInOneChunk, "abcd", lag=1)
    with pytest.raises(AssertionError, match=r"^law 2: "):
        assert_incremental(OneCharacterLate, "abcd")
    assert_incremental(OneCharacterLate, "abcd", lag=1)


def test_long_texts_are_sampled() -> None:
    with pytest.raises(AssertionError, match=r"^law 2: "):
        assert_incremental(OneCharacterLate, "word " * 200, places=3)


def test_bytes_go_on_as_bytes() -> None:
    class Copy:
        def feed(self, chunk: bytes) -> Sequence[int]:
            return list(chunk)

        def close(self) -> Sequence[int]:
            return []

    assert_incremental(Copy, "zwölf".encode())


def test_endings_are_what_follows_the_same_last_characters() -> None:
    endings = list(endings_of(["<thin> <think>"], ["more"])("a <thi"))
    assert endings[0] == "more"
    assert {"n> <think>", "nk>"} <= set(endings)
