"""What can be shown of a whole model's value while it is being written: shapes made of its schema."""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any, cast

from pydantic import TypeAdapter

from rxstream.sansio.partial_containers import Array, Table
from rxstream.sansio.partial_records import (
    Build,
    Field,
    Record,
    Root,
    build_dataclass,
    build_dict,
    build_model,
)
from rxstream.sansio.partial_shapes import MISSING, Anything, Done, Node, Scope, Shape, Text
from rxstream.sansio.partial_unions import Link, Scalar, Tagged, Union

__all__ = ("Partial",)

#: Schemas around a schema, and where it is.
_AROUND: Mapping[str, str] = {
    "default": "schema",
    "nullable": "schema",
    "function-before": "schema",
    "function-after": "schema",
    "function-wrap": "schema",
    # What comes from JSON, and is not asked to be strict, takes these ways.
    "json-or-python": "json_schema",
    "lax-or-strict": "lax_schema",
}
_TEXT_BOUNDS = frozenset({"min_length", "max_length", "pattern", "ref"})
#: Values that a string cannot become, in a union that has a ``str``, too.
_NO_STRING = frozenset(
    {"none", "list", "tuple", "set", "frozenset", "deque", "dict", "model", "dataclass", "typed-dict"}
)
#: Those that a string could become if there were no ``str``; a smart union prefers the ``str``.
_NUMBERS = frozenset({"int", "float", "bool"})
_SCALARS = _NUMBERS | {
    *("none", "literal", "enum", "date", "time", "datetime", "timedelta", "decimal", "complex"),
    *("bytes", "uuid", "url", "multi-host-url"),
}


class Partial:
    """Shows what has come of a value: the objects of the model, as far as they are there."""

    __slots__ = ("_shape",)

    def __init__(self, adapter: TypeAdapter[Any]) -> None:
        node: Node = adapter.core_schema
        scope = Scope()
        if node["type"] == "definitions":
            scope = Scope(node["definitions"])
            node = node["schema"]
        self._shape = _shape(node, {}, scope)

    def __call__(self, value: object, is_complete: Done) -> Any:
        """Give what can be shown of a snapshot, and ``None`` if that is nothing."""
        shown = self._shape.show(value, (), is_complete)
        return None if shown is MISSING else shown


def _strip(node: Node, scope: Scope) -> Node:
    """Look through what stands around a schema, and follow references."""
    while True:
        if node["type"] in _AROUND:
            node = node[_AROUND[node["type"]]]
        elif node["type"] == "definition-ref":
            node = scope.definitions[node["schema_ref"]]
        else:
            return node


def _lenient(node: Node, scope: Scope) -> Node:
    """Take the bounds off a ``str``, and leave the functions around it in place."""
    if node["type"] == "definition-ref":
        return _lenient(scope.definitions[node["schema_ref"]], scope)
    if node["type"] not in _AROUND:
        return {key: one for key, one in node.items() if key not in _TEXT_BOUNDS}
    inner = _lenient(node[_AROUND[node["type"]]], scope)
    if not node["type"].startswith("function"):
        return inner
    return {"type": node["type"], "function": node["function"], "schema": inner}


def _shape(
    node: Node, config: Any, scope: Scope, around: Node | None = None, functions: tuple[Node, ...] = ()
) -> Shape:
    """Make the shape of a schema; ``around`` is the outermost one around it, with these functions between."""
    whole = node if around is None else around
    kind: str = node["type"]
    if _strip(node, scope)["type"] == "str":
        return Text(whole, config, scope, lenient=_lenient(whole, scope))
    if kind in _AROUND:
        if kind.startswith("function"):
            functions = (node, *functions)
        return _shape(node[_AROUND[kind]], config, scope, whole, functions)
    if kind == "definition-ref":
        ref: str = node["schema_ref"]
        if ref not in scope.shapes:
            scope.shapes[ref] = Shape(node, config, scope)  # a model that holds itself finds this here
            scope.shapes[ref] = _shape(scope.definitions[ref], config, scope, node)
        return Link(whole, config, scope, ref=ref)
    make = _MAKERS.get(kind)
    if make is not None:
        return make(node, config, scope, whole, functions)
    if kind == "any" and not functions:
        return Anything(whole, config, scope)
    return (Scalar if kind in _SCALARS else Shape)(whole, config, scope)


def _array(node: Node, config: Any, scope: Scope, whole: Node, functions: Iterable[Node]) -> Shape:
    """Make the shape of a list, a set, a tuple."""
    schemas: Any = node.get("items_schema", {"type": "any"})
    items: list[Any] = []
    rest: Any = None
    if node["type"] != "tuple":
        rest = schemas
    else:
        items += schemas
        variadic = node.get("variadic_item_index")
        if variadic is not None:
            # What stands behind `*tuple[int, ...]` can be told only when the tuple is whole.
            rest = items[variadic] if variadic == len(items) - 1 else None
            del items[variadic:]
    return Array(
        whole,
        config,
        scope,
        functions=functions,
        kind=node["type"],
        items=[_shape(one, config, scope) for one in items],
        rest=None if rest is None else (rest, _shape(rest, config, scope)),
    )


def _table(node: Node, config: Any, scope: Scope, whole: Node, functions: Iterable[Node]) -> Shape:
    """Make the shape of a dict."""
    values: Node = node.get("values_schema", {"type": "any"})
    return Table(
        whole,
        config,
        scope,
        functions=functions,
        keys=node.get("keys_schema", {"type": "any"}),
        values=(values, _shape(values, config, scope)),
    )


def _record(node: Node, config: Any, scope: Scope, whole: Node, functions: Iterable[Node]) -> Shape:  # noqa: ARG001
    """Make the shape of a model, a dataclass, a TypedDict: validators of the whole are not run on parts."""
    inner: Any = node.get("config") or {}
    kind: str = node["type"]
    if kind == "model" and node.get("root_model"):
        root = _shape(node["schema"], inner, scope)
        return Root(whole, config, scope, inner=root, build=build_model(node["cls"], extra=False))
    # A `model_validator` may stand between a model and its fields.
    holder = node if kind == "typed-dict" else _strip(node["schema"], scope)
    if "fields" not in holder:
        return Shape(whole, config, scope)  # somebody's own schema
    named: Any = holder["fields"]
    if kind == "dataclass":
        named = {field["name"]: field for field in named}
    fields = {
        name: Field(name, field, _shape(field["schema"], inner, scope), inner, scope)
        for name, field in named.items()
    }
    extra: str = holder.get("extra_behavior") or inner.get("extra_fields_behavior") or "ignore"
    extras: Node | None = holder.get("extras_schema")
    build: Build = build_dict
    if kind == "model":
        build = build_model(node["cls"], extra=extra == "allow")
    elif kind == "dataclass":
        only = frozenset(name for name, field in named.items() if field.get("init_only"))
        build = build_dataclass(node["cls"], only)
    return Record(
        whole,
        config,
        scope,
        inner=inner,
        fields=fields,
        extra=extra,
        extras=None if extras is None else _shape(extras, inner, scope),
        build=build,
    )


def _may_grow(node: Node, scope: Scope, *, smart: bool) -> bool:
    """Whether a union that has a ``str`` and this is sure to make a ``str`` of every string."""
    core = _strip(node, scope)
    if core["type"] == "literal":
        return not any(isinstance(one, Enum) for one in core["expected"])
    return core["type"] in _NO_STRING or core["type"] == "str" or (smart and core["type"] in _NUMBERS)


def _union(node: Node, config: Any, scope: Scope, whole: Node, functions: Iterable[Node]) -> Shape:  # noqa: ARG001
    """Make the shape of a union without a tag."""
    nodes: list[Node] = [one[0] if isinstance(one, tuple) else one for one in node["choices"]]
    shapes = [_shape(one, config, scope) for one in nodes]
    texts = [one for one in shapes if isinstance(one, Text)]
    smart = node.get("mode", "smart") == "smart"
    grows = bool(texts) and all(_may_grow(one, scope, smart=smart) for one in nodes)
    return Union(whole, config, scope, choices=shapes, text=texts[0] if grows else None)


def _tagged(node: Node, config: Any, scope: Scope, whole: Node, functions: Iterable[Node]) -> Shape:  # noqa: ARG001
    """Make the shape of a union with a tag."""
    choices: dict[Any, Any] = dict(node["choices"])
    discriminator: Any = node["discriminator"]
    shapes = {tag: _shape(one, config, scope) for tag, one in choices.items()}
    if callable(discriminator):
        # What it makes of half an object is not what it will make of the whole one.
        return Union(whole, config, scope, choices=list(shapes.values()), text=None)
    paths: list[Any] = cast("Any", discriminator if isinstance(discriminator, list) else [discriminator])
    if not isinstance(paths[0], list):
        paths = [paths]
    return Tagged(whole, config, scope, paths=paths, choices=shapes)


_Maker = Callable[[Node, Any, Scope, Node, "tuple[Node, ...]"], Shape]
_MAKERS: Mapping[str, _Maker] = {
    **dict.fromkeys(("list", "tuple", "set", "frozenset", "deque"), _array),
    "dict": _table,
    **dict.fromkeys(("model", "dataclass", "typed-dict"), _record),
    "union": _union,
    "tagged-union": _tagged,
}
