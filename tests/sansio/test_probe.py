"""What a probe means the tests of the patterns prove; here is what no pattern of this Python can reach."""

import pytest

from rxstream.sansio.probe import Translator


def test_newer_and_unknown_nodes_of_the_parser() -> None:
    writer = Translator("a", {})
    assert writer.probe([("FAILURE", ())], 0) == r"(?:\Z|(?!))"
    with pytest.raises(ValueError, match="SOMETHING cannot be followed"):
        writer.probe([("SOMETHING", ())], 0)
