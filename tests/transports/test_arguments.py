"""Numbers are looked at before the first client comes, and the words say which one is wrong."""

import math
from typing import Any

import pytest

from rxstream.transports.arguments import check_bound


@pytest.mark.parametrize(("bound", "whole"), [(0.001, False), (1, False), (math.inf, False), (1, True)])
def test_a_bound(bound: float, whole: bool) -> None:
    check_bound("lease", bound, whole=whole)


@pytest.mark.parametrize(
    ("bound", "whole"), [(0, False), (-1.0, False), (math.nan, False), (0, True), (-1, True)]
)
def test_what_bounds_nothing(bound: float, whole: bool) -> None:
    with pytest.raises(ValueError, match=f"lease= must be more than 0, but got {bound}"):
        check_bound("lease", bound, whole=whole)


@pytest.mark.parametrize(
    ("bound", "whole", "kind"), [("1", False, "a number"), (True, False, "a number"),
     (1.0, True, "an int"), (True, True, "an int"), (None, True, "an int")]
)  # fmt: skip
def test_what_is_no_number(bound: Any, whole: bool, kind: str) -> None:
    with pytest.raises(TypeError, match=rf"lease= is {kind}, but got"):
        check_bound("lease", bound, whole=whole)
