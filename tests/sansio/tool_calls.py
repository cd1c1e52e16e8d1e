"""Tool calls as servers send them: put together and apart, with what each of them leaves out or repeats."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from rxstream.items import StreamChunk, ToolCall, ToolCallDelta
from rxstream.sansio.partial_json import PartialJSON
from rxstream.sansio.tool_calls import PartialToolCall
from rxstream.testing import chunkings

Item = ToolCall | PartialToolCall

WHITE = st.text(" \n\t\r", max_size=2)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@dataclass(frozen=True)
class Whole:
    """A call as the model means it."""

    name: str
    #: As the model writes them, with white space around.
    arguments: str


@st.composite
def objects(draw: st.DrawFn) -> str:
    """Draw the text of an object, with white space around it."""
    value = draw(st.dictionaries(st.text(max_size=3), VALUES, max_size=3))
    style: dict[str, Any] = draw(
        st.sampled_from([{}, {"indent": 1}, {"ensure_ascii": False}, {"separators": (",", ":")}])
    )
    return draw(WHITE) + json.dumps(value, **style) + draw(WHITE)


def calls(arguments: st.SearchStrategy[str] = objects()) -> st.SearchStrategy[list[Whole]]:  # noqa: B008
    return st.lists(st.builds(Whole, st.sampled_from(["f", "g", "h"]), arguments), min_size=1, max_size=3)


@dataclass(frozen=True)
class Server:
    """What a server sends beside the arguments. ``index``: "good", "zero", "none", "jumps", "counts"."""

    index: str
    ids: str
    names: str

    @property
    def mixes(self) -> bool:
        """Whether it may send the pieces of several calls in turn."""
        return self.index in {"good", "jumps"} or self.ids == "always"


#: "once": with the first piece; "always": with every piece; "fresh": with every piece another one.
SERVERS = [
    Server("good", "once", "once"),
    Server("good", "always", "always"),
    Server("good", "never", "once"),
    Server("good", "fresh", "once"),
    Server("jumps", "once", "once"),
    Server("jumps", "never", "once"),
    Server("zero", "once", "once"),
    Server("zero", "once", "always"),
    Server("zero", "always", "once"),
    Server("zero", "always", "always"),
    Server("zero", "never", "once"),
    Server("zero", "never", "always"),
    Server("none", "once", "once"),
    Server("none", "always", "always"),
    Server("none", "never", "once"),
    Server("none", "never", "always"),
    Server("counts", "once", "once"),
    Server("counts", "always", "always"),
]


@st.composite
def sent(draw: st.DrawFn, server: Server, wholes: Sequence[Whole]) -> tuple[list[int], list[ToolCallDelta]]:
    """Cut calls into pieces; give which call each piece is of, and the pieces as the server sends them."""
    pieces = [draw(chunkings(whole.arguments)) for whole in wholes]
    if server.mixes and draw(st.booleans()):
        order = draw(st.permutations([at for at, cut in enumerate(pieces) for _ in cut]))
    else:
        order = [at for at, cut in enumerate(pieces) for _ in cut]
    begun: list[int] = []
    deltas: list[ToolCallDelta] = []
    rest = [iter(cut) for cut in pieces]
    for at in order:
        first = at not in begun
        if first:
            begun.append(at)
        number = begun.index(at)
        indices = {"good": number, "zero": 0, "none": None, "jumps": 3 + 2 * number, "counts": len(deltas)}
        deltas.append(
            ToolCallDelta(
                indices[server.index],
                _id(server.ids, at, len(deltas), first=first),
                wholes[at].name if server.names == "always" or first else None,
                next(rest[at]),
            )
        )
    return order, deltas


def _id(ids: str, at: int, piece: int, *, first: bool) -> str | None:
    if ids == "fresh" and not first:
        return f"piece_{piece}"
    return f"call_{at}" if ids == "always" or (first and ids != "never") else None


def answer(deltas: Iterable[ToolCallDelta], reason: str | None = "tool_calls") -> list[StreamChunk]:
    """Make chunks of pieces of calls, one of each, and a finish reason behind them."""
    chunks = [StreamChunk("", tool_calls=(delta,)) for delta in deltas]
    return chunks if reason is None else [*chunks, StreamChunk("", reason)]


class Growing:
    """What the items of a growing call come to that stand next to each other."""

    def __init__(self, item: PartialToolCall) -> None:
        self.call = (item.id, item.name, item.index)
        self.delta = ""
        self.parts: list[list[Any]] = []
        self.ended: str | None = None

    def add(self, item: PartialToolCall) -> None:
        self.delta += item.delta
        self.parts = joined_parts(self.parts, item.parts)
        self.ended = item.ended

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Growing) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Growing({self.call}, {self.delta!r}, {self.parts}, {self.ended!r})"


def joined(items: Iterable[Item]) -> list[ToolCall | Growing]:
    """Join what was cut: neighbours of one growing call, and in them neighbours of one place."""
    out: list[ToolCall | Growing] = []
    for item in items:
        if isinstance(item, ToolCall):
            out.append(item)
            continue
        last = out[-1] if out else None
        if not isinstance(last, Growing) or last.call != (item.id, item.name, item.index):
            last = Growing(item)
            out.append(last)
        last.add(item)
    return out


def joined_parts(parts: list[list[Any]], more: Iterable[PartialJSON[Any]]) -> list[list[Any]]:
    """Join what is new of a document: the pieces of one string, and what begins and ends at once."""
    parts = list(parts)
    for part in more:
        if parts and parts[-1][0] == part.path:
            if isinstance(part.delta, str):
                parts[-1][2] += part.delta
            parts[-1][3] = part.complete
        else:
            parts.append([part.path, part.kind, part.delta, part.complete])
    return parts
