"""The laws of text, over every machine and every operator of the registry.

1 where the text is cut never matters, 2 what is certain is out, 3 the cost grows with the length,
4 nothing is lost where that is promised, 5 what is held back is bounded where that is promised,
6 what is out is not taken back.
"""

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from reactivex import operators as ops

import rxstream as rxs
from rxstream.errors import MalformedStream, MatchTooLong
from rxstream.sansio.rewrite import Redact, Replace, StopAt
from rxstream.sansio.sentences import Sentences
from rxstream.sansio.sse import SSEDecoder
from rxstream.testing import assert_linear, check_machine, chunkings, run_machine, texts
from rxstream.testing.linear import text_shapes
from tests.laws.registry import EVENTS, MACHINES, OPERATORS, OfItems, OfText, Op, last

TEXT_MACHINES = [machine for machine in MACHINES if isinstance(machine.samples[0], str)]
BOUNDED = [machine for machine in MACHINES if machine.holds is not None]

#: Further behind than any text is long: law 2 is then left out, law 6 is not.
NEVER = 1_000_000

for_machines = pytest.mark.parametrize("machine", MACHINES, ids=str)
for_operators = pytest.mark.parametrize("op", OPERATORS, ids=str)


def text_like(samples: Sequence[str]) -> st.SearchStrategy[str]:
    """Draw a sample, or a text made of parts of the samples and of trouble."""
    fragments = [word for sample in samples for word in sample.split(" ") if word]
    return st.one_of(st.sampled_from(samples), texts(*fragments, max_pieces=12))


# ---------------------------------------------------------------- machines


@for_machines
def test_a_machine_keeps_its_contract_and_laws_1_2_4_6(machine: OfText) -> None:
    check_machine(
        machine.factory,
        machine.samples,
        join=machine.join,
        lossless=machine.lossless,
        lag=NEVER if machine.late_because else machine.lag,
        continuations=machine.continuations,
        linear=False,
    )


@pytest.mark.parametrize("machine", EVENTS, ids=str)
def test_a_machine_on_items_keeps_its_contract(machine: OfItems) -> None:
    check_machine(machine.factory, machine.inputs, chunkings=lambda items: [items, items])


def outcome(machine: OfText, chunks: Iterable[Any]) -> tuple[Any, str]:
    items, fault = run_machine(machine.factory, chunks)
    return (items if machine.join is None else machine.join(items)), repr(fault)


@pytest.mark.parametrize("machine", TEXT_MACHINES, ids=str)
@given(data=st.data())
def test_law_1_where_a_text_is_cut_never_matters(machine: OfText, data: st.DataObject) -> None:
    text = data.draw(text_like(machine.samples))
    assert outcome(machine, data.draw(chunkings(text))) == outcome(machine, [text])


@pytest.mark.parametrize("machine", [one for one in MACHINES if one not in TEXT_MACHINES], ids=str)
@given(data=st.data())
def test_law_1_where_bytes_are_cut_never_matters(machine: OfText, data: st.DataObject) -> None:
    body = data.draw(st.sampled_from(machine.samples))
    assert outcome(machine, data.draw(chunkings(body))) == outcome(machine, [body])


class WithoutEnd:
    """A machine that nobody tells that its input is over: half an answer is a fault, and proves nothing."""

    def __init__(self, machine: Any) -> None:
        self.feed = machine.feed

    def close(self) -> tuple[()]:
        return ()


def shapes_of(machine: OfText | OfItems) -> Iterator[tuple[str, Callable[[int], list[Any]]]]:
    if isinstance(machine, OfItems):
        yield "its long input", machine.long
    elif machine.long:
        yield from machine.long
    else:
        yield from (shape for shape in text_shapes(machine.samples) if "in one chunk" not in shape[0])


@pytest.mark.parametrize(
    "machine", [one for one in (*MACHINES, *EVENTS) if not getattr(one, "quadratic_because", "")], ids=str
)
def test_law_3_the_cost_grows_with_the_length(machine: OfText | OfItems) -> None:
    def factory() -> Any:
        return WithoutEnd(machine.factory())

    shapes = list(shapes_of(machine))
    # A machine that fails in the middle stops early, and is cheap for no good reason.
    assert any(run_machine(factory, make(2000))[1] is None for _, make in shapes)
    for shape, make in shapes:
        assert_linear(factory, make, shape=shape)


@pytest.mark.parametrize("machine", BOUNDED, ids=str)
@given(data=st.data())
def test_law_5_no_more_is_held_back_than_was_promised(machine: OfText, data: st.DataObject) -> None:
    assert machine.holds is not None
    assert machine.lossless or machine.holds == 0
    text = data.draw(text_like(machine.samples)) * data.draw(st.sampled_from((1, 2, 8)))
    text += data.draw(st.sampled_from(("", "a", "7", "語", "ส", "\u0301", "👍"))) * 40
    one = machine.factory()
    fed = came = 0
    for chunk in data.draw(chunkings(text)):
        fed += len(chunk)
        came += sum(len(item) for item in one.feed(chunk))
        assert fed - came <= machine.holds


@pytest.mark.parametrize("count", [13, 1000])
def test_law_5_a_match_without_a_bound_has_an_error_of_its_own(count: int) -> None:
    pattern = re.compile(r"\w+@\w+")
    for make in (Redact, StopAt):
        items, fault = run_machine(lambda: make(pattern, max_match=12), ["ok ", *("x" * count)])  # noqa: B023
        assert isinstance(fault, MatchTooLong)
        assert "".join(items) == "ok "
    items, fault = run_machine(lambda: Replace(pattern, "", max_match=12), ["ok ", "x" * count])
    assert isinstance(fault, MatchTooLong)
    assert "".join(items) == "ok "


def test_law_5_an_event_without_an_end_has_an_error_of_its_own() -> None:
    items, fault = run_machine(lambda: SSEDecoder(max_event_size=50), ["data: a\n\n", *["data: b\n"] * 20])
    assert [item.data for item in items] == ["a"]
    assert isinstance(fault, MalformedStream)


@given(text_like(("word word word", "a" * 60, "One. Two. ", "   \n")), st.integers(1, 30))
@example(" " * 50 + "a", 3)
def test_law_5_a_sentence_is_never_longer_than_max_chars(text: str, most: int) -> None:
    items, _ = run_machine(lambda: Sentences(max_chars=most), [text])
    assert all(len(item) <= most for item in items)


# ---------------------------------------------------------------- the checks themselves


class Words:
    """Good: what the broken ones below are made of."""

    def __init__(self) -> None:
        self.pieces: list[str] = []

    def feed(self, chunk: str) -> Iterable[str]:
        *words, rest = chunk.split(" ")
        for word in words:
            yield "".join((*self.pieces, word, " "))
            self.pieces.clear()
        if rest:
            self.pieces.append(rest)

    def close(self) -> Iterable[str]:
        return ["".join(self.pieces)] if self.pieces else []


class LosesAtTheEdge(Words):
    def feed(self, chunk: str) -> Iterable[str]:
        return super().feed(chunk[1:] if self.pieces and chunk[:1] == "o" else chunk)


class WaitsForTheEnd(Words):
    def feed(self, chunk: str) -> Iterable[str]:
        self.pieces.append(chunk)
        return []

    def close(self) -> Iterable[str]:
        text = "".join(self.pieces)
        self.pieces.clear()
        return [*Words.feed(self, text), *Words.close(self)]


class LooksAgain(Words):
    """All that is held is searched, and copied, for every chunk."""

    def __init__(self) -> None:
        super().__init__()
        self.held = ""

    def feed(self, chunk: str) -> Iterable[str]:
        *words, self.held = (self.held + chunk).split(" ")
        return [word + " " for word in words]

    def close(self) -> Iterable[str]:
        return [self.held] if self.held else []


SAMPLES = ["one two wooden ", "o o", "", "words  here"]


def test_a_good_machine_passes() -> None:
    check_machine(Words, SAMPLES, lossless=True)


@pytest.mark.parametrize(
    ("broken", "law"),
    [
        (LosesAtTheEdge, "law 1:"),
        (WaitsForTheEnd, "law 2:"),
        (LooksAgain, "law 3:"),
    ],
)
def test_a_broken_machine_is_caught_by_the_law_that_it_breaks(broken: type[Words], law: str) -> None:
    with pytest.raises(AssertionError, match=law):
        check_machine(broken, SAMPLES)


def test_a_machine_that_swallows_text_breaks_law_4() -> None:
    class Swallows(Words):
        def feed(self, chunk: str) -> Iterable[str]:
            return super().feed(chunk.replace("w", ""))

    with pytest.raises(AssertionError, match="law 4:"):
        check_machine(Swallows, SAMPLES, lossless=True)


def test_a_snapshot_that_the_next_one_takes_back_breaks_law_6() -> None:
    class WithCursor:
        """Shows the text so far with a cursor behind it, which is not there any more in the next one."""

        def __init__(self) -> None:
            self.text = ""

        def feed(self, chunk: str) -> Iterable[str]:
            self.text += chunk
            return [self.text + "_"] if chunk else []

        def close(self) -> Iterable[str]:
            return []

    with pytest.raises(AssertionError, match="law 6:"):
        check_machine(WithCursor, SAMPLES, join=last, linear=False)


# ---------------------------------------------------------------- operators


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    """One event loop for all the examples: to make one takes longer than most examples do."""
    with asyncio.Runner() as runner:
        yield runner


async def listen(observable: Any) -> tuple[list[Any], str]:
    items: list[Any] = []
    try:
        await rxs.to_list(observable, on_item=items.append)
    except Exception as fault:
        return items, repr(fault)
    return items, ""


def straight(op: Op, items: Sequence[Any]) -> Any:
    return rxs.from_stream(items).pipe(op.make())


def behind_stock_operators(op: Op, items: Sequence[Any]) -> Any:
    source: Any = rxs.from_stream(items)
    return source.pipe(ops.map(lambda item: item), op.make(), ops.map(lambda item: item))


PATHS = (straight, behind_stock_operators)


def seen(op: Op, outcome: tuple[list[Any], str]) -> tuple[Any, str]:
    """Take what the laws compare of a stream of text."""
    items, fault = outcome
    if op.join is not None:
        return op.join(items), fault
    return ("".join(items) if op.rewrites else items), fault


@for_operators
@given(data=st.data())
def test_an_operator_gives_the_same_wherever_text_is_cut(
    op: Op, loop: asyncio.Runner, data: st.DataObject
) -> None:
    text = data.draw(text_like(op.samples))
    chunks = data.draw(chunkings(text))
    whole = seen(op, loop.run(listen(straight(op, [text]))))
    for path in PATHS:
        assert seen(op, loop.run(listen(path(op, chunks)))) == whole
    if op.lossless:
        assert "".join(loop.run(listen(straight(op, chunks)))[0]) == text


def as_chunks(pieces: Sequence[str]) -> list[rxs.StreamChunk]:
    """Make the answer that brings these pieces: the role first, the finish reason and the usage last."""
    chunks = [rxs.StreamChunk("", index=0, role="assistant")]
    chunks += [rxs.StreamChunk(piece, index=number) for number, piece in enumerate(pieces, 1)]
    chunks.append(rxs.StreamChunk("", "stop", len(chunks)))
    chunks.append(rxs.StreamChunk("", index=len(chunks), usage=rxs.Usage(1, 2, 3)))
    return chunks


def seen_in_chunks(op: Op, outcome: tuple[list[Any], str]) -> Any:
    """Take what the laws compare of a stream of chunks."""
    items, fault = outcome
    if not op.rewrites:
        return seen(op, outcome)
    assert all(isinstance(item, rxs.StreamChunk) for item in items)
    return (
        "".join(item.content for item in items),
        [item.role for item in items if item.role],
        [item.finish_reason for item in items if item.finish_reason],
        [item.usage for item in items if item.usage],
        fault,
    )


@pytest.mark.parametrize("op", [op for op in OPERATORS if op.takes_chunks], ids=str)
@given(data=st.data())
def test_an_operator_gives_the_same_wherever_an_answer_is_cut(
    op: Op, loop: asyncio.Runner, data: st.DataObject
) -> None:
    text = data.draw(text_like(op.samples))
    chunks = as_chunks(data.draw(chunkings(text)))
    whole = seen_in_chunks(op, loop.run(listen(straight(op, as_chunks([text])))))
    for path in PATHS:
        assert seen_in_chunks(op, loop.run(listen(path(op, chunks)))) == whole
    # And it is what the bare text gives.
    bare, fault = seen(op, loop.run(listen(straight(op, [text]))))
    assert whole == (bare, fault) if not op.rewrites else (whole[0], whole[-1]) == (bare, fault)
    if op.rewrites and not fault:
        assert whole[1:4] == (["assistant"], ["stop"], [] if op_finished(op, text) else [rxs.Usage(1, 2, 3)])


def op_finished(op: Op, text: str) -> bool:
    """Tell whether the operator itself ends this text, and so never asks for the usage behind it."""
    return op.finishes and "END" in text
