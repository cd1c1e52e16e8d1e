"""Another attempt at an answer that broke off, without saying anything twice."""

from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias, TypeVar, get_args

from reactivex import Observable

from rxstream.engine.arguments import check_count, check_function, check_number
from rxstream.engine.pipeline import named
from rxstream.errors import UnknownName
from rxstream.items import Attempt, StreamResult
from rxstream.resilience.attempts import Plan
from rxstream.resilience.backoff import Backoff, is_transient
from rxstream.resilience.retried import Retried

__all__ = ("retry_stream",)

T = TypeVar("T")

Resume: TypeAlias = Literal["auto", "server", "continue", "align", "restart", "never"]
Resumer: TypeAlias = Callable[[StreamResult, Exception], Observable[Any] | None]
RetryOn: TypeAlias = type[Exception] | tuple[type[Exception], ...] | Callable[[Exception], bool]

_RESUMES: Final[tuple[str, ...]] = get_args(Resume)
#: What is tried, in this order.
_LADDERS: Final[dict[str, tuple[str, ...]]] = {
    "auto": ("server", "continue", "align"),
    **{name: (name,) for name in ("server", "continue", "align", "restart")},
    "never": (),
}


@named
def retry_stream(
    attempts: int = 3,
    *,
    backoff: Callable[[int], float] | float | None = None,
    retry_on: RetryOn | None = None,
    resume: Resume | Resumer = "auto",
    on_attempt: Callable[[Attempt], object] | None = None,
    max_retry_after: float = 60.0,
) -> Callable[[Observable[T]], Observable[T]]:
    """Go on after a failure, without saying anything twice.

        --'Hel'--#
        retry_stream(2, retry_on=OSError, backoff=lambda retry: 1)
        --'Hel'------------#

        from rxstream.testing import Fault, faulty_recording

        answer = faulty_recording("01-prose", Fault.reset(after_events=20))  # the first attempt breaks off
        whole = answer.pipe(rxs.retry_stream(5, backoff=0, on_attempt=lambda attempt: print(attempt.rung)))
        print(rxs.run(whole.pipe(rxs.buffer_sentences()))[1][:16])
        #> first
        #> align
        #> People are drawn

    As long as no content has been delivered, it is a plain retry. Behind that, ``resume`` says how the reader
    gets the rest of one answer, nothing doubled and nothing missing:

    * "auto": the first of the next three that the source can stand on.
    * "server": the provider goes on at a position (Responses API with ``background=True``, ``from_sse`` where
      events have ids).
    * "continue": the model is asked again, with the text so far as its own words, and a lower token limit;
      what it repeats is dropped. See ``continuation`` of ``from_chat``. Text and JSON, of one choice.
    * "align": it is asked the same again, and as much dropped as had been delivered. Where the new answer
      differs, AnswerChanged: this is for temperature 0, and for tool calls. Thoughts may differ, unless it
      was asked for by name: the rest of them is then dropped.
    * "restart": begin anew, and say so: a ``Restarted`` item goes down the chain, on which operators of ours
      start afresh, ``collect`` and its like drop what they have, and so must the reader. Never by itself.
    * "never": the error comes out. Or a function from the partial StreamResult and the error to an
      Observable of the rest, which passes unchanged; None for no more.

    Put it right behind the source (``timeout_stream``, ``measure_stream``, ``backpressure`` and
    ``fallback_to`` may stand between): behind any other operator nothing is known of the request, and only
    "align" and "restart" can be.

    ``attempts``: how many in all. ``backoff``: seconds before the n-th retry, a function or a number (by
    default ``Backoff()``: exponential, full jitter); Retry-After counts for more, and above
    ``max_retry_after`` seconds the error comes out. ``retry_on``: exception classes, or a function that
    judges an error; by default what is transient: connections that died, timeouts, truncation, 408, 409, 429,
    5xx. ``on_attempt`` is told of every attempt before it begins, as an ``Attempt``.

    An attempt is closed before the next one opens. The usage that comes is that of all attempts; an attempt
    that was cut off tells none, so it is estimated, and marked. ``index`` counts on. When nothing holds, the
    last error comes out: with all that was delivered as ``partial``, and notes on the attempts. Memory: the
    text of the answer. Before anything is read a client of the ``openai`` package retries by itself
    (``max_retries``).

    Raises ValueError, TypeError and UnknownName for wrong arguments. To ask another model there is
    ``fallback_to``, to ask again where the first is only slow ``hedge_stream``.
    """
    check_count("retry_stream()", "attempts, the first one counted,", attempts)
    check_number("retry_stream()", "max_retry_after", max_retry_after, zero=True)
    check_function(
        "retry_stream()", "on_attempt", on_attempt, "a function that takes an Attempt", optional=True
    )
    if not callable(resume) and resume not in _RESUMES:
        msg = (
            f"retry_stream(resume=...) expects one of {', '.join(map(repr, _RESUMES))}, or a function from "
            f"the partial result and the error to an Observable of the rest, and got {resume!r}"
        )
        raise UnknownName(msg)
    judge = is_transient if retry_on is None else _judge(retry_on)
    wait = _wait(backoff)

    plan = Plan(
        attempts,
        wait,
        judge,
        resume if callable(resume) else _LADDERS[resume],
        resume == "align",
        on_attempt,
        max_retry_after,
    )

    return lambda source: Retried(source, plan)


def _wait(backoff: Any) -> Callable[[int], float]:
    if backoff is None:
        return Backoff()
    if isinstance(backoff, int | float) and backoff >= 0:
        seconds = float(backoff)
        return lambda _retry: seconds
    if callable(backoff):
        return backoff  # type: ignore[no-any-return]
    msg = (
        f"retry_stream(backoff=...) expects seconds, or a function from the number of a retry to seconds, "
        f"such as Backoff(), and got {backoff!r}"
    )
    raise TypeError(msg)


def _judge(retry_on: Any) -> Callable[[Exception], bool]:
    several: Any = tuple
    classes: Any = retry_on if isinstance(retry_on, several) else (retry_on,)
    if all(isinstance(one, type) and issubclass(one, Exception) for one in classes):
        return lambda error: isinstance(error, classes)
    if callable(retry_on) and not isinstance(retry_on, type):
        return retry_on  # type: ignore[no-any-return]
    msg = (
        f"retry_stream(retry_on=...) expects exception classes, or a function from an error to a bool, and "
        f"got {retry_on!r}"
    )
    raise TypeError(msg)
