"""Fenced code, as one meets it in a stream; what exactly a block is, the machine's own tests say."""

import inspect
from typing import Any

import pytest

import rxstream as rxs
from rxstream.errors import MixedChoices
from rxstream.parsers.code_blocks import parse_code_blocks
from rxstream.sansio.code_blocks import CodeBlock
from rxstream.testing import check_operator, find_diagrams, parse_marbles
from tests.sansio.test_code_blocks import events

#: For what its types forbid.
anything: Any = parse_code_blocks

ANSWER = [
    rxs.StreamChunk("", role="assistant"),
    rxs.StreamChunk("Run this:\n``"),
    rxs.StreamChunk("`python\nfor x in y:"),
    rxs.StreamChunk("\n    print(x)\n`"),
    rxs.StreamChunk("``\nand that:\n~~~\nls"),
    rxs.StreamChunk("", "length"),
    rxs.StreamChunk("", usage=rxs.Usage(1, 2, 3)),
]
PRINT = CodeBlock("for x in y:\n    print(x)\n", "python", "python")
LS = CodeBlock("ls", complete=False, index=1)


def blocks(items: list[Any], *, partial: bool = False) -> list[CodeBlock]:
    stream: Any = rxs.from_stream(items)
    found: list[CodeBlock] = rxs.run(stream.pipe(parse_code_blocks(partial=partial)))
    return found


def test_blocks_come_out_of_chunks_and_of_text() -> None:
    assert blocks(ANSWER) == [PRINT, LS]
    assert blocks([chunk.content for chunk in ANSWER]) == [PRINT, LS]


def test_code_comes_as_it_is_written() -> None:
    pieces = blocks(ANSWER, partial=True)
    assert [piece.delta for piece in pieces] == ["", "for x in y:", "\n    print(x)\n", "", "", "ls"]
    assert [piece.complete for piece in pieces] == [False, False, False, True, False, False]
    assert pieces[2].code == PRINT.code
    assert {piece.language for piece in pieces} == {"python", None}


def test_a_finish_reason_ends_the_text() -> None:
    first = [rxs.StreamChunk("```\na", "stop"), rxs.StreamChunk("b\n```\n")]
    assert blocks(first) == [CodeBlock("a", complete=False), CodeBlock("", complete=False)]


def test_a_real_answer_has_its_program() -> None:
    answer = rxs.from_recording("03-code-python", speed=None)
    whole = "".join(chunk.content for chunk in rxs.run(answer))
    found = rxs.run(answer.pipe(parse_code_blocks()))
    assert found
    for block in found:
        assert block.code in whole


def test_two_choices_of_one_answer_are_two_texts() -> None:
    with pytest.raises(MixedChoices, match=r"parse_code_blocks\(\)"):
        blocks([rxs.StreamChunk("a"), rxs.StreamChunk("b", choice=1)])
    with pytest.raises(TypeError, match=r"parse_code_blocks\(\) works on text"):
        blocks([b"```"])


def test_options_are_named() -> None:
    with pytest.raises(TypeError):
        anything(True)


@pytest.mark.parametrize("partial", [False, True])
def test_the_operator_meets_the_laws(partial: bool) -> None:
    items = ["a\n```py\nx", "`y\n``", "`\n> ~~~\n> z", "\nw"]
    check_operator(parse_code_blocks(partial=partial), items, join=events)


def test_its_diagrams_are_true() -> None:
    diagrams = find_diagrams(inspect.getdoc(parse_code_blocks) or "")
    assert len(diagrams) == 2
    for diagram, partial in zip(diagrams, (False, True), strict=True):
        items = [what.value for _, what in parse_marbles(diagram.sources[0]) if what.kind == "next"]
        result = parse_marbles(diagram.result, names={"CodeBlock": CodeBlock})
        assert blocks(items, partial=partial) == [what.value for _, what in result if what.kind == "next"]
