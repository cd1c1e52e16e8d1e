"""What an answer costs: prices per model, and which of them a model's full name means."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rxstream.items import Usage

__all__ = ("Price", "cost_of", "find_price")

#: What providers put behind a model's name to say which version of it: a date, a number of at least three
#: digits, "latest". Not "-mini" and not "-32k": those are other models, at other prices.
_VERSION = re.compile(r"[-@:_](?:latest|v?\d{3,}(?:[-.:_]v?\d+)*)\Z")


@dataclass(slots=True)
class Price:
    """What a model's tokens cost, in ``currency`` for a million of them.

    For ``prices`` of ``measure_stream``: ``{"gpt-4o-mini": Price(input=0.15, output=0.60, cached=0.075)}``.
    ``input``: for tokens of the prompt. ``output``: for tokens of the answer, thought ones included.
    ``cached``: for those of the prompt's tokens that the provider had in its cache; None: as the others.
    ``currency``: the sign that a summary shows before the number.
    """

    input: float
    output: float
    cached: float | None = None
    currency: str = "$"


def find_price(prices: Mapping[str, Price], model: str | None) -> Price | None:
    """Return the price under a model's name; or under the longest name of which it is a version.

    "gpt-4o-mini-2024-07-18" costs what "gpt-4o-mini" does, and "gpt-4o" says nothing of either: no price is
    better than the wrong one.
    """
    if model is None:
        return None
    if model in prices:
        return prices[model]
    known = [name for name in prices if model.startswith(name) and _VERSION.match(model, len(name))]
    return prices[max(known, key=len)] if known else None


def cost_of(usage: Usage, price: Price) -> float:
    """Return what tokens cost; of the prompt's, the cached ones at their own price."""
    cached = min(usage.cached_tokens, usage.prompt_tokens)
    fresh = usage.prompt_tokens - cached
    for_cached = price.input if price.cached is None else price.cached
    return (fresh * price.input + cached * for_cached + usage.completion_tokens * price.output) / 1_000_000
