import re
import tracemalloc
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from rxstream.sansio.code_blocks import CodeBlock, CodeBlocks
from rxstream.sansio.growing import SoLong
from rxstream.testing import assert_incremental, assert_linear, check_machine, chunkings, run_machine
from tests.sansio.markdown_documents import drawn

Streaming = partial(CodeBlocks, partial=True)

#: What documents are made of beside marks: fences, and what looks like one or hides one.
LINES = (
    *("```", "~~~", "````", "``` py", "~~~ a`b", "``", "``` x`", "  ```", "```  ", "    ```", "```\t"),
    *("text", "", " ", "x", "---", "===", "# h", "[foo]: /url", "'title", "_ _ _"),
    *("<div>", "</div>", "<!--", "-->", "<pre>", "</pre>", "<a>", "<?", "?>", "\tx"),
)


def documents(*, tabs: bool = True) -> st.SearchStrategy[str]:
    return drawn(LINES, depth=3, size=8, tabs=tabs)


def parse(text: str, *, streaming: bool = False) -> list[CodeBlock]:
    items, fault = run_machine(Streaming if streaming else CodeBlocks, [text])
    assert fault is None
    return items


def events(items: list[CodeBlock]) -> Sequence[Any]:
    """Take pieces apart: where the code is cut into pieces means nothing."""
    seen: list[Any] = []
    opened = -1
    for item in items:
        if item.index > opened:
            opened = item.index
            seen.append(("open", item.index, item.language, item.info))
        seen += item.delta
        if item.complete:
            seen.append("complete")
    return seen


def oracle(text: str) -> list[tuple[str, str]]:
    markdown = MarkdownIt("commonmark")
    markdown.options["maxNesting"] = 10_000
    return [(token.content, token.info.strip()) for token in markdown.parse(text) if token.type == "fence"]


# ---------------------------------------------------------------- the laws

SAMPLES = (
    "a\n```py\nx = `1`\n``\n``` b\n   ```  \n~~~\nend",
    "> - ~~~ a b\r\n>   code\r>\r\n>   ~~~~\r\n> - ```\nx",
    "- ```\n  a\n \n\t b\n- x\n```\n",
    "~~~\n   ~~~x\n~~~",
    "",
)
#: How a line that begins like a closing fence may go on after all.
ENDINGS = (
    "```\n",
    "``x",
    "`` \n",
    "~~~ \n",
    "~~x",
    "~\n",
    "> ```\n",
    "  ```\n",
    "   x\n",
    "    x\n",
    "\t\tx\n",
)


@pytest.mark.parametrize("partial_", [False, True])
def test_blocks_meet_the_laws(partial_: bool) -> None:
    check_machine(
        lambda: CodeBlocks(partial=partial_),
        SAMPLES,
        join=events if partial_ else None,
        continuations=ENDINGS,
    )


@given(st.data())
def test_blocks_do_not_depend_on_where_the_text_is_cut(data: st.DataObject) -> None:
    text = data.draw(documents())
    text = text.replace("\n", data.draw(st.sampled_from(["\n", "\r\n", "\r"])))
    text = text[: data.draw(st.integers(0, len(text)))]
    chunks = data.draw(chunkings(text))
    whole = run_machine(CodeBlocks, [text])
    assert run_machine(CodeBlocks, chunks) == whole
    pieces, fault = run_machine(Streaming, chunks)
    assert fault is None
    assert events(pieces) == events(whole[0])
    code: dict[int, str] = {}
    for piece in pieces:
        code[piece.index] = code.get(piece.index, "") + piece.delta
        assert piece.code == code[piece.index]


def margins(text: str) -> set[str]:
    """Give what may follow a line's beginning so that all it stands in goes on: of lists, only the space."""
    found: set[str] = set()
    for margin in re.findall(r"^[>*\-12.) \t]+", text, re.MULTILINE):
        blank = re.sub(r"[^>\s]", " ", margin)
        found.update(blank[start:] + "x\n" for start in range(len(blank)))
    return found


@settings(max_examples=15, deadline=None)
@given(documents(), st.booleans())
@example("> ```\n    ", True)
@example("- ```\n \n x", True)
@example("> > ```\n> > > ```\n> - > ```\n>", False)
def test_what_is_certain_is_out(text: str, streaming: bool) -> None:
    assert_incremental(
        Streaming if streaming else CodeBlocks,
        text,
        [
            *ENDINGS,
            *(mark + line for mark in ("", "> ", "  ") for line in ("```\n", "~~~\n", "````\n", "x")),
            *margins(text),
        ],
        join=events if streaming else None,
        places=25,
    )


@pytest.mark.parametrize(
    ("opening", "text"),
    [
        *(("", text) for text in ("`", ">", "\n", "- ", "> ", "\t", "<", "[", "[a\n", "1. ", "_ ", '<a b="')),
        *(("```\n", text) for text in ("`", "~", " ", "x", "\n", "``\n")),
        ("> - ```\n", " "),
    ],
)
def test_nasty_text_costs_its_length(opening: str, text: str) -> None:
    def in_fours(size: int) -> list[str]:
        whole = opening + text * (size // len(text)) + "x"
        return [whole[place : place + 4] for place in range(0, len(whole), 4)]

    assert_linear(Streaming, in_fours, shape=repr(text))


# ---------------------------------------------------------------- the oracle


@settings(max_examples=200, deadline=None)
@given(documents(tabs=False))
def test_blocks_are_those_of_markdown_it(text: str) -> None:
    # Without tabs, and quotes that are indented like code: the next test shows what it makes of them.
    assume("    >" not in text)
    assert [(item.code, item.info) for item in parse(text)] == oracle(text)


@pytest.mark.parametrize(
    ("text", "code", "of_markdown_it"),
    [
        # A quote's mark takes one column of the tab, at the second level too.
        (">\t>\t```\n>\t>\t  - x\n", "  - x\n", "    - x\n"),
        # Indented four columns: no mark of a quote.
        ("> \t> \t``` x\n> \t   > \t<div>", "", "<div>"),
        ("1. >    ```\n       > ~~~", "", "~~~"),
        # White space at the end of the text is a line.
        ("```\na\n  ", "a\n  ", "a\n"),
    ],
)
def test_where_markdown_it_deviates_the_specification_is_followed(
    text: str, code: str, of_markdown_it: str
) -> None:
    assert parse(text)[0].code == code
    assert oracle(text)[0][0] == of_markdown_it


# ---------------------------------------------------------------- by the sections of the specification


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Fences
        ("```\nif x:\n    y\n```\n", ["if x:\n    y\n"]),
        ("~~~\na\n~~~\n", ["a\n"]),
        ("``\nno\n``\n", []),
        ("```\n~~~\n```\n", ["~~~\n"]),
        ("~~~\n```\n~~~\n", ["```\n"]),
        ("`````\n```\n````\n`````\n", ["```\n````\n"]),
        ("~~~\na\n~~~~~\n", ["a\n"]),
        ("```\n```\n", [""]),
        ("```\n\n \n```\n", ["\n \n"]),
        ("```\na\n``` b\n```\n", ["a\n``` b\n"]),
        ("```\na\n```\t \n", ["a\n"]),
        # Indentation
        (" ```\n a\nb\n  c\n```\n", ["a\nb\n c\n"]),
        ("   ```\n\tx\n   ```\n", [" x\n"]),
        ("    ```\n    a\n", []),
        ("```\na\n   ```\n", ["a\n"]),
        ("```\na\n    ```\n", ["a\n    ```\n"]),
        # Info strings
        ("```a`b\n", []),
        ("~~~ a`b~\nx\n~~~\n", ["x\n"]),
        ("``` ```\n", []),
        # Paragraphs, and what else may stand before
        ("a\n```\nb\n```\nc\n", ["b\n"]),
        ("a\n===\n```\nb\n```\n", ["b\n"]),
        ("a\n    ```\n", []),
        ("[a]: b\n```\nc\n```\n", ["c\n"]),
        ("# a\n~~~\nb\n~~~\n# c\n", ["b\n"]),
        # What hides a fence
        ("<pre>\n```\n</pre>\n```\na\n```\n", ["a\n"]),
        ("<!--\n```\n\n-->\n```\na\n", ["a\n"]),
        ("<div>\n```\n\n```\na\n", ["a\n"]),
        ("    x\n\n    ```\n", []),
        # Block quotes
        ("> ```\n> a\n>  b\n> ```\n", ["a\n b\n"]),
        ("> ```\n> a\nb\n", ["a\n"]),
        ("> ```\n> a\n\n> b\n", ["a\n"]),
        (">```\n>\ta\n>```\n", ["  a\n"]),
        ("> a\n```\nb\n```\n", ["b\n"]),
        ("> ```\n```\nb\n", ["", "b\n"]),
        (">> ```\n>> a\n> b\n", ["a\n"]),
        # List items
        ("- ```\n  a\n  ```\n", ["a\n"]),
        ("1. ~~~\n   a\n\n    b\n   ~~~\n", ["a\n\n b\n"]),
        ("- ```\n  a\nb\n", ["a\n"]),
        ("- ```\n  a\n- ```\n  b\n", ["a\n", "b\n"]),
        ("- a\n\n  ```\n  b\n  ```\n", ["b\n"]),
        ("-\n  ```\n  a\n", ["a\n"]),
        ("-\n\n  ```\n  a\n", ["a\n"]),
        ("-     ```\n", []),
        ("-\t```\n\ta\n\t```\n", ["a\n"]),
        ("a\n2. ```\n   b\n", []),
        ("a\n1. ```\n   b\n", ["b\n"]),
        ("- > ```\n  > a\n  > ```\n", ["a\n"]),
        ("> - ```\n>   a\n>\n>   b\n> c\n", ["a\n\nb\n"]),
        # Line ends, and a character that may not be
        ("```\r\na\r\n\r\n```\r\n", ["a\n\n"]),
        ("```\ra\r\r```\r", ["a\n\n"]),
        ("```\na\0b\n```\n", ["a\ufffdb\n"]),
        ("```\na\u2028b\x0c\x85c\n```\n", ["a\u2028b\x0c\x85c\n"]),
        # The end of the text
        ("```", [""]),
        ("```\n", [""]),
        ("```\na", ["a"]),
        ("```\na\n``", ["a\n``"]),
        ("```\na\n```", ["a\n"]),
        ("```\na\n\n", ["a\n\n"]),
        ("> ```\n> a\n  ", ["a\n"]),
        ("- ```\n  a\n ", ["a\n"]),
        ("", []),
        ("`", []),
    ],
)
def test_the_code_is_that_of_commonmark(text: str, expected: list[str]) -> None:
    assert [item.code for item in parse(text)] == expected
    pieces = parse(text, streaming=True)
    code = [""] * len(expected)
    for piece in pieces:
        code[piece.index] += piece.delta
    assert code == expected


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("```\na\n```\n", True),
        ("```\na\n```", True),
        ("```\na\n```  ", True),
        ("```\na\n", False),
        ("```\na\n``", False),
        ("```\na\n```py", False),
        ("```\na\n``` b", False),
        ("> ```\n> ```py", False),
        ("```", False),
        ("> ```\n> a\n", False),
        ("> ```\n> a\nb", True),
        ("> ```\n> a\n\n", True),
        ("> ```\n> a\n ", True),
        ("- ```\n  a\n", False),
        ("- ```\n  a\n  ", False),
        ("- ```\n  a\n-", True),
    ],
)
def test_a_block_is_complete_if_its_fence_or_its_container_ended_it(text: str, complete: bool) -> None:
    assert [item.complete for item in parse(text)] == [complete]
    assert parse(text, streaming=True)[-1].complete == complete


@pytest.mark.parametrize(
    ("info", "language"),
    [
        ("", None),
        ("   ", None),
        ("py", "py"),
        ("  py  ", "py"),
        ("py title=x", "py"),
        ("\tc++\tx", "c++"),
        (r"foo\+bar \* y", "foo+bar"),
        ("f&ouml;&#xF6; x", "föö"),
        ("{.python}", "{.python}"),
    ],
)
def test_the_language_is_the_first_word_behind_the_fence(info: str, language: str | None) -> None:
    (block,) = parse(f"```{info}\n```\n")
    assert (block.language, block.info) == (language, info.strip())


def test_the_blocks_are_counted() -> None:
    assert [item.index for item in parse("```\n```\n> ```\n```\n")] == [0, 1, 2]


# ---------------------------------------------------------------- the moment


def outputs(*chunks: str, streaming: bool = True) -> list[list[str]]:
    """Give the deltas that come with each chunk, with a full stop behind the last one of a block."""
    machine = CodeBlocks(partial=streaming)
    return [[item.delta + "." * item.complete for item in machine.feed(chunk)] for chunk in chunks]


def test_a_block_comes_when_the_line_of_its_closing_fence_is_over() -> None:
    assert outputs("```\na\n```", " ", "\r", "\n", streaming=False) == [[], [], ["a\n."], []]


def test_the_language_is_known_when_the_opening_line_is_over() -> None:
    machine = Streaming()
    assert machine.feed("```py") == []
    assert machine.feed("\r") == [CodeBlock("", "py", "py", complete=False)]
    assert machine.feed("\n") == ()


def test_code_streams_by_character() -> None:
    assert outputs("```\n", "a", "b`", "\n", "x") == [[""], ["a"], ["b`"], ["\n"], ["x"]]


def test_only_what_may_close_the_block_is_held_back() -> None:
    assert outputs("```\n", " ", " ", "`", "`", "x") == [[""], [], [], [], [], ["  ``x"]]
    assert outputs("```\n", "   ", " ") == [[""], [], ["    "]]
    assert outputs("~~~\n", "`") == [[""], ["`"]]
    assert outputs("```\n", "``` ", "x") == [[""], [], ["``` x"]]


def test_marks_of_containers_are_held_back_and_dropped() -> None:
    assert outputs("> ```\n", ">", " ", "a", "\n", " ", "x") == [[""], [], [], ["a"], ["\n"], [], ["."]]
    assert outputs("- ```\n", " ", " ", "a\n", " ", "\n", "x") == [[""], [], [], ["a\n"], [], ["\n"], ["."]]


def test_four_columns_of_white_space_cannot_be_a_quote() -> None:
    assert outputs("> ```\n", "   ", " ") == [[""], [], ["."]]


@pytest.mark.parametrize("streaming", [False, True])
def test_what_is_over_is_forgotten(streaming: bool) -> None:
    machine = CodeBlocks(partial=streaming)
    text = "a\n\n```py\nb\n```\n"
    machine.feed(text)
    tracemalloc.start()
    try:
        for _ in range(1000):
            machine.feed(text)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 20_000


# ---------------------------------------------------------------- the item


def test_a_block_is_what_its_fields_are() -> None:
    block = CodeBlock("a\n", "py", "py x")
    assert (block.code, block.language, block.info) == ("a\n", "py", "py x")
    assert (block.complete, block.index, block.delta) == (True, 0, "a\n")
    assert block == CodeBlock(SoLong(["a", "\n"]), "py", "py x", True, 0, "a\n")
    assert block != CodeBlock("a\n", "py", "py x", delta="")
    assert block != "a\n"
    assert repr(block) == "CodeBlock('a\\n', 'py', 'py x', complete=True, index=0, delta='a\\n')"


def test_what_a_piece_has_seen_it_does_not_forget_nor_learn() -> None:
    machine = Streaming()
    items = [item for chunk in ("```\n", "a", "b", "c\n```\n") for item in machine.feed(chunk)]
    assert [item.code for item in items] == ["", "a", "ab", "abc\n"]
