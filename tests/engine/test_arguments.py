"""Arguments are looked at before anything happens, and the words say which one is wrong."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from reactivex import empty

from rxstream.engine.arguments import (
    check_count,
    check_function,
    check_number,
    check_observable,
    check_streams,
    check_type,
)

NO_NUMBERS: list[Any] = ["1", None, True, [1]]


def test_an_observable() -> None:
    check_observable("op()", empty())
    with pytest.raises(TypeError, match=r"^op\(\) expects an Observable and got 'text'\. Make one with "):
        check_observable("op()", "text")


def test_streams_are_observables() -> None:
    check_streams("op()", [(0, empty()), ("a", empty())])
    with pytest.raises(TypeError, match=r"op\(\) expects .* as argument 'a' str: 'text'\. Make one with"):
        check_streams("op()", [(0, empty()), ("a", "text")])
    with pytest.raises(TypeError, match=r"as argument 3 list: \[1\]"):
        check_streams("op()", [(3, [1])])


@pytest.mark.parametrize(("value", "least"), [(1, 1), (7, 1), (0, 0), (np.int64(2), 1)])
def test_a_count(value: Any, least: int) -> None:
    check_count("op()", "n", value, least=least)
    with pytest.raises(ValueError, match=rf"^op\(\) expects n to be at least {least} and got {least - 1}$"):
        check_count("op()", "n", least - 1, least=least)


@pytest.mark.parametrize("value", [*NO_NUMBERS, 1.0])
def test_what_is_no_count(value: Any) -> None:
    with pytest.raises(TypeError, match=r"^op\(\) expects n to be a whole number and got "):
        check_count("op()", "n", value)


@pytest.mark.parametrize("value", [0.001, 1, math.inf, Fraction(1, 3), np.float32(0.5), np.int64(2)])
@pytest.mark.parametrize("zero", [True, False])
def test_a_number(value: Any, zero: bool) -> None:
    check_number("op()", "lease", value, zero=zero)


def test_a_number_may_be_zero_where_that_makes_sense() -> None:
    check_number("op()", "lease", 0, zero=True)
    with pytest.raises(ValueError, match=r"^op\(\) expects lease to be more than 0 seconds and got 0$"):
        check_number("op()", "lease", 0)


def test_a_number_may_have_to_have_an_end() -> None:
    check_number("op()", "lease", 3, finite=True)
    with pytest.raises(ValueError, match=r"to be more than 0 seconds, and finite, and got inf$"):
        check_number("op()", "lease", math.inf, finite=True)


@pytest.mark.parametrize("value", [-1.0, math.nan, -math.inf])
def test_a_number_that_is_none_of_that_kind(value: float) -> None:
    with pytest.raises(ValueError, match=rf"^op\(\) expects rate to be 0 apples or more and got {value!r}$"):
        check_number("op()", "rate", value, unit="apples", zero=True)


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_what_is_no_number(value: Any) -> None:
    with pytest.raises(TypeError, match=r"^op\(\) expects lease to be a number of seconds and got "):
        check_number("op()", "lease", value)


def test_a_function() -> None:
    check_function("op()", "fn", print, "a function of one item")
    with pytest.raises(TypeError, match=r"^op\(\) expects as fn a function of one item, and got 3$"):
        check_function("op()", "fn", 3, "a function of one item")


def test_a_type() -> None:
    check_type("op()", "name", "a", (str, bytes), "text")
    with pytest.raises(TypeError, match=r"^op\(\) expects name to be text and got 3$"):
        check_type("op()", "name", 3, (str, bytes), "text")


def test_none_is_as_good_where_it_is_optional() -> None:
    check_count("op()", "n", None, optional=True)
    check_number("op()", "lease", None, optional=True)
    check_function("op()", "fn", None, "a function of one item", optional=True)
    check_type("op()", "name", None, str, "text", optional=True)
    with pytest.raises(TypeError, match=r"^op\(\) expects n to be a whole number and got '1'$"):
        check_count("op()", "n", "1", optional=True)
