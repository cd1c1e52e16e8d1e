"""The docstrings of rxstream, and what is executable in them."""

import ast
import inspect
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from types import CodeType

import rxstream
from rxstream.testing import find_diagrams

__all__ = (
    "compile_example",
    "docstrings",
    "examples",
    "indented_blocks",
    "is_async",
    "is_program",
    "printed_by",
)


@cache
def docstrings() -> dict[str, str]:
    """Give the docstring of every module, and of every public class, function and method, by its name."""
    return dict(_docstrings())


def _docstrings() -> Iterator[tuple[str, str]]:
    for info in pkgutil.walk_packages(rxstream.__path__, "rxstream."):
        if info.name.rpartition(".")[2].startswith("_"):
            continue
        module = import_module(info.name)
        yield info.name, inspect.getdoc(module) or ""
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            if getattr(thing, "__module__", None) != module.__name__:
                continue
            if not (inspect.isclass(thing) or inspect.isroutine(thing)):
                continue
            yield f"{info.name}.{name}", inspect.getdoc(thing) or ""
            if inspect.isclass(thing):
                for method, member in vars(thing).items():
                    function = getattr(member, "__func__", member)
                    if not method.startswith("_") and inspect.isfunction(function):
                        yield f"{info.name}.{name}.{method}", inspect.getdoc(function) or ""


def indented_blocks(docstring: str) -> list[str]:
    """Give the blocks that stand four columns in."""
    found = re.findall(r"(?:^ {4}.*(?:\n|\Z)|^\n(?= {4}))+", docstring, re.MULTILINE)
    return [inspect.cleandoc("\n" + block) for block in found]


def examples(docstring: str) -> Iterator[str]:
    """Give what stands four columns in and is no diagram; a diagram and an example may share a block."""
    for block in indented_blocks(docstring):
        paragraphs = [part for part in re.split(r"\n\n+(?=\S)", block) if not find_diagrams(part)]
        if paragraphs:
            yield "\n\n".join(paragraphs)


def is_program(source: str) -> bool:
    """Tell an example from a table, a tree or a piece of JSON."""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return False
    return any(isinstance(node, ast.Call) for statement in body for node in ast.walk(statement))


def compile_example(source: str, name: str) -> CodeType:
    """Compile an example, in which ``await`` may stand where no function is."""
    code: CodeType = compile(source, name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return code


def is_async(code: CodeType) -> bool:
    """Tell whether running the code gives a coroutine."""
    return bool(code.co_flags & inspect.CO_COROUTINE)


def printed_by(source: str) -> str | None:
    """Give what an example says that it prints: each line of it behind a ``#> ``; None if it does not say."""
    lines = re.findall(r"#> ?(.*)$", source, re.MULTILINE)
    return "\n".join(lines) if lines else None
