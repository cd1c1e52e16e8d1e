"""The dialects by their names."""

import pytest

from rxstream.errors import UnknownName
from rxstream.transports.dialects.named import DIALECTS, dialect_named
from rxstream.transports.dialects.native import NATIVE


def test_each_is_found_by_its_name() -> None:
    assert [dialect_named(name).name for name in DIALECTS] == list(DIALECTS)


def test_a_dialect_is_its_own() -> None:
    assert dialect_named(NATIVE) is NATIVE


@pytest.mark.parametrize("name", ["klingon", 1, None])
def test_what_is_none_is_told_which_there_are(name: object) -> None:
    with pytest.raises(UnknownName, match=r"'rxstream', 'openai', .* and got"):
        dialect_named(name)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
