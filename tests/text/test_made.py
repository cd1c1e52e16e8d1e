"""Wrong arguments are refused where they are written."""

import pytest

from rxstream.text.made import made


def test_what_the_machine_refuses_is_said_in_the_name_of_the_operator() -> None:
    def refuse() -> None:
        raise ValueError("no such thing")

    with pytest.raises(ValueError, match=r"^op\(\): no such thing$"):
        made("op()", refuse)


def test_a_factory_comes_back_as_it_is() -> None:
    assert made("op()", list) is list
