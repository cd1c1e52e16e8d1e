"""The grammar: what it takes, what it refuses and where, and that the cuts do not matter."""

import json
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rxstream.sansio.json_grammar import MAX_DEPTH, Broken, Grammar
from rxstream.testing import chunkings
from tests.sansio.json_cases import ACCEPTED, REFUSED
from tests.sansio.json_documents import documents, is_json, mutated, nodes, plain, read


class Told(Grammar):
    """A grammar that writes down what its hooks are told."""

    __slots__ = ("base", "told")

    def restart(self) -> None:
        super().restart()
        self.told: list[tuple[Any, ...]] = []
        #: Where in the text the piece at hand begins.
        self.base = 0

    def opened(self, index: int) -> None:
        self.told.append(("opened", self.stack[-1], self.base + index))

    def closed(self, index: int) -> None:
        self.told.append(("closed", len(self.stack), self.base + index))

    def key(self, raw: str) -> None:
        self.told.append(("key", raw))

    def began(self, index: int) -> None:
        self.told.append(("began", self.base + index))

    def text(self, raw: str) -> None:
        if self.told[-1][0] == "text":
            raw = self.told.pop()[1] + raw
        self.told.append(("text", raw))

    def ended(self, index: int) -> None:
        self.told.append(("ended", self.base + index))

    def scalar(self, raw: str, index: int) -> None:
        self.told.append(("scalar", raw, self.base + index))


def take(pieces: list[str], **options: Any) -> tuple[Any, ...]:
    """Give what was told, and where the value ended, or broke and what was expected; -1 is the end."""
    grammar = Told(**options)
    base = 0
    try:
        for piece in pieces:
            grammar.base = base - len(grammar.held)
            taken, grammar.held = grammar.held + piece, ""
            end = grammar.take(taken)
            if grammar.over:
                return grammar.told, "over", grammar.base + end
            base += len(piece)
        grammar.base = base
        grammar.finish()
    except Broken as broken:
        where = -1 if broken.index < 0 else grammar.base + broken.index
        return grammar.told, broken.expected, where, broken.deep, broken.got
    return grammar.told, "over", base


@pytest.mark.parametrize("text", ACCEPTED)
def test_what_rfc_8259_calls_json_is_accepted(text: str) -> None:
    assert is_json(text), "the oracle"
    assert take([text])[1] == "over"
    assert take(list(text)) == take([text])


@pytest.mark.parametrize("text", [text for text in REFUSED if isinstance(text, str)])
def test_anything_else_is_refused(text: str) -> None:
    assert not is_json(text), "the oracle"
    whole = take([text])
    if whole[1] == "over":
        assert text[whole[2] :].strip(" \t\n\r")
    assert take(list(text)) == whole


@given(documents())
def test_every_document_is_accepted(text: str) -> None:
    assert take([text])[1] == "over"


@given(documents(), st.integers(0, 10**6), st.data())
@example("[1e5]", 2, None)
def test_a_document_with_a_fault_is_accepted_exactly_if_it_is_json(
    text: str, seed: int, data: st.DataObject | None
) -> None:
    text = mutated(text, seed)
    told, said, *rest = take([text])
    end, whole = read(text + " ")
    if whole:
        assert said == "over"
        # White space behind a value is not taken with it.
        assert rest[0] == min(end, len(text))
    else:
        # -1: the text ends in the middle of a token, or of a container.
        assert said != "over"
        assert rest[0] == (end if end < len(text) else -1)
    if data is not None:
        assert take(data.draw(chunkings(text))) == (told, said, *rest)


@given(nodes, st.integers(0, 100))
def test_the_hooks_are_told_of_every_part(node: Any, seed: int) -> None:
    text = json.dumps(plain(node), indent=seed % 3 or None)
    told = take([text])[0]
    ends = {"}": 0, "]": 0}
    for one in told:
        if one[0] == "opened":
            assert text[one[2]] == one[1]
            ends["}" if one[1] == "{" else "]"] += 1
        elif one[0] == "closed":
            ends[text[one[2] - 1]] -= 1
        elif one[0] == "began":
            assert text[one[1]] == '"'
        elif one[0] == "ended":
            assert text[one[1] - 1] == '"'
        elif one[0] == "scalar":
            assert text[: one[2]].endswith(one[1])
        else:
            assert f'"{one[1]}"' in text
    assert ends == {"}": 0, "]": 0}


# ---------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ("text", "index", "expected"),
    [
        ("", -1, "a value"),
        (" ?", 1, "a value"),
        ("[", -1, "a value or ']'"),
        ("[}", 1, "a value or ']'"),
        ("[1,]", 3, "a value"),
        ("[1 2]", 3, "',' or ']'"),
        ("[1", -1, "',' or ']'"),
        ("[1}", 2, "',' or ']'"),
        ("[1x", 2, "',' or ']'"),
        ("[01", 2, "',' or ']'"),
        ("{", -1, "a key in double quotes or '}'"),
        ("{]", 1, "a key in double quotes or '}'"),
        ("{a", 1, "a key in double quotes or '}'"),
        ('{"a":1,}', 7, "a key in double quotes"),
        ('{"a', -1, "the rest of a key"),
        ('{"a"', -1, "':'"),
        ('{"a" 1', 5, "':'"),
        ('{"a":', -1, "a value"),
        ('{"a":}', 5, "a value"),
        ('{"a":1]', 6, "',' or '}'"),
        ('{"a":"b"', -1, "',' or '}'"),
        ('["a', -1, "the rest of a string"),
        ('["a\\', -1, "the rest of a string"),
        ('["\\x', 3, 'one of "\\/bfnrtu'),
        ('["\\u00g', 6, "a hexadecimal digit"),
        ('["\\uzzzz', 4, "a hexadecimal digit"),
        ('["\\ud83d"', 8, "a pair of surrogates, such as \\ud83d\\ude00"),
        ('["\\ud83d\\n', 9, "a pair of surrogates, such as \\ud83d\\ude00"),
        ('["\\ud83d\\ud83d', 11, "a pair of surrogates, such as \\ud83d\\ude00"),
        ('["\\uDE00', 5, "a pair of surrogates, such as \\ud83d\\ude00"),
        ('["\ud83d', 2, "a character of a string, or the quote that ends it"),
        ('["\n', 2, "a control character of a string as an escape, such as \\n"),
        ('{"\x1f', 2, "a control character of a string as an escape, such as \\n"),
        ("[-", -1, "a digit"),
        ("[-a", 2, "a digit"),
        ("[1.]", 3, "a digit"),
        ("[1e+]", 4, "a digit"),
        ("[tr", -1, "'true'"),
        ("[trap", 3, "'true'"),
        ("[nul1", 4, "'null'"),
        ("[Falsch", 1, "a value or ']'"),
        ("falsch", 4, "'false'"),
        ("nullx", 4, "the end of the text"),
        ("1x", 1, "the end of the text"),
        ("-", -1, "a digit"),
        ("1.5e", -1, "a digit"),
    ],
)
def test_a_fault_says_where_it_is_and_what_was_expected(text: str, index: int, expected: str) -> None:
    for pieces in ([text], list(text)):
        assert take(pieces)[1:] == (expected, index, False, "")


def test_as_many_brackets_as_max_depth_may_be_open_and_no_more() -> None:
    assert take(["[" * 3 + "]" * 3], max_depth=3)[1] == "over"
    assert take(['[{"a":[[', "]]}]"], max_depth=3)[1:4] == ("at most max_depth=3 open brackets", 7, True)
    assert take(["[[],[],[[]]]"], max_depth=3)[1] == "over"
    assert take(["[" * MAX_DEPTH + "]" * MAX_DEPTH])[1] == "over"
    assert take(["[" * (MAX_DEPTH + 1)])[2:4] == (MAX_DEPTH, True)


@pytest.mark.parametrize("max_depth", [0, -1, True, None, "1", 1.5])
def test_max_depth_is_a_positive_int(max_depth: Any) -> None:
    with pytest.raises(ValueError, match="max_depth must be an int of at least 1, got "):
        Grammar(max_depth=max_depth)


@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("around", ["[{}]", "{}", '{{"a":{} }}'])
def test_an_integer_of_more_digits_than_python_makes_is_a_fault(sign: str, around: str) -> None:
    limit = sys.get_int_max_str_digits()
    before, after = around.replace("{{", "<").replace("}}", ">").split("{}")
    before, after = before.replace("<", "{"), after.replace(">", "}")
    most = before + sign + "7" * limit + after
    assert take([most])[1] == "over"
    more = before + sign + "7" * (limit + 1) + after
    wanted = f"an integer of at most {limit} digits (see sys.set_int_max_str_digits)"
    outcome = take([more])
    assert outcome[1] == wanted
    assert outcome[4] == f"one of {limit + 1}"
    assert outcome == take(list(more))


def test_a_float_may_have_any_number_of_digits() -> None:
    digits = "7" * 5000
    assert take([f"[{digits}.5, 0.{digits}, 1e{digits}, -{digits}E-7]"])[1] == "over"


def test_where_python_makes_integers_of_any_length_they_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "get_int_max_str_digits", lambda: 0)
    assert take(["7" * 5000])[1] == "over"


# ---------------------------------------------------------------- state


def test_a_value_ends_once_and_can_be_begun_again() -> None:
    grammar = Told()
    assert grammar.take("  [1] [2]") == 5
    assert grammar.over
    grammar.finish()
    grammar.restart()
    assert not grammar.over
    assert not grammar.told
    assert grammar.take('"a"x') == 3
    assert grammar.over


def test_half_an_escape_is_held_and_taken_again_with_the_next_piece() -> None:
    grammar = Told()
    assert grammar.take('["a\\ud83d\\u') == 11
    assert grammar.held == "\\ud83d\\u"
    assert grammar.in_string
    held, grammar.held = grammar.held, ""
    grammar.take(held + 'de00"')
    assert grammar.told[1:] == [("began", 1), ("text", "a\\ud83d\\ude00"), ("ended", 13)]
    assert not grammar.in_string


def test_a_number_or_literal_is_open_until_it_is_delimited() -> None:
    grammar = Told()
    for piece, is_open in (("[", False), ("1", True), (".5", True), (",", False), ("tru", True), ("e", True)):
        grammar.take(piece)
        assert grammar.in_token is is_open
    grammar.take("]")
    assert [one[1] for one in grammar.told if one[0] == "scalar"] == ["1.5", "true"]
    assert grammar.over


class Watched(str):
    """A text that notes how much of it is copied at a time."""

    __slots__ = ()

    copied = 0

    def __getitem__(self, key: Any) -> str:
        found = str(self)[key]
        Watched.copied = max(Watched.copied, len(found))
        return found


@pytest.mark.parametrize(
    "text", ['["\\x', '["\\u00g', '["\\ud83d\\u00', '{"\\ud83dx', "[?", "[1x", "[tru?", '["a" ?', "[-x"]
)
def test_to_find_a_fault_copies_no_more_than_the_longest_escape(text: str) -> None:
    """Else a long piece with a fault every few characters would be copied for each of them."""
    Watched.copied = 0
    with pytest.raises(Broken):
        Grammar().take(Watched(text + "a" * 1000))
    assert Watched.copied <= 12
