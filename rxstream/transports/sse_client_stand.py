"""How far the streams of one source have come, for whoever goes on with one that broke off."""

from collections import deque
from copy import deepcopy
from typing import Any, Final

from rxstream.items import StreamChunk
from rxstream.sansio.delivered import Delivered
from rxstream.transports.dialects.contract import Decoder
from rxstream.transports.sse_client_place import Place

__all__ = ("Stand", "Stands")

#: Streams that were left before their end, and are remembered until somebody goes on with them.
_MOST_LEFT: Final = 32


class Stand:
    """How far a stream has come: all that another connection needs to go on."""

    __slots__ = ("begun", "decoder", "newest", "passed", "place")

    def __init__(self, decoder: Decoder, place: Place) -> None:
        self.decoder = decoder
        self.place = place
        #: Whether an event has come.
        self.begun = False
        #: Items that were given, since the last ``Restarted``, and the last of them.
        self.passed = 0
        self.newest: Any = None

    def resumed(self) -> "Stand":
        """Give what another subscription may go on from, for there may be several."""
        stand = Stand(deepcopy(self.decoder), deepcopy(self.place))
        stand.begun, stand.passed, stand.newest = self.begun, self.passed, self.newest
        stand.place.reconnect()
        return stand

    def is_of(self, delivered: Delivered) -> bool:
        """Tell whether neither more nor less than that has been delivered of this very stream."""
        newest = self.newest
        if self.passed != delivered.passed or self.place.id is None:
            return False
        if not isinstance(newest, StreamChunk | str):
            return not delivered.objects or delivered.objects[-1] is newest
        if isinstance(newest, StreamChunk) and newest.raw is not None:
            return delivered.last is newest
        return self.decoder.partial().content == delivered.content


class Stands:
    """The streams that are being read, and those that were left before their end."""

    def __init__(self) -> None:
        self._read: dict[int, Stand] = {}
        self._left: deque[Stand] = deque(maxlen=_MOST_LEFT)

    def begin(self, stand: Stand) -> None:
        """Learn that a stream is being read."""
        self._read[id(stand)] = stand

    def end(self, stand: Stand, *, well: bool) -> None:
        """Learn that one is read no more; unless it ended well, and if it can be, it may be gone on with."""
        found = self._read.pop(id(stand), None)
        if found is not None and not well and stand.begun and stand.place.id is not None:
            self._left.append(stand)

    def take(self, delivered: Delivered) -> Stand | None:
        """Find the stream of which that has been delivered, as it is now, and forget it."""
        for stand in reversed(self._left):
            if stand.is_of(delivered):
                self._left.remove(stand)
                return stand.resumed()
        # One that is let go at this very moment, such as by a time limit, is closed a little later.
        for stand in self._read.values():
            if stand.is_of(delivered):
                del self._read[id(stand)]
                return stand.resumed()
        return None
