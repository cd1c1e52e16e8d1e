"""Marble diagrams that can be executed: find them in docstrings, read them, compare them.

One column is one second of virtual time:

    --'Hel'--'lo wor'--'ld'----|
    buffer_words()
    ---------'Hello'-----------('world'|)

``-`` and a space are a second in which nothing happens. An item is a Python literal (a string, bytes, a
number, a list, a dict, ``True``, ``False``, ``None``), or a call of a capitalised name
(``Tagged(0, 'a')``); it comes at the column of its first character. ``|`` is the completion and ``#`` an
error. Everything in a group ``(...)`` comes at the column of the ``(``; spaces and commas between its
items mean nothing. A ``>`` may end a line that goes on.
A diagram is one or more lines of sources, one line with the operator, and the line of the result.
"""

import ast
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

__all__ = ("Diagram", "Notification", "assert_marbles", "find_diagrams", "format_difference", "parse_marbles")

#: Two times that are closer than this are the same: sums of seconds are rounded.
_SAME_TIME = 1e-6

_QUOTED = re.compile(r"""b?'(?:[^'\\]|\\.)*'|b?"(?:[^"\\]|\\.)*\"""")
_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?")
_NAME = re.compile(r"(?:True|False|None)\b")
_CALL = re.compile(r"[A-Z]\w*(?=\()")
_BRACKETS = {"(": ")", "[": "]", "{": "}"}

_OPERATOR = re.compile(r"[A-Za-z_][\w.]*\(")
#: What nobody writes who does not mean a diagram: time, and then something happens in it.
_MEANT = re.compile(r"""-{2,}['"(|#]""")


@dataclass(slots=True)
class Notification:
    """What happens at one moment. The ``value`` of an error drawn as ``#`` is None: any error will do.

    From ``parse_marbles``. ``kind``: "next", "error" or "completed". ``value``: the item, or the error.
    """

    kind: Literal["next", "error", "completed"]
    value: Any = None

    def __str__(self) -> str:
        return {"error": "#", "completed": "|"}.get(self.kind) or repr(self.value)


@dataclass(slots=True)
class Diagram:
    """A marble diagram as it stands in a docstring, its lines cut to a common first column.

    From ``find_diagrams``. ``sources``: the lines above the operator, the first of which it is applied to.
    ``operator``: the line that calls it. ``result``: the line below. ``lineno``: the docstring's line, from
    1, on which the diagram starts.
    """

    sources: list[str]
    operator: str
    result: str
    lineno: int


def parse_marbles(line: str, *, names: Mapping[str, Any] | None = None) -> list[tuple[float, Notification]]:
    """Read one line of a diagram: what happens, with the second at which it does.

        for moment, what in parse_marbles("--'a'-(3|)"):
            print(moment, what.kind, what.value)
        #> 2.0 next a
        #> 6.0 next 3
        #> 6.0 completed None

    ``line``: in the grammar that stands at the top of ``rxstream.testing.marbles``. ``names`` are the names
    that calls in it may use: ``{"Tagged": Tagged}``.

    Raises ValueError, with a caret under the place, for whatever is not in the grammar.
    """
    return list(_Reader(line, {} if names is None else names).read())


def find_diagrams(docstring: str) -> list[Diagram]:
    """Find the diagrams in a docstring: marble lines, a line that calls something, a marble line.

        for diagram in find_diagrams(rxs.accumulate.__doc__):
            print(diagram.operator, diagram.sources)  #> accumulate() ["--'Hel'--'lo'-----|"]

    Ordinary code of the ``docstring`` is passed over. A line that can only be meant as marbles (``--'a'``)
    and is not part of a diagram raises ValueError: a diagram with a slip must not silently count as none.
    """
    found: list[Diagram] = []
    lines = docstring.expandtabs().splitlines()
    sources: list[int] = []
    operator = -1
    used: set[int] = set()
    for number, line in enumerate(lines):
        if _is_marbles(line):
            if operator < 0:
                sources.append(number)
                continue
            block = [*sources, operator, number]
            used.update(block)
            left = min(len(lines[row]) - len(lines[row].lstrip()) for row in block)
            *drawn, called, result = (lines[row][left:].rstrip() for row in block)
            found.append(Diagram(drawn, called.strip(), result, block[0] + 1))
        elif sources and operator < 0 and _OPERATOR.match(line.lstrip()):
            operator = number
            continue
        sources, operator = [], -1
    for number, line in enumerate(lines):
        if number not in used and _MEANT.match(line.lstrip()):
            raise ValueError(
                f"line {number + 1} looks like marbles, but is not part of a diagram: {line.strip()!r}. "
                "A diagram is lines of marbles, one line that calls an operator, one line of marbles; "
                "check the quotes of the items, and that nothing follows the end (| or #)."
            )
    return found


def format_difference(
    expected: Sequence[tuple[float, Notification]], got: Sequence[tuple[float, Notification]]
) -> str:
    """Say where two sequences differ, showing both as marbles and as times; "" if they are alike.

        print(format_difference(parse_marbles("--'a'-|"), parse_marbles("---'a'|")))
        #> the marbles differ at number 1: expected 'a' at 2 s, got 'a' at 3 s
        #> expected: --'a'-|
        #>           'a' at 2 s, completion at 6 s
        #> got:      ---'a'|
        #>           'a' at 3 s, completion at 6 s

    ``expected`` and ``got`` are lists as ``parse_marbles`` gives them. Times may differ by a microsecond; an
    expected error without a value is any error. To fail with that text there is ``assert_marbles``.
    """
    for place in range(max(len(expected), len(got))):
        want, have = expected[place : place + 1], got[place : place + 1]
        if not (want and have and _alike(want[0], have[0])):
            break
    else:
        return ""
    rows = [f"the marbles differ at number {place + 1}: expected {_list(want)}, got {_list(have)}"]
    for name, marbles in (("expected", expected), ("got", got)):
        drawn = _draw(marbles)
        rows.append(f"{name + ':':<10}{_list(marbles) if drawn is None else drawn}")
        if drawn is not None:
            rows.append(f"{'':<10}{_list(marbles)}")
    return "\n".join(rows)


def assert_marbles(
    expected: Sequence[tuple[float, Notification]], got: Sequence[tuple[float, Notification]]
) -> None:
    """Fail with ``format_difference`` if what happened is not what was expected.

        def test_a_stream():
            got = [(2.0, Notification("next", "a")), (6.0, Notification("completed"))]
            assert_marbles(parse_marbles("--'a'-|"), got)

    ``expected`` and ``got`` are lists as ``parse_marbles`` gives them. Raises AssertionError.
    """
    difference = format_difference(expected, got)
    if difference:
        raise AssertionError(difference)


@dataclass(slots=True)
class _Reader:
    """Reads a line from left to right."""

    line: str
    names: Mapping[str, Any]
    place: int = 0
    #: The column of the group's parenthesis while within one.
    group: int | None = None
    over: bool = field(default=False)

    def read(self) -> Iterator[tuple[float, Notification]]:
        line = self.line
        while self.place < len(line):
            start, char = self.place, line[self.place]
            self.place += 1
            if (
                char == " "
                or (char == "-" and self.group is None)
                or (char == "," and self.group is not None)
            ):
                continue
            if char == ">" and self.group is None and not line[self.place :].strip():
                return
            if char == ")" and self.group is not None:
                self.group = None
            elif self.over:
                self.fail(start, "nothing after the end")
            elif char == "(" and self.group is None:
                self.group = start
            else:
                yield float(start if self.group is None else self.group), self.marble(start, char)
        if self.group is not None:
            self.fail(self.group, "a ')' for this '('")

    def marble(self, start: int, char: str) -> Notification:
        if char in "|#":
            self.over = True
            return Notification("completed" if char == "|" else "error")
        # Only within a group is a "-" a sign: outside it is a second.
        signed = char == "-"
        end = _item_end(self.line, start + signed)
        if end is None:
            self.fail(start, "'-', an item, a group '(...)', '|' or '#'")
        self.place = end
        source = self.line[start:end]
        try:
            if _CALL.match(source):
                # Written by whoever wrote the docstring, which is code too.
                return Notification("next", eval(source, dict(self.names)))  # noqa: S307
            return Notification("next", ast.literal_eval(source))
        except (NameError, SyntaxError, TypeError, ValueError) as error:
            self.fail(start, f"an item ({error})")

    def fail(self, column: int, expected: str) -> NoReturn:
        got = self.line[column : column + 1]
        raise ValueError(f"column {column}: expected {expected}, got {got!r}\n{self.line}\n{' ' * column}^")


def _item_end(line: str, start: int) -> int | None:
    """Find where the item that starts here ends; None if none starts here."""
    for pattern in (_QUOTED, _NUMBER, _NAME):
        match = pattern.match(line, start)
        if match is not None:
            return match.end()
    call = _CALL.match(line, start)
    opening = start if call is None else call.end()
    if line[opening : opening + 1] not in (("(",) if call else ("[", "{")):
        return None
    closing: list[str] = []
    place = opening
    while place < len(line):
        quoted = _QUOTED.match(line, place)
        if quoted is not None:
            place = quoted.end()
            continue
        char = line[place]
        place += 1
        if char in _BRACKETS:
            closing.append(_BRACKETS[char])
        elif closing and char == closing[-1]:
            closing.pop()
            if not closing:
                return place
    return None


def _is_marbles(line: str) -> bool:
    """Tell whether a line could be one of a diagram; whether its items have a value is asked later."""
    place, moments, over, group = len(line) - len(line.lstrip()), 0, False, False
    while place < len(line):
        char = line[place]
        if char in "|#" and not over:
            over = True
        elif char == "(" and not group and not over:
            group = True
        elif char == ")" and group:
            group = False
        elif char not in "- ," or (char == "," and not group):
            if char == ">" and not line[place + 1 :].strip():
                break
            end = None if over else _item_end(line, place)
            if end is None:
                return False
            place = end
            continue
        moments += char in "|#-"
        place += 1
    return moments > 0 and not group


def _alike(want: tuple[float, Notification], have: tuple[float, Notification]) -> bool:
    (at, expected), (when, got) = want, have
    if not math.isclose(at, when, rel_tol=0, abs_tol=_SAME_TIME) or expected.kind != got.kind:
        return False
    if expected.kind == "error" and expected.value is None:
        return True
    return bool(expected.value == got.value)


def _list(marbles: Iterable[tuple[float, Notification]]) -> str:
    words = {"completed": "completion", "error": "an error"}
    shown = [
        f"{words[what.kind] if what.value is None and what.kind in words else f'{what.value!r}'} at {at:g} s"
        for at, what in marbles
    ]
    return ", ".join(shown) or "nothing"


def _draw(marbles: Iterable[tuple[float, Notification]]) -> str | None:
    """Draw marbles to scale; None if they fall between the columns, or stand too close for that."""
    moments: dict[float, list[str]] = {}
    for at, what in marbles:
        moments.setdefault(round(at, 6), []).append(str(what))
    line = ""
    for at, items in moments.items():
        if at != int(at) or at < len(line):
            return None
        line = line.ljust(int(at), "-") + (items[0] if len(items) == 1 else f"({' '.join(items)})")
    return line
