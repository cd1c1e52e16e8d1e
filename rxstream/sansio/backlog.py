"""What waits between a source and a slower reader: so many items, and a rule for one more."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar, get_args

from rxstream.errors import BufferOverflow, UnknownName
from rxstream.items import Restarted
from rxstream.sansio.join_items import Joined

__all__ = ("Backlog", "BacklogStats", "Overflow")

T = TypeVar("T")

#: What happens to an item for which there is no room.
Overflow: TypeAlias = Literal["suspend", "drop_oldest", "drop_latest", "latest", "join", "error"]

_OVERFLOWS: Final[tuple[str, ...]] = get_args(Overflow)
_DROPPING: Final = frozenset(("drop_oldest", "drop_latest", "latest"))


@dataclass(slots=True)
class BacklogStats:
    """What became of the items so far: ``produced == kept + dropped + joined``, always.

    ``backpressure(...).stats`` is one, and ``SharedStream.stats`` has one for each reader. ``produced``:
    items that came in; one that was refused (for want of room, or with BufferOverflow) was not produced.
    ``kept``: those that the reader has or will have as items of their own, so what it took plus what is
    parked still. ``dropped``: those that nobody will see. ``joined``: those that were joined with the item
    before them; the reader gets all that they say. ``high_water``: the most items that were parked at once; a
    ``Restarted`` in front of them takes no room.
    """

    produced: int = 0
    kept: int = 0
    dropped: int = 0
    joined: int = 0
    high_water: int = 0


class Backlog(Generic[T]):
    """At most ``max_items`` items, the oldest first; ``overflow`` says what becomes of one more.

    * "suspend": it has to wait; ``put`` says so.
    * "drop_oldest": the item parked longest is dropped for it.
    * "drop_latest": it is dropped.
    * "latest": all that is parked is dropped for it.
    * "join": it runs together with the item parked last (see ``Joined``), as often as it takes; if these two
      cannot be joined, it has to wait.
    * "error": BufferOverflow. What is parked can still be taken.

    ``on_drop`` is told of each item that is dropped, when that has happened; its exceptions come out of
    ``put``. ``operator`` is the name that errors speak of.

    ``Restarted`` makes everything before it void. Where items may be dropped, all that is parked is, and the
    ``Restarted`` itself is kept in front, takes no room, and goes only if the next one comes. Elsewhere it is
    an item like others, and is not joined with any.

    Raises ValueError or TypeError for a ``max_items`` that is no positive int, and for an ``on_drop`` that
    could never be called; UnknownName for another ``overflow``.
    """

    __slots__ = (
        "_dropped",
        "_high_water",
        "_joined",
        "_marker",
        "_max_items",
        "_on_drop",
        "_operator",
        "_overflow",
        "_parked",
        "_produced",
    )

    def __init__(
        self,
        max_items: int,
        overflow: Overflow = "suspend",
        on_drop: Callable[[T], object] | None = None,
        *,
        operator: str = "Backlog()",
    ) -> None:
        _check(operator, max_items, overflow, on_drop)
        self._max_items = max_items
        self._overflow = overflow
        self._on_drop = on_drop
        self._operator = operator
        self._parked: deque[Any] = deque()
        #: A Restarted that stands in front of what is parked.
        self._marker: Any = None
        self._produced = 0
        self._dropped = 0
        self._joined = 0
        self._high_water = 0

    def __len__(self) -> int:
        return len(self._parked) + (self._marker is not None)

    @property
    def is_full(self) -> bool:
        """Whether one more item would be one too many."""
        return len(self._parked) >= self._max_items

    @property
    def stats(self) -> BacklogStats:
        """What became of the items so far."""
        return BacklogStats(
            self._produced,
            self._produced - self._dropped - self._joined,
            self._dropped,
            self._joined,
            max(self._high_water, len(self._parked)),
        )

    def put(self, item: T) -> bool:
        """Take an item; False: it was not taken. Put it again when ``take`` has made room."""
        parked = self._parked
        if len(parked) < self._max_items and item.__class__ is not Restarted:
            parked.append(item)
            self._produced += 1
            return True
        return self._put_otherwise(item)

    def take(self) -> T:
        """Give the oldest item. Raises IndexError if there is none."""
        if self._marker is not None:
            marker: T = self._marker
            self._marker = None
            return marker
        parked = self._parked
        # Between two takes it only grows, so it is at its highest here.
        if len(parked) > self._high_water:  # noqa: PLR1730 - the call would cost as much as all the rest
            self._high_water = len(parked)
        item = parked.popleft()
        return item.value() if item.__class__ is Joined else item  # type: ignore[no-any-return]

    def _put_otherwise(self, item: T) -> bool:
        """Take a Restarted, or an item for which there is no room."""
        if self._overflow not in _DROPPING:
            return self._put_or_refuse(item)
        dropped = self._make_way(item)
        self._produced += 1
        self._dropped += len(dropped)
        if self._on_drop is not None:
            for one in dropped:
                self._on_drop(one)
        return True

    def _make_way(self, item: T) -> list[Any]:
        """Park the item, unless it is dropped itself; give what was dropped."""
        parked = self._parked
        if item.__class__ is Restarted:
            dropped = [*parked] if self._marker is None else [self._marker, *parked]
            self._clear()
            self._marker = item
            return dropped
        if self._overflow == "drop_latest":
            return [item]
        if self._overflow == "drop_oldest":
            dropped = [parked.popleft()]
        else:
            dropped = [*parked]
            self._clear()
        parked.append(item)
        return dropped

    def _put_or_refuse(self, item: T) -> bool:
        parked = self._parked
        if len(parked) < self._max_items:
            parked.append(item)
        elif self._overflow == "error":
            raise BufferOverflow(
                f"{self._operator} has no room: its reader is too slow, {len(parked)} items are parked (all "
                f"that max_items allows), and one more came: {item!r:.80}. Allow more max_items, or choose "
                f"an overflow that does not fail: 'suspend' or 'join' lose nothing, 'drop_oldest', "
                f"'drop_latest' and 'latest' keep up."
            )
        elif self._overflow == "suspend" or not self._join(item):
            return False
        self._produced += 1
        return True

    def _clear(self) -> None:
        self._high_water = max(self._high_water, len(self._parked))
        self._parked.clear()

    def _join(self, item: object) -> bool:
        last = self._parked[-1]
        if last.__class__ is not Joined:
            joined = Joined(last)
            if not joined.add(item):
                return False
            self._parked[-1] = joined
        elif not last.add(item):
            return False
        self._joined += 1
        return True


def _check(operator: str, max_items: object, overflow: object, on_drop: object) -> None:
    if not isinstance(max_items, int) or isinstance(max_items, bool):
        raise TypeError(f"{operator} expects max_items to be a whole number of items and got {max_items!r}")
    if max_items < 1:
        raise ValueError(f"{operator} expects max_items to be at least 1 and got {max_items!r}")
    if overflow not in _OVERFLOWS:
        raise UnknownName(
            f"{operator} knows no overflow {overflow!r}. There are: {', '.join(map(repr, _OVERFLOWS))}."
        )
    if on_drop is None:
        return
    if not callable(on_drop):
        raise TypeError(
            f"{operator} expects on_drop to be a function of the dropped item and got {on_drop!r}"
        )
    if overflow not in _DROPPING:
        raise ValueError(
            f"{operator} drops nothing with overflow={overflow!r}, so on_drop would never be called. Leave "
            f"it out, or choose one of {', '.join(map(repr, sorted(_DROPPING)))}."
        )
