import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxstream.sansio.characters import Characters
from rxstream.testing import assert_incremental, chunkings, run_machine, texts


@given(st.data(), st.integers(1, 9))
def test_pieces_are_full_but_for_the_last(data: st.DataObject, n: int) -> None:
    text = data.draw(texts())
    pieces, fault = run_machine(lambda: Characters(n), data.draw(chunkings(text)))
    assert fault is None
    assert pieces == [text[start : start + n] for start in range(0, len(text), n)]


@given(st.text(max_size=20), st.integers(1, 9))
def test_a_piece_comes_with_its_last_character(text: str, n: int) -> None:
    machine = Characters(n)
    for place, character in enumerate(text, start=1):
        assert bool(list(machine.feed(character))) == (place % n == 0)


def test_what_is_certain_is_out() -> None:
    assert_incremental(lambda: Characters(3), "a🏳️\r\nwords e\u0301")


@pytest.mark.parametrize("n", [0, -1, 2.5, "3", None])
def test_a_length_that_is_no_positive_int_is_an_error(n: int) -> None:
    with pytest.raises(ValueError, match="expects a positive int, the length of a piece, got"):
        Characters(n)
