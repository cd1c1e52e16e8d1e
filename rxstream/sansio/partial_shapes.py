"""What can be shown of a value that is still being written, for each kind of schema.

A document that is still coming is open along one path only, from its root to its last token. What stands
beside that path is whole, and pydantic validates it as it will at the end: in JSON mode, in one call for
all the neighbours. A ``Shape`` is needed for the values on the path, and for whole ones that are invalid.
It lets nobody see what the rest of the text could take back:

* a string that grows shows only where the model has a ``str``: half a date, a member of an enum that is
  the beginning of another one, or "1" for an ``int`` would not stay;
* an array ends before the first item that cannot be shown, so that positions stay right.

The snapshots of one document share what is whole, and so do the objects made of them: what was validated
for the last snapshot is recognised in the next one and taken again, so that to look at each snapshot of a
long document does not cost its length squared.

What a user's function does to half a value is not known, so whatever it raises leaves the value out.
"""

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from typing import Any, Final, TypeAlias

from pydantic import ValidationError
from pydantic_core import SchemaValidator, to_json

__all__ = (
    "MISSING",
    "Anything",
    "Done",
    "Node",
    "Path",
    "Scope",
    "Shape",
    "Text",
    "check",
    "unreadable",
)

#: A node of a pydantic core schema; its ``type`` says which.
Node: TypeAlias = Mapping[str, Any]
#: Where a value stands: names and indices.
Path: TypeAlias = tuple[str | int, ...]
#: Whether the value at a path is whole.
Done: TypeAlias = Callable[[Path], bool]

#: "Nothing to show": ``None`` is a value.
MISSING: Final[Any] = object()

#: Open values that stand deeper are left out: each takes a few of Python's own frames.
_DEEPEST = 100

ANY: Final[Node] = {"type": "any"}


class Scope:
    """The definitions that nodes refer to; all nodes of one model share it."""

    __slots__ = ("definitions", "shapes")

    def __init__(self, definitions: Iterable[Node] = ()) -> None:
        self.definitions: dict[str, Node] = {node["ref"]: node for node in definitions}
        #: The shapes of definitions that have been met: what makes recursion end.
        self.shapes: dict[str, Shape] = {}

    def validator(self, node: Node, config: Any) -> SchemaValidator:
        """Build a validator of a part of the schema."""
        schema: Any = node
        if self.definitions:
            schema = {"type": "definitions", "schema": node, "definitions": [*self.definitions.values()]}
        return SchemaValidator(schema, config)


def unreadable(error: ValidationError) -> bool:
    """Whether it was pydantic's JSON parser that gave up, because of depth or digits, and not a validator."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return first["type"] == "json_invalid"


def check(validator: SchemaValidator, value: object) -> Any:
    """Validate a whole value as its JSON text will be; ``MISSING`` if it is invalid."""
    # By way of text: JSON mode takes dates for dates in strict models, too, and whatever
    # a validator does to what it is given, it does not do it to the snapshot.
    try:
        text = to_json(value, inf_nan_mode="constants")
    except ValueError:
        text = b"["  # deeper than it goes: no more a text to the parser than this
    try:
        return validator.validate_json(text)
    except ValidationError as error:
        if not unreadable(error):
            return MISSING
    except Exception:  # noqa: BLE001 - a validator may raise anything
        return MISSING
    try:
        return validator.validate_python(deepcopy(value))
    except Exception:  # noqa: BLE001 - a validator may raise anything, and `deepcopy` goes only so deep
        return MISSING


class Shape:
    """A value that shows when it is whole and valid, and not before; the other kinds build on it."""

    __slots__ = ("_node", "_validator", "config", "scope")

    def __init__(self, node: Node, config: Any, scope: Scope) -> None:
        self._node = node
        self.config = config
        self.scope = scope
        self._validator: SchemaValidator | None = None

    def show(self, value: object, path: Path, done: Done) -> Any:
        """Give what can be shown of a value, or ``MISSING``."""
        if not done(path):
            return self.growing(value, path, done)
        whole = self.whole(value)
        return self.parts(value, path, done) if whole is MISSING else whole

    def whole(self, value: object) -> Any:
        """Validate a whole value."""
        # Made when first needed: most values are validated as a part of what stands around them.
        if self._validator is None:
            self._validator = self.scope.validator(self._node, self.config)
        return check(self._validator, value)

    def growing(self, value: object, path: Path, done: Done) -> Any:
        """Give what can be shown of an open value."""
        return MISSING if len(path) > _DEEPEST else self.parts(value, path, done)

    def parts(self, value: object, path: Path, done: Done) -> Any:  # noqa: ARG002 - for those that have parts
        """Put together the parts that can be shown, of an open value or an invalid one."""
        return MISSING

    def takes(self, value: object) -> bool:  # noqa: ARG002 - for those that take but one type
        """Whether this might come to be the shape of an open array, object or string."""
        return True

    def fits(self, value: object, path: Path, done: Done) -> bool:  # noqa: ARG002 - as in `parts`
        """Whether what is whole in an open value leaves room for this shape."""
        return True


class Anything(Shape):
    """Any value at all: it shows as it stands."""

    __slots__ = ()

    def show(self, value: object, path: Path, done: Done) -> Any:  # noqa: ARG002 - a shape's method
        """Give the value."""
        return value

    def parts(self, value: object, path: Path, done: Done) -> Any:  # noqa: ARG002 - a shape's method
        """Give the value."""
        return value


class Text(Shape):
    """A ``str``: it shows while it grows, even if it is still too short for its constraints."""

    __slots__ = ("_lenient",)

    def __init__(self, node: Node, config: Any, scope: Scope, *, lenient: Node) -> None:
        super().__init__(node, config, scope)
        bounds = {"str_min_length", "str_max_length"}
        self._lenient = scope.validator(lenient, {key: config[key] for key in config if key not in bounds})

    def growing(self, value: object, path: Path, done: Done) -> Any:  # noqa: ARG002 - a shape's method
        """Give the string, as far as it has come, and what validators make of it, if that is a string."""
        if not isinstance(value, str):
            return MISSING
        try:
            text = self._lenient.validate_python(value)
        except Exception:  # noqa: BLE001 - a validator may raise anything
            return MISSING
        return text if isinstance(text, str) else MISSING

    def takes(self, value: object) -> bool:
        """Take a string."""
        return isinstance(value, str)
