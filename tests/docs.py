"""The docstrings of rxstream, and what is executable in them."""

import ast
import inspect
import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from types import CodeType

import rxstream

__all__ = ("compile_example", "docstrings", "indented_blocks", "is_async")


def docstrings() -> Iterator[tuple[str, str]]:
    """Give the docstring of every module, and of every public class, function and method, by its name."""
    for info in pkgutil.walk_packages(rxstream.__path__, "rxstream."):
        if info.name.rpartition(".")[2].startswith("_"):
            continue
        module = import_module(info.name)
        yield info.name, inspect.getdoc(module) or ""
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            if getattr(thing, "__module__", None) != module.__name__:
                continue
            yield f"{info.name}.{name}", inspect.getdoc(thing) or ""
            if inspect.isclass(thing):
                for method, function in vars(thing).items():
                    if not method.startswith("_") and inspect.isfunction(function):
                        yield f"{info.name}.{name}.{method}", inspect.getdoc(function) or ""


def indented_blocks(docstring: str) -> list[str]:
    """Give the blocks that stand four columns in."""
    found = re.findall(r"(?:^ {4}.*(?:\n|\Z)|^\n(?= {4}))+", docstring, re.MULTILINE)
    return [inspect.cleandoc("\n" + block) for block in found]


def compile_example(source: str, name: str) -> CodeType:
    """Compile an example, in which ``await`` may stand where no function is."""
    code: CodeType = compile(source, name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return code


def is_async(code: CodeType) -> bool:
    """Tell whether running the code gives a coroutine."""
    return bool(code.co_flags & inspect.CO_COROUTINE)
