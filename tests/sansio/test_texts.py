"""Machines on text, on an answer's chunks: what a chunk is to them."""

import re
from collections.abc import Iterable
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rxstream.errors import InvalidJSON, MatchTooLong, MixedChoices
from rxstream.items import StreamChunk, ToolCallDelta, Usage
from rxstream.sansio.join import SoFar
from rxstream.sansio.json_values import JSONObjects, JSONValues
from rxstream.sansio.rewrite import Redact, Replace, StopAt
from rxstream.sansio.texts import rewriter, splitter
from rxstream.sansio.words import Words
from rxstream.testing import chunkings, run_machine, texts

SECRET = re.compile(r"sk-\d{3}")


class Str(str):
    """A subclass, as some libraries hand out."""

    __slots__ = ()


def split(*items: Any) -> list[Any]:
    found, fault = run_machine(lambda: splitter(Words, "words()"), items)
    assert fault is None
    return found


def redact(*items: Any) -> list[Any]:
    found, fault = run_machine(lambda: rewriter(lambda: Redact(SECRET, mask="*"), "redact()"), items)
    assert fault is None
    return found


# ---------------------------------------------------------------- splitting


@given(chunkings(texts(" ", "\n")))
def test_the_text_of_chunks_is_split_as_text_is(pieces: list[str]) -> None:
    assert split(*map(StreamChunk, pieces)) == split(*pieces) == "".join(pieces).split()


def test_a_finish_reason_ends_the_text() -> None:
    assert split(StreamChunk("a b"), StreamChunk("c", "stop"), StreamChunk("d")) == ["a", "bc", "d"]


def test_the_last_word_comes_with_the_finish_reason_and_not_later() -> None:
    machine = splitter(Words, "words()")
    assert list(machine.feed(StreamChunk("a b"))) == ["a"]
    assert list(machine.feed(StreamChunk("", "stop"))) == ["b"]
    assert list(machine.feed(StreamChunk("", usage=Usage(1, 2, 3)))) == []
    assert list(machine.close()) == []


def test_the_finish_of_another_choice_ends_nothing() -> None:
    """Its text was filtered away, say; its finish reason was not."""
    assert split(StreamChunk("a"), StreamChunk("", "stop", choice=1), StreamChunk("b")) == ["ab"]


def test_a_finish_reason_before_any_text_ends_nothing() -> None:
    assert split(StreamChunk("", "stop", choice=1), StreamChunk("a"), StreamChunk("b")) == ["ab"]


def test_two_choices_are_two_texts_and_never_run_together() -> None:
    machine = splitter(Words, "words()")
    assert list(machine.feed(StreamChunk("a b", choice=1))) == ["a"]
    with pytest.raises(MixedChoices) as caught:
        machine.feed(StreamChunk("c", choice=0))
    assert str(caught.value) == (
        "words() works on one text, and got chunks of choice 1 and of choice 0 of one answer. "
        "Pick one before it: ops.filter(lambda chunk: chunk.choice == 1)."
    )


def test_chunks_without_text_may_be_of_any_choice() -> None:
    assert split(StreamChunk("", role="assistant", choice=1), StreamChunk("a"), StreamChunk("b")) == ["ab"]


@pytest.mark.parametrize("make", [splitter, rewriter])
def test_a_subclass_of_str_is_text(make: Any) -> None:
    items, fault = run_machine(lambda: make(lambda: StopAt("x"), "op()"), [Str("ab")])
    assert (items, fault) == (["ab"], None)
    assert type(items[0]) is str


@pytest.mark.parametrize("make", [splitter, rewriter])
@pytest.mark.parametrize("item", [None, 7])
def test_other_items_are_refused_with_the_operators_name(make: Any, item: Any) -> None:
    _, fault = run_machine(lambda: make(lambda: StopAt("x"), "op()"), [item])
    assert isinstance(fault, TypeError)
    assert str(fault) == (
        f"op() works on text: it expects str or StreamChunk items, and got {type(item).__name__}: {item!r}. "
        "Map the items to text first: ops.map(...)."
    )


@pytest.mark.parametrize("make", [splitter, rewriter])
@pytest.mark.parametrize("item", [b"a", bytearray(b"a")])
def test_bytes_are_to_be_decoded_across_pieces(make: Any, item: Any) -> None:
    _, fault = run_machine(lambda: make(lambda: StopAt("x"), "op()"), [item])
    assert isinstance(fault, TypeError)
    assert str(fault).endswith("codecs.iterdecode(pieces, 'utf-8').")


@pytest.mark.parametrize("reason", ["length", "stop"])
def test_json_that_the_token_limit_has_cut_says_so(reason: str) -> None:
    chunks = [StreamChunk("[1, "), StreamChunk("2", reason)]
    _, fault = run_machine(lambda: splitter(lambda: JSONValues("$"), "op()"), chunks)
    assert isinstance(fault, InvalidJSON)
    notes = ["The answer ended with finish_reason 'length': it may be cut off."]
    assert getattr(fault, "__notes__", []) == (notes if reason == "length" else [])


def test_a_splitter_knows_its_end_if_its_machine_does() -> None:
    assert not hasattr(splitter(Words, "words()"), "finished")
    machine = splitter(lambda: StopAt("END"), "until()")
    assert not machine.finished  # type: ignore[attr-defined]
    assert list(machine.feed(StreamChunk("a END b"))) == ["a "]
    assert machine.finished  # type: ignore[attr-defined]


def test_snapshots_begin_anew_behind_a_finish() -> None:
    items, _ = run_machine(
        lambda: splitter(SoFar, "accumulate()"),
        [StreamChunk("a"), StreamChunk("b", "stop"), StreamChunk("c")],
    )
    assert items == ["a", "ab", "c"]


class Ends:
    """A text machine that says when it began and when it ended."""

    def __init__(self, told: list[str]) -> None:
        self.told = told
        told.append("began")

    def feed(self, chunk: str) -> list[str]:
        return [chunk]

    def close(self) -> list[str]:
        self.told.append("ended")
        return ["|"]


def test_behind_a_finish_reason_a_text_begins_only_with_its_first_character() -> None:
    told: list[str] = []
    machine = splitter(lambda: Ends(told), "op()")
    assert list(machine.feed(StreamChunk("a"))) == ["a"]
    assert list(machine.feed(StreamChunk("b", "stop"))) == ["b", "|"]
    assert told == ["began", "ended"]
    assert list(machine.feed(StreamChunk("", usage=Usage(1, 2, 3)))) == []
    assert list(machine.feed(StreamChunk("", "stop"))) == []
    assert list(machine.feed("")) == []
    assert told == ["began", "ended"]
    assert list(machine.feed(StreamChunk("c"))) == ["c"]
    assert told == ["began", "ended", "began"]
    assert list(machine.feed("d")) == ["d"]
    assert list(machine.close()) == ["|"]
    assert told == ["began", "ended"] * 2


def test_a_text_may_begin_and_end_in_one_chunk_behind_a_finish_reason() -> None:
    assert split(StreamChunk("a b", "stop"), StreamChunk("c d", "stop")) == ["a", "b", "c", "d"]


def test_usage_behind_a_finish_reason_is_no_empty_document() -> None:
    def make() -> Any:
        return splitter(JSONValues, "parse_json()")

    answer = [StreamChunk("[1"), StreamChunk("]", "stop"), StreamChunk("", usage=Usage(1, 2, 3))]
    assert run_machine(make, answer) == ([[1]], None)
    assert run_machine(make, [*answer, StreamChunk("", "stop")]) == ([[1]], None)
    items, fault = run_machine(make, [*answer, StreamChunk("no document")])
    assert items == [[1]]
    assert isinstance(fault, InvalidJSON)


@pytest.mark.parametrize(
    "answer", [[], [StreamChunk("", "stop")], [StreamChunk("", usage=Usage(1))]], ids=str
)
def test_an_answer_without_any_text_is_an_empty_text(answer: list[StreamChunk]) -> None:
    items, fault = run_machine(lambda: splitter(JSONValues, "parse_json()"), answer)
    assert items == []
    assert isinstance(fault, InvalidJSON)


def test_a_fault_at_a_finish_reason_comes_behind_what_was_found() -> None:
    items, fault = run_machine(
        lambda: splitter(partial(JSONValues, "$[*]"), "op()"), [StreamChunk("[1, 2", "stop")]
    )
    assert items == [1]
    assert isinstance(fault, InvalidJSON)


def test_a_splitter_that_is_behind_its_end_is_not_finished() -> None:
    machine = splitter(lambda: StopAt("END"), "until()")
    assert list(machine.feed(StreamChunk("a", "stop"))) == ["a"]
    assert not machine.finished  # type: ignore[attr-defined]
    assert list(machine.close()) == []
    assert not machine.finished  # type: ignore[attr-defined]


# ---------------------------------------------------------------- bytes


class Heard:
    """A text machine that gives back what it is fed."""

    def feed(self, chunk: str) -> list[str]:
        return [chunk] if chunk else []

    def close(self) -> list[str]:
        return []


def heard(pieces: Iterable[Any]) -> str:
    items, fault = run_machine(lambda: splitter(Heard, "op()", takes_bytes=True), pieces)
    assert fault is None
    return "".join(items)


@given(texts().map(str.encode), st.data())
def test_bytes_may_be_cut_inside_of_a_character(body: bytes, data: st.DataObject) -> None:
    assert heard(data.draw(chunkings(body))) == body.decode()


BROKEN = st.lists(
    st.sampled_from(
        [b"a", b"\xc3", b"\xa9", b"\xe2\x82", b"\xed\xa0\x80", b"\xf0\x9f\x91", b"\x8d", b"\xff", b"\xc0"]
    )
).map(b"".join)


@given(BROKEN, st.data())
@example(b"\xed\xa0\x80", None)
@example(b"\xf4\x90\x80\x80\xc3", None)
def test_broken_bytes_are_what_no_text_has_wherever_they_are_cut(
    body: bytes, data: st.DataObject | None
) -> None:
    expected = body.decode("utf-8", "surrogateescape")
    pieces = [body[place : place + 1] for place in range(len(body))]
    assert heard(pieces if data is None else data.draw(chunkings(body))) == expected


def test_all_kinds_of_bytes_are_bytes() -> None:
    body = "é👍".encode()
    assert heard([bytearray(body[:1]), memoryview(body)[1:4], body[4:]]) == "é👍"


def test_a_machine_that_takes_bytes_takes_text_and_chunks_too() -> None:
    assert heard(["a", StreamChunk("b"), b"c", Str("d")]) == "abcd"
    items: list[Any] = [7]
    _, fault = run_machine(lambda: splitter(Heard, "op()", takes_bytes=True), items)
    assert isinstance(fault, TypeError)


def test_bytes_behind_a_finish_reason_are_the_next_text() -> None:
    told: list[str] = []
    machine: Any = splitter(lambda: Ends(told), "op()", takes_bytes=True)
    assert list(machine.feed(StreamChunk("a", "stop"))) == ["a", "|"]
    assert list(machine.feed(b"\xc3")) == []
    assert told == ["began", "ended"]
    assert list(machine.close()) == ["\udcc3", "|"]


def test_broken_bytes_are_a_fault_only_where_they_matter() -> None:
    def make() -> Any:
        return splitter(JSONObjects, "parse_json()", takes_bytes=True)

    body = b'\xff {"a": "\xc3\xa9"} {"b": "\xff"} \xc3'
    for pieces in ([body], [body[place : place + 1] for place in range(len(body))]):
        assert run_machine(make, pieces) == ([{"a": "é"}], None)


# ---------------------------------------------------------------- rewriting


def test_plain_text_is_rewritten_as_it_is() -> None:
    assert "".join(redact("a sk-1", "23 b")) == "a * b"


def test_a_chunk_that_is_not_changed_passes_as_it_is() -> None:
    chunk = StreamChunk("text", raw={"a": 1}, logprobs={"b": 2})
    (out,) = redact(chunk)
    assert out is chunk


def test_a_changed_chunk_keeps_all_but_what_shows_the_old_text() -> None:
    calls = (ToolCallDelta(0),)
    (out,) = redact(
        StreamChunk(
            "sk-123",
            None,
            4,
            "m",
            0,
            "thought",
            calls,
            Usage(1),
            {"a": "sk-123"},
            "assistant",
            "x",
            "no",
            {"b": 2},
        )
    )
    assert out == StreamChunk("*", None, 4, "m", 0, "thought", calls, Usage(1), None, "assistant", "x", "no")
    assert out.raw is None
    assert out.logprobs is None


def test_a_held_back_piece_shows_in_no_chunk() -> None:
    raw = {"content": "s"}
    out = redact(StreamChunk("as", raw=raw), StreamChunk("k-1", raw=raw), StreamChunk("23b", raw=raw))
    assert [chunk.content for chunk in out] == ["a", "*b"]
    assert [chunk.raw for chunk in out] == [None, None]


@pytest.mark.parametrize(
    "more",
    [
        {"finish_reason": "stop"},
        {"reasoning": "so"},
        {"tool_calls": (ToolCallDelta(0),)},
        {"usage": Usage(1)},
        {"refusal": "no"},
        {"role": "assistant"},
    ],
    ids=str,
)
def test_a_chunk_that_carries_more_than_text_is_never_dropped(more: dict[str, Any]) -> None:
    out = redact(StreamChunk("s", **more))
    assert [getattr(out[0], name) for name in more] == list(more.values())
    assert "".join(chunk.content for chunk in out) == "s"


def test_a_chunk_whose_text_waits_is_dropped() -> None:
    machine = rewriter(lambda: Redact(SECRET, mask="*"), "redact()")
    assert list(machine.feed(StreamChunk("s"))) == []


def test_what_was_held_comes_with_the_finish_reason() -> None:
    out = redact(StreamChunk("sk-"), StreamChunk("", "length", 2), StreamChunk("", usage=Usage(1)))
    assert out == [StreamChunk("sk-", "length", 2), StreamChunk("", usage=Usage(1))]


def test_what_was_held_at_an_end_without_a_finish_reason_is_a_chunk_too() -> None:
    assert redact(StreamChunk("a sk-", None, 3, "m", role="assistant", id="x")) == [
        StreamChunk("a ", None, 3, "m", role="assistant", id="x"),
        StreamChunk("sk-", None, 3, "m", role="assistant", id="x"),
    ]


def test_text_before_a_fault_still_comes() -> None:
    def make() -> Any:
        return rewriter(lambda: Redact(re.compile("a+b"), max_match=3), "redact()")

    items, fault = run_machine(make, [StreamChunk("xy"), StreamChunk("zaaaa", "stop")])
    assert items == [StreamChunk("xy"), StreamChunk("z")]
    assert isinstance(fault, MatchTooLong)
    items, fault = run_machine(make, [StreamChunk("aaaa")])
    assert items == []
    assert isinstance(fault, MatchTooLong)


def test_rewriting_two_choices_is_refused() -> None:
    _, fault = run_machine(
        lambda: rewriter(lambda: Replace("a", "b"), "replace_text()"),
        [StreamChunk("a"), StreamChunk("a", choice=1)],
    )
    assert isinstance(fault, MixedChoices)
    assert "replace_text() works on one text" in str(fault)


def test_the_chunk_with_the_stop_is_the_last_and_says_so() -> None:
    machine = rewriter(lambda: StopAt("END"), "stop_at()")
    assert list(machine.feed(StreamChunk("One. E"))) == [StreamChunk("One. ")]
    assert list(machine.feed(StreamChunk("ND of it", None, 1, "m"))) == [StreamChunk("", "stop", 1, "m")]
    assert machine.finished  # type: ignore[attr-defined]


def test_a_finish_reason_that_comes_with_the_stop_stays() -> None:
    machine = rewriter(lambda: StopAt("END"), "stop_at()")
    assert list(machine.feed(StreamChunk("One END", "length"))) == [StreamChunk("One ", "length")]


def test_a_stop_that_only_the_end_decides_ends_the_text_there() -> None:
    machine = rewriter(lambda: StopAt(re.compile("END$")), "stop_at()")
    assert list(machine.feed(StreamChunk("One END"))) == [StreamChunk("One ")]
    assert list(machine.feed(StreamChunk("", "length"))) == [StreamChunk("", "length")]
