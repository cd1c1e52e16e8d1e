"""The sentence machine: what it holds together, what it cuts, and the laws."""

from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rxstream.sansio.languages import LANGUAGES
from rxstream.sansio.sentences import Sentences

ATOMS = st.sampled_from(
    [
        *".!?…。！？ \n'\"“”()[]1234aAbBI`*#-•|é》《」\t",
        "  ",
        "\n\n",
        "...",
        " . . .",
        "Mr.",
        "e.g.",
        "U.S.",
        "No. ",
        "The ",
        "He ",
        "word ",
        "1. ",
        "2. The ",
        " 2) A",
        "1) ",
        "```",
        "\n```\n",
        "[1]",
        " I ",
        "p.m. ",
        "́",
        "a. ",
        "b. The ",
        "# ",
        "x" * 40,
        " " * 70,
        "." * 70,
        "`" * 70,
    ]
)
TEXTS = st.lists(ATOMS, max_size=24).map("".join)


def split(*chunks: str, language: str = "en", keep: bool = False, most: int | None = None) -> list[str]:
    machine = Sentences(language=language, keep_whitespace=keep, max_chars=most)
    return [item for chunk in chunks for item in machine.feed(chunk)] + [*machine.close()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n ", []),
        ("no end", ["no end"]),
        ("  One. \t Two.  ", ["One.", "Two."]),
        ("One line\nand another. Next", ["One line\nand another.", "Next"]),
        ("One\n\ntwo", ["One", "two"]),
        ("One\r\n\r\ntwo e.g.\n \nthree", ["One", "two e.g.", "three"]),
        ("Mr.\nBo. Now", ["Mr.\nBo.", "Now"]),
        # lists
        ("1. First thing. 2. Second. 3. 4.", ["1. First thing.", "2. Second.", "3. 4."]),
        ("1. The one 2. The other 3) No", ["1. The one", "2. The other 3) No"]),
        ("1.) The one 2.) The other", ["1.) The one", "2.) The other"]),
        ("a) The one b) The other (c) Not", ["a) The one", "b) The other (c) Not"]),
        ("a. The one b. The other", ["a. The one", "b. The other"]),
        ("z. The last a. The", ["z. The last a.", "The"]),
        ("IV. Results. They vary.", ["IV. Results.", "They vary."]),
        ("1. It costs 2.5 or 2. nothing", ["1. It costs 2.5 or 2. nothing"]),
        ("1. See page 2. The end", ["1. See page 2.", "The end"]),
        ("1. Two are 2.\nIt is", ["1. Two are 2.", "It is"]),
        ("A. Bo and B. Co met.", ["A. Bo and B. Co met."]),
        ("I... I see. Go", ["I... I see.", "Go"]),
        ("1.5 is a number. Yes", ["1.5 is a number.", "Yes"]),
        ("• One • Two • 3. Three a•b", ["• One", "• Two", "• 3. Three a•b"]),
        (
            "Buy:\n- milk\n* tea\n  + rice\n1. one\n2) two",
            ["Buy:", "- milk", "* tea", "+ rice", "1. one", "2) two"],
        ),
        ("well-\n-known\n**bold**\n2.5 x\n#tag", ["well-\n-known\n**bold**\n2.5 x\n#tag"]),
        # lines that are whole
        ("# Title\nText. More", ["# Title", "Text.", "More"]),
        ("Text\n## Title\nText", ["Text", "## Title", "Text"]),
        ("| a | b |\n|---|---|\n| c. D | d |\nText", ["| a | b |", "|---|---|", "| c. D | d |", "Text"]),
        ("A\n> quoted\n— So", ["A", "> quoted", "— So"]),
        # emphasis and code
        ("**Bold.** Next *one!* Last", ["**Bold.**", "Next *one!*", "Last"]),
        ("Use `a.b. C` here. And ``x`y. Z`` too. Ok", ["Use `a.b. C` here.", "And ``x`y. Z`` too.", "Ok"]),
        ("A ` slip. No\ncut. Now", ["A ` slip. No\ncut.", "Now"]),
        ("A ` slip. " + "x" * 200 + ". Now", ["A ` slip. " + "x" * 200 + ".", "Now"]),
        ("Done. `x` is", ["Done.", "`x` is"]),
        ("See:\n```py\nx. Y\n# Z\n\ny()\n```\nDone.", ["See:", "```py\nx. Y\n# Z", "y()\n```", "Done."]),
        ("```\n\n\na\n  ``\n````\nBe. Co", ["```", "a\n  ``\n````", "Be.", "Co"]),
        ("Not at a ```line. Start``` here. So", ["Not at a ```line. Start``` here.", "So"]),
        ("Go. ```a. B``` C", ["Go.", "```a. B``` C"]),
        ("```\n`" + " " * 130 + "\nx. Y", ["```\n`" + " " * 130 + "\nx. Y"]),
    ],
)
def test_layout_decides_where_the_words_do_not(text: str, expected: list[str]) -> None:
    assert split(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" One.  Two\n\nThree", [" One.", "  Two", "\n\nThree"]),
        ("One. \n", ["One.", " \n"]),
        ("One \n", ["One", " \n"]),
        (" \n", [" \n"]),
        ("", []),
    ],
)
def test_white_space_comes_before_the_sentence_and_at_the_end_alone(text: str, expected: list[str]) -> None:
    assert split(text, keep=True) == expected


@pytest.mark.parametrize(
    ("text", "most", "expected"),
    [
        ("one two three", 8, ["one two", "three"]),
        ("one two three", 7, ["one two", "three"]),
        ("one two three", 6, ["one", "two", "three"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("abc", 3, ["abc"]),
        ("abc. Def", 4, ["abc.", "Def"]),
        ("abc.\n\n", 4, ["abc."]),
        ("ab!!! Cd", 3, ["ab!", "!!", "Cd"]),
        ("  ab cd", 2, ["ab", "cd"]),
        ("e\u0301e\u0301e\u0301", 3, ["e\u0301", "e\u0301", "e\u0301"]),
        ("\u0301\u0301\u0301", 2, ["\u0301\u0301", "\u0301"]),
        ("a\u200db", 2, ["a\u200d", "b"]),
        ("x" * 3000 + " yes. Z", 2990, ["x" * 2990, "x" * 10 + " yes.", "Z"]),
        ("| " + "x" * 3000 + " y\nZ", 1500, ["|", "x" * 1500, "x" * 1500, "y\nZ"]),
        ("y | " + "x" * 1600 + "\nZ", 1600, ["y |", "x" * 1600, "Z"]),
        ("```\nab\n```\nCd. E", 5, ["```", "ab", "```", "Cd.", "E"]),
    ],
)
def test_a_sentence_that_is_too_long_is_cut_at_white_space(text: str, most: int, expected: list[str]) -> None:
    assert split(text, most=most) == expected
    assert split(*text, most=most) == expected


def test_a_heading_that_was_too_long_to_keep_at_hand_ends_with_its_line() -> None:
    title = "# " + "word " * 500 + "end"
    assert split(*(title + "\nText")) == split(title + "\nText") == [title, "Text"]
    assert split(*("x " * 800 + ".\n Y")) == ["x " * 800 + ".", "Y"]


def test_a_gap_that_was_too_long_to_keep_at_hand_belongs_to_the_next_sentence() -> None:
    text = "One" + " " * 3000 + "\n\ntwo"
    assert split(text, keep=True) == split(*text, keep=True) == ["One", " " * 3000 + "\n\ntwo"]


@pytest.mark.parametrize("most", [0, -1, True, 1.5, "9"])
def test_max_chars_must_be_a_positive_int(most: int) -> None:
    with pytest.raises(ValueError, match=f"positive int .*got {most!r}"):
        Sentences(max_chars=most)


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("Hello! ", ["Hello!"]),
        ("Hello. ", []),
        ("Hello. W", ["Hello."]),
        ("Hello.\n", ["Hello."]),
        ("Hello\n", []),
        ("Hello\n\n", ["Hello"]),
        ("Hello\n- ", ["Hello"]),
        ("# Hello\n", ["# Hello"]),
        ("In the U.S. The", []),
        ("Off to the U.S. The ", ["Off to the U.S."]),
        ("好。", []),
        ("好。好", ["好。"]),
        ("1. The one 2. T", ["1. The one"]),
    ],
)
def test_a_sentence_comes_out_at_the_character_that_makes_it_certain(text: str, out: list[str]) -> None:
    assert [*Sentences().feed(text)] == out


@pytest.mark.parametrize(
    ("text", "out"), [("... ", "..."), ("aaa ", "aaa"), ("...``", "...`"), ("a bcd", "a")]
)
def test_a_cut_comes_at_the_character_that_makes_it_certain(text: str, out: str) -> None:
    assert [*Sentences(max_chars=4).feed(text)] == [out]
    assert [*Sentences(max_chars=4).feed(text[:-1])] == []


OPTIONS = st.tuples(
    st.sampled_from(sorted(LANGUAGES)), st.booleans(), st.sampled_from([None, None, 1, 3, 7, 20, 100, 2000])
)


@given(TEXTS, OPTIONS, st.data())
@example("A)1) \n . . .\nb", ("en", False, 3), None)
@example("？... . . .。 A", ("de", False, None), None)
@example("Mr.？•。[…", ("nl", False, 3), None)
@example("1. A" + " " * 40 + "2. The", ("en", False, None), None)
@example("````a。b 」\n   . . .b", ("en", False, 7), None)
@example("x. y" * 600, ("en", True, 2000), None)
def test_where_the_text_is_cut_never_matters(
    text: str, options: tuple[str, bool, int | None], data: st.DataObject | None
) -> None:
    language, keep, most = options
    whole = split(text, language=language, keep=keep, most=most)
    assert split(*text, language=language, keep=keep, most=most) == whole
    if data is not None:
        places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
        chunks = [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]
        assert split(*chunks, language=language, keep=keep, most=most) == whole


@given(TEXTS, OPTIONS)
def test_nothing_is_lost_nothing_is_empty_and_nothing_is_too_long(
    text: str, options: tuple[str, bool, int | None]
) -> None:
    language, _, most = options
    kept = split(text, language=language, keep=True, most=most)
    plain = split(text, language=language, most=most)
    assert "".join(kept) == text
    assert all(kept)
    assert [item.strip() for item in kept if item.strip()] == plain
    assert most is None or all(len(item) <= most for item in plain)


# What may follow: everything of two letters of a troublesome alphabet, and words that make a difference.
TAILS = [
    "",
    *(a + b for a, b in product("a A.!\n\"')]`*1-(我と。", repeat=2)),
    *(
        "\n\nA",
        "\n- a",
        "\n1. a",
        "\n```\nA",
        "he ",
        " he ",
        "he said. ",
        "x ",
        "x. X",
        " . .a",
        ". . .",
        "] a",
    ),
    *(
        "1] a",
        "1](b. c",
        "\u0301x",
        "``` a. A",
        "` a. A",
        "\n) a",
        " ) a",
        " »",
        "P a",
        "\n\n\n",
        " \n\n",
        "” a",
    ),
    *(" A. a", "A a", " 2. A"),
]
SHORT = st.lists(
    st.sampled_from(
        [*'.!?…。 \n"()1aAI`-•#', ". ", "Mr", "U.S", "... ", "The", "no. ", "1. ", "2. ", "[1", "```\n"]
    ),
    max_size=7,
).map("".join)


# With max_chars the last place is special: a terminator that just fits may wait for one character more.
@given(SHORT, st.sampled_from(sorted(LANGUAGES)), st.sampled_from([None, 200]))
@example("1. A a 2.", "en", None)
def test_what_no_continuation_changes_is_already_out(text: str, language: str, most: int | None) -> None:
    machine = Sentences(language=language, keep_whitespace=True, max_chars=most)
    out = [*machine.feed(text)]
    ends = [split(text + tail, language=language, keep=True, most=most) for tail in TAILS]
    certain = 0
    while all(len(end) > certain for end in ends) and len({end[certain] for end in ends}) == 1:
        certain += 1
    assert out == ends[0][:certain]
