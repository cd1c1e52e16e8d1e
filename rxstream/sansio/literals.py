"""Any number of literal strings, found in a text that is still coming.

An automaton after Aho and Corasick: the literals form a tree, and from each node a link leads to the longest
end of what it stands for with which a literal begins as well. Of the matches the leftmost is taken, and of
those that start together the longest; matches do not overlap.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator

__all__ = ("LiteralScanner", "fold")


def fold(text: str) -> str:
    """Make all letters small that have exactly one small form, which has exactly one capital.

    So the length stays: "ß", "İ" and the Kelvin sign are letters of their own here.
    """
    return "".join(
        small
        if len(small := c.lower()) == 1 and small.upper() == c
        else c  # one by one: "Σ" in a word is not
        for c in text
    )


class LiteralScanner:
    """Cuts a text into what is between the literals and the literals, each as soon as it is certain.

    Gives pairs: text that no literal covers (it may be empty) and ``None``, or the text of a match and
    the literal that it is. With ``ignore_case`` letters are compared by ``fold``. No more is held back than
    the beginning of a literal. Time grows with the text, not with the number of literals. (In a text made
    for it, "aaaa..." for "a" and "aa...ab", each character is looked at as often as the longest is long.)
    """

    __slots__ = (
        "_children",
        "_depths",
        "_ends",
        "_fails",
        "_first",
        "_held",
        "_literals",
        "_match",
        "_node",
    )

    def __init__(self, literals: Iterable[str], *, ignore_case: bool = False) -> None:
        self._children: list[dict[str, int]] = [{}]
        self._depths = [0]
        #: Node -> the longest literal that ends there, as its number; -1: none does.
        self._ends = [-1]
        self._literals = list(dict.fromkeys(literals))
        self._fails = [0]
        for number, literal in enumerate(self._literals):
            self._plant(number, literal, ignore_case=ignore_case)
        self._link()
        self._first = re.compile(f"[{''.join(map(re.escape, self._children[0]))}]").search
        #: The node reached, and the text that it stands for: the beginning of a literal.
        self._node = 0
        self._held = ""
        #: Start and end in `_held`, and number, of a match that one longer or further left may displace.
        self._match: tuple[int, int, int] | None = None

    def _plant(self, number: int, literal: str, *, ignore_case: bool) -> None:
        node = 0
        for c in fold(literal) if ignore_case else literal:
            child = self._children[node].get(c)
            if child is None:
                child = self._children[node][c] = len(self._children)
                if ignore_case and fold(c.upper()) == c:
                    self._children[node][c.upper()] = child
                self._children.append({})
                self._depths.append(self._depths[node] + 1)
                self._ends.append(-1)
                self._fails.append(0)
            node = child
        self._ends[node] = number

    def _link(self) -> None:
        waiting = deque(self._children[0].values())
        while waiting:
            node = waiting.popleft()
            for c, child in self._children[node].items():
                fail = self._fails[node]
                while fail and c not in self._children[fail]:
                    fail = self._fails[fail]
                self._fails[child] = fail = self._children[fail].get(c, 0)
                if self._ends[child] < 0:
                    self._ends[child] = self._ends[fail]
                waiting.append(child)

    def passes(self, chunk: str) -> bool:
        """Say if nothing is held back and no literal begins in the chunk: it may pass whole, unfed."""
        return not self._node and self._first(chunk) is None

    def feed(self, chunk: str) -> Iterator[tuple[str, str | None]]:
        """Cut up what is certain now."""
        text = self._held + chunk
        return self._scan(text, len(self._held))

    def _scan(self, text: str, pos: int) -> Iterator[tuple[str, str | None]]:
        children, fails, depths, ends = self._children, self._fails, self._depths, self._ends
        node, match, out, size = self._node, self._match, 0, len(text)
        while pos < size:
            if not node:
                found = self._first(text, pos)
                if found is None:
                    break
                pos = found.start()
            child = children[node].get(text[pos])
            if child is None:
                node = fails[node]
                if match is None or pos - depths[node] <= match[0]:
                    continue
            else:
                pos += 1
                node = child
                if ends[node] < 0:
                    continue
                start = pos - len(self._literals[ends[node]])
                if match is None or start <= match[0]:
                    match = (start, pos, ends[node])
                if children[node]:
                    continue
            # Nothing that begins where the match does, or before it, can go on.
            yield text[out : match[0]], None
            yield text[match[0] : match[1]], self._literals[match[2]]
            out = pos = match[1]
            node, match = 0, None
        start = size - depths[node]
        yield text[out:start], None
        self._node, self._held = node, text[start:]
        self._match = match and (match[0] - start, match[1] - start, match[2])

    def close(self) -> Iterator[tuple[str, str | None]]:
        """Cut up the rest: what has only begun is no match."""
        while self._match is not None:
            text, (start, end, number) = self._held, self._match
            yield text[:start], None
            yield text[start:end], self._literals[number]
            self._node, self._match, self._held = 0, None, ""
            yield from self._scan(text[end:], 0)
        yield self._held, None
