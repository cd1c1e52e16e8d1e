"""The arguments of a tool call while they are being written: one JSON object, and nothing else."""

from typing import Any, Final

from rxstream.errors import InvalidJSON
from rxstream.sansio.json_grammar import BLANK, Broken, Grammar
from rxstream.sansio.json_text import Document
from rxstream.sansio.json_tree import decode
from rxstream.sansio.partial_json import PartialDocument, PartialJSON

__all__ = ("Arguments",)

_WANTED: Final = "the arguments as a JSON object, which starts with '{'"


class Arguments:
    """Takes the text of the arguments in pieces, and knows what of it is sure.

    ``begun``: whether anything but white space has come. ``over``: whether they are whole. ``broken``:
    whether there was a fault; nothing behind it counts. ``pieces``: their text, without white space around
    it, and without what is wrong. ``parts``: with ``partial``, what came to be known and nobody has taken
    yet; ``known``: the last of all parts.
    """

    __slots__ = (
        "_context",
        "_document",
        "_grammar",
        "_max_depth",
        "begun",
        "broken",
        "known",
        "over",
        "parts",
        "pieces",
    )

    def __init__(self, context: str, *, partial: bool, max_depth: int) -> None:
        self._context = context
        self._max_depth = max_depth
        #: Where values are not followed as they grow, the grammar alone will do.
        self._grammar = None if partial else Grammar(max_depth=max_depth)
        self._document: Document = (
            PartialDocument(strict=True, max_depth=max_depth, context=context)
            if self._grammar is None
            else Document(self._grammar, "raise", strict=True, context=context)
        )
        self.begun = False
        self.over = False
        self.broken = False
        self.pieces: list[str] = []
        self.parts: list[PartialJSON[Any]] = []
        self.known: PartialJSON[Any] | None = None

    def take(self, text: str) -> InvalidJSON | None:
        """Take the next piece; give the fault in it, if there is one. What is before the fault counts."""
        if self.broken:
            return None
        start, end = 0, len(text)
        if not self.begun:
            start = end - len(text.lstrip(BLANK))
            self.begun = start < end
            if self.begun and text[start] != "{":
                self.broken = True
                return self._document.fault(Broken(start, _WANTED), text)
        known, fault = self._feed(text)
        if fault is not None:
            self.broken = True
            end = fault.offset - self._document.offset
        if not self.over:
            self._add(text[start:end], known)
        return fault

    def value(self) -> Any:
        """Decode the arguments, which are whole; none at all are an empty object."""
        return decode("".join(self.pieces), self._max_depth) if self.pieces else {}

    def followed(self) -> "Arguments":
        """Give the same arguments with all their parts."""
        if self._grammar is None:
            return self
        arguments = Arguments(self._context, partial=True, max_depth=self._max_depth)
        arguments.take("".join(self.pieces))
        return arguments

    def _feed(self, text: str) -> tuple[list[PartialJSON[Any]], InvalidJSON | None]:
        known: list[PartialJSON[Any]] = []
        try:
            # One at a time: what comes before a fault has come.
            for part in self._document.feed(text):
                known.append(part)  # noqa: PERF402 - as said
        except InvalidJSON as fault:
            return known, fault
        return known, None

    def _add(self, text: str, known: list[PartialJSON[Any]]) -> None:
        if self._grammar is not None:
            self.over = self._grammar.over
        elif known:
            last = self.known = known[-1]
            self.parts += known
            self.over = last.complete and last.kind == "object" and not last.path
        if self.over:
            text = text.rstrip(BLANK)
        if text:
            self.pieces.append(text)
