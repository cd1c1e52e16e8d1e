"""JSON values, made of JSON text: whole ones, and one that is not finished yet."""

from typing import Any, Final

import jiter

from rxstream.sansio.json_grammar import MAX_DEPTH, Grammar

__all__ = ("Tree", "decode", "scalar_value", "unescaped")

_LITERALS: Final = {"true": True, "false": False, "null": None}
#: Deeper than this jiter does not go.
_JITER_DEPTH: Final = 200


def unescaped(raw: str) -> str:
    """Decode what stands between a string's quotes."""
    if "\\" not in raw:
        return raw
    text: str = jiter.from_json(f'"{raw}"'.encode())
    return text


def scalar_value(raw: str) -> Any:
    """Decode a number, true, false or null. An int is exact; what is too large for a float is ``inf``."""
    if raw in _LITERALS:
        return _LITERALS[raw]
    try:
        return int(raw)
    except ValueError:
        return float(raw)


def decode(text: str, max_depth: int = MAX_DEPTH) -> Any:
    """Decode one whole JSON value, of which the grammar has been checked already."""
    try:
        return jiter.from_json(text.encode())
    except ValueError:
        # Deeper than it goes, or an int of more digits.
        tree = Tree(max_depth=max_depth)
        tree.take(text)
        tree.finish()
        return tree.root


class Tree(Grammar):
    """Build the value that a text is, of as much of it as has come.

    ``snapshot()`` gives what is known so far: a number, true, false or null only when it is delimited, a
    key when its value begins, of a string the characters that are certain.
    """

    __slots__ = ("_keys", "_open", "_parts", "root")

    def restart(self) -> None:
        """Begin another value."""
        super().restart()
        self.root: Any = None
        #: The open containers, and for each the key or index at which the next value goes, or is open.
        self._open: list[Any] = []
        self._keys: list[Any] = []
        #: The string that is open, in pieces.
        self._parts: list[str] | None = None

    def opened(self, index: int) -> None:  # noqa: ARG002 - a hook
        """Put an empty container in its place."""
        is_object = self.stack[-1] == "{"
        container: Any = {} if is_object else []
        self._put(container)
        self._open.append(container)
        self._keys.append(None)

    def closed(self, index: int) -> None:  # noqa: ARG002 - a hook
        """Leave the container."""
        self._open.pop()
        self._keys.pop()

    def key(self, raw: str) -> None:
        """Remember where the next value goes."""
        self._keys[-1] = unescaped(raw)

    def began(self, index: int) -> None:  # noqa: ARG002 - a hook
        """Begin to collect a string."""
        self._parts = []

    def text(self, raw: str) -> None:
        """Add to the string."""
        assert self._parts is not None
        self._parts.append(unescaped(raw))

    def ended(self, index: int) -> None:  # noqa: ARG002 - a hook
        """Put the string in its place."""
        assert self._parts is not None
        text = "".join(self._parts)
        self._parts = None
        self._put(text)

    def scalar(self, raw: str, index: int) -> None:  # noqa: ARG002 - a hook
        """Put the value in its place."""
        self._put(scalar_value(raw))

    def _put(self, value: Any) -> None:
        if not self._open:
            self.root = value
            return
        container = self._open[-1]
        if isinstance(container, dict):
            container[self._keys[-1]] = value
        else:
            container.append(value)

    def open_path(self) -> tuple[str | int, ...] | None:
        """Give the place of the innermost value that is not whole; ``None`` if the root is."""
        if self.over:
            return None
        # Each container is open at the one behind it, and the innermost at a string, if one is open.
        path = [
            key if isinstance(container, dict) else len(container) - 1
            for container, key in zip(self._open[:-1], self._keys, strict=False)
        ]
        if self._open and self._parts is not None:
            innermost = self._open[-1]
            path.append(self._keys[-1] if isinstance(innermost, dict) else len(innermost))
        return tuple(path)

    def snapshot(self) -> Any:
        """Give the value so far: what is whole is shared with other snapshots, what is open is copied."""
        if self.over:
            return self.root
        value = None
        if self._parts is not None:
            value = "".join(self._parts)
            # The next snapshot need not join them again.
            self._parts = [value]
        inside: Any = None
        for container, key in zip(reversed(self._open), reversed(self._keys), strict=True):
            copied: Any = container.copy()
            if inside is not None:
                # It is in its place already, as the container that goes on growing.
                copied[key if isinstance(container, dict) else -1] = inside
            elif value is not None and isinstance(container, dict):
                copied[key] = value
            elif value is not None:
                copied.append(value)
            inside = copied
        return value if inside is None else inside
