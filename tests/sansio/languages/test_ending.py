"""What the look at a terminator says, before it is known what the machine makes of it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rxstream.sansio.languages import LANGUAGES
from rxstream.sansio.languages.ending import Verdict, judge

ENDS, GOES_ON, WAIT = Verdict.ENDS, Verdict.GOES_ON, Verdict.WAIT

ATOMS = st.sampled_from(
    [
        *".!?…。？．",
        " ",
        " ",
        "\n",
        *"'\"”»)*[]【】1aAIé我とｱ-—,",
        "Mr",
        "e.g",
        "U.S",
        "no",
        "The ",
        "s ",
        "😀",
        "¹",
    ]
)


@pytest.mark.parametrize(
    ("behind", "expected"),
    [
        (".", (WAIT, 3)),
        (". ", (WAIT, 3)),
        (". n", (WAIT, 3)),
        (". no", (GOES_ON, 3)),
        (". N", (ENDS, 3)),
        (". iP", (ENDS, 3)),
        (". 7", (ENDS, 3)),
        (". 😀", (ENDS, 3)),
        (". “N", (ENDS, 3)),
        (". “", (WAIT, 3)),
        (". , n", (GOES_ON, 3)),
        (".n", (GOES_ON, 3)),
        (".\n", (ENDS, 3)),
        (". \n", (ENDS, 3)),
        (".”", (WAIT, 4)),
        (".” N", (ENDS, 4)),
        (".** N", (ENDS, 5)),
        (".[1", (WAIT, 3)),
        (".[1] N", (ENDS, 6)),
        (".[link](x) N", (GOES_ON, 9)),
        (".【4†a】 N", (ENDS, 8)),
        ("!", (WAIT, 3)),
        ("! ", (ENDS, 3)),
        ("?!\n", (ENDS, 4)),
        ("!” ", (WAIT, 4)),
        ("!” n", (GOES_ON, 4)),
        ("!” N", (ENDS, 4)),
        ("!我", (ENDS, 3)),
        ("!n", (GOES_ON, 3)),
        ("。", (WAIT, 3)),
        ("。我", (ENDS, 3)),
        ("。」我", (ENDS, 4)),
        ("。」、", (GOES_ON, 4)),
        ("．4", (GOES_ON, 3)),
        ("．４", (GOES_ON, 3)),
        ("．我", (ENDS, 3)),
        ("...", (WAIT, 5)),
        ("... n", (GOES_ON, 5)),
        ("... 7", (GOES_ON, 5)),
        ("... N", (ENDS, 5)),
        ("... I", (WAIT, 5)),
        ("... I ", (GOES_ON, 5)),
        ("... It", (ENDS, 5)),
        ("... (", (WAIT, 5)),
        (".... I ", (ENDS, 6)),
        (" . . . n", (GOES_ON, 8)),
        (" . . . . I ", (ENDS, 10)),
        (". .", (WAIT, 5)),
        (". .5", (ENDS, 3)),
        ("." * 70, (GOES_ON, 66)),
        ("!" + "”" * 70, (GOES_ON, 67)),
        ("." + " " * 70, (ENDS, 3)),
        (". " + "“" * 20, (ENDS, 3)),
        (".\n\nn", (ENDS, 3)),
    ],
)
def test_an_ordinary_word_and_what_stands_behind_it(behind: str, expected: tuple[Verdict, int]) -> None:
    text = "ab" + behind
    at = len(text) - len(text[2:].lstrip())
    assert judge(LANGUAGES["en"], text, 0, at, final=False) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the U.S. ", WAIT),
        ("the U.S. G", WAIT),
        ("the U.S. Government ", GOES_ON),
        ("the U.S. He", WAIT),
        ("the U.S. He ", ENDS),
        ("the U.S. IT ", GOES_ON),
        ("the U.S. 7", GOES_ON),
        ("the U.S. 😀", GOES_ON),
        ("the U.S. of", GOES_ON),
        ("the U.S." + " " * 70, GOES_ON),
        ("the U.S., ", GOES_ON),
        ("say no. 5", GOES_ON),
        ("say no. T", ENDS),
        ("say no.\n", WAIT),
        ("ask Dr. ", WAIT),
        ("ask Dr. H", GOES_ON),
        ("ask Dr.\n\n", ENDS),
        ("you and I. D", ENDS),
        ("Ann I. Jones ", GOES_ON),
        ("at Yahoo! ", WAIT),
        ("at Yahoo! w", GOES_ON),
        ("at Yahoo! W", ENDS),
        ("(oh! ", WAIT),
        ("(oh! n", GOES_ON),
        ("a [...] ", GOES_ON),
        ("《啊！我", GOES_ON),
        ("《啊! 我", GOES_ON),
        ("《啊！》我", GOES_ON),
        ("（啊！）我", GOES_ON),
        ("（啊。）我", ENDS),
    ],
)
def test_the_words_before_and_behind_decide(text: str, expected: Verdict) -> None:
    at = max(text.rfind(mark) for mark in ".!！。")
    while text[at - 1] == ".":
        at -= 1
    assert judge(LANGUAGES["en"], text, 0, at, final=False)[0] is expected


def test_at_the_end_of_the_text_the_last_word_is_whole() -> None:
    assert judge(LANGUAGES["en"], "the U.S. He", 0, 7, final=True) == (ENDS, 8)
    assert judge(LANGUAGES["en"], "the U.S. Hel", 0, 7, final=True) == (GOES_ON, 8)


@given(
    st.sampled_from(sorted(LANGUAGES)),
    st.lists(ATOMS, max_size=4).map("".join),
    st.sampled_from(".!?…。"),
    st.lists(ATOMS, max_size=12).map("".join),
)
@example("de", "", "？", "... . . .。")
@example("en", "Mr", ".", " . . A")
def test_more_text_never_changes_a_verdict_nor_moves_it_back(
    language: str, before: str, terminator: str, behind: str
) -> None:
    rules = LANGUAGES[language]
    text = before + terminator + behind
    at = len(before)
    known, position = judge(rules, text[: at + 1], 0, at, final=False)
    for size in range(at + 2, len(text) + 1):
        verdict, now = judge(rules, text[:size], 0, at, final=False)
        assert now >= position
        if known is not WAIT:
            assert (verdict, now) == (known, position)
        known, position = verdict, now
