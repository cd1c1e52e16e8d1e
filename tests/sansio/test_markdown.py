import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from rxstream.sansio.growing import SoLong
from rxstream.sansio.markdown import MarkdownBlock, MarkdownBlocks
from rxstream.testing import assert_incremental, assert_linear, check_machine, chunkings, run_machine
from tests.sansio.markdown_documents import drawn

#: What documents are made of beside marks: lines that begin, end or go on with a block.
LINES = (
    *("text", "text", "", "", " ", "# h", "#", "---", "--", "===", "_ _ _", "- - -", "* a", "2. b", "1. c"),
    *("```", "~~~", "``` py", "```a|b", "<div>", "</div>", "<!--", "-->", "<a>", "<pre>", "\tx", "    x"),
    *("| a | b |", "a | b", "|---|---|", "--|--", "| a |", "|-", "---", "# a | b", "- a | b", "1. a | b"),
    *("[foo]: /url", "[foo]:", "'title'", "'title", '"', "[foo]: /url 'a'"),
)
#: How a line may go on, or the text behind it.
ENDINGS = (
    *(mark + line for mark in ("", "> ", "  ", "\n", "- ") for line in ("x\n", "---\n", "===\n", "--|--\n")),
    *(mark + line for mark in ("", "> ", "  ", "\n") for line in ("|-|-|\n", "|-\n", "- x\n", "```\n")),
    *(
        "  |-\n",
        "|\n",
        "-\n",
        "-|-\n",
        "div>\n",
        "2. x\n",
        "1) x\n",
        "'\n",
        "t'\n",
        "    x\n",
        "\t\n",
        " x'\n",
    ),
)
KINDS = {
    "heading_open": "heading",
    "paragraph_open": "paragraph",
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "table_open": "table",
    "blockquote_open": "quote",
    "fence": "code",
    "code_block": "code",
    "hr": "rule",
    "html_block": "html",
    "definition": "definition",
}


def documents(*, tabs: bool = True, size: int = 8) -> st.SearchStrategy[str]:
    return drawn(LINES, depth=2, size=size, tabs=tabs)


def finished(text: str) -> Sequence[MarkdownBlock]:
    items, fault = run_machine(MarkdownBlocks, [text])
    assert fault is None
    return only_finished(items)


def events(items: list[MarkdownBlock]) -> Sequence[Any]:
    """Take pieces of the tail apart: where it is cut into pieces means nothing."""
    seen: list[Any] = []
    for item in items:
        if item.complete:
            seen.append(item)
        else:
            seen += [(item.index, item.line, char) for char in item.delta]
    return seen


def only_finished(items: list[MarkdownBlock]) -> Sequence[Any]:
    return [item for item in items if item.complete]


def extents(text: str) -> list[tuple[str, int, int]]:
    """Give each block's kind, its first line, and the one behind its last line that is not blank."""
    found: list[tuple[str, int, int]] = []
    above = 0
    for block in finished(text):
        lines = re.split(r"\r\n?|\n", block.text)
        last = max((number for number, line in enumerate(lines) if line.strip(" \t")), default=-1)
        if last >= 0:
            found.append((block.kind or "", block.line, above + last + 1))
        above += len(lines) - 1
    return found


def oracle(text: str) -> list[tuple[str, int, int]]:
    markdown = MarkdownIt("commonmark", {"maxNesting": 10_000, "inline_definitions": True}).enable("table")
    lines = re.split(r"\r\n?|\n", text)
    found: list[tuple[str, int, int]] = []
    for token in markdown.parse(text):
        if token.level == 0 and token.nesting >= 0:
            assert token.map is not None
            start, end = token.map
            while not lines[end - 1].strip(" \t"):
                end -= 1
            found.append((KINDS[token.type], start, end))
    return found


#: A quotation mark, a line that may be an underline, and another mark, with no blank line between.
UNDERLINED_TITLE = re.compile(r"""["'].*\n(?:.*\S.*\n)*?[ >]*(?:=+|--) *\n(?:.*\S.*\n)*?.*["']""")


def is_peculiar(text: str) -> bool:
    """Tell whether markdown-it may deviate from the specification: see the test of its deviations."""
    wide = any(match.end() - match.start() > 4 for match in re.finditer(r"(?m)^.*?(?:[-+*]|\d[.)]) *", text))
    return "\t" in text or "    >" in text or (wide and "    " in text) or bool(UNDERLINED_TITLE.search(text))


# ---------------------------------------------------------------- the laws

SAMPLES = (
    "# a\n\nb\nc\n===\n- d\n\n  e\n\n> f\ng\n***\n",
    "a\n| b | c |\n|---|---|\n| d | e |\n\n```py\nx\n```\r\n<div>\r\ny\r\n\r\nz",
    "[a]: b\n'c'\n[d]: e\n'f\ng\n\n1. h\n2. i\n3) j\n",
    " \n\r\n    code\n\n    more\n~~~\nopen",
    "- a | b\n-|-\n# c | d\n-|-\n```e|f\n-|\n",
    " \n\n",
    "",
)


def test_blocks_meet_the_laws() -> None:
    check_machine(MarkdownBlocks, SAMPLES, join=events, continuations=ENDINGS)
    for sample in SAMPLES:
        assert_incremental(MarkdownBlocks, sample, ENDINGS, join=only_finished)


@given(st.data())
def test_blocks_do_not_depend_on_where_the_text_is_cut_and_nothing_is_lost(data: st.DataObject) -> None:
    text = data.draw(documents())
    text = text.replace("\n", data.draw(st.sampled_from(["\n", "\r\n", "\r"])))
    text = text[: data.draw(st.integers(0, len(text)))]
    whole = run_machine(MarkdownBlocks, [text])
    items, fault = run_machine(MarkdownBlocks, data.draw(chunkings(text)))
    assert fault is None
    assert events(items) == events(whole[0])
    done, seen, index = "", "", 0
    for item in items:
        assert item.index == index
        if item.complete:
            done += item.text
            index += 1
        else:
            seen += item.delta
            assert done + item.text == seen
        assert seen.startswith(done)
    assert done == seen == text


@settings(max_examples=25, deadline=None)
@given(documents(size=4))
@example("a\n```b|c\n-|-\n")
@example("- a\n-      b")
@example("[a]: b\n'c\n***\n")
@example("    | a | b |\n  - - -\n")
@example("- >| a | b |\n>\t>|-\n")
@example("   - a\n> |-\n- a | b\n")
def test_what_is_certain_is_out(text: str) -> None:
    # The finished ones alone: among the pieces of the tail a late one would only stand elsewhere.
    assert_incremental(MarkdownBlocks, text, ENDINGS, join=only_finished, places=20)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "`",
            ">",
            "> ",
            "- ",
            "\n",
            " ",
            "\t",
            "*",
            "<",
            "[",
            "[a\n",
            "|",
            "|-\n",
            "a | b\n",
            "-|-\n",
            "1. ",
        ),
        *("[a]: b\n", "[a]: b\n'c\n", "a\n\n", "# a\n", "- a\n\n", "===\n", "<a b='", "\\"),
    ],
)
def test_nasty_text_costs_its_length(text: str) -> None:
    def in_fours(size: int) -> list[str]:
        whole = text * (size // len(text)) + "x"
        return [whole[place : place + 4] for place in range(0, len(whole), 4)]

    assert_linear(MarkdownBlocks, in_fours, shape=repr(text))


def test_many_blocks_in_one_chunk_cost_their_length() -> None:
    assert_linear(MarkdownBlocks, lambda size: ["# a\n\nb | c\n" * (size // 11)], shape="many blocks")


# ---------------------------------------------------------------- the oracle


@settings(max_examples=300, deadline=None)
@given(documents(tabs=False))
@example("- | a | b |\n# a | b\n--|--\n")
@example("2. \n   | a\n- a | b\n--|--\n")
@example("|---|---|\n--|--\n+ a--|--\n--|--\n")
@example("- a\nb | c\n  -|-\n")
@example("[foo]:\n---\n")
@example("[foo]:\n2. \n")
@example("> [a]: b\n't\n")
@example("[foo]:\nx\n't\n")
@example("[a]: b\n    'c\n")
@example("[a\n===\nb\n")
@example("[a]: b 'c\n--\n")
def test_boundaries_are_those_of_markdown_it(text: str) -> None:
    assume(not is_peculiar(text))
    assert extents(text) == oracle(text)


@pytest.mark.parametrize(
    ("text", "expected", "of_markdown_it"),
    [
        # Four columns in: no mark of a quote, but code behind the quote.
        ("> ```\n    > a\n", [("quote", 0, 1), ("code", 1, 2)], [("quote", 0, 2)]),
        # Four columns in, but not in the item: what cannot begin a block goes on with the paragraph.
        ("1.   a\n    ```\n", [("list", 0, 2)], [("list", 0, 1), ("code", 1, 2)]),
        ("  -   a\n    # b\n", [("list", 0, 2)], [("list", 0, 1), ("code", 1, 2)]),
        # The line above is a paragraph for all that is known: so what underlines it makes it a heading.
        ("[a\n===\n]: b\n", [("heading", 0, 2), ("paragraph", 2, 3)], [("definition", 0, 3)]),
    ],
)
def test_where_markdown_it_deviates_the_specification_is_followed(
    text: str, expected: list[tuple[str, int, int]], of_markdown_it: list[tuple[str, int, int]]
) -> None:
    assert extents(text) == expected
    assert oracle(text) == of_markdown_it


# ---------------------------------------------------------------- blocks


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nb\n\nc\n", [("paragraph", "a\nb\n\n"), ("paragraph", "c\n")]),
        ("# a\nb", [("heading", "# a\n"), ("paragraph", "b")]),
        ("a\n---\n---\n", [("heading", "a\n---\n"), ("rule", "---\n")]),
        ("\n \na\n\n\n", [("paragraph", "\n \na\n\n\n")]),
        ("a\r\n\r\nb\r", [("paragraph", "a\r\n\r\n"), ("paragraph", "b\r")]),
        ("- a\n\n  b\n- c\nd\n\n- e\n", [("list", "- a\n\n  b\n- c\nd\n\n- e\n")]),
        ("- a\n* b\n", [("list", "- a\n"), ("list", "* b\n")]),
        ("1. a\n2) b\n", [("list", "1. a\n"), ("list", "2) b\n")]),
        ("-\n\n- a\n", [("list", "-\n\n- a\n")]),
        ("-\n\n  a\n", [("list", "-\n\n"), ("paragraph", "  a\n")]),
        ("* a\n***\n", [("list", "* a\n"), ("rule", "***\n")]),
        ("> a\nb\n\n> c\n", [("quote", "> a\nb\n\n"), ("quote", "> c\n")]),
        ("> # a\nb\n", [("quote", "> # a\n"), ("paragraph", "b\n")]),
        ("```\na\n\n# b\n```\nc", [("code", "```\na\n\n# b\n```\n"), ("paragraph", "c")]),
        ("    a\n\n    b\nc", [("code", "    a\n\n    b\n"), ("paragraph", "c")]),
        ("| a |\n|---|\n| b |\nc\n\nd", [("table", "| a |\n|---|\n| b |\nc\n\n"), ("paragraph", "d")]),
        ("a\nb | c\n-|-\n> d", [("paragraph", "a\n"), ("table", "b | c\n-|-\n"), ("quote", "> d")]),
        ("<div>\n# a\n\n# b\n", [("html", "<div>\n# a\n\n"), ("heading", "# b\n")]),
        ("<!-- a\n\nb -->\nc", [("html", "<!-- a\n\nb -->\n"), ("paragraph", "c")]),
        ("a\n<b>\n", [("paragraph", "a\n<b>\n")]),
        ("[a]: b\n[c]: d\ne", [("definition", "[a]: b\n"), ("definition", "[c]: d\n"), ("paragraph", "e")]),
        ("[a]: b\n'c\nd\n\ne", [("definition", "[a]: b\n"), ("paragraph", "'c\nd\n\n"), ("paragraph", "e")]),
        (" \n\n", [("blank", " \n\n")]),
        ("", []),
    ],
)
def test_a_text_is_its_blocks(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(block.kind, block.text) for block in finished(text)] == expected


def test_headings_have_a_level_and_code_has_an_info() -> None:
    text = "## a\nb\n=\nc\n-\n~~~ py x\n~~~\n    d\n"
    blocks = finished(text)
    assert [(block.kind, block.level) for block in blocks] == [
        ("heading", 2),
        ("heading", 1),
        ("heading", 2),
        ("code", None),
        ("code", None),
    ]
    assert [block.info for block in blocks] == ["", "", "", "py x", ""]


def test_a_block_knows_its_line() -> None:
    assert [block.line for block in finished("\n\na\n\n\n# b\r\nc\r> d\n")] == [2, 5, 6, 7]


def test_marks_that_stand_too_deep_are_text() -> None:
    deep = "> " * 200 + "a\n" + "> " * 100 + "b\n\nc"
    assert [block.kind for block in finished(deep)] == ["quote", "paragraph"]


# ---------------------------------------------------------------- the moment


def outputs(*chunks: str) -> list[list[str | None]]:
    """Give what comes with each chunk: pieces of the tail, and in capitals the kinds that are finished."""
    machine = MarkdownBlocks()
    return [
        [(item.kind or "").upper() if item.complete else item.delta for item in machine.feed(chunk)]
        for chunk in chunks
    ]


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        # Blank lines belong to the block before, so the next one must have begun.
        (["# a\n", "\n", " ", "b"], [["# a\n"], ["\n"], [" "], ["HEADING", "b"]]),
        (["a\n", "b\n", "#", " "], [["a\n"], ["b\n"], ["#"], ["PARAGRAPH", " "]]),
        (["a\n", "-", "-", "\n", "b"], [["a\n"], ["-"], ["-"], ["\n"], ["HEADING", "b"]]),
        (["a\n", "- ", " ", "b"], [["a\n"], ["- "], [" "], ["PARAGRAPH", "b"]]),
        (["a\n", "1", ". b"], [["a\n"], ["1"], [". ", "PARAGRAPH", "b"]]),
        (["a\n", "2. b"], [["a\n"], ["2. b"]]),
        (["a\n", "``", "` b", "\n"], [["a\n"], ["``"], ["` b"], ["PARAGRAPH", "\n"]]),
        (["a\n", "~~", "~"], [["a\n"], ["~~"], ["PARAGRAPH", "~"]]),
        (["a\n", "<di", "v", ">"], [["a\n"], ["<di"], ["v"], ["PARAGRAPH", ">"]]),
        (["- a\n", "\n", "b"], [["- a\n"], ["\n"], ["LIST", "b"]]),
        (["- a\n", "b\n", "* ", "c"], [["- a\n"], ["b\n"], ["*", "LIST", " "], ["c"]]),
        (["- a\n\n", "-", "b"], [["- a\n\n"], ["-"], ["LIST", "b"]]),
        (["1. a\n\n", "2", ")"], [["1. a\n\n"], ["2"], ["LIST", ")"]]),
        (["1. a\n\n", "123456789", "0"], [["1. a\n\n"], ["123456789"], ["LIST", "0"]]),
        (["> a\n", "b\n", "\n", ">"], [["> a\n"], ["b\n"], ["\n"], ["QUOTE", ">"]]),
        (["> a\n\n", "    ", "b"], [["> a\n\n"], ["    "], ["QUOTE", "b"]]),
        (["    a\n", "  ", "b"], [["    a\n"], ["  "], ["CODE", "b"]]),
        # Whatever has a pipe may be a table, until the next line is known not to be its second.
        (["# a | b\n", "-", "c"], [["# a | b\n"], ["-"], ["HEADING", "c"]]),
        (["a\n", "b | c\n", "-|-", "\n"], [["a\n"], ["b | c\n"], ["-|-"], ["PARAGRAPH", "\n"]]),
        (["a\n", "```b|c", "\n", "d"], [["a\n"], ["```b|c"], ["PARAGRAPH", "\n"], ["d"]]),
        (["a | b\n-|-\n", "    ", "c"], [["a | b\n-|-\n"], ["    "], ["TABLE", "c"]]),
        (["[a]: b\n", "c"], [["[a]: b\n"], ["DEFINITION", "c"]]),
        (["[a]: b\n", "'c\n", "#\n"], [["[a]: b\n"], ["'c\n"], ["#", "DEFINITION", "PARAGRAPH", "\n"]]),
        (["a\r", "\n", "\r", "\n", "b"], [["a\r"], ["\n"], ["\r"], ["\n"], ["PARAGRAPH", "b"]]),
    ],
)
def test_a_block_is_finished_before_the_character_that_decides_it(
    chunks: list[str], expected: list[list[str]]
) -> None:
    assert outputs(*chunks) == expected


# ---------------------------------------------------------------- the item


def test_a_finished_block_is_what_its_fields_are() -> None:
    block = MarkdownBlock("# a\n", "heading", index=1, line=2, level=1)
    assert (block.text, block.kind, block.complete, block.delta) == ("# a\n", "heading", True, "")
    assert block == MarkdownBlock(SoLong(["# a", "\n"]), "heading", index=1, line=2, level=1)
    assert block != MarkdownBlock("# a\n", "heading", index=1, line=2, level=2)
    assert block != "# a\n"
    assert repr(block) == "MarkdownBlock('# a\\n', 'heading', index=1, line=2, level=1)"
    code = MarkdownBlock("```py\n", "code", info="py")
    assert repr(code) == "MarkdownBlock('```py\\n', 'code', index=0, line=0, info='py')"


def test_a_piece_of_the_tail_is_what_is_new_in_it() -> None:
    piece = MarkdownBlock("a\nb", index=1, line=2, delta="b")
    assert (piece.text, piece.kind, piece.complete, piece.delta) == ("a\nb", None, False, "b")
    assert MarkdownBlock("a").delta == "a"
    assert repr(piece) == "MarkdownBlock('a\\nb', index=1, line=2, delta='b')"


def test_what_a_piece_has_seen_it_does_not_forget_nor_learn() -> None:
    machine = MarkdownBlocks()
    items = [item for chunk in ("a", "b\n", "\nc", "d") for item in machine.feed(chunk)]
    assert [item.text for item in items] == ["a", "ab\n", "ab\n\n", "ab\n\n", "c", "cd"]
