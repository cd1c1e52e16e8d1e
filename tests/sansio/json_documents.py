"""JSON documents for the tests of everything that reads JSON, and slow readers that are plainly right.

``nodes`` draws what a document holds, ``documents`` the document as text: in the styles of ``json.dumps``
and in a hand that varies white space, escapes and the spelling of numbers. An object is ``Pairs`` where
equal keys matter.

``Slow`` is RFC 8259 as coroutines, one character at a time; ``known`` says what is certain of a document
that has been cut off; ``objects_in`` finds the objects in a text.
"""

import json
import re
from collections.abc import Generator, Iterator, Sequence
from random import Random
from typing import Any, Final, TypeAlias

from hypothesis import strategies as st

__all__ = (
    "NOTHING",
    "Break",
    "Pairs",
    "contained",
    "documents",
    "equal",
    "events",
    "is_json",
    "known",
    "mutated",
    "nested",
    "nodes",
    "objects_in",
    "plain",
    "read",
    "written",
)

Path: TypeAlias = tuple[str | int, ...]


class Pairs(tuple[tuple[str, Any], ...]):
    """An object's members in the order in which they stand, equal keys too."""

    __slots__ = ()


# ---------------------------------------------------------------- documents

_TROUBLE: Final = (
    '"',
    "\\",
    "/",
    "\b\f\n\r\t",
    "\x00\x1f",
    "\x7f\x85\u2028",
    "é",
    "語",
    "👍",
    "𝄞",
    "\ud7ff\ue000",
)
_TEXTS: Final = st.one_of(
    st.sampled_from(["", "a", "b", "id", "the quick brown fox", "{", '[1, "x"]', "unit price", "0", "true"]),
    st.lists(st.sampled_from(_TROUBLE), max_size=5).map("".join),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)
_SCALARS: Final = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 120),
    st.integers(-(10**300), 10**300),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        [0.0, -0.0, 1e-320, 5e-324, 1.7976931348623157e308, 0.1, 1e22, 1e23, 2**53, -(2**63), 2**64]
    ),
    _TEXTS,
)


def _inside(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.lists(children, max_size=4), st.lists(st.tuples(_TEXTS, children), max_size=4).map(Pairs)
    )


#: Any JSON value, with objects as pairs.
nodes: Final[st.SearchStrategy[Any]] = st.recursive(_SCALARS, _inside, max_leaves=12)


def plain(node: Any) -> Any:
    """Give a node as ``json.loads`` would: of equal keys the last."""
    if isinstance(node, Pairs):
        return {key: plain(value) for key, value in node}
    return [plain(one) for one in node] if node.__class__ is list else node


def written(node: Any, seed: int) -> str:
    """Write a node in a hand of its own, which depends on the seed; equal keys stand as they are."""
    return "".join(_written(node, Random(seed)))


def _written(node: Any, rng: Random) -> Iterator[str]:
    yield _space(rng)
    if isinstance(node, str):
        yield _string(node, rng)
    elif isinstance(node, bool) or node is None:
        yield {True: "true", False: "false", None: "null"}[node]
    elif isinstance(node, int | float):
        yield _number(node, rng)
    else:
        yield "{" if isinstance(node, Pairs) else "["
        for place, one in enumerate(node):
            if place:
                yield ","
            if isinstance(node, Pairs):
                yield _space(rng) + _string(one[0], rng) + _space(rng) + ":"
                one = one[1]  # noqa: PLW2901 - the member's value
            yield from _written(one, rng)
        if not node:
            yield _space(rng)
        yield "}" if isinstance(node, Pairs) else "]"
    yield _space(rng)


def _space(rng: Random) -> str:
    return rng.choice(("", "", "", " ", "\n", "\t\r\n ", "  "))


_SHORT: Final = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _string(text: str, rng: Random) -> str:
    often = rng.choice((0.0, 0.1, 1.0))
    out: list[str] = []
    for char in text:
        escaped = rng.random() < often
        if char in _SHORT and not escaped:
            out.append(_SHORT[char])
        elif char == "/" and rng.random() < 0.5:
            out.append("\\/")
        elif char < " " or escaped:
            units = char.encode("utf-16-be")
            for place in range(0, len(units), 2):
                digits = units[place : place + 2].hex()
                out.append("\\u" + "".join(rng.choice((one, one.upper())) for one in digits))
        else:
            out.append(char)
    return '"' + "".join(out) + '"'


def _number(number: float, rng: Random) -> str:
    if isinstance(number, int):
        return "-0" if number == 0 and rng.random() < 0.3 else str(number)
    text = repr(number)
    mantissa, e, exponent = text.partition("e")
    if e:
        sign = exponent[0] if exponent[0] in "+-" else ""
        digits = exponent.lstrip("+-")
        sign = sign or rng.choice(("", "+"))
        return mantissa + rng.choice("eE") + sign + rng.choice(("", "0", "00")) + digits
    if rng.random() < 0.3:
        return text + rng.choice(("e0", "E+00", "0", "000e-0"))
    return text


def _dumped(node: Any, seed: int) -> str:
    rng = Random(seed)
    return json.dumps(
        plain(node),
        indent=rng.choice((None, 2)),
        separators=rng.choice(((",", ":"), (", ", ": "))),
        ensure_ascii=rng.random() < 0.5,
    )


def documents(of: st.SearchStrategy[Any] = nodes) -> st.SearchStrategy[str]:
    """Draw documents as text."""
    return st.builds(_in_some_hand, of, st.integers(0, 10_000))


def _in_some_hand(node: Any, seed: int) -> str:
    return _dumped(node, seed) if seed % 3 == 0 else written(node, seed)


def nested() -> st.SearchStrategy[str]:
    """Draw documents that are an object or an array: those that can be found in other text."""
    return documents(_inside(nodes))


def mutated(text: str, seed: int) -> str:
    """Delete, insert or swap a character or two: most often it is no JSON any more."""
    rng = Random(seed)
    chars = list(text)
    for _ in range(rng.choice((1, 1, 2))):
        place = rng.randrange(len(chars) + 1)
        action = rng.randrange(3)
        if action == 0 or not chars[place:]:
            chars.insert(place, rng.choice('{}[],:"\\/bu0123456789eE+-.tfn \n\x00\x0c\u00a0aé\ud83d'))
        elif action == 1:
            del chars[place]
        elif place + 1 < len(chars):
            chars[place], chars[place + 1] = chars[place + 1], chars[place]
    return "".join(chars)


def equal(one: Any, other: Any) -> bool:
    """Compare values, deep ones too, telling 1 from True and from 1.0, and 0.0 from -0.0."""
    pairs = [(one, other)]
    while pairs:
        a, b = pairs.pop()
        if a.__class__ is not b.__class__:
            return False
        if a.__class__ is dict:
            if a.keys() != b.keys():
                return False
            pairs.extend((a[key], b[key]) for key in a)
        elif a.__class__ is list:
            if len(a) != len(b):
                return False
            pairs.extend(zip(a, b, strict=True))
        elif repr(a) != repr(b) if isinstance(a, float) else a != b:
            return False
    return True


# ---------------------------------------------------------------- the grammar, a character at a time


class Break(Exception):
    """This character cannot stand here."""


#: Asks for a character, and may give back the one behind its end.
Rule: TypeAlias = Generator[None, str, str]
_WHITE: Final = " \t\n\r"
_HEX: Final = "0123456789abcdefABCDEF"
_DIGITS: Final = "0123456789"


def _need(condition: object) -> None:
    if not condition:
        raise Break


def _behind_space(c: str) -> Rule:
    while not c or c in _WHITE:
        c = yield
    return c


def _value(c: str, depth: int) -> Rule:
    """Read the value that begins with this character; give what was read behind it: "" if nothing."""
    if c == "{":
        _need(depth > 0)
        return (yield from _object(depth - 1))
    if c == "[":
        _need(depth > 0)
        return (yield from _array(depth - 1))
    if c == '"':
        return (yield from _rest_of_string())
    for word in ("true", "false", "null"):
        if c == word[0]:
            for letter in word[1:]:
                _need((yield) == letter)
            return (yield from _delimited((yield)))
    _need(c == "-" or c in _DIGITS)
    return (yield from _rest_of_number(c))


def _delimited(c: str) -> Rule:
    _need(c in ",]}" + _WHITE)
    return c
    yield  # a coroutine, as all rules


def _rest_of_number(c: str) -> Rule:
    if c == "-":
        c = yield
    _need(c in _DIGITS)
    if c == "0":
        c = yield
    else:
        while c in _DIGITS:
            c = yield
    if c == ".":
        c = yield
        _need(c in _DIGITS)
        while c in _DIGITS:
            c = yield
    if c in "eE":
        c = yield
        if c in "+-":
            c = yield
        _need(c in _DIGITS)
        while c in _DIGITS:
            c = yield
    return (yield from _delimited(c))


def _rest_of_string() -> Rule:
    while (c := (yield)) != '"':
        _need(c >= " " and not "\ud800" <= c <= "\udfff")
        if c == "\\":
            c = yield
            _need(c in '"\\/bfnrtu')
            if c == "u":
                yield from _rest_of_escape()
    return ""


def _rest_of_escape() -> Rule:
    first = yield
    _need(first in _HEX)
    second = yield
    _need(second in _HEX)
    if first in "dD" and second not in "01234567":
        _need(second in "89abAB")
        for allowed in (_HEX, _HEX, "\\", "u", "dD", "cdefCDEF", _HEX, _HEX):
            _need((yield) in allowed)
    else:
        _need((yield) in _HEX)
        _need((yield) in _HEX)
    return ""


def _array(depth: int) -> Rule:
    c = yield from _behind_space("")
    if c == "]":
        return ""
    while True:
        c = yield from _value(c, depth)
        c = yield from _behind_space(c)
        if c == "]":
            return ""
        _need(c == ",")
        c = yield from _behind_space("")


def _object(depth: int) -> Rule:
    c = yield from _behind_space("")
    if c == "}":
        return ""
    while True:
        _need(c == '"')
        yield from _rest_of_string()
        _need((yield from _behind_space("")) == ":")
        c = yield from _behind_space("")
        c = yield from _value(c, depth)
        c = yield from _behind_space(c)
        if c == "}":
            return ""
        _need(c == ",")
        c = yield from _behind_space("")


def _document(depth: int) -> Rule:
    c = yield from _behind_space("")
    return (yield from _value(c, depth))


def read(text: str, start: int = 0, depth: int = 500) -> tuple[int, bool]:
    """Read a value from ``start`` on: give the place behind it and True, or where it broke and False.

    The place of a value that is not over is the text's length, and False.
    """
    rule = _document(depth)
    next(rule)
    for place in range(start, len(text)):
        try:
            rule.send(text[place])
        except Break:
            return place, False
        except StopIteration as end:
            return place + (0 if end.value else 1), True
    return len(text), False


def is_json(text: str, depth: int = 500) -> bool:
    """Tell whether a text is one JSON value and nothing else."""
    # A space ends a number that stands alone; it is no part of it.
    end, whole = read(text + " ", 0, depth)
    return whole and not text[end:].strip(_WHITE)


def objects_in(text: str, depth: int = 500) -> tuple[list[Any], list[int]]:
    """Find the outermost objects in a text, and where what began like one broke."""
    found: list[Any] = []
    broken: list[int] = []
    place = text.find("{")
    while place >= 0:
        end, whole = read(text, place, depth)
        if whole:
            found.append(json.loads(text[place:end]))
        else:
            broken.append(end)
        place = text.find("{", end)
    return found, broken


# ---------------------------------------------------------------- what is known of a document

#: There is no value yet.
NOTHING: Final = object()

_PIECE: Final = re.compile(
    r'[^"\\]|\\["\\/bfnrt]|\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u(?![dD][89abAB])[0-9a-fA-F]{4}'
)
_TOKEN: Final = re.compile(r"[-+.0-9a-zA-Z]+")


def known(text: str) -> tuple[Any, set[Path]]:
    """Give what is certain of a valid document that is cut off somewhere, and the paths that are whole."""
    whole: set[Path] = set()
    value, _, _ = _known(text, 0, (), whole)
    return value, whole


def _skip(text: str, place: int) -> int:
    while place < len(text) and text[place] in _WHITE:
        place += 1
    return place


def _known(text: str, place: int, path: Path, whole: set[Path]) -> tuple[Any, int, bool]:
    """Give the value at a place, the place behind it, and whether it is over."""
    place = _skip(text, place)
    if place == len(text):
        return NOTHING, place, False
    token = _TOKEN.match(text, place)
    if token is not None and token.end() == len(text):
        return NOTHING, token.end(), False  # it may go on
    # A value begins here: whatever an equal key had before is gone.
    for one in [one for one in whole if one[: len(path)] == path]:
        whole.discard(one)
    if token is not None:
        value, place, over = json.loads(token[0]), token.end(), True
    elif text[place] == '"':
        value, place, over = _known_string(text, place + 1)
    elif text[place] == "[":
        value, place, over = _known_array(text, place + 1, path, whole)
    else:
        value, place, over = _known_object(text, place + 1, path, whole)
    if over:
        whole.add(path)
    return value, place, over


def _known_string(text: str, place: int) -> tuple[str, int, bool]:
    start = place
    while (piece := _PIECE.match(text, place)) is not None:
        place = piece.end()
    return json.loads(f'"{text[start:place]}"'), place + 1, text[place : place + 1] == '"'


def _known_array(text: str, place: int, path: Path, whole: set[Path]) -> tuple[Any, int, bool]:
    array: list[Any] = []
    while True:
        place = _skip(text, place)
        if place == len(text):
            return array, place, False
        if text[place] == "]":
            return array, place + 1, True
        if text[place] == ",":
            place += 1
        value, place, over = _known(text, place, (*path, len(array)), whole)
        if value is not NOTHING:
            array.append(value)
        if not over:
            return array, place, False


def _known_object(text: str, place: int, path: Path, whole: set[Path]) -> tuple[Any, int, bool]:
    obj: dict[str, Any] = {}
    while True:
        place = _skip(text, place)
        if place == len(text):
            return obj, place, False
        if text[place] == "}":
            return obj, place + 1, True
        if text[place] == ",":
            place = _skip(text, place + 1)
            if place == len(text):
                return obj, place, False
        key, place, over = _known_string(text, place + 1)
        if not over:
            return obj, place, False
        place = _skip(text, place)
        if place == len(text):
            return obj, place, False
        value, place, over = _known(text, place + 1, (*path, key), whole)
        if value is not NOTHING:
            obj[key] = value
        if not over:
            return obj, place, False


def contained(one: Any, other: Any) -> bool:
    """Tell whether a snapshot is contained in a later one: strings and containers only grow."""
    if isinstance(one, str):
        return isinstance(other, str) and other.startswith(one)
    if one.__class__ is list:
        return (
            other.__class__ is list and len(one) <= len(other) and all(map(contained, one, other[: len(one)]))
        )
    if one.__class__ is dict:
        return other.__class__ is dict and all(
            key in other and contained(one[key], other[key]) for key in one
        )
    return equal(one, other)


def events(items: Sequence[Any]) -> list[Any]:
    """Give what partial items say, where a string's pieces are cut left out: law 1 compares it.

    A string is its beginning, its characters and its end, so that of a text that goes on it says more, and
    takes nothing back.
    """
    said: list[Any] = []
    place: Any = None  # of the string that is open
    for item in items:
        path = item.path
        if item.kind != "string":
            said.append((path, item.kind, item.complete, repr(item.delta)))
            continue
        if path != place:
            said.append((path, "string"))
            place = path
        said += item.delta
        if item.complete:
            said.append((path, "end"))
            place = None
    return said
