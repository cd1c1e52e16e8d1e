"""The seam between an answer that broke off and the text that goes on with it."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

import regex

from rxstream.errors import AnswerChanged
from rxstream.sansio.graphemes import Graphemes

__all__ = ("Seam", "alike", "overlaps", "safe_prefix")

#: A character that asks for more: an emoji that ends in a joiner, the first half of a flag, the consonants
#: that begin a Hangul syllable, a virama that joins a consonant to the next one. (For ``\X`` of the ``regex``
#: package, by which our characters go, a virama joins whatever stands before it.)
_UNFINISHED: Final = regex.compile(
    r"(?:\p{ExtPict}\p{GCB=Extend}*+\u200d|(?<!\p{GCB=RI})\p{GCB=RI}|\p{GCB=L}"
    r"|(?<![\p{InCB=Extend}\p{InCB=Linker}])\p{InCB=Extend}*+\p{InCB=Linker}"
    r"[\p{InCB=Extend}\p{InCB=Linker}]*+)\Z"
)
#: A sign that is one character with whatever follows it, be it a space.
_PREPENDED: Final = regex.compile(r"\p{GCB=Prepend}")
_LAST_ASCII: Final = regex.compile(r"(?r)[\x00-\x7f]")

#: The last words of a text, as places in it.
_WORD: Final = re.compile(r"(?<!\S)\S")
_WORDS: Final = 8
_OVERLAP: Final = 400

#: A text that begins like the delivered one for so many characters, and then differs, is no continuation.
_BEGINS_ANEW: Final = 24


def safe_prefix(text: str) -> str:
    """Cut a text back to where a model can go on: not behind white space, not inside a character.

    Tokens mostly begin with the white space before a word. A model that is made to go on behind it takes up
    another thread, or repeats it; some providers drop it.

    However the text goes on, the prefix ends between two characters of it (graphemes, UAX #29). There is one
    thing that nobody can know: a whole text that goes on with a mark which joins any character (an accent,
    a joiner, a skin tone), or with more of a Hangul syllable that could be whole. What is cut off is white
    space, and of the rest at most one character and the signs that stand before it.
    """
    end = len(text)
    last = _last_character(text)
    if _UNFINISHED.search(last):
        end -= len(last)
    while end and (text[end - 1].isspace() or _PREPENDED.match(text, end - 1)):
        end -= 1
    return text[:end]


def overlaps(text: str) -> tuple[str, ...]:
    """Give what a model that was told to go on may say again: the last words, the last of them cut or not."""
    starts = [found.start() for found in _WORD.finditer(text, max(0, len(text) - _OVERLAP))][-_WORDS:]
    return tuple(text[start:] for start in starts if len(text) - start > 1)


class Seam:
    """Let pass what is new of a text that goes on behind ``sent``, and drop what was delivered already.

    ``sent``: what the model was told it had said; ``tail``: what had been delivered behind that. Dropped are,
    in this order: ``sent`` itself, if the model repeats it (``echo`` says whether it does; None: find out),
    or the longest of ``overlaps``; then ``tail``. Of the white space that a tail begins with only so much is
    dropped as comes again. Anything else must come again, or it is ``AnswerChanged``. So is a text that
    begins like ``sent`` and then ends or says something else, unless the model is known not to repeat.

    Held back is only what may still turn out to be a repetition.

    What cannot be told apart: an answer that says itself once more (``sent`` or one of ``overlaps``, where
    those may come) is taken for a repetition; so is white space that the answer has more of than ``tail``, if
    the server does not give the tail's again; and a text that begins anew and soon differs (behind fewer
    than 24 characters) is taken for the rest. With ``echo=False``, without ``overlaps``, from a server that
    goes on right behind ``sent``, what passes is exact, whatever the answer says.
    """

    __slots__ = ("_at", "_blank", "_may_begin_anew", "_open", "_repeated", "_sent", "_tail", "_tail_at")

    def __init__(
        self, sent: str, tail: str = "", *, echo: bool | None = None, overlaps: Sequence[str] = ()
    ) -> None:
        self._sent = sent
        self._tail = tail
        #: How much of the tail begins with white space, and how much of it has come again.
        self._blank = len(tail) - len(tail.lstrip())
        self._tail_at = 0
        #: What the new text may be a repetition of, all equal up to ``_at``; the longest that was whole.
        self._open: list[str] = [*overlaps]
        if echo is not False:
            self._open.append(sent)
        self._may_begin_anew = echo is not False
        self._at = 0
        self._repeated = 0

    def feed(self, text: str) -> Iterable[str]:
        """Take the next piece of the new text; give what is new of it."""
        if self._open:
            return self._find(text)
        if self._tail_at < len(self._tail):
            text = self._without_tail(text)
        return (text,) if text else ()

    def close(self) -> Iterable[str]:
        """Give what was held back; raise ``AnswerChanged`` if what must come again has not."""
        rest = self._decide(self._open[0][: self._at]) if self._open else ()
        if max(self._tail_at, self._blank) < len(self._tail):
            raise self._changed("")
        return rest

    def _find(self, text: str) -> tuple[str, ...]:
        """See whether the text goes on like something that was said before."""
        at = self._at
        going_on: list[str] = []
        for said in self._open:
            rest = len(said) - at
            if rest > len(text):
                if said.startswith(text, at):
                    going_on.append(said)
            elif text.startswith(said[at:]):
                self._repeated = max(self._repeated, len(said))
        if not going_on:
            return self._decide(self._open[0][:at] + text)
        self._at = at + len(text)
        self._open = going_on
        return ()

    def _decide(self, text: str) -> tuple[str, ...]:
        """Drop what the text repeats."""
        self._open = []
        sent = self._sent
        if self._may_begin_anew and self._repeated < len(sent):
            same = alike(text, sent)
            if same >= _BEGINS_ANEW and same > self._repeated:
                got = repr(text[same]) if same < len(text) else "the end"
                raise AnswerChanged(
                    f"asked to go on, the model began anew and then said something else: expected it to "
                    f"repeat {sent[same : same + 40]!r}, got {got}. Say how this server continues "
                    f'(continuation="none" if it cannot).',
                    delivered=sent[same:],
                    came=text[same:],
                )
        text = self._without_tail(text[self._repeated :])
        return (text,) if text else ()

    def _without_tail(self, text: str) -> str:
        """Return what of a text stands behind the tail."""
        tail = self._tail
        place = 0
        while place < len(text) and self._tail_at < len(tail):
            if text[place] == tail[self._tail_at]:
                place += 1
                self._tail_at += 1
            elif self._tail_at < self._blank:
                self._tail_at = self._blank
            else:
                raise self._changed(text[place:])
        return text[place:]

    def _changed(self, came: str) -> AnswerChanged:
        delivered = self._tail[max(self._tail_at, self._blank) :]
        return AnswerChanged(
            f"the model, asked to go on before the last character, did not repeat it: expected "
            f"{delivered[:40]!r}, got {repr(came[0]) if came else 'the end'}",
            delivered=delivered,
            came=came,
        )


def alike(one: str, other: str) -> int:
    """Count the characters that two texts begin with alike."""
    most = min(len(one), len(other))
    if one[:most] == other[:most]:
        return most
    return next(at for at in range(most) if one[at] != other[at])


def _last_character(text: str) -> str:
    # What goes before an ASCII character never matters to what follows it.
    found = _LAST_ASCII.search(text)
    graphemes = Graphemes()
    graphemes.feed(text if found is None else text[found.start() :])
    return "".join(graphemes.close())
