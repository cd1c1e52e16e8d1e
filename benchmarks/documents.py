"""JSON documents and prose with JSON in it: the same in every run."""

import json
import random
from typing import AnyStr

__all__ = ("cut", "one_string", "prose", "records")

SEED = 20261122


def records(size: int) -> str:
    """Return an array of small records, of about that many characters."""
    chance = random.Random(SEED)
    found: list[str] = []
    length = 0
    while length < size:
        record = json.dumps(
            {
                "id": len(found),
                "name": f"item {len(found)}",
                "price": round(chance.random() * 100, 2),
                "tags": ["a", "bc", "def"],
                "ok": chance.random() < 0.5,
                "parent": None,
                "text": 'The quick brown "fox" jumps.\n',
            }
        )
        found.append(record)
        length += len(record) + 2
    return f"[{', '.join(found)}]"


def one_string(size: int) -> str:
    """Return a tool call's arguments: a path, and a program to write there, with its line ends and quotes."""
    line = 'def greet(name: str) -> str:\n    return f"Hello, {name}!"  # said to all who ask\n\n'
    return json.dumps({"path": "a/b.py", "content": line * (size // len(line))})


def prose(objects: int) -> str:
    """Return prose with so many small objects in it, one in about 500 characters."""
    text = "Some prose that says nothing at all, and goes on for a while, so that it is long. " * 5
    found = (json.dumps({"id": n, "name": f"x {n}", "values": [1, 2.5, None]}) for n in range(objects))
    return "".join(f"{text}{one} and then " for one in found)


def cut(text: AnyStr, size: int = 4) -> list[AnyStr]:
    """Cut a text or a body into chunks of one size: a token has about four characters."""
    return [text[place : place + size] for place in range(0, len(text), size)]
