import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rxstream.sansio.blocks import Blocks
from rxstream.sansio.line_starts import outlook

ABOVE = (
    "a",
    "> a",
    "- a",
    "1. a",
    "2) a",
    "* a",
    "    a",
    "# a",
    "a|b\n-|-",
    "```",
    "<!--",
    "> # a",
    "> - a",
)
LINES = (
    *("b", "# b", "#b", "- b", "* b", "1. b", "2. b", "2) b", "3)b", "1234567890. b", "> b", "~~~", "``` b"),
    *("<div>", "<!-- b", "<b>", "</p ", "<?", "<!X", "<![CDATA[", "<script>", "*b", "-b", "+ b", "--- b"),
)


def above(text: str) -> Blocks:
    blocks = Blocks()
    lines = text.split("\n")
    for number, line in enumerate(lines):
        blocks.line(line, "".join(lines[number + 1 : number + 2]))
    return blocks


def ends(text: str, line: str) -> bool:
    """Ask of a line, whole, whether it is known before its end to end the block above."""
    bare = line.lstrip(" ")
    verdict = outlook(above(text), len(line) - len(bare), bare[0])
    return verdict if isinstance(verdict, bool) else verdict.match(bare) is not None


@settings(max_examples=300)
@given(st.sampled_from(ABOVE), st.booleans(), st.integers(0, 5), st.sampled_from(LINES))
def test_what_is_said_early_is_said_at_the_end_of_the_line_too(
    text: str, blank: bool, indent: int, line: str
) -> None:
    text += "\n" * blank
    blocks = above(text)
    blocks.begun.clear()
    blocks.line(" " * indent + line)
    begun = bool(blocks.begun)
    # Of an opening fence of backticks only the end of the line says that it is one.
    early = ends(text, " " * indent + line)
    assert early == begun or (begun and line == "``` b" and not early)


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("a", "b", False),
        ("a", "# b", True),
        ("a", "1. b", True),
        ("a", "2. b", False),
        ("a", "- ", False),
        ("> a", "- ", True),
        ("> a", "2. b", True),
        ("> a", "b", False),
        ("> a\n", "b", True),
        ("- a", "- b", False),
        ("- a", "* b", True),
        ("- a", "  # b", False),
        ("- a\n", "-b", True),
        ("- a\n", "- - -", False),
        ("1. a\n", "2. b", False),
        ("1. a\n", "2) b", True),
        ("-\n", "b", True),
        ("-\n", "- b", False),
        ("    a", "    b", False),
        ("    a", "b", True),
        ("```", "b", False),
        ("[a]: b", "c", True),
        ("[a]: b", "'c", False),
        ("a|b\n-|-", "    c", True),
        ("a|b\n-|-", "c", False),
    ],
)
def test_the_beginning_of_a_line_may_end_the_block_above(text: str, line: str, expected: bool) -> None:
    assert ends(text, line) == expected
