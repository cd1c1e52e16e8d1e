"""The packages that we are compared with: imported late, because one of them may not be installed."""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any, Final

__all__ = ("PACKAGES", "NotInstalled", "absent", "load", "versions")

#: What is imported, and what it is called in the registry.
PACKAGES: Final = {
    "openai": "openai",
    "httpx2": "httpx2",
    "httpx": "httpx",
    "httpx_sse": "httpx-sse",
    "starlette": "starlette",
    "uvicorn": "uvicorn",
    "httptools": "httptools",
    "uvloop": "uvloop",
    "sse_starlette": "sse-starlette",
    "stream2sentence": "stream2sentence",
    "reactivex": "reactivex",
    "aiostream": "aiostream",
    "anyio": "anyio",
    "jiter": "jiter",
}


class NotInstalled(Exception):
    """Raised by a row that cannot be measured at all."""


def absent(*modules: str) -> list[str]:
    """Name those of the packages that are not installed."""
    return [PACKAGES[module] for module in modules if find_spec(module) is None]


def load(module: str) -> Any:
    """Import a peer. Untyped: to a type checker a package that may not be there is none."""
    return import_module(module)


def versions() -> dict[str, str | None]:
    """Give the version of each peer, None if it is not installed."""
    return {name: _version(name) for name in PACKAGES.values()}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
