"""Text that grows by pieces."""

from hypothesis import given
from hypothesis import strategies as st

from rxstream.sansio.growing import SoLong


@given(st.lists(st.text(max_size=3), max_size=8), st.lists(st.text(max_size=3), max_size=8))
def test_it_stays_what_it_was_however_long_the_list_becomes(before: list[str], after: list[str]) -> None:
    pieces = list(before)
    seen = SoLong(pieces)
    assert str(seen) == "".join(before)
    pieces += after
    assert str(seen) == "".join(before)
    assert str(SoLong(pieces)) == "".join(before + after)
