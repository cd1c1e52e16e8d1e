"""What a stream sends before its first content, kept until it is known whether anybody wants it."""

from collections import deque
from typing import Any, Final

from rxstream.errors import EmptyStream
from rxstream.items import Restarted, StreamChunk, StreamResult
from rxstream.sansio.answer import Answer

__all__ = ("MOST_KEPT", "Opening")

#: A provider sends one item before its content, and may then send keep-alives for minutes.
MOST_KEPT: Final = 64


class Opening:
    """The items without content at a stream's beginning.

    Of more than ``MOST_KEPT`` the first, which names the role, and the last are kept.
    """

    __slots__ = ("_answer", "items")

    def __init__(self) -> None:
        self.items: deque[Any] = deque()
        self._answer = Answer()

    def add(self, item: Any) -> None:
        """Take the next item without content."""
        if isinstance(item, Restarted):
            # Nobody has been given what it takes back.
            self.items.clear()
            self._answer = Answer()
            return
        if len(self.items) == MOST_KEPT:
            del self.items[1]
        self.items.append(item)
        if isinstance(item, StreamChunk):
            self._answer.add(item)

    def partial(self) -> StreamResult:
        """Give the answer so far."""
        return self._answer.result()

    def nothing_came(self, stream: str) -> EmptyStream:
        """Make the error of a stream that ended here, and well."""
        reasons = [repr(reason) for reason in self._answer.finish_reasons.values() if reason is not None]
        how = f"its finish reason was {', '.join(reasons)}" if reasons else "it gave no finish reason"
        return EmptyStream(f"{stream} ended without any content; {how}.", partial=self.partial())
