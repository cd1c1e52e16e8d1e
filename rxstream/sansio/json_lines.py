"""Lines of JSON: one value a line, also known as NDJSON and JSON Lines."""

from typing import Any

from rxstream.errors import InvalidValue
from rxstream.sansio.json_grammar import BLANK, MAX_DEPTH, Broken, Grammar
from rxstream.sansio.json_text import OnInvalid, Reader, moved
from rxstream.sansio.models import Model, value_of

__all__ = ("JSONLines",)


class JSONLines(Reader):
    r"""Give the value of each line, when the line ends; a blank line is none.

    A line ends at ``\n``, or ``\r\n``. ``on_invalid``: what becomes of a line that is no JSON, or not what
    the model allows; the next line is read all the same, unless it is "raise".
    """

    __slots__ = ("_grammar", "_model", "_number", "_pieces", "_start")

    def __init__(
        self,
        *,
        model: Model[Any] | None = None,
        on_invalid: OnInvalid = "raise",
        max_depth: int = MAX_DEPTH,
    ) -> None:
        super().__init__(on_invalid)
        self._grammar = Grammar(max_depth=max_depth)
        self._model = model
        self._pieces: list[str] = []
        #: The line that is being read: its number, and where it begins.
        self._number = 1
        self._start = 0

    def _read(self, chunk: str) -> None:
        first, *lines = chunk.split("\n")
        self._pieces.append(first)
        for line in lines:
            self._end_line()
            self._pieces.append(line)

    def _finish(self) -> None:
        self._end_line()

    def _where(self, piece: str, index: int) -> tuple[int, int, int]:  # noqa: ARG002 - the line is the piece
        return self._start + index, self._number, index + 1

    def _end_line(self) -> None:
        line = "".join(self._pieces)
        self._pieces.clear()
        if line.strip(BLANK):
            self._value_of(line)
        self._start += len(line) + 1
        self._number += 1

    def _value_of(self, line: str) -> None:
        grammar = self._grammar
        grammar.restart()
        try:
            end = grammar.take(line)
            grammar.finish()
            if line[end:].strip(BLANK):
                more = len(line) - len(line[end:].lstrip(BLANK))
                raise Broken(more, "the end of the line")  # noqa: TRY301 - as all faults
        except Broken as broken:
            broken.expected = broken.expected.replace("of the text", "of the line")
            if broken.index < 0:
                broken.got = "the end of the line"
            self._broken(broken, line)
            return
        try:
            self.out.append(value_of(line, self._model, "$", grammar.max_depth))
        except InvalidValue as fault:
            self._invalid(moved(fault, f"line {self._number}: {fault}"))
