import math
import statistics
from array import array

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rxstream.sansio.gaps import Gaps

seconds = st.lists(st.floats(min_value=0, max_value=1e6), min_size=1)


def nearest_rank(gaps: list[float], percent: int) -> float:
    """Say by counting what the definition says: the shortest that enough of them are no longer than."""
    return min(one for one in gaps if sum(other <= one for other in gaps) * 100 >= percent * len(gaps))


@given(seconds)
@example([1.0])
@example([2.0, 1.0])
@example([float(number) for number in range(200)])
def test_the_figures_are_exact(gaps: list[float]) -> None:
    found = Gaps(array("d", gaps))
    assert found.count == len(found) == len(gaps)
    assert list(found) == gaps
    assert found.p50 == statistics.median_low(gaps)
    assert found.p99 == nearest_rank(gaps, 99)
    assert found.longest == max(gaps)
    assert found.mean == math.fsum(gaps) / len(gaps)


@given(seconds, st.integers(1, 100))
def test_any_percentile_is_one_of_the_gaps(gaps: list[float], percent: int) -> None:
    assert Gaps(array("d", gaps)).percentile(percent) == nearest_rank(gaps, percent)


def test_the_least_percentile_is_the_shortest_gap() -> None:
    assert Gaps(array("d", [3.0, 1.0, 2.0])).percentile(0) == 1.0


@pytest.mark.parametrize("percent", [-1, 100.5, math.nan])
def test_there_is_no_percentile_beyond_a_hundred(percent: float) -> None:
    with pytest.raises(ValueError, match=r"percentile\(\) expects a number from 0 to 100 and got"):
        Gaps(array("d")).percentile(percent)


def test_without_gaps_there_are_no_figures() -> None:
    gaps = Gaps(array("d"))
    assert (gaps.count, list(gaps)) == (0, [])
    assert (gaps.p50, gaps.p99, gaps.longest, gaps.mean) == (None, None, None, None)
    assert repr(gaps) == "Gaps(none)"


@pytest.mark.parametrize("asked_before", [True, False])
def test_it_keeps_its_moment_while_the_array_grows(asked_before: bool) -> None:
    growing = array("d", [1.0, 3.0])
    gaps = Gaps(growing)
    if asked_before:
        assert gaps.longest == 3.0
    growing.append(9.0)
    assert (list(gaps), gaps.longest, gaps.mean) == ([1.0, 3.0], 3.0, 2.0)
    assert list(Gaps(growing, 1)) == [1.0]


def test_its_repr_says_what_a_human_asks() -> None:
    gaps = Gaps(array("d", [0.1, 0.25, 0.1]))
    assert repr(gaps) == "Gaps(3: p50 0.1 s, p99 0.25 s, longest 0.25 s, mean 0.15 s)"
