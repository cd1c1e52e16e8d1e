"""JSONPath, as much of it as can be told while the document is still being written.

Names, quoted names, indices and ``*``: ``$.items[*]['unit price'][0]``. Negative indices, slices, filters
and ``..`` need what has not come yet, or give a value twice.

https://www.rfc-editor.org/rfc/rfc9535
"""

import json
import re
from collections.abc import Sequence
from typing import Final

__all__ = ("ANY", "Step", "parse_path", "parse_place", "show_path")

#: ``*``: every member of an object, every element of an array.
ANY: Final = None

Step = str | int | None

#: Letters, ``_`` and all that is not ASCII; then digits too. Said by what is none: that compiles at once.
_NAME: Final = r"[^\x00-@\[-\^`{-\x7f][^\x00-/:-@\[-\^`{-\x7f]*"
_STEP: Final = re.compile(
    rf"\.(?P<name>{_NAME})|(?P<any>\.\*|\[\*\])|\[(?P<index>0|[1-9][0-9]*)\]"
    r"""|\[(?P<quote>['"])(?P<quoted>(?:[^'"\\]|\\.|(?!(?P=quote))['"])*)(?P=quote)\]""",
    re.DOTALL,
)
#: What a name in single quotes has to lose, and gain, to be a JSON string.
_TO_JSON: Final = re.compile(r"""\\(')|(")|(\\.)|([^"\\])""", re.DOTALL)
_PLAIN: Final = re.compile(_NAME)


def parse_path(path: str) -> tuple[Step, ...]:
    """Read a path: names as str, indices as int, ``*`` as ``ANY``; ``$`` alone gives no steps.

    Raises ValueError, with the place, for what is no path or cannot be told from a stream.
    """
    if not isinstance(path, str):
        raise TypeError(f"expected a JSONPath such as '$.items[*]', got {path!r}")
    if not path.startswith("$"):
        raise ValueError(f"expected a JSONPath, which starts with '$', such as '$.items[*]', got {path!r}")
    steps: list[Step] = []
    place = 1
    while place < len(path):
        match = _STEP.match(path, place)
        if match is None:
            raise ValueError(
                f"expected .name, ['quoted name'], [index], .* or [*] at character {place} of the path, got "
                f"{path[place:]!r} in {path!r}; other names are written ['like this'], and slices, filters, "
                "negative indices and '..' cannot be told while the document is being written"
            )
        if match["index"] is not None:
            steps.append(int(match["index"]))
        elif match["any"] is not None:
            steps.append(ANY)
        else:
            steps.append(match["name"] or _unquoted(match["quoted"], path))
        place = match.end()
    return tuple(steps)


def parse_place(path: str | Sequence[str | int]) -> tuple[str | int, ...]:
    """Read the path of one place: a JSONPath without ``*``, or keys and indices.

    Raises ValueError for a str that is no such path, TypeError for anything else.
    """
    steps: Sequence[Step] = parse_path(path) if isinstance(path, str) else path
    if isinstance(steps, Sequence) and not isinstance(steps, bytes | bytearray):
        place = tuple([step for step in steps if isinstance(step, str | int)])
        if len(place) == len(steps):
            return place
    kind = ValueError if isinstance(path, str) else TypeError
    raise kind(f"expected the path of one place, such as '$.items[0]' or ('items', 0), got {path!r}")


def _unquoted(name: str, path: str) -> str:
    """Decode a quoted name, whose escapes are JSON's, and the single quote."""
    parts = (one or ('\\"' if two else three or four) for one, two, three, four in _TO_JSON.findall(name))
    try:
        return str(json.loads(f'"{"".join(parts)}"', strict=False))
    except ValueError:
        raise ValueError(f"expected JSON's escapes in the quoted name {name!r} of {path!r}") from None


def show_path(steps: Sequence[Step]) -> str:
    """Write a path: the opposite of ``parse_path``."""
    return "$" + "".join(map(_show, steps))


def _show(step: Step) -> str:
    if step is None:
        return "[*]"
    if isinstance(step, int):
        return f"[{step}]"
    if _PLAIN.fullmatch(step):
        return f".{step}"
    quoted = step.replace("\\", "\\\\").replace("'", "\\'")
    return f"['{quoted}']"
