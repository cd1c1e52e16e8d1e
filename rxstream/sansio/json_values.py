"""JSON values in a text: all outermost objects, or those at a path of one document."""

from collections.abc import Iterable
from typing import Any

from rxstream.errors import InvalidValue
from rxstream.sansio.json_grammar import END, MAX_DEPTH, Broken, Grammar
from rxstream.sansio.json_path import ANY, Step, parse_path, show_path
from rxstream.sansio.json_text import Document, Follower, OnInvalid, moved
from rxstream.sansio.json_tree import unescaped
from rxstream.sansio.models import Model, value_of

__all__ = ("JSONObjects", "JSONValues")


class JSONObjects(Follower):
    """Find every outermost JSON object in a text, and give it when its brace closes.

    Whatever is around objects does not matter: prose, fences, arrays, other braces. Text from a brace on
    that turns out to be no object is given up at the character that shows it, and from there on the search
    goes on; so no character is looked at twice. ``on_invalid``: what becomes of that fault: "skip" it,
    "raise" it, or give it to a function.
    """

    __slots__ = ("_from", "_inside", "_model", "_pieces")

    def __init__(
        self, *, model: Model[Any] | None = None, on_invalid: OnInvalid = "skip", max_depth: int = MAX_DEPTH
    ) -> None:
        super().__init__(Grammar(max_depth=max_depth), on_invalid)
        self._model = model
        self._inside = False
        self._pieces: list[str] = []
        self._from = 0

    def _read(self, chunk: str) -> None:
        if not self._inside and "{" not in chunk:
            return
        grammar = self._grammar
        held = len(grammar.held)
        piece = grammar.resumed(chunk)
        place = self._from = 0
        while True:
            if not self._inside:
                place = piece.find("{", place)
                if place < 0:
                    return
                self._inside = True
                self._from = place
                grammar.restart()
            try:
                place = grammar.take(piece, place)
            except Broken as broken:
                place = broken.index
                broken.index -= held
                self._inside = False
                grammar.state = END
                self._pieces.clear()
                self._broken(broken, chunk)
                continue
            if not grammar.over:
                self._pieces.append(piece[self._from : len(piece) - len(grammar.held)])
                return
            self._inside = False
            self._pieces.append(piece[self._from : place])
            text = "".join(self._pieces)
            self._pieces.clear()
            try:
                value = value_of(text, self._model, "$", grammar.max_depth)
            except InvalidValue as fault:
                _, line, column = self._where(chunk, place - held)
                where = f"in the object that ends at line {line}, column {column - 1}"
                self._invalid(moved(fault, f"{fault}, {where}"))
                continue
            self.out.append(value)

    def _more_of_string(self, chunk: str, piece: str) -> Iterable[Any]:  # noqa: ARG002 - a hook
        self._pieces.append(piece)
        return ()

    def _finish(self) -> None:
        if self._inside:
            try:
                self._grammar.finish()
            except Broken as broken:
                self._broken(broken, "")


class JSONValues(Document):
    """Give the values at a path of one document, each the moment it is whole.

    The document starts at the first ``{`` or ``[`` of the text; what is behind its end is ignored. With
    ``strict`` the whole text is one JSON value of any kind. ``on_invalid``: what becomes of a fault; one of
    the grammar ends the document, one of the model costs the value.
    """

    __slots__ = ("_model", "_values")

    def __init__(
        self,
        at: str = "$",
        *,
        model: Model[Any] | None = None,
        on_invalid: OnInvalid = "raise",
        strict: bool = False,
        max_depth: int = MAX_DEPTH,
    ) -> None:
        self._values = _Values(parse_path(at), max_depth)
        self._model = model
        super().__init__(self._values, on_invalid, strict=strict)

    def _more_of_string(self, chunk: str, piece: str) -> Iterable[Any]:  # noqa: ARG002 - a hook
        if self._values.capturing:
            self._values.pieces.append(piece)
        return ()

    def _begin(self, piece: str, start: int, held: int) -> None:  # noqa: ARG002 - a hook
        values = self._values
        values.source = piece
        values.start = start

    def _pause(self, piece: str) -> None:
        values = self._values
        if values.capturing:
            values.pieces.append(piece[values.start : len(piece) - len(values.held)])
            values.start = 0
        if not values.found:
            return
        found, values.found = values.found, []
        for text, path in found:
            try:
                value = value_of(text, self._model, show_path(path), values.max_depth)
            except InvalidValue as fault:
                self._invalid(fault)
                continue
            self.out.append(value)


class _Values(Grammar):
    """A document's grammar that notes the text of the values at a path, and where they stood.

    An open container is *on the path* if all steps down to it match. Those are the outermost ones, so it is
    enough to count them; what is inside of any other container need not be looked at.
    """

    __slots__ = ("_depth", "_on", "_steps", "_where", "capturing", "found", "pieces", "source", "start")

    def __init__(self, steps: tuple[Step, ...], max_depth: int) -> None:
        super().__init__(max_depth=max_depth)
        self._steps = steps
        #: How many containers are on the path, and in each of them the key or index that is being read.
        self._on = 0
        self._where: list[Any] = []
        #: The value that is being noted: how deep it is, where in the piece at hand it goes on, and what
        #: came in earlier pieces.
        self.capturing = False
        self._depth = 0
        self.source = ""
        self.start = 0
        self.pieces: list[str] = []
        #: Values that are whole, and not yet fetched.
        self.found: list[tuple[str, tuple[str | int, ...]]] = []

    def opened(self, index: int) -> None:
        depth = len(self.stack) - 1
        if self.capturing or not self._step(depth):
            return
        if depth == len(self._steps):
            self._capture(index, depth)
        else:
            self._on = depth + 1
            self._where.append(-1)

    def closed(self, index: int) -> None:
        depth = len(self.stack)
        if self.capturing:
            if depth == self._depth:
                self._captured(index)
        elif depth < self._on:
            self._on = depth
            self._where.pop()

    def key(self, raw: str) -> None:
        if not self.capturing and len(self.stack) == self._on:
            self._where[-1] = unescaped(raw)

    def began(self, index: int) -> None:
        depth = len(self.stack)
        if not self.capturing and self._step(depth) and depth == len(self._steps):
            self._capture(index, depth)

    def ended(self, index: int) -> None:
        if self.capturing and len(self.stack) == self._depth:
            self._captured(index)

    def scalar(self, raw: str, index: int) -> None:  # noqa: ARG002 - a hook
        depth = len(self.stack)
        if not self.capturing and self._step(depth) and depth == len(self._steps):
            self.found.append((raw, tuple(self._where)))

    def _step(self, depth: int) -> bool:
        """Tell whether the value that begins at this depth is where the path leads, or on its way."""
        if depth != self._on:
            return False
        if depth == 0:
            return True
        where = self._where
        if self.stack[depth - 1] == "[":
            where[-1] += 1
        step = self._steps[depth - 1]
        return bool(step is ANY or step == where[-1])

    def _capture(self, index: int, depth: int) -> None:
        self.capturing = True
        self._depth = depth
        self.start = index

    def _captured(self, index: int) -> None:
        self.capturing = False
        self.pieces.append(self.source[self.start : index])
        self.found.append(("".join(self.pieces), tuple(self._where)))
        self.pieces.clear()
