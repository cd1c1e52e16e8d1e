from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import rxstream as rxs
from rxstream.items import Restarted, StreamChunk, Tagged, ToolCallDelta, Usage
from rxstream.sansio.partial_json import PartialDocument
from rxstream.sinks.lane import UNTAGGED, Lane, Lanes, fenced, json_text
from rxstream.testing import chunkings, texts


class Picture:
    """Something to look at."""


def is_picture(item: Any) -> bool:
    return isinstance(item, Picture)


def lane(separator: str = "") -> Lane:
    return Lane("a", is_picture, separator, 0.0)


def source_of(one: Lane) -> str:
    """Return all the Markdown that the lane has to show."""
    return "".join(one.finished) + one.tail


@given(texts().flatmap(lambda text: st.tuples(st.just(text), chunkings(text))))
@example(("# a\n\nb", ["# a\n", "\nb"]))
def test_text_is_shown_whole_wherever_it_was_cut(case: tuple[str, list[str]]) -> None:
    text, chunks = case
    one, finished = lane(), [""]
    for chunk in chunks:
        one.add(chunk, 0.0)
        # What was finished stays so.
        assert one.finished[: len(finished)] == finished[: len(one.finished)] or finished == [""]
        finished = list(one.finished) or [""]
    assert source_of(one) == text
    one.close(1.0, "completed", None)
    assert (source_of(one), one.tail) == (text, "")
    assert one.result(1.0).content == text


def test_a_finished_block_is_apart_from_the_tail() -> None:
    one = lane()
    one.add("# Title\n\nbe", 0.0)
    assert (one.finished, one.tail) == (["# Title\n\n"], "be")
    one.add("gun", 0.0)
    assert one.tail == "begun"


def test_an_answer_in_chunks_has_all_that_collect_gives() -> None:
    chunks = [
        StreamChunk("", role="assistant", model="m"),
        StreamChunk("Hel", index=1),
        StreamChunk("lo", "stop", 2),
        StreamChunk("", usage=Usage(1, 2, 3), index=3),
    ]
    one = lane()
    for at, chunk in enumerate(chunks):
        one.add(chunk, at)
    result = one.result(4)
    assert (result.content, result.finish_reason, result.model) == ("Hello", "stop", "m")
    assert (result.usage, result.total_tokens, result.chunks) == (Usage(1, 2, 3), 3, [])
    assert result.metrics.tokens == 2


def test_a_separator_stands_behind_each_text() -> None:
    one = lane("\n\n")
    one.add("One.", 0.0)
    one.add("Two.", 0.0)
    assert source_of(one) == "One.\n\nTwo.\n\n"
    assert one.result(0.0).content == "One.\n\nTwo.\n\n"


def test_blocks_that_were_parsed_before_are_the_text() -> None:
    one = lane()
    blocks = rxs.run(rxs.from_stream(["# a\n", "b\n\nc"]).pipe(rxs.parse_markdown()))
    for block in blocks:
        one.add(block, 0.0)
    assert source_of(one) == "# a\nb\n\nc"
    assert one.result(0.0).content == "# a\nb\n\nc"


def test_thought_is_quoted_before_the_answer() -> None:
    one = lane()
    one.add(StreamChunk("", reasoning="Hm.\nYe"), 0.0)
    assert "thinking" in one.progress(1.0)
    one.add(StreamChunk("", reasoning="s."), 0.0)
    one.add(StreamChunk("It is."), 0.0)
    assert source_of(one) == "> Hm.\n> Yes.\n\nIt is."
    assert "writing" in one.progress(1.0)
    result = one.result(1.0)
    assert (result.content, result.reasoning) == ("It is.", "Hm.\nYes.")


def test_a_tool_call_is_shown_when_it_is_whole() -> None:
    one = lane()
    one.add(StreamChunk("", tool_calls=(ToolCallDelta(0, "i", "look", '{"a":'),)), 0.0)
    one.add(StreamChunk("", tool_calls=(ToolCallDelta(0, arguments=" 1}"),)), 0.0)
    assert source_of(one) == ""
    one.close(1.0, "completed", None)
    assert source_of(one) == '\n\n```\nlook({"a": 1})\n```\n\n'


def test_the_newest_picture_is_the_one_to_show() -> None:
    one, first, second = lane(), Picture(), Picture()
    one.add(first, 0.0)
    one.add(second, 0.0)
    assert one.picture is second
    assert source_of(one) == ""


def test_a_document_that_is_being_written_is_a_picture() -> None:
    one = lane()
    for item in PartialDocument().feed('{"a": ["ü", 2'):
        one.add(item, 0.0)
    assert json_text(one.picture) == '{\n  "a": [\n    "ü"\n  ]\n}'


def test_what_is_neither_is_shown_as_python_writes_it() -> None:
    one = lane()
    one.add({"a": 1}, 0.0)
    assert source_of(one) == "\n\n```python\n{'a': 1}\n```\n\n"


def test_a_restart_makes_void_what_was_shown() -> None:
    one = lane()
    one.add(StreamChunk("Hel", "stop"), 0.0)
    one.add(Restarted(2), 1.0)
    assert (source_of(one), one.restarts, one.picture) == ("", 1, None)
    one.add(StreamChunk("Hello"), 2.0)
    assert source_of(one) == one.result(2.0).content == "Hello"
    assert one.progress(3.0).startswith("writing")


@pytest.mark.parametrize(
    ("items", "ended", "error", "line"),
    [
        ([], None, None, "waiting · 5.0 s"),
        (["a"], None, None, "writing · 1.00 s to first item · 1 item · 5.0 s"),
        (
            ["a", "b"],
            "completed",
            None,
            "done · 1.00 s to first item · 2 items · 1.0 items/s · 5.0 s",
        ),
        (["a"], "left", None, "stopped · 1.00 s to first item · 1 item · 5.0 s"),
        ([], "error", OSError(), "failed: OSError · 5.0 s"),
        (
            [StreamChunk("a"), StreamChunk("b", "length"), StreamChunk("", usage=Usage(1, 7, 8))],
            "completed",
            None,
            "done (length) · 1.00 s to first token · 7 tokens · 3.5 tokens/s · 2.0 s",
        ),
        # It said why it ends: for the others a lane goes on.
        ([StreamChunk("a", "stop")], None, None, "done · 1.00 s to first token · about 1 token · 1.0 s"),
        (
            [StreamChunk("a", "stop")],
            "error",
            OSError(),
            "failed: OSError · 1.00 s to first token · about 1 token · 5.0 s",
        ),
    ],
)
def test_the_line_says_how_it_goes(items: list[Any], ended: Any, error: Exception | None, line: str) -> None:
    one = lane()
    for at, item in enumerate(items, 1):
        one.add(item, at)
    if ended is not None:
        one.close(5.0, ended, error)
    assert one.progress(5.0) == line


class TestLanes:
    def test_before_anything_has_come_one_lane_waits(self) -> None:
        lanes = Lanes(is_picture, "", 0.0)
        (only,) = lanes.all
        assert lanes.is_one_text
        lanes.add("a", 0.0)
        assert lanes.all == [only]
        assert lanes.is_one_text

    def test_what_is_tagged_is_told_apart(self) -> None:
        lanes = Lanes(is_picture, "", 0.0)
        for item in (Tagged("b", "1"), Tagged(0, "2"), Tagged("b", "3"), Tagged(0, Tagged("x", "4"))):
            lanes.add(item, 0.0)
        assert [(one.key, one.label, one.result(0).content) for one in lanes.all] == [
            ("b", "b", "13"),
            (0, "0", "2"),
            ((0, "x"), "0 / x", "4"),
        ]
        assert not lanes.is_one_text

    def test_choices_of_one_answer_are_told_apart(self) -> None:
        lanes = Lanes(is_picture, "", 0.0)
        lanes.add(StreamChunk("a"), 0.0)
        assert lanes.is_one_text
        lanes.add(StreamChunk("b", choice=1), 0.0)
        lanes.add(Tagged("m", StreamChunk("c", choice=1)), 0.0)
        assert not lanes.is_one_text
        assert [(one.key, one.label, one.result(0).content) for one in lanes.all] == [
            (UNTAGGED, "choice 0", "a"),
            ("choice 1", "choice 1", "b"),
            (("m", "choice 1"), "m / choice 1", "c"),
        ]

    def test_all_are_closed(self) -> None:
        lanes = Lanes(is_picture, "", 0.0)
        lanes.add(Tagged(0, "a"), 0.0)
        lanes.add(Tagged(1, "b"), 0.0)
        lanes.close(1.0, "left", None)
        assert [one.progress(9).split(" ·")[0] for one in lanes.all] == ["stopped", "stopped"]


def test_a_fence_is_longer_than_what_it_holds() -> None:
    assert fenced("a ``` b ```` c", "md") == "\n\n`````md\na ``` b ```` c\n`````\n\n"


def test_a_document_with_a_model_is_written_as_json() -> None:
    from pydantic import BaseModel  # noqa: PLC0415

    class Person(BaseModel):
        name: str = ""

    items = rxs.run(rxs.from_stream(['{"name": "Jo']).pipe(rxs.parse_partial_json(model=Person)))
    assert json_text(items[-1]) == '{\n  "name": "Jo"\n}'
