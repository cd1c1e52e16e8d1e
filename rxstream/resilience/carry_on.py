"""Go on with an answer that somebody else has begun to read, and cannot read any more."""

from typing import TypeVar

from reactivex import Observable

from rxstream.resilience.attempts import Plan
from rxstream.resilience.backoff import Backoff, is_transient
from rxstream.resilience.retried import Retried
from rxstream.sansio.delivered import Delivered

__all__ = ("carry_on",)

T = TypeVar("T")


def carry_on(source: Observable[T], delivered: Delivered) -> Observable[T]:
    """Return the rest of the answer of which so much has been delivered, nothing doubled and nothing missing.

    The rungs are those of ``retry_stream``: the provider goes on, the model continues its own words, or the
    same is asked again and aligned; a source behind a ``retry_stream`` goes on by that one's plan. One
    attempt: a source that shall have more has its own ``retry_stream``. Chunks are numbered behind those that
    were delivered, and usage counts those.

    Raises AnswerChanged if no rung holds, and what the source raises.
    """
    plan = Plan(1, Backoff(base=0), is_transient, ("server", "continue", "align"), False, None, 0.0)
    return Retried(source, plan, delivered)
