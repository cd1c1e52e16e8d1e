import pytest

from rxstream.sansio.blocks import MAX_DEPTH, Blocks
from rxstream.sansio.leaves import Leaf
from rxstream.testing import assert_linear


def taken(text: str, *, tables: bool = True) -> Blocks:
    """Give what knows the lines of a text, each with the one behind it."""
    blocks = Blocks()
    lines = text.split("\n")
    start = 0
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else None
        blocks.line(line, following if tables else None, start)
        start += len(line) + 1
    return blocks


@pytest.mark.parametrize(
    ("text", "markers", "leaf"),
    [
        ("", "", Leaf.NONE),
        ("a", "", Leaf.PARAGRAPH),
        ("a\n ", "", Leaf.NONE),
        ("    a\n", "", Leaf.INDENTED),
        ("a\n    b", "", Leaf.PARAGRAPH),
        ("```\na", "", Leaf.FENCE),
        ("```\n```", "", Leaf.NONE),
        ("<div>\na", "", Leaf.HTML),
        ("<!-- -->", "", Leaf.NONE),
        ("<!--\n\n", "", Leaf.HTML),
        ("a|b\n-|-", "", Leaf.TABLE),
        ("a|b\n-|-\nc", "", Leaf.TABLE),
        ("a|b\n-|-\n\n", "", Leaf.NONE),
        ("a|b\n-|-\n    c", "", Leaf.INDENTED),
        ("a|b\n-|-\n<a>", "", Leaf.TABLE),
        ("> - 1. a", ">-.", Leaf.PARAGRAPH),
        ("> a\nb", ">", Leaf.PARAGRAPH),
        ("> a\n> # b\nc", "", Leaf.PARAGRAPH),
        ("> a\n\n", "", Leaf.NONE),
        ("- a\n\n\n", "-", Leaf.NONE),
        ("- a\n- b\n  - c", "--", Leaf.PARAGRAPH),
        ("- a\n\nb", "", Leaf.PARAGRAPH),
        ("- \n\n", "", Leaf.NONE),
        ("-      a", "-", Leaf.INDENTED),
        ("a\n- ", "", Leaf.NONE),
        ("a\n* ", "", Leaf.PARAGRAPH),
        ("a\n14. b", "", Leaf.PARAGRAPH),
        ("> a\n14. b", ".", Leaf.PARAGRAPH),
        ("- > ```\n  > a", "->", Leaf.FENCE),
        ("- a\n  b|c\n  -|-", "-", Leaf.TABLE),
        ("[a]: b", "", Leaf.PARAGRAPH),
        ("[a]: b 'c'", "", Leaf.NONE),
        ("[a]: b\n    c", "", Leaf.INDENTED),
        ("[a]: b\n    'c", "", Leaf.INDENTED),
        ("[a]: b\n    'c'", "", Leaf.NONE),
        ("> [a]: b\n'c", "", Leaf.PARAGRAPH),
        ("> [a]: b\n> 'c\n> # d", ">", Leaf.NONE),
        ("> [a]: b\n> 'c\nd", ">", Leaf.PARAGRAPH),
    ],
)
def test_a_line_leaves_containers_and_a_leaf_open(text: str, markers: str, leaf: Leaf) -> None:
    blocks = taken(text)
    assert ("".join(container.marker for container in blocks.containers), blocks.leaf) == (markers, leaf)
    assert (blocks.fence is not None) == (leaf is Leaf.FENCE)
    assert blocks.lines == text.count("\n") + 1


@pytest.mark.parametrize(
    ("text", "begun"),
    [
        ("\na\nb\n\nc", [("paragraph", 1, 1), ("paragraph", 4, 6)]),
        ("a\n==", [("heading", 0, 0)]),
        ("> a\n> ==", [("quote", 0, 0)]),
        ("- a\n- b\n* c\n+ d", [("list", 0, 0), ("list", 2, 8), ("list", 3, 12)]),
        ("a\nb|c\n-|-", [("paragraph", 0, 0), ("table", 1, 2)]),
        ("- a|b\n-|-", [("table", 0, 0)]),
        ("- a\n- b|c\n-|-", [("list", 0, 0)]),
        ("> - a\n> - b|c\n> -|-", [("quote", 0, 0)]),
        ("> a\nb|c\n-|-", [("quote", 0, 0)]),
        ("- a\nb|c\n-|-", [("list", 0, 0)]),
        ("- a\nb|c\n  -|-", [("list", 0, 0), ("table", 1, 4)]),
        ("a|b\n-|-\n# c|d\n-|-", [("table", 0, 0), ("table", 2, 8)]),
        ("a|b\n-|-\nc|d\n-|-", [("table", 0, 0)]),
        ("[a]: b\n'c\nd", [("definition", 0, 0)]),
        ("[a]: b\n'c\n\nd", [("definition", 0, 0), ("paragraph", 1, 7), ("paragraph", 3, 11)]),
        ("[a]: b\n'c' d", [("definition", 0, 0), ("paragraph", 1, 7)]),
        ("[a]: b\n'c\n---", [("definition", 0, 0), ("heading", 1, 7)]),
        ("[a]: b\n'c\n2. d", [("definition", 0, 0), ("paragraph", 1, 7)]),
        ("[a]:\n---", [("heading", 0, 0)]),
        ("[a]:\n===", [("definition", 0, 0)]),
        ("[a]:\n--", [("definition", 0, 0)]),
        ("[a\n===", [("heading", 0, 0)]),
        ("[a\n--\n]: b", [("heading", 0, 0), ("paragraph", 2, 6)]),
        ("[a]: b 'c\n--", [("heading", 0, 0)]),
        ("[a]: b\n'c\n===\nd", [("definition", 0, 0), ("heading", 1, 7), ("paragraph", 3, 14)]),
        ("[a]: b c\n-", [("heading", 0, 0)]),
        ("    [a]: b", [("code", 0, 0)]),
    ],
)
def test_blocks_begin_at_the_top(text: str, begun: list[tuple[str, int, int]]) -> None:
    blocks = taken(text)
    assert [(block.kind, block.line, block.start) for block in blocks.begun] == begun
    assert blocks.top is blocks.begun[-1]


def test_without_the_next_line_there_are_no_tables() -> None:
    assert taken("a|b\n-|-", tables=False).leaf is Leaf.PARAGRAPH


def test_containers_that_stand_too_deep_are_text() -> None:
    for mark in ("> ", "- "):
        blocks = taken(mark * (MAX_DEPTH + 5) + "a")
        assert len(blocks.containers) == MAX_DEPTH
        assert blocks.leaf is Leaf.PARAGRAPH
        assert len(blocks.reach(mark * (MAX_DEPTH + 5) + "a") or ()) == MAX_DEPTH


@pytest.mark.parametrize(
    ("text", "line", "markers"),
    [
        ("", "a | b", ""),
        ("", "> - a", ">-"),
        ("", "> 1. - a", ">.-"),
        ("", "-     a", "-"),
        ("> - a", "> b", ">"),
        ("> - a", ">   > b", ">->"),
        ("- a", "-", "-"),
    ],
)
def test_the_marks_of_a_line_say_what_the_next_one_can_stand_in(text: str, line: str, markers: str) -> None:
    found = taken(text).reach(line)
    assert found is not None
    assert "".join(container.marker for container in found) == markers


@pytest.mark.parametrize(("text", "line"), [("", "    a | b"), ("- a", "\t  a | b")])
def test_indented_code_has_no_marks(text: str, line: str) -> None:
    assert taken(text).reach(line) is None


def test_a_paragraph_goes_on_with_anything_but_a_definition_only_with_its_title() -> None:
    assert taken("a").has_paragraph("b")
    assert not taken("# a").has_paragraph("b")
    assert taken("[a]: b").has_paragraph("'")
    assert not taken("[a]: b").has_paragraph("b")


def test_a_leaf_at_the_top_may_take_anything() -> None:
    assert taken("```").takes_anything
    assert taken("<!--").takes_anything
    assert not taken("> ```").takes_anything
    assert not taken("a").takes_anything


def test_somebody_else_may_read_the_closing_fence() -> None:
    blocks = taken("```\na")
    blocks.close_fence()
    assert (blocks.leaf, blocks.fence, blocks.lines) == (Leaf.NONE, None, 3)


def test_what_may_be_a_title_can_be_settled() -> None:
    blocks = taken("[a]: b\n'c")
    blocks.settle()
    assert [block.kind for block in blocks.begun] == ["definition", "paragraph"]
    blocks.settle()
    assert len(blocks.begun) == 2


@pytest.mark.parametrize("mark", ["> ", "- ", "* ", "1. ", "-", "[", "<a ", "| "])
def test_a_long_line_costs_its_length(mark: str) -> None:
    class Lines:
        def feed(self, line: str) -> tuple[()]:
            Blocks().line(line, "-|" * 9)
            return ()

        def close(self) -> tuple[()]:
            return ()

    assert_linear(Lines, lambda size: [mark * (size // len(mark)) + "x"], shape=f"a line of {mark!r}")
