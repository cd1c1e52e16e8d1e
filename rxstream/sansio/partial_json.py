"""One JSON document while it is being written: what is new, place by place, and snapshots on demand."""

import io
from collections.abc import Iterable, Sequence
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar

from rxstream.errors import InvalidValue
from rxstream.sansio.json_grammar import MAX_DEPTH, Grammar
from rxstream.sansio.json_path import parse_place
from rxstream.sansio.json_text import Document
from rxstream.sansio.json_tree import Tree, scalar_value, unescaped
from rxstream.sansio.models import Model

__all__ = ("PartialDocument", "PartialJSON")

T = TypeVar("T")

Kind: TypeAlias = Literal["object", "array", "string", "number", "boolean", "null"]
#: A place is its parent's place and the key or index in it, so that to make one costs the same at any depth.
Place: TypeAlias = "tuple[Any, str | int] | None"

#: So many pieces are kept before they become one: they are short, and each has a header of its own.
MANY: Final = 1024

_KINDS: Final[dict[str, Kind]] = {"t": "boolean", "f": "boolean", "n": "null"}


class PartialJSON(Generic[T]):
    """What came to be known of one place of a JSON document that is being written.

    From ``parse_partial_json``, and in ``parts`` of a ``PartialToolCall``.

    ``path``: the place, such as ``("items", 0, "name")``; ``()`` is the whole document. ``kind``: "object",
    "array", "string", "number", "boolean" or "null". ``delta``: of a string the characters that are new; of a
    number, true, false or null the value; of an object or array None: it has begun, or ended. ``complete``:
    whether the value at this place is whole; ``is_complete("$.items[0]")`` says it of any place. ``value``:
    the whole document as it is known at this moment, a snapshot that is made when it is asked for. Nothing in
    it is taken back later; treat it as read-only, since what is whole is shared by all snapshots. With a
    model it is an object of the model.

    The one exception is JSON's own: where a key stands twice in an object, the last one counts.
    """

    __slots__ = ("_path", "complete", "delta", "kind")

    def __init__(
        self,
        path: Sequence[str | int],
        delta: Any = None,
        complete: bool = False,  # noqa: FBT001, FBT002 - in diagrams it stands in third place
        *,
        kind: Kind | None = None,
    ) -> None:
        self._path = tuple(path)
        self.delta = delta
        self.complete = complete
        self.kind: Kind = _kind_of(delta) if kind is None else kind

    @property
    def path(self) -> tuple[str | int, ...]:
        """The place in the document, as keys and indices."""
        return self._path

    @property
    def value(self) -> T:
        """The whole document as it is known at this moment; of an item made by hand there is none."""
        raise AttributeError("this item was made by hand: there is no document behind it, and no value")

    def is_complete(self, path: str | Sequence[str | int] = ()) -> bool:  # noqa: ARG002 - see below
        """Tell whether the value at a path, ``("items", 0)`` or ``"$.items[0]"``, is there and whole.

        Without a path: whether the whole document is. Raises ValueError for a str that is no path, or has a
        ``*``, TypeError for anything else that is none.
        """
        raise AttributeError("this item was made by hand: there is no document behind it")

    def __eq__(self, other: object) -> bool:
        """Compare what is new; not the snapshots."""
        if not isinstance(other, PartialJSON):
            return NotImplemented
        return (
            self.kind == other.kind
            and self.complete == other.complete
            and self.delta == other.delta
            and self.path == other.path
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"PartialJSON({self.path!r}, {self.delta!r}, {self.complete!r}, kind={self.kind!r})"


class _PartialJSON(PartialJSON[Any]):
    """An item with a document behind it. There is one for each token: its path is found when asked for."""

    __slots__ = ("end", "history", "place")

    def __init__(  # noqa: PLR0917 - for speed
        self,
        place: Place,
        kind: Kind,
        delta: Any,
        complete: bool,  # noqa: FBT001 - as above
        history: "_History",
        end: int,
    ) -> None:
        self.place = place
        self.kind = kind
        self.delta = delta
        self.complete = complete
        self.history = history
        self.end = end

    @property
    def path(self) -> tuple[str | int, ...]:
        steps: list[str | int] = []
        place = self.place
        while place is not None:
            place, step = place
            steps.append(step)
        return tuple(reversed(steps))

    @property
    def value(self) -> Any:
        return self.history.value(self.end)

    def is_complete(self, path: str | Sequence[str | int] = ()) -> bool:
        return self.history.is_complete(self.end, parse_place(path))


class _More(_PartialJSON):
    """An item of a string that goes on: the most frequent one."""

    __slots__ = ()

    kind = "string"
    complete = False

    def __init__(self, place: Place, delta: str, history: "_History", end: int) -> None:
        self.place = place
        self.delta = delta
        self.history = history
        self.end = end


class PartialDocument(Document):
    """Tell of one JSON document, place by place, what is new with each piece.

    The document starts at the first ``{`` or ``[`` of the text; what is around it is ignored. If the text
    ends before the document does, the last items say so: nothing is ``complete`` that is not. With
    ``strict`` the whole text is one JSON value, and its end too early a fault.
    """

    __slots__ = ("_deltas", "_history", "_model")

    def __init__(
        self,
        *,
        model: Model[Any] | None = None,
        strict: bool = False,
        max_depth: int = MAX_DEPTH,
        context: str = "",
    ) -> None:
        self._model = model
        self._history = _History(model, max_depth)
        self._deltas = _Deltas(self._history, max_depth)
        super().__init__(self._deltas, "raise", strict=strict, context=context)

    def _more_of_string(self, chunk: str, piece: str) -> Iterable[Any]:
        # `history.add`, written out: the call would be a fourteenth of all that happens to a token.
        history = self._history
        history.length += len(chunk)
        history.new.append(chunk)
        if len(history.new) == MANY:
            history.write()
        if not piece:
            return ()
        return (_More(self._deltas.string, unescaped(piece), history, history.length),)

    def _finish(self) -> None:
        if self._strict:
            super()._finish()

    def _begin(self, piece: str, start: int, held: int) -> None:
        deltas = self._deltas
        deltas.out = self.out
        start += held
        history = self._history
        deltas.offset = history.length - start
        history.add(piece[start:] if start else piece)

    def _pause(self, piece: str) -> None:
        deltas = self._deltas
        if deltas.over:
            self._validate()
        else:
            deltas.pause(len(piece))

    def _validate(self) -> None:
        if self._model is None:
            return
        try:
            self._history.validate(self.out[-1].end)
        except InvalidValue:
            # What is whole, but not valid, has no value to show.
            self.out.pop()
            raise


class _Deltas(Grammar):
    """A document's grammar that tells of each place what is new."""

    __slots__ = ("_fresh", "_history", "_keys", "_new", "_places", "offset", "out", "string")

    def __init__(self, history: "_History", max_depth: int) -> None:
        super().__init__(max_depth=max_depth)
        self._history = history
        #: The open containers, and of each the key or index that is being read.
        self._places: list[Place] = []
        self._keys: list[Any] = []
        #: The open string: its place, whether nothing has been told of it, and what is new.
        self.string: Place = None
        self._fresh = False
        self._new = ""
        #: Where in the document's text the piece at hand begins.
        self.offset = 0
        self.out: list[Any] = []

    def opened(self, index: int) -> None:
        place = self._place()
        is_object = self.stack[-1] == "{"
        self._tell(place, "object" if is_object else "array", None, False, index + 1)
        self._places.append(place)
        self._keys.append("" if is_object else -1)

    def closed(self, index: int) -> None:
        kind: Kind = "array" if isinstance(self._keys.pop(), int) else "object"
        self._tell(self._places.pop(), kind, None, True, index)

    def key(self, raw: str) -> None:
        self._keys[-1] = unescaped(raw)

    def began(self, index: int) -> None:  # noqa: ARG002 - a hook
        self.string = self._place()
        self._fresh = True

    def text(self, raw: str) -> None:
        self._new = unescaped(raw)

    def ended(self, index: int) -> None:
        self._tell(self.string, "string", self._new, True, index)
        self._new = ""

    def scalar(self, raw: str, index: int) -> None:
        self._tell(self._place(), _KINDS.get(raw[0], "number"), scalar_value(raw), True, index)

    def pause(self, end: int) -> None:
        """Tell what is new of a string that goes on in the next piece."""
        if self.in_string and (self._new or self._fresh):
            self._tell(self.string, "string", self._new, False, end)
            self._new = ""
            self._fresh = False

    def _place(self) -> Place:
        """Give the place of a value that begins here."""
        if not self._places:
            return None
        key = self._keys[-1]
        if key.__class__ is int:
            key = self._keys[-1] = key + 1
        return self._places[-1], key

    def _tell(self, place: Place, kind: Kind, delta: Any, complete: bool, end: int) -> None:  # noqa: FBT001
        self.out.append(_PartialJSON(place, kind, delta, complete, self._history, self.offset + end))


class _History:
    """A document's text, and the tree of as much of it as was last asked for.

    Snapshots that are asked for in their order cost one reading of the text together; whoever goes back
    pays for reading it again. Nothing is built for those who do not ask.
    """

    __slots__ = ("_at", "_last", "_last_end", "_log", "_model", "_tree", "_whole", "length", "new")

    def __init__(self, model: Model[Any] | None, max_depth: int) -> None:
        self._model = model
        #: How long the text is. It grows in place, which a str does not; what is new is added many at once.
        self.length = 0
        self._log = io.StringIO()
        self.new: list[str] = []
        self._tree = Tree(max_depth=max_depth)
        self._at = 0
        self._last: Any = None
        self._last_end = -1
        self._whole: Any = None

    def add(self, piece: str) -> None:
        """Add a piece of the text."""
        self.length += len(piece)
        self.new.append(piece)
        if len(self.new) == MANY:
            self.write()

    def write(self) -> None:
        self._log.seek(0, io.SEEK_END)
        self._log.write("".join(self.new))
        self.new.clear()

    def _read(self, start: int, end: int) -> str:
        if self.new:
            self.write()
        self._log.seek(start)
        return self._log.read(end - start)

    def validate(self, end: int) -> None:
        """Make the whole document, which ends there, an object of the model. Raises ``InvalidValue``."""
        assert self._model is not None
        self._whole = self._model.validate_json(self._read(0, end), "$")

    def value(self, end: int) -> Any:
        """Give the document as it was known there."""
        if end != self._last_end:
            tree = self._tree_at(end)
            self._last = self._modelled(tree)
            self._last_end = end
        return self._last

    def is_complete(self, end: int, path: Sequence[Any]) -> bool:
        """Tell whether what is at a path was there, and whole."""
        tree = self._tree_at(end)
        path = tuple(path)
        open_path = tree.open_path()
        if open_path is not None and open_path[: len(path)] == path:
            return False
        if tree.in_string and path[: len(open_path or ())] == open_path:
            # There is nothing in a string; what stood at this key before does not count.
            return False
        value: Any = tree.root
        for step in path:
            if value.__class__ is list:
                found = isinstance(step, int) and 0 <= step < len(value)
            else:
                found = value.__class__ is dict and step in value
            if not found:
                return False
            value = value[step]
        return True

    def _modelled(self, tree: Tree) -> Any:
        if self._model is None:
            return tree.snapshot()
        if tree.over:
            return self._whole
        # Asked only about places that are there: of those, whatever the open place is not in is whole.
        open_path = tree.open_path() or ()
        return self._model.partial(tree.snapshot(), lambda path: open_path[: len(path)] != path)

    def _tree_at(self, end: int) -> Tree:
        tree = self._tree
        if end < self._at:
            tree.restart()
            self._at = 0
        if end > self._at:
            tree.take(tree.resumed(self._read(self._at, end)))
            if tree.in_token:
                tree.take(" ")  # it is delimited by what comes next, or it would not be known
            self._at = end
        return tree


def _kind_of(delta: Any) -> Kind:
    """Guess the kind of a place from what is new; objects must be told from arrays, and null, by name."""
    if isinstance(delta, bool):
        return "boolean"
    if isinstance(delta, int | float):
        return "number"
    return "string" if isinstance(delta, str) else "object"
