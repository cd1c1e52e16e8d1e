"""An answer behind a retry: what may be resumed of it.

What it does as a whole, test_carry_on and test_retry show.
"""

from typing import Any

import pytest

import rxstream as rxs
from rxstream.engine.resumable import ResumableObservable
from rxstream.resilience.retried import Retried
from rxstream.sansio.delivered import Delivered
from rxstream.sansio.joint import is_in_line


@pytest.mark.parametrize("resume", ["auto", "server", "continue", "align", "restart"])
def test_it_goes_on_by_its_own_plan(resume: Any) -> None:
    source = rxs.from_stream(lambda: ["a"]).pipe(rxs.retry_stream(resume=resume))
    assert isinstance(source, ResumableObservable)
    found = source.resume("server", Delivered())
    assert found is not None
    rest, joint = found
    assert isinstance(rest, Retried)
    assert is_in_line(joint)
    assert source.resume("continue", Delivered()) is None


def nothing(_partial: Any, _error: Any) -> None:
    """Know no rest."""


@pytest.mark.parametrize("resume", ["never", nothing], ids=["never", "own"])
def test_without_a_ladder_it_does_not(resume: Any) -> None:
    source = rxs.from_stream(lambda: ["a"]).pipe(rxs.retry_stream(resume=resume))
    assert isinstance(source, ResumableObservable)
    assert source.resume("server", Delivered()) is None
