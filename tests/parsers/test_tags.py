"""Tags, as one meets them in a stream; what a tag is, the machine's own tests say."""

from collections.abc import Iterable
from typing import Any

import pytest

import rxstream as rxs
from rxstream.errors import MixedChoices
from rxstream.items import TaggedText
from rxstream.parsers import tags as module
from rxstream.parsers.tags import parse_tags
from rxstream.testing import check_operator
from tests.recordings import NAMES
from tests.sansio.test_tags import in_tags

#: The same name, for what its types forbid.
anything: Any = module


def given(items: Iterable[Any], *operators: Any) -> list[Any]:
    stream: Any = rxs.from_stream(list(items))
    found: list[Any] = rxs.run(stream.pipe(*operators))
    return found


def text_of(items: Iterable[TaggedText], tag: str | None) -> str:
    return "".join(item.text for item in items if item.tag == tag)


def test_text_is_labelled_with_its_tag() -> None:
    pieces = ["Plan: <st", "ep n", "='1'>boil</s", "tep>", " done"]
    step = {"n": "1"}
    assert given(pieces, parse_tags("step")) == [
        TaggedText("Plan: "),
        TaggedText("", "step", step, ("step",), 0),
        TaggedText("boil", "step", step, ("step",), 0),
        TaggedText("", "step", step, ("step",), 0, complete=True),
        TaggedText(" done"),
    ]


def test_chunks_are_text_too() -> None:
    chunks = [*map(rxs.StreamChunk, ("<a", ">x<", "/a>y<")), rxs.StreamChunk("", "stop")]
    items = given(chunks, parse_tags("a"))
    assert (text_of(items, "a"), text_of(items, None)) == ("x", "y<")


def test_the_laws_of_streams() -> None:
    check_operator(parse_tags("a", "think"), ["x <thi", "nk>y<a k='>'/>", "</think>", "z<"], join=in_tags)


def test_two_choices_are_two_texts() -> None:
    with pytest.raises(MixedChoices, match=r"parse_tags\(\) works on one text"):
        given([rxs.StreamChunk("<a", choice=0), rxs.StreamChunk(">", choice=1)], parse_tags("a"))


def test_wrong_arguments_are_refused_where_they_are_written() -> None:
    with pytest.raises(TypeError, match=r"^parse_tags\(\): expected the names of the tags"):
        parse_tags()
    with pytest.raises(TypeError, match=r"^parse_tags\(\): .*Write \*names"):
        anything.parse_tags(["think", "answer"])
    with pytest.raises(ValueError, match=r"^parse_tags\(\): .*Leave out the brackets: 'think'"):
        parse_tags("<think>")
    with pytest.raises(ValueError, match=r"^parse_tags\(\): max_tag must be at least 8"):
        parse_tags("think", max_tag=5)


@pytest.mark.parametrize("name", [name for name in NAMES if "think-tags-grammar" in name])
def test_a_real_answer(name: str) -> None:
    answer = rxs.from_recording(name, speed=None)
    whole = "".join(chunk.content for chunk in rxs.run(answer))
    items = rxs.run(answer.pipe(parse_tags("think")))
    assert whole == f"<think>{text_of(items, 'think')}</think>{text_of(items, None)}"
    assert [item.complete for item in items if item.tag and not item.text] == [False, True]
    assert in_tags(items) == in_tags(given(whole, parse_tags("think")))
