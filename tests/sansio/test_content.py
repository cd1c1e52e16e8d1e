from typing import Any

import pytest

from rxstream.items import Restarted, StreamChunk, ToolCallDelta, Usage
from rxstream.sansio.content import has_content


@pytest.mark.parametrize(
    "item",
    [
        StreamChunk("a"),
        StreamChunk("", reasoning="a"),
        StreamChunk("", refusal="no"),
        StreamChunk("", tool_calls=(ToolCallDelta(0),)),
        "a",
        b"a",
        0,
        False,
        [],
    ],
    ids=repr,
)
def test_what_says_something_is_content(item: Any) -> None:
    assert has_content(item)


@pytest.mark.parametrize(
    "item",
    [
        StreamChunk("", role="assistant"),
        StreamChunk("", "stop"),
        StreamChunk("", usage=Usage(1, 2, 3)),
        "",
        b"",
        None,
        Restarted(2),
    ],
    ids=repr,
)
def test_what_only_accompanies_it_is_none(item: Any) -> None:
    assert not has_content(item)
