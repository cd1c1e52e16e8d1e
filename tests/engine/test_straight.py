"""The straight run: a source and machines, without Rx."""

from collections.abc import Iterable
from typing import Any

import pytest

from rxstream.engine.fuse import FirstMachine
from rxstream.engine.lift import lift
from rxstream.sinks.open_stream import open_stream
from tests.engine.sources import Same, Source, read, read_until_error

pytestmark = pytest.mark.anyio

each_length = pytest.mark.parametrize("length", range(7))


class Twice(Same):
    """Gives each chunk twice, and a number at its end."""

    def feed(self, chunk: Any) -> Iterable[Any]:
        return chunk, chunk

    def close(self) -> Iterable[Any]:
        return ("end",)


class Take(Same):
    """Is at its end with its n-th chunk."""

    def __init__(self, most: int) -> None:
        self.left = most
        self.finished = False

    def feed(self, chunk: Any) -> Iterable[Any]:
        self.left -= 1
        self.finished = self.left == 0
        return (chunk,)


class Bad(Same):
    """Fails behind its first item, or at its close."""

    def __init__(self, *, at_close: bool) -> None:
        self.at_close = at_close

    def feed(self, chunk: Any) -> Iterable[Any]:
        yield chunk
        if not self.at_close:
            raise ArithmeticError("feed")

    def close(self) -> Iterable[Any]:
        yield "last words"
        raise ArithmeticError("close")


@each_length
async def test_any_number_of_machines_runs_in_order(length: int) -> None:
    expected: list[Any] = [1, 2]
    for _ in range(length):
        expected = [item for item in expected for _ in range(2)] + ["end"]
    assert await read(Source([1, 2]).pipe(*[lift(Twice)] * length)) == expected


@each_length
@pytest.mark.parametrize("place", range(3))
async def test_a_machine_at_its_end_closes_the_source_before_its_last_item_is_read(
    length: int, place: int
) -> None:
    source = Source()
    chain = [lift(Same)] * length
    chain.insert(min(place, length), lift(lambda: Take(3)))
    async with open_stream(source.pipe(*chain)) as items:
        seen: list[int] = []
        async for item in items:
            seen.append(item)
            assert source.closed == (item == 2)
    assert seen == [0, 1, 2]
    assert source.produced == 3
    assert source.closed == 1


@each_length
@pytest.mark.parametrize("at_close", [False, True])
@pytest.mark.parametrize("finishing", [False, True])
async def test_what_a_machine_found_before_its_fault_comes_out(
    length: int, at_close: bool, finishing: bool
) -> None:
    source = Source([1, 2])
    tail = [lift(Same)] * length + [lift(lambda: Take(100))] * finishing
    found, error = await read_until_error(source.pipe(lift(lambda: Bad(at_close=at_close)), *tail))
    assert found == ([1, 2, "last words"] if at_close else [1])
    assert isinstance(error, ArithmeticError)
    assert (source.opened, source.closed) == (1, 1)


@pytest.mark.parametrize("at_close", [False, True])
@pytest.mark.parametrize("finishing", [False, True])
async def test_a_failing_close_is_a_note_on_a_machine_s_fault(at_close: bool, finishing: bool) -> None:
    source = Source([1], close_fail=OSError("source"))
    tail = [lift(lambda: Take(100))] * finishing
    async with open_stream(source.pipe(lift(lambda: Bad(at_close=at_close)), *tail)) as items:
        with pytest.raises(ArithmeticError) as caught:
            async for _ in items:
                pass
        assert any("OSError('source')" in note for note in caught.value.__notes__)


class Passing(Same, FirstMachine):
    """Lets plain texts pass, whatever came before them, and marks everything else."""

    passes = frozenset({str})

    def feed(self, chunk: Any) -> Iterable[Any]:
        assert not isinstance(chunk, str), "it was not to be asked"
        return ("seen", chunk)


@pytest.mark.parametrize("length", range(4))
async def test_what_the_first_machine_lets_pass_is_not_shown_to_it(length: int) -> None:
    chain = [lift(Passing)] + [lift(Same)] * length
    assert await read(Source(["a", 1, "b"]).pipe(*chain)) == ["a", "seen", 1, "b"]


async def test_an_item_is_handed_over_before_the_machine_looks_for_the_next() -> None:
    asked: list[int] = []

    class Slowly(Same):
        def feed(self, chunk: Any) -> Iterable[Any]:
            for number in range(3):
                asked.append(number)
                yield number

    async with open_stream(Source([1]).pipe(lift(Slowly))) as items:
        assert await anext(items) == 0
        assert asked == [0]
