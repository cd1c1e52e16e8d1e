"""What one stream of the soak run is to do: drawn from the seed and its number, and from nothing else."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final, TypeVar

from rxstream.testing import Fault
from rxstream.testing.faults import Faults
from rxstream.testing.replies import tokens_of

__all__ = ("Draw", "Trouble")

T = TypeVar("T")

_PROSE: Final = (
    "The sea is old.  It was here before us,\n\nand it does not hurry. ",
    "👩‍👩‍👧 live there, 🇩🇪🇫🇷 too: 日本語のテキスト。\n\n",
    "People come to its edge, stand still for a while, and go home with lighter hearts. ",
    "```python\nprint('e\u0301')\n```\n\n- one\n- two ",
    "Whoever counts the waves (1, 2, 3 ... 1,024) is <b>there</b> for long.\r\n",
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """A fault, and the names of the errors of which one is due, if nobody goes on behind it."""

    fault: Faults
    errors: frozenset[str]


class Draw:
    """The choices of one stream; ``said`` is all of them, to be printed if it fails."""

    def __init__(self, seed: int, number: int) -> None:
        self.number = number
        self.said: list[str] = []
        self._random = Random(f"{seed}:{number}")

    def __str__(self) -> str:
        return ", ".join(self.said)

    def one(self, what: str, options: Sequence[T], weights: Sequence[float] | None = None) -> T:
        """Choose one of several; what is said of it is a name, so options are names, numbers or faults."""
        (chosen,) = self._random.choices(options, weights)
        self.said.append(f"{what}={chosen!r}")
        return chosen

    def count(self, what: str, least: int, most: int) -> int:
        """Choose a number, both ends included."""
        return self.one(what, range(least, most + 1))

    def chance(self, what: str, probability: float) -> bool:
        """Choose whether something is done."""
        return self.one(what, (True, False), (probability, 1 - probability))

    def seconds(self, what: str, most: float) -> float:
        """Choose a time."""
        chosen = round(self._random.random() * most, 4)
        self.said.append(f"{what}={chosen}")
        return chosen

    # ------------------------------------------------------------ answers

    def text(self, *, of: str = "") -> str:
        """Make a text that no other stream has: what is said to one must not be heard by another."""
        parts = self._random.choices(_PROSE, k=self.count("parts", 1, 5))
        return f"No. {self.number}{of}. {''.join(parts)}"

    def document(self) -> str:
        """Make a JSON text."""
        values: list[Any] = [1, -2.5e-7, None, True, "x y\n", "👍🏽 ", {"ü": [[]]}, ["a", {}], 10**20]
        found = {f"key {n}": value for n, value in enumerate(self._random.choices(values, k=8))}
        indent = self.one("indent", (None, 1))
        return json.dumps({"number": self.number, **found}, ensure_ascii=False, indent=indent)

    # ------------------------------------------------------------ faults of a chat completion

    def early(self) -> Trouble:
        """Fail before the first content."""
        kind = self.one("early", ("cut", "reset", "silent_end", "truncated", "frame", "status", "refused"))
        if kind == "refused":
            return Trouble(Fault.refused(), frozenset(("APIConnectionError",)))
        if kind == "status":
            status = self.one("status", (408, 409, 429, 500, 503))
            fault = Fault.status(status, retry_after=self.one("retry after", (None, 0, 0.01)))
            return Trouble(fault, frozenset((f"HTTP {status}",)))
        return self._at(kind, self.count("events", 0, 1))

    def middle(self, answer: str) -> Trouble:
        """Fail in the middle of the answer's text, or right behind it."""
        kind = self.one("middle", ("cut", "reset", "silent_end", "truncated", "frame", "html"))
        # The role is the first event.
        return self._at(kind, self.count("events", 2, 1 + len(tokens_of(answer))))

    def passing(self, answer: str) -> Trouble:
        """Fail in a way that another attempt mends."""
        if self.chance("fails early", 0.4):
            return self.early()
        trouble = self.middle(answer)
        if self.chance("drips", 0.05):
            drip = Fault.drip(size=50, pause=0.001)
            return Trouble((drip, *_flat(trouble.fault)), trouble.errors)
        return trouble

    def hopeless(self, answer: str) -> Trouble:
        """Fail in a way that no other attempt mends."""
        kind = self.one("hopeless", ("status", "json", "utf-8", "frame"))
        if kind == "status":
            status = self.one("status", (400, 401, 403, 404, 422))
            return Trouble(Fault.status(status), frozenset((f"HTTP {status}",)))
        events = self.count("events", 1, 1 + len(tokens_of(answer)))
        if kind == "frame":
            code: Any = self.one("code", (400, 403, "insufficient_quota"))
            fault = Fault.error_frame(code=code, after_events=events)
            return Trouble(fault, frozenset(("ProviderError",)))
        garbage: Any = kind
        return Trouble(Fault.garbage(data=garbage, after_events=events), frozenset(("MalformedStream",)))

    def _at(self, kind: str, events: int) -> Trouble:
        if kind == "frame":
            dialect: Any = self.one("dialect", ("openai", "openai-event", "llama.cpp"))
            fault = Fault.error_frame(
                dialect=dialect, code=self.one("status", (429, 500, 503)), after_events=events
            )
            return Trouble(fault, frozenset(("ProviderError",)))
        if kind == "html":
            # In the middle of a stream of events its lines are fields of no meaning: only the end shows it.
            fault = Fault.garbage(data="html", after_events=events)
            return Trouble(fault, frozenset(("StreamTruncated",)))
        if kind == "silent_end":
            return Trouble(Fault.silent_end(after_events=events), frozenset(("StreamTruncated",)))
        if kind == "reset":
            # It may overtake the headers.
            errors = frozenset(("ConnectionLost", "APIConnectionError"))
            return Trouble(Fault.reset(after_events=events), errors)
        make = Fault.cut if kind == "cut" else Fault.truncated_chunk
        return Trouble(make(after_events=events), frozenset(("ConnectionLost",)))


def _flat(faults: Faults) -> tuple[Fault, ...]:
    return () if faults is None else (faults,) if isinstance(faults, Fault) else faults
