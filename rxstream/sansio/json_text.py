"""A text that is JSON, or has JSON in it: what all machines on JSON share.

They know where they are, say of a fault what was expected, what came and where, and give what was found
before it.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Literal

from rxstream.errors import InvalidJSON, InvalidValue, TextError, TooDeep
from rxstream.sansio.json_grammar import END, STRING, Broken, Grammar, all_of_string

__all__ = ("Document", "Follower", "OnInvalid", "Reader", "checked_on_invalid", "moved")

#: What becomes of a fault.
OnInvalid = Literal["skip", "raise"] | Callable[[TextError], object]

_BRACKET: Final = re.compile(r"[{\[]").search
_NOT_BLANK: Final = re.compile(r"[^ \t\n\r]").search
_OVER: Final = "the end of the text"


def checked_on_invalid(on_invalid: object) -> Any:
    """Refuse anything but "skip", "raise" and callables."""
    if on_invalid in ("skip", "raise") or callable(on_invalid):
        return on_invalid
    raise TypeError(
        f"on_invalid expects 'skip', 'raise' or a function that gets the fault, got {on_invalid!r}"
    )


class Reader(ABC):
    """A machine that reads JSON: ``feed`` and ``close`` around ``_read`` and ``_finish``, which fill ``out``.

    It counts characters and lines, so that a fault can say where it is.
    """

    __slots__ = ("_context", "_counted", "_line", "_line_start", "_on_invalid", "offset", "out")

    def __init__(self, on_invalid: OnInvalid, context: str = "") -> None:
        self.out: list[Any] = []
        self._on_invalid: Any = checked_on_invalid(on_invalid)
        self._context = context
        #: Of the piece at hand: where it starts in the text, and how far its lines have been counted.
        self.offset: int = 0
        self._counted = 0
        self._line = 1
        self._line_start = 0

    def feed(self, chunk: str) -> Iterable[Any]:
        """Take the next piece of the text; give what is whole."""
        out = self.out = []
        try:
            self._read(chunk)
        except Exception as fault:  # noqa: BLE001 - raised behind what was found before it
            return _then_raise(out, fault)
        if "\n" in chunk:
            self._where(chunk, len(chunk))
        self.offset += len(chunk)
        self._counted = 0
        return out

    def close(self) -> Iterable[Any]:
        """Learn that the text is over."""
        out = self.out = []
        try:
            self._finish()
        except Exception as fault:  # noqa: BLE001 - as above
            return _then_raise(out, fault)
        return out

    @abstractmethod
    def _read(self, chunk: str) -> None: ...

    @abstractmethod
    def _finish(self) -> None: ...

    def _invalid(self, fault: TextError) -> None:
        """Do with a fault what the user wants."""
        if self._on_invalid == "raise":
            raise fault
        if self._on_invalid != "skip":
            self._on_invalid(fault)

    def _broken(self, broken: Broken, piece: str) -> None:
        # With a fault at every character of a long piece, to say where each one is would be half the work.
        if self._on_invalid != "skip":
            self._invalid(self.fault(broken, piece))

    def _where(self, piece: str, index: int) -> tuple[int, int, int]:
        """Give offset, line and column of a place in the piece at hand; places may only go forward."""
        if index > self._counted:
            lines = piece.count("\n", self._counted, index)
            if lines:
                self._line += lines
                self._line_start = self.offset + piece.rfind("\n", 0, index) + 1
            self._counted = index
        offset = self.offset + index
        return offset, self._line, offset - self._line_start + 1

    def fault(self, broken: Broken, piece: str) -> InvalidJSON:
        """Make the error for a place in a piece that is not passed over yet."""
        index = broken.index
        got = broken.got or (_OVER if index < 0 else _shown(piece[index]))
        offset, line, column = self._where(piece, len(piece) if index < 0 else index)
        message = f"expected {broken.expected}, got {got} at line {line}, column {column} (offset {offset})"
        if self._context:
            message = f"{message} of {self._context}"
        return (TooDeep if broken.deep else InvalidJSON)(
            message,
            expected=broken.expected,
            got=got,
            offset=offset,
            line=line,
            column=column,
            context=self._context,
        )


class Follower(Reader):
    """A reader that follows one grammar from chunk to chunk."""

    __slots__ = ("_grammar",)

    def __init__(self, grammar: Grammar, on_invalid: OnInvalid, context: str = "") -> None:
        super().__init__(on_invalid, context)
        self._grammar = grammar

    def feed(self, chunk: str) -> Iterable[Any]:
        """Take the next piece of the text; give what is whole."""
        grammar = self._grammar
        if grammar.state == STRING and chunk:
            # The inside of a string is most of most documents. To see that first costs a third of a step.
            piece = grammar.held + chunk if grammar.held else chunk
            held = ""
            plain = piece.isprintable() and '"' not in piece and "\\" not in piece
            if not plain and piece[-1] == "\\" and all_of_string(piece) is None:
                held, piece = "\\", piece[:-1]
            if plain or all_of_string(piece) is not None:
                grammar.held = held
                self.offset += len(chunk)
                return self._more_of_string(chunk, piece)
        return super().feed(chunk)

    def _more_of_string(self, chunk: str, piece: str) -> Iterable[Any]:  # noqa: ARG002 - a hook
        """Take a chunk that is all inside of a string; ``piece`` is what is sure, with what was held."""
        return ()


class Document(Follower):
    """A text with one JSON document in it, which starts at the first bracket and ends where that closes.

    ``strict``: the whole text is one JSON value, and but for white space nothing is around it.
    """

    __slots__ = ("_before", "_over", "_strict")

    def __init__(self, grammar: Grammar, on_invalid: OnInvalid, *, strict: bool, context: str = "") -> None:
        super().__init__(grammar, on_invalid, context)
        self._strict = strict
        self._before = not strict
        self._over = False

    def _read(self, chunk: str) -> None:
        start = 0
        if self._before:
            bracket = _BRACKET(chunk)
            if bracket is None:
                return
            start = bracket.start()
            self._before = False
        if not self._over:
            grammar = self._grammar
            held = len(grammar.held)
            piece = grammar.resumed(chunk)
            self._begin(piece, start, held)
            try:
                start = grammar.take(piece, start) - held
            except Broken as broken:
                # What is before the fault comes before the fault.
                self._pause(piece[: broken.index])
                broken.index -= held
                self._give_up(broken, chunk)
                return
            self._pause(piece)
            self._over = grammar.over
        if self._over and self._strict:
            more = _NOT_BLANK(chunk, start)
            if more is not None:
                self._give_up(Broken(more.start(), _OVER), chunk)

    def _finish(self) -> None:
        if self._over:
            return
        try:
            if self._before:
                got = "" if self.offset else "no text at all"
                raise Broken(-1, "a JSON document, which starts with '{' or '['", got=got)  # noqa: TRY301 - as all faults
            self._begin("", 0, 0)
            self._grammar.finish()
        except Broken as broken:
            self._give_up(broken, "")
        else:
            self._over = True
            self._pause("")

    def _give_up(self, broken: Broken, chunk: str) -> None:
        """End the document: what is behind its fault is no document."""
        self._over = True
        self._grammar.state = END
        self._strict = False
        self._broken(broken, chunk)

    def _begin(self, piece: str, start: int, held: int) -> None:
        """Learn that the grammar is to take a piece, of which so many characters are taken again."""

    def _pause(self, piece: str) -> None:
        """Learn that it has taken it."""


def moved(fault: InvalidValue, message: str) -> InvalidValue:
    """Give the same fault with a message that says where in the text it is."""
    there = InvalidValue(message, path=fault.path, value=fault.value)
    there.__cause__ = fault.__cause__
    return there


def _shown(char: str) -> str:
    """Show a character; one that is none for what it was."""
    if "\udc80" <= char <= "\udcff":
        return f"the byte 0x{ord(char) - 0xDC00:02x}, which is not UTF-8"
    return repr(char)


def _then_raise(found: list[Any], fault: Exception) -> Iterator[Any]:
    yield from found
    if isinstance(fault.__context__, Broken):
        fault.__context__ = None  # it says nothing that the fault does not
    raise fault
