"""Which call a piece of a tool call belongs to.

By the wire's rules its ``index`` says so. Servers leave that out, give all calls the index 0, or count
something else with it; some give ids and names once, some with every piece, some never. So a piece
belongs to the call of its id, else to the one of its index, else to the one that the last piece belonged
to; and it begins another call if it cannot belong to that one:

* its id is another one. (Some servers make up an id for every piece. Without a name such an id is none, as
  long as the call of the same index can take the piece: it has a name, and its arguments are not whole JSON.)
* its name is another one. (Names come whole. If a call's own id comes with it, the first name stands,
  unless the arguments are whole JSON already.)
* its name is the same, there is no id to say that the call is, and the arguments were whole JSON before it.
  If it has none itself, then the next one with arguments begins the call, and if none comes, it was the
  name once more.

An index that was never seen before begins a call only together with an id or a name.
"""

from typing import Final

from rxstream.items import ToolCallDelta
from rxstream.sansio.json_grammar import BLANK, Broken, Grammar

__all__ = ("Call", "Calls")

#: Whoever wants a bound on the depth has a grammar of his own.
_NO_BOUND: Final = 1 << 60


class Call:
    """One tool call, in pieces. ``index`` counts the calls in the order in which they began."""

    __slots__ = ("_broken", "_grammar", "_looked_at", "again", "arguments", "id", "index", "name", "places")

    def __init__(self, index: int) -> None:
        self.index = index
        self.id: str | None = None
        self.name = ""
        #: The pieces of the arguments' JSON text.
        self.arguments: list[str] = []
        #: How many of the wire's indices lead here.
        self.places = 0
        #: Whether the name has come again behind the end of the arguments.
        self.again = False
        # Made when it is asked for, which for most answers it never is.
        self._grammar: Grammar | None = None
        self._looked_at = 0
        self._broken = False

    def is_whole(self) -> bool:
        """Tell whether the arguments are one whole JSON value. Each piece is looked at once, if at all."""
        grammar = self._grammar
        if grammar is None:
            grammar = self._grammar = Grammar(max_depth=_NO_BOUND)
        pieces = self.arguments
        while self._looked_at < len(pieces) and not (grammar.over or self._broken):
            piece = grammar.resumed(pieces[self._looked_at])
            self._looked_at += 1
            try:
                grammar.take(piece)
            except Broken:
                self._broken = True
        return grammar.over


class Calls:
    """The tool calls of one choice of an answer."""

    __slots__ = ("_by_id", "_by_index", "_last", "all", "lost")

    def __init__(self) -> None:
        #: The calls in the order in which they began.
        self.all: list[Call] = []
        #: Those that the last piece has put out of reach: no later one can belong to them.
        self.lost: tuple[Call, ...] = ()
        self._by_id: dict[str, Call] = {}
        self._by_index: dict[int, Call] = {}
        self._last: Call | None = None

    def add(self, delta: ToolCallDelta) -> Call:
        """Add a piece to the call that it belongs to; give that call."""
        call = self.find(delta)
        if call is None or _begins_another(call, delta):
            call = self._begin(delta, call)
        if delta.id and call.id is None:
            call.id = delta.id
            self._by_id[delta.id] = call
        # The first name stands: servers send it whole, and some send it again with every piece.
        if delta.name and not call.name:
            call.name = delta.name
        if delta.arguments:
            call.arguments.append(delta.arguments)
        self._lead(delta.index, call)
        return call

    def find(self, delta: ToolCallDelta) -> Call | None:
        """Find the call that a piece leads to, if to any; it may begin another one all the same."""
        last = self._last
        call = last if delta.index is None else self._by_index.get(delta.index)
        if delta.id:
            if call is not None and call.id == delta.id:
                return call
            return self._by_id.get(delta.id, call)
        if call is not None or last is None or delta.name:
            return call
        # Nothing but an index that is new: that alone is no call, while the last one can take the piece.
        takes = last.again or not delta.arguments.strip(BLANK) or not last.is_whole()
        return last if takes else None

    def _begin(self, delta: ToolCallDelta, before: Call | None) -> Call:
        call = Call(len(self.all))
        self.all.append(call)
        if before is not None and before.again:
            before.again = False
            call.name = delta.name or before.name
        return call

    def _lead(self, index: int | None, call: Call) -> None:
        """Let the index lead to the call, and see which calls nothing leads to any more."""
        last, self._last = self._last, call
        there = None
        if index is not None:
            there = self._by_index.get(index)
            if there is not call:
                self._by_index[index] = call
                call.places += 1
                if there is not None:
                    there.places -= 1
        if last is call and (there is call or there is None):
            self.lost = ()
            return
        left = (last,) if there is last else (last, there)
        self.lost = tuple(
            [one for one in left if one is not None and one is not call and not one.places and one.id is None]
        )


def _begins_another(call: Call, delta: ToolCallDelta) -> bool:
    """Tell whether a piece cannot belong to the call that its id, its index or the last piece leads to."""
    if delta.id and call.id is not None and delta.id != call.id:
        if delta.name or delta.index is None or not call.name:
            return True
        return bool(delta.arguments.strip(BLANK)) and call.is_whole()
    if not call.name:
        return False
    same = bool(delta.id) and delta.id == call.id
    if delta.name and delta.name != call.name:
        return not same or call.is_whole()
    if not delta.arguments.strip(BLANK):
        if delta.name and not same and call.is_whole():
            call.again = True
        return False
    if call.again:
        return True
    return bool(delta.name) and not same and call.is_whole()
