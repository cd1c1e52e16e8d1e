from typing import Any

import pytest
from reactivex import empty

from rxstream.combine.arguments import check_function, check_most, check_streams


def test_what_is_no_stream_is_named_with_what_it_is_and_what_to_do() -> None:
    check_streams("op()", [(0, empty()), ("a", empty())])
    with pytest.raises(TypeError, match=r"op\(\) expects .* as argument 'a' str: 'text'\. Make one with"):
        check_streams("op()", [(0, empty()), ("a", "text")])
    with pytest.raises(TypeError, match=r"as argument 3 list: "):
        check_streams("op()", [(3, [1])])


def test_a_number_of_things_begins_at_1() -> None:
    check_most("op()", "n", 1)
    with pytest.raises(ValueError, match=r"op\(\) expects n to be at least 1 and got 0"):
        check_most("op()", "n", 0)


@pytest.mark.parametrize("value", [1.0, True, "1", None], ids=repr)
def test_a_number_of_things_is_whole(value: Any) -> None:
    with pytest.raises(TypeError, match=r"op\(\) expects a whole number as n and got "):
        check_most("op()", "n", value)


def test_a_function_can_be_called() -> None:
    check_function("op()", "fn", print, "a function of one item")
    with pytest.raises(TypeError, match=r"op\(\) expects as fn a function of one item, and got 3"):
        check_function("op()", "fn", 3, "a function of one item")
