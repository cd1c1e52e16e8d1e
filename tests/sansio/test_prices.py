import pytest

from rxstream.items import Usage
from rxstream.sansio.prices import Price, cost_of, find_price

NAMES = (
    "gpt-4",
    "gpt-4o",
    "gpt-4o-mini",
    "gpt-4o-mini-2024-07-18",
    "claude-opus-4",
    "anthropic.claude-3-5-sonnet",
)
PRICES = {name: Price(number, 0) for number, name in enumerate(NAMES)}


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-4", "gpt-4"),
        ("gpt-4o-mini", "gpt-4o-mini"),
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini-2024-07-18"),
        ("gpt-4o-mini-2025-01-01", "gpt-4o-mini"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gpt-4o-latest", "gpt-4o"),
        ("gpt-4-0613", "gpt-4"),
        ("claude-opus-4-20250514", "claude-opus-4"),
        ("claude-opus-4@20250514", "claude-opus-4"),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", "anthropic.claude-3-5-sonnet"),
        ("gpt-4o-mini-2024-07-18-001", "gpt-4o-mini-2024-07-18"),
        # Other models, which cost what nobody said:
        ("gpt-4-32k", None),
        ("gpt-4.1", None),
        ("gpt-4o-audio-preview", None),
        ("gpt-4-turbo-2024-04-09", None),
        ("claude-opus-4-1", None),
        ("claude-opus-4-1-20250805", None),
        ("gpt-3", None),
        ("", None),
        (None, None),
    ],
)
def test_a_model_has_the_price_of_the_longest_name_of_which_it_is_a_version(
    model: str | None, name: str | None
) -> None:
    assert find_price(PRICES, model) is (None if name is None else PRICES[name])


def test_an_empty_table_has_no_price() -> None:
    assert find_price({}, "gpt-4") is None


@pytest.mark.parametrize(
    ("usage", "price", "cost"),
    [
        (Usage(1_000_000, 0), Price(2, 8), 2),
        (Usage(0, 1_000_000), Price(2, 8), 8),
        (Usage(500, 100, 600), Price(0.15, 0.60), (500 * 0.15 + 100 * 0.60) / 1e6),
        (Usage(500, 100, 600, cached_tokens=400), Price(2, 8, cached=1), (100 * 2 + 400 * 1 + 100 * 8) / 1e6),
        (Usage(500, 100, 600, cached_tokens=400), Price(2, 8), (500 * 2 + 100 * 8) / 1e6),
        (Usage(500, 100, 600, cached_tokens=400), Price(2, 8, cached=0), (100 * 2 + 100 * 8) / 1e6),
        # Thought tokens are among those of the answer already.
        (Usage(0, 100, 100, reasoning_tokens=90), Price(2, 8), 100 * 8 / 1e6),
        # A provider that counts its cache apart must not make the prompt's price negative.
        (Usage(10, 0, 10, cached_tokens=400), Price(2, 8, cached=1), 10 * 1 / 1e6),
        (Usage(), Price(2, 8), 0),
    ],
    ids=str,
)
def test_the_cost(usage: Usage, price: Price, cost: float) -> None:
    assert cost_of(usage, price) == pytest.approx(cost, rel=1e-12)
