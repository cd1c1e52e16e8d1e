"""Every diagram in a docstring is true."""

import inspect
import re
from collections.abc import AsyncIterator
from string import ascii_lowercase
from typing import Any, Literal

import anyio
import pytest
from reactivex import Observable

import rxstream as rxs
from rxstream.testing import (
    Diagram,
    Notification,
    VirtualClock,
    assert_marbles,
    find_diagrams,
    parse_marbles,
)
from tests.docs import docstrings
from tests.laws.test_operator_laws import public_stream_operators
from tests.laws.test_registry import public_operators

DIAGRAMS = [
    pytest.param(diagram, id=f"{name}, line {diagram.lineno}")
    for name, docstring in docstrings().items()
    for diagram in find_diagrams(docstring)
]
#: What shows in no diagram: what a tap writes.
WITHOUT = {"record_stream"}

#: What a diagram's operator line may name.
NAMES: dict[str, Any] = {**{name: getattr(rxs, name) for name in rxs.__all__}, "re": re}

Marbles = list[tuple[float, Notification]]


def timed(marbles: Marbles) -> Observable[Any]:
    """Make a source that does what a line of marbles says, when it says it."""

    async def source() -> AsyncIterator[Any]:
        start = anyio.current_time()
        for at, what in marbles:
            await anyio.sleep_until(start + at)
            if what.kind == "next":
                yield what.value
            elif what.kind == "error":
                raise OSError("drawn as #")
            else:
                return
        await anyio.sleep_forever()

    return rxs.from_stream(source)


async def watch(observable: Observable[Any]) -> Marbles:
    """Note what comes, and when."""
    start = anyio.current_time()
    seen: Marbles = []

    def note(kind: Literal["next", "error", "completed"], value: Any = None) -> None:
        seen.append((anyio.current_time() - start, Notification(kind, value)))

    async with rxs.open_stream(observable) as items:
        try:
            async for item in items:
                note("next", item)
        except OSError:
            note("error")
        else:
            note("completed")
    return seen


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("diagram", DIAGRAMS)
def test_a_diagram_is_true(diagram: Diagram, backend: Literal["asyncio", "trio"]) -> None:
    # Its lines of sources are, from the top, `a`, `b`, `c`, ...; an operator is applied to the first.
    sources = [timed(parse_marbles(line, names=NAMES)) for line in diagram.sources]
    made = eval(diagram.operator, {**NAMES, **dict(zip(ascii_lowercase, sources, strict=False))})
    stream: Any = made(sources[0]) if callable(made) else made
    seen = VirtualClock().run(watch, stream, backend=backend)
    assert_marbles(parse_marbles(diagram.result, names=NAMES), seen)


@pytest.mark.parametrize("name", sorted((public_operators() | public_stream_operators()) - WITHOUT))
def test_an_operator_has_a_diagram(name: str) -> None:
    diagrams = find_diagrams(inspect.getdoc(getattr(rxs, name)) or "")
    assert any(diagram.operator.startswith(f"{name}(") for diagram in diagrams)


@pytest.mark.parametrize("name", docstrings())
def test_nothing_is_drawn_that_is_no_diagram(name: str) -> None:
    # A line that can only be meant as marbles and does not parse raises ValueError.
    find_diagrams(docstrings()[name])


def test_a_wrong_diagram_is_found_out() -> None:
    (diagram,) = find_diagrams("--'ab '--|\nbuffer_words()\n--'ab '--|")
    with pytest.raises(AssertionError, match="differ"):
        test_a_diagram_is_true(diagram, "asyncio")
