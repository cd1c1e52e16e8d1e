import pytest

from rxstream.sansio.fences import Fence, find_fence, first_word


@pytest.mark.parametrize(
    ("line", "char", "length", "info"),
    [
        ("```", "`", 3, ""),
        ("~~~~~", "~", 5, ""),
        ("```py", "`", 3, "py"),
        ("``` \t py x \t", "`", 3, "py x"),
        ("~~~ a`~b", "~", 3, "a`~b"),
        ("```~~~", "`", 3, "~~~"),
    ],
)
def test_a_fence_opens(line: str, char: str, length: int, info: str) -> None:
    fence = find_fence(f"> {line}", 2, 1)
    assert fence is not None
    assert (fence.char, fence.length, fence.indent, fence.info) == (char, length, 1, info)


@pytest.mark.parametrize("line", ["", "``", "~~", "``~", "```a`", "``` ```", "x```", "````` `"])
def test_nothing_else_opens_one(line: str) -> None:
    assert find_fence(line, 0, 0) is None


@pytest.mark.parametrize(
    ("line", "closes"),
    [
        ("````", True),
        ("``````", True),
        ("```` \t ", True),
        ("```", False),
        ("~~~~", False),
        ("````x", False),
        ("```` `", False),
        ("", False),
    ],
)
def test_a_fence_is_closed_by_one_that_is_no_shorter_and_alone(line: str, closes: bool) -> None:
    assert Fence("`", 4, 0, "py").closed_by(f"  {line}", 2) == closes


@pytest.mark.parametrize(
    ("info", "word"),
    [
        ("", None),
        ("a b c", "a"),
        ("\\*a\\b\\\\", "*a\\b\\"),
        ("&lt;&amp;gt; x", "<&gt;"),
        ("&#65;&#x42;&#X43;", "ABC"),
        ("&#0;&#xD800;&#x110000;", "\ufffd\ufffd\ufffd"),
        ("&#12345678;&#x1234567;", "&#12345678;&#x1234567;"),
        ("&nosuch;&amp", "&nosuch;&amp"),
        (r"\&amp;", "&amp;"),
        ("a&#32;b", "a"),
        ("&nbsp;", None),
    ],
)
def test_the_first_word_is_decoded(info: str, word: str | None) -> None:
    assert first_word(info) == word
