"""Long texts on which readers of JSON have been slow, for law 3: each of about any size."""

from collections.abc import Callable
from typing import Final

__all__ = ("LONG", "in_fours", "repeated")


def repeated(unit: str, before: str = "", after: str = "") -> Callable[[int], str]:
    """Write a unit over and over, up to about a size."""
    return lambda size: before + unit * (size // len(unit) + 1) + after


LONG: Final[tuple[tuple[str, Callable[[int], str]], ...]] = (
    ("arrays in arrays", repeated("[")),
    ("objects in objects", repeated('{"a":')),
    ("braces", repeated("{")),
    ("closing brackets", repeated("]}", "[[{")),
    ("backslashes", repeated("\\\\", '{"a":"')),
    ("quotes", repeated('"')),
    ("quotes in an object", repeated('"', "{")),
    ("digits", repeated("7", '[{"a":1.')),
    ("an exponent", repeated("7", "[1e")),
    ("white space", repeated(" \n", '{"a":')),
    ("one long string", repeated("lorem ipsum ", '[{"a":"', '"}]')),
    ("one string of escapes", repeated("\\u00e9\\n\\ud83d\\ude00", '[{"a":"')),
    ("one long key", repeated("lorem ipsum ", '{"')),
    ("records", repeated('{"a": 12, "b": ["x", true], "c": {"d": null}}, ', "[")),
    ("short strings", repeated('"a",', "[")),
    ("short numbers", repeated("1,", "[")),
    ("equal keys", repeated('"a":1,', "{")),
    ("objects in prose", repeated('See {"a": 1} and {b}. ')),
    ("objects that break in an escape", repeated('{"\\x')),
    ("objects that break at once", repeated("{x\n")),
    ("objects that break late", repeated('{"a": [1, {"b": tru_\n')),
)


def in_fours(make: Callable[[int], str]) -> Callable[[int], list[str]]:
    """Cut such a text into chunks of four."""

    def chunks(size: int) -> list[str]:
        text = make(size)
        return [text[place : place + 4] for place in range(0, len(text), 4)]

    return chunks
