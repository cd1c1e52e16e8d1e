from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from rxstream.items import Usage
from rxstream.sansio.answer import add_usage
from rxstream.sansio.spent import Spent

COUNTS = st.integers(0, 1000)
USAGES = st.builds(Usage, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, st.booleans())
#: What an attempt told, how many pieces came of it, and how many tokens of the answer it was given.
ATTEMPTS = st.lists(st.tuples(st.none() | USAGES, COUNTS, COUNTS), max_size=4)


def spent_of(*attempts: tuple[Usage | None, int, int]) -> Spent:
    spent = Spent()
    for usage, pieces, given_tokens in attempts:
        spent.add(usage, pieces, given_tokens)
    return spent


def test_where_no_attempt_has_failed_the_usage_is_the_answers_own() -> None:
    usage = Usage(7, 3, 10, 2, 1)
    assert Spent().total(usage, 0) == usage
    assert Spent().so_far() is None


def test_what_attempts_have_told_is_added_up() -> None:
    spent = spent_of((Usage(7, 3, 10, 2, 1), 99, 99), (Usage(8, 1, 9, 1, 0), 99, 99))
    assert spent.total(Usage(7, 5, 12, 0, 4), 0) == Usage(22, 9, 31, 3, 5)
    assert spent.so_far() == Usage(15, 4, 19, 3, 1)


def test_of_an_attempt_that_tells_nothing_the_pieces_are_counted_and_the_prompt_is_that_of_the_last() -> None:
    spent = spent_of((None, 4, 0))
    assert spent.total(Usage(7, 5, 12, 2, 1), 0) == Usage(14, 9, 23, 2, 1, estimated=True)
    # The last one was given the four tokens to go on with: what was asked is that much shorter.
    assert spent.total(Usage(11, 5, 16), 4) == Usage(18, 9, 27, estimated=True)
    assert spent.so_far() == Usage(0, 4, 4, estimated=True)


def test_an_attempt_that_was_given_a_part_and_tells_nothing_had_that_in_its_prompt() -> None:
    spent = spent_of((None, 4, 0), (None, 2, 4))
    # Asked: 7; then 7 and 4; then 7 and 6.
    assert spent.total(Usage(13, 5, 18), 6) == Usage(7 + 11 + 13, 4 + 2 + 5, 42, estimated=True)
    assert spent.so_far() == Usage(0, 6, 6, estimated=True)


def test_a_prompt_is_never_less_than_nothing() -> None:
    assert spent_of((None, 4, 0)).total(Usage(3, 1, 4), 9) == Usage(3, 5, 8, estimated=True)


def test_told_and_guessed_are_added_up() -> None:
    spent = spent_of((Usage(7, 3, 10), 3, 0), (None, 2, 3))
    assert spent.so_far() == Usage(7, 5, 12, estimated=True)
    assert spent.total(Usage(12, 1, 13), 5) == Usage(7 + 10 + 12, 6, 35, estimated=True)


@given(ATTEMPTS, USAGES, COUNTS)
def test_the_total_is_the_sum_over_all_attempts(
    attempts: list[tuple[Usage | None, int, int]], last: Usage, given_tokens: int
) -> None:
    spent = spent_of(*attempts)
    asked = max(0, last.prompt_tokens - given_tokens)
    expected, known = last, None
    for usage, pieces, its in attempts:
        prompt = asked + its
        guess = Usage(prompt, pieces, prompt + pieces, estimated=True)
        expected = add_usage(expected, guess if usage is None else usage)
        so_far = Usage(0, pieces, pieces, estimated=True) if usage is None else usage
        known = so_far if known is None else add_usage(known, so_far)
    assert spent.total(last, given_tokens) == expected
    assert spent.so_far() == known
    assert expected.estimated == (last.estimated or any(u is None or u.estimated for u, _, _ in attempts))
    # To ask changes nothing, neither here nor in what was told.
    assert spent.total(last, given_tokens) == expected
    assert replace(last) == last
