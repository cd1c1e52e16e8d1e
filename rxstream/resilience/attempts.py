"""One subscription of ``retry_stream``: attempt after attempt, until one holds."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from reactivex import Observable, abc

from rxstream.engine.resumable import ResumableObservable
from rxstream.engine.scope import Scope
from rxstream.errors import AnswerChanged, StreamError, StreamTruncated
from rxstream.items import Attempt, Restarted, StreamChunk, Usage
from rxstream.resilience.backoff import retry_after
from rxstream.sansio.content import has_content
from rxstream.sansio.delivered import Delivered
from rxstream.sansio.joint import Aligned, Joint, PassedOn, is_in_line
from rxstream.sansio.spent import Spent
from rxstream.sansio.texts import carries_more

__all__ = ("Attempts", "Plan")


class Plan(NamedTuple):
    """What the user asked for."""

    attempts: int
    wait: Callable[[int], float]
    judge: Callable[[Exception], bool]
    #: The rungs that may be tried, in order; or a function from what came and the error to the rest.
    ladder: tuple[str, ...] | Callable[..., Observable[Any] | None]
    #: Whether thoughts must be the same, too, where the same is asked again.
    strict: bool
    on_attempt: Callable[[Attempt], object] | None
    max_retry_after: float


class Attempts(abc.DisposableBase):
    """Subscribe to a source; when it fails, to what goes on behind what was delivered."""

    def __init__(
        self,
        source: Observable[Any],
        plan: Plan,
        observer: abc.ObserverBase[Any],
        scope: Scope,
        delivered: Delivered | None = None,
    ) -> None:
        self._source = source
        self._plan = plan
        self._observer = observer
        self._scope = scope
        self._delivered = Delivered() if delivered is None else delivered
        self._spent = Spent()
        self._number = 1
        self._errors: list[Exception] = []
        #: Rungs that this source has been found not to stand on.
        self._refused: set[str] = set()
        self._disposed = False
        self._subscription: abc.DisposableBase | None = None
        self._current = _Attempt("first", source, PassedOn())
        self._timer: abc.DisposableBase | None = None
        if delivered is not None:
            self._carry_on()
            return
        if plan.on_attempt is not None:
            # In the pump's first turn: before it, nothing is asked for.
            self._timer = scope.schedule(self._tell_first)
        self._listen(self._first_next)

    def dispose(self) -> None:
        """Let the attempt go, or the wait for the next one."""
        self._disposed = True
        if self._timer is not None:
            self._timer.dispose()
        self._let_go()

    # ------------------------------------------------------------ an attempt

    def _listen(self, on_next: abc.OnNext[Any]) -> None:
        current = self._current
        subscription = current.source.subscribe(
            on_next, lambda error: self._failed(current, error), self._completed, scheduler=self._scope
        )
        if current is self._current and not self._disposed:
            self._subscription = subscription
        else:
            subscription.dispose()  # it was over before it was known

    def _let_go(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            subscription.dispose()

    def _first_next(self, item: Any) -> None:
        """Pass an item of the first attempt: it runs for every item, and mostly nothing else does."""
        if item.__class__ is Restarted:
            self._delivered = Delivered()
        else:
            self._delivered.add(item)
        self._observer.on_next(item)

    def _next(self, item: Any) -> None:
        """Pass what is new in an item of a later attempt."""
        current = self._current
        if current.over:
            return
        current.note(item)
        try:
            for rest in current.joint.feed(item):
                self._give(rest)
        except AnswerChanged as changed:
            self._failed(current, changed)

    def _completed(self) -> None:
        current = self._current
        if current.over:
            return
        try:
            for rest in current.joint.close():
                self._give(rest)
        except AnswerChanged as changed:
            self._failed(current, changed)
            return
        current.over = True
        self._observer.on_completed()

    def _give(self, item: Any) -> None:
        delivered = self._delivered
        if item.__class__ is Restarted:
            self._delivered = Delivered()
        elif isinstance(item, StreamChunk):
            if not is_in_line(self._current.joint):
                item = self._in_line(item)
            if item is None:
                return
            delivered.add(item)
        else:
            delivered.add(item)
        self._current.gave = self._current.gave or has_content(item)
        self._observer.on_next(item)

    def _in_line(self, chunk: StreamChunk) -> StreamChunk | None:
        """Make a chunk of a later attempt one of the whole answer; None if that leaves nothing of it."""
        delivered = self._delivered
        role = chunk.role
        if role is not None and delivered.passed:
            chunk = replace(chunk, role=None)
            if not chunk.content and not carries_more(chunk):
                return None
        usage = chunk.usage
        several = len(delivered.answer.choices) > 1
        # Of several choices each has its own count, and those are added up.
        if usage is not None and not (several and self._current.told):
            usage = self._spent.total(usage, self._current.given)
            self._current.told = True
        return replace(chunk, index=delivered.passed, usage=usage)

    # ------------------------------------------------------------ between attempts

    def _carry_on(self) -> None:
        """Begin behind what somebody else has delivered: that one's attempt is the first, and has failed."""
        # It does not count as one of those that the user asked for.
        self._plan = self._plan._replace(attempts=self._plan.attempts + 1)
        self._failed(
            self._current,
            StreamTruncated("whoever read this answer before is gone", partial=self._delivered.partial()),
            waits=False,
        )

    def _failed(self, current: "_Attempt", error: Exception, *, waits: bool = True) -> None:
        if current.over or self._disposed:
            return
        current.over = True
        self._let_go()
        plan = self._plan
        self._account(current)
        self._errors.append(error)
        # A rung that does not hold is left for the next one, whatever its error is like.
        broken = isinstance(error, AnswerChanged) or (
            current.rung in {"server", "continue", "align"} and not current.gave and not plan.judge(error)
        )
        if broken:
            self._refused.add(current.rung)
        if (waits and not broken and not plan.judge(error)) or self._number >= plan.attempts:
            self._give_up(error)
            return
        following = self._choose(error)
        delay = self._delay(error) if waits and not broken else 0.0
        if following is None or delay is None:
            self._give_up(error)
            return
        self._number += 1
        self._current = following
        if plan.on_attempt is not None:
            partial = self._delivered.partial()
            self._tell(Attempt(self._number, following.rung, delay, error, partial))
            if self._disposed:
                return
        self._timer = self._scope.schedule_relative(delay, self._begin)

    def _begin(self, *_: object) -> None:
        if self._current.rung == "restart":
            self._delivered = Delivered()
            self._observer.on_next(Restarted(self._number, self._errors[-1]))
        self._listen(self._next)

    def _choose(self, error: Exception) -> "_Attempt | None":
        """Find the next attempt."""
        delivered, ladder = self._delivered, self._plan.ladder
        if not delivered.pieces:
            return _Attempt("again", self._source, PassedOn())
        if callable(ladder):
            rest = ladder(delivered.partial(), error)
            return None if rest is None else _Attempt("own", rest, PassedOn())
        for rung in ladder:
            found = None if rung in self._refused else self._step(rung)
            if found is not None:
                return found
        return None

    def _step(self, rung: str) -> "_Attempt | None":
        source = self._source
        if rung == "restart":
            return _Attempt(rung, source, PassedOn())
        if rung == "align":
            return _Attempt(rung, source, Aligned(self._delivered, strict=self._plan.strict))
        if not isinstance(source, ResumableObservable):
            return None
        continuation = source.resume("server" if rung == "server" else "continue", self._delivered)
        if continuation is None:
            return None
        given = self._delivered.pieces if rung == "continue" else 0
        return _Attempt(rung, *continuation, given=given)

    def _delay(self, error: Exception) -> float | None:
        """Return the seconds to wait; None for longer than anybody would."""
        asked = retry_after(error)
        if asked is not None and asked > self._plan.max_retry_after:
            error.add_note(
                f"retry_stream() did not wait: the server asks for {asked:g} s, and max_retry_after is "
                f"{self._plan.max_retry_after:g} s."
            )
            return None
        return max(self._plan.wait(self._number), asked or 0.0)

    def _account(self, attempt: "_Attempt") -> None:
        """Add an attempt that has failed to what was spent, if it had come to anything."""
        if attempt.rung == "first":
            delivered = self._delivered
            attempt.items, attempt.pieces = delivered.passed, delivered.pieces
            attempt.usage = delivered.answer.usage
        several = len(self._delivered.answer.choices) > 1
        if attempt.items and not (several and attempt.usage is not None):
            # Of several choices a count that was delivered is added up by whoever reads it.
            self._spent.add(attempt.usage, attempt.pieces, attempt.given)

    def _give_up(self, error: Exception) -> None:
        if isinstance(error, StreamError):
            error.partial = self._delivered.partial()
            if self._number > 1:
                usage = self._spent.so_far()
                error.partial.usage = usage
                error.partial.total_tokens = 0 if usage is None else usage.total_tokens
        *before, _ = self._errors
        for number, one in enumerate(before, 1):
            error.add_note(f"Attempt {number} of {self._plan.attempts} ended in {type(one).__name__}: {one}")
        if before and error.__cause__ is None and isinstance(error, AnswerChanged):
            error.__cause__ = before[-1]
        self._observer.on_error(error)

    def _tell_first(self, *_: object) -> None:
        self._tell(Attempt(1, "first"))

    def _tell(self, attempt: Attempt) -> None:
        assert self._plan.on_attempt is not None
        try:
            self._plan.on_attempt(attempt)
        except Exception as error:  # noqa: BLE001 - it ends the stream, as any function of the user's does
            self._current.over = True
            self.dispose()
            self._observer.on_error(error)


class _Attempt:
    """One attempt, and what came of it."""

    __slots__ = ("gave", "given", "items", "joint", "over", "pieces", "rung", "source", "told", "usage")

    def __init__(self, rung: str, source: Observable[Any], joint: Joint, *, given: int = 0) -> None:
        self.rung = rung
        self.source = source
        self.joint = joint
        #: Tokens of the answer that it was given to go on with.
        self.given = given
        self.over = False
        #: Whether anything with content has been delivered of it.
        self.gave = False
        #: Whether the usage of all attempts has been told in it.
        self.told = False
        self.items = 0
        self.pieces = 0
        self.usage: Usage | None = None

    def note(self, item: Any) -> None:
        """Take note of an item, delivered or not."""
        self.items += 1
        if has_content(item):
            self.pieces += 1
        if isinstance(item, StreamChunk) and item.usage is not None:
            self.usage = item.usage
