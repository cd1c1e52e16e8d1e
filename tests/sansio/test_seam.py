from collections.abc import Callable, Iterable

import pytest
import regex
from hypothesis import assume, example, given
from hypothesis import strategies as st

from rxstream.errors import AnswerChanged
from rxstream.sansio.seam import Seam, alike, overlaps, safe_prefix
from rxstream.testing import assert_incremental, assert_linear, chunkings, run_machine, texts
from rxstream.testing.runs import Run

#: Characters of several code points, whole and in parts.
CHARACTERS = (
    *("👩‍👩‍👧‍👦", "👍🏽", "🏳️‍🌈", "❤️", "1️⃣", "🇩🇪", "🇫🇷🇩", "🇩", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"),
    *("\u1100\u1161\u11a8", "\u1112\u1161\u11ab", "\uac00\u11a8", "각", "\u1100\u1100", "\u11a8"),
    *("e\u0301", "n\u0303\u0323", "\u0301", "क्षि", "ক্ষ", "क्\u200dष", "क्", "ம்", "\u200d", "\ufe0f"),
    *("\u0600", "\u0600 ", "\u0600\n", "\u06dd1", "\r\n", "\n", " ", "\t ", "\u3000", "\x1c", "a", "Word"),
)
ANSWERS = texts(*CHARACTERS)
#: Answers of few words, which repeat themselves all the time.
REPETITIVE = st.lists(st.sampled_from(["a", "b", " ", "ab", "\n", "👩‍👧", "🇩"]), max_size=16).map("".join)
ANY = st.one_of(ANSWERS, REPETITIVE)

FOX = "The quick brown fox jumps over the lazy dog, and then it"


@st.composite
def cut_answers(draw: st.DrawFn) -> tuple[str, int]:
    """An answer, and where it broke off."""
    answer = draw(ANY)
    return answer, draw(st.integers(0, len(answer)))


def borders(text: str) -> set[int]:
    """Where the characters of a text begin and end, by an implementation that is not ours."""
    return {0, *(found.end() for found in regex.finditer(r"\X", text))}


def joined(delivered: str, seam: Seam, chunks: list[str]) -> str:
    """What the reader has in the end."""
    out = [delivered]
    for chunk in chunks:
        out += seam.feed(chunk)
    return "".join([*out, *seam.close()])


# ---------------------------------------------------------------- safe_prefix


#: What joins any character before it, and more of a syllable that could be whole: nobody knows of those.
UNKNOWABLE = regex.compile(r"[\p{GCB=Extend}\p{GCB=ZWJ}\p{GCB=SpacingMark}\p{GCB=V}\p{GCB=T}]")


@given(cut_answers())
@example(("👩‍👩‍👧", 2))
@example(("a🇩🇪", 2))
@example(("a🇩🇪🇫🇷", 4))
@example(("\u0600 a", 2))
@example(("a\u0600 \u1100\u1161", 4))
@example(("क्षि", 2))
@example(("क\u200d्\u0301ष", 4))
@example(("\u094d\u0937\u093f", 1))
@example(("x\u094d\u0937", 2))
@example(("🇩🇪" * 40 + "🇫🇷", 81))
@example(("x" + "\u1100" * 100 + "\u1161", 80))
@example(("👩" + "\ufe0f" * 80 + "\u200d👧", 82))
def test_a_prefix_never_ends_inside_a_character_of_the_whole(cut_answer: tuple[str, int]) -> None:
    answer, cut = cut_answer
    prefix = safe_prefix(answer[:cut])
    assert answer.startswith(prefix)
    end = len(prefix)
    if end == cut and UNKNOWABLE.match(answer, cut):
        return
    assert end in borders(answer)


@given(ANY)
def test_a_prefix_ends_in_no_space_and_between_two_characters(text: str) -> None:
    prefix = safe_prefix(text)
    assert prefix == prefix.rstrip()
    assert len(prefix) in borders(text)
    # And no more is cut off than that needs: one character, and what may stand before one.
    rest = regex.sub(r"[\s\x1c-\x1f\p{GCB=Prepend}]+", "", text[len(prefix) :])
    assert len(borders(rest)) <= 2


@pytest.mark.parametrize(
    ("text", "prefix"),
    [
        ("", ""),
        (" \n", ""),
        ("Hello", "Hello"),
        ("Hello wor", "Hello wor"),
        ("Hello \n\n", "Hello"),
        ("a\u3000\x1c\u2029", "a"),
        # Characters that are whole, or could be.
        ("a e\u0301", "a e\u0301"),
        ("👍", "👍"),
        ("👍🏽", "👍🏽"),
        ("🇩🇪", "🇩🇪"),
        ("가", "가"),
        ("\u1100\u1161", "\u1100\u1161"),
        ("هـ\u200d", "هـ\u200d"),  # a joiner that asks for nothing
        ("க்", "க்"),  # a virama that joins nothing
        # Half ones.
        ("a 👩\u200d", "a"),
        ("👩\u200d👩\u200d", ""),
        ("👩\ufe0f\u200d", ""),
        ("a 🇩", "a"),
        ("🇩🇪🇫", "🇩🇪"),
        ("a\u1100", "a"),
        ("a\u1100\u1100", "a"),
        ("क्", ""),
        ("a क्\u200d", "a"),
        ("a\u0600", "a"),
        ("a\u0600 ", "a"),
        ("a \u0600\u0600", "a"),
        # With a space behind it nothing is half any more.
        ("a 👩\u200d ", "a 👩\u200d"),
        ("🇩 ", "🇩"),
    ],
)
def test_where_a_text_is_cut_back_to(text: str, prefix: str) -> None:
    assert safe_prefix(text) == prefix


@pytest.mark.parametrize("text", ["a", "日本", "🇩🇪", "\u1100", "क्", "👩\u200d", "\u0600 ", "e\u0301"])
def test_a_long_text_is_cut_back_in_linear_time(text: str) -> None:
    class Cutting:
        def __init__(self) -> None:
            self.pieces: list[str] = []

        def feed(self, piece: str) -> list[str]:
            self.pieces.append(piece)
            return []

        def close(self) -> list[str]:
            return [safe_prefix("".join(self.pieces))]

    assert_linear(Cutting, lambda size: [text * (size // len(text))])


# ---------------------------------------------------------------- overlaps


def test_the_last_words_may_come_again() -> None:
    assert overlaps("Once upon  a\ntime, the") == (
        "Once upon  a\ntime, the",
        "upon  a\ntime, the",
        "a\ntime, the",
        "time, the",
        "the",
    )
    assert overlaps("one two three four five six seven eight nine te")[0].startswith("three")
    assert len(overlaps("one two three four five six seven eight nine te")) == 8
    # One letter says too little.
    assert overlaps("is a") == ("is a",)
    assert overlaps("") == overlaps("a") == ()


@given(ANY)
def test_an_overlap_is_an_end_that_begins_with_a_word(text: str) -> None:
    for said in overlaps(text):
        assert text.endswith(said)
        before = text[: len(text) - len(said)]
        assert not before or before[-1].isspace()


def test_no_overlap_begins_inside_a_word() -> None:
    assert overlaps("x" * 500) == ()
    assert overlaps("y" + "x" * 399) == ("y" + "x" * 399,)
    assert overlaps("yx" + "x" * 398 + " end") == ("end",)


# ---------------------------------------------------------------- the seam: joined to what was delivered


@given(cut_answers(), st.data())
def test_the_rest_of_any_answer_is_exact_where_nothing_is_repeated(
    cut_answer: tuple[str, int], data: st.DataObject
) -> None:
    answer, cut = cut_answer
    delivered = answer[:cut]
    sent = safe_prefix(delivered)
    seam = Seam(sent, delivered[len(sent) :], echo=False)
    assert joined(delivered, seam, data.draw(chunkings(answer[len(sent) :]))) == answer


@given(cut_answers(), st.sampled_from([None, True]), st.data())
def test_what_was_sent_is_dropped_where_it_is_repeated(
    cut_answer: tuple[str, int], echo: bool | None, data: st.DataObject
) -> None:
    answer, cut = cut_answer
    delivered = answer[:cut]
    sent = safe_prefix(delivered)
    seam = Seam(sent, delivered[len(sent) :], echo=echo)
    assert joined(delivered, seam, data.draw(chunkings(answer))) == answer


@given(cut_answers(), st.sampled_from([None, True]), st.data())
def test_the_rest_is_right_where_it_might_have_been_repeated(
    cut_answer: tuple[str, int], echo: bool | None, data: st.DataObject
) -> None:
    answer, cut = cut_answer
    delivered = answer[:cut]
    sent = safe_prefix(delivered)
    rest = answer[len(sent) :]
    # An answer that says all of itself once more is ambiguous: nobody can tell that from a repetition.
    assume(sent and not rest.startswith(sent) and alike(rest, sent) < 24)
    seam = Seam(sent, delivered[len(sent) :], echo=echo)
    assert joined(delivered, seam, data.draw(chunkings(rest))) == answer


def test_an_answer_that_repeats_itself_is_taken_for_a_repetition_unless_there_is_none() -> None:
    assert joined("ha", Seam("ha"), ["ha!"]) == "ha!"
    assert joined("ha", Seam("ha", echo=True), ["ha!"]) == "ha!"
    assert joined("ha", Seam("ha", echo=False), ["ha!"]) == "haha!"
    assert joined("it had", Seam("it had", echo=False, overlaps=["had"]), ["had"]) == "it had"


@given(cut_answers(), st.booleans(), st.data())
def test_the_last_words_are_dropped_where_they_are_said_again(
    cut_answer: tuple[str, int], echoes: bool, data: st.DataObject
) -> None:
    answer, cut = cut_answer
    delivered = answer[:cut]
    sent = safe_prefix(delivered)
    again = data.draw(st.sampled_from(["", *overlaps(sent)]))
    came = again + answer[len(sent) :]
    # Ambiguous is what goes on like something longer that was said before.
    longer = [said for said in (*overlaps(sent), *[sent] * echoes) if len(said) > len(again)]
    assume(not any(came.startswith(said) for said in longer) and alike(came, sent) < 24)
    seam = Seam(sent, delivered[len(sent) :], echo=None if echoes else False, overlaps=overlaps(sent))
    assert joined(delivered, seam, data.draw(chunkings(came))) == answer


@given(cut_answers(), st.sampled_from([None, False]), st.data())
def test_white_space_that_was_delivered_need_not_come_again(
    cut_answer: tuple[str, int], echo: bool | None, data: st.DataObject
) -> None:
    answer, cut = cut_answer
    delivered = answer[:cut]
    sent = safe_prefix(delivered)
    tail = delivered[len(sent) :]
    blank = len(tail) - len(tail.lstrip())
    came = answer[len(sent) + blank :]
    # Ambiguous is more white space: where the tail's was not given again, this is taken for it.
    assume(not blank or not came[:1].isspace() or tail[blank:])
    assume(echo is False or not came.startswith(sent))
    assume(alike(came, sent) < 24)
    seam = Seam(sent, tail, echo=echo)
    assert joined(delivered, seam, data.draw(chunkings(came))) == answer


def test_more_white_space_than_was_delivered_is_ambiguous_if_that_is_not_given_again() -> None:
    assert joined("a ", Seam("a", " ", echo=False), ["  b"]) == "a  b"
    assert joined("a ", Seam("a", " ", echo=False), [" b"]) == "a b"
    assert joined("a ", Seam("a", " ", echo=False), ["b"]) == "a b"
    assert joined("a \n", Seam("a", " \n", echo=False), [" ", "b"]) == "a \nb"


@pytest.mark.parametrize(
    ("tail", "chunks", "rest"),
    [
        ("👩\u200d", ["👩\u200d👧!"], "👧!"),
        ("👩\u200d", ["👩", "\u200d", "👧!"], "👧!"),
        (" 👩\u200d", [" 👩\u200d👧"], "👧"),
        (" 👩\u200d", ["👩\u200d👧"], "👧"),
        ("\n\n 🇩", ["\n", "🇩🇪"], "🇪"),
        (" 🇩", ["", " ", "", "🇩", ""], ""),
    ],
)
def test_half_a_character_must_come_again(tail: str, chunks: list[str], rest: str) -> None:
    assert joined("", Seam("a", tail), chunks) == rest


@pytest.mark.parametrize(
    ("tail", "chunks", "delivered", "came"),
    [
        ("👩\u200d", ["👩", "👧"], "\u200d", "👧"),
        ("👩\u200d", ["👨\u200d"], "👩\u200d", "👨\u200d"),
        (" 🇩", ["!"], "🇩", "!"),
        (" 🇩", [" ", "\n🇩"], "🇩", "\n🇩"),
        ("👩\u200d", ["👩"], "\u200d", ""),
        (" 🇩", [" "], "🇩", ""),
        (" 🇩", [], "🇩", ""),
    ],
)
@pytest.mark.parametrize("echo", [None, True, False])
def test_half_a_character_that_does_not_come_again_is_another_answer(
    tail: str, chunks: list[str], delivered: str, came: str, echo: bool | None
) -> None:
    items, fault = run_machine(lambda: Seam("a", tail, echo=echo), chunks)
    assert items == []
    assert isinstance(fault, AnswerChanged)
    assert (fault.delivered, fault.came) == (delivered, came)
    got = repr(came[0]) if came else "the end"
    assert str(fault) == (
        f"the model, asked to go on before the last character, did not repeat it: "
        f"expected {delivered!r}, got {got}"
    )


def test_a_tail_of_white_space_need_not_come() -> None:
    assert run_machine(lambda: Seam("a", " \n"), []) == ([], None)
    assert run_machine(lambda: Seam("a", " \n"), [" "]) == ([], None)


# ---------------------------------------------------------------- the seam: a model that begins anew


@given(st.integers(24, len(FOX) - 1), st.sampled_from([None, True]), st.data())
def test_a_text_that_begins_anew_and_differs_is_another_answer(
    same: int, echo: bool | None, data: st.DataObject
) -> None:
    other = data.draw(st.characters(exclude_categories=["Cs"]).filter(lambda char: char != FOX[same]))
    came = FOX[:same] + other + data.draw(st.text(max_size=5))
    seam = Seam(FOX, " ", echo=echo, overlaps=overlaps(FOX))
    with pytest.raises(AnswerChanged) as caught:
        joined("", seam, data.draw(chunkings(came)))
    fault = caught.value
    assert FOX.endswith(fault.delivered)
    assert fault.delivered == FOX[same:]
    assert fault.came
    assert came[same:].startswith(fault.came)
    assert str(fault) == (
        "asked to go on, the model began anew and then said something else: expected it to repeat "
        f"{FOX[same : same + 40]!r}, got {other!r}. Say how this server continues "
        '(continuation="none" if it cannot).'
    )


@pytest.mark.parametrize("echo", [None, True])
def test_a_text_that_begins_anew_and_ends_is_another_answer(echo: bool | None) -> None:
    for size in range(24, len(FOX)):
        items, fault = run_machine(lambda: Seam(FOX, echo=echo), [FOX[:size]])
        assert items == []
        assert isinstance(fault, AnswerChanged)
        assert (fault.delivered, fault.came) == (FOX[size:], "")
        assert "got the end. " in str(fault)


def test_a_text_that_soon_differs_is_taken_for_the_rest() -> None:
    for size in range(24):
        came = FOX[:size] + "#"
        assert joined("", Seam(FOX), [came]) == came
        assert joined("", Seam(FOX), [FOX[:size]]) == FOX[:size]


def test_where_nothing_is_repeated_no_text_begins_anew() -> None:
    came = FOX[:30] + "#"
    assert joined("", Seam(FOX, echo=False), [came]) == came
    assert joined("", Seam(FOX, echo=False, overlaps=["it"]), [came]) == came


def test_a_text_that_begins_anew_is_known_though_it_begins_with_the_last_words() -> None:
    sent = "and so on, and so forth, and then and so"
    assert "and so" in overlaps(sent)
    with pytest.raises(AnswerChanged):
        joined("", Seam(sent, overlaps=overlaps(sent)), [sent[:30] + "#"])
    assert joined("", Seam(sent, overlaps=overlaps(sent)), ["and so it goes"]) == " it goes"


def test_an_end_that_is_said_again_is_dropped_though_the_text_begins_with_it() -> None:
    words = "and so on and so forth and"
    sent = f"{words} then {words}"
    assert len(words) >= 24
    assert words in overlaps(sent)
    assert joined("", Seam(sent, overlaps=overlaps(sent)), [words, "!"]) == "!"


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_repetitions_the_longest_is_dropped(order: int) -> None:
    said = overlaps("x ab ab ab")[::order]
    for times in range(1, 4):
        came = " ".join(["ab"] * times)
        for chunks in ([came + "!"], [came, "!"], [*came, "!"]):
            assert joined("", Seam("x ab ab ab", overlaps=said), chunks) == "!"


# ---------------------------------------------------------------- laws


@given(st.data())
def test_where_the_text_is_cut_never_matters(data: st.DataObject) -> None:
    sent = data.draw(st.one_of(REPETITIVE, st.just(FOX)))
    tail = data.draw(st.sampled_from(["", " ", "\n ", "🇩", " 👩\u200d"]))
    echo = data.draw(st.sampled_from([None, True, False]))
    again = overlaps(sent) if data.draw(st.booleans()) else ()
    said = st.sampled_from([sent, sent[:30], *again, tail, tail[-1:], "a", "#"])
    came = "".join(data.draw(st.lists(st.one_of(said, REPETITIVE), max_size=4)))

    def seam() -> Seam:
        return Seam(sent, tail, echo=echo, overlaps=again)

    items, fault = run_machine(seam, [came])
    cut_items, cut_fault = run_machine(seam, data.draw(chunkings(came)))
    assert "".join(cut_items) == "".join(items)
    assert repr(cut_fault) == repr(fault)


def held_by(candidates: list[str], text: str) -> bool:
    return any(len(said) > len(text) and said.startswith(text) for said in candidates)


@given(REPETITIVE, st.sampled_from(["", " "]), st.sampled_from([None, False]), st.booleans(), REPETITIVE)
def test_held_is_only_what_may_be_a_repetition(
    sent: str, tail: str, echo: bool | None, again: bool, came: str
) -> None:
    said = overlaps(sent) if again else ()
    candidates = [*said, *([] if echo is False else [sent])]
    run = Run(lambda: Seam(sent, tail, echo=echo, overlaps=said))
    for place, char in enumerate(came, 1):
        run.feed(char)
        if run.ended or held_by(candidates, came[:place]):
            continue
        # From here on nothing is held: what is out is what one gets if nothing more comes.
        rest = Run(lambda: Seam(sent, tail, echo=echo, overlaps=said))
        rest.feed(came[:place])
        before = "".join(rest.items)
        assert "".join(rest.close()[0]) == before == "".join(run.items)


def test_what_is_certain_is_out() -> None:
    def seam() -> Seam:
        return Seam("one two on", " ", overlaps=overlaps("one two on"))

    ends = ["one two on"[place:] + end for place in range(9) for end in ("", "e", " e")]
    for came in ("one two one", "two on e", "on", "on e", "one", "two one", " e", "#", "o"):
        assert_incremental(seam, came, ends, join="".join)


def test_nothing_is_held_at_the_end() -> None:
    assert run_machine(lambda: Seam("one two"), ["one"]) == (["one"], None)
    assert run_machine(lambda: Seam("one two", overlaps=["two"]), ["tw"]) == (["tw"], None)
    assert run_machine(lambda: Seam("one two", " "), ["one", " "]) == (["one "], None)


def test_a_seam_that_was_closed_once_passes_what_follows() -> None:
    seam = Seam("one two", " ")
    assert list(seam.feed("on")) == []
    assert list(seam.close()) == ["on"]
    assert list(seam.feed("")) == []
    assert list(seam.feed("e")) == ["e"]
    assert list(seam.close()) == []


LONG: dict[str, Callable[[int], Seam]] = {
    "the rest": lambda size: Seam("a", " "),
    "repeated": lambda size: Seam("word " * (size // 5 + 9)),
    "repeated, by many": lambda size: Seam("word " * size, overlaps=["word " * (size + n) for n in range(8)]),
    "a tail": lambda size: Seam("a", " " * size + "🇩"),
    "begun anew": lambda size: Seam("word " * (size // 5 - 9) + "#" + "word " * size),
}


@pytest.mark.parametrize("make", LONG.values(), ids=LONG)
def test_the_cost_grows_with_the_length(make: Callable[[int], Seam]) -> None:
    class Long:
        """A seam that is as long as the text: the first piece says how long that is."""

        def __init__(self) -> None:
            self.seam: Seam | None = None

        def feed(self, piece: str) -> Iterable[str]:
            if self.seam is None:
                self.seam = make(int(piece))
                return ()
            return self.seam.feed(piece)

        def close(self) -> tuple[()]:
            return ()

    assert_linear(Long, lambda size: [str(size), *["word", " wor", "d wo", "rd w", "ord "] * (size // 20)])


def test_two_texts_begin_alike() -> None:
    assert alike("", "") == alike("a", "") == alike("", "a") == alike("a", "b") == 0
    assert alike("abc", "abd") == alike("ab", "abd") == alike("abd", "ab") == 2
    assert alike("abc", "abc") == 3
