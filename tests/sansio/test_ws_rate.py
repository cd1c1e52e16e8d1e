"""How many messages a client may send."""

from hypothesis import given
from hypothesis import strategies as st

from rxstream.sansio.ws_rate import Rate


@given(st.integers(0, 20), st.lists(st.integers(0, 3), max_size=60))
def test_no_more_than_the_bucket_and_what_it_was_filled_with(rate: int, gaps: list[int]) -> None:
    bucket = Rate(rate)
    now = taken = 0
    for gap in gaps:
        now += gap
        if bucket.take(now):
            taken += 1
    if not rate:
        assert taken == len(gaps)
    else:
        assert taken <= max(2 * rate, 10) + now * rate


def test_an_empty_bucket_refuses_and_fills_again() -> None:
    bucket = Rate(1)
    assert [bucket.take(0) for _ in range(12)] == [True] * 10 + [False] * 2
    assert bucket.refused == 2
    assert bucket.take(1)
    assert not bucket.take(1.5)
    assert bucket.refused == 3
    assert bucket.take(100)
    assert bucket.refused == 0, "it was full, so what was refused is forgiven"


def test_no_rate_is_no_limit() -> None:
    bucket = Rate(0)
    assert all(bucket.take(0) for _ in range(1000))
