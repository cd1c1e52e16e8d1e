"""How many messages a client may send."""

from collections.abc import Iterator

from hypothesis import example, given
from hypothesis import strategies as st

from rxstream.sansio.ws_rate import Rate


def reference(rate: float, times: list[float]) -> Iterator[tuple[bool, int]]:
    """Say of each time whether one is taken, and how many were refused: by all that was taken before.

    From any moment on, no more are taken than a full bucket and what has flown in since. It is full again
    when no more were taken than have flown in.
    """
    size = max(2 * rate, 10)
    taken: list[float] = []
    refused = 0
    for now in times:
        behind = [(len(taken) - index, (now - start) * rate) for index, start in enumerate(taken)]
        if all(count <= inflow for count, inflow in behind):
            refused = 0
        if all(count + 1 <= size + inflow for count, inflow in behind):
            taken.append(now)
            yield True, refused
        else:
            refused += 1
            yield False, refused


# Rates and times in quarters, and a first bucket of ten: no number is rounded.
@example(1, [0] * 12 + [40])
@example(40, [0] * 21 + [1] + [0] * 20)
@given(
    st.integers(1, 48),
    st.lists(st.integers(0, 3) | st.sampled_from([0, 0, 0, 9, 100]), max_size=10)
    | st.lists(st.integers(0, 3) | st.sampled_from([0] * 8 + [9, 100]), min_size=20, max_size=60),
)
def test_the_bucket_is_as_all_that_was_taken_says(quarters: int, gaps: list[int]) -> None:
    bucket = Rate(quarters / 4)
    times = [sum(gaps[: count + 1]) / 4 for count in range(len(gaps))]
    assert [(bucket.take(now), bucket.refused) for now in times] == list(reference(quarters / 4, times))


def test_an_empty_bucket_refuses_and_fills_again() -> None:
    bucket = Rate(1)
    assert [bucket.take(0) for _ in range(12)] == [True] * 10 + [False] * 2
    assert bucket.refused == 2
    assert bucket.take(1)
    assert not bucket.take(1.5)
    assert bucket.refused == 3
    assert bucket.take(100)
    assert bucket.refused == 0, "it was full, so what was refused is forgiven"


def test_it_holds_what_two_seconds_bring() -> None:
    bucket = Rate(20)
    assert [bucket.take(0) for _ in range(41)] == [True] * 40 + [False]


def test_a_clock_that_was_set_back_empties_nothing() -> None:
    bucket = Rate(1)
    assert bucket.take(3600)
    assert [bucket.take(0) for _ in range(10)] == [True] * 9 + [False]
    assert bucket.take(1), "time goes on from there"


def test_no_rate_is_no_limit() -> None:
    bucket = Rate(0)
    assert all(bucket.take(0) for _ in range(1000))
