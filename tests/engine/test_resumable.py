"""Operators that change no item leave a resumable source resumable."""

from typing import Any

import pytest
from reactivex import Observable

from rxstream.engine.lift import lift
from rxstream.engine.observable import StreamObservable
from rxstream.engine.resumable import Continuation, ResumableObservable, Rung, Transparent, joined, pass_on
from rxstream.sansio.delivered import Delivered
from rxstream.sansio.joint import PassedOn
from tests.engine.sources import Same, Source, ops, read


class Answer(StreamObservable[Any], ResumableObservable):
    """An answer whose rest is known."""

    def __init__(self, items: list[Any]) -> None:
        super().__init__(Source(items).observable._subscribe_core)  # pyright: ignore[reportPrivateUsage]

    def resume(self, rung: Rung, delivered: Delivered) -> Continuation | None:
        return (Source(["rest"]).observable, PassedOn()) if rung == "continue" else None


@pass_on
def twice(source: Observable[Any]) -> Observable[Any]:
    doubled: Observable[Any] = source.pipe(ops.map(double))
    return doubled


def double(item: Any) -> Any:
    return item * 2


@pytest.mark.anyio
async def test_the_rest_runs_behind_the_same_operator() -> None:
    stream = twice(Answer(["a"]))
    assert isinstance(stream, Transparent)
    assert await read(stream) == ["aa"]
    found = stream.resume("continue", Delivered())
    assert found is not None
    assert await read(found[0]) == ["restrest"]
    assert stream.resume("server", Delivered()) is None


@pytest.mark.anyio
async def test_several_of_them_in_a_row() -> None:
    stream = twice(twice(Answer(["a"])))
    assert isinstance(stream, Transparent)
    found = stream.resume("continue", Delivered())
    assert found is not None
    assert await read(found[0]) == ["rest" * 4]


class Behind:
    """A joint that keeps count: it is one for each reader."""

    def __init__(self) -> None:
        self.count = 0

    def feed(self, item: Any) -> list[Any]:
        self.count += 1
        return [item] if self.count > 1 else []

    def close(self) -> list[Any]:
        return ["end"]


@pytest.mark.anyio
async def test_a_continuation_is_one_stream_as_often_as_it_is_read() -> None:
    rest = joined(Source(["a", "b"]).observable, Behind())
    assert await read(rest) == ["b", "end"]
    assert await read(rest) == ["b", "end"]


def test_what_cannot_be_resumed_does_not_become_so() -> None:
    assert not isinstance(twice(Source().observable), ResumableObservable)
    assert not isinstance(lift(Same)(Answer(["a"])), ResumableObservable)
