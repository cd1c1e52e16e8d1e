"""What can be shown of an array, or of an object with any keys, while it is being written."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from operator import is_
from typing import Any, cast

from pydantic_core import SchemaValidator

from rxstream.sansio.partial_shapes import ANY, MISSING, Done, Node, Path, Scope, Shape, check

__all__ = ("Array", "Table")


class _Container(Shape):
    """Parts in a list or a dict, and the functions that a field's validators want called on it."""

    __slots__ = ("_after",)

    def __init__(self, node: Node, config: Any, scope: Scope, *, functions: Iterable[Node]) -> None:
        super().__init__(node, config, scope)
        # The innermost runs first. What comes before validation wants the value as it was written, whole.
        self._after = [
            scope.validator({"type": one["type"], "function": one["function"], "schema": ANY}, config)
            for one in functions
            if one["type"] != "function-before"
        ]

    def _finish(self, made: Any) -> Any:
        try:
            for function in self._after:
                made = function.validate_python(made)
        except Exception:  # noqa: BLE001 - a validator may raise anything
            return MISSING
        return made


_SEQUENCES: Mapping[str, Callable[[list[Any]], Any]] = {
    "list": list,
    "tuple": tuple,
    "deque": deque,
    "set": set,
    "frozenset": frozenset,
}


class Array(_Container):
    """A list, tuple, deque or set: the items that have come, up to the first that cannot be shown."""

    __slots__ = ("_heads", "_items", "_kind", "_last", "_rest")

    def __init__(
        self,
        node: Node,
        config: Any,
        scope: Scope,
        *,
        functions: Iterable[Node],
        kind: str,
        items: list[Shape],
        rest: tuple[Node, Shape] | None,
    ) -> None:
        super().__init__(node, config, scope, functions=functions)
        self._kind = kind
        self._items = items
        #: For each depth the whole items of the array that was open there last, and what is shown of them.
        self._last: dict[int, tuple[list[Any], list[Any]]] = {}
        self._heads: SchemaValidator | None = None
        self._rest: Shape | None = None
        if rest is not None:
            self._rest = rest[1]
            if not items:
                self._heads = scope.validator({"type": "list", "items_schema": rest[0]}, config)

    def parts(self, value: object, path: Path, done: Done) -> Any:
        """Give the items that can be shown."""
        if not isinstance(value, list):
            return MISSING
        items: list[Any] = cast("Any", value)
        # Only the last can be open.
        open_at = len(items) - 1 if items and not done((*path, len(items) - 1)) else len(items)
        shown = self._whole_items(items[:open_at], path, done)
        # A set has no place for what will be another item when it is whole.
        if len(shown) == open_at < len(items) and self._kind not in {"set", "frozenset"}:
            item = self._item(items, open_at, path, done)
            if item is not MISSING:
                shown.append(item)
        try:
            return self._finish(_SEQUENCES[self._kind](shown))
        except TypeError:  # an item of a set that cannot be hashed
            return MISSING

    def _item(self, items: list[Any], index: int, path: Path, done: Done) -> Any:
        shape = self._items[index] if index < len(self._items) else self._rest
        return MISSING if shape is None else shape.show(items[index], (*path, index), done)

    def _whole_items(self, items: list[Any], path: Path, done: Done) -> list[Any]:
        """Give the items up to the first that cannot be shown; those that were there last time, again."""
        known, shown = self._last.get(len(path), ([], []))
        if len(known) > len(items) or not all(map(is_, known, items)):
            known, shown = [], []
        shown = shown.copy()
        if len(shown) == len(known) < len(items):
            heads = MISSING if self._heads is None else check(self._heads, items[len(known) :])
            if heads is not MISSING:
                shown += heads
            else:
                while len(shown) < len(items):
                    item = self._item(items, len(shown), path, done)
                    if item is MISSING:
                        break
                    shown.append(item)
        self._last[len(path)] = items, shown
        return shown.copy()

    def takes(self, value: object) -> bool:
        """Take an array."""
        return isinstance(value, list)


class Table(_Container):
    """A dict: the entries that have come and can be shown."""

    __slots__ = ("_entries", "_keys", "_last", "_values")

    def __init__(
        self,
        node: Node,
        config: Any,
        scope: Scope,
        *,
        functions: Iterable[Node],
        keys: Node,
        values: tuple[Node, Shape],
    ) -> None:
        super().__init__(node, config, scope, functions=functions)
        self._entries = scope.validator(
            {"type": "dict", "keys_schema": keys, "values_schema": values[0]}, config
        )
        self._keys = scope.validator({"type": "dict", "keys_schema": keys}, config)
        self._values = values[1]
        #: As in an ``Array``: the whole entries, and what is shown of them.
        self._last: dict[int, tuple[dict[str, Any], dict[Any, Any]]] = {}

    def parts(self, value: object, path: Path, done: Done) -> Any:
        """Give the entries that can be shown."""
        if not isinstance(value, dict):
            return MISSING
        entries: dict[str, Any] = cast("Any", value)
        whole = {key: one for key, one in entries.items() if done((*path, key))}
        known, shown = self._last.get(len(path), ({}, {}))
        if not all(key in whole and whole[key] is one for key, one in known.items()):
            known, shown = {}, {}
        shown = shown.copy()
        new = {key: one for key, one in whole.items() if key not in known}
        made = check(self._entries, new)
        if made is MISSING:
            made = self._apart(new, path, done)
        shown.update(made)
        self._last[len(path)] = whole, shown
        left = {key: one for key, one in entries.items() if key not in whole}
        made = {**shown, **self._apart(left, path, done)}
        return self._finish(made)

    def _apart(self, entries: dict[str, Any], path: Path, done: Done) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        for key, one in entries.items():
            name = check(self._keys, {key: None})
            item = MISSING if name is MISSING else self._values.show(one, (*path, key), done)
            if item is not MISSING:
                made[next(iter(name))] = item
        return made

    def takes(self, value: object) -> bool:
        """Take an object."""
        return isinstance(value, dict)
