"""What can be shown of a model, a dataclass or a TypedDict while it is being written."""

import dataclasses
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple, TypeAlias, cast

from pydantic import BaseModel
from pydantic_core import PydanticUndefined, SchemaValidator

from rxstream.sansio.partial_shapes import MISSING, Done, Node, Path, Scope, Shape, check

__all__ = ("Build", "Field", "Record", "Root", "build_dataclass", "build_dict", "build_model")

#: Makes the object of the fields that came, of the same with defaults, and of the extras.
Build: TypeAlias = Callable[[dict[str, Any], dict[str, Any], dict[str, Any]], Any]


class Field:
    """A field of a record: where it stands in the document, its shape, and its default."""

    __slots__ = ("_default", "_takes_data", "entry", "paths", "shape")

    def __init__(self, name: str, field: Node, shape: Shape, config: Mapping[str, Any], scope: Scope) -> None:
        node: Node = field["schema"]
        self.shape = shape
        self._takes_data = bool(node.get("default_factory_takes_data"))
        self._default: SchemaValidator | Callable[[dict[str, Any]], Any] | None = None
        if node["type"] == "default":
            self._default = node["default_factory"] if self._takes_data else scope.validator(node, config)
            node = node["schema"]
        #: The field as a key of a TypedDict, which takes it when it is there and valid.
        self.entry: dict[str, Any] = {
            "type": "typed-dict-field",
            "schema": {"type": "default", "schema": node, "on_error": "omit"},
            "required": False,
        }
        alias = field.get("validation_alias")
        self.paths: list[list[str | int]] = [[name]]
        if field.get("init") is False:
            self.paths = []
        elif alias is not None and config.get("validate_by_alias", True):
            self.entry["validation_alias"] = alias
            written: list[Any] = cast("Any", alias if isinstance(alias, list) else [alias])
            if not isinstance(written[0], list):  # one path: a name, or the list of its steps
                written = [written]
            by_name = config.get("validate_by_name") or config.get("populate_by_name")
            self.paths = [*written, [name]] if by_name else written

    def default(self, values: dict[str, Any]) -> Any:
        """Give the default, and ``None`` if there is none or it cannot be had yet."""
        if self._default is None:
            return None
        try:
            if not isinstance(self._default, SchemaValidator):
                return self._default(values)
            some = self._default.get_default_value()
        except Exception:  # noqa: BLE001 - a factory may raise anything, above all on half of the data
            return None
        return None if some is None else some.value


class _Whole(NamedTuple):
    """The whole fields of an object."""

    #: As they stand in the document, by key.
    raw: dict[str, Any]
    #: What they became, by name.
    valid: dict[str, Any]
    #: What can be shown of those that are invalid, by key, as far as it has been asked for.
    broken: dict[str, Any]


_NOTHING: Final = _Whole({}, {}, {})


class Record(Shape):
    """Named fields: those that have come and can be shown. No validator of the whole is run."""

    __slots__ = ("_build", "_extra", "_extras", "_fields", "_keys", "_last", "_together", "_tops")

    def __init__(
        self,
        node: Node,
        config: Any,
        scope: Scope,
        *,
        inner: Any,
        fields: Mapping[str, Field],
        extra: str,
        extras: Shape | None,
        build: Build,
    ) -> None:
        super().__init__(node, config, scope)
        self._fields = fields
        self._extra = extra
        self._extras = extras
        self._build = build
        entries = {name: field.entry for name, field in fields.items() if field.paths}
        # All that is whole is validated in one call, and in the fields' order, so that a validator
        # which asks for `info.data` finds the fields before its own there.
        self._together = scope.validator(
            {"type": "typed-dict", "fields": entries, "extra_behavior": "ignore", "config": inner}, inner
        )
        #: For each depth the whole fields of the object that was open there last.
        self._last: dict[int, _Whole] = {}
        self._keys: dict[str, str] = {}
        self._tops: set[str | int] = set()
        for name, field in fields.items():
            for steps in field.paths:
                self._tops.add(steps[0])
                if len(steps) == 1:
                    self._keys.setdefault(str(steps[0]), name)

    def _whole_fields(self, value: dict[str, Any], path: Path, done: Done) -> _Whole:
        """Validate the fields that are whole; leave out those that are invalid."""
        tops = self._tops
        whole = {key: one for key, one in value.items() if key in tops and done((*path, key))}
        last = self._last.get(len(path), _NOTHING)
        if last.raw.keys() == whole.keys() and all(one is whole[key] for key, one in last.raw.items()):
            return last
        self._last[len(path)] = last = _Whole(whole, self._validated(whole), {})
        return last

    def _validated(self, whole: dict[str, Any]) -> dict[str, Any]:
        together = check(self._together, whole)
        if together is not MISSING:
            return dict(together)
        # One of them is too deep for pydantic, and for `deepcopy`: find those that are not.
        apart: dict[str, Any] = {}
        for key, one in whole.items():
            alone = check(self._together, {key: one})
            if alone is not MISSING:
                apart.update(alone)
        return apart

    def parts(self, value: object, path: Path, done: Done) -> Any:
        """Give the object, with the fields that can be shown."""
        if not isinstance(value, dict):
            return MISSING
        items: dict[str, Any] = cast("Any", value)
        whole = self._whole_fields(items, path, done)
        came = whole.valid.copy()
        for key, one in items.items():
            name = self._keys.get(key)
            if name is None or name in came:
                continue
            item = whole.broken.get(key)
            if item is None:
                item = self._fields[name].shape.show(one, (*path, key), done)
                if key in whole.raw:
                    whole.broken[key] = item
            if item is not MISSING:
                came[name] = item
        extras = self._show_extras(items, path, done) if self._extra == "allow" else {}
        values: dict[str, Any] = {}
        for name, field in self._fields.items():
            values[name] = came[name] if name in came else field.default(values)
        return self._build(came, values, extras)

    def _show_extras(self, items: dict[str, Any], path: Path, done: Done) -> dict[str, Any]:
        shown = {key: one for key, one in items.items() if key not in self._tops}
        if self._extras is not None:
            shown = {key: self._extras.show(one, (*path, key), done) for key, one in shown.items()}
        return {key: one for key, one in shown.items() if one is not MISSING}

    def takes(self, value: object) -> bool:
        """Take an object."""
        return isinstance(value, dict)

    def fits(self, value: object, path: Path, done: Done) -> bool:
        """Whether all that is whole is valid, and nothing is there that is forbidden."""
        items: Any = value
        if self._extra == "forbid" and not self._tops.issuperset(items):
            return False
        came = self._whole_fields(items, path, done).valid
        return all(self._keys[key] in came for key in items if key in self._keys and done((*path, key)))


class Root(Shape):
    """A model that is one value."""

    __slots__ = ("_build", "_inner")

    def __init__(self, node: Node, config: Any, scope: Scope, *, inner: Shape, build: Build) -> None:
        super().__init__(node, config, scope)
        self._inner = inner
        self._build = build

    def _wrap(self, root: Any) -> Any:
        return MISSING if root is MISSING else self._build({"root": root}, {"root": root}, {})

    def growing(self, value: object, path: Path, done: Done) -> Any:
        """Give the model around what can be shown of its value."""
        return self._wrap(self._inner.growing(value, path, done))

    def parts(self, value: object, path: Path, done: Done) -> Any:
        """Give the model around the parts of its value."""
        return self._wrap(self._inner.parts(value, path, done))

    def takes(self, value: object) -> bool:
        """Take what the value takes."""
        return self._inner.takes(value)

    def fits(self, value: object, path: Path, done: Done) -> bool:
        """Whether it fits the value."""
        return self._inner.fits(value, path, done)


def build_model(cls: type[BaseModel], *, extra: bool) -> Build:
    """Make models without validation, as ``model_construct`` does, but run no code of the user's class.

    ``model_construct`` takes names for aliases, and runs ``model_post_init``, which counts on whole models.
    """

    def build(came: dict[str, Any], values: dict[str, Any], extras: dict[str, Any]) -> Any:
        try:
            made = cls.__new__(cls)
        except TypeError:  # an abstract class
            return MISSING
        put = object.__setattr__
        put(made, "__dict__", values)
        put(made, "__pydantic_fields_set__", {*came, *extras})
        put(made, "__pydantic_extra__", extras if extra else None)
        put(made, "__pydantic_private__", _private(cls) if cls.__private_attributes__ else None)
        return made

    return build


def _private(cls: type[BaseModel]) -> dict[str, Any]:
    """Give the private attributes that have a default."""
    values: dict[str, Any] = {}
    for name, attribute in cls.__private_attributes__.items():
        factory: Any = attribute.default_factory
        with suppress(Exception):  # a factory may raise anything
            value = attribute.get_default() if factory is None else factory()
            if value is not PydanticUndefined:
                values[name] = value
    return values


def build_dataclass(cls: type[Any], init_only: frozenset[str]) -> Build:
    """Make dataclasses without calling ``__init__``."""
    others = {field.name: field for field in dataclasses.fields(cls)}

    def build(came: dict[str, Any], values: dict[str, Any], extras: dict[str, Any]) -> Any:  # noqa: ARG001
        made = object.__new__(cls)
        for name, one in {**dict.fromkeys(others), **extras, **values}.items():
            if name not in init_only:
                object.__setattr__(made, name, one)
        return made

    return build


def build_dict(came: dict[str, Any], values: dict[str, Any], extras: dict[str, Any]) -> Any:
    """Make a TypedDict: what has not come is not there."""
    return {**{name: came[name] for name in values if name in came}, **extras}
