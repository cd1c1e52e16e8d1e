"""How much text comes out when, so that bursts become an even flow; it is told the time and has no clock."""

from collections import deque
from math import ceil, inf
from typing import Any, Final

from rxstream.items import Restarted, StreamChunk
from rxstream.sansio.graphemes import Graphemes
from rxstream.sansio.pieces import Piece, Run, atom
from rxstream.sansio.texts import refusal

__all__ = ("Pacer",)

#: Of a tick, and of a character: sums are rounded.
_SLACK: Final = 1e-6
#: Text is taken apart in blocks, so that a huge piece needs no huge list.
_BLOCK: Final = 4096


class Pacer:
    """Items of text in, slices of them out: ``add`` what comes, and ask at ``next_at`` what is ``due``.

    Text comes out at ticks, ``interval`` seconds apart. At each tick as much as it takes that every piece is
    out ``max_lag`` seconds after it came, and at least what would halve the usual lag: the more waits, the
    faster it flows. A tick that comes late gives what all the ticks missed would have given. If one was late,
    its reader was away, and what is added just behind it is taken to have waited as long.

    The last cluster of the text so far may still grow, so it waits for the next one; but not longer than
    ``max_lag``, and not behind a finish reason, in front of reasoning, a refusal or a tool call, or where the
    next text is another choice's.
    """

    __slots__ = (
        "_ahead",
        "_came",
        "_choice",
        "_deadlines",
        "_expected",
        "_interval",
        "_late",
        "_late_at",
        "_machine",
        "_max_lag",
        "_most",
        "_operator",
        "_out",
        "_owner",
        "_pieces",
        "_share",
        "_tail",
        "_tail_length",
        "_tick",
        "_watching",
    )

    def __init__(self, *, max_lag: float, interval: float, operator: str = "Pacer()") -> None:
        self._max_lag = max_lag
        self._interval = interval
        self._operator = operator
        #: Of what waits, a tick gives this part at least.
        self._share = min(1.0, 2 * interval / max_lag)
        self._most = ceil(max_lag / interval) + 1
        #: Characters, in all.
        self._came = 0
        self._out = 0
        #: The last tick, and whether there shall be one more though nothing waits: is the reader still there?
        self._tick = -inf
        self._watching = False
        #: When the next tick was to come, and by how much the last that came late did.
        self._expected = inf
        self._late = 0.0
        self._late_at = -inf
        self._begin()

    def _begin(self) -> None:
        self._pieces: deque[Piece] = deque()
        #: When how many characters must be out, counted from the first of all.
        self._deadlines: deque[list[float]] = deque()
        self._choice: int | None = None
        self._begin_text()

    def _begin_text(self) -> None:
        self._machine = Graphemes()
        #: What the machine holds: how much of that is out already, the rest, and in which piece that begins.
        self._ahead = 0
        self._tail: list[str] = []
        self._tail_length = 0
        self._owner: Piece | None = None

    @property
    def waiting(self) -> int:
        """How many characters wait."""
        return self._came - self._out

    @property
    def is_empty(self) -> bool:
        """Whether no item waits."""
        return not self._pieces

    # ------------------------------------------------------------ what comes

    def add(self, now: float, item: object) -> None:
        """Take an item; ask at once what is due. Raises TypeError for one that is no text."""
        if isinstance(item, StreamChunk):
            text = item.content
            if item.reasoning or (text and item.choice != self._choice):
                self._end_text()
            if text:
                self._choice = item.choice
            self._add_text(now, item, text)
            if item.tool_calls or item.refusal or (item.finish_reason and item.choice == self._choice):
                self._end_text()
        elif isinstance(item, str):
            if self._choice is not None:
                self._end_text()
                self._choice = None
            if item:
                self._add_text(now, item, item)
        elif isinstance(item, Restarted):
            self._out = self._came
            self._begin()
            self._pieces.append(Piece(item))
        else:
            raise refusal(self._operator, item)

    def finish(self) -> None:
        """Learn that the input is over: no cluster can grow any more."""
        self._end_text()

    def flush(self) -> list[Any]:
        """Give all that waits."""
        self._end_text()
        return self._cut(inf)

    def _add_text(self, now: float, item: Any, text: str) -> None:
        if text:
            came = now - self._late if now - self._late_at < self._interval else now
            if self.waiting == self._tail_length:
                # Time in which there was nothing to give was no reason to hurry.
                self._tick = max(self._tick, now - self._interval) if came == now else came - self._interval
            self._came += len(text)
            self._note_deadline(came + self._max_lag)
        piece = Piece(item)
        for start in range(0, len(text), _BLOCK):
            self._feed(piece, text[start : start + _BLOCK])
        if piece.runs or piece.is_open or isinstance(item, StreamChunk):
            self._pieces.append(piece)

    def _note_deadline(self, deadline: float) -> None:
        """Put together what came between two ticks: then a tick costs the same however many pieces wait."""
        deadlines = self._deadlines
        if deadlines and deadline - deadlines[-1][0] < self._interval:
            deadlines[-1][1] = self._came
        else:
            deadlines.append([deadline, self._came])

    def _feed(self, piece: Piece, text: str) -> None:
        """Give the piece what of its text is whole; the first cluster may be one that began before it."""
        clusters = list(self._machine.feed(text))
        if not clusters:
            self._tail.append(text)
            self._tail_length += len(text)
            if self._owner is None:
                self._own(piece)
            return
        held = self._ahead + self._tail_length + len(text) - sum(map(len, clusters))
        if self._owner is not None or self._ahead:
            first = clusters.pop(0)[self._ahead :]
            owner = self._owner or piece
            owner.is_open = False
            if first:
                owner.runs.append(atom(first))
        if clusters:
            piece.runs.append(Run(clusters))
        self._ahead = 0
        self._owner = None
        self._tail = [text[len(text) - held :]] if held else []
        self._tail_length = held
        if held:
            self._own(piece)

    def _own(self, piece: Piece) -> None:
        self._owner = piece
        piece.is_open = True

    def _end_text(self) -> None:
        """Let the last cluster go: nothing behind it belongs to it."""
        self._let_go()
        self._begin_text()

    def _let_go(self) -> None:
        """Let the last cluster go as it is; what comes may show that it was cut."""
        if self._owner is not None:
            self._owner.is_open = False
            self._owner.runs.append(atom("".join(self._tail)))
            self._owner = None
            self._ahead += self._tail_length
            self._tail.clear()
            self._tail_length = 0

    # ------------------------------------------------------------ what goes

    def next_at(self) -> float | None:
        """Say when to ask again for what is due; None: when something has come."""
        if self.waiting > self._tail_length or self._watching:
            return self._tick + self._interval
        if not self._tail_length:
            return None
        # Only the last cluster waits: for the last tick at which it is not too late.
        ticks = int((self._deadlines[0][0] - self._tick) / self._interval + _SLACK)
        return self._tick + max(1, ticks) * self._interval

    def due(self, now: float) -> list[Any]:
        """Give what has to come out by now."""
        if now - self._expected >= self._interval:
            self._late, self._late_at = now - self._expected, now
        found: list[Any] = []
        ticks = 0
        if self.waiting or self._watching:
            ticks = int((now - self._tick) / self._interval + _SLACK)
        if ticks > 0:
            wanted = self._wanted(ticks)
            self._tick += ticks * self._interval
            before = self._out
            found = self._cut(wanted)
            self._watching = self._out > before
        elif self._pieces:
            found = self._cut(0)
        at = self.next_at()
        self._expected = inf if at is None else at
        return found

    def _wanted(self, ticks: int) -> int:
        """Say how many characters the next so many ticks have to give."""
        out = self._out
        # Further back than any deadline, nothing is of interest.
        for back in range(min(ticks, self._most) - 1, -1, -1):
            out += self._wanted_at(self._tick + (ticks - back) * self._interval, out)
        return out - self._out

    def _wanted_at(self, tick: float, out: int) -> int:
        """Say how many characters this tick has to give, if so many are out already."""
        wanted = (self._came - out) * self._share
        overdue = 0
        for deadline, upto in self._deadlines:
            left = int((deadline - tick) / self._interval + _SLACK) + 1
            if left <= 1:
                overdue = int(upto) - out
            else:
                wanted = max(wanted, (upto - out) / left)
        if overdue > self._came - out - self._tail_length:
            self._let_go()
        return min(max(overdue, ceil(wanted - _SLACK)), self._came - out - self._tail_length)

    def _cut(self, wanted: float) -> list[Any]:
        """Give so many characters, and every item without text that has none before it any more."""
        pieces = self._pieces
        found: list[Any] = []
        while pieces:
            piece = pieces[0]
            text = ""
            if piece.runs:
                if wanted <= 0:
                    break
                text = piece.cut(wanted)
                wanted -= len(text)
                self._out += len(text)
            if not piece.runs and not piece.is_open:
                pieces.popleft()
                found.append(piece.last(text))
                continue
            if text:
                found.append(piece.slice(text))
            if piece.is_open and not piece.runs:
                break
        while self._deadlines and self._deadlines[0][1] <= self._out:
            self._deadlines.popleft()
        return _run_together(found)


def _run_together(items: list[Any]) -> list[Any]:
    """Make one of the texts in a row: they come out at the same time."""
    if len(items) < 2:
        return items
    found: list[Any] = []
    texts: list[str] = []
    for item in items:
        if isinstance(item, str):
            texts.append(item)
            continue
        if texts:
            found.append("".join(texts))
            texts.clear()
        found.append(item)
    if texts:
        found.append("".join(texts))
    return found
