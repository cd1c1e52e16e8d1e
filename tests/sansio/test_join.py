from itertools import accumulate

from hypothesis import given

from rxstream.sansio.join import SoFar
from rxstream.testing import chunkings, run_machine, texts


@given(chunkings(texts()))
def test_each_chunk_gives_the_text_up_to_its_end(chunks: list[str]) -> None:
    items, fault = run_machine(SoFar, chunks)
    assert fault is None
    assert items == list(accumulate(filter(None, chunks)))


def test_an_empty_chunk_gives_nothing() -> None:
    machine = SoFar()
    assert list(machine.feed("")) == []
    assert list(machine.feed("a")) == ["a"]
    assert list(machine.feed("")) == []


def test_an_item_that_somebody_keeps_never_changes() -> None:
    machine = SoFar()
    kept = [item for chunk in ("one", " two", " three") for item in machine.feed(chunk)]
    assert kept == ["one", "one two", "one two three"]
