"""A joint passes a stream's grammar on: items, then one end, and nothing more."""

from typing import Any

import pytest
from reactivex.disposable import BooleanDisposable

from rxstream.engine.link import Link


class Log:
    """What came through a link, and the link."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.link = Link(self.seen.append, self.seen.append, lambda: self.seen.append("|"))
        self.upstream = BooleanDisposable()
        self.link.hold(self.upstream)


def test_items_come_through_and_then_the_end() -> None:
    log = Log()
    log.link.on_next(1)
    log.link.on_next(2)
    assert not log.upstream.is_disposed
    log.link.on_completed()
    assert log.seen == [1, 2, "|"]
    assert log.upstream.is_disposed


@pytest.mark.parametrize("end", ["on_completed", "on_error", "dispose"])
def test_nothing_comes_behind_the_end(end: str) -> None:
    log, error = Log(), OSError()
    getattr(log.link, end)(*([error] if end == "on_error" else []))
    ended = list(log.seen)
    assert log.link.stopped
    assert log.upstream.is_disposed
    log.link.on_next(1)
    log.link.on_error(OSError())
    log.link.on_completed()
    log.link.dispose()
    assert log.seen == ended == {"on_completed": ["|"], "on_error": [error], "dispose": []}[end]


@pytest.mark.parametrize("end", ["on_completed", "on_error"])
def test_the_upstream_is_let_go_though_the_end_s_receiver_fails(end: str) -> None:
    def fail(*_: Any) -> None:
        raise ArithmeticError

    upstream = BooleanDisposable()
    link = Link(None, fail, fail)
    link.hold(upstream)
    with pytest.raises(ArithmeticError):
        getattr(link, end)(*([OSError()] if end == "on_error" else []))
    assert upstream.is_disposed


def test_an_upstream_that_comes_behind_the_end_is_let_go_at_once() -> None:
    link = Link(None, None, None)
    link.on_next(1)
    link.on_completed()
    late = BooleanDisposable()
    link.hold(late)
    assert late.is_disposed


def test_disposing_twice_disposes_once() -> None:
    log = Log()
    log.link.dispose()
    log.link.dispose()
    assert log.seen == []


def test_an_error_that_nobody_takes_is_raised() -> None:
    mine = OSError("mine")
    with pytest.raises(OSError, match="mine") as caught:
        Link(None, None, None).on_error(mine)
    assert caught.value is mine
