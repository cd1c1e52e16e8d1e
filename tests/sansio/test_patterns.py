import importlib
import os
import re
import sys
from functools import partial
from itertools import product
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from rxstream.sansio.patterns import StreamPattern, mark, stream_pattern
from rxstream.sansio.rewrite import Replace

# It has no types of its own.
regex: Any = importlib.import_module("regex")


def name(matches: dict[str, str], text: str) -> str:
    """Give each matched text a character that stands for it and for nothing else."""
    return matches.setdefault(text, chr(0xE000 + len(matches)))


def at_once(pattern: Any, text: str, matches: dict[str, str]) -> str:
    """Do with a whole text what `sub` would, empty matches apart."""
    out, pos = "", 0
    for match in pattern.finditer(text):
        if match.end() > match.start():
            out += text[pos : match.start()] + name(matches, match.group())
            pos = match.end()
    return out + text[pos:]


def streamed(pattern: Any, chunks: Any, matches: dict[str, str]) -> tuple[str, str]:
    """Give what was out before the end, and the rest."""
    machine = Replace(pattern, lambda match: name(matches, match.group()), max_match=1000)
    before = "".join(piece for chunk in chunks for piece in machine.feed(chunk))
    return before, "".join(machine.close())


def texts(alphabet: str, most: int) -> list[str]:
    return ["".join(letters) for size in range(most + 1) for letters in product(alphabet, repeat=size)]


def common(outputs: list[str]) -> str:
    return os.path.commonprefix(outputs)  # noqa: RUF071 - characters are what is meant


EXACT = [
    (r"ab", 0, "abc"),
    (r"a|ab|abc", 0, "abc"),
    (r"abc|ab|a", 0, "abc"),
    (r"(?:ab){1,9}", 0, "ab"),
    (r"(?:ab)+", 0, "ab"),
    (r"a{2}", 0, "ab"),
    (r"a{2,3}", 0, "ab"),
    (r"a{2,3}?", 0, "ab"),
    (r"a{1,2}+b", 0, "ab"),
    (r"a?b", 0, "abc"),
    (r"a??b", 0, "abc"),
    (r"a{0}b", 0, "ab"),
    (r"a+", 0, "ab"),
    (r"a*", 0, "ab"),
    (r"a*?", 0, "ab"),
    (r"|a", 0, "ab"),
    (r"(?:a|ab)?", 0, "ab"),
    (r"a.*?b", 0, "ab\n"),
    (r"a.*?b", re.DOTALL, "ab\n"),
    (r"a[^b\n]*b", 0, "ab\n"),
    (r"\b\w+@a\b", 0, "a@ "),
    (r"\ba", 0, "ab "),
    (r"a\b", 0, "ab "),
    (r"a\B", 0, "ab "),
    (r"\Ba", 0, "ab "),
    (r"(?<=b)a", 0, "ab"),
    (r"(?<!b)a", 0, "ab"),
    (r"(?<!^)a", 0, "ab"),
    (r"(?<=\bb)a", 0, "ab "),
    (r"a(?!b)", 0, "ab"),
    (r"a(?!bb)", 0, "ab"),
    (r"a(?!b(?!a))", 0, "ab"),
    (r"a(?=b)", 0, "ab"),
    (r"(?=(a))\1b", 0, "ab"),
    (r"a(?=.*?b)", 0, "ab\n"),
    (r"^a", 0, "ab\n"),
    (r"^a", re.MULTILINE, "ab\n"),
    (r"\Aa", re.MULTILINE, "ab\n"),
    (r"a$", 0, "ab\n"),
    (r"a$", re.MULTILINE, "ab\n"),
    (r"a\Z", re.MULTILINE, "ab\n"),
    (r"a\n$", 0, "ab\n"),
    (r"(?m:a$)|b", 0, "ab\n"),
    (r"(?i-s:a.)b", re.DOTALL, "aAb\n"),
    (r"(?x: a b )", 0, "ab"),
    (r"(?-x: a)b", re.VERBOSE, "ab "),
    (r"[aB]b", re.IGNORECASE, "abAB"),
    (r"([ab]).\1", 0, "abc"),
    (r"([ab])(?:\1|c)", re.IGNORECASE, "abAB"),
    (r"(a|bb)\1", 0, "ab"),
    (r"(a)?b\1", 0, "ab"),
    (r"(b)?(?(1)a|c)", 0, "abc"),
    (r"(b)?(?(1)a)a", 0, "abc"),
    (r"(?<=(b))a\1", 0, "ab"),
    (r"(?=(a))(?:\1|b)b", 0, "ab"),
    (r"(?>a|ab)", 0, "ab"),
    (r"(?>ab|a)b", 0, "ab"),
    (r"[\d\S]a", 0, "1a "),
    (r"[^\Wa-a]", 0, "ab "),
    (r"[^a]b", 0, "ab"),
    (r"é[è-ê]", 0, "éê"),
    (r"(?P<one>a)(?P=one)", 0, "ab"),
    (".\U0010ffff", 0, "a\U0010ffff"),
]


@pytest.mark.parametrize(("source", "flags", "alphabet"), EXACT)
@pytest.mark.parametrize("engine", [re, regex])
def test_what_no_continuation_can_change_is_out(engine: Any, source: str, flags: int, alphabet: str) -> None:
    for flag, its in (
        (re.MULTILINE, regex.M),
        (re.IGNORECASE, regex.I),
        (re.DOTALL, regex.S),
        (re.VERBOSE, regex.X),
    ):
        if engine is regex and flags & flag:
            flags = flags & ~flag | its
    pattern = engine.compile(source, flags)
    longest = 6 if len(alphabet) < 4 else 5
    matches: dict[str, str] = {}
    whole = {text: at_once(pattern, text, matches) for text in texts(alphabet, longest)}
    for prefix in texts(alphabet, longest - 3):
        certain = common([whole[prefix + rest] for rest in texts(alphabet, 3)])
        for chunks in (prefix, [prefix]):
            before, rest = streamed(pattern, chunks, matches)
            assert (before, before + rest) == (certain, whole[prefix])


# Longer than they need: see the top of patterns.py.
@pytest.mark.parametrize(
    ("source", "text", "before"),
    [(r"a\Zb", "a", ""), (r"(?>a{1,9})a", "aa", ""), (r"a(?=.*b)", "aab", ""), (r"a(?<!\bca)", "a", "")],
)
def test_some_wait_longer_than_they_need(source: str, text: str, before: str) -> None:
    matches: dict[str, str] = {}
    pattern = re.compile(source)
    assert streamed(pattern, text, matches) == (before, at_once(pattern, text, matches))


def grow(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    quantifiers = st.sampled_from(
        ["*", "+", "?", "{2}", "{1,2}", "{0,2}", "*?", "+?", "??", "{1,2}?", "*+", "?+"]
    )
    looks = st.sampled_from(["?=", "?!", "?>"])
    return st.one_of(
        st.builds("{}{}".format, parts, parts),
        st.builds("(?:{}|{})".format, parts, parts),
        st.builds("(?:{}){}".format, parts, quantifiers),
        st.builds("({}{})".format, looks, parts),
    )


expressions = st.recursive(
    st.sampled_from(
        ["a", "b", ".", "[ab]", "[^a]", r"\w", r"\n", "^", "$", r"\b", r"\B", r"\Z", "(?<=a)", r"(?<!\bb)"]
    ),
    grow,
    max_leaves=8,
)


@given(
    expressions,
    st.sampled_from([0, re.MULTILINE, re.DOTALL, re.IGNORECASE]),
    st.text("abA\n ", max_size=8),
    st.data(),
)
@settings(max_examples=200)
@example(r"(?:ab)+", 0, "ababab", None)
@example(r"(?<!^)a", 0, "a\n", None)
@example(r"(?:b|(?=(?:[ab]){0,2}+))", 0, "ba", None)
@example(r"(?:(?:\w)*?)?+", 0, "ab", None)
def test_any_pattern_gives_what_it_gives_on_the_whole_text(
    source: str, flags: int, text: str, data: Any
) -> None:
    pattern = re.compile(source, flags)
    matches: dict[str, str] = {}
    try:
        StreamPattern(pattern, 1000)
    except ValueError:
        assume(False)  # it matches nothing but the empty string
    wanted = at_once(pattern, text, matches)
    assert "".join(streamed(pattern, [text], matches)) == wanted
    assert "".join(streamed(pattern, [c for letter in text for c in (letter, "")], matches)) == wanted
    if data is not None:
        at = data.draw(st.integers(0, len(text)))
        assert "".join(streamed(pattern, [text[:at], text[at:]], matches)) == wanted
    # Nothing is out that a continuation takes back.
    for place in range(len(text)):
        before = streamed(pattern, text[:place], matches)[0]
        for rest in ("", "a", "b", "\n", "ab", text[place:]):
            assert at_once(pattern, text[:place] + rest, matches).startswith(before)


def test_a_word_said_twice_is_followed_letter_by_letter() -> None:
    pattern = re.compile(r"\b(\w{1,30}) \1\b")
    assert streamed(pattern, "the then the th", {})[0] == "the then "
    assert streamed(pattern, "on on ", {})[0] == "\ue000 "


@pytest.mark.parametrize(
    ("source", "text", "wanted"),
    [
        (r"\p{Lu}\p{Ll}+", "x Ab c", "x ? c"),
        (r"[\p{Lu}\d]{2}", "x A1 c", "x ? c"),
        (r"[^\p{Lu}]x", "Ax bx", "Ax ?"),
        (r"[[:digit:]]{2}", "x 12 c", "x ? c"),
        (r"(?<twice>a|b)(?P=twice)", "ab bb", "ab ?"),
        (r"\{a{,2}\}", "{aa}", "?"),
        (r"(?<=a{1,2})b", "aab", "aa?"),
        ("\U000f0000\\p{Nd}", "\U000f00007", "?"),
    ],
)
def test_a_pattern_of_regex_may_use_more_syntax(source: str, text: str, wanted: str) -> None:
    for chunks in (text, [text]):
        machine = Replace(regex.compile(source), "?", max_match=20)
        assert (
            "".join([*(piece for chunk in chunks for piece in machine.feed(chunk)), *machine.close()])
            == wanted
        )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (partial(re.compile, r"a+"), r"any amount of text: 'a\+'; .* max_match=1000, or bound its repeats"),
        (partial(re.compile, r"a(?=.*b)"), "any amount of text"),
        (partial(re.compile, r"\b"), "only the empty string"),
        (partial(re.compile, r"(?:a+){0}"), "only the empty string"),
        (
            partial(re.compile, r"(\w{1,65}) \1"),
            r"back reference to more than 64 .* bound, such as \(\\w\{1,30\}\)",
        ),
        (partial(re.compile, r"(?(1)a|b)(c)"), "condition on a group further on"),
        (partial(re.compile, r"(?<=(?=a)a)b"), "look-ahead inside a look-behind"),
        (partial(re.compile, r"(b)(?<=\1)a"), "back reference inside a look-behind"),
        (partial(regex.compile, r"(?<=a+)b"), r"look-behind without a bound .* such as \(\?<="),
        (partial(regex.compile, r"(?:ab){e<=1}"), r"write \\\{ for a brace"),
        (
            partial(regex.compile, r"a\K b"),
            r"syntax of regex cannot be followed .* 'a\\\\K b'; write it with",
        ),
        (partial(regex.compile, r"a", regex.REVERSE), r"regex\.R cannot be followed"),
    ],
)
def test_what_cannot_be_followed_is_refused_with_what_to_write(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        StreamPattern(make())


@pytest.mark.parametrize("wrong", [7, None, [], re.compile(b"a"), regex.compile(b"a")])
def test_only_compiled_patterns_for_text_are_taken(wrong: Any) -> None:
    with pytest.raises(TypeError, match="expected a string or a compiled pattern for text"):
        stream_pattern(wrong, None)


def test_a_program_without_regex_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = regex.compile("a")
    monkeypatch.delitem(sys.modules, "regex")
    with pytest.raises(TypeError, match="compiled pattern"):
        StreamPattern(theirs)
    assert StreamPattern(re.compile("a")).spot("xa", mark("xa"), 0, final=False) == (1, 2)


def test_a_warning_of_the_pattern_is_not_given_twice() -> None:
    with pytest.warns(FutureWarning, match="nested set"):
        pattern = re.compile("[[a]b")
    StreamPattern(pattern)


def test_a_match_is_not_bounded_by_more_than_it_needs() -> None:
    assert StreamPattern(re.compile(r"a{1,5}"), 5).limit is None
    assert StreamPattern(re.compile(r"a{1,5}(?=b)"), 5).limit == 5
