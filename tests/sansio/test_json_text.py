"""What all machines on JSON share: where a fault is, what becomes of it, where a document begins and ends."""

from functools import partial
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rxstream.errors import InvalidJSON, InvalidValue, TextError, TooDeep
from rxstream.sansio.json_grammar import Grammar
from rxstream.sansio.json_text import Document, Reader, checked_on_invalid
from rxstream.testing import chunkings, run_machine, texts
from tests.sansio.json_documents import is_json, mutated, nested, read


class Whole(Document):
    """A document that gives nothing but a mark where it ends."""

    __slots__ = ("marked",)

    def __init__(self, on_invalid: Any = "raise", *, strict: bool = False, context: str = "") -> None:
        super().__init__(Grammar(max_depth=5), on_invalid, strict=strict, context=context)
        self.marked = False

    def _pause(self, piece: str) -> None:
        if self._grammar.over and not self.marked:
            self.out.append("whole")
            self.marked = True


def fault_of(text: str, **options: Any) -> Any:
    """Give the fault; it must be the same for single characters."""
    _, fault = run_machine(lambda: Whole(**options), [text])
    _, other = run_machine(lambda: Whole(**options), list(text))
    assert repr(fault) == repr(other)
    for name in ("offset", "line", "column", "expected", "got", "context"):
        assert getattr(fault, name, None) == getattr(other, name, None)
    return fault


@pytest.mark.parametrize("value", ["skip", "raise", print, list])
def test_what_becomes_of_a_fault_is_one_of_two_words_or_a_function(value: Any) -> None:
    assert checked_on_invalid(value) is value


@pytest.mark.parametrize("value", ["ignore", None, "", 1, True, ["skip"]])
def test_anything_else_is_refused(value: Any) -> None:
    with pytest.raises(TypeError) as caught:
        checked_on_invalid(value)
    assert str(caught.value) == (
        f"on_invalid expects 'skip', 'raise' or a function that gets the fault, got {value!r}"
    )


def test_a_reader_reads_and_finishes() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Reader("skip")  # type: ignore[abstract]  # pyright: ignore[reportAbstractUsage]


# ---------------------------------------------------------------- where a fault is


@pytest.mark.parametrize(
    ("text", "offset", "line", "column"),
    [
        ("[?", 1, 1, 2),
        ("\n\n [?", 4, 3, 3),
        ("a\nb[1,\n2,\n  ?", 12, 4, 3),
        ("[1,\r\n?", 5, 2, 1),
        ("[\r?", 2, 1, 3),
        ('["a\n', 3, 1, 4),
        ('["👍", ?', 6, 1, 7),
        ('["\\ud83d\\ude0', 13, 1, 14),
        ('\n["\\ud83d\\ude0?', 14, 2, 14),
        ("[1,\n", 4, 2, 1),
        ("", 0, 1, 1),
        ("\n\nno document\n ", 15, 4, 2),
    ],
)
def test_a_fault_says_where_it_is(text: str, offset: int, line: int, column: int) -> None:
    fault = fault_of(text)
    assert (fault.offset, fault.line, fault.column) == (offset, line, column)
    assert str(fault) == (
        f"expected {fault.expected}, got {fault.got} at line {line}, column {column} (offset {offset})"
    )


@given(nested(), st.integers(0, 10**6), st.sampled_from(["", "Sure:\n\n", "a\r\nb"]), st.data())
def test_a_fault_is_where_the_slow_reader_breaks(
    text: str, seed: int, before: str, data: st.DataObject
) -> None:
    text = before + mutated(text, seed)
    start = next((place for place, char in enumerate(text) if char in "{["), len(text))
    place, whole = read(text, start, 5) if start < len(text) else (start, False)
    items, fault = run_machine(Whole, data.draw(chunkings(text)))
    if whole:
        assert (items, fault) == (["whole"], None)
        return
    assert isinstance(fault, InvalidJSON)
    assert items == []
    assert fault.offset == place
    assert fault.line == text.count("\n", 0, place) + 1
    assert fault.column == place - (text.rfind("\n", 0, place) + 1) + 1
    nothing = "the end of the text" if text else "no text at all"
    assert fault.got == (repr(text[place]) if place < len(text) else nothing)


def test_the_message_says_all_of_it() -> None:
    fault = fault_of('{"a": 1,\n "b": tru}')
    assert type(fault) is InvalidJSON
    assert str(fault) == "expected 'true', got '}' at line 2, column 10 (offset 18)"
    assert (fault.expected, fault.got) == ("'true'", "'}'")


def test_a_text_with_a_name_is_named() -> None:
    fault = fault_of("[1", context="the arguments of tool call 'f'")
    assert str(fault) == (
        "expected ',' or ']', got the end of the text at line 1, column 3 (offset 2) "
        "of the arguments of tool call 'f'"
    )
    assert fault.context == "the arguments of tool call 'f'"


def test_what_is_too_deep_has_an_error_of_its_own() -> None:
    fault = fault_of("x [[[[[[")
    assert type(fault) is TooDeep
    assert str(fault) == "expected at most max_depth=5 open brackets, got '[' at line 1, column 8 (offset 7)"


def test_a_text_without_a_document_is_a_fault() -> None:
    assert str(fault_of("Sorry, no.")) == (
        "expected a JSON document, which starts with '{' or '[', got the end of the text "
        "at line 1, column 11 (offset 10)"
    )


def test_no_text_at_all_is_named_as_such() -> None:
    assert str(fault_of("")) == (
        "expected a JSON document, which starts with '{' or '[', got no text at all "
        "at line 1, column 1 (offset 0)"
    )


def test_a_traceback_shows_no_fault_of_our_own_behind_that_of_the_text_or_of_the_users_function() -> None:
    def mine(fault: TextError) -> None:
        raise RuntimeError(f"mine: {fault}")

    for on_invalid in ("raise", mine):
        for text in ("[x", "[1", "none"):
            _, fault = run_machine(partial(Whole, on_invalid), [text])
            assert fault is not None
            assert fault.__context__ is None
            assert fault.__cause__ is None


# ---------------------------------------------------------------- where a document is


@given(
    nested(), texts("}", "]", "{", "[", '"'), texts("a", "\n").filter(lambda text: not set(text) & set("{["))
)
def test_a_document_stands_between_any_texts(text: str, behind: str, before: str) -> None:
    items, fault = run_machine(lambda: Document(Grammar(), "raise", strict=False), [before, text, behind])
    assert (items, fault) == ([], None)


@given(nested(), st.integers(0, 10**6), st.data())
@example("[1]", 0, None)
def test_strict_is_all_of_the_text(text: str, seed: int, data: st.DataObject | None) -> None:
    text = mutated(text, seed)
    pieces = [text] if data is None else data.draw(chunkings(text))
    _, fault = run_machine(lambda: Document(Grammar(), "raise", strict=True), pieces)
    assert (fault is None) == is_json(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1] x", "expected the end of the text, got 'x' at line 1, column 5 (offset 4)"),
        ("[1]\n\n]", "expected the end of the text, got ']' at line 3, column 1 (offset 5)"),
        ("12 13", "expected the end of the text, got '1' at line 1, column 4 (offset 3)"),
        ("12]", "expected the end of the text, got ']' at line 1, column 3 (offset 2)"),
        ("", "expected a value, got the end of the text at line 1, column 1 (offset 0)"),
        (" \n", "expected a value, got the end of the text at line 2, column 1 (offset 2)"),
        ("x", "expected a value, got 'x' at line 1, column 1 (offset 0)"),
        ("1.", "expected a digit, got the end of the text at line 1, column 3 (offset 2)"),
    ],
)
def test_strict_refuses_what_is_around(text: str, message: str) -> None:
    assert str(fault_of(text, strict=True)) == message


@pytest.mark.parametrize("text", ["12", "-0.5e3", "true", "null", '"a"', " 12 ", "[1]\n", "12\n"])
def test_strict_takes_any_value(text: str) -> None:
    for pieces in ([text], list(text)):
        assert run_machine(lambda: Whole(strict=True), pieces) == (["whole"], None)


# ---------------------------------------------------------------- what becomes of it


@pytest.mark.parametrize("text", ["[1} [2]", "[1", "no", '["\\x"]'])
def test_a_document_has_one_fault_and_then_an_end(text: str) -> None:
    for pieces in ([text], list(text)):
        faults: list[TextError] = []
        items, fault = run_machine(partial(Whole, faults.append), pieces)
        assert (items, fault) == ([], None)
        assert [str(one) for one in faults] == [str(fault_of(text))]
        assert run_machine(lambda: Whole("skip"), pieces) == ([], None)


def test_what_is_behind_a_whole_document_is_a_fault_once() -> None:
    faults: list[Any] = []
    items, fault = run_machine(lambda: Whole(faults.append, strict=True), ["[1] ", "x", " y"])
    assert (items, fault) == (["whole"], None)
    assert [one.offset for one in faults] == [4]


def test_what_the_function_raises_is_the_fault() -> None:
    def refuse(fault: TextError) -> None:
        raise OSError(f"seen: {fault}")

    _, fault = run_machine(lambda: Whole(refuse), ["[}"])
    assert isinstance(fault, OSError)
    assert str(fault).startswith("seen: expected a value or ']'")
    _, fault = run_machine(lambda: Whole(refuse), ["["])
    assert isinstance(fault, OSError)


class Refusing(Reader):
    """A reader that finds every piece to be JSON, but not what a model allows."""

    __slots__ = ()

    def _read(self, chunk: str) -> None:
        self.out.append("before")
        self._invalid(InvalidValue(chunk))
        self.out.append("behind")

    def _finish(self) -> None:
        self.out.append("end")


def test_a_value_that_is_not_valid_is_a_fault_like_any_other() -> None:
    faults: list[Any] = []
    assert run_machine(lambda: Refusing("skip"), ["x"]) == (["before", "behind", "end"], None)
    assert run_machine(lambda: Refusing(faults.append), ["x"]) == (["before", "behind", "end"], None)
    assert [str(one) for one in faults] == ["x"]
    items, fault = run_machine(lambda: Refusing("raise"), ["x"])
    assert items == ["before"]
    assert isinstance(fault, InvalidValue)
