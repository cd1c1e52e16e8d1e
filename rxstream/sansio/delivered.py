"""What of an answer its reader has already: all that a retry needs to know of it."""

from typing import Any

from rxstream.items import StreamChunk, StreamResult
from rxstream.sansio.answer import Answer
from rxstream.sansio.content import has_content

__all__ = ("Delivered",)


class Delivered:
    """Keep what passes: the text of chunks and of str items, and other items themselves.

    ``pieces`` counts those with content: for most providers, a piece is a token.
    """

    __slots__ = ("_answer", "last", "objects", "passed", "pieces", "texts")

    def __init__(self) -> None:
        self._answer = Answer()
        #: The last chunk that had an event of the provider's in ``raw``.
        self.last: StreamChunk | None = None
        self.texts: list[str] = []
        self.objects: list[Any] = []
        #: Items of any kind, and those with content.
        self.passed = 0
        self.pieces = 0

    def add(self, item: Any) -> None:
        """Take note of an item that goes to the reader."""
        self.passed += 1
        if item.__class__ is StreamChunk:
            self._answer.add(item)
            if item.content or has_content(item):
                self.pieces += 1
            if item.raw is not None:
                self.last = item
        elif has_content(item):
            self.pieces += 1
            if isinstance(item, str):
                self.texts.append(item)
            else:
                self.objects.append(item)

    @property
    def answer(self) -> Answer:
        """The chunks, put together."""
        return self._answer

    @property
    def content(self) -> str:
        """The text so far, of the first choice; or of the str items."""
        if self.texts:
            return "".join(self.texts)
        choice = self._answer.choices.get(0)
        return "" if choice is None else "".join(choice.content)

    def partial(self) -> StreamResult:
        """Give the answer so far."""
        result = self._answer.result()
        if self.texts:
            result.content = self.content
        return result
