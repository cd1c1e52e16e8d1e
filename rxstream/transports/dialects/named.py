"""The dialects by their names."""

from importlib import import_module
from typing import Final

from rxstream.errors import UnknownName
from rxstream.transports.dialects.contract import Dialect

__all__ = ("DIALECTS", "dialect_named")

#: What each is called, and where it stands: one is imported when it is first asked for.
DIALECTS: Final = {
    "rxstream": ("native", "NATIVE"),
    "openai": ("openai", "OPENAI"),
    "ui-message": ("ui_message", "UI_MESSAGE"),
    "anthropic": ("anthropic", "ANTHROPIC"),
    "ag-ui": ("ag_ui", "AG_UI"),
}


def dialect_named(name: str | Dialect) -> Dialect:
    """Return the dialect of a name; a Dialect is its own.

    Raises UnknownName, which lists those that there are.
    """
    if isinstance(name, Dialect):
        return name
    place = DIALECTS.get(name) if isinstance(name, str) else None
    if place is None:
        msg = f"expected one of the dialects {', '.join(map(repr, DIALECTS))}, or a Dialect, and got {name!r}"
        raise UnknownName(msg)
    module, constant = place
    dialect: Dialect = getattr(import_module(f"rxstream.transports.dialects.{module}"), constant)
    return dialect
