"""Markdown, as one meets it in a stream; what exactly a block is, the machine's own tests say."""

import inspect
from typing import Any

import pytest

import rxstream as rxs
from rxstream.errors import MixedChoices
from rxstream.parsers.markdown import parse_markdown
from rxstream.sansio.markdown import MarkdownBlock
from rxstream.testing import check_operator, find_diagrams, parse_marbles
from tests.sansio.test_markdown import events

ANSWER = [
    rxs.StreamChunk("", role="assistant"),
    rxs.StreamChunk("# Titl"),
    rxs.StreamChunk("e\n\nSome te"),
    rxs.StreamChunk("xt\n```py\nx"),
    rxs.StreamChunk("\n```", "stop"),
    rxs.StreamChunk("", usage=rxs.Usage(1, 2, 3)),
]
FINISHED = [
    MarkdownBlock("# Title\n\n", "heading", level=1),
    MarkdownBlock("Some text\n", "paragraph", index=1, line=2),
    MarkdownBlock("```py\nx\n```", "code", index=2, line=3, info="py"),
]


def blocks(items: list[Any]) -> list[MarkdownBlock]:
    stream: Any = rxs.from_stream(items)
    found: list[MarkdownBlock] = rxs.run(stream.pipe(parse_markdown()))
    return found


def test_blocks_come_out_of_chunks_and_of_text() -> None:
    for items in (ANSWER, [chunk.content for chunk in ANSWER]):
        assert [block for block in blocks(items) if block.complete] == FINISHED


def test_a_renderer_sees_the_text_grow_and_only_its_tail_change() -> None:
    finished, tail, text = "", "", ""
    for block in blocks(ANSWER):
        if block.complete:
            finished += block.text
            tail = text[len(finished) :]
        else:
            text += block.delta
            tail = block.text
        assert finished + tail == text
    assert finished == "".join(chunk.content for chunk in ANSWER)


@pytest.mark.parametrize("name", ["01-prose", "03-code-python"])
def test_nothing_of_a_real_answer_is_lost(name: str) -> None:
    answer = rxs.from_recording(name, speed=None)
    whole = "".join(chunk.content for chunk in rxs.run(answer))
    found = rxs.run(answer.pipe(parse_markdown()))
    assert "".join(block.delta for block in found) == whole
    assert "".join(block.text for block in found if block.complete) == whole


def test_two_choices_of_one_answer_are_two_texts() -> None:
    with pytest.raises(MixedChoices, match=r"parse_markdown\(\)"):
        blocks([rxs.StreamChunk("a"), rxs.StreamChunk("b", choice=1)])


def test_the_operator_meets_the_laws() -> None:
    check_operator(parse_markdown(), ["# a\n", "b\n==", "=\n- c", "\n\nd | e\n-|-\n"], join=events)


def test_its_diagram_is_true() -> None:
    (diagram,) = find_diagrams(inspect.getdoc(parse_markdown) or "")
    items = [what.value for _, what in parse_marbles(diagram.sources[0]) if what.kind == "next"]
    result = parse_marbles(diagram.result, names={"MarkdownBlock": MarkdownBlock})
    assert blocks(items) == [what.value for _, what in result if what.kind == "next"]
