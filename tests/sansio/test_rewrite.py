import importlib
import os
import re
from collections.abc import Callable, Iterable
from functools import partial
from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rxstream.errors import MatchTooLong
from rxstream.sansio.rewrite import Redact, Replace, StopAt

regex: Any = importlib.import_module("regex")
#: The same names, for what their types forbid.
anything: Any = importlib.import_module("rxstream.sansio.rewrite")


def drive(machine: Any, chunks: Iterable[str], *, close: bool = True) -> tuple[str, str | None]:
    """Give the text that came out, and the fault, if there was one."""
    out: list[str] = []
    try:
        for chunk in chunks:
            for piece in machine.feed(chunk):
                assert piece
                out.append(piece)
        if close:
            for piece in machine.close():
                assert piece
                out.append(piece)
    except MatchTooLong as fault:
        return "".join(out), str(fault)
    return "".join(out), None


def everywhere(make: Callable[[], Any], text: str, *cuts: int) -> tuple[str, str | None]:
    """Drive with the text whole, in single characters, and cut there; the same must come out."""
    whole = drive(make(), [text])
    assert drive(make(), text) == whole
    assert drive(make(), [piece for letter in text for piece in ("", letter)]) == whole
    edges = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    assert drive(make(), [text[begin:end] for begin, end in pairwise(edges)]) == whole
    return whole


def texts(alphabet: str, most: int) -> list[str]:
    return ["".join(letters) for size in range(most + 1) for letters in product(alphabet, repeat=size)]


def common(outputs: list[str]) -> str:
    return os.path.commonprefix(outputs)  # noqa: RUF071 - characters are what is meant


# ---------------------------------------------------------------- Replace


def test_a_mapping_replaces_the_longest_of_the_leftmost() -> None:
    table = {"a": "1", "ab": "2", "bc": "3"}
    assert everywhere(lambda: Replace(table), "abcbca") == ("2c31", None)


def test_a_later_change_of_the_mapping_changes_nothing() -> None:
    table = {"a": "1"}
    machine = Replace(table)
    table["a"] = "2"
    assert drive(machine, "a") == ("1", None)


def test_a_plain_string_is_a_literal() -> None:
    assert everywhere(lambda: Replace("a.c", r"\1"), "abc a.c") == (r"abc \1", None)


def test_a_replacement_may_be_empty_or_a_function() -> None:
    assert everywhere(lambda: Replace("b", ""), "abc") == ("ac", None)
    assert everywhere(lambda: Replace("b", str.upper), "abc") == ("aBc", None)


def test_case_may_be_ignored_for_literals() -> None:
    assert everywhere(lambda: Replace({"ab": "x"}, ignore_case=True), "aB AB") == ("x x", None)
    assert everywhere(lambda: Replace("ab", str.upper, ignore_case=True), "aB ab") == ("AB AB", None)


@pytest.mark.parametrize("engine", [re, regex])
def test_the_replacement_of_a_pattern_is_a_template(engine: Any) -> None:
    pattern = engine.compile(r"(?P<number>\d{1,3}) (km)")
    assert everywhere(lambda: Replace(pattern, r"<\2:\g<number>>"), "10 km") == ("<km:10>", None)
    assert everywhere(lambda: Replace(pattern, "far"), "10 km") == ("far", None)
    assert everywhere(lambda: Replace(pattern, lambda match: match["number"]), "10 km") == ("10", None)


def test_an_empty_match_is_none() -> None:
    assert everywhere(lambda: Replace(re.compile("a{0,2}"), "x"), "baaab") == ("bxxb", None)
    assert everywhere(lambda: Replace(re.compile("|a"), "x"), "bab") == ("bxb", None)


def test_a_function_is_told_the_match_that_was_made() -> None:
    assert everywhere(lambda: Replace(re.compile("|(a)"), lambda match: match[1] * 2), "bab") == (
        "baab",
        None,
    )


@given(st.text("ab x", max_size=30), st.integers(0, 30), st.integers(0, 30))
@example("aab", 1, 2)
def test_replacing_is_sub_on_the_whole_text(text: str, one: int, other: int) -> None:
    for pattern in (r"a+b", r"(?<=x)a|\bb", r"(a|ab)(?=b|$)", r"^a"):
        compiled = re.compile(pattern)
        assert everywhere(partial(Replace, compiled, r"<\g<0>>", max_match=40), text, one, other) == (
            compiled.sub(r"<\g<0>>", text),
            None,
        )


def test_an_error_of_the_function_comes_after_what_was_before() -> None:
    def fail(_: str) -> str:
        raise ZeroDivisionError

    pieces = iter(Replace("b", fail).feed("abc"))
    assert next(pieces) == "a"
    with pytest.raises(ZeroDivisionError):
        next(pieces)


# ---------------------------------------------------------------- what is too long


TOO_LONG = [
    ([r'"[^"\n]*"'], '"\na'),
    ([r"a+"], "ab"),
    ([r"a.*?b"], "ab\n"),
    ([r"a+b|a", r"b{1,9}"], "ab "),
    ([r"a{1,9}(?=b)"], "ab"),
    ([r"\ba+", "bab+", "a b"], "ab "),
    ([r"^a*b", "ba{3,}"], "ab"),
]


@pytest.mark.parametrize(("sources", "alphabet"), TOO_LONG)
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_where_the_text_is_cut_does_not_decide_what_is_too_long(
    sources: list[str], alphabet: str, limit: int
) -> None:
    patterns = [re.compile(source) for source in sources]
    for text in texts(alphabet, 6 if len(alphabet) < 3 else 5):
        everywhere(lambda: Redact(*patterns, "bbb", mask="#", max_match=limit), text, 2, 5)


def test_nothing_is_let_go_of_what_is_too_long() -> None:
    text = "say a secret of any length"
    out, fault = everywhere(lambda: Redact(re.compile(r"sec.*"), max_match=8), text)
    assert out == "say a "
    assert fault is not None
    assert "'sec.*', from character 6 of the text on, is longer than max_match=8" in fault
    assert "give a larger max_match" in fault


def test_as_long_as_it_may_be_is_not_too_long() -> None:
    pattern = re.compile(r"a+")
    assert everywhere(lambda: Redact(pattern, mask="#", max_match=3), "aaabaaa") == ("#b#", None)
    assert everywhere(lambda: Redact(pattern, mask="#", max_match=3), "b.aaaa")[0] == "b."
    # Complete with its fourth character, and too long all the same.
    assert everywhere(lambda: Redact(re.compile(r"a.*?c"), max_match=3), "abbc")[0] == ""


def test_a_fault_is_none_inside_another_match() -> None:
    assert everywhere(lambda: Redact("xaaaaay", re.compile("a+"), mask="#", max_match=3), "xaaaaay") == (
        "#",
        None,
    )
    assert everywhere(lambda: Redact("xaaaaay", re.compile("a+"), mask="#", max_match=3), "xaaaaaz")[0] == "x"


# ---------------------------------------------------------------- Redact


def test_literals_and_patterns_are_redacted_alike() -> None:
    machine = lambda: Redact("key", re.compile(r"\bsk-\w{4}"), regex.compile(r"\p{Nd}{4}"))  # noqa: E731
    assert everywhere(machine, "key sk-abcd 1234") == ("[redacted] [redacted] [redacted]", None)


def test_of_those_that_start_together_the_longest_counts() -> None:
    mask = "<{}>".format
    assert everywhere(lambda: Redact("ab", re.compile("abc?"), re.compile("b.."), mask=mask), "abcab") == (
        "<abc><ab>",
        None,
    )


def test_a_match_that_another_one_ran_over_is_looked_for_again() -> None:
    mask = "<{}>".format
    assert everywhere(lambda: Redact(re.compile("ab"), re.compile("bc|ca"), mask=mask), "abca") == (
        "<ab><ca>",
        None,
    )


def test_the_mask_is_no_template_and_may_be_empty() -> None:
    assert everywhere(lambda: Redact(re.compile("(a)"), mask=r"\1"), "ab") == (r"\1b", None)
    assert everywhere(lambda: Redact("a", mask=""), "aba") == ("b", None)


SETS: list[list[str | re.Pattern[str]]] = [
    ["ab", "abc"],
    ["ab", re.compile("b{2,3}")],
    [re.compile("a(?!b)"), re.compile("ba?")],
    [re.compile("ab|c"), "bcb", re.compile(r"\bb")],
]


@pytest.mark.parametrize("patterns", SETS)
def test_nothing_of_a_possible_match_is_out_and_nothing_else_waits(patterns: list[Any]) -> None:
    names: dict[str, str] = {}

    def mask(text: str) -> str:
        return names.setdefault(text, chr(0xE000 + len(names)))

    whole = {text: drive(Redact(*patterns, mask=mask), text)[0] for text in texts("abc", 6)}
    for prefix in texts("abc", 3):
        certain = common([whole[prefix + rest] for rest in texts("abc", 3)])
        assert drive(Redact(*patterns, mask=mask), prefix, close=False)[0] == certain
        assert drive(Redact(*patterns, mask=mask), [prefix], close=False)[0] == certain


def test_only_what_may_be_a_match_is_kept() -> None:
    machine: Any = Redact(re.compile(r"(?<=x)secret|\bkey\b"))
    for _ in range(1000):
        assert list(machine.feed("word ")) == ["word "]
        assert drive(machine, ["xsecret "], close=False) == ("x[redacted] ", None)
    assert len(machine._scanner._text) <= 2


# ---------------------------------------------------------------- StopAt


def test_nothing_comes_out_behind_the_first_stop() -> None:
    assert everywhere(lambda: StopAt("END", "###"), "one EN two ### three END") == ("one EN two ", None)
    assert everywhere(lambda: StopAt("END", include=True), "one END two END") == ("one END", None)
    assert everywhere(lambda: StopAt(re.compile(r"\n\d\.")), "one\n2.\n") == ("one", None)


def test_a_stop_at_the_very_beginning_lets_nothing_out() -> None:
    assert everywhere(lambda: StopAt("a"), "abc") == ("", None)


def test_a_stop_is_known_with_its_last_character() -> None:
    machine = StopAt("END")
    assert drive(machine, ["x EN"], close=False) == ("x ", None)
    assert not machine.finished
    assert drive(machine, ["D more"], close=False) == ("", None)
    assert machine.finished
    assert (list(machine.feed("more")), list(machine.close())) == ([], [])


def test_a_stop_may_be_known_only_at_the_end() -> None:
    machine = StopAt(re.compile(r"b$"), include=True)
    assert drive(machine, "ab", close=False) == ("a", None)
    assert not machine.finished
    assert list(machine.close()) == ["b"]
    assert machine.finished


def test_without_a_stop_everything_comes_out() -> None:
    machine = StopAt("END")
    assert drive(machine, ["", "one EN"]) == ("one EN", None)
    assert not machine.finished


# ---------------------------------------------------------------- wrong arguments


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Replace({}), ValueError, "the mapping is empty"),
        (lambda: Replace({"": "x"}), ValueError, "empty string would match everywhere"),
        (lambda: Replace("", "x"), ValueError, "an empty string would"),
        (lambda: anything.Replace({"a": 1}), TypeError, "replacement of 'a' is a string, not 1"),
        (lambda: anything.Replace({1: "a"}), TypeError, "a literal is a string, not 1"),
        (lambda: Replace({"a": "b"}, "c"), ValueError, "leave out the second argument"),
        (lambda: Replace("a"), ValueError, r'Replace\("this", "by this"\)'),
        (lambda: anything.Replace("a", 1), TypeError, "a replacement is a string or a function, not 1"),
        (lambda: Replace({"a": "b", "A": "c"}, ignore_case=True), ValueError, "differ only in their case"),
        (lambda: Replace(re.compile("a"), "b", ignore_case=True), ValueError, r"re\.IGNORECASE"),
        (lambda: Replace(re.compile("a"), r"\1"), re.error, "invalid group reference"),
        (lambda: anything.Replace(7, "a"), TypeError, "compiled pattern for text .* not 7"),
        (lambda: Replace(re.compile("a+"), "b"), ValueError, "max_match=1000"),
        (lambda: Replace(re.compile("a+"), "b", max_match=0), ValueError, "1 or more, not 0"),
        (Redact, ValueError, "nothing to redact: give at least one"),
        (lambda: Redact("a", ""), ValueError, "everywhere; give at least one character"),
        (lambda: anything.Redact("a", mask=3), TypeError, "a mask is a string or a function, not 3"),
        (lambda: anything.Redact(b"a"), TypeError, "compiled pattern for text .* not b'a'"),
        (StopAt, ValueError, "nothing to stop at"),
        (lambda: StopAt(re.compile("$")), ValueError, "only the empty string"),
    ],
)
def test_wrong_arguments_are_refused_with_what_to_write(
    make: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make()
