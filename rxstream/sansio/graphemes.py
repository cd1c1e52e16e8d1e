r"""What a reader sees as one character."""

from collections.abc import Iterable

import regex

__all__ = ("Graphemes",)

_EXTENDING = r"\p{GCB=Extend}\p{GCB=ZWJ}\p{GCB=SpacingMark}"
# At every regional indicator \X counts back to the beginning of their run, so a long run would cost
# its square. Taken in pairs from the left, all but the last need no counting.
_CLUSTERS = regex.compile(r"\p{GCB=RI}{2}(?=\p{GCB=RI})|\X")
_ALL_EXTENDING = regex.compile(rf"[{_EXTENDING}]++")
_LAST_BASE = regex.compile(rf"(?r)\p{{GCB=RI}}{{2}}|[^{_EXTENDING}]")
_FINAL = regex.compile(r"[\p{GCB=Control}\n]")


class Graphemes:
    r"""Split the text into extended grapheme clusters (UAX #29), by ``\X`` of the ``regex`` package.

    Joining the output gives the input back. A cluster comes out when the next one begins, as the next
    character could always be one more accent; line feeds and control characters, which nothing extends,
    come out at once.

    Holds back one cluster, however many marks are piled on it.
    """

    # Whether a cluster goes on never depends on what lies before its last base character (one that is not
    # itself an extension of the one before it: the emoji before a joiner, the consonant before a virama) or
    # its last pair of regional indicators. So the cluster is held in three parts: what no decision needs any
    # more, the last base with what came with it, and marks behind it that came alone. The marks are not
    # looked at before another base comes, so that a cluster costs what its characters cost.
    __slots__ = ("_base", "_head", "_is_plain", "_marks")

    def __init__(self) -> None:
        self._head: list[str] = []
        self._base = ""
        self._marks: list[str] = []
        #: One printable ASCII character is held back, and nothing else.
        self._is_plain = False

    def feed(self, chunk: str) -> Iterable[str]:
        """Give the clusters that nothing can extend any more."""
        if self._is_plain and chunk.isascii() and chunk.isprintable():
            characters = [self._base, *chunk]
            self._base = characters.pop()
            return characters
        if not chunk:
            return ()
        base, marks = self._base, self._marks
        if base and base != "\r" and _ALL_EXTENDING.fullmatch(chunk):
            marks.append(chunk)
            self._is_plain = False
            return ()
        clusters: list[str] = _CLUSTERS.findall("".join((base, *marks, chunk)))
        marks.clear()
        self._hold(clusters)
        return clusters

    def close(self) -> Iterable[str]:
        """Give the last cluster."""
        return ("".join((*self._head, self._base, *self._marks)),) if self._base else ()

    def _hold(self, clusters: list[str]) -> None:
        """Take the last cluster away unless it is final, and give the first one its head."""
        head = self._head
        last = clusters.pop()
        if clusters and head:
            clusters[0] = "".join((*head, clusters[0]))
            head.clear()
        if _FINAL.match(last[-1]):
            clusters.append(last)
            self._base = ""
            self._is_plain = False
            return
        if len(last) > 1:
            found = _LAST_BASE.search(last)
            if found and found.start():
                head.append(last[: found.start()])
                last = last[found.start() :]
        self._base = last
        self._is_plain = not head and len(last) == 1 and last.isascii() and last != "\r"
