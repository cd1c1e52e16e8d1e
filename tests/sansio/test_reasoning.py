"""Thought and answer apart; and an independent reading of whole texts that tells them apart the same way."""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib import import_module
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rxstream.items import StreamChunk, ToolCallDelta, Usage
from rxstream.sansio.reasoning import Reasoning
from rxstream.testing import assert_linear, check_machine, chunkings, run_machine, texts

#: The same name, for what its types forbid.
anything: Any = import_module("rxstream.sansio.reasoning")


def both(chunks: Iterable[StreamChunk]) -> tuple[str, str]:
    """Join the thought, and the answer."""
    chunks = list(chunks)
    return "".join(chunk.reasoning for chunk in chunks), "".join(chunk.content for chunk in chunks)


def in_order(chunks: Sequence[StreamChunk]) -> list[tuple[str, str]]:
    """Take the characters, of thought and of answer: where they are cut means nothing."""
    return [
        (kind, char)
        for chunk in chunks
        for kind, text in (("thought", chunk.reasoning), ("answer", chunk.content))
        for char in text
    ]


def fed(machine: Reasoning, items: Iterable[Any]) -> list[StreamChunk]:
    return [chunk for item in items for chunk in machine.feed(item)]


def everywhere(make: Callable[[], Reasoning], text: str) -> list[StreamChunk]:
    """Drive with the text whole, as single characters, and cut at every place; the same must come out."""
    whole, _ = run_machine(make, [text])
    ways = [[text[:cut], text[cut:]] for cut in range(1, len(text))]
    for pieces in ([*text], [piece for char in text for piece in ("", char)], *ways):
        assert in_order(run_machine(make, pieces)[0]) == in_order(whole)
        chunks = [StreamChunk(piece) for piece in pieces]
        assert in_order(run_machine(make, chunks)[0]) == in_order(whole)
        chunks.append(StreamChunk("", "stop"))
        assert in_order(run_machine(make, chunks)[0]) == in_order(whole)
    return whole


# ---------------------------------------------------------------- thought and answer

CASES = {
    "no thought": ("An answer.", "", "An answer."),
    "a thought": ("<think>Hm.</think>4", "Hm.", "4"),
    "white space around": ("<think>\nHm. So?\n\n</think>\n\n4\n", "Hm. So?", "4\n"),
    "white space inside": ("<think>a \n b</think>c \n d", "a \n b", "c \n d"),
    "white space before it": (" \n<think>a</think> b", "a", "b"),
    "white space before no thought": (" \n b", "", " \n b"),
    "only white space": (" \n ", "", " \n "),
    "an empty thought": ("<think>\n\n</think>\n\nHello", "", "Hello"),
    "an empty element": ("<think/>\nHello", "", "Hello"),
    "only a thought": ("<think>a</think>\n", "a", ""),
    "unclosed": ("<think>a b", "a b", ""),
    "unclosed, white space": ("<think> a \n", "a \n", ""),
    "unclosed, half an end": ("<think>a </thi", "a </thi", ""),
    "half a beginning": ("a <thi", "", "a <thi"),
    "half a beginning behind white space": (" <thi", "", " <thi"),
    "several": ("<think>a</think> b <think> c</think>\nd", "ac", "b d"),
    "several in a row": ("<think>a </think> <think> b</think> c", "ab", "c"),
    "in the middle": ("The answer: <think>a</think> 4", "a", "The answer: 4"),
    "a beginning in a thought": ("<think>a<think>b</think>c", "a<think>b", "c"),
    "an end in the answer": ("a</think>b", "", "a</think>b"),
    "other tags": ("<think><b>a</b></think><b>c</b>", "<b>a</b>", "<b>c</b>"),
    "white space in tags": ("<think >a</think\n>b", "a", "b"),
    "attributes": ("<think effort='high'>a</think>b", "a", "b"),
}


@pytest.mark.parametrize(("text", "thought", "answer"), CASES.values(), ids=CASES)
def test_thought_and_answer(text: str, thought: str, answer: str) -> None:
    assert both(everywhere(Reasoning, text)) == (thought, answer)


INSIDE = {
    "closed": ("Hm.\n</think>\n\n4", "Hm.", "4"),
    "white space first": ("\n Hm. </think>4", "Hm.", "4"),
    "unclosed": ("Hm. ", "Hm. ", ""),
    "empty": ("</think>4", "", "4"),
    "opened all the same": ("<think>a</think>b", "<think>a", "b"),
    "another behind": ("a</think>b<think>c</think>d", "ac", "bd"),
    "nothing": ("", "", ""),
}


@pytest.mark.parametrize(("text", "thought", "answer"), INSIDE.values(), ids=INSIDE)
def test_the_tag_may_have_been_opened_before(text: str, thought: str, answer: str) -> None:
    assert both(everywhere(partial(Reasoning, starts_inside=True), text)) == (thought, answer)


@pytest.mark.parametrize(
    ("text", "thought", "answer"),
    [
        ("<think>\na \n</think>\n\nb\n", "\na \n", "\n\nb\n"),
        (" <think> a </think> <think> </think> b", " a  ", "   b"),
        (" \n", "", " \n"),
    ],
)
def test_all_white_space_may_be_kept(text: str, thought: str, answer: str) -> None:
    assert both(everywhere(partial(Reasoning, keep_whitespace=True), text)) == (thought, answer)


def test_the_tag_may_have_another_name() -> None:
    make = partial(Reasoning, tag="thinking")
    assert both(everywhere(make, "<think>a</think><thinking>b</thinking>c")) == ("b", "<think>a</think>c")


def test_a_wrong_tag_is_refused() -> None:
    with pytest.raises(ValueError, match="Leave out the brackets: 'think'"):
        Reasoning(tag="<think>")
    with pytest.raises(TypeError, match=r"tag expects one name, as in 'think', and got \['think'\]"):
        anything.Reasoning(tag=["think"])


# ---------------------------------------------------------------- when it comes


@pytest.mark.parametrize(
    ("text", "thought", "answer"),
    [
        ("", "", ""),
        ("a ", "", "a "),
        (" ", "", ""),
        (" a", "", " a"),
        ("a<th", "", "a"),
        ("a</th", "", "a</th"),
        ("<think>\na b", "a b", ""),
        ("<think>a b ", "a b", ""),
        ("<think>a b \n</thi", "a b", ""),
        ("<think>a b \n</thix", "a b \n</thix", ""),
        ("<think>a<think x", "a<think x", ""),
        ("<think>a</think> \n", "a", ""),
        ("<think>a</think> \nb ", "a", "b "),
    ],
)
def test_only_a_tag_and_the_white_space_around_it_wait(text: str, thought: str, answer: str) -> None:
    assert both(fed(Reasoning(), text)) == (thought, answer)
    assert both(fed(Reasoning(), [text])) == (thought, answer)


# ---------------------------------------------------------------- chunks


def test_an_answer_without_a_thought_passes_as_it_is() -> None:
    chunks = [
        StreamChunk("", role="assistant"),
        StreamChunk("a", raw={"a": 1}, logprobs={"content": []}),
        StreamChunk(" b", raw={"b": 1}),
        StreamChunk("", tool_calls=(ToolCallDelta(0, "1", "f"),)),
        StreamChunk("", "stop", raw={"end": 1}),
        StreamChunk("", usage=Usage(1, 2, 3)),
    ]
    out, _ = run_machine(Reasoning, chunks)
    assert [id(chunk) for chunk in out] == [id(chunk) for chunk in chunks]


def test_a_chunk_becomes_one_of_thought_and_keeps_its_other_fields() -> None:
    (out,) = fed(
        Reasoning(),
        [
            StreamChunk(
                "<think>a",
                None,
                3,
                "model",
                1,
                role="assistant",
                id="x",
                refusal="no",
                tool_calls=(ToolCallDelta(0, "1", "f"),),
                usage=Usage(1, 2, 3),
                raw={"content": "<think>a"},
                logprobs={"content": []},
            )
        ],
    )
    assert out == StreamChunk(
        "",
        None,
        3,
        "model",
        1,
        "a",
        role="assistant",
        id="x",
        refusal="no",
        tool_calls=(ToolCallDelta(0, "1", "f"),),
        usage=Usage(1, 2, 3),
    )
    assert out.raw is None


def test_thought_and_answer_of_one_chunk_come_in_chunks_of_their_own() -> None:
    out = fed(
        Reasoning(), [StreamChunk("<think>a</think>b", "stop", 3, "model", id="x", usage=Usage(1, 2, 3))]
    )
    assert out == [
        StreamChunk("", None, 3, "model", 0, "a", id="x"),
        StreamChunk("b", "stop", 3, "model", id="x", usage=Usage(1, 2, 3)),
    ]
    out = fed(Reasoning(), [StreamChunk("a<think>b</think>c<think>d", role="assistant")])
    assert out == [
        StreamChunk("", role="assistant"),
        StreamChunk("a"),
        StreamChunk("", reasoning="b"),
        StreamChunk("c"),
        StreamChunk("", reasoning="d"),
    ]


def test_reasoning_that_comes_in_a_chunk_stays_in_it() -> None:
    chunks = [StreamChunk("", reasoning=" a "), StreamChunk("b", reasoning="c"), StreamChunk(" d")]
    assert fed(Reasoning(), chunks) == chunks
    out = fed(Reasoning(), [StreamChunk("<think>b", reasoning="a"), StreamChunk("</think>c", reasoning="x")])
    assert out == [StreamChunk("", reasoning="ab"), StreamChunk("c", reasoning="x")]
    out = fed(Reasoning(), [StreamChunk("<think>b</think>c", reasoning="a")])
    assert out == [StreamChunk("", reasoning="a"), StreamChunk("", reasoning="b"), StreamChunk("c")]
    out = fed(Reasoning(), [StreamChunk("<think>", reasoning="a", raw={})])
    assert out == [StreamChunk("", reasoning="a")]


def test_from_fields_and_from_tags_it_comes_out_the_same() -> None:
    fields = [
        *(
            StreamChunk("", role="assistant"),
            StreamChunk("", reasoning="Hm. "),
            StreamChunk("", reasoning="So."),
        ),
        *(StreamChunk("It is "), StreamChunk("4."), StreamChunk("", "stop")),
    ]
    tags = [
        *(
            StreamChunk("", role="assistant"),
            StreamChunk("<th"),
            StreamChunk("ink>\nHm. "),
            StreamChunk("So.\n</"),
        ),
        *(StreamChunk("think>"), StreamChunk("\n\nIt is "), StreamChunk("4."), StreamChunk("", "stop")),
    ]
    outs = [run_machine(Reasoning, chunks)[0] for chunks in (fields, tags)]
    assert both(outs[0]) == both(outs[1]) == ("Hm. So.", "It is 4.")
    assert in_order(outs[0]) == in_order(outs[1])
    assert [[chunk.finish_reason for chunk in out if chunk.finish_reason] for out in outs] == [["stop"]] * 2


def test_a_chunk_that_has_nothing_left_to_carry_is_dropped() -> None:
    machine = Reasoning()
    assert fed(machine, [StreamChunk("<think>", raw={})]) == []
    assert fed(machine, [StreamChunk("\n", model="m", id="x")]) == []
    for more in (
        StreamChunk(" ", role="assistant"),
        StreamChunk(" ", refusal="no"),
        StreamChunk(" ", usage=Usage()),
        StreamChunk(" ", tool_calls=(ToolCallDelta(),)),
    ):
        (out,) = fed(machine, [more])
        assert out.content == ""
        assert (out.role, out.refusal, out.usage, out.tool_calls) == (
            *(more.role, more.refusal),
            *(more.usage, more.tool_calls),
        )


@pytest.mark.parametrize(
    ("content", "last", "thought", "answer"),
    [
        ("a <th", "", "", "a <th"),
        ("a <th", "i", "", "a <thi"),
        (" ", "", "", " "),
        ("<think>a ", "", "a ", ""),
        ("<think>a </", "", "a </", ""),
        ("<think>a ", "</think> ", "a", ""),
    ],
)
def test_what_was_held_comes_with_the_finish_reason(
    content: str, last: str, thought: str, answer: str
) -> None:
    out = fed(Reasoning(), [StreamChunk(content), StreamChunk(last, "length", 7)])
    assert both(out) == (thought, answer)
    assert [chunk.finish_reason for chunk in out][-1:] == ["length"]
    assert out[-1].index == 7


def test_what_was_held_comes_at_the_end_too() -> None:
    machine = Reasoning()
    assert fed(machine, [StreamChunk("a<", None, 5, "m", 1, id="x", role="assistant")]) == [
        StreamChunk("a", None, 5, "m", 1, id="x", role="assistant")
    ]
    fed(machine, ["<think>a "])
    assert list(machine.close()) == [
        StreamChunk("<", None, 5, "m", 1, id="x"),
        StreamChunk("", reasoning=" "),
    ]


def test_behind_a_finish_reason_a_new_text_begins() -> None:
    chunks = [StreamChunk("a", "stop"), StreamChunk("b</think> c", "stop"), StreamChunk("", "stop")]
    out, _ = run_machine(lambda: Reasoning(starts_inside=True), chunks)
    assert [(chunk.reasoning, chunk.content, chunk.finish_reason) for chunk in out] == [
        ("a", "", "stop"),
        ("b", "", None),
        ("", "c", "stop"),
        ("", "", "stop"),
    ]


def test_each_choice_is_split_by_itself() -> None:
    texts = ("<think>a b</think>c", "x<think>y</think> z")
    pieces = [(text[at : at + 1], choice) for at in range(20) for choice, text in enumerate(texts)]
    chunks = [StreamChunk(piece, choice=choice) for piece, choice in pieces]
    chunks += [StreamChunk("", "stop", choice=1), StreamChunk("", usage=Usage(1, 2, 3))]
    out, _ = run_machine(Reasoning, chunks)
    assert [both(chunk for chunk in out if chunk.choice == choice) for choice in (0, 1)] == [
        ("a b", "c"),
        ("y", "xz"),
    ]


def test_other_items_are_refused() -> None:
    with pytest.raises(TypeError, match=r"split_reasoning\(\) works on text.*got int: 1"):
        anything.Reasoning().feed(1)


# ---------------------------------------------------------------- an oracle

_NAME = r"(?:[^\W\d]|:)[\w.:-]*"
_VALUE = r"""(?:"[^"]*"|'[^']*'|(?:[^ \t\n\r\f"'<>/]|/(?!>))+)"""
_OPENING = re.compile(
    rf"<think(?:[ \t\n\r\f]+{_NAME}(?:[ \t\n\r\f]*=[ \t\n\r\f]*{_VALUE})?)*[ \t\n\r\f]*(/?)>"
)
_CLOSING = re.compile(r"</think[ \t\n\r\f]*>")


def read(text: str, *, inside: bool, keep: bool) -> tuple[str, str]:
    """Tell thought and answer apart by searching the whole text."""
    thoughts, answers = list[str](), list[str]()
    behind_a_thought = False
    while text or inside:
        found = (_CLOSING if inside else _OPENING).search(text)
        if inside:
            thought = text if found is None else text[: found.start()]
            if not keep:
                thought = thought.lstrip() if found is None else thought.strip()
            thoughts.append(thought)
        else:
            answer = text if found is None else text[: found.start()]
            if not keep and (behind_a_thought or (found is not None and not answer.strip())):
                answer = answer.lstrip()
            answers.append(answer)
        if found is None:
            break
        text = text[found.end() :]
        inside = not inside and found[1] == ""
        behind_a_thought = True
    return "".join(thoughts), "".join(answers)


FRAGMENTS = (
    *(
        "<think>",
        "</think>",
        "\n</think >\n",
        " ",
        "<think/>",
        "<think x='>'>",
        '<think x="<think>',
        "<think ",
    ),
    *("</", "'", '"', ">"),
)


@given(texts(*FRAGMENTS), st.booleans(), st.booleans(), st.data())
@example(" <think/> a", False, False, None)
@example("a</think> <think> b", True, False, None)
def test_it_says_what_a_search_of_the_whole_text_says(
    text: str, starts_inside: bool, keep_whitespace: bool, data: Any
) -> None:
    make = partial(Reasoning, starts_inside=starts_inside, keep_whitespace=keep_whitespace)
    expected = read(text, inside=starts_inside, keep=keep_whitespace)
    pieces = [*text] if data is None else data.draw(chunkings(text))
    out, fault = run_machine(make, pieces)
    assert fault is None
    assert both(out) == expected
    chunks = [*map(StreamChunk, pieces), StreamChunk("", "stop")]
    out, fault = run_machine(make, chunks)
    assert fault is None
    assert both(out) == expected
    assert [chunk.finish_reason for chunk in out if chunk.finish_reason] == ["stop"]
    assert all(not (chunk.content and chunk.reasoning) for chunk in out)


# ---------------------------------------------------------------- the laws

SAMPLES = (
    "<think>\nHm. So \n</think>\n\nIt is 4.\n<thi",
    " \n<think >a<think>b </th </think > <think x='1'/> c</think>",
    "  answer <think",
    "",
)
ENDS = ("think>a", *("</think>"[cut:] for cut in range(8)), " x", "a</think>", " </think>")


@pytest.mark.parametrize("starts_inside", [False, True])
@pytest.mark.parametrize("keep_whitespace", [False, True])
def test_the_laws(starts_inside: bool, keep_whitespace: bool) -> None:
    make = partial(Reasoning, starts_inside=starts_inside, keep_whitespace=keep_whitespace)
    check_machine(make, SAMPLES, join=in_order, continuations=ENDS, linear=False)


def cuttings(text: str) -> list[list[StreamChunk]]:
    ways = [[text], [*text], [text[:9], "", text[9:]]]
    return [[*map(StreamChunk, pieces), StreamChunk("", "stop")] for pieces in ways]


def test_the_contract_on_chunks() -> None:
    check_machine(Reasoning, SAMPLES, chunkings=cuttings, join=in_order)


LONG = (
    "<think>a</think> b",
    "<",
    "<think",
    "<think>",
    "</think>",
    " ",
    "<think> ",
    '<think a="',
    "<think/>a",
)


@pytest.mark.parametrize("unit", LONG)
@pytest.mark.parametrize("size", [3, None])
def test_the_cost_grows_with_the_length(unit: str, size: int | None) -> None:
    def cut(length: int) -> list[StreamChunk]:
        text = unit * (length // len(unit) + 1)
        step = len(text) if size is None else size
        return [StreamChunk(text[at : at + step]) for at in range(0, len(text), step)]

    assert_linear(Reasoning, cut, shape=f"{unit!r} over and over")
