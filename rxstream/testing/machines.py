"""Judge a machine: by the contract at the top of ``rxstream.sansio``, and by the laws of text.

    law 1   where the input is cut never matters, faults included
    law 2   what no continuation could change is already out     (incremental.py)
    law 3   the cost grows with the length                       (linear.py)
    law 4   nothing is lost, where that is promised
    law 6   what came out is not taken back                      (incremental.py)

An ``AssertionError`` names the law that was broken. A check tries what it tries: it proves that a
machine is wrong, never that it is right. All of it is deterministic, but for the measurement of law 3.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, AnyStr, TypeVar, overload

from rxstream.sansio import Machine
from rxstream.testing.incremental import Continuations, assert_incremental, endings_of, mixed_continuations
from rxstream.testing.linear import assert_linear, text_shapes
from rxstream.testing.runs import CRASHES, Join, Outcome, Run, run_machine, same, short, show
from rxstream.testing.strategies import cut_at, some

__all__ = ("assert_lossless", "assert_split_invariant", "check_machine", "ways_to_cut")

I = TypeVar("I")  # noqa: E741 - what goes in, as in the machine's own protocol
O = TypeVar("O")  # noqa: E741 - what comes out
S = TypeVar("S")


def assert_split_invariant(
    factory: Callable[[], Machine[AnyStr, O]],
    text: AnyStr,
    *,
    join: Join[O] | None = None,
    cuts: int = 200,
    seed: int = 0,
) -> None:
    """Law 1: fail if some way to cut ``text`` changes what comes out, or the fault's type or message.

        class PerChunk:
            def feed(self, chunk):
                return chunk.split()

            def close(self):
                return ()

        try:
            assert_split_invariant(PerChunk, "Hello you")
        except AssertionError as error:
            print(error)
        #> law 1: where the input is cut changes what comes out
        #>   input   'Hello you'
        #>   cut as  ['Hello you']
        #>   gives   ['Hello', 'you']
        #>   cut as  ['H', 'ello you']
        #>   gives   ['H', 'ello', 'you']

    ``factory`` makes the machine. Compared with the whole text in one chunk: every cut into two (a random
    ``cuts`` of them, by ``seed``, if there are more), single characters, those with empty chunks between, and
    ``cuts`` / 4 random cuttings. Items are compared with ``==``; ``join`` maps a list of items to what is to
    be equal instead: give ``"".join`` to a machine whose items may themselves be cut anywhere. The message of
    the AssertionError shows the fewest chunks that were found to fail. All laws together are
    ``check_machine``'s.
    """
    whole = run_machine(factory, [text])

    def differs(chunks: list[AnyStr]) -> bool:
        return not same(whole, run_machine(factory, chunks), join)

    for chunks in ways_to_cut(text, cuts, seed):
        if differs(chunks):
            fewest = _fewest(chunks, differs)
            raise AssertionError(_cut_message(text, [text], whole, fewest, run_machine(factory, fewest)))


def assert_lossless(
    factory: Callable[[], Machine[AnyStr, AnyStr]], text: AnyStr, *, cuts: int = 40, seed: int = 0
) -> None:
    r"""Law 4: fail if the items do not join to ``text``, whole or cut.

        def test_words_keep_everything():
            assert_lossless(lambda: rxs.sansio.words.Words(keep_whitespace=True), "Hello  you\n")

    ``factory`` makes the machine. ``cuts``: how many of the ways to cut ``text`` are tried, by ``seed``.
    Raises AssertionError, which shows the chunks. All laws together are ``check_machine``'s.
    """
    ways: list[list[AnyStr]] = [[text]]
    ways += ways_to_cut(text, cuts, seed)
    empty: Any = text[:0]  # its `join` has no type that fits both str and bytes
    for chunks in ways:
        items, fault = run_machine(factory, chunks)
        if fault is not None or empty.join(items) != text:
            raise AssertionError(
                f"law 4: the output does not join to the input\n  input   {short(text)}\n"
                f"  cut as  {short(chunks)}\n  gives   {show((items, fault))}"
            )


@overload
def check_machine(
    factory: Callable[[], Machine[AnyStr, O]],
    samples: Sequence[AnyStr],
    *,
    join: Join[O] | None = None,
    lossless: bool = False,
    continuations: Continuations[AnyStr] | None = None,
    lag: int = 0,
    linear: bool = True,
) -> None: ...
@overload
def check_machine(
    factory: Callable[[], Machine[I, O]],
    samples: Sequence[S],
    *,
    join: Join[O] | None = None,
    chunkings: Callable[[S], Iterable[Sequence[I]]],
) -> None: ...
def check_machine(
    factory: Callable[[], Machine[Any, Any]],
    samples: Sequence[Any],
    *,
    join: Join[Any] | None = None,
    lossless: bool = False,
    continuations: Continuations[Any] | None = None,
    lag: int = 0,
    linear: bool = True,
    chunkings: Callable[[Any], Iterable[Sequence[Any]]] | None = None,
) -> None:
    """Hold a machine against its contract and against every law, on each of ``samples``.

        class Shouts:
            def feed(self, chunk):
                return [letter for letter in chunk if letter.isupper()]

            def close(self):
                return ()

        def test_shouts():
            check_machine(Shouts, ["a B c", "DE"])

    ``factory`` makes the machine. ``samples`` are texts (or bytes) of a line or three that hold what the
    machine looks for: whole, broken off, and twice. ``join``, ``continuations`` and ``lag`` are those of
    ``assert_incremental``; the endings of all samples are added to the continuations. With ``lossless`` the
    items must join to the text. ``linear=False`` leaves out the measurement, which takes most of the time.

    For a machine that takes something else than text, ``chunkings(sample)`` gives several ways to cut
    one input into chunks, and all must have the outcome of the first. Laws 2, 3 and 4 are then left to
    you; ``assert_linear`` takes chunks of any kind.

    Raises AssertionError: "contract: ..." or "law N: ...", ValueError without samples. For an operator there
    is ``check_operator``.
    """
    if not samples:
        raise ValueError("expected samples to check the machine with, got none")
    if chunkings is not None:
        ways = [list(chunkings(sample)) for sample in samples]
        _check_contract(factory, ways)
        for sample, cuttings in zip(samples, ways, strict=True):
            _check_cuttings(factory, sample, cuttings, join)
        return
    _check_contract(factory, [[[text], cut_at(text, range(1, len(text)))] for text in samples])
    for text in samples:
        _check_empty_chunks(factory, text)
        assert_split_invariant(factory, text, join=join)
        _check_finished(factory, text, join)
        if lossless:
            assert_lossless(factory, text)
    endings = endings_of(samples, continuations)
    for text in samples:
        assert_incremental(factory, text, endings, join=join, lag=lag)
    for shape, make_input in text_shapes(samples) if linear else ():
        assert_linear(factory, make_input, shape=shape)


# ---------------------------------------------------------------- the contract


def _check_contract(factory: Callable[[], Machine[I, O]], ways: Sequence[Sequence[Sequence[I]]]) -> None:
    _check_no_crash("close() without any feed", run_machine(factory, []))
    for cuttings in ways:
        for chunks in cuttings:
            _check_no_crash(short(chunks), run_machine(factory, chunks))
    # The last way is the one with the most chunks: neighbours, and each beside a twin.
    inputs = [cuttings[-1] for cuttings in ways]
    for first, second in zip(inputs * 2, inputs + inputs[1:] + inputs[:1], strict=True):
        _check_independent(factory, first, second)


def _check_no_crash(what: str, outcome: Outcome[O]) -> None:
    if isinstance(outcome[1], CRASHES):
        # Not the TypeError that ruff would like: it is the check that fails.
        raise AssertionError(  # noqa: TRY004
            f"contract: the machine crashed on {what}: {outcome[1]!r}"
        ) from outcome[1]


def _check_independent(factory: Callable[[], Machine[I, O]], first: Sequence[I], second: Sequence[I]) -> None:
    alone = (run_machine(factory, first), run_machine(factory, second))
    runs = (Run(factory), Run(factory))
    for place in range(max(len(first), len(second))):
        for run, chunks in zip(runs, (first, second), strict=True):
            for chunk in chunks[place : place + 1]:
                run.feed(chunk)
    for run, chunks, expected in zip(runs, (first, second), alone, strict=True):
        got = run.close()
        if not same(expected, got):
            raise AssertionError(
                "contract: two machines of one factory are not independent; do they share a list on the "
                f"class, a default argument, a global?\n  chunks       {short(chunks)}\n"
                f"  alone        {show(expected)}\n  interleaved  {show(got)}"
            )


def _check_empty_chunks(factory: Callable[[], Machine[AnyStr, O]], text: AnyStr) -> None:
    nothing, empty = run_machine(factory, []), run_machine(factory, [text[:0]])
    if not same(nothing, empty):
        raise AssertionError(
            f"law 1: an empty chunk is as good as none, but no chunk at all gives {show(nothing)}, "
            f"and one empty chunk {show(empty)}"
        )
    run = Run(factory)
    for place in range(len(text) + 1):
        before = len(run.items)
        run.feed(text[:0])
        if len(run.items) != before or run.ended:
            raise AssertionError(
                f"law 1: an empty chunk is as good as none, but after {short(text[:place])} one gave "
                f"{show((run.items[before:], run.fault))}{' and ended the machine' * run.ended}"
            )
        run.feed(text[place : place + 1])
        if run.ended:
            return


def _check_finished(factory: Callable[[], Machine[AnyStr, O]], text: AnyStr, join: Join[O] | None) -> None:
    """Check that a machine that is finished stays with what it has said, and says so for every cutting."""
    slow = Run(factory)
    end = 0
    while end < len(text) and not slow.ended:
        slow.feed(text[end : end + 1])
        end += 1
    fast = Run(factory)
    fast.feed(text)
    if slow.finished != fast.finished:
        raise AssertionError(
            f"law 1: where the input is cut changes whether the machine is finished\n  input {short(text)}\n"
            f"  in one chunk {fast.finished}, as single characters {slow.finished}"
        )
    if not slow.finished:
        return
    outcome = slow.close()
    for more in mixed_continuations(text):
        got = run_machine(factory, [text[:end] + more])
        if not same(outcome, got, join):
            raise AssertionError(
                f"contract: the machine is finished after {short(text[:end])}, yet what follows in the same "
                f"chunk changes what comes out\n  alone  {show(outcome)}\n"
                f"  with {short(more)} behind  {show(got)}"
            )


# ---------------------------------------------------------------- ways to cut


def _check_cuttings(
    factory: Callable[[], Machine[I, O]],
    sample: object,
    cuttings: Sequence[Sequence[I]],
    join: Join[O] | None,
) -> None:
    first = run_machine(factory, cuttings[0])
    for chunks in cuttings[1:]:
        other = run_machine(factory, chunks)
        if not same(first, other, join):
            raise AssertionError(_cut_message(sample, cuttings[0], first, chunks, other))


def ways_to_cut(text: AnyStr, cuts: int, seed: int = 0) -> Iterator[list[AnyStr]]:
    """Give ways to cut a text, the simplest to read first."""
    rng = random.Random(seed)  # noqa: S311 - a sample, not a secret
    end = len(text)
    for place in some(range(1, end), cuts, rng):
        yield cut_at(text, [place])
    yield cut_at(text, [0, end])
    yield cut_at(text, range(1, end))
    yield cut_at(text, [place for place in range(end + 1) for _ in range(2)])
    for _ in range(cuts // 4):
        yield cut_at(text, rng.choices(range(end + 1), k=rng.randint(1, min(end, 30) + 1)))


def _fewest(chunks: list[Any], differs: Callable[[list[Any]], bool]) -> list[Any]:
    """Join neighbours as long as the cutting still fails."""
    place = 0
    while place + 1 < len(chunks):
        joined = [*chunks[:place], chunks[place] + chunks[place + 1], *chunks[place + 2 :]]
        if differs(joined):
            chunks = joined
        else:
            place += 1
    return chunks


def _cut_message(
    sample: object, cutting: object, expected: Outcome[O], other_cutting: object, got: Outcome[O]
) -> str:
    return (
        f"law 1: where the input is cut changes what comes out\n  input   {short(sample)}\n"
        f"  cut as  {short(cutting)}\n  gives   {show(expected)}\n"
        f"  cut as  {short(other_cutting)}\n  gives   {show(got)}"
    )
