"""Text to sentences, each the moment it is certain."""

import re
import sys
import unicodedata
from collections.abc import Iterable

from rxstream.sansio.languages import rules_for
from rxstream.sansio.languages.ending import TERMINATORS, Verdict, judge
from rxstream.sansio.languages.layout import (
    BULLETS,
    LOOK_BACK,
    WHOLE_LINE,
    item_marker,
    judge_fenced_line,
    judge_item,
    judge_line,
)

__all__ = ("Sentences",)

_CANDIDATE = re.compile(rf"[{TERMINATORS}\n`){BULLETS}]")
_IN_CODE = re.compile(r"`+|\n")
_IN_FENCE = re.compile(r"\n")
_TICKS = re.compile(r"`+")
_TICKS_MOST = 64
_GAP = re.compile(r"\s*")
_VISIBLE = re.compile(r"\S")

# A backtick that nobody closes is an apostrophe or a slip: forget it after so many characters.
_CODE_MOST = 200

# What is kept at hand of a long sentence; what is older is put by, so that it is not copied again.
_AT_HAND = 1024
_LOOK_BACK = 256
# So much of a line shows whether it is a heading.
_LINE_HEAD = 8


class Sentences:
    """Cut text into sentences by the rules of ``language``.

    A sentence comes out when its terminator, what closes behind it and the beginning of the next word
    leave no doubt. A blank line ends a sentence always, and so does the end of a line before a list item,
    a heading, a quotation, a row of a table or a fence. Inline code and fenced code are not split.

    By default an item is a sentence without the white space around it. With ``keep_whitespace`` each item
    begins with the white space before the sentence, and that at the very end of the text is an item of its
    own: joining the items gives the text back. A sentence of more than ``max_chars`` characters is cut at its
    last white space before that, or, if it has none, right there.
    """

    __slots__ = (
        "_code",
        "_code_end",
        "_fence",
        "_head",
        "_hot",
        "_item",
        "_keep",
        "_look",
        "_max",
        "_old",
        "_old_size",
        "_pieces",
        "_room",
        "_rules",
        "_scan",
        "_text_begun",
        "_whole_line",
    )

    def __init__(
        self, *, language: str = "en", keep_whitespace: bool = False, max_chars: int | None = None
    ) -> None:
        if max_chars is not None and (type(max_chars) is not int or max_chars < 1):
            raise ValueError(
                f"max_chars must be a positive int (characters), or None for no limit; got {max_chars!r}"
            )
        self._rules = rules_for(language)
        self._keep = keep_whitespace
        self._max = max_chars
        # The sentence so far is _old + _pieces. _scan says how far into the joined pieces all is decided,
        # _hot that what stands there waits for what comes next.
        self._old: list[str] = []
        self._old_size = 0
        self._pieces: list[str] = []
        self._scan = 0
        self._hot = False
        # How many characters may be appended before something besides a candidate must be looked at.
        self._room = sys.maxsize if max_chars is None else max_chars - 1
        self._look = _CANDIDATE.search
        # Backticks that opened inline code, where it is given up; backticks of the fence we are in.
        self._code = 0
        self._code_end = 0
        self._fence = 0
        # Where the sentence's first visible character is, counted from its beginning; -1 is "not yet".
        self._head = -1
        self._text_begun = False
        self._whole_line = False
        # The list marker that would follow this sentence's own: ("2", ".") or ("b", ")").
        self._item: tuple[str, str] | None = None

    def feed(self, chunk: str, /) -> Iterable[str]:
        """Take the next characters; give the sentences that are certain now."""
        if self._hot or self._look(chunk):
            return self._advance(chunk)
        room = self._room - len(chunk)
        if room < 0:
            return self._advance(chunk)
        self._room = room
        self._pieces.append(chunk)
        return ()

    def close(self) -> Iterable[str]:
        """Give the last sentence, whole or not, and with ``keep_whitespace`` the white space behind it."""
        out = self._advance("", final=True)
        text = "".join((*self._old, *self._pieces))
        body = text.rstrip()
        if body:
            out.append(body if self._keep else body.lstrip())
        if self._keep and len(body) < len(text):
            out.append(text[len(body) :])
        self._old, self._pieces = [], []
        return out

    def _advance(self, chunk: str, *, final: bool = False) -> list[str]:
        """Look from candidate to candidate, as far as they can be judged."""
        self._pieces.append(chunk)
        text = "".join(self._pieces)
        size = len(text)
        out: list[str] = []
        start, scan = 0, self._scan
        hot = False
        while True:
            limit = self._limit(text, start)
            found = self._find(text, scan)
            scan = found.start() if found else size
            # White space in the last place settles it before the next character comes.
            if scan > limit or (scan == limit and (found or text[limit - 1].isspace())):
                start = self._cut(text, start, limit, out)
                scan = max(scan, start)
                continue
            if found is None:
                break
            verdict, position = self._judge(text, start, scan, final=final)
            if verdict is Verdict.WAIT and final:
                verdict, position = Verdict.GOES_ON, max(position, scan + 1)
            if position > limit:  # whatever the verdict is, or will be
                start = self._cut(text, start, limit, out)
                scan = max(scan, start)
                continue
            if text[scan] == "`" and verdict is Verdict.GOES_ON:
                self._pass_ticks(text, start, scan, position)
            if verdict is Verdict.ENDS or _fills(text, position, limit):
                if self._fence and verdict is Verdict.ENDS and position > scan:  # it is closed
                    self._set_mode()
                start = self._end(text, start, position, out)
                scan = max(scan, position)
            elif verdict is Verdict.GOES_ON:
                scan = position
            else:
                hot = True
                break
        self._hot = hot
        self._put_by(text, start, scan)
        return out

    def _find(self, text: str, scan: int) -> re.Match[str] | None:
        """Find the next candidate; give up on inline code that does not close in time."""
        if self._code:
            found = self._look(text, scan, self._code_end)
            if found or len(text) < self._code_end:
                return found
            scan = self._code_end
            self._set_mode()
        return self._look(text, scan)

    def _limit(self, text: str, start: int) -> int:
        """Tell where in the text at hand the sentence is too long, and where it begins to be visible."""
        if self._head < 0 and (visible := _VISIBLE.search(text, start)):
            self._head = self._old_size + visible.start() - start
        if self._max is None or self._head < 0:
            return sys.maxsize
        return start + self._head - self._old_size + self._max

    def _put_by(self, text: str, start: int, scan: int) -> None:
        """Keep what is undecided, and of the rest no more at hand than may be looked at again."""
        done = start
        if len(text) - start > _AT_HAND:
            done = max(start, scan - _LOOK_BACK)
            if self._head >= self._old_size:
                self._whole_line = WHOLE_LINE.match(text, start) is not None
            self._old.append(text[start:done])
            self._old_size += done - start
        self._pieces = [text[done:]]
        self._scan = scan - done
        self._code_end -= done
        size = len(text) - done
        self._room = self._code_end - size if self._code else sys.maxsize
        if self._max is not None:
            fits = self._max if self._head < 0 else self._head - self._old_size + self._max - size
            self._room = min(self._room, fits - 1)

    def _end(self, text: str, start: int, position: int, out: list[str]) -> int:
        """End the sentence at ``position``; give where in the text the next one begins."""
        old, old_size = "".join(self._old), self._old_size
        whole = (old + text[start : max(start, position)])[: old_size + position - start]
        body = whole.rstrip()
        out.append(body if self._keep else body.lstrip())
        rest = old[len(body) :]
        self._old, self._old_size = ([rest], len(rest)) if rest else ([], 0)
        visible = _VISIBLE.search(rest)
        self._head = visible.start() if visible else -1
        self._whole_line = bool(visible and WHOLE_LINE.match(rest + text[start : start + _LINE_HEAD]))
        self._item = None
        self._text_begun = True
        return start + max(0, len(body) - old_size)

    def _cut(self, text: str, start: int, limit: int, out: list[str]) -> int:
        """End a sentence that is too long; ``limit`` is the first character that does not fit."""
        whole = "".join(self._old) + text[start : limit + 1]
        body = whole[self._head :]
        fits = len(body) - 1
        if not body[-1].isspace():
            words = body.rsplit(None, 1)
            fits = len(words[0]) if len(words) > 1 else _between_marks(body, fits)
        return self._end(text, start, limit - (len(body) - 1 - fits), out)

    def _set_mode(self, *, code: int = 0, code_end: int = 0, fence: int = 0) -> None:
        self._code, self._code_end, self._fence = code, code_end, fence
        self._look = (_IN_CODE if code else _IN_FENCE if fence else _CANDIDATE).search

    def _judge(self, text: str, start: int, at: int, *, final: bool) -> tuple[Verdict, int]:
        char = text[at]
        begun = at - start + self._old_size - self._head  # how much of the sentence stands before it
        if self._fence:
            verdict, position = judge_fenced_line(text, at, self._fence)
            blank = position == at and (self._head < 0 or begun <= 0)
            return (Verdict.GOES_ON, at + 1) if blank and verdict is Verdict.ENDS else (verdict, position)
        if char == "\n":
            if self._code:
                self._set_mode()
            return self._judge_line(text, start, at, begun)
        if char == "`":
            most = at + _TICKS_MOST
            end = _TICKS.match(text, at, most).end()  # type: ignore[union-attr]
            return (Verdict.WAIT if end == len(text) and end < most else Verdict.GOES_ON), end
        if char in BULLETS:
            ends = begun > 0 and text[at - 1].isspace()
            return (Verdict.ENDS, at) if ends else (Verdict.GOES_ON, at + 1)
        if char in ".)":
            item = self._judge_marker(text, at, begun)
            if item is not None:
                return item
            if char == ")":
                return Verdict.GOES_ON, at + 1
        return judge(self._rules, text, start, at, final=final)

    def _judge_line(self, text: str, start: int, at: int, begun: int) -> tuple[Verdict, int]:
        if self._head < 0 or begun < 0:
            return Verdict.GOES_ON, at + 1
        whole = WHOLE_LINE.match(text, start) if self._head >= self._old_size else self._whole_line
        return (Verdict.ENDS, at) if whole else judge_line(text, at)

    def _pass_ticks(self, text: str, start: int, at: int, end: int) -> None:
        """Enter or leave code at the backticks from ``at`` to ``end``."""
        count = end - at
        if self._code:
            if count == self._code:
                self._set_mode()
        elif (
            count >= 3
            and at - start + self._old_size == self._head
            and (not self._text_begun or "\n" in text[max(start, at - LOOK_BACK) : at])
        ):
            self._set_mode(fence=count)
        else:
            self._set_mode(code=count, code_end=end + _CODE_MOST)

    def _judge_marker(self, text: str, at: int, begun: int) -> tuple[Verdict, int] | None:
        """Judge "1." and "b)": at a sentence's beginning a marker, later perhaps the next item's."""
        char = text[at]
        marks, label = item_marker(text, at - begun, at)
        if marks:
            if at + 1 == len(text):
                return Verdict.WAIT, at + 1
            if text[at + 1] in TERMINATORS:
                return None
            self._item = (label, char) if label else None
            return Verdict.GOES_ON, at + 1
        if self._item is None or self._item[1] != char:
            return None
        label = self._item[0]
        before = at - len(label)
        if begun <= len(label) or text[before:at] != label or not text[before - 1].isspace():
            return None
        return judge_item(text, before, at, self._rules.counted)


def _fills(text: str, position: int, limit: int) -> bool:
    """Tell whether white space fills the sentence up: then it is cut here if it does not end here."""
    if position > limit or len(text) < limit:
        return False
    gap = _GAP.match(text, position, limit + 1)
    return gap is not None and gap.end() >= max(limit, position + 1)


def _between_marks(text: str, at: int) -> int:
    """Move ``at`` back to where it does not part a letter from its marks, if there is such a place."""
    place = at
    while place > 0 and (
        unicodedata.combining(text[place])
        or text[place] in "\u200d\ufe0e\ufe0f"
        or text[place - 1] == "\u200d"
        or "\udc00" <= text[place] <= "\udfff"
    ):
        place -= 1
    return place or at
