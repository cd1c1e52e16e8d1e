"""What can be shown of a union while it is being written: only what no continuation can turn into another.

A tag decides as soon as it is whole. Without a tag it is the fields that decide: as long as more than one
choice might still turn out to be the right one, nothing is shown.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rxstream.sansio.partial_shapes import MISSING, Done, Node, Path, Scope, Shape, Text

__all__ = ("Link", "Scalar", "Tagged", "Union")


class Scalar(Shape):
    """A number, a date, a member of an enum: it has no parts, and no array or object becomes one."""

    __slots__ = ()

    def takes(self, value: object) -> bool:
        """Take what is no array and no object."""
        return not isinstance(value, list | dict)


class Link(Shape):
    """A definition that stands elsewhere: how a model holds itself."""

    __slots__ = ("_ref",)

    def __init__(self, node: Node, config: Any, scope: Scope, *, ref: str) -> None:
        super().__init__(node, config, scope)
        self._ref = ref

    def growing(self, value: object, path: Path, done: Done) -> Any:
        """Ask the definition."""
        return self.scope.shapes[self._ref].growing(value, path, done)

    def parts(self, value: object, path: Path, done: Done) -> Any:
        """Ask the definition."""
        return self.scope.shapes[self._ref].parts(value, path, done)

    def takes(self, value: object) -> bool:
        """Ask the definition."""
        return self.scope.shapes[self._ref].takes(value)

    def fits(self, value: object, path: Path, done: Done) -> bool:
        """Ask the definition."""
        return self.scope.shapes[self._ref].fits(value, path, done)


class Union(Shape):
    """One of several: it shows when only one is left."""

    __slots__ = ("_choices", "_text")

    def __init__(
        self, node: Node, config: Any, scope: Scope, *, choices: Sequence[Shape], text: Text | None
    ) -> None:
        super().__init__(node, config, scope)
        self._choices = choices
        #: What a string is sure to become.
        self._text = text

    def growing(self, value: object, path: Path, done: Done) -> Any:
        """Give what can be shown, of a string, too."""
        if isinstance(value, str):
            return MISSING if self._text is None else self._text.growing(value, path, done)
        return super().growing(value, path, done)

    def parts(self, value: object, path: Path, done: Done) -> Any:
        """Give what the only choice left can show."""
        choices = [one for one in self._choices if one.takes(value)]
        if len(choices) > 1:
            choices = [one for one in choices if one.fits(value, path, done)]
        return choices[0].parts(value, path, done) if len(choices) == 1 else MISSING

    def takes(self, value: object) -> bool:
        """Take what one of them takes."""
        return any(one.takes(value) for one in self._choices)


class Tagged(Shape):
    """One of several, told apart by a tag in the object."""

    __slots__ = ("_choices", "_paths")

    def __init__(
        self,
        node: Node,
        config: Any,
        scope: Scope,
        *,
        paths: Sequence[Sequence[str | int]],
        choices: Mapping[Any, Shape],
    ) -> None:
        super().__init__(node, config, scope)
        self._paths = paths
        self._choices = choices

    def _tag(self, value: Any, path: Path, done: Done) -> Any:
        for steps in self._paths:
            found = value
            for step in steps:
                try:
                    found = found[step]
                except (KeyError, IndexError, TypeError):
                    break
            else:
                return found if done((*path, *steps)) else MISSING
        return MISSING

    def parts(self, value: object, path: Path, done: Done) -> Any:
        """Give what the choice that the tag names can show."""
        tag = self._tag(value, path, done)
        choice = self._choices.get(tag) if isinstance(tag, str | int) else None
        return MISSING if choice is None else choice.parts(value, path, done)

    def takes(self, value: object) -> bool:
        """Take an object."""
        return isinstance(value, dict)
