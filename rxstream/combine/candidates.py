"""Several streams for one answer: the first that says something wins, and the others are let go."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from reactivex import Observable, abc
from reactivex.disposable import Disposable, SerialDisposable, SingleAssignmentDisposable

from rxstream.combine.opening import Opening
from rxstream.engine.scope import Scope
from rxstream.errors import AllStreamsFailed, StreamError, UsageError
from rxstream.items import StreamResult, Usage
from rxstream.sansio.content import has_content

__all__ = ("Candidates", "Lost", "OnLost")


@dataclass(slots=True)
class Lost:
    """A stream that did not win: it failed, or another one was faster.

    ``race_streams`` and ``hedge_stream`` give it to their ``on_lost``.

    ``source``: its place among the streams, from 0. ``partial``: as much of its answer as is known, a
    StreamResult; not what its provider had written and nobody has read. ``error``: why it failed, an
    EmptyStream if it ended without content; None if it was only too slow. ``usage``: what it cost, as its
    provider says, or, marked ``estimated``, what can be guessed.
    """

    source: int
    partial: StreamResult
    error: Exception | None
    usage: Usage


OnLost = Callable[[Lost], object]


class Candidates(abc.DisposableBase):
    """One subscription: streams that compete, all at once or one more every ``after`` seconds."""

    def __init__(
        self,
        operator: str,
        streams: Iterable[Observable[Any]],
        observer: abc.ObserverBase[Any],
        scope: Scope,
        *,
        on_lost: OnLost | None,
        after: float | None = None,
    ) -> None:
        self._operator = operator
        self._waiting = deque(streams)
        self._count = len(self._waiting)
        self._observer = observer
        self._scope = scope
        self._on_lost = on_lost
        self._after = after
        self._live: dict[_Candidate, None] = {}
        self._winner: _Candidate | None = None
        self._errors: dict[int, Exception] = {}
        self._timer = SerialDisposable()

    def start(self) -> None:
        """Subscribe to all streams; with ``after``, to the first of them."""
        if self._after is None:
            while self._waiting:
                self._start_next()
        else:
            self._start_next()
            # In the pump's next turn: that is when the reader asks for something, and the stream is opened.
            self._timer.disposable = self._scope.schedule(self._set_timer)

    def dispose(self) -> None:
        """Let all streams go."""
        self._waiting.clear()
        self._timer.dispose()
        live, self._live = self._live, {}
        for candidate in live:
            candidate.subscription.dispose()

    # ------------------------------------------------------------ starting

    def _start_next(self) -> None:
        stream = self._waiting.popleft()
        candidate = _Candidate(self._count - len(self._waiting) - 1)
        self._live[candidate] = None
        observer = self._observer

        def on_next(item: Any) -> None:
            if self._winner is candidate:
                observer.on_next(item)
            elif candidate in self._live:
                if has_content(item):
                    self._win(candidate, item)
                else:
                    candidate.opening.add(item)

        def on_error(error: Exception) -> None:
            self._end(candidate, error)

        def on_completed() -> None:
            self._end(candidate, None)

        candidate.subscription.disposable = stream.subscribe(
            on_next, on_error, on_completed, scheduler=self._scope
        )

    def _set_timer(self, *_: object) -> None:
        if self._waiting and self._after is not None:
            self._timer.disposable = self._scope.schedule_relative(self._after, self._on_timer)
        else:
            # The pump pulls a single source itself only if no timer is pending.
            self._timer.disposable = Disposable()

    def _on_timer(self, *_: object) -> None:
        self._start_next()
        self._set_timer()

    # ------------------------------------------------------------ ending

    def _win(self, winner: "_Candidate", item: Any) -> None:
        self._winner = winner
        self._waiting.clear()
        self._timer.dispose()
        del self._live[winner]
        losers, self._live = self._live, {winner: None}
        for loser in losers:
            loser.subscription.dispose()
        if not self._tell([loser.lost(None) for loser in losers]):
            return
        for kept in winner.opening.items:
            self._observer.on_next(kept)
        winner.opening = Opening()
        self._observer.on_next(item)

    def _end(self, candidate: "_Candidate", error: Exception | None) -> None:
        if candidate not in self._live:
            return
        if self._winner is candidate:
            if error is None:
                self._observer.on_completed()
            else:
                self._observer.on_error(error)
            return
        if isinstance(error, UsageError):
            # The program is wrong, not the stream: another stream's answer must not hide that.
            self._fail(error)
            return
        del self._live[candidate]
        if error is None:
            error = candidate.opening.nothing_came(f"stream {candidate.number} of {self._operator}")
        self._errors[candidate.number] = error
        if not self._tell([candidate.lost(error)]):
            return
        if self._waiting:
            if self._after is not None:
                self._on_timer()
        elif not self._live:
            errors = [self._errors[number] for number in sorted(self._errors)]
            self._fail(AllStreamsFailed(f"no stream of {self._operator} gave any content", errors))

    def _tell(self, lost: Sequence[Lost]) -> bool:
        """Call the hook for each; what it raises is the stream's error, and False is returned."""
        if self._on_lost is None:
            return True
        raised: Exception | None = None
        for one in lost:
            try:
                self._on_lost(one)
            except Exception as error:  # noqa: BLE001 - it is the stream's
                if raised is None:
                    raised = error
                else:
                    raised.add_note(f"on_lost then failed for stream {one.source}, too: {error!r}")
        if raised is not None:
            self._fail(raised)
        return raised is None

    def _fail(self, error: Exception) -> None:
        self.dispose()
        self._observer.on_error(error)


class _Candidate:
    """One stream, before it has won or is out."""

    __slots__ = ("number", "opening", "subscription")

    def __init__(self, number: int) -> None:
        self.number = number
        self.opening = Opening()
        self.subscription = SingleAssignmentDisposable()

    def lost(self, error: Exception | None) -> Lost:
        """Say how far it came."""
        partial = self.opening.partial()
        if isinstance(error, StreamError) and partial == StreamResult(""):
            # An operator in front of us, such as one that waits for whole sentences, may have held it back.
            partial = error.partial
        return Lost(self.number, partial, error, partial.usage or _estimate(partial))


def _estimate(partial: StreamResult) -> Usage:
    """Guess what was written, at four characters a token; the prompt nobody knows."""
    tokens = -(-(len(partial.content) + len(partial.reasoning)) // 4)
    return Usage(completion_tokens=tokens, total_tokens=tokens, estimated=True)
