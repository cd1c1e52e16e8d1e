"""A public name's docstring is enough to use it: what can be checked of that without reading it.

What it shows is run by test_diagrams.py and test_examples.py.
"""

import ast
import builtins
import dataclasses
import inspect
import re
from collections.abc import Iterator
from textwrap import dedent, indent
from types import FunctionType
from typing import Any

import pytest

import rxstream as rxs
import rxstream.testing
from tests.docs import examples, is_program
from tests.reader import IMPORTED

PUBLIC: dict[str, Any] = {
    name: getattr(package, name)
    for package in (rxs, rxstream.testing)
    for name in package.__all__
    if not inspect.ismodule(getattr(package, name))
}
ERRORS = {name for name, thing in PUBLIC.items() if inspect.isclass(thing) and issubclass(thing, Exception)}
FUNCTIONS = {name for name, thing in PUBLIC.items() if inspect.isfunction(thing)}
CLASSES = set(PUBLIC) - ERRORS - FUNCTIONS
#: Plain classes, for speed, that hold what a machine has found.
FOUND = {"PartialToolCall", "PartialJSON", "CodeBlock", "MarkdownBlock"}
#: What is made by its own methods, of which the docstring tells.
BY_METHODS = {"Fault"}
#: Data: what somebody else makes and a program reads.
ITEMS = FOUND | {
    name
    for name in CLASSES - BY_METHODS - {"Backoff"}
    if dataclasses.is_dataclass(PUBLIC[name]) or hasattr(PUBLIC[name], "_fields")
}
TOOLS = FUNCTIONS | CLASSES - ITEMS
#: What only ``share_stream``, ``open_websocket`` and a server make.
MADE_BY_OTHERS = {"SharedStream", "WebSocketConnection", "Connection"}


def doc_of(name: str) -> str:
    return inspect.getdoc(PUBLIC[name]) or ""


def code_in(docstring: str) -> list[str]:
    """Give what stands in double backticks."""
    return [re.sub(r"\s+", " ", code) for code in re.findall(r"``(.+?)``", docstring, re.DOTALL)]


def programs(docstring: str) -> str:
    return "\n".join(example for example in examples(docstring) if is_program(example))


def makers(thing: Any) -> list[Any]:
    """Give the functions that run when a class is called; a function is its own."""
    if not inspect.isclass(thing):
        return [thing]
    own: dict[str, Any] = dict(vars(thing))
    return [own[name] for name in ("__init__", "__post_init__") if name in own]


def parameters(thing: Any) -> list[str]:
    return [name for name in inspect.signature(thing).parameters if name != "self"]


@pytest.mark.parametrize("name", sorted(TOOLS))
def test_it_has_an_example(name: str) -> None:
    assert programs(doc_of(name))


@pytest.mark.parametrize("name", sorted(TOOLS - BY_METHODS - MADE_BY_OTHERS | ITEMS))
def test_each_argument_and_field_is_explained(name: str) -> None:
    # Fields of a base stand there.
    above = [
        one
        for one in getattr(PUBLIC[name], "__mro__", [PUBLIC[name]])
        if one.__module__.startswith("rxstream")
    ]
    named = " ".join(code for one in above for code in code_in(inspect.getdoc(one) or ""))
    missing = [one for one in parameters(PUBLIC[name]) if not re.search(rf"\b{one}\b", named)]
    assert missing == []


@pytest.mark.parametrize("name", sorted(ITEMS))
def test_an_item_says_where_it_comes_from(name: str) -> None:
    sources = FUNCTIONS | {"StreamLog", "FaultServer", "SharedStream"} - {name}
    named = {re.match(r"\w*", code).group() for code in code_in(doc_of(name))}  # type: ignore[union-attr]
    assert named & sources


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_an_error_says_what_to_do(name: str) -> None:
    _, _, rest = doc_of(name).partition("\n\n")
    assert rest.endswith(".")


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_the_fields_of_an_error_are_explained(name: str) -> None:
    above = [one for one in PUBLIC[name].__mro__ if one.__module__ == rxs.errors.__name__]
    named = {code for one in above for code in code_in(inspect.getdoc(one) or "")}
    own = [parameter for function in makers(PUBLIC[name]) for parameter in parameters(function)]
    assert set(own) - {"message"} <= named


#: Names of other people's, and attributes that instances get when they are made.
NOT_OURS = {
    *("add_generation_prompt", "continue_final_message", "extra_body", "max_retries", "max_tokens"),
    *("starting_after", "stream_options", "with_options", "AsyncClient", "ConnectError", "TypeAdapter"),
    *("call_later", "move_on_after", "time_per_output_chunk", "gen_ai", "TCP_USER_TIMEOUT"),
    *("TCP_NOTSENT_LOWAT", "CommonMark", "DeepSeek", "EventSource", "GitHub", "OpenTelemetry"),
    *("TimeoutErrors", "WebSockets", "MyTable", "closed_at", "closed_by"),
}


def known_names() -> set[str]:
    """Give the public names, their parameters, methods and fields, and what Python has."""
    known = {*PUBLIC, *dir(builtins), *IMPORTED}
    for thing in PUBLIC.values():
        members: list[Any] = list(vars(thing).values()) if inspect.isclass(thing) else []
        known |= set(dir(thing)) if inspect.isclass(thing) else set()
        for function in [getattr(one, "__func__", one) for one in [thing, *members]]:
            if inspect.isfunction(function):
                known |= set(inspect.signature(function).parameters)
    return known


def names_of_ours_in(docstring: str) -> set[str]:
    """Find what has the shape of one of our names: in code with an underscore, anywhere with two capitals."""
    for example in examples(docstring):
        docstring = docstring.replace(indent(example, "    "), "")
    in_code = [re.match(r"(?:rxs\.)?(\w+)\b(?=$|[(.=\[ ])", code) for code in code_in(docstring)]
    found = {match.group(1) for match in in_code if match is not None and "_" in match.group(1).strip("_")}
    return found | set(re.findall(r"\b(?:[A-Z][a-z]+){2,}\b", docstring))


def test_every_name_in_a_docstring_exists() -> None:
    named = {name: names_of_ours_in(doc_of(name)) for name in PUBLIC}
    known = known_names()
    assert "retry_stream" in named["from_chat"]
    assert {name: unknown for name, all_of in named.items() if (unknown := all_of - known - NOT_OURS)} == {}
    assert {name for all_of in named.values() for name in all_of} - known == NOT_OURS


def test_every_language_is_named() -> None:
    with pytest.raises(rxs.UnknownName) as caught:
        rxs.buffer_sentences(language="xx")
    known = re.findall(r"\b[a-z]{2}\b(?=[, ])", str(caught.value).partition("languages")[2].partition("(")[0])
    assert len(known) >= 9
    assert [one for one in known if f'"{one}"' not in doc_of("buffer_sentences")] == []


# ---------------------------------------------------------------- what is raised


def statements(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    """Give what runs when a function is called, and not what is in the functions that it makes."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield node
            waiting += ast.iter_child_nodes(node)


def raised_by(function: Any, seen: set[Any] | None = None) -> set[type[BaseException]]:
    """Find the errors that a call raises by itself, or that what it calls of ours does."""
    seen = set() if seen is None else seen
    function = inspect.unwrap(function)
    if function in seen or not isinstance(function, FunctionType):
        return set()
    seen.add(function)
    ours = function.__module__.startswith("rxstream.") and not function.__code__.co_filename.startswith("<")
    if not ours:
        return set()
    (tree,) = ast.parse(dedent(inspect.getsource(function))).body
    assert isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef)
    names = {**vars(builtins), **function.__globals__}
    found: set[type[BaseException]] = set()
    for node in statements(tree):
        if isinstance(node, ast.Raise):
            error = names.get(name_of(node.exc))
            if isinstance(error, type):
                found.add(error)
        elif isinstance(node, ast.Call):
            called = names.get(name_of(node))
            if not (isinstance(called, type) and issubclass(called, BaseException)):
                for one in makers(called):
                    found |= raised_by(one, seen)
    return found


def name_of(node: ast.AST | None) -> str:
    """Give the name that is called, or raised."""
    node = node.func if isinstance(node, ast.Call) else node
    return node.id if isinstance(node, ast.Name) else ""


#: They call ``open_stream`` without the numbers that it could refuse.
NEVER = {("collect", ValueError), ("to_list", ValueError)}


@pytest.mark.parametrize("name", sorted(TOOLS))
def test_what_a_call_raises_is_named(name: str) -> None:
    raised = {error for function in makers(PUBLIC[name]) for error in raised_by(function)}
    unsaid = [
        error.__name__
        for error in raised
        if not any(re.search(rf"\b{base.__name__}\b", doc_of(name)) for base in error.__mro__[:-2])
    ]
    assert [one for one in unsaid if (name, getattr(builtins, one, None)) not in NEVER] == []
