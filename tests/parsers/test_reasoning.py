"""Thought and answer, as they come in a stream; what is thought, the machine's own tests say."""

from collections.abc import Iterable
from typing import Any, Literal

import pytest

import rxstream as rxs
from rxstream.parsers import reasoning as module
from rxstream.parsers.reasoning import split_reasoning
from rxstream.testing import VirtualClock, check_operator
from tests.recordings import PATHS
from tests.sansio.test_reasoning import both, in_order

#: The same name, for what its types forbid.
anything: Any = module

PIECES = ("<thi", "nk>\nI add. Then ", "I check.\n</th", "ink>", "\n\nIt is 4. ", "Sure.")


def given(items: Iterable[Any], *operators: Any) -> list[Any]:
    stream: Any = rxs.from_stream(list(items))
    found: list[Any] = rxs.run(stream.pipe(*operators))
    return found


def test_what_stands_behind_it_sees_only_the_answer() -> None:
    assert given(PIECES, split_reasoning(), rxs.buffer_sentences()) == ["It is 4.", "Sure."]
    assert given(map(rxs.StreamChunk, PIECES), split_reasoning(), rxs.buffer_sentences()) == [
        "It is 4.",
        "Sure.",
    ]


@pytest.mark.anyio
async def test_collect_gives_the_thought_and_the_answer() -> None:
    chunks = [*map(rxs.StreamChunk, PIECES), rxs.StreamChunk("", "stop", usage=rxs.Usage(1, 2, 3))]
    stream = rxs.from_stream(chunks).pipe(split_reasoning())
    result = await rxs.collect(stream)
    assert (result.reasoning, result.content) == ("I add. Then I check.", "It is 4. Sure.")
    assert (result.finish_reason, result.total_tokens) == ("stop", 3)


def test_text_becomes_chunks() -> None:
    assert given(["<think>a</think>b"], split_reasoning()) == [
        rxs.StreamChunk("", reasoning="a"),
        rxs.StreamChunk("b"),
    ]


@pytest.mark.parametrize(
    "options", [{}, {"starts_inside": True}, {"keep_whitespace": True}, {"tag": "a"}], ids=str
)
def test_the_laws_of_streams(options: dict[str, Any]) -> None:
    check_operator(split_reasoning(**options), [*PIECES, "<a> b</a>"], join=in_order)
    chunks = [*map(rxs.StreamChunk, PIECES), rxs.StreamChunk("", "stop")]
    check_operator(split_reasoning(**options), chunks)


def test_a_wrong_tag_is_refused_where_it_is_written() -> None:
    with pytest.raises(ValueError, match=r"^split_reasoning\(\): .*Leave out the brackets: 'think'"):
        split_reasoning(tag="<think>")
    with pytest.raises(TypeError, match=r"^split_reasoning\(\): tag expects one name"):
        anything.split_reasoning(tag=None)


# ---------------------------------------------------------------- real answers

GRAMMAR = PATHS["23-think-tags-grammar"]
PREFILLED = PATHS["11-think-tags"]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("speed", [None, 1.0, 10.0])
def test_a_real_thought(speed: float | None, backend: Literal["asyncio", "trio"]) -> None:
    answer = rxs.from_recording(GRAMMAR, speed=speed)
    plain = VirtualClock().run(rxs.collect, answer, backend=backend)
    thought, _, said = plain.content.removeprefix("<think>").partition("</think>")
    split = VirtualClock().run(rxs.collect, answer.pipe(split_reasoning()), backend=backend)
    assert (split.reasoning, split.content) == (thought.strip(), said.lstrip())
    assert split.reasoning
    assert split.content
    assert (split.finish_reason, split.usage) == (plain.finish_reason, plain.usage)
    assert all(not (chunk.reasoning and chunk.content) for chunk in split.chunks)


def test_every_character_of_a_real_answer_may_be_kept() -> None:
    answer = rxs.from_recording(GRAMMAR, speed=None)
    whole = "".join(chunk.content for chunk in rxs.run(answer))
    thought, said = both(rxs.run(answer.pipe(split_reasoning(keep_whitespace=True))))
    assert whole == f"<think>{thought}</think>{said}"


def test_a_real_thought_whose_tag_was_in_the_prompt() -> None:
    answer = rxs.from_recording(PREFILLED, speed=None)
    whole = "".join(chunk.content for chunk in rxs.run(answer))
    # The model never closed it.
    assert both(rxs.run(answer.pipe(split_reasoning(starts_inside=True)))) == (whole.lstrip(), "")
    assert both(rxs.run(answer.pipe(split_reasoning()))) == ("", whole)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_real_thought_wherever_it_is_cut(size: int) -> None:
    answer = rxs.from_recording(GRAMMAR, speed=None)
    whole = "".join(chunk.content for chunk in rxs.run(answer))
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    expected = in_order(rxs.run(answer.pipe(split_reasoning())))
    assert in_order(given(pieces, split_reasoning())) == expected
    assert in_order(given(map(rxs.StreamChunk, pieces), split_reasoning())) == expected
